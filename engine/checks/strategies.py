"""The contract of a strategy, check by check: on its targets where it is written in Python, on its fills where it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.checks.case import asked_of, unasked
from engine.checks.finding import Finding, alike, difference, place_of
from engine.checks.markets import market
from engine.checks.poison import KINDS, WORDS, after, poison, spoilt
from engine.checks.rehearsal import Rehearsal, rearranged
from engine.checks.subject import Subject, through_yaml, unfit
from engine.checks.traces import rename, told_apart, unlike
from engine.errors import BarcastError

if TYPE_CHECKING:
    from engine.panel import Panel

SLICES = 160
CUTS = 3
EXAMPLES = {"threshold": {"confidence": 0.0}}  # arguments that have no default, for the rules of ours


def declared(subject: Subject, made: Rehearsal) -> Finding:
    """A strategy can be made and offers target(now), or is a compiled rule that its builder makes."""
    asked = "a class with target(now), or a builder of a compiled rule, that takes its arguments"
    place = place_of(subject.code)
    if subject.factory is not None and made.python and subject.unset():
        need = ", ".join(subject.unset())
        return Finding("declares", False, asked, f"it needs {need}; give a default, or --set {need}=...", place)
    try:
        made.fresh()
    except Exception as error:
        return Finding("declares", False, asked, f"it cannot be made: {error}", place)
    if made.python and not callable(getattr(made.fresh(), "target", None)):
        return Finding("declares", False, asked, "it has no method target(now)", place)
    return Finding("declares", True, asked, "target(now)" if made.python else "a compiled rule", place)


def arguments(case: Rehearsal) -> Finding:
    """What a strategy file can say of the arguments makes the same decisions."""
    asked, subject = "every argument can be written in YAML and decides the same when read back", case.subject
    place = place_of(subject.code)
    if subject.factory is None:
        return Finding("arguments", None, asked, "not asked: an object was given, not a class", place)
    given = subject.arguments() if case.python else case.said()
    if (told := unfit(given)) is not None:
        return Finding("arguments", False, asked, told, place)
    read = through_yaml(given)
    try:
        again = case.run(params=read)
    except Exception as error:
        return Finding("arguments", False, asked, f"made again with {read}, it says: {error}", place)
    found = told_apart(case.base, again, case.panel, len(case.panel))
    if found is not None:
        return Finding("arguments", False, asked, f"as read back {found[0]}", f"{found[1]}; {place}")
    return Finding("arguments", True, asked, ", ".join(f"{k}: {v}" for k, v in read.items()) or "it has none", place)


def shape(case: Rehearsal) -> Finding:
    """target(now) gives (N,) float64 with nothing infinite, on every slice."""
    n, place = len(case.panel.universe), case.place()
    asked = f"target: ({n},) float64, NaN to leave alone, never infinite"
    if not case.python:
        return Finding("shape", True, asked, "its signature writes into such an array", place)
    for t, answer in enumerate(case.base.answers):
        if not isinstance(answer, np.ndarray):
            return Finding("shape", False, asked, f"it gave a {type(answer).__name__}", case.spot(None, t))
        if answer.shape != (n,) or answer.dtype != np.float64:
            return Finding("shape", False, asked, f"it gave shape {answer.shape}, {answer.dtype}", case.spot(None, t))
        if np.isinf(answer).any():
            i = int(np.flatnonzero(np.isinf(answer))[0])
            return Finding("shape", False, asked, f"it gave {answer[i]}", case.spot(i, t))
    return Finding("shape", True, asked, f"{len(case.base.answers)} slices", place)


def inputs(case: Rehearsal) -> Finding:
    """The snapshot is as it was after the strategy has seen it."""
    asked = "what it is shown is left as it is"
    if not case.python:
        return Finding("inputs", True, asked, "its signature gets read-only arrays", case.place())
    if case.base.touched is not None:
        t, name, column, was, now = case.base.touched
        told = f"target(now) wrote into {name}: was {was:.8g}, is {now:.8g}; copy before you change"
        return Finding("inputs", False, asked, told, case.spot(column, t))
    return Finding("inputs", True, asked, f"{len(case.base.answers)} snapshots untouched", case.place())


def repeat(case: Rehearsal) -> Finding:
    """A fresh strategy on the same run decides the same, bit for bit."""
    asked = "a fresh one on the same bars and forecasts decides the same, bit for bit"
    found = told_apart(case.base, case.run(), case.panel, len(case.panel))
    if found is not None:
        told = f"run again {found[0]}; unseeded chance, or state shared between runs?"
        return Finding("repeat", False, asked, told, f"{found[1]}; {case.place()}")
    return Finding("repeat", True, asked, f"{len(case.base.fills)} fills, {len(case.panel)} slices", case.place())


def permutation(case: Rehearsal) -> Finding:
    """Names in another order are decided alike. Forecasts here have no ties: a rule may break those by symbol."""
    asked = "names in another order get the same targets in that order (no ties among forecasts)"
    if getattr(case.fresh(), "symmetric", True) is False:
        return Finding("permutation", None, asked, "not asked: it declares symmetric = False", case.place())
    n = len(case.panel.universe)
    order = np.roll(np.arange(n)[::-1], 2)
    if not case.python:
        return _renamed(case, asked, order)
    strategy = case.fresh()
    for t, (snapshot, answer) in enumerate(zip(case.base.snapshots, case.base.answers, strict=True)):
        came = case.ask(strategy, rearranged(snapshot, order))
        found = difference(answer[order], came, alike(answer[order], came))
        if found is not None:
            told = found.told(f"in column {order[found.column]} its target is", f"in column {found.column}")
            return Finding("permutation", False, asked, told, case.spot(int(order[found.column]), t))
    return Finding("permutation", True, asked, f"{n} names, {len(case.base.answers)} slices", case.place())


def _renamed(case: Rehearsal, asked: str, order: np.ndarray) -> Finding:
    """A compiled rule sees columns in the order of symbols, so the same bars go by other names."""
    panel, forecasts, back = rename(case.panel, case.forecasts, order)
    trace = case.run(panel, forecasts)
    found = unlike(case.base, trace, back, case.panel)
    if found is not None:
        return Finding("permutation", False, asked, found[0], f"{found[1]}; {case.place()}")
    return Finding("permutation", True, asked, f"{len(order)} names, {len(trace.fills)} fills", case.place())


def unknown(case: Rehearsal) -> Finding:
    """A name whose forecast is not known is not entered because of it, and takes nobody else's target."""
    asked = "a name without a forecast is not entered for it (NaN or 0), and the others keep their targets"
    if case.python:
        return _unknown_in_python(case, asked)
    for i in range(len(case.panel.universe)):
        blank = {name: values.copy() for name, values in case.forecasts.items()}
        for values in blank.values():
            values[:, i] = np.nan
        trace = case.run(case.panel, blank)
        bought = np.flatnonzero(trace.fills.instrument == i)
        if len(bought):
            k = int(bought[0])
            told = f"never a forecast, and still {trace.fills.quantity[k]:.8g} of it filled"
            return Finding("unknown", False, asked, told, case.spot(i, int(trace.fills.t[k])))
        if not len(trace.fills) and len(case.base.fills):
            return Finding("unknown", False, asked, "without its forecast nobody trades", case.spot(i, 0))
    return Finding("unknown", True, asked, f"each of {len(case.panel.universe)} names in turn", case.place())


def _unknown_in_python(case: Rehearsal, asked: str) -> Finding:
    for t in range(0, len(case.base.snapshots), 8):
        snapshot = case.base.snapshots[t]
        strategy, usual = case.warmed(t)
        for i in np.flatnonzero((snapshot.account.quantity == 0.0) & snapshot.tradable):
            hidden, loud = (case.with_forecast(snapshot, int(i), value) for value in (np.nan, 1e3))
            came = case.ask(case.copy_of(strategy), hidden)
            if np.isfinite(came[i]) and came[i] != 0.0:
                heard = case.ask(case.copy_of(strategy), loud)
                quiet = case.ask(case.copy_of(strategy), case.with_forecast(snapshot, int(i), -1e3))
                if heard[i] != came[i] or quiet[i] != came[i]:  # else it does not listen to forecasts at all
                    told = f"its forecast is NaN and its target {came[i]:.8g}"
                    return Finding("unknown", False, asked, told, case.spot(int(i), t))
            others = np.arange(len(came)) != i
            if np.isfinite(usual[others]).any() and not np.isfinite(came[others]).any():
                told = "one NaN among the forecasts and nobody has a target; use nanmean, np.isnan and the like"
                return Finding("unknown", False, asked, told, case.spot(int(i), t))
    return Finding("unknown", True, asked, f"{len(case.base.snapshots) // 8} slices, name by name", case.place())


def future(case: Rehearsal) -> Finding:
    """Bars and forecasts after a slice change no decision, fill or equity up to it."""
    asked = "what comes after a slice changes no decision taken on it, nor the fills that follow from that"
    rows = len(case.panel)
    for t in (int(row) for row in np.linspace(rows // 4, rows - 10, CUTS)):
        for kind in KINDS:
            # The bar that the orders of slice t meet stays, so that the fills on it show what was decided on t.
            panel = poison(case.panel, after(case.panel, t + 1), kind, case.seed)
            forecasts = {name: spoilt(values, t, kind) for name, values in case.forecasts.items()}
            found = told_apart(case.base, case.run(panel, forecasts), case.panel, t + 1, t + 2)
            if found is not None:
                told = f"forecasts after slice {t} and bars after slice {t + 1} {WORDS[kind]}: {found[0]}"
                return Finding("future", False, asked, told, f"{found[1]}; {case.place()}", "future")
    return Finding("future", True, asked, f"{CUTS} slices x {len(KINDS)} poisons", case.place())


CHECKS = (shape, inputs, repeat, arguments, future, permutation, unknown)


def check_strategy(
    strategy: Any,
    *,
    params: Mapping[str, Any] | None = None,
    panel: Panel | None = None,
    unit: str = "return",
    seed: int = 0,
) -> tuple[Finding, ...]:
    """The findings on a strategy: a registered name, a class or builder (made with `params`) or a ready object.

    It is rehearsed on a made market, or on `panel`, with made forecasts of `unit` under every name it asks for.
    """
    subject = Subject.of(strategy, {**EXAMPLES.get(str(strategy), {}), **(params or {})}, "barcast.strategies")
    case = Rehearsal(subject, market(SLICES, seed) if panel is None else panel, unit, seed)
    first = declared(subject, case)
    if not first.passed:
        return (first, *(unasked(check.__name__, "it cannot be made") for check in CHECKS))
    try:
        case.begin()
    except BarcastError as error:
        failed = Finding(
            "shape", False, "it decides every slice of a made run", str(error.__cause__ or error), case.place()
        )
        return (first, failed, *(unasked(c.__name__, "it did not get through a run") for c in CHECKS if c is not shape))
    out = [first]
    for check in CHECKS:
        out.append(asked_of(case, check))
        if check is shape and not out[-1].passed:
            rest = CHECKS[CHECKS.index(check) + 1 :]
            return (*out, *(unasked(later.__name__, "there is no target of the right shape yet") for later in rest))
    return tuple(out)
