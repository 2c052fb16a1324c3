"""The pictures of the page: numbers of a run as SVG figures with a caption that says what they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from engine.report import curves
from engine.report.blocks import Figure
from engine.report.scales import Words, numbers, percents, room, ticks
from engine.report.svg import Frame
from engine.report.thinning import thin
from engine.report.trading import Histogram
from engine.report.words import number, percent, plural
from engine.types import Floats

POINTS = 900  # of a small line
DOTS = 1500  # of a scatter
MANY = 8  # labels that have room under a picture
EDGE = 1.5  # times the 2 % and 98 % quantiles: where a scatter ends


def calendar(moments: np.ndarray) -> tuple[Floats, list[float], list[str]]:
    """((S,) days, where to put labels, labels): years where the run is long, else months, else days."""
    stamps = moments.astype("datetime64[m]").astype(np.int64) / 1440.0
    first, last = moments[0], moments[-1]
    span = float(stamps[-1] - stamps[0])
    unit = "Y" if span > 3 * 365 else "M" if span > 90 else "D"
    marks = np.arange(first.astype(f"datetime64[{unit}]"), last.astype(f"datetime64[{unit}]") + 1)
    marks = marks[marks.astype("datetime64[m]") >= first.astype("datetime64[m]")]
    if len(marks) < 2:
        return (
            stamps,
            [float(stamps[0]), float(stamps[-1])][: 1 + (span > 0)],
            [str(first)[:10], str(last)[:10]][: 1 + (span > 0)],
        )
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if len(marks) / s <= 7)
    if unit == "Y" and step > 1:
        marks = marks[(marks.astype(np.int64) + 1970) % step == 0]
    else:
        marks = marks[::step]
    return stamps, [float(m) for m in marks.astype("datetime64[m]").astype(np.int64) / 1440.0], [str(m) for m in marks]


def line_figure(
    title: str,
    caption: str,
    moments: np.ndarray,
    lines: Sequence[tuple[Floats, str, str]],
    percented: bool,
    filled: bool = False,
) -> Figure:
    """Lines over time: each (values, class, word). The first is filled down to zero where `filled`."""
    stamps, at, words = calendar(moments)
    finite = [line[np.isfinite(line)] for line, _, _ in lines]
    known = [float(v) for line in finite if len(line) for v in (line.min(), line.max())]
    low, high = room(*known)
    levels = ticks(low, high)
    frame = Frame((float(stamps[0]), float(stamps[-1])), (low, high))
    frame.levels(levels, percents(levels) if percented else numbers(levels))
    frame.below(at, words)
    for k, (line, kind, _) in reversed(list(enumerate(lines))):
        x, y = shaped(stamps, line)
        if filled and k == 0:
            frame.area(x, y, kind)
        frame.line(x, y, kind)
    keys = tuple((kind, word) for _, kind, word in lines) if len(lines) > 1 else ()
    return Figure(title, caption, Markup(frame.picture(f"{title}. {caption}")), keys)


def shaped(x: Floats, line: Floats) -> tuple[Floats, Floats]:
    """A line thinned for drawing, with a NaN wherever something between two of its points is not known."""
    rows = thin(line, POINTS)
    if len(rows) == len(line):
        return x, line
    lost = np.cumsum(np.isnan(line))[rows]
    gaps = np.flatnonzero(np.diff(lost) > 0) + 1
    return np.insert(x[rows], gaps, x[rows][gaps]), np.insert(line[rows], gaps, np.nan)


def periods_figure(told: curves.Periods) -> Figure:
    """Turnover by period as bars."""
    caption = f"Value traded / 2 / mean equity, by {told.word}"
    return bars_figure("Turnover", caption, told.label, told.value, percented=True)


def bars_figure(
    title: str, caption: str, labels: Sequence[str], values: Floats, percented: bool, kinds: Sequence[str] | None = None
) -> Figure:
    """One bar per label; few labels are all written, of many some."""
    known = values[np.isfinite(values)]
    low, high = room(*(float(v) for v in known))
    levels = ticks(low, high)
    words = percents(levels) if percented else numbers(levels)
    frame = Frame((-0.5, len(values) - 0.5), (low, high))
    frame.levels(levels, words)
    gap = 0.12 if len(values) > 1 else 0.35
    for k, value in enumerate(values):
        if np.isfinite(value):
            said = percent(float(value)) if percented else number(float(value))
            kind = "mark" if kinds is None else kinds[k]
            frame.bar(k - 0.5 + gap, k + 0.5 - gap, float(value), kind, f"{labels[k]}: {said}")
    step = max(1, -(-len(labels) // 6))
    shown = range(0, len(labels), step)
    frame.below([float(k) for k in shown], [labels[k] for k in shown])
    return Figure(title, caption, Markup(frame.picture(f"{title}. {caption}")))


def histogram_figure(
    title: str, told: Histogram, percented: bool, unit: str, split: bool, noun: str = "trade"
) -> Figure:
    """Counts of trades, or of what `noun` names; bars left of zero in the colour of loss where `split`."""
    edges, count = told.edges, told.count.astype(np.float64)
    low, high = room(float(count.max()))
    frame = Frame((float(edges[0]), float(edges[-1])), (low, high))
    levels = [v for v in ticks(low, high, 4) if v == int(v)]
    frame.levels(levels, numbers(levels))
    words: Words = percents(list(edges)) if percented else numbers(list(edges))
    for k, n in enumerate(count):
        kind = "mark" if not split else "gain" if edges[k] > -1e-12 else "loss"
        last = told.open_ended and k == len(count) - 1
        span = f"{words(edges[k])} {'and more' if last else 'to ' + words(edges[k + 1])}{unit}"
        inset = (edges[1] - edges[0]) * 0.06
        if n:
            frame.bar(
                float(edges[k]) + inset,
                float(edges[k + 1]) - inset,
                float(n),
                kind,
                f"{span}: {plural(int(n), noun)}",
            )
    at = ticks(float(edges[0]), float(edges[-1]), 8)
    said = percents(at) if percented else numbers(at)
    frame.below(at, [said(v) for v in at])
    frame.upright(min(told.median, float(edges[-1])))
    middle = percent(told.median) if percented else f"{told.median:,.0f}{unit}"
    average = percent(told.mean) if percented else f"{told.mean:,.1f}{unit}"
    caption = f"{noun.capitalize()}s; median {middle} (dashed), mean {average}"
    caption += "; the outer bars hold all beyond" if told.open_ended else ""
    return Figure(title, caption, Markup(frame.picture(f"{title}. {caption}")))


def excursion_figure(title: str, caption: str, across: Floats, result: Floats) -> Figure | None:
    """One dot per closed trade: excursion across, result up; None without trades."""
    known = np.isfinite(across) & np.isfinite(result)
    x, y = across[known], result[known]
    if len(x) == 0:
        return None
    if len(x) > DOTS:
        chosen = np.linspace(0, len(x) - 1, DOTS).astype(np.int64)
        caption += f"; {DOTS:,} of {len(x):,} trades"
        x, y = x[chosen], y[chosen]
    x, beyond = held_in(x)
    if beyond:
        caption += f"; {plural(beyond, 'dot')} at the edge {'lies' if beyond == 1 else 'lie'} beyond it"
    frame = Frame(room(*(float(v) for v in (x.min(), x.max()))), room(float(y.min()), float(y.max())))
    levels, below = ticks(*frame.y), ticks(*frame.x)
    frame.levels(levels, percents(levels))
    frame.below(below, [percents(below)(v) for v in below])
    for a, b in zip(x, y, strict=True):
        frame.dot(float(a), float(b), "gain" if b > 0 else "loss", radius=2.4)
    return Figure(title, caption, Markup(frame.picture(f"{title}. {caption}")))


def held_in(values: Floats) -> tuple[Floats, int]:
    """(values with the few far ones brought to the edge of the rest, how many): one trade must not squeeze all others."""
    edge = EDGE * np.quantile(values, [0.02, 0.98])
    low, high = min(float(edge[0]), 0.0), max(float(edge[1]), 0.0)
    inside = np.clip(values, low, high)
    return inside, int((inside != values).sum())


def whiskers_figure(
    title: str,
    caption: str,
    labels: Sequence[str],
    values: Sequence[tuple[Floats, Floats, str, str]],
    percented: bool,
    level: float | None = None,
) -> Figure:
    """Bars with an interval of two standard errors: each (values, errors, class, word), side by side per label."""
    ends = [
        float(v) for value, error, _, _ in values for v in np.concatenate([value - 2 * error, value + 2 * error, value])
    ]
    low, high = room(*ends, *([] if level is None else [level]))
    frame = Frame((-0.5, len(labels) - 0.5), (low, high))
    levels = ticks(low, high)
    frame.levels(levels, percents(levels) if percented else numbers(levels))
    wide = 0.72 / len(values)
    for s, (value, error, kind, word) in enumerate(values):
        for k, v in enumerate(value):
            if not np.isfinite(v):
                continue
            left = k - 0.36 + s * wide
            said = percent(float(v), 2) if percented else number(float(v), 3)
            frame.bar(left + 0.02, left + wide - 0.02, float(v), kind, f"{labels[k]}, {word}: {said}")
            if np.isfinite(error[k]):
                frame.whisker(left + wide / 2, float(v - 2 * error[k]), float(v + 2 * error[k]))
    if level is not None:
        frame.parts.append(f'<path class="guide" d="M{frame.left} {frame.py(level):.1f}H{frame.width - 10}"/>')
    step = 1 if len(labels) <= MANY else -(-len(labels) // 6)
    frame.below([float(k) for k in range(0, len(labels), step)], labels[::step])
    keys = tuple((kind, word) for _, _, kind, word in values) if len(values) > 1 else ()
    return Figure(title, caption, Markup(frame.picture(f"{title}. {caption}")), keys)


def reliability_figure(forecast: Floats, happened: Floats, low: Floats, high: Floats, count: Floats) -> Figure:
    """What was forecast across, how often it happened up, with Wilson's interval; the diagonal is honesty."""
    frame = Frame((0.0, 1.0), (0.0, 1.0))
    at = [0.0, 0.25, 0.5, 0.75, 1.0]
    frame.levels(at, percents(at))
    frame.below(at, [percents(at)(v) for v in at])
    frame.slope()
    for p, h, a, b, n in zip(forecast, happened, low, high, count, strict=True):
        if n > 0:
            frame.whisker(float(p), float(a), float(b))
            frame.dot(
                float(p),
                float(h),
                "mark",
                f"{percent(float(p))} forecast, {percent(float(h))} happened, {plural(int(n), 'forecast')}",
                4,
            )
    caption = "Probability forecast across, how often the next bar rose up, with 95 % intervals; the diagonal is honest"
    return Figure("Calibration", caption, Markup(frame.picture(f"Calibration. {caption}")))


def interval_figure(low: float, value: float, high: float, other: float | None) -> Figure:
    """The Sharpe ratio within its 95 % interval, against zero and the benchmark's."""
    ends = room(low, high, *([] if other is None else [other]), spare=0.12)
    frame = Frame(ends, (0.0, 1.0), height=86, left=10)
    middle = 0.55
    frame.parts.append(
        f'<path class="rule" d="M{frame.px(ends[0]):.1f} {frame.py(middle):.1f}H{frame.px(ends[1]):.1f}"/>'
    )
    frame.upright(0.0, "zero")
    frame.parts.append(f'<path class="band" d="M{frame.px(low):.1f} {frame.py(middle):.1f}H{frame.px(high):.1f}"/>')
    if other is not None:
        frame.parts.append(f'<path class="guide" d="M{frame.px(other):.1f} 16V60"/>')
        frame.text(frame.px(other), 11, f"benchmark {number(other)}", "middle", "quiet")
    frame.dot(value, middle, "mark", f"Sharpe {number(value)}", 5)
    at = ticks(*ends, 6)
    frame.below(at, [numbers(at)(v) for v in at])
    caption = f"Sharpe {number(value)}, with 95 % confidence between {number(low)} and {number(high)}"
    return Figure("", caption, Markup(frame.picture(caption)))
