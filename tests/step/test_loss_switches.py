"""Switches that look at the returns or days of the account: an unusual loss, a poor Sharpe ratio, a streak of losing days."""

from __future__ import annotations

import pytest

from tests.reference.interface import NAN, Switch
from tests.step.market import play

# --- sigma_loss -------------------------------------------------------------------------------------------------------
# fully long from slice 1: returns 0, 0, + 1 %, - 1 %, - 3 %, 0; the three before the - 3 % deviate by 1 %
SLIDE = [100, 100, 101, 99.99, 96.9903, 96.9903, 96.9903, 96.9903]
FULL = {"max_weight": 2.0, "max_gross": 2.0}


def sigma(at, window=3, action="flatten", resume="never"):
    return {"switches": [Switch("sigma_loss", at, action, 0.5, resume, window)]}


@pytest.mark.parametrize(("at", "trips"), [(2.0, True), (3.0, True), (3.01, False)])
def test_a_loss_of_so_many_deviations_of_the_returns_before_it_trips(at, trips):
    played = play(SLIDE, [1.0], **sigma(at))
    assert played.fills[1:] == ([(5, "A", -10.0, 96.9903)] if trips else [])


def test_a_sigma_loss_is_silent_before_there_are_enough_returns():
    # slice 4 has four returns before it
    assert len(play(SLIDE, [1.0], **sigma(1.0, window=5)).fills) == 1
    assert play(SLIDE, [1.0], **sigma(1.0, window=4)).fills[1:] == [(5, "A", -10.0, 96.9903)]


def test_a_sigma_loss_is_silent_while_nothing_has_moved():
    assert len(play([100, 100, 100, 100, 70, 70, 70], [1.0], **sigma(0.1)).fills) == 1


def test_a_gain_of_so_many_deviations_trips_nothing():
    assert len(play([100, 100, 101, 99.99, 105, 105], [1.0], **sigma(2.0)).fills) == 1


def test_a_sigma_loss_that_halts_allows_nothing_larger():
    played = play(SLIDE, [0.5, NAN, NAN, NAN, 1.0], **sigma(2.0, action="halt"))
    assert played.decision(4) == "halted" and played.fills == [(1, "A", 5.0, 100.0)]


def test_a_sigma_loss_that_reduces_halves_targets_until_the_next_day():
    played = play(SLIDE, [1.0, NAN, NAN, NAN, 1.0, 1.0], **sigma(2.0, action="reduce", resume="next day"))
    # slice 4 wants half: 5; slice 5 is the next day: 10 again
    assert played.fills[1:] == [(5, "A", -5.0, 96.9903), (6, "A", 5.0, 96.9903)]
    assert played.notes(4) == ["reduced"] and played.notes(5) == []


def test_a_sigma_loss_that_resumes_counts_its_returns_anew():
    # + 1 % and - 5 % (against 0 and + 1 %) latch slice 3 for one bar; slice 4 lets go; 5 and 6 are the two returns before 7
    closes = [100, 100, 101, 96, 97, 90, 91, 80, 80]
    rules = sigma(1.0, window=2, action="halt", resume=1)
    asked = {t: play(closes, [0.5] + [NAN] * (t - 1) + [0.9], **rules).decision(t) for t in (3, 4, 5, 6, 7)}
    assert asked == {3: "halted", 4: "targeted", 5: "targeted", 6: "targeted", 7: "halted"}


# --- rolling_sharpe ---------------------------------------------------------------------------------------------------
# returns - 1 % and - 3 %: mean - 2 %, deviation 1.41421 %, x sqrt 252: - 22.4499
SINK = [100, 100, 99, 96.03, 96.03, 96.03, 96.03]


def sharpe(at, window=2, action="flatten", resume="never", **rules):
    return {"switches": [Switch("rolling_sharpe", at, action, 0.5, resume, window)], **rules}


@pytest.mark.parametrize(("at", "trips"), [(-22.44, True), (-22.46, False)])
def test_a_sharpe_ratio_at_or_below_the_threshold_trips(at, trips):
    played = play(SINK, [1.0], **sharpe(at))
    assert played.fills[1:] == ([(4, "A", -10.0, 96.03)] if trips else [])


def test_the_sharpe_ratio_is_annualised_by_the_bars_of_a_year():
    # x sqrt 8 instead: - 4
    assert len(play(SINK, [1.0], **sharpe(-3.999, bars_per_year=8.0)).fills) == 2
    assert len(play(SINK, [1.0], **sharpe(-4.001, bars_per_year=8.0)).fills) == 1


def test_a_sharpe_ratio_needs_all_its_returns_and_some_movement():
    # five returns come with slice 4
    assert play(SINK, [1.0], **sharpe(5.0, window=5)).fills[1:] == [(5, "A", -10.0, 96.03)]
    assert len(play([100] * 6, [1.0], **sharpe(5.0)).fills) == 1  # never moved: no ratio
    assert len(play([100, 100, 100], [1.0], **sharpe(5.0, window=3)).fills) == 1


def test_a_sharpe_switch_that_halts_and_one_that_reduces():
    halted = play(SINK, [0.5, NAN, NAN, 1.0], **sharpe(-20.0, action="halt"))
    assert halted.decision(3) == "halted" and len(halted.fills) == 1
    reduced = play(SINK, [1.0, NAN, NAN, 1.0, NAN, 1.0], **sharpe(-20.0, action="reduce", resume=2))
    # latched on slice 3: 5; free on slice 5: 10
    assert reduced.fills[1:] == [(4, "A", -5.0, 96.03), (6, "A", 5.0, 96.03)]


def test_a_sharpe_switch_that_resumes_waits_for_as_many_new_returns():
    # it lets go on slice 4; slices 5 and 6 are the first two returns that count: - 1 % and - 3 % again
    closes = [100, 100, 99, 96.03, 90, 89.1, 86.427, 86.427]
    asked = {
        t: play(closes, [1.0] + [NAN] * (t - 1) + [2.0], **FULL, **sharpe(-20.0, action="halt", resume=1)).decision(t)
        for t in (3, 4, 5, 6)
    }
    assert asked == {3: "halted", 4: "targeted", 5: "targeted", 6: "halted"}


# --- losing_streak ----------------------------------------------------------------------------------------------------
def streak(days, action="flatten", resume="never"):
    return {"switches": [Switch("losing_streak", days, action, 0.5, resume)]}


def test_so_many_losing_days_in_a_row_trip():
    assert play([100, 100, 99, 98, 98, 98], [1.0], **streak(2)).fills[1:] == [(4, "A", -10.0, 98.0)]


def test_a_day_without_a_loss_ends_the_streak():
    assert len(play([100, 100, 99, 99, 98, 98], [1.0], **streak(2)).fills) == 1
    assert len(play([100, 100, 99, 100, 99, 100], [1.0], **streak(2)).fills) == 1


def test_the_first_day_is_measured_against_the_capital():
    days = [0, 0, 1, 1]
    assert play([100, (100, 100, 90, 90), 90, 90], [1.0], days=days, **streak(1)).fills[1:] == [(2, "A", -10.0, 90.0)]


def test_a_streak_is_judged_on_the_last_slice_of_a_day():
    # days close at 100, 99 and 98; slice 2 at 97 is a low within its day
    closes, days = [100, 100, 97, 99, 98, 98, 98], [0, 0, 1, 1, 2, 2, 3]
    played = play(closes, [1.0], days=days, **streak(2))
    assert played.fills[1:] == [(6, "A", -10.0, 98.0)]
    assert [played.decision(t) for t in (2, 3, 4, 5)] == ["undecided"] * 3 + ["flatten"]


def test_a_streak_that_halts_and_one_that_reduces():
    closes = [100, 100, 99, 98, 98, 98, 98]
    halted = play(closes, [0.5, NAN, NAN, 1.0], **streak(2, "halt"))
    assert halted.decision(3) == "halted" and len(halted.fills) == 1
    reduced = play(closes, [1.0, NAN, NAN, 1.0, 1.0], **streak(2, "reduce", "next day"))
    assert reduced.fills[1:] == [(4, "A", -5.0, 98.0), (5, "A", 5.0, 98.0)]


def test_a_streak_that_resumes_counts_its_days_anew():
    # every day loses from slice 2 on: latched on 3 for one bar; 4 lets go and does not count; 5 and 6 are two
    closes, rules = [100, 100, 99, 98, 97, 96, 95, 95], streak(2, "halt", 1)
    asked = {t: play(closes, [0.5] + [NAN] * (t - 1) + [0.9], **rules).decision(t) for t in (2, 3, 4, 5, 6)}
    assert asked == {2: "targeted", 3: "halted", 4: "targeted", 5: "targeted", 6: "halted"}
