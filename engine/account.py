"""The account: owns the money's arrays. Only the compiled step writes them; everybody else reads a view or a copy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.contracts import AccountView
from engine.shapes import (
    CASH,
    COUNTS,
    EQUITY,
    MONEY_SIZE,
    Account,
    Actions,
    Bars,
    Day,
    Desk,
    Explicit,
    Log,
    Orders,
    Rules,
    Scratch,
    Specs,
    View,
)
from engine.types import Codes, Floats


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of `array` through which nothing can be written."""
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Book:
    """An account of `n` instruments with what waits and what a slice scribbles on."""

    account: Account
    view: View
    orders: Orders
    explicit: Explicit
    scratch: Scratch

    @classmethod
    def open(cls, capital: float, n: int, delay: int, explicit: int = 0) -> Book:
        """A flat account with `capital` in cash, and room for so many `explicit` orders to wait at once."""
        money = np.zeros(MONEY_SIZE)
        money[CASH] = money[EQUITY] = capital
        nan = [np.full(n, np.nan) for _ in range(6)]
        account = Account(
            quantity=np.zeros(n),
            entry=nan[0],
            basis=nan[1],
            extreme=nan[2],
            mark=nan[3],
            stop=nan[4],
            take_profit=nan[5],
            entry_t=np.full(n, -1, np.int64),
            exit_t=np.full(n, -1, np.int64),
            exit_code=np.zeros(n, np.uint32),
            armed=np.zeros(n, np.bool_),
            held=np.zeros(n, np.int64),
            missing=np.zeros(n, np.int64),
            seen=np.zeros(n, np.bool_),
            dead=np.zeros(n, np.bool_),
            reach=np.full((6, n), np.nan),
            money=money,
        )
        view = View(*(read_only(getattr(account, name)) for name in View._fields))
        rows = (2 + delay, n)
        money_of = np.full((3, *rows), np.nan)
        orders = Orders(np.full(rows, np.nan), np.zeros(rows, np.int64), np.zeros(rows, np.bool_), money_of)
        return cls(account, view, orders, no_orders(explicit), new_scratch(n, explicit))

    def with_room(self, room: int) -> Book:
        """The same book with room for `room` explicit orders."""
        explicit = no_orders(room)
        for new, old in zip(explicit, self.explicit, strict=True):
            new[..., : old.shape[-1]] = old
        n = len(self.account.quantity)
        kept = {name: getattr(self.scratch, name) for name in Scratch._fields if not name.startswith("grow_")}
        return replace(self, explicit=explicit, scratch=new_scratch(n, room)._replace(**kept))

    def desk(
        self,
        t: int,
        elapsed: float,
        bars: Bars,
        measures: Floats,
        actions: Actions,
        day: Day,
        specs: Specs,
        rules: Rules,
        log: Log,
        codes: Codes,
    ) -> Desk:
        """Everything slice `t` is traded with."""
        own = (self.account, self.orders, self.explicit, log, self.scratch)
        return Desk(t, elapsed, bars, measures, actions, day, specs, rules, *own, codes)

    @property
    def cash(self) -> float:
        return float(self.account.money[CASH])

    @property
    def equity(self) -> float:
        """Marked equity after the last slice, accruals included."""
        return float(self.account.money[EQUITY])

    def snapshot(self) -> AccountView:
        """Copies for a Python strategy: it may keep or change them without reaching the account."""
        a = self.account
        return AccountView(
            cash=self.cash,
            equity=self.equity,
            quantity=a.quantity.copy(),
            mark=a.mark.copy(),
            entry=a.entry.copy(),
            entry_t=a.entry_t.copy(),
            exit_t=a.exit_t.copy(),
            exit_code=a.exit_code.astype(np.int64),
            stop=a.stop.copy(),
            take_profit=a.take_profit.copy(),
            extreme=a.extreme.copy(),
        )


def no_orders(room: int) -> Explicit:
    """Room for explicit orders, none of them filled in."""
    ints = [np.full(room, -1, np.int64) for _ in range(4)]
    floats = [np.full(room, np.nan) for _ in range(3)]
    brackets = [np.full((3, room), np.nan) for _ in range(2)]
    return Explicit(
        due=ints[0], instrument=ints[1], quantity=floats[0], kind=ints[2], limit=floats[1], stop=floats[2],
        reduce_only=np.zeros(room, np.bool_), bracket=brackets[0], money=brackets[1], after=ints[3],
        count=np.zeros(1, np.int64),
    )  # fmt: skip


def new_scratch(n: int, room: int) -> Scratch:
    """Working rows for `n` instruments and `room` explicit orders."""
    flags = [np.zeros(n, np.bool_) for _ in range(6)]
    return Scratch(
        has_bar=flags[0], tradable=flags[1], used=np.zeros(n), late=flags[2], acted=flags[3], target=np.full(n, np.nan),
        due=np.zeros(n, np.int64), first=np.full(n, -1, np.int64), how=np.zeros(n, np.int64), waits=flags[4],
        after=np.zeros(n), barred=flags[5],
        grow_instrument=np.zeros(n + room, np.int64), grow_quantity=np.zeros(n + room), grow_price=np.zeros(n + room),
        grow_slips=np.zeros(n + room, np.bool_), grow_order=np.zeros(n + room, np.int64),
        grow_filled=np.zeros(n + room, np.bool_), counts=np.zeros(COUNTS, np.int64),
    )  # fmt: skip
