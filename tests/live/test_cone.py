"""Equity within the cone that a backtest draws: by hand where it can be, by many sessions of one process where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pytest

import engine
from engine import journal
from engine.errors import ConfigError, DataError
from engine.live import cone, paper, tape
from engine.live.clock import StoppedClock
from engine.live.course import Course, Days, course_of
from engine.live.outlook import outlook
from engine.live.within import beyond, needed, ordinal, placed
from engine.shapes import EQUITY, MONEY_SIZE
from risk.overfitting import bootstrap
from tests.live.market import config, messy, play

DAY = 86_400_000_000_000
START = int(np.datetime64("2024-01-01", "ns").astype(np.int64))
FILE = config(signals={"up": {"plugin": "momentum", "lookback": 2, "skip": 0}}, exits={})


def by_hand(**more):
    """Three days: from 0.9, 0.8, 0.7 (5 %) over 1.0 to 1.1, 1.2, 1.3 (95 %)."""
    levels, growth = [5.0, 50.0, 95.0], np.array([[0.9, 0.8, 0.7], [1.0, 1.0, 1.0], [1.1, 1.2, 1.3]])
    told = {"levels": levels, "growth": growth, "strayed": [0.1, 0.15, 0.2], "source": "run-1", "notes": []}
    facts = {"drift": 0.001, "error": 0.0003, "returns": 400, "first": "2020-01-01", "last": "2021-06-01", "slices": 0}
    return told | facts | more


def days(*equity, base=100.0):
    count = len(equity)
    return Days(base, START + DAY * np.arange(count), np.arange(count), np.array(equity, float))


def told(*rows):
    """The course of rows given as (kind, body)."""
    course = Course()
    for kind, body in rows:
        course.take(kind, body)
    return course.days()


def a_slice(day, time, last=True):
    return tape.SLICE, {"day": day, "time": START + time, "flags": [last, False, False, False]}


def decided(equity):
    return tape.DECISION, {"money": [equity, 0.0]}


BEGIN = (tape.START, {"config": {"capital": 100.0}})


def test_equity_is_counted_from_the_end_of_the_warm_up_by_days_that_have_ended():
    rows = [
        BEGIN, (tape.WARM_UP, {"time": START - DAY}), decided(101.0), a_slice(5, 1, last=False), decided(102.0), a_slice(5, 2), decided(103.0),
        a_slice(6, 3, last=False), decided(90.0),
    ]  # fmt: skip
    found = told(*rows)
    assert (found.base, found.equity.tolist(), found.times.tolist(), found.numbers.tolist()) == (
        101.0,
        [103.0],
        [START + 2],
        [5],
    )
    found = told(*rows, a_slice(7, 4), decided(95.0))  # day 6 never said its last slice, and is over all the same
    assert found.equity.tolist() == [103.0, 90.0, 95.0]
    assert found.returns == pytest.approx([103 / 101 - 1, 90 / 103 - 1, 95 / 90 - 1])


def test_a_slice_that_is_not_decided_yet_ends_no_day():
    assert len(told(BEGIN, a_slice(0, 1))) == 0
    assert told(BEGIN, a_slice(0, 1), decided(99.0), a_slice(1, 2)).equity.tolist() == [99.0]


def test_an_account_that_was_taken_over_starts_from_what_it_was_worth():
    money = np.zeros(MONEY_SIZE)
    money[EQUITY] = 150.0
    adopted = (tape.ADOPTED, {"state": {"money": money}})
    found = told(BEGIN, (tape.WARM_UP, {"time": START - DAY}), decided(100.0), adopted, a_slice(0, 1), decided(153.0))
    assert (found.base, found.returns.tolist()) == (150.0, [pytest.approx(0.02)])


def test_inside_its_percentile_lies_between_the_quantiles():
    found = placed(by_hand(), days(95.0, 110.0))  # of 0.8, 1.0, 1.2 at 5, 50, 95: halfway from 50 to 95
    assert (found["inside"], found["percentile"], found["days"], found["since"]) == (True, pytest.approx(72.5), 2, None)
    found = placed(by_hand(), days(95.0, 108.0))
    assert found["said"].startswith(
        "inside after 2 days; equity is at the 68th percentile of what the backtest's own returns give"
    )


def test_outside_it_says_since_when_of_the_stretch_that_lasts():
    found = placed(by_hand(), days(89.0, 81.0, 69.0))  # out, in, out
    assert (found["inside"], found["since"], found["percentile"]) == (False, "2024-01-03", 0.0)
    found = placed(by_hand(), days(91.0, 79.0, 60.0))
    assert found["since"] == "2024-01-02"
    assert found["said"].startswith("outside since 2024-01-02; after 3 days equity is below the 1st percentile")
    assert "of such futures 20% were outside at least once by then" in found["said"]
    assert placed(by_hand(), days(101.0, 102.0, 131.0))["since"] == "2024-01-03"  # above is outside too


def test_where_the_cone_ends_it_says_so():
    found = placed(by_hand(), days(100.0, 100.0, 100.0, 50.0))
    assert found["inside"] and found["days"] == 4
    assert "inside after 3 days, where the cone ends (it is day 4); equity" in found["said"]


def test_without_a_backtest_or_a_day_it_says_so():
    assert placed(None, days(100.0))["said"].startswith("no cone: no backtest was named")
    assert placed(by_hand(), days())["said"] == (
        "no day has ended yet; the cone is drawn from run-1, 2020-01-01 to 2021-06-01, 400 days"
    )


def test_days_needed_by_hand():
    # 400 / ((.001 / (1.64485 * .0003))^2 - 1) = 400 / 3.1067 = 128.75
    assert needed(by_hand()) == 129
    assert needed(by_hand(drift=0.0004)) is None  # 1.33 standard errors: the backtest itself may be luck
    assert needed(by_hand(drift=-0.001)) is None
    assert "no number of days" in placed(by_hand(drift=0.0), days(100.0))["said"]


def test_days_needed_is_where_the_cone_s_lower_edge_crosses_the_start():
    returns = np.random.default_rng(5).normal(0.0015, 0.01, 1000)
    made = bootstrap.cone(returns, 400, 1500, 1, block=1.0)
    count = needed({"drift": made.drift, "error": made.error, "returns": made.returns})
    assert count is not None and 50 < count < 400
    low, high = (np.log(made.growth[made.levels.index(level), count - 1]) for level in bootstrap.BAND)
    assert abs(low) < 0.05 * (high - low)  # the sampling error of a quantile of 1,500 paths


def test_a_nan_of_equity_is_outside():
    assert beyond(by_hand(), np.array([1.0, np.nan])).tolist() == [False, True]


def test_ordinals():
    assert [ordinal(k) for k in (1, 2, 3, 4, 11, 12, 13, 21, 72, 93)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "72nd", "93rd"]
    )


# Coverage.
def ends(seed, past, ahead, drift=0.0005, then=None):
    """(returns of a backtest, growth of a session after it) of one process: a drift, and noise with heavy tails."""
    moved = 0.01 * np.random.default_rng(seed).standard_t(6, past + ahead) / np.sqrt(1.5)
    return drift + moved[:past], np.prod(1.0 + (drift if then is None else then) + moved[past:])


def outside(count, past, ahead, then=None, seed=0):
    """The share of sessions that end outside the band of their own backtest's cone."""
    low, high = (bootstrap.LEVELS.index(level) for level in bootstrap.BAND)
    left = 0
    for k in range(count):
        returns, growth = ends((seed, k), past, ahead, then=then)
        edge = bootstrap.cone(returns, ahead, 399, k, block=1.0).growth[:, -1]
        left += not edge[low] <= growth <= edge[high]
    return left / count


@pytest.mark.parametrize(("past", "ahead"), [(400, 60), (300, 250)])
def test_one_session_in_ten_ends_outside_whether_short_or_as_long_as_the_backtest(past, ahead):
    """300 sessions: 10 %, standard error 1.7 %. scripts/torture cone has more of them, and processes with memory."""
    assert outside(300, past, ahead) == pytest.approx(0.10, abs=0.045)


def test_a_cone_that_takes_the_backtest_s_mean_for_the_truth_would_be_noticed(monkeypatch):
    """The wrong specimen: without what nobody knows of the mean, far more than one in ten is outside."""
    real = bootstrap.resamples

    def sure(rows, block, reps, seed):
        for drawn in real(rows, block, reps, seed):
            drawn[1::2] = np.arange(rows)
            yield drawn

    monkeypatch.setattr(bootstrap, "resamples", sure)
    assert outside(300, 300, 250) > 0.145


def test_a_session_of_a_worse_process_is_found_outside():
    assert outside(60, 1000, 250, then=-0.003) > 0.95


def test_the_same_seed_draws_the_same_cone_and_another_another():
    returns = ends(1, 200, 20)[0]
    one, two, three = (bootstrap.cone(returns, 50, 100, seed) for seed in (0, 0, 1))
    assert (one.growth == two.growth).all() and (one.growth != three.growth).any()
    assert one.growth.shape == (23, 50) and (np.diff(one.growth, axis=0) >= 0.0).all()
    assert (np.diff(one.strayed) >= 0.0).all() and one.strayed[0] == pytest.approx(0.1, abs=0.02)
    assert bootstrap.cone(returns, 1000, 100).growth.shape == (23, 200)  # no further than it has seen


# Sessions.
@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A backtest of the small file, kept."""
    place = tmp_path_factory.mktemp("runs") / "small"
    engine.backtest(FILE, panel=messy(3, 150)).save(place)
    return place


def opened(folder, panel, **more):
    return paper.open_session(FILE, folder, panel=panel, clock=StoppedClock(1), **more)


def test_the_cone_is_drawn_once_and_is_no_part_of_the_tape(tmp_path, stored):
    plain = opened(tmp_path / "plain", messy(4, 60))
    plain.run()
    session = opened(tmp_path / "s", messy(4, 60), backtest=stored)
    before = (tmp_path / "s" / cone.FILE).read_bytes()
    session.run()
    assert session.fold.digest == plain.fold.digest and session.writer.head == plain.writer.head
    again = opened(tmp_path / "s", messy(4, 60), backtest=stored)
    again.run()
    assert (tmp_path / "s" / cone.FILE).read_bytes() == before
    found = outlook(tmp_path / "s")["cone"]
    assert found["source"] == "small" and found["days"] == 58 and 0.0 <= found["percentile"] <= 100.0
    assert found["growth"] == pytest.approx(session.fold.engine.book.equity / 100_000.0)


def test_the_same_command_goes_on_when_the_run_is_gone(tmp_path):
    import shutil

    run = engine.backtest(FILE, panel=messy(3, 150)).save(tmp_path / "run")
    opened(tmp_path / "s", messy(4, 30), backtest=run).run()
    before = (tmp_path / "s" / cone.FILE).read_bytes()
    shutil.rmtree(run)
    opened(tmp_path / "s", messy(4, 40), backtest=run).run()
    assert (tmp_path / "s" / cone.FILE).read_bytes() == before


def test_another_backtest_cannot_be_chosen_after_the_fact(tmp_path, stored):
    opened(tmp_path / "s", messy(4, 30), backtest=stored).run()
    other = engine.backtest(FILE | {"capital": 5e4}, panel=messy(3, 150)).save(tmp_path / "other")
    with pytest.raises(ConfigError, match="this session has the cone of small, drawn when it was opened"):
        opened(tmp_path / "s", messy(4, 40), backtest=other)


def test_a_backtest_that_is_named_late_is_said_to_be_late(tmp_path, stored):
    opened(tmp_path / "s", messy(4, 30)).run()
    opened(tmp_path / "s", messy(4, 40), backtest=stored).run()
    assert "drawn after 30 slices" in outlook(tmp_path / "s")["cone"]["said"]


def test_a_backtest_of_another_strategy_is_said_to_be_one(tmp_path, stored):
    file = FILE | {"exits": {"stop_loss": "6%"}}
    paper.open_session(file, tmp_path / "s", panel=messy(4, 40), clock=StoppedClock(1), backtest=stored).run()
    said = outlook(tmp_path / "s")["cone"]["said"]
    assert "the backtest is of another strategy: exits.stop_loss was None, is 0.06 here" in said
    opened(tmp_path / "t", messy(4, 40), backtest=stored).run()
    assert "another strategy" not in outlook(tmp_path / "t")["cone"]["said"]


def test_a_backtest_that_is_too_short_draws_none(tmp_path):
    short = engine.backtest(FILE, panel=messy(3, 40)).save(tmp_path / "short")
    with pytest.raises(DataError, match="a cone needs a backtest of 60 days or more since equity first moved"):
        opened(tmp_path / "s", messy(4, 40), backtest=short)
    assert not (tmp_path / "s").exists()


def test_days_before_anything_was_held_are_no_part_of_it():
    returns = np.append(np.zeros(500), ends(1, 100, 20)[0])
    made = cone.drawn(returns, [str(k) for k in range(600)], "here")
    assert (made["returns"], made["first"]) == (100, "500")


def test_a_long_warm_up_draws_its_own(tmp_path):
    file = FILE | {"feed": {"source": "replay", "warm_up": 120}}
    paper.open_session(file, tmp_path / "s", panel=messy(6, 170), clock=StoppedClock(1)).run()
    found = outlook(tmp_path / "s")["cone"]
    assert found["source"] == "its own warm-up" and found["days"] == 50
    kept = cone.read(tmp_path / "s")
    whole = engine.backtest(FILE, panel=messy(6, 170)).equity.iloc[:120].to_numpy()
    returns = whole / np.append(100_000.0, whole[:-1]) - 1.0
    own = returns[np.flatnonzero(returns)[0] :]
    assert kept["returns"] == len(own) and kept["drift"] == pytest.approx(np.log1p(own).mean())


def test_a_short_warm_up_draws_none_and_status_says_why(tmp_path):
    play(tmp_path / "s", FILE, messy(6, 40))
    assert not (tmp_path / "s" / cone.FILE).exists()
    assert outlook(tmp_path / "s")["cone"]["said"].startswith(
        "no cone: no backtest was named when the session was opened"
    )


def test_a_damaged_cone_or_journal_leaves_the_status_alone(tmp_path, stored):
    opened(tmp_path / "s", messy(4, 30), backtest=stored).run()
    place = tmp_path / "s" / cone.FILE
    whole = json.loads(place.read_text())
    for wrong in ("{", json.dumps(whole | {"strayed": [0.1]}), json.dumps(whole | {"schema_version": 2})):
        place.write_text(wrong)
        assert "cannot be read as a cone" in outlook(tmp_path / "s")["cone"]["said"]
    at = tmp_path / "s" / "journal" / "journal"
    data = bytearray(at.read_bytes())
    data[400] ^= 1
    at.write_bytes(data)
    assert outlook(tmp_path / "s")["cone"]["said"].startswith("not known: ")


def test_the_course_of_a_session_that_crashed_is_that_of_one_that_did_not(tmp_path):
    play(tmp_path / "a", FILE, messy(7, 60))
    play(tmp_path / "b", FILE, messy(7, 60), crashes=[(40, True), (25, False)])
    one, two = (course_of(journal.read(tmp_path / name / "journal")).days() for name in "ab")
    assert len(one) == 58 and all((np.asarray(x) == np.asarray(y)).all() for x, y in zip(one, two, strict=True))


def test_a_warm_up_that_makes_no_cone_leaves_the_session_alone(tmp_path, monkeypatch):
    def wrong(folder, told, slices, account=""):
        raise DataError("no room")

    monkeypatch.setattr(cone, "keep", wrong)
    file, lines = FILE | {"feed": {"source": "replay", "warm_up": 120}}, []
    session = paper.open_session(file, tmp_path / "s", panel=messy(6, 130), clock=StoppedClock(1))
    session.log = lambda level, text: lines.append((level, text))
    session.run()
    assert ("WARNING", "no cone: no room") in lines and session.fold.met == 130
