"""Panel: what a long table or arrays become, and that nothing a run can see is changed on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.panel import Panel

NAN = float("nan")
NS = 1_000_000_000
DAY = 86_400 * NS


def bars(symbol: str, dates: list[str], closes: list[float], **extra: object) -> pd.DataFrame:
    """Daily bars that open a tenth above the close before and range a unit around both."""
    close = np.array(closes)
    frame = pd.DataFrame({"date": pd.to_datetime(dates), "symbol": symbol, "open": close + 0.1, "close": close})
    frame["high"], frame["low"], frame["volume"] = close + 1.0, close - 1.0, 100.0
    return frame.assign(**extra)


WEEK = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]


def two() -> pd.DataFrame:
    return pd.concat(
        [bars("BB", WEEK, [20.0, 21, 22, 23, 24]), bars("AA", WEEK[1:4], [10.0, 11, 12])], ignore_index=True
    )


def test_a_long_frame_becomes_slices_by_ascending_symbols():
    panel = Panel.from_frame(two())
    assert panel.universe.symbols == ("AA", "BB")
    np.testing.assert_array_equal(panel.close, [[NAN, 20], [10, 21], [11, 22], [12, 23], [NAN, 24]])
    assert panel.open[1, 0] == 10.1
    assert panel.high[4, 1] == 25.0
    assert np.isnan(panel.volume[0, 0])


def test_date_only_bars_close_at_midnight_utc_after_them():
    panel = Panel.from_frame(two())
    assert panel.times[0] == pd.Timestamp("2024-01-03", tz="UTC").value
    assert [str(day) for day in panel.dates()] == WEEK


def test_with_a_calendar_they_close_when_the_exchange_does():
    panel = Panel.from_frame(two(), calendar="XNYS")
    assert panel.times[0] == pd.Timestamp("2024-01-02 16:00", tz="America/New_York").value
    assert panel.bars_per_year_source == "XNYS"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_a_frames_datetimes_does_not_matter(unit):
    frame = two()
    frame["date"] = frame["date"].astype(f"datetime64[{unit}]")
    assert Panel.from_frame(frame).fingerprint == Panel.from_frame(two()).fingerprint


def test_zoned_timestamps_are_closes_in_utc():
    frame = bars("AA", WEEK, [10.0, 11, 12, 13, 14]).rename(columns={"date": "timestamp"})
    frame["timestamp"] = (frame["timestamp"] + pd.Timedelta(hours=16)).dt.tz_localize("America/New_York")
    panel = Panel.from_frame(frame)
    assert panel.times[0] == pd.Timestamp("2024-01-02 21:00", tz="UTC").value
    assert not panel.warnings


def test_midnights_of_new_york_are_the_dates_a_vendor_writes():
    frame = bars("AA", WEEK, [10.0, 11, 12, 13, 14])
    frame["date"] = frame["date"].dt.tz_localize("America/New_York")
    assert [str(day) for day in Panel.from_frame(frame).dates()] == WEEK


def test_a_utc_midnight_timestamp_closes_the_day_before_it():
    frame = bars("AA", WEEK, [10.0, 11, 12, 13, 14]).rename(columns={"date": "timestamp"})
    frame["timestamp"] = frame["timestamp"].dt.tz_localize("UTC")
    assert str(Panel.from_frame(frame).dates()[0]) == "2024-01-01"


def test_times_without_a_zone_are_read_as_utc_and_told():
    frame = bars("AA", WEEK, [10.0, 11, 12, 13, 14])
    frame["date"] += pd.Timedelta(hours=15)
    panel = Panel.from_frame(frame)
    assert panel.times[0] == pd.Timestamp("2024-01-02 15:00", tz="UTC").value
    assert panel.warnings == ("times without a zone are read as UTC",)


def test_rows_may_be_grouped_by_symbol_or_by_date():
    by_date = two().sort_values(["date", "symbol"], kind="stable")
    assert Panel.from_frame(by_date).fingerprint == Panel.from_frame(two()).fingerprint


@pytest.mark.parametrize("split", [1.0, 2.0])
def test_no_flag_makes_the_bars_that_a_plugin_sees_writable(split):
    closes = [10.0, 11, 12, 13 / split, 14 / split]
    panel = Panel.from_frame(bars("AA", WEEK, closes, split=[1, 1, 1, split, 1]))
    bars_seen = panel.window(3, 2)
    for name in ("times", "open", "high", "low", "close", "volume"):
        for array in (getattr(bars_seen, name), getattr(panel.adjusted, name), getattr(panel, name)):
            with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
                array.flags.writeable = True


def test_arrow_tables_are_read_as_frames_are():
    import pyarrow as pa

    table = pa.Table.from_pandas(two())
    table = table.set_column(0, "date", table.column("date").cast(pa.timestamp("ms")).cast(pa.date32()))
    assert Panel.from_frame(table).fingerprint == Panel.from_frame(two()).fingerprint


def test_a_date_and_symbol_index_is_read_as_columns():
    assert Panel.from_frame(two().set_index(["date", "symbol"])).fingerprint == Panel.from_frame(two()).fingerprint


def test_iso_text_and_capital_column_names_are_read():
    frame = two()
    frame["date"] = frame["date"].dt.strftime("%Y-%m-%d")
    frame.columns = [name.capitalize() for name in frame.columns]
    assert (
        Panel.from_frame(frame.rename(columns={"Symbol": "Ticker"})).fingerprint == Panel.from_frame(two()).fingerprint
    )


def test_narrow_numbers_become_float64():
    frame = two()
    wide = Panel.from_frame(frame)
    frame[["open", "high", "low", "close"]] = frame[["open", "high", "low", "close"]].astype("float32")
    frame["volume"] = frame["volume"].astype("int64")
    panel = Panel.from_frame(frame)
    assert panel.close.dtype == np.float64
    np.testing.assert_array_equal(panel.close, wide.close)
    assert panel.open[0, 1] == float(np.float32(20.1))


def test_every_array_is_read_only_and_contiguous():
    panel = Panel.from_frame(two())
    for name in ("times", "days", "last_of_day", "open", "high", "low", "close", "volume"):
        array = getattr(panel, name)
        assert array.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]


def test_the_frame_that_was_given_is_left_alone():
    frame = two()
    frame.loc[0, "open"] = 0.0
    before = frame.copy()
    Panel.from_frame(frame, missing_open="previous_close")
    pd.testing.assert_frame_equal(frame, before)


def test_start_end_and_symbols_choose_rows_both_days_inside():
    panel = Panel.from_frame(two(), symbols=["BB"], start="2024-01-03", end="2024-01-05")
    assert panel.universe.symbols == ("BB",)
    assert [str(day) for day in panel.dates()] == WEEK[1:4]


def test_a_symbol_without_a_bar_in_the_range_is_left_out_and_told():
    panel = Panel.from_frame(two(), start="2024-01-08")
    assert panel.universe.symbols == ("BB",)
    assert panel.warnings == ("1 symbols have no bar in the range and are left out: AA",)


def test_a_row_without_a_close_is_no_bar():
    frame = two()
    frame.loc[1, "close"] = NAN
    panel = Panel.from_frame(frame)
    assert np.isnan(panel.open[1, 1])
    assert panel.warnings == ("1 of 8 rows have no close: no bar",)


def test_a_missing_open_is_refused_unless_said_otherwise():
    frame = two()
    frame.loc[2, "open"] = NAN
    with pytest.raises(DataError, match=r"frame: BB on 2024-01-04: no open \(in 1 of 8 bars\).*previous_close"):
        Panel.from_frame(frame)


def test_previous_close_stands_in_for_a_missing_open():
    frame = two()
    frame.loc[[0, 2], "open"] = NAN
    panel = Panel.from_frame(frame, missing_open="previous_close")
    np.testing.assert_array_equal(
        panel.open[:, 1], [NAN, 21.1, 21.0, 23.1, 24.1]
    )  # the first bar has nothing before it
    assert panel.warnings == ("open is missing in 2 of 8 bars: the previous close stands in",)


def test_a_previous_close_is_restated_by_the_split_between():
    frame = bars("AA", WEEK, [100.0, 102, 51, 52, 53], split=[1, 1, 2, 1, 1])
    frame["high"], frame["low"] = 200.0, 1.0
    frame.loc[2, "open"] = NAN
    assert Panel.from_frame(frame, missing_open="previous_close").open[2, 0] == 51.0


def test_close_fills_leaves_the_open_missing():
    frame = two()
    frame.loc[2, "open"] = NAN
    assert np.isnan(Panel.from_frame(frame, missing_open="close_fills").open[2, 1])


def test_a_zero_open_is_missing_only_when_said():
    frame = two()
    frame.loc[2, ["open", "high", "low"]] = 0.0
    with pytest.raises(DataError, match=r"BB on 2024-01-04: open is 0 \(in 1 bars\).*missing_open: previous_close"):
        Panel.from_frame(frame)
    panel = Panel.from_frame(frame, missing_open="previous_close")
    assert panel.open[2, 1] == 21.0
    assert np.isnan(panel.high[2, 1])
    assert panel.warnings[:3] == tuple(f"{name} is 0 and read as missing in 1 bars" for name in ("open", "high", "low"))


def test_closes_alone_are_enough_when_said():
    frame = two()[["date", "symbol", "close"]]
    with pytest.raises(
        DataError, match=r"frame: there is no column open; expected one\. To do without, say missing_open"
    ):
        Panel.from_frame(frame)
    panel = Panel.from_frame(frame, missing_open="close_fills")
    assert np.isnan(panel.high).all()
    assert panel.warnings == (
        "there is no column volume: not known in any bar",
        "high or low is missing in 8 of 8 bars: those act on open and close only",
        "open is missing in 8 of 8 bars: such bars trade at their close",
    )


def test_opens_that_repeat_the_previous_close_are_told():
    close = np.arange(10.0, 40.0)
    dates = [str(day) for day in np.arange("2024-01-01", "2024-01-31", dtype="datetime64[D]")]
    frame = bars("AA", dates, list(close))
    frame.loc[1:, "open"] = close[:-1]
    assert Panel.from_frame(frame).warnings == ("AA: 29 of 29 opens equal the previous close",)


def test_a_close_outside_its_range_is_counted_not_refused():
    frame = two()
    frame.loc[0, "close"] = 22.0
    assert Panel.from_frame(frame).warnings == ("close lies outside low to high in 1 bars, first BB on 2024-01-02",)


def test_unused_columns_are_told():
    assert Panel.from_frame(two().assign(vwap=1.0)).warnings == ("columns not used: vwap",)


def test_instruments_carry_what_their_rows_say():
    frame = two().assign(lot=10.0, sector=["tech"] * 5 + ["bank"] * 3, terminal_value=NAN, tick=[NAN] * 5 + [0.05] * 3)
    frame["delisted_at"] = [pd.Timestamp("2024-01-05")] * 5 + [pd.NaT] * 3
    panel = Panel.from_frame(frame, tick=0.01)
    universe = panel.universe
    assert universe.lot.tolist() == [10, 10]
    assert universe.tick.tolist() == [0.05, 0.01]
    assert [universe.sector_names[k] for k in universe.sector] == ["bank", "tech"]
    assert np.isnan(universe.terminal_value).all()
    assert panel.delisted_row.tolist() == [-1, 3]
    assert Panel.from_frame(frame, calendar="XNYS").delisted_row.tolist() == [-1, 3]


def test_members_may_be_intervals():
    members = pd.DataFrame(
        {"ticker": ["AA", "BB", "ZZ"], "start_date": ["2024-01-04", None, None], "end_date": [None, "2024-01-03", None]}
    )
    panel = Panel.from_frame(two(), members=members)
    assert panel.member.T.tolist() == [[False, False, True, True, True], [True, True, False, False, False]]


def test_a_window_ends_at_its_slice_and_is_a_view():
    panel = Panel.from_frame(two())
    window = panel.window(3, 2)
    np.testing.assert_array_equal(window.close, [[11, 22], [12, 23]])
    assert window.times[-1] == panel.times[3]
    assert np.shares_memory(window.close, panel.close)
    assert len(panel.window(1, 10)) == 2


def test_without_actions_adjusted_prices_are_the_same_arrays():
    panel = Panel.from_frame(two())
    assert panel.adjusted.close is panel.close
    assert panel.adjusted.volume is panel.volume


def test_the_fingerprint_sees_every_number_and_declaration():
    base = Panel.from_frame(two(), dividends="none")
    changed = two()
    changed.loc[7, "volume"] += 1
    others = [
        Panel.from_frame(changed, dividends="none"),
        Panel.from_frame(two(), prices="split_adjusted", dividends="none"),
        Panel.from_frame(two(), dividends="none", lot=2.0),
        Panel.from_frame(two(), dividends="none", calendar="24/7"),
        Panel.from_frame(two().assign(symbol=two()["symbol"].replace("BB", "BC")), dividends="none"),
        Panel.from_frame(two().assign(dividend=[0, 0.5, 0, 0, 0, 0, 0, 0])),
    ]
    assert len({base.fingerprint, *(panel.fingerprint for panel in others)}) == 7
    assert Panel.from_frame(two(), dividends="none", name="else").fingerprint == base.fingerprint


def test_a_cut_is_what_reading_only_that_part_would_give():
    whole = Panel.from_frame(two().assign(dividend=[0, 0.5, 0, 0.2, 0, 0, 0.1, 0]))
    part = whole.cut("2024-01-04", "2024-01-05", ["BB"])
    again = Panel.from_frame(
        two().assign(dividend=[0, 0.5, 0, 0.2, 0, 0, 0.1, 0]), start="2024-01-04", end="2024-01-05", symbols=["BB"]
    )
    np.testing.assert_array_equal(part.close, again.close)
    assert part.bars_per_year == again.bars_per_year
    assert (part.actions.row.tolist(), part.actions.dividend.tolist()) == ([1], [0.2])
    assert (again.actions.row.tolist(), again.actions.dividend.tolist()) == ([1], [0.2])
    with pytest.raises(DataError, match="symbol 'B' is not there; did you mean 'BB'"):
        whole.cut(symbols=["B"])


def test_to_frame_and_back_is_the_same_panel():
    frame = two().assign(
        dividend=[0, 0.5, 0, 0, 0, 0, 0.1, 0], split=[1, 1, 1, 1, 1, 1, 1.1, 1], sector=["tech"] * 8, lot=5.0, tick=0.01
    )
    frame["delisted_at"] = pd.Timestamp("2024-01-08")
    for calendar in (None, "XNYS", "24/7"):
        panel = Panel.from_frame(frame, calendar=calendar)
        again = Panel.from_frame(panel.to_frame(), calendar=calendar)
        assert again.fingerprint == panel.fingerprint


def test_from_arrays_is_the_short_road_for_grids():
    ones = np.ones((3, 2))
    splits = np.array([[1, 1], [1, 2.0], [1, 1]])
    panel = Panel.from_arrays(
        ["A", "B"],
        WEEK[:3],
        ones,
        ones,
        ones,
        [[1, 2], [1, 1], [1, 1]],
        ones,
        splits,
        dividends=[[0, 0], [0, 0], [0.5, 0]],
    )
    assert panel.actions.row.tolist() == [1, 2]
    assert panel.actions.first.tolist() == [0, 0, 1, 2]
    assert panel.dividends == "as_traded"
    given = np.array([DAY, 2 * DAY, 3 * DAY])
    plain = Panel.from_arrays(["A", "B"], given, ones, ones, ones, ones, ones, prices="total_return")
    assert (plain.times.tolist(), plain.dividends) == (given.tolist(), "none")


def test_from_arrays_refuses_what_would_land_in_the_wrong_column():
    ones = np.ones((2, 2))
    with pytest.raises(DataError, match="symbols must ascend"):
        Panel.from_arrays(["B", "A"], WEEK[:2], ones, ones, ones, ones, ones)
    with pytest.raises(DataError, match=r"close has shape \(3,\); expected \(2, 2\)"):
        Panel.from_arrays(["A", "B"], WEEK[:2], ones, ones, ones, np.ones(3), ones)
    with pytest.raises(DataError, match="times must rise; row 1 is 2024-01-02, after 2024-01-03"):
        Panel.from_arrays(["A", "B"], WEEK[1::-1], ones, ones, ones, ones, ones)


def test_a_single_slice_has_no_bars_per_year():
    panel = Panel.from_frame(two(), start="2024-01-08")
    assert np.isnan(panel.bars_per_year)
    assert panel.last_of_day.tolist() == [True]


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["AA", "B", "a", "ÖL"]), st.integers(0, 9)),
        st.tuples(st.floats(0.5, 1e6), st.floats(0.0, 1e9)),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_every_bar_lands_in_its_cell_however_symbols_interleave(bars, order):
    queues: dict[str, list] = {}
    for (symbol, day), (price, volume) in sorted(bars.items()):
        queues.setdefault(symbol, []).append((np.datetime64("2024-01-01") + day, symbol, price, volume))
    rows = []
    while queues:  # rise in time within a symbol, in any order across them
        symbol = order.choice(sorted(queues))
        rows.append(queues[symbol].pop(0))
        queues = {key: queue for key, queue in queues.items() if queue}
    frame = pd.DataFrame(rows, columns=["date", "symbol", "close", "volume"])
    panel = Panel.from_frame(frame.assign(open=frame["close"], high=frame["close"], low=frame["close"]))
    assert panel.universe.symbols == tuple(sorted({symbol for symbol, _ in bars}))
    assert int((~np.isnan(panel.close)).sum()) == len(bars)
    for (symbol, day), (price, volume) in bars.items():
        row = int(np.searchsorted(panel.dates(), np.datetime64("2024-01-01") + day))
        column = panel.universe.symbols.index(symbol)
        assert (panel.close[row, column], panel.volume[row, column]) == (price, volume)
