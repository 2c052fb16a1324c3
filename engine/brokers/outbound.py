"""The gate of what is sent to a broker: numbers and sizes of orders, and the code, once more before each leaves."""

from __future__ import annotations

from collections.abc import Callable

from engine.brokers.facts import Intent
from engine.live.gate import LIMITS, SLACK, GateError, Venue
from engine.manifest import code_hash


class Outbound:
    """Counts what leaves. `code`: the hash the session was begun with; `code_now` reads the sources again."""

    def __init__(self, limits: Venue, code: str, code_now: Callable[[], str] = code_hash.__wrapped__) -> None:
        self.limits, self.code, self.code_now = limits, code, code_now
        self.day, self.slice, self.today, self.here = -1, -1, 0, 0

    def met(self, day: int, slice_: int) -> None:
        """A slice: session day, and close in ns."""
        if day != self.day:
            self.day, self.today = day, 0
        self.slice, self.here = slice_, 0

    def count(self, intent: Intent) -> None:
        """It is about to leave, or has left."""
        self.today, self.here = self.today + 1, self.here + 1

    def check(self, intent: Intent, multiplier: float) -> None:
        """Nothing; GateError for an order that must not leave."""
        counts = ((self.here, self.limits.orders_per_slice, "slice"), (self.today, self.limits.orders_per_day, "day"))
        for count, most, span in counts:
            if count + 1 > most:
                self._refuse(intent, f"{count + 1} orders in a {span}, {most:g} are allowed")
        value = abs(intent.quantity) * intent.reference * multiplier
        if intent.leg and not value <= self.limits.max_order_value * (1.0 + SLACK):
            self._refuse(intent, f"worth {value:,.2f}, max_order_value {self.limits.max_order_value:,.2f}")

    def unchanged(self) -> None:
        """Nothing; GateError if the sources are no longer those the session was begun with."""
        if (now := self.code_now()) != self.code:
            raise GateError(
                f"gate: the code changed while the session runs: {self.code[:12]} then, {now[:12]} now. Nothing was sent; "
                f"halted. Put the code back, or begin a new session that takes the account over: --adopt"
            )

    def _refuse(self, intent: Intent, why: str) -> None:
        raise GateError(
            f"gate: to the broker, {intent.symbol} {intent.quantity:g}: {why}; {LIMITS}. Nothing was sent; halted"
        )
