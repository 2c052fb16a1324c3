"""Bars in any order, slices in the calendar's: one fault at a time, with its numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.feeds.assembler import Assembler, Rules
from engine.feeds.facts import REST, REVISION, SECOND, Bar, Closed, Correction, Gap, History, Late, Rejected, Values
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.feeds.vetting import fault

T1 = 1_000 * MINUTE_NS  # the close of the first slice
T2, T3 = T1 + MINUTE_NS, T1 + 2 * MINUTE_NS
ONE, TWO = Values(10.0, 11.0, 9.0, 10.5, 100.0), Values(10.0, 12.0, 9.0, 11.5, 130.0)


def made(n: int = 2, **rules) -> Assembler:
    return Assembler(n, Schedule(MINUTE_NS, None), Rules(**rules), T1)


def bar(column: int, time: int, values: Values = ONE, after: float = 1.0, origin: str = "stream") -> Bar:
    return Bar(column, time, values, time + int(after * SECOND), origin)


def give(assembler: Assembler, one: Bar) -> tuple:
    return assembler.offer(one, one.known)


def rest(column: int, first: int, last: int, *bars: Bar, asked: int | None = None) -> History:
    return History(column, first, last, tuple(bars), last + 6 * SECOND if asked is None else asked)


def test_a_slice_closes_at_bar_end_and_grace_and_not_when_its_bars_arrive():
    assembler = made()
    give(assembler, bar(1, T1)), give(assembler, bar(0, T1))
    assert assembler.tick(T1 + 5 * SECOND - 1) == ()
    (closed,) = assembler.tick(T1 + 5 * SECOND)
    assert closed.slice.time == T1 and closed.slice.close.tolist() == [10.5, 10.5]
    assert not closed.gap.any() and not closed.blocked.any() and not closed.catch_up
    with pytest.raises(ValueError, match="read-only"):
        closed.slice.close[0] = 1.0


def test_a_minute_that_rest_confirms_empty_blocks_nothing():
    assembler = made()
    give(assembler, bar(0, T1))
    (want,) = assembler.wanted(T1 + 5 * SECOND)
    assert (want.column, want.first, want.last) == (1, T1, T1)
    assert assembler.answer(rest(1, T1, T1), T1 + 6 * SECOND) == ()
    (closed,) = assembler.tick(T1 + 6 * SECOND)
    assert closed.empty.tolist() == [False, True] and np.isnan(closed.slice.close[1]) and not closed.blocked.any()


def test_a_minute_nobody_answers_for_is_a_gap_and_blocks_until_the_window_is_warm():
    assembler, told = made(window=2, patience=20 * SECOND), []
    for k in range(4):
        end = T1 + k * MINUTE_NS
        give(assembler, bar(0, end))
        if k:
            give(assembler, bar(1, end))
        told += assembler.tick(end + 25 * SECOND - 1) + assembler.tick(end + 25 * SECOND)
    (gap,) = [each for each in told if isinstance(each, Gap)]
    assert (gap.column, gap.time) == (1, T1)
    blocked = [each.blocked.tolist() for each in told if isinstance(each, Closed)]
    assert blocked == [[False, True], [False, True], [False, False], [False, False]]


def test_the_gap_stands_on_the_tape_before_its_slice():
    assembler = made()
    give(assembler, bar(0, T1))
    assert [type(each) for each in assembler.tick(T1 + MINUTE_NS)] == [Gap, Closed]


def test_a_bar_after_its_slice_closed_is_late_and_in_no_slice():
    assembler = made(1, patience=0, outage=0)
    gap, closed = assembler.tick(T1 + 5 * SECOND)
    late = give(assembler, bar(0, T1, after=9.0))
    assert late == (Late(0, T1, ONE, T1 + 9 * SECOND),) and np.isnan(closed.slice.close[0]) and isinstance(gap, Gap)


def test_the_same_bar_twice_is_one_bar():
    assembler = made(1)
    assert give(assembler, bar(0, T1)) == give(assembler, bar(0, T1, after=2.0)) == ()
    assert assembler.counts["duplicate"] == 1


def test_a_correction_before_the_close_is_used_and_told():
    assembler = made(1)
    give(assembler, bar(0, T1))
    (told,) = give(assembler, bar(0, T1, TWO, 3.0, REVISION))
    assert told == Correction(0, T1, ONE, TWO, REVISION, acted=False)
    assert assembler.tick(T1 + 5 * SECOND)[0].slice.close[0] == 11.5


def test_a_correction_after_the_close_is_told_and_changes_nothing():
    assembler = made(1)
    give(assembler, bar(0, T1))
    (closed,) = assembler.tick(T1 + 5 * SECOND)
    (told,) = give(assembler, bar(0, T1, TWO, 30.0, REVISION))
    assert told == Correction(0, T1, ONE, TWO, REVISION, acted=True) and closed.slice.close[0] == 10.5
    assert give(assembler, bar(0, T1, TWO, 31.0, REVISION)) == ()


def test_settled_bars_wait_for_the_correction():
    assembler = made(1, settle=35 * SECOND)
    give(assembler, bar(0, T1))
    assert assembler.tick(T1 + 34 * SECOND) == ()
    give(assembler, bar(0, T1, TWO, 31.0, REVISION))
    assert assembler.tick(T1 + 35 * SECOND)[0].slice.close[0] == 11.5


def test_an_original_that_comes_after_its_correction_says_nothing_new():
    assembler = made(1, settle=35 * SECOND)
    give(assembler, bar(0, T1, TWO, 31.0, REVISION))
    assert give(assembler, bar(0, T1, ONE, 32.0)) == ()
    assert assembler.tick(T1 + 35 * SECOND)[0].slice.close[0] == 11.5


def test_an_answer_to_a_question_older_than_the_bar_does_not_replace_it():
    assembler = made(1, settle=35 * SECOND)
    give(assembler, bar(0, T1, TWO, 31.0, REVISION))
    old = Bar(0, T1, ONE, T1 + 30 * SECOND, REST)
    assert assembler.answer(History(0, T1, T1, (old,), T1 + 30 * SECOND), T1 + 32 * SECOND) == ()
    assert assembler.tick(T1 + 35 * SECOND)[0].slice.close[0] == 11.5


def test_a_correction_older_than_the_memory_is_refused_and_counted():
    assembler = made(1, memory=1)
    for k in range(3):
        give(assembler, bar(0, T1 + k * MINUTE_NS))
        assembler.tick(T1 + k * MINUTE_NS + 5 * SECOND)
    (told,) = assembler.offer(Bar(0, T1, TWO, T3, REVISION), T3 + 6 * SECOND)
    assert isinstance(told, Rejected) and "longer ago" in told.why


def test_bars_out_of_order_are_put_in_order():
    assembler = made(1)
    assembler.offer(bar(0, T2), T2 + SECOND)
    assembler.offer(Bar(0, T1, TWO, T2 + 2 * SECOND), T2 + 2 * SECOND)
    told = assembler.tick(T2 + 5 * SECOND)
    assert [each.slice.time for each in told] == [T1, T2] and [each.slice.close[0] for each in told] == [11.5, 10.5]


def test_slices_older_than_a_signal_may_be_are_catch_up():
    assembler = made(1, max_signal_age=60 * SECOND)
    answer = rest(0, T1, T3, *(Bar(0, t, ONE, T3 + 6 * SECOND, REST) for t in (T1, T2, T3)))
    assembler.answer(answer, T3 + 6 * SECOND)
    told = assembler.tick(T3 + 6 * SECOND)
    assert [each.catch_up for each in told] == [True, True, False]


def test_while_nothing_is_known_slices_wait_for_the_line_to_come_back():
    assembler = made(2, outage=3600 * SECOND)
    assert assembler.tick(T1 + 1800 * SECOND) == ()
    now = T1 + 1800 * SECOND
    wanted = assembler.wanted(now)
    assert [(w.column, w.first, w.last) for w in wanted] == [(0, T1, T1 + 29 * MINUTE_NS), (1, T1, T1 + 29 * MINUTE_NS)]
    for want in wanted:
        times = range(want.first, want.last + 1, MINUTE_NS)
        assembler.answer(
            History(want.column, want.first, want.last, tuple(Bar(want.column, t, ONE, now, REST) for t in times), now),
            now,
        )
    told = assembler.tick(now)
    assert len(told) == 30 and not any(each.gap.any() for each in told) and told[0].catch_up


def test_after_an_outage_slices_wait_for_the_answers_about_their_other_instruments():
    assembler = made(2, outage=3600 * SECOND, patience=20 * SECOND)
    now = T1 + 1800 * SECOND
    first = Bar(0, T1, ONE, now, REST)
    assembler.answer(History(0, T1, T1, (first,), now), now)
    assert assembler.tick(now + 19 * SECOND) == ()
    assembler.answer(History(1, T1, T1, (Bar(1, T1, TWO, now, REST),), now), now + 19 * SECOND)
    (closed,) = assembler.tick(now + 19 * SECOND)
    assert closed.slice.close.tolist() == [10.5, 11.5]


def test_old_slices_wait_for_rest_from_the_moment_it_can_be_asked():
    week = 7 * 24 * 3600 * SECOND
    assembler = Assembler(1, Schedule(MINUTE_NS, None), Rules(outage=600 * SECOND), T1, begun=T1 + week)
    assert assembler.tick(T1 + week + 599 * SECOND) == ()
    assert isinstance(assembler.tick(T1 + week + 600 * SECOND)[0], Gap)


def test_a_line_that_stays_dead_ends_in_gaps():
    assembler = made(1, outage=600 * SECOND)
    told = assembler.tick(T1 + 605 * SECOND)
    assert [type(each) for each in told] == [Gap, Closed]


def test_rest_that_reaches_not_far_enough_leaves_a_gap():
    assembler = made(1, patience=0, outage=0)
    now = T3 + 6 * SECOND
    assembler.answer(History(0, T2, T3, (Bar(0, T3, ONE, now, REST),), now), now)
    told = assembler.tick(now)
    assert [(type(each).__name__, getattr(each, "time", None)) for each in told[:1]] == [("Gap", T1)]
    assert [each.empty.tolist() for each in told if isinstance(each, Closed)] == [[False], [True], [False]]


def test_a_question_includes_the_bar_before_so_that_answers_can_be_compared():
    assembler = made(1)
    give(assembler, bar(0, T1))
    assembler.tick(T1 + 5 * SECOND)
    (want,) = assembler.wanted(T2 + 5 * SECOND)
    assert (want.first, want.last) == (T1, T2)
    now = T2 + 6 * SECOND
    (told,) = assembler.answer(rest(0, T1, T2, Bar(0, T1, TWO, now, REST), Bar(0, T2, ONE, now, REST)), now)
    assert told == Correction(0, T1, ONE, TWO, REST, acted=True)


def test_a_bar_that_rest_knows_nothing_of_is_kept_and_told_once():
    assembler = made(1)
    give(assembler, bar(0, T1))
    (told,) = assembler.answer(rest(0, T1, T1), T1 + 6 * SECOND)
    assert told == Correction(0, T1, ONE, None, REST, acted=False)
    assert assembler.answer(rest(0, T1, T1), T1 + 7 * SECOND) == ()
    assert assembler.tick(T1 + 7 * SECOND)[0].slice.close[0] == 10.5


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (bar(0, T1 + 1), "no bar closes then"),
        (Bar(0, T3, ONE, T1), "in the future"),
        (bar(0, T1 - MINUTE_NS), "before this tape begins"),
        (bar(9, T1), "no instrument"),
        (bar(0, T1, ONE._replace(high=8.0)), "below low"),
        (bar(0, T1, ONE._replace(close=20.0)), "outside"),
        (bar(0, T1, ONE._replace(close=math.nan)), "not a finite"),
        (bar(0, T1, ONE._replace(volume=math.inf)), "not a finite"),
        (bar(0, T1, ONE._replace(volume=-1.0)), "below 0"),
        (bar(0, T1, ONE._replace(low=-1.0)), "not above 0"),
        (bar(0, T1, ONE._replace(volume=2e19)), "more than any market"),
    ],
)
def test_a_bar_that_cannot_be_is_rejected_with_its_reason(what, why):
    (told,) = made().offer(what, T1 + SECOND)
    assert isinstance(told, Rejected) and why in told.why


def test_a_source_that_insists_on_an_impossible_bar_leaves_a_gap_and_no_wait():
    assembler = made(1)
    now = T1 + 6 * SECOND
    assembler.answer(rest(0, T1, T1, Bar(0, T1, ONE._replace(high=1.0), now, REST)), now)
    gap, closed = assembler.tick(now)
    assert "below low" in gap.why and closed.gap.tolist() == [True] and closed.blocked.tolist() == [True]


def test_a_forming_bar_from_rest_is_never_taken():
    (told,) = made(1).offer(Bar(0, T1, ONE, T1 - SECOND, REST), T1 - SECOND)
    assert isinstance(told, Rejected)


def test_a_source_whose_clock_is_a_second_ahead_is_heard():
    assert made(1).offer(Bar(0, T1, ONE, T1 - SECOND), T1 - SECOND) == ()


def test_a_clock_that_jumps_back_closes_nothing_twice():
    assembler = made(1)
    give(assembler, bar(0, T1))
    assert len(assembler.tick(T1 + 5 * SECOND)) == 1
    assert assembler.tick(T1 - 3600 * SECOND) == () and assembler.tick(T1 + 5 * SECOND) == ()


def test_flat_bars_fractional_and_zero_volumes_are_bars():
    assert fault(Values(1.0, 1.0, 1.0, 1.0, 0.0)) is None and fault(Values(1e-8, 2e-8, 1e-8, 2e-8, 0.5)) is None
