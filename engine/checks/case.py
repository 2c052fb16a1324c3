"""A signal under check, with the bars it is checked on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.checks.finding import Finding, place_of, slice_of
from engine.checks.markets import market
from engine.checks.subject import Subject, numbers, window_at
from engine.errors import BarcastError
from engine.types import Floats, Ints, Window

if TYPE_CHECKING:
    from engine.panel import Panel

ASKED = 9  # windows that a check asks for
LONGEST = 4000  # slices of a made market


@dataclass(frozen=True, slots=True)
class Case:
    """A signal with the bars it is checked on: `clean` has every bar, `panel` has gaps, listings and actions."""

    subject: Subject
    clean: Panel
    panel: Panel
    window: int
    seed: int

    @property
    def whole(self) -> bool:
        """Whether the signal also forecasts a whole panel at once."""
        return callable(getattr(self.subject.make(), "forecast_panel", None))

    def rows(self, count: int = ASKED) -> Ints:
        """Slices whose window is full, spread over the run, the last included."""
        return np.unique(np.linspace(self.window - 1, len(self.panel) - 1, count).astype(np.int64))

    def at(self, signal: Any, bars: Window, t: int) -> Floats:
        """(N,) forecast for the window that ends at `t` of `bars`."""
        return numbers(signal, "forecast", window_at(bars, t, self.window), (len(bars.symbols),))

    def all(self, signal: Any, bars: Window) -> Floats:
        """(T, N) panel forecast, NaN before the first full window."""
        out = numbers(signal, "forecast_panel", bars, bars.close.shape)
        out[: self.window - 1] = np.nan
        return out

    def place(self, method: str = "forecast") -> str:
        return place_of(self.subject.code, method)

    def spot(self, column: int, t: int, method: str = "forecast") -> str:
        """Symbol, slice, and where to look."""
        return f"{self.panel.universe.symbols[column]}, {slice_of(self.panel, t)}; {self.place(method)}"


def case_of(subject: Subject, panel: Panel | None, seed: int) -> Case:
    """A market long enough for three windows, or the given panel in place of both."""
    window = subject.make().window
    length = int(min(LONGEST, max(120, 3 * window + 60)))
    length = max(length, window + 40)
    clean = market(length, seed, gaps=False) if panel is None else panel
    return Case(subject, clean, market(length, seed) if panel is None else panel, window, seed)


def unasked(name: str, why: str) -> Finding:
    return Finding(name, None, "", f"not asked: {why}")


def asked_of(case: Any, check: Any) -> Finding:
    """A check's finding; what a plugin raises on the way is a failure of that check, in its own words."""
    try:
        out: Finding = check(case)
    except BarcastError as error:
        sentence = (check.__doc__ or "").split("\n")[0].rstrip(".")
        return Finding(check.__name__, False, sentence, str(error), place_of(case.subject.code))
    return out
