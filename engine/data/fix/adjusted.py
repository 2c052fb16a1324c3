"""Adjusted closes and dividends: put right where the bars beside them say how, masked or left where they do not."""

from __future__ import annotations

import math

import numpy as np

from engine.data.audit.adjusted import BACK, PART, faults, known_before, step_at
from engine.data.audit.kinds import Finding
from engine.data.fix.levels import Part
from engine.types import Bools, Floats, Ints

LIKE = 1e-4  # relative: one adjustment, as far as rounded prices tell
QUIET = 1e-4  # log: an adjustment that did not move
CLEARLY = 0.5  # of a dividend: how much better one day must explain the price than another
ALIKE = 1.5  # times more or less: a dividend like the instrument's others


def closes(part: Part) -> bool:
    """Put adjusted closes that cannot be where those before and after are, else mask them; whether anything changed."""
    if not part.sheet.has("adj_close"):
        return False
    bars, odd = part.bars, part.seen.odd
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(bars.close > 0.0, bars.adjusted / bars.close, np.nan)
    nothing, above, falls = faults(bars, part.seen.explained)
    changed = False
    for row in np.flatnonzero(nothing | above).tolist():
        level = _between(factor, row, odd)
        if math.isnan(level):
            why = "it cannot be, and its neighbours do not say what it was"
            changed |= part.sheet.mask(part.at[[row]], "adj_close", "adjusted", why)
        else:
            changed |= _put(part, row, level)
    for row in np.flatnonzero(falls).tolist():
        wrong = next((one for one in (row, row - 1) if not math.isnan(_between(factor, one, odd & ~falls))), None)
        if wrong is None:
            why = "it falls against the close for good; which side is right is not said"
            part.sheet.leave(part.at[[row]], "adjusted", why)
        else:
            changed |= _put(part, wrong, _between(factor, wrong, odd & ~falls))
    return changed


def _put(part: Part, row: int, level: float) -> bool:
    """Adjust the close of a row as its neighbours are."""
    why = "it cannot be; the adjustments before and after are one"
    return part.sheet.put(part.at[[row]], "adj_close", part.bars.close[row] * level, "adjusted", why)


def _between(factor: Floats, row: int, odd: Bools) -> float:
    """The adjustment on both sides of a row if they agree, NaN if not; sides that are odd do not count."""
    before, after = _near(factor, row, -1, odd), _near(factor, row, 1, odd)
    return before if abs(before / after - 1.0) <= LIKE else math.nan


def _near(factor: Floats, row: int, step: int, odd: Bools) -> float:
    """The nearest adjustment on one side that is known and not odd; NaN if there is none."""
    side, strange = (factor[row + 1 :], odd[row + 1 :]) if step > 0 else (factor[:row][::-1], odd[:row][::-1])
    place = np.flatnonzero((side > 0.0) & ~strange)
    return float(side[place[0]]) if len(place) else math.nan


def dividends(part: Part) -> bool:
    """Repair what the audit says of dividends; whether anything changed."""
    mend = {"left out": _left_out, "twice": _twice, "impossible": _impossible}
    return sum(mend[one.form](part, one) for one in part.seen.findings if one.kind == "dividend") > 0


def _share(part: Part, row: int, amount: float) -> float:
    """What a dividend is of the close before, both in one unit."""
    before = float(part.bars.close[known_before(part.bars, row)])
    return amount / (before if part.adjusted else before / float(part.bars.split[row]))


def _step(part: Part, row: int) -> float:
    """The log by which the adjustment moves at a row, 0 where that is rounding; NaN if not known."""
    step = step_at(part.bars, row)
    return 0.0 if abs(step) < QUIET else step


def _before(part: Part, row: int, factor: float, why: str) -> bool:
    """Multiply the adjusted closes before a row."""
    return part.scale(slice(0, row), ("adj_close", "adj_factor"), factor, "dividend", why)


def _left_out(part: Part, one: Finding) -> bool:
    """C_prev - D over C_prev into every adjusted close before: the vendors' own way."""
    row, _ = part.span(one)
    share = _share(part, row, float(part.bars.dividend[row]))
    step = _step(part, row)
    if not 0.0 < share < 1.0 or math.isnan(step):
        return False
    around = [step_at(part.bars, k) for k in range(max(1, row - BACK), min(len(part.bars), row + BACK + 1))]
    if max(around) > PART * -math.log1p(-share):
        part.sheet.leave(part.at[[row]], "dividend", f"{one.text} that day; it is some bars away")
        return False
    return _before(part, row, (1.0 - share) * math.exp(step), one.text)


def _twice(part: Part, one: Finding) -> bool:
    """Of a dividend that comes twice, take back the one for which the price did not fall; leave both if that is not clear."""
    first, end = part.span(one)
    rows = (first, end - 1)
    amount = float(part.bars.dividend[first])
    gaps = [_gap(part, row) for row in rows]
    misses = [abs(gaps[k] + _share(part, rows[k], amount)) + abs(gaps[1 - k]) for k in (0, 1)]  # paid at k alone
    if not abs(misses[0] - misses[1]) > CLEARLY * _share(part, first, amount):
        part.sheet.leave(part.at[list(rows)], "dividend", f"{one.text}; the price does not say which is right")
        return False
    wrong = rows[0] if misses[0] > misses[1] else rows[1]
    step = _step(part, wrong)
    why = f"{one.text}; the price fell for the other"
    changed = part.sheet.put(part.at[[wrong]], "dividend", 0.0, "dividend", why)
    if step > PART * -math.log1p(-_share(part, wrong, amount)):
        changed |= _before(part, wrong, math.exp(step), why)
    return changed


def _gap(part: Part, row: int) -> float:
    """The night's return into a row, or the day's where there is no open."""
    opened = part.bars.open[row]
    now = float(opened if opened > 0.0 else part.bars.close[row])
    return (
        now
        / float(part.bars.close[known_before(part.bars, row)])
        * (1.0 if part.adjusted else float(part.bars.split[row]))
        - 1.0
    )


def _impossible(part: Part, one: Finding) -> bool:
    """A hundredth, where that is like the instrument's other dividends; else not known, nor what was adjusted by it."""
    row, _ = part.span(one)
    amount = float(part.bars.dividend[row])
    share, step = _share(part, row, amount), _step(part, row)
    held = step > PART * -math.log1p(-min(share, 0.99))
    usual = _usual(part, row)
    if usual / ALIKE < share / 100.0 < usual * ALIKE:
        why = f"{one.text}; a hundredth is like the others"
        changed = part.sheet.put(part.at[[row]], "dividend", amount / 100.0, "dividend", why)
        if not math.isnan(step):
            changed |= _before(part, row, (1.0 - share / 100.0) * math.exp(step), why)
        return changed
    changed = part.sheet.mask(part.at[[row]], "dividend", "dividend", one.text)
    if held:
        changed |= part.sheet.mask(part.at[:row], "adj_close", "dividend", f"it holds a dividend of {one.text}")
    return changed


def _usual(part: Part, row: int) -> float:
    """The median of the instrument's other dividends as shares of the price; NaN if there are none."""
    paid: Ints = np.flatnonzero(part.bars.dividend > 0.0)
    paid = paid[(paid > 0) & (paid != row)]
    shares = [_share(part, int(k), float(part.bars.dividend[k])) for k in paid if part.bars.close[k - 1] > 0.0]
    return float(np.median(shares)) if shares else math.nan
