"""The frames of a result, from its facts. Symbols and reasons are categories, times are UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c
from engine.facts import Facts, slippage_of
from engine.orders import rule_of
from engine.types import Ints

if TYPE_CHECKING:
    import pandas as pd

NOT_A_TIME = np.iinfo(np.int64).min  # what pandas reads as NaT


def _times(facts: Facts, rows: Ints) -> pd.DatetimeIndex:
    import pandas as pd

    stamps = np.where(rows >= 0, facts.times[np.maximum(rows, 0)] if len(facts.times) else 0, NOT_A_TIME)
    return pd.DatetimeIndex(stamps.astype(np.int64).view("datetime64[ns]"), tz="UTC")


def _dates(facts: Facts, rows: Ints) -> pd.DatetimeIndex:
    """The sessions of these slices, which is what a daily bar is called; a time is the moment its bar was complete."""
    import pandas as pd

    none = np.datetime64("NaT", "D")
    days = np.where(rows >= 0, facts.dates[np.maximum(rows, 0)] if len(facts.dates) else none, none)
    return pd.DatetimeIndex(days.astype("datetime64[ns]"))


def _symbols(facts: Facts, instrument: Ints) -> pd.Categorical[str]:
    import pandas as pd

    return pd.Categorical.from_codes(instrument, categories=pd.Index(facts.symbols, dtype=str))


def _reasons(reason: Ints) -> pd.Categorical[str]:
    """Words of the reasons; 0 is 'open'."""
    import pandas as pd

    return pd.Categorical.from_codes(reason, categories=pd.Index(["open", *c.REASONS.values()], dtype=str))


def fills_frame(facts: Facts) -> pd.DataFrame:
    """One row per fill, in the order they happened."""
    import pandas as pd

    f = facts.fills
    return pd.DataFrame(
        {
            "time": _times(facts, f.t),
            "date": _dates(facts, f.t),
            "symbol": _symbols(facts, f.instrument),
            "quantity": f.quantity,
            "price": f.price,
            "reference": f.reference,
            "slippage": slippage_of(facts),
            "fee": f.fee,
            "reason": _reasons(f.reason),
        }
    )


def ambiguous_frame(facts: Facts) -> pd.DataFrame:
    """One row per instrument and bar whose fills hang on the order of prices inside it."""
    import pandas as pd

    row, instrument = np.nonzero(facts.codes & np.uint32(c.AMBIGUOUS))
    return pd.DataFrame({"time": _times(facts, row), "date": _dates(facts, row), "symbol": _symbols(facts, instrument)})


def refused_frame(facts: Facts) -> pd.DataFrame:
    """One row per explicit order that was refused, in the order they were given."""
    import pandas as pd

    r = facts.refusals
    return pd.DataFrame(
        {
            "time": _times(facts, r.t),
            "date": _dates(facts, r.t),
            "symbol": _symbols(facts, r.instrument),
            "quantity": r.quantity,
            "rule": pd.Categorical([rule_of(int(code)) for code in r.decision]),
            "value": r.value,
            "limit": r.limit,
        }
    )


def trades_frame(facts: Facts) -> pd.DataFrame:
    """One row per round trip, numbered from 1 in the order of entry; exit_time is NaT while it is open."""
    import pandas as pd

    t = facts.trades
    return pd.DataFrame(
        {
            "trade": np.arange(1, len(t) + 1),
            "symbol": _symbols(facts, t.instrument),
            "side": pd.Categorical.from_codes(
                (t.side < 0).astype(np.int64), categories=pd.Index(["long", "short"], dtype=str)
            ),
            "quantity": t.quantity,
            "entry_time": _times(facts, t.entry_row),
            "entry_date": _dates(facts, t.entry_row),
            "entry_price": t.entry_price,
            "exit_time": _times(facts, t.exit_row),
            "exit_date": _dates(facts, t.exit_row),
            "exit_price": t.exit_price,
            "bars_held": t.bars_held,
            "fees": t.fees,
            "slippage": t.slippage,
            "dividends": t.dividends,
            "pnl": t.pnl,
            "return": t.returns,
            "exit_reason": _reasons(t.reason),
            "mae": t.mae,
            "mfe": t.mfe,
            "split": t.split,
            "is_open": t.is_open,
            "entry_row": t.entry_row,
            "exit_row": t.exit_row,
        }
    )


def positions_frame(facts: Facts) -> pd.DataFrame:
    """One row per position held at the end; `pnl` is the net P&L of its open trade, partial exits included."""
    import pandas as pd

    book, trades = facts.instruments, facts.trades
    held = np.flatnonzero(book.quantity)
    pnl = np.zeros(len(facts.symbols))
    pnl[trades.instrument[trades.is_open]] = trades.pnl[trades.is_open]
    return pd.DataFrame(
        {
            "symbol": np.array(facts.symbols, dtype=object)[held],
            "quantity": book.quantity[held],
            "entry": book.entry[held],
            "mark": book.mark[held],
            "value": book.quantity[held] * book.mark[held] * book.multiplier[held],
            "pnl": pnl[held],
            "entry_time": _times(facts, book.entry_row[held]),
        }
    )


def exit_reasons_frame(facts: Facts) -> pd.DataFrame:
    """One row per exit reason that closed a trade, in the order of engine.codes."""
    import pandas as pd

    t = facts.trades
    rows = {}
    for reason, word in c.REASONS.items():
        mine = (t.reason == reason) & ~t.is_open
        count = int(mine.sum())
        if count:
            won, money = float((t.pnl[mine] > 0.0).mean()), float(t.pnl[mine].sum())
            rows[word] = (count, won, money, float(t.returns[mine].mean()))
    columns = ["count", "win_rate", "pnl", "average_return"]
    frame = pd.DataFrame(
        list(rows.values()), index=pd.Index(list(rows), dtype=str, name="exit_reason"), columns=columns
    )
    return frame.astype({"count": "int64", "win_rate": "float64", "pnl": "float64", "average_return": "float64"})


def monthly_frame(facts: Facts) -> pd.DataFrame:
    """Returns by month of the session date, and by year; NaN from the month on that ends at or below zero equity."""
    import pandas as pd

    columns = pd.Index([*range(1, 13), "year"], dtype=object, name="month")
    if len(facts.times) == 0:
        return pd.DataFrame(columns=columns, index=pd.Index([], dtype="int64", name="year"), dtype="float64")
    months = facts.dates.astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(np.diff(months) != 0, True))
    ends = np.where(facts.curve.equity[last] > 0.0, facts.curve.equity[last], np.nan)
    returns = ends / np.append(facts.capital, ends[:-1]) - 1.0
    years, month = 1970 + months[last] // 12, months[last] % 12
    table = np.full((int(years[-1] - years[0]) + 1, 13), np.nan)
    table[years - years[0], month] = returns
    close = np.flatnonzero(np.append(np.diff(years) != 0, True))
    table[years[close] - years[0], 12] = ends[close] / np.append(facts.capital, ends[close][:-1]) - 1.0
    return pd.DataFrame(table, index=pd.RangeIndex(int(years[0]), int(years[-1]) + 1, name="year"), columns=columns)


def drawdowns_frame(facts: Facts) -> pd.DataFrame:
    """Every stretch below an earlier peak, deepest first; `peak` is NaT where the capital itself is the peak."""
    import pandas as pd

    equity = facts.curve.equity
    high = np.maximum.accumulate(np.append(facts.capital, equity))[1:]
    under = np.concatenate([[False], equity < high, [False]])
    edges = np.flatnonzero(np.diff(under.astype(np.int8)))
    first, end = edges[::2], edges[1::2]
    trough = np.array([a + int(np.argmin(equity[a:b])) for a, b in zip(first, end, strict=True)], dtype=np.int64)
    depth = equity[trough] / high[trough] - 1.0
    order = np.argsort(depth, kind="stable")
    first, end, trough, depth = first[order], end[order], trough[order], depth[order]
    return pd.DataFrame(
        {
            "depth": depth,
            "peak": _times(facts, first - 1),
            "trough": _times(facts, trough),
            "recovery": _times(facts, np.where(end < len(equity), end, -1)),
            "bars": end - first,
        }
    )
