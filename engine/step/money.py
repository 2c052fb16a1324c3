"""Fees, slippage, lots, participation, and `book`: the only place where a fill changes the account."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import CASH, Account, Bars, Log, Orders, Rules, Scratch, Specs
from engine.types import Codes

EPSILON = 1e-9  # every floor is floor(x + 1e-9)


@njit(forceinline=True)
def floor_lot(quantity: float, lot: float) -> float:
    """`quantity` cut toward zero to whole lots; unchanged where the lot is 0 (any fraction)."""
    if lot == 0.0:
        return quantity
    whole = np.floor(abs(quantity) / lot + EPSILON) * lot  # math.floor would be an int64, and overflow
    return whole if quantity > 0.0 else -whole


@njit(forceinline=True)
def dust(size: float, lot: float) -> float:
    """The quantity below which rounding, not a decision, speaks: a part of the lot, or of `size` where there is none."""
    return EPSILON * lot if lot > 0.0 else 1e-12 * abs(size)


@njit(forceinline=True)
def fee_of(quantity: float, price: float, multiplier: float, rules: Rules) -> float:
    """Money charged for one fill, 0 or more: value x commission + shares x per_share + per_order, at least min_fee."""
    size = abs(quantity)
    if size == 0.0:
        return 0.0
    fee = size * price * multiplier * rules.commission + size * rules.per_share + rules.per_order
    return max(fee, rules.min_fee)


@njit(forceinline=True)
def slipped(i: int, quantity: float, price: float, bars: Bars, rules: Rules) -> float:
    """`price` moved against a signed `quantity`: slippage plus impact x volatility x sqrt(quantity / volume)."""
    rate = rules.slippage
    if rules.impact > 0.0 and bars.volume[i] > 0.0 and bars.volatility[i] > 0.0:
        rate += rules.impact * bars.volatility[i] * math.sqrt(abs(quantity) / bars.volume[i])
    rate = min(rate, 1.0)  # a sale can fetch nothing, but nobody pays to sell
    return price * (1.0 + rate) if quantity > 0.0 else price * (1.0 - rate)


@njit(forceinline=True)
def allowed(i: int, size: float, bars: Bars, rules: Rules, specs: Specs, scratch: Scratch) -> float:
    """How much of an unsigned `size` the bar's volume still allows; all of it where volume or the rule is unknown."""
    if math.isnan(rules.max_participation) or math.isnan(bars.volume[i]):
        return size
    left = floor_lot(rules.max_participation * bars.volume[i], specs.lot[i]) - scratch.used[i]
    if left >= size - dust(size, specs.lot[i]):
        return size
    return max(0.0, left)


@njit(forceinline=True)
def write_fill(
    log: Log, t: int, i: int, quantity: float, price: float, reference: float, fee: float, reason: int
) -> None:
    """Append one fill to the log; the caller has made sure there is room."""
    k = log.count[0]
    log.t[k] = t
    log.instrument[k] = i
    log.quantity[k] = quantity
    log.price[k] = price
    log.reference[k] = reference
    log.fee[k] = fee
    log.reason[k] = reason
    log.count[0] = k + 1


@njit(forceinline=True)
def clear(i: int, t: int, fate: int, account: Account) -> None:
    """Make instrument `i` flat, remembering when and by what."""
    account.quantity[i] = 0.0
    account.entry[i] = np.nan
    account.basis[i] = np.nan
    account.extreme[i] = np.nan
    account.stop[i] = np.nan
    account.take_profit[i] = np.nan
    account.entry_t[i] = -1
    account.armed[i] = False
    account.held[i] = 0
    account.exit_t[i] = t
    account.exit_code[i] = fate


@njit(forceinline=True)
def fate_of(reason: int) -> int:
    """The fate bit that a fill of this reason sets beside FILLED."""
    if reason == c.REASON_STOP:
        return c.STOPPED
    if reason == c.REASON_TARGET:
        return c.TARGET
    if reason == c.REASON_TRAIL:
        return c.TRAILED
    if reason == c.REASON_BREAK_EVEN:
        return c.BREAK_EVEN
    if reason == c.REASON_TIME:
        return c.TIMED_OUT
    if reason == c.REASON_FLATTEN or reason == c.REASON_MAINTENANCE:
        return c.FLATTENED
    if reason == c.REASON_RUIN:
        return c.RUINED
    return 0


@njit(forceinline=True)
def book(
    t: int,
    i: int,
    quantity: float,
    price: float,
    reference: float,
    fee: float,
    reason: int,
    specs: Specs,
    account: Account,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Apply one fill that either grows or shrinks a position, never flips it (a flip is two fills)."""
    before, fate = account.quantity[i], fate_of(reason)
    account.money[CASH] -= quantity * price * specs.multiplier[i] + fee
    scratch.used[i] += abs(quantity)
    write_fill(log, t, i, quantity, price, reference, fee, reason)
    codes[i] |= np.uint32(c.FILLED | fate)
    if before == 0.0:
        account.quantity[i] = quantity
        account.entry[i] = price
        account.basis[i] = price
        account.extreme[i] = price
        account.entry_t[i] = t
        account.held[i] = 0
        account.armed[i] = False
    elif before * quantity > 0.0:
        after = before + quantity
        account.entry[i] = (account.entry[i] * before + price * quantity) / after
        account.basis[i] = (account.basis[i] * before + price * quantity) / after
        account.quantity[i] = after
    else:
        after = before + quantity
        if abs(after) <= dust(before, specs.lot[i]) or after * before <= 0.0:
            clear(i, t, fate if fate != 0 else c.FILLED, account)
        else:
            account.quantity[i] = after


@njit(forceinline=True)
def stand_again(t: int, i: int, quantity: float, reason: int, orders: Orders) -> None:
    """Write what participation cut from an exit as the order of the next slice; it outranks what waits for that one."""
    row = (t + 1) % orders.quantity.shape[0]
    orders.quantity[row, i] = quantity
    orders.reason[row, i] = reason
    orders.reduce_only[row, i] = True


@njit(forceinline=True)
def leave(
    t: int,
    i: int,
    reference: float,
    slips: bool,
    reason: int,
    bars: Bars,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Close what is held of `i` at `reference`; cancel its order of this slice; what participation cuts stands again."""
    held = account.quantity[i]
    size = allowed(i, abs(held), bars, rules, specs, scratch)
    row = t % orders.quantity.shape[0]
    if not math.isnan(orders.quantity[row, i]):
        orders.quantity[row, i] = np.nan
        codes[i] |= np.uint32(c.CANCELLED)
    scratch.acted[i] = True
    sign = -1.0 if held > 0.0 else 1.0
    if size < abs(held):
        codes[i] |= np.uint32(c.PARTICIPATION)
        stand_again(t, i, sign * (abs(held) - size), reason, orders)
    if size == 0.0:
        return
    quantity = sign * size
    price = slipped(i, quantity, reference, bars, rules) if slips else reference
    fee = fee_of(quantity, price, specs.multiplier[i], rules)
    book(t, i, quantity, price, reference, fee, reason, specs, account, log, scratch, codes)
