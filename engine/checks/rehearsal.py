"""A strategy on a made run: what it was shown, what it wanted, and what the account became of it."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import PCG64, Generator

from engine.checks.finding import place_of, place_of_error, slice_of
from engine.checks.subject import Subject
from engine.contracts import AccountView, Snapshot
from engine.errors import PluginError
from engine.types import Codes, Fills, Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel

Touched = tuple[int, str, int, float, float]  # slice, array, column, was, is
FIRST = "f"  # the forecast that is always there


@dataclass(slots=True)
class Trace:
    """A rehearsed run. `answers` and `snapshots` are empty where the strategy is compiled."""

    fills: Fills
    codes: Codes
    equity: Floats
    answers: list[Any]
    snapshots: list[Snapshot]
    touched: Touched | None


class Heard(dict[str, Floats]):
    """Forecasts by name that are made up when a name is asked for, and so become known."""

    def __init__(self, case: Rehearsal, t: int, known: Mapping[str, Floats]) -> None:
        super().__init__({name: values[t].copy() for name, values in known.items()})
        self.case, self.t = case, t

    def __missing__(self, name: str) -> Floats:
        made = self.case.forecasts.setdefault(name, made_forecasts(self.case, name))
        self[name] = made[self.t].copy()
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]


@dataclass(slots=True)
class Recorder:
    """A strategy that asks another one, and keeps what it was shown and what it said."""

    inner: Any
    case: Rehearsal
    known: Mapping[str, Floats]
    answers: list[Any] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    touched: Touched | None = None

    def target(self, now: Snapshot) -> Floats:
        shown = replace(now, forecasts=Heard(self.case, now.t, self.known))
        kept = snapshot_copy(shown)
        answer = self.case.ask(self.inner, shown)
        self.snapshots.append(replace(kept, forecasts={**snapshot_copy(shown).forecasts, **kept.forecasts}))
        self.answers.append(copy.copy(answer))
        if self.touched is None:
            self.touched = touched(now.t, kept, shown)
        array = np.asarray(answer, dtype=np.float64)
        fits = array.shape == now.tradable.shape and not np.isinf(array).any()
        return array if fits else np.full(now.tradable.shape, np.nan)  # the check of the shape says so in its own words


@dataclass(slots=True)
class Rehearsal:
    """A strategy under check, its made bars and forecasts, and its first run."""

    subject: Subject
    panel: Panel
    unit: str
    seed: int
    forecasts: dict[str, Floats] = field(default_factory=dict)
    base: Trace = field(init=False)

    @property
    def python(self) -> bool:
        """Whether it is asked by target(now); else it is a compiled rule from a builder."""
        return self.subject.factory is None or isinstance(self.subject.factory, type)

    def begin(self) -> None:
        """Find the forecasts it asks for, then run it on them."""
        self.forecasts[FIRST] = made_forecasts(self, FIRST)
        if self.python:
            self.run()
        self.base = self.run()

    def config(self, params: Mapping[str, Any] | None = None) -> Config:
        """A strategy file without costs around it; `params` replace the given arguments."""
        from engine.config import load

        given = self.subject.params if params is None else params
        rule = {"rule": "threshold", "confidence": 0.0} if self.python else {**given, "rule": self.subject.name}
        signals = {FIRST: {"plugin": "precomputed", "unit": self.unit}}
        data = {"source": "packaged", "name": "sp500"}
        told = {"name": "check", "data": data, "signals": signals, "strategy": {"signal": FIRST, **rule}}
        return load({**told, "execution": {"lot": 0}})

    def said(self) -> dict[str, Any]:
        """The arguments of a compiled rule, defaults included, as its strategy file resolves them."""
        out = dict(self.config().resolved()["strategy"])
        return {key: value for key, value in out.items() if key not in ("rule", "signal") and value is not None}

    def fresh(self, params: Mapping[str, Any] | None = None) -> Any:
        """A strategy that has seen nothing."""
        if self.python:
            return self.subject.make(params)
        return self.subject.factory(self.config(params), len(self.panel.universe), self.unit)

    def run(
        self,
        panel: Panel | None = None,
        forecasts: Mapping[str, Floats] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Trace:
        """A whole run of a fresh strategy."""
        from engine.run import engine_of, make_signals, record_of

        bars, known = self.panel if panel is None else panel, dict(self.forecasts if forecasts is None else forecasts)
        config, strategy = self.config(params), self.fresh(params)
        recorder = Recorder(strategy, self, known) if self.python else None
        engine = engine_of(config, bars, make_signals(config), known, strategy if recorder is None else recorder)
        engine.run()
        record = record_of(engine, bars, known, config.capital, 0.0)
        answers, snapshots, seen = (
            ([], [], None)
            if recorder is None
            else (
                recorder.answers,
                recorder.snapshots,
                recorder.touched,
            )
        )
        return Trace(record.fills, record.codes, record.equity, answers, snapshots, seen)

    def ask(self, strategy: Any, now: Snapshot) -> Any:
        """What it wants; PluginError with the place in its code where it failed."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return strategy.target(now)
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}".splitlines()[0]
            at = place_of_error(error)
            raise PluginError(f"target(now) raised {told} at slice {now.t}" + (f", {at}" if at else "")) from error

    def warmed(self, t: int) -> tuple[Any, Floats]:
        """A strategy that has seen the slices before `t`, and what it wants at `t`."""
        strategy = self.fresh()
        for snapshot in self.base.snapshots[:t]:
            self.ask(strategy, snapshot_copy(snapshot))
        return strategy, np.asarray(self.base.answers[t], np.float64)

    def copy_of(self, strategy: Any) -> Any:
        return copy.deepcopy(strategy)

    def with_forecast(self, now: Snapshot, column: int, value: float) -> Snapshot:
        """The snapshot with one name's forecasts, of every signal, set to `value`."""
        out = snapshot_copy(now)
        for values in out.forecasts.values():
            values[column] = value
        return out

    def place(self) -> str:
        return place_of(self.subject.code, "target" if self.python else "")

    def spot(self, column: int | None, t: int) -> str:
        """Symbol, slice and where to look."""
        name = "" if column is None else f"{self.panel.universe.symbols[column]}, "
        return f"{name}{slice_of(self.panel, t)}; {self.place()}"


def made_forecasts(case: Rehearsal, name: str) -> Floats:
    """(T, N) forecasts without a tie, NaN where there is no bar; the name and the seed fix every bit."""
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    draw = Generator(PCG64([case.seed, word]))
    shape = case.panel.close.shape
    values = draw.random(shape) if case.unit == "probability" else 0.02 * draw.standard_normal(shape)
    return np.where(np.isnan(case.panel.close), np.nan, values)


def arrays_of(now: Snapshot) -> dict[str, np.ndarray]:
    """Every (N,) array that a snapshot shows, by the name it has there."""
    out = {f"forecasts[{name!r}]": values for name, values in now.forecasts.items()}
    out |= {f"slice.{key}": getattr(now.slice, key) for key in ("open", "high", "low", "close", "volume")}
    own = {f.name: getattr(now.account, f.name) for f in fields(AccountView)}
    out |= {f"account.{key}": value for key, value in own.items() if isinstance(value, np.ndarray)}
    return out | {"member": now.member, "tradable": now.tradable, "sector": now.sector}


def mapped(now: Snapshot, change: Any) -> Snapshot:
    """The snapshot with `change` applied to every (N,) array."""
    own = {f.name: getattr(now.account, f.name) for f in fields(AccountView)}
    account = {key: change(value) for key, value in own.items() if isinstance(value, np.ndarray)}
    bars = {key: change(getattr(now.slice, key)) for key in ("open", "high", "low", "close", "volume")}
    return replace(
        now,
        slice=replace(now.slice, **bars),
        forecasts={name: change(values) for name, values in now.forecasts.items()},
        account=replace(now.account, **account),
        member=change(now.member),
        tradable=change(now.tradable),
        sector=change(now.sector),
    )


def snapshot_copy(now: Snapshot) -> Snapshot:
    """The snapshot with arrays of its own."""
    return mapped(now, np.copy)


def rearranged(now: Snapshot, order: np.ndarray) -> Snapshot:
    """The snapshot with its instruments in another order."""
    out = mapped(now, lambda values: values[order].copy())
    return replace(out, symbols=tuple(now.symbols[i] for i in order))


def touched(t: int, before: Snapshot, after: Snapshot) -> Touched | None:
    """The first cell of a snapshot that is not what it was."""
    old, new = arrays_of(before), arrays_of(after)
    for name, values in old.items():
        same = (values == new[name]) | ((values != values) & (new[name] != new[name]))
        if not same.all():
            i = int(np.flatnonzero(~same)[0])
            return t, name, i, float(values[i]), float(new[name][i])
    return None
