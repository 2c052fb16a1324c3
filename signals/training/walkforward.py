"""Walk-forward: a model folder per fold, and what each forecast for the time after it was fitted, stitched into one file.

OUT/fold-000 ... are model folders; OUT/forecasts.parquet holds date, symbol, forecast, fold: out-of-sample rows only.
OUT/said.parquet has what blocked classifiers would have said too. OUT/walkforward.json, written last, says which folds make
the walk, what each has seen, and the sha256 of both tables; until then that of an older walk stands, and refuses what is not
its own. A fold that is finished is not fitted again. Scheme cpcv leaves
OUT/path-000.parquet ... and OUT/cpcv.json instead (signals.training.combinatorial).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.errors import ConfigError, DataError
from engine.writing import replace
from signals import folder as folders
from signals import walked
from signals.passport import Passport, instant_of
from signals.training import apart, combinatorial, fitting, forecasts, material, splits
from signals.training.loop import Clock
from signals.training.material import Material
from signals.training.passports import days
from signals.training.recipe import Recipe, WalkForward, read
from signals.training.source import device_of
from signals.training.splits import Span, Split
from signals.training.train import Run, model

FORECASTS, SAID, INDEX, DONE = forecasts.FORECASTS, forecasts.SAID, walked.INDEX, walked.DONE


class Walked(NamedTuple):
    """A finished walk-forward."""

    folder: Path
    splits: list[Split]
    passports: list[Passport]


def walkforward(recipe: Recipe, out: str | Path, run: Run, jobs: int = 1, made: Material | None = None) -> Walked:
    """Fit every fold of the recipe and stitch their forecasts.

    With `jobs` above 1, folds run in processes of their own, which read the recipe's bars themselves, whatever `made` is.
    """
    place = Path(out)
    here = material.material(recipe, run.say) if made is None else made
    material.one_model(recipe, here)
    found = folds_of(here, recipe)
    todo = [k for k, split in enumerate(found) if not finished(place / name_of(k), key(here, recipe, split, run), here)]
    run.say(f"{recipe.name}: {len(found)} folds, {len(todo)} to fit")
    crossed = recipe.walkforward is not None and recipe.walkforward.scheme == "cpcv"
    if jobs > 1 and len(todo) > 1:
        _apart(recipe, place, run, jobs, todo)
    else:
        for k in todo:
            fold(here, recipe, found[k], k, place, run)
    passports = [folders.read_passport(place / name_of(k)) for k in range(len(found))]
    if crossed:
        combinatorial.stitch(place, here, recipe, found, exactly(here, found, passports))
    else:
        stitch(place, here, recipe, found, passports)
    with suppress(FileNotFoundError):
        (place / (INDEX if crossed else combinatorial.INDEX)).unlink()  # of a walk of the other kind
    return Walked(place, found, passports)


def folds_of(made: Material, recipe: Recipe) -> list[Split]:
    """The recipe's folds over these dates; DataError for a fold that forecasts fewer bars than the recipe wants."""
    said = recipe.walkforward
    if said is None:
        raise ConfigError(f"{recipe.name}: the recipe has no section walkforward; add one, or use barcast train")
    usable = np.flatnonzero(made.known.any(axis=0))
    if not len(usable):
        raise DataError(f"{recipe.name}: no window of {recipe.window} slices is known; give more data")
    if said.scheme == "cpcv":
        return combined(made, recipe, said, int(usable[0]))
    found = splits.folds(made.dates, said.walk(), recipe.embargo, int(usable[0]) if said.scheme == "expanding" else 0)
    for split in found:
        assert split.test is not None
        if split.test.size < said.least:
            span = " to ".join(days(made, split.test))
            raise DataError(
                f"walkforward: {span} has {split.test.size} bars, expected at least {said.least}; set walkforward.last"
            )
    return found


def combined(made: Material, recipe: Recipe, said: WalkForward, begin: int) -> list[Split]:
    """The Splits of scheme cpcv, over the slices from `begin` on and between the section's dates."""
    assert said.groups is not None and said.test_groups is not None
    first = 0 if said.first is None else int(np.searchsorted(made.dates, np.datetime64(said.first)))
    stop = len(made.dates)
    if said.last is not None:
        stop = int(np.searchsorted(made.dates, np.datetime64(said.last), side="right"))
    memory = recipe.window - 1 + recipe.training.shift
    rows = Span(max(begin, first), stop)
    told = (said.groups, said.test_groups, recipe.embargo, memory, said.validation, said.calibration)
    return combinatorial.folds(made.dates, rows, *told)


def exactly(made: Material, found: list[Split], passports: list[Passport]) -> list[dict[str, Any]]:
    """What each fold of scheme cpcv was fitted on and forecast, stretch by stretch."""
    return [
        {
            "fold": k,
            "folder": name_of(k),
            "known_through": passport.known_through,
            "weights_sha256": passport.weights_sha256,
            "ranges": {name: [days(made, part) for part in span.parts] for name, span in split.spans.items()},
            "flags": list(passport.flags),
        }
        for k, (split, passport) in enumerate(zip(found, passports, strict=True))
    ]


def fold(made: Material, recipe: Recipe, split: Split, k: int, place: Path, run: Run) -> None:
    """Fit fold `k`, forecast its test range, and note that it is finished."""
    assert split.test is not None
    folder = place / name_of(k)
    done = model(made, recipe, split, recipe.seed, folder, run, f"{recipe.name} fold {k}")
    rows = split.test.rows
    fitted = done.fitted
    said = fitting.outputs(fitted.net, fitted.scaler, fitted.calibration, made, recipe, rows, run.device)
    forecasts.write(folder / SAID, made, rows, said, np.full(len(rows), k))
    if done.passport.blocked:
        said[:] = np.nan
    if done.passport.clamp is not None:
        low, high = (math.nan if one is None else one for one in done.passport.clamp)
        said = np.fmin(np.fmax(said, low), high)
    forecasts.write(folder / FORECASTS, made, rows, said, np.full(len(rows), k))
    files = {name: forecasts.sha256(folder / name) for name in (FORECASTS, SAID)}
    told = {
        "key": key(made, recipe, split, run),
        "weights_sha256": done.passport.weights_sha256,
        "files": files,
        "walk": recipe.resolved()["walkforward"],
    }
    replace(folder / DONE, json.dumps(told).encode())


def key(made: Material, recipe: Recipe, split: Split, run: Run) -> str:
    """What a fold's finished folder must have been made from; its test range may grow."""
    assert split.test is not None
    device = device_of(run.device)
    tested = " ".join(day for part in split.test.parts for day in days(made, part))
    return f"{fitting.key_of(made, recipe, split, recipe.seed, device)} {tested}"


def finished(folder: Path, key: str, made: Material) -> bool:
    """Whether `folder` holds this very fold, model and forecasts; of older folds, without the forecasts' sha256, some."""
    try:
        told = json.loads((folder / DONE).read_text())
        if told["key"] != key or told["weights_sha256"] != folders.read(folder)[0].weights_sha256:
            return False
        for name in (FORECASTS, SAID):
            forecasts.read(folder / name, made, told["files"][name] if "files" in told else None)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, DataError):
        return False
    return True


def name_of(k: int) -> str:
    """The folder of a fold."""
    return f"fold-{k:03d}"


def stitch(place: Path, made: Material, recipe: Recipe, found: list[Split], passports: list[Passport]) -> None:
    """Write all folds' forecasts as one table, and the index that says what each fold has seen."""
    inside = [name_of(k) for k in range(len(found))]
    rows, _ = (forecasts.join(place, name, inside) for name in (FORECASTS, SAID))
    told = [
        {
            "fold": k,
            "folder": name_of(k),
            "known_through": passport.known_through,
            "valid_from": passport.valid_from,
            "valid_until": instant_of(int(made.times[split.test.stop - 1])),
            "weights_sha256": passport.weights_sha256,
            "ranges": {name: days(made, span) for name, span in split.spans.items()},
            "flags": list(passport.flags),
            "rows": rows[k],
        }
        for k, (split, passport) in enumerate(zip(found, passports, strict=True))
        if split.test is not None
    ]
    whole = {
        "format": walked.FORMAT,
        "name": recipe.name,
        "unit": recipe.unit,
        "seed": recipe.seed,
        "recipe": recipe.resolved(),
        "files": {name: forecasts.sha256(place / name) for name in (FORECASTS, SAID)},
    }
    text = json.dumps({**whole, "folds": told}, indent=1, allow_nan=False)
    replace(place / INDEX, (text + "\n").encode())


def _apart(recipe: Recipe, place: Path, run: Run, jobs: int, todo: Sequence[int]) -> None:
    """Fit folds in `jobs` processes; each reads its bars and features from the caches itself."""
    base = None if recipe.base is None else str(recipe.base)
    told = [(recipe.resolved(), base, str(place), run.device, run.today, run.clock, k) for k in todo]
    apart.each(_one, told, jobs)


def _one(told: dict[str, Any], base: str | None, place: str, device: str, today: str, clock: Clock, k: int) -> None:
    """Fold `k`, in a process of its own."""
    recipe = read(told)
    recipe._base = None if base is None else Path(base)
    made = material.material(recipe)
    fold(made, recipe, folds_of(made, recipe)[k], k, Path(place), Run(device, clock, today))


def main() -> None:
    """python -m signals.training.walkforward: the command without an installed barcast."""
    from engine.cli import main as barcast

    sys.argv[1:1] = ["walkforward"]
    barcast()


if __name__ == "__main__":
    main()
