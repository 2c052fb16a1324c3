"""Rows of one instrument against each other and against the sessions of its exchange: duplicates, gaps, early ends."""

from __future__ import annotations

import numpy as np

from engine.data.audit.kinds import Finding, runs
from engine.types import DAY_NS, Bools, Floats, Ints

NAN = float("nan")
SAME = 2e-6  # relative: one number, whatever width two rows were written in
ENOUGH = 3  # instruments from which on the data itself says what a session is
SHARE = 0.5  # of the instruments then alive must have a bar for a date to be a session
HOLIDAYS = 5  # weekdays without a bar in a row that a lone instrument may have
LONG = 20  # sessions of absence at either end that deserve a word


def duplicates(stamp: Ints, columns: dict[str, Floats]) -> tuple[Bools, list[Finding]]:
    """(T,) which rows to keep, the first of each time, and what the others are: equal to it, or in conflict with it."""
    again = np.concatenate(([False], stamp[1:] == stamp[:-1])) if len(stamp) else np.zeros(0, np.bool_)
    if not again.any():
        return ~again, []
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(stamp))))
    differs = np.zeros(len(stamp), np.bool_)
    for values in columns.values():
        one, other = values[first], values
        near = np.abs(one - other) <= SAME * np.maximum(np.abs(one), np.abs(other))
        differs |= ~(near | (np.isnan(one) & np.isnan(other)))
    out = []
    for kind, mask in (("duplicate", again & ~differs), ("conflict", again & differs)):
        at, count = np.unique(stamp[mask], return_counts=True)
        text = "equal rows" if kind == "duplicate" else "rows that differ"
        out += [Finding(kind, int(t), int(t), int(n), NAN, text) for t, n in zip(at, count, strict=True)]
    return ~again, out


def sessions_in(day: Ints, first: Ints, last: Ints, width: int) -> Ints | None:
    """The sessions that the data itself shows: days (numbers) on which half of the instruments then alive have a bar.

    `day` holds each instrument's days once, `first` and `last` its span (N,). None where fewer than three instruments say.
    """
    if len(first) < ENOUGH:
        return None
    low = int(first.min())
    here = np.bincount(day - low, minlength=width)
    step = np.zeros(width + 1, np.int64)
    np.add.at(step, first - low, 1)
    np.add.at(step, last - low + 1, -1)
    alive = np.cumsum(step)[:width]
    return np.flatnonzero((here >= SHARE * alive) & (here >= np.minimum(alive, 2))) + low


def missing(day: Ints, sessions: Ints | None) -> list[Finding]:
    """Sessions between the first and the last of the instrument's days (rising numbers) that it has no bar of.

    Without sessions, gaps of more weekdays than holidays explain.
    """
    if len(day) < 2:
        return []
    if sessions is None:
        between = np.busday_count(day[:-1].astype("datetime64[D]"), day[1:].astype("datetime64[D]")) - 1
        text = "no bar for longer than holidays last"
        return [
            Finding(
                "missing_session", int(day[k] + 1) * DAY_NS, int(day[k + 1] - 1) * DAY_NS, int(between[k]), NAN, text
            )
            for k in np.flatnonzero(between > HOLIDAYS)
        ]
    due = sessions[(sessions > day[0]) & (sessions < day[-1])]
    place = np.searchsorted(day, due)
    absent = day[np.minimum(place, len(day) - 1)] != due
    return [
        Finding("missing_session", int(due[a]) * DAY_NS, int(due[b - 1]) * DAY_NS, b - a, NAN, "no bar")
        for a, b in runs(absent)
    ]


def ends(day: Ints, sessions: Ints) -> list[Finding]:
    """Whether the instrument begins long after the data does, or ends long before: facts, not faults."""
    out = []
    before, after = int((sessions < day[0]).sum()), int((sessions > day[-1]).sum())
    if before > LONG:
        out.append(Finding("late", int(day[0]) * DAY_NS, int(day[0]) * DAY_NS, before, NAN, "the first bar"))
    if after > LONG:
        out.append(Finding("dead", int(day[-1]) * DAY_NS, int(day[-1]) * DAY_NS, after, NAN, "the last bar"))
    return out
