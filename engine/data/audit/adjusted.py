"""Adjusted closes and dividends against the closes they belong to."""

from __future__ import annotations

import numpy as np

from engine.data.audit.kinds import Bars, Finding, stretches
from engine.types import DAY_NS, Bools, Floats

NAN = float("nan")
SMALL = 0.004  # of the price: a dividend below it cannot be told from rounding
ABOVE = 1.01  # an adjusted close may be above the close by no more
FALLS = -0.01  # log: an adjustment rises with time, but for rounding
PART = 0.3  # of a dividend's effect that must show in the adjusted close
TWICE = 7  # days within which nobody pays the same again
BACK = 5  # bars that a close before a dividend may be away
HUGE = 0.15  # of the price: a dividend that big must be seen in the price itself


def dividends(bars: Bars, odd: Bools) -> list[Finding]:
    """Dividends that the adjusted close leaves out, and dividends too big for what the price did; not at rows `odd`."""
    paid = np.flatnonzero(bars.dividend > 0.0)
    paid = paid[(paid > 0) & ~(odd[paid] | odd[paid - 1])]
    out = _again(bars, paid)
    for k in paid:
        before = bars.close[known_before(bars, int(k))]
        if not before > 0.0 or not bars.close[k] > 0.0:
            continue
        share = float(bars.dividend[k] / (before / bars.split[k]))
        fall = float(-np.log(bars.close[k] * bars.split[k] / before))
        stamp = int(bars.stamp[k])
        if share > HUGE and fall < PART * share:
            out.append(
                Finding(
                    "dividend", stamp, stamp, 1, share, f"{share:.1%} of the price, which does not fall", "impossible"
                )
            )
            continue
        step = step_at(bars, int(k))
        due = -np.log1p(-min(share, 0.99))
        if share > SMALL and not np.isnan(step) and step < PART * due:
            out.append(
                Finding(
                    "dividend",
                    stamp,
                    stamp,
                    1,
                    share,
                    f"{share:.2%} of the price, not in the adjusted close",
                    "left out",
                )
            )
    return out


def _again(bars: Bars, paid: np.ndarray) -> list[Finding]:
    """Dividends that come twice: one amount, within days."""
    out = []
    for one, other in zip(paid[:-1].tolist(), paid[1:].tolist(), strict=True):
        first, second = int(bars.stamp[one]), int(bars.stamp[other])
        if (
            second - first <= TWICE * DAY_NS
            and abs(bars.dividend[one] - bars.dividend[other]) < 1e-6 * bars.dividend[one]
        ):
            out.append(
                Finding("dividend", first, second, 2, NAN, f"{bars.dividend[one]:.4g} twice within days", "twice")
            )
    return out


def known_before(bars: Bars, k: int) -> int:
    """The last row before k that has a close, if one of the few before it has, else the one before."""
    return next((j for j in range(k - 1, max(-1, k - 1 - BACK), -1) if bars.close[j] > 0.0), k - 1)


def step_at(bars: Bars, k: int) -> float:
    """How much the log of adjusted over as-traded close rises at row k, a declared split left out; NaN if not known."""
    now, before = (bars.adjusted[j] / bars.close[j] if bars.close[j] > 0.0 else NAN for j in (k, known_before(bars, k)))
    if not (now > 0.0 and before > 0.0):
        return NAN
    step = float(np.log(now / before))
    return min((step, step - float(np.log(bars.split[k]))), key=abs) if bars.split[k] > 0.0 else step


def impossible(bars: Bars, explained: Bools) -> tuple[list[Finding], Bools]:
    """Adjusted closes that are not positive, lie above the close, or fall against it without a declared split, and their
    rows (T,).
    """
    nothing, above, falls = faults(bars, explained)
    out = stretches("adjusted", bars.stamp, nothing, "not above zero")
    out += stretches("adjusted", bars.stamp, above, "above the close")
    return out + stretches("adjusted", bars.stamp, falls, "falls against the close"), nothing | above | falls


def faults(bars: Bars, explained: Bools) -> tuple[Bools, Bools, Bools]:
    """(T,) each: adjusted closes not above zero, above the close, falling against it."""
    nothing, above = (bars.adjusted <= 0.0) & ~(bars.close <= 0.0), np.zeros(len(bars), np.bool_)
    if np.isnan(bars.adjusted).all():
        return above, above, above
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(bars.close > 0.0, bars.adjusted / bars.close, np.nan)
    known = np.flatnonzero((factor > 0.0) & ~explained)
    if len(known) < 2:
        return nothing, above, above
    above[known] = factor[known] > ABOVE * float(np.max(factor[known[-5:]]))
    if above.mean() > 0.5:  # then the last ones are odd
        above = np.zeros(len(bars), np.bool_)
    return nothing, above, _falls(factor, known[~above[known]], bars.split)


def _falls(factor: Floats, known: np.ndarray, split: Floats) -> Bools:
    """Rows at which the adjustment falls, a declared split left out."""
    step = np.diff(np.log(factor[known]))
    ratio = np.log(np.where(split[known[1:]] > 0.0, split[known[1:]], 1.0))
    out = np.zeros(len(factor), np.bool_)
    out[known[1:]] = (step < FALLS) & (np.abs(step - ratio) > -FALLS)
    return out
