"""Paragraph 1: splits, dividends, deaths. They come before the open, bar or no bar."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import inner
from engine.shapes import CASH, DUE, EXPLICIT_DUE, STOOD, Account, Desk
from engine.step.levels import IN_MONEY
from engine.step.money import clear, dust, floor_lot, write_fill


@inner(forceinline=False)
def split_account(i: int, ratio: float, account: Account) -> None:
    """Restate a holding and its prices in new shares."""
    account.quantity[i] *= ratio
    account.entry[i] /= ratio
    account.basis[i] /= ratio
    account.extreme[i] /= ratio
    account.mark[i] /= ratio
    account.stop[i] /= ratio
    account.take_profit[i] /= ratio
    for which in range(IN_MONEY):
        account.reach[IN_MONEY + which, i] /= ratio


@inner(forceinline=False)
def split_orders(i: int, ratio: float, d: Desk) -> None:
    """Restate waiting orders in new shares, toward zero to the lot; one that comes to nothing is no order."""
    orders, explicit, codes, lot = d.orders, d.explicit, d.codes, d.specs.lot[i]
    for row in range(orders.quantity.shape[0]):
        waiting = orders.quantity[row, i]
        if not math.isnan(waiting):
            scaled = floor_lot(waiting * ratio, lot)
            orders.quantity[row, i] = scaled if scaled != 0.0 else np.nan
            for which in range(IN_MONEY):
                orders.money[which, row, i] /= ratio
            codes[i] |= np.uint32(c.ACTION)
    for k in range(explicit.count[0]):
        if explicit.instrument[k] == i and explicit.due[k] >= 0:
            explicit.quantity[k] = floor_lot(explicit.quantity[k] * ratio, lot)
            explicit.limit[k] /= ratio
            explicit.stop[k] /= ratio
            for which in range(IN_MONEY):
                explicit.money[which, k] /= ratio
            if explicit.quantity[k] == 0.0:
                explicit.due[k] = -1
            codes[i] |= np.uint32(c.ACTION)


@inner(forceinline=False)
def cash_fraction(i: int, d: Desk) -> None:
    """Pay out what a split left below a lot, at the open (the mark where there is none)."""
    bars, specs, account = d.bars, d.specs, d.account
    held = account.quantity[i]
    whole = floor_lot(held, specs.lot[i])
    fraction = held - whole
    if abs(fraction) <= dust(held, specs.lot[i]):
        account.quantity[i] = whole
        return
    price = account.mark[i] if math.isnan(bars.open[i]) else bars.open[i]
    account.money[CASH] += fraction * price * specs.multiplier[i]
    write_fill(d.log, d.t, i, -fraction, price, price, 0.0, c.REASON_SPLIT_CASH)
    account.quantity[i] = whole
    if whole == 0.0:
        clear(i, d.t, c.ACTION, account)


@inner(forceinline=False)
def act(d: Desk) -> None:
    """Apply this slice's splits and dividends; on one date the split, and its cashed fraction, come first."""
    actions, specs, account, codes = d.actions, d.specs, d.account, d.codes
    for k in range(actions.instrument.shape[0]):
        i = actions.instrument[k]
        ratio = actions.split[k]
        if ratio != 1.0:
            if account.quantity[i] != 0.0:
                split_account(i, ratio, account)
                cash_fraction(i, d)
                codes[i] |= np.uint32(c.ACTION)
            else:
                account.mark[i] /= ratio
            split_orders(i, ratio, d)
        dividend = actions.dividend[k]
        if dividend != 0.0 and account.quantity[i] != 0.0:
            account.money[CASH] += account.quantity[i] * dividend * specs.multiplier[i]
            account.basis[i] -= dividend
            account.extreme[i] -= dividend
            codes[i] |= np.uint32(c.ACTION)


@inner(forceinline=False)
def bury(i: int, d: Desk) -> None:
    """Close a holding of a dead instrument at its terminal value, else at the last close less the haircut; no costs.

    Orders that wait for later slices are dropped; the one of this slice finds no bar by itself.
    """
    account, orders, explicit, specs = d.account, d.orders, d.explicit, d.specs
    account.dead[i] = True
    for row in range(orders.quantity.shape[0]):
        if row != d.t % orders.quantity.shape[0]:
            orders.quantity[row, i] = np.nan
    for k in range(explicit.count[0]):
        if explicit.instrument[k] == i and explicit.due[k] > d.t:
            explicit.due[k] = -1
    held = account.quantity[i]
    if held == 0.0:
        return
    price = specs.terminal_value[i]
    if math.isnan(price):
        price = account.mark[i] * (1.0 - d.rules.delisting_haircut)
    account.money[CASH] += held * price * specs.multiplier[i]
    account.mark[i] = price
    write_fill(d.log, d.t, i, -held, price, price, 0.0, c.REASON_DEATH)
    clear(i, d.t, c.DELISTED, account)
    d.codes[i] |= np.uint32(c.FILLED | c.DELISTED)


@inner()
def attend(d: Desk) -> None:
    """Note who has a bar and who an order, count days without a bar, and bury the dead.

    A day without a bar counts once its last slice has passed.
    """
    account, scratch, specs, waiting = d.account, d.scratch, d.specs, d.orders.quantity
    last, row, due = d.day.last_of_day == 1, d.t % waiting.shape[0], 0
    for i in range(d.bars.close.shape[0]):
        here = not math.isnan(d.bars.close[i])
        scratch.has_bar[i] = here
        scratch.used[i] = 0.0
        scratch.acted[i] = False
        scratch.late[i] = False
        if here:
            account.missing[i] = 0
            account.seen[i] = not last
            account.dead[i] = False
        else:
            if last and not account.seen[i]:
                account.missing[i] += 1
            told = specs.delisted_row[i] >= 0 and d.t >= specs.delisted_row[i]
            if not account.dead[i] and (told or account.missing[i] >= d.rules.delisting_after):
                bury(i, d)
            if last:
                account.seen[i] = False
        if not math.isnan(waiting[row, i]):
            scratch.due[due] = i
            due += 1
    scratch.counts[DUE], scratch.counts[STOOD], scratch.counts[EXPLICIT_DUE] = due, 0, 0
    if d.explicit.count[0] > 0:
        call(d)


@inner(forceinline=False)
def call(d: Desk) -> None:
    """Chain the explicit orders of this slice by instrument, in the order given."""
    explicit, scratch = d.explicit, d.scratch
    for i in range(scratch.first.shape[0]):
        scratch.first[i] = -1
        scratch.how[i] = 0
        scratch.waits[i] = False
    for k in range(explicit.count[0] - 1, -1, -1):
        if explicit.due[k] == d.t:
            i = explicit.instrument[k]
            explicit.after[k] = scratch.first[i]
            scratch.first[i] = k
            scratch.counts[EXPLICIT_DUE] += 1
