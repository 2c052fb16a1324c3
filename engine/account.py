"""The account: owns the money's arrays. Only the compiled step writes them; everybody else reads a view or a copy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.contracts import AccountView
from engine.signatures import CASH, EQUITY, MONEY_SIZE, Account, Orders, Scratch, View


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
    scratch: Scratch

    @classmethod
    def open(cls, capital: float, n: int, delay: int) -> Book:
        """A flat account with `capital` in cash."""
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
            money=money,
        )
        view = View(*(read_only(getattr(account, name)) for name in View._fields))
        rows = (2 + delay, n)
        orders = Orders(np.full(rows, np.nan), np.zeros(rows, np.int64), np.zeros(rows, np.bool_))
        flags = [np.zeros(n, np.bool_) for _ in range(5)]
        scratch = Scratch(
            has_bar=flags[0],
            tradable=flags[1],
            increase=np.zeros(n),
            growing=np.zeros(n, np.int64),
            used=np.zeros(n),
            grown=flags[2],
            late=flags[3],
            acted=flags[4],
            target=np.full(n, np.nan),
        )
        return cls(account, view, orders, scratch)

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
