"""The watch: a fold of a session's rows into what is known of its signals in use. It decides nothing, and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.inuse import telling
from engine.inuse.prices import Prices
from engine.inuse.stale import Missing
from engine.inuse.watched import AT_OPEN, Watched
from engine.seen import FILLED
from engine.types import Floats

OPEN, CLOSE = 0, 3  # rows of a slice's bars
SLICE, WARM_UP, ACTION, FORECASTS, HAND_OVER = "slice", "warm-up", "action", "forecasts", "hand-over"


class Watch:
    """What rows have come to, signal by signal, in the order of the forecasts' rows."""

    def __init__(
        self,
        signals: Mapping[str, Any],
        order: Sequence[str],
        names: int,
        fill: str = "open",
        delay: int = 0,
        missing_open: str = "refuse",
    ) -> None:
        """`order`: signals as rows of forecasts have them; `names`: instruments; the others: of the run's orders and bars."""
        self.prices, self.missing, self.missing_open = Prices(names), Missing(names), missing_open
        self._before = np.full(names, np.nan)  # adjusted closes of the latest bars
        self.signals = [
            Watched(name, signals[name], signals[name].unit, FILLED[fill], 1 + delay)
            for name in order
            if name in signals
        ]
        self._by_name = {one.name: one for one in self.signals}
        self._slice: Mapping[str, Any] | None = None
        self._warm = False
        self.t, self.time = -1, 0

    def take(self, kind: str, body: Mapping[str, Any], signals: Mapping[str, Any] | None = None) -> None:
        """One row; `signals`: those that speak after a hand-over. Kinds that say nothing of a model are passed over."""
        if kind == ACTION:
            self.prices.act(body)
        elif kind in (SLICE, WARM_UP):
            self._slice, self._warm = body, kind == WARM_UP
        elif kind == FORECASTS and self._slice is not None:
            self._forecast(self._slice, np.asarray(body["values"], np.float64))
            self._slice = None
        elif kind == HAND_OVER and signals is not None and body["signal"] in self._by_name:
            self._by_name[body["signal"]].take_over(signals[body["signal"]])

    def _forecast(self, body: Mapping[str, Any], values: Floats) -> None:
        bars = np.asarray(body["bars"], np.float64)
        close = bars[CLOSE]
        adjusted = {"close_to_close": self.prices.adjusted(close, close)}
        adjusted["open_to_open"] = bars[OPEN] * self.prices.factor
        adjusted[AT_OPEN] = self._at_open(adjusted["open_to_open"], adjusted["close_to_close"])
        traded, member = np.isfinite(close), body.get("member")
        self.t, self.time = int(body["t"]), int(body["time"])
        if not self._warm:
            self.missing.add(close, body.get("empty"))
        for k, one in enumerate(self.signals):
            there = traded if member is None else traded & np.asarray(member, np.bool_)
            row = np.where(there, values[k], np.nan)
            prices = adjusted.get(one.prices, adjusted["close_to_close"])
            if self._warm:
                one.warm_up(row, prices)
            else:
                one.add(self.t, self.time, row, prices, there)

    def _at_open(self, opened: Floats, close: Floats) -> Floats:
        """(N,) adjusted prices at which orders for the open fill: where there is none, what `missing_open` puts in its place."""
        instead = {"previous_close": self._before, "close_fills": close}.get(self.missing_open)
        self._before = np.where(np.isfinite(close), close, self._before)
        return opened if instead is None else np.where(np.isfinite(opened) | ~np.isfinite(close), opened, instead)

    def conditions(self) -> dict[str, str]:
        """What speaks against a signal, or the bars, now: a short name -> a sentence."""
        out: dict[str, str] = {}
        for one in self.signals:
            out |= {f"{what} {one.name}": words for what, words in telling.complaints(one).items()}
        if self.missing.many:
            out["bars"] = f"{self.missing.count} names have had no bar for {self.missing.run} slices"
        return out

    def told(self) -> list[dict[str, Any]]:
        """Everything as plain data, a mapping per signal."""
        return [telling.told(one) for one in self.signals]
