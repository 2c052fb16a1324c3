"""The market of a session: what Market and Panel hold of the latest slices, grown by one row at a time.

Every derived row (adjusted prices, volatility for impact, ATRs) is worked out from its past alone, with the operations of
the panel's own functions in their order, so that each bit is the backtest's. Memory is bounded: when the arrays are full,
the rows that windows may still see move into fresh ones, and views given out before keep the old.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.account import read_only
from engine.assembly import VOLATILITY_BARS, deviation_of_past
from engine.live.feed import Action, Arrived
from engine.measures import Measures, deviation
from engine.shapes import Market
from engine.types import Floats, Ints, Universe, Window

LEAST = 512  # rows kept at once, or twice the longest window
LINES = ("times", "day", "last_of_day", "last_of_week", "last_of_month")
GRIDS = ("open", "high", "low", "close", "volume")


class GrowingMarket:
    """The latest rows; row 0 is slice `origin`, and `rows` of them are filled."""

    def __init__(self, universe: Universe, measures: Measures, impact: bool, longest: int, dated: bool) -> None:
        """`longest`: slices of the longest window; `dated`: whether slices carry members."""
        n = len(universe)
        self.universe, self.measures, self.impact, self.keep, self.dated = (
            universe,
            measures,
            impact,
            max(2, longest),
            dated,
        )
        self.rows, self.origin = 0, 0
        self.capacity = max(LEAST, 2 * self.keep)
        self.price, self.shares = np.ones(n), np.ones(n)  # forward factors so far
        self.waiting = [np.ones(n), np.zeros(n)]  # split and dividend of actions that wait for a bar
        self.seen = np.zeros(n, np.bool_)
        self.past = Past(n, measures, impact)
        self.lines: dict[str, Ints] = {}
        self.grids: dict[str, Floats] = {}
        self.adjusted: dict[str, Floats] = {}
        self._allocate()

    def _allocate(self) -> None:
        """Fresh arrays, with what windows may still see at their head."""
        n, cap = len(self.universe), self.capacity
        first = max(0, self.rows - self.keep)
        lines = {key: np.zeros(cap, np.int64) for key in LINES}
        grids = {key: np.full((cap, n), np.nan) for key in GRIDS}
        adjusted = {key: np.full((cap, n), np.nan) for key in GRIDS}
        volatility = np.zeros((cap if self.impact else 1, n))
        member = np.ones((cap if self.dated else 1, n), np.bool_)
        asked = len(self.measures.asked)
        measured = np.full((cap if asked else 1, asked, n), np.nan)
        if self.rows:
            kept = slice(first, self.rows)
            for key in LINES:
                lines[key][: self.rows - first] = self.lines[key][kept]
            for key in GRIDS:
                grids[key][: self.rows - first] = self.grids[key][kept]
                adjusted[key][: self.rows - first] = self.adjusted[key][kept]
            self.origin, self.rows = self.origin + first, self.rows - first
        self.lines, self.grids, self.adjusted = lines, grids, adjusted
        self.volatility, self.member, self.measured = volatility, member, measured
        none, empty = np.zeros(0, np.int64), np.zeros(0)
        alone = {
            "volatility": volatility,
            "member": member,
            "measures": measured,
            "action_first": np.zeros(cap + 1, np.int64),
        }
        acts = {"action_instrument": none, "action_split": empty, "action_dividend": empty}
        whole: dict[str, Any] = {**lines, **grids, **alone, **acts}
        self._views = Market(**{key: read_only(array) for key, array in whole.items()})
        self._seen_by_signals = {key: read_only(adjusted[key]) for key in GRIDS}
        self._times = read_only(lines["times"])

    @property
    def market(self) -> Market:
        """What the step reads; only the actions of the latest row are there."""
        return self._views

    def last_closes(self) -> Floats:
        """(N,) the latest close of each instrument among the rows that are kept, NaN where there is none."""
        close = self.grids["close"][: self.rows]
        known = ~np.isnan(close)
        latest = self.rows - 1 - np.argmax(known[::-1], axis=0)
        return np.where(known.any(axis=0), close[latest, np.arange(close.shape[1])], np.nan)

    def append(self, arrived: Arrived, actions: Sequence[Action]) -> bool:
        """Add a row; whether the arrays are new ones."""
        moved = self.rows == self.capacity
        if moved:
            self._allocate()
        k = self.rows
        told = (arrived.time, arrived.day, arrived.last_of_day, arrived.last_of_week, arrived.last_of_month)
        for key, value in zip(LINES, told, strict=True):
            self.lines[key][k] = int(value)
        for key, row in zip(GRIDS, arrived.bars, strict=True):
            self.grids[key][k] = row
        if self.dated:
            self.member[k] = True if arrived.member is None else arrived.member
        self._act(k, actions)
        self._adjust(k)
        bars = {key: self.adjusted[key][k] for key in GRIDS}
        if self.impact:
            self.volatility[k] = np.where(np.isnan(bars["close"]), 0.0, self.past.volatility())
        self.past.add(bars["high"], bars["low"], bars["close"])
        if self.measures.asked:
            self.measured[k] = self.past.measured
        self.rows = k + 1
        return moved

    def _act(self, k: int, actions: Sequence[Action]) -> None:
        """Put the actions of this slice where the step looks, in column order, and let those wait that need a bar."""
        entries = [
            (int(i), float(s), float(d))
            for a in actions
            for i, s, d in zip(a.instrument, a.split, a.dividend, strict=True)
        ]
        merged: dict[int, tuple[float, float]] = {}
        for i, split, dividend in entries:
            ratio, cash = merged.get(i, (1.0, 0.0))
            merged[i] = (ratio * split, cash / split + dividend)
        columns = sorted(merged)
        if not columns and not len(self._views.action_instrument):
            return
        first = np.zeros(self.capacity + 1, np.int64)
        first[k + 1 :] = len(columns)
        self._views = self._views._replace(
            action_first=read_only(first),
            action_instrument=read_only(np.array(columns, np.int64)),
            action_split=read_only(np.array([merged[i][0] for i in columns], np.float64)),
            action_dividend=read_only(np.array([merged[i][1] for i in columns], np.float64)),
        )
        ratio_of, cash_of = self.waiting
        for i in columns:
            if self.seen[i]:
                ratio_of[i] *= merged[i][0]
                cash_of[i] = cash_of[i] / merged[i][0] + merged[i][1]

    def _adjust(self, k: int) -> None:
        """The forward-adjusted row, as engine.data.adjust makes it."""
        close = self.grids["close"][k]
        here = np.isfinite(close)
        ratio, cash = self.waiting
        acts = here & ((ratio != 1.0) | (cash != 0.0))
        if acts.any():
            self.price[acts] *= ratio[acts] * (1.0 + cash[acts] / close[acts])
            self.shares[acts] *= ratio[acts]
            ratio[acts], cash[acts] = 1.0, 0.0
        self.seen |= here
        for key in GRIDS[:4]:
            self.adjusted[key][k] = self.grids[key][k] * self.price
        self.adjusted["volume"][k] = self.grids["volume"][k] / self.shares

    def window(self, length: int) -> Window:
        """The last `length` slices in forward-adjusted prices, read-only; fewer at the beginning."""
        rows = slice(max(0, self.rows - length), self.rows)
        return Window(self.universe.symbols, self._times[rows], *(self._seen_by_signals[key][rows] for key in GRIDS))

    @property
    def close(self) -> Floats:
        """(N,) as-traded closes of the latest slice."""
        row: Floats = self.grids["close"][self.rows - 1]
        return row


class Past:
    """The last bars of every instrument, those that exist, and what is measured on them."""

    def __init__(self, n: int, measures: Measures, impact: bool) -> None:
        spans = [window for kind, window in measures.asked if kind != "atr"] + ([VOLATILITY_BARS] if impact else [])
        self.asked = list(measures.asked)
        self.closes = np.full((max(spans, default=0) + 1, n), np.nan)  # row -1 is the latest
        self.measured = np.full((len(self.asked), n), np.nan)
        self.before = np.full(n, np.nan)
        self.mean, self.ranges = np.zeros((len(self.asked), n)), np.zeros(n, np.int64)

    def volatility(self) -> Floats:
        """(N,) for impact: of the returns before the bar to come, 0 before there are enough; only bars that exist count."""
        closes = self.closes[-(VOLATILITY_BARS + 1) :]
        full = ~np.isnan(closes[0])
        with np.errstate(invalid="ignore"):
            told = deviation_of_past(closes[1:] / closes[:-1] - 1.0)
        return np.where(full, told[0], 0.0)

    def add(self, high: Floats, low: Floats, close: Floats) -> None:
        """Take in a slice's adjusted bars and measure."""
        here = ~np.isnan(close)
        self._ranges(here, high, low, close)
        self.closes[:-1, here] = self.closes[1:, here]
        self.closes[-1, here] = close[here]
        for m, (kind, window) in enumerate(self.asked):
            if kind != "atr":
                out = np.full((window + 1, len(close)), np.nan)
                deviation(np.ascontiguousarray(self.closes[-(window + 1) :]), window, out)
                self.measured[m, here] = out[-1, here]
        self.before[here] = close[here]

    def _ranges(self, here: np.ndarray, high: Floats, low: Floats, close: Floats) -> None:
        """Wilder's averages, as engine.measures.wilder: one true range per bar after a name's first."""
        known = here & ~np.isnan(self.before)
        reach = np.abs(close - self.before)
        whole = known & ~(np.isnan(high) | np.isnan(low))
        reach[whole] = np.maximum(high[whole], self.before[whole]) - np.minimum(low[whole], self.before[whole])
        self.ranges[known] += 1
        for m, (kind, window) in enumerate(self.asked):
            if kind == "atr":
                mean = self.mean[m]
                begins, goes = known & (self.ranges <= window), known & (self.ranges > window)
                mean[begins] += reach[begins] / window
                mean[goes] += (reach[goes] - mean[goes]) / window
                full = known & (self.ranges >= window)
                self.measured[m, full] = mean[full] / close[full]
