"""Tables of forecasts are read back to the very slices they were made on, and nothing else is taken for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import engine
from engine.errors import DataError
from engine.given import align
from signals.training import cells, forecasts
from signals.training.labels import Labels
from signals.training.material import Material, of_arrays
from signals.training.stack import spans_of
from tests.signals.training.planted import days

HOUR = 3_600_000_000_000


def bars(slices: int, names: int, a_day: int, label=None) -> Material:
    """So many slices a day, closing at 10:00, 11:00 ... UTC."""
    y = np.zeros((slices, names)) if label is None else label
    made = of_arrays(np.zeros((names, slices, 1), np.float32), Labels(y, y, 1, "close", "return"), 1, days(slices))
    dates = days(slices)[np.arange(slices) // a_day]
    times = dates.astype("datetime64[ns]").astype(np.int64) + (10 + np.arange(slices) % a_day) * HOUR
    return replace(made, dates=dates, times=times)


def wrote(path, made: Material, values) -> None:
    rows = np.arange(len(values))
    forecasts.write(path, made, rows, values, np.zeros(len(rows)))


def test_of_two_days_with_two_slices_each_forecast_stays_on_its_own_slice(tmp_path):
    made = bars(4, 2, 2)
    said = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan], [7.0, 8.0]])
    wrote(tmp_path / forecasts.SAID, made, said)
    assert np.array_equal(cells.read(tmp_path / forecasts.SAID, made), said, equal_nan=True)
    date = parquet.read_table(tmp_path / forecasts.SAID).column("date").to_pylist()
    closes = ["04 10:00", "04 10:00", "04 11:00", "04 11:00", "05 10:00", "05 11:00", "05 11:00"]
    assert [f"{one:%d %H:%M}" for one in date] == closes


def rank_ic(said, outcome) -> float:
    """The mean over slices of the correlation of ranks."""
    ranks = [np.argsort(np.argsort(one, axis=1), axis=1) for one in (said, outcome)]
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]))


def test_on_a_random_walk_of_six_slices_a_day_what_was_earned_forecasts_nothing(tmp_path):
    """The last five returns say nothing of the next; laid on the first slice of their day, they have its label in them."""
    rng = np.random.default_rng(3)
    earned = rng.standard_normal((900, 40))
    said = sum(np.roll(earned, k, axis=0) for k in range(5))
    made = bars(900, 40, 6, np.vstack([earned[1:], np.zeros((1, 40))]))
    wrote(tmp_path / "f.parquet", made, said)
    read = cells.read(tmp_path / "f.parquet", made)
    assert abs(rank_ic(read[:-1], made.labels.values[:-1])) < 0.02  # one standard error is 0.005
    assert rank_ic(said[5::6], made.labels.values[0::6]) > 0.35  # as a date alone would lay it; 0.45 is expected


def test_of_daily_bars_the_table_tells_dates_as_ever(tmp_path):
    made = bars(4, 2, 1)
    wrote(tmp_path / "f.parquet", made, np.arange(8.0).reshape(4, 2))
    table = parquet.read_table(tmp_path / "f.parquet")
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("date", "date32[day]"), ("symbol", "string"), ("forecast", "double"), ("fold", "int32"),
    ]  # fmt: skip
    assert np.array_equal(cells.read(tmp_path / "f.parquet", made), np.arange(8.0).reshape(4, 2))


def test_dates_alone_do_not_say_which_slice_of_a_day_is_meant(tmp_path):
    wrote(tmp_path / "f.parquet", bars(4, 2, 1), np.ones((4, 2)))
    with pytest.raises(DataError, match="several slices a day; walk again"):
        forecasts.read(tmp_path / "f.parquet", bars(8, 2, 2))


def test_the_engine_reads_the_same_table_to_the_same_slices(tmp_path):
    times = pd.date_range("2024-03-04 10:00", periods=4, freq="6h", tz="UTC")
    frame = pd.concat([pd.DataFrame({"timestamp": times, "symbol": s}) for s in ("S0000", "S0001")])
    for price in ("open", "high", "low", "close"):
        frame[price] = 10.0
    panel = engine.Panel.from_frame(frame.assign(volume=1.0), prices="as_traded", dividends="none", calendar="24/7")
    made = replace(bars(4, 2, 1), times=panel.times, dates=panel.sessions.astype("datetime64[D]"))
    said = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, np.nan], [7.0, 8.0]])
    wrote(tmp_path / "f.parquet", made, said)
    assert not made.daily
    assert np.array_equal(align(parquet.read_table(tmp_path / "f.parquet").to_pandas(), panel), said, equal_nan=True)


def test_a_folds_range_is_known_by_its_instants_where_a_day_has_several_slices():
    """Its test range begins with the second slice of the second day and ends with the first of the third."""
    told = {"valid_from": "2010-01-05T10:00:00Z", "valid_until": "2010-01-06T10:00:00Z"}
    told |= {"ranges": {"test": ["2010-01-05", "2010-01-06"]}}
    assert spans_of(bars(8, 1, 2), told) == (3, 4)
    assert spans_of(bars(8, 1, 1), told) == (1, 2)


def broken(table: pa.Table, what: str) -> pa.Table:
    date, fold = table.column("date"), table.column("fold")
    columns = {
        "every row twice": lambda: pa.concat_tables([table, table]),
        "text for dates": lambda: table.set_column(0, "date", pa.array(["yesterday"] * len(table))),
        "no forecast": lambda: table.drop_columns(["forecast"]),
        "a date that is not known": lambda: table.set_column(
            0, "date", pa.array([None, *date.to_pylist()[1:]], date.type)
        ),
        "folds of NaN": lambda: table.set_column(3, "fold", pa.array(np.full(len(fold), np.nan))),
        "a name of elsewhere": lambda: table.set_column(1, "symbol", pa.array(["ZZ"] * len(table))),
        "dates of elsewhere": lambda: table.set_column(0, "date", pa.array(days(9)[5:9].repeat(2))),
    }
    return columns[what]()


WRONG = {
    "every row twice": "S0000 on 2010-01-04 more than once",
    "text for dates": "no table of date, symbol and forecast: date is string",
    "no forecast": "no table of date, symbol and forecast",
    "a date that is not known": "date has 1 holes",
    "folds of NaN": "fold is double",
    "a name of elsewhere": r"it forecasts ZZ on 2010-01-04, of which these bars know nothing \(8 such rows\)",
    "dates of elsewhere": "it forecasts S0000 on 2010-01-11, of which these bars know nothing",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_table_that_is_not_of_these_cells_is_refused_in_one_line(what, tmp_path):
    made, path = bars(4, 2, 1), tmp_path / "f.parquet"
    wrote(path, made, np.arange(8.0).reshape(4, 2))
    parquet.write_table(broken(parquet.read_table(path), what), path)
    with pytest.raises(DataError, match=WRONG[what]) as told:
        forecasts.read(path, made)
    assert "\n" not in str(told.value)


def test_a_table_that_is_cut_off_missing_or_changed_is_refused(tmp_path):
    made, path = bars(4, 2, 1), tmp_path / "f.parquet"
    with pytest.raises(DataError, match="cannot be read: No such file"):
        forecasts.read(path, made)
    wrote(path, made, np.arange(8.0).reshape(4, 2))
    told = forecasts.sha256(path)
    forecasts.read(path, made, told)
    wrote(path, made, np.arange(8.0).reshape(4, 2) + 1e-9)
    with pytest.raises(DataError, match=f"{told[:12]} was written: it was changed; walk again"):
        forecasts.read(path, made, told)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="no table of date, symbol and forecast"):
        forecasts.read(path, made)
