"""The account the reference steps forward: holdings, waiting orders, costs and fills.

Lots, ticks, participation, slippage, fees, buying power, average entry and level basis live here and nowhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine import codes
from tests.reference.interface import NAN, Config, Fill, Market

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


@dataclass
class Order:
    """A market order for one slice; `closes` says that it may never carry the position past zero."""

    quantity: float
    reason: int
    at_close: bool
    closes: bool


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
    bar_today: bool = False
    returns: list[float] = field(default_factory=list)  # one-bar total returns, for impact
    known: int = 0  # how many of them were known before this slice
    split_since_bar: float = 1.0
    dividend_since_bar: float = 0.0
    last_close: float = NAN


@dataclass
class Latch:
    """The memory of one switch."""

    since: int | None = None  # the slice at which it latched; None while it is off
    peak: float = 0.0


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
    marked: list[float] = field(default_factory=list)  # equity at every mark so far
    # the slice under way
    due: dict[int, Order] = field(default_factory=dict)
    used: list[float] = field(default_factory=list)  # volume taken in this bar
    exited: set[int] = field(default_factory=set)  # a protective level has acted in this slice
    increased: set[int] = field(default_factory=set)  # entered or increased at this open
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
        return sum(orders[i].quantity for orders in self.waiting.values() if i in orders)

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


def deviation(values: list[float]) -> float:
    """The standard deviation with ddof 1."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def slipped(state: State, i: int, quantity: float, reference: float) -> float:
    """The price after slippage and impact, moved against the (signed) quantity."""
    fraction = state.config.slippage
    volume = state.market.volume[state.t][i]
    if state.config.impact and volume > 0:
        fraction += state.config.impact * volatility(state.holdings[i]) * math.sqrt(abs(quantity) / volume)
    fraction = min(fraction, 1.0)
    return reference * (1 + fraction) if quantity > 0 else reference * (1 - fraction)


def fee_of(state: State, i: int, quantity: float, price: float) -> float:
    """The fee of one fill: commission on its value, per share and per order, at least min_fee."""
    config = state.config
    value = abs(quantity) * price * state.market.multiplier[i]
    fee = config.commission * value + config.per_share * abs(quantity) + config.per_order
    return max(config.min_fee, fee)


def take_volume(state: State, i: int, wanted: float) -> float:
    """How much of the wanted (unsigned) quantity the bar's volume leaves; flags a cut. Takes nothing yet."""
    limit, volume = state.config.max_participation, state.market.volume[state.t][i]
    if limit is None or math.isnan(volume):
        return wanted
    room = max(0.0, floor_to_lot(limit * volume, state.market.lot[i]) - state.used[i])
    if room < wanted - TINY:
        state.flag(i, codes.PARTICIPATION)
    return min(wanted, room)


def fill(state: State, i: int, quantity: float, reference: float, reason: int, slips: bool, at_close: bool) -> None:
    """Nothing; trades the signed quantity with its costs and books it. Never crosses zero in one call."""
    price = slipped(state, i, quantity, reference) if slips else reference
    state.used[i] += abs(quantity)
    state.flag(i, codes.FILLED)
    book(state, i, quantity, price, reference, fee_of(state, i, quantity, price), reason, at_close)


def book(
    state: State, i: int, quantity: float, price: float, reference: float, fee: float, reason: int, at_close: bool
) -> None:
    """Nothing; records the fill and moves cash, quantity, entry, level basis and extreme."""
    holding = state.holdings[i]
    state.fills.append(Fill(state.t, i, quantity, price, reference, fee, reason))
    state.flag(i, FLAG_OF_REASON.get(reason, 0))
    state.cash -= quantity * price * state.market.multiplier[i] + fee
    before = holding.quantity
    holding.quantity = before + quantity
    if before == 0:
        holding.entry = holding.basis = holding.extreme = price
        holding.armed, holding.entry_t, holding.bars, holding.entered_at_close = False, state.t, 0, at_close
    elif before * quantity > 0:
        share = abs(quantity) / abs(holding.quantity)
        holding.entry += (price - holding.entry) * share
        holding.basis += (price - holding.basis) * share
    elif holding.quantity == 0:
        holding.exit_t = state.t
        if reason in PROTECTIVE:
            holding.smoothed = 0.0


def close_out(state: State, i: int, reference: float, reason: int, slips: bool, at_close: bool) -> None:
    """Nothing; closes what the bar's volume lets close, the rest stands for the next slice."""
    held = state.holdings[i].quantity
    reduce(state, i, Order(-held, reason, False, True), -held, reference, slips, at_close)


def reduce(state: State, i: int, order: Order, quantity: float, reference: float, slips: bool, at_close: bool) -> None:
    """Nothing; fills this reducing part of an order; what is cut from a full exit stands again in the next slice."""
    held = state.holdings[i].quantity
    filled = take_volume(state, i, abs(quantity))
    if filled > 0:
        fill(state, i, math.copysign(filled, quantity), reference, order.reason, slips, at_close)
    rest = abs(quantity) - filled
    if rest > TINY and abs(quantity) >= abs(held):
        again = Order(math.copysign(rest, quantity), order.reason, order.at_close, True)
        state.waiting.setdefault(state.t + 1, {})[i] = again


def split_order(order: Order, held: float) -> tuple[float, float]:
    """(the part that reduces the position, the part that opens or enlarges one), both signed."""
    if held * order.quantity >= 0:
        return 0.0, 0.0 if order.closes else order.quantity
    reducing = math.copysign(min(abs(order.quantity), abs(held)), order.quantity)
    return reducing, 0.0 if order.closes else order.quantity - reducing


def trade_orders(state: State, orders: dict[int, Order], prices: list[float], at_close: bool) -> None:
    """Nothing; fills market orders at these prices: all reductions, then all increases under one factor."""
    parts = {i: split_order(order, state.holdings[i].quantity) for i, order in sorted(orders.items())}
    for i, (reducing, _) in parts.items():
        if reducing:
            reduce(state, i, orders[i], reducing, prices[i], True, at_close)
    wanted: dict[int, float] = {}
    for i, (_, increasing) in parts.items():
        if increasing:
            size = take_volume(state, i, abs(increasing))
            if size > 0:
                wanted[i] = math.copysign(size, increasing)
    equity, gross = worth(state, prices)
    factor = fitting_factor(state, wanted, prices, state.config.max_gross * equity - gross)
    for i, quantity in wanted.items():
        scaled = quantity if factor >= 1 else floor_to_lot(factor * quantity, state.market.lot[i])
        if scaled == 0:
            state.flag(i, codes.NO_POWER)
            continue
        if abs(scaled) < abs(quantity):
            state.flag(i, codes.SCALED)
        fill(state, i, scaled, prices[i], orders[i].reason, True, at_close)
        state.increased.add(i)


def cost_of(state: State, wanted: dict[int, float], prices: list[float], factor: float) -> float:
    """What the increases cost at this factor, before flooring: fill values plus fees."""
    total = 0.0
    for i, quantity in wanted.items():
        price = slipped(state, i, factor * quantity, prices[i])
        total += abs(factor * quantity) * price * state.market.multiplier[i]
        total += fee_of(state, i, factor * quantity, price)
    return total


def fitting_factor(state: State, wanted: dict[int, float], prices: list[float], power: float) -> float:
    """The one factor, 0 to 1, by which all increases fit the buying power."""
    if not wanted:
        return 1.0
    whole = cost_of(state, wanted, prices, 1.0)
    if whole <= power:
        return 1.0
    if power <= 0:
        return 0.0
    if not (state.config.impact or state.config.per_order or state.config.min_fee):
        return power / whole
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if cost_of(state, wanted, prices, middle) <= power:
            low = middle
        else:
            high = middle
    return low
