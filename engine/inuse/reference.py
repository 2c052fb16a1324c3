"""What a signal says about itself for comparison, as plain data: the engine knows no model, and asks for one attribute.

`reference` is a method of an instant (ns) that gives a mapping or None; every key may be missing:

    id             what speaks then, to the last bit: where it changes, everything is counted anew
    since          ns from which it may speak
    cadence        ns: how old a model ever was when it was tried
    target         return, up, above_median or price: what it was trained to foretell
    forecast       engine.inuse.drift.Shape as plain data
    promise        engine.inuse.skill.Promise as plain data
    brier          [of its probabilities, of always saying the base rate]
    why            why there is none of them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import first_line
from engine.inuse.drift import Shape
from engine.inuse.skill import Promise
from engine.seen import seen_by

TARGETS = ("return", "up", "above_median", "price")
NO_PASSPORT = "the signal keeps no reference"
OLD = "the passport keeps no reference"


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of the model that speaks."""

    id: str = ""
    since: int | None = None
    known: int | None = None
    cadence: int | None = None
    target: str = "up"
    shape: Shape | None = None
    promise: Promise | None = None
    brier: tuple[float, float] | None = None
    why: str = NO_PASSPORT


def asked(signal: Any, time: int) -> Mapping[str, Any]:
    """What `signal` says of itself at `time`; empty where it says nothing."""
    ask = getattr(signal, "reference", None)
    told = ask(time) if callable(ask) else ask
    return told if isinstance(told, Mapping) else {}


def read(name: str, signal: Any, told: Mapping[str, Any], time: int) -> Reference:
    """The Reference in what a signal said; what cannot be read is left out, and `why` says so."""
    seen = seen_by(name, signal, "refuse", np.array([time], np.int64)).known
    known = None if seen is None else int(seen[0])
    why = str(told.get("why", "")) or (NO_PASSPORT if not told else OLD)
    try:
        shape = None if told.get("forecast") is None else Shape.of(told["forecast"])
        promise = None if told.get("promise") is None else Promise.of(told["promise"])
        brier = None if told.get("brier") is None else (float(told["brier"][0]), float(told["brier"][1]))
        ages = [None if told.get(key) is None else int(told[key]) for key in ("since", "cadence")]
    except (TypeError, ValueError, KeyError, IndexError) as error:
        return Reference(str(told.get("id", "")), known=known, why=f"the reference cannot be read: {first_line(error)}")
    target = str(told.get("target", "up"))
    whole = shape is not None and promise is not None
    return Reference(
        str(told.get("id", "")), ages[0], known, ages[1], target if target in TARGETS else "up", shape, promise, brier,
        "" if whole else why,
    )  # fmt: skip
