"""What a panel holds, in numbers a person asks for before trusting it: `barcast data info`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.words import moment
from engine.types import Bools, Floats

if TYPE_CHECKING:
    from engine.panel import Panel

JUMP = 0.40  # |return| of a close that deserves a look: splits the data does not name, wrong tickers, real crashes


def describe(panel: Panel) -> dict[str, Any]:
    """Plain numbers and words about `panel`; `table` holds a dict per instrument, in column order.

    `missing` counts the slices without a bar between an instrument's first and last; `ended_early` the instruments
    whose last bar is before the last slice: a universe without any may hold survivors only.
    """
    exists = ~np.isnan(panel.close)
    table = rows(panel, exists)
    total = {
        key: sum(line[key] for line in table) for key in ("bars", "missing", "zero_volume", "missing_open", "jumps")
    }
    return {
        "name": panel.name,
        "instruments": len(panel.universe),
        "slices": len(panel),
        "sessions": int(panel.days[-1]) + 1,
        "first": moment(int(panel.times[0])),
        "last": moment(int(panel.times[-1])),
        "first_session": str(panel.sessions[0]),
        "last_session": str(panel.sessions[-1]),
        "calendar": panel.calendar,
        "bars_per_year": panel.bars_per_year,
        "bars_per_year_source": panel.bars_per_year_source,
        "prices": panel.prices,
        "dividends": panel.dividends,
        "missing_open_rule": panel.missing_open,
        **total,
        "ended_early": sum(line["last"] != str(panel.sessions[-1]) for line in table),
        "splits": int((panel.actions.split != 1.0).sum()),
        "dividends_paid": int((panel.actions.dividend != 0.0).sum()),
        "warnings": list(panel.warnings),
        "fingerprint": panel.fingerprint,
        "table": table,
    }


def rows(panel: Panel, exists: Bools) -> list[dict[str, Any]]:
    """A dict per instrument: symbol, sector, first, last, bars, missing, zero_volume, missing_open, jumps, actions."""
    n = len(panel.universe)
    first, last = np.argmax(exists, axis=0), len(panel) - 1 - np.argmax(exists[::-1], axis=0)
    bars = exists.sum(axis=0)
    idle = (panel.volume == 0.0).sum(axis=0)
    no_open = (exists & np.isnan(panel.open)).sum(axis=0)
    jumps = _jumps(panel.adjusted.close)
    actions = np.bincount(panel.actions.instrument, minlength=n)
    names = (*panel.universe.sector_names, "")  # sector -1 is the last one
    return [
        {
            "symbol": panel.universe.symbols[i],
            "sector": names[panel.universe.sector[i]],
            "first": str(panel.sessions[first[i]]) if bars[i] else "",
            "last": str(panel.sessions[last[i]]) if bars[i] else "",
            "bars": int(bars[i]),
            "missing": int(last[i] - first[i] + 1 - bars[i]) if bars[i] else 0,
            "zero_volume": int(idle[i]),
            "missing_open": int(no_open[i]),
            "jumps": int(jumps[i]),
            "actions": int(actions[i]),
        }
        for i in range(n)
    ]


def _jumps(close: Floats) -> np.ndarray:
    """(N,) how often an adjusted close moved by more than JUMP from the slice before; gaps are not counted."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(close[1:] / close[:-1] - 1.0) > JUMP).sum(axis=0))
