"""Explicit orders from a file: the same run, to the bit, as a Python strategy's, and one clear line for every bad row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import engine
from engine.errors import DataError
from engine.types import Order

DATES = pd.date_range("2024-01-01", periods=6)
# A falls through 95 on the third bar and rises through 110 on the fifth; B gaps up on the fourth
A = [
    (100, 101, 99, 100),
    (100, 102, 98, 101),
    (101, 101, 94, 96),
    (96, 104, 95, 103),
    (103, 111, 102, 110),
    (110, 112, 108, 109),
]
B = [(10, 10, 10, 10), (10, 11, 10, 11), (11, 12, 10, 12), (15, 16, 14, 15), (15, 15, 13, 14), (14, 15, 14, 15)]
COLUMNS = (
    "date",
    "symbol",
    "quantity",
    "kind",
    "limit",
    "stop",
    "reduce_only",
    "stop_loss",
    "take_profit",
    "trailing_stop",
)
NONE = (None,) * 3
ROWS = [
    ("2024-01-01", "B", 20, "market", None, None, False, None, 0.3, None),
    ("2024-01-02", "A", 4, "limit", 95.0, None, False, 0.05, None, 0.1),
    ("2024-01-02", "A", 2, "stop", None, 105.0, False, *NONE),
    ("2024-01-03", "B", 99, None, None, None, None, *NONE),  # refused: 119 x 12 is more than 1000
    ("2024-01-04", "A", -4, "limit", 108.0, None, True, *NONE),
    ("2024-01-04", "B", 3, "stop_limit", 15.5, 15.0, False, *NONE),
    ("2024-01-05", "A", 1, "close", None, None, False, *NONE),
]
FRAME = pd.DataFrame(ROWS, columns=list(COLUMNS))


class Written:
    """Ten lines of Python: on each bar, the orders of its date."""

    def orders(self, now):
        for date, symbol, quantity, kind, limit, stop, only, *bracket in ROWS:
            if date == str(DATES[now.t].date()):
                yield Order(symbol, quantity, kind or "market", limit, stop, bool(only), *bracket)


def panel() -> engine.Panel:
    opened, high, low, close = (np.array([[a[k], b[k]] for a, b in zip(A, B)], float) for k in range(4))
    return engine.Panel.from_arrays(["A", "B"], DATES, opened, high, low, close, np.full(close.shape, 1e6))


def config(path) -> dict:
    return {
        "name": "written",
        "data": {"source": "packaged", "name": "sp500"},
        "strategy": {"rule": "orders", "path": str(path)},
        "execution": {"commission": "0.1%", "slippage": "0.05%"},
        "capital": 1000,
    }


def run(path, **given):
    return engine.backtest(config(path), panel=panel(), **given)


def same_bits(one, other) -> bool:
    """Whether two results have the same equity, cash, codes and fills, bit for bit."""
    mine, theirs = one.facts, other.facts
    pairs = [(mine.curve.equity, theirs.curve.equity), (mine.curve.cash, theirs.curve.cash), (mine.codes, theirs.codes)]
    pairs += [(getattr(mine.fills, name), getattr(theirs.fills, name)) for name in mine.fills.__slots__]
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def saved(frame: pd.DataFrame, folder, name="orders.csv"):
    """The file that holds the frame."""
    path = folder / name
    frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False)
    return path


# --- the same run -------------------------------------------------------------------------------------------------------
def test_a_csv_file_a_parquet_file_and_ten_lines_of_python_give_the_same_bits(tmp_path):
    csv = run(saved(FRAME, tmp_path))
    assert len(csv.fills) >= 5 and "over max_weight" in engine_words(csv)
    assert same_bits(csv, run(saved(FRAME, tmp_path, "orders.parquet")))
    assert same_bits(csv, run("no file is read", strategy=Written()))


def engine_words(result) -> set[str]:
    """The decisions taken in a run."""
    from engine.codes import describe

    return {str(describe(int(code))["decision"]) for code in result.facts.codes.reshape(-1)}


def test_the_order_of_a_date_is_decided_on_its_bar_and_met_by_the_next(tmp_path):
    frame = pd.DataFrame({"date": ["2024-01-04"], "symbol": ["B"], "quantity": [10]})
    result = run(saved(frame, tmp_path))
    # decided on the close of 15, bought at the next open of 15 with 0.05 % of slippage
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[10.0, pytest.approx(15.0075)]]
    assert result.fills["date"].tolist() == [DATES[4]]


def test_rows_of_any_order_are_sorted_by_date_and_keep_their_order_within_one(tmp_path):
    shuffled = FRAME.iloc[[6, 0, 4, 1, 5, 3, 2]]
    assert same_bits(run(saved(shuffled, tmp_path, "shuffled.csv")), run(saved(FRAME, tmp_path)))
    # of two orders of one date the one given first takes what the cap leaves
    pair = pd.DataFrame({"date": "2024-01-01", "symbol": ["A", "A"], "quantity": [6, 7]})
    assert run(saved(pair, tmp_path)).fills["quantity"].tolist() == [6.0]
    assert run(saved(pair.iloc[::-1], tmp_path)).fills["quantity"].tolist() == [7.0]


@pytest.mark.parametrize("stamp", ["date", "timestamp", "time"])
def test_the_column_of_dates_may_have_three_names(tmp_path, stamp):
    frame = FRAME.rename(columns={"date": stamp})
    assert same_bits(run(saved(frame, tmp_path)), run(saved(FRAME, tmp_path, "date.csv")))


def test_a_file_beside_the_yaml_is_found(tmp_path):
    saved(FRAME, tmp_path)
    lines = ["name: written", "data: {source: packaged, name: sp500}", "strategy: {rule: orders, path: orders.csv}"]
    (tmp_path / "written.yaml").write_text("\n".join([*lines, "capital: 1000"]) + "\n")
    assert len(engine.backtest(tmp_path / "written.yaml", panel=panel()).fills) >= 5


def test_a_file_without_rows_orders_nothing(tmp_path):
    assert len(run(saved(FRAME.iloc[:0], tmp_path)).fills) == 0


@pytest.mark.parametrize("words", [("true", "false"), ("True", "False"), ("1", "0"), ("TRUE", "")])
def test_reduce_only_in_the_words_of_a_csv(tmp_path, words):
    yes, no = words
    path = tmp_path / "orders.csv"
    path.write_text(f"date,symbol,quantity,reduce_only\n2024-01-01,A,5,{yes}\n2024-01-01,B,5,{no}\n")
    assert run(path).fills["symbol"].tolist() == ["B"]  # A held nothing that could have been reduced


# --- bad rows -----------------------------------------------------------------------------------------------------------
GOOD = {"date": "2024-01-01", "symbol": "A", "quantity": "5"}
BAD = {
    "an unknown column": ({"price": "3"}, "no such column: price; an order takes date, symbol, quantity, kind, reduce_only, limit"),
    "an unknown symbol": ({"symbol": "AA"}, "row 1: there is no instrument 'AA'; it must be one of the data's symbols"),
    "no symbol": ({"symbol": ""}, "row 1 has no symbol; expected one in every row"),
    "an unknown kind": ({"kind": "mkt"}, "row 1: A: kind must be one of market, close, limit, stop, stop_limit, got 'mkt'"),
    "a kind in capitals": ({"kind": "Limit", "limit": "9"}, "row 1: A: kind must be one of"),
    "no limit": ({"kind": "limit"}, "row 1: A: a limit order needs limit, a price above 0, got None"),
    "no trigger": ({"kind": "stop"}, "row 1: A: a stop order needs stop, a price above 0, got None"),
    "a stop-limit without its limit": ({"kind": "stop_limit", "stop": "9"}, "row 1: A: a stop_limit order needs limit"),
    "a limit of 0": ({"kind": "limit", "limit": "0"}, "row 1: A: a limit order needs limit, a price above 0, got 0.0"),
    "a limit below 0": ({"kind": "limit", "limit": "-1"}, "row 1: A: a limit order needs limit, a price above 0, got -1.0"),
    "a limit in words": ({"kind": "limit", "limit": "low"}, "row 1: limit must be a number, got 'low'"),
    "a market order with a limit": ({"limit": "9"}, "row 1: A: a market order takes no limit, got 9.0; leave it out or choose"),
    "a limit order with a trigger": ({"kind": "limit", "limit": "9", "stop": "9"}, "row 1: A: a limit order takes no stop, got 9.0"),
    "text in quantity": ({"quantity": "five"}, "row 1: quantity must be a number, got 'five'"),
    "no quantity": ({"quantity": ""}, "row 1: A: quantity must be a finite number, got nan"),
    "an infinite quantity": ({"quantity": "inf"}, "row 1: A: quantity must be a finite number, got inf"),
    "a bracket in whole percent": ({"stop_loss": "5"}, "row 1: A: stop_loss must be a fraction of the entry above 0, such as 0.02"),
    "a bracket of 0": ({"take_profit": "0"}, "row 1: A: take_profit must be a fraction of the entry above 0"),
    "a bracket in text": ({"trailing_stop": "2%"}, "row 1: trailing_stop must be a number, got '2%'"),
    "reduce_only in other words": ({"reduce_only": "yes"}, "row 1: reduce_only must be true or false, got 'yes'"),
    "a date that is no slice": ({"date": "2024-02-01"}, "2024-02-01T00:00:00 is no slice of the data (2024-01-01 to 2024-01-06)"),
    "a date that is none": ({"date": "tomorrow"}, "row 1: date is 'tomorrow'; expected an ISO date such as 2024-12-31"),
    "no date": ({"date": ""}, "row 1 has no date"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_refused_in_one_line_that_names_the_file(tmp_path, case):
    changed, says = BAD[case]
    names = [*GOOD, *(name for name in changed if name not in GOOD)]
    rows = [[{**GOOD}.get(name, "") for name in names], [{**GOOD, **changed}.get(name, "") for name in names]]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    with pytest.raises(DataError) as caught:
        run(path)
    assert str(caught.value).startswith(f"orders.csv: {says}")
    assert "\n" not in str(caught.value)


FILES = {
    "nothing": (b"", "cannot be read as orders (No columns to parse from file)"),
    "other columns": (b"day,name,amount\n2024-01-01,A,5\n", "expected columns date, symbol, quantity; missing date, symbol, quantity"),
    "no dates": (b"symbol,quantity\nA,5\n", "expected columns date, symbol, quantity; missing date. It has symbol, quantity"),
    "dates as numbers": (b"date,symbol,quantity\n20240101,A,5\n", "column date holds numbers, such as 20240101; expected dates"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_holds_no_orders_is_refused_in_one_line(tmp_path, case):
    content, says = FILES[case]
    (tmp_path / "orders.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        run(tmp_path / "orders.csv")
    assert str(caught.value).startswith(f"orders.csv: {says}")
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_is_none_and_one_that_is_not_there(tmp_path):
    (tmp_path / "orders.parquet").write_text("no")
    with pytest.raises(DataError, match=r"orders.parquet: cannot be read as orders \("):
        run(tmp_path / "orders.parquet")
    with pytest.raises(DataError, match=r"order.parquet: no such file; did you mean 'orders.parquet'"):
        run(tmp_path / "order.parquet")
