"""An equity curve of bounded size: buckets of time that keep their lowest, highest and last point."""

from __future__ import annotations

from typing import NamedTuple

DAY_NS = 86_400_000_000_000
SPANS: dict[str, int | None] = {"1D": DAY_NS, "1M": 31 * DAY_NS, "all": None}
MOST = 600  # buckets; each gives three points at most
SECOND = 1_000_000_000


class Point(NamedTuple):
    """A slice: its time in ns, equity, and the loss from the highest equity so far (0 or less)."""

    time: int
    equity: float
    drawdown: float


class Bucket(NamedTuple):
    """Points between two multiples of a width."""

    low: Point
    high: Point
    last: Point

    def joined(self, later: Bucket) -> Bucket:
        """Both as one."""
        low = later.low if later.low.equity < self.low.equity else self.low
        high = later.high if later.high.equity > self.high.equity else self.high
        return Bucket(low, high, later.last)


class Curve:
    """The last `span` ns of a curve, or all of it: the buckets then grow wider as it grows longer."""

    def __init__(self, span: int | None = None, most: int = MOST) -> None:
        self.span, self.most = span, most
        self.width = SECOND if span is None else max(1, span // most)
        self.buckets: dict[int, Bucket] = {}

    def add(self, point: Point) -> None:
        """The next point; times rise."""
        self._put(point.time // self.width, Bucket(point, point, point))
        if self.span is not None:
            for key in [key for key in self.buckets if (key + 1) * self.width <= point.time - self.span]:
                del self.buckets[key]
        while len(self.buckets) > self.most:
            if self.span is not None:
                del self.buckets[next(iter(self.buckets))]
            else:
                self._widen()

    def _put(self, key: int, bucket: Bucket) -> None:
        before = self.buckets.get(key)
        self.buckets[key] = bucket if before is None else before.joined(bucket)

    def _widen(self) -> None:
        self.width *= 2
        older, self.buckets = self.buckets, {}
        for bucket in older.values():
            self._put(bucket.last.time // self.width, bucket)

    def points(self) -> list[Point]:
        """What to draw, by time."""
        return sorted({point for bucket in self.buckets.values() for point in bucket})


class Curves:
    """One stream of equity as every span that the page offers."""

    def __init__(self, capital: float) -> None:
        self.peak = capital
        self.deepest = 0.0
        self.last: Point | None = None
        self.by_span = {name: Curve(span) for name, span in SPANS.items()}

    def add(self, time: int, equity: float) -> Point:
        """The point of the slice at `time`."""
        self.peak = max(self.peak, equity)
        point = Point(time, equity, equity / self.peak - 1.0)
        self.deepest = min(self.deepest, point.drawdown)
        self.last = point
        for curve in self.by_span.values():
            curve.add(point)
        return point
