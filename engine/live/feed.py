"""What a session asks of a feed: a universe, facts about its bars, warm-up history, then arrivals one by one.

The assembler's contract. A feed for a live source stands on an assembler, which turns bars that come when they please into
arrivals that a session may trust:

* The calendar makes slices, not arrivals: one per bar end, closed at bar end + grace, times rising, instruments in the
  universe's order, as-traded prices in the unit `Facts.prices` names. `Arrived.time` is the bar's close. A cell is NaN
  where no bar came in time; `empty` marks the cells where the source confirms that there is none.
* `day` counts sessions from 0 at the first slice of the warm-up; `last_of_*` come from the calendar, never from what comes
  next. After a restart numbers go on from `Resume.day`, and the first slice is the one after `Resume.time`.
* A bar that comes after its slice closed is `Late`; its cell stays NaN for ever. Another value for a bar already given is a
  `Correction`; it changes no slice. Both may be given at any moment.
* A stretch that could not be filled is a `Gap`, given before the first slice after it. A `Split` or dividend (`Action`) is
  given before the slice it applies to; several for one slice come in any order.
* Slices older than the age up to which signals may open positions are given with `catch_up`: they update state and exits.
* In-progress bars are never given. The same history gives the same arrivals, bit for bit: what a feed has given is on the
  tape, and a restarted session asks for what comes after it and for nothing before.
* While nothing comes, `arrivals` gives None at least every half second, so that commands are heard. It ends when there will
  be no more slices. It raises FeedError for what a person must mend; it reconnects by itself from all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from engine.types import Bools, Floats, Ints, Universe


@dataclass(frozen=True, slots=True)
class Facts:
    """What is declared of a feed's bars; the same words as of a panel."""

    name: str
    prices: str
    dividends: str
    calendar: str
    missing_open: str
    bars_per_year: float
    bars_per_year_source: str
    daily: bool  # no session has more than one slice
    dated: bool = False  # slices say who is a member


@dataclass(frozen=True, slots=True)
class Arrived:
    """One slice, complete for good: (N,) arrays, NaN where there is no bar."""

    time: int  # ns UTC, the bars' close
    session: int  # days since 1970-01-01 of the session's date
    day: int  # session number
    last_of_day: bool
    last_of_week: bool
    last_of_month: bool
    bars: Floats  # (5, N): open, high, low, close, volume
    empty: Bools | None = None  # (N,) confirmed to have no bar; None: nobody was asked
    member: Bools | None = None  # (N,) of a dated universe
    catch_up: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Splits and dividends that apply to the next slice, (A,) each: new shares per old (1 none), cash per new share."""

    instrument: Ints
    split: Floats
    dividend: Floats


@dataclass(frozen=True, slots=True)
class Late:
    """A bar whose slice had closed without it."""

    time: int
    instrument: int
    bar: Floats  # (5,)


@dataclass(frozen=True, slots=True)
class Correction:
    """Another value for a bar that was given."""

    time: int
    instrument: int
    bar: Floats  # (5,)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars of these instruments between two times (both excluded) that could not be had. Blocks entries until warm again."""

    after: int
    before: int
    instruments: Ints
    reason: str


Arrival = Arrived | Action | Late | Correction | Gap


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a tape ends: give what comes after. All -1 for a tape that has not begun."""

    time: int = -1
    day: int = -1
    session: int = -1
    slices: int = 0
    closes: Floats | None = field(default=None, compare=False)  # (N,) the last of each, NaN where the tape has none


@runtime_checkable
class Feed(Protocol):
    """Where slices come from; see the contract above."""

    universe: Universe
    facts: Facts

    def warm_up(self, slices: int) -> Iterator[Arrived | Action | None]:
        """At least the last `slices` slices before the first arrival (fewer where there are none), oldest first; None when nothing
        has come for a while.
        """
        ...

    def arrivals(self, resume: Resume) -> Iterator[Arrival | None]:
        """All that comes after `resume`; None when nothing has come for a while."""
        ...

    def given(self, signal: str, time: int) -> Floats | None:
        """(N,) forecasts made elsewhere for the slice at `time`; None where the feed has none."""
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...
