"""What a mirror intends and what a venue answers; rows of the journal before and after every send."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

LIVE, FILLED, ENDED, ABSENT = (
    "live",
    "filled",
    "ended",
    "absent",
)  # ended: will fill no more; absent: the venue knows no such id
ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Intent:
    """One market order, written down before it is sent. `leg` 0 reduces or turns to flat, 1 opens or grows."""

    id: str
    column: int
    symbol: str
    slice: int  # ns, the close of the slice whose target it serves
    leg: int
    revision: int
    quantity: float  # signed
    reference: float  # price at the decision; NaN: unknown


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue says of an order. `filled` is signed and counts from the order's beginning; `price` is its mean."""

    id: str
    state: str
    filled: float = 0.0
    price: float = float("nan")
    why: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """The venue holds something else than our orders made; nothing is sent for it until somebody adopts or mends it."""

    symbol: str
    mirrored: float
    held: float
    why: str


def order_id(session: str, strategy: str, symbol: str, slice_: int, leg: int, revision: int) -> str:
    """The client order id of an intent: the same intent has the same id in every process, 35 characters."""
    told = "\x1f".join((session, strategy, symbol, str(slice_), str(leg), str(revision)))
    return "bc-" + hashlib.sha256(told.encode()).hexdigest()[: ID_LENGTH - 4]
