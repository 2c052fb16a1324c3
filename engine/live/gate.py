"""The outbound gate: every order that is about to leave is held against the limits once more, from what the journal says.

It shares nothing with the step: positions come from journaled fills and actions, prices from the slice, limits from the start
row. The step has kept the same limits already, so a refusal here means that one of the two is wrong: the session halts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import BarcastError
from engine.holding import Hold
from engine.live.feed import Action, Arrived
from engine.shapes import FLATTEN_ALL, HALT
from engine.types import Floats, Ints, Universe

if TYPE_CHECKING:
    from engine.live.fold import Waiting

SLACK = 1e-9  # of a limit, relative: sums in another order differ in their last bits
DUST = 1e-9  # of a lot
STEP, LIMITS = "the step should have refused it", "the file's limits forbid it"


class GateError(BarcastError):
    """An order that must not leave. Nothing was sent."""

    exit_code = 9


@dataclass(frozen=True, slots=True)
class Venue:
    """What only a venue asks; infinite or None is off."""

    orders_per_slice: float = math.inf
    orders_per_day: float = math.inf
    collar: float = math.inf  # a limit or stop may be this fraction from the close at most
    max_order_value: float = math.inf  # of an order that grows a position

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Venue:
        """From a resolved configuration."""
        told = config["limits"]
        return cls(**{name: math.inf if told[name] is None else float(told[name]) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a session, from the configuration its start row keeps."""

    max_weight: float
    max_gross: float
    max_sector: float
    min_cash: float
    max_order_value: float
    delay: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Limits:
        """From a resolved configuration."""
        caps = config["caps"]
        sector, value = (
            math.inf if caps[key] is None else float(caps[key]) for key in ("max_sector", "max_order_value")
        )
        value = min(value, Venue.of(config).max_order_value)
        weight, gross = float(caps["max_weight"]), float(caps["max_gross"])
        return cls(weight, gross, sector, float(caps["min_cash"]), value, int(config["execution"]["delay"]))


class Gate:
    """Follows a session's rows and judges its orders."""

    def __init__(self, limits: Limits, universe: Universe, venue: Venue | None = None) -> None:
        n = len(universe)
        self.limits, self.universe, self.venue = limits, universe, venue or Venue()
        self.held, self.mark = np.zeros(n), np.full(n, np.nan)
        self.day, self.earlier, self.latest = -1, 0, 0  # orders of the day before this slice, and of it

    def met(self, arrived: Arrived, actions: Iterable[Action]) -> None:
        """A slice, with the actions before it."""
        for action in actions:
            for i, split in zip(action.instrument, action.split, strict=True):
                self.held[i] *= split
                self.mark[i] /= split
        here = ~np.isnan(arrived.bars[3])
        self.mark[here] = arrived.bars[3][here]
        self.earlier = self.earlier + self.latest if arrived.day == self.day else 0
        self.day, self.latest = arrived.day, 0
        self._settle()

    def filled(self, instrument: Ints, quantity: Floats) -> None:
        """The fills of the latest slice: signed quantities, in their order."""
        for i, size in zip(instrument.tolist(), quantity.tolist(), strict=True):
            self.held[i] += size
        self._settle()

    def waited(self, count: int) -> None:
        """Orders that were to leave after the latest slice, as its row says."""
        self.latest = count

    def adopted(self, quantity: Floats, mark: Floats) -> None:
        """An account that was taken over."""
        self.held, self.mark = quantity.copy(), mark.copy()

    def _settle(self) -> None:
        """Whole lots where sums came that close."""
        whole = np.round(self.held / np.maximum(self.universe.lot, DUST)) * self.universe.lot
        near = (self.universe.lot > 0.0) & (np.abs(self.held - whole) <= DUST * np.maximum(1.0, np.abs(whole)))
        self.held[near] = whole[near]

    def check(self, t: int, equity: float, waiting: Waiting, hold: Hold | None, brake: int, quantity: Floats) -> None:
        """Nothing; GateError for the first order that must not leave after slice `t`. `quantity`: what the account says it holds."""
        off = np.abs(self.held - quantity) > DUST * np.maximum(1.0, np.abs(quantity))
        if off.any():
            i = int(np.flatnonzero(off)[0])
            self._refuse(t, i, f"the account holds {quantity[i]:g}, its fills make {self.held[i]:g}")
        self._each(t, waiting)
        self._held_back(t, self._grows(self._after(waiting, True)[0]), hold, brake)
        self._sizes(t, equity, waiting, *self._after(waiting, False))
        self._venue(t, waiting)

    def _each(self, t: int, waiting: Waiting) -> None:
        """Each order makes sense by itself."""
        for k in range(len(waiting)):
            i, quantity = int(waiting.instrument[k]), float(waiting.quantity[k])
            if not math.isfinite(quantity) or quantity == 0.0:
                self._refuse(t, i, f"a quantity of {quantity:g}")
            if not t < waiting.due[k] <= t + 1 + self.limits.delay:
                self._refuse(t, i, f"it is for slice {waiting.due[k]}, expected {t + 1} to {t + 1 + self.limits.delay}")
            lot = float(self.universe.lot[i])
            flattens = quantity == -self.held[i]
            if lot > 0.0 and not flattens and abs(quantity / lot - round(quantity / lot)) > 1e-6:
                self._refuse(t, i, f"{quantity:g} is no multiple of the lot {lot:g}")

    def _after(self, waiting: Waiting, cut: bool) -> tuple[Floats, Floats]:
        """(N,) what would be held if all of them were filled, and (K,) what before each.

        Of reduce-only orders as much as there is to reduce; a target's in full unless `cut`, since its size was reckoned so.
        """
        after, before = self.held.copy(), np.zeros(len(waiting))
        for k in range(len(waiting)):
            i, quantity = int(waiting.instrument[k]), float(waiting.quantity[k])
            before[k] = after[i]
            if waiting.reduce_only[k] and (cut or waiting.kind[k] >= 0):
                room = -after[i]
                quantity = 0.0 if quantity * room <= 0.0 else math.copysign(min(abs(quantity), abs(room)), quantity)
            after[i] += quantity
        return after, before

    def _grows(self, after: Floats) -> np.ndarray:
        """(N,) names whose position would be opened, grown or turned over."""
        larger = np.abs(after) > np.abs(self.held) * (1.0 + SLACK) + DUST
        return larger | (after * self.held < 0.0)

    def _held_back(self, t: int, grows: np.ndarray, hold: Hold | None, brake: int) -> None:
        """Nothing grows while somebody, a switch or the feed forbids it."""
        if brake & (HALT | FLATTEN_ALL) and grows.any():
            self._refuse(t, int(np.flatnonzero(grows)[0]), "it would grow while nothing may")
        if hold is not None and (named := np.flatnonzero(grows & hold.barred)).size:
            self._refuse(t, int(named[0]), "it would grow while its instrument is locked or blocked")

    def _sizes(self, t: int, equity: float, waiting: Waiting, after: Floats, before: Floats) -> None:
        """Weight, value, sector, longs and gross of the names that orders decided now would grow."""
        limits, unit, grows = self.limits, self.mark * self.universe.multiplier, self._grows(after)
        now = (waiting.due == t + 1 + limits.delay) & ~waiting.reduce_only  # older ones were judged at older prices
        for k in np.flatnonzero(now):
            i, quantity = int(waiting.instrument[k]), waiting.quantity[k]
            value, larger = abs(quantity) * unit[i], abs(before[k] + quantity) > abs(before[k]) * (1.0 + SLACK) + DUST
            if larger and value > limits.max_order_value * (1.0 + SLACK):
                self._refuse(t, i, f"worth {value:,.2f}, max_order_value {limits.max_order_value:,.2f}")
        fresh = np.zeros(len(self.held), np.bool_)
        fresh[waiting.instrument[now]] = True
        grows = grows & fresh
        weight = np.where(grows, after * unit, 0.0) / equity
        self._bound(t, np.abs(weight), limits.max_weight, "max_weight")
        for group in range(len(self.universe.sector_names)):
            self._bound(t, self._sum(np.abs(weight), self.universe.sector == group), limits.max_sector, "max_sector")
        if limits.min_cash > 0.0:
            self._bound(t, self._sum(weight, weight > 0.0), 1.0 - limits.min_cash, "min_cash")
        self._bound(t, self._sum(np.abs(weight), grows), limits.max_gross, "max_gross")

    def _sum(self, weight: Floats, who: np.ndarray) -> Floats:
        """(N,) the sum of `weight` over `who`, at each of them."""
        return np.where(who, weight[who].sum(), 0.0)

    def _bound(self, t: int, weight: Floats, limit: float, name: str) -> None:
        if (over := np.flatnonzero(~(weight <= limit * (1.0 + SLACK) + SLACK))).size:
            i = int(over[0])
            self._refuse(t, i, f"it would come to {weight[i]:.4%} of equity, {name} allows {limit:.4%}")

    def _venue(self, t: int, waiting: Waiting) -> None:
        """What the venue asks of prices and numbers of orders."""
        self.latest = len(waiting)
        total = self.earlier + self.latest
        counts = ((self.latest, self.venue.orders_per_slice, "slice"), (total, self.venue.orders_per_day, "day"))
        for count, most, span in counts:
            if count > most:
                self._refuse(t, int(waiting.instrument[0]), f"{count} orders in a {span}, {most:g} are allowed", LIMITS)
        for k in range(len(waiting)):
            for price in (waiting.limit[k], waiting.stop[k]):
                i = int(waiting.instrument[k])
                if abs(price / self.mark[i] - 1.0) > self.venue.collar:
                    self._refuse(
                        t,
                        i,
                        f"a price of {price:g} is further than {self.venue.collar:.1%} from {self.mark[i]:g}",
                        LIMITS,
                    )

    def _refuse(self, t: int, i: int, why: str, whose: str = STEP) -> None:
        name = self.universe.symbols[i] if 0 <= i < len(self.universe.symbols) else str(i)
        raise GateError(f"gate: after slice {t}, {name}: {why}; {whose}. Nothing was sent; halted")
