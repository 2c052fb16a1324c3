"""Models that are stuck, silent or old, bars that are not there; and signals that are none of it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inuse.stale import Missing, Runs, overdue
from tests.inuse.worlds import DAY, Says, drawn, opens, told_of, watched

ALL = np.ones(3, np.bool_)


def runs(rows, traded=ALL):
    out = Runs()
    for row in rows:
        out.add(np.asarray(row, float), traded)
    return out


def test_forecasts_that_stand_still_are_noticed_once_they_are_known_to_move():
    moving = [[k, 1.0, 2.0] for k in range(20)]
    assert not runs(moving).stuck
    assert not runs([*moving, *[moving[-1]] * 4]).stuck
    assert runs([*moving, *[moving[-1]] * 5]).stuck
    assert not runs([*moving, *[moving[-1]] * 5, [0.5, 0.5, 0.5]]).stuck


def test_a_signal_that_often_repeats_itself_is_given_more_time():
    # nine slices in ten repeat the one before: a run of r is as likely as .9^r, below 1e-4 from 88 on
    lazy = [[k // 10, 0.0, 0.0] for k in range(1000)]
    assert not runs([*lazy, *[[99, 0.0, 0.0]] * 60]).stuck
    assert runs([*lazy, *[[99, 0.0, 0.0]] * 90]).stuck
    assert (
        not runs([[1.0, 1.0, 1.0]] * 13).stuck and runs([[1.0, 1.0, 1.0]] * 15).stuck
    )  # never seen to move: as a coin


def test_a_model_that_says_nothing_is_silent_unless_there_was_no_bar():
    nothing = [[np.nan] * 3] * 5
    assert not runs(nothing[:4]).mute and runs(nothing).mute
    assert not runs(nothing, np.zeros(3, np.bool_)).mute
    assert not runs([*nothing, [np.nan, 1.0, np.nan]]).mute


def test_bars_that_do_not_come_for_most_names_are_missed():
    missing, whole = Missing(4), np.full(4, 10.0)
    holes = np.array([10.0, np.nan, np.nan, np.nan])
    for close in (whole, holes, holes):
        missing.add(close, None)
    assert not missing.many
    missing.add(holes, None)
    assert missing.many and missing.count == 3
    missing.add(whole, None)
    assert not missing.many


def test_bars_that_are_confirmed_absent_and_names_that_died_are_not_missed():
    missing, holes = Missing(4), np.array([10.0, np.nan, np.nan, np.nan])
    missing.add(np.full(4, 10.0), None)
    for _ in range(30):
        missing.add(holes, np.isnan(holes))
    assert not missing.many
    missing.add(holes, None)  # they have been gone for thirty slices
    assert missing.count == 0


def test_a_model_is_old_where_it_is_older_than_any_was_when_it_was_tried():
    assert not overdue(10 * DAY, 0, 10 * DAY) and overdue(10 * DAY + 1, 0, 10 * DAY)
    assert not overdue(10**6 * DAY, 0, None)
    f, y = drawn(np.random.default_rng(1), 40, 6)
    told = told_of(f, y, since=DAY * 19_990, cadence=30 * DAY)  # slices are of days 20,000 to 20,039
    watch = watched(Says(told=told, known_through=DAY * 19_980), f, opens(y))
    assert watch.told()[0]["age"] | {"same": 0} == {
        "known_through": DAY * 19_980, "days": 59.0, "speaking_days": 49.0, "cadence_days": 30.0, "same": 0, "silent": 0,
    }  # fmt: skip
    assert (
        watch.conditions()["old s"] == "s: its model has been in use for 49 days, and none was tried for longer than 30"
    )
    young = told | {"cadence": 50 * DAY}
    assert not watched(Says(told=young), f, opens(y)).conditions()


@pytest.mark.parametrize(("rows", "said"), [("stuck", "stuck s"), ("silent", "silent s")])
def test_both_are_said_of_a_signal(rows, said):
    f, y = drawn(np.random.default_rng(2), 40, 6)
    f[25:] = f[25] if rows == "stuck" else np.nan
    assert list(watched(Says(), f, opens(y)).conditions()) == [said]
