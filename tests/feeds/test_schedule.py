"""When bars close: half days, holidays, clock changes, weekends, and markets that never close."""

from __future__ import annotations

import pandas as pd
import pytest

from engine.errors import ConfigError
from engine.feeds.schedule import interval_ns, schedule


def ns(stamp: str) -> int:
    return pd.Timestamp(stamp, tz="UTC").as_unit("ns").value


def at(ns_value: int) -> str:
    return str(pd.Timestamp(ns_value))


NOW = ns("2024-11-20 12:00")
NEW_YORK = schedule("XNYS", "1m", NOW)
CRYPTO = schedule("24/7", "1m", NOW)


def test_a_half_day_ends_at_one_and_the_next_bar_is_mondays():
    assert at(NEW_YORK.next(ns("2024-11-29 17:59")).time) == "2024-11-29 18:00:00"
    assert at(NEW_YORK.next(ns("2024-11-29 18:00")).time) == "2024-12-02 14:31:00"


def test_clocks_go_forward_and_the_session_moves_an_hour_in_utc():
    year = schedule("XNYS", "1m", ns("2024-03-01"))
    assert at(year.next(ns("2024-03-08 20:59")).time) == "2024-03-08 21:00:00"
    assert at(year.next(ns("2024-03-08 21:00")).time) == "2024-03-11 13:31:00"


def test_a_day_of_mourning_has_no_bars():
    year = schedule("XNYS", "1d", ns("2025-01-02"))
    assert at(year.next(ns("2025-01-08 21:00")).time) == "2025-01-10 21:00:00"


def test_daily_bars_close_with_their_session():
    daily = schedule("XNYS", "1d", NOW)
    assert at(daily.next(ns("2024-11-28 00:00")).time) == "2024-11-29 18:00:00"
    assert at(daily.opened(ns("2024-11-29 18:00"))) == "2024-11-29 14:30:00"


def test_the_last_bar_of_a_session_may_be_short():
    hourly = schedule("XNYS", "1h", NOW)
    assert at(hourly.next(ns("2024-11-20 20:30")).time) == "2024-11-20 21:00:00"


def test_crypto_rolls_its_day_at_midnight_and_never_rests():
    first, second = CRYPTO.next(ns("2024-11-30 23:59")), CRYPTO.next(ns("2024-12-01 00:00"))
    assert at(first.time) == "2024-12-01 00:00:00" and second.day == first.day + 1


def test_sessions_are_numbered_in_a_row_over_a_weekend():
    assert NEW_YORK.next(ns("2024-12-02 15:00")).day == NEW_YORK.next(ns("2024-11-29 15:00")).day + 1


@pytest.mark.parametrize("calendar", ["XNYS", "24/7"])
@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "1d"])
def test_previous_undoes_next_and_every_bar_opens_where_its_label_says(calendar, interval):
    made = schedule(calendar, interval, NOW)
    time = made.next(ns("2024-11-27 13:00")).time
    for _ in range(60):
        after = made.next(time).time
        assert made.previous(after) == time and made.has(time)
        assert made.closing(made.opened(after)) == after
        time = after


def test_a_session_begun_on_sunday_waits_for_monday():
    assert at(NEW_YORK.next(ns("2024-11-24 12:00")).time) == "2024-11-25 14:31:00"
    assert not NEW_YORK.is_open(ns("2024-11-24 12:00")) and NEW_YORK.is_open(ns("2024-11-25 14:30"))


@pytest.mark.parametrize("wrong", ["1 m", "0m", "m", "1w", "-5m", "7m"])
def test_an_interval_nobody_can_keep_is_refused(wrong):
    with pytest.raises(ConfigError, match="feed.interval"):
        schedule("24/7", wrong, NOW)


def test_an_inferred_calendar_is_no_calendar_for_a_live_feed():
    with pytest.raises(ConfigError, match="needs a calendar"):
        schedule("inferred", "1m", NOW)
    assert interval_ns("15m") == 900_000_000_000
