"""The replay feed: the bars that `data` describes, at full speed or so many times as fast as they once came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from engine.live.clock import Clock
from engine.live.feed import Action, Arrival, Arrived, Facts, Resume
from engine.types import Floats

if TYPE_CHECKING:
    from engine.panel import Panel

LOOK = 0.2  # seconds between looks at commands while a slice is waited for


class Replay:
    """A panel as a feed. `speed`: how many times real time; None for as fast as it goes."""

    def __init__(
        self,
        panel: Panel,
        forecasts: Mapping[str, Floats] | None = None,
        warm_up: int = 0,
        speed: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`forecasts`: (T, N) of precomputed signals by name; `warm_up`: slices that are history."""
        self.panel, self.universe = panel, panel.universe
        self.forecasts, self.history, self.speed, self.clock = dict(forecasts or {}), warm_up, speed, clock
        self.facts = Facts(
            panel.name, panel.prices, panel.dividends, panel.calendar, panel.missing_open,
            float(panel.bars_per_year), panel.bars_per_year_source, panel.is_daily(),
            panel.member is not None,
        )  # fmt: skip

    def warm_up(self, slices: int) -> Iterator[Arrived | Action]:
        """The first slices of the panel: as many as were said to be history."""
        for t in range(min(self.history, len(self.panel))):
            yield from self._events(t)

    def arrivals(self, resume: Resume) -> Iterator[Arrival | None]:
        """The slices after `resume`, each after its actions."""
        panel = self.panel
        first = int(np.searchsorted(panel.times, resume.time, side="right"))
        for t in range(first, len(panel)):
            if self.speed is not None and self.clock is not None and t > first:
                yield from self._wait(float(panel.times[t] - panel.times[t - 1]) / 1e9 / self.speed)
            yield from self._events(t)

    def _wait(self, seconds: float) -> Iterator[None]:
        assert self.clock is not None
        until = self.clock.elapsed() + seconds
        while (left := until - self.clock.elapsed()) > 0.0:
            self.clock.sleep(min(left, LOOK))
            yield None

    def _events(self, t: int) -> Iterator[Arrived | Action]:
        p, a = self.panel, self.panel.actions
        here = slice(int(a.first[t]), int(a.first[t + 1]))
        if here.stop > here.start:
            yield Action(a.instrument[here], a.split[here], a.dividend[here])
        bars = np.stack((p.open[t], p.high[t], p.low[t], p.close[t], p.volume[t]))
        flags = (bool(p.last_of_day[t]), bool(p.last_of_week[t]), bool(p.last_of_month[t]))
        session = int(p.sessions[t].astype("datetime64[D]").astype(np.int64))
        member = None if p.member is None else p.member[t]
        yield Arrived(int(p.times[t]), session, int(p.days[t]), *flags, bars, np.isnan(p.close[t]), member)

    def given(self, signal: str, time: int) -> Floats | None:
        """The precomputed forecasts of the slice at `time`."""
        if signal not in self.forecasts:
            return None
        row: Floats = self.forecasts[signal][int(np.searchsorted(self.panel.times, time))]
        return row

    def close(self) -> None:
        """Nothing is held."""
