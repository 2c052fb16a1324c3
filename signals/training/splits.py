"""Which slices a model may learn from: ranges by date with a gap between them, and the folds of a walk-forward.

A range gives up its last `embargo` slices to the gap before the next one, and the embargo is at least as long as a label
reaches: the last price that any label of a range looks at lies before the next range begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from engine.errors import ConfigError, DataError
from engine.types import Ints

ORDER = ("train", "validation", "calibration", "test")
EVERY = {"monthly": 1, "quarterly": 3, "yearly": 12}  # months
Dates = np.ndarray  # (T,) datetime64[D], rising


class Span(NamedTuple):
    """Slices first .. stop - 1."""

    first: int
    stop: int

    @property
    def size(self) -> int:
        return max(0, self.stop - self.first)

    @property
    def rows(self) -> Ints:
        return np.arange(self.first, self.stop, dtype=np.int64)

    @property
    def parts(self) -> tuple[Span, ...]:
        return (self,)


class Pieces(NamedTuple):
    """Slices of several Spans that follow each other in time."""

    parts: tuple[Span, ...]

    @property
    def first(self) -> int:
        return self.parts[0].first

    @property
    def stop(self) -> int:
        return self.parts[-1].stop

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def rows(self) -> Ints:
        return np.concatenate([part.rows for part in self.parts])


@dataclass(frozen=True, slots=True)
class Length:
    """A stretch of time: months of the calendar, or bars."""

    count: int
    unit: str  # "months" or "bars"

    def __str__(self) -> str:
        years = self.unit == "months" and self.count % 12 == 0
        return f"{self.count // 12} years" if years else f"{self.count} {self.unit}"


@dataclass(frozen=True, slots=True)
class Split:
    """The ranges of one fit; an absent one is None."""

    train: Span | Pieces
    validation: Span
    calibration: Span | None
    test: Span | Pieces | None
    embargo: int

    @property
    def spans(self) -> dict[str, Span | Pieces]:
        """The ranges there are, by name, in order."""
        return {name: span for name in ORDER if (span := getattr(self, name)) is not None}

    @property
    def seen(self) -> int:
        """The last slice of any range that something is fitted or chosen on; labels reach further."""
        return max(span.stop - 1 for name, span in self.spans.items() if name != "test")


def by_share(rows: Span, shares: dict[str, float], embargo: int) -> Split:
    """`rows` cut in the order train, validation, calibration, test; what the shares leave over is not used."""
    edges, done = [rows.first], 0.0
    names = [name for name in ORDER if shares.get(name)]
    for name in names:
        done += shares[name]
        edges.append(rows.first + round(rows.size * min(done, 1.0)))
    return _made({name: Span(*edges[k : k + 2]) for k, name in enumerate(names)}, embargo)


def by_date(dates: Dates, ranges: dict[str, tuple[str, str]], embargo: int) -> Split:
    """The slices of each range's dates, both inside."""
    spans = {}
    for name in (one for one in ORDER if one in ranges):
        first, last = (np.datetime64(day) for day in ranges[name])
        spans[name] = Span(int(np.searchsorted(dates, first)), int(np.searchsorted(dates, last, side="right")))
        if not spans[name].size:
            raise DataError(f"split.{name}: no bars from {first} to {last}; the data has {dates[0]} to {dates[-1]}")
    return _made(spans, embargo)


def _made(spans: dict[str, Span], embargo: int) -> Split:
    """The Split of raw ranges: each but the last gives up what would come nearer than `embargo` to the next one."""
    names = [name for name in ORDER if name in spans]
    out: dict[str, Span] = {}
    for k, name in enumerate(names):
        first, stop = spans[name]
        if k + 1 < len(names):
            after = spans[names[k + 1]].first
            if after < stop:
                raise ConfigError(f"split: {names[k + 1]} begins before {name} ends; ranges follow each other in time")
            stop = min(stop, after - embargo)
        out[name] = Span(first, stop)
        if stop <= first:
            said = f"split: {name} has no slice left before an embargo of {embargo}"
            raise DataError(f"{said}; give it more time, or lower embargo")
    return Split(out["train"], out["validation"], out.get("calibration"), out.get("test"), embargo)


@dataclass(frozen=True, slots=True)
class Walk:
    """How a walk-forward proceeds."""

    every: str  # monthly, quarterly, yearly
    scheme: str  # rolling: train has a length; expanding: train begins with the data
    train: Length  # of a rolling train; the least of an expanding one
    validation: Length
    calibration: Length | None
    first: str | None  # no test before this date
    last: str | None


def folds(dates: Dates, walk: Walk, embargo: int, begin: int = 0) -> list[Split]:
    """The Splits of a walk-forward, in time: test ranges are calendar periods that follow each other without a gap.

    `begin` is the first slice that may be used at all. DataError if no period has the history it asks for.
    """
    edges = _edges(dates, walk)
    out = []
    for start, stop in pairwise(edges):
        calibration = start if walk.calibration is None else _back(dates, start, walk.calibration)
        validation = _back(dates, calibration, walk.validation)
        train = _back(dates, validation, walk.train)
        if min(calibration, validation, train) < begin:
            continue
        spans = {"train": Span(begin if walk.scheme == "expanding" else train, validation)}
        spans["validation"] = Span(validation, calibration)
        if walk.calibration is not None:
            spans["calibration"] = Span(calibration, start)
        out.append(_made({**spans, "test": Span(start, stop)}, embargo))
    if not out:
        need = " + ".join(str(part) for part in (walk.train, walk.validation, walk.calibration) if part is not None)
        raise DataError(
            f"walkforward: no period has {need} of data before it; bars that can be used are {dates[min(begin, len(dates) - 1)]} "
            f"to {dates[-1]}. Shorten the ranges, or give more data"
        )
    return out


def _edges(dates: Dates, walk: Walk) -> list[int]:
    """First slices of the test periods, and where the last one ends."""
    step = EVERY[walk.every]
    low = dates[0] if walk.first is None else max(dates[0], np.datetime64(walk.first))
    high = dates[-1] if walk.last is None else min(dates[-1], np.datetime64(walk.last))
    month = int(low.astype("datetime64[M]").astype(np.int64)) // step * step
    months = np.arange(month, int(high.astype("datetime64[M]").astype(np.int64)) + step + 1, step)
    starts = months.astype("datetime64[M]").astype("datetime64[D]")
    stop = int(np.searchsorted(dates, high, side="right"))
    found = np.searchsorted(dates, np.maximum(starts, low))
    return sorted({int(edge) for edge in found if edge < stop} | {stop})


def _back(dates: Dates, row: int, length: Length) -> int:
    """The slice that lies `length` before slice `row`; -1 if the data begins later."""
    if length.unit == "bars":
        return row - length.count if row >= length.count else -1
    start = dates[row]
    month = start.astype("datetime64[M]")
    back = (month - length.count).astype("datetime64[D]") + (start - month.astype("datetime64[D]"))
    if back < dates[0].astype("datetime64[M]").astype("datetime64[D]"):
        return -1
    return int(np.searchsorted(dates, back))
