"""On which dates weekly and monthly rules decide: the last session of the period, holidays and weekends included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import engine
from engine import codes as c


def decided(rebalance: str, calendar: str | None, dates: list[str], closed: tuple[str, ...] = ()) -> list[str]:
    """The session dates on which a quintile rule decides, over daily bars from dates[0] to dates[1] without `closed`."""
    freq = "D" if calendar == "24/7" else "B"
    days = [d for d in pd.date_range(*dates, freq=freq) if str(d.date()) not in closed]
    frame = pd.DataFrame(
        {"date": days, "symbol": "A", "open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 1.0}
    )
    panel = engine.Panel.from_frame(frame, prices="as_traded", dividends="none", calendar=calendar)
    config = {
        "name": "cadence",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "quintile", "signal": "f", "quantile": "50%", "side": "long", "rebalance": rebalance},
    }
    result = engine.backtest(config, panel=panel, forecasts=np.ones((len(days), 1)))
    decision = result.decisions[:, 0] & np.uint32(c.DECISION_MASK)
    return [str(day) for day in panel.sessions[decision != np.uint32(c.NOT_DUE)]]


XNYS_2024 = ("2024-03-29", "2024-05-27")  # Good Friday, Memorial Day


def test_xnys_weeks_around_good_friday_and_memorial_day():
    assert decided("weekly", "XNYS", ["2024-03-18", "2024-04-12"], XNYS_2024) == [
        "2024-03-22",
        "2024-03-28",  # Thursday: Good Friday is none
        "2024-04-05",
        "2024-04-12",
    ]
    assert decided("weekly", "XNYS", ["2024-05-20", "2024-06-07"], XNYS_2024) == [
        "2024-05-24",
        "2024-05-31",
        "2024-06-07",
    ]


def test_a_week_cut_to_three_sessions_and_one_that_ends_on_its_holiday():
    # Christmas and New Year 2020: Fridays the 25th and the 1st are none
    days = ["2020-12-14", "2021-01-08"]
    assert decided("weekly", "XNYS", days, ("2020-12-25", "2021-01-01")) == [
        "2020-12-18",
        "2020-12-24",
        "2020-12-31",
        "2021-01-08",
    ]


def test_xnys_months_whose_last_weekday_is_a_holiday():
    # March 2024 ends with Good Friday, May 2021 with Memorial Day
    assert decided("monthly", "XNYS", ["2024-02-20", "2024-05-03"], XNYS_2024) == [
        "2024-02-29",
        "2024-03-28",
        "2024-04-30",
    ]
    assert decided("monthly", "XNYS", ["2021-04-20", "2021-07-02"], ("2021-05-31",)) == [
        "2021-04-30",
        "2021-05-28",
        "2021-06-30",
    ]


@pytest.mark.parametrize(
    ("end", "last"),
    [("2024-03-27", []), ("2024-03-28", ["2024-03-28"])],
)
def test_the_last_bar_of_the_data_decides_only_if_its_session_ends_the_month(end, last):
    assert decided("monthly", "XNYS", ["2024-03-18", end], XNYS_2024) == last


def test_without_a_calendar_the_gaps_of_the_data_say_the_same():
    days = ["2024-03-18", "2024-04-12"]
    assert decided("weekly", None, days, XNYS_2024) == decided("weekly", "XNYS", days, XNYS_2024)
    assert decided("monthly", None, days, XNYS_2024) == ["2024-03-28"]


def test_an_open_market_ends_its_week_on_sunday_and_its_month_on_the_last_day():
    days = ["2024-03-20", "2024-05-02"]
    assert decided("weekly", "24/7", days) == [
        "2024-03-24",
        "2024-03-31",
        "2024-04-07",
        "2024-04-14",
        "2024-04-21",
        "2024-04-28",
    ]
    assert decided("monthly", "24/7", days) == ["2024-03-31", "2024-04-30"]


def test_intraday_bars_decide_once_at_the_last_bar_of_the_period():
    times = pd.date_range("2024-03-30 06:00", "2024-04-01 12:00", freq="6h", tz="UTC")  # closes, every six hours
    frame = pd.DataFrame({"timestamp": times, "symbol": "A", "open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0})
    panel = engine.Panel.from_frame(frame.assign(volume=1.0), prices="as_traded", dividends="none", calendar="24/7")
    # Sunday the 31st ends with the bar that closes at 00:00 of Monday, and with it the week and the month
    assert times[panel.last_of_week].astype(str).tolist() == ["2024-04-01 00:00:00+00:00"]
    assert times[panel.last_of_month].astype(str).tolist() == ["2024-04-01 00:00:00+00:00"]
    assert times[panel.last_of_day].astype(str).tolist() == ["2024-03-31 00:00:00+00:00", "2024-04-01 00:00:00+00:00"]
