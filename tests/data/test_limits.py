"""Files that ask for more than any bars need are refused before they get it; data stays inside its fence."""

from __future__ import annotations

import gzip
import tracemalloc

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import limits, sources
from engine.errors import DataError
from engine.panel import Panel

BAR = b"2024-01-02,1,1,1,1,1\n"
HEADER = b"date,open,high,low,close,volume\n"


def frame() -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(["2024-01-02"]), "symbol": ["A"], "close": [1.0], "open": [1.0]})


def test_a_file_that_unpacks_without_end_is_refused_on_the_way(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(HEADER + BAR * 4_000_000))  # 84 MB
    tracemalloc.start()
    with pytest.raises(DataError, match=r"x\.csv\.gz: it unpacks to more than 200 times its [\d,]+ bytes"):
        sources.csv(tmp_path / "x.csv.gz")
    assert tracemalloc.get_traced_memory()[1] < 60_000_000
    tracemalloc.stop()


def test_a_well_packed_year_of_bars_is_read(tmp_path):
    (tmp_path / "x.csv.gz").write_bytes(
        gzip.compress(HEADER + b"".join(b"%d-01-02,1,1,1,1,1\n" % y for y in range(1900, 2024)))
    )
    assert len(sources.csv(tmp_path / "x.csv.gz")) == 124


def test_a_line_without_end_is_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes(HEADER + BAR + b"2024-01-03," + b"1" * (2 << 20) + b",1,1,1,1\n")
    with pytest.raises(DataError, match=r"x\.csv:3: the line has 2,097,171 characters; expected at most 1,048,576"):
        sources.csv(tmp_path / "x.csv")


def test_a_header_of_too_many_columns_is_refused(tmp_path):
    names = ",".join(f"c{k}" for k in range(30_000))
    (tmp_path / "x.csv").write_text(f"date,close,{names}\n2024-01-02,1{',1' * 30_000}\n")
    with pytest.raises(DataError, match=r"x\.csv:1: it has 30,002 columns; expected at most 20,000"):
        sources.csv(tmp_path / "x.csv")


def test_a_file_too_long_to_be_mended_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "TEXT", 60)
    (tmp_path / "x.csv").write_bytes(HEADER + b"20240102,1,1,1,1,1\n" * 3)
    with pytest.raises(DataError, match=r"x\.csv: it holds more than 60 bytes, and needs mending"):
        sources.csv(tmp_path / "x.csv")


def test_nested_columns_of_parquet_are_refused_where_they_are_wanted(tmp_path):
    table = pa.table({"date": ["2024-01-02"], "close": [[1.0, 2.0]]})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"x\.parquet: column close is nested \(close\.list\.element\); expected plain"):
        sources.parquet(tmp_path / "x.parquet")
    table = pa.Table.from_pandas(frame()).append_column("levels", pa.array([[1.0, 2.0]]))
    pq.write_table(table, tmp_path / "y.parquet")
    assert len(sources.parquet(tmp_path / "y.parquet")) == 1  # it is not read


def test_what_a_footer_promises_is_held_against_the_limit(tmp_path, monkeypatch):
    many = pd.concat([frame()] * 3, ignore_index=True)
    many.to_parquet(tmp_path / "x.parquet")
    monkeypatch.setattr(limits, "CELLS", 11)
    with pytest.raises(DataError, match=r"x\.parquet: it says it has 3 rows of 4 columns; expected at most 11 cells"):
        sources.parquet(tmp_path / "x.parquet")
    monkeypatch.setattr(limits, "CELLS", 12)
    with pytest.raises(DataError, match=r"x\.parquet: it says it unpacks to [\d,]+ bytes; expected at most 96"):
        sources.parquet(tmp_path / "x.parquet")


def test_a_few_rows_that_would_fill_a_vast_grid_are_refused():
    count = 25_000
    times = pd.date_range("2000-01-01", periods=count, freq="min")
    table = pd.DataFrame({"timestamp": times, "symbol": [f"S{k}" for k in range(count)], "close": 1.0, "open": 1.0})
    with pytest.raises(DataError, match=r"25,000 bars lie on 25,000 times of 25,000 symbols; .*right columns\?"):
        Panel.from_frame(table)


def test_data_stays_inside_its_fence(tmp_path, monkeypatch):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    for folder in (inside, outside):
        (folder / "x.csv").write_bytes(HEADER + BAR)
    (inside / "link.csv").symlink_to(outside / "x.csv")
    frame().to_parquet(outside / "y.parquet")
    (inside / "parts").mkdir()
    (inside / "parts" / "y.parquet").symlink_to(outside / "y.parquet")
    monkeypatch.setenv("BARCAST_FENCE", str(inside))
    assert len(sources.csv(inside / "x.csv")) == 1
    for path in (outside / "x.csv", inside / ".." / "out" / "x.csv", inside / "link.csv", outside / "missing.csv"):
        with pytest.raises(DataError, match=r"it lies outside of .*in; expected a path inside it \(BARCAST_FENCE\)"):
            sources.csv(path)
    with pytest.raises(DataError, match="it lies outside of"):
        sources.parquet(inside / "parts")
    monkeypatch.delenv("BARCAST_FENCE")
    assert len(sources.parquet(inside / "parts")) == 1
