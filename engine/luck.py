"""What selection, a short sample and chance leave of a run: the statistics of `barcast.risk`'s `overfitting`, put to a run.

Two questions. Of a kept run and its ledger: what of it survives the number of trials and the length of the sample
(`examined`). Of a strategy file: what the same machinery makes of its own forecasts under other names or dates, and of
random portfolios of its exposure and turnover (`against_chance`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import default_rng

from engine import plugins as registry
from engine.errors import DataError
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.facts import Facts
    from engine.kin import Shared
    from engine.panel import Panel
    from engine.result import Result
    from engine.run import Inputs
    from engine.trials import Trial

Progress = Callable[[int, int], None]
Document = dict[str, Any]
BLOCKS = 16
DRAWN = (0.05, 0.5, 0.95)  # quantiles of the resampled histories that are told


def tools() -> Any:
    """The statistics that are registered as `overfitting`."""
    return registry.get("barcast.risk", "overfitting")


def examined(
    result: Result, trials: Sequence[Trial], reps: int = 2000, seed: int = 0, progress: Progress | None = None
) -> Document:
    """What survives of `result` among the trials of its own data: every figure None where it is undefined, with its reason.

    Sharpe ratios are annual. `trials` may lack the run itself.
    """
    from engine.belief.search import own_group, search_of
    from engine.kin import shared

    group = own_group(result, trials)
    beside = shared(group[0], group)
    found = search_of(result, group)
    rate = result.facts.bars_per_year
    root = math.sqrt(rate) if math.isfinite(rate) else math.nan
    out: Document = {"name": result.name, "sharpe": result.metrics["sharpe"], "psr": result.metrics["psr"]}
    out["min_track_record"] = result.metrics["min_track_record"]
    out["years"] = result.metrics["years"]
    out["reasons"] = reasons = {}
    out |= {
        "trials": found.trials,
        "here": found.here,
        "effective": found.effective,
        "dsr": found.dsr,
        "hurdle": found.hurdle,
    }
    out["min_backtest_years"] = found.years
    out["shared"] = span(beside)
    returns = result.returns.to_numpy()
    kit = tools()

    def tried(name: str, ask: Callable[[], Document]) -> None:
        try:
            out[name] = ask()
        except DataError as error:
            out[name], reasons[name] = None, str(error)

    def interval() -> Document:
        found = kit.sharpe_interval(returns, min(reps, 1000), seed=seed)
        figures = {key: getattr(found, key) * root for key in ("low", "value", "high", "error")}
        return {key: known(value) for key, value in figures.items()} | {"block": found.block, "reps": found.reps}

    def histories() -> Document:
        found = kit.histories(returns, reps, seed, progress=progress)
        told = {name: np.quantile(getattr(found, name), DRAWN).tolist() for name in ("growth", "drawdown")}
        return told | {"quantiles": list(DRAWN), "loses": float((found.growth < 1.0).mean()), "reps": reps}

    tried("interval", interval)
    tried("histories", histories)
    tried("pbo", lambda: overfit(beside))
    tried("spa", lambda: superior(result, group[0], beside, seed))
    return out


def known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def span(beside: Shared) -> Document:
    """What PBO and SPA are worked out on: the trials, the slices they share, and what was left out for it."""
    days = (beside.times - 1).astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    ends = {"first": str(days[0]), "last": str(days[-1])} if len(days) else {"first": None, "last": None}
    return {"trials": beside.returns.shape[1], "left_out": beside.left, "points": len(days), "cut": beside.cut, **ends}


def overfit(beside: Shared) -> Document:
    """PBO over the slices that the trials share."""
    found = tools().overfitting(beside.returns, BLOCKS)
    due = tools().expected_by_chance(found.strategies)
    return {"pbo": found.pbo, "by_chance": due, "loss": found.loss, "trials": found.strategies, "blocks": found.blocks}


def superior(result: Result, own: Trial, beside: Shared, seed: int) -> Document:
    """SPA over the slices that the trials share, against the run's benchmark, else against holding cash."""
    from engine.trials import compounded

    returns = beside.returns
    values = result.facts.benchmark
    against, name = None, "cash"
    if values is not None:
        theirs = np.diff(values, prepend=result.facts.capital) / np.append(result.facts.capital, values[:-1])
        theirs = compounded(theirs, own.per_point)
        if len(theirs) == len(own.times):
            against, name = theirs[np.isin(own.times, beside.times)], str(result.config.get("benchmark"))
    if returns.shape[1] < 2:
        raise DataError(f"SPA: expected the returns of 2 trials or more, got {returns.shape[1]}")
    found = tools().superiority(returns, against, seed=seed)
    p = {"lower": found.lower, "consistent": found.consistent, "upper": found.upper}
    return {"against": name, "p": p, "trials": found.strategies}


def against_chance(
    config: Config, inputs: Inputs, count: int = 200, how: str = "auto", seed: int = 0, progress: Progress | None = None
) -> Document:
    """Where a strategy's Sharpe ratio stands among the same strategy on rearranged forecasts, and among random portfolios.

    `how` is names, time or auto (names from 8 on). p is (1 + as good or better) / (1 + count).
    """
    from engine import run

    if not inputs.forecasts:
        raise DataError("chance: the strategy has no signal, so nothing can be rearranged")
    kit = tools()
    own: Result = run.dress(config, run.run_record(config, *inputs, None, lambda text: None), {}, [])
    observed = own.metrics["sharpe"]
    names = inputs.panel.close.shape[1]
    told = "names" if how == "names" or (how == "auto" and names >= kit.FEWEST_NAMES) else "time"
    null = np.empty(count)
    for k in range(count):
        # Signals move together, so that what one says of another survives.
        moved = {
            name: kit.rearranged(values, default_rng((seed, k)), told) for name, values in inputs.forecasts.items()
        }
        null[k] = _sharpe(config, inputs._replace(forecasts=moved))
        if progress is not None:
            progress(k + 1, count)
    out: Document = {"name": config.name, "sharpe": observed, "count": count, "seed": seed}
    out["permutation"] = {"how": told, **_place(observed, null)}
    out["random"] = random_portfolios(own, inputs, config, count, seed)
    return out


def _sharpe(config: Config, inputs: Inputs) -> float:
    from engine import run
    from engine.metrics import of_curve

    engine = run.engine_of(config, *inputs)
    engine.run()
    equity = engine.curve.equity[: engine.t]
    values, _ = of_curve(equity, inputs.panel.times[: engine.t], config.capital, inputs.panel.bars_per_year)
    sharpe = values["sharpe"]
    return math.nan if sharpe is None else float(sharpe)


def _place(observed: float | int | None, null: Floats) -> Document:
    """Where `observed` stands among `null`."""
    low, middle, high = (known(v) for v in np.nanquantile(null, DRAWN)) if np.isfinite(null).any() else (None,) * 3
    p = None if observed is None else tools().p_value(float(observed), null)
    return {"p": p, "low": low, "middle": middle, "high": high}


def random_portfolios(own: Result, inputs: Inputs, config: Config, count: int, seed: int) -> Document:
    """The run's trades in its own names beside the same trades in other names, each filled where orders of the file fill."""
    kit, panel = tools(), inputs.panel
    rows = len(own.facts.times)
    if panel.close.shape[1] < kit.FEWEST_NAMES:
        return {"p": None, "reason": f"fewer than {kit.FEWEST_NAMES} names: there are too few other portfolios"}
    before, after = legs(panel, rows, config.execution.fill)
    keep, add = trading(own.facts, panel, config.execution.fill)
    cost = config.execution.commission + config.execution.slippage
    root = math.sqrt(panel.bars_per_year)
    ours = kit.walk(keep, add, before, after, kit.itself(before.shape), cost)
    observed = known(ours.sharpe[0] * root)
    if observed is None:
        return {"p": None, "reason": "nothing was ever held"}
    theirs = kit.random_portfolios(keep, add, before, after, count, default_rng((seed, 1)), cost)
    told = {"sharpe": observed, **_place(observed, theirs.sharpe * root)}
    for name in ("traded", "gross"):
        told |= {name: float(getattr(ours, name)[0]), f"{name}_theirs": float(getattr(theirs, name).mean())}
    return told


def legs(panel: Panel, rows: int, fill: str) -> tuple[Floats, Floats]:
    """((S, N) returns from the last close to where orders fill, (S, N) from there to the close); NaN without a bar."""
    bars = panel.adjusted
    close = bars.close[:rows]
    opened = bars.open[:rows] if fill == "open" else close
    at = np.where(np.isnan(opened), close, opened)
    last = np.full(close.shape[1], np.nan)
    before = np.full_like(close, np.nan)
    for t in range(rows):
        before[t] = at[t] / last - 1.0
        last = np.where(np.isnan(close[t]), last, close[t])
    return before, close / at - 1.0


def trading(facts: Facts, panel: Panel, fill: str) -> tuple[Floats, Floats]:
    """((S, N) share of each holding kept, (S, N) weight bought or sold short) in each slice; a flip keeps nothing.

    Weights are of the last equity, at the open's price for fills at the open, at the close's for others.
    """
    rows = len(facts.times)
    fills, actions = facts.fills, facts.actions
    prices = np.where(np.isnan(panel.open), panel.close, panel.open) if fill == "open" else panel.close
    equity = np.append(facts.capital, facts.curve.equity)
    quantity = np.zeros(prices.shape[1])
    keep, add = np.ones((rows, len(quantity))), np.zeros((rows, len(quantity)))
    price = np.zeros(len(quantity))
    for t in range(rows):
        price = np.where(np.isnan(prices[t]), price, prices[t])
        for k in np.flatnonzero(actions.row == t):
            if np.isfinite(actions.split[k]):
                quantity[actions.instrument[k]] *= actions.split[k]
        first, last = np.searchsorted(fills.t, [t, t + 1])
        if first == last:
            continue
        before = quantity.copy()
        np.add.at(quantity, fills.instrument[first:last], fills.quantity[first:last])
        same = before * quantity > 0.0
        cut = same & (np.abs(quantity) < np.abs(before))
        with np.errstate(divide="ignore", invalid="ignore"):
            keep[t] = np.where(cut, quantity / before, np.where(same | (before == 0.0), 1.0, 0.0))
        more = quantity - before * keep[t]
        if equity[t] > 0.0:
            add[t] = np.where(cut, 0.0, more * price * facts.instruments.multiplier / equity[t])
    return keep, add
