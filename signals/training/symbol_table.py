"""What came of a model per symbol: a row of measures each, beside what is simpler, and the rows as a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.types import Bools, Floats
from signals.training import baselines, cells, intervals, measured, opened, table
from signals.training import targets as wanted
from signals.training.longs import longs
from signals.training.material import Material
from signals.training.passports import finite
from signals.training.recipe import Recipe
from signals.training.walkforward import SAID, Walked

Row = dict[str, Any]
COST = 0.035  # of a round trip: 1.5 % commission and .25 % slippage each way, as the shipped strategy assumes
BESIDE = ("RMSE", "MAE", "MAPE", "R2", "bias")
FITTED = ("ridge", "boosted trees")
SHOWN = {"MAPE": "{:.3%}", "hit rate": "{:.2%}", "held": "{:.1%}", "negative": "{:.0f}"}
ERRORS = ("RMSE", "RMSE of last price", "MAE", "MAE of last price", "MAPE", "MAPE of last price", "R2", "R2 of last price",
          "bias", "bias of last price")  # fmt: skip
REST = ("skill", "skill of ridge", "skill of boosted trees", "hit rate", "negative", "held", "Sharpe", "Sharpe error")


def measures(recipe: Recipe, made: Material, walks: Sequence[Walked], cost: float, place: Path, at: str) -> Row:
    """Of one symbol's out-of-sample prices: means over the seeds, their sd where there are several, and the last price's errors.

    `cost` is the round trip that a foretold rise must exceed to be held. The look at the test range is noted in the folder `place`
    as of the instant `at`. DataError where no forecast has an outcome yet.
    """
    ours = [cells.read(walk.folder / SAID, made) for walk in walks]
    there = np.isfinite(made.labels.values)
    for one in ours:
        there &= np.isfinite(one)
    if there.any():
        opened.note(place, opened.look(at, "train", made, walks, there))
    others = baselines.forecasts(made, recipe, walks[0].splits)
    last = others["last price"]
    for one in others.values():
        there &= np.isfinite(one)
    if not there.any():
        raise DataError(f"{recipe.name}: no forecast has an outcome yet; nothing is known of it")
    seeds = [_one(made, one, last, there, cost) for one in ours]
    told: Row = {"rows": int(there.sum()), "seeds": len(seeds), "cost": cost}
    told |= {name: finite(np.mean([seed[name] for seed in seeds])) for name in seeds[0]}
    if len(seeds) > 1:
        told["sd"] = {name: finite(np.std([seed[name] for seed in seeds], ddof=1)) for name in seeds[0]}
    gain = skill(made, ours, last, there)
    told |= {"skill low": finite(gain.low), "skill high": finite(gain.high)}
    theirs = table.priced(made, last, there)
    told |= {f"{name} of last price": finite(theirs[name]) for name in BESIDE}
    for name in FITTED:
        told[f"skill of {name}"] = finite(skill(made, [others[name]], last, there).value) if name in others else None
    found = measured.mean([measured.priced(made, one, there) for one in ours])
    judged = wanted.all_of(recipe.targets, found)
    return {
        **told,
        "targets": [{k: finite(v) if isinstance(v, float) else v for k, v in row.items()} for row in judged],
    }


def _one(made: Material, forecast: Floats, last: Floats, there: Bools, cost: float) -> dict[str, float]:
    """The measures of one seed's forecasts."""
    mine, gain, rule = (
        table.priced(made, forecast, there),
        skill(made, [forecast], last, there),
        longs(made, forecast, last, there, cost),
    )
    return {
        **mine, "negative share": mine["negative"] / int(there.sum()), "skill": gain.value,
        "held": rule.held, "Sharpe": rule.sharpe, "Sharpe error": rule.error,
    }  # fmt: skip


def skill(made: Material, ours: Sequence[Floats], last: Floats, there: Bools) -> intervals.Interval:
    """1 - (sum of our squared errors) / (sum of those of the last price): above 0 is better; 95 % by drawn blocks of dates.

    Of several forecasts, one per seed, their mean squared error.
    """
    theirs, y, edges = cells.flat(made, last, there)
    mine = np.mean([(cells.flat(made, one, there)[0] - y) ** 2 for one in ours], axis=0)
    sums = intervals.by_date([mine, (theirs - y) ** 2], edges)
    return intervals.blocks(sums, lambda s: 1.0 - s[:, 0] / s[:, 1], made.labels.reach)


def shown(rows: Sequence[Row]) -> str:
    """The rows as Markdown: who beats what is simpler comes first, then errors, the rest, the targets, and who was refused."""
    there = [row for row in rows if "refused" not in row]
    out = [*verdict(there), ""]
    if there:
        out += head("rows", ERRORS)
        out += [
            f"| {row['symbol']} | {row['rows']:,} | {' | '.join(cell(row, name) for name in ERRORS)} |" for row in there
        ]
        out += ["", *head("folds", REST)]
        out += [
            f"| {row['symbol']} | {row['folds']} | {' | '.join(cell(row, name) for name in REST)} |" for row in there
        ]
        out += ["", about(there[0]), *targets(there)]
    refused = [f"- {row['symbol']}: refused: {row['refused']}" for row in rows if "refused" in row]
    return "\n".join([*out, *([""] if refused else []), *refused]) + "\n"


def verdict(rows: Sequence[Row]) -> list[str]:
    """How many models beat the last price, how many by more than chance, and how many what is fitted."""
    better = sum(row["RMSE"] < row["RMSE of last price"] for row in rows)
    surely = sum(row["skill low"] is not None and row["skill low"] > 0.0 for row in rows)
    worse = sum(row["skill high"] is not None and row["skill high"] < 0.0 for row in rows)
    first = f"{better} of {len(rows)} models have a smaller error than the last price: {surely} by more than chance"
    told: list[str] = []
    for name in FITTED:
        known = [row for row in rows if row["skill"] is not None and row[f"skill of {name}"] is not None]
        ahead = sum(row["skill"] > row[f"skill of {name}"] for row in known)
        words = "than" if told else "have a smaller error than"
        told += [f"{ahead} of {len(known)} {words} {name}"] if known else []
    second = ["", f"{', '.join(told)}."] if told else []
    return [f"**{first}, and {worse} have a larger one by more than chance (95 %).**", *second]


def about(row: Row) -> str:
    """How the columns are to be read."""
    seeds = f" Means over {row['seeds']} seeds ± their sd." if row["seeds"] > 1 else ""
    return (
        f"Skill: 1 - squared error / that of the last price (95 % interval). Sharpe ratio a year, before costs, of being long while "
        f"the price foretold is more than {row['cost']:.3g} of the last one above it, with its standard error; held: the share of "
        f"time.{seeds}"
    )


def targets(rows: Sequence[Row]) -> list[str]:
    """A line for each target of the recipe: how many symbols met it, missed it, or cannot tell."""
    out = []
    for first in rows[0]["targets"]:
        states = [
            one["state"]
            for row in rows
            for one in row["targets"]
            if (one["measure"], one["step"]) == (first["measure"], first["step"])
        ]
        counts = [f"{states.count(state)} {state}" for state in ("met", "missed", "undecidable")]
        known = any(state != "not measured" for state in states)
        said = ", ".join(counts) if known else "not measured here (a backtest tells: barcast evaluate MODELS --run RUN)"
        out.append(f"- {first['measure']} {first['wanted']:g}: {said}")
    return ["", "Targets of the recipe, over the symbols:", "", *out] if out else []


def head(first: str, columns: Sequence[str]) -> list[str]:
    """The two lines that begin a table."""
    return [f"| symbol | {first} | {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) + 1)}"]


def cell(row: Row, name: str) -> str:
    """A number of a row as its column shows it."""
    how = SHOWN.get(name.removesuffix(" of last price"), "{:.4g}")
    text = _said(row[name], how)
    spread = row.get("sd", {}).get(name)
    text += "" if spread is None else f" ± {_said(spread, '{:.2g}' if how == '{:.0f}' else how)}"
    if name == "skill":
        text += f" ({_said(row['skill low'], how)} to {_said(row['skill high'], how)})"
    if name == "negative" and row["negative"]:
        text += f" ({row['negative share']:.2%})"
    return text


def _said(value: float | None, how: str) -> str:
    return "-" if value is None or not math.isfinite(value) else how.format(value)
