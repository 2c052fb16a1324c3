"""A fetched file in a strategy file, and the command: what it says, what it refuses, what it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.data.fetch.asking import Clock, Page, RefusedError, Request, TryAgainError, patiently, status_error, waited
from engine.data.fetch.fetching import fetch
from engine.errors import ConfigError, DataError
from tests.data.fetch.desk import FakeTime

ROOT = Path(__file__).resolve().parents[3]
DAYS = pd.bdate_range("2023-01-02", periods=300)


class Quiet:
    """A vendor without a network: bars that rise by a cent a day."""

    name, version, pause = "yfinance", "1.7.0", 0.0
    declared = {"prices": "split_adjusted", "dividends": "split_adjusted"}  # noqa: RUF012

    def page(self, request: Request, since: int | None, now: float) -> Page:
        close = 50.0 + 0.01 * np.arange(len(DAYS))
        bars = {
            "date": DAYS,
            "open": close,
            "high": close + 0.1,
            "low": close - 0.1,
            "close": close,
            "adj_close": close,
        }
        return Page(pd.DataFrame(bars | {"volume": 1000.0, "dividend": 0.0, "split": 1.0}), None)


def fetched(folder: Path, when: str = "2024-06-01T08:00:00+00:00") -> Path:
    time = FakeTime(when)
    folder.mkdir(exist_ok=True)
    out = folder / "bars.parquet"
    return fetch(Quiet(), ["AAA", "BBB"], np.datetime64("2023-01-01"), None, out, Clock(time.now, time.sleep)).path


def strategy(path: Path, **data: object) -> dict:
    signals = {"up": {"plugin": "momentum", "lookback": 20, "skip": 0}}
    rule = {"rule": "threshold", "signal": "up", "confidence": 0.0, "size": "10%", "max_positions": 2}
    return {
        "name": "fetched",
        "data": {"source": "yfinance", "path": str(path)} | data,
        "signals": signals,
        "strategy": rule,
    }


def test_a_strategy_reads_a_fetched_file_and_says_when_it_was_fetched(tmp_path):
    result = engine.backtest(strategy(fetched(tmp_path)))
    assert any("fetched from yfinance 1.7.0 at 2024-06-01T08:00:00+00:00" in text for text in result.panel.warnings)
    assert result.panel.prices == "split_adjusted"
    folder = result.save(tmp_path / "runs")
    told = json.loads((Path(folder) / "manifest.json").read_text())["inputs"]["data.fetched"]
    assert told["file"] == "yfinance 1.7.0 at 2024-06-01T08:00:00+00:00: bars.parquet" and len(told["sha256"]) == 64


def test_bars_fetched_on_another_day_have_another_fingerprint(tmp_path):
    one, again, other = (
        engine.backtest(strategy(fetched(tmp_path / name, when))).panel.fingerprint
        for name, when in (
            ("a", "2024-06-01T08:00:00+00:00"),
            ("b", "2024-06-01T08:00:00+00:00"),
            ("c", "2024-06-02T08:00:00+00:00"),
        )
    )
    assert one == again != other


def test_what_the_vendors_prices_are_cannot_be_talked_away(tmp_path):
    path = fetched(tmp_path)
    with pytest.raises(ConfigError, match="the prices of yfinance are split_adjusted, got as_traded"):
        engine.backtest(strategy(path, prices="as_traded"))


def test_a_file_that_nobody_fetched_or_another_vendor_gave_is_refused(tmp_path):
    path = fetched(tmp_path)
    plain = tmp_path / "plain.parquet"
    pd.read_parquet(path).to_parquet(plain)
    with pytest.raises(DataError, match=r"it is no fetched file; write one with barcast data fetch --source yfinance"):
        engine.backtest(strategy(plain))
    with pytest.raises(DataError, match="it was fetched from yfinance; say source: yfinance"):
        engine.backtest(strategy(path) | {"data": {"source": "ccxt", "path": str(path)}})
    with pytest.raises(DataError, match="no such file"):
        engine.backtest(strategy(tmp_path / "none.parquet"))


def test_a_wait_doubles_and_a_vendor_that_wants_too_much_is_left():
    time = FakeTime("2024-01-01T00:00:00+00:00")
    clock, answers = Clock(time.now, time.sleep), [TryAgainError("busy")] * 3

    def ask() -> str:
        if answers:
            raise answers.pop()
        return "done"

    assert patiently(ask, clock, lambda text: None, "here") == "done" and time.slept == [2.0, 4.0, 8.0]
    with pytest.raises(DataError, match=r"here: busy \(it asks for 3,600 s of patience\)"):
        patiently(lambda: (_ for _ in ()).throw(TryAgainError("busy", 3600.0)), clock, lambda text: None, "here")
    assert time.slept == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Mon, 01 Jan 2024 00:02:00 GMT", 120.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header, seconds):
    assert waited(header, FakeTime("2024-01-01T00:00:00+00:00").now()) == seconds


def test_every_status_has_its_meaning():
    assert [type(status_error(status, "X", None)) for status in (200, 404, 403, 451, 401, 429, 418, 500, 503, 408)] == [
        type(None), type(None), RefusedError, RefusedError, RefusedError, *[TryAgainError] * 5,
    ]  # fmt: skip


def barcast(*words: str, cwd: Path, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{code}\nfrom engine.cli import main; main()", "data", "fetch", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )


def test_mistakes_of_the_command_are_told_in_one_line(tmp_path):
    good = {"--source": "yfinance", "--symbols": "AAA", "--start": "2024-01-01", "--out": "a.parquet"}
    fetched(tmp_path / "old")
    for change, code, text in (
        ({"--source": "yfinanc"}, 2, "did you mean 'yfinance'"),
        ({"--symbols": " , "}, 2, "expected at least one"),
        ({"--start": "January"}, 2, "--start: expected a date"),
        ({"--end": "2023-01-01"}, 2, "comes before --start"),
        ({"--out": "a.csv"}, 2, "ends in .parquet"),
        ({"--out": "old/bars.parquet"}, 2, "say --replace"),
    ):
        words = [word for pair in (good | change).items() for word in pair]
        done = barcast(*words, cwd=tmp_path)
        assert done.returncode == code and len(done.stderr.splitlines()) == 1 and text in done.stderr, done.stderr


@pytest.mark.parametrize(("source", "module"), [("yfinance", "yfinance"), ("ccxt", "ccxt")])
def test_a_client_that_is_not_installed_is_told_in_one_line(source, module, tmp_path):
    hidden = f"import sys; sys.modules[{module!r}] = None"
    done = barcast(
        "--source", source, "--symbols", "A", "--start", "2024-01-01", "--out", "a.parquet", cwd=tmp_path, code=hidden
    )
    assert done.returncode == 5 and len(done.stderr.splitlines()) == 1
    assert f"{module} is not installed; it is part of the extra live" in done.stderr
