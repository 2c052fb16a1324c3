"""A panel that goes on after its last slice along given prices: how a shock meets today's book.

A graft is told in ratios: what open, high, low and close of each new bar are to the close before it. The run over the longer
panel is the ordinary one, so stops, switches and the strategy itself answer as they would.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.data import calendars
from engine.errors import DataError
from engine.panel import Panel
from engine.types import Floats, Ints

MOST = 512  # slices a graft may have


class Graft(NamedTuple):
    """(H, N) ratios of each new bar to the close before it, NaN = no bar; volume in units."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def only(self, keep: np.ndarray) -> Graft:
        """The bars that `keep` (H, N) marks; the others are missing."""
        return Graft(*(np.where(keep, column, np.nan) for column in self))


def still(panel: Panel, slices: int) -> Graft:
    """Bars that stand where they are, with the mean volume of the last 20; no bar for a name without one at the end."""
    there = np.where(np.isnan(panel.close[-1]), np.nan, 1.0)
    flat = np.tile(there, (slices, 1))
    with np.errstate(invalid="ignore"):
        past = panel.volume[-20:]
        known = np.isfinite(past)
        mean = np.where(known, past, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    volume = np.tile(np.where(known.any(axis=0) & ~np.isnan(there), mean, np.nan), (slices, 1))
    return Graft(flat, flat.copy(), flat.copy(), flat.copy(), volume)


def moves(panel: Panel) -> list[Floats]:
    """(T, N) open, high, low and close over the last known close before, in forward-adjusted prices; volume. Row 0 is NaN."""
    bars = panel.adjusted
    rows = np.arange(len(panel))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(bars.close), 0, rows), axis=0)
    carried = np.take_along_axis(bars.close, last, axis=0)
    before = np.vstack((np.full((1, bars.close.shape[1]), np.nan), carried[:-1]))
    return [getattr(bars, key) / before for key in ("open", "high", "low", "close")] + [panel.volume]


def replay(panel: Panel, rows: slice) -> Graft:
    """The bars of `rows` as they were, in forward-adjusted prices, so that a split is no crash.

    A name without a bar there moves as the mean of those that have one; a missing open, high or low stays missing.
    """
    if rows.start < 1 or rows.stop <= rows.start:
        raise DataError(
            f"{panel.name}: slices {rows.start} to {rows.stop} cannot be replayed; there must be one before"
        )
    there = ~np.isnan(panel.close[-1])
    *ratios, volume = (column[rows] for column in moves(panel))
    gone = np.isnan(ratios[3])
    columns = []
    for ratio in ratios:
        known = np.isfinite(ratio)
        mean = np.where(known, ratio, 0.0).sum(1) / np.maximum(known.sum(1), 1)
        filled = np.where(gone & np.asarray(known.any(axis=1))[:, None], mean[:, None], ratio)
        columns.append(np.where(there, filled, np.nan))
    open_, high, low, close = _ordered(columns)
    return Graft(open_, high, low, close, np.where(there, volume, np.nan))


def _ordered(columns: list[Floats]) -> list[Floats]:
    """High and low widened to hold open and close: means of many names need not be ordered."""
    open_, high, low, close = columns
    return [open_, np.fmax(np.fmax(high, open_), close), np.fmin(np.fmin(low, open_), close), close]


def scaled(graft: Graft, factor: float) -> Graft:
    """Every log ratio moved away from its name's mean close-to-close one by `factor`: the drift stays, the deviations grow.

    One rising map per name for open, high, low and close, so that high stays above low and prices above 0.
    """
    logs = np.log(graft.close)
    known = ~np.isnan(logs)
    mean = np.where(known, logs, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    named = ("open", "high", "low", "close")
    return graft._replace(**{k: np.exp(mean + factor * (np.log(getattr(graft, k)) - mean)) for k in named})


def extended(panel: Panel, graft: Graft) -> Panel:
    """The panel with the graft's bars after its last slice, in its own prices, at the next times of its calendar."""
    slices, names = graft.close.shape
    if names != len(panel.universe) or not 0 < slices <= MOST:
        raise DataError(f"graft: expected 1 to {MOST} slices of {len(panel.universe)} names, got {slices} of {names}")
    before = panel.close[-1] * np.concatenate((np.ones((1, names)), np.cumprod(_held(graft.close), axis=0)[:-1]))
    bars = [np.vstack((getattr(panel, key), getattr(graft, key) * before)) for key in ("open", "high", "low", "close")]
    bars.append(np.vstack((panel.volume, graft.volume)))
    total = len(panel) + slices
    splits, dividends = np.ones((total, names)), np.zeros((total, names))
    a = panel.actions
    splits[a.row, a.instrument], dividends[a.row, a.instrument] = a.split, a.dividend
    member = None if panel.member is None else np.vstack((panel.member, np.tile(panel.member[-1], (slices, 1))))
    return Panel.from_arrays(
        panel.universe.symbols, np.concatenate((panel.times, times_after(panel, slices))), bars[0], bars[1], bars[2],
        bars[3], bars[4], splits, dividends,
        prices=panel.prices, calendar=panel.calendar, missing_open=panel.missing_open, universe=panel.universe,
        member=member, verify=False, name=panel.name,
    )  # fmt: skip


def _held(ratio: Floats) -> Floats:
    """Ratios with 1 where there is no bar: the price stands while nothing is traded."""
    return np.where(np.isnan(ratio), 1.0, ratio)


def times_after(panel: Panel, slices: int) -> Ints:
    """(slices,) closes after the panel's last: its calendar's sessions if daily, else its commonest step."""
    if not panel.is_daily():
        step = int(np.median(np.diff(panel.times)))
        return panel.times[-1] + step * np.arange(1, slices + 1, dtype=np.int64)
    last = panel.sessions[-1]
    exchange = calendars.sessions_of(panel.calendar, last, last + np.timedelta64(2 * slices + 30, "D"))
    if exchange is None:
        weekend = bool((~np.is_busday(panel.sessions)).any())
        steps = np.arange(1, slices + 1)
        dates = last + steps if weekend else np.busday_offset(last, steps, roll="backward")
    else:
        later = exchange.label[exchange.label > last]
        if len(later) < slices:
            raise DataError(f"{panel.name}: {panel.calendar} has no {slices} sessions after {last}; use fewer slices")
        dates = later[:slices]
    return calendars.closes(np.asarray(dates, "datetime64[D]"), exchange)[0]
