"""The raw table is read as it lies: nothing of it is refused for being bad, but what cannot be bars at all."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from engine.data.audit import audit, reading
from engine.errors import DataError

HEADER = "date,symbol,open,high,low,close,volume\n"


def counts(done, symbol):
    return {
        kind: count
        for kind, count in next(line for line in done.lines if line.symbol == symbol).counts.items()
        if count
    }


def test_rows_that_a_panel_refuses_are_audited(tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text(
        HEADER
        + "2024-01-03,AA,10,11,9,10.5,100\n"
        + "2024-01-02,AA,10,11,9,10,100\n"  # out of order
        + "2024-01-03,AA,10,11,9,10.5,100\n"  # twice
        + '2024-01-04,AA,"1,010","1,011",0,ten,100\n'  # a comma of thousands, a zero, a word
        + "soon,AA,1,1,1,1,1\n"
        + "2024-01-05,AA,1,1\n"
        + "2024-01-05,,1,1,1,1,1\n"
    )
    done = audit(file)
    assert done.rows == 4
    assert counts(done, "AA") == {"duplicate": 1, "unsorted": 1, "missing_cell": 1, "zero_cell": 1, "unreadable": 1}
    assert any("1 lines have another number of cells" in note for note in done.notes)
    assert any("2 rows have no readable date or no symbol" in note for note in done.notes)


def test_a_compressed_file_without_symbols_is_one_instrument_named_after_it(tmp_path):
    file = tmp_path / "RELIANCE.csv.gz"
    file.write_bytes(gzip.compress(b"\xef\xbb\xbfDate,Close,Adj Close\n2024-01-02,10,9\n2024-01-03,10.1,9.1\n"))
    (line,) = audit(file).lines
    assert (line.symbol, line.bars, line.first, line.last) == ("RELIANCE", 2, "2024-01-02", "2024-01-03")


def test_a_symbol_called_na_is_a_symbol(tmp_path):
    file = tmp_path / "bars.csv"
    file.write_text(HEADER + "2024-01-02,NA,1,1,1,1,1\n")
    assert [line.symbol for line in audit(file).lines] == ["NA"]


def test_a_folder_of_parquet_is_one_table(tmp_path):
    for symbol in ("AA", "BB"):
        pd.DataFrame({"date": pd.to_datetime(["2024-01-02"]), "symbol": symbol, "close": [1.0]}).to_parquet(
            tmp_path / f"{symbol}.parquet"
        )
    assert [line.symbol for line in audit(tmp_path).lines] == ["AA", "BB"]


def test_vendors_days_with_a_zone_are_days(tmp_path):
    file = tmp_path / "L.csv"
    file.write_text("Date,Close\n2022-10-28 00:00:00+01:00,1\n2022-10-31 00:00:00+00:00,1\n")
    (line,) = audit(file).lines
    assert (line.first, line.last) == ("2022-10-28", "2022-10-31")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "when,what\n1,2\n", "date is missing"),
        ("x.csv", "date,symbol\n2024-01-02,A\n", "close is missing"),
        ("x.csv", "date,close\n1,1\n2,1\n", "expected an ISO date"),
        ("x.csv", "", "expected a CSV"),
        ("x.parquet", "no parquet", "cannot be read as Parquet"),
    ],
)
def test_what_holds_no_bars_is_refused_in_one_line(tmp_path, name, text, said):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        audit(file)
    assert "\n" not in str(caught.value)


def test_what_is_too_large_for_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    file = tmp_path / "bars.parquet"
    pd.DataFrame({"date": pd.to_datetime(["2024-01-02"]), "symbol": "A", "close": [1.0]}).to_parquet(file)
    monkeypatch.setattr("engine.data.audit.reading.available", lambda: reading.BYTES - 1)
    with pytest.raises(DataError, match="memory"):
        audit(file)
    monkeypatch.setattr("engine.data.audit.reading.available", lambda: reading.BYTES)
    assert audit(file).rows == 1


def test_infinite_prices_are_no_numbers(tmp_path):
    file = tmp_path / "bars.parquet"
    dates = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"])
    pd.DataFrame({"date": dates, "symbol": "A", "close": [1.0, np.inf, 1.0]}).to_parquet(file)
    assert counts(audit(file), "A") == {"unreadable": 1, "missing_cell": 1}
