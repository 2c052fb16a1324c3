"""The common ground: what barcast and backtrader do alike, and one line per reason why a run is not on it.

Off it a comparison would only restate the differences that docs/crosscheck.md lists, so none is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engine import codes as c
from engine.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from engine.config import Config
    from engine.panel import Panel
    from engine.record import Record

ASKED_BELOW = {"lot", "tick", "intrabar", "entry_bar_protection"}
SHARED = {  # keys that may have any value: both sides do as they say, or nothing depends on them
    "threshold": {"rule", "signal", "side", "cooldown", "confidence", "exit_confidence", "size", "max_positions"},
    "quintile": {
        "rule",
        "signal",
        "side",
        "cooldown",
        "quantile",
        "positive_only",
        "negative_only",
        "weight",
        "rebalance",
    }
    | {"min_names", "max_weight"},
    "exits": {"stop_loss", "take_profit"},
    "sizing": {"exposure"},
    "caps": {"max_weight", "max_gross"},
    "switches": set[str](),
    "execution": {"commission", "slippage", *ASKED_BELOW},
}
ELSEWHERE = {
    "name",
    "data",
    "universe",
    "signals",
    "benchmark",
    "broker",
    "feed",
    "capital",
    "seed",
}  # shared as a whole, or seen in the bars
ONLY_VALUE = "only fees in proportion to value are compared"
WHY = {  # of a key that must keep its default; for the others: it is not written a second time
    "exits.trailing_stop": "backtrader's trailing stop follows closes, barcast's follows highs and lows",
    "exits.break_even": "backtrader has no order that arms itself",
    "exits.time_stop": "backtrader has no order that counts bars",
    "execution.fill": "only orders for the next open are compared",
    "execution.delay": "backtrader's orders meet the next bar",
    "execution.per_share": ONLY_VALUE,
    "execution.per_order": ONLY_VALUE,
    "execution.min_fee": ONLY_VALUE,
    "execution.impact": "backtrader's slippage does not know volume",
    "execution.max_participation": "backtrader's fillers give every order the whole volume of the bar",
    "execution.borrow": "backtrader charges interest on the entry price, barcast on the mark",
    "execution.interest": "backtrader pays none on cash",
    "execution.maintenance": "backtrader has no margin calls",
}


class OffGroundError(ConfigError):
    """The run cannot be compared; `reasons` says why, a line each."""

    def __init__(self, name: str, reasons: list[str]) -> None:
        self.reasons = tuple(reasons)
        lines = "".join(f"\n  {reason}" for reason in reasons)
        super().__init__(
            f"{name} is not on the ground that barcast and backtrader share, so nothing is compared:{lines}"
        )


def off_the_file(config: Config) -> list[str]:
    """Why the file is off the common ground; empty where it is on it."""
    return [*_rule(config), *_keys(config), *_exits(config)]


def _rule(config: Config) -> Iterator[str]:
    rule = config.strategy.rule
    if rule in ("threshold", "quintile"):
        yield from _section("strategy", config.strategy, SHARED[rule])
    else:
        yield f"strategy.rule {rule}: only threshold and quintile are written a second time"
    if config.universe.members is not None:
        yield "universe.members: members that come and go are not compared; leave it out"


def _keys(config: Config) -> Iterator[str]:
    """One reason for each key that is neither shared nor at its default, sections and keys of a later version included."""
    for name in type(config).model_fields:
        if name not in ELSEWHERE and name != "strategy":
            yield from _section(name, getattr(config, name), SHARED.get(name, set()))


def _section(name: str, section: BaseModel, shared: set[str]) -> Iterator[str]:
    for key, field in type(section).model_fields.items():
        default = field.get_default(call_default_factory=True)
        if key not in shared and getattr(section, key) != default:
            why = WHY.get(f"{name}.{key}", "it is not written a second time")
            yield f"{name}.{key}: {why}; " + ("leave it out" if default is None else f"set it to {default}")


def _exits(config: Config) -> Iterator[str]:
    exits, execution = config.exits, config.execution
    for key in ("stop_loss", "take_profit"):
        if not isinstance(getattr(exits, key), float | None):
            yield f"exits.{key}: only a fraction of the entry price is compared"
    if execution.slippage > 0.0 and exits.take_profit is not None:
        yield "execution.slippage with exits.take_profit: backtrader slips a limit at a gap, barcast never; drop one of them"
    if exits.stop_loss is None and exits.take_profit is None:
        return
    if execution.entry_bar_protection:
        yield (
            "execution.entry_bar_protection: backtrader's brackets sleep on the bar of the entry, barcast's levels are awake; "
            "set it to false"
        )
    if execution.intrabar != "pessimistic" and None not in (exits.stop_loss, exits.take_profit):
        yield f"execution.intrabar {execution.intrabar}: of a bracket backtrader always takes the stop; set it to pessimistic"


def off_the_bars(panel: Panel, exits: bool) -> list[str]:
    """Why the bars are off the common ground; `exits` says whether levels need a high and a low."""
    return [*_missing(panel, exits), *_instruments(panel)]


def _missing(panel: Panel, exits: bool) -> Iterator[str]:
    ways = {
        "close": "gaps: {count} of {all} bars are missing, first {symbol} on {date}: backtrader matches what waits against the "
        "last bar again; choose symbols and dates without gaps",
        "open": "opens: {count} of {all} bars have none, first {symbol} on {date}; choose other dates, or "
        "data.missing_open: previous_close",
        "high": "highs: {count} of {all} bars have none, first {symbol} on {date}; levels cannot be compared",
        "low": "lows: {count} of {all} bars have none, first {symbol} on {date}; levels cannot be compared",
    }
    gaps = np.isnan(panel.close)
    for column in ways if exits else ("close", "open"):
        missing = np.isnan(getattr(panel, column)) & (gaps if column == "close" else ~gaps)
        if column == "open":
            missing[0] = False  # nothing can be filled on the first slice
        if missing.any():
            t, i = (int(k) for k in np.argwhere(missing)[0])
            told = {"symbol": panel.universe.symbols[i], "date": panel.sessions[t]}
            yield ways[column].format(count=f"{int(missing.sum()):,}", all=f"{missing.size:,}", **told)


def _instruments(panel: Panel) -> Iterator[str]:
    universe = panel.universe
    if len(panel.actions):
        yield f"splits or dividends: {len(panel.actions):,} of them; backtrader knows adjusted prices only"
    if (universe.lot != 1.0).any():
        yield f"execution.lot {universe.lot[universe.lot != 1.0][0]:g}: both trade whole shares only at lot 1"
    if not np.isnan(universe.tick).all():
        yield "execution.tick: backtrader rounds no levels; leave it out"
    if (universe.multiplier != 1.0).any():
        yield "multiplier: only instruments with multiplier 1 are compared"
    if universe.delisted_at.any():
        yield "delisted_at: backtrader knows no deaths"
    if panel.member is not None:
        yield "members that come and go are not compared"


def off_the_run(record: Record, refused: list[tuple[int, int]]) -> list[str]:
    """Why a run that began on the common ground left it: cash that ran short on either side, or ruin.

    `refused` are backtrader's (slice, instrument) of orders without cash.
    """
    out = []
    short = np.argwhere((record.codes & np.uint32(c.SCALED | c.NO_POWER)) != 0)
    sides = ((short, "barcast scaled"), (np.asarray(refused, np.int64).reshape(-1, 2), "backtrader refused"))
    for found, did in sides:
        if len(found):
            t, i = (int(k) for k in found[0])
            who, when = record.panel.universe.symbols[i], record.panel.sessions[t]
            out.append(
                f"cash: {did} {len(found):,} order{'' if len(found) == 1 else 's'} for lack of it, first {who} on {when}; "
                f"lower strategy.size, sizing.exposure or the costs"
            )
    if record.ended == "ruin":
        out.append(f"ruin: equity was at or below zero on {record.panel.sessions[len(record.equity) - 1]}")
    return out
