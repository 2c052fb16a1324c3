"""The account the reference steps forward: holdings, waiting orders, costs and fills.

Lots, ticks, participation, slippage, fees, buying power, average entry and level basis live here and nowhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from engine import codes
from tests.reference.interface import NAN, Config, Fill, Market, Refused
from tests.reference.measures import deviation

TINY = 1e-9
TOUCH = 1e-12  # relative
FLAG_OF_REASON = {
    codes.REASON_STOP: codes.STOPPED,
    codes.REASON_TARGET: codes.TARGET,
    codes.REASON_TRAIL: codes.TRAILED,
    codes.REASON_BREAK_EVEN: codes.BREAK_EVEN,
    codes.REASON_TIME: codes.TIMED_OUT,
    codes.REASON_DEATH: codes.DELISTED,
    codes.REASON_FLATTEN: codes.FLATTENED,
    codes.REASON_MAINTENANCE: codes.FLATTENED,
    codes.REASON_RUIN: codes.RUINED,
}
PROTECTIVE = {
    codes.REASON_STOP,
    codes.REASON_TARGET,
    codes.REASON_TRAIL,
    codes.REASON_BREAK_EVEN,
    codes.REASON_TIME,
    codes.REASON_FLATTEN,
    codes.REASON_MAINTENANCE,
}


@dataclass(frozen=True)
class Distance:
    """How far a protective level lies from what it hangs on: in money, or as a fraction."""

    size: float
    in_money: bool

    def level(self, anchor: float, direction: float) -> float:
        """The level this far from the anchor, upward (1) or downward (-1)."""
        return anchor + direction * self.size if self.in_money else anchor * (1 + direction * self.size)

    def after_split(self, ratio: float) -> Distance:
        """The same distance in the shares after the split."""
        return Distance(self.size / ratio, True) if self.in_money else self


Exits = dict[str, Distance]  # "stop_loss", "take_profit", "trailing_stop"; a level that is off is not there


@dataclass(eq=False)
class Order:
    """A market order for one slice; `closes` says that it may never carry the position past zero."""

    quantity: float
    reason: int
    at_close: bool
    closes: bool
    exits: Exits = field(default_factory=dict)  # frozen at the decision, for a position this order opens


@dataclass(eq=False)
class Explicit(Order):
    """An order of orders(now) that waits for its slice; the list it stands in keeps the order given."""

    i: int = -1
    kind: str = "market"
    limit: float = NAN
    stop: float = NAN
    given: Exits = field(default_factory=dict)  # the bracket alone, for a position this order grows


@dataclass
class Wish:
    """A quantity of one order that may fill now, and at what."""

    i: int
    quantity: float
    order: Order
    reference: float
    slips: bool
    worst: float = NAN  # slippage goes no further than this price


@dataclass
class Holding:
    """Everything remembered about one instrument."""

    quantity: float = 0.0
    entry: float = NAN
    basis: float = NAN
    extreme: float = NAN
    armed: bool = False
    entry_t: int = -1
    entered_at_close: bool = False
    bars: int = 0  # bars that exist since the entry, the entry bar being the first
    exit_t: int | None = None
    mark: float = NAN
    smoothed: float | None = None  # the previous smoothed target; None before the first
    missing_days: int = 0
    dead: bool = False
    arrives: int = 0  # threshold: the slice that an entry on its way meets
    forecasts: list[float] = field(default_factory=list)  # threshold: all that were known before this slice
    bar_today: bool = False
    returns: list[float] = field(default_factory=list)  # one-bar total returns, for impact
    known: int = 0  # how many of them were known before this slice
    split_since_bar: float = 1.0
    dividend_since_bar: float = 0.0
    last_close: float = NAN
    exits: Exits = field(default_factory=dict)  # the distances of the position held
    adjusted: float = NAN  # the last close in forward-adjusted prices
    true_ranges: list[float] = field(default_factory=list)  # in forward-adjusted prices, from the second bar on


@dataclass
class Latch:
    """The memory of one switch."""

    since: int | None = None  # the slice at which it latched; None while it is off
    peak: float = 0.0
    first: int = 0  # the first slice whose return counts
    lost: int = 0  # days in a row closed below the close of the day before


@dataclass
class State:
    """The whole run between two slices, and the scratch of the slice under way."""

    market: Market
    config: Config
    cash: float
    equity: float
    holdings: list[Holding]
    latches: list[Latch]
    codes: list[list[int]]
    previous_day_equity: float
    t: int = 0
    fills: list[Fill] = field(default_factory=list)
    waiting: dict[int, dict[int, Order]] = field(default_factory=dict)  # by slice, then instrument
    explicit: dict[int, list[Explicit]] = field(default_factory=dict)  # by slice, in the order given
    refused: list[Refused] = field(default_factory=list)
    marked: list[float] = field(default_factory=list)  # equity at every mark so far
    # the slice under way
    due: dict[int, Order] = field(default_factory=dict)
    lines: list[Explicit] = field(default_factory=list)  # explicit orders of this slice that have not acted yet
    power: float = 0.0  # buying power left by the open, for increases inside the bar
    used: list[float] = field(default_factory=list)  # volume taken in this bar
    exited: set[int] = field(default_factory=set)  # a protective level has acted in this slice
    lent: float = 0.0  # cash left by the previous slice
    borrowed: float = 0.0  # value of the shorts left by the previous slice
    accrued: float = 0.0
    maintenance_call: bool = False

    def has_bar(self, i: int) -> bool:
        """Whether instrument i has a bar in this slice: its close is finite."""
        return math.isfinite(self.market.close[self.t][i])

    def has_open(self, i: int) -> bool:
        """Whether instrument i has a bar with an open in this slice."""
        return self.has_bar(i) and math.isfinite(self.market.open[self.t][i])

    def waiting_for(self, i: int) -> float:
        """The signed quantity of instrument i already ordered for later slices."""
        held = self.holdings[i].quantity
        after = held + sum(orders[i].quantity for orders in self.waiting.values() if i in orders)
        for line in (line for slot in sorted(self.explicit) for line in self.explicit[slot] if line.i == i):
            if not line.closes:
                after += line.quantity
            elif after * line.quantity < 0:
                after += math.copysign(min(abs(line.quantity), abs(after)), line.quantity)
        return after - held

    def flag(self, i: int, bits: int) -> None:
        """Nothing; adds the bits to instrument i's code of this slice."""
        self.codes[self.t][i] |= bits

    def halted(self) -> bool:
        """Whether a latched switch forbids new and larger positions."""
        pairs = zip(self.config.switches, self.latches)
        return any(latch.since is not None and switch.action in ("halt", "flatten") for switch, latch in pairs)


def floor_to_lot(quantity: float, lot: float) -> float:
    """The quantity cut toward zero to whole lots; unchanged where the lot is not a positive number."""
    if not lot > 0:
        return quantity
    return math.copysign(math.floor(abs(quantity) / lot + TINY) * lot, quantity) if quantity else 0.0


def reaches_up(price: float, level: float) -> bool:
    """Whether a price has touched a level from below; a bit of rounding is no miss."""
    return price >= level * (1 - TOUCH)


def reaches_down(price: float, level: float) -> bool:
    """Whether a price has touched a level from above; a bit of rounding is no miss."""
    return price <= level * (1 + TOUCH)


def round_to_tick(level: float, tick: float, down: bool) -> float:
    """The level on the tick grid; unchanged where there is no tick."""
    if not tick > 0:
        return level
    steps = math.floor(level / tick + TINY) if down else -math.floor(-level / tick + TINY)
    return steps * tick


def worth(state: State, prices: list[float]) -> tuple[float, float]:
    """(equity, gross exposure) of the account at these prices."""
    values = [
        holding.quantity * prices[i] * state.market.multiplier[i]
        for i, holding in enumerate(state.holdings)
        if holding.quantity
    ]
    return state.cash + sum(values), sum(abs(value) for value in values)


def volatility(holding: Holding) -> float:
    """The sample deviation of the last 20 one-bar total returns before this bar; 0 before 20 exist."""
    past = holding.returns[: holding.known]
    return deviation(past[-20:]) if len(past) >= 20 else 0.0


def slipped(state: State, i: int, quantity: float, reference: float) -> float:
    """The price after slippage and impact, moved against the (signed) quantity."""
    fraction = state.config.slippage
    volume = state.market.volume[state.t][i]
    if state.config.impact and volume > 0:
        fraction += state.config.impact * volatility(state.holdings[i]) * math.sqrt(abs(quantity) / volume)
    fraction = min(fraction, 1.0)
    return reference * (1 + fraction) if quantity > 0 else reference * (1 - fraction)


def price_of(state: State, wish: Wish, quantity: float) -> float:
    """What this much of the wish would fill at, slippage included."""
    if not wish.slips:
        return wish.reference
    price = slipped(state, wish.i, quantity, wish.reference)
    if math.isnan(wish.worst):
        return price
    return min(price, wish.worst) if quantity > 0 else max(price, wish.worst)


def fee_of(state: State, i: int, quantity: float, price: float) -> float:
    """The fee of one fill: commission on its value, per share and per order, at least min_fee."""
    config = state.config
    value = abs(quantity) * price * state.market.multiplier[i]
    fee = config.commission * value + config.per_share * abs(quantity) + config.per_order
    return max(config.min_fee, fee)


def take_volume(state: State, i: int, wanted: float, promised: float = 0.0) -> float:
    """How much of the wanted (unsigned) quantity the bar's volume leaves; flags a cut. Takes nothing yet."""
    limit, volume = state.config.max_participation, state.market.volume[state.t][i]
    if limit is None or math.isnan(volume):
        return wanted
    room = max(0.0, floor_to_lot(limit * volume, state.market.lot[i]) - state.used[i] - promised)
    room = room if room > TINY else 0.0
    if room < wanted - TINY:
        state.flag(i, codes.PARTICIPATION)
    return min(wanted, room)


def fill(state: State, wish: Wish, quantity: float, at_close: bool) -> None:
    """Nothing; trades this much of the wish with its costs and books it. Never crosses zero in one call."""
    price = price_of(state, wish, quantity)
    state.used[wish.i] += abs(quantity)
    state.flag(wish.i, codes.FILLED)
    fee = fee_of(state, wish.i, quantity, price)
    book(state, wish.i, quantity, price, wish.reference, fee, wish.order, at_close)


def book(
    state: State, i: int, quantity: float, price: float, reference: float, fee: float, order: Order, at_close: bool
) -> None:
    """Nothing; records the fill and moves cash, quantity, entry, level basis, extreme and the exits' distances."""
    holding, reason = state.holdings[i], order.reason
    state.fills.append(Fill(state.t, i, quantity, price, reference, fee, reason))
    state.flag(i, FLAG_OF_REASON.get(reason, 0))
    state.cash -= quantity * price * state.market.multiplier[i] + fee
    before = holding.quantity
    holding.quantity = before + quantity
    if abs(holding.quantity) <= 1e-12 * abs(before):  # rounding, not a position
        holding.quantity = 0.0
    if before == 0:
        holding.entry = holding.basis = holding.extreme = price
        holding.armed, holding.entry_t, holding.bars, holding.entered_at_close = False, state.t, 0, at_close
        holding.exits = dict(order.exits)
    elif before * quantity > 0:
        share = abs(quantity) / abs(holding.quantity)
        holding.entry += (price - holding.entry) * share
        holding.basis += (price - holding.basis) * share
        if isinstance(order, Explicit):
            holding.exits.update(order.given)
    elif holding.quantity == 0:
        holding.exit_t = state.t
        if reason in PROTECTIVE:
            holding.smoothed = 0.0


def leave(quantity: float, reason: int) -> Order:
    """An order at the open that can only close."""
    return Order(quantity, reason, False, True)


def close_out(state: State, i: int, reference: float, reason: int, slips: bool, at_close: bool) -> None:
    """Nothing; closes what the bar's volume lets close, the rest stands for the next slice."""
    held = state.holdings[i].quantity
    reduce(state, Wish(i, -held, leave(-held, reason), reference, slips), -held, at_close)


def reduce(state: State, wish: Wish, quantity: float, at_close: bool) -> None:
    """Nothing; fills this reducing part of an order; what is cut from a full exit stands again in the next slice."""
    i, reason = wish.i, wish.order.reason
    held = state.holdings[i].quantity
    filled = take_volume(state, i, abs(quantity))
    if filled > 0:
        fill(state, wish, math.copysign(filled, quantity), at_close)
    rest = abs(quantity) - filled
    if rest > TINY and abs(quantity) >= abs(held):
        ordinary = reason in (codes.REASON_ORDER, codes.REASON_EXPLICIT)
        again = Order(math.copysign(rest, quantity), reason, ordinary and state.config.fill == "close", True)
        state.waiting.setdefault(state.t + 1, {})[i] = again


def parts(order: Order, quantity: float, held: float) -> tuple[float, float]:
    """(the part that reduces the position, the part that opens or enlarges one), both signed."""
    if held * quantity >= 0:
        return 0.0, 0.0 if order.closes else quantity
    reducing = math.copysign(min(abs(quantity), abs(held)), quantity)
    return reducing, 0.0 if order.closes else quantity - reducing


def reductions(state: State, wishes: list[Wish], at_close: bool) -> list[Wish]:
    """What is left to open or enlarge positions, after all reducing parts have filled one after the other."""
    left = []
    for wish in wishes:
        reducing, increasing = parts(wish.order, wish.quantity, state.holdings[wish.i].quantity)
        if reducing:
            reduce(state, wish, reducing, at_close)
        if increasing:
            left.append(replace(wish, quantity=increasing))
    return left


def buying_power(state: State, prices: list[float]) -> float:
    """How much gross exposure may still be added at these prices."""
    equity, gross = worth(state, prices)
    return state.config.max_gross * equity - gross


def increases(state: State, wishes: list[Wish], power: float, at_close: bool) -> list[Wish]:
    """The wishes that filled (at least in part), all scaled by one factor to this power."""
    promised = [0.0] * len(state.holdings)
    sized = []
    for wish in wishes:
        size = take_volume(state, wish.i, abs(wish.quantity), promised[wish.i])
        promised[wish.i] += size
        if size > 0:
            sized.append(replace(wish, quantity=math.copysign(size, wish.quantity)))
    factor = fitting_factor(state, sized, power)
    filled = []
    for wish in sized:
        scaled = wish.quantity if factor >= 1 else floor_to_lot(factor * wish.quantity, state.market.lot[wish.i])
        if scaled == 0:
            state.flag(wish.i, codes.NO_POWER)
            continue
        if abs(scaled) < abs(wish.quantity):
            state.flag(wish.i, codes.SCALED)
        held = state.holdings[wish.i].quantity
        if held * scaled < 0 and abs(scaled) > abs(held):  # an opposite increase of this very moment opened it
            fill(state, wish, -held, at_close)
            scaled += held
        fill(state, wish, scaled, at_close)
        filled.append(wish)
    return filled


def trade(state: State, wishes: list[Wish], prices: list[float], at_close: bool) -> list[Wish]:
    """The wishes that opened or enlarged positions, after all reductions and then all increases under one factor."""
    left = reductions(state, wishes, at_close)
    return increases(state, left, buying_power(state, prices), at_close)


def cost_of(state: State, wanted: list[Wish], factor: float) -> float:
    """What the increases cost at this factor, before flooring: fill values plus fees."""
    total = 0.0
    for wish in wanted:
        quantity = factor * wish.quantity
        price = price_of(state, wish, quantity)
        total += abs(quantity) * price * state.market.multiplier[wish.i]
        total += fee_of(state, wish.i, quantity, price)
    return total


def fitting_factor(state: State, wanted: list[Wish], power: float) -> float:
    """The one factor, 0 to 1, by which all increases fit the buying power."""
    if not wanted:
        return 1.0
    whole = cost_of(state, wanted, 1.0)
    if whole <= power:
        return 1.0
    if power <= 0:
        return 0.0
    if not (state.config.impact or state.config.per_order or state.config.min_fee):
        return power / whole
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if cost_of(state, wanted, middle) <= power:
            low = middle
        else:
            high = middle
    return low
