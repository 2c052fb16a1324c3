"""vectorbt: from_orders with target percents, and from_signals with stops. VARIANT is its engine: numba or rust."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from serve import Answer, serve


def later(values: np.ndarray, first: Any) -> np.ndarray:
    """`values` one row down, so that what was decided on a row is done on the next."""
    out = np.empty_like(values)
    out[0], out[1:] = first, values[:-1]
    return out


def told(portfolio: Any, seconds: float) -> Answer:
    """The answer of a run; the equity curve, which vectorbt works out when asked, is timed apart."""
    started = time.perf_counter()
    equity = float(np.asarray(portfolio.value())[-1])
    more = time.perf_counter() - started
    return {"seconds": seconds, "fills": len(portfolio.order_records), "equity": equity, "curve_seconds": more}


def quintile(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Targets of a row are traded at the next row's open, sized on the row's own close, as ours are."""
    close = pd.DataFrame(np.load(folder / "close.npy"))
    opened = np.load(folder / "open.npy")
    weights = later(np.load(folder / "weights.npy"), np.nan)

    def run() -> Answer:
        started = time.perf_counter()
        portfolio = vbt.Portfolio.from_orders(
            close,
            size=weights,
            size_type="targetpercent",
            price=opened,
            val_price=-np.inf,
            fees=facts["commission"],
            slippage=facts["slippage"],
            init_cash=facts["capital"],
            group_by=True,
            cash_sharing=True,
            call_seq="auto",
            freq="D",
            engine=variant,
        )
        return told(portfolio, time.perf_counter() - started)

    return run


CHUNK = 10  # cells at once: tiled arrays of 500 x 2,500 bars take 100 MB each


def sweep(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """A group of columns per cell of the grid, CHUNK cells at once; every cell's final equity is on the clock."""
    from itertools import islice, product

    close, opened = np.load(folder / "close.npy"), np.load(folder / "open.npy")
    shares, commissions, slippages = (range(len(values)) for values in facts["grid"].values())
    ready = [later(np.load(folder / f"weights-{k}.npy"), np.nan) for k in shares]
    costs = list(facts["grid"].values())[1:]
    names = close.shape[1]

    def run() -> Answer:
        started = time.perf_counter()
        cells, fills, equity = product(shares, commissions, slippages), 0, []
        while some := list(islice(cells, CHUNK)):
            portfolio = vbt.Portfolio.from_orders(
                pd.DataFrame(np.tile(close, (1, len(some)))),
                size=np.hstack([ready[k] for k, _, _ in some]),
                size_type="targetpercent",
                price=np.tile(opened, (1, len(some))),
                val_price=-np.inf,
                fees=np.repeat([costs[0][j] for _, j, _ in some], names)[None, :],
                slippage=np.repeat([costs[1][j] for _, _, j in some], names)[None, :],
                init_cash=facts["capital"],
                group_by=np.repeat(np.arange(len(some)), names),
                cash_sharing=True,
                call_seq="auto",
                freq="D",
                engine=variant,
            )
            equity.append(np.asarray(portfolio.final_value()))
            fills += len(portfolio.order_records)
        seconds = time.perf_counter() - started
        final = np.concatenate(equity)
        return {"seconds": seconds, "cells": len(final), "fills": fills, "equity": float(final.sum())}

    return run


def bars(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Signals of a bar are traded at the next bar's open; stops hang on the fill price and fill with slippage."""
    opened, high, low, close = (
        pd.Series(np.load(folder / f"{name}.npy")[:, 0]) for name in ("open", "high", "low", "close")
    )
    entries = later(np.load(folder / "entries.npy"), False)
    exits = later(np.load(folder / "exits.npy"), False)

    def run() -> Answer:
        started = time.perf_counter()
        portfolio = vbt.Portfolio.from_signals(
            close,
            entries=entries,
            exits=exits,
            price=opened,
            val_price=-np.inf,
            open=opened,
            high=high,
            low=low,
            size=facts["size"],
            size_type="percent",
            sl_stop=facts["stop_loss"],
            tp_stop=facts["take_profit"],
            stop_entry_price="fillprice",
            stop_exit_price="stopmarket",
            fees=facts["commission"],
            slippage=facts["slippage"],
            init_cash=facts["capital"],
            freq="min",
            engine=variant,
        )
        return told(portfolio, time.perf_counter() - started)

    return run


serve(vbt.__version__, {"quintile": quintile, "sweep": sweep, "bars": bars})
