"""Explicit orders written down beforehand: a table of them from a file, lined up with the slices of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.columns import canonical
from engine.data.words import nearest
from engine.errors import DataError, first_line
from engine.orders import BRACKET, plan_of
from engine.shapes import Plan
from engine.types import Order

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel

PRICES = ("limit", "stop", *BRACKET)
COLUMNS = ("date", "symbol", "quantity", "kind", "reduce_only", *PRICES)
STAMPS = ("date", "timestamp")
FLAGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False, "": False}
NONE = ("", "nan", "NaN", "None", "<NA>", "NaT", "null")  # of every column but symbol: a ticker may well be called NA


@dataclass(frozen=True, slots=True)
class OrderTable:
    """Orders with the stamp of the bar on which each was decided, in the order of the file."""

    where: str
    stamps: Any  # a Series of dates or times, one per order
    orders: tuple[Order, ...]


def read_orders(file: Path) -> OrderTable:
    """The orders of a Parquet or CSV file with date, symbol and quantity (signed), and where wanted kind, limit, stop,
    reduce_only, stop_loss, take_profit, trailing_stop. DataError names the file, and the row that makes no sense.
    """
    import pandas as pd

    try:
        if file.suffix == ".parquet":
            frame = pd.read_parquet(file)
        else:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
    except Exception as error:
        raise DataError(
            f"{file.name}: cannot be read as orders ({first_line(error, typed=False)}); "
            f"expected Parquet or CSV: date, symbol, quantity"
        ) from error
    return table_of(frame, file.name)


def table_of(frame: pd.DataFrame, where: str) -> OrderTable:
    """The orders of a long frame; DataError as in `read_orders`. Columns may be of any case, and `ticker` is a symbol."""
    named = _named(frame, where)
    stamp = next(name for name in STAMPS if name in named)
    columns = {name: _numbers(named, name, where) for name in ("quantity", *PRICES) if name in named}
    symbols, kinds = _texts(named, "symbol", ()), _texts(named, "kind", NONE)
    only = _flags(named, where)
    stamps = _texts(named, stamp, NONE)
    for name, texts in (("symbol", symbols), (stamp, stamps)):
        if "" in texts:
            raise DataError(f"{where}: row {texts.index('')} has no {name}; expected one in every row")
    if any(text.replace(".", "").isdigit() for text in stamps):
        raise DataError(
            f"{where}: column {stamp} holds numbers, such as {stamps[0]}; expected dates. Convert them first"
        )
    orders = tuple(
        Order(
            symbols[k], float(columns["quantity"][k]), kinds[k] or "market", reduce_only=only[k],
            **{name: _given(columns, name, k) for name in PRICES},
        )
        for k in range(len(frame))
    )  # fmt: skip
    return OrderTable(where, named[stamp].rename(stamp), orders)


def _named(frame: pd.DataFrame, where: str) -> dict[str, pd.Series]:
    """The columns by what they mean; DataError where one is missing, unknown or said twice."""
    out: dict[str, pd.Series] = {}
    unknown = []
    for name in frame.columns:
        word = canonical(str(name))
        if word in out:
            raise DataError(f"{where}: two columns mean {word}; drop one of them")
        if word not in (*COLUMNS, *STAMPS):
            unknown.append(f"{name}{nearest(word, COLUMNS)}")
        out[word] = frame[name]
    if "date" in out and "timestamp" in out:
        raise DataError(f"{where}: date and timestamp both say when an order is decided; drop one of them")
    missing = [name for name in ("date", "symbol", "quantity") if name not in out]
    if "timestamp" in out:
        missing.remove("date")
    if missing:
        raise DataError(
            f"{where}: expected columns date, symbol, quantity; missing {', '.join(missing)}. "
            f"It has {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if unknown:
        raise DataError(f"{where}: no such column: {', '.join(unknown)}; an order takes {', '.join(COLUMNS)}")
    return out


def _texts(columns: dict[str, pd.Series], name: str, none: tuple[str, ...]) -> list[str]:
    """The cells of a column as text, empty where there is none; all empty without the column."""
    if name not in columns:
        return [""] * len(next(iter(columns.values())))
    column = columns[name].astype(object)
    gaps = column.isna().to_numpy()
    told = [str(value).strip() for value in column]
    return ["" if gap or text in none else text for text, gap in zip(told, gaps, strict=True)]


def _numbers(columns: dict[str, pd.Series], name: str, where: str) -> list[float]:
    out = []
    for k, text in enumerate(_texts(columns, name, NONE)):
        try:
            out.append(float(text) if text else float("nan"))
        except ValueError:
            raise DataError(f"{where}: row {k}: {name} must be a number, got {text!r}") from None
    return out


def _flags(columns: dict[str, pd.Series], where: str) -> list[bool]:
    told = [text.lower() for text in _texts(columns, "reduce_only", NONE)]
    for k, word in enumerate(told):
        if word not in FLAGS:
            raise DataError(f"{where}: row {k}: reduce_only must be true or false, got {word!r}")
    return [FLAGS[word] for word in told]


def _given(columns: dict[str, list[float]], name: str, k: int) -> float | None:
    value = columns[name][k] if name in columns else math.nan
    return None if math.isnan(value) else value


def line_up(table: OrderTable, panel: Panel) -> Plan:
    """The plan of these orders over the slices of `panel`: each is decided on the bar its stamp names, and meets a later
    one. DataError names the row that makes no sense, or the first date that is no slice.
    """
    from engine.given import slices_of
    from engine.orders import mistake

    symbols = panel.universe.symbols
    columns = {symbol: i for i, symbol in enumerate(symbols)}
    for k, order in enumerate(table.orders):
        if wrong := mistake(order, columns):
            near = "" if order.instrument in columns else nearest(str(order.instrument), symbols)
            raise DataError(f"{table.where}: row {k}: {wrong}{near}")
    rows = np.zeros(0, np.int64)
    if table.orders:
        rows = slices_of(table.stamps, str(table.stamps.name), panel, table.where, "an order")
    place = np.argsort(rows, kind="stable")
    first = np.searchsorted(rows[place], np.arange(len(panel.times) + 1)).astype(np.int64)
    return plan_of([table.orders[k] for k in place], first, columns)
