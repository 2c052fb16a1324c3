"""How often the watch over a model in use cries when all is well, and how soon when it is not; markets of many kinds.

`keep`: how much of a forecast is left in the next slice's; `common`: the share of its variance that all names have in common.
All is well: each of drift and skill may cry once in a hundred sessions, however long. Then a shift of one deviation from slice 100
on, and a sign that is flipped from the start: the share that is found out within the session, and the median slice at which.
"""

from __future__ import annotations

import sys

import numpy as np

from engine.inuse.drift import distance, shape_of
from engine.inuse.series import ALARM, Series, level, look
from engine.inuse.skill import WORSE, Promise, Skill, verdict

CASES = ((30, 0.0, 0.0), (30, 0.9, 0.0), (30, 0.9, 0.5), (2, 0.5, 0.3), (1, 0.9, 0.0))  # names, keep, common
REFERENCES = (120, 250, 750)  # slices of validation
SLICES, IC, LATE = 400, 0.1, 100
BOUND = 4 * ALARM  # of the sessions of a case; fewer than a hundred of them say little


def forecasts(rng: np.random.Generator, slices: int, names: int, keep: float, common: float) -> np.ndarray:
    """(T, N) of unit variance."""
    fresh = np.sqrt(1.0 - common) * rng.normal(size=(slices, names)) + np.sqrt(common) * rng.normal(size=(slices, 1))
    out = fresh.copy()
    for t in range(1, slices):
        out[t] = keep * out[t - 1] + np.sqrt(1.0 - keep**2) * fresh[t]
    return out


def drifts(reference: np.ndarray, seen: np.ndarray) -> int:
    """The slice at which drift was found, 0 if never."""
    shape = shape_of(list(reference))
    series = Series(len(shape.values))
    for t, row in enumerate(seen):
        series.add(np.searchsorted(np.sort(row), shape.values, side="right") / len(row))
        k = look(t + 1)
        if k is not None and (found := distance(shape, series)) is not None and found.chance < level(k):
            return t + 1
    return 0


def worse(promise: Promise, f: np.ndarray, y: np.ndarray) -> int:
    """The slice at which the model was found to be worse than promised, 0 if never."""
    skill = Skill(0)
    for t, (row, came) in enumerate(zip(f, y, strict=True)):
        skill.add(row, came)
        k = look(t + 1)
        if k is not None and verdict(skill.estimate(promise.measure), promise, k) == WORSE:
            return t + 1
    return 0


def session(seed: int, slices: int, case: tuple[int, float, float]) -> tuple[int, int, int, int]:
    """When drift and skill cried of nothing, and when of what was planted."""
    names, keep, common = case
    rng = np.random.default_rng(seed)
    f = forecasts(rng, 50 + slices + SLICES, names, keep, common)[50:]
    y = IC * f + np.sqrt(1.0 - IC**2) * rng.normal(size=f.shape)
    before, after = slice(0, slices), slice(slices, None)
    skill = Skill(0)
    for row, came in zip(f[before], y[before], strict=True):
        skill.add(row, came)
    promise = skill.promise("validation")
    assert promise is not None
    moved = f[after] + (np.arange(SLICES) >= LATE)[:, None]
    found = drifts(f[before], f[after]), worse(promise, f[after], y[after])
    return (*found, drifts(f[before], moved), worse(promise, -f[after], y[after]))


def when(found: np.ndarray) -> str:
    caught = found[found > 0]
    return f"{(found > 0).mean():>6.0%} {f'at {np.median(caught):.0f}' if len(caught) else '':>7}"


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    head = f"{'names':>5} {'keep':>5} {'common':>6} {'reference':>9} {'drift cries':>11} {'skill cries':>11}"
    print(f"{head} {'moved':>14} {'flipped':>14}")
    cried = []
    for case in CASES:
        for slices in REFERENCES:
            told = np.array([session(seed, slices, case) for seed in range(sessions)])
            late = np.where(told[:, 2] > LATE, told[:, 2], 0)
            rates = (told[:, :2] > 0).mean(axis=0)
            cried += rates.tolist()
            head = f"{case[0]:>5} {case[1]:>5.1f} {case[2]:>6.1f} {slices:>9}"
            print(f"{head} {rates[0]:>11.2%} {rates[1]:>11.2%} {when(late):>14} {when(told[:, 3]):>14}", flush=True)
    print(
        f"said: {ALARM:.0%}; on average {np.mean(cried):.2%}, at worst {max(cried):.2%}, allowed in a case {BOUND:.0%}"
    )
    if np.mean(cried) > ALARM or max(cried) > BOUND:
        sys.exit("the watch cries more often than it says")


if __name__ == "__main__":
    main()
