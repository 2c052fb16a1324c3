"""A model for every symbol: the recipe walked forward once per name and seed, what came out, and the names worth training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from engine.errors import ConfigError, DataError
from engine.writing import make, replace
from signals import walked
from signals.training import apart, material, symbol_table
from signals.training.loop import Clock
from signals.training.recipe import Recipe, read
from signals.training.train import Run
from signals.training.walkforward import walkforward

REPORT = "models.json"


class Job(NamedTuple):
    """Which names are trained how often, and what a round trip costs that a foretold rise must exceed."""

    recommended: int | None = None  # of the data's audit; None: the recipe's own
    jobs: int = 1  # processes
    seeds: int = 1
    cost: float = symbol_table.COST


ONCE = Job()


def train(recipe: Recipe, place: str | Path, run: Run, job: Job = ONCE) -> list[dict[str, Any]]:
    """Walk the recipe forward for each symbol, in a folder of its own; a row of measures per symbol, also in models.json.

    Several seeds, the recipe's own and those after it, lie in folders of their own: seed-S/SYMBOL. A symbol that cannot be
    trained is told with the reason and left out. With several jobs, symbols are trained in so many processes, to the same
    weights. Finished folds are not fitted again. Where no symbol can be trained nothing is written.
    """
    if recipe.walkforward is None or recipe.walkforward.scheme == "cpcv":
        raise ConfigError(
            f"{recipe.name}: each symbol of a recipe per symbol is walked forward; expected a section walkforward with scheme "
            f"rolling or expanding"
        )
    out = Path(place)
    names = chosen(recipe, job.recommended)
    apart_in(names)
    rows: list[dict[str, Any]] = []
    if job.jobs > 1 and len(names) > 1:
        whole = (recipe.resolved(), recipe.base, out, run.device, run.today, run.clock, run.at, job)
        rows = apart.each(_one, [(*whole, symbol) for symbol in names], min(job.jobs, len(names)))
    else:
        for k, symbol in enumerate(names):
            run.say(f"{symbol}, {k + 1} of {len(names)}")
            rows.append(row(recipe, symbol, out, run, job))
    if any("refused" not in row for row in rows):
        text = json.dumps([*others(out, names), *rows], indent=1, allow_nan=False)
        replace(make(out) / REPORT, (text + "\n").encode())
    return rows


def others(out: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of symbols that this command does not train, as an earlier one left them; [] where they cannot be read."""
    try:
        rows = json.loads((out / REPORT).read_text())
        return [row for row in rows if row["symbol"] not in names and (out / safe(row["symbol"])).is_dir()]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def why_none(rows: Sequence[dict[str, Any]]) -> str:
    """Why none of the symbols of these rows was trained."""
    if not rows:
        return "the data's audit recommends no symbol; name data.symbols"
    return f"{len(rows)} of {len(rows)} symbols were refused; {rows[0]['symbol']}: {rows[0]['refused']}"


def row(recipe: Recipe, symbol: str, place: Path, run: Run, job: Job) -> dict[str, Any]:
    """The measures of one symbol's walks, or why it was refused."""
    one = alone(recipe, symbol)
    try:
        made = material.material(one)
        walks = []
        for seed in range(recipe.seed, recipe.seed + job.seeds):
            home = place if job.seeds == 1 else place / f"{walked.SEED}{seed}"
            walks.append(walkforward(one.model_copy(update={"seed": seed}), home / safe(symbol), run, made=made))
        found = symbol_table.measures(one, made, walks, job.cost, place / safe(symbol), run.at)
    except DataError as error:
        return {"symbol": symbol, "refused": str(error)}
    return {"symbol": symbol, "folds": len(walks[0].splits), **found}


def _one(
    told: dict[str, Any],
    base: Path | None,
    place: Path,
    device: str,
    today: str,
    clock: Clock,
    at: str,
    job: Job,
    symbol: str,
) -> dict[str, Any]:
    """`row`, in a process of its own."""
    recipe = read(told)
    recipe._base = base
    return row(recipe, symbol, place, Run(device, clock, today, at=at), job)


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


def apart_in(names: Sequence[str]) -> None:
    """Nothing; ConfigError where two symbols would share a folder, or one would stand where the report does.

    Upper and lower case are one where the file system holds them to be.
    """
    homes = {REPORT: f"the report {REPORT}"}
    for name in names:
        home = safe(name).casefold()
        if home in homes:
            raise ConfigError(
                f"data.symbols: the models of {name} would lie where {homes[home]} has its place; train it apart, with "
                f"another --out"
            )
        homes[home] = name


def safe(symbol: str) -> str:
    """A symbol as the name of a folder, another for each: what is no letter, digit, dot, dash, underscore or tilde is
    written %XX as in addresses, and so is a dot that it begins with.
    """
    name = quote(symbol, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name
