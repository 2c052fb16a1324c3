"""Duplicates, gaps, empty and absurd cells, closes that stand still."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.audit import adjusted, cells, rows
from engine.data.audit.market import market
from engine.data.audit.twins import twins
from engine.types import DAY_NS
from tests.data.audit.bars import FIRST, bars, calm, places

NAN = float("nan")


def test_a_second_row_is_a_duplicate_where_equal_and_a_conflict_where_not():
    stamp = np.array([1, 1, 2, 3, 3, 3]) * DAY_NS
    close = np.array([10.0, 10.0, 11.0, 12.0, 12.0, 12.5])
    keep, findings = rows.duplicates(stamp, {"close": close, "open": np.array([NAN, NAN, 1.0, 1.0, 1.0, 1.0])})
    assert keep.tolist() == [True, False, True, True, False, False]
    told = [(one.kind, one.first // DAY_NS, one.rows) for one in findings]
    assert told == [("duplicate", 1, 1), ("duplicate", 3, 1), ("conflict", 3, 1)]


def test_equal_in_float32_and_float64_is_equal():
    stamp = np.array([1, 1]) * DAY_NS
    _, (one,) = rows.duplicates(stamp, {"close": np.array([10.1, float(np.float32(10.1))])})
    assert one.kind == "duplicate"


def test_sessions_are_where_half_of_the_living_have_bars():
    day = np.array(
        [1, 2, 3, 4, 1, 2, 4, 1, 2, 4, 9]
    )  # of three instruments; one alone has day 3, the last lives to day 9
    known = rows.sessions_in(day, np.array([1, 1, 1]), np.array([4, 4, 9]), 9)
    assert known.tolist() == [1, 2, 4, 9]
    assert rows.sessions_in(day[:4], np.array([1, 1]), np.array([4, 4]), 4) is None


def test_missing_sessions_are_told_in_stretches():
    sessions = np.array([10, 11, 12, 15, 16, 17])
    told = rows.missing(np.array([10, 15, 17]), sessions)
    assert [(one.first // DAY_NS, one.last // DAY_NS, one.rows) for one in told] == [(11, 12, 2), (16, 16, 1)]


def test_a_lone_instrument_misses_only_what_no_holiday_explains():
    monday = 19_002  # 2022-01-10
    assert rows.missing(np.array([monday, monday + 7]), None) == []
    (one,) = rows.missing(np.array([monday, monday + 14]), None)
    assert one.rows == 9


def test_late_and_dead_are_counted_in_sessions():
    sessions = np.arange(100)
    late, dead = rows.ends(np.arange(30, 60), sessions)
    assert (late.kind, late.rows, dead.kind, dead.rows) == ("late", 30, "dead", 40)
    assert rows.ends(np.arange(5, 95), sessions) == []


def test_empty_zero_and_impossible_cells_are_told_apart():
    columns = calm(10)
    columns["open"][2] = NAN
    columns["low"][3] = 0.0
    columns["high"][4] = columns["low"][4] * 0.9
    columns["close"][5] = columns["high"][5] * 1.02
    columns["close"][6] = columns["high"][6] * 1.00005  # rounding
    found = bars(columns)
    assert places(cells.empty(found), "missing_cell") == [(2, 2)]
    assert places(cells.zero(found), "zero_cell") == [(3, 3)]
    assert places(cells.outside(found, np.zeros(10, bool)), "range") == [(4, 5)]


def test_a_column_that_is_never_there_is_not_missing():
    columns = calm(10)
    columns["open"][:] = NAN
    assert cells.empty(bars(columns)) == []


def test_a_bar_repeated_with_its_volume_is_stale_and_so_is_a_long_flat_run():
    columns = calm(200)
    for name in ("open", "high", "low", "close", "volume"):
        columns[name][50] = columns[name][49]
        columns[name][100:106] = columns[name][99]
    assert places(cells.stale(bars(columns)), "stale") == [(50, 50), (100, 105)]


def test_closes_that_often_stand_still_may_stand_still_for_longer():
    columns = calm(400)
    columns["close"][:] = np.repeat(calm(100)["close"], 4)  # three of four closes are the one before
    columns["high"][:], columns["low"][:] = columns["close"] * 1.01, columns["close"] * 0.99
    assert cells.stale(bars(columns)) == []


def test_a_close_that_stands_still_while_trading_goes_on_needs_more_to_be_stale():
    columns = calm(400)
    columns["close"][100:104] = columns["close"][99]
    columns["close"][200:212] = columns["close"][199]
    assert places(cells.stale(bars(columns)), "stale") == [(200, 211)]


def test_the_shortest_stale_run_is_as_long_as_chance_demands():
    assert cells.shortest(0.01, 1000, 1e-4) == 4  # .01^4 x 1000 = 1e-5
    assert cells.shortest(0.5, 1000, 1e-4) == 24  # .5^24 x 1000 = 6e-5


def test_a_dividend_left_out_of_the_adjusted_close_is_found_and_one_in_it_is_not():
    columns = calm(20)
    columns["adjusted"] = columns["close"].copy()
    columns["dividend"][10] = 2.0
    columns["adjusted"][:10] *= 1.0 - 2.0 / columns["close"][9]
    none = np.zeros(20, bool)
    assert adjusted.dividends(bars(columns), none) == []
    columns["adjusted"][:10] = columns["close"][:10]
    (one,) = adjusted.dividends(bars(columns), none)
    assert places([one], "dividend") == [(10, 10)] and "not in the adjusted close" in one.text


def test_a_dividend_of_half_the_price_that_takes_nothing_cannot_be():
    columns = calm(20)
    columns["dividend"][10] = 25.0
    (one,) = adjusted.dividends(bars(columns), np.zeros(20, bool))
    assert one.text.endswith("which does not fall")


def test_one_dividend_within_days_of_its_equal_is_paid_twice():
    columns = calm(20)
    columns["dividend"][[10, 12]] = 0.1
    (one,) = adjusted.dividends(bars(columns), np.zeros(20, bool))
    assert (one.rows, one.text) == (2, "0.1 twice within days")


def test_adjusted_closes_that_cannot_be_are_found():
    columns = calm(40)
    columns["adjusted"] = columns["close"] * np.linspace(0.9, 1.0, 40)
    columns["adjusted"][10] *= -1.0
    columns["adjusted"][20] *= 2.0
    findings, odd = adjusted.impossible(bars(columns), np.zeros(40, bool))
    told = {one.text: place for one, place in zip(findings, places(findings, "adjusted"), strict=True)}
    assert told == {"not above zero": (10, 10), "above the close": (20, 20)}
    assert np.flatnonzero(odd).tolist() == [10, 20]


def test_an_adjusted_close_that_falls_against_the_close_is_odd_unless_a_split_says_why():
    columns = calm(40)
    columns["adjusted"] = columns["close"] * np.where(np.arange(40) < 20, 0.5, np.where(np.arange(40) < 30, 0.25, 1.0))
    (one,) = adjusted.impossible(bars(columns), np.zeros(40, bool))[0]
    assert (one.text, places([one], "adjusted")) == ("falls against the close", [(20, 20)])
    columns["split"][20] = 0.5  # two shares became one: the close doubles, the adjusted close does not
    assert adjusted.impossible(bars(columns), np.zeros(40, bool))[0] == []


def test_the_market_is_the_median_and_those_with_gaps_say_nothing():
    bounds = np.arange(0, 13 * 3 + 1, 3)
    stamp = np.tile([1, 2, 3], 13)
    close = np.tile([100.0, 110.0, 99.0], 13)
    level, time = market(bounds, stamp, close)
    assert level[:3] == pytest.approx([0.0, np.log(1.1), np.log(0.99)]) and time[:3].tolist() == [0, 1, 2]
    few, _ = market(bounds[:5], stamp[:12], close[:12])
    assert not few.any()


def test_a_bar_that_two_instruments_share_belongs_to_the_nearer():
    one, other = calm(50), calm(50, level=80.0)
    for name in ("open", "high", "low", "close", "volume"):
        one[name][20] = other[name][20]
    columns = {name: np.concatenate((one[name], other[name])) for name in ("open", "high", "low", "close", "volume")}
    stamp = np.tile((FIRST + np.arange(50)) * DAY_NS, 2)
    assert twins(np.array([0, 50, 100]), stamp, columns) == {20: 70}


def test_two_names_of_one_company_are_nobodys_twins():
    one = calm(50)
    columns = {name: np.tile(one[name], 2) for name in ("open", "high", "low", "close", "volume")}
    assert twins(np.array([0, 50, 100]), np.tile(np.arange(50), 2), columns) == {}
