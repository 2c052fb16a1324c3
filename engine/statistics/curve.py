"""Kernels on an equity curve and its returns: moments, downside, drawdown, tails, exposure, the ledger of trades.

Explicit loops in a fixed order, so that a number is the same bits everywhere. A kernel returns NaN for what is
undefined; `engine.metrics` says why. Returns are simple and per bar; a loss is negative.
"""

from __future__ import annotations

import math

import numpy as np

from engine.compiled import njit
from engine.types import Bools, Floats, Ints

FLAT = 1e-12  # returns that differ by less never vary: what is left is rounding of the equity


@njit()
def total(values: Floats) -> float:
    """The sum of (n,) values, exact but for the last bit or two: what rounding drops is kept apart. Neumaier (1974)."""
    out, lost = 0.0, 0.0
    for k in range(values.shape[0]):
        value = values[k]
        whole = out + value
        if abs(out) >= abs(value):
            lost += (out - whole) + value
        else:
            lost += (value - whole) + out
        out = whole
    return out + lost


@njit()
def returns_of(capital: float, equity: Floats, out: Floats) -> int:
    """The row at which equity is not above zero, or their number; before it, `out` holds the simple returns.

    The first return is that of the first slice on `capital`.
    """
    before = capital
    for k in range(equity.shape[0]):
        if not (equity[k] > 0.0 and before > 0.0):
            return k
        out[k] = equity[k] / before - 1.0
        before = equity[k]
    return len(equity)


@njit()
def moments(returns: Floats) -> tuple[float, float, float, float, float, float]:
    """(mean, std ddof 1, skew, raw kurtosis, lowest, highest) of (n,) returns; a normal has kurtosis 3.

    Skew and kurtosis are the population ones (as in Bailey and Lopez de Prado). NaN where n is too small (1, 2, 3, 4)
    or where the returns never vary.
    """
    n = returns.shape[0]
    if n == 0:
        return np.nan, np.nan, np.nan, np.nan, np.nan, np.nan
    total, low, high = 0.0, returns[0], returns[0]
    for k in range(n):
        total += returns[k]
        low = min(low, returns[k])
        high = max(high, returns[k])
    mean = total / n
    if n < 2 or not high - low > FLAT:
        return mean, np.nan, np.nan, np.nan, low, high
    second, third, fourth = 0.0, 0.0, 0.0
    for k in range(n):
        d = returns[k] - mean
        second += d * d
        third += d * d * d
        fourth += d * d * d * d
    variance = second / n
    skew = third / n / (variance * math.sqrt(variance)) if n > 2 else np.nan
    kurtosis = fourth / n / (variance * variance) if n > 3 else np.nan
    return mean, math.sqrt(second / (n - 1)), skew, kurtosis, low, high


@njit()
def sides(returns: Floats, target: float) -> tuple[float, float, float, int, int]:
    """(downside deviation, sum above, sum below, bars above 0, bars below 0) of (n,) returns against `target` per bar.

    The downside deviation is sqrt(mean(min(r - target, 0)^2)) over all n returns, not over the negative ones alone.
    """
    squares, above, below = 0.0, 0.0, 0.0
    up, down = 0, 0
    for k in range(returns.shape[0]):
        d = returns[k] - target
        if d > 0.0:
            above += d
        else:
            below -= d
            squares += d * d
        if returns[k] > 0.0:
            up += 1
        elif returns[k] < 0.0:
            down += 1
    downside = math.sqrt(squares / returns.shape[0]) if returns.shape[0] > 0 else np.nan
    return downside, above, below, up, down


@njit()
def drawdowns(capital: float, equity: Floats, out: Floats) -> tuple[float, int, int, float]:
    """(deepest, its bars under water, the most bars under water, ulcer index); `out` gets the drawdown of each slice.

    A drawdown is equity / highest equity so far - 1, 0 or less, and `capital` is the first peak: a loss on the first
    slice counts. Bars under water are the slices below the peak, to the recovery or to the end. Ulcer: root mean
    square over all slices (Martin and McCann 1989).
    """
    peak, since = capital, -1
    deepest, deepest_since, deepest_bars, longest, squares = 0.0, -2, 0, 0, 0.0
    n = equity.shape[0]
    for k in range(n):
        if equity[k] >= peak:
            peak, since = equity[k], k
        depth = equity[k] / peak - 1.0
        out[k] = depth
        squares += depth * depth
        under = k - since
        longest = max(longest, under)
        if depth < deepest:
            deepest, deepest_since = depth, since
        if since == deepest_since:
            deepest_bars = under
    return deepest, deepest_bars, longest, math.sqrt(squares / n) if n > 0 else np.nan


@njit()
def quantile(ascending: Floats, share: float) -> float:
    """The `share` quantile of (n,) ascending numbers, n > 0, linear between neighbours (Hyndman and Fan's type 7)."""
    place = (ascending.shape[0] - 1) * share
    k = int(place)
    if k + 1 >= ascending.shape[0]:
        return float(ascending[ascending.shape[0] - 1])
    return float(ascending[k] + (ascending[k + 1] - ascending[k]) * (place - k))


@njit()
def tails(ascending: Floats, share: float) -> tuple[float, float, float]:
    """(value at risk, its conditional, tail ratio) of (n,) ascending returns, historical; losses are negative.

    Value at risk is the `share` quantile; the conditional is the mean of the returns up to it; the tail ratio is the
    upper quantile over the size of the lower one, NaN where that is 0.
    """
    low, high = quantile(ascending, share), quantile(ascending, 1.0 - share)
    last = int((ascending.shape[0] - 1) * share)
    total = 0.0
    for k in range(last + 1):
        total += ascending[k]
    return low, total / (last + 1), abs(high) / abs(low) if low != 0.0 else np.nan


@njit()
def exposure(equity: Floats, longs: Floats, shorts: Floats, positions: Ints) -> tuple[float, float, float, float]:
    """(mean gross, mean net, share of slices with a position, mean equity); gross and net over equity, slice by slice.

    `shorts` are 0 or less. Slices with equity not above zero have no gross or net and are left out of these two.
    """
    n = equity.shape[0]
    gross, net, money = 0.0, 0.0, 0.0
    solvent, held = 0, 0
    for k in range(n):
        money += equity[k]
        if positions[k] > 0:
            held += 1
        if equity[k] > 0.0:
            gross += (longs[k] - shorts[k]) / equity[k]
            net += (longs[k] + shorts[k]) / equity[k]
            solvent += 1
    if n == 0 or solvent == 0:
        return np.nan, np.nan, np.nan, np.nan
    return gross / solvent, net / solvent, held / n, money / n


@njit()
def ledger(pnl: Floats, order: Ints, is_open: Bools) -> tuple[int, int, int, float, float, int]:
    """(closed trades, wins, losses, money won, money lost, longest losing streak) of net `pnl`, taken in `order`.

    A win is above 0, a loss below; a trade at exactly 0 is neither, and ends a streak. Money lost is 0 or more.
    """
    count, wins, losses, streak, longest = 0, 0, 0, 0, 0
    won, lost = 0.0, 0.0
    for k in range(order.shape[0]):
        j = order[k]
        if is_open[j]:
            continue
        count += 1
        if pnl[j] < 0.0:
            losses += 1
            lost -= pnl[j]
            streak += 1
            longest = max(longest, streak)
        else:
            streak = 0
            if pnl[j] > 0.0:
                wins += 1
                won += pnl[j]
    return count, wins, losses, won, lost, longest


@njit()
def turned(
    quantity: Floats, price: Floats, reference: Floats, fee: Floats, multiplier: Floats, orders: Bools
) -> tuple[float, float, float]:
    """(value traded, fees, slippage) of (F,) fills in money; value only of those that `orders` marks as trading."""
    value, fees, slippage = 0.0, 0.0, 0.0
    for k in range(quantity.shape[0]):
        unit = multiplier[k]
        if orders[k]:
            value += abs(quantity[k]) * price[k] * unit
        fees += fee[k]
        slippage += quantity[k] * (price[k] - reference[k]) * unit
    return value, fees, slippage


@njit()
def growth(ratio: float, years: float) -> float:
    """`ratio` as an equal return per year; infinite where that is too large to be a number."""
    return float(ratio ** (1.0 / years) - 1.0)


@njit()
def equal_weight(close: Floats, member: Bools, capital: float, last: Floats, out: Floats) -> None:
    """Write to `out` (T,) what `capital` becomes in equal weights rebalanced every slice.

    Each slice earns the mean return, over its previous bar, of the names that have a bar; `close` is (T, N) adjusted,
    `member` (T, N) or (1, N) says whose return of the next slice counts, `last` is (N,) NaN to scribble on.
    """
    value = capital
    for t in range(close.shape[0]):
        total, count = 0.0, 0
        before = member[max(t - 1, 0) if member.shape[0] > 1 else 0]
        for i in range(close.shape[1]):
            price = close[t, i]
            if math.isnan(price):
                continue
            if last[i] > 0.0 and before[i]:
                total += price / last[i] - 1.0
                count += 1
            last[i] = price
        if count > 0:
            value *= 1.0 + total / count
        out[t] = value
