"""Fees, slippage, lots, participation, and `book`: the only place where a fill changes the account."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import CASH, STOOD, Account, Desk, Log, Rules

EPSILON = 1e-9  # every floor is floor(x + 1e-9)


@inner()
def floor_lot(quantity: float, lot: float) -> float:
    """`quantity` cut toward zero to whole lots; unchanged where the lot is 0 (any fraction)."""
    if lot == 0.0:
        return quantity
    whole = np.floor(abs(quantity) / lot + EPSILON) * lot  # math.floor would be an int64, and overflow
    return whole if quantity > 0.0 else -whole


@inner()
def dust(size: float, lot: float) -> float:
    """The quantity below which rounding, not a decision, speaks: a part of the lot, or of `size` where there is none."""
    return EPSILON * lot if lot > 0.0 else 1e-12 * abs(size)


@inner()
def fee_of(quantity: float, price: float, multiplier: float, rules: Rules) -> float:
    """Money charged for one fill, 0 or more: value x commission + shares x per_share + per_order, at least min_fee."""
    size = abs(quantity)
    if size == 0.0:
        return 0.0
    fee = size * price * multiplier * rules.commission + size * rules.per_share + rules.per_order
    return max(fee, rules.min_fee)


@inner()
def slipped(i: int, quantity: float, price: float, d: Desk) -> float:
    """`price` moved against a signed `quantity`: slippage plus impact x volatility x sqrt(quantity / volume)."""
    bars, rules = d.bars, d.rules
    rate = rules.slippage
    if rules.impact > 0.0 and bars.volume[i] > 0.0 and bars.volatility[i] > 0.0:
        rate += rules.impact * bars.volatility[i] * math.sqrt(abs(quantity) / bars.volume[i])
    rate = min(rate, 1.0)  # a sale can fetch nothing, but nobody pays to sell
    return price * (1.0 + rate) if quantity > 0.0 else price * (1.0 - rate)


@inner()
def allowed(i: int, size: float, d: Desk) -> float:
    """How much of an unsigned `size` the bar's volume still allows; all of it where volume or the rule is unknown."""
    bars, rules, specs, scratch = d.bars, d.rules, d.specs, d.scratch
    if math.isnan(rules.max_participation) or math.isnan(bars.volume[i]):
        return size
    left = floor_lot(rules.max_participation * bars.volume[i], specs.lot[i]) - scratch.used[i]
    small = dust(size, specs.lot[i])
    if left >= size - small:
        return size
    return left if left > small else 0.0


@inner()
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


@inner()
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


@inner()
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


@inner()
def book(i: int, quantity: float, price: float, reference: float, fee: float, reason: int, d: Desk) -> None:
    """Apply one fill that either grows or shrinks a position, never flips it (a flip is two fills)."""
    specs, account = d.specs, d.account
    before, fate = account.quantity[i], fate_of(reason)
    account.money[CASH] -= quantity * price * specs.multiplier[i] + fee
    d.scratch.used[i] += abs(quantity)
    write_fill(d.log, d.t, i, quantity, price, reference, fee, reason)
    d.codes[i] |= np.uint32(c.FILLED | fate)
    if before == 0.0:
        account.quantity[i] = quantity
        account.entry[i] = price
        account.basis[i] = price
        account.extreme[i] = price
        account.entry_t[i] = d.t
        account.held[i] = 0
        account.armed[i] = False
    elif before * quantity > 0.0:
        after = before + quantity
        account.entry[i] += (price - account.entry[i]) * (quantity / after)  # exact where the prices are equal
        account.basis[i] += (price - account.basis[i]) * (quantity / after)
        account.quantity[i] = after
    else:
        after = before + quantity
        if abs(after) <= dust(before, specs.lot[i]) or after * before <= 0.0:
            clear(i, d.t, fate if fate != 0 else c.FILLED, account)
        else:
            account.quantity[i] = after


@inner(forceinline=False)
def stand_again(i: int, quantity: float, reason: int, d: Desk) -> None:
    """Write what participation cut from an exit as the order of the next slice; it outranks what waits for that one."""
    orders = d.orders
    row = (d.t + 1) % orders.quantity.shape[0]
    orders.quantity[row, i] = quantity
    orders.reason[row, i] = reason
    orders.reduce_only[row, i] = True
    d.scratch.counts[STOOD] += 1


@inner(forceinline=False)
def cancel(i: int, d: Desk) -> None:
    """Cancel the instrument's order of the ring for this slice, and all its explicit orders.

    Explicit orders that wait for later slices were meant for the position that is gone now: a sale would open a short.
    """
    orders, explicit = d.orders, d.explicit
    row = d.t % orders.quantity.shape[0]
    if not math.isnan(orders.quantity[row, i]):
        orders.quantity[row, i] = np.nan
        d.codes[i] |= np.uint32(c.CANCELLED)
    for k in range(explicit.count[0]):
        if explicit.instrument[k] == i and explicit.due[k] >= 0:
            explicit.due[k] = -1
            d.codes[i] |= np.uint32(c.CANCELLED)


@inner()
def leave(i: int, reference: float, slips: bool, reason: int, d: Desk) -> None:
    """Close what is held of `i` at `reference`; cancel its orders of this slice; what participation cuts stands again."""
    held = d.account.quantity[i]
    size = allowed(i, abs(held), d)
    cancel(i, d)
    d.scratch.acted[i] = True
    sign = -1.0 if held > 0.0 else 1.0
    if size < abs(held):
        d.codes[i] |= np.uint32(c.PARTICIPATION)
        stand_again(i, sign * (abs(held) - size), reason, d)
    if size == 0.0:
        return
    quantity = sign * size
    price = slipped(i, quantity, reference, d) if slips else reference
    fee = fee_of(quantity, price, d.specs.multiplier[i], d.rules)
    book(i, quantity, price, reference, fee, reason, d)
