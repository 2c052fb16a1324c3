"""What a result is made of: plain arrays, complete without the panel: a stored run is as good as a fresh one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine import codes as c
from engine.benchmark import benchmark_of
from engine.metrics import Reasons, Values, compute, of_curve
from engine.record import Record
from engine.trades import Trades, round_trips
from engine.types import Codes, Fills, Floats, Ints, Refusals

if TYPE_CHECKING:
    from engine.panel import Panel

FEW_TRADES = 30
RECENT = 20  # slices: who has a bar in the last of them has not left the data


@dataclass(frozen=True, slots=True)
class Actions:
    """Splits and dividends of the slices run, by row and instrument."""

    row: Ints
    instrument: Ints
    split: Floats
    dividend: Floats


@dataclass(frozen=True, slots=True)
class Curve:
    """What was noted of every slice, (S,) each."""

    equity: Floats
    cash: Floats
    long_value: Floats
    short_value: Floats
    positions: Ints
    accrued: Floats


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a run leaves of every instrument, (N,) each, at its end."""

    multiplier: Floats
    quantity: Floats
    entry: Floats
    mark: Floats
    entry_row: Ints


@dataclass(frozen=True, slots=True)
class Facts:
    """A run over S slices and N symbols, worked out. Row k everywhere is slice k."""

    symbols: tuple[str, ...]
    times: Ints  # (S,) ns UTC
    dates: NDArray[np.datetime64]  # (S,) session dates
    capital: float
    bars_per_year: float
    ended: str
    margin: float
    curve: Curve
    benchmark: Floats | None  # (S,)
    instruments: Instruments
    actions: Actions
    fills: Fills
    refusals: Refusals
    trades: Trades
    codes: Codes  # (S, N)
    forecasts: dict[str, Floats]  # name -> (S, N)
    metrics: Values
    reasons: Reasons
    benchmark_metrics: Values
    warnings: tuple[str, ...]
    config: dict[str, Any]
    manifest: dict[str, Any]


def facts_of(record: Record, config: dict[str, Any], manifest: dict[str, Any]) -> Facts:
    """Everything a result shows, from a run's record and its resolved configuration."""
    panel, rows = record.panel, len(record.equity)
    trades = round_trips(record)
    metrics, reasons = compute(record, trades)
    benchmark = benchmark_of(panel, config.get("benchmark"), record.capital)
    times = np.ascontiguousarray(panel.times[:rows])
    against: Values = {}
    if benchmark is not None:
        benchmark = benchmark[:rows]
        against = of_curve(benchmark, times, record.capital, panel.bars_per_year)[0]
    columns = (record.equity, record.cash, record.long_value, record.short_value, record.positions, record.accrued)
    return Facts(
        symbols=panel.universe.symbols,
        times=times,
        dates=np.asarray(panel.dates()[:rows], dtype="datetime64[D]"),
        capital=float(record.capital),
        bars_per_year=float(panel.bars_per_year),
        ended=record.ended,
        margin=float(record.margin),
        curve=Curve(*columns),
        benchmark=benchmark,
        instruments=Instruments(panel.universe.multiplier, record.quantity, record.entry, record.mark, record.entry_t),
        actions=_actions(panel, rows),
        fills=record.fills,
        refusals=record.refusals,
        trades=trades,
        codes=record.codes[:rows],
        forecasts={name: values[:rows] for name, values in record.forecasts.items()},
        metrics=metrics,
        reasons=reasons,
        benchmark_metrics=against,
        warnings=(
            *record.provenance.warnings,
            *panel.warnings,
            *run_warnings(record, trades),
            *idle(record, _delay(config)),
        ),
        config=config,
        manifest=manifest,
    )


def slippage_of(facts: Facts) -> Floats:
    """(F,) money lost between the reference and the price of each fill; above 0 is a loss."""
    f = facts.fills
    # Adding 0 turns the -0.0 of a sale at its reference into 0.
    return f.quantity * (f.price - f.reference) * facts.instruments.multiplier[f.instrument] + 0.0


def _actions(panel: Panel, rows: int) -> Actions:
    actions = panel.actions
    within = actions.row < rows
    return Actions(*(getattr(actions, name)[within] for name in ("row", "instrument", "split", "dividend")))


def run_warnings(record: Record, trades: Trades) -> list[str]:
    """What a reader must know before believing the run, beside the warnings of its data."""
    panel, out = record.panel, []
    if panel.bars_per_year_source == "counted":
        rate = f"{panel.bars_per_year:.2f}" if np.isfinite(panel.bars_per_year) else "not known"
        out.append(f"bars per year: {rate}, counted from the data")
    told = any(entry.key == "universe.members" for entry in panel.inputs)  # then the file has said it better
    if not told and len(panel.universe) > 1 and np.isfinite(panel.close[-RECENT:]).any(axis=0).all():
        out.append("survivorship: no symbol leaves the data before its end, so names that died may be missing")
    if len(record.fills) and not trades.fees.any() and not trades.slippage.any():
        out.append("no costs: commission, fees and slippage are all 0, as nobody trades")
    if free := int((record.fills.price <= 0.0).sum()):
        out.append(f"{free} {_plural(free, 'fill', 'fills')} at a price of 0: slippage takes all of it")
    first = int(np.argmax(record.positions > 0)) if (record.positions > 0).any() else 0
    if first > len(record.equity) // 100 and first > 1:
        when = panel.dates()[first]
        out.append(
            f"no position before {when}: the {first} flat slices before it count in every figure of the strategy"
        )
    if record.ended == "ruin":
        out.append(f"ruin: equity fell to {record.equity[-1]:.2f}; the run ended at slice {len(record.equity) - 1}")
    still, closed = int(trades.is_open.sum()), int((~trades.is_open).sum())
    if still:
        out.append(f"{still} {_plural(still, 'trade is', 'trades are')} still open and valued at the last mark")
    if closed < FEW_TRADES:
        out.append(f"{closed} closed {_plural(closed, 'trade', 'trades')}: fewer than {FEW_TRADES} prove little")
    if len(record.refusals):
        out.append(refused_in_words(record.refusals))
    flags = np.bitwise_and(record.codes, np.uint32(c.AMBIGUOUS)) != 0
    ambiguous = int(flags.sum())
    if ambiguous:
        out.append(
            f"{ambiguous} {_plural(ambiguous, 'bar', 'bars')} in which the intrabar policies would fill differently"
        )
    return out


def refused_in_words(refusals: Refusals) -> str:
    """How many explicit orders were refused, and by what."""
    found, counts = np.unique(refusals.decision, return_counts=True)
    told = ", ".join(f"{c.DECISIONS[int(code)]} {count}" for code, count in zip(found, counts, strict=True))
    return f"{len(refusals)} {_plural(len(refusals), 'order was', 'orders were')} refused: {told}"


def idle(record: Record, delay: int) -> list[str]:
    """Why a run has no fill: a window or a delay as long as the data, or what was decided most often."""
    if len(record.fills) or not len(record.equity):
        return []
    rows = len(record.equity)
    decided = record.codes & np.uint32(c.DECISION_MASK)
    asked = decided[~np.isin(decided, (c.NOT_ASKED, c.NO_BAR_NOW, c.NOT_MEMBER))]
    if len(asked) and (asked == c.WARMING_UP).all():
        if any(np.isfinite(values).any() for values in record.forecasts.values()):
            return [f"no trades: in the {rows} slices no name has as many forecasts as its confidence compares with"]
        return [f"no trades: a signal's window is longer than the {rows} slices of the data"]
    if delay + 1 >= rows:
        return [f"no trades: an order waits {delay} slices beyond the next, and the data has {rows}"]
    if not len(asked):
        return ["no trades: nothing was ever decided, for want of bars or members"]
    kinds, counts = np.unique(asked, return_counts=True)
    most = int(np.argmax(counts))
    name = c.DECISIONS.get(int(kinds[most]), hex(int(kinds[most])))
    return [f"no trades: {counts[most]} of {len(asked)} decisions were '{name}'"]


def _delay(config: dict[str, Any]) -> int:
    return int(config.get("execution", {}).get("delay", 0))


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
