"""A planted foresight: told the next bar's return the account must earn it, told one bar late it must earn nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.audit.pipeline import Pipeline, part, plain
from engine.checks.finding import Finding
from engine.contracts import Snapshot
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config

SLICES = 1000  # of the run's end; enough for any market's standard error, and quick
FEWEST = 40
GROSS = 0.5  # of equity: an order is written in money of its slice, and must fit the next one's prices
SURE = 5.0  # standard errors that foresight must earn
NOISE = 4.0  # standard errors that the rest may amount to
SHARE = 0.1  # of the foresight's edge, that fills away from the slice's own prices may cost
CHECK = "fill timing"
ASKED = "a signal that knows the next bar's return earns it; one bar late, no more than the bars' own autocorrelation"


@dataclass(frozen=True, slots=True)
class Follow:
    """Equal weights on the side of the forecast, half of equity in all; nothing where there is none."""

    def target(self, now: Snapshot) -> Floats:
        side = np.nan_to_num(np.sign(now.forecasts["f"]))
        return side * GROSS / max(1.0, float(np.abs(side).sum()))


@dataclass(frozen=True, slots=True)
class Edge:
    """Mean return per slice: of the account, its standard error, and what the bars say it should be."""

    mean: float
    error: float
    expected: float


def bare(config: Config) -> Config:
    """The pipeline's fill and delay, without costs, exits, caps, switches or its strategy."""
    from engine.config import load

    own = {"fill": config.execution.fill, "delay": config.execution.delay, "lot": 0}
    rule = {"rule": "threshold", "signal": "f", "confidence": 0.0, "side": "long_short"}
    data = {"source": "packaged", "name": "sp500"}
    signals = {"f": {"plugin": "precomputed"}}
    return load({"name": "foresight", "data": data, "signals": signals, "strategy": rule, "execution": own})


def audit_timing(pipeline: Pipeline) -> Finding:
    """Two runs on the pipeline's bars with its fill and delay: foresight, and foresight one bar late."""
    rows = len(pipeline.panel)
    panel = part(plain(pipeline.panel), max(0, rows - SLICES), rows).with_steps(0.0, float("nan"))
    config = bare(pipeline.config)
    delay = config.execution.delay
    price = panel.close
    if config.execution.fill == "open":
        price = np.where(np.isnan(panel.open), panel.close, panel.open)
    ahead = np.full(price.shape, np.nan)
    ahead[: -2 - delay] = price[2 + delay :] / price[1 + delay : -1] - 1.0
    if panel.member is not None:
        ahead[~panel.member] = np.nan
    known = int((~np.isnan(ahead)).any(axis=1).sum())
    if known < FEWEST:
        return Finding(CHECK, None, ASKED, f"not asked: {known} slices with a next bar, {FEWEST} are needed", "")
    late = np.full(price.shape, np.nan)
    late[1:] = ahead[:-1]
    edges = [_edge(pipeline, config, panel, told, ahead) for told in (ahead, late)]
    return _verdict(config, edges[0], edges[1], known)


def _edge(pipeline: Pipeline, config: Config, panel: object, told: Floats, earned: Floats) -> Edge:
    record = pipeline.run(panel, {"f": told}, config, Follow())  # type: ignore[arg-type]
    equity = np.r_[record.capital, record.equity]
    returns = equity[1:] / equity[:-1] - 1.0
    side = np.nan_to_num(np.sign(told))
    weight = side * GROSS / np.maximum(1.0, np.abs(side).sum(axis=1, keepdims=True))
    expected = (weight * np.nan_to_num(earned)).sum(axis=1)
    error = float(returns.std(ddof=1) / np.sqrt(len(returns)))
    return Edge(float(returns.mean()), error, float(expected.mean()))


def _verdict(config: Config, foresight: Edge, late: Edge, slices: int) -> Finding:
    told = (
        f"per slice: foresight {1e4 * foresight.mean:.1f} bps ({_ratio(foresight.mean, foresight.error):.1f} s.e.; the bars "
        f"say {1e4 * foresight.expected:.1f}), late {1e4 * late.mean:.2f} bps ({_ratio(late.mean, late.error):.1f} s.e.; the "
        f"bars say {1e4 * late.expected:.2f}); {slices:,} slices"
    )
    where = f"execution: fill {config.execution.fill}, delay {config.execution.delay}"
    if foresight.expected < SURE * foresight.error:
        return Finding(CHECK, None, ASKED, f"too few moves to tell. {told}", where)
    allowed = max(NOISE * late.error, SHARE * foresight.mean)
    kind = ""
    if late.mean > 0.5 * foresight.expected:
        kind = "fills too early: knowledge one bar old still earns"
    elif foresight.mean < 0.5 * foresight.expected:
        kind = "fills too late: knowing the next bar does not pay"
    elif abs(late.mean - late.expected) > allowed:
        kind = f"fills elsewhere: late knowledge earns what the bars do not explain (allowed {1e4 * allowed:.2f} bps)"
    if kind:
        return Finding(CHECK, False, ASKED, f"{kind}. {told}", where, kind.split(":")[0])
    return Finding(CHECK, True, ASKED, told, where)


def _ratio(mean: float, error: float) -> float:
    return mean / error if error > 0.0 else 0.0
