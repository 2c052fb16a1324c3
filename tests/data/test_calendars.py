"""Sessions, closes, the last slice of a period, and bars per year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.data import calendars
from engine.data.calendars import clock, closes, labels, sessions_of
from engine.errors import DataError
from engine.panel import Panel


def days(*names: str) -> np.ndarray:
    return np.array(names, dtype="datetime64[D]")


def ns(*stamps: str) -> np.ndarray:
    return pd.DatetimeIndex(stamps, tz="UTC").as_unit("ns").asi8


def look(name: str, *dates: str) -> calendars.Clock:
    session = days(*dates)
    exchange = sessions_of(name, session[0], session[-1])
    return clock(closes(session, exchange)[0], session, name, exchange)


def test_an_early_close_is_an_early_close():
    session = days("2023-11-24", "2023-11-27")
    close, strangers = closes(session, sessions_of("XNYS", session[0], session[1]))
    assert close.tolist() == ns("2023-11-24 18:00", "2023-11-27 21:00").tolist()
    assert strangers == 0


def test_a_date_that_is_no_session_closes_at_midnight_and_is_counted():
    session = days("2024-01-01", "2024-01-02")
    close, strangers = closes(session, sessions_of("XNYS", session[0], session[1]))
    assert close.tolist() == ns("2024-01-02 00:00", "2024-01-02 21:00").tolist()
    assert strangers == 1


def test_a_panel_tells_of_dates_that_are_no_session():
    ones = np.ones((2, 1))
    frame = pd.DataFrame(
        {"date": ["2024-01-01", "2024-01-02"], "symbol": "A", "close": 1.0, "open": 1.0, "high": 1.0, "low": 1.0}
    )
    panel = Panel.from_frame(frame.assign(volume=1), calendar="XNYS")
    assert panel.warnings == ("1 dates are no session of XNYS: their bars close at 00:00 UTC after them",)
    assert panel.close.tolist() == ones.tolist()


def test_without_a_calendar_the_next_date_in_the_data_ends_a_week_and_a_month():
    c = look("inferred", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-05")
    assert c.last_of_week.tolist() == [False, True, False, True]
    assert c.last_of_month.tolist() == [False, True, False, False]
    assert c.last_of_day.all()


def test_the_final_date_ends_its_month_when_the_next_weekday_is_in_another():
    assert look("inferred", "2024-05-30", "2024-05-31").last_of_month.tolist() == [False, True]
    assert look("inferred", "2024-05-29", "2024-05-30").last_of_month.tolist() == [False, False]


def test_data_with_weekends_goes_on_at_weekends():
    c = look("inferred", "2024-03-01", "2024-03-02")  # Friday, Saturday; Sunday belongs to the same week
    assert c.last_of_week.tolist() == [False, False]


def test_an_exchange_knows_that_good_friday_is_none():
    c = look("XNYS", "2024-03-27", "2024-03-28")
    assert c.last_of_week.tolist() == [False, True]
    assert c.last_of_month.tolist() == [False, True]


def test_a_week_whose_last_session_has_no_data_has_no_last_slice():
    c = look("XNYS", "2024-01-04", "2024-01-08")  # nobody knew on Thursday that Friday would be missing
    assert c.last_of_week.tolist() == [False, False]


def test_an_open_market_ends_its_week_on_sunday():
    c = look("24/7", "2024-03-30", "2024-03-31", "2024-04-01")
    assert c.last_of_week.tolist() == [False, True, False]
    assert c.last_of_month.tolist() == [False, True, False]


def test_bars_per_year_come_from_whole_years_of_the_calendar():
    c = look("XNYS", "2023-06-01", "2023-06-02")
    assert (c.bars_per_year, c.source) == (250.0, "XNYS")
    assert look("24/7", "2023-06-01", "2023-06-02").bars_per_year == 365.0


def test_bars_per_year_are_counted_without_one():
    c = look("inferred", *(str(day) for day in np.arange("2023-01-01", "2024-01-02", dtype="datetime64[D]")))
    assert (c.bars_per_year, c.source) == (365.25, "counted")


def test_minutes_are_sessions_of_utc_dates_and_the_midnight_bar_closes_its_day():
    times = ns("2024-01-01 23:59", "2024-01-02 00:00", "2024-01-02 00:01")
    session = labels(times, None)
    assert session.tolist() == days("2024-01-01", "2024-01-01", "2024-01-02").tolist()
    c = clock(times, session, "24/7", None)
    assert c.days.tolist() == [0, 0, 1]
    assert c.last_of_day.tolist() == [False, True, False]


def test_the_final_minute_ends_a_day_only_when_the_next_would_leave_it():
    times = ns("2024-01-01 23:58", "2024-01-01 23:59", "2024-01-02 00:00")
    assert clock(times, labels(times, None), "24/7", None).last_of_day.tolist() == [False, False, True]
    assert clock(times[:2], labels(times[:2], None), "24/7", None).last_of_day.tolist() == [False, False]


def test_intraday_bars_belong_to_the_exchanges_session():
    exchange = sessions_of("XNYS", *days("2024-01-02", "2024-01-03"))
    times = ns("2024-01-02 13:00", "2024-01-02 15:30", "2024-01-02 21:00", "2024-01-03 00:30", "2024-01-03 21:00")
    session = labels(times, exchange)  # before the open, inside, the close, 19:30 in New York, the next close
    assert session.astype(str).tolist() == ["2024-01-02"] * 4 + ["2024-01-03"]
    assert clock(times, session, "XNYS", exchange).last_of_day.tolist() == [False, False, False, True, True]
    open_day = clock(times[:2], session[:2], "XNYS", exchange)
    assert open_day.last_of_day.tolist() == [False, False]


def test_hourly_bars_count_their_sessions_times_bars():
    times = pd.date_range("2024-01-01 01:00", "2024-01-03 00:00", freq="h", tz="UTC").as_unit("ns").asi8
    assert clock(times, labels(times, None), "24/7", None).bars_per_year == 365.0 * 24


def test_an_exchange_whose_records_begin_later_is_still_of_use():
    session = days("1996-01-02", "1998-01-05")
    close, strangers = closes(session, sessions_of("XBOM", session[0], session[1]))
    assert (strangers, close[1]) == (1, ns("1998-01-05 10:00")[0])


def test_an_unknown_calendar_names_the_nearest():
    with pytest.raises(DataError, match="it was 'XNYC'; did you mean 'XNYS'"):
        sessions_of("XNYC", *days("2024-01-02", "2024-01-03"))
