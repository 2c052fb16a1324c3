"""How much of a result hangs on what nobody knows: the order of prices inside a bar, costs, and delay. All of it as lanes.

Three lanes are the intrabar policies, a grid is commission by slippage, three are delays; the cost at which nothing is left is
found among lanes too. Policies do not bound every path (a stop spared may be hit harder later), so the interval spans what the
three give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.lane import Lane, Progress, run_points
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel
    from engine.run import Inputs

POLICIES = ("pessimistic", "optimistic", "nearest")
SHOWN = ("total_return", "cagr", "sharpe", "max_drawdown", "trades")
COSTS = (0.0, 0.0002, 0.0005, 0.001, 0.002)  # of value, per side
DELAYS = (0, 1, 2)
HIGHEST = 0.05  # a break-even cost beyond this is not looked for
WIDE, ROUNDS = 8, 4  # lanes per round of the search; each round narrows the interval to a WIDE-th
Metrics = Mapping[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Robustness:
    """What other assumptions make of a run. Costs are fractions of value per side; metrics are None where undefined."""

    name: str
    policies: dict[str, Metrics]  # by intrabar policy
    commission: tuple[float, ...]  # (R,)
    slippage: tuple[float, ...]  # (C,)
    sharpe: Floats  # (R, C), NaN where undefined
    total_return: Floats  # (R, C)
    delays: dict[int, Metrics]
    break_even: float | None  # commission per side, beside the other costs as configured, at which the return is 0
    break_even_note: str

    def interval(self, metric: str) -> tuple[float | None, float | None]:
        """(lowest, highest) of a metric over the intrabar policies; None where it is undefined under one of them."""
        values = [self.policies[policy][metric] for policy in POLICIES]
        known = [value for value in values if value is not None]
        return (min(known), max(known)) if len(known) == len(values) else (None, None)


def robustness(
    config: str | Path | Mapping[str, Any] | Config,
    panel: Panel | None = None,
    *,
    forecasts: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Robustness:
    """What other intrabar orders, costs and delays make of `config`; data and forecasts as in `engine.backtest`."""
    from engine import run

    loaded = run.load_config(config)
    return examine(loaded, run.prepare(loaded, panel, forecasts), threads, progress)


def examine(config: Config, inputs: Inputs, threads: int | None = None, progress: Progress | None = None) -> Robustness:
    """The same, of a configuration whose inputs have been read."""
    execution = config.execution
    commission = tuple(sorted({*COSTS, execution.commission}))
    slippage = tuple(sorted({*COSTS, execution.slippage}))
    points: list[dict[str, Any]] = [{"execution.intrabar": policy} for policy in POLICIES]
    points += [{"execution.delay": delay} for delay in DELAYS]
    points += [{"execution.commission": c, "execution.slippage": s} for c in commission for s in slippage]
    done = run_points(config, points, inputs, threads, progress)
    shape = (len(commission), len(slippage))
    cells = done[len(POLICIES) + len(DELAYS) :]
    end, note = break_even(config, inputs, threads)
    return Robustness(
        name=config.name,
        policies={policy: told(lane) for policy, lane in zip(POLICIES, done, strict=False)},
        commission=commission,
        slippage=slippage,
        sharpe=known([lane.metrics["sharpe"] for lane in cells]).reshape(shape),
        total_return=known([lane.metrics["total_return"] for lane in cells]).reshape(shape),
        delays={delay: told(lane) for delay, lane in zip(DELAYS, done[len(POLICIES) :], strict=False)},
        break_even=end,
        break_even_note=note,
    )


def told(lane: Lane) -> dict[str, float | int | None]:
    """The metrics that are shown of a lane."""
    return {name: lane.metrics[name] for name in SHOWN}


def known(values: Sequence[float | int | None]) -> Floats:
    """Metrics as floats, NaN where undefined."""
    return np.array([np.nan if value is None else float(value) for value in values])


def break_even(config: Config, inputs: Inputs, threads: int | None = None) -> tuple[float | None, str]:
    """(the commission per side at which the total return first falls to 0, why there is none), to about 1e-5 of value."""
    low, high = 0.0, HIGHEST
    for turn in range(ROUNDS):
        costs = np.linspace(low, high, WIDE + 1)
        lanes = run_points(config, [{"execution.commission": float(cost)} for cost in costs], inputs, threads)
        left = known([lane.metrics["total_return"] for lane in lanes]) > 0.0
        if turn == 0 and not left[0]:
            return None, "it loses without any commission"
        if left.all():
            return None, f"it still gains at {HIGHEST:.0%} of value per side"
        first = int(np.argmin(left))  # the first cost at which nothing is left
        low, high = float(costs[first - 1]), float(costs[first])
    return 0.5 * (low + high), ""


def as_document(found: Robustness) -> dict[str, Any]:
    """`found` as JSON can hold it."""
    return {
        "schema_version": 1,
        "name": found.name,
        "intrabar": {policy: dict(metrics) for policy, metrics in found.policies.items()},
        "costs": {
            "commission": list(found.commission),
            "slippage": list(found.slippage),
            "sharpe": _nested(found.sharpe),
            "total_return": _nested(found.total_return),
            "break_even": found.break_even,
            "break_even_note": found.break_even_note,
        },
        "delay": {str(delay): dict(metrics) for delay, metrics in found.delays.items()},
    }


def from_document(told: Any) -> Robustness:
    """What `as_document` has written; DataError if it has not."""
    try:
        costs = told["costs"]
        shape = (len(costs["commission"]), len(costs["slippage"]))
        sharpe, gained = (
            known([cell for row in costs[name] for cell in row]).reshape(shape) for name in ("sharpe", "total_return")
        )
        return Robustness(
            str(told["name"]),
            {policy: {name: told["intrabar"][policy][name] for name in SHOWN} for policy in POLICIES},
            tuple(map(float, costs["commission"])),
            tuple(map(float, costs["slippage"])),
            sharpe,
            gained,
            {int(delay): {name: metrics[name] for name in SHOWN} for delay, metrics in told["delay"].items()},
            None if costs["break_even"] is None else float(costs["break_even"]),
            str(costs["break_even_note"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"robustness.json is damaged ({type(error).__name__}: {error}); run with --robustness again"
        ) from error


def _nested(grid: Floats) -> list[list[float | None]]:
    return [[None if np.isnan(value) else float(value) for value in row] for row in grid]
