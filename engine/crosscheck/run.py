"""One file, two engines: load it, see whether they can be compared, run both, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import codes as c
from engine.crosscheck.compare import Comparison, Execution, compare
from engine.crosscheck.ground import OffGroundError, off_the_bars, off_the_file, off_the_run

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel
    from engine.record import Record
    from engine.types import Floats


def crosscheck(
    config: str | Path | Mapping[str, Any] | Config,
    panel: Panel | None = None,
    forecasts: Any = None,
    *,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """The Comparison of `config` run by barcast and by backtrader; the arguments are those of engine.backtest.

    OffGroundError (a ConfigError) names every reason why the two cannot be compared: those in the file before any bar is read,
    those in the bars before anything is run. PluginError if backtrader is not installed.
    """
    from engine import plugins as registry
    from engine import run

    say = progress or (lambda text: None)
    registry.load_files(plugins)
    loaded = run.load_config(config, sets)
    refuse(loaded, off_the_file(loaded))
    bars, signals, arrays = run.prepare(loaded, panel, forecasts, say)
    exits = loaded.exits.stop_loss is not None or loaded.exits.take_profit is not None
    refuse(loaded, off_the_bars(bars, exits))
    record = run.run_record(loaded, bars, signals, arrays, None, say)
    say("running backtrader")
    name = str(getattr(loaded.strategy, "signal", ""))
    return against(loaded, record, arrays[name], signals[name].unit)


def refuse(config: Config, reasons: list[str]) -> None:
    """Nothing; OffGroundError if there is a reason."""
    if reasons:
        raise OffGroundError(config.name, reasons)


def against(config: Config, record: Record, forecasts: Floats, unit: str) -> Comparison:
    """A finished run of ours held against backtrader's of the same bars and (T, N) forecasts."""
    from engine.crosscheck import backtrader
    from engine.crosscheck.rules import decider, due_slices

    panel, exits, execution = record.panel, config.exits, config.execution
    due = due_slices(panel.sessions.astype("datetime64[D]").tolist(), getattr(config.strategy, "rebalance", "daily"))
    decide = decider(config, forecasts.tolist(), unit, due)
    stop, target = (level if isinstance(level, float) else None for level in (exits.stop_loss, exits.take_profit))
    terms = backtrader.Terms(config.capital, execution.commission, execution.slippage, stop, target)
    theirs = backtrader.run(panel, decide, terms)
    refuse(config, off_the_run(record, theirs.refused))
    return compare(
        config.name,
        panel,
        executions(record),
        [Execution(*fill) for fill in theirs.fills],
        record.equity,
        theirs.equity,
    )


def executions(record: Record) -> list[Execution]:
    """The fills of a run of ours."""
    f = record.fills
    columns = (f.t.tolist(), f.instrument.tolist(), f.quantity.tolist(), f.price.tolist(), f.fee.tolist())
    words = (c.REASONS[reason] for reason in f.reason.tolist())
    return [Execution(*row) for row in zip(*columns, words, strict=True)]
