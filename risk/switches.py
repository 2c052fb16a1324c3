"""Switches stop trading when the account has lost too much, and latch until their `resume` lets go.

One row of parameters and one of state per switch. Drawdown is measured from the highest marked equity (the capital before the
first slice included); when a drawdown switch resumes, the high-water mark starts again at the equity of that slice, or it would
trip at once. Daily loss is measured from the equity that closed the previous day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.compiled import njit
from engine.contracts import Guard
from engine.signatures import FLATTEN_ALL, GO, GUARD, HALT, REDUCE_SHIFT, REDUCE_UNIT, Day, View
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config

KIND, AT, ACTION, FACTOR, RESUME, BARS, N_PARAMS = range(7)
DRAWDOWN, DAILY_LOSS = 0.0, 1.0
FLATTEN, HALTS, REDUCES = 0.0, 1.0, 2.0
NEVER, NEXT_DAY, AFTER_BARS = 0.0, 1.0, 2.0
SLACK = 1e-9  # in floats 1 - 0.8 is below 0.2
LATCHED, SINCE, SINCE_DAY, REFERENCE, TODAY, LAST_EQUITY, N_STATE = range(7)


@njit(forceinline=True)
def observe(equity: float, day: Day, rule: Floats, memory: Floats) -> float:
    """The loss a switch watches, as a fraction of its reference; its memory moves on."""
    if rule[KIND] == DRAWDOWN:
        memory[REFERENCE] = max(memory[REFERENCE], equity)
    elif memory[TODAY] != day.number:
        memory[REFERENCE] = memory[LAST_EQUITY]
        memory[TODAY] = day.number
    memory[LAST_EQUITY] = equity
    return 1.0 - equity / memory[REFERENCE]


@njit(forceinline=True)
def lets_go(t: int, day: Day, rule: Floats, memory: Floats) -> bool:
    """Whether a latched switch resumes at slice `t`."""
    if rule[RESUME] == NEXT_DAY:
        return day.number > memory[SINCE_DAY]
    return rule[RESUME] == AFTER_BARS and t - memory[SINCE] >= rule[BARS]


@njit(GUARD)
def guard(t: int, day: Day, equity: float, cash: float, view: View, params: Floats, state: Floats) -> int:
    """The brake of slice `t`: what the latched switches together ask for; reduce factors multiply."""
    brake, factor = GO, 1.0
    for k in range(params.shape[0] // N_PARAMS):
        rule, memory = params[k * N_PARAMS : (k + 1) * N_PARAMS], state[k]
        if memory[LATCHED] != 0.0 and lets_go(t, day, rule, memory):
            memory[LATCHED] = 0.0
            if rule[KIND] == DRAWDOWN:
                memory[REFERENCE] = equity
        loss = observe(equity, day, rule, memory)
        if memory[LATCHED] == 0.0 and loss >= rule[AT] - SLACK:
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


def build(config: Config) -> Guard:
    """The switches of a run: kernel, one block of parameters and one row of state each."""
    rows, start = [], []
    for kind, switch in ((DRAWDOWN, config.switches.max_drawdown), (DAILY_LOSS, config.switches.daily_loss)):
        if switch is None:
            continue
        action = {"flatten": FLATTEN, "halt": HALTS, "reduce": REDUCES}[switch.action]
        if isinstance(switch.resume, int):
            resume, bars = AFTER_BARS, float(switch.resume)
        else:
            resume, bars = (NEXT_DAY if switch.resume == "next day" else NEVER), 0.0
        factor = 1.0 if switch.factor is None else switch.factor
        rows.append([kind, switch.at, action, factor, resume, bars])
        start.append([0.0, -1.0, -1.0, config.capital, -1.0, config.capital])
    params = np.array(rows, dtype=float).reshape(-1)
    return Guard(kernel=guard, params=params, state=np.array(start, dtype=float).reshape(len(rows), N_STATE))
