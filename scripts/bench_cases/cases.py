"""The cases: what is measured, who contends, what the table is held against.

One more case is a function here and its name in CASES, its inputs in inputs.py, and a
function of that name in peers/ours_run.py and in the file of each peer that can do it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench_cases import inputs
from bench_cases.duel import Contender, duel
from bench_cases.inference import inference
from bench_cases.journaling import journaling
from bench_cases.many import many
from bench_cases.papering import papering
from bench_cases.tables import head, heading, note, number, ratios, row, seconds, spread
from bench_cases.training import features, training

OURS = "barcast"
VECTORBT = (("vectorbt", "numba"), ("vectorbt", "rust"))
SWEPT = ("cells", "fills", "equity")
EVENTS = (("ml4t-backtest", "-"), ("backtrader", "-"))


@dataclass(frozen=True)
class Options:
    """How much to measure, and against whom. `make`: environments that are not there yet are made."""

    quick: bool
    runs: int
    peers: tuple[str, ...]
    make: bool


def contenders(case: str, options: Options, *peers: tuple[str, str]) -> list[Contender]:
    """Ourselves, and those of `peers` (name, variant) that were asked for."""
    named = [(peer, variant) for peer, variant in peers if peer in options.peers]
    return [Contender(OURS, case)] + [
        Contender(f"{peer} {variant}".removesuffix(" -"), case, peer, variant) for peer, variant in named
    ]


def quintile(options: Options) -> None:
    """Case 1: many instruments, rebalanced daily."""
    heading("Quintile, long, rebalanced daily, no stops: from panel and forecasts to fills and equity")
    sizes = (
        [(200, 100, VECTORBT + EVENTS)] if options.quick else [(2500, 500, VECTORBT + EVENTS), (6000, 1695, VECTORBT)]
    )
    for rows, names, peers in sizes:
        sides = contenders("quintile", options, *peers)
        duel(sides, lambda folder, r=rows, n=names: inputs.quintile(folder, r, n), options.runs, options.make)
        ratios(f"{names:,} instruments x {rows:,} bars", sides, rows * names)
        curves = [
            f"{side.label} {seconds(side.told['curve_seconds'])}" for side in sides if "curve_seconds" in side.told
        ]
        if curves:
            note(f"Equity curve on top, worked out when asked for: {', '.join(curves)}.")
    note(
        "All trade the targets of a close at the next open, in divisible shares sized on that close, with 5 bps commission, 5 bps "
        "slippage and 5 % in cash, so that fills and final equity should agree. On our clock: ranking, the reason of every "
        "decision, the equity curve. Not on the peers': their weights are ready. The event-driven peers run the smaller panel only."
    )


def bars(options: Options) -> None:
    """Case 2: one instrument, many bars, stops."""
    rows = 20_000 if options.quick else 1_000_000
    heading("Threshold with stop and take-profit, one instrument, minute bars")
    sides = contenders("bars", options, *VECTORBT)
    duel(sides, lambda folder: inputs.bars(folder, rows), options.runs, options.make)
    ratios(f"{rows:,} bars", sides, rows)
    note(
        "Entries and exits are ready for the peer; ours judges the forecast bar by bar. Fills fall on the same bars. Equity differs "
        "because vectorbt slips targets as well as stops (ours are limits), sizes on the open less fees instead of the close before "
        "it, and lets a stop of a bar go before an exit at its open."
    )


def curve(options: Options) -> None:
    """Case 3: the metrics of an equity curve."""
    rows = 500 if options.quick else 5000
    heading("The full table of metrics")
    sides = contenders("curve", options, ("quantstats", "-"))
    duel(sides, lambda folder: inputs.quintile(folder, rows, 20), options.runs, options.make)
    ratios(f"an equity curve of {rows:,} days", sides, told=("lines", "sharpe"))


def read(options: Options) -> None:
    """Case 4: bytes of the panel per second, beside a plain read of the same bytes."""
    heading("Bytes of the panel (open, high, low, close, volume) per second")
    head("instruments x bars", "fused run", "plain read", "share of the plain read")
    for rows, names in [(200, 100)] if options.quick else [(2500, 500), (6000, 1695)]:
        run, plain = sides = [Contender(OURS, "quintile"), Contender("read", "read")]
        duel(sides, lambda folder, r=rows, n=names: inputs.quintile(folder, r, n), options.runs, options.make)
        size = rows * names * 5 * 8
        speeds = [f"{size / side.middle / 1e9:.3g} GB/s" for side in sides]
        row(f"{names:,} x {rows:,}", *speeds, f"{plain.middle / run.middle:.2%}")


def lanes(options: Options) -> None:
    """Case 5: many parameter sets on one panel."""
    many(options.quick)


def sweep(options: Options) -> None:
    """Case 6: a grid of parameters over one panel."""
    rows, names, each = (200, 50, 2) if options.quick else (2500, 500, 10)
    heading("Sweep: quantile x commission x slippage of the quintile rule, final equity of every cell")
    two = Contender(f"{OURS}, 2 threads", "sweep", None, "2")
    sides = [Contender(f"{OURS}, 1 thread", "sweep", None, "1"), two, *contenders("sweep", options, *VECTORBT)[1:]]
    duel(sides, lambda folder: inputs.sweep(folder, rows, names, each), options.runs, options.make)
    ratios(f"{each**3:,} cells x {names:,} instruments x {rows:,} bars", sides, each**3 * rows * names, SWEPT)
    note(
        "The strategy is that of the first case. Ours ranks, and works out every cell's equity curve and metrics, on the clock; "
        "vectorbt's weights are ready, its cells are groups of columns, ten at a time, and it runs on one core."
    )


def bootstrap(options: Options) -> None:
    """Case 7: resampled histories of a curve."""
    rows = 250 if options.quick else 2500
    heading("Stationary bootstrap: growth, deepest drawdown and Sharpe ratio of every path")
    sides = [Contender(name, "bootstrap", None, name) for name in ("ours", "arch", "numpy")]
    duel(sides, lambda folder: inputs.returns(folder, rows), options.runs, options.make)
    ratios(f"10,000 paths of {rows:,} days", sides, told=("paths", "growth", "drawdown", "sharpe"))
    note(
        "Medians over the paths differ by what is drawn. The indices of ours are arch's; its loop calls a function a path."
    )


def scaling(options: Options) -> None:
    """Case 8: what a second core is worth to a sweep, and a cluster."""
    rows, names, cells = (200, 50, 16) if options.quick else (2500, 500, 240)
    heading(f"A sweep of {cells} cells on {names:,} x {rows:,} bars from a file, on one core and on two")
    roads = [("threads-1", "1 thread"), ("threads-2", "2 threads"), ("loky-2", "2 processes (loky)")]
    roads.append(("dask-2", "dask, scheduler and 2 workers of this machine"))
    sides = [Contender(label, "scaling", None, variant) for variant, label in roads]
    duel(sides, lambda folder: inputs.file(folder, rows, names, cells), options.runs, options.make)
    head("road", "seconds", "first run", "cells/s", "times one core", "cells", "sum of total returns")
    one = sides[0].middle
    for side in sides:
        if not side.seconds:
            row(side.label, side.missing or "no figure", *[""] * 5)
            continue
        speed = (f"{cells / side.middle:.1f}", f"{one / side.middle:.2f}")
        answers = (number(side.told["cells"]), number(side.told["growth"]))
        row(side.label, spread(side), seconds(side.first), *speed, *answers)
    note("Every batch reads its bars and works out its signals anew: that, and handing out, is what processes pay for.")


def journal(options: Options) -> None:
    """Case 9: the journal of a paper session, and what the disk's sync costs it."""
    journaling(options.quick)


def paper(options: Options) -> None:
    """Case 10: a paper session over replayed bars, journal and sync included."""
    papering(options.quick)


CASES: dict[str, Callable[[Options], None]] = {
    "quintile": quintile,
    "bars": bars,
    "curve": curve,
    "read": read,
    "lanes": lanes,
    "sweep": sweep,
    "bootstrap": bootstrap,
    "scaling": scaling,
    "journal": journal,
    "inference": lambda options: inference(1_024 if options.quick else 10_240, options.runs),
    "training": lambda options: training(options.quick),
    "features": lambda options: features(options.quick, options.runs),
    "paper": paper,
}
PEERS = tuple(sorted(path.stem for path in (Path(__file__).resolve().parents[1] / "peers").glob("*.txt")))
