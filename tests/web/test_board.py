"""The board says what the backtest says: trades, equity and orders, whether it follows a session or reads its journal."""

from __future__ import annotations

import numpy as np
import pytest

import engine
from engine import journal
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.tape import JOURNAL
from engine.web.board import Board
from engine.web.curve import DAY_NS, Curve, Curves, Point
from engine.web.serve import opened
from engine.web.tap import UNSHOWN, Outlet, Tap, Told
from engine.web.trips import Trips
from tests.live.market import commands, config, messy, noise, play
from tests.web.asked import DAY, START, Sways, begun, flat, shown


def board_of(folder):
    """The board of a journal."""
    rows = journal.read(folder / JOURNAL)
    board = Board(next(rows).body)
    board.take(Told(row.seq, row.kind, row.body) for row in rows if row.kind not in UNSHOWN)
    return board


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_closed_trades_and_equity_are_those_of_the_backtest(tmp_path, seed):
    panel = messy(seed, rows=160)
    file = config(
        strategy={
            "rule": "threshold",
            "signal": "up",
            "confidence": 0.02,
            "exit_confidence": -0.01,
            "size": "20%",
            "side": "long_short",
        }
    )
    play(tmp_path / "s", file, panel)
    board, result = board_of(tmp_path / "s"), engine.backtest(file, panel=panel)
    trades, symbols = result.facts.trades, result.symbols
    closed = np.flatnonzero(~trades.is_open)
    closed = closed[np.argsort(trades.exit_row[closed], kind="stable")]
    assert len(closed) >= 5
    key = lambda told: (told[0], told[1], told[2])  # noqa: E731
    mine = sorted(
        ((t.exit_time, t.instrument, t.entry_time, t.side, t.reason, t.pnl, t.returned) for t in board.closed_trips),
        key=key,
    )
    times = panel.times
    theirs = sorted(
        ((int(times[trades.exit_row[k]]), int(trades.instrument[k]), int(times[trades.entry_row[k]]), int(trades.side[k]),
          int(trades.reason[k]), trades.pnl[k], trades.returns[k]) for k in closed), key=key)  # fmt: skip
    assert [told[:5] for told in mine] == [told[:5] for told in theirs]
    np.testing.assert_allclose([t[5:] for t in mine], [t[5:] for t in theirs], rtol=1e-9, atol=1e-7)
    assert board.curves.last == Point(
        int(times[-1]), float(result.equity.iloc[-1]), pytest.approx(float(result.drawdown.iloc[-1]))
    )
    assert board.symbols == tuple(symbols)
    assert board.counts["fills"] == len(result.facts.fills)


def test_an_order_is_decided_meets_its_slice_and_is_filled(tmp_path):
    session, page = shown(tmp_path / "s")
    orders = list(page.showing._board.orders)
    told = [(o.quantity, o.decided, o.due, o.due_time, o.filled, o.fate) for o in orders]
    assert told == [
        (2000.0, 3, 4, START + 4 * DAY, 2000.0, "filled"),
        (2000.0, 6, 7, START + 7 * DAY, 2000.0, "filled"),
        (-4000.0, 9, 10, START + 10 * DAY, -4000.0, "filled"),
    ]
    [trip] = page.showing._board.closed_trips
    assert (trip.side, trip.quantity, trip.entry_price, trip.exit_price, trip.pnl) == (1, 4000.0, 10.0, 10.0, 0.0)


def test_an_order_that_a_kill_drops_is_not_filled(tmp_path):
    from tests.web.asked import FILE

    play(tmp_path / "s", FILE, flat(), script={4: [Command("kill", "1")]}, strategy=Sways())
    [order] = board_of(tmp_path / "s").orders
    assert (order.decided, order.due, order.filled, order.fate) == (3, 4, 0.0, "not filled")


def test_an_order_for_a_slice_to_come_waits(tmp_path):
    session = begun(tmp_path / "s", panel=flat(rows=4))
    session.run()
    [order] = board_of(tmp_path / "s").waiting
    assert (order.fate, order.due_time) == ("", None)


def test_following_a_session_comes_to_what_reading_its_journal_does(tmp_path):
    panel = messy(5, rows=120)
    outlet, box = Outlet(room=10**6), {}

    class Following:
        def target(self, now):
            return np.where(np.arange(len(now.symbols)) == now.t % 6, 0.3, 0.0)

    session = begun(tmp_path / "s", config(), panel, Following)
    session.writer = Tap(session, session.writer, outlet.note)
    session.run()
    followed, read = Board(next(journal.read(tmp_path / "s" / JOURNAL)).body), board_of(tmp_path / "s")
    followed.take(told for _, told in outlet.rows)
    assert followed.seq >= read.seq - 2  # the checkpoint is not noted
    for name in (
        "trips",
        "counts",
        "realised",
        "won",
        "events",
        "closed_trips",
        "marks",
        "refusals",
        "ended",
        "t",
        "time",
    ):
        mine, theirs = getattr(followed, name), getattr(read, name)
        assert (mine.held if name == "trips" else mine) == (theirs.held if name == "trips" else theirs), name
    assert [(o.filled, o.due) for o in followed.orders] == [(o.filled, o.due) for o in read.orders]
    assert any("; " in o.fate for o in followed.orders)  # codes say why, where the session was followed
    assert box == {}


def test_rows_are_noted_once_they_are_durable_and_not_before(tmp_path):
    session, noted = begun(tmp_path / "s"), []
    tap = Tap(session, session.writer, noted.append)
    tap.append("gap", {"received": 1})
    assert noted == []
    tap.commit()
    assert [(told.seq, told.kind) for told in noted] == [(1, "gap")]
    tap.append("forecasts", {})
    tap.witness()
    assert len(noted) == 1
    session.writer.close()


def test_what_does_not_fit_between_two_looks_is_read_from_the_journal(tmp_path):
    session = begun(tmp_path / "s", panel=flat(rows=60))
    with opened(session, StoppedClock(1)) as page:
        pass  # the server is gone: nothing is picked up any more
    page.outlet.rows = type(page.outlet.rows)(maxlen=10)
    session.run(show=page.show)
    assert len(page.outlet.rows) == 10
    frame = page.showing.pump()
    assert page.showing._board.counts == board_of(tmp_path / "s").counts
    assert frame.t == 59
    from engine.web.showing import news

    assert news(frame, {}, 3, lambda: 0)["stale"] is True


def test_gaps_late_bars_corrections_and_commands_are_counted_and_told(tmp_path):
    panel = messy(4, rows=80)
    play(tmp_path / "s", config(), panel, disturbed=noise(4, panel), script=commands(4, panel))
    board = board_of(tmp_path / "s")
    kinds = [row.kind for row in journal.read(tmp_path / "s" / JOURNAL)]
    for kind in ("gap", "late", "correction", "command"):
        assert board.counts[kind] == kinds.count(kind) > 0
    told = "\n".join(event.words for event in board.events)
    for word in (
        "gap between",
        "came after its slice had closed",
        "was given another value",
        "command",
        "closed: the feed has ended",
    ):
        assert word in told


def test_a_session_that_goes_on_is_no_longer_closed(tmp_path):
    begun(tmp_path / "s").run(stop=lambda: True)
    assert board_of(tmp_path / "s").ended == "stopped"
    again = begun(tmp_path / "s")
    again.writer.commit()
    assert board_of(tmp_path / "s").ended == ""
    again.run()


def test_everything_on_the_board_is_bounded():
    start = {"universe": {"symbols": ["A"], "multiplier": [1.0]}, "config": {"capital": 1e5, "execution": {"delay": 0}}}
    board = Board(start)
    one = np.array([0])
    for t in range(2000):
        rows = [
            ("slice", {"t": t, "time": t + 1, "received": t, "bars": np.ones((5, 1)), "day": t // 100, "flags": [True] * 4}),
            ("fill", {"instrument": one, "quantity": one + 1.0 - 2 * (t % 2), "price": one + 1.0, "fee": one * 0.0, "reason": one + 1}),
            ("refused", {"instrument": one, "quantity": one + 1.0, "decision": one, "value": one + 1.0, "limit": one + 1.0}),
            ("intent", {name: one + (t + 1 if name == "due" else 0) for name in ("due", "instrument", "quantity", "reason", "kind", "limit", "stop")}),
            ("gap", {"after": 1, "before": 2, "instruments": one, "reason": "x", "received": 1}),
            ("decision", {"time": t + 1, "money": [1e5 + t], "alive": True}),
        ]  # fmt: skip
        board.take(Told(10 * t + k, kind, body) for k, (kind, body) in enumerate(rows))
    assert board.counts["trips"] == 1000 and board.counts["orders"] == 2000
    sizes = [
        len(x)
        for x in (
            board.orders,
            board.refusals,
            board.closed_trips,
            board.events,
            board.bars,
            board.marks[0],
            board.waiting,
        )
    ]
    assert len(board.course.times) == 20  # a number a day
    assert sizes == [300, 300, 300, 300, 300, 300, 1]
    assert max(len(curve.buckets) for curve in board.curves.by_span.values()) <= 600


def test_a_flip_closes_one_trip_and_opens_the_next_with_the_fee_shared():
    trips = Trips([1.0])
    assert trips.fill(0, 10.0, 5.0, 1.0, 1, 100) is None
    trip = trips.fill(0, -30.0, 6.0, 3.0, 2, 200)
    assert (trip.side, trip.quantity, trip.pnl, trip.reason) == (1, 10.0, 10.0 - 1.0 - 1.0, 2)
    short = trips.held[0]
    assert (short.side, short.quantity, short.fees, short.since) == (-1, 20.0, 2.0, 200)
    trips.act(0, 2.0, 0.5)  # 40 short, and each owes half
    back = trips.fill(0, 40.0, 2.0, 0.0, 3, 300)
    assert (back.pnl, back.entry_price) == (20 * 6.0 - 40 * 2.0 - 20.0 - 2.0, 3.0)
    assert trips.held == {}


def test_a_curve_keeps_its_extremes_and_its_end_however_long_it_grows():
    values = 1e5 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 20_000)))
    curve = Curve()
    for k, value in enumerate(values):
        curve.add(Point(k * 60 * 10**9, float(value), 0.0))
    points = curve.points()
    assert len(points) <= 1800
    assert {min(values), max(values), values[-1]} <= {p.equity for p in points}
    assert [p.time for p in points] == sorted({p.time for p in points})


def test_a_day_is_the_last_24_hours():
    curve = Curve(DAY_NS, most=24)
    for k in range(100):
        curve.add(Point(k * DAY_NS // 24, float(k), 0.0))
    assert [p.equity for p in curve.points()] == [float(k) for k in range(76, 100)]


def test_drawdown_counts_from_the_capital_on():
    curves = Curves(100.0)
    assert [curves.add(t, equity).drawdown for t, equity in ((1, 90.0), (2, 120.0), (3, 60.0))] == [
        pytest.approx(-0.1),
        0.0,
        -0.5,
    ]
    assert curves.deepest == -0.5
