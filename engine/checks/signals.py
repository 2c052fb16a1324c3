"""The contract of a signal, check by check, in the order in which an author mends: each one takes a Case, gives a Finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.checks.case import ASKED, Case, asked_of, case_of, unasked
from engine.checks.causal import causal_checks
from engine.checks.finding import Finding, alike, difference, place_of, same_bits
from engine.checks.markets import without
from engine.checks.subject import BARS, Subject, ask, loose, permuted, through_yaml, unfit, window_at
from engine.contracts import UNITS
from engine.errors import PluginError

if TYPE_CHECKING:
    from engine.panel import Panel

TELLING = (0.1, 10.0)  # a price forecast lies within these multiples of the last close, in the middle


def declared(subject: Subject) -> Finding:
    """A signal can be made, and has a window, a unit and a method forecast."""
    asked = f"window: slices, 1 or more; unit: {', '.join(UNITS)}; forecast(bars)"
    place = place_of(subject.code)
    if subject.factory is not None and subject.unset():
        need = ", ".join(subject.unset())
        return Finding("declares", False, asked, f"it needs {need}; give a default, or --set {need}=...", place)
    try:
        signal = subject.make()
    except Exception as error:
        return Finding("declares", False, asked, f"it refuses its arguments: {error}", place)
    for part in ("window", "unit", "forecast"):
        if not hasattr(signal, part):
            return Finding("declares", False, asked, f"it has no {part}", place)
    window, unit = signal.window, signal.unit
    if not isinstance(window, int) or isinstance(window, bool) or window < 1:
        return Finding("declares", False, asked, f"window is {window!r}", place)
    if unit not in UNITS:
        return Finding("declares", False, asked, f"unit is {unit!r}", place)
    for method in ("forecast", "forecast_panel"):
        if hasattr(signal, method) and not callable(getattr(signal, method)):
            return Finding("declares", False, asked, f"{method} is no method but {getattr(signal, method)!r}", place)
    return Finding("declares", True, asked, f"window {window}, unit {unit}", place)


def arguments(case: Case) -> Finding:
    """What a strategy file can say of the arguments makes the same signal."""
    asked, subject = "every argument can be written in YAML and makes the same signal when read back", case.subject
    place = place_of(subject.code)
    if subject.factory is None:
        return Finding("arguments", None, asked, "not asked: an object was given, not a class", place)
    given = subject.arguments()
    if (told := unfit(given)) is not None:
        return Finding("arguments", False, asked, told, place)
    read = through_yaml(given)
    try:
        first, second = subject.make(), subject.make(read)
    except Exception as error:
        return Finding("arguments", False, asked, f"made again with {read}, it says: {error}", place)
    if (first.window, first.unit) != (second.window, second.unit):
        came = f"window {first.window} became {second.window}, unit {first.unit} became {second.unit}"
        return Finding("arguments", False, asked, came, place)
    t, bars = len(case.clean) - 1, case.clean.adjusted
    try:
        one, two = case.at(first, bars, t), case.at(second, bars, t)
    except PluginError as error:
        return Finding("arguments", False, asked, f"made from {read}: {error}", place)
    found = difference(one, two, same_bits(one, two))
    if found is not None:
        told = found.told("as given it forecasts", "as read back")
        return Finding("arguments", False, asked, told, case.spot(found.column, t))
    return Finding("arguments", True, asked, ", ".join(f"{k}: {v}" for k, v in read.items()) or "it has none", place)


def shape(case: Case) -> Finding:
    """forecast gives (N,) float64, nothing infinite; forecast_panel (T, N)."""
    bars, t = case.clean.adjusted, len(case.clean) - 1
    n = len(bars.symbols)
    wanted = [("forecast", window_at(loose(bars), t, case.window), (n,))]
    if case.whole:
        wanted.append(("forecast_panel", loose(bars), bars.close.shape))
    asked = f"{' and '.join(f'{m}: {s}' for m, _, s in wanted)} float64, NaN where there is no view, never infinite"
    for method, given, size in wanted:
        came = ask(case.subject.make(), method, given)
        if not isinstance(came, np.ndarray):
            return Finding("shape", False, asked, f"{method} gave a {type(came).__name__}", case.place(method))
        if came.shape != size or came.dtype != np.float64:
            told = f"{method} gave shape {came.shape}, {came.dtype}"
            return Finding("shape", False, asked, told, case.place(method))
        if np.isinf(came).any():
            row, column = np.argwhere(np.atleast_2d(np.isinf(came)))[0]
            told = f"{method} gave {np.atleast_2d(came)[row, column]}"
            return Finding("shape", False, asked, told, case.spot(int(column), t if size == (n,) else int(row), method))
    return Finding("shape", True, asked, "as asked", case.place())


def inputs(case: Case) -> Finding:
    """The bars are as they were after the signal has seen them. It may write here; the engine's arrays refuse."""
    asked, bars = "the bars it is given are left as they are", case.clean.adjusted
    given, t = loose(bars), len(case.clean) - 1
    for method in ("forecast", *(("forecast_panel",) if case.whole else ())):
        ask(case.subject.make(), method, window_at(given, t, case.window) if method == "forecast" else given)
        for key in BARS:
            before, now = getattr(bars, key), getattr(given, key)
            found = difference(before, now, same_bits(before, now))
            if found is not None:
                told = f"{method} wrote into bars.{key}: {found.told('was', 'is')}; copy before you change"
                return Finding("inputs", False, asked, told, case.spot(found.column, found.row, method))
    return Finding("inputs", True, asked, "untouched", case.place())


def repeat(case: Case) -> Finding:
    """The same signal gives the same bits for the same window, and so does another one made alike."""
    asked, bars, t = (
        "the same window gives the same bits, again and from a fresh one",
        case.clean.adjusted,
        len(case.clean) - 1,
    )
    signal = case.subject.make()
    first = case.at(signal, bars, t)
    for words, again in (("asked again", signal), ("asked of a fresh one", case.subject.make())):
        second = case.at(again, bars, t)
        found = difference(first, second, same_bits(first, second))
        if found is not None:
            told = found.told("first", words) + "; unseeded chance, or a count of its calls?"
            return Finding("repeat", False, asked, told, case.spot(found.column, t))
    return Finding("repeat", True, asked, f"{first.size} values, bit for bit", case.place())


def permutation(case: Case) -> Finding:
    """Instruments in another order have their forecasts in that order, up to float noise."""
    asked, bars = "instruments in another order get the same forecasts in that order", case.clean.adjusted
    order = np.roll(np.arange(len(bars.symbols))[::-1], 2)
    mixed = permuted(bars, order)
    for t in case.rows(3):
        one, two = case.at(case.subject.make(), bars, t)[order], case.at(case.subject.make(), mixed, t)
        found = difference(one, two, alike(one, two))
        if found is not None:
            column = int(order[found.column])
            told = found.told(f"in column {column}", f"in column {found.column}") + "; does a column's number matter?"
            return Finding("permutation", False, asked, told, case.spot(column, int(t)))
    return Finding("permutation", True, asked, f"{len(order)} names, 3 windows", case.place())


def absent(case: Case) -> Finding:
    """A name without bars has no forecast, and takes nobody else's."""
    asked = "a name without a single bar gets NaN, and leaves the others their forecasts"
    n, t = len(case.clean.universe), len(case.clean) - 1
    whole = case.at(case.subject.make(), case.clean.adjusted, t)
    for column in range(min(n, ASKED)):
        blank = without(case.clean, column)
        came = case.at(case.subject.make(), blank.adjusted, t)
        where = case.spot(column, t)
        if not np.isnan(came[column]):
            return Finding("absent", False, asked, f"a forecast of {came[column]:.8g} from no bars", where)
        lost = int((np.isnan(came) & ~np.isnan(whole)).sum())
        if lost == n and n > 1:
            return Finding("absent", False, asked, f"all {n - 1} others lost theirs; use nanmean and the like", where)
    return Finding("absent", True, asked, f"each of {min(n, ASKED)} names blanked in turn", case.place())


def unit(case: Case) -> Finding:
    """A probability lies in 0 to 1; a price is one, and near the price."""
    signal = case.subject.make()
    asked = {
        "probability": "unit probability: every forecast within 0 to 1",
        "price": "unit price: forecasts above 0, near the last close",
    }.get(signal.unit, f"unit {signal.unit}: any number")
    bars, seen = case.clean.adjusted, 0
    for t in case.rows():
        values = case.at(signal, bars, int(t))
        known = ~np.isnan(values)
        low, high = {"probability": (0.0, 1.0), "price": (np.nextafter(0, 1), np.inf)}.get(
            signal.unit, (-np.inf, np.inf)
        )
        wrong = np.flatnonzero(known & ~((values >= low) & (values <= high)))
        if len(wrong):
            return Finding(
                "unit", False, asked, f"a forecast of {values[wrong[0]]:.6g}", case.spot(int(wrong[0]), int(t))
            )
        if signal.unit == "price" and known.any():
            ratio = float(np.median(values[known] / bars.close[t][known]))
            if not TELLING[0] <= ratio <= TELLING[1]:
                told = f"the middle forecast is {ratio:.3g} of the last close; is it a return?"
                return Finding("unit", False, asked, told, case.spot(int(np.flatnonzero(known)[0]), int(t)))
        seen += int(known.sum())
    return Finding("unit", True, asked, f"{seen} values", case.place())


def check_signal(
    signal: Any, *, params: Mapping[str, Any] | None = None, panel: Panel | None = None, seed: int = 0
) -> tuple[Finding, ...]:
    """The findings on a signal: a registered name, a class (made with `params`) or a ready object, on a made market or on
    `panel`. Every check of docs/checks.md is asked, in its order; one that cannot be is a Finding with passed None.
    """
    subject = Subject.of(signal, params, "barcast.signals")
    first = declared(subject)
    checks = (shape, inputs, repeat, arguments, permutation, absent, *causal_checks(), unit)
    if not first.passed:
        return (first, *(unasked(check.__name__, "what it declares is wrong") for check in checks))
    if getattr(subject.make(), "given_by_the_run", False):
        told = "its forecasts come with the run: audit a strategy file that uses it"
        return (first, *(unasked(check.__name__, told) for check in checks))
    case = case_of(subject, panel, seed)
    if len(case.clean) < case.window + 1:
        told = f"its window is {case.window} slices and the bars are {len(case.clean)}; give more"
        return (first, *(unasked(check.__name__, told) for check in checks))
    out = [first]
    for check in checks:
        out.append(asked_of(case, check))
        if check is shape and not out[-1].passed:
            rest = checks[checks.index(check) + 1 :]
            return (*out, *(unasked(later.__name__, "there is no forecast of the right shape yet") for later in rest))
    return tuple(out)
