"""Everything `barcast stress` says of a strategy: one run, its parts, its tails, and the shocks to the book it ends with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from engine.benchmark import EQUAL_WEIGHT, benchmark_of
from engine.config import Config
from engine.errors import DataError
from engine.run import Inputs, prepare, run_record
from engine.trades import round_trips
from engine.types import Floats
from risk.stress.assumptions import Assumptions, assumptions
from risk.stress.parts import Part, course_of, part
from risk.stress.resampled import QUANTILES, Histories, resampled
from risk.stress.shocked import Outcome, shocks
from risk.stress.states import states
from risk.stress.tails import Tail, Worst, tail, worst
from risk.stress.windows import Stretch, overlaps

LEVELS = (0.95, 0.99)
FEWEST = 30  # returns under which tails are not told
Say = Callable[[str], None]


class Asked(NamedTuple):
    """Which parts are wanted."""

    regimes: bool = True
    tails: bool = True
    scenarios: bool = True
    assumptions: bool = True
    histories: int = 0  # how many to resample, of all slices and of each state of volatility
    seed: int = 0
    markets: str | None = None  # a simulation file, whose markets are run over too
    invented: int = 0  # how many of them


class Stressed(NamedTuple):
    """What was asked for; a part that was not is empty."""

    name: str
    first: str
    last: str
    stretches: tuple[tuple[Stretch, Part | None], ...]  # None: not covered by the data
    overlapping: tuple[tuple[str, str], ...]
    states: dict[str, Part]
    tails: tuple[Tail, ...]
    worst: tuple[Worst, ...]
    worst_dates: tuple[str, ...]
    shocks: tuple[Outcome, ...]
    hangs_on: Assumptions | None
    histories: tuple[Histories, ...]


def stress(
    config: Config,
    stretches: tuple[Stretch, ...] = (),
    asked: Asked | None = None,
    inputs: Inputs | None = None,
    say: Say = lambda text: None,
) -> Stressed:
    """Run `config` once and take it apart; DataError where it ran over no slice."""
    asked = Asked() if asked is None else asked
    inputs = prepare(config, None, None, say) if inputs is None else inputs
    panel = inputs.panel
    record = run_record(config, *inputs, None, say)
    slices = len(record.equity)
    if slices == 0:
        raise DataError(f"{panel.name}: the run has no slice; stress needs a run")
    trades = round_trips(record)
    course = course_of(record, trades, benchmark_of(panel, config.benchmark, record.capital))
    sessions = panel.sessions[:slices]
    parts: list[tuple[Stretch, Part | None]] = []
    found: dict[str, Part] = {}
    if asked.regimes:
        parts = [(one, part(course, one.holds(sessions)) if one.covered(sessions) else None) for one in stretches]
        market = benchmark_of(panel, EQUAL_WEIGHT, 1.0)
        assert market is not None
        found = {name: part(course, mask[:slices]) for name, mask in states(market).items()}
    known: Floats = course.returns[~np.isnan(course.returns)]
    deep = asked.tails and len(known) >= FEWEST
    losses = worst(course.returns, panel.adjusted.close, trades, panel.universe.symbols) if deep else []
    covered = [one for one, figures in parts if figures is not None]
    return Stressed(
        config.name or panel.name,
        str(sessions[0]),
        str(sessions[-1]),
        tuple(parts),
        tuple(overlaps(covered)),
        found,
        tuple(tail(known, level) for level in LEVELS) if deep else (),
        tuple(losses),
        tuple(str(sessions[one.row]) for one in losses),
        tuple(shocks(config, inputs, record, say)) if asked.scenarios else (),
        assumptions(config, inputs) if asked.assumptions else None,
        tuple(others(config, inputs, asked, say)),
    )


def others(config: Config, inputs: Inputs, asked: Asked, say: Say) -> Iterator[Histories]:
    """Histories of all slices, of each tercile of volatility that the data knows, and simulated ones, as far as asked for."""
    if asked.histories:
        yield from _resampled(config, inputs, asked, say)
    if asked.markets is not None:
        from risk.stress.simulated import simulated

        yield simulated(config, asked.markets, asked.invented, asked.seed, _counting(say, "simulated"))


def _resampled(config: Config, inputs: Inputs, asked: Asked, say: Say) -> Iterator[Histories]:
    market = benchmark_of(inputs.panel, EQUAL_WEIGHT, 1.0)
    assert market is not None
    known = {name: mask for name, mask in states(market).items() if name.startswith("volatility") and mask.sum() > 1}
    for name, mask in [(None, None), *known.items()]:
        yield resampled(
            config, inputs, asked.histories, asked.seed, name, mask,
            progress=_counting(say, name or "all slices"),
        )  # fmt: skip


def _counting(say: Say, what: str) -> Callable[[int, int], None]:
    return lambda done, total: say(f"{what}: history {done:,} of {total:,}")


def as_document(done: Stressed) -> dict[str, Any]:
    """JSON's view: NaN and infinities are null."""
    return {
        "schema_version": 1,
        "name": done.name,
        "first": done.first,
        "last": done.last,
        "regimes": [
            {
                "name": one.name,
                "first": str(one.first),
                "last": str(one.last),
                "note": one.note,
                "covered": figures is not None,
                **({} if figures is None else _plain(figures._asdict())),
            }
            for one, figures in done.stretches
        ],
        "overlapping": [list(pair) for pair in done.overlapping],
        "states": {name: _plain(figures._asdict()) for name, figures in done.states.items()},
        "tails": [_plain(one._asdict()) for one in done.tails],
        "worst": [
            {"date": date, "return": one.result, "held": [{"symbol": s, "move": move} for s, move in one.held]}
            for date, one in zip(done.worst_dates, done.worst, strict=True)
        ],
        "scenarios": [_plain(one._asdict()) for one in done.shocks],
        "histories": [
            {
                "state": one.state,
                "block": one.block,
                "loses": one.loses(),
                "quantiles": list(QUANTILES),
                **one.quantiles(),
            }
            for one in done.histories
        ],
        "assumptions": None
        if done.hangs_on is None
        else done.hangs_on._asdict()
        | {
            "tornado": [one._asdict() for one in done.hangs_on.tornado],
            "capacity": [one._asdict() for one in done.hangs_on.capacity],
        },
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in values.items()
    }
