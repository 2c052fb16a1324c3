"""One name's bars: returns from the market's path and its own noise, prices inside the bar, volume, actions, holes.

Every bar draws from a stream of its own, so a name's bars are the same whatever names are made beside it.
"""

from __future__ import annotations

import math

from engine.compiled import njit
from engine.markets import chance, scores
from engine.markets.chance import State
from engine.markets.kinds import DELISTED, HALTED, LOST, NONE, TRADED, Block, Path, Rules, Traits
from engine.types import Floats

# Slots of a name's state.
VARIANCE, PRICE, SHARES, NOISE, BUSY, HALT, DUE, ALPHA, LAST, N_STATE = range(10)
QUIET = 0.1  # no split on a bar that moves further: it could not be told from the move
LONGEST_HALT = 15  # bars: the engine takes a name without a bar for 20 days for dead


@njit()
def fill(
    seed: State, names: int, path: Path, traits: Traits, rules: Rules, block: Block, state: Floats, memory: Floats
) -> None:
    """Fill row k of `block` with the bars of name `names` + k; `state` and `memory` are scribbled on."""
    for k in range(block.close.shape[0]):
        name = names + k
        state[:] = 0.0
        memory[:] = 0.0
        state[VARIANCE], state[PRICE], state[LAST] = 1.0, traits.price[name], math.nan
        for t in range(traits.first[name], min(traits.end[name], block.close.shape[1])):
            bar(seed, t, name, k, path, traits, rules, block, state, memory)
        for t in range(traits.end[name], block.close.shape[1]):
            block.why[k, t] = DELISTED


@njit()
def bar(
    seed: State, t: int, name: int, k: int, path: Path, traits: Traits, rules: Rules, block: Block, state: Floats,
    memory: Floats,
) -> None:  # fmt: skip
    """Make bar `t` of a name, or the hole where it should be."""
    s = chance.stream(seed, chance.BAR, name, t)
    s, gap, intraday, variance = moves(s, t, name, path, traits, rules, state)
    top, bottom = 0.0, 0.0
    s, top, bottom = extremes(s, variance, intraday, rules.steps)
    why = hole(seed, t, name, rules, state)
    block.why[k, t] = why
    due = traits.payout[name] > 0.0 and t >= traits.phase[name] and (t - traits.phase[name]) % rules.every == 0
    state[DUE] = 1.0 if due else state[DUE]
    split, cash = 1.0, 0.0
    if why == TRADED and not math.isnan(state[LAST]):
        s, split = splits(s, gap + intraday, rules, state)
        if split == 1.0 and state[DUE] == 1.0:
            cash = traits.payout[name] * state[PRICE]
            cash = (
                cash if cash < 0.5 * math.exp(gap + bottom) * state[PRICE] else 0.0
            )  # a crash: it waits for another day
            state[DUE] = 1.0 if cash == 0.0 else 0.0
    opened = state[PRICE] * math.exp(gap) / split
    state[SHARES] += math.log(split)
    state[PRICE] = max(opened * math.exp(intraday) - cash, rules.tick)
    s = busy(s, variance / (1.0 - rules.overnight) / traits.usual[name], rules, state)
    state[ALPHA] = 0.0
    if why != TRADED:
        return
    block.split[k, t], block.dividend[k, t] = split, cash
    block.open[k, t] = rounded(opened - cash, rules.tick)
    block.high[k, t] = rounded(opened * math.exp(top) - cash, rules.tick)
    block.low[k, t] = rounded(opened * math.exp(bottom) - cash, rules.tick)
    block.close[k, t] = rounded(state[PRICE], rules.tick)
    amount = math.exp(math.log(traits.shares[name]) + state[SHARES] + state[BUSY] + path.crowd[t])
    block.volume[k, t] = math.floor(amount) + 1.0
    signal(
        seed, t, name, k, path, rules, block, state, memory, math.log(split * (block.close[k, t] + cash) / state[LAST])
    )
    state[LAST] = block.close[k, t]


@njit(forceinline=True)
def moves(
    s: State, t: int, name: int, path: Path, traits: Traits, rules: Rules, state: Floats
) -> tuple[State, float, float, float]:
    """(next state, return over night, return of the day, the variance of the day's path)."""
    s, w = chance.mixture(s, rules.df)
    s, night = chance.normal(s)
    s, day = chance.normal(s)
    size = traits.volatility[name] * path.scale[t] * math.sqrt(state[VARIANCE] * w)
    night, day = night * math.sqrt(rules.overnight), day * math.sqrt(1.0 - rules.overnight)
    shock = math.sqrt(state[VARIANCE] * w) * (night + day)
    slope = rules.alpha + (rules.gamma if shock < 0.0 else 0.0)
    omega = 1.0 - rules.alpha - 0.5 * rules.gamma - rules.beta
    state[VARIANCE] = omega + slope * shock * shock + rules.beta * state[VARIANCE]
    sector = traits.sector[name]
    gap, intraday = size * night, size * day + state[ALPHA] * path.strength[t]
    variance = size * size * (1.0 - rules.overnight)
    if path.sector_gap.shape[1] > 0:
        gap += path.sector_gap[t, sector]
        intraday += path.sector_intraday[t, sector]
        variance += path.sector_variance[t]
    for i in range(traits.beta.shape[1]):
        gap += traits.beta[name, i] * path.gap[t, i]
        intraday += traits.beta[name, i] * path.intraday[t, i]
        for j in range(traits.beta.shape[1]):
            variance += traits.beta[name, i] * traits.beta[name, j] * path.covariance[t, i, j]
    s, u = chance.uniform(s)
    s, z = chance.normal(s)
    gap -= traits.drag[name] * rules.overnight + rules.jump_chance * rules.jump_mean
    intraday -= traits.drag[name] * (1.0 - rules.overnight)
    gap += rules.jump_mean + rules.jump_spread * z if u < rules.jump_chance else 0.0
    return s, gap, intraday, variance


@njit(forceinline=True)
def extremes(s: State, variance: float, end: float, steps: int) -> tuple[State, float, float]:
    """(next state, highest, lowest) of a Brownian bridge from 0 to `end`.

    It is drawn at `steps` points; between two of them the maximum and the minimum have known laws. They are drawn apart,
    which is wrong only where one piece holds both: with 8 pieces the squared range is right to a thousandth.
    """
    here, top, bottom = 0.0, max(0.0, end), min(0.0, end)
    piece = variance / steps
    for k in range(steps):
        left = steps - k
        there = end
        if left > 1:
            s, z = chance.normal(s)
            there = here + (end - here) / left + z * math.sqrt(piece * (left - 1) / left)
        square = (there - here) * (there - here)
        s, u = chance.uniform(s)
        top = max(top, 0.5 * (here + there + math.sqrt(square - 2.0 * piece * math.log(u))))
        s, u = chance.uniform(s)
        bottom = min(bottom, 0.5 * (here + there - math.sqrt(square - 2.0 * piece * math.log(u))))
        here = there
    return s, top, bottom


@njit(forceinline=True)
def hole(seed: State, t: int, name: int, rules: Rules, state: Floats) -> int:
    """Why bar `t` is there, or is not. A first bar always is."""
    s = chance.stream(seed, chance.FLAW, name, t)
    if state[HALT] > 0.0:  # the bar after a halt always comes, so that two halts never touch
        state[HALT] -= 1.0
        return HALTED if state[HALT] > 0.0 else TRADED
    s, u = chance.uniform(s)
    s, v = chance.uniform(s)
    if math.isnan(state[LAST]):
        return TRADED
    if u < rules.halt_chance:
        length = (
            1.0 + math.floor(math.log(v) / math.log(1.0 - 1.0 / rules.halt_length)) if rules.halt_length > 1.0 else 1.0
        )
        state[HALT] = min(length, LONGEST_HALT)
        return HALTED
    s, u = chance.uniform(s)
    return LOST if u < rules.lost_chance else TRADED


@njit(forceinline=True)
def splits(s: State, moved: float, rules: Rules, state: Floats) -> tuple[State, float]:
    """(next state, new shares per old): one day soon after the price has left its usual range."""
    s, u = chance.uniform(s)
    s, v = chance.uniform(s)
    if u > 0.05 or abs(moved) > QUIET:
        return s, 1.0
    if rules.split_above > 0.0 and state[PRICE] > rules.split_above:
        return s, 2.0 if v < 0.6 else (3.0 if v < 0.8 else 1.5)
    if state[PRICE] < rules.split_below:
        return s, 0.1
    return s, 1.0


@njit(forceinline=True)
def busy(s: State, surprise: float, rules: Rules, state: Floats) -> State:
    """Move the log of volume, over its usual: it follows the bar's variance, and has a noise that remembers."""
    s, z = chance.normal(s)
    state[NOISE] = rules.memory * state[NOISE] + math.sqrt(1.0 - rules.memory * rules.memory) * z
    state[BUSY] = rules.noise * state[NOISE] + 0.5 * rules.elasticity * math.log(max(surprise, 1e-12))
    return s


@njit(forceinline=True)
def rounded(price: float, tick: float) -> float:
    """`price` on its tick, one tick at least."""
    return max(tick, math.floor(price / tick + 0.5) * tick) if tick > 0.0 else price


@njit(forceinline=True)
def signal(
    seed: State, t: int, name: int, k: int, path: Path, rules: Rules, block: Block, state: Floats, memory: Floats,
    moved: float,
) -> None:  # fmt: skip
    """Write what can be seen on bar `t` of the signal, and what it will pay on the next."""
    s = chance.stream(seed, chance.DRIVER, name, t)
    s, x = scores.drive(s, rules, moved, memory)
    block.driver[k, t] = x
    if rules.shape == NONE:
        return
    worth = scores.score(x, rules, memory)
    if rules.gate >= 0 and path.regime[t] != rules.gate:
        worth *= 0.0
    block.score[k, t] = worth
    block.oracle[k, t] = rules.ratio * path.dispersion[t + 1] * worth
    state[ALPHA] = 0.0 if math.isnan(worth) else block.oracle[k, t]
