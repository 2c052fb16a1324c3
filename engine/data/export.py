"""A panel as a long frame, so that what was read can be looked at, saved, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.types import Universe

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel

CARRIED = ("lot", "tick", "multiplier", "terminal_value")


def long_frame(panel: Panel) -> pd.DataFrame:
    """One row per bar or action, by symbol and then by time; columns an instrument could carry only where one does."""
    import pandas as pd

    actions = panel.actions
    busy = ~np.isnan(panel.close)
    busy[actions.row, actions.instrument] = True
    column, row = (place.astype(np.int64) for place in np.nonzero(busy.T))
    u = panel.universe
    data: dict[str, Any] = {
        "timestamp": pd.DatetimeIndex(panel.times[row].view("datetime64[ns]"), tz="UTC"),
        "symbol": np.array(u.symbols, dtype=object)[column],
    }
    data |= {key: getattr(panel, key)[row, column] for key in ("open", "high", "low", "close", "volume")}
    if len(actions):
        for key, nothing in (("split", 1.0), ("dividend", 0.0)):
            grid = np.full(panel.close.shape, nothing)
            grid[actions.row, actions.instrument] = getattr(actions, key)
            data[key] = grid[row, column]
    plain = Universe.of(u.symbols)
    for key in CARRIED:
        values = getattr(u, key)
        if not np.array_equal(values, getattr(plain, key), equal_nan=True):
            data[key] = values[column]
    if (u.sector >= 0).any():
        names = np.array([*u.sector_names, None], dtype=object)
        data["sector"] = names[u.sector[column]]
    if (u.delisted_at != 0).any():
        stamps = u.delisted_at.astype("datetime64[ns]")
        stamps[u.delisted_at == 0] = np.datetime64("NaT")
        data["delisted_at"] = pd.DatetimeIndex(stamps[column], tz="UTC")
    return pd.DataFrame(data)
