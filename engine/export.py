"""A run for other tools: returns as quantstats reads them, forecasts and prices as alphalens reads them, Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.arguments import path_of
from engine.errors import DataError, OutputError
from engine.types import Floats
from engine.writing import instead, make

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from engine.result import Result


def daily_returns(result: Result) -> pd.Series:
    """Simple returns per session, dates without a zone and without a name for them: quantstats.reports.full takes it as it is.

    DataError where equity was not above zero, since such a tool would read it wrongly.
    """
    import pandas as pd

    facts = result.facts
    if facts.ended == "ruin" or (facts.curve.equity <= 0.0).any():
        raise DataError(
            f"{result.name}: equity fell to zero or below, so it has no returns from then on; nothing to export"
        )
    last = (
        np.flatnonzero(np.append(facts.dates[1:] != facts.dates[:-1], True)) if len(facts.dates) else np.empty(0, int)
    )
    equity = facts.curve.equity[last]
    returns = equity / np.append(facts.capital, equity[:-1]) - 1.0
    return pd.Series(returns, index=pd.DatetimeIndex(facts.dates[last].astype("datetime64[ns]")), name=result.name)


def factor(result: Result, signal: str | None = None) -> pd.Series:
    """Forecasts of one signal by (date, asset), NaN left out: what alphalens.utils.get_clean_factor_and_forward_returns asks.

    A session's last slice speaks for it. DataError where the run has no such signal.
    """
    import pandas as pd

    facts = result.facts
    name = next(iter(facts.forecasts), None) if signal is None else signal
    if name is None or name not in facts.forecasts:
        raise DataError(f"{result.name}: no forecast called {signal!r}; it has {', '.join(facts.forecasts) or 'none'}")
    last = np.flatnonzero(np.append(facts.dates[1:] != facts.dates[:-1], True))
    dates = pd.DatetimeIndex(facts.dates[last].astype("datetime64[ns]"), name="date")
    wide = pd.DataFrame(facts.forecasts[name][last], index=dates, columns=pd.Index(facts.symbols, name="asset"))
    values = wide.to_numpy()
    at, asset = np.nonzero(~np.isnan(values))
    index = pd.MultiIndex.from_arrays([dates[at], wide.columns[asset]], names=["date", "asset"])
    return pd.Series(values[at, asset], index=index, name=name)


def prices(result: Result, adjusted: Floats) -> pd.DataFrame:
    """(S, N) forward-adjusted closes as a row per session and a column per asset: alphalens' `prices`."""
    import pandas as pd

    facts = result.facts
    last = np.flatnonzero(np.append(facts.dates[1:] != facts.dates[:-1], True))
    index = pd.DatetimeIndex(facts.dates[last].astype("datetime64[ns]"), name="date")
    return pd.DataFrame(adjusted[last], index=index, columns=pd.Index(facts.symbols, name="asset"))


def write(result: Result, folder: str | Path, adjusted: Floats | None = None) -> list[Path]:
    """The files of an export, Parquet: returns, equity, fills, trades, factors by signal, and prices where bars are at hand."""
    place = path_of(folder, "folder", OutputError)
    made: list[tuple[str, Callable[[], pd.DataFrame]]] = [
        ("returns", lambda: daily_returns(result).rename("return").rename_axis("date").to_frame()),
        ("equity", lambda: result.equity.to_frame()),
        ("fills", lambda: result.fills),
        ("trades", lambda: result.trades),
        *((f"factor-{name}", lambda name=name: factor(result, name).to_frame()) for name in result.forecasts),
    ]
    if adjusted is not None:
        made.append(("prices", lambda: prices(result, adjusted)))
    return [_kept(place / f"{name.replace('/', '-')}.parquet", frame()) for name, frame in made]


def _kept(path: Path, frame: pd.DataFrame) -> Path:
    """The path, holding `frame` whole; OutputError, and nothing half-written, if it cannot be."""
    make(path.parent)
    with instead(path) as draft:
        frame.to_parquet(draft)
    return path
