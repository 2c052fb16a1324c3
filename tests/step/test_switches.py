"""Switches: what trips them, what they stop, and when they let go."""

from __future__ import annotations

from pytest import approx

from tests.reference.interface import NAN, Switch
from tests.step.market import play


def drawdown(action="flatten", resume="never", at=0.15, factor=0.5):
    return {"switches": [Switch("max_drawdown", at, action, factor, resume)]}


def daily(action="flatten", at=0.1, factor=0.5):
    return {"switches": [Switch("daily_loss", at, action, factor, "next day")]}


def test_a_drawdown_flattens_at_the_next_open_and_stays_out():
    played = play([100, 100, 80, 79, 79, 79], [1.0] * 6, **drawdown())
    assert played.fills == [(1, "A", 10.0, 100.0), (3, "A", -10.0, 79.0)]
    assert [played.decision(t) for t in (2, 3, 4, 5)] == ["flatten"] * 4
    assert played.reasons[1] == "switch" and "flattened" in played.fate(3)
    assert played.equity[5] == approx(790)


def test_a_drawdown_is_measured_from_the_highest_mark():
    # 1000 -> 1500 -> 1250 is -16.7 %, though never below the capital
    played = play([100, 100, 150, 125, 125], [1.0], **drawdown())
    assert played.fills[1:] == [(4, "A", -10.0, 125.0)]


def test_a_drawdown_short_of_the_threshold_does_nothing():
    assert len(play([100, 100, 86, 86], [1.0], **drawdown()).fills) == 1


def test_a_peak_of_15_percent_falling_to_6_is_down_7_826():
    calm = play([100, 100, 115, 106, 106], [1.0], **drawdown(at=0.0783))
    assert len(calm.fills) == 1  # 1 - 106 / 115 = 0.078261
    assert len(play([100, 100, 115, 106, 106], [1.0], **drawdown(at=0.0782)).fills) == 2


def test_flatten_replaces_the_order_that_waits():
    bars = {"A": [100, 100, 70, 70, 70], "B": [10] * 5}
    played = play(bars, {"A": [0.5], "B": [NAN, 0.3]}, delay=1, **drawdown(at=0.1))
    # A filled on slice 2 at 70 marks 1000: no loss yet; B on slice 3
    assert played.fills == [(2, "A", 5.0, 70.0), (3, "B", 30.0, 10.0)]
    late = play(
        {"A": [100, 100, 100, 70, 70, 70], "B": [10] * 6},
        {"A": [0.5], "B": [NAN, NAN, 0.3]},
        delay=1,
        **drawdown(at=0.1),
    )
    # equity 850 on slice 3; the order of slice 2 for slice 4 is dropped, and A leaves at the next open whatever the delay
    assert late.fills == [(2, "A", 5.0, 100.0), (4, "A", -5.0, 70.0)]


def test_flatten_drops_orders_for_later_slices_too():
    bars = {"A": [100, 100, 100, 100, 70, 70, 70, 70], "B": [10] * 8}
    weights = {"A": [0.5], "B": [NAN, NAN, NAN, 0.3]}
    played = play(bars, weights, delay=2, **drawdown(at=0.1, resume=1))
    # B was decided on slice 3 for slice 6; the switch speaks on 4 and is silent from 5 on
    assert played.fills == [(3, "A", 5.0, 100.0), (5, "A", -5.0, 70.0)]


def test_flatten_fills_at_the_next_open_even_where_orders_fill_at_the_close():
    played = play([100, 100, 80, (79, 90, 78, 85), 85], [1.0], fill="close", **drawdown())
    assert played.fills[1:] == [(3, "A", -10.0, 79.0)]


def test_maintenance_fills_at_the_next_open_even_where_orders_fill_at_the_close():
    rules = {"max_gross": 2.0, "max_weight": 2.0, "maintenance": 0.3, "fill": "close"}
    played = play([10, 10, 6, (5.5, 6, 5.25, 5.75), 6], [2.0], **rules)
    assert played.fills[1:] == [(3, "A", -200.0, 5.5)]  # equity 200 of 1200


def test_flatten_tries_again_until_everything_is_gone():
    played = play([100, 100, 80, None, (79, 79, 79, 79, 40), 78], [1.0], max_participation=0.1, **drawdown())
    # no bar on slice 3; 4 shares on slice 4; 6 on slice 5
    assert played.fills[1:] == [(4, "A", -4.0, 79.0), (5, "A", -6.0, 78.0)]


def test_a_drawdown_switch_resumes_after_n_bars_with_a_new_peak():
    played = play([100, 100, 80, 80, 80, 80, 80], [1.0] * 7, **drawdown(resume=2))
    # latched on slice 2, out on 3, free on 4: 800 / 80 = 10 on slice 5
    assert played.fills[1:] == [(3, "A", -10.0, 80.0), (5, "A", 10.0, 80.0)]
    assert [played.decision(t) for t in (2, 3, 4)] == ["flatten", "flatten", "targeted"]


def test_after_resuming_a_new_drawdown_trips_it_again():
    played = play([100, 100, 80, 80, 80, 80, 60, 60], [1.0] * 8, **drawdown(resume=2))
    assert played.fills[3:] == [(7, "A", -10.0, 60.0)]  # 600 against the new peak of 800


def test_halt_keeps_what_is_held_and_allows_nothing_larger():
    bars = {"A": [100, 100, 70, 70, 70], "B": [10] * 5}
    played = play(bars, {"A": [0.5, NAN, 0.9, NAN], "B": [NAN, NAN, 0.3, NAN]}, **drawdown("halt", at=0.1))
    assert played.fills == [(1, "A", 5.0, 100.0)]
    assert played.decision(2, "A") == played.decision(2, "B") == "halted"


def test_halt_allows_smaller_positions_and_exits():
    played = play([100, 100, 70, 70, 70], [0.5, NAN, 0.3, 0.0], **drawdown("halt", at=0.1))
    # 0.3 x 850 / 70 = 3.6 -> 3; then out
    assert played.fills[1:] == [(3, "A", -2.0, 70.0), (4, "A", -3.0, 70.0)]


def test_halt_turns_a_flip_into_an_exit():
    played = play([100, 100, 70, 70, 70], [0.5, NAN, -0.5], **drawdown("halt", at=0.1))
    assert played.fills[1:] == [(3, "A", -5.0, 70.0)]


def test_halt_leaves_stops_working():
    played = play([100, 100, 70, (70, 70, 45, 50)], [0.5], stop_loss=0.5, **drawdown("halt", at=0.1))
    assert played.fills[1:] == [(3, "A", -5.0, 50.0)]


def test_halt_stops_an_entry_that_a_delay_still_holds_back():
    bars = {"A": [100, 100, 100, 70, 70, 70], "B": [10] * 6}
    played = play(bars, {"A": [0.5], "B": [NAN, NAN, 0.3]}, delay=1, **drawdown("halt", at=0.1))
    # halted on slice 3; B was decided on slice 2 for slice 4 and would be a new position
    assert played.fills == [(2, "A", 5.0, 100.0)]


def test_reduce_scales_targets_while_latched():
    played = play([100, 100, 80, 80, 80, 80, 80], [1.0] * 7, **drawdown("reduce", resume=2))
    # slices 2 and 3 halve: 400 / 80 = 5; free on slice 4: 800 / 80 = 10
    assert played.fills[1:] == [(3, "A", -5.0, 80.0), (5, "A", 5.0, 80.0)]
    assert played.notes(2) == ["reduced"] and played.notes(4) == []


def test_two_reducing_switches_multiply():
    switches = [
        Switch("max_drawdown", 0.1, "reduce", 0.5, "never"),
        Switch("daily_loss", 0.1, "reduce", 0.5, "next day"),
    ]
    played = play([100, 100, 80, 80, 80], [1.0] * 5, switches=switches, lot=0.0)
    # 0.25 x 800 / 80 = 2.5, the day after 0.5: 5
    assert played.fills[1:] == [(3, "A", -7.5, 80.0), (4, "A", 2.5, 80.0)]


def test_a_daily_loss_switch_resumes_with_the_next_session():
    played = play([100, 100, 80, 80, 80, 80], [1.0, 1.0, 1.0, 1.0, NAN], **daily())
    # -20 % on day 2: out at the open of day 3, decided again on day 3, in at the open of day 4
    assert played.fills[1:] == [(3, "A", -10.0, 80.0), (4, "A", 10.0, 80.0)]


def test_a_daily_loss_is_measured_from_the_close_of_the_day_before():
    days = [0, 0, 1, 1, 1, 2]
    bars = [100, 100, 95, 92, 89, 89]
    played = play(bars, [1.0], days=days, **daily())
    # 950, 920 and 890 against 1000: 11 % on slice 4, though no single slice lost 10 %
    assert played.fills[1:] == [(5, "A", -10.0, 89.0)]


def test_a_daily_loss_latches_for_the_rest_of_the_day():
    days = [0, 0, 1, 1, 1, 2, 2]
    played = play([100, 100, 89, 100, 100, 100, 100], [1.0] * 7, days=days, **daily())
    # out on slice 3; days 1's slices 3 and 4 stay out; day 2 begins with slice 5: in on slice 6
    assert played.fills[1:] == [(3, "A", -10.0, 100.0), (6, "A", 10.0, 100.0)]


def test_the_first_day_is_measured_from_the_capital():
    days = [0, 0, 0, 1]
    played = play([100, 100, 85, 85], [1.0], days=days, **daily())
    assert played.fills[1:] == [(3, "A", -10.0, 85.0)]


def test_slow_losses_over_days_do_not_trip_a_daily_switch():
    assert len(play([100, 100, 92, 85, 78, 72], [1.0], **daily()).fills) == 1


def test_both_switches_together_flatten_wins_over_halt():
    switches = [
        Switch("max_drawdown", 0.1, "halt", 1.0, "never"),
        Switch("daily_loss", 0.1, "flatten", 1.0, "next day"),
    ]
    played = play([100, 100, 80, 80, 80, 80], [1.0] * 6, switches=switches)
    # flattened at slice 3; from then on the halt keeps it out
    assert played.fills[1:] == [(3, "A", -10.0, 80.0)] and played.decision(4) == "halted"


def test_a_switch_that_trips_at_exactly_its_threshold():
    assert len(play([100, 100, 75, 75], [1.0], **drawdown(at=0.25)).fills) == 2  # 1 - 750 / 1000
