"""The first half of the step: a slice meets the account. Paragraphs 1 to 5, in their order."""

from __future__ import annotations

from engine.compiled import njit
from engine.signatures import ENDED, Account, Actions, Bars, Day, Log, Orders, Rules, Scratch, Specs
from engine.step.actions import act, attend
from engine.step.closing import closing
from engine.step.inside import inside
from engine.step.marking import marking
from engine.step.opening import opening
from engine.types import Codes


@njit(forceinline=True)
def trade(
    t: int,
    elapsed: float,
    bars: Bars,
    actions: Actions,
    day: Day,
    specs: Specs,
    rules: Rules,
    account: Account,
    orders: Orders,
    log: Log,
    scratch: Scratch,
    codes: Codes,
) -> bool:
    """Whether the account lives on after slice `t` (`elapsed` ns after the one before) has met it.

    `codes` is this slice's row, zeros on entry; fills are appended to `log`, which must have room for ten per instrument.
    """
    act(t, bars, actions, specs, account, orders, log, codes)
    attend(t, bars, day, specs, rules, account, orders, log, scratch, codes)
    waiting = opening(t, bars, specs, rules, account, orders, log, scratch, codes)
    inside(t, bars, specs, rules, account, orders, log, scratch, codes)
    closing(t, waiting, bars, specs, rules, account, orders, log, scratch, codes)
    marking(t, elapsed, bars, specs, rules, account, log, scratch, codes)
    return account.money[ENDED] == 0.0
