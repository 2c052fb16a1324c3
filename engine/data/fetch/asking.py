"""What is asked of a vendor, what may come back, and how long one waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import numpy as np

from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

ATTEMPTS = 6
LONGEST = 600.0  # seconds: a vendor that wants more patience is told good-bye
FIRST_WAIT = 2.0  # seconds, doubled each time
T = TypeVar("T")


class Clock(NamedTuple):
    """The time, in seconds since 1970, and a way to let it pass."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class TryAgainError(Exception):
    """The vendor may answer later: `wait` is how long it asks for, in seconds; None not said."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class RefusedError(Exception):
    """The vendor will not answer this caller, however often it is asked."""


class UnknownSymbolError(Exception):
    """The vendor knows no such instrument."""


@dataclass(frozen=True, slots=True)
class Request:
    """One instrument's bars from `start` to `end`, dates, both inside."""

    symbol: str
    start: np.datetime64
    end: np.datetime64


class Page(NamedTuple):
    """Some of the bars: a long table without its symbol, and where to go on (ns; None: this was all)."""

    bars: pd.DataFrame
    next: int | None


class Vendor(Protocol):
    """A client of a vendor: one page of bars, or one of the errors above."""

    name: str
    version: str
    pause: float  # seconds between two questions
    declared: dict[str, str]  # what its prices are, as a strategy file says it

    def page(self, request: Request, since: int | None, now: float) -> Page: ...


def patiently(
    ask: Callable[[], T], clock: Clock, say: Callable[[str], None], where: str, attempts: int = ATTEMPTS
) -> T:
    """What `ask` gives, asked again after waits that double, or as long as the vendor says; DataError in the end."""
    wait = FIRST_WAIT
    for attempt in range(1, attempts + 1):
        try:
            return ask()
        except TryAgainError as error:
            pause = wait if error.wait is None else error.wait
            if attempt == attempts or pause > LONGEST:
                asked = "" if error.wait is None else f" (it asks for {error.wait:,.0f} s of patience)"
                raise DataError(
                    f"{where}: {error}{asked}, {attempt} times. Run the same command again later"
                ) from error
            say(f"{where}: {error}; again in {pause:,.0f} s")
            clock.sleep(pause)
            wait = min(2.0 * wait, LONGEST)
        except RefusedError as error:
            raise DataError(f"{where}: {error}. Another vendor, or another network, may answer") from error
    raise AssertionError("the last attempt returns or raises")


def waited(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, in either of its forms; None where it says nothing."""
    from email.utils import parsedate_to_datetime

    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (TypeError, ValueError):
        return None


def status_error(status: int, host: str, wait: float | None) -> Exception | None:
    """What an HTTP status means for whoever asks; None where it is no refusal."""
    if status in (403, 451):
        return RefusedError(f"{host} refuses this network or country (HTTP {status})")
    if status in (401, 407, 511):
        return RefusedError(f"{host} asks for a login (HTTP {status})")
    if status in (418, 429):
        return TryAgainError(f"{host} limits the rate (HTTP {status})", wait)
    if status >= 500 or status == 408:
        return TryAgainError(f"{host} is out of order (HTTP {status})", wait)
    return None
