"""Which windows an epoch shows in which order, and how a batch of them is gathered from the feature array.

A sample is (instrument, end slice); its window is values[instrument, end - L + 1 : end + 1]. Windows are gathered batch by
batch from the array as it lies (memory-mapped on a CPU, resident on a GPU): all windows of a data set are never copied out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import default_rng

from engine.types import Bools, Floats, Ints

BLOCK = 16_000_000  # numbers looked at together


@dataclass(frozen=True, slots=True)
class Samples:
    """Windows that can be learned from, by date and then by instrument."""

    instrument: Ints  # (S,)
    end: Ints  # (S,) slice at which the window ends, rising
    label: Floats  # (S,) what is to be foretold

    def __len__(self) -> int:
        return len(self.end)

    def of(self, chosen: Any) -> Samples:
        """Some of them."""
        return Samples(self.instrument[chosen], self.end[chosen], self.label[chosen])

    @property
    def dates(self) -> Ints:
        """(D + 1,) where each date's samples begin, and where the last one's end."""
        return np.concatenate(([0], np.flatnonzero(np.diff(self.end)) + 1, [len(self)])).astype(np.int64)


def whole(values: Any, window: int) -> Bools:
    """(N, T) whether the window that ends at slice t is known throughout; `values` is (N, T, F)."""
    names, slices, width = values.shape
    out = np.zeros((names, slices), np.bool_)
    if window > slices:
        return out
    step = max(1, BLOCK // max(1, slices * width))
    for first in range(0, names, step):
        known = np.isfinite(values[first : first + step]).all(axis=2)
        missing = np.cumsum(~known, axis=1, dtype=np.int32)
        out[first : first + step, window - 1 :] = missing[:, window - 1 :] == np.concatenate(
            (np.zeros((len(known), 1), np.int32), missing[:, : slices - window]), axis=1
        )
    return out


def samples(known: Bools, label: Floats, rows: Ints, stride: int = 1, least: int = 1) -> Samples:
    """The Samples of every `stride`-th of `rows` (slices), where the window is known and the label is.

    `known` (N, T) is what `whole` says, `label` (T, N). Dates with fewer than `least` samples are left out.
    """
    rows = rows[::stride]
    there = known.T[rows] & np.isfinite(label[rows])
    there &= (there.sum(axis=1) >= least)[:, None]
    row, instrument = np.nonzero(there)
    end = rows[row]
    return Samples(instrument.astype(np.int64), end.astype(np.int64), label[end, instrument])


class Batch(NamedTuple):
    """Positions in Samples, and how many of them each date has (one part, where dates do not matter)."""

    samples: Ints  # (B,)
    sizes: Ints  # (D,)


Seed = tuple[int, int]  # of the fit, and the epoch


def by_date(
    made: Samples, dates: int, seed: Seed | None = None, most: int | None = None, stride: int = 1
) -> list[Batch]:
    """Batches of `dates` whole dates each: in a seeded order, or in time without a seed; at most `most` windows.

    Every `stride`-th date is shown; the next epoch shows those one date later.
    """
    edges = made.dates
    order = np.arange(len(edges) - 1)
    if seed is not None:
        order = default_rng(seed).permutation(turn(order, seed[1], stride))
    sizes = np.diff(edges)
    if most is not None:
        order = order[: max(1, int(np.searchsorted(np.cumsum(sizes[order]), most, side="right")))]
    parts = [order[k : k + dates] for k in range(0, len(order), dates)]
    return [Batch(np.concatenate([np.arange(edges[d], edges[d + 1]) for d in part]), sizes[part]) for part in parts]


def by_window(
    made: Samples, size: int, seed: Seed | None = None, most: int | None = None, stride: int = 1
) -> list[Batch]:
    """Batches of `size` windows: shuffled, a last incomplete one dropped; without a seed in time, all of them.

    Dates take turns by `stride` as they do in by_date.
    """
    if seed is None:
        return [_plain(np.arange(k, min(k + size, len(made)))) for k in range(0, len(made), size)]
    date = np.repeat(np.arange(len(made.dates) - 1), np.diff(made.dates))
    shown = np.flatnonzero(date % stride == seed[1] % stride) if stride > 1 else np.arange(len(made))
    order = default_rng(seed).permutation(shown)[:most]
    full = max(size, len(order) // size * size)
    return [_plain(order[k : k + size]) for k in range(0, min(full, len(order)), size)]


def turn(order: Ints, epoch: int, stride: int) -> Ints:
    """Every `stride`-th of `order`, another part each epoch; all of it where a part would be empty."""
    return order[epoch % stride :: stride] if len(order) >= stride else order


def _plain(chosen: Ints) -> Batch:
    return Batch(chosen.astype(np.int64), np.array([len(chosen)], np.int64))


def chunks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover 0 .. count - 1."""
    for first in range(0, count, size):
        yield slice(first, min(first + size, count))
