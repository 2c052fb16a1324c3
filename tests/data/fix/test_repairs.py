"""Each repair by itself, on bars that swing between 49.5 and 50.5: what comes out to the last digit, and what the log says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.data.fix.repairs import REPAIRS, without
from engine.errors import ConfigError
from tests.data.fix.sheet import DAYS, fixed, quiet, scaled

ALL = frozenset(REPAIRS)


def said(log: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    return [(str(one.date)[:10], one.column, one.what, one.action) for one in log.itertuples()]


def test_quiet_bars_stay_as_they_are(tmp_path):
    bars = quiet()
    table, log = fixed(bars, tmp_path)
    assert not len(log) and (tmp_path / "copy.csv").read_text() == (tmp_path / "bars.csv").read_text()
    pd.testing.assert_frame_equal(table, bars)


def test_an_equal_row_goes_and_the_first_stays(tmp_path):
    table, log = fixed(pd.concat([quiet(), quiet().iloc[[40]]]), tmp_path, on=ALL - {"order"})
    assert len(table) == 100 and said(log) == [(DAYS[40], "row", "duplicate", "removed")]


def test_of_two_rows_the_one_with_more_range_and_volume_stays(tmp_path):
    bars = quiet()
    part = bars.iloc[[40]].assign(high=lambda row: row["high"] - 0.2, volume=500.0)
    table, log = fixed(pd.concat([bars.iloc[:40], part, bars.iloc[40:]]), tmp_path)
    pd.testing.assert_frame_equal(table, bars)
    assert said(log) == [(DAYS[40], "row", "conflict", "removed")]


def test_rows_that_differ_in_their_close_leave_no_bar(tmp_path):
    bars = quiet()
    other = bars.iloc[[40]].assign(close=lambda row: row["close"] + 0.1)
    table, log = fixed(pd.concat([bars.iloc[:41], other, bars.iloc[41:]]), tmp_path)
    assert DAYS[40] not in set(table["date"]) and len(table) == 99
    assert (DAYS[40], "close", "conflict", "masked") in said(log)


def test_rows_that_differ_in_volume_and_range_the_other_way_keep_what_they_agree_on(tmp_path):
    bars = quiet()
    other = bars.iloc[[40]].assign(high=lambda row: row["high"] - 0.2, volume=9000.0)
    table, _ = fixed(pd.concat([bars.iloc[:41], other, bars.iloc[41:]]), tmp_path)
    row = table.iloc[40]
    assert row["close"] == bars["close"][40] and row["low"] == bars["low"][40]
    assert np.isnan(row["high"]) and np.isnan(row["volume"])


def test_a_row_that_contradicts_itself_loses_against_one_that_does_not(tmp_path):
    bars = quiet()
    other = bars.iloc[[40]].assign(high=1.0)
    table, _ = fixed(pd.concat([bars.iloc[:40], other, bars.iloc[40:]]), tmp_path)
    pd.testing.assert_frame_equal(table, bars)


@pytest.mark.parametrize(("rows", "factor"), [(slice(40, 41), 100.0), (slice(40, 50), 0.01), (slice(0, 30), 100.0)])
def test_a_stretch_of_another_unit_is_scaled_by_exactly_a_hundred(rows, factor, tmp_path):
    bars = quiet()
    off = bars.copy()
    scaled(off, rows, factor)
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, bars, rtol=1e-15)
    assert set(log["what"]) == {"unit"} and len(log) == 4 * len(range(*rows.indices(100)))


def test_one_price_of_another_unit_is_scaled_alone(tmp_path):
    bars = quiet()
    off = bars.copy()
    off.loc[40, "low"] *= 100.0
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, bars, rtol=1e-15)
    assert said(log) == [(DAYS[40], "low", "unit", "repaired")]


def test_the_level_at_which_shares_were_traded_is_the_right_one(tmp_path):
    bars = quiet(60).assign(volume=lambda frame: np.where(frame.index == 30, 500.0, 0.0))
    off = bars.copy()
    scaled(off, slice(0, 25), 0.01)
    scaled(off, slice(35, 60), 0.01)
    table, _ = fixed(off, tmp_path, on=ALL - {"stale"})
    pd.testing.assert_frame_equal(table, bars, rtol=1e-15)


def test_a_split_nobody_adjusted_is_adjusted_in_all_earlier_bars(tmp_path):
    bars = quiet()
    off = bars.copy()
    scaled(off, slice(0, 60), 4.0)
    off.loc[:59, "volume"] /= 4.0
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, bars, rtol=1e-15)
    assert set(log["what"]) == {"split"} and len(log) == 300  # sixty rows of four prices and a volume


def test_a_split_of_prices_as_traded_is_declared_where_the_file_declares_splits(tmp_path):
    off = quiet(split=1.0)
    off["split"] = np.where(np.arange(100) == 20, 2.0, 1.0)
    scaled(off, slice(0, 20), 8.0)
    scaled(off, slice(20, 60), 4.0)
    off.loc[:59, "volume"] /= 4.0
    table, log = fixed(off, tmp_path, prices="as_traded")
    assert said(log) == [(DAYS[60], "split", "split", "repaired")]
    assert table["split"][60] == 4.0 and table["close"][0] == off["close"][0]


def test_a_declared_split_that_was_forgotten_is_applied(tmp_path):
    bars = quiet(split=1.0)
    bars["split"] = np.where(np.arange(100) == 60, 2.0, 1.0)
    off = bars.copy()
    scaled(off, slice(0, 60), 2.0)
    table, _ = fixed(off, tmp_path, prices="split_adjusted")
    np.testing.assert_allclose(table["close"], bars["close"], rtol=1e-15)


def test_a_suspected_split_of_three_for_two_is_left(tmp_path):
    off = quiet()
    scaled(off, slice(0, 60), 1.5)
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, off)
    assert said(log) == [(DAYS[60], "row", "split", "left")]


def test_two_suspected_splits_within_half_a_year_are_left(tmp_path):
    off = quiet(200)
    scaled(off, slice(0, 60), 4.0)
    scaled(off, slice(0, 120), 4.0)
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, off)
    assert [one[3] for one in said(log)] == ["left", "left"]


def test_bars_at_another_level_are_removed(tmp_path):
    off = quiet()
    scaled(off, slice(40, 42), 1.7)
    table, log = fixed(off, tmp_path)
    assert len(table) == 98 and set(log["what"]) == {"wrong_ticker"} and set(log["action"]) == {"removed"}


def test_a_zero_is_masked_and_without_a_close_the_row_goes(tmp_path):
    off = quiet()
    off.loc[40, ["open", "high", "low"]] = 0.0
    off.loc[70, "close"] = 0.0
    table, log = fixed(off, tmp_path)
    assert table.iloc[40][["open", "high", "low"]].isna().all() and table["close"][40] == off["close"][40]
    assert DAYS[70] not in set(table["date"]) and len(log) == 4


def test_a_row_without_a_close_stays_where_it_holds_a_dividend(tmp_path):
    off = quiet(dividend=0.0)
    off.loc[40, ["close", "dividend"]] = [0.0, 0.3]
    table, _ = fixed(off, tmp_path)
    assert table["dividend"][40] == 0.3 and np.isnan(table["close"][40]) and np.isnan(table["open"][40])


def test_high_and_low_change_places(tmp_path):
    bars = quiet()
    off = bars.copy()
    off.loc[40, "high"], off.loc[40, "low"] = float(bars["low"][40]), float(bars["high"][40])
    table, log = fixed(off, tmp_path)
    pd.testing.assert_frame_equal(table, bars)
    assert {one[3] for one in said(log)} == {"repaired"}


def test_the_one_price_to_blame_is_masked(tmp_path):
    off = quiet()
    off.loc[40, "high"] = off.loc[40, "low"] * 0.9
    table, log = fixed(off, tmp_path)
    assert np.isnan(table["high"][40]) and said(log) == [(DAYS[40], "high", "range", "masked")]


def test_an_open_a_little_outside_keeps_its_place_and_the_range_is_not_known(tmp_path):
    off = quiet()
    off.loc[40, "open"] = off.loc[40, "high"] * 1.002
    table, _ = fixed(off, tmp_path)
    assert table["open"][40] == off["open"][40] and np.isnan(table["high"][40])


def test_quotes_after_a_death_are_removed(tmp_path):
    living = quiet(200, "BB")
    off = quiet(200)
    for name in ("open", "high", "low", "close"):
        off.loc[150:, name] = 7.0
    off.loc[150:, "volume"] = 0.0
    table, log = fixed(pd.concat([off, living]), tmp_path, on=ALL - {"units", "splits", "jumps", "tickers"})
    assert (table["symbol"] == "AA").sum() == 151 and (table["symbol"] == "BB").sum() == 200
    assert log["why"].astype(str).str.contains("after the last trade").all()


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.5])
def test_an_impossible_adjusted_close_is_put_between_its_neighbours(factor, tmp_path):
    bars = quiet().assign(adj_close=lambda frame: 0.9 * frame["close"])
    off = bars.copy()
    off.loc[40, "adj_close"] *= factor
    table, log = fixed(off, tmp_path)
    np.testing.assert_allclose(table["adj_close"], bars["adj_close"], rtol=1e-12)
    assert said(log) == [(DAYS[40], "adj_close", "adjusted", "repaired")]


def test_a_dividend_left_out_of_the_adjusted_close_goes_into_all_before(tmp_path):
    off = quiet(dividend=0.0).assign(adj_close=lambda frame: frame["close"])
    off.loc[60, "dividend"] = 1.0
    table, log = fixed(off, tmp_path)
    share = 1.0 / off["close"][59]  # (C - D) / C of the close before
    np.testing.assert_allclose(table["adj_close"][:60], off["close"][:60] * (1.0 - share), rtol=1e-12)
    assert (table["adj_close"][60:] == off["close"][60:]).all() and len(log) == 60


def paid_twice(fall: float) -> pd.DataFrame:
    """Two dollars on days 60 and 61, both in the adjusted close; the price falls by `fall` on day 61."""
    off = quiet(dividend=0.0)
    off.loc[[60, 61], "dividend"] = 2.0
    scaled(off, slice(61, 100), 1.0 - fall)
    close = off["close"].to_numpy()
    adjusted = close.copy()
    adjusted[:61] *= 1.0 - 2.0 / close[60]
    adjusted[:60] *= 1.0 - 2.0 / close[59]
    return off.assign(adj_close=adjusted)


def test_of_a_dividend_that_comes_twice_the_one_that_shows_stays(tmp_path):
    off = paid_twice(0.04)
    table, _ = fixed(off, tmp_path)
    assert table["dividend"][60] == 0.0 and table["dividend"][61] == 2.0
    np.testing.assert_allclose(table["adj_close"][:61], off["close"][:61] * (1.0 - 2.0 / off["close"][60]), rtol=1e-12)


def test_a_dividend_that_comes_twice_and_shows_on_neither_day_is_left(tmp_path):
    off = paid_twice(0.02)
    off["open"] = off["close"]
    table, log = fixed(off.assign(close=off["close"]), tmp_path)
    assert table["dividend"].sum() in (2.0, 4.0)
    assert (table["dividend"].sum() == 4.0) == ("left" in set(log["action"]))


def test_a_dividend_that_cannot_be_is_not_known_nor_is_what_holds_it(tmp_path):
    off = quiet(dividend=0.0)
    off.loc[60, "dividend"] = 15.0
    close = off["close"].to_numpy()
    off["adj_close"] = np.where(np.arange(100) < 60, close * (1.0 - 15.0 / close[59]), close)
    table, _ = fixed(off, tmp_path)
    assert (
        np.isnan(table["dividend"][60])
        and table["adj_close"][:60].isna().all()
        and table["adj_close"][60:].notna().all()
    )


def test_a_dividend_a_hundredfold_too_high_is_repaired_where_others_say_so(tmp_path):
    off = quiet(200, dividend=0.0)
    off.loc[[20, 140], "dividend"] = 0.25
    off.loc[80, "dividend"] = 25.0
    table, _ = fixed(off, tmp_path)
    assert table["dividend"][[20, 80, 140]].tolist() == [0.25, 0.25, 0.25]


def test_words_among_the_numbers_are_masked(tmp_path):
    off = quiet().astype({"volume": object})
    off.loc[40, "volume"] = "n.a. today"
    table, log = fixed(off, tmp_path)
    assert np.isnan(table["volume"][40]) and said(log) == [(DAYS[40], "volume", "unreadable", "masked")]


def test_rows_out_of_order_are_sorted_and_nothing_else_is(tmp_path):
    bars = quiet()
    order = [*range(40), 41, 40, *range(42, 100)]
    table, log = fixed(bars.iloc[order], tmp_path)
    pd.testing.assert_frame_equal(table, bars)
    assert said(log) == [(DAYS[0], "row", "order", "sorted")]


def test_every_repair_can_be_switched_off(tmp_path):
    off = quiet(200).assign(adj_close=lambda frame: frame["close"], dividend=0.0)
    scaled(off, slice(0, 100), 4.0, "adj_close")
    scaled(off, slice(120, 121), 100.0, "adj_close")
    off.loc[140, "high"] = 1.0
    off.loc[150, "open"] = 0.0
    off.loc[160, "adj_close"] = -1.0
    off.loc[170, "dividend"] = 1.0
    off = pd.concat([off, off.iloc[[180]]])
    table, log = fixed(off, tmp_path, on=frozenset())
    pd.testing.assert_frame_equal(table, off.reset_index(drop=True))
    for name in ("order", "splits", "units", "ranges", "cells", "adjusted", "dividends", "duplicates"):
        _, told = fixed(off, tmp_path, on=ALL - {name})
        assert len(told) > 0
    kinds = {"splits": "split", "units": "unit", "cells": "zero_cell", "duplicates": "duplicate"}
    for name, kind in kinds.items():
        _, told = fixed(off, tmp_path, on=ALL - {name})
        assert kind not in set(told["what"][told["action"] != "left"])


def test_an_unknown_repair_is_refused_with_the_nearest():
    assert without(["splits,units", "stale"]) == ALL - {"splits", "units", "stale"}
    with pytest.raises(ConfigError, match="no repair 'split'; did you mean 'splits'"):
        without(["split"])
