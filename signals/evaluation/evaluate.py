"""A model judged on dates it has not seen: one document of plain data, from which the page and the model card are made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.types import Bools, Floats
from signals.evaluation import groups
from signals.evaluation.attribution import attribution
from signals.evaluation.classes import classification
from signals.evaluation.ranking import ranking
from signals.evaluation.subject import Subject
from signals.training import baselines, intervals, measured, opened, paired, table, targets
from signals.training import cells as laid
from signals.training.intervals import Interval
from signals.training.longs import longs
from signals.training.quality import wilson
from signals.training.verdict import verdict

SCHEMA = 1
Told = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is looked at; `at` is the ISO instant that the log of looks tells."""

    at: str
    baselines: bool = True
    gap: bool = True
    attribution: bool = True
    run: str | None = None  # the directory of a backtest, for targets that only one can decide
    say: Say = lambda text: None


def evaluate(subject: Subject, options: Options) -> Told:
    """Everything that is known of a model's forecasts, as JSON but for NaN; the look is noted in its folder first."""
    made, recipe = subject.made, subject.recipe
    cells, ran = subject.cells, of_run(options.run)
    if not cells.any():
        raise DataError(f"{subject.place}: no forecast of it has an outcome yet; nothing can be measured")
    looks = opened.note(subject.place, opened.look(options.at, "evaluate", made, subject.walks, cells))
    others: dict[str, Floats] = {}
    if options.baselines:
        others = baselines.forecasts(made, recipe, subject.walks[0].splits, options.say)
        for one in others.values():
            cells = cells & np.isfinite(one)
        if not cells.any():
            raise DataError(f"{subject.place}: no cell has a forecast of every baseline; say --no-baselines")
    options.say(f"{subject.name}: measures")
    seeds = [table.measure_of(recipe)(made, one, cells) for one in subject.forecasts]
    mine = measured.mean([measured.measured_of(recipe)(made, one, cells) for one in subject.forecasts])
    beside = {name: table.measure_of(recipe)(made, one, cells) for name, one in others.items()}
    against = {name: paired.paired_of(recipe)(made, subject.forecasts, [one], cells) for name, one in others.items()}
    first = subject.forecasts[0]
    out: Told = {
        "schema_version": SCHEMA, "name": subject.name, "verdict": "", "beats_baselines": None,
        "model": about(subject, cells), "looks": looks, "at": options.at, "notes": list(subject.notes),
        "measures": {name: intervals.told(one) for name, one in mine.items()},
        "shown": shown(recipe, seeds, beside),
        "against": {name: {key: intervals.told(one) for key, one in found.items()} for name, found in against.items()},
        "targets": targets.all_of(recipe.targets, {**mine, **ran}),
        "by_year": groups.by_year(subject, first, cells), "by_sector": groups.by_sector(subject, first, cells),
        "gap": groups.gap(subject, first, cells) if options.gap else [],
    }  # fmt: skip
    out |= details(subject, first, cells)
    out["attribution"] = {"why": "not asked for"}
    if options.attribution:
        options.say(f"{subject.name}: attribution")
        out["attribution"] = attribution(subject, cells)
    out["flags"] = flags(subject, out)
    constant = next((flag for flag in out["flags"] if flag.startswith(("constant", "flat"))), "")
    out["beats_baselines"], out["verdict"] = verdict(table.columns(recipe)[0], seeds, beside, against, constant)
    return out


def about(subject: Subject, cells: Bools) -> Told:
    """What is judged."""
    recipe, made = subject.recipe, subject.made
    last = subject.passports[-1]
    kind = "prices" if recipe.label.target == "price" else "classes" if recipe.loss.kind == "direction" else "ranks"
    return {
        "kind": kind, "unit": recipe.unit, "label": recipe.label.kind, "horizon": recipe.label.horizon,
        "target": recipe.label.target, "features": made.features, "columns": list(made.columns), "window": recipe.window,
        "architecture": dict(last.architecture), "folds": len(subject.walks[0].splits),
        "seeds": [walk.passports[0].seed for walk in subject.walks], "range": opened.span(made, cells), "rows": int(cells.sum()),
        "dates": int(cells.any(axis=1).sum()), "names": int(cells.any(axis=0).sum()),
        "passports": [passport_of(p.model_dump(mode="json")) for p in subject.passports],
    }  # fmt: skip


def passport_of(told: Mapping[str, Any]) -> Told:
    """What a reader wants to know of a fold's passport."""
    kept = (
        "ranges", "embargo", "known_through", "valid_from", "training_date", "epochs_trained", "best_epoch", "losses", "n_samples",
        "data_fingerprint", "weights_sha256", "versions", "flags", "model_version", "data_range", "seed",
    )  # fmt: skip
    return {name: told[name] for name in kept}


def shown(recipe: Any, seeds: list[Told], beside: Mapping[str, Told]) -> Told:
    """The table of the model beside its baselines: a value, and the spread over seeds where there are several."""
    names = [name for name, _, _ in table.columns(recipe)]
    rows = [{
        "name": "model", "values": [float(np.mean([s[n] for s in seeds])) for n in names],
        "spread": [float(np.std([s[n] for s in seeds], ddof=1)) for n in names] if len(seeds) > 1 else None,
    }]  # fmt: skip
    rows += [{"name": name, "values": [one[n] for n in names], "spread": None} for name, one in beside.items()]
    return {"columns": names, "rows": rows}


def details(subject: Subject, forecast: Floats, cells: Bools) -> Told:
    """What only some kinds of models have: classes, prices, an order of names. Of the first seed."""
    recipe, made = subject.recipe, subject.made
    if recipe.label.target == "price":
        return {"prices": prices(subject, forecast, cells)}
    if recipe.loss.kind != "direction":
        return {"ranking": ranking(made, forecast, cells, recipe.label.horizon)}
    p, y, edges = laid.flat(made, forecast, cells)
    found = classification(p, y > 0.5, edges, made.labels.reach)
    return {"classes": found, "ranking": ranking(made, forecast, cells, recipe.label.horizon, centre=0.5)}


def prices(subject: Subject, forecast: Floats, cells: Bools) -> Told:
    """Errors of the prices beside those of the last price, and how many are below zero."""
    made = subject.made
    last = np.full(forecast.shape, np.nan)
    last[cells] = made.labels.last(*np.nonzero(cells))
    mine, theirs = (table.priced(made, one, cells) for one in (forecast, last))
    rows = int(cells.sum())
    apart = paired.priced(made, subject.forecasts, [last], cells)
    return {
        "model": {**mine, "negative share": mine["negative"] / rows},
        "last price": {**theirs, "negative share": theirs["negative"] / rows},
        "difference": {name: intervals.told(one) for name, one in apart.items()},
        "rule": rule(subject, forecast, cells, last),
    }


def rule(subject: Subject, forecast: Floats, cells: Bools, last: Floats) -> Told:
    """Long, in equal parts, what is foretold to rise, flat else: Sharpe ratio a year before any cost, its error (Lo 2002)."""
    found = longs(subject.made, forecast, last, cells)
    return {
        "dates": found.dates, "folds": len(subject.walks[0].splits), "held": found.held, "sharpe": found.sharpe,
        "error": found.error,
    }  # fmt: skip


def of_run(run: str | None) -> dict[str, Interval]:
    """What a backtest knows of Sharpe ratio, win rate and drawdown; the last has no interval, so no target of it is decided."""
    if run is None:
        return {}
    from engine.result import Result

    found = Result.load(run).metrics

    def known(name: str) -> float:
        value = found.get(name)
        return math.nan if value is None else float(value)

    count = int(known("trades")) if math.isfinite(known("trades")) else 0
    won = round(known("win_rate") * count) if count else 0
    return {
        "sharpe": Interval(known("sharpe"), known("sharpe_low"), known("sharpe_high"), "the run's own"),
        "win_rate": Interval(known("win_rate"), *wilson(won, count), "Wilson"),
        "max_drawdown": intervals.unknown(abs(known("max_drawdown"))),
    }


def flags(subject: Subject, told: Told) -> list[str]:
    """Everything that speaks against a model: of its folds' passports, and of its forecasts."""
    out = list(told["classes"]["flags"]) if "classes" in told else []
    for walk in subject.walks:
        for k, passport in enumerate(walk.passports):
            if passport.flags:
                where = f"seed {passport.seed}" + ("" if subject.single else f", fold {k}")
                out.append(f"{where}: {', '.join(passport.flags)}{' (it says nothing)' if passport.blocked else ''}")
    return out


def plain(told: Any) -> Any:
    """The same with None for what is not known, as JSON has it."""
    if isinstance(told, dict):
        return {str(key): plain(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [plain(value) for value in told]
    if isinstance(told, np.generic):
        told = told.item()
    if isinstance(told, Path):
        return str(told)
    return None if isinstance(told, float) and not math.isfinite(told) else told
