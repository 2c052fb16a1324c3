"""Single bars: zeros, bars that contradict themselves, bars that repeat."""

from __future__ import annotations

import math

import numpy as np

from engine.data.audit import cells
from engine.data.fix.levels import Part
from engine.data.fix.sheets import PRICES, Sheet

NOTHING = "a price of zero or below"


def zeros(part: Part) -> bool:
    """Mask prices of zero or below; a row whose close is one is removed. Whether anything changed."""
    changed = part.sheet.drop(part.at[part.now("close") <= 0.0], "zero_cell", f"{NOTHING} as close")
    masked = sum(part.sheet.mask(part.at[part.now(word) <= 0.0], word, "zero_cell", NOTHING) for word in PRICES)
    return changed or masked > 0


def ranges(part: Part) -> bool:
    """Mend or mask the bars that contradict themselves; whether anything changed."""
    rows = np.flatnonzero(cells.crossed(part.bars) & ~part.seen.explained)
    return sum(_bar(part.sheet, int(part.at[row])) for row in rows.tolist()) > 0


def _bar(sheet: Sheet, at: int) -> bool:
    """One bar: high and low changed places, or one cell is to blame, or the range is not known."""
    bar = {word: float(sheet.base.columns[word][at]) for word in PRICES if sheet.has(word)}
    row = np.array([at])
    if not _fits(bar) and _fits(bar | {"high": bar.get("low", math.nan), "low": bar.get("high", math.nan)}):
        why = "high and low have changed places"
        high, low = bar["high"], bar["low"]
        return sheet.put(row, "high", low, "range", why) | sheet.put(row, "low", high, "range", why)
    blamed = [word for word in bar if _fits(bar | {word: math.nan})]
    if blamed == ["close"]:
        return sheet.drop(row, "range", "the close lies outside the range, and all else agrees")
    guilty = [word for word in blamed if word != "close"]
    told = guilty if guilty else [word for word in ("open", "high", "low") if word in bar]
    if len(guilty) > 1 and "open" in guilty and _little(bar):
        told = [word for word in guilty if word != "open"]  # auctions are often left out of a day's range
    return sum(sheet.mask(row, word, "range", f"the bar contradicts itself by its {word}") for word in told) > 0


def _little(bar: dict[str, float]) -> bool:
    """Whether the open lies outside of the range by less than the range is wide."""
    high, low = bar.get("high", math.nan), bar.get("low", math.nan)
    return max(bar["open"] - high, low - bar["open"]) <= high - low


def _fits(bar: dict[str, float]) -> bool:
    """Whether the prices of a bar agree, as the audit sees it; what is not known disturbs nothing."""
    high, low = bar.get("high", math.nan), bar.get("low", math.nan)
    known = [value for value in bar.values() if not math.isnan(value)]
    slack = cells.ROUNDED * (bar["close"] if bar["close"] > 0.0 else max(known, default=0.0))
    outside = any(bar[name] > high + slack or bar[name] < low - slack for name in ("open", "close") if name in bar)
    return not (outside or high < low - slack)


def stale(part: Part) -> bool:
    """Remove bars that repeat the one before them; whether anything changed."""
    rows = cells.still(part.bars)
    dead = np.flatnonzero(~rows)
    last = int(dead[-1]) if len(dead) else 0
    tail = np.arange(len(rows)) > last
    changed = part.sheet.drop(part.at[rows & tail], "stale", "nothing moves any more: quotes after the last trade")
    return part.sheet.drop(part.at[rows & ~tail], "stale", "nothing moves: the bar is the one before it") or changed
