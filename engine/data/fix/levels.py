"""Units, splits, other tickers, closes that leave and return: each move the audit names, undone where it says by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.data.audit.auditing import Seen
from engine.data.audit.kinds import Bars, Finding
from engine.data.audit.levels import NEAR
from engine.data.audit.ratios import SMALL
from engine.data.audit.units import LOOSE, exactly, level_at, unit_of
from engine.data.backadjusted import simplest
from engine.data.fix.sheets import LEVELS, PRICES, Sheet
from engine.types import Floats, Ints

APART = 125  # bars: within half a year nobody splits twice
LAST = 60  # bars before an end in which a fall is a failure
DIGITS = 5e-7  # relative: a ratio is printed with six digits or more
NAMES = {"unit": "units", "split": "splits", "wrong_ticker": "tickers", "jump": "jumps"}


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument under repair: what the audit saw of it, where its bars lie in the sheet, what its prices are."""

    sheet: Sheet
    seen: Seen
    at: Ints  # (T,) rows of the sheet
    adjusted: bool  # prices are meant to be adjusted for splits
    dated: bool  # bars of days

    @property
    def bars(self) -> Bars:
        return self.seen.bars

    def span(self, one: Finding) -> tuple[int, int]:
        """First bar of a finding, and the one after its last."""
        stamp = self.seen.bars.stamp
        return int(np.searchsorted(stamp, one.first)), int(np.searchsorted(stamp, one.last, side="right"))

    def now(self, word: str) -> Floats:
        """(T,) numbers as they are now; NaN where there is no such column."""
        found = self.sheet.base.columns.get(word)
        return np.full(len(self.at), np.nan) if found is None else found[self.at]

    def scale(self, bars: Ints | slice, words: tuple[str, ...], factor: float, what: str, why: str) -> bool:
        """Multiply cells; whether anything changed."""
        at = self.at[bars]
        columns = self.sheet.base.columns
        return sum(self.sheet.put(at, w, columns[w][at] * factor, what, why) for w in words if w in columns) > 0


def moves(part: Part, on: frozenset[str]) -> bool:
    """Repair every move that the audit found; whether anything changed."""
    changed = False
    doubted = _doubted(part)
    for one in part.seen.findings:
        if one in doubted:
            if "splits" in on:
                part.sheet.leave(part.at[[part.span(one)[0]]], one.kind, f"{one.text}; {doubted[one]}")
            continue
        if NAMES.get(one.kind) not in on:
            continue
        if one.kind == "unit":
            changed |= _unit(part, one)
        elif one.kind == "split":
            changed |= _split(part, one)
        elif one.kind == "wrong_ticker" or one.form == "stretch":
            first, end = part.span(one)
            changed |= part.sheet.drop(part.at[first:end], one.kind, one.text)
    return changed


def _doubted(part: Part) -> dict[Finding, str]:
    """Splits that nothing declares and that are too weak to act on, and why: to suspect is less than to know."""
    told = [one for one in part.seen.findings if one.kind == "split" and one.form == "lasting"]
    rows = [part.span(one)[0] for one in told]
    dies = any(one.kind == "dead" for one in part.seen.findings)
    out = {}
    for one, row in zip(told, rows, strict=True):
        if not part.dated:
            out[one] = "bars with times are not adjusted for a split that nothing declares"
        elif abs(math.log(one.ratio)) < SMALL:
            out[one] = "markets move that much by themselves"
        elif any(row != other and abs(row - other) <= APART for other in rows):
            out[one] = "nobody splits twice within half a year"
        elif one.ratio > 1.0 and dies and len(part.bars) - row <= LAST:
            out[one] = "a price that falls just before the end is a failure's"
    return out


def _unit(part: Part, one: Finding) -> bool:
    first, end = part.span(one)
    if one.form == "inside":
        return _inside(part, first, one.text)
    factor = 1.0 / exactly(math.log(one.ratio))
    if one.form == "lasting":
        return part.scale(slice(0, first), _levels(part, first), 1.0 / factor, "unit", one.text)
    outside = _outside(part, first, end)
    if outside is not None:
        why = f"{one.text}, where shares were traded; elsewhere none were"
        return part.scale(outside, _levels(part, first), 1.0 / factor, "unit", why)
    return part.scale(slice(first, end), _levels(part, first), factor, "unit", one.text)


def _outside(part: Part, first: int, end: int) -> Ints | None:
    """The bars outside of a stretch, at the level it left, if only inside of it anything was traded; else None."""
    bars = part.bars
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.abs(np.log(bars.close / bars.close[_last(part, first)]))
    others = np.flatnonzero((away < LOOSE) & ((np.arange(len(bars)) < first) | (np.arange(len(bars)) >= end)))
    traded = bars.volume > 0.0
    silent = not traded[others].any() and not np.isnan(bars.volume[others]).any()
    return others if traded[first:end].any() and silent else None


def _levels(part: Part, row: int) -> tuple[str, ...]:
    """The columns that moved into a row as the close did: the adjusted close may have been right."""
    close, adjusted, last = part.bars.close, part.bars.adjusted, _last(part, row)
    if not (adjusted[row] > 0.0 and adjusted[last] > 0.0):
        return PRICES
    size, own = math.log(close[row] / close[last]), math.log(adjusted[row] / adjusted[last])
    return LEVELS if abs(own - size) < 0.5 * abs(size) else PRICES


def _last(part: Part, row: int) -> int:
    """The last row before one that has a close above zero: a move begins there."""
    return int(np.flatnonzero(part.bars.close[:row] > 0.0)[-1])


def _inside(part: Part, row: int, why: str) -> bool:
    """Scale those prices of a bar that are of another unit than the closes around it, if those before and after agree."""
    close, level = part.bars.close, level_at(part.bars.close, row)
    sides = [
        np.median(side[side > 0.0])
        for side in (close[max(0, row - 5) : row], close[row + 1 : row + 6])
        if (side > 0.0).any()
    ]
    if len(sides) < 2 or abs(math.log(sides[0] / sides[1])) > LOOSE:
        part.sheet.leave(part.at[[row]], "unit", f"{why}; the closes before and after do not say of which")
        return False
    near = slice(max(0, row - NEAR), row + NEAR + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.log(part.bars.adjusted[near] / part.bars.close[near])
    usual = usual[np.isfinite(usual)]
    levels = dict.fromkeys(PRICES, level) | {
        "adj_close": level * math.exp(float(np.median(usual))) if len(usual) else math.nan
    }
    changed = False
    for word, at in levels.items():
        value = float(part.now(word)[row])
        if value > 0.0 and at > 0.0 and unit_of(size := math.log(value / at), LOOSE):
            changed |= part.scale(np.array([row]), (word,), 1.0 / exactly(size), "unit", why)
    return changed


def _split(part: Part, one: Finding) -> bool:
    """Adjust the earlier bars for a split, or a stretch that was adjusted otherwise, or declare it where prices are as traded."""
    first, end = part.span(one)
    ratio = simplest(one.ratio, DIGITS * one.ratio) if one.ratio > DIGITS else one.ratio
    if one.form == "stretch":
        size = math.log(part.bars.close[first] / part.bars.close[_last(part, first)])
        price = math.exp(-math.copysign(abs(math.log(ratio)), size))
        return _by(part, slice(first, end), price, _levels(part, first), one.text)
    if part.sheet.has("split") and not part.adjusted and one.form != "applied":
        return _declared(part, one, first, ratio)
    changed = _by(part, slice(0, first), 1.0 / ratio, _levels(part, first), one.text)
    return part.scale(slice(0, first), ("dividend",), 1.0 / ratio, "split", one.text) or changed


def _by(part: Part, bars: slice, price: float, words: tuple[str, ...], why: str) -> bool:
    changed = part.scale(bars, words, price, "split", why)
    return part.scale(bars, ("volume",), 1.0 / price, "split", why) or changed


def _declared(part: Part, one: Finding, row: int, ratio: float) -> bool:
    """Write the split where it shows; one declared for another day near by is taken back."""
    told = part.now("split")
    none = np.nan if np.isnan(told[row]) else 0.0 if (told == 0.0).any() else 1.0
    changed = part.sheet.put(part.at[[row]], "split", ratio, "split", one.text)
    if one.form == "moved":
        near = np.abs(np.log(np.where(told > 0.0, told, 1.0)) - math.log(ratio)) < 1e-9
        near[row] = False
        place = np.flatnonzero(near)
        if len(place):
            nearest = place[[int(np.argmin(np.abs(place - row)))]]
            changed |= part.sheet.put(part.at[nearest], "split", none, "split", one.text)
    return changed
