"""Accounts beside each other: differences by hand, intervals that cover, and what the commands print."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import ConfigError
from engine.live import paper
from engine.live.clock import StoppedClock, SystemClock
from engine.live.contrast import contrasted, sentence
from engine.live.course import Days
from engine.live.outlook import outlook
from engine.live.several import ContestReporter, merged
from engine.live.status import lines_of, read_status
from risk.overfitting import bootstrap
from tests.live.market import messy, play
from tests.live.test_contest import A, B, ran

DAY = 86_400_000_000_000
START = int(np.datetime64("2024-01-01", "ns").astype(np.int64))


def days(returns, first=0, base=100.0):
    count = len(returns)
    return Days(
        base, START + DAY * np.arange(count), first + np.arange(count), base * np.cumprod(1.0 + np.asarray(returns))
    )


def test_the_difference_is_taken_on_the_days_that_both_have():
    one, two = days([0.01, 0.02, 0.03]), days([0.05, 0.01], first=1)
    told = contrasted(one, two)  # days 1 and 2: .05 - .02 and .01 - .03
    assert told["days"] == 2
    assert told["grown"] == pytest.approx((1.05 * 1.01 - 1.0) - (1.01 * 1.02 * 1.03 - 1.0))


def test_few_days_are_too_few_to_tell():
    told = contrasted(days([0.01] * 19), days([0.01, 0.02] * 9 + [0.0]))
    assert (told["verdict"], told["low"]) == ("cannot tell yet", None)
    assert sentence("a", "b", told).endswith("since the start, cannot tell yet: 19 days")
    assert contrasted(days([]), days([]))["days"] == 0
    assert sentence("a", "b", contrasted(days([]), days([]))) == "b against a: cannot tell yet: 0 days"


def test_the_same_account_twice_is_the_same():
    returns = np.random.default_rng(1).normal(0.0, 0.01, 60)
    told = contrasted(days(returns), days(returns))
    assert told["verdict"] == "the same"
    assert sentence("a", "b", told) == "b against a: the same returns on 60 days"


def test_a_difference_that_is_there_is_found_and_its_sign_is_that_of_the_other():
    draw = np.random.default_rng(2)
    common, noise = draw.normal(0.0, 0.02, 300), draw.normal(0.0, 0.001, 300)
    one, two = days(common), days(common + 0.001 + noise)  # what both share is gone from the difference
    told = contrasted(one, two)
    assert told["verdict"] == "better" and contrasted(two, one)["verdict"] == "worse"
    assert told["difference"] == pytest.approx((0.001 + noise.mean()) * 365.25)
    assert told["low"] < told["difference"] < told["high"] and told["needed"] is None
    assert "better, more than chance" in sentence("a", "b", told)


def test_where_the_interval_spans_zero_it_cannot_tell_and_says_how_long_it_would_take():
    draw = np.random.default_rng(11)
    told = contrasted(days(draw.normal(0.0, 0.01, 100)), days(draw.normal(0.0002, 0.01, 100)))
    assert told["verdict"] == "cannot tell yet" and told["low"] < 0.0 < told["high"]
    assert told["needed"] > 100
    assert f"cannot tell yet; a difference that stays so would need {told['needed']:,} days" in sentence("a", "b", told)


def test_a_ruined_account_is_compared_on_the_days_it_lived():
    told = contrasted(days([0.01] * 30), days([0.0] * 20 + [-1.5, 0.0]))
    assert told["days"] == 21


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says():
    """300 samples of 120: 95 %, standard error 1.3 %."""
    inside = 0
    for k in range(300):
        noise = np.random.default_rng((4, k)).standard_t(6, 121)
        values = 0.1 + noise[1:] + 0.3 * noise[:-1]
        found = bootstrap.mean_interval(values, 199, seed=k)
        inside += found.low <= 0.1 <= found.high
    assert 0.89 <= inside / 300 <= 0.99


def test_an_interval_that_is_not_paired_would_be_wider():
    """The wrong specimen: each account by itself keeps what both share, and finds nothing."""
    draw = np.random.default_rng(2)
    common = draw.normal(0.0, 0.02, 300)
    other = common + 0.001 + draw.normal(0.0, 0.001, 300)
    paired = bootstrap.mean_interval(other - common, 499)
    shuffled = bootstrap.mean_interval(other - draw.permutation(common), 499)
    assert paired.low > 0.0 > shuffled.low and shuffled.error > 5.0 * paired.error


def test_the_standard_error_of_a_mean_by_hand():
    value, error = bootstrap.mean_and_error(np.array([1.0, 2.0, 3.0, 6.0]), 1)
    # centred -2 -1 0 3: squares 14/4 = 3.5; products at lag one 2 + 0 + 0 = 2, weight 1/2, 2 * 1/2 * 2/4 = .5
    assert (float(value), float(error)) == (3.0, pytest.approx((4.0 / 4.0) ** 0.5))


# Of a session.
@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contrast") / "s"
    contest = ran(folder, [A, B], messy(3, 90))
    reporter = ContestReporter(contest, SystemClock(), 0.0, lambda status: None)
    reporter.write()
    return folder, contest


def test_the_status_tells_each_account_and_then_the_difference(session):
    folder, contest = session
    status = merged(read_status(folder), outlook(folder))
    lines = lines_of(status)
    assert [line.split()[1] for line in lines if line.startswith("account")] == ["a", "b"]
    equity = [line for line in lines if line.startswith("equity")]
    assert equity == [
        f"equity        {s.fold.engine.book.equity:,.2f}, cash {s.fold.engine.book.cash:,.2f}"
        for s in contest.sessions.values()
    ]
    [compared] = [line for line in lines if line.startswith("compared")]
    assert compared.startswith("compared      b against a: ") and "on 84 days" in compared
    assert sum(line.startswith("cone") for line in lines) == 2
    assert lines[-1] == f"head          {contest.writer.head}"
    assert json.dumps(status, allow_nan=False)


def barcast(*words):
    told = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.stdout


def test_the_commands_know_the_accounts(session):
    folder, contest = session
    shown = barcast("compare", folder)
    assert shown.splitlines()[0].split() == ["a", "b"] and "b against a: " in shown
    told = json.loads(barcast("compare", folder, "--json"))
    fold = contest.sessions["b"].fold
    assert told["accounts"]["b"]["equity"] == fold.engine.book.equity and told["accounts"]["b"]["days"] == 84
    assert told["accounts"]["a"]["return"] == pytest.approx(contest.sessions["a"].fold.engine.book.equity / 1e5 - 1.0)
    found = json.loads(barcast("verify", folder, "--json"))["accounts"]
    assert {name: one["digest"] for name, one in found.items()} == {
        name: s.fold.digest.hex() for name, s in contest.sessions.items()
    }
    words = barcast("verify", folder, "--quiet")
    assert words.count("the tape, run again as a backtest, gives every row of the journal") == 2
    assert "cone" in json.loads(barcast("status", folder, "--json"))["accounts"]["a"]
    assert barcast("pause", folder, "--account", "b", "--wait", "0").startswith("pause: left in")
    with pytest.raises(ConfigError, match="'z' is no account of this session; expected one of a, b"):
        barcast("pause", folder, "--account", "z", "--wait", "0")


def test_a_session_of_one_account_has_nothing_to_compare(tmp_path):
    play(tmp_path / "s", A, messy(3, 20))
    with pytest.raises(ConfigError, match="a session of one account; compare needs several accounts, or two runs"):
        barcast("compare", tmp_path / "s")


def test_each_account_may_have_its_own_cone(tmp_path):
    import engine

    runs = [engine.backtest(one, panel=messy(3, 150)).save(tmp_path / one["name"]) for one in (A, B)]
    panel = messy(4, 50)
    ran(tmp_path / "s", [A, B], panel, backtests=runs)
    told = outlook(tmp_path / "s")["accounts"]
    assert [told[name]["cone"]["source"] for name in "ab"] == ["a", "b"]
    with pytest.raises(ConfigError, match="backtests: expected one for each of 2 files in their order, got 1"):
        paper.open_contest([A, B], tmp_path / "t", panel=panel, backtests=runs[:1], clock=StoppedClock(1))


def test_the_tables_of_an_export_say_whose_rows_they_hold(session):
    from engine.live.export import tables

    folder, contest = session
    told = tables(folder)
    assert {row["account"] for row in told["decisions"]} == {"a", "b"} and "account" not in told["bars"][0]
    last = [row for row in told["decisions"] if row["account"] == "b"][-1]
    assert last["digest"] == contest.sessions["b"].fold.digest.hex()
    assert {row["account"] for row in told["forecasts"]} == {"a", "b"} and len(told["decisions"]) == 180
