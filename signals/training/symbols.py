"""A model for every symbol: the recipe trained once per name, a table of what came out, and the names worth training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Bools, Floats
from signals.training import apart, baselines, cells, intervals, material, table
from signals.training.loop import Clock
from signals.training.material import Material
from signals.training.passports import finite
from signals.training.recipe import Recipe, read
from signals.training.train import Run
from signals.training.walkforward import SAID, Walked, walkforward

REPORT = "models.json"


def train(
    recipe: Recipe, place: str | Path, run: Run, recommended: int | None = None, jobs: int = 1
) -> list[dict[str, Any]]:
    """Walk the recipe forward for each symbol, in a folder of its own; a row of measures per symbol, also in models.json.

    A symbol that cannot be trained is told with the reason and left out. With `jobs` above 1, symbols are trained in so many
    processes, to the same weights.
    """
    if recipe.walkforward is None or recipe.walkforward.scheme == "cpcv":
        raise ConfigError(
            f"{recipe.name}: each symbol of a recipe per symbol is walked forward; expected a section walkforward with scheme "
            f"rolling or expanding"
        )
    out = Path(place)
    names = chosen(recipe, recommended)
    rows: list[dict[str, Any]] = []
    if jobs > 1 and len(names) > 1:
        whole = (recipe.resolved(), recipe.base, out, run.device, run.today, run.clock)
        rows = apart.each(_one, [(*whole, symbol) for symbol in names], min(jobs, len(names)))
    else:
        for k, symbol in enumerate(names):
            run.say(f"{symbol}, {k + 1} of {len(names)}")
            rows.append(row(recipe, symbol, out, run))
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT).write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def row(recipe: Recipe, symbol: str, place: Path, run: Run) -> dict[str, Any]:
    """The measures of one symbol's walk, or why it was refused."""
    one = alone(recipe, symbol)
    try:
        made = material.material(one)
        walked = walkforward(one, place / safe(symbol), run, made=made)
    except DataError as error:
        return {"symbol": symbol, "refused": str(error)}
    return {"symbol": symbol, "folds": len(walked.splits), **beside_last_price(one, made, walked)}


def _one(
    told: dict[str, Any], base: Path | None, place: Path, device: str, today: str, clock: Clock, symbol: str
) -> dict[str, Any]:
    """`row`, in a process of its own."""
    recipe = read(told)
    recipe._base = base
    return row(recipe, symbol, place, Run(device, clock, today))


def alone(recipe: Recipe, symbol: str) -> Recipe:
    """The recipe for one symbol."""
    told = recipe.resolved()
    told["data"]["symbols"] = [symbol]
    one = read(told)
    one._base = recipe.base
    return one


def chosen(recipe: Recipe, recommended: int | None) -> list[str]:
    """The recipe's symbols, or those its data's audit ranks best."""
    if recommended is None:
        if recipe.data.symbols is None:
            raise ConfigError(f"{recipe.name}: name data.symbols, or ask for --recommended N of the data's audit")
        return list(recipe.data.symbols)
    from engine.data.audit import auditing, grading
    from engine.data.sources import find

    done = auditing.audit(find(material.data_of(recipe)["path"], recipe.base))
    grades = {line.symbol: grading.grade(line) for line in done.lines}
    return [one.symbol for one in grading.recommendations(done, grades)[:recommended]]


def beside_last_price(recipe: Recipe, made: Material, walked: Walked) -> dict[str, Any]:
    """Measures of the out-of-sample prices, and those of the last price in their stead."""
    ours = cells.read(walked.folder / SAID, made)
    last = baselines.forecasts(made, recipe, walked.splits)["last price"]
    there = np.isfinite(made.labels.values) & np.isfinite(ours) & np.isfinite(last)
    mine, theirs = table.priced(made, ours, there), table.priced(made, last, there)
    told = {name: finite(value) for name, value in mine.items()}
    told |= {f"{name} of last price": finite(theirs[name]) for name in ("RMSE", "MAE", "MAPE", "R2", "bias")}
    gain = skill(made, ours, last, there)
    told |= {"skill": finite(gain.value), "skill low": finite(gain.low), "skill high": finite(gain.high)}
    return {**told, "rows": int(there.sum()), "negative share": finite(mine["negative"] / max(1, int(there.sum())))}


def skill(made: Material, ours: Floats, last: Floats, there: Bools) -> intervals.Interval:
    """1 - (sum of our squared errors) / (sum of those of the last price): above 0 is better; 95 % by drawn blocks of dates."""
    mine, y, edges = cells.flat(made, ours, there)
    theirs = cells.flat(made, last, there)[0]
    sums = intervals.by_date([(mine - y) ** 2, (theirs - y) ** 2], edges)
    return intervals.blocks(sums, lambda s: 1.0 - s[:, 0] / s[:, 1], made.labels.reach)


COLUMNS = (
    "RMSE", "RMSE of last price", "skill", "skill low", "skill high", "MAE", "MAE of last price", "MAPE",
    "MAPE of last price", "R2", "R2 of last price", "bias", "bias of last price", "negative", "hit rate",
)  # fmt: skip


def shown(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table; the first line says how many models beat the last price."""
    there = [row for row in rows if "refused" not in row]
    better = sum(row["RMSE"] < row["RMSE of last price"] for row in there)
    surely = sum(row["skill low"] is not None and row["skill low"] > 0.0 for row in there)
    worse = sum(row["skill high"] is not None and row["skill high"] < 0.0 for row in there)
    first = f"{better} of {len(there)} models have a smaller error than the last price: {surely} by more than chance"
    out = [f"**{first}, and {worse} have a larger one by more than chance (95 %).**", ""]
    out += [f"| symbol | folds | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * (len(COLUMNS) + 1)}"]
    for row in there:
        cells = " | ".join("-" if row[name] is None else f"{row[name]:.4g}" for name in COLUMNS)
        out.append(f"| {row['symbol']} | {row['folds']} | {cells} |")
    out += [f"- {row['symbol']}: refused: {row['refused']}" for row in rows if "refused" in row]
    return "\n".join(out) + "\n"


def safe(symbol: str) -> str:
    """A symbol as the name of a folder."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in symbol)
