"""What comes out of a provider, and what the assembler makes of it. Times are int64 ns UTC, bars are named by their close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from engine.types import Bools, Slice

SECOND = 1_000_000_000
STREAM, REVISION, REST = "stream", "revision", "rest"  # how a bar came: as it closed, as a correction, on request


class Values(NamedTuple):
    """One bar as traded."""

    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A closed bar of one instrument. `known` is when the source said so: received, or for REST when it was asked."""

    column: int
    time: int  # ns, the bar's close
    values: Values
    known: int  # ns
    origin: str = STREAM


@dataclass(frozen=True, slots=True)
class History:
    """A REST answer about one instrument: its bars, and the closes from `first` to `last` of which it knows all."""

    column: int
    first: int  # ns, both inside; first > last proves nothing
    last: int
    bars: tuple[Bar, ...]
    asked: int  # ns


@dataclass(frozen=True, slots=True)
class Wanted:
    """What REST should be asked: one instrument's bars that close from `first` to `last`, both inside."""

    column: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A slice and its marks, all (N,): `empty` where the source confirms no bar, `gap` where it is not known, `blocked`
    where a gap is still in the window and no entry may be made. `catch_up`: too old for any entry."""

    slice: Slice
    empty: Bools
    gap: Bools
    blocked: Bools
    catch_up: bool


@dataclass(frozen=True, slots=True)
class Late:
    """A bar that came after its slice closed without it; it is in no window."""

    column: int
    time: int
    values: Values
    received: int


@dataclass(frozen=True, slots=True)
class Correction:
    """The source changed its mind about a bar. `acted`: its slice was closed, and keeps what it had.

    `after` None: the stream had a bar and REST says there is none; the bar is kept.
    """

    column: int
    time: int
    before: Values
    after: Values | None
    origin: str
    acted: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """An expected bar that could not be had: its cell is NaN, and entries wait until the window is warm again."""

    column: int
    time: int
    why: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A bar that is not used, and why; nothing of the slice changes."""

    column: int
    time: int
    values: Values
    why: str


@dataclass(frozen=True, slots=True)
class Health:
    """The feed's own state, for people: connected, down, refused ...; never an input of a decision."""

    time: int
    state: str  # connecting, up, down, mute, stopped
    why: str


Arrival = Closed | Late | Correction | Gap | Rejected | Health
