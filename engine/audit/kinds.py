"""What kind of leak it is: how far ahead a forecast reads, by which bars, and through whose."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.audit.pipeline import Pipeline, listed, plain
from engine.checks.finding import same_bits
from engine.checks.poison import KINDS, VALUES, after, poison
from engine.types import Bools

if TYPE_CHECKING:
    from engine.panel import Panel

BLOCKS = 4
THROUGH = 3  # names asked whether they read through the others
SAMPLED = 6  # rows on which the reach is measured


@dataclass(slots=True)
class Prober:
    """Asks one signal whether row `t` of its forecast changes when some bars do.

    `panel` has its actions in the prices: a split removed from some rows would move all prices after them as well.
    """

    pipeline: Pipeline
    name: str
    panel: Panel

    def changed(self, t: int, rows: Bools, columns: Bools | None = None, kinds: tuple[str, ...] = KINDS) -> Bools:
        """(N,) whether any poison of `rows` (in `columns`) changes the forecast at `t`."""
        out = np.zeros(len(self.panel.universe), np.bool_)
        if not rows.any():
            return out
        for kind in kinds:
            other = poison(self.panel, rows, kind, self.pipeline.seed, columns)
            out |= ~same_bits(self.pipeline.raw[self.name][t], self.pipeline.all(self.name, other)[t])
        return out

    def reads(self, t: int, rows: Bools, columns: Bools | None = None, kinds: tuple[str, ...] = KINDS[::-1]) -> bool:
        """Whether the forecast at `t` changes under any of the poisons; the first that shows is enough."""
        return any(bool(self.changed(t, rows, columns, (kind,)).any()) for kind in kinds)

    def reach(self, t: int) -> int:
        """How many bars after `t` the forecast at `t` reads at most; 0: none."""
        low, high = 0, len(self.panel) - 1 - t  # reads beyond low unless 0; never beyond high
        if not self.reads(t, after(self.panel, t)):
            return 0
        step = 1
        while low + step < high and self.reads(t, after(self.panel, t + low + step)):
            low += step
            step *= 2
        high = min(high, low + step)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.reads(t, after(self.panel, t + middle)) else (low, middle)
        return high


def kind_of(pipeline: Pipeline, name: str, leaking: list[int]) -> str:
    """The kind of leak, in words, with more of them after a colon. `leaking` are rows whose forecast read the future."""
    prober = Prober(pipeline, name, plain(pipeline.panel))
    rows = [leaking[k] for k in np.unique(np.linspace(0, len(leaking) - 1, SAMPLED).astype(int))]
    existence = _existence(prober, rows)
    if existence:
        return existence
    reaches = {t: prober.reach(t) for t in rows}
    tests: tuple[Callable[[Prober, dict[int, int]], str], ...] = (_gaps, _steady, _calendar, _whole)
    for test in tests:
        told = test(prober, reaches)
        if told:
            return told
    spans = ", ".join(f"{reach} ahead of slice {t}" for t, reach in list(reaches.items())[:3])
    return f"bars out of order: it reads {spans}, by no rule of time; are dates sorted as text, or rows misaligned?"


def _existence(prober: Prober, rows: list[int]) -> str:
    """Whether it reads only which names will have bars: survivors, or names not listed yet."""
    if any(prober.reads(t, after(prober.panel, t), kinds=(VALUES, "scaled")) for t in rows):
        return ""
    born, _ = listed(prober.panel)
    unborn = [t for t in rows if (born > t).any()]
    for t in unborn[:2]:
        later = born > t
        by_later = prober.reads(t, after(prober.panel, t), later, ("missing",))
        by_living = prober.reads(t, after(prober.panel, t), ~later, ("missing",))
        if by_later and not by_living:
            return "names not listed yet: they are counted or ranked before their first bar"
    if any(prober.reads(t, after(prober.panel, t), kinds=("missing",)) for t in rows[-3:]):
        return "survivors: it reads which names will still have bars, not what those say"
    return ""


def _gaps(prober: Prober, reaches: dict[int, int]) -> str:
    """Whether it reads ahead only over missing bars, as far as the next one."""
    exists = ~np.isnan(prober.panel.close)
    for t, reach in reaches.items():
        waiting = [_next_bar(exists[:, i], t) - t for i in np.flatnonzero(~exists[t])]
        if reach not in waiting:
            return ""
    return "back-fill: where a bar is missing it reads the next one that comes"


def _next_bar(exists: Bools, t: int) -> int:
    later = np.flatnonzero(exists[t + 1 :])
    return t + 1 + int(later[0]) if len(later) else len(exists) - 1  # made-up bars may follow


def _steady(prober: Prober, reaches: dict[int, int]) -> str:
    """Whether it reads the same number of bars ahead everywhere."""
    span = set(reaches.values())
    if len(span) != 1 or len(reaches) < 2:
        return ""
    h = span.pop()
    if h == 1:
        return "next bar: a negative shift by 1, or the label among the features"
    t = next(iter(reaches))
    between = np.zeros(len(prober.panel), np.bool_)
    between[t + 1 : t + h] = True
    if prober.reads(t, between):
        return f"next {h} bars, all of them: a centred window, or a label over {h} bars among the features"
    return f"bar {h} ahead alone: a negative shift by {h}"


def _calendar(prober: Prober, reaches: dict[int, int]) -> str:
    """Whether it reads to the end of the week or month, and no further."""
    for word in ("week", "month"):
        ends = np.flatnonzero(getattr(prober.panel, f"last_of_{word}"))
        left = {t: int(ends[np.searchsorted(ends, t)]) - t for t in reaches if t <= ends[-1]}
        full = sum(reaches[t] == days for t, days in left.items())
        if 2 * full >= len(left) > 1 and all(0 < reaches[t] <= days for t, days in left.items()):
            return f"end of the {word}: a resample to {word}s that is labelled before the {word} is over"
    return ""


def _whole(prober: Prober, reaches: dict[int, int]) -> str:
    """Whether it reads the whole run; then whether through its own bars or everybody's."""
    panel = prober.panel
    if not any(_everywhere(prober, t) for t in reaches):
        return ""
    for t in reaches:
        for i in np.flatnonzero(prober.changed(t, after(panel, t)))[:THROUGH]:
            others = np.arange(len(panel.universe)) != i
            if others.any() and prober.changed(t, after(panel, t), others)[i]:
                return "whole panel: a mean, scaler, rank or threshold over all slices and all names"
    return "whole sample: a mean, scaler, quantile or threshold over all slices of the run"


def _everywhere(prober: Prober, t: int) -> bool:
    """Whether the forecast at `t` reads more than one of the quarters of what follows: no single misplaced row does."""
    rows = np.arange(len(prober.panel))
    edges = np.linspace(t, len(rows), BLOCKS + 1)
    blocks = [(rows > low) & (rows <= high) for low, high in itertools.pairwise(edges)]
    return sum(prober.reads(t, block) for block in blocks) > 1
