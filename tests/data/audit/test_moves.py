"""Splits, units, jumps and other tickers, in bars one can check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.audit.moves import moves
from engine.data.audit.ratios import Move, nearest, side, suspected
from tests.data.audit.bars import bars, calm, places, scale


def found(columns, twin=None, adjusted=False):
    return moves(bars(columns), twin or {}, adjusted)[0]


def test_calm_bars_hold_no_move():
    assert found(calm()) == []


@pytest.mark.parametrize(
    ("ratio", "said"), [(2.0, "2:1"), (1.5, "3:2"), (5.0, "5:1"), (10.0, "10:1"), (0.1, "1:10"), (0.5, "1:2")]
)
def test_prices_that_are_not_adjusted_before_a_day_show_a_split_with_its_side(ratio, said):
    columns = calm()
    scale(columns, slice(0, 60), ratio)
    columns["volume"][:60] /= ratio
    (one,) = found(columns)
    assert (one.kind, one.text) == ("split", f"{said} not adjusted")
    assert one.ratio == pytest.approx(ratio) and places([one], "split") == [(60, 60)]


def test_a_fall_by_half_on_twenty_times_the_volume_is_news_and_no_split():
    columns = calm()
    scale(columns, slice(0, 60), 2.0)
    columns["volume"][60] *= 20.0
    columns["high"][60], columns["low"][60] = columns["close"][60] * 1.1, columns["close"][60] * 0.9
    assert found(columns) == []


def test_a_fall_by_half_that_does_not_show_in_the_open_is_no_split():
    columns = calm()
    scale(columns, slice(0, 60), 2.0)
    columns["open"][60] = columns["close"][59]
    assert "split" not in {one.kind for one in found(columns)}


def test_a_wild_instrument_may_fall_by_a_third_without_a_split():
    columns = calm(200)
    swing = np.exp(0.08 * np.array([0.0, 1.0, 0.0, -1.0])[np.arange(200) % 4])
    for name in ("open", "high", "low", "close"):
        columns[name] *= swing
    scale(columns, slice(0, 100), 1.5)
    assert found(columns) == []


def test_a_split_that_the_table_declares_is_none_in_prices_as_traded_and_one_forgotten_in_adjusted_prices():
    columns = calm()
    scale(columns, slice(0, 60), 2.0)
    columns["split"][60] = 2.0
    assert found(columns) == []
    (one,) = found(columns, adjusted=True)
    assert (one.kind, one.text) == ("split", "2:1 declared, not applied")


def test_a_split_declared_four_days_late_is_told_where_it_shows():
    columns = calm()
    scale(columns, slice(0, 60), 2.2)
    columns["split"][64] = 2.2
    (one,) = found(columns)
    assert (one.kind, one.text, places([one], "split")) == ("split", "2.2:1 declared for another day", [(60, 60)])


def test_the_market_that_halves_splits_nobody():
    columns = calm()
    scale(columns, slice(0, 60), 2.0)
    crash = bars(columns)
    crash.market[60:] = np.log(0.5)
    assert moves(crash, {}, False)[0] == []


@pytest.mark.parametrize("count", [1, 3, 30])
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_hundredfold_price_for_a_day_or_a_stretch_is_one_of_units(count, factor):
    columns = calm()
    scale(columns, slice(50, 50 + count), factor)
    (one,) = found(columns)
    assert (one.kind, one.rows) == ("unit", count) and places([one], "unit") == [(50, 49 + count)]


def test_one_price_of_a_bar_in_another_unit_is_found_and_does_not_look_like_a_move():
    columns = calm()
    columns["close"][50] *= 0.01
    columns["low"][50] *= 0.01
    findings, explained = moves(bars(columns), {}, False)
    assert [(one.kind, one.text) for one in findings] == [("unit", "/100 in part of a bar")]
    assert np.flatnonzero(explained).tolist() == [50]


def test_a_new_level_of_no_round_ratio_is_a_jump():
    columns = calm()
    scale(columns, slice(0, 60), 2.5)
    (one,) = found(columns)
    assert one.kind == "jump" and one.ratio == pytest.approx(0.4, rel=0.02)


def test_a_whole_bar_at_another_level_is_another_tickers_and_a_close_alone_is_a_jump():
    columns = calm()
    scale(columns, slice(50, 51), 1.7)
    assert places(found(columns), "wrong_ticker") == [(50, 50)]
    columns = calm()
    columns["close"][50] *= 1.7
    columns["high"][50] = columns["close"][50]
    assert places(found(columns), "jump") == [(50, 50)]


def test_the_bar_of_a_twin_is_told_by_name_even_where_nothing_seems_to_move():
    (one,) = found(calm(), twin={40: "BB"})
    assert (one.kind, one.text, places([one], "wrong_ticker")) == ("wrong_ticker", "the bar of BB", [(40, 40)])


def test_a_dividend_of_a_third_is_no_split():
    columns = calm()
    columns["dividend"][60] = columns["close"][59] / 3.0
    scale(columns, slice(60, None), 2.0 / 3.0)
    assert found(columns) == []


def test_inside_a_day_nothing_splits():
    columns = calm()
    scale(columns, slice(0, 60), 2.0)
    minutes = bars(columns)
    minutes.stamp[:] = minutes.stamp[0] + 60_000_000_000 * np.arange(1, 101)
    assert {one.kind for one in moves(minutes, {}, False)[0]} == {"jump"}


def test_ratios_are_round_and_said_as_people_say_them():
    assert [side(ratio) for ratio in (2.0, 1.5, 0.1, 4 / 3, 7.0, 1 / 15)] == [
        "2:1",
        "3:2",
        "1:10",
        "4:3",
        "7:1",
        "1:15",
    ]
    assert nearest(np.log(0.52)) == pytest.approx(np.log(0.5))
    assert suspected(Move(5, float(np.log(0.5)), 0.01), float("nan"), 1.0) == pytest.approx(np.log(0.5))
    assert suspected(Move(5, float(np.log(0.5)), 0.01), 0.0, 1.0) is None  # opens where it closed
    assert suspected(Move(5, float(np.log(0.5)), 0.01), float("nan"), 50.0) is None  # loud
    assert suspected(Move(5, float(np.log(0.56)), 0.01), float("nan"), 1.0) is None  # not near
