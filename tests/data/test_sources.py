"""Files to panels: Parquet, plain CSV, and what is refused with file and line."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine.data import sources
from engine.errors import DataError
from engine.panel import Panel

HEADER = "Date,Open,High,Low,Close,Volume"
LINES = ["2024-01-02,10,12,9,11,100", "2024-01-03,11,12,10,12,200", "2024-01-04,12,13,11,12.5,300"]


def write(path, *lines: str):
    path.write_text("\n".join(lines) + "\n")
    return path


def frame() -> pd.DataFrame:
    dates = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"] * 2)
    table = pd.DataFrame({"date": dates, "symbol": ["AA"] * 3 + ["BB"] * 3, "close": [10.0, 11, 12, 20, 21, 22]})
    table = table.assign(open=table["close"], high=table["close"], low=table["close"], volume=5)
    return table.astype({"close": "float32", "open": "float32"})


def described(**said) -> SimpleNamespace:
    """What a configuration's `data` looks like to a source."""
    keys = ("path", "name", "prices", "dividends", "calendar", "missing_open", "symbols", "start", "end")
    return SimpleNamespace(**dict.fromkeys(keys) | said, model_fields_set=set(said))


def test_a_csv_file_of_one_instrument_is_named_after_its_file(tmp_path):
    file = write(tmp_path / "RELIANCE.csv", HEADER, *LINES)
    panel = Panel.from_frame(sources.csv(file), name="RELIANCE.csv")
    assert panel.universe.symbols == ("RELIANCE",)
    np.testing.assert_array_equal(panel.close[:, 0], [11, 12, 12.5])
    assert str(panel.dates()[0]) == "2024-01-02"


def test_csv_columns_are_found_by_name_whatever_their_case_and_adj_close_is_told(tmp_path):
    lines = [
        "Ticker,Adj Close,CLOSE,Open,High,Low,Volume,date",
        "NA,5,11,10,12,9,,2024-01-02",
        "NA,5,11,10,12,9,3,2024-01-03",
    ]
    panel = Panel.from_frame(sources.csv(write(tmp_path / "x.csv", *lines)), name="x.csv")
    assert panel.universe.symbols == ("NA",)
    assert panel.warnings == ("columns not used: Adj Close",)
    assert np.isnan(panel.volume[0, 0])


def test_a_byte_order_mark_and_gzip_are_read(tmp_path):
    import gzip

    file = tmp_path / "x.csv.gz"
    file.write_bytes(gzip.compress(("\ufeff" + "\n".join([HEADER, *LINES]) + "\n").encode()))
    assert Panel.from_frame(sources.csv(file)).universe.symbols == ("x",)


def test_a_look_at_a_packed_csv_file_needs_no_unpacking(tmp_path):
    import gzip

    from engine.cli.show import load_for_info

    (tmp_path / "x.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *LINES, ""]).encode()))
    assert load_for_info(str(tmp_path / "x.csv.gz"), {}, None).close[:, 0].tolist() == [11.0, 12.0, 12.5]


def test_a_file_whose_lines_end_as_on_old_macs_is_read(tmp_path):
    (tmp_path / "x.csv").write_bytes("\r".join([HEADER, *LINES, ""]).encode())
    assert Panel.from_frame(sources.csv(tmp_path / "x.csv")).close[:, 0].tolist() == [11.0, 12.0, 12.5]


def test_csv_times_with_a_zone_are_utc_closes(tmp_path):
    file = write(tmp_path / "x.csv", "timestamp,close,open,high,low,volume", "2024-01-02T16:00:00-05:00,1,1,1,1,1")
    assert Panel.from_frame(sources.csv(file)).times[0] == pd.Timestamp("2024-01-02 21:00", tz="UTC").value


@pytest.mark.parametrize("stamp", ["2024-07-03 00:00:00-04:00", "2024-07-03T00:00+0530", "2024-07-03 00:00:00Z"])
def test_midnights_of_a_zone_name_days_whose_bars_close_at_the_end_of_them(tmp_path, stamp):
    head = "Date,open,high,low,close,volume"
    panel = Panel.from_frame(sources.csv(write(tmp_path / "x.csv", head, f"{stamp},1,1,1,1,1")), calendar="XNYS")
    assert panel.times[0] == pd.Timestamp("2024-07-03 17:00", tz="UTC").value  # the early close before Independence Day
    frame = pd.DataFrame(
        {"date": [stamp], "symbol": "A", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}
    )
    assert Panel.from_frame(frame, calendar="XNYS").times[0] == panel.times[0]


def test_midnights_of_utc_are_times_in_a_column_of_times(tmp_path):
    file = write(tmp_path / "x.csv", "timestamp,open,high,low,close,volume", "2024-07-03T00:00:00Z,1,1,1,1,1")
    assert Panel.from_frame(sources.csv(file)).times[0] == pd.Timestamp("2024-07-03", tz="UTC").value


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([HEADER, LINES[0], "2024-01-03,11,12"], r"x\.csv:3: it has 3 cells, the header has 6 cells; expected as many"),
        ([HEADER, LINES[0], ",11,12,10,12,200"], r"x\.csv:3: date is empty; expected a date. Drop the line"),
        ([HEADER, LINES[0], "03/01/2024,11,12,10,12,200"], r"x\.csv:3: date '03/01/2024' has two meanings"),
        ([HEADER, LINES[0], "2024-01-03 16:00:00+00:00,11,12,10,12,200"], r"x\.csv: date mixes dates, times and zones"),
        (
            [HEADER, "2024-01-02 16:00,10,12,9,11,100", LINES[1]],
            r"x\.csv:3: date mixes dates, times and zones, such as '2024-01-02 16:00' and '2024-01-03'; expected one kind",
        ),
        (
            ["Price,Close,High", "Ticker,A,A"],
            r"x\.csv:1: expected columns date.*date is missing, there are Price, Close",
        ),
        (["{", '  "error": 1', "}"], r"x\.csv:1: it is an answer in JSON, not bars: '\{'. Download the file again"),
        ([HEADER], r"x\.csv:2: there are no bars below the header"),
        ([""], r"x\.csv:1: it is empty"),
        (
            [HEADER, LINES[0], LINES[2], LINES[1]],
            r"x\.csv: x on 2024-01-03 \(line 4\): bars of one symbol must rise.*Sort the file by date, or correct the date",
        ),
        ([HEADER, LINES[0], LINES[0]], r"x\.csv: x on 2024-01-02 \(line 3\): a second bar"),
    ],
)
def test_odd_csv_files_are_refused_with_file_and_line(tmp_path, lines, says):
    file = write(tmp_path / "x.csv", *lines)
    with pytest.raises(DataError, match=says) as caught:
        Panel.from_frame(sources.csv(file), name="x.csv")
    assert "\n" not in str(caught.value)


def test_bare_dates_among_midnights_are_dates(tmp_path):
    file = write(tmp_path / "x.csv", HEADER, LINES[0], "2024-01-03 00:00:00,11,12,10,12,200")
    assert [str(day) for day in Panel.from_frame(sources.csv(file)).dates()] == ["2024-01-02", "2024-01-03"]


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"Date,Close\n2024-01-02,\x00\x01")
    with pytest.raises(DataError, match=r"x\.csv:2: it is not text"):
        sources.csv(tmp_path / "x.csv")


def test_parquet_and_frame_are_the_same_panel(tmp_path):
    frame().to_parquet(tmp_path / "bars.parquet")
    assert (
        Panel.from_frame(sources.parquet(tmp_path / "bars.parquet")).fingerprint
        == Panel.from_frame(frame()).fingerprint
    )


def test_parquet_reads_only_what_is_wanted(tmp_path):
    frame().assign(note="x").to_parquet(tmp_path / "bars.parquet")
    table = sources.parquet(tmp_path / "bars.parquet", ["AA"], "2024-01-04", "2024-01-04")
    assert set(table.column_names) == {"date", "symbol", "open", "high", "low", "close", "volume"}
    assert table.column("symbol").to_pylist() == ["AA"] * 3  # dates keep a margin of two days
    assert str(table.schema.field("close").type) == "float"
    panel = Panel.from_frame(table, symbols=["AA"], start="2024-01-04")
    assert panel.close.tolist() == [[12.0]]
    assert panel.warnings == ("columns not used: note",)


def test_parquet_keeps_later_rows_when_splits_may_restate_dividends(tmp_path):
    frame().assign(split=1.0).to_parquet(tmp_path / "bars.parquet")
    assert len(sources.parquet(tmp_path / "bars.parquet", end="2023-01-01")) == 6


def test_a_symbol_with_bars_only_elsewhere_is_told_and_an_unknown_one_refused(tmp_path):
    table = frame()
    table.loc[3:, "date"] += pd.Timedelta(days=100)
    table.to_parquet(tmp_path / "bars.parquet")
    wanted = {"symbols": ["AA", "BB"], "end": "2024-01-31"}
    panel = Panel.from_frame(sources.parquet(tmp_path / "bars.parquet", **wanted), **wanted)
    assert panel.warnings == ("1 symbols have no bar in the range and are left out: BB",)
    with pytest.raises(DataError, match=r"bars\.parquet: symbol 'AAA' is not there; did you mean 'AA'"):
        sources.parquet(tmp_path / "bars.parquet", ["AAA"])


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    for symbol, part in frame().groupby("symbol"):
        part.to_parquet(tmp_path / f"{symbol}.parquet")
    assert Panel.from_frame(sources.parquet(tmp_path)).fingerprint == Panel.from_frame(frame()).fingerprint


def test_minute_bars_of_parquet_are_cut_by_date(tmp_path):
    stamps = pd.date_range("2024-01-01", "2024-01-20", freq="6h", tz="UTC", inclusive="right")
    table = pd.DataFrame(
        {"timestamp": stamps, "symbol": "BTC", "close": 1.0, "open": 1.0, "high": 1.0, "low": 1.0, "volume": 1.0}
    )
    table.to_parquet(tmp_path / "bars.parquet")
    wanted = {"start": "2024-01-10", "end": "2024-01-10"}
    got = sources.parquet(tmp_path / "bars.parquet", **wanted)
    assert len(got) < len(table)
    panel = Panel.from_frame(got, calendar="24/7", **wanted)
    assert (len(panel), panel.bars_per_year) == (4, 4 * 365.0)
    assert panel.times[-1] == pd.Timestamp("2024-01-11", tz="UTC").value


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    file = write(tmp_path / "bars.parquet", HEADER, *LINES)
    with pytest.raises(DataError, match="it cannot be read as Parquet") as caught:
        sources.parquet(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_the_nearest_in_its_folder(tmp_path):
    write(tmp_path / "bars.parquet", "")
    with pytest.raises(DataError, match=r"bar\.parquet: no such file; did you mean 'bars\.parquet'"):
        sources.find(tmp_path / "bar.parquet")
    with pytest.raises(DataError, match="x: no path of a file: File name too long. Correct the path"):
        sources.find("x" * 5000)
    with pytest.raises(DataError, match="no path of a file: "):
        sources.find("~nobody-at-all/bars.csv")
    with pytest.raises(DataError, match="path: expected a path, got 5"):
        sources.find(5)
    with pytest.raises(DataError, match="there is no folder"):
        sources.find(tmp_path / "nowhere" / "bar.parquet")


def test_a_relative_path_is_looked_for_beside_the_configuration(tmp_path):
    file = write(tmp_path / "bars.csv", HEADER, *LINES)
    assert sources.find("bars.csv", tmp_path) == file


def test_then_in_the_current_folder_and_then_in_the_one_that_barcast_data_names(tmp_path, monkeypatch):
    beside, here, home = (tmp_path / name for name in ("beside", "here", "home"))
    for folder in (beside, here, home):
        folder.mkdir()
        write(folder / "bars.csv", HEADER, *LINES)
    monkeypatch.chdir(here)
    monkeypatch.setenv("BARCAST_DATA", str(home))
    found = []
    for folder in (beside, here, home):
        found.append(sources.find("bars.csv", beside).resolve())
        (folder / "bars.csv").unlink()
    assert found == [folder / "bars.csv" for folder in (beside, here, home)]
    with pytest.raises(DataError, match="bars.csv: no such file"):
        sources.find("bars.csv", beside)


def test_a_configurations_data_becomes_a_panel(tmp_path):
    frame().to_parquet(tmp_path / "bars.parquet")
    data = described(
        source="parquet",
        path="bars.parquet",
        prices="split_adjusted",
        dividends="none",
        symbols=("BB",),
        start="2024-01-03",
    )
    panel = sources.load(data, lot=10.0, tick=0.5, base=tmp_path)
    assert (panel.universe.symbols, panel.name, len(panel)) == (("BB",), "bars.parquet", 2)
    assert (panel.universe.lot[0], panel.universe.tick[0]) == (10.0, 0.5)


def test_what_prices_mean_is_never_guessed(tmp_path):
    write(tmp_path / "bars.csv", HEADER, *LINES)
    with pytest.raises(DataError, match=r"data\.dividends must be said for source csv"):
        sources.load(described(source="csv", path="bars.csv", prices="as_traded"), base=tmp_path)


def test_a_packaged_set_brings_its_own_declarations():
    panel = sources.load(described(source="packaged", name="sp500", start="2018-01-01"))
    assert (panel.prices, panel.dividends, panel.calendar, len(panel)) == ("split_adjusted", "none", "XNYS", 251)
    with pytest.raises(DataError, match=r"its prices are split_adjusted; data\.prices says as_traded"):
        sources.load(described(source="packaged", name="sp500", prices="as_traded"))
