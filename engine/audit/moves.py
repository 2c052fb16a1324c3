"""Moves that markets do not make: units, other tickers, splits nobody adjusted, jumps. One instrument at a time.

A move is told from the instrument's own volatility and the market's return. What comes back is a displaced stretch; what
stays is a new level: a split where the ratio is round and neither volume nor range tells of news, else a jump.
"""

from __future__ import annotations

import math

import numpy as np

from engine.audit.kinds import Bars, Finding
from engine.audit.levels import Path, loudness, spreads
from engine.audit.ratios import Move, side, suspected
from engine.audit.units import HUNDRED, LOOSE, inside, unit_of
from engine.types import DAY_NS, Bools

FLOOR = 0.05  # log: moves below it are left to the market
SIGMAS = 8.0  # of the instrument's own: a move
SPIKE = 5  # bars that any other displaced stretch may last
BACK = 0.25  # of a move may be missing when it comes back
STRETCH = 260  # bars that a stretch of another unit may last
NEWS = 4.0  # volume times range, over the usual: somebody heard something
JUMP = math.log(1.33)


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
        back = _return(path, move, todo)
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
    return [Move(int(k), float(path.change[k]), float(s)) for k, s in zip(places[told], usual[told], strict=True)]


def _return(path: Path, move: Move, later: list[Move]) -> Move | None:
    """The first later move that undoes this one within its time; None if it stays."""
    for other in later:
        away = int(path.row[other.k] - path.row[move.k])
        if away > STRETCH:
            return None
        left = abs(move.size + other.size)
        both = unit_of(move.size, LOOSE) and unit_of(other.size, LOOSE)
        if both and move.size * other.size < 0.0:
            return other
        if away <= SPIKE and left <= min(3.0 * move.spread * math.sqrt(away + 1.0) + 0.02, BACK * abs(move.size)):
            return other
    return None


def _displaced(bars: Bars, path: Path, move: Move, back: Move, twin: dict[int, str], explained: Bools) -> list[Finding]:
    """What a stretch is that leaves its level at `move` and returns at `back`; the rows it takes are marked."""
    rows = path.row[move.k : back.k]
    first, last, count = int(bars.stamp[rows[0]]), int(bars.stamp[rows[-1]]), len(rows)
    ratio, named = math.exp(move.size), unit_of(move.size, LOOSE)
    other = next((twin[int(row)] for row in rows if int(row) in twin), "")
    whole = _whole(bars, path, move)
    loud = min(loudness(path, move.k), loudness(path, back.k))
    if not (named or other) and (loud > NEWS or not _far(move)):
        return []
    explained[rows] = True
    if named and not other:
        return [Finding("unit", first, last, count, ratio, f"{named} for {_bars(count)}")]
    if other or whole:
        text = f"the bar of {other}" if other else f"{_bars(count)} at {ratio:.3g} times the level"
        return [Finding("wrong_ticker", first, last, count, ratio, text)]
    return [Finding("jump", first, last, count, ratio, f"the close leaves for {_bars(count)} and returns")]


def _far(move: Move) -> bool:
    """Whether a move that comes back is beyond what news and its denial do."""
    return abs(move.size) > max(0.15, 12.0 * move.spread)


def _bars(count: int) -> str:
    return "one bar" if count == 1 else f"{count} bars"


def _whole(bars: Bars, path: Path, move: Move) -> bool:
    """Whether every price of the stretch's first bar is at the displaced level, none at the usual one."""
    row = int(path.row[move.k])
    usual, middle = path.close[move.k - 1], 0.5 * move.size
    known = [values[row] for values in bars.prices if values[row] > 0.0]
    return len(known) > 1 and all((math.log(value / usual) > middle) == (move.size > 0.0) for value in known)


def _lasting(bars: Bars, path: Path, move: Move, adjusted: bool) -> list[Finding]:
    """What a move is that stays: a unit, a split, a jump, or a market's own."""
    row = int(path.row[move.k])
    stamp, ratio = int(bars.stamp[row]), math.exp(move.size)
    declared = _declared(bars, row)
    if declared and abs(move.size + math.log(declared)) < max(0.15, 3.0 * move.spread):
        return [_split(bars, path, move, -math.log(declared), "declared, not applied")] if adjusted else []
    if name := unit_of(move.size, LOOSE):
        return [Finding("unit", stamp, stamp, 1, ratio, f"{name} from here on, or before")]
    loud = loudness(path, move.k)
    opened = bars.open[row]
    gap = math.log(opened / path.close[move.k - 1]) if opened > 0.0 else math.nan
    split = suspected(move, gap, loud)
    if split is not None and _begins_a_day(bars, row):
        return [_split(bars, path, move, split)]
    if abs(move.size) > max(JUMP, 10.0 * move.spread) and loud < NEWS:
        text = f"{ratio - 1.0:+.0%} against the market, without the volume or range of news"
        return [Finding("jump", stamp, stamp, 1, ratio, text)]
    return []


def _begins_a_day(bars: Bars, row: int) -> bool:
    """Whether no bar of the same date comes before: splits happen overnight."""
    return bool(row == 0 or (bars.stamp[row] - 1) // DAY_NS != (bars.stamp[row - 1] - 1) // DAY_NS)


def _declared(bars: Bars, row: int) -> float:
    """The split that the table declares at this row or beside it; 0 if none."""
    near = bars.split[max(0, row - 1) : row + 2]
    told = near[(near > 0.0) & (near != 1.0)]
    return float(told[0]) if len(told) else 0.0


def _split(bars: Bars, path: Path, move: Move, log_ratio: float, text: str = "not adjusted") -> Finding:
    """A split at which the price changes by `log_ratio`; its ratio is new shares per old."""
    stamp, ratio = int(bars.stamp[int(path.row[move.k])]), math.exp(-log_ratio)
    return Finding("split", stamp, stamp, 1, ratio, f"{side(ratio)} {text}")
