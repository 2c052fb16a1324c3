"""Lanes: the same run many times over, at once, to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
import engine.plugins
from engine.errors import ConfigError
from engine.lane import digest_of, frame_of, lanes, read_grid
from tests.engine.test_run import bars, config

RNG = np.random.default_rng(11)


def market(rows: int = 120, names: int = 6) -> tuple[engine.Panel, np.ndarray]:
    close = 50.0 * np.exp(np.cumsum(0.03 * RNG.standard_normal((rows, names)), axis=0))
    opened = close * (1.0 + 0.01 * RNG.standard_normal((rows, names)))
    high, low = np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99
    days = np.datetime64("2020-01-01") + np.arange(rows)
    symbols = tuple("ABCDEF"[:names])
    volume = np.full((rows, names), 1e5)
    panel = engine.Panel.from_arrays(symbols, days, opened, high, low, close, volume, prices="split_adjusted")
    return panel, RNG.standard_normal((rows, names))


PANEL, FORECASTS = market()
QUINTILE = config(strategy={"rule": "quintile", "signal": "f", "quantile": "34%"}, capital=100_000)
GRID = {"exits.stop_loss": ["2%", "5%", None], "execution.slippage": [0.0, "10 bps"], "execution.delay": [0, 1]}


def test_every_lane_is_the_run_of_its_overrides_to_the_last_bit():
    for lane in lanes(QUINTILE, PANEL, GRID, forecasts=FORECASTS, threads=2):
        sets = [f"{key}={'null' if value is None else value}" for key, value in lane.overrides.items()]
        alone = engine.backtest(QUINTILE, PANEL, FORECASTS, sets=sets)
        assert lane.equity.tobytes() == alone.equity.to_numpy().tobytes()
        assert lane.digest == digest_of(alone.facts.fills, alone.decisions)
        assert lane.metrics == alone.metrics
        assert lane.fills == len(alone.fills)


def test_one_thread_and_several_give_the_same_lanes_in_the_order_of_the_grid():
    serial = lanes(QUINTILE, PANEL, GRID, forecasts=FORECASTS, threads=1)
    several = lanes(QUINTILE, PANEL, GRID, forecasts=FORECASTS, threads=3)
    assert [lane.overrides for lane in serial] == [lane.overrides for lane in several]
    assert [lane.digest for lane in serial] == [lane.digest for lane in several]
    assert [lane.equity.tobytes() for lane in serial] == [lane.equity.tobytes() for lane in several]
    assert serial[0].overrides == {"exits.stop_loss": "2%", "execution.slippage": 0.0, "execution.delay": 0}
    assert serial[1].overrides["execution.delay"] == 1
    assert len({lane.digest for lane in serial}) == len(serial) == 12


def test_a_digest_tells_two_runs_apart_by_one_bit_of_one_fill_or_code():
    run = engine.backtest(QUINTILE, PANEL, FORECASTS)
    fills, codes = run.facts.fills, run.decisions.copy()
    told = digest_of(fills, codes)
    codes[-1, -1] ^= np.uint32(1 << 31)
    assert digest_of(fills, codes) != told
    fills.fee[0] = np.nextafter(fills.fee[0], 1.0)
    assert digest_of(fills, run.decisions) != told


def test_lanes_over_the_lot_and_over_impact_see_them():
    grid = [{"execution.lot": 10}, {"execution.lot": 1}, {"execution.impact": 0.5}]
    tens, ones, impact = lanes(QUINTILE, PANEL, grid, forecasts=FORECASTS)
    assert len({tens.digest, ones.digest, impact.digest}) == 3
    assert impact.equity[-1] < ones.equity[-1]


def test_a_python_strategy_may_run_in_lanes():
    class Half:
        def target(self, now):
            return np.where(now.forecasts["f"] > 0, 0.1, 0.0)

    engine.plugins._from_files["barcast.strategies"]["half"] = Half
    try:
        told = lanes(config(strategy={"rule": "half"}), PANEL, {"capital": [1e5, 2e5]}, forecasts=FORECASTS, threads=2)
    finally:
        engine.plugins._from_files["barcast.strategies"].clear()
    assert told[0].fills > 0 and told[0].digest != told[1].digest


def test_the_table_of_lanes_has_their_overrides_first():
    frame = frame_of(lanes(QUINTILE, PANEL, {"execution.slippage": [0, "1%"]}, forecasts=FORECASTS))
    assert frame.columns[0] == "execution.slippage" and frame["total_return"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "lanes: there is none"),
        ([], "lanes: there is none"),
        ({"exits.stop_loss": "2%"}, "exits.stop_loss: expected a list of values such as [1%, 2%], got '2%'"),
        ({"exits.stop_loss": []}, "exits.stop_loss: expected a list of values"),
        ({"exits.stop_loss": ["2%", 2]}, "lane 2: --set exits.stop_loss: expected a fraction from 0 to 1, got 2"),
        ({"exits.stop_los": ["2%"]}, "lane 1: --set exits.stop_los"),
        ({"data.start": ["2020-01-05"]}, "data.start cannot vary: lanes share data, signals"),
        ({"signals.f.window": [3]}, "signals.f.window cannot vary"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused_before_anything_runs(grid, said):
    with pytest.raises(ConfigError) as caught:
        lanes(
            config(),
            engine.Panel.from_frame(bars(A=[10, 11, 12, 13]), dividends="none"),
            grid,
            forecasts=np.ones((4, 1)),
        )
    assert said in str(caught.value)


def test_the_command_line_runs_the_lanes_of_a_file_and_keeps_their_table(tmp_path, capsys, monkeypatch):
    from engine.cli import main

    grid = tmp_path / "grid.yaml"
    grid.write_text("exits.stop_loss: [5%, null]\nexecution.slippage: [0, 20 bps]\n")
    file = str(Path(__file__).parents[2] / "configs/demo/us20-quintile.yaml")
    command = [
        "barcast",
        "run",
        file,
        "--lanes",
        str(grid),
        "--start",
        "2015-01-01",
        "--out",
        str(tmp_path / "runs"),
        "-q",
    ]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as done:
        main()
    said = capsys.readouterr().out
    assert done.value.code == 0 and "4 lanes" in said and "exits.stop_loss" in said
    kept = [path for path in (tmp_path / "runs").iterdir() if path.suffix == ".csv"]
    assert len(kept) == 1 and kept[0].name.startswith("us20-quintile-lanes-")
    assert pd.read_csv(kept[0])["execution.slippage"].tolist() == ["0", "20 bps", "0", "20 bps"]


def test_a_grid_file_that_is_not_there_is_one_line_that_says_so(tmp_path):
    with pytest.raises(ConfigError, match="grid.yaml: no such file"):
        read_grid(tmp_path / "grid.yaml")
