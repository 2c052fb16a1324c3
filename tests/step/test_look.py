"""Paragraph 6 and targets to orders: floors, bands, members, missing forecasts."""

from __future__ import annotations

from tests.reference.interface import NAN
from tests.step.market import play


def test_quantity_is_weight_times_equity_over_close_toward_zero():
    assert play([30, 30], [0.5]).fills == [(1, "A", 16.0, 30.0)]  # 16.67
    assert play([30, 30], [-0.5]).fills == [(1, "A", -16.0, 30.0)]


def test_the_floor_forgives_a_billionth():
    # 0.07 x 1000 / 0.1 = 700.0000000000001 or 699.9999999999999: 700 either way
    assert play([0.1, 0.1], [0.07]).fills == [(1, "A", 700.0, 0.1)]
    assert play([0.7, 0.7], [0.49]).fills == [(1, "A", 700.0, 0.7)]


def test_the_order_is_the_target_less_the_position():
    played = play([100, 100, 100], [0.3, 0.7])
    assert played.fills == [(1, "A", 3.0, 100.0), (2, "A", 4.0, 100.0)]


def test_a_nan_target_gives_no_order():
    played = play([100, 100, 200, 200], [0.5, NAN, NAN, NAN])
    assert len(played.fills) == 1 and played.decision(1) == "undecided"


def test_an_instrument_without_a_bar_is_not_decided():
    played = play([100, None, 100], [NAN, 0.5, NAN])
    assert played.fills == [] and played.decision(1) == "no bar"


def test_a_target_smaller_than_a_lot_is_named():
    played = play([100, 100], [0.05])
    assert played.fills == [] and played.notes(0) == ["below a lot"]


def test_a_change_inside_the_band_gives_no_order():
    played = play([100, 100, 100], [0.5, 0.55], no_trade_band=0.1)
    assert len(played.fills) == 1 and played.notes(1) == ["band"]


def test_a_change_as_large_as_the_band_gives_an_order():
    assert len(play([100, 100, 100], [0.5, 0.75], no_trade_band=0.25).fills) == 2


def test_an_exit_to_zero_ignores_the_band():
    drifted = play([100, 100, 25, 25], [0.2, NAN, 0.0], no_trade_band=0.15)
    # held value 2 x 25 = 50 of 850: 0.06 is inside the band, and still it leaves
    assert drifted.fills[1:] == [(3, "A", -2.0, 25.0)]


def test_the_band_measures_the_drifted_value():
    played = play([10, 10, 20, 20], [0.5, NAN, 0.7], no_trade_band=0.1)
    # at 20 the 50 shares are 1000 of 1500: 0.667, within 0.1 of 0.7
    assert len(played.fills) == 1
    assert len(play([10, 10, 20, 20], [0.5, NAN, 0.7]).fills) == 2  # 52 wanted


def test_a_non_member_gets_zero():
    played = play([100] * 4, [0.5, 0.5, 0.5], member=[True, False, False, True])
    assert played.fills == [(1, "A", 5.0, 100.0), (2, "A", -5.0, 100.0)]
    assert played.decision(1) == "not a member"


def test_a_non_member_of_threshold_and_quintile_gets_zero():
    for rules in ({"size": 0.5}, {"rule": "quintile", "rebalance": "weekly", "weeks_end": [0], "max_weight": 0.5}):
        played = play([100] * 4, None, [1.0] * 4, member=[True, False, False, True], **rules)
        assert played.fills[:2] == [(1, "A", 5.0, 100.0), (2, "A", -5.0, 100.0)]


def test_before_the_windows_are_full_a_missing_forecast_is_warming_up():
    played = play([100] * 3, None, [NAN, NAN, 1.0], warmup=1)
    assert [played.decision(t) for t in (0, 1, 2)] == ["warming up", "no forecast", "enter"]


def test_the_target_uses_the_equity_of_the_decision():
    played = play([100, 100, 150, 150], [0.5, NAN, 1.0])
    # equity 1250 at 150: 8.33 -> 8, of which 5 are held
    assert played.fills[1:] == [(3, "A", 3.0, 150.0)]


def test_a_larger_lot_is_respected_in_both_directions():
    assert play([10, 10, 10], [0.55, 0.22], lot=20.0).fills == [(1, "A", 40.0, 10.0), (2, "A", -20.0, 10.0)]


def test_a_delayed_exit_is_not_ordered_twice_either():
    played = play([100] * 7, [0.5, 0.5, 0.5, 0.0, 0.0, 0.0], delay=2)
    assert played.fills == [(3, "A", 5.0, 100.0), (6, "A", -5.0, 100.0)]


def test_a_delayed_exit_after_a_stop_sells_nothing_short():
    # exit decided on slice 3 for slice 5; the stop fills on slice 4
    played = play([100, 100, 100, 100, (100, 100, 85, 90), 90], [0.5, NAN, NAN, 0.0], delay=1, stop_loss=0.1)
    assert played.fills == [(2, "A", 5.0, 100.0), (4, "A", -5.0, 90.0)]
