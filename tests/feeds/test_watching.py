"""Bars that are possible alone and impossible after the ones before them: another unit, a frozen feed, a name that is gone or halted."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.feeds.assembler import Assembler, Rules
from engine.feeds.facts import Bar, Closed, Gap, Values
from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.live import tape
from engine.live.beginning import begin
from engine.live.feed import Resume
from engine.live.paper import verify_session
from engine.panel import Panel
from engine.run import load_config, make_signals
from tests.feeds.recorded import RecordedFeed
from tests.feeds.test_assembler import T1, bar, give, made, rest
from tests.feeds.test_session import build
from tests.live.market import config

BAD = "yahoo_bad"


def at(close: float, volume: float = 100.0) -> Values:
    return Values(close, close, close, close, volume)


def fed(closes: list[float | None], volumes: list[float] | None = None, **rules) -> tuple[Assembler, list]:
    """One instrument, minute by minute, the empty ones confirmed; the assembler and all it told."""
    assembler, told = made(1, **rules), []
    for k, close in enumerate(closes):
        time = T1 + k * MINUTE_NS
        if close is None:
            assembler.answer(rest(0, time, time), time)
        else:
            give(assembler, bar(0, time, at(close, 100.0 + k if volumes is None else volumes[k])))
        told += assembler.tick(time + MINUTE_NS // 2)
    return assembler, told


def closes_of(told: list) -> list[float]:
    return [float(each.slice.close[0]) for each in told if isinstance(each, Closed)]


def whys(told: list) -> list[str]:
    return [each.why for each in told if isinstance(each, Gap)]


# F35: a price a hundred times too large, a split that nobody announced.
def test_a_price_of_another_unit_is_held_back_and_blocks_entries():
    _, told = fed([14.5, 14.6, 0.1461, 14.7, 14.8], jump=5.0, window=2)
    np.testing.assert_array_equal(closes_of(told), [14.5, 14.6, np.nan, 14.7, 14.8])
    (why,) = whys(told)
    assert why.startswith("a price of 0.1461 after a close of 14.6: another unit, or a split that nobody announced")
    assert [bool(each.blocked[0]) for each in told if isinstance(each, Closed)] == [False, False, True, True, False]


def test_one_price_of_four_is_enough():
    assembler = made(1, jump=5.0)
    give(assembler, bar(0, T1, at(10.0)))
    assembler.tick(T1 + MINUTE_NS // 2)
    give(assembler, bar(0, T1 + MINUTE_NS, Values(10.0, 1010.0, 9.9, 10.1, 5.0)))
    gap, closed = assembler.tick(T1 + MINUTE_NS + MINUTE_NS // 2)
    assert "1010 after a close of 10" in gap.why and np.isnan(closed.slice.high[0])


def test_a_split_that_nobody_announced_stays_held_back_until_somebody_looks():
    _, told = fed([100.0, 10.0, 10.1, 10.2], jump=5.0)
    assert np.isnan(closes_of(told)[1:]).all() and len(whys(told)) == 3


def test_a_move_within_the_bound_is_a_move():
    _, told = fed([100.0, 21.0, 100.0, 499.0], jump=5.0)
    assert closes_of(told) == [100.0, 21.0, 100.0, 499.0] and not whys(told)


def test_the_first_bar_of_a_tape_is_believed_and_a_tape_that_goes_on_knows_its_last_close():
    assert closes_of(fed([1.0], jump=5.0)[1]) == [1.0]
    assembler = Assembler(1, Schedule(MINUTE_NS, None), Rules(jump=5.0), T1, closes=np.array([100.0]))
    give(assembler, bar(0, T1, at(1.0)))
    gap, closed = assembler.tick(T1 + MINUTE_NS)
    assert isinstance(gap, Gap) and np.isnan(closed.slice.close[0])


def test_a_corrected_bar_that_comes_later_is_late_and_in_no_slice():
    assembler, _ = fed([14.5, 0.145], jump=5.0)
    (late,) = give(assembler, Bar(0, T1 + MINUTE_NS, at(14.6), T1 + 9 * MINUTE_NS, "revision"))
    assert type(late).__name__ == "Late" and late.values.close == 14.6


def vendor(name: str) -> list[Values]:
    """The bars of a genuinely bad vendor file, oldest first."""
    data = os.environ.get("BARCAST_DATA")
    path = Path(data or "/nowhere").parent / "fixtures" / BAD / name
    if not path.is_file():
        pytest.skip("genuine bad files need BARCAST_DATA")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    day = next(key for key in rows[0] if key.lower().startswith("date"))
    rows.sort(key=lambda row: row[day])
    bars = [[float(row[name] or "nan") for name in ("Open", "High", "Low", "Close", "Volume")] for row in rows]
    # a vendor's rounding may leave a close a hair outside its range; the assembler would refuse the bar for that alone
    return [Values(o, max(o, h, c), min(o, low, c), c, v) for o, h, low, c, v in bars if min(o, h, low, c) > 0]


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("AET-L-1d-100x-error", 9),
        ("ASAI-L-1h-bad-unit", 1),
        ("ALPHA-PA-1d-bad-stock-split", 1),
        ("KME-MI-1d-bad-div", 0),
    ],
)
def test_genuinely_bad_files_are_held_back_where_they_are_bad_and_their_repaired_twins_nowhere(name, held):
    for file, expected in ((f"{name}.csv", held), (f"{name}-fixed.csv", 0)):
        assembler, told = made(1, jump=5.0), []
        for k, values in enumerate(vendor(file)):
            give(assembler, bar(0, T1 + k * MINUTE_NS, values))
            told += assembler.tick(T1 + k * MINUTE_NS + MINUTE_NS // 2)
        assert sum("another unit" in why for why in whys(told)) == expected, file


# F36: a feed that says the same bar again and again while its times go on.
def test_a_feed_that_repeats_its_bar_is_held_back_from_the_third_time_on():
    _, told = fed([10.0, 11.0, 11.0, 11.0, 11.0, 12.0], [1.0, 5.0, 5.0, 5.0, 5.0, 5.0], frozen=3)
    np.testing.assert_array_equal(closes_of(told), [10.0, 11.0, 11.0, np.nan, np.nan, 12.0])
    assert whys(told) == [f"the same bar {k} times in a row: the feed has frozen" for k in (3, 4)]


def test_a_price_that_stands_still_while_it_is_traded_is_none():
    _, told = fed([11.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], frozen=3)
    assert closes_of(told) == [11.0] * 6


def test_quiet_minutes_between_do_not_hide_a_frozen_feed():
    _, told = fed([11.0, None, 11.0, None, 11.0], [5.0] * 5, frozen=3)
    assert whys(told) == ["the same bar 3 times in a row: the feed has frozen"]


# F37: a symbol that is renamed or delisted, or halted: minutes that are empty, and go on being empty.
def test_a_name_that_has_no_bar_for_long_is_told_once_with_its_last():
    _, told = fed([11.0, None, None, None, None, 12.0, None, None, None], absent=3)
    assert whys(told) == [
        "no bar since 1970-01-01 16:40 UTC, 3 in a row: renamed, delisted or halted? Look it up",
        "no bar since 1970-01-01 16:45 UTC, 3 in a row: renamed, delisted or halted? Look it up",
    ]
    slices = [each for each in told if isinstance(each, Closed)]
    assert [bool(each.empty[0]) for each in slices] == [False, True, True, True, True, False, True, True, True]
    assert [bool(each.blocked[0]) for each in slices].count(True) == 2


def test_a_name_that_never_had_a_bar_is_told_too():
    assert whys(fed([None, None], absent=2)[1]) == [
        "no bar at all, 2 in a row: renamed, delisted or halted? Look it up"
    ]


def test_it_is_a_row_of_the_sessions_tape(tmp_path):
    session = held_through(tmp_path, [*range(100, 106), *[None] * 8], absent=5)
    (row,) = rows(session, tape.GAP)
    assert row["instruments"].tolist() == [0] and row["reason"].startswith(
        "no bar since 2024-01-01 00:06 UTC, 5 in a row"
    )
    assert verify_session(tmp_path / "s").complete


# F38: a halt, as a source without status messages shows it: no trade, then a reopening far away.
def held_through(folder: Path, closes: list[float | None], **rules) -> object:
    """A session over minutes of two names, the first as told, the second always there; it buys the first when it rises."""
    n = len(closes)
    first = np.array([np.nan if close is None else float(close) for close in closes])
    grid = np.stack((first, np.full(n, 50.0)), axis=1)
    times = np.datetime64("2024-01-01", "ns").astype(np.int64) + MINUTE_NS * np.arange(1, n + 1)
    volume = np.where(np.isnan(grid), np.nan, 1e6 + np.arange(n)[:, None])
    panel = Panel.from_arrays(("AAA", "BBB"), times, grid, grid, grid, grid, volume, calendar="24/7")
    file = config(
        signals={"up": {"plugin": "momentum", "lookback": 1, "skip": 0}},
        strategy={"rule": "threshold", "signal": "up", "confidence": 0.005, "exit_confidence": -0.5, "size": "20%"},
        exits={"stop_loss": "5%"},
        execution={"lot": 1},
    )
    made = load_config(file)
    feed = RecordedFeed(panel, Schedule(MINUTE_NS, None), 2, Rules(window=2, **rules))
    session = begin(folder / "s", made, feed, make_signals(made))
    session.run()
    return session


def rows(session, kind):
    from engine import journal

    return [row.body for row in journal.read(session.folder / tape.JOURNAL) if row.kind == kind]


def test_a_halted_name_trades_nothing_and_its_stop_meets_the_reopening(tmp_path):
    session = held_through(tmp_path, [100, 100, 100, 101, 102, None, None, None, None, 80, 80])
    fills = [(row["t"], row["quantity"].tolist(), row["price"].tolist()) for row in rows(session, tape.FILL)]
    assert [t for t, _, _ in fills] == [4, 9]  # bought at 102 after the rise to 101; nothing while halted
    assert fills[0][1][0] > 0 and fills[1][1][0] == -fills[0][1][0]
    assert fills[1][2] == [80.0]  # the stop stood at 96.9: the reopening went through it
    assert not rows(session, tape.GAP)  # REST said that nobody traded
    assert verify_session(tmp_path / "s").complete


def test_an_order_that_waits_when_the_halt_begins_expires(tmp_path):
    session = held_through(tmp_path, [100, 100, 100, 101, None, None, None, 101, 101, 101])
    assert rows(session, tape.FILL) == []


# The keys of a file.
def test_a_file_says_how_far_a_price_may_jump_how_often_repeat_and_how_long_be_absent():
    usual = build(symbols=["BTC/USD"]).rules
    assert (usual.jump, usual.frozen, usual.absent) == (5.0, 10, 1440)
    said = build(symbols=["BTC/USD"], jump=3, frozen="off", absent=60).rules
    assert (said.jump, said.frozen, said.absent) == (3.0, None, 60)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jump": 1}, "feed.jump: expected a number of 1.5 or more, or off; it was 1"),
        ({"jump": "far"}, "feed.jump: expected a number"),
        ({"frozen": 2.5}, "feed.frozen: expected a whole number of 2 or more, or off"),
        ({"absent": True}, "feed.absent: expected a whole number"),
        ({"jump": float("nan")}, "feed.jump: expected a number"),
        ({"absent": float("inf")}, "feed.absent: expected a number, got inf"),
    ],
)
def test_keys_that_cannot_be_are_refused(wrong, said):
    with pytest.raises(ConfigError, match=said):
        build(symbols=["BTC/USD"], **wrong)


def test_resume_of_a_session_knows_the_last_closes(tmp_path):
    session = held_through(tmp_path, [100, 101, 102, None, None])
    assert session.resume().closes.tolist() == [102.0, 50.0] and session.resume() == Resume(
        session.resume().time, 0, session.resume().session, 5
    )
