"""Several accounts on one feed: each comes out as the same session alone on the same tape, whatever crashes and whoever is ruined."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine import journal
from engine.errors import BarcastError, ConfigError
from engine.live import accounts, paper, tape
from engine.live.clock import StoppedClock
from engine.live.commands import Command
from engine.live.control import post
from tests.live.market import Crash, Faulty, backtest_digest, config, messy, play
from tests.live.test_hand_over import AT, PANEL, handing, model, world  # noqa: F401 - a fixture

WARM = {"source": "replay", "warm_up": 6}


def file(name, confidence=0.02, lookback=5, **more):
    """An account of its own kind."""
    strategy = {"rule": "threshold", "signal": "up", "confidence": confidence, "exit_confidence": -0.01, "size": "20%"}
    signals = {"up": {"plugin": "momentum", "lookback": lookback, "skip": 0}}
    return config(name, signals=signals, strategy=strategy, feed=WARM, **more)


A, B, C = (
    file("a"),
    file("b", 0.04, exits={"trailing_stop": "5%"}),
    file("c", 0.01, 3, capital=20_000.0, execution={"commission": "1%"}),
)


def entered(folder, files, panel, **more):
    return paper.open_contest(files, folder, panel=panel, clock=StoppedClock(1), **more)


def ran(folder, files, panel, **more):
    contest = entered(folder, files, panel, **more)
    contest.run()
    return contest


def digests(contest):
    return {name: session.fold.digest.hex() for name, session in contest.sessions.items()}


def alone(folder, one, panel, **more):
    return play(folder / one["name"], one, panel, **more).fold.digest.hex()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_account_is_the_session_and_the_backtest_it_would_be_alone(tmp_path, seed):
    panel = messy(seed, 90)
    contest = ran(tmp_path / "s", [A, B], panel)
    found = digests(contest)
    assert found == {one["name"]: alone(tmp_path, one, panel) for one in (A, B)}
    assert found["a"] != found["b"]
    for name in "ab":
        told = paper.verify_session(tmp_path / "s", account=name)
        assert (told.digest, told.backtest, told.complete) == (found[name], found[name], True)
        assert told.head == contest.writer.head and told.slices == 90


def test_without_history_an_account_is_the_plain_backtest(tmp_path):
    """Nothing is held on any slice where the first is no history: the digest is engine.backtest's own."""
    panel, none = messy(5, 60), {"source": "replay", "warm_up": 0}
    one, two = file("one") | {"feed": none}, file("two", 0.03) | {"feed": none}
    found = digests(ran(tmp_path / "s", [one, two], panel))
    assert found == {"one": backtest_digest(one, panel), "two": backtest_digest(two, panel)}


def test_the_market_stands_once_and_every_other_row_says_whose_it_is(tmp_path):
    ran(tmp_path / "s", [A, B], messy(1, 60))
    whose = {}
    for row in journal.read(tmp_path / "s" / "journal"):
        whose.setdefault(row.kind, []).append(row.body.get("account"))
    assert whose[tape.SLICE] == [None] * 54 and whose[tape.WARM_UP] == [None] * 6
    assert whose[tape.DECISION] == ["a", "b"] * 60
    assert {name for kind, names in whose.items() if kind not in (*accounts.MARKET, tape.START) for name in names} == {
        "a",
        "b",
    }
    single = [(row.kind, row.seq) for row in journal.read(play(tmp_path / "one", A, messy(1, 60)).folder / "journal")]
    mine = [row.kind for row in accounts.rows(tmp_path / "s", "a")]
    assert [kind for kind in mine if kind != tape.CHECKPOINT] == [k for k, _ in single if k != tape.CHECKPOINT]


def test_longer_windows_of_one_give_the_other_the_same_history(tmp_path):
    long, short = file("long", lookback=30), file("short")
    long["feed"] = short["feed"] = {"source": "replay"}
    contest = ran(tmp_path / "s", [short, long], messy(2, 70))
    assert [s.fold.met for s in contest.sessions.values()] == [70, 70]
    assert paper.verify_session(tmp_path / "s", account="short").warm_up == 30
    assert paper.verify_session(tmp_path / "s", account="short").complete


# Crashes.
def crashing(monkeypatch, falls):
    """The journal's writer dies at chosen appends, of one process after another."""
    for name in ("create", "reopen"):
        real = getattr(journal, name)

        def opened(*rest, real=real, name=name):
            made = real(*rest)
            writer = made if name == "create" else made[0]
            faulty = Faulty(writer, *falls[0]) if falls else writer
            return faulty if name == "create" else (faulty, made[1])

        monkeypatch.setattr(journal, name, opened)


def until_done(folder, files, panel, falls):
    while True:
        try:
            contest = entered(folder, files, panel)
            for session in contest.sessions.values():
                session.every = 9
            contest.run()
            return contest
        except Crash:
            falls.pop(0)


@pytest.mark.parametrize("kept", [False, True], ids=["the group is lost", "the disk had part of it"])
def test_a_crash_before_any_row_changes_neither_account(tmp_path, monkeypatch, kept):
    panel = messy(1, 12)
    whole = digests(ran(tmp_path / "whole", [A, B], panel))
    count = sum(1 for _ in journal.read(tmp_path / "whole" / "journal")) - 1
    falls = []
    crashing(monkeypatch, falls)
    for k in range(count):
        falls.append((k, kept))
        assert digests(until_done(tmp_path / f"at{k}", [A, B], panel, falls)) == whole, k
        assert not falls


@pytest.mark.parametrize("seed", [4, 5])
def test_many_crashes_leave_one_tape_and_verify_agrees_for_each(tmp_path, monkeypatch, seed):
    panel, rng = messy(seed, 60), random.Random(seed)
    whole = digests(ran(tmp_path / "whole", [A, B, C], panel))
    falls = [(rng.randrange(2, 60), rng.random() < 0.5) for _ in range(9)]
    crashing(monkeypatch, falls)
    assert digests(until_done(tmp_path / "s", [A, B, C], panel, falls)) == whole and not falls
    times = [row.body["time"] for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.SLICE]
    assert times == sorted(set(times)) and len(times) == 54
    for name in "abc":
        told = paper.verify_session(tmp_path / "s", account=name)
        assert told.digest == told.backtest == whole[name] and told.restarts >= 5


def test_a_row_of_one_account_that_was_changed_is_found_in_that_account(tmp_path, monkeypatch):
    """The wrong specimen: b's fills are written with another price; a verifies, b does not."""
    from engine.live import session as sessions
    from engine.live.refold import DivergedError

    real = sessions.derived

    def wrong(outcome):
        return [(k, b | {"price": b["price"] * (1.0 + 1e-12)} if k == tape.FILL else b) for k, b in real(outcome)]

    panel = messy(1, 40)
    contest = entered(tmp_path / "s", [A, B], panel)
    writes = contest.sessions["b"]._write

    def write(outcome, found):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sessions, "derived", wrong)
            writes(outcome, found)

    monkeypatch.setattr(contest.sessions["b"], "_write", write)
    contest.run()
    assert paper.verify_session(tmp_path / "s", account="a").complete
    with pytest.raises(DivergedError, match="price"):
        paper.verify_session(tmp_path / "s", account="b")


# Commands.
def told(folder, account=None):
    names = [account] if account else accounts.names_in(folder)
    return {n: [r.body["name"] for r in accounts.rows(folder, n) if r.kind == tape.COMMAND] for n in names}


def halfway(folder, panel, stop=30):
    """A contest that stands after so many slices, and what goes on with it."""
    contest = entered(folder, [A, B], panel)
    contest._warm_up()
    arrivals = contest.sessions["a"].feed.arrivals(contest.sessions["a"].resume())

    def on(count):
        for arrival in arrivals:
            for session in contest.living:
                session.hear()
            contest.shared.next()
            for session in contest.living:
                session.take(arrival)
            count -= hasattr(arrival, "bars")
            if not count:
                return

    on(stop)
    return contest, on


def test_a_command_names_an_account_or_is_for_all(tmp_path):
    folder = tmp_path / "s"
    contest, on = halfway(folder, messy(1, 90))
    clock = StoppedClock(5)
    post(folder, Command("pause", "", account="b"), clock)
    on(1)
    assert [s.fold.standing.paused for s in contest.sessions.values()] == [False, True]
    clock.at += 1
    post(folder, Command("kill", "", flatten=True, reason="enough"), clock)
    on(3)
    assert [s.fold.standing.words(9, 9) for s in contest.sessions.values()] == [
        ["killed, flattening"],
        ["killed, flattening", "paused"],
    ]
    assert all(not s.fold.engine.book.account.quantity.any() for s in contest.sessions.values())
    assert told(folder) == {"a": ["kill"], "b": ["pause", "kill"]}
    assert not list((folder / "commands").glob("*.json"))
    on(90)
    contest._close("ended")
    assert {paper.verify_session(folder, account=n).commands for n in "ab"} == {1, 2}


def test_a_latch_that_is_closed_stops_every_account(tmp_path):
    from engine import latch

    folder = tmp_path / "s"
    contest, on = halfway(folder, messy(1, 60))
    latch.kill(folder)
    on(1)
    assert told(folder) == {"a": ["kill"], "b": ["kill"]}
    contest.writer.close()


def test_a_command_that_one_account_heard_before_a_crash_is_heard_by_the_other_after_it(tmp_path):
    folder, panel = tmp_path / "s", messy(1, 60)
    contest, _ = halfway(folder, panel)
    post(folder, Command("pause", ""), StoppedClock(5))
    contest.sessions["a"].hear()
    contest.writer._let_go()
    assert len(list((folder / "commands").glob("*.json"))) == 1
    contest = ran(folder, [A, B], panel)
    assert told(folder) == {"a": ["pause"], "b": ["pause"]}
    assert not list((folder / "commands").glob("*.json"))
    assert all(paper.verify_session(folder, account=n).complete for n in "ab")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Command("pause", "", account="z"), "'z' is no account of this session; expected one of a, b"),
        (Command("kill", "", account="a"), "kill: it stops every account"),
        (Command("hand-over", "", signal="up", model="m"), "say whose signal with --account, one of a, b"),
    ],
)
def test_commands_for_nobody_are_refused(tmp_path, command, said):
    folder = tmp_path / "s"
    contest, on = halfway(folder, messy(1, 60))
    key = post(folder, command, StoppedClock(5))
    on(1)
    assert said in (folder / "commands" / f"{key}.refused").read_text()
    contest.writer.close()


def test_a_session_of_one_account_knows_no_names(tmp_path):
    play(tmp_path / "s", A, messy(1, 30))
    with pytest.raises(ConfigError, match="'a' is no account of this session; expected one of none"):
        Command("pause", "", account="a").check(("S0",))
    with pytest.raises(ConfigError, match="this session has one account, without a name"):
        paper.verify_session(tmp_path / "s", account="a")
    assert "account" not in next(iter(journal.read(tmp_path / "s" / "journal"))).body


# Ruin.
class Reckless:
    """All of it, in each."""

    def target(self, now):
        return np.full(len(now.symbols), 1.0)


class Careful:
    def target(self, now):
        return np.full(len(now.symbols), 0.1)


def falling(rows=40):
    import engine

    close = np.full((rows, 2), 50.0)
    close[20:] = 20.0
    times = np.datetime64("2020-01-01", "ns").astype(np.int64) + 86_400_000_000_000 * np.arange(1, rows + 1)
    return engine.Panel.from_arrays(("S0", "S1"), times, close, close, close, close, close * 1e6, calendar="24/7")


def test_a_ruined_account_ends_and_the_other_goes_on(tmp_path):
    plain = {"signals": {}, "strategy": {"rule": "orders", "path": "none.csv"}, "exits": {}, "execution": {}}
    wild = config("wild", feed=WARM, caps={"max_gross": 2.0}, **plain)
    calm = config("calm", feed=WARM, **plain)
    panel = falling()
    for order in ((wild, calm), (calm, wild)):
        folder = tmp_path / order[0]["name"]
        makers = {"wild": Reckless, "calm": Careful}
        contest = ran(folder, list(order), panel, strategies=[makers[one["name"]]() for one in order])
        found = {name: session.fold.met for name, session in contest.sessions.items()}
        assert found == {"wild": 21, "calm": 40}
        for one in order:
            name, make = one["name"], makers[one["name"]]
            own = play(tmp_path / f"{folder.name}-{name}", one, panel, strategy=make()).fold.digest.hex()
            proved = paper.verify_session(folder, strategy=make, account=name)
            assert proved.digest == proved.backtest == own == digests(contest)[name]
        again = ran(folder, list(order), panel, strategies=[makers[one["name"]]() for one in order])
        assert digests(again) == digests(contest)


# What is refused.
@pytest.mark.parametrize(
    ("other", "said"),
    [
        (file("b") | {"feed": {"source": "replay", "warm_up": 7}}, "b: accounts of one session have one feed, but feed.warm_up was 6, is 7"),
        (file("b", execution={"lot": 1}), "accounts of one session trade the same instruments, but execution.lot was"),
        (file("a", 0.05), "name: 'a' is the name of two accounts; give each file its own"),
    ],
)  # fmt: skip
def test_what_is_no_contest_is_refused(tmp_path, other, said):
    first = file("a", execution={"lot": 0}) if "lot" in said else A
    with pytest.raises(ConfigError, match=said):
        entered(tmp_path / "s", [first, other], messy(1, 30))
    assert not (tmp_path / "s").exists()


def test_a_restart_needs_the_same_files_in_their_order(tmp_path):
    panel = messy(1, 30)
    ran(tmp_path / "s", [A, B], panel)
    with pytest.raises(ConfigError, match="begun with a, b, not with b, a"):
        entered(tmp_path / "s", [B, A], panel)
    with pytest.raises(ConfigError, match="begun with a, b, not with a, b, c"):
        entered(tmp_path / "s", [A, B, C], panel)
    with pytest.raises(ConfigError, match="account b: the strategy file changed: config.strategy.confidence was 0.04"):
        entered(tmp_path / "s", [A, file("b", 0.05, exits={"trailing_stop": "5%"})], panel)
    with pytest.raises(ConfigError, match="this session has the accounts a, b; name one with --account"):
        paper.open_session(A, tmp_path / "s", panel=panel, clock=StoppedClock(1))
    play(tmp_path / "one", A, panel)
    with pytest.raises(ConfigError, match="begun with one account, not with a, b"):
        entered(tmp_path / "one", [A, B], panel)


def test_a_session_of_several_is_not_taken_over(tmp_path):
    panel = messy(1, 30)
    ran(tmp_path / "s", [A, B], panel)
    with pytest.raises(
        ConfigError, match="a session of several accounts; only one of a single account can be taken over"
    ):
        paper.open_session(A, tmp_path / "t", panel=panel, adopt=tmp_path / "s", clock=StoppedClock(1))


def test_a_model_is_handed_over_to_one_account_alone(world):  # noqa: F811 - the fixture
    place, kept, told = world
    new = str(model(place, "new", k=-2.0))
    one, two = kept | {"name": "one"}, kept | {"name": "two"}
    handed = play(place / "two", two, PANEL, script=handing(new), **told)
    still = play(place / "one", one, PANEL, **told)
    contest = entered(place / "s", [one, two], PANEL, plugins=told["plugins"])
    contest._warm_up()
    for arrival in contest.sessions["one"].feed.arrivals(contest.sessions["one"].resume()):
        if hasattr(arrival, "bars") and contest.sessions["one"].fold.met == AT:
            post(
                place / "s",
                Command("hand-over", "", signal="up", model=new, reason="x", account="two"),
                StoppedClock(5),
            )
        for session in contest.living:
            session.hear(getattr(arrival, "time", None))
        contest.shared.next()
        for session in contest.living:
            session.take(arrival)
    contest._close("ended")
    assert digests(contest) == {"one": still.fold.digest.hex(), "two": handed.fold.digest.hex()}
    assert still.fold.digest != handed.fold.digest
    for name, count in (("one", 0), ("two", 1)):
        proved = paper.verify_session(place / "s", plugins=told["plugins"], account=name)
        assert proved.complete and proved.asked_again and proved.largest == 0.0 and proved.hand_overs == count


# Mistakes somebody could have made, each caught.
def always(self, kind, body):
    """The market's rows once for each account."""
    named = {} if kind in accounts.MARKET else {"account": self.account}
    return self.writer.append(kind, {**body, **named})


def mistaken(self, kind, body):
    """Every row of the first account's name."""
    if kind not in accounts.MARKET:
        return self.writer.append(kind, {**body, "account": "a"})
    return real_append(self, kind, body)


def forgetful(self, kind, body):
    """Rows that say nobody's name."""
    return real_append(self, kind, body) if kind in accounts.MARKET else self.writer.append(kind, dict(body))


real_append = accounts.Pen.append


@pytest.mark.parametrize("wrong", [always, mistaken, forgetful])
def test_a_pen_that_mixes_accounts_up_is_caught_by_verify(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(accounts.Pen, "append", wrong)
    ran(tmp_path / "s", [A, B], messy(1, 30))
    caught = 0
    for name in "ab":
        try:
            told = paper.verify_session(tmp_path / "s", account=name)
            caught += not told.complete or told.slices != 30
        except BarcastError:
            caught += 1
    assert caught


def test_a_post_that_takes_a_command_away_too_early_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(accounts.Post, "done", lambda self, account, key: self.box.done(key))
    folder = tmp_path / "s"
    contest, on = halfway(folder, messy(1, 60))
    post(folder, Command("pause", ""), StoppedClock(5))
    on(1)
    contest.writer.close()
    assert told(folder) != {"a": ["pause"], "b": ["pause"]}  # what the tests above ask for
