"""simulate(): a market from its settings, whole in memory; blocks(): the same bars a few names at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.markets import bars, leaks
from engine.markets.kinds import MEAN_OF, TRADED, Block
from engine.markets.plan import Plan, plan
from engine.markets.reading import read
from engine.markets.scores import RING
from engine.markets.settings import Settings
from engine.markets.tally import Measured, Tally
from engine.places import available
from engine.types import Floats

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel

SMALLEST = 1e-30  # of a price; one over it is the largest, also of a volume
CELLS = 400_000  # bars of a block: a few tens of megabytes
ARRAYS = len(Block._fields)


@dataclass(frozen=True, eq=False)
class Simulated:
    """A market: its bars, names in rows, what it was made from, and what can be measured of it."""

    plan: Plan
    block: Block  # (N, T) each
    index: Floats  # (T',) log returns of all names in equal parts
    volume: Floats  # (T',) their mean volume over its usual
    measured: Measured | None

    @property
    def oracle(self) -> Floats:
        """(T, N) expected log return of the next bar beyond the market's drift; NaN where it has none to tell."""
        return self.block.oracle.T

    def panel(self) -> Panel:
        """The market as the engine's Panel."""
        from engine.markets.writing import table
        from engine.panel import Panel

        settings = self.plan.settings
        whole = table(self.plan, 0, self.block, bare=True)
        return Panel.from_frame(whole, calendar=engine_calendar(settings), name=settings.name)

    def frame(self) -> pd.DataFrame:
        """The long frame that `barcast data simulate` writes."""
        from engine.markets.writing import table

        out: pd.DataFrame = table(self.plan, 0, self.block).to_pandas()
        return out

    def leak(self, name: str) -> Floats:
        """(T, N) column of a named leak."""
        return leaks.column(name, self.block.close, self.block.split, self.block.dividend).T


def simulate(source: str | File | Mapping[str, Any] | Settings) -> Simulated:
    """The market that a simulation file, or a mapping of the same shape, describes. The same settings, the same bits.

    ConfigError for settings that cannot be, DataError where it does not fit into memory.
    """
    settings = read(source)
    fits(settings, whole=True)
    made = plan(settings)
    whole = Block.empty(settings.names, len(made))
    tally = Tally(len(made), made.path, made.rules.ratio)
    for first, block in blocks(made):
        tally.add(block, made.traits.shares[first : first + len(block.close)])
        for name in Block._fields:
            getattr(whole, name)[first : first + len(block.close)] = getattr(block, name)
    return Simulated(made, whole, *tally.index(), tally.measured())


def blocks(made: Plan, names: int | None = None, threads: int | None = None) -> Iterator[tuple[int, Block]]:
    """(number of the first name, its Block) in order; neither the size of a block nor the threads change a bit."""
    count, total = names or max(1, CELLS // len(made)), len(made.symbols)
    workers = threads or min(4, os.cpu_count() or 1)
    waiting: deque[tuple[int, Future[Block]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, total, count):
            waiting.append((first, pool.submit(_block, made, first, min(count, total - first))))
            if len(waiting) > workers:
                begun, future = waiting.popleft()
                yield begun, future.result()
        while waiting:
            begun, future = waiting.popleft()
            yield begun, future.result()


def _block(made: Plan, first: int, count: int) -> Block:
    """The bars of `count` names."""
    block = Block.empty(count, len(made))
    memory = np.empty(RING + max(MEAN_OF, made.rules.lag) + 1)
    bars.fill(made.seed, first, made.path, made.traits, made.rules, block, np.empty(bars.N_STATE), memory)
    _possible(made, first, block)
    return block


def _possible(made: Plan, first: int, block: Block) -> None:
    """Nothing; DataError where a price or a volume has left what a number can hold."""
    there = block.why == TRADED
    sound = (block.low > SMALLEST) & (block.high < 1.0 / SMALLEST) & (block.volume < 1.0 / SMALLEST)
    odd = there & ~sound
    if odd.any():
        k, t = (int(place[0]) for place in np.nonzero(odd))
        raise DataError(
            f"{made.settings.name}: {made.symbols[first + k]} on {made.sessions[t]}: price {block.close[k, t]:.3g}, volume "
            f"{block.volume[k, t]:.3g}: no number holds what follows; lower volatilities, spreads, drifts or elasticity"
        )


def fits(settings: Settings, whole: bool, free: int | None = None) -> None:
    """Nothing; DataError if `settings` need more memory than is free (the whole market at once, or block by block)."""
    room = available() if free is None else free
    shared = 8 * settings.bars * (4 + 2 * len(settings.factors) * (1 + len(settings.factors)) + 50)
    held = ARRAYS * 8 * settings.bars * (2 * settings.names if whole else 6 * max(1, CELLS // settings.bars))
    names = 8 * settings.names * 60
    if shared + held + names > room:
        way = "write it with `barcast data simulate`, which needs less, or ask for fewer" if whole else "ask for fewer"
        raise DataError(
            f"{settings.name}: {settings.names:,} names x {settings.bars:,} bars need about "
            f"{(shared + held + names) / 1e9:,.1f} GB of memory, and {room / 1e9:,.1f} GB are free; {way}"
        )


def engine_calendar(settings: Settings) -> str:
    """What data.calendar should say of these bars."""
    return "inferred" if settings.calendar == "weekdays" else settings.calendar
