"""A whole fix: what was fixed stays fixed whatever was wrong, nothing that was right is changed, the command speaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.data.fix import fix
from engine.data.fix.logs import cleaned, log_table, places
from engine.errors import ConfigError
from engine.panel import Panel
from tests.data.audit.planting import Field, clean
from tests.data.audit.real import BAD, split_truth
from tests.data.fix.judging import LASTING, LOCAL, STEPS, Marred, planted, twin, unadjusted
from tests.data.fix.sheet import quiet, scaled

ROOT = Path(__file__).resolve().parents[3]
FOLDER = os.environ.get("BARCAST_DATA")
CELLS = st.sampled_from(["open", "high", "low", "close", "adj_close", "volume", "dividend"])
FACTORS = st.sampled_from(
    [0.0, -1.0, 0.01, 0.1, 0.25, 0.5, 0.9, 1.02, 1.5, 2.0, 3.0, 10.0, 100.0, 1000.0, np.nan, 1e-4]
)


@pytest.fixture(scope="module")
def market():
    return clean(names=4, bars=250, seed=5)


@pytest.fixture(scope="module")
def wide():
    return clean(names=80, bars=800, seed=6)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 300), CELLS, FACTORS, st.booleans()), max_size=12),
    st.sampled_from(["guess", "as_traded", "split_adjusted"]),
    st.booleans(),
)
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_was_fixed_stays_as_it_is(market, tmp_path, seed, harm, prices, text):
    field = Field(market, seed)
    for kind in field.random.permutation(LOCAL + LASTING[:1])[:4]:
        if kind != "wrong_ticker":
            field.plant(str(kind), 1)
    for place, rows, cell, factor, whole in harm:
        first = int(place * (len(market) - 1))
        for name in ("open", "high", "low", "close", "adj_close") if whole else (cell,):
            field.values[name][first : first + rows] *= factor
    file, copy = (tmp_path / f"{name}.{'csv' if text else 'parquet'}" for name in ("bars", "copy"))
    table = field.table().assign(split=1.0)
    table.to_csv(file, index=False) if text else table.to_parquet(file)
    done = fix(file, prices=prices)
    whole = cleaned(done)
    whole.to_pandas().to_csv(copy, index=False) if text else pq.write_table(whole, copy)
    again = fix(copy, prices=prices)
    assert done.settled and again.changes == 0
    assert cleaned(again).equals(whole)


def test_a_clean_market_is_left_alone(wide, tmp_path):
    file = tmp_path / "bars.parquet"
    wide.to_parquet(file)
    done = fix(file, "XNYS")
    assert done.changes == 0 and cleaned(done).equals(pq.read_table(file))


@pytest.mark.parametrize("kinds", [LOCAL, LASTING[:3]])
def test_planted_defects_are_repaired_exactly_or_masked_and_nothing_else_is_touched(wide, tmp_path, kinds):
    field = Marred(wide, seed=8)
    for kind in kinds:
        field.plant(kind, 8)
    file = tmp_path / "bars.parquet"
    field.table().to_parquet(file)
    told = planted(field, cleaned(fix(file, "XNYS")).to_pandas())
    wrong = {kind: one.wrong for kind, one in told.kinds.items() if one.wrong}
    assert wrong in ({}, {"wrong_ticker": 1}) and told.spoilt == 0  # a bar of another name at nearly the same level
    exact = {kind: one.exact for kind, one in told.kinds.items()}
    for kind in {"duplicate", "unit", "split", "dividend"} & set(kinds):
        assert exact[kind] >= 5
    for kind in {"zero_cell", "range", "stale"} & set(kinds):
        assert told.kinds[kind].exact + told.kinds[kind].masked >= 7


def test_columns_types_and_metadata_of_the_source_stay(tmp_path):
    file = tmp_path / "bars.parquet"
    bars = quiet(sector="tools").astype({"volume": np.int64, "open": np.float32})
    bars.loc[40, "high"] = 1.0
    off = pd.concat([bars, bars.iloc[[50]]])
    table = pa.Table.from_pandas(off, preserve_index=False).replace_schema_metadata({"source": "by hand"})
    pq.write_table(table, file)
    out = cleaned(fix(file))
    assert out.schema.equals(table.schema) and out.schema.metadata == {b"source": b"by hand"}
    assert out.num_rows == 100 and out["high"].null_count == 1 and out["sector"].to_pylist() == ["tools"] * 100


def test_a_panel_takes_what_it_refused_before(tmp_path):
    off = quiet()
    off.loc[30, "high"] = 1.0
    off.loc[40, "close"] = 0.0
    scaled(off, slice(60, 61), 100.0)
    off = pd.concat([off, off.iloc[[50]]])
    file = tmp_path / "bars.csv"
    off.to_csv(file, index=False)
    copy = cleaned(fix(file)).to_pandas().replace("", np.nan)
    copy = copy.astype(dict.fromkeys(("open", "high", "low", "close", "volume"), float))
    panel = Panel.from_frame(copy, prices="split_adjusted", dividends="none")
    assert np.nanmax(panel.close) < 51.0 and len(panel.times) == 99


def test_the_log_replayed_on_the_source_gives_the_copy(wide, tmp_path):
    field = Marred(wide, seed=9)
    for kind in ("zero_cell", "unit", "split", "range", "stale"):
        field.plant(kind, 6)
    file = tmp_path / "bars.parquet"
    field.table().to_parquet(file)
    done = fix(file, "XNYS")
    table = pd.read_parquet(file).set_index(["symbol", "date"]).astype(float)
    for one in log_table(done.sheet).to_pandas().itertuples():
        key = (one.symbol, one.date)
        if one.action == "removed":
            table = table.drop(index=[key])
        elif one.action != "left":
            np.testing.assert_equal(table.at[key, one.column], one.before)
            table.at[key, one.column] = one.after
    copy = cleaned(done).to_pandas().set_index(["symbol", "date"]).astype(float)
    pd.testing.assert_frame_equal(table, copy)


def barcast(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli import main; main()", "data", "fix", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )


def test_the_command_writes_copy_and_log_and_never_the_source(tmp_path):
    off = quiet()
    scaled(off, slice(40, 50), 100.0)
    off.to_csv(tmp_path / "bars.csv", index=False)
    before = (tmp_path / "bars.csv").read_bytes()
    done = barcast("bars.csv", "--out", "clean.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    told = json.loads(done.stdout)
    assert told["changes"] == 40 and told["kinds"]["unit"]["repaired"] == 40 and told["settled"] is True
    assert len(pd.read_csv(tmp_path / "clean.repairs.csv")) == 40
    assert (tmp_path / "bars.csv").read_bytes() == before
    off_ = barcast("bars.csv", "--out", "off.csv", "--off", "units", cwd=tmp_path)
    assert "nothing to repair" in off_.stdout and (tmp_path / "off.csv").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_mistakes_are_told_in_one_line(tmp_path):
    quiet().to_csv(tmp_path / "bars.csv", index=False)
    for words, code, text in (
        (("bars.csv", "--out", "bars.csv"), 2, "it is|is the source"),
        (("bars.csv", "--out", "clean.parquet"), 4, "End it so"),
        (("bars.csv", "--out", "clean.txt"), 2, "ends in .parquet or .csv"),
        (("bars.csv", "--out", "clean.csv", "--off", "unit"), 2, "did you mean 'units'"),
        (("no.csv", "--out", "clean.csv"), 4, "no such file"),
        (("bars.csv", "--out", "clean.csv", "--prices", "raw"), 2, "as_traded or split_adjusted"),
    ):
        done = barcast(*words, cwd=tmp_path)
        assert done.returncode == code and len(done.stderr.splitlines()) == 1
        assert any(part in done.stderr for part in text.split("|")), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.csv"]


def test_a_copy_may_not_lie_inside_the_source(tmp_path):
    with pytest.raises(ConfigError, match="inside the source"):
        places(tmp_path, str(tmp_path / "new.parquet"), None)


@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
@pytest.mark.parametrize("name", BAD)
def test_a_vendors_bad_file_becomes_its_twin_or_is_masked(name):
    file = Path(FOLDER).parent / "fixtures" / "yahoo_bad" / f"{name}.csv"
    if not file.exists():
        pytest.skip("the vendor's bad files are not there")
    one = twin(file)
    assert one.cells == one.exact + one.masked and one.wrong == one.missed == one.spoilt == 0 and one.hidden <= 4


@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
def test_splits_of_the_live_file_are_adjusted_exactly_or_left():
    file = Path(FOLDER) / "us_messy_live_2021_2024.parquet"
    told = unadjusted(file, split_truth(Path(FOLDER)))
    assert told[STEPS["large exact"]] == 20 and told[STEPS["large idle"]] == 2 and told[STEPS["small idle"]] == 10
    assert sum(told.values()) == 34  # of no other name, by no other ratio
