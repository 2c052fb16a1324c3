"""Processes that work on one search side by side; each reads bars and features from the caches itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signals.training import apart
from signals.training.recipe import Recipe, read
from signals.training.train import Run
from signals.tuning.search import Found, tune
from signals.tuning.section import Tune


def together(
    recipe: Recipe, said: Tune, out: Path, runs: Path, run: Run, jobs: int, storage: str | None = None
) -> Found:
    """The search, worked on by `jobs` processes, this one among them."""
    base = None if recipe.base is None else str(recipe.base)
    told = (recipe.resolved(), base, said.resolved(), str(out), str(runs), run._replace(say=silent), storage)
    if jobs < 2:
        return tune(recipe, said, out, runs, run, storage=storage)
    with apart.pool(jobs - 1, beside=1) as submit:
        parts = [submit(_one, *told) for _ in range(jobs - 1)]

        def others(wait: bool) -> None:
            apart.results(parts if wait else [part for part in parts if part.done()])

        return tune(recipe, said, out, runs, run, storage=storage, others=others)


def silent(text: str) -> None:
    """Nothing."""


def _one(
    resolved: dict[str, Any], base: str | None, said: dict[str, Any], out: str, runs: str, run: Run, storage: str | None
) -> None:
    recipe = read(resolved)
    recipe._base = None if base is None else Path(base)
    tune(recipe, Tune.model_validate(said), out, runs, run, storage=storage)
