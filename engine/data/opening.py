"""Bars for a command: a strategy file's, those of a .parquet or .csv file, or a packaged set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.panel import Panel

FILES = (".yaml", ".yml")


def open_panel(source: str, said: Mapping[str, Any] | None = None, symbols: Sequence[str] | None = None) -> Panel:
    """The panel that `source` names. `said` are declarations (prices, dividends, calendar, missing_open) in place of a
    packaged set's own or, for a file of bars, of as traded without dividends; a strategy file says them itself.

    Files of bars go through the cache of panels.
    """
    from engine.data import sources
    from engine.data.packaged import SETS
    from engine.errors import ConfigError

    told = {key: value for key, value in (said or {}).items() if value is not None}
    if Path(source).suffix.lower() in FILES:
        from engine.run import load_config, load_panel

        if told:
            raise ConfigError(f"{source}: a strategy file says itself what its prices are; leave out {', '.join(told)}")
        panel = load_panel(load_config(source))
        return panel.cut(symbols=list(symbols)) if symbols else panel
    if source in SETS:
        where: dict[str, Any] = {"source": "packaged", "name": source, "model_fields_set": set(told)}
    else:
        path = sources.find(source)
        packed = [ending.lower() for ending in path.suffixes]  # bars.csv.gz
        where = {"source": "csv" if ".csv" in packed[-2:] else "parquet", "path": str(path)}
        told = {"prices": "as_traded", "dividends": "none", **told}
    data = SimpleNamespace(**where, **told, symbols=None if symbols is None else tuple(symbols), start=None, end=None)
    return sources.load(data)
