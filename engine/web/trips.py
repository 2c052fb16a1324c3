"""Round trips as they are closed, from the journal's fills, splits and dividends one by one; engine.trades does it for whole runs."""

from __future__ import annotations

from dataclasses import dataclass

DUST = 1e-9  # of the largest quantity held


@dataclass(frozen=True, slots=True)
class Trip:
    """A closed round trip; money after fees, dividends included."""

    instrument: int
    side: int  # 1 long, -1 short
    quantity: float  # all that was bought (short: sold) to open it, units at its end
    entry_time: int
    exit_time: int
    entry_price: float  # average of the increases, in units at the end of the trip
    exit_price: float
    pnl: float
    returned: float  # pnl / money of all increases
    reason: int  # engine.codes.REASON_* of the last reduction


@dataclass(slots=True)
class Held:
    """A position on its way; `paid_in` and `taken_out` are prices times quantity, above 0."""

    side: int
    since: int
    quantity: float = 0.0
    opened: float = 0.0
    paid_in: float = 0.0
    closed: float = 0.0
    taken_out: float = 0.0
    fees: float = 0.0
    dividends: float = 0.0


class Trips:
    """What is held, and what comes of it."""

    def __init__(self, multiplier: list[float]) -> None:
        self.multiplier = multiplier
        self.held: dict[int, Held] = {}

    def take_over(self, instrument: int, quantity: float, entry: float, time: int) -> None:
        """A position that another session had built up."""
        side = 1 if quantity > 0 else -1
        size = abs(quantity)
        self.held[instrument] = Held(side, time, size, size, size * entry)

    def act(self, instrument: int, split: float, dividend: float) -> None:
        """New shares per old, then cash per new share."""
        if held := self.held.get(instrument):
            held.quantity, held.opened, held.closed = held.quantity * split, held.opened * split, held.closed * split
            held.dividends += held.side * held.quantity * dividend * self.multiplier[instrument]

    def fill(self, instrument: int, quantity: float, price: float, fee: float, reason: int, time: int) -> Trip | None:
        """The trip that this fill closes, if it does; what is beyond that opens the next, fees shared by quantity."""
        side, size = (1 if quantity > 0 else -1), abs(quantity)
        held = self.held.setdefault(instrument, Held(side, time))
        if held.side == side:
            held.quantity, held.opened = held.quantity + size, held.opened + size
            held.paid_in, held.fees = held.paid_in + size * price, held.fees + fee
            return None
        part = min(size, held.quantity)
        if abs(size - held.quantity) <= DUST * max(size, held.opened):
            part = size
        share = fee * part / size
        held.closed, held.taken_out = held.closed + part, held.taken_out + part * price
        held.quantity, held.fees = held.quantity - part, held.fees + share
        if held.quantity > DUST * held.opened:
            return None
        del self.held[instrument]
        if part < size:
            self.fill(instrument, side * (size - part), price, fee - share, reason, time)
        return self._closed(instrument, held, reason, time)

    def _closed(self, instrument: int, held: Held, reason: int, time: int) -> Trip:
        multiplier = self.multiplier[instrument]
        paid = held.paid_in * multiplier
        pnl = held.side * (held.taken_out * multiplier - paid) + held.dividends - held.fees
        return Trip(
            instrument, held.side, held.opened, held.since, time, held.paid_in / held.opened,
            held.taken_out / held.closed if held.closed else float("nan"), pnl, pnl / paid if paid else float("nan"), reason,
        )  # fmt: skip
