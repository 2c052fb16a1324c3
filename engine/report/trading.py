"""Numbers of the trades: which instruments to draw, their candles with entries, exits and levels, and histograms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c
from engine.report import thinning
from engine.report.bars import Bars
from engine.report.scales import nice
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.facts import Facts

INSTRUMENTS = 6  # drawn, those with most trades
TRADES = 300  # drawn of each, the latest
WIDE = 3  # candles that a typical trade lasts at least, or the whole run is not drawn
CLOSED_LIKE = 0.5  # share of bars with a high and a low, below which a line of closes is drawn


@dataclass(frozen=True, slots=True)
class Marks:
    """Trades on one chart: places are numbers of candles, prices in the unit of the chart, NaN where not known."""

    entry: Ints
    entry_price: Floats
    exit: Ints  # -1: still open
    exit_price: Floats
    side: Ints
    returns: Floats
    reason: Ints  # engine.codes.REASON_*, 0 while open
    stop: Floats
    target: Floats


@dataclass(frozen=True, slots=True)
class Chart:
    """One instrument: K candles of `size` bars each, and its trades (`left_out` earlier ones are not drawn)."""

    symbol: str
    row: Ints  # (K,) slice of each candle's first bar
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    ranges: bool  # whether highs and lows are known; else only `close` is to be drawn
    size: int
    cut: bool  # whether only the latest stretch is drawn
    trades: int
    left_out: int
    adjusted: bool  # whether prices before a split were divided by it
    marks: Marks


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges; the outer bins hold what lies beyond them where `open_ended`."""

    edges: Floats
    count: Ints
    median: float
    mean: float
    open_ended: bool


def most_traded(facts: Facts, most: int = INSTRUMENTS) -> list[int]:
    """The instruments with most trades, most first; by symbol where they are equal."""
    count = np.bincount(facts.trades.instrument, minlength=len(facts.symbols))
    return [int(i) for i in np.argsort(-count, kind="stable")[:most] if count[i] > 0]


def chart(facts: Facts, bars: Bars, i: int) -> Chart | None:
    """What to draw of instrument `i`; None where it has no bar."""
    known = np.flatnonzero(np.isfinite(bars.close[:, i]))
    if len(known) == 0:
        return None
    scale = splits_ahead(facts, i)
    prices = [part[known, i] / scale[known] for part in (bars.open, bars.high, bars.low, bars.close)]
    ranges = float(np.mean(np.isfinite(prices[1]) & np.isfinite(prices[2]))) >= CLOSED_LIKE
    mine = np.flatnonzero(facts.trades.instrument == i)
    start, end = stretch(facts, mine, known)
    known, prices = known[start:end], [part[start:end] for part in prices]
    first, size = thinning.grouped(len(known))
    open, high, low, close = prices
    candles = thinning.candles(open, high, low, close, first)
    drawn = mine[facts.trades.entry_row[mine] >= known[0]][-TRADES:]
    marks = marks_of(facts, i, drawn, known[first], scale)
    left = len(mine) - len(drawn)
    rescaled = bool((scale != 1.0).any())
    return Chart(facts.symbols[i], known[first], *candles, ranges, size, start > 0, len(mine), left, rescaled, marks)


def stretch(facts: Facts, mine: Ints, known: Ints) -> tuple[int, int]:
    """Which of an instrument's bars to draw: all, or those up to its last trade that leave a trade WIDE candles."""
    whole, t = len(known), facts.trades
    size = thinning.grouped(whole)[1]
    wanted = max(1, int(np.median(t.bars_held[mine]) / WIDE)) if len(mine) else size
    if size <= wanted:
        return 0, whole
    last = int(np.searchsorted(known, np.max(np.where(t.is_open[mine], known[-1], t.exit_row[mine])), side="right"))
    length = wanted * thinning.CANDLES
    end = min(whole, last + length // 20)
    return max(0, end - length), end


def splits_ahead(facts: Facts, i: int) -> Floats:
    """(S,) product of the splits of an instrument after each slice: prices divided by it are in today's shares."""
    a = facts.actions
    steps = np.ones(len(facts.times) + 1)
    mine = (a.instrument == i) & np.isfinite(a.split)
    np.multiply.at(steps, a.row[mine], a.split[mine])
    return np.asarray(np.cumprod(steps[::-1])[::-1][1:])


def marks_of(facts: Facts, i: int, which: Ints, row: Ints, scale: Floats) -> Marks:
    """Trades `which` of instrument `i` as marks on candles that begin at slices `row`."""
    t = facts.trades
    entered, left, is_open = t.entry_row[which], t.exit_row[which], t.is_open[which]
    side, price = t.side[which].astype(np.float64), t.entry_price[which]
    exits = facts.config.get("exits")
    stop, target = (_fraction(exits, name) for name in ("stop_loss", "take_profit"))
    there = np.where(is_open, 0, left)
    return Marks(
        entry=np.maximum(np.searchsorted(row, entered, side="right") - 1, 0),
        entry_price=_met(facts, i, entered, first=True) / scale[entered],
        exit=np.where(is_open, -1, np.maximum(np.searchsorted(row, there, side="right") - 1, 0)),
        exit_price=np.where(is_open, np.nan, _met(facts, i, there, first=False) / scale[there]),
        side=t.side[which],
        returns=t.returns[which],
        reason=t.reason[which],
        stop=price * (1.0 - side * stop) / scale[entered],
        target=price * (1.0 + side * target) / scale[entered],
    )


def _fraction(exits: object, name: str) -> float:
    """A level of the configuration where it is a plain fraction of the entry, else NaN."""
    value = exits.get(name) if isinstance(exits, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _met(facts: Facts, i: int, rows: Ints, first: bool) -> Floats:
    """The price of the first (or last) fill of instrument `i` in each of `rows`, NaN where there is none."""
    f = facts.fills
    mine = np.flatnonzero((f.instrument == i) & (f.reason != c.REASON_SPLIT_CASH))
    if len(mine) == 0:
        return np.full(len(rows), np.nan)
    at = f.t[mine]
    place = np.searchsorted(at, rows, side="left" if first else "right") - (0 if first else 1)
    place = np.clip(place, 0, len(mine) - 1)
    return np.where(at[place] == rows, f.price[mine[place]], np.nan)


def histogram(values: Floats, whole: bool, bins: int = 24) -> Histogram | None:
    """Counts of (n,) values in equal bins up to their 98 % quantile, the rest in the last; None of fewer than 2."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return None
    low, high = (0.0 if whole else float(np.quantile(values, 0.01))), float(np.quantile(values, 0.98))
    step = nice((high - low) / bins, whole)
    edges = np.arange(np.floor(low / step), np.ceil((high + 1e-12) / step) + 1) * step
    edges = edges if len(edges) > 1 else np.array([edges[0], edges[0] + step])
    inside = np.clip(values, edges[0], None)
    place = np.minimum(((inside - edges[0]) / step + 1e-9).astype(np.int64), len(edges) - 2)
    count = np.bincount(place, minlength=len(edges) - 1).astype(np.int64)
    beyond = bool((values >= edges[-1] + (step if whole else 0.0)).any() or (values < edges[0]).any())
    return Histogram(edges, count, float(np.median(values)), float(values.mean()), beyond)
