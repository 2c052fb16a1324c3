"""Paragraph 1: splits, dividends, deaths. They come before the open, bar or no bar."""

from __future__ import annotations

import math

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.signatures import CASH, Account, Actions, Bars, Day, Log, Orders, Rules, Scratch, Specs
from engine.step.money import clear, dust, floor_lot, write_fill
from engine.types import Codes


@njit(forceinline=True)
def split_account(i: int, ratio: float, account: Account) -> None:
    """Restate a holding and its prices in new shares."""
    account.quantity[i] *= ratio
    account.entry[i] /= ratio
    account.basis[i] /= ratio
    account.extreme[i] /= ratio
    account.mark[i] /= ratio
    account.stop[i] /= ratio
    account.take_profit[i] /= ratio


@njit(forceinline=True)
def split_orders(i: int, ratio: float, lot: float, orders: Orders, codes: Codes) -> None:
    """Restate waiting orders in new shares, toward zero to the lot; one that comes to nothing is no order."""
    for row in range(orders.quantity.shape[0]):
        waiting = orders.quantity[row, i]
        if not math.isnan(waiting):
            scaled = floor_lot(waiting * ratio, lot)
            orders.quantity[row, i] = scaled if scaled != 0.0 else np.nan
            codes[i] |= np.uint32(c.ACTION)


@njit(forceinline=True)
def cash_fraction(t: int, i: int, bars: Bars, specs: Specs, account: Account, log: Log) -> None:
    """Pay out what a split left below a lot, at the open (the mark where there is none)."""
    held = account.quantity[i]
    whole = floor_lot(held, specs.lot[i])
    fraction = held - whole
    if abs(fraction) <= dust(held, specs.lot[i]):
        account.quantity[i] = whole
        return
    price = account.mark[i] if math.isnan(bars.open[i]) else bars.open[i]
    account.money[CASH] += fraction * price * specs.multiplier[i]
    write_fill(log, t, i, -fraction, price, price, 0.0, c.REASON_SPLIT_CASH)
    account.quantity[i] = whole
    if whole == 0.0:
        clear(i, t, c.ACTION, account)


@njit(forceinline=True)
def act(
    t: int,
    bars: Bars,
    actions: Actions,
    specs: Specs,
    account: Account,
    orders: Orders,
    log: Log,
    codes: Codes,
) -> None:
    """Apply this slice's splits and dividends; on one date the split, and its cashed fraction, come first."""
    for k in range(actions.instrument.shape[0]):
        i = actions.instrument[k]
        ratio = actions.split[k]
        if ratio != 1.0:
            if account.quantity[i] != 0.0:
                split_account(i, ratio, account)
                cash_fraction(t, i, bars, specs, account, log)
                codes[i] |= np.uint32(c.ACTION)
            else:
                account.mark[i] /= ratio
            split_orders(i, ratio, specs.lot[i], orders, codes)
        dividend = actions.dividend[k]
        if dividend != 0.0 and account.quantity[i] != 0.0:
            account.money[CASH] += account.quantity[i] * dividend * specs.multiplier[i]
            account.basis[i] -= dividend
            account.extreme[i] -= dividend
            codes[i] |= np.uint32(c.ACTION)


@njit(forceinline=True)
def bury(t: int, i: int, specs: Specs, rules: Rules, account: Account, orders: Orders, log: Log, codes: Codes) -> None:
    """Close a holding of a dead instrument at its terminal value, else at the last close less the haircut; no costs.

    Orders that wait for later slices are dropped; the one of this slice finds no bar by itself.
    """
    account.dead[i] = True
    for row in range(orders.quantity.shape[0]):
        if row != t % orders.quantity.shape[0]:
            orders.quantity[row, i] = np.nan
    held = account.quantity[i]
    if held == 0.0:
        return
    price = specs.terminal_value[i]
    if math.isnan(price):
        price = account.mark[i] * (1.0 - rules.delisting_haircut)
    account.money[CASH] += held * price * specs.multiplier[i]
    account.mark[i] = price
    write_fill(log, t, i, -held, price, price, 0.0, c.REASON_DEATH)
    clear(i, t, c.DELISTED, account)
    codes[i] |= np.uint32(c.FILLED | c.DELISTED)


@njit(forceinline=True)
def attend(
    t: int,
    bars: Bars,
    day: Day,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> None:
    """Note who has a bar, count days without one, and bury the dead; a day counts once its last slice has passed."""
    last = day.last_of_day == 1
    for i in range(bars.close.shape[0]):
        here = not math.isnan(bars.close[i])
        scratch.has_bar[i] = here
        scratch.used[i] = 0.0
        scratch.acted[i] = False
        if here:
            account.missing[i] = 0
            account.seen[i] = True
            account.dead[i] = False
        else:
            if last and not account.seen[i]:
                account.missing[i] += 1
            told = specs.delisted_row[i] >= 0 and t >= specs.delisted_row[i]
            if not account.dead[i] and (told or account.missing[i] >= rules.delisting_after):
                bury(t, i, specs, rules, account, orders, log, codes)
        if last:
            account.seen[i] = False
