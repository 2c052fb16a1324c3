"""What is written is what was made: the engine reads it, trades it by its oracle, and the truth says what is in it."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest

import engine
from engine.data import sources
from engine.errors import DataError, OutputError
from engine.markets import read, simulate, write, writing

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "name": "m", "seed": 4, "names": 20, "bars": 600, "prices": {"first": 150, "spread": 0.5},
    "signal": {"shape": "linear", "ic": 0.1, "leak": "centred_mean"}, "halts": {"per_year": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    return folder, write(read(SETTINGS), folder), simulate(SETTINGS)


def truth(folder) -> dict:
    return json.loads((folder / "truth.json").read_text())


def test_the_file_holds_the_same_panel_as_memory(written):
    folder, told, made = written
    panel = engine.Panel.from_frame(sources.parquet(folder / "bars.parquet"), calendar="XNYS", name="m")
    assert panel.fingerprint == made.panel().fingerprint
    assert told.rows == int(np.isfinite(panel.close).sum()) == len(made.frame())
    assert panel.warnings == ("columns not used: x, leak",)


def test_the_columns_are_those_of_a_vendor_and_what_was_planted(written):
    schema = parquet.read_schema(written[0] / "bars.parquet")
    assert schema.names == [
        "date", "symbol", "open", "high", "low", "close", "volume", "split", "dividend", "sector", "delisted_at",
        "terminal_value", "x", "leak",
    ]  # fmt: skip


def test_a_plain_market_has_bars_and_nothing_else(tmp_path):
    write(read({"name": "m", "names": 2, "bars": 5, "mode": "plain", "signal": {"source": "endogenous"}}), tmp_path)
    assert parquet.read_schema(tmp_path / "bars.parquet").names == [
        "date",
        "symbol",
        "open",
        "high",
        "low",
        "close",
        "volume",
    ]
    assert truth(tmp_path)["regimes"] == []


def test_the_truth_tells_every_split_halt_and_death(written):
    folder, _, made = written
    told, b, days = truth(folder), made.block, made.plan.sessions.astype(str)
    symbols = made.plan.symbols
    splits = {(symbols[k], days[t], b.split[k, t]) for k, t in zip(*np.nonzero(b.split != 1.0))}
    assert {(s["symbol"], s["date"], s["ratio"]) for s in told["splits"]} == splits
    assert len(splits) > 3
    halted = {(symbols[k], days[t]) for k, t in zip(*np.nonzero(b.why == 2))}
    rows = list(days)
    spans = {(h["symbol"], d) for h in told["halts"] for d in rows[rows.index(h["from"]) : rows.index(h["to"]) + 1]}
    assert spans == halted
    assert halted
    assert told["dividends"] == int((b.dividend > 0).sum()) > 0
    gone = {one["symbol"]: one["delisted_at"] for one in told["instruments"] if "delisted_at" in one}
    ends = made.plan.traits.end
    assert gone == {symbols[k]: days[ends[k]] for k in np.flatnonzero(ends < 600)}


def test_the_truths_regimes_cover_every_session_once(written):
    folder, _, made = written
    told, days = truth(folder), list(made.plan.sessions.astype(str))
    spans = [(r["name"], days.index(r["from"]), days.index(r["to"])) for r in told["regimes"]]
    assert [first for _, first, _ in spans] == [0, *(last + 1 for _, _, last in spans[:-1])]
    assert spans[-1][2] == 599
    names = [regime.name for regime in made.plan.settings.regimes]
    for name, first, last in spans:
        assert (made.plan.path.regime[first : last + 1] == names.index(name)).all()


def test_the_truths_settings_make_the_same_market_again(written, tmp_path):
    folder = written[0]
    write(read(truth(folder)["settings"]), tmp_path)
    for name in ("bars.parquet", "oracle.parquet", "truth.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_engine_earns_with_the_oracle_what_it_cannot_without(written):
    folder, _, _ = written
    config = {
        "name": "oracle",
        "data": {"source": "parquet", "path": str(folder / "bars.parquet"), "prices": "as_traded", "dividends": "as_traded",
                 "calendar": "XNYS"},
        "signals": {"truth": {"plugin": "precomputed", "path": str(folder / "oracle.parquet")}},
        "strategy": {"rule": "quintile", "signal": "truth", "side": "long_short"},
        "sizing": {"exposure": {"long": "50%", "short": "50%"}},
        "execution": {"lot": 0},
    }  # fmt: skip
    assert engine.backtest(config).metrics["sharpe"] > 2.0


def test_a_plain_market_earns_the_sharpe_ratio_of_the_formula():
    """N 200, IC .05: 2 x 1.39981 ic / sqrt(2 / 40 (1 - ic^2 + .21864 ic^2)) x sqrt(bars a year). scripts/torture has more."""
    made = simulate({"name": "m", "seed": 1, "names": 200, "bars": 1500, "mode": "plain", "own": {"volatility": "16%"},
                     "signal": {"shape": "linear", "ic": 0.05}})  # fmt: skip
    config = {
        "name": "plain",
        "data": {"source": "parquet", "path": "given", "prices": "as_traded", "dividends": "none"},
        "signals": {"truth": {"plugin": "precomputed"}},
        "strategy": {"rule": "quintile", "signal": "truth", "side": "long_short"},
        "sizing": {"exposure": {"long": "50%", "short": "50%"}},
        "execution": {"lot": 0},
    }
    panel = made.panel()
    year = panel.bars_per_year
    expected = 2 * 1.39981 * 0.05 / math.sqrt(2 / 40 * (1 - 0.05**2 * (1 - 0.21864))) * math.sqrt(year)
    error = math.sqrt(year / 1500 * (1 + expected**2 / (2 * year)))
    sharpe = engine.backtest(config, panel=panel, forecasts=made.oracle).metrics["sharpe"]
    assert abs(sharpe - expected) < 3 * error
    late = np.roll(made.oracle, 1, axis=0)  # the check catches forecasts that come a bar late
    assert abs(engine.backtest(config, panel=panel, forecasts=late).metrics["sharpe"] - expected) > 3 * error


def test_a_market_replaces_the_one_before_and_a_failure_leaves_it(tmp_path, monkeypatch):
    small = {"name": "m", "names": 2, "bars": 5}
    write(read(small), tmp_path)
    before = (tmp_path / "bars.parquet").read_bytes()

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "oracle_table", fails)
    with pytest.raises(OutputError, match="no space left|No space left"):
        write(read({**small, "seed": 1}), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.parquet", "oracle.parquet", "truth.json"]
    assert (tmp_path / "bars.parquet").read_bytes() == before
    monkeypatch.undo()
    write(read({**small, "seed": 1}), tmp_path)
    assert (tmp_path / "bars.parquet").read_bytes() != before


def test_a_full_disk_is_seen_before_anything_is_made(tmp_path, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda place: usage(10**9, 10**9, 1000))
    with pytest.raises(DataError, match="2 names x 500 bars need about 0.0 GB, and 0.0 GB are free"):
        write(read({"name": "m", "names": 2, "bars": 500}), tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "there").write_text("x")
    with pytest.raises(OutputError, match="name a folder"):
        write(read({"name": "m", "names": 2, "bars": 5}), tmp_path / "there")


def barcast(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli import main; main()", "data", "simulate", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def test_the_page_shows_what_the_command_prints(tmp_path):
    page = (ROOT / "docs/simulate.md").read_text()
    blocks = [body for word, body in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if not word]
    shown = next(body for body in blocks if "Stylised" in body)
    done = barcast("configs/simulate/us-like.yaml", "--out", str(tmp_path / "us-like"), "--facts")
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace(str(tmp_path), "markets").splitlines() == shown.splitlines()
    assert (ROOT / "configs/simulate/us-like.yaml").read_text() in page


def test_another_seed_json_and_a_mistake(tmp_path):
    done = barcast("configs/simulate/plain.yaml", "--out", str(tmp_path), "--seed", "8", "--json")
    told = json.loads(done.stdout)
    assert (told["market"], told["names"], told["bars"]) == ("plain", 200, 500_000)
    assert truth(tmp_path)["settings"]["seed"] == 8
    wrong = barcast(str(ROOT / "configs/demo/us20-quintile.yaml"), "--out", str(tmp_path))
    assert wrong.returncode == 2
    assert "no such key" in wrong.stderr
    assert "Traceback" not in wrong.stderr
