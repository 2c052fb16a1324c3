"""Named stretches of history: what a YAML file calls them, from which session to which."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.errors import ConfigError
from engine.places import ROOT
from engine.types import Bools

USUAL = ROOT / "configs" / "stress" / "regimes.yaml"


class Stretch(NamedTuple):
    """A stretch of sessions, both ends inside."""

    name: str
    first: np.datetime64
    last: np.datetime64
    note: str

    def holds(self, sessions: np.ndarray) -> Bools:
        """(T,) which slices lie inside; `sessions` are their dates, datetime64[D]."""
        return np.asarray((sessions >= self.first) & (sessions <= self.last))

    def covered(self, sessions: np.ndarray) -> bool:
        """Whether slices reach from its first session to its last, a week's slack at either end for holidays."""
        slack = np.timedelta64(7, "D")
        return bool(len(sessions) and sessions[0] <= self.first + slack and sessions[-1] >= self.last - slack)


def read(path: str | Path = USUAL) -> tuple[Stretch, ...]:
    """The stretches of a YAML list of {name, first, last, note}; ConfigError names the entry and what is wrong with it."""
    import yaml

    try:
        told = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; give a YAML list of regimes") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(told, list) or not told:
        raise ConfigError(f"{path}: expected a list of {{name, first, last}}, got {type(told).__name__}")
    made = tuple(_stretch(entry, f"{path}: entry {k}") for k, entry in enumerate(told, 1))
    names = [one.name for one in made]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{path}: two regimes are called {twice!r}; give each a name of its own")
    return made


def _stretch(entry: object, where: str) -> Stretch:
    if not isinstance(entry, dict) or not {"name", "first", "last"} <= set(entry) <= {"name", "first", "last", "note"}:
        raise ConfigError(f"{where}: expected name, first, last and perhaps note; got {entry!r:.80}")
    for key in ("first", "last"):
        if type(entry[key]) is not date:
            raise ConfigError(f"{where}: {key} must be a date such as 2020-02-20, it was {entry[key]!r:.40}")
    if entry["first"] > entry["last"]:
        raise ConfigError(f"{where}: first {entry['first']} comes after last {entry['last']}; turn them round")
    first, last = np.datetime64(entry["first"], "D"), np.datetime64(entry["last"], "D")
    return Stretch(str(entry["name"]), first, last, str(entry.get("note", "")))


def overlaps(stretches: Sequence[Stretch]) -> list[tuple[str, str]]:
    """Pairs of names that share sessions: their figures must not be added up."""
    return [
        (a.name, b.name)
        for k, a in enumerate(stretches)
        for b in stretches[k + 1 :]
        if a.first <= b.last and b.first <= a.last
    ]
