"""Which trials count against a run: nobody resets the count by a bar less, a name less, or another copy of the file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from engine.belief.search import known, search_of
from engine.cli import app
from engine.kin import akin, shared
from engine.result import Result
from tests.trust.test_trials import made

FIVE = (0.01, -0.02, 0.03, 0.0, 0.01)


def test_a_bar_less_is_the_same_search_and_dates_that_do_not_meet_are_another():
    whole = made(1, "whole", FIVE, symbols=("A",))  # times 0 to 4
    assert akin(whole, made(1, "cut", FIVE[1:], first=1, symbols=("A",)))
    assert akin(whole, made(1, "later", FIVE, first=4, symbols=("A",)))
    assert not akin(whole, made(1, "after", FIVE, first=5, symbols=("A",)))


def test_half_of_the_names_of_the_smaller_universe_make_two_trials_kin():
    whole = made(1, "whole", symbols=("A", "B", "C", "D"))
    for symbols, same in ((("A",), True), (("A", "X"), True), (("A", "X", "Y"), False), (("X",), False), ((), False)):
        other = made(1, "other", symbols=symbols)
        assert akin(whole, other) is same and akin(other, whole) is same


def test_bars_of_another_length_are_another_search_though_a_counted_rate_may_move():
    daily = made(1, "whole", rate=252.0, symbols=("A",))
    assert akin(daily, made(1, "cut", rate=250.6, symbols=("A",)))
    assert not akin(daily, made(1, "weekly", rate=52.0, symbols=("A",)))
    assert not akin(daily, made(1, "unknown", rate=float("nan"), symbols=("A",)))


def test_returns_stand_side_by_side_on_the_slices_that_all_of_them_have():
    own = made(1, "whole", FIVE, symbols=("A",))
    late = made(2, "late", (0.5, 0.6, 0.7, 0.8), first=2, symbols=("A",))  # times 2 to 5
    far = made(3, "far", (0.9, 0.9), first=4, symbols=("A",))  # one of five slices only
    found = shared(own, [own, late, far])
    assert found.times.tolist() == [2, 3, 4] and (found.left, found.cut) == (1, 2)
    assert found.returns == pytest.approx(np.array([[0.03, 0.5], [0.0, 0.6], [0.01, 0.7]]), abs=1e-7)


def test_stretches_of_a_long_series_stand_beside_the_same_stretches_only():
    long = np.full(40_000, 0.001)
    own = made(1, "whole", long, symbols=("A",))
    other = made(2, "cut", long[1:], first=1, symbols=("A",))
    assert shared(own, [own, made(2, "whole", -long, symbols=("A",)), other])[2:] == (1, 0)


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    days = pd.bdate_range("2018-01-01", periods=500)
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(500)))
    frame = pd.DataFrame({"date": days, "symbol": "AAA", "open": close, "high": close, "low": close, "close": close})
    place = tmp_path_factory.mktemp("bars") / "bars.csv"
    frame.assign(volume=1e6).to_csv(place, index=False)
    return place


def test_who_trims_a_bar_or_copies_the_file_does_not_reset_the_count(bars, tmp_path):
    """Six stops, then one run on a bar less, then one on a copy: eight trials, and PBO on what they share."""
    strategy = tmp_path / "one.yaml"
    strategy.write_text(
        "name: one\ndata: {source: csv, path: bars.csv, prices: split_adjusted, dividends: none}\n"
        "signals: {month: {plugin: momentum, lookback: 20, skip: 0}}\n"
        "strategy: {rule: threshold, signal: month, confidence: 0.0, size: 50%}\n"
    )
    (tmp_path / "bars.csv").write_text(bars.read_text())
    head, first, *rest = bars.read_text().splitlines()
    (tmp_path / "cut.csv").write_text("\n".join([head, *rest]) + "\n")
    grid = tmp_path / "grid.yaml"
    grid.write_text("exits.stop_loss: [1%, 2%, 3%, 4%, 5%, 6%]\n")
    out = str(tmp_path / "runs")

    def run(*words: str) -> dict:
        done = CliRunner().invoke(app, ["run", str(strategy), "--out", out, "-q", "--json", *words])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    CliRunner().invoke(app, ["run", str(strategy), "--out", out, "-q", "--lanes", str(grid)], catch_exceptions=False)
    cut = run("--set", "data.path=cut.csv", "--set", "name=cut")
    told = next(one for one in cut["belief"]["sentences"] if one["topic"] == "trials")
    assert told["numbers"]["trials"] == 7 and told["numbers"]["here"] == 1
    assert "7 trials on these bars, 6 of them cut or copied otherwise" in told["text"]
    assert told["numbers"]["dsr"] is not None
    folder = next((tmp_path / "runs").glob("cut-*"))
    result = Result.load(folder)
    assert search_of(result, *known(result, folder)).trials == 7
    told = json.loads(CliRunner().invoke(app, ["overfitting", str(folder), "--paths", "100", "--json"]).stdout)
    assert told["pbo"]["trials"] == 7 and told["shared"] == {
        "trials": 7, "left_out": 0, "points": 499, "cut": 0, "first": "2018-01-02", "last": "2019-11-29",
    }  # fmt: skip
    run("--end", "2019-11-28", "--set", "name=end")
    ended = next((tmp_path / "runs").glob("end-*"))
    text = CliRunner().invoke(app, ["overfitting", str(ended), "--paths", "100"]).stdout
    assert "8 on these bars, 7 of them cut or copied otherwise" in text
    assert "8 of 8 trials, on the 498 slices from 2018-01-02 to 2019-11-28" in text
    run("--end", "2018-03-01", "--set", "name=early")
    early = json.loads(CliRunner().invoke(app, ["trials", out, "--json"]).stdout)["groups"]
    assert sorted((one["here"], one["trials"]) for one in early) == [(1, 9), (1, 9), (1, 9), (6, 9)]
    run("--start", "2018-03-02", "--end", "2018-06-01", "--set", "name=after")
    counts = {one["last"]: one["trials"] for one in _groups(out)}
    assert counts["2018-03-01"] == 9 and counts["2018-06-01"] == 9 and counts["2019-11-29"] == 10


def _groups(out: str) -> list[dict]:
    return json.loads(CliRunner().invoke(app, ["trials", out, "--json"]).stdout)["groups"]
