"""The bars behind a run, for candles and forecasts' outcomes: at hand after a run, else read again and proved the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import BarcastError
from engine.types import Floats

if TYPE_CHECKING:
    from engine.panel import Panel
    from engine.result import Result


@dataclass(frozen=True, slots=True)
class Bars:
    """(S, N) prices of the slices run, in the unit the data declares; `adjusted` is the forward-adjusted close."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adjusted: Floats


@dataclass(frozen=True, slots=True)
class NoBars:
    """There are none, and why."""

    why: str


def bars_of(panel: Panel, slices: int) -> Bars:
    """The first `slices` rows of a panel."""
    parts = (panel.open, panel.high, panel.low, panel.close, panel.adjusted.close)
    return Bars(*(part[:slices] for part in parts))


def find_bars(result: Result, base: str | Path | None = None) -> Bars | NoBars:
    """The bars of a run: its panel's, or those its configuration names, as long as their fingerprint is the run's.

    `base` is where relative paths of the strategy file begin, beside the working folder. Nothing is raised for data that
    cannot be read again: the report says why and goes without.
    """
    if result.panel is not None:
        return bars_of(result.panel, len(result.facts.times))
    from engine.config import load
    from engine.run import load_panel

    wanted = result.manifest.get("data", {}).get("fingerprint")
    try:
        config = load(result.config)
        config._base = None if base is None else Path(base)
        panel = load_panel(config)
    except BarcastError as error:
        return NoBars(f"the bars could not be read again: {str(error).splitlines()[0]}")
    if panel.fingerprint != wanted:
        return NoBars("the data has changed since the run: its fingerprint is another, so these are not the run's bars")
    return bars_of(panel, len(result.facts.times))
