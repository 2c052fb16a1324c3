"""Walk with several seeds, and the page that says how their forecasts did beside the baselines."""

from __future__ import annotations

from pathlib import Path

from engine.errors import ConfigError
from signals import walked
from signals.training import material
from signals.training.recipe import Recipe
from signals.training.train import Run
from signals.training.walkforward import walkforward


def walk(
    recipe: Recipe, place: Path, run: Run, seeds: int, jobs: int = 1, baselines: bool = True, table: bool = True
) -> str | None:
    """Walk the recipe with `seeds` seeds, its own and those after it, each in a folder of its own if there are several.

    The Markdown page of their forecasts, the look at which is noted in `place`; None without `table`.
    """
    if recipe.per_symbol:
        raise ConfigError(
            f"{recipe.name}: per_symbol: true is a model for every symbol, and a walk-forward is one of all; use barcast train, "
            f"which walks each symbol forward"
        )
    if table and recipe.walkforward is not None and recipe.walkforward.scheme == "cpcv":
        raise ConfigError("--table: scheme cpcv forecasts every date more than once; see barcast cpcv instead")
    made = material.material(recipe, run.say)
    walks = []
    for seed in range(recipe.seed, recipe.seed + seeds):
        one = recipe.model_copy(update={"seed": seed})
        folder = place if seeds == 1 else place / f"{walked.SEED}{seed}"
        walks.append(walkforward(one, folder, run, jobs, made))
    if not table:
        return None
    from signals.training.table import page

    return page(recipe, made, walks, place, run, baselines)
