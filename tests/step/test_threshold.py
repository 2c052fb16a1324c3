"""The threshold rule: confidence, slots, ties, cooldown, and the mirror for shorts."""

from __future__ import annotations

import pytest

from tests.reference.interface import NAN
from tests.step.market import play

TEN = {"confidence": 0.6, "exit_confidence": 0.5, "size": 0.1}  # of 1000 at 10: 10 shares


def test_enters_at_exactly_the_confidence_and_leaves_below_the_exit_confidence():
    played = play([10] * 5, None, [0.6, 0.5, 0.499, 0.0], **TEN)
    assert played.fills == [(1, "A", 10.0, 10.0), (3, "A", -10.0, 10.0)]
    assert [played.decision(t) for t in range(4)] == ["enter", "in position", "leave", "below confidence"]


def test_a_position_is_left_alone_while_it_lasts():
    assert len(play([10, 10, 20, 40, 5], None, [0.9] * 5, **TEN).fills) == 1


def test_a_held_name_without_a_forecast_is_left_alone():
    played = play([10] * 4, None, [0.9, NAN, NAN], **TEN)
    assert len(played.fills) == 1 and played.decision(1) == "no forecast"


def test_the_size_is_of_the_equity_at_the_decision():
    played = play(
        {"A": [10, 10, 20, 20], "B": [10] * 4}, None, {"A": [0.9] * 4, "B": [NAN, NAN, 0.9]}, max_positions=2, **TEN
    )
    # equity 900 + 10 x 20 = 1100 when B is decided: 110 / 10
    assert played.fills[1:] == [(3, "B", 11.0, 10.0)]


def test_the_most_confident_take_the_slots():
    bars = {s: [10] * 3 for s in "ABC"}
    played = play(bars, None, {"A": [0.7], "B": [0.9], "C": [0.8]}, max_positions=2, **TEN)
    assert played.fills == [(1, "B", 10.0, 10.0), (1, "C", 10.0, 10.0)]
    assert played.decision(0, "A") == "slots full"


def test_ties_go_to_the_lower_symbol():
    bars = {s: [10] * 3 for s in "ABC"}
    played = play(bars, None, {"A": [0.7], "B": [0.8], "C": [0.8]}, max_positions=1, **TEN)
    assert played.fills == [(1, "B", 10.0, 10.0)]


def test_the_lower_symbol_wins_whatever_its_column():
    bars = {s: [10] * 3 for s in ("C", "A", "B")}
    played = play(bars, None, {"A": [0.7], "B": [0.7], "C": [0.7]}, max_positions=2, **TEN)
    assert sorted(fill[1] for fill in played.fills) == ["A", "B"]


def test_an_exit_frees_its_slot_when_it_is_filled():
    bars = {"A": [10] * 5, "B": [10] * 5}
    played = play(bars, None, {"A": [0.9, 0.1, 0.1], "B": [0.8] * 5}, **TEN)
    # A leaves by the decision of slice 1, is out on slice 2, and only then may B be decided
    assert played.fills == [(1, "A", 10.0, 10.0), (2, "A", -10.0, 10.0), (3, "B", 10.0, 10.0)]
    assert [played.decision(t, "B") for t in range(3)] == ["slots full", "slots full", "enter"]


def test_a_stop_frees_its_slot_in_the_same_slice():
    bars = {"A": [10, (10, 10, 8, 9), 9], "B": [10] * 3}
    played = play(bars, None, {"A": [0.9, NAN], "B": [0.8, 0.8]}, stop_loss=0.1, **TEN)
    assert played.fills[1:] == [(1, "A", -10.0, 9.0), (2, "B", 9.0, 10.0)]  # 0.1 x 990 / 10 = 9.9


def test_a_leaving_name_does_not_enter_the_other_side_on_the_same_decision():
    played = play([10] * 4, None, [0.9, -0.9, -0.9], side="long_short", **TEN | {"exit_confidence": 0.0})
    assert played.fills == [(1, "A", 10.0, 10.0), (2, "A", -10.0, 10.0), (3, "A", -10.0, 10.0)]
    assert [played.decision(t) for t in range(3)] == ["enter", "leave", "enter"]


def test_cooldown_counts_slices_from_the_exit():
    played = play([10] * 8, None, [0.9, 0.1, 0.9, 0.9, 0.9, 0.9], cooldown=3, **TEN)
    # out on slice 2: 3 - 2 and 4 - 2 are too soon, 5 - 2 is not
    assert played.fills == [(1, "A", 10.0, 10.0), (2, "A", -10.0, 10.0), (6, "A", 10.0, 10.0)]
    assert [played.decision(t) for t in (2, 3, 4, 5)] == ["cooldown", "cooldown", "cooldown", "enter"]


def test_a_cooling_name_takes_no_slot():
    bars = {"A": [10, (10, 10, 8, 9), 9], "B": [10] * 3}
    played = play(bars, None, {"A": [0.9, 0.9], "B": [0.8, 0.7]}, cooldown=5, stop_loss=0.1, **TEN)
    assert played.fills[2:] == [(2, "B", 9.0, 10.0)]


def test_the_first_entry_knows_no_cooldown():
    assert play([10] * 2, None, [0.9], cooldown=100, **TEN).fills == [(1, "A", 10.0, 10.0)]


def test_a_short_of_a_probability_mirrors_at_one_minus_p():
    rules = {"side": "short", "unit": "probability", **TEN}
    played = play([10] * 5, None, [0.5, 0.25, 0.5, 0.75], **rules)
    # 1 - 0.25 = 0.75 >= 0.6 enters; 1 - 0.5 = 0.5 holds; 1 - 0.75 < 0.5 leaves
    assert played.fills == [(2, "A", -10.0, 10.0), (4, "A", 10.0, 10.0)]


def test_a_short_of_a_return_mirrors_at_the_negative():
    played = play([10] * 4, None, [-0.6, -0.5, -0.4], side="short", **TEN)
    assert played.fills == [(1, "A", -10.0, 10.0), (3, "A", 10.0, 10.0)]


def test_a_long_run_never_shorts():
    assert play([10] * 3, None, [-0.9, -0.9], **TEN).fills == []


def test_both_sides_share_the_slots_by_confidence():
    bars = {"A": [10] * 2, "B": [10] * 2}
    played = play(bars, None, {"A": [0.7], "B": [-0.8]}, side="long_short", **TEN)
    assert played.fills == [(1, "B", -10.0, 10.0)]


@pytest.mark.parametrize("delay", [0, 1, 2])
def test_a_delayed_entry_is_decided_once(delay):
    played = play([10] * 7, None, [0.9] * 7, delay=delay, max_positions=3, **TEN)
    assert played.fills == [(1 + delay, "A", 10.0, 10.0)]


def test_an_entry_on_its_way_takes_its_slot():
    played = play({"A": [10] * 5, "B": [10] * 5}, None, {"A": [0.9] * 5, "B": [NAN, 0.9, 0.9]}, delay=1, **TEN)
    assert played.fills == [(2, "A", 10.0, 10.0)] and played.decision(1, "B") == "slots full"


def test_exit_confidence_judges_the_side_held():
    played = play([10] * 4, None, [-0.9, -0.9, 0.2], side="long_short", **TEN | {"exit_confidence": 0.0})
    assert played.fills == [(1, "A", -10.0, 10.0), (3, "A", 10.0, 10.0)]


def test_a_mirrored_probability_enters_though_rounding_puts_it_below():
    # 1 - 0.32 is 0.6799999999999999 in floats, and 0.68 was asked for
    wish = {"confidence": 0.68, "exit_confidence": 0.5, "size": 0.1, "unit": "probability", "side": "long_short"}
    played = play([10] * 3, None, [0.32], exposure_short=1.0, **wish)
    assert played.fills == [(1, "A", -10.0, 10.0)]
