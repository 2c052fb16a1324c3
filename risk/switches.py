"""Switches stop trading when the account has lost too much, and latch until their `resume` lets go.

One block of parameters and one row of state per switch. Drawdown is measured from the highest marked equity (the capital
before the first slice included); when a drawdown switch resumes, the high-water mark starts again at the equity of that slice,
or it would trip at once. Daily loss and a losing streak are measured from the equity that closed the previous day. Sigma loss
and rolling Sharpe look at marked returns, kept in a ring behind the state's head. docs/step.md, "Switches".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.compiled import inner, njit
from engine.contracts import Guard
from engine.measures import ROUNDING
from engine.shapes import FLATTEN_ALL, GO, HALT, REDUCE_SHIFT, REDUCE_UNIT, Day, View
from engine.signatures import GUARD
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config

KIND, AT, ACTION, FACTOR, RESUME, BARS, WINDOW, PER_YEAR, N_PARAMS = range(9)
DRAWDOWN, DAILY_LOSS, SIGMA_LOSS, ROLLING_SHARPE, LOSING_STREAK = 0.0, 1.0, 2.0, 3.0, 4.0
FLATTEN, HALTS, REDUCES = 0.0, 1.0, 2.0
NEVER, NEXT_DAY, AFTER_BARS = 0.0, 1.0, 2.0
SLACK = 1e-9  # in floats 1 - 0.8 is below 0.2
LATCHED, SINCE, SINCE_DAY, REFERENCE, TODAY, LAST_EQUITY, SEEN, STREAK, N_STATE = range(9)  # then a ring of returns


@inner()
def drawdown(equity: float, memory: Floats) -> float:
    """The loss from the highest equity so far."""
    memory[REFERENCE] = max(memory[REFERENCE], equity)
    return 1.0 - equity / memory[REFERENCE]


@inner()
def daily_loss(equity: float, day: Day, memory: Floats) -> float:
    """The loss from the equity that closed the previous day."""
    if memory[TODAY] != day.number:
        memory[REFERENCE] = memory[LAST_EQUITY]
        memory[TODAY] = day.number
    return 1.0 - equity / memory[REFERENCE]


@inner()
def moments(first: int, count: int, memory: Floats) -> tuple[float, float]:
    """(mean, standard deviation with ddof 1) of `count` returns of the ring, from the `first`-th one seen on."""
    size = memory.shape[0] - N_STATE
    mean, total = 0.0, 0.0
    for k in range(first, first + count):
        mean += memory[N_STATE + k % size] / count
    for k in range(first, first + count):
        gap = memory[N_STATE + k % size] - mean
        total += gap * gap
    spread = math.sqrt(total / (count - 1))
    return mean, spread if spread > ROUNDING else 0.0


@inner()
def keep(equity: float, memory: Floats) -> int:
    """How many returns have been seen, after keeping the newest."""
    seen, size = int(memory[SEEN]), memory.shape[0] - N_STATE
    memory[N_STATE + seen % size] = equity / memory[LAST_EQUITY] - 1.0
    memory[SEEN] = seen + 1
    return seen + 1


@inner()
def sigma_loss(equity: float, rule: Floats, memory: Floats) -> float:
    """Minus the last return, in standard deviations of the returns before it; -inf while there are too few."""
    window, seen = int(rule[WINDOW]), keep(equity, memory)
    if seen <= window:
        return -np.inf
    spread = moments(seen - 1 - window, window, memory)[1]
    last = memory[N_STATE + (seen - 1) % (memory.shape[0] - N_STATE)]
    return -last / spread if spread > 0.0 else -np.inf


@inner()
def minus_sharpe(equity: float, rule: Floats, memory: Floats) -> float:
    """Minus the annualised Sharpe ratio of the last returns; -inf while there are too few or they never vary."""
    window, seen = int(rule[WINDOW]), keep(equity, memory)
    if seen < window:
        return -np.inf
    mean, spread = moments(seen - window, window, memory)
    return -mean / spread * math.sqrt(rule[PER_YEAR]) if spread > 0.0 else -np.inf


@inner()
def losing_streak(equity: float, day: Day, memory: Floats) -> float:
    """How many days in a row have closed below the day before; judged on a day's last slice."""
    if day.last_of_day == 1:
        memory[STREAK] = memory[STREAK] + 1.0 if equity < memory[REFERENCE] else 0.0
        memory[REFERENCE] = equity
    return memory[STREAK]


@inner()
def observe(equity: float, day: Day, rule: Floats, memory: Floats) -> float:
    """What a switch watches, in the unit of its `at`, larger is worse; its memory moves on."""
    if rule[KIND] == DRAWDOWN:
        seen = drawdown(equity, memory)
    elif rule[KIND] == DAILY_LOSS:
        seen = daily_loss(equity, day, memory)
    elif rule[KIND] == SIGMA_LOSS:
        seen = sigma_loss(equity, rule, memory)
    elif rule[KIND] == ROLLING_SHARPE:
        seen = minus_sharpe(equity, rule, memory)
    else:
        seen = losing_streak(equity, day, memory)
    memory[LAST_EQUITY] = equity
    return seen


@inner()
def lets_go(t: int, day: Day, rule: Floats, memory: Floats) -> bool:
    """Whether a latched switch resumes at slice `t`."""
    if rule[RESUME] == NEXT_DAY:
        return day.number > memory[SINCE_DAY]
    return rule[RESUME] == AFTER_BARS and t - memory[SINCE] >= rule[BARS]


@inner()
def start_counting(equity: float, day: Day, memory: Floats) -> float:
    """Nothing lost yet, for a switch that counts returns or days: those count that come after it has let go."""
    memory[LAST_EQUITY] = equity
    if day.last_of_day == 1:
        memory[REFERENCE] = equity
    return -np.inf


@inner()
def begin_anew(equity: float, rule: Floats, memory: Floats) -> None:
    """Forget what tripped a switch, so that it does not trip again at once."""
    memory[LATCHED] = 0.0
    memory[SEEN] = 0.0
    memory[STREAK] = 0.0
    if rule[KIND] == DRAWDOWN:
        memory[REFERENCE] = equity


@njit(GUARD)
def guard(t: int, day: Day, equity: float, cash: float, view: View, params: Floats, state: Floats) -> int:
    """The brake of slice `t`: what the latched switches together ask for; reduce factors multiply."""
    brake, factor = GO, 1.0
    for k in range(params.shape[0] // N_PARAMS):
        rule, memory = params[k * N_PARAMS : (k + 1) * N_PARAMS], state[k]
        if memory[LATCHED] != 0.0 and lets_go(t, day, rule, memory):
            begin_anew(equity, rule, memory)
            seen = (
                observe(equity, day, rule, memory) if rule[KIND] <= DAILY_LOSS else start_counting(equity, day, memory)
            )
        else:
            seen = observe(equity, day, rule, memory)
        if memory[LATCHED] == 0.0 and seen >= rule[AT] - SLACK:
            memory[LATCHED], memory[SINCE], memory[SINCE_DAY] = 1.0, t, day.number
        if memory[LATCHED] != 0.0:
            if rule[ACTION] == FLATTEN:
                brake |= FLATTEN_ALL
            elif rule[ACTION] == HALTS:
                brake |= HALT
            else:
                factor *= rule[FACTOR]
    if factor != 1.0:
        brake |= max(1, round(factor * REDUCE_UNIT)) << REDUCE_SHIFT
    return brake


def build(config: Config, bars_per_year: float) -> Guard:
    """The switches of a run: kernel, one block of parameters and one row of state each."""
    s = config.switches
    kinds: list[tuple[float, Any]] = [(DRAWDOWN, s.max_drawdown), (DAILY_LOSS, s.daily_loss)]
    kinds += [(SIGMA_LOSS, s.sigma_loss), (ROLLING_SHARPE, s.rolling_sharpe), (LOSING_STREAK, s.losing_streak)]
    rows, longest = [], 1
    for kind, switch in kinds:
        if switch is None:
            continue
        action = {"flatten": FLATTEN, "halt": HALTS, "reduce": REDUCES}[switch.action]
        if isinstance(switch.resume, int):
            resume, bars = AFTER_BARS, float(switch.resume)
        else:
            resume, bars = (NEXT_DAY if switch.resume == "next day" else NEVER), 0.0
        factor = 1.0 if switch.factor is None else switch.factor
        window = getattr(switch, "window", 0)
        at = -switch.at if kind == ROLLING_SHARPE else switch.at
        rows.append([kind, at, action, factor, resume, bars, window, bars_per_year])
        longest = max(longest, window + 1)
    params = np.array(rows, dtype=float).reshape(-1)
    state = np.zeros((len(rows), N_STATE + longest))
    state[:, [SINCE, SINCE_DAY, TODAY]] = -1.0
    state[:, [REFERENCE, LAST_EQUITY]] = config.capital
    return Guard(kernel=guard, params=params, state=state)
