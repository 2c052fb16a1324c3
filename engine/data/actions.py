"""Splits and dividends: gathered, checked against the prices, turned into cash per new share in the price's unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.data.words import some
from engine.errors import DataError
from engine.types import Bools, Floats, Ints

HUGE = 0.5  # of the close before, from which a dividend is told whatever the price then did
VISIBLE = 0.2  # |log ratio| from which a split must show: below it an ordinary day can hide it


@dataclass(frozen=True, slots=True)
class Actions:
    """Corporate actions, sorted by row and instrument, one entry each; those of row t are first[t] : first[t + 1].

    A split is new shares per old (1 none); a dividend is cash per NEW share, in the price's unit (0 none).
    """

    row: Ints  # (A,)
    instrument: Ints  # (A,)
    split: Floats  # (A,)
    dividend: Floats  # (A,)
    first: Ints  # (T + 1,)

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def of(cls, row: Ints, instrument: Ints, split: Floats, dividend: Floats, slices: int) -> Actions:
        """Actions from entries in the order they happened; several on one row and instrument become one."""
        order = np.lexsort((instrument, row))
        row, instrument, split, dividend = row[order], instrument[order], split[order], dividend[order]
        row, instrument, split, dividend = _merged(row, instrument, split, dividend)
        columns = (
            row.astype(np.int64),
            instrument.astype(np.int64),
            split.astype(np.float64),
            dividend.astype(np.float64),
            np.searchsorted(row, np.arange(slices + 1)).astype(np.int64),
        )
        for column in columns:
            column.flags.writeable = False
        return cls(*columns)

    @classmethod
    def none(cls, slices: int) -> Actions:
        """No actions at all over `slices` slices."""
        ints, floats = np.empty(0, np.int64), np.empty(0)
        return cls.of(ints, ints, floats, floats, slices)


def _merged(row: Ints, instrument: Ints, split: Floats, dividend: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """One entry per (row, instrument): ratios multiply, and earlier cash is restated per share of the last ratio."""
    same = (row[1:] == row[:-1]) & (instrument[1:] == instrument[:-1])
    if not same.any():
        return row, instrument, split, dividend
    keep = np.flatnonzero(np.r_[True, ~same])
    ratio, cash = split[keep].copy(), dividend[keep].copy()
    slot = np.cumsum(np.r_[True, ~same]) - 1
    for k in np.flatnonzero(np.r_[False, same]):
        ratio[slot[k]] *= split[k]
        cash[slot[k]] = cash[slot[k]] / split[k] + dividend[k]
    return row[keep], instrument[keep], ratio, cash


@dataclass(frozen=True, slots=True)
class Dated:
    """Actions as the data gave them, before they are placed on slices; any order."""

    stamp: Ints  # ns, comparable with the slices' times
    instrument: Ints
    split: Floats  # NaN or 1 none
    dividend: Floats  # NaN or 0 none


def convert(dated: Dated, prices: str, dividends: str) -> Dated:
    """The same actions sorted by time, dividends in the unit of the prices; splits already in the price become 1."""
    order = np.lexsort((dated.stamp, dated.instrument))
    stamp, who = dated.stamp[order], dated.instrument[order]
    split = np.where(np.isnan(dated.split[order]), 1.0, dated.split[order])
    cash = np.where(np.isnan(dated.dividend[order]), 0.0, dated.dividend[order])
    if dividends == "none" or prices == "total_return":
        cash = np.zeros_like(cash)
    elif prices != dividends and (split != 1.0).any():
        later = _later_splits(who, stamp, split)
        cash = cash / later if prices == "split_adjusted" else cash * later
    if prices != "as_traded":
        split = np.ones_like(split)
    keep = (split != 1.0) | (cash != 0.0)
    return Dated(stamp[keep], who[keep], split[keep], cash[keep])


def _later_splits(who: Ints, stamp: Ints, split: Floats) -> Floats:
    """Product of the instrument's splits after each entry's date; entries are sorted by instrument, then time."""
    later = np.ones_like(split)
    after = 1.0  # product of splits with a later stamp
    same_day = 1.0  # product of splits of the stamp at hand
    for k in range(len(split) - 1, -1, -1):
        if k + 1 < len(split) and who[k + 1] != who[k]:
            after = same_day = 1.0
        elif k + 1 < len(split) and stamp[k + 1] != stamp[k]:
            after *= same_day
            same_day = 1.0
        later[k] = after
        same_day *= split[k]
    return later


def place(dated: Dated, times: Ints, exists: Bools) -> Actions:
    """`dated` on the first slice at or after each stamp; those before the instrument's first bar or after the last
    slice are left out, since nobody can hold anything then.
    """
    row = np.searchsorted(times, dated.stamp).astype(np.int64)
    begin = times[np.argmax(exists, axis=0)]
    keep = (row < len(times)) & (dated.stamp >= begin[dated.instrument])
    return Actions.of(row[keep], dated.instrument[keep], dated.split[keep], dated.dividend[keep], len(times))


def bar_after(actions: Actions, exists: Bools) -> tuple[Ints, Ints]:
    """Row of the first bar at or after each action, and of the bar before it; -1 where there is none."""
    rows = len(exists)
    bar, before = actions.row.copy(), actions.row - 1
    late = ~exists[np.minimum(bar, rows - 1), actions.instrument]
    early = (before >= 0) & ~exists[np.maximum(before, 0), actions.instrument]
    for k in np.flatnonzero(late):
        found = np.flatnonzero(exists[actions.row[k] :, actions.instrument[k]])
        bar[k] = actions.row[k] + found[0] if len(found) else -1
    for k in np.flatnonzero(early):
        found = np.flatnonzero(exists[: actions.row[k], actions.instrument[k]])
        before[k] = found[-1] if len(found) else -1
    return bar, before


def check_splits(
    where: str, splits: Actions, close: Floats, prices: str, symbols: tuple[str, ...], dates: np.ndarray
) -> list[str]:
    """Data warnings about splits; DataError where an as-traded price does not show its split.

    `splits` are all splits that the data names, also those a split-adjusted price has already swallowed.
    """
    exists = np.isfinite(close)
    bar, before = bar_after(splits, exists)
    expected = np.log(splits.split)
    known = (bar >= 0) & (before >= 0) & (np.abs(expected) > VISIBLE)
    seen = np.full(len(splits), np.nan)
    who = splits.instrument[known]
    seen[known] = np.log(close[before[known], who] / close[bar[known], who])
    shows = np.abs(seen - expected) < np.abs(seen)
    if prices == "as_traded":
        hidden = np.flatnonzero(known & ~shows)
        if len(hidden):
            k = int(hidden[0])
            i, ratio = int(splits.instrument[k]), float(splits.split[k])
            then, now = float(close[before[k], i]), float(close[bar[k], i])
            raise DataError(
                f"{where}: {symbols[i]} on {dates[splits.row[k]]}: a split of {ratio:g} does not show in the price "
                f"(close {then:g}, then {now:g}; expected about {then / ratio:g}); {len(hidden)} such splits. "
                f"Declare prices: split_adjusted, or correct the split"
            )
    elif prices == "split_adjusted" and (known & shows).any():
        full = np.flatnonzero(known & shows)
        names = (f"{symbols[splits.instrument[j]]} {splits.split[j]:g} on {dates[splits.row[j]]}" for j in full)
        return [f"{len(full)} splits show as a full jump in prices declared split_adjusted: {some(names, 3)}"]
    return []


def check_dividends(actions: Actions, close: Floats, symbols: tuple[str, ...], dates: np.ndarray) -> list[str]:
    """A warning about dividends of half the close before or more, and large ones for which the price did not fall."""
    bar, before = bar_after(actions, np.isfinite(close))
    k = np.flatnonzero((actions.dividend > 0.0) & (bar >= 0) & (before >= 0))
    who, cash = actions.instrument[k], actions.dividend[k]
    then, now = close[before[k], who] / actions.split[k], close[bar[k], who]
    hidden = (cash > VISIBLE * then) & (now > then - 0.5 * cash)
    odd = np.flatnonzero((cash >= HUGE * then) | hidden)
    if not len(odd):
        return []
    first = odd[0]
    day = dates[actions.row[k[first]]]
    said = f"{symbols[who[first]]} on {day}: {cash[first]:g} after a close of {then[first]:g}, then {now[first]:g}"
    return [f"{len(odd)} dividends are hard to believe beside the price, first {said}"]
