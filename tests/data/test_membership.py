"""Dated universes: literal files of members and sectors against masks worked out by hand, and every bad row refused."""

from __future__ import annotations

import datetime
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data import sources
from engine.data.membership import per_year
from engine.data.universe import read, within
from engine.errors import DataError
from engine.panel import Panel

FOLDER = os.environ.get("BARCAST_DATA")
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]  # a Tuesday to the next Monday
NAN = float("nan")


def panel(symbols: str = "ABC", missing: dict[str, list[int]] | None = None, sector: dict | None = None) -> Panel:
    """Five daily bars at 10 of each symbol, those in `missing` left out."""
    rows = [
        (day, symbol, 10.0, 10.0, 10.0, 10.0, 100.0, (sector or {}).get(symbol))
        for symbol in symbols
        for k, day in enumerate(DAYS)
        if k not in (missing or {}).get(symbol, [])
    ]
    frame = pd.DataFrame(rows, columns=["date", "symbol", "open", "high", "low", "close", "volume", "sector"])
    frame = frame if sector else frame.drop(columns="sector")
    return Panel.from_frame(frame, prices="as_traded", dividends="none", name="bars")


def members(folder: Path, text: str, base: Panel | None = None, name: str = "members.csv", **how) -> Panel:
    file = folder / name
    file.write_text(text)
    return within(base or panel(), read(file, None, **how))


def mask(made: Panel) -> dict[str, str]:
    """Each symbol's days as a word: x member, - none."""
    return {s: "".join(".x"[int(m)] for m in made.member[:, k]) for k, s in enumerate(made.universe.symbols)}


def added(made: Panel) -> list[str]:
    return [warning for warning in made.warnings if warning not in panel().warnings]


# --- masks ------------------------------------------------------------------------------------------------------------
def test_both_days_are_inside_and_an_empty_end_is_still_a_member(tmp_path):
    made = members(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-05\nB,2024-01-04,\nC,,2024-01-02\n")
    assert mask(made) == {"A": ".xxx.", "B": "..xxx", "C": "x...."}
    assert added(made) == []


def test_an_exclusive_end_is_the_first_day_out(tmp_path):
    text = "symbol,start,end\nA,2024-01-03,2024-01-05\nB,2024-01-04,\nC,,2024-01-03\n"
    assert mask(members(tmp_path, text, exclusive=True)) == {"A": ".xx..", "B": "..xxx", "C": "x...."}


def test_a_symbol_may_come_back(tmp_path):
    text = "symbol,start,end\nA,2024-01-08,\nA,2023-01-01,2024-01-02\nA,2024-01-04,2024-01-04\n"
    assert mask(members(tmp_path, text))["A"] == "x.x.x"


def test_intervals_that_follow_each_other_day_by_day_are_one(tmp_path):
    made = members(tmp_path, "symbol,start,end\nA,2024-01-02,2024-01-03\nA,2024-01-04,2024-01-05\n")
    assert mask(made)["A"] == "xxxx."
    text = "symbol,start,end\nA,2024-01-02,2024-01-04\nA,2024-01-04,2024-01-08\n"
    assert mask(members(tmp_path, text, exclusive=True))["A"] == "xxxx."


def test_days_that_are_no_session_count_for_their_neighbours(tmp_path):
    # from Saturday the 6th: Monday on; until Sunday the 7th: Friday is the last
    made = members(tmp_path, "symbol,start,end\nA,2024-01-06,\nB,2024-01-05,2024-01-07\nC,2024-01-06,2024-01-07\n")
    assert mask(made) == {"A": "....x", "B": "...x.", "C": "....."}
    assert added(made) == [
        "1 of 3 symbols of the data are never members by members.csv: C; 1 of them only on other dates"
    ]


def test_intraday_slices_go_by_the_date_of_their_session(tmp_path):
    times = pd.to_datetime(["2024-01-02 12:00", "2024-01-03 00:00", "2024-01-03 12:00", "2024-01-04 00:00"], utc=True)
    frame = pd.DataFrame({"timestamp": times, "symbol": "A", "close": 10.0, "open": 10.0, "high": 10.0, "low": 10.0})
    bars = Panel.from_frame(frame.assign(volume=1.0), prices="as_traded", dividends="none", calendar="24/7")
    # a bar that closes at midnight belongs to the day it ends
    assert mask(members(tmp_path, "symbol,start,end\nA,2024-01-03,\n", bars))["A"] == "..xx"


@pytest.mark.parametrize(
    "header", ["ticker,start_date,end_date", "Symbol,From,To", " SYMBOL ,Start Date,through", "ticker,begin,to_date"]
)
def test_columns_have_other_names_too(tmp_path, header):
    assert mask(members(tmp_path, f"{header}\nA,2024-01-03,2024-01-04\n"))["A"] == ".xx.."


def test_columns_stand_in_any_order_among_others_and_blank_lines_are_nothing(tmp_path):
    text = '\ufeffend,name,symbol,start\n2024-01-04,"Alpha, Inc.",A,2024-01-03\n\n,Beta,B,\n\n'
    assert mask(members(tmp_path, text)) == {"A": ".xx..", "B": "xxxxx", "C": "....."}


def test_a_parquet_file_says_the_same_as_text(tmp_path):
    day = datetime.date
    table = pd.DataFrame({"ticker": ["A", "B"], "start": [day(2024, 1, 3), None], "end": [day(2024, 1, 4), None]})
    table.to_parquet(tmp_path / "members.parquet")
    assert mask(within(panel(), read(tmp_path / "members.parquet", None))) == {"A": ".xx..", "B": "xxxxx", "C": "....."}


def test_a_company_called_na_is_a_company(tmp_path):
    bars = panel(("A", "NA", "null"))
    assert mask(members(tmp_path, "symbol,start,end\nNA,,NaN\nnull,2024-01-08,\n", bars))["NA"] == "xxxxx"


def test_a_frame_given_in_python_goes_the_same_road():
    table = pd.DataFrame(
        {"ticker": ["A", "B"], "start": ["2024-01-03", pd.NaT], "end": [pd.Timestamp("2024-01-04"), None]}
    )
    frame = panel().to_frame()
    made = Panel.from_frame(frame, prices="as_traded", dividends="none", members=table)
    assert mask(made) == {"A": ".xx..", "B": "xxxxx", "C": "....."}
    assert "1 of 3 symbols of the data are never members by frame: members: C" in made.warnings


# --- what the data does not hold --------------------------------------------------------------------------------------
def test_survivorship_is_counted_in_names_and_member_days(tmp_path):
    # A 5 days, B 3, Y 2, Z 5: 15 member-days, of which Y and Z, 7, have no bar; C is nobody
    text = "symbol,start,end\nA,,\nB,2024-01-04,\nY,2023-01-01,2024-01-03\nZ,,\nOLD,1990-01-01,1999-12-31\n"
    assert added(members(tmp_path, text)) == [
        "survivorship: members without data: 2 of 4 names (Y, Z), 46.7 % of member-days",
        "1 of 3 symbols of the data are never members by members.csv: C",
    ]


def test_a_member_whose_bars_end_early_loses_days_and_one_with_bars_at_other_times_is_without_data(tmp_path):
    bars = panel("ABC", missing={"A": [3, 4], "B": [0, 1]})
    # A 5 days, 2 without a bar; B 2 days, before its first bar; C 5: 4 of 12
    said = added(members(tmp_path, "symbol,start,end\nA,,\nB,,2024-01-03\nC,,\n", bars))
    assert said == ["survivorship: members without data: 1 of 3 names (B), 33.3 % of member-days"]


def test_one_slice_with_a_bar_makes_a_session_seen(tmp_path):
    times = pd.to_datetime(["2024-01-02 12:00", "2024-01-02 18:00", "2024-01-02 12:00", "2024-01-03 18:00"], utc=True)
    frame = pd.DataFrame(
        {"timestamp": times, "symbol": ["A", "A", "B", "B"], "close": 10.0, "open": 10.0, "high": 10.0}
    )
    bars = Panel.from_frame(frame.assign(low=10.0, volume=1.0), prices="as_traded", dividends="none", calendar="24/7")
    told = members(tmp_path, "symbol,start,end\nA,,\nB,,\n", bars)  # A has no bar on the second of two days: 1 of 4
    assert [w for w in told.warnings if "surv" in w] == [
        "survivorship: members without data: 0 of 2 names, 25.0 % of member-days"
    ]


def test_members_by_year_are_those_of_its_last_session(tmp_path):
    days = pd.to_datetime(["2022-12-29", "2022-12-30", "2023-06-01", "2024-01-02"])
    frame = pd.DataFrame({"date": list(days) * 2, "symbol": ["A"] * 4 + ["B"] * 4, "close": 10.0})
    frame = frame.assign(open=10.0, high=10.0, low=10.0, volume=1.0).drop(index=5)  # B has no bar on 2022-12-30
    bars = Panel.from_frame(frame, prices="as_traded", dividends="none")
    file = tmp_path / "m.csv"
    file.write_text("symbol,start,end\nA,,2023-12-31\nB,2022-12-30,\nZ,,2023-06-01\n")
    told = read(file, None).members
    assert per_year(told, bars.universe.symbols, bars.sessions, bars.close) == [
        {"year": 2022, "members": 3, "with_bars": 1},
        {"year": 2023, "members": 3, "with_bars": 2},
        {"year": 2024, "members": 1, "with_bars": 1},
    ]


def test_a_list_of_changes_betrays_that_its_end_is_the_first_day_out(tmp_path):
    days = [str(day) for day in np.arange("2023-01-01", "2023-01-13", dtype="datetime64[D]")]
    text = "symbol,start,end\nA,,\n" + "".join(f"X{k},{days[k]},{days[k + 1]}\n" for k in range(11))
    said = added(members(tmp_path, text))
    assert said[-1].startswith("members.csv: 10 of 11 ends are days on which others start")
    assert said[-1].endswith("say universe.members_end: exclusive")
    assert not [w for w in members(tmp_path, text, exclusive=True).warnings if "others start" in w]


# --- what is refused --------------------------------------------------------------------------------------------------
BAD = {
    "an empty file": ("", "members.csv:1: it is empty; expected a header line: symbol,start,end"),
    "a header alone": ("symbol,start,end\n", "members.csv: there are no rows below the header"),
    "no end": ("symbol,start,ende\nA,,\n", "members.csv:1: expected columns symbol, start, end; end is missing, there are symbol, start, ende; rename a column or add it; did you mean 'ende'?"),
    "no header": ("A,2024-01-02,\n", "members.csv:1: expected columns symbol, start, end; symbol is missing"),
    "two symbols": ("symbol,ticker,start,end\nA,A,,\n", "members.csv:1: columns 'symbol' and 'ticker' both mean symbol; drop one"),
    "a cell too few": ("symbol,start,end\nA,2024-01-02,\nB,2024-01-03\n", "members.csv:3: it has 2 cells, the header 3"),
    "a quote left open": ('symbol,start,end\nA,2024-01-02,\nB,"2024-01-03,\n', "members.csv:3: unexpected end of data"),
    "a day of two meanings": ("symbol,start,end\nA,2024-01-02,\n\nB,03/01/2024,\n", "members.csv:4: start is '03/01/2024'; expected an ISO date such as 2024-12-31, or an empty cell"),
    "a day that is none": ("symbol,start,end\nA,2024-01-02,2024-02-30\n", "members.csv:2: end is '2024-02-30'; expected an ISO date"),
    "a year": ("symbol,start,end\nA,2024,\n", "members.csv:2: start is '2024'; expected an ISO date"),
    "a day without dashes": ("symbol,start,end\nA,20240102,\n", "members.csv:2: start is '20240102'; expected an ISO date"),
    "no symbol": ("symbol,start,end\nA,,\n ,2024-01-02,\n", "members.csv:3: there is no symbol; name it, or drop the row"),
    "turned round": ("symbol,start,end\nA,2024-01-05,2024-01-04\n", "members.csv:2: A: start 2024-01-05 comes after end 2024-01-04; turn them round"),
    "an overlap": ("symbol,start,end\nA,2024-01-04,\nB,,\nA,2023-01-01,2024-01-05\n", "members.csv:4: A from 2023-01-01 to 2024-01-05 overlaps line 2, from 2024-01-04 on; intervals of one symbol must share no day. Correct one of them"),
    "a row twice": ("symbol,start,end\nA,,\nA,,\n", "members.csv:3: A always overlaps line 2, always"),
    "one shared day": ("symbol,start,end\nA,,2024-01-04\nA,2024-01-04,\n", "members.csv:3: A from 2024-01-04 on overlaps line 2, until 2024-01-04; intervals of one symbol must share no day. Correct one of them; if the file's end is the first day out, say members_end: exclusive"),
    "an overlap that is not next to it": ("symbol,start,end\nA,2020-01-01,\nB,,\nA,2024-01-04,2024-01-05\nA,2024-01-02,2024-01-02\n", "overlaps line 2, from 2020-01-01 on"),
    "nobody in common": ("symbol,start,end\nX,,\nY,,\n", "members.csv: none of its 2 symbols (X, Y) is in the data (A, B, C); expected the same names"),
    "nobody at these dates": ("symbol,start,end\nA,1990-01-01,1999-12-31\n", "members.csv: nobody with a bar is a member from 2024-01-02 to 2024-01-08, the dates of the data; its intervals of these symbols lie outside (all of them: 1990-01-01 to 1999-12-31)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line_with_its_row(tmp_path, case):
    text, said = BAD[case]
    with pytest.raises(DataError) as caught:
        members(tmp_path, text)
    assert said in str(caught.value)
    assert str(caught.value).startswith("members.csv")
    assert "\n" not in str(caught.value)


def test_with_an_exclusive_end_an_interval_of_no_day_is_refused(tmp_path):
    said = r"members.csv:2: A: start 2024-01-04 is not before end 2024-01-04, which is the first day out"
    with pytest.raises(DataError, match=said):
        members(tmp_path, "symbol,start,end\nA,2024-01-04,2024-01-04\n", exclusive=True)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "members.csv").write_bytes(b"symbol,start,end\n\xff\xfe,,\n")
    with pytest.raises(DataError, match="members.csv:1: it is not text"):
        read(tmp_path / "members.csv", None)


def test_a_parquet_file_names_its_row_from_0(tmp_path):
    pd.DataFrame({"symbol": ["A", "B"], "start": [20240102, 20240103], "end": [None, None]}).to_parquet(
        tmp_path / "m.parquet"
    )
    with pytest.raises(DataError, match=r"^m.parquet: row 0: start is 20240102; expected an ISO date"):
        read(tmp_path / "m.parquet", None)
    (tmp_path / "n.parquet").write_text("symbol,start,end\n")
    with pytest.raises(DataError, match=r"^n.parquet: it cannot be read as Parquet"):
        read(tmp_path / "n.parquet", None)


# --- sectors ----------------------------------------------------------------------------------------------------------
def sectors(folder: Path, text: str, base: Panel | None = None) -> Panel:
    file = folder / "sectors.csv"
    file.write_text(text)
    return within(base or panel(), read(None, file))


def test_sectors_are_named_and_unknown_symbols_have_none(tmp_path):
    made = sectors(tmp_path, "ticker,name,sector\nC,Gamma,Tech\nA,Alpha,Banks\nZ,Zeta,Food\n")
    assert made.universe.sector_names == ("Banks", "Tech")
    assert made.universe.sector.tolist() == [0, -1, 1]
    assert made.member is None
    assert added(made) == ["1 of 3 symbols have no sector: B; max_sector does not cap them"]


def test_sectors_join_those_of_the_data(tmp_path):
    base = panel(sector={"A": "Tech", "B": None, "C": "Banks"})
    made = sectors(tmp_path, "symbol,sector\nA,Tech\nB,Air\nB,Air\nC,\n", base)
    assert made.universe.sector_names == ("Air", "Banks", "Tech")
    assert made.universe.sector.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "symbol,sector\nC,Banks\nA,Food\n",
            "sectors.csv:3: A is in 'Food', the data says 'Tech'; expected one sector",
        ),
        ("symbol,sector\nC,Oil\nA,Food\n", r"sectors.csv:3: A is in 'Food', the data says 'Tech' \(2 such symbols\)"),
        (
            "symbol,sector\nA,Tech\nB,x\nA,Food\n",
            "sectors.csv:4: A is in 'Food', on line 2 in 'Tech'; expected one sector",
        ),
        (
            "symbol,sector\nX,Tech\n",
            r"sectors.csv: none of its 1 symbols with a sector \(X\) is in the data \(A, B, C\)",
        ),
        (
            "symbol,secter\nA,Tech\n",
            "sectors.csv:1: expected columns symbol, sector; sector is missing.*did you mean 'secter'",
        ),
    ],
)
def test_sectors_that_disagree_are_refused_by_name(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        sectors(tmp_path, text, panel(sector={"A": "Tech", "B": None, "C": "Banks"}))


# --- the panel --------------------------------------------------------------------------------------------------------
def test_the_fingerprint_sees_members_and_sectors_and_the_files_are_named(tmp_path):
    text = "symbol,start,end\nA,2024-01-03,\n"
    made = members(tmp_path, text)
    again = members(tmp_path, text + "B,2024-01-03,\n")
    other = sectors(tmp_path, "symbol,sector\nA,Tech\n")
    assert len({p.fingerprint for p in (panel(), made, again, other)}) == 4
    assert made.inputs == (("universe.members", "members.csv", hashlib.sha256(text.encode()).hexdigest()),)
    assert not panel().inputs


def test_the_same_members_twice_are_once_and_others_are_refused(tmp_path):
    text = "symbol,start,end\nA,2024-01-03,\nZ,,\n"
    once = members(tmp_path, text)
    twice = members(tmp_path, text, once)
    assert (twice.warnings, twice.inputs, twice.fingerprint) == (once.warnings, once.inputs, once.fingerprint)
    with pytest.raises(DataError, match="universe.members: panel bars has members already, and other.csv says others"):
        members(tmp_path, "symbol,start,end\nB,,\n", once, name="other.csv")


def test_a_cut_keeps_its_members(tmp_path):
    made = members(tmp_path, "symbol,start,end\nA,2024-01-03,2024-01-05\nB,,\n").cut("2024-01-03", "2024-01-08", ["A"])
    assert mask(made) == {"A": "xxx."}
    assert made.inputs[0].file == "members.csv"


# --- real data --------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
def test_the_sp500_over_five_hundred_survivors():
    name = "us_top500_2000_2024.parquet"
    declared = {"prices": "split_adjusted", "dividends": "split_adjusted", "calendar": "XNYS"}
    whole = Panel.from_frame(sources.parquet(Path(FOLDER) / name), name=name, **declared)
    files = read(Path(FOLDER) / "sp500_membership_1996_2025.csv", None, exclusive=True)
    made = within(whole, files)
    days = {
        s: made.sessions[np.diff(made.member[:, made.universe.symbols.index(s)], prepend=False)] for s in ("NVDA", "DD")
    }
    assert days["NVDA"].astype(str).tolist() == ["2001-11-30"]  # it took Enron's place
    # DuPont: in from the start; out with the merger, the first session without it being the 1st; back as another company
    assert days["DD"].astype(str).tolist() == ["2000-01-03", "2017-09-01", "2019-06-03"]
    told = next(w for w in made.warnings if w.startswith("survivorship"))
    assert told == (
        "survivorship: members without data: 643 of 1,045 names (AABA, AAL, AAMRQ and 640 more), 39.9 % of member-days"
    )
    years = per_year(files.members, made.universe.symbols, made.sessions, made.close)
    assert all(480 <= year["members"] <= 510 for year in years)
    assert years[0]["with_bars"] < years[-1]["with_bars"]  # only those alive in 2024 have bars


@pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")
def test_its_ends_are_recognised_as_the_first_days_out():
    files = read(Path(FOLDER) / "sp500_membership_1996_2025.csv", None)
    assert "648 of 727 ends are days on which others start" in files.members.notes[0]
