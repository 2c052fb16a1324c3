"""A search: trial after trial until the study is complete or the time is spent, and the recipe that did best."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import trials as ledger
from engine.data.sources import find
from engine.errors import ConfigError, DataError, first_line
from signals.training import material
from signals.training.passports import days
from signals.training.source import device_of
from signals.training.state import Progress
from signals.training.train import Run
from signals.tuning import study as studies
from signals.tuning.section import Tune
from signals.tuning.study import Row
from signals.tuning.trial import PRUNED, check, judging, noted, recipe_of, run_trial, until

if TYPE_CHECKING:
    import optuna

    from signals.training.material import Material
    from signals.training.recipe import Recipe
    from signals.training.splits import Split

FIT = "fit"
Source = Callable[["Recipe"], "Material"]


class Spent(Exception):  # noqa: N818 -- no mistake: the trial waits for the next command
    """The time of this command is over in the middle of a trial."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has come to. `best` is None where no trial is complete."""

    folder: Path
    tune: Tune
    rows: list[Row]
    best: Row | None
    recipe: Recipe | None  # with the best parameters
    days: dict[str, list[str]]  # first and last date of the ranges

    @property
    def complete(self) -> bool:
        return sum(row.state != "unfinished" for row in self.rows) >= self.tune.size


@dataclass(frozen=True, slots=True)
class Search:
    """All that a trial needs."""

    recipe: Recipe
    tune: Tune
    source: Source
    made: Material
    split: Split
    folder: Path
    ledger: Path
    run: Run


def tune(
    recipe: Recipe, said: Tune, out: str | Path, runs: str | Path, run: Run, source: Source | None = None,
    storage: str | None = None, others: Callable[[bool], None] = lambda wait: None,
) -> Found:  # fmt: skip
    """Work on the search in `out` until it is complete or its budget is spent; each trial is noted in runs/trials.sqlite.

    `source` gives a recipe's Material; without one its own bars are read, once. `others` raises what other processes that
    work on the search have raised, and returns at once, or, given True, when they are through.
    """
    studies.optuna_or_say()
    check(recipe, said)
    place, begun = Path(out), run.clock()
    given = bars(recipe, run) if source is None else source
    made = given(recipe)
    split = judging(made, recipe, said)
    study = studies.opened(place, key_of(made, recipe, said, split, run), said, storage)
    search = Search(recipe, said, given, made, split, place, Path(runs) / ledger.LEDGER, run)
    while run.clock() - begun < said.budget:
        others(False)
        with studies.claimed(study, place, said) as trial:
            if trial is None:
                break
            try:
                work(search, study, trial, lambda: run.clock() - begun >= said.budget)
            except Spent:
                break
    others(True)
    return found(search, study)


def bars(recipe: Recipe, run: Run) -> Source:
    """Material over the recipe's own bars, which are read once; features are kept in their cache."""
    run.say("reading bars")
    panel = material.bars_of(recipe)
    return lambda one: material.of_panel(panel, one)


def key_of(made: Material, recipe: Recipe, said: Tune, split: Split, run: Run) -> str:
    """sha256 hex of what makes another search; more trials or more time make none."""
    asked = {name: value for name, value in said.resolved().items() if name not in ("trials", "budget")}
    spans = {name: days(made, span) for name, span in split.spans.items()}
    words = [recipe.learning, recipe.seed, asked, spans, made.fingerprint, device_of(run.device).type]
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def work(search: Search, study: optuna.Study, trial: optuna.Trial, spent: Callable[[], bool]) -> None:
    """Fit and judge one trial, and note it in the ledger, then in the study. Spent where the time is over before."""
    params = studies.params(trial, search.tune)
    one, run = recipe_of(search.recipe, params), search.run
    place = studies.place_of(search.folder, trial.number)
    twin = next(
        (row for row in studies.rows(study) if row.params == params and row.state in ("complete", PRUNED)), None
    )
    if twin is not None and twin.score is not None:
        facts = {"epochs": 0, "best_epoch": 0, studies.WHY: f"as trial {twin.number}"}
        studies.told(study, trial, twin.score, twin.state, **facts)
        return
    made = search.source(one) if one.window != search.recipe.window else search.made
    watch = watcher(search, trial, spent)
    try:
        outcome = run_trial(made, one, search.split, search.tune, run.device, place / FIT, run.clock, watch)
    except (DataError, ConfigError, ValueError) as error:
        studies.told(study, trial, 0.0, "failed", **{studies.WHY: first_line(error, typed=False)})
        return
    facts = {"epochs": outcome.epochs, "best_epoch": outcome.best_epoch, studies.WHY: outcome.stopped}
    if outcome.score != outcome.score:
        studies.told(study, trial, 0.0, "failed", **facts)
        return
    ledger.note(search.ledger, [noted(made, one, search.split, params, search.tune, outcome)])
    studies.told(study, trial, outcome.score, PRUNED if outcome.stopped == PRUNED else "complete", **facts)
    shutil.rmtree(place / FIT, ignore_errors=True)


def watcher(search: Search, trial: optuna.Trial, spent: Callable[[], bool]) -> Callable[[Progress], None]:
    """Called after every epoch: reports it, and ends the fit of a trial that is not worth going on with."""
    reported = set(studies.reported(trial))

    def watch(now: Progress) -> None:
        for row in now.history:  # all of them: a process may have died between an epoch and its report
            if int(row["epoch"]) not in reported:
                studies.report(trial, float(row[search.tune.score]), int(row["epoch"]))
                reported.add(int(row["epoch"]))
        latest = now.history[-1]
        score = f"{search.tune.score} {latest[search.tune.score]:.5f}"
        search.run.say(f"trial {trial.number} of {search.tune.size}: epoch {now.epoch}, {score}")
        if now.stopped:
            return
        if trial.should_prune():
            now.stopped = PRUNED
        elif spent():
            raise Spent

    return watch


def found(search: Search, study: optuna.Study) -> Found:
    """What the study holds now; the best recipe is written to best.yaml in its folder."""
    rows = studies.rows(study)
    best = studies.best(rows, search.tune.rises)
    spans = {name: days(search.made, span) for name, span in search.split.spans.items()}
    recipe = None
    if best is not None:
        chosen = recipe_of(search.recipe, best.params)
        told = {"until": until(search.made, search.split), "trials": len(rows), "score": search.tune.score}
        recipe = with_origin(chosen, told)
        write(search.folder / "best.yaml", recipe, best)
    return Found(search.folder, search.tune, rows, best, recipe, spans)


def with_origin(recipe: Recipe, told: dict[str, Any]) -> Recipe:
    """The recipe without a search, and with what it was chosen on; its data by a path that holds anywhere."""
    from signals.training.recipe import read

    resolved = recipe.resolved() | {"tune": None, "tuned": told}
    resolved["data"] = material.data_of(recipe)
    with suppress(DataError, KeyError):  # a source of a plugin may call something else a path
        resolved["data"]["path"] = str(find(resolved["data"]["path"], recipe.base).resolve())
    return read(resolved)


def write(path: Path, recipe: Recipe, best: Row) -> None:
    """The recipe as a file for barcast train and barcast walkforward."""
    from engine.config.values import dump_yaml
    from engine.writing import replace as written

    assert recipe.tuned is not None
    said = recipe.tuned
    head = f"# Trial {best.number}: the best {said.score} of {said.trials} trials on validation, {best.score:.6g}.\n"
    head += f"# Chosen on bars until {said.until}: what it does before is no evidence of anything.\n"
    written(path, (head + dump_yaml(recipe.resolved())).encode())
