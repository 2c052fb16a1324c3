"""How a walk-forward's forecasts did, beside baselines on the same cells: measures with intervals, as a page to keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.types import Floats
from signals.training import baselines, measured, opened, quality
from signals.training import targets as wanted
from signals.training.cells import flat, read, wide
from signals.training.material import Material
from signals.training.paired import paired_of
from signals.training.recipe import Recipe
from signals.training.train import Run
from signals.training.verdict import constant, verdict
from signals.training.walkforward import SAID, Walked

Measures = dict[str, float]
# name, how it is shown, whether less is better; the first is the one a model is judged by
RANKED = (
    ("rank IC", "{:+.4f}", False), ("rank IC low", "{:+.4f}", False), ("rank IC high", "{:+.4f}", False),
    ("t", "{:+.2f}", False), ("IC", "{:+.4f}", False), ("t of IC", "{:+.2f}", False), ("ICIR", "{:+.3f}", False),
    ("hit rate", "{:.2%}", False),
    ("top - bottom fifth", "{:+.2f} bps", False), ("its t", "{:+.2f}", False),
)  # fmt: skip
CLASSIFIED = (
    ("log loss", "{:.5f}", True), ("less entropy", "{:+.5f}", True), ("accuracy", "{:.2%}", False), ("low", "{:.2%}", False),
    ("high", "{:.2%}", False), ("balanced", "{:.2%}", False), ("F1", "{:.3f}", False), ("MCC", "{:+.4f}", False),
    ("AUC", "{:.4f}", False), ("Brier", "{:.5f}", True),
)  # fmt: skip
PRICED = (
    ("RMSE", "{:.5g}", True), ("MAE", "{:.5g}", True), ("MAPE", "{:.3%}", True), ("R2", "{:.5f}", False),
    ("bias", "{:+.4g}", True), ("negative", "{:.0f}", True), ("hit rate", "{:.2%}", False),
)  # fmt: skip


def page(
    recipe: Recipe, made: Material, walks: Sequence[Walked], place: Path, run: Run, with_baselines: bool = True
) -> str:
    """The Markdown page of one recipe; its first line says whether the model beats the baselines.

    The look is noted in `place`, the folder of all the walks, before anything is measured.
    """
    ours = [read(walk.folder / SAID, made) for walk in walks]
    cells = np.isfinite(made.labels.values)
    for one in ours:
        cells &= np.isfinite(one)
    looks = opened.note(place, opened.look(run.at, "walkforward --table", made, walks, cells)) if cells.any() else 0
    others = baselines.forecasts(made, recipe, walks[0].splits, run.say) if with_baselines else {}
    for one in others.values():
        cells &= np.isfinite(one)
    measure = measure_of(recipe)
    seeds = [measure(made, one, cells) for one in ours]
    rest = {name: measure(made, one, cells) for name, one in others.items()}
    shown = columns(recipe)
    told = first_line(recipe, made, (ours, seeds), (others, rest), cells)
    out = [f"# {recipe.name}", "", f"**{told}**", "", f"{about(recipe, made, walks, cells)} {looked(looks)}", ""]
    out += [f"| | {' | '.join(name for name, _, _ in shown)} |", f"|---|{'---:|' * len(shown)}"]
    label = "model" if len(seeds) == 1 else f"model, {len(seeds)} seeds"
    out.append(f"| {label} | {' | '.join(spread([s[n] for s in seeds], how) for n, how, _ in shown)} |")
    out += [f"| {name} | {' | '.join(said(m[n], how) for n, how, _ in shown)} |" for name, m in rest.items()]
    if recipe.label.target == "return" and cells.any():
        out += ["", *fifths(made, ours, others, cells)]
    out += ["", *by_year(recipe, made, ours, cells, shown[0])]
    out += flagged(walks)
    if recipe.targets:
        out += targets(recipe, [measured.measured_of(recipe)(made, one, cells) for one in ours])
    return "\n".join(out) + "\n"


def measure_of(recipe: Recipe) -> Callable[[Material, Floats, Any], Measures]:
    """The measures of (T, N) forecasts over the cells that count, by what they are."""
    if recipe.label.target == "price":
        return priced
    return classified if recipe.loss.kind == "direction" else ranked


def columns(recipe: Recipe) -> tuple[tuple[str, str, bool], ...]:
    """The measures that are shown."""
    if recipe.label.target == "price":
        return PRICED
    return CLASSIFIED if recipe.loss.kind == "direction" else RANKED


def ranked(made: Material, forecast: Floats, cells: Any) -> Measures:
    """Correlations by date with Newey-West t values and a 95 % interval; over time instead where there are too few names to
    rank.
    """
    f, y, edges = flat(made, forecast, cells)
    if len(edges) < 2:
        return {name: math.nan for name, _, _ in RANKED}
    many = wide(edges)
    daily = quality.correlations(f, y, edges) if many else np.array([quality.pearson(f, y)])
    ranks = (
        quality.rank_correlations(f, y, edges)
        if many
        else np.array([quality.pearson(quality.ranks(f), quality.ranks(y))])
    )
    ic, rank = quality.newey_west(daily), quality.newey_west(ranks)
    parts = quality.fifths(f, y, edges)
    gap = quality.newey_west(parts[:, -1] - parts[:, 0])
    return {
        "rank IC": rank.value, "rank IC low": rank.low, "rank IC high": rank.high,
        "t": rank.t, "IC": ic.value, "t of IC": ic.t,
        "ICIR": ic.value / float(np.nanstd(daily)) if ic.count > 1 else math.nan,
        "hit rate": float(np.mean((f > 0.0) == (y > 0.0))), "top - bottom fifth": gap.value * 1e4, "its t": gap.t,
    }  # fmt: skip


def classified(made: Material, forecast: Floats, cells: Any) -> Measures:
    """Accuracy with its Wilson interval, and the rest of signals.training.quality.classified."""
    f, y, _ = flat(made, forecast, cells)
    c = quality.classified(f, y > 0.5)
    return {
        "log loss": c.log_loss, "less entropy": c.log_loss - c.entropy, "accuracy": c.accuracy, "low": c.low, "high": c.high,
        "balanced": c.balanced, "F1": c.f1, "MCC": c.mcc, "AUC": c.auc, "Brier": c.brier,
    }  # fmt: skip


def priced(made: Material, forecast: Floats, cells: Any) -> Measures:
    """Errors of foretold prices, and how often the direction from the last price was right."""
    f, y, _ = flat(made, forecast, cells)
    if not len(y):
        return {name: math.nan for name, _, _ in PRICED}
    last = made.labels.last(*np.nonzero(cells))
    e = f - y
    hits = (f > last) == (y > last)
    return {
        "RMSE": math.sqrt(float((e**2).mean())), "MAE": float(np.abs(e).mean()), "MAPE": float(np.abs(e / y).mean()),
        "R2": 1.0 - float((e**2).sum() / ((y - y.mean()) ** 2).sum()), "bias": float(e.mean()),
        "negative": float((f < 0.0).sum()), "hit rate": float(hits[y != last].mean()),
    }  # fmt: skip


def first_line(
    recipe: Recipe,
    made: Material,
    ours: tuple[Sequence[Floats], Sequence[Measures]],
    others: tuple[Mapping[str, Floats], Mapping[str, Measures]],
    cells: Any,
) -> str:
    """What `barcast evaluate` says first of the same forecasts; ours by seed and the baselines' come with their measures."""
    if not cells.any():
        return "No forecast has an outcome yet: nothing is known of this model."
    (forecasts, seeds), (beside, measures) = ours, others
    against = {name: paired_of(recipe)(made, forecasts, [one], cells) for name, one in beside.items()}
    flags = []
    if recipe.loss.kind == "direction":
        p, y, _ = flat(made, forecasts[0], cells)
        flags = constant(p, y > 0.5)
    return verdict(columns(recipe)[0], seeds, measures, against, flags[0] if flags else "")[1]


def looked(looks: int) -> str:
    """How often dates of the test ranges have been looked at."""
    return f"Its dates have been looked at {looks} time{'s' if looks != 1 else ''}."


def about(recipe: Recipe, made: Material, walks: Sequence[Walked], cells: Any) -> str:
    """What the page is about, in a sentence."""
    rows = np.flatnonzero(cells.any(axis=1))
    span = f"{made.day(int(rows[0]))} to {made.day(int(rows[-1]))}" if len(rows) else "no dates"
    names = int(cells.any(axis=0).sum())
    seeds = (
        f"seeds {', '.join(str(walk.passports[0].seed) for walk in walks)}" if len(walks) > 1 else f"seed {recipe.seed}"
    )
    label = f"Label {recipe.label.kind}, {recipe.label.horizon} bar ahead."
    count = f"{names} names, {int(cells.sum()):,} forecasts with an outcome; {seeds}."
    beside = "Baselines are fitted in each fold on the same training windows and measured on the same cells."
    return f"{len(walks[0].splits)} folds, out of sample {span}; {count} {label} {beside}"


def fifths(made: Material, ours: Sequence[Floats], others: Mapping[str, Floats], cells: Any) -> list[str]:
    """Mean outcome of each fifth of the forecasts, in bps."""
    mean = np.mean(ours, axis=0)
    rows = {"model" if len(ours) == 1 else "mean of the seeds": mean, **others}
    out = ["| mean return by fifth, bps | lowest | 2 | 3 | 4 | highest |", "|---|---:|---:|---:|---:|---:|"]
    for name, forecast in rows.items():
        parts = quality.fifths(*flat(made, forecast, cells)) * 1e4
        means = [float(np.nanmean(part)) if np.isfinite(part).any() else math.nan for part in parts.T]
        out.append(f"| {name} | {' | '.join(said(v, '{:+.2f}') for v in means)} |")
    return out


def by_year(
    recipe: Recipe, made: Material, ours: Sequence[Floats], cells: Any, judged: tuple[str, str, bool]
) -> list[str]:
    """The measure a model is judged by, year by year, mean over the seeds."""
    name, how, _ = judged
    years = made.dates.astype("datetime64[Y]").astype(np.int64) + 1970
    there = sorted(set(years[cells.any(axis=1)].tolist()))
    measure = measure_of(recipe)
    told = []
    for year in there:
        mine = cells & (years == year)[:, None]
        told.append(said(float(np.mean([measure(made, one, mine)[name] for one in ours])), how))
    head = f"| {name} by year | {' | '.join(map(str, there))} |"
    return [head, f"|---|{'---:|' * len(there)}", f"| model | {' | '.join(told)} |"]


def flagged(walks: Sequence[Walked]) -> list[str]:
    """Red flags, each set of them with the folds that have it."""
    found: dict[str, dict[int, list[int]]] = {}
    for walk in walks:
        for k, passport in enumerate(walk.passports):
            if passport.flags:
                told = ", ".join(passport.flags) + (", says nothing" if passport.blocked else "")
                found.setdefault(told, {}).setdefault(passport.seed, []).append(k)
    count = sum(len(walk.passports) for walk in walks)
    out = []
    for told, seeds in found.items():
        where = "; ".join(f"seed {seed} fold {', '.join(map(str, folds))}" for seed, folds in seeds.items())
        out.append(f"- {told}: {sum(map(len, seeds.values()))} of {count} folds ({where})")
    return ["", "Red flags:", "", *out] if out else []


def targets(recipe: Recipe, seeds: Sequence[measured.Measured]) -> list[str]:
    """Each target of the recipe: met, missed, or undecidable where the interval holds it. Never a gate."""
    out = wanted.lines(wanted.all_of(recipe.targets, measured.mean(list(seeds))))
    return ["", "Targets of the recipe (minimum, target, stretch):", "", *out] if out else []


def spread(values: Sequence[float], how: str) -> str:
    """A mean, with the standard deviation over seeds where there are several."""
    if len(values) == 1:
        return said(values[0], how)
    return f"{said(float(np.mean(values)), how)} ± {said(float(np.std(values, ddof=1)), how.replace('+', ''))}"


def said(value: float, how: str) -> str:
    """A number as the column shows it."""
    return "-" if math.isnan(value) else how.format(value)
