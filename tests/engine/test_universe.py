"""A dated universe in a whole run: what leaves it is sold at the next open, ranks and benchmark count members alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine.cli.show import run_summary
from engine.config import load
from engine.errors import ConfigError, DataError
from engine.report import write
from engine.run import load_panel

DATES = pd.date_range("2024-01-02", periods=5)
STRATEGY = """\
name: dated
data: {source: csv, path: bars.csv, prices: as_traded, dividends: none}
universe: {members: members.csv}
signals: {f: {plugin: precomputed}}
strategy: {rule: threshold, signal: f, confidence: 1.0, exit_confidence: 0.0, size: 50%}
benchmark: equal_weight
capital: 1000
"""


def given(folder: Path, members: str, text: str = STRATEGY, **closes) -> Path:
    """A strategy file with its bars and members beside it; bars open at the close before."""
    rows = ["date,symbol,open,high,low,close,volume"]
    for symbol, series in closes.items():
        for date, before, close in zip(DATES, [series[0], *series], series):
            rows.append(f"{date:%Y-%m-%d},{symbol},{before},{max(before, close)},{min(before, close)},{close},1000")
    (folder / "bars.csv").write_text("\n".join(rows) + "\n")
    (folder / "members.csv").write_text(members)
    (folder / "s.yaml").write_text(text)
    return folder / "s.yaml"


def test_a_name_that_leaves_the_universe_is_sold_at_the_next_open(tmp_path):
    # A is a member from the 3rd to the 4th. Decided at the close of the 3rd: 50 % of 1000 at 100 = 5 shares, bought at
    # the open of the 4th at 100. On the 5th it is no member: target 0 at that close, sold at the open of the 6th, which
    # is the close of the 5th, 120: 5 x 20 won. Its forecast says to hold all along.
    file = given(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-04\n", A=[100, 100, 110, 120, 130])
    result = engine.backtest(file, forecasts=np.ones((5, 1)))
    fills = [
        (f"{t:%m-%d}", q, p) for t, q, p in zip(result.fills["time"], result.fills["quantity"], result.fills["price"])
    ]
    # a bar of a date without a calendar closes at 00:00 UTC of the next day: the fills are of the 4th and the 6th
    assert fills == [("01-05", 5.0, 100.0), ("01-07", -5.0, 120.0)]
    assert result.equity.tolist() == [1000.0, 1000.0, 1050.0, 1100.0, 1100.0]
    assert "it was no member of the universe" in result.explain("2024-01-05", "A")


RANKED = STRATEGY.replace(
    "rule: threshold, signal: f, confidence: 1.0, exit_confidence: 0.0, size: 50%",
    "rule: quintile, signal: f, quantile: 50%, side: long, rebalance: daily",
)
FLAT = {symbol: [10] * 5 for symbol in "ABCD"}
RANKS = np.tile([4.0, 3.0, 2.0, 1.0], (5, 1))


def bought(result: engine.Result) -> set[str]:
    return set(result.fills["symbol"])


def test_ranks_run_over_members_alone(tmp_path):
    file = given(tmp_path, "symbol,start,end\nB,,\nC,,\nD,,\n", RANKED, **FLAT)
    # of B, C, D a half is one: B. With A among them two of four would be held, A and B
    assert bought(engine.backtest(file, forecasts=RANKS)) == {"B"}
    assert bought(engine.backtest(file, forecasts=RANKS, sets=["universe={}"])) == {"A", "B"}


def test_the_short_leg_ranks_members_alone(tmp_path):
    file = given(tmp_path, "symbol,start,end\nA,,\nB,,\nC,,\n", RANKED.replace("side: long", "side: short"), **FLAT)
    assert bought(engine.backtest(file, forecasts=RANKS)) == {"C"}


def test_a_rank_changes_on_the_day_the_membership_does(tmp_path):
    # A, the best, joins on the 4th: B is held until then; from the 4th a half of A, B, C is one, A
    file = given(tmp_path, "symbol,start,end\nA,2024-01-04,\nB,,\nC,,\n", RANKED, **FLAT)
    fills = engine.backtest(file, forecasts=RANKS).fills
    assert fills[["symbol", "quantity"]].to_numpy().tolist() == [["B", 100.0], ["B", -100.0], ["A", 100.0]]


def test_min_names_counts_members_with_a_forecast(tmp_path):
    text = RANKED.replace("quantile: 50%", "quantile: 50%, min_names: 3")
    file = given(tmp_path, "symbol,start,end\nB,,\nC,,\nD,2024-01-05,\n", text, **FLAT)
    result = engine.backtest(file, forecasts=RANKS)
    # three members only from the 5th on: bought at the open of the 6th, the last bar
    assert result.fills[["symbol", "quantity"]].to_numpy().tolist() == [["B", 100.0]]
    assert "too few names" in result.explain("2024-01-04", "B")
    missing = RANKS.copy()
    missing[:, 3] = np.nan  # D is a member without a forecast
    assert not len(engine.backtest(file, forecasts=missing).fills)


def test_the_equal_weight_benchmark_holds_the_members_of_the_day(tmp_path):
    # A doubles every day and is a member on the 3rd alone: it counts from the close of the 3rd to that of the 4th.
    # B, always a member, stays at 10. 1000, 1000, then the mean of 100 % and 0 %: 1500, 1500, 1500
    file = given(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-03\nB,,\n", A=[10, 20, 40, 80, 160], B=[10] * 5)
    result = engine.backtest(file, forecasts=np.zeros((5, 2)))
    assert result.benchmark.tolist() == [1000.0, 1000.0, 1500.0, 1500.0, 1500.0]


def test_signals_see_bars_from_before_the_membership(tmp_path):
    text = STRATEGY.replace("precomputed}", "momentum, lookback: 2, skip: 0}").replace("1.0, exit", "0.15, exit")
    file = given(tmp_path, "symbol,start,end\nA,2024-01-05,\n", text, A=[100, 100, 110, 121, 121])
    result = engine.backtest(file)  # 121 / 100 - 1 on the 5th, its first day as a member
    assert result.fills["quantity"].tolist() == [4.0]
    assert f"{result.fills['time'].iloc[0]:%Y-%m-%d}" == "2024-01-07"


def test_survivorship_is_told_in_warnings_summary_report_and_manifest(tmp_path):
    file = given(tmp_path, "symbol,start,end\nA,,\nZ,,\n", A=[100, 100, 110, 120, 130], B=[10] * 5)
    result = engine.backtest(file, forecasts=np.zeros((5, 2)))
    told = "survivorship: members without data: 1 of 2 names (Z), 50.0 % of member-days"
    assert [w for w in result.warnings if "surv" in w] == [told]  # not the guess from bars as well
    assert "1 of 2 symbols of the data are never members by members.csv: B" in result.warnings
    assert told in run_summary(result, tmp_path, None)
    folder = result.save(tmp_path / "run")
    assert told in write(folder).read_text()
    stored = json.loads((folder / "manifest.json").read_text())["inputs"]["universe.members"]
    assert (stored["file"], len(stored["sha256"])) == ("members.csv", 64)


def test_another_membership_is_another_run(tmp_path):
    hashes = []
    for end in ("", "2024-01-04"):
        file = given(tmp_path, f"symbol,start,end\nA,,{end}\n", A=[100, 100, 110, 120, 130])
        hashes.append(engine.backtest(file, forecasts=np.zeros((5, 1))).manifest["run_hash"])
    assert hashes[0] != hashes[1]


def test_max_sector_works_from_a_file_of_sectors(tmp_path):
    text = RANKED.replace("{members: members.csv}", "{sectors: sectors.csv}") + "caps: {max_sector: 30%}\n"
    file = given(tmp_path, "", text, **FLAT)
    (tmp_path / "sectors.csv").write_text("symbol,sector\nA,Tech\nB,Tech\nC,Banks\nD,Banks\n")
    fills = engine.backtest(file, forecasts=RANKS).fills
    # A and B would take 50 % each; one sector may hold 30 %: 15 % each of 1000 at 10
    assert fills[["symbol", "quantity"]].to_numpy().tolist() == [["A", 15.0], ["B", 15.0]]
    with pytest.raises(ConfigError, match=r"caps.max_sector: the data names no sectors; .*name universe.sectors"):
        engine.backtest(file, forecasts=RANKS, sets=["universe={}"])


def test_a_panel_given_in_python_gets_the_universe_too(tmp_path):
    file = given(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-04\n", A=[100, 100, 110, 120, 130])
    bare = engine.Panel.from_frame(pd.read_csv(tmp_path / "bars.csv"), prices="as_traded", dividends="none")
    for panel in (bare, load_panel(load(file))):
        assert engine.backtest(file, panel=panel, forecasts=np.ones((5, 1))).equity.iloc[-1] == 1100.0


# --- mistakes, told before any bar is read ----------------------------------------------------------------------------
def refused(file: Path, kind: type[Exception], **how) -> str:
    (file.parent / "bars.csv").unlink(missing_ok=True)
    with pytest.raises(kind) as caught:
        engine.backtest(file, **how)
    return str(caught.value)


def test_a_file_that_is_not_there_is_told_at_its_place_with_its_neighbour(tmp_path):
    file = given(tmp_path, "symbol,start,end\n", STRATEGY.replace("members.csv", "membrs.csv"))
    first, line, caret = refused(file, ConfigError).splitlines()
    assert first.startswith(f"{file}:3:21: universe.members: membrs.csv: no such file; did you mean 'members.csv'?")
    assert (line, len(caret)) == ("    universe: {members: membrs.csv}", 4 + 21)


def test_a_file_of_sectors_that_is_not_there_is_told_at_its_place(tmp_path):
    file = given(
        tmp_path, "symbol,start,end\nA,,\n", STRATEGY.replace("members.csv}", "members.csv, sectors: sektors.csv}")
    )
    assert f"{file}:3:43: universe.sectors: sektors.csv: no such file" in refused(file, ConfigError)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "all.csv").mkdir()
    file = given(tmp_path, "", STRATEGY.replace("members.csv", "all.csv"))
    assert f"{file}:3:21: universe.members: all.csv: it is a folder; expected a file" in refused(file, ConfigError)


def test_an_override_and_a_mapping_name_themselves(tmp_path):
    file = given(tmp_path, "", STRATEGY)
    said = refused(file, ConfigError, sets=["universe.members=none.csv"])
    assert said.startswith("--set universe.members: none.csv: no such file")
    said = refused(file, ConfigError, sets=["universe={members: none.csv}"])
    assert "universe.members: none.csv: no such file" in said
    mapping = {**load(file).resolved(), "universe": {"members": str(tmp_path / "none.csv")}}
    with pytest.raises(ConfigError, match=r"^configuration: universe.members: .*none.csv: no such file"):
        engine.backtest(mapping)


def test_a_bad_row_is_told_with_the_file_and_its_line(tmp_path):
    file = given(tmp_path, "symbol,start,end\nA,2024-01-03,\nB,1/2/2024,\n")
    assert refused(file, DataError).startswith("members.csv:3: start is '1/2/2024'; expected an ISO date")


def test_files_lie_beside_the_strategy_file_first(tmp_path, monkeypatch):
    file = given(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-04\n", A=[100, 100, 110, 120, 130])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "members.csv").write_text("symbol,start,end\nA,,\n")
    (elsewhere / "others.csv").write_text("symbol,start,end\nA,2024-01-05,\n")
    monkeypatch.chdir(elsewhere)
    assert load_panel(load(file)).member.ravel().tolist() == [False, True, True, False, False]
    other = load(file, ["universe.members=others.csv"])  # not beside it, so from where one stands
    assert load_panel(other).member.ravel().tolist() == [False, False, False, True, True]
