"""The ledger of trials: what counts as one, what counts once, and that no writer loses what another has noted."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3

import numpy as np
import pytest

import engine
from engine import trials
from engine.errors import DataError, OutputError
from engine.lane import run_points
from engine.run import load_config, prepare
from tests.engine.test_run import config

CLOSES = {"A": [10, 11, 12, 11, 13, 14, 13, 15], "B": [20, 19, 21, 22, 20, 23, 24, 22]}


def panel_of(**closes) -> engine.Panel:
    close = np.array(list(closes.values()), float).T
    days = np.datetime64("2024-01-01") + np.arange(len(close))
    columns = (close, close, close, close, np.full_like(close, 1e6))
    return engine.Panel.from_arrays(tuple(closes), days, *columns, prices="split_adjusted")


def ran(panel=None, forecasts=None, **changes) -> engine.Result:
    return engine.backtest(
        config(**changes),
        panel_of(**CLOSES) if panel is None else panel,
        np.ones((8, 2)) if forecasts is None else forecasts,
    )


def made(
    number: int, fingerprint: str = "bars", returns=(0.01, -0.02, 0.03, 0.0), first=0, rate=252.0, symbols=()
) -> trials.Trial:
    equity = 100.0 * np.cumprod(1.0 + np.array(returns))
    times = first + np.arange(len(equity))
    told = ({"name": "one", "capital": number}, {}, fingerprint, rate, times, equity, 100.0)
    return trials.trial_of(*told, symbols=symbols)


def test_a_run_is_a_trial_with_its_returns_and_its_sharpe_per_bar(tmp_path):
    result = ran()
    assert trials.note(tmp_path / "trials.sqlite", [trials.of_result(result)]) == 1
    (kept,) = trials.read(tmp_path / "trials.sqlite")
    returns = result.returns.to_numpy()
    assert kept.returns == pytest.approx(returns, abs=1e-8)
    assert kept.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert kept.slices == 8 and kept.kind == "run" and kept.fingerprint == result.manifest["data"]["fingerprint"]


def test_the_same_configuration_on_the_same_bars_counts_once_under_whatever_name(tmp_path):
    place = tmp_path / "trials.sqlite"
    assert trials.note(place, [trials.of_result(ran())]) == 1
    assert trials.note(place, [trials.of_result(ran(name="another", benchmark="equal_weight"))]) == 0
    assert len(trials.read(place)) == 1


def test_another_parameter_other_forecasts_or_other_bars_are_other_trials():
    first = trials.of_result(ran())
    assert trials.of_result(ran(exits={"stop_loss": "5%"})).key != first.key
    assert trials.of_result(ran(forecasts=2 * np.ones((8, 2)))).key != first.key
    assert trials.of_result(ran(panel_of(A=CLOSES["A"]), np.ones((8, 1)))).key != first.key


def test_every_lane_is_a_trial_and_the_one_that_was_run_before_is_not_counted_again(tmp_path):
    loaded = load_config(config())
    inputs = prepare(loaded, panel_of(**CLOSES), np.ones((8, 2)))
    points = [{"exits.stop_loss": stop} for stop in (None, "5%", "10%")]
    lanes = run_points(loaded, points, inputs)
    place = tmp_path / "trials.sqlite"
    trials.note(place, [trials.of_result(ran())])
    assert trials.note(place, trials.of_lanes(loaded, lanes, inputs, {})) == 2
    assert len(trials.read(place)) == 3


def test_trials_are_grouped_by_their_bars_and_frequency(tmp_path):
    place = tmp_path / "trials.sqlite"
    trials.note(place, [made(1), made(2), made(3, "other bars")])
    assert [len(group) for group in trials.groups(trials.read(place)).values()] == [2, 1]
    assert len(trials.read(place, made(1))) == 2 and not trials.read(place, made(1, rate=12.0))


def test_a_long_series_is_kept_as_compound_returns_of_equal_stretches():
    returns = np.full(40_000, 0.001)
    one = made(1, returns=returns)
    assert one.per_point == 3 and len(one.returns) == 13_334 and one.slices == 40_000
    assert one.returns[0] == pytest.approx(1.001**3 - 1, rel=1e-6)
    assert np.log1p(one.returns).sum() == pytest.approx(40_000 * np.log(1.001), rel=1e-4)
    assert one.times[:2].tolist() == [2, 5] and one.times[-2:].tolist() == [39_998, 39_999]


def test_a_ruined_trial_counts_and_has_no_sharpe_ratio(tmp_path):
    trials.note(tmp_path / "t.sqlite", [made(1, returns=(0.1, -1.5, 0.2)), made(2)])
    ruined = [trial for trial in trials.read(tmp_path / "t.sqlite") if np.isnan(trial.sharpe)]
    assert len(ruined) == 1 and ruined[0].returns[1:] == pytest.approx([0.0, 0.0])


def _many(place: str, first: int) -> None:
    for number in range(first, first + 25):
        trials.note(place, [made(number)])


def test_several_processes_append_at_once_and_nothing_is_lost(tmp_path):
    place = str(tmp_path / "trials.sqlite")
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_many, args=(place, 20 * k)) for k in range(4)
    ]  # 5 of each 25 are the next one's too
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert len(trials.read(place)) == 85


def test_a_batch_is_noted_whole_or_not_at_all(tmp_path, monkeypatch):
    place = tmp_path / "trials.sqlite"
    trials.note(place, [made(1)])
    row = trials._row
    monkeypatch.setattr(trials, "_row", lambda trial: row(trial) if trial.key != made(3).key else (None,) * 15)
    with pytest.raises(OutputError, match="--no-ledger"):
        trials.note(place, [made(2), made(3)])
    assert [trial.key for trial in trials.read(place)] == [made(1).key]


def test_a_damaged_ledger_is_one_line_and_another_format_is_refused(tmp_path):
    place = tmp_path / "trials.sqlite"
    place.write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(DataError, match="cannot be read"):
        trials.read(place)
    with pytest.raises(OutputError, match="could not be noted"):
        trials.note(place, [made(1)])
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as ledger:
        ledger.execute("pragma user_version = 99")
    with pytest.raises(DataError, match="format 99"):
        trials.note(newer, [made(1)])


def test_no_ledger_is_no_trials(tmp_path):
    assert trials.read(tmp_path / "none.sqlite") == [] and not (tmp_path / "none.sqlite").exists()


def test_the_command_counts_runs_and_lanes_and_can_be_told_not_to(tmp_path):
    from typer.testing import CliRunner

    from engine.cli import app

    strategy = "configs/demo/sp500-threshold.yaml"
    grid = tmp_path / "grid.yaml"
    grid.write_text("strategy.confidence: [0.05, 0.1, 0.2]\n")
    cli, out = CliRunner(), str(tmp_path / "runs")
    for words in ([], ["--lanes", str(grid)], ["--set", "capital=50000", "--no-ledger"]):
        done = cli.invoke(app, ["run", strategy, "--out", out, "-q", *words])
        assert done.exit_code == 0, done.output
    told = json.loads(cli.invoke(app, ["trials", out, "--json"]).output)
    (group,) = told["groups"]
    assert group["trials"] == 3 and 1.0 <= group["effective"] <= 3.0 and 0.0 < group["dsr"] < group["psr"] < 1.0
    assert group["here"] == 3 and group["names"] == 1
    assert "deflated" in cli.invoke(app, ["trials", out]).output


def test_a_ledger_of_the_first_format_is_read_and_goes_on(tmp_path):
    place = tmp_path / "trials.sqlite"
    trials.note(place, [made(1), made(2)])
    with sqlite3.connect(place) as ledger:
        ledger.execute("alter table trial drop column bars")
        ledger.execute("drop table bars")
        ledger.execute("pragma user_version = 1")
    old = trials.read(place)
    assert [trial.key for trial in old] == sorted((made(1).key, made(2).key)) and old[0].symbols == ()
    assert trials.note(place, [made(2), made(3)]) == 1
    assert len(trials.read(place, made(1))) == 3
