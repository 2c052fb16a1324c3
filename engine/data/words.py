"""How data errors and warnings speak of names, times and counts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np

from engine.types import DAY_NS


def nearest(name: str, options: Iterable[str]) -> str:
    """'; did you mean X?' for the option nearest to `name` whatever its case, or '' when none is near."""
    folded = {option.casefold(): option for option in options}
    asked = name.casefold()
    near = difflib.get_close_matches(asked, list(folded), n=5, cutoff=0.5)
    if not near:
        return ""
    # Swapped letters are the commonest slip: they keep the length and the first letter.
    best = max(near, key=lambda word: difflib.SequenceMatcher(None, asked, word).ratio() + _alike(asked, word))
    return f"; did you mean {folded[best]!r}?"


def _alike(one: str, other: str) -> float:
    return 0.1 * (len(one) == len(other)) + 0.1 * (one[:1] == other[:1])


def some(names: Iterable[str], limit: int = 5) -> str:
    """The first few names, and how many more there are; in one line, whatever is in them."""
    listed = list(names)
    rest = len(listed) - limit
    return ", ".join(in_line(name) for name in listed[:limit]) + (f" and {rest} more" if rest > 0 else "")


def in_line(text: str) -> str:
    """`text` with whatever would break a line, or could not be seen, escaped."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def moment(ns: int) -> str:
    """A time in words: the date alone at midnight UTC, else date and time of day."""
    stamp = np.datetime64(int(ns), "ns")
    return str(stamp.astype("datetime64[D]" if ns % DAY_NS == 0 else "datetime64[s]"))
