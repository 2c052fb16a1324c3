"""The nouns of the engine: arrays by name, the universe, one slice, one window, and fills.

Arrays are float64 unless their name says otherwise; (T, N) is slices by instruments, NaN is 'not known' and nothing else.
Times are int64 nanoseconds UTC of the bar's close. Quantity above 0 is long, or bought.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.uint32]

DAY_NS = 86_400_000_000_000
YEAR_NS = 365 * DAY_NS


@dataclass(frozen=True, slots=True)
class Universe:
    """The ordered instruments of a run: their place here is their column everywhere. Symbols ascend."""

    symbols: tuple[str, ...]
    lot: Floats  # (N,) units; 0 means any fraction
    tick: Floats  # (N,) price step; NaN means none
    multiplier: Floats  # (N,) money per unit of price per unit of quantity
    sector: Ints  # (N,) sector number, -1 unknown
    sector_names: tuple[str, ...]
    delisted_at: Ints  # (N,) ns; 0 means the data never says
    terminal_value: Floats  # (N,) price paid at death; NaN means unknown

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def of(cls, symbols: tuple[str, ...], lot: float = 1.0, tick: float = np.nan) -> Universe:
        """A universe of `symbols` (ascending) that all share one lot and tick, multiplier 1, and no sector."""
        n = len(symbols)
        return cls(
            tuple(symbols),
            np.full(n, float(lot)),
            np.full(n, float(tick)),
            np.ones(n),
            np.full(n, -1, np.int64),
            (),
            np.zeros(n, np.int64),
            np.full(n, np.nan),
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """All bars of one timestamp, as traded: (N,) read-only arrays, NaN where there is no bar."""

    time: int  # ns UTC, the bars' close
    day: int  # session number
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """The last L slices in forward-adjusted prices: (L, N) read-only arrays, row -1 is now, NaN is no bar.

    Adjusted forward from the first bar, so a later split or dividend changes nothing already seen; volume is in units of
    the first bar's shares.
    """

    symbols: tuple[str, ...]
    times: Ints  # (L,)
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    sector: Ints | None = None  # (N,) sector numbers of the universe, -1 not known; None: nobody's is

    def __len__(self) -> int:
        return len(self.times)

    def rows(self, start: int, stop: int) -> Window:
        """Slices start to stop, as views."""
        a, at = self, slice(start, stop)
        return Window(a.symbols, a.times[at], a.open[at], a.high[at], a.low[at], a.close[at], a.volume[at], a.sector)


@dataclass(frozen=True, slots=True)
class Order:
    """A wish for one slice: it meets the next one (plus the delay) and no other. docs/step.md, "Explicit orders"."""

    instrument: str | int  # a symbol, or its column
    quantity: float  # signed, above 0 buys
    kind: str = "market"  # market, close, limit, stop, stop_limit
    limit: float | None = None  # price, for limit and stop_limit
    stop: float | None = None  # the price that triggers it, for stop and stop_limit
    reduce_only: bool = False  # never opens, grows or flips a position
    stop_loss: float | None = None  # a bracket for the position it opens: fractions of the entry; None: the file's
    take_profit: float | None = None
    trailing_stop: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that was not written, and the numbers that say why."""

    t: int
    symbol: str
    quantity: float  # signed, in whole lots
    rule: str  # what refused it: a cap's name, halted, not a member, no bar
    value: float  # what it would have come to, money for max_order_value, else a multiple of equity; NaN: no number
    limit: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return f"{self.symbol}: order of {self.quantity:g} refused: {self.rule}"
        if self.rule == "max_order_value":
            return f"{self.symbol}: order of {self.quantity:g} refused: worth {self.value:,.2f}, max_order_value {self.limit:,.2f}"
        told = f"would be {self.value:.1%} of equity, {self.rule} allows {self.limit:.1%}"
        return f"{self.symbol}: order of {self.quantity:g} refused: {told}"


@dataclass(frozen=True, slots=True)
class Refusals:
    """Explicit orders that were refused as columns, in the order they were given: six arrays of one length."""

    t: Ints  # row of the panel at which the order was given
    instrument: Ints
    quantity: Floats  # signed, in whole lots
    decision: Ints  # engine.codes: why
    value: Floats  # what it would have come to: money for max_order_value, else a multiple of equity; NaN: no number
    limit: Floats

    def __len__(self) -> int:
        return len(self.t)

    @classmethod
    def none(cls) -> Refusals:
        """A table without rows."""
        ints, floats = np.empty(0, np.int64), np.empty(0)
        return cls(ints, ints, floats, ints, floats, floats)


@dataclass(frozen=True, slots=True)
class Fills:
    """Executions as columns, in the order they happened: eight arrays of one length F."""

    t: Ints  # row of the panel
    instrument: Ints
    quantity: Floats  # signed
    price: Floats  # slippage included
    reference: Floats  # before slippage
    fee: Floats  # cost above 0
    reason: Ints  # engine.codes.REASON_*

    def __len__(self) -> int:
        return len(self.t)

    @classmethod
    def join(cls, parts: list[Fills]) -> Fills:
        """One table of all `parts`, in order; empty columns of the right types where there are none."""
        if not parts:
            ints, floats = np.empty(0, np.int64), np.empty(0)
            return cls(ints, ints, floats, floats, floats, floats, ints)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))
