"""From a configuration to a Result: load, forecast, assemble, run, dress. The one road that the CLI and Python share."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine import plugins as registry
from engine.arguments import path_of, paths_of, texts_of
from engine.errors import ConfigError, DataError
from engine.record import Record
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.sections import Execution
    from engine.contracts import Rule, Signal, Strategy
    from engine.loop import Engine
    from engine.panel import Panel
    from engine.result import Result
    from engine.seen import Seen, Stretch
    from engine.shapes import Market

Progress = Callable[[str], None]


class Inputs(NamedTuple):
    """All that a run reads: bars, signals by name, and what each forecast for every slice, (T, N)."""

    panel: Panel
    signals: dict[str, Signal]
    forecasts: dict[str, Floats]

    def between(self, first: int, stop: int) -> Inputs:
        """Rows `first` to `stop` of the bars and of the forecasts that were made with all before them in sight."""
        arrays = {name: values[first:stop] for name, values in self.forecasts.items()}
        return Inputs(self.panel.between(first, stop), self.signals, arrays)


class Gathered(NamedTuple):
    """The inputs of a run, what its signals have seen, and the stretches that makes of its slices; one is the run's own."""

    whole: Inputs
    seen: dict[str, Seen]
    stretches: list[Stretch]
    own: Stretch
    warnings: list[str]

    @property
    def inputs(self) -> Inputs:
        """What the run's own figures are of."""
        return self.whole.between(self.own.first, self.own.stop)


def backtest(
    config: str | Path | Mapping[str, Any] | Config,
    panel: Panel | None = None,
    forecasts: Any = None,
    *,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    strategy: Rule | Strategy | None = None,
    progress: Progress | None = None,
) -> Result:
    """The Result of running `config` (a YAML file, a mapping of the same shape, or a loaded Config).

    `panel` replaces data.source (symbols, dates, lot and tick that the file says still hold), and `universe` is laid over it;
    `forecasts` (array (T, N), long frame date/symbol/forecast, wide frame, or a mapping of these by signal name) feed signals
    whose plugin is `precomputed`; `strategy` replaces the one of the file by a Python object.
    Raises ConfigError, DataError or PluginError, each one line that says where, what was expected, and the way out.
    """
    if progress is not None and not callable(progress):
        raise ConfigError(f"progress: expected a function of one text, got {progress!r:.80}; leave it out for silence")
    say = progress or (lambda text: None)
    sets = texts_of(sets, "sets", "capital=50000")
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    loaded = load_config(config, sets)
    return dress(loaded, run_all(loaded, gather(loaded, panel, forecasts, say), strategy, say), hashes, sets)


def prepare(config: Config, panel: Panel | None, forecasts: Any, say: Progress = lambda text: None) -> Inputs:
    """All that a run reads, whatever it then does with it: of the slices its own figures are of."""
    return gather(config, panel, forecasts, say).inputs


def gather(config: Config, panel: Panel | None, forecasts: Any, say: Progress = lambda text: None) -> Gathered:
    """Bars, signals and forecasts, and which of the slices the signals have seen before (engine.seen)."""
    from engine import seen as sight
    from engine.forecasts import forecast
    from engine.given import given_to

    panel = load_panel(config, panel, say)
    check_benchmark(config, panel)
    signals = make_signals(config)
    say("forecasting")
    given, known = given_to(signals, config, forecasts, panel)
    seen = {
        name: sight.seen_by(name, signal, config.signals[name].in_sample, panel.times, known.get(name))
        for name, signal in signals.items()
    }
    first = sight.begins(seen, panel.times)
    arrays = {name: forecast(name, signal, config, panel, given, first) for name, signal in signals.items()}
    for name, told in seen.items():
        if told.mode == "refuse" and (rows := sight.in_sample(told, panel.times)).any():
            arrays[name][rows] = float("nan")
    stretches = sight.stretches(seen, panel.times, first)
    own = next((one for one in stretches if one.kind == sight.OUT), stretches[0])
    warned = sight.warnings(seen, config, panel, own.first)
    return Gathered(Inputs(panel, signals, arrays), seen, stretches, own, warned)


def run_all(
    config: Config, gathered: Gathered, strategy: Rule | Strategy | None = None, say: Progress = lambda text: None
) -> Record:
    """The Record of the run's own stretch; each other one is run on an account of its own, of which figures are kept."""
    from engine.record import Provenance
    from engine.seen import models, verdict

    others = {}
    for one in gathered.stretches:
        if one != gathered.own:
            inputs = gathered.whole.between(one.first, one.stop)
            others[one] = run_record(config, *inputs, copy.deepcopy(strategy), say)
    inputs = gathered.inputs
    record = run_record(config, *inputs, strategy, say)
    told = [told_of(one, others.get(one, record)) for one in gathered.stretches] if others else []
    found = Provenance(
        models=models(gathered.seen),
        stretches=tuple(told),
        verdict=verdict(gathered.seen, gathered.own.kind, inputs.panel.times),
        warnings=tuple(gathered.warnings),
    )
    return replace(record, provenance=found)


def told_of(stretch: Stretch, record: Record) -> dict[str, Any]:
    """One stretch as the manifest keeps it; its metrics are of an account that began and ended with it."""
    from engine.metrics import compute
    from engine.trades import round_trips

    dates = record.panel.dates()
    return {
        "kind": stretch.kind,
        "first": str(dates[0]),
        "last": str(dates[-1]),
        "slices": len(dates),
        "metrics": compute(record, round_trips(record))[0],
    }


def load_config(config: str | Path | Mapping[str, Any] | Config, sets: Sequence[str] = ()) -> Config:
    """A validated Config from any of the forms backtest takes."""
    from engine.config import Config as Model
    from engine.config import load

    if isinstance(config, Model):
        return load(config, sets) if sets else config
    return load(dict(config) if isinstance(config, Mapping) else path_of(config, "config"), sets)


def load_panel(config: Config, panel: Panel | None = None, say: Progress = lambda text: None) -> Panel:
    """The panel that `data` (or `panel` in its stead) and `universe` describe."""
    from engine.data.universe import within
    from engine.universes import read_universe

    files = read_universe(config)  # first: they are small, and their mistakes quick to tell
    if panel is None:
        say("reading bars")
    return within(load_bars(config) if panel is None else given_panel(config, panel), files)


def load_bars(config: Config) -> Panel:
    """The panel that `data` describes, without the universe."""
    from engine.data.sources import load

    return load(config.data, config.execution.lot, config.execution.tick, config.base)


def given_panel(config: Config, panel: Panel) -> Panel:
    """The panel handed to backtest, cut to the symbols and dates of the file, with its lot and tick where it says them."""
    from engine.panel import Panel as Kind

    if not isinstance(panel, Kind):
        raise DataError(
            f"panel: expected an engine.Panel, got {type(panel).__name__}; make one with engine.Panel.from_frame(frame, ...)"
        )
    data = config.data
    if data.symbols is not None or data.start is not None or data.end is not None:
        panel = panel.cut(start=data.start, end=data.end, symbols=data.symbols)
    return stepped(panel, config.execution, config.execution.model_fields_set)


def stepped(panel: Panel, execution: Execution, said: Collection[str]) -> Panel:
    """The same bars with the lot and tick of `execution`, where `said` names them."""
    tick = float("nan") if execution.tick is None else execution.tick
    return panel.with_steps(execution.lot if "lot" in said else None, tick if "tick" in said else None)


def check_benchmark(config: Config, panel: Panel) -> None:
    """Nothing; ConfigError before anything is run if the benchmark is no symbol of the data."""
    from engine.data.words import nearest

    symbols = panel.universe.symbols
    if config.benchmark not in ("none", "equal_weight", *symbols):
        raise ConfigError(
            f"benchmark: {config.benchmark} is not in the data{nearest(config.benchmark, symbols)}; "
            f"expected equal_weight, none, or one of its symbols"
        )


def make_signals(config: Config) -> dict[str, Signal]:
    """Every signal of the file, made from its plugin."""
    from engine.forecasts import make_signal
    from engine.located import located

    out = {}
    for name, spec in config.signals.items():
        factory = registry.get("barcast.signals", spec.plugin)
        out[name] = make_signal(name, factory, located(name, factory, spec.params, config.base))
    return out


def run_record(
    config: Config,
    panel: Panel,
    signals: Mapping[str, Signal],
    arrays: dict[str, Floats],
    strategy: Rule | Strategy | None,
    say: Progress,
) -> Record:
    """Run the loop and gather what it leaves."""
    say("loading compiled code")
    engine = engine_of(config, panel, signals, arrays, strategy)
    say("running")
    started = time.perf_counter()
    engine.run()
    record = record_of(engine, panel, arrays, config.capital, time.perf_counter() - started)
    return replace(record, units={name: signal.unit for name, signal in signals.items()})


def engine_of(
    config: Config,
    panel: Panel,
    signals: Mapping[str, Signal],
    arrays: dict[str, Floats],
    strategy: Rule | Strategy | None = None,
    market: Market | None = None,
) -> Engine:
    """An engine ready for its first slice; `market` may be another's over the same bars (engine.assembly.assemble)."""
    from engine.assembly import assemble

    warmup = max(0, max((signal.window - 1 for signal in signals.values()), default=0) - panel.before)
    units = {name: signal.unit for name, signal in signals.items()}
    return assemble(config, panel, arrays, units, warmup, strategy, market)


def record_of(engine: Engine, panel: Panel, arrays: dict[str, Floats], capital: float, seconds: float) -> Record:
    """The Record of an engine that has run."""
    from engine.contracts import Rule
    from engine.shapes import ENDED

    slices, account, curve = engine.t, engine.book.account, engine.curve
    margin = float(engine.strategy.state[0, 0]) if isinstance(engine.strategy, Rule) else float("nan")
    return Record(
        panel=panel,
        capital=capital,
        equity=curve.equity[:slices],
        cash=curve.cash[:slices],
        long_value=curve.long_value[:slices],
        short_value=curve.short_value[:slices],
        positions=curve.positions[:slices],
        accrued=curve.accrued[:slices],
        fills=engine.fills(),
        codes=engine.codes[:slices],
        ended="ruin" if account.money[ENDED] != 0.0 else "complete",
        quantity=account.quantity.copy(),
        entry=account.entry.copy(),
        mark=account.mark.copy(),
        entry_t=account.entry_t.copy(),
        margin=margin if margin < float("inf") else float("nan"),
        forecasts=arrays,
        refusals=engine.refusals(),
        seconds=seconds,
    )


def dress(config: Config, record: Record, plugin_hashes: dict[str, str], sets: Sequence[str]) -> Result:
    """The Result of a record, with the manifest that says where it came from."""
    from engine.manifest import make_manifest
    from engine.result import Result

    resolved = config.resolved()
    manifest = make_manifest(resolved, record, plugin_hashes, list(sets))
    return Result(record, resolved, manifest)


def run_and_save(
    config: str | Path,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    out: str | Path = "runs",
    progress: Progress | None = None,
    robust: bool = False,
    ledger: bool = True,
) -> tuple[Result, Path]:
    """Run `config` and keep the result under out/<name>-<8 hex>; an equal run before it is replaced.

    `robust`: what other intrabar orders, costs and delays make of it is worked out too, and kept beside it. `ledger`: the
    run is counted as a trial in out/trials.sqlite.
    """
    from engine.rundir import run_directory, save_robustness

    say = progress or (lambda text: None)
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    loaded = load_config(config, texts_of(sets, "sets", "capital=50000"))
    gathered = gather(loaded, None, None, say)
    result = dress(loaded, run_all(loaded, gathered, None, say), hashes, sets)
    folder = run_directory(out, result.facts)
    result.save(folder)
    if ledger:
        from engine import trials

        trials.note(Path(out) / trials.LEDGER, [trials.of_result(result)])
    if robust:
        from engine.robust import examine

        found = examine(loaded, gathered.inputs, progress=lambda k, n: say(f"other assumptions: {k} of {n}"))
        save_robustness(found, folder)
    return result, folder
