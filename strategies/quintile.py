"""quintile: hold the best of the cross-section long, the worst short, each leg filtered by the sign of its forecast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.contracts import Rule
from engine.shapes import Day, View
from engine.signatures import DECIDE
from engine.types import Bools, Codes, Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.rules import Quintile

QUANTILE, LONG, SHORT, POSITIVE_ONLY, NEGATIVE_ONLY, EQUAL, DUE, EVERY, MIN_NAMES, COOLDOWN, N_PARAMS = range(11)
DAILY, WEEKLY, MONTHLY, N_BARS = 0.0, 1.0, 2.0, 3.0
MARGIN, WORK, SPARE, LEG, TIED, N_STATE = range(6)  # rows of the state; LEG is +1, -1 or 0 for this slice


@njit(forceinline=True)
def is_due(t: int, day: Day, params: Floats) -> bool:
    """Whether slice `t` rebalances."""
    if params[DUE] == WEEKLY:
        return day.last_of_week == 1
    if params[DUE] == MONTHLY:
        return day.last_of_month == 1
    if params[DUE] == N_BARS:
        return t % int(params[EVERY]) == 0
    return day.last_of_day == 1


@njit(forceinline=True)
def kth_largest(values: Floats, spare: Floats, count: int, k: int) -> float:
    """The k-th largest (k from 1) of values[:count]; both arrays are scribbled on. Hoare (1961), without branches.

    Each pass writes what is above the pivot into one array and what is below into the other, moving an index or not: which
    way a forecast goes cannot be guessed, and a processor that guesses wrong loses more time than the write costs.
    """
    source, other = values, spare
    while True:
        first, middle, last = source[0], source[count // 2], source[count - 1]
        pivot = max(min(first, middle), min(max(first, middle), last))
        above, below = 0, 0
        for j in range(count):
            value = source[j]
            other[above] = value
            above += 1 if value > pivot else 0
            source[below] = value
            below += 1 if value < pivot else 0
        if k <= above:
            source, other = other, source
            count = above
        elif k <= count - below:
            return float(pivot)
        else:
            k -= count - below
            count = below


@njit(forceinline=True)
def pick(side: float, k: int, forecast: Floats, tradable: Bools, symbol_rank: Ints, state: Floats) -> None:
    """Add `side` to state[LEG] for the k names whose side x forecast is highest, ties by ascending symbol.

    Also narrows the decision margin by the gap between the last name in and the first name out.
    """
    n, count = forecast.shape[0], 0
    for i in range(n):
        if tradable[i] and not math.isnan(forecast[i]):
            state[WORK, count] = side * forecast[i]
            count += 1
    edge = kth_largest(state[WORK], state[SPARE], count, k)
    above, tied, runner_up = 0, 0, -np.inf
    for i in range(n):
        value = side * forecast[i] if tradable[i] else np.nan
        state[LEG, i] += side if value > edge else 0.0
        above += 1 if value > edge else 0
        tied += 1 if value == edge else 0
        runner_up = value if value < edge and value > runner_up else runner_up
    if above + tied > k:
        runner_up = edge
    if edge - runner_up < state[MARGIN, 0]:
        state[MARGIN, 0] = edge - runner_up
    take_ties(side, k - above, tied, edge, forecast, tradable, symbol_rank, state)


@njit(forceinline=True)
def take_ties(
    side: float,
    room: int,
    tied: int,
    edge: float,
    forecast: Floats,
    tradable: Bools,
    symbol_rank: Ints,
    state: Floats,
) -> None:
    """Add `side` for the first `room` of the names at the edge, by ascending symbol."""
    n = forecast.shape[0]
    if room < tied:
        state[TIED] = -1.0
        for i in range(n):
            if tradable[i] and side * forecast[i] == edge:
                state[TIED, symbol_rank[i]] = i
        for place in range(n):
            if room > 0 and state[TIED, place] >= 0.0:
                state[LEG, int(state[TIED, place])] += side
                room -= 1
    else:
        for i in range(n):
            if tradable[i] and side * forecast[i] == edge:
                state[LEG, i] += side


@njit(forceinline=True)
def filter_signs(forecast: Floats, view: View, params: Floats, state: Floats, codes: Codes) -> tuple[int, int]:
    """(longs, shorts) left in state[LEG] after the sign filters; names not held that they drop get their decision."""
    longs, shorts = 0, 0
    for i in range(forecast.shape[0]):
        leg = state[LEG, i]
        wrong_long = leg > 0.0 and params[POSITIVE_ONLY] != 0.0 and not forecast[i] > 0.0
        wrong_short = leg < 0.0 and params[NEGATIVE_ONLY] != 0.0 and not forecast[i] < 0.0
        if wrong_long or wrong_short:
            state[LEG, i] = 0.0
            if view.quantity[i] == 0.0:
                codes[i] |= np.uint32(c.SIGN_FILTER)
        elif leg > 0.0:
            longs += 1
        elif leg < 0.0:
            shorts += 1
    return longs, shorts


@njit(forceinline=True)
def count_names(forecast: Floats, has_bar: Bools, tradable: Bools, codes: Codes, target: Floats) -> int:
    """How many names have a forecast; names without a bar or membership get their decision here."""
    count = 0
    for i in range(forecast.shape[0]):
        if not has_bar[i]:
            codes[i] |= np.uint32(c.NO_BAR_NOW)
        elif not tradable[i]:
            target[i] = 0.0
            codes[i] |= np.uint32(c.NOT_MEMBER)
        elif not math.isnan(forecast[i]):
            count += 1
    return count


@njit(forceinline=True)
def leave_alone(decision: int, tradable: Bools, codes: Codes) -> None:
    """Give every tradable name the same decision and no target, whether it has a forecast or not."""
    for i in range(tradable.shape[0]):
        if tradable[i]:
            codes[i] |= np.uint32(decision)


@njit(DECIDE)
def decide(
    t: int,
    day: Day,
    equity: float,
    cash: float,
    view: View,
    has_bar: Bools,
    member: Bools,
    tradable: Bools,
    sector: Ints,
    symbol_rank: Ints,
    forecasts: Floats,
    params: Floats,
    state: Floats,
    target: Floats,
    codes: Codes,
) -> int:
    """Write the weights of slice `t`, before exposure; NaN everywhere on a slice that does not rebalance."""
    forecast = forecasts[0]
    names = count_names(forecast, has_bar, tradable, codes, target)
    if not is_due(t, day, params):
        leave_alone(c.NOT_DUE, tradable, codes)
        return 0
    if names < max(1.0, params[MIN_NAMES]):
        leave_alone(c.TOO_FEW, tradable, codes)
        return 0
    k = max(1, math.floor(params[QUANTILE] * names + 1e-9))
    state[LEG] = 0.0
    if params[LONG] != 0.0:
        pick(1.0, k, forecast, tradable, symbol_rank, state)
    if params[SHORT] != 0.0:
        pick(-1.0, k, forecast, tradable, symbol_rank, state)
    longs, shorts = filter_signs(forecast, view, params, state, codes)
    for i in range(forecast.shape[0]):
        if not tradable[i]:
            continue
        leg, held = state[LEG, i], view.quantity[i] != 0.0
        target[i] = 0.0
        if math.isnan(forecast[i]):
            codes[i] |= np.uint32(c.NO_FORECAST)
            continue
        if leg == 0.0:
            if codes[i] & np.uint32(c.DECISION_MASK) == np.uint32(0):
                codes[i] |= np.uint32(c.LEAVE if held else c.RANK_CUT)
            continue
        if not held and view.exit_t[i] >= 0 and t - view.exit_t[i] < params[COOLDOWN]:
            codes[i] |= np.uint32(c.COOLDOWN)
            continue
        shares = k if params[EQUAL] == 0.0 else (longs if leg > 0.0 else shorts)
        target[i] = leg / shares
        codes[i] |= np.uint32(c.IN_POSITION if leg * view.quantity[i] > 0.0 else c.ENTER)
    return 0


def build(config: Config, n: int, unit: str) -> Rule:
    """The rule as the engine runs it: kernel, parameters, fresh state for `n` instruments."""
    s = cast("Quintile", config.strategy)
    params = np.zeros(N_PARAMS)
    params[QUANTILE], params[MIN_NAMES], params[COOLDOWN] = s.quantile, s.min_names, s.cooldown
    params[LONG], params[SHORT] = s.side != "short", s.side != "long"
    params[POSITIVE_ONLY], params[NEGATIVE_ONLY] = s.positive_only, s.negative_only
    params[EQUAL] = s.weight == "equal"
    if isinstance(s.rebalance, int):
        params[DUE], params[EVERY] = N_BARS, s.rebalance
    else:
        params[DUE] = {"daily": DAILY, "weekly": WEEKLY, "monthly": MONTHLY}[s.rebalance]
    state = np.zeros((N_STATE, n))
    state[MARGIN] = np.inf
    return Rule(kernel=decide, params=params, state=state, signals=(s.signal,))
