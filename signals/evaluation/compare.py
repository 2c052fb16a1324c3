"""Models beside each other, over the dates and names that all of them forecast and none had seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Floats, Ints
from signals.evaluation.subject import Subject
from signals.training import intervals, measured, opened, paired, table
from signals.training.labels import Labels
from signals.training.material import Material
from signals.training.recipe import Recipe

SCHEMA = 1
SAME = 1e-9  # outcomes of two models' bars may differ by rounding alone
Told = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Common:
    """What the models share: bars' labels on common dates and names, and each model's forecasts there by seed."""

    made: Material
    recipe: Recipe  # of the first: what is measured
    forecasts: list[list[Floats]]
    cells: Any
    by: str  # "their own label", or "the return they are traded for"


def compare(subjects: Sequence[Subject], at: str, first: str | None = None, last: str | None = None) -> Told:
    """Measures of each on the common cells from `first` to `last` (ISO dates), and every later model less the first.

    The look is noted in every model's folder. ConfigError for models that cannot be held against each other.
    """
    if len(subjects) < 2:
        raise ConfigError("compare-models: expected two models or more, got one")
    common = shared(subjects, first, last)
    made, cells = common.made, common.cells
    days = np.flatnonzero(cells.any(axis=1))
    span = opened.span(made, cells)
    names = labels_of(subjects)
    looks = []
    for subject in subjects:
        line = {"at": at, "what": "compare-models", "range": span, "rows": int(cells.sum()), "with": names}
        looks.append(opened.note(subject.place, line))
    how, apart = measured.measured_of(common.recipe), paired.paired_of(common.recipe)
    rows = []
    for name, forecasts, count in zip(names, common.forecasts, looks, strict=True):
        found = measured.mean([how(made, one, cells) for one in forecasts])
        rows.append(
            {
                "model": name,
                "seeds": len(forecasts),
                "looks": count,
                "measures": {key: intervals.told(one) for key, one in found.items()},
            }
        )
    judged, _, less = table.columns(common.recipe)[0]
    against = []
    for name, forecasts in zip(names[1:], common.forecasts[1:], strict=True):
        gaps = apart(made, forecasts, common.forecasts[0], cells)
        word = paired.better(gaps[judged], less) if judged in gaps else "not known"
        against.append(
            {
                "model": name,
                "first": names[0],
                "judged by": judged,
                "differences": {key: intervals.told(one) for key, one in gaps.items()},
                "better": {"first": name, "second": names[0]}.get(word, word),
            }
        )
    return {
        "schema_version": SCHEMA,
        "verdict": verdict(against),
        "at": at,
        "range": span,
        "by": common.by,
        "rows": int(cells.sum()),
        "dates": len(days),
        "names": int(cells.any(axis=0).sum()),
        "models": rows,
        "against_first": against,
    }


def labels_of(subjects: Sequence[Subject]) -> list[str]:
    """A name for each, unlike the others'."""
    names = [subject.name for subject in subjects]
    if len(set(names)) < len(names):
        names = [str(subject.place) for subject in subjects]
    if len(set(names)) < len(names):
        raise ConfigError("compare-models: one model stands twice; give different ones")
    return names


def shared(subjects: Sequence[Subject], first: str | None, last: str | None) -> Common:
    """The Common of some models. Rank models and classifiers of the same return meet by that return; prices only each other."""
    recipes = [subject.recipe for subject in subjects]
    said = [(one.label.kind, one.label.horizon) for one in recipes]
    if len(set(said)) > 1:
        told = "; ".join(f"{s.name}: {kind}, {ahead} ahead" for s, (kind, ahead) in zip(subjects, said, strict=True))
        raise ConfigError(f"compare-models: they foretell different things ({told}); give models of one label")
    same = len({(one.label.target, one.loss.kind == "direction") for one in recipes}) == 1
    if not same and any(one.label.target == "price" for one in recipes):
        raise ConfigError("compare-models: a price and a return have no common measure; give models of one label")
    base = subjects[0].made
    daily = all(s.made.daily for s in subjects)
    days = sorted(set.intersection(*(set(stamps(s.made, daily).tolist()) for s in subjects)))
    names = [name for name in base.symbols if all(name in s.made.symbols for s in subjects)]
    if not days or not names:
        raise DataError("compare-models: they have no date or no name in common")
    rows = [np.searchsorted(keys := stamps(s.made, daily), np.array(days, keys.dtype)) for s in subjects]
    outcomes = [
        laid(s.made, s.made.labels.values if same else s.made.labels.returns, at, names)
        for s, at in zip(subjects, rows, strict=True)
    ]
    agreed(subjects, outcomes)
    forecasts = [[laid(s.made, one, at, names) for one in s.forecasts] for s, at in zip(subjects, rows, strict=True)]
    cells = np.isfinite(outcomes[0])
    for one in (values for seeds in forecasts for values in seeds):
        cells = cells & np.isfinite(one)
    dates = base.dates[rows[0]]
    if first is not None:
        cells &= (dates >= np.datetime64(first))[:, None]
    if last is not None:
        cells &= (dates <= np.datetime64(last))[:, None]
    if not cells.any():
        raise DataError("compare-models: no date and name that all of them forecast out of sample; give a wider range")
    returns = laid(base, base.labels.returns, rows[0], names)
    labels = Labels(outcomes[0], returns, base.labels.reach, base.labels.kind, base.labels.target if same else "return")
    made = replace(
        base,
        symbols=tuple(names),
        times=base.times[rows[0]],
        dates=dates,
        labels=labels,
        sectors=(),
        values=np.zeros((len(names), len(days), len(base.columns)), np.float32),
        known=cells.T,
    )
    by = "their own label" if same else "the return they are traded for"
    return Common(made, recipes[0] if same else ranks_of(recipes), forecasts, cells, by)


def ranks_of(recipes: Sequence[Recipe]) -> Recipe:
    """A recipe among them that is measured by returns."""
    return next(one for one in recipes if one.label.target == "return")


def agreed(subjects: Sequence[Subject], outcomes: Sequence[Floats]) -> None:
    """Nothing; DataError where two models' bars tell of different outcomes for one name and date."""
    for subject, one in zip(subjects[1:], outcomes[1:], strict=True):
        both = np.isfinite(one) & np.isfinite(outcomes[0])
        apart = np.abs(one - outcomes[0])[both]
        wrong = int((apart > SAME * np.maximum(1.0, np.abs(one[both]))).sum())
        if wrong:
            raise DataError(
                f"compare-models: {subject.name} and {subjects[0].name} disagree about {wrong:,} of {both.sum():,} outcomes: "
                f"their bars are not the same; give models of the same bars"
            )


def stamps(made: Material, daily: bool) -> Any:
    """(T,) what tells a slice: its date, or its close (ns) where a day has several."""
    return made.dates if daily else made.times


def laid(made: Material, values: Floats, rows: Ints, names: Sequence[str]) -> Floats:
    """Values (T, N) at some rows, of common names."""
    place = {name: k for k, name in enumerate(made.symbols)}
    columns = np.array([place[name] for name in names], np.int64)
    return np.asarray(values[np.ix_(rows, columns)])


def verdict(against: Sequence[Told]) -> str:
    """The first line: what is more than chance, and what is not."""
    parts = []
    for one in against:
        gap = one["differences"].get(one["judged by"])
        if one["better"] == "not known" or gap is None:
            parts.append(f"nothing is known of {one['model']} against {one['first']}")
            continue
        numbers = f"{one['judged by']} {gap['value']:+.4g}, 95 % {gap['low']:+.4g} to {gap['high']:+.4g}"
        if one["better"] == "within chance":
            parts.append(f"{one['model']} and {one['first']} differ by no more than chance ({numbers})")
        else:
            loser = one["first"] if one["better"] == one["model"] else one["model"]
            parts.append(f"{one['better']} is better than {loser} ({numbers}, of {one['model']} less {one['first']})")
    many = f"; {len(against)} comparisons at 95 % each, so one in twenty is chance" if len(against) > 2 else ""
    return "; ".join(parts) + many + "."
