"""Explicit orders written down beforehand: a table of them from a file, lined up with the slices of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.orders import BRACKET, plan_of
from engine.shapes import Plan
from engine.types import Order

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel

PRICES = ("limit", "stop", *BRACKET)
COLUMNS = ("date", "symbol", "quantity", "kind", "reduce_only", *PRICES)
STAMPS = ("date", "timestamp", "time")


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
        frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype={"symbol": str})
    except Exception as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{file.name}: cannot be read as orders ({told}); expected Parquet or CSV: date, symbol, quantity"
        ) from error
    return table_of(frame, file.name)


def table_of(frame: pd.DataFrame, where: str) -> OrderTable:
    """The orders of a long frame; DataError as in `read_orders`."""
    stamp = next((name for name in STAMPS if name in frame.columns), None)
    missing = [name for name in ("symbol", "quantity") if name not in frame.columns]
    if stamp is None or missing:
        raise DataError(
            f"{where}: expected columns date, symbol, quantity; missing {', '.join(missing or ['date'])}. "
            f"It has {', '.join(map(str, frame.columns)) or 'none'}"
        )
    unknown = [str(name) for name in frame.columns if name not in (*COLUMNS, *STAMPS)]
    if unknown:
        raise DataError(f"{where}: no such column: {', '.join(unknown)}; an order takes {', '.join(COLUMNS)}")
    columns = {name: _numbers(frame, name, where) for name in ("quantity", *PRICES) if name in frame.columns}
    symbols = frame["symbol"].astype(str).tolist()
    kinds = frame["kind"].fillna("market").astype(str).tolist() if "kind" in frame.columns else ["market"] * len(frame)
    only = _flags(frame, where)
    orders = tuple(
        Order(
            symbols[k], float(columns["quantity"][k]), kinds[k], reduce_only=only[k],
            **{name: _given(columns, name, k) for name in PRICES},
        )
        for k in range(len(frame))
    )  # fmt: skip
    return OrderTable(where, frame[stamp], orders)


def _numbers(frame: pd.DataFrame, name: str, where: str) -> Any:
    import pandas as pd

    values = np.asarray(pd.to_numeric(frame[name], errors="coerce"), np.float64)
    text = np.isnan(values) & np.asarray(frame[name].notna())
    if text.any():
        k = int(np.flatnonzero(text)[0])
        raise DataError(f"{where}: row {k}: {name} must be a number, got {frame[name].iloc[k]!r}")
    return values


def _flags(frame: pd.DataFrame, where: str) -> list[bool]:
    words = {"true": True, "1": True, "false": False, "0": False, "nan": False, "": False, "none": False}
    if "reduce_only" not in frame.columns:
        return [False] * len(frame)
    told = [str(value).strip().lower() for value in frame["reduce_only"]]
    for k, word in enumerate(told):
        if word not in words:
            raise DataError(
                f"{where}: row {k}: reduce_only must be true or false, got {frame['reduce_only'].iloc[k]!r}"
            )
    return [words[word] for word in told]


def _given(columns: dict[str, Any], name: str, k: int) -> float | None:
    value = float(columns[name][k]) if name in columns else float("nan")
    return None if np.isnan(value) else value


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
            raise DataError(f"{table.where}: row {k}: {wrong}")
    rows = np.zeros(0, np.int64)
    if table.orders:
        rows = slices_of(table.stamps, str(table.stamps.name), panel, table.where, "an order")
    place = np.argsort(rows, kind="stable")
    first = np.searchsorted(rows[place], np.arange(len(panel.times) + 1)).astype(np.int64)
    return plan_of([table.orders[k] for k in place], first, columns)
