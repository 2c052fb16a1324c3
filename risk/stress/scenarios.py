"""Shocks to today's book: each a graft of bars after the last slice, changed assumptions, or both.

A scenario is a function of what is held and what has been; its formula stands in its docstring and its defaults in USUAL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.random import default_rng

from engine.config import Config
from engine.errors import ConfigError
from engine.panel import Panel
from engine.types import Floats
from risk.stress.grafting import Graft, replay, scaled, still

HORIZON = 60  # slices that replayed scenarios last


class Book(NamedTuple):
    """What a scenario is told: the run's bars, and what it holds at their end."""

    config: Config
    panel: Panel
    quantity: Floats  # (N,) signed


class Shock(NamedTuple):
    """What a scenario does: bars to come, keys of the configuration that change, and a line that says so."""

    graft: Graft
    changes: Mapping[str, Any]
    said: str


def gap(book: Book, size: float = -0.20, slices: int = 5) -> Shock:
    """Every name opens at (1 + size) of its last close and stands there: stops fill at that open."""
    graft = still(book.panel, slices)
    for column in (graft.open, graft.high, graft.low, graft.close):
        column[0] *= 1.0 + size
    return Shock(graft, {}, f"every open {size:+.0%} from the last close, then no move for {slices - 1} slices")


def crash(book: Book, first: str = "2020-02-20", last: str = "2020-03-23") -> Shock | None:
    """The bars of a stretch of the data again, name by name, after today; None where the data does not hold it.

    Names that had no bar there move as the mean of those that had.
    """
    sessions = book.panel.sessions
    start, stop = (
        int(np.searchsorted(sessions, np.datetime64(first))),
        int(np.searchsorted(sessions, np.datetime64(last), side="right")),
    )
    slack = np.timedelta64(7, "D")
    if start < 1 or stop <= start or sessions[stop - 1] < np.datetime64(last) - slack:
        return None
    return Shock(replay(book.panel, slice(start, stop)), {}, f"{first} to {last} again, {stop - start} slices")


def volatility(book: Book, factor: float = 2.0, slices: int = HORIZON) -> Shock:
    """The last `slices` bars again, each log ratio `factor` times as far from its name's mean: the drift stays."""
    graft = scaled(replay(book.panel, _last(book.panel, slices)), factor)
    return Shock(graft, {}, f"the last {len(graft.close)} slices again, deviations from the mean times {factor:g}")


def together(book: Book, slices: int = HORIZON) -> Shock:
    """The last `slices` returns with every correlation 1: name i returns mean_i + sd_i z, z the market's standardised mean.

    Bars open at the close before; high and low are the higher and lower of open and close.
    """
    past = np.log(replay(book.panel, _last(book.panel, slices)).close)
    known = ~np.isnan(past)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, past, 0.0).sum(0) / count
    spread = np.sqrt(np.where(known, (past - mean) ** 2, 0.0).sum(0) / count)
    market = np.where(known, past, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    deviation = market.std()
    z = (market - market.mean()) / deviation if deviation > 0.0 else np.zeros(len(market))
    base = still(book.panel, len(past))
    close = np.exp(mean + spread * z[:, None]) * base.close
    graft = Graft(base.open, np.fmax(base.open, close), np.fmin(base.open, close), close, base.volume)
    return Shock(graft, {}, f"the last {len(past)} slices' means and deviations, all names moving as one")


def drought(book: Book, share: float = 0.10, slippage: float = 5.0, slices: int = HORIZON) -> Shock:
    """The last `slices` bars again with volume times `share` and the configured slippage and impact times `slippage`."""
    graft = replay(book.panel, _last(book.panel, slices))
    e = book.config.execution
    changes = {"execution.slippage": min(1.0, e.slippage * slippage), "execution.impact": e.impact * slippage}
    said = f"the last {len(graft.close)} slices again on {share:.0%} of their volume, slippage and impact times {slippage:g}"
    return Shock(graft._replace(volume=graft.volume * share), changes, said)


def deaths(book: Book, share: float = 0.10, haircut: float = 0.50, slices: int = 30, seed: int = 0) -> Shock:
    """A `share` of the names held (at least one) never trades again, and each is worth its last close less `haircut`.

    They are declared dead after 10 sessions without a bar; which ones is drawn with `seed`.
    """
    held = np.flatnonzero(book.quantity != 0.0)
    graft = still(book.panel, slices)
    count = min(len(held), max(1, round(share * len(held))))
    gone = np.sort(default_rng(seed).permutation(held)[:count])
    keep = np.ones(graft.close.shape, np.bool_)
    keep[:, gone] = False
    names = ", ".join(book.panel.universe.symbols[i] for i in gone) or "nothing is held"
    changes = {"data.delisting_after": 10, "data.delisting_haircut": haircut}
    return Shock(graft.only(keep), changes, f"delisted at a loss of {haircut:.0%}: {names}")


def borrow(book: Book, factor: float = 10.0, least: float = 0.20, slices: int = HORIZON) -> Shock:
    """The last `slices` bars again with borrowing at `factor` times what is configured, and at least `least` a year."""
    rate = min(1.0, max(least, factor * book.config.execution.borrow))
    graft = replay(book.panel, _last(book.panel, slices))
    return Shock(
        graft, {"execution.borrow": rate}, f"the last {len(graft.close)} slices again, borrowing at {rate:.0%} a year"
    )


def _last(panel: Panel, slices: int) -> slice:
    if len(panel) < 2:
        raise ConfigError(f"stress: {panel.name} has {len(panel)} slice; scenarios need at least 2")
    return slice(max(1, len(panel) - slices), len(panel))


USUAL: dict[str, Callable[[Book], Shock | None]] = {
    "COVID crash replayed": crash,
    "gap of -20 %": gap,
    "volatility doubled": volatility,
    "correlation to one": together,
    "liquidity drought": drought,
    "delisting wave": deaths,
    "borrow spike": borrow,
}
