"""Moves that markets do not make: units, other tickers, splits nobody adjusted, jumps. One instrument at a time.

A move is told from the instrument's own volatility and the market's return. What comes back is a displaced stretch; what
stays is a new level: a split where the ratio is round and neither volume nor range tells of news, else a jump.
"""

from __future__ import annotations

import math

import numpy as np

from engine.data.audit.kinds import Bars, Finding
from engine.data.audit.levels import Path, loudness, spreads
from engine.data.audit.ratios import LARGE, Move, side, suspected
from engine.data.audit.units import HUNDRED, LOOSE, inside, unit_of
from engine.types import DAY_NS, Bools, Floats

FLOOR = 0.05  # log: moves below it are left to the market
SIGMAS = 8.0  # of the instrument's own: a move
SPIKE = 5  # bars that any other displaced stretch may last
FEW = 2  # bars of another ticker that a smaller move than a spike's may tell
BACK = 0.25  # of a move may be missing when it comes back
STRETCH = 260  # bars that a stretch of another unit may last
WEEKS = 10  # rows within which a split may be declared for the wrong day
COARSE = 20  # bars that say how prices are rounded
BESIDES = 0.1  # of a large split, which the price may move besides
NEWS = 4.0  # volume times range, over the usual: somebody heard something
JUMP = math.log(1.33)
NEVER = math.log(3.0)  # no news moves a price that far in one bar


def moves(bars: Bars, twin: dict[int, str], adjusted: bool) -> tuple[list[Finding], Bools]:
    """Every move of `bars`, named, and the rows (T,) that are explained by that.

    `twin` says whose bar the row at a place is; `adjusted` whether prices are meant to be adjusted for splits, so that a
    declared split which shows is one that was forgotten.
    """
    findings, closes, explained = inside(bars)
    path = Path.of(bars, closes)
    if len(path.row) < 3:
        return findings, explained
    todo = _candidates(path)
    while todo:
        move = todo.pop(0)
        back = _return(bars, path, move, todo)
        if back is None:
            findings += _lasting(bars, path, move, adjusted)
        else:
            todo.remove(back)
            findings += _displaced(bars, path, move, back, twin, explained)
    findings += _quietly(bars, twin, explained)
    return findings, explained


def _quietly(bars: Bars, twin: dict[int, str], explained: Bools) -> list[Finding]:
    """Bars of others at a level so near that nothing seems to move."""
    out = []
    for row, other in twin.items():
        if not explained[row]:
            stamp = int(bars.stamp[row])
            out.append(Finding("wrong_ticker", stamp, stamp, 1, math.nan, f"the bar of {other}"))
            explained[row] = True
    return out


def _candidates(path: Path) -> list[Move]:
    """Moves beyond the instrument's own volatility."""
    size = np.abs(path.change)
    odd = size > max(FLOOR, 4.0 * 1.4826 * float(np.median(size[1:])))
    places = np.flatnonzero(odd)
    usual = spreads(path, places, odd)
    told = (size[places] > np.maximum(FLOOR, SIGMAS * usual)) | (size[places] > HUNDRED - LOOSE)
    beyond = zip(places[told].tolist(), usual[told].tolist(), strict=True)
    return [Move(k, float(path.change[k]), spread) for k, spread in beyond if not _one_step(path.close, k)]


def _one_step(close: Floats, k: int) -> bool:
    """Whether a move is a single step of prices rounded so coarsely that all closes before are small multiples of it."""
    before = close[max(0, k - COARSE) : k]
    levels = np.unique(before)
    if len(levels) < 2:
        return False
    step = float(np.diff(levels).min())
    whole = before / step
    return (
        bool((np.abs(whole - np.rint(whole)) < 1e-6).all()) and abs(abs(close[k] - close[k - 1]) - step) < 1e-6 * step
    )


def _return(bars: Bars, path: Path, move: Move, later: list[Move]) -> Move | None:
    """The first later move that undoes this one within its time; None if it stays."""
    for other in later:
        away = int(path.row[other.k] - path.row[move.k])
        if away > STRETCH:
            return None
        left = abs(move.size + other.size)
        both = unit_of(move.size, LOOSE) and unit_of(other.size, LOOSE)
        if move.size * other.size < 0.0 and (both or (away <= SPIKE and _swapped(bars, move, other))):
            return other
        if away <= SPIKE and left <= min(3.0 * move.spread * math.sqrt(away + 1.0) + 0.02, BACK * abs(move.size)):
            return other
    return None


def _swapped(bars: Bars, move: Move, other: Move) -> bool:
    """Whether both moves are that of one large declared split, there and back, whatever the price did besides."""
    ratio = np.abs(np.log(bars.split[bars.split != 1.0]))
    return any(
        max(abs(abs(one.size) - r) for one in (move, other)) < BESIDES * r for r in ratio[ratio > LARGE].tolist()
    )


def _displaced(bars: Bars, path: Path, move: Move, back: Move, twin: dict[int, str], explained: Bools) -> list[Finding]:
    """What a stretch is that leaves its level at `move` and returns at `back`; the rows it takes are marked."""
    rows = path.row[move.k : back.k]
    first, last, count = int(bars.stamp[rows[0]]), int(bars.stamp[rows[-1]]), len(rows)
    ratio, named = math.exp(move.size), unit_of(move.size, LOOSE)
    other = next((twin[int(row)] for row in rows if int(row) in twin), "")
    whole = _whole(bars, path, move)
    if (told := _of_a_split(bars, move)) and not other:
        explained[rows] = True
        return [
            Finding(
                "split",
                first,
                last,
                count,
                told,
                f"{side(told)} declared, {_bars(count)} adjusted otherwise",
                "stretch",
            )
        ]
    loud = min(loudness(path, move.k), loudness(path, back.k))
    if not (named or other) and (loud > NEWS or not _far(move, whole and count <= FEW and _lively(bars, int(rows[0])))):
        return []
    explained[rows] = True
    if named and not other:
        return [Finding("unit", first, last, count, ratio, f"{named} for {_bars(count)}", "stretch")]
    if other or whole:
        text = f"the bar of {other}" if other else f"{_bars(count)} at {ratio:.3g} times the level"
        return [Finding("wrong_ticker", first, last, count, ratio, text)]
    return [Finding("jump", first, last, count, ratio, f"the close leaves for {_bars(count)} and returns", "stretch")]


def _far(move: Move, whole: bool) -> bool:
    """Whether a move that comes back is beyond what news and its denial do; less will do where the whole bar is away."""
    return abs(move.size) > (max(0.1, SIGMAS * move.spread) if whole else max(0.15, 12.0 * move.spread))


def _bars(count: int) -> str:
    return "one bar" if count == 1 else f"{count} bars"


def _whole(bars: Bars, path: Path, move: Move) -> bool:
    """Whether every price of the stretch's first bar is at the displaced level, none at the usual one."""
    row = int(path.row[move.k])
    usual, middle = path.close[move.k - 1], 0.5 * move.size
    known = [values[row] for values in bars.prices if values[row] > 0.0]
    return len(known) > 1 and all((math.log(value / usual) > middle) == (move.size > 0.0) for value in known)


def _lively(bars: Bars, row: int) -> bool:
    """Whether a bar has an open and a range: without, it says no more than its close."""
    return bool(bars.open[row] > 0.0 and bars.high[row] > bars.low[row])


def _lasting(bars: Bars, path: Path, move: Move, adjusted: bool) -> list[Finding]:
    """What a move is that stays: a unit, a split, a jump, or a market's own."""
    row = int(path.row[move.k])
    stamp, ratio = int(bars.stamp[row]), math.exp(move.size)
    if declared := _declared(bars, row, 1, max(0.15, 3.0 * move.spread), move.size):
        return [_split(bars, path, move, -math.log(declared), "declared, not applied", "applied")] if adjusted else []
    if declared := _declared(bars, row, WEEKS, min(0.1, 0.02 + 3.0 * move.spread), move.size):
        return [_split(bars, path, move, -math.log(declared), "declared for another day", "moved")]
    if name := unit_of(move.size, LOOSE):
        return [Finding("unit", stamp, stamp, 1, ratio, f"{name} from here on, or before", "lasting")]
    loud = loudness(path, move.k)
    opened = bars.open[row]
    gap = math.log(opened / path.close[move.k - 1]) if opened > 0.0 else math.nan
    split = suspected(move, gap, loud)
    if split is not None and _begins_a_day(bars, row):
        return [_split(bars, path, move, split)]
    far = abs(move.size) > max(JUMP, 10.0 * move.spread)
    if far and (loud < NEWS or abs(move.size) > NEVER):
        text = f"{ratio - 1.0:+.0%} against the market" + (
            ", without the volume or range of news" if loud < NEWS else ""
        )
        return [Finding("jump", stamp, stamp, 1, ratio, text)]
    return []


def _begins_a_day(bars: Bars, row: int) -> bool:
    """Whether no bar of the same date comes before: splits happen overnight."""
    return bool(row == 0 or (bars.stamp[row] - 1) // DAY_NS != (bars.stamp[row - 1] - 1) // DAY_NS)


def _declared(bars: Bars, row: int, around: int, slack: float, size: float) -> float:
    """The split declared within `around` rows that moves a price by `size` (log), within `slack`; 0 if none."""
    near = bars.split[max(0, row - around) : row + around + 1]
    told = near[(near > 0.0) & (near != 1.0)]
    told = told[np.abs(np.log(told) + size) < slack]
    return float(told[0]) if len(told) else 0.0


def _of_a_split(bars: Bars, move: Move) -> float:
    """The split declared anywhere whose ratio, either way, is that of a stretch that comes back; 0 if none."""
    told = bars.split[(bars.split != 1.0) & (np.abs(np.log(bars.split)) > FLOOR)]
    size = np.abs(np.log(told))
    near = told[
        np.abs(size - abs(move.size)) < np.where(size > LARGE, np.maximum(BESIDES * size, 0.02), 0.02 + move.spread)
    ]
    return float(near[0]) if len(near) else 0.0


def _split(
    bars: Bars, path: Path, move: Move, log_ratio: float, text: str = "not adjusted", form: str = "lasting"
) -> Finding:
    """A split at which the price changes by `log_ratio`; its ratio is new shares per old."""
    stamp, ratio = int(bars.stamp[int(path.row[move.k])]), math.exp(-log_ratio)
    return Finding("split", stamp, stamp, 1, ratio, f"{side(ratio)} {text}", form)
