"""CSV files with the usual diseases, one specimen each: mended and told, or refused with the line and the cure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.data import csvfile, mending, sources
from engine.errors import DataError
from engine.panel import Panel

HEADER = "Date,Open,High,Low,Close,Volume"
NAN = float("nan")


def panel_of(folder, *lines: str, name: str = "x.csv", **declared) -> Panel:
    (folder / name).write_bytes(("\n".join(lines) + "\n").encode())
    return Panel.from_frame(sources.csv(folder / name), name=name, **declared)


def refusal(folder, *lines: str) -> str:
    with pytest.raises(DataError) as caught:
        panel_of(folder, *lines)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("x.csv:")
    return str(caught.value)


def days(panel: Panel) -> list[str]:
    return [str(day) for day in panel.dates()]


def test_a_clean_file_is_read_by_the_quick_reader_and_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(mending, "read", lambda file: pytest.fail("a clean file was mended"))
    assert panel_of(tmp_path, HEADER, "2024-01-02,10,12,9,11,100", "2024-01-03,11,12,10,12,200").warnings == ()


def test_both_readers_give_the_same_table(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(
        "date,symbol,open,high,low,close,volume,split\n2024-01-02,NA,10,12,9,11,,1\n2024-01-03,B,1,2,1,2,3,2\n"
    )
    assert mending.read(file).equals(csvfile.read(file))


def test_the_three_header_lines_of_yfinance_name_the_symbol(tmp_path):
    panel = panel_of(
        tmp_path,
        "Price,Adj Close,Close,High,Low,Open,Volume",
        "Ticker,TCS.NS,TCS.NS,TCS.NS,TCS.NS,TCS.NS,TCS.NS",
        "Date,,,,,,",
        "2024-01-02,10.5,11,12,9,10,100",
        "2024-01-03,11.5,12,12,10,11,200",
    )
    assert panel.universe.symbols == ("TCS.NS",)
    assert panel.close[:, 0].tolist() == [11.0, 12.0]
    assert panel.open[:, 0].tolist() == [10.0, 11.0]
    assert panel.warnings == ("its header of 3 lines names 1 symbols: TCS.NS", "columns not used: Adj Close")


@pytest.mark.parametrize(
    "head",
    [
        ("Price,Close,Close,Open,Open", "Ticker,NA,B,NA,B", "Date,,,,"),
        ("Ticker,NA,B,NA,B", "Price,Close,Close,Open,Open", "Date,,,,"),
        (",Close,Close,Open,Open", ",NA,B,NA,B", "Date,,,,"),
        (",Close,Close,Open,Open", ",NA,B,NA,B"),
    ],
)
def test_symbols_side_by_side_become_rows(tmp_path, head):
    panel = panel_of(tmp_path, *head, "2024-01-02,11,21,10,20", "2024-01-03,12,,11,")
    assert panel.universe.symbols == ("B", "NA")
    np.testing.assert_array_equal(panel.close, [[21.0, 11.0], [NAN, 12.0]])
    np.testing.assert_array_equal(panel.open, [[20.0, 10.0], [NAN, 11.0]])


def test_the_splits_of_vendors_say_zero_for_none_below_any_header(tmp_path):
    bars = ("2024-01-02,10,10,0,0.5", "2024-01-03,5,5,2,0")
    head = "Close,Open,Stock Splits,Dividends"
    for lines in ((f"Price,{head}", "Ticker,A,A,A,A", "Date,,,,"), (f",{head}",)):
        panel = panel_of(tmp_path, *lines, *bars)
        assert panel.actions.split.tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="split is 0"):
        panel_of(tmp_path, ",Close,Open,split", "2024-01-02,10,10,0")


def test_a_mistake_below_three_header_lines_names_its_own_line(tmp_path):
    head = ("Price,Close,Close", "Ticker,A,B", "Date,,")
    said = refusal(tmp_path, *head, "2024-01-02,11,21", "2024-01-03,oops,22")
    assert said == "x.csv:5: close is 'oops'; expected a number. Correct the line or leave it empty"
    (tmp_path / "x.csv").write_text("\n".join([*head, "2024-01-03,11,21", "2024-01-02,12,22", "2024-01-04,1,1"]) + "\n")
    with pytest.raises(DataError, match=r"A on 2024-01-02 \(line 5\): .* after A on 2024-01-03 \(line 4\)"):
        Panel.from_frame(sources.csv(tmp_path / "x.csv"), missing_open="close_fills")


def test_grouped_digits_are_numbers(tmp_path):
    panel = panel_of(tmp_path, HEADER, '2024-01-02,"1,001.50","1,010.00",999.5,"1,005.25","12,34,56,789"')
    assert (panel.open[0, 0], panel.low[0, 0], panel.volume[0, 0]) == (1001.5, 999.5, 123456789.0)
    assert panel.warnings == ("4 numbers: commas group the digits",)


def test_a_decimal_comma_is_known_by_its_digits(tmp_path):
    head = "Date;Open;High;Low;Close;Volume"
    panel = panel_of(tmp_path, head, "2024-01-02;10,5;1.011,25;9;1.000;100")
    assert (panel.open[0, 0], panel.high[0, 0], panel.close[0, 0]) == (10.5, 1011.25, 1000.0)
    assert "its cells are parted by ';'" in panel.warnings
    assert "3 numbers: a comma parts the decimals" not in panel.warnings  # the plain ones are not counted
    assert any(note.endswith("numbers: a comma parts the decimals") for note in panel.warnings)


def test_a_comma_with_two_meanings_is_refused(tmp_path):
    said = refusal(tmp_path, HEADER, '2024-01-02,"1,234","1,235","1,233","1,234",100')
    assert said.startswith("x.csv:2: '1,234' may be 1234 or 1.234, and nothing in the file tells which")
    said = refusal(tmp_path, HEADER, '2024-01-02,"10,5",12,9,11,100', "2024-01-03,10.5,12,9,11,100")
    assert said.startswith("x.csv:2: '10,5' has a decimal comma, '10.5' in line 3 has a decimal point")


def test_money_dashes_and_volumes_in_millions(tmp_path):
    panel = panel_of(tmp_path, "Date,Close/Last,Vol.,Open,High,Low", "2024-01-02,$11.5,1.25M,$10,$12,-")
    assert (panel.close[0, 0], panel.volume[0, 0], panel.open[0, 0]) == (11.5, 1.25e6, 10.0)
    assert np.isnan(panel.low[0, 0])
    assert panel.warnings[:5] == (
        "column 'Close/Last' is read as close",
        "column 'Vol.' is read as volume",
        "3 numbers: a mark of money is left out",
        "1 numbers: '-' is read as not known",
        "1 numbers: K, M and B stand for thousands and more",
    )


@pytest.mark.parametrize("cell", ["12%", "1_000", "0x10", "inf", "1,00,0", "12.5M", "1 000"])
def test_what_is_no_number_is_refused_with_its_line(tmp_path, cell):
    said = refusal(tmp_path, HEADER, "2024-01-02,10.25,12,9,11,1K", f'2024-01-03,10,12,9,"{cell}",100')
    assert said == f"x.csv:3: close is {cell!r}; expected a number. Correct the line or leave it empty"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["13/02/2024", "14/02/2024"], "day/month/year (line 2 has 13/02/2024)"),
        (["2/13/2024", "2/14/2024"], "month/day/year (line 2 has 2/13/2024)"),
        (["13.02.24", "14.02.24"], "day/month/year (line 2 has 13.02.24)"),
        (["13-Feb-24", "14-Feb-24"], "a month's name"),
        (["Feb 13, 2024", "Feb 14, 2024"], "a month's name"),
        (["20240213", "20240214"], "digits only"),
        (["2024/2/13", "2024/02/14"], "year first"),
        (["1707782400", "1707868800"], "s since 1970 in UTC"),
        (["1707782400000", "1707868800000"], "ms since 1970 in UTC"),
        (["2024-02-13", "2/14/2024"], "month/day/year (line 3 has 2/14/2024)"),
    ],
)
def test_dates_are_read_in_the_one_way_they_can_be(tmp_path, texts, told):
    bars = [f'"{text}",10,12,9,11,100' for text in texts]
    panel = panel_of(tmp_path, HEADER, *bars)
    assert days(panel) == ["2024-02-13", "2024-02-14"]
    assert any(note.endswith(f"are read as {told}") for note in panel.warnings)
    if len(texts[0]) == 8 and not texts[0].isdigit():
        assert any(note.startswith("two-digit years are 1969 to 2068") for note in panel.warnings)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["1/2/2024", "1/3/2024"], "x.csv:2: date '1/2/2024' has two meanings, and no date of the file tells"),
        (["13/2/2024", "2/14/2024"], "x.csv:3: dates have two orders, '13/2/2024' in line 2 and '2/14/2024' in line 3"),
        (["31/2/2024", "1/3/2024"], "x.csv:2: date is '31/2/2024'; expected an ISO date"),
        (["2024-02-30", "20240301"], "x.csv:2: date is '2024-02-30'; expected an ISO date"),
        (["13-Foo-24", "14-Feb-24"], "x.csv:2: date is '13-Foo-24'; expected an ISO date"),
        (["20240213", "soon"], "x.csv:3: date is 'soon'; expected an ISO date"),
        (["20240213", ""], "x.csv:3: date is empty; expected a date"),
        (["2024/02/13 16:00", "2024/02/14"], "x.csv:3: date mixes dates, times and zones"),
    ],
)
def test_dates_with_two_meanings_or_none_are_refused(tmp_path, texts, says):
    assert refusal(tmp_path, HEADER, *(f"{text},10,12,9,11,100" for text in texts)).startswith(says)


def test_times_of_a_zone_keep_it(tmp_path):
    panel = panel_of(tmp_path, HEADER, "2024/01/02 16:00-05:00,10,12,9,11,1", "2024/07/02 16:00-04:00,10,12,9,11,1")
    closes = [pd.Timestamp("2024-01-02 21:00", tz="UTC").value, pd.Timestamp("2024-07-02 20:00", tz="UTC").value]
    assert panel.times.tolist() == closes


def test_date_and_time_in_two_columns_are_one_time_and_idle_clocks_none(tmp_path):
    head = "<TICKER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
    panel = panel_of(tmp_path, head, "AA,20240102,093500,10,12,9,11,1", "AA,20240102,094000,10,12,9,11,1")
    assert [int(t) for t in panel.times] == [
        pd.Timestamp("2024-01-02 09:35", tz="UTC").value,
        pd.Timestamp("2024-01-02 09:40", tz="UTC").value,
    ]
    idle = panel_of(tmp_path, head, "AA,20240102,000000,10,12,9,11,1", "AA,20240103,000000,10,12,9,11,1")
    assert days(idle) == ["2024-01-02", "2024-01-03"] and idle.is_daily()
    said = refusal(tmp_path, head, "AA,20240102,093500,10,12,9,11,1", "AA,20240102,256000,10,12,9,11,1")
    assert said.startswith("x.csv:3: the time of day is '256000'; expected one such as 16:00")


def test_answers_of_a_server_among_the_bars_are_left_out_and_told(tmp_path):
    panel = panel_of(
        tmp_path,
        HEADER,
        "2024-01-02,10,12,9,11,100",
        "{",
        '  "error": {"code": "Unauthorized", "text": "a"}',
        "}",
        '<html lang="en">',
        "",
        HEADER,
        "2024-01-03,11,12,10,12,200",
        "Source: somebody",
    )
    assert days(panel) == ["2024-01-02", "2024-01-03"]
    assert panel.warnings == (
        "5 lines are no bars and are left out (line 3: '{')",
        "1 lines are empty and are left out (line 7: '')",
        f"1 lines repeat the header and are left out (line 8: {HEADER!r})",
    )


def test_a_bar_cut_short_is_refused_and_never_left_out(tmp_path):
    bars = ["2024-01-02,10,12,9,11,100", "<html>", "2024-01-03,11,12"]
    said = refusal(tmp_path, HEADER, *bars)
    assert said == "x.csv:4: it has 3 cells, the header has 6 cells; expected as many. Correct or drop the line"
    said = refusal(tmp_path, HEADER, bars[0], '2024-01-03,"11,12,10,12,200')
    assert said.startswith("x.csv:3: it has quotes that do not close")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["404 Not Found: No data found, sorry"], "x.csv:1: it is a message, not bars: '404 Not Found"),
        (["<!DOCTYPE html>", "<p>a, b</p>"], "x.csv:1: it is a page of HTML, not bars"),
        (['{"error": 1, "b": 2}'], "x.csv:1: it is an answer in JSON, not bars"),
        (["{", "}", "2024-01-02,10,12,9,11,100"], "x.csv:3: bars begin here without a header; before them stands '{'"),
        (["2024-01-02,10,12,9,11,100"], "x.csv:1: bars begin here without a header; before them stands 'nothing'"),
        (["Date,Open,High,Low,Clse"], "x.csv:1: expected columns"),
        (["Date,Close,close,Open", "2024-01-02,1,1,1"], "x.csv:1: columns 'Close' and 'close' both mean close"),
    ],
)
def test_what_is_not_bars_says_what_it_is(tmp_path, lines, says):
    assert refusal(tmp_path, *lines).startswith(says)


def test_words_above_the_header_are_left_out_and_told(tmp_path):
    panel = panel_of(tmp_path, "Prices of AA, adjusted", "", HEADER, "2024-01-02,10,12,9,11,100")
    assert days(panel) == ["2024-01-02"]
    assert panel.warnings == ("2 lines before the header are left out (line 1: 'Prices of AA, adjusted')",)


def test_an_unnamed_index_of_dates_is_the_date(tmp_path):
    panel = panel_of(tmp_path, ",Open,High,Low,Close,Volume", "2024-01-02,10,12,9,11,100")
    assert days(panel) == ["2024-01-02"]
    assert panel.warnings == ("the first column has no name and is read as date",)


def test_commas_at_the_ends_of_lines_say_nothing(tmp_path):
    panel = panel_of(tmp_path, HEADER, "2024-01-02,10,12,9,11,100,", "2024-01-03,10,12,9,11,100,")
    assert days(panel) == ["2024-01-02", "2024-01-03"]


def test_newest_first_is_turned_round_with_the_lines(tmp_path):
    bars = ["2024-01-04,3,3,3,3,1", "2024-01-03,2,2,2,2,1", "2024-01-02,1,1,1,1,1"]
    panel = panel_of(tmp_path, HEADER, *bars)
    assert panel.close[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert panel.warnings == ("its newest bars come first: turned round",)
    with pytest.raises(DataError, match=r"x on 2024-01-03 \(line 3\): a second bar"):
        panel_of(tmp_path, HEADER, *bars[:2], bars[1], bars[2])
    with pytest.raises(DataError, match=r"x on 2024-01-03 \(line 4\): a second bar"):  # mended, with a gap in the lines
        panel_of(tmp_path, HEADER, bars[0], "<p>", bars[1], bars[1], bars[2])


def test_utf_16_is_read_and_latin_1_refused_with_its_line(tmp_path):
    text = "\n".join([HEADER.replace(",", "\t"), "2024-01-02\t10\t12\t9\t11\t100", ""])
    (tmp_path / "x.csv").write_bytes(text.encode("utf-16"))
    panel = Panel.from_frame(sources.csv(tmp_path / "x.csv"))
    assert panel.warnings == ("its text is in UTF-16", "its cells are parted by '\\t'")
    (tmp_path / "x.csv").write_bytes("Date,Symbol,Close\n2024-01-02,Nestl\xe9,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"x\.csv:2: it is not text in UTF-8 \(.*Save it as UTF-8"):
        sources.csv(tmp_path / "x.csv")


SPECIMENS = (
    f"{HEADER}\n2024-01-02,10,12,9,11,100\n2024-01-03,11,12,10,12,200\n",
    "Price,Close,Close,Open,Open\nTicker,A,B,A,B\nDate,,,,\n2024-01-02,1,2,3,4\n2024-01-03,1,2,3,4\n",
    "Date;Open;High;Low;Close;Volume\n2.1.2024;1,5;2;1;1,5;3\n13.1.2024;1,5;2;1;1,5;3\n",
    '<DATE>,<TIME>,<CLOSE>,<VOL>\n20240102,0900,"1,001.5",1M\n20240103,0910,2,-\n',
)
PIECES = [
    ",",
    ";",
    '"',
    "\n",
    "\r",
    "-",
    "/",
    "1",
    "NA",
    "\0",
    "\ufeff",
    "\u2028",
    "é",
    "1e999",
    "99999999",
    "32/13/2024",
    "T25:99",
]
PIECES += [
    "9" * 30,
    "0000-00-00",
    "2262-05-01",
    "1600-01-01 10:00",
    "date",
    "close",
    "split",
    "delisted_at",
    "symbol",
    "<p>",
    "{",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    specimen=st.sampled_from(SPECIMENS),
    cuts=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 12), st.sampled_from(PIECES)), max_size=4),
    coding=st.sampled_from(["utf-8", "utf-16", "latin-1"]),
)
@example('<DATE>,<TIME>,<CLOSE>,<VOL>\n20240102,0900,"1,001.5",1M\n', [(5, 2, ","), (44, 3, "\u2028")], "utf-8")
@example('date,close\n2024-01-02,"1,\n500"\n', [], "utf-8")
@example("date,close\u2028,\x1b[2J\n2024-01-02,1,2\n", [], "utf-8")
def test_whatever_is_in_a_file_it_is_a_panel_or_one_line(tmp_path, specimen, cuts, coding):
    for place, length, piece in cuts:
        specimen = specimen[:place] + piece + specimen[place + length :]
    (tmp_path / "x.csv").write_bytes(specimen.encode(coding, errors="replace"))
    try:
        panel = Panel.from_frame(sources.csv(tmp_path / "x.csv"), name="x.csv", missing_open="close_fills")
    except DataError as error:
        assert str(error).startswith("x.csv")
        assert len(str(error).splitlines()) == 1
        return
    assert np.isfinite(panel.close).any()
