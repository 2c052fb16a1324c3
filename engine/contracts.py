"""What a plugin must offer: protocols of one or two methods. A plugin needs no base class and no import of ours.

A forecast is (N,) float64, NaN = no view; `unit` says what the numbers are. Whatever a plugin returns is checked for shape
and dtype at the call (engine.loop), so the plugin need not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from engine.types import Bools, Floats, Ints, Order, Refused, Slice, Window

UNITS = ("return", "probability", "score", "price")


@runtime_checkable
class Signal(Protocol):
    """A window of bars in, one forecast per instrument out."""

    window: int  # slices it must see
    unit: str  # one of UNITS

    def forecast(self, bars: Window) -> Floats:
        """(N,) float64 for the window's last slice; NaN = no view. Adjusted prices; the arrays are read-only."""
        ...


@runtime_checkable
class PanelSignal(Signal, Protocol):
    """A signal that can forecast every slice at once; must equal forecast() on every window.

    It is given a Window over the whole run rather than the panel itself: the same forward-adjusted prices that forecast()
    sees, so that `bars.close` cannot mean two things.
    """

    def forecast_panel(self, bars: Window) -> Floats:
        """(T, N) float64; row t uses bars up to t only, and is NaN before the window is full."""
        ...


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account as a strategy may see it: (N,) copies, its own memory."""

    cash: float
    equity: float
    quantity: Floats
    mark: Floats
    entry: Floats  # NaN where flat
    entry_t: Ints  # -1 where flat
    exit_t: Ints  # -1: never left
    exit_code: Ints
    stop: Floats
    take_profit: Floats
    extreme: Floats


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a decision may look at, after slice `slice` has been traded and marked."""

    t: int
    time: int  # ns UTC
    day: int  # session number
    slice: Slice
    symbols: tuple[str, ...]
    forecasts: Mapping[str, Floats]  # signal name -> (N,)
    account: AccountView
    member: Bools
    tradable: Bools  # has a bar now and is a member
    sector: Ints  # -1 unknown
    refused: tuple[Refused, ...] = ()  # of the orders given at the slice before


@runtime_checkable
class Strategy(Protocol):
    """A snapshot in, weights of equity out."""

    def target(self, now: Snapshot) -> Floats:
        """(N,) signed weights of equity; NaN = leave alone, 0 = hold nothing."""
        ...


@runtime_checkable
class Orderer(Protocol):
    """A snapshot in, explicit orders out. Sizing does not touch them; caps refuse and never rescale."""

    def orders(self, now: Snapshot) -> Sequence[Order]:
        """The orders for the next slice; each lives for that slice alone."""
        ...


@dataclass(slots=True)
class Rule:
    """A compiled strategy: its kernel (engine.signatures.DECIDE), parameters, fresh state, and the signals it reads."""

    kernel: Callable[..., int]
    params: Floats
    state: Floats
    signals: tuple[str, ...]
    orders: str | None = None  # a file of explicit orders, of which the kernel says nothing
    listens: bool = (
        False  # asked also on slices that close everything: nothing is tradable then, nothing it says counts
    )


@dataclass(slots=True)
class Shaper:
    """Compiled sizers and caps (engine.signatures.SHAPE) with their parameters and fresh state."""

    kernel: Callable[..., int]
    params: Floats
    state: Floats


@dataclass(slots=True)
class Guard:
    """Compiled switches (engine.signatures.GUARD) with their parameters and fresh state."""

    kernel: Callable[..., int]
    params: Floats
    state: Floats
