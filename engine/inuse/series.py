"""Numbers slice by slice in bounded room, means of them with honest errors, and when they may be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engine.types import Floats

MOST = 1024  # blocks; an even number
ALARM = 0.01  # chance that a kind of alarm is ever raised of a signal with which all is well
FIRST = 20  # slices before anything is judged
GROWTH = 1.25  # from one look to the next
Z = NormalDist().inv_cdf(0.975)


class Series:
    """Rows of K numbers as means over blocks of `width` slices: when there are too many blocks, neighbours become one."""

    def __init__(self, columns: int, most: int = MOST) -> None:
        self.columns, self.most, self.width, self.count = columns, most, 1, 0
        self.total = np.zeros(columns)
        self._blocks = np.zeros((most, columns))
        self._full, self._open, self._inside = 0, np.zeros(columns), 0

    def add(self, row: Floats) -> None:
        """The next slice's (K,) numbers, none of them NaN."""
        self.count += 1
        self.total += row
        self._open += row
        self._inside += 1
        if self._inside == self.width:
            self._blocks[self._full] = self._open / self.width
            self._full, self._open, self._inside = self._full + 1, np.zeros(self.columns), 0
            if self._full == self.most:
                self._blocks[: self.most // 2] = 0.5 * (self._blocks[0::2] + self._blocks[1::2])
                self._full, self.width = self.most // 2, 2 * self.width

    @property
    def blocks(self) -> Floats:
        """(B, K) means of the blocks that are full."""
        return self._blocks[: self._full]

    @property
    def mean(self) -> Floats:
        """(K,) over all slices; NaN before the first."""
        return self.total / self.count if self.count else np.full(self.columns, np.nan)


def long_run(blocks: Floats, width: int = 1) -> Floats:
    """(K,) variance of one slice such that divided by the number of slices it is that of their mean, of (B, K) block means.

    Autocovariances are summed in pairs while the sum of a pair is above 0 (Geyer 1992, initial positive sequence), and what
    subtracting the mean took from them is given back. Never below the variance itself: it is there to keep claims small.
    """
    count = len(blocks)
    if count < 2:
        return np.full(blocks.shape[1], np.nan)
    off = blocks - blocks.mean(axis=0)
    room = 1 << (2 * count - 1).bit_length()  # zeros at the end, so that nothing comes round
    covariance = np.fft.irfft(np.abs(np.fft.rfft(off, room, axis=0)) ** 2, room, axis=0)[:count] / count
    pairs = covariance[: count // 2 * 2].reshape(-1, 2, blocks.shape[1]).sum(axis=1)
    kept = np.cumprod(pairs > 0.0, axis=0)
    total = 2.0 * (pairs * kept).sum(axis=0) - covariance[0]
    lags = 2.0 * kept.sum(axis=0)
    return np.asarray(width * np.maximum(total / np.clip(1.0 - lags / count, 0.25, 1.0), covariance[0]))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of `count` slices with its standard error; NaN where there are too few."""

    value: float
    error: float
    count: int

    def interval(self) -> tuple[float, float]:
        """95 %, by Student's t."""
        half = quantile(0.025, self.count - 1) * self.error
        return self.value - half, self.value + half


def estimate(series: Series, column: int, lags: int) -> Estimate:
    """The mean of a column and its error where neighbours within `lags` slices overlap: see `newey_west`."""
    value = float(series.mean[column])
    found = newey_west(series.blocks[:, column], -(-lags // series.width))
    return Estimate(value, found.error, series.count)


def newey_west(x: Floats, lags: int = 0) -> Estimate:
    """The mean of (T,) numbers, none NaN, and its standard error, with Bartlett weights over max(lags, 4 (T/100)^(2/9)).

    Newey, West (1987, 1994). Never below that of independent numbers: with few of them it would be.
    """
    n = len(x)
    if n < 3:
        return Estimate(float(x.mean()) if n else math.nan, math.nan, n)
    e = x - x.mean()
    variance = float(e @ e) / n
    most = min(max(lags, int(4.0 * (n / 100.0) ** (2.0 / 9.0))), n - 1)
    for k in range(1, most + 1):
        variance += 2.0 * (1.0 - k / (most + 1.0)) * float(e[k:] @ e[:-k]) / n
    return Estimate(float(x.mean()), math.sqrt(max(variance, float(e @ e) / (n - 1.0)) / n), n)


def quantile(tail: float, freedom: int) -> float:
    """The value that Student's t exceeds with chance `tail`: its expansion about the normal, Abramowitz and Stegun 26.7.5."""
    z, n = NormalDist().inv_cdf(1.0 - tail), float(max(freedom, 1))
    one = (z**3 + z) / 4.0
    two = (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0
    three = (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0
    return z + one / n + two / n**2 + three / n**3


def look(count: int) -> int | None:
    """The number of the look that falls on the `count`-th slice, from 0 on; None where none does.

    Whoever judges after every slice cries wolf in the end. Looks lie further and further apart, at FIRST x GROWTH^k slices, and
    share one chance of a false alarm between them: see `level`.
    """
    if count < FIRST:
        return None
    k = int(math.log(count / FIRST) / math.log(GROWTH) + 1e-9)
    for one in (k, k + 1):
        if count == math.ceil(FIRST * GROWTH**one - 1e-9):
            return one
    return None


def level(k: int) -> float:
    """The chance of a false alarm that look k may take: ALARM / ((k + 1) (k + 2)), which sums to ALARM over all looks."""
    return ALARM / ((k + 1.0) * (k + 2.0))
