"""The repairs by name, as --off takes them, and what each does."""

from __future__ import annotations

from collections.abc import Iterable

from engine.data.words import nearest
from engine.errors import ConfigError

REPAIRS = {
    "order": "rows that come after a later one: the copy is sorted by symbol and time",
    "duplicates": "a second row equal to the first: removed",
    "conflicts": "rows of one time that differ: the most complete one stays, or cells that differ are masked",
    "cells": "cells that are no number, prices of zero or below: masked; without a close, the row is removed",
    "units": "prices a hundredfold off: scaled by exactly that",
    "splits": "splits that show in the prices: earlier bars are adjusted, or the split is declared",
    "tickers": "bars at another instrument's level: removed",
    "jumps": "closes that leave and return: removed",
    "ranges": "bars that contradict themselves: high and low swapped, or the culprit masked",
    "stale": "bars that repeat, quotes after a death among them: removed but for the first",
    "adjusted": "adjusted closes that cannot be: put where both neighbours are, or masked",
    "dividends": "dividends the adjusted close leaves out, or that come twice, or cannot be",
}


def without(off: Iterable[str]) -> frozenset[str]:
    """The names of the repairs to do; ConfigError for a name in `off` that is none."""
    names = [name.strip() for part in off for name in part.split(",") if name.strip()]
    for name in names:
        if name not in REPAIRS:
            raise ConfigError(
                f"--off: there is no repair {name!r}{nearest(name, REPAIRS)}; expected some of {', '.join(REPAIRS)}"
            )
    return frozenset(REPAIRS) - frozenset(names)
