"""Markets in which what comes is known, and signals whose reference is what they were made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.inuse.drift import shape_of
from engine.inuse.skill import Skill
from engine.inuse.watch import Watch

DAY = 86_400_000_000_000


class Says:
    """A signal that is asked for nothing but what it says of itself."""

    window = 1

    def __init__(self, unit: str = "score", told: Any = None, **more: Any) -> None:
        self.unit, self.label, self.horizon = unit, more.get("label"), more.get("horizon", 1)
        self.known_through = more.get("known_through")
        self.reference = lambda time: told


def drawn(rng: np.random.Generator, slices: int, names: int, skill: float = 0.3, keep: float = 0.0) -> tuple[Any, Any]:
    """(T, N) forecasts of unit variance, each `keep` of the one before, and (T, N) outcomes that correlate `skill` with them."""
    fresh = rng.normal(size=(slices, names))
    f = fresh.copy()
    for t in range(1, slices):
        f[t] = keep * f[t - 1] + np.sqrt(1.0 - keep**2) * fresh[t]
    return f, 0.01 * (skill * f + np.sqrt(1.0 - skill**2) * rng.normal(size=f.shape))


def told_of(f: Any, y: Any, ident: str = "m", **more: Any) -> dict[str, Any]:
    """The reference that a range with these forecasts and outcomes gives, as a passport would hold it."""
    skill = Skill(0)
    for row, came in zip(f, y):
        skill.add(row, came)
    promise = skill.promise("validation")
    assert promise is not None
    given = {name: getattr(promise, name) for name in promise.__slots__}
    shape = shape_of(list(f))
    assert shape is not None
    return {"id": ident, "forecast": shape.plain(), "promise": given, **more}


def opens(y: Any) -> Any:
    """(T + 2, N) opens between which the outcome of slice t lies: open(t + 2) / open(t + 1) - 1."""
    grown = np.vstack((np.ones((2, y.shape[1])), 1.0 + y))
    return 50.0 * np.cumprod(grown, axis=0)


def rows_of(f: Any, prices: Any, warm_up: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """The slices and forecasts as rows of a journal; every price of a bar is the open."""
    out: list[tuple[str, dict[str, Any]]] = []
    for t, row in enumerate(f):
        bars = np.stack([prices[t]] * 4 + [np.full(len(row), 1e6)])
        kind = "warm-up" if t < warm_up else "slice"
        out.append((kind, {"t": t, "time": DAY * (20_000 + t), "bars": bars}))
        out.append(("forecasts", {"t": t, "values": row[None]}))
    return out


def watched(signal: Any, f: Any, prices: Any, warm_up: int = 0) -> Watch:
    """The watch after all of it."""
    watch = Watch({"s": signal}, ["s"], f.shape[1])
    for kind, body in rows_of(f, prices, warm_up):
        watch.take(kind, body)
    return watch
