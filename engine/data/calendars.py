"""When bars close, whose session they are, which is the last of its day, week and month, how many make a year.

A calendar is an exchange's (its code, as exchange_calendars names it), "24/7", or "inferred" from the data. Dates are
datetime64[D] session labels, times int64 ns UTC.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from engine.data.words import nearest
from engine.errors import DataError
from engine.types import DAY_NS, Bools, Ints

INFERRED, ALWAYS, COUNTED = "inferred", "24/7", "counted"
FULL = 0.9  # the share of its calendar's sessions that data must have to be counted by it
AVERAGE_YEAR_NS = 365.25 * DAY_NS
SUNDAY_TO_MONDAY = 3  # 1970-01-01 was a Thursday: (days + 3) // 7 counts weeks from Mondays

Dates = np.ndarray  # (T,) datetime64[D]


@dataclass(frozen=True, slots=True)
class Sessions:
    """An exchange's sessions around the data: labels, opens and closes, ascending, and its time zone's name."""

    name: str
    label: Dates  # (S,)
    open: Ints  # (S,) ns
    close: Ints  # (S,) ns
    zone: str


@dataclass(frozen=True, slots=True)
class Clock:
    """What the calendar says of every slice; all (T,), and the two facts about a year."""

    session: Dates
    days: Ints
    last_of_day: Bools
    last_of_week: Bools
    last_of_month: Bools
    bars_per_year: float
    source: str


@lru_cache(maxsize=8)
def _exchange(name: str, first_year: int, last_year: int) -> Sessions:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # exchange_calendars uses what newer pandas deprecates; nothing here depends on it
        import exchange_calendars

        if name not in exchange_calendars.get_calendar_names():
            known = [ALWAYS, INFERRED, *exchange_calendars.get_calendar_names()]
            raise DataError(
                f"calendar: expected an exchange's code (XNYS, XBOM ...), {ALWAYS} or {INFERRED}; it was {name!r}"
                f"{nearest(name, known) or '; leave it out to infer sessions from the data'}"
            )
        found = _load(exchange_calendars, name, first_year, last_year)
        label = found.sessions.to_numpy().astype("datetime64[D]")
        opens, closes = (_ns(found.schedule[column]) for column in ("open", "close"))
    return Sessions(name, label, opens, closes, str(found.tz))


def _load(library: Any, name: str, first_year: int, last_year: int) -> Any:
    """The library's calendar over these years, or over as much of them as it has records for."""
    start, end = f"{first_year}-01-01", f"{last_year}-12-31"
    try:
        return library.get_calendar(name, start=start, end=end)
    except ValueError:  # asked beyond its records: they are printed only by an instance
        usual = library.get_calendar(name)
        low, high = usual.bound_min(), usual.bound_max()
        start = start if low is None else max(start, str(low.date()))
        end = end if high is None else min(end, str(high.date()))
        if start >= end:
            raise DataError(
                f"calendar: {name} has records from {start} to {end}, the data lies outside; use {INFERRED}"
            ) from None
        return library.get_calendar(name, start=start, end=end)


def _ns(stamps: Any) -> Ints:
    """int64 ns UTC of a zone-aware Series, whatever its unit."""
    import pandas as pd

    return np.asarray(pd.DatetimeIndex(stamps).as_unit("ns").asi8, dtype=np.int64)


def sessions_of(calendar: str, first: np.datetime64, last: np.datetime64) -> Sessions | None:
    """The named exchange's sessions from a year before `first` to the year after `last`; None for 24/7 and inferred."""
    if not isinstance(calendar, str):
        raise DataError(f"calendar: expected an exchange's code such as XNYS, or 24/7; it was {calendar!r:.60}")
    if calendar in (INFERRED, ALWAYS):
        return None
    years = [day.astype("datetime64[Y]").astype(int) + 1970 for day in (first, last)]
    return _exchange(calendar, int(years[0]), int(years[1]) + 1)


def closes(dates: Dates, exchange: Sessions | None) -> tuple[Ints, int]:
    """ns at which date-only bars close, and how many dates are no session: 00:00 UTC of the next day without one."""
    midnight = (dates.astype("datetime64[D]").astype(np.int64) + 1) * DAY_NS
    if exchange is None:
        return midnight, 0
    place = np.minimum(np.searchsorted(exchange.label, dates), len(exchange.label) - 1)
    known = exchange.label[place] == dates
    return np.where(known, exchange.close[place], midnight), int((~known).sum())


def labels(times: Ints, exchange: Sessions | None) -> Dates:
    """Session label of each close: the UTC date just before it, or the exchange's session.

    Outside its hours a bar belongs to the session of its local date, on a day without one to itself.
    """
    just_before = times - 1
    if exchange is None:
        return (just_before // DAY_NS).astype("datetime64[D]")
    place = np.minimum(np.searchsorted(exchange.close, times), len(exchange.label) - 1)
    inside = (exchange.open[place] < times) & (times <= exchange.close[place])
    if inside.all():
        return exchange.label[place]
    import pandas as pd

    local = pd.DatetimeIndex(just_before, tz="UTC").tz_convert(exchange.zone).tz_localize(None).to_numpy()
    return np.where(inside, exchange.label[place], local.astype("datetime64[D]"))


def clock(times: Ints, session: Dates, calendar: str, exchange: Sessions | None) -> Clock:
    """Everything the calendar says of slices at `times` whose session labels are `session` (not falling)."""
    changes = session[1:] != session[:-1]
    days = np.concatenate(([0], np.cumsum(changes))).astype(np.int64)
    following = _next_session(session, calendar, exchange)
    last_of_day = np.concatenate((changes, [_day_is_over(times, session, days, exchange)]))
    week = (session.astype(np.int64) + SUNDAY_TO_MONDAY) // 7
    next_week = (following.astype(np.int64) + SUNDAY_TO_MONDAY) // 7
    month, next_month = session.astype("datetime64[M]"), following.astype("datetime64[M]")
    per_year, source = _bars_per_year(times, session, days, calendar, exchange)
    return Clock(
        session,
        days,
        last_of_day,
        last_of_day & (week != next_week),
        last_of_day & (month != next_month),
        per_year,
        source,
    )


def _next_session(session: Dates, calendar: str, exchange: Sessions | None) -> Dates:
    """Label of the session after each slice's: the calendar's, else the data's next, else the next weekday."""
    day = np.timedelta64(1, "D")
    if calendar == ALWAYS:
        return np.asarray(session + day)
    weekend = bool((~np.is_busday(session)).any())
    tail = session[-1] + day if weekend else np.busday_offset(session[-1], 1, roll="backward")
    if exchange is not None:
        place = np.searchsorted(exchange.label, session, side="right")
        known = place < len(exchange.label)
        return np.where(known, exchange.label[np.minimum(place, len(exchange.label) - 1)], session + day)
    starts = np.flatnonzero(np.concatenate(([True], session[1:] != session[:-1])))
    after = np.concatenate((session[starts[1:]], [tail]))
    return np.repeat(after, np.diff(np.append(starts, len(session))))


def _day_is_over(times: Ints, session: Dates, days: Ints, exchange: Sessions | None) -> bool:
    """Whether the final slice ends its session: at the exchange's close, else when one more bar would leave the day."""
    if len(times) == 1 or days[-1] == len(days) - 1:  # one slice a session
        return True
    if exchange is not None:
        place = int(np.searchsorted(exchange.label, session[-1]))
        if place < len(exchange.label) and exchange.label[place] == session[-1]:
            return bool(times[-1] >= exchange.close[place])
    step = int(np.median(np.diff(times)))
    return bool(labels(times[-1:] + step, None)[0] != session[-1])


def _bars_per_year(
    times: Ints, session: Dates, days: Ints, calendar: str, exchange: Sessions | None
) -> tuple[float, str]:
    """Bars in a year and who says so: the calendar's name, or "counted" where the data skips sessions of its calendar.

    Weekly bars on XNYS are not 252 a year, nor are weekday bars on 24/7 365.
    """
    per_session = float(np.median(np.bincount(days)))
    here = len(np.unique(session))
    there = int((session[-1] - session[0]).astype(int)) + 1
    if exchange is not None:
        there = int(np.count_nonzero((exchange.label >= session[0]) & (exchange.label <= session[-1])))
    if (calendar not in (ALWAYS,) and exchange is None) or here < FULL * there:
        return counted(times), COUNTED
    if calendar == ALWAYS:
        return 365.0 * per_session, calendar
    if exchange is not None:
        years = exchange.label.astype("datetime64[Y]")
        whole = (years >= session[0].astype("datetime64[Y]")) & (years <= session[-1].astype("datetime64[Y]"))
        if whole.any():
            return float(whole.sum()) / len(np.unique(years[whole])) * per_session, calendar
    return counted(times), COUNTED


def counted(times: Ints) -> float:
    """Bars per year of 365.25 days as the data has them; NaN for a single slice."""
    if len(times) == 1:
        return float("nan")
    return float((len(times) - 1) / ((times[-1] - times[0]) / AVERAGE_YEAR_NS))
