"""The pipeline under audit: what makes its forecasts and runs its account, as often as it takes, on bars of our choosing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.checks.subject import numbers, window_at
from engine.data.actions import Actions
from engine.data.building import frozen
from engine.types import Bools, Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.contracts import Signal
    from engine.panel import Panel
    from engine.record import Record

Road = Callable[..., "Record"]  # (config, panel, signals, forecasts, strategy, say), as engine.run.run_record
GRIDS = ("open", "high", "low", "close", "volume")
LINES = ("times", "days", "sessions", "last_of_day", "last_of_week", "last_of_month")


@dataclass(slots=True)
class Pipeline:
    """Configuration, bars and the forecasts that came with them; `road` runs the account."""

    config: Config
    panel: Panel
    given: Any
    strategy: Any
    road: Road
    seed: int
    raw: dict[str, Floats] = field(default_factory=dict)  # as the signals gave them
    forecasts: dict[str, Floats] = field(default_factory=dict)  # as the account reads them
    specimens: dict[str, Signal] = field(default_factory=dict)

    def signal(self, name: str) -> Signal:
        """A fresh signal that has seen nothing."""
        from engine import plugins
        from engine.forecasts import make_signal
        from engine.located import located

        spec = self.config.signals[name]
        factory = plugins.get("barcast.signals", spec.plugin)
        return make_signal(name, factory, located(name, factory, spec.params, self.config.base))

    def specimen(self, name: str) -> Signal:
        """A signal to ask for what it declares, never for a forecast: making one may mean loading a model."""
        if name not in self.specimens:
            self.specimens[name] = self.signal(name)
        return self.specimens[name]

    def window(self, name: str) -> int:
        """How many slices a signal must see."""
        return self.specimen(name).window

    def precomputed(self, name: str) -> bool:
        """Whether a signal's forecasts come from a file or with the run, and so cannot be made again."""
        return bool(getattr(self.specimen(name), "given_by_the_run", False))

    def whole(self, name: str) -> bool:
        """Whether a signal forecasts a panel at once."""
        return callable(getattr(self.specimen(name), "forecast_panel", None))

    def begin(self) -> None:
        """Make every forecast once, on the bars as they are."""
        from engine.forecasts import finish, forecast

        for name in self.config.signals:
            signal = self.specimen(name)
            if self.precomputed(name):
                self.forecasts[name] = forecast(name, signal, self.config, self.panel, self.given)
                continue
            self.raw[name] = self.all(name, self.panel)
            panel, raw = self.panel, self.raw[name].copy()
            told = (panel.universe.symbols, panel.close, panel.adjusted.close)
            self.forecasts[name] = finish(name, raw, signal.unit, *told)

    def all(self, name: str, panel: Panel) -> Floats:
        """(T, N) what a fresh signal says of every slice: in one piece where it can, else window by window."""
        signal, bars = self.signal(name), panel.adjusted
        if self.whole(name):
            out = numbers(signal, "forecast_panel", bars, bars.close.shape)
            out[: signal.window - 1] = np.nan
            return out
        out = np.full(bars.close.shape, np.nan)
        for t in range(signal.window - 1, len(panel)):
            out[t] = numbers(signal, "forecast", window_at(bars, t, signal.window), out.shape[1:])
        return out

    def at(self, signal: Signal, panel: Panel, t: int) -> Floats:
        """(N,) what `signal` says of the window that ends at `t`."""
        return numbers(signal, "forecast", window_at(panel.adjusted, t, signal.window), (len(panel.universe),))

    def run(
        self, panel: Panel, forecasts: Mapping[str, Floats], config: Config | None = None, strategy: Any = None
    ) -> Record:
        """The record of the account over `panel` under `forecasts`, from a fresh start."""
        from engine.run import make_signals

        own = self.config if config is None else config
        chosen = copy.deepcopy(self.strategy) if strategy is None else strategy
        return self.road(own, panel, make_signals(own), dict(forecasts), chosen, lambda text: None)


def head(panel: Panel, rows: int) -> Panel:
    """The first `rows` slices."""
    return part(panel, 0, min(rows, len(panel)))


def part(panel: Panel, start: int, stop: int) -> Panel:
    """Rows start to stop of `panel` as they stand, with the actions among them."""
    rows, a = slice(start, stop), panel.actions
    keep = (a.row >= start) & (a.row < stop)
    actions = Actions.of(a.row[keep] - start, a.instrument[keep], a.split[keep], a.dividend[keep], stop - start)
    arrays = {key: frozen(getattr(panel, key)[rows]) for key in (*GRIDS, *LINES)}
    arrays["days"] = frozen(arrays["days"] - arrays["days"][0])
    member = None if panel.member is None else frozen(panel.member[rows])
    return replace(panel, actions=actions, member=member, **arrays)


def plain(panel: Panel) -> Panel:
    """The same bars with the actions already in the prices: what signals see, whatever row it begins on."""
    a = panel.adjusted
    return replace(panel, actions=Actions.none(len(panel)), **{key: frozen(getattr(a, key)) for key in GRIDS})


def listed(panel: Panel) -> tuple[Ints, Ints]:
    """(N,) rows of each name's first and last bar; T and -1 for a name without any."""
    exists: Bools = ~np.isnan(panel.close)
    some = exists.any(axis=0)
    first = np.where(some, exists.argmax(axis=0), len(exists))
    last = np.where(some, len(exists) - 1 - exists[::-1].argmax(axis=0), -1)
    return first.astype(np.int64), last.astype(np.int64)
