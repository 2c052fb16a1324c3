"""Inside the bar: exits, then increases, then the levels of what the increases opened or enlarged."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine import codes
from tests.reference.account import (
    TOUCH,
    Explicit,
    State,
    Wish,
    increases,
    reaches_down,
    reaches_up,
    reductions,
)
from tests.reference.levels import protect, protected, stop_of, target_of
from tests.reference.orders import PRICED


@dataclass
class Bar:
    """What the inside of one bar may reach. Where high or low is missing the close alone is the range."""

    start: float  # the open, else the last mark
    has_open: bool
    high: float
    low: float
    close: float
    has_range: bool

    def within(self, price: float) -> float:
        """The price held within the range."""
        return min(max(price, self.low), self.high)

    def touched(self, level: float, from_above: bool) -> bool:
        """Whether the range reaches this level."""
        return reaches_down(self.low, level) if from_above else reaches_up(self.high, level)

    def ends_at(self, level: float, from_above: bool) -> bool:
        """Whether the close reaches this level."""
        return reaches_down(self.close, level) if from_above else reaches_up(self.close, level)

    def nearer(self, price: float, level: float) -> bool:
        """Whether the price lies nearer to the open than the level, by more than a bit of rounding."""
        return abs(price - self.start) < abs(level - self.start) - TOUCH * abs(level)

    def favours_stop(self, policy: str, long: bool) -> bool:
        """Whether the policy lets the adverse side act first; without an open `nearest` does."""
        if policy != "nearest":
            return policy == "pessimistic"
        if not self.has_open:
            return True
        adverse, favourable = self.start - self.low, self.high - self.start
        if not long:
            adverse, favourable = favourable, adverse
        return adverse <= favourable


def bar_of(state: State, i: int) -> Bar:
    """The bar of instrument i in this slice."""
    market, t = state.market, state.t
    high, low, close = market.high[t][i], market.low[t][i], market.close[t][i]
    has_range = math.isfinite(high) and math.isfinite(low)
    if not has_range:
        high = low = close
    start = market.open[t][i] if state.has_open(i) else state.holdings[i].mark
    return Bar(start, state.has_open(i), high, low, close, has_range)


def inside(state: State) -> None:
    """Nothing; the three rounds."""
    deferred = {i for i in range(len(state.holdings)) if exits(state, i)}
    grown = enter(state)
    for i in sorted(deferred | set(grown)):
        levels_after_entries(state, i, grown.get(i, set()))


# --- what an order would fill at ------------------------------------------------------------------------------------
def meeting(line: Explicit, bar: Bar) -> Wish | None:
    """The wish that the range of the bar makes of the order; None where its price is not reached."""
    buys = line.quantity > 0
    if line.kind == "limit":
        if not bar.touched(line.limit, buys):
            return None
        return Wish(line.i, line.quantity, line, bar.within(line.limit), False)
    if line.kind not in PRICED or not bar.touched(line.stop, not buys):
        return None
    price = bar.within(line.stop)
    if line.kind == "stop":
        return Wish(line.i, line.quantity, line, price, True)
    if not rebounds(line):
        worse = price > line.limit if buys else price < line.limit
        return None if worse else Wish(line.i, line.quantity, line, price, True, line.limit)
    if not bar.ends_at(line.limit, buys):
        return None
    return Wish(line.i, line.quantity, line, bar.within(line.limit), False)


def rebounds(line: Explicit) -> bool:
    """Whether the order is a stop-limit whose price must come back from the trigger to the limit."""
    if line.kind != "stop_limit":
        return False
    return line.limit < line.stop if line.quantity > 0 else line.limit > line.stop


# --- 1. exits -------------------------------------------------------------------------------------------------------
def exits(state: State, i: int) -> bool:
    """Whether the levels of instrument i wait for the third round; fills its levels and reducing orders."""
    holding = state.holdings[i]
    if not holding.quantity or not state.has_bar(i):
        return False
    bar, long = bar_of(state, i), holding.quantity > 0
    (stop, stop_reason), target = stop_of(state, i), target_of(state, i)
    guarded = protected(state, i)
    stop_touched = guarded and bar.touched(stop, long)
    target_touched = guarded and bar.touched(target, not long)
    deferred = stop_touched and bar.has_range and met_first(state, i, bar, stop)
    if deferred:
        stop_touched = target_touched = False

    adverse, favourable = reducing_lines(state, i, bar)
    both = (stop_touched or adverse) and (target_touched or favourable)
    if both and bar.has_range:
        state.flag(i, codes.AMBIGUOUS)
    sides = [
        (adverse, stop if stop_touched else None, stop_reason),
        (favourable, target if target_touched else None, codes.REASON_TARGET),
    ]
    if bar.has_range and not bar.favours_stop(state.config.intrabar, long):
        sides.reverse()
    for lines, level, reason in sides:
        one_side(state, i, bar, lines, level, reason)
    return deferred


def met_first(state: State, i: int, bar: Bar, stop: float) -> bool:
    """Whether the price has met an increasing limit order before the touched stop level."""
    held = state.holdings[i].quantity
    for line in state.lines:
        if line.i != i or line.kind != "limit" or line.quantity * held < 0 or line.closes:
            continue
        before = line.limit > stop if held > 0 else line.limit < stop
        if before and bar.nearer(line.limit, stop) and bar.touched(line.limit, held > 0):
            return True
    return False


def reducing_lines(state: State, i: int, bar: Bar) -> tuple[list[Explicit], list[Explicit]]:
    """(adverse, favourable): the touched orders against the position, nearest to the open first, rebounds last."""
    held = state.holdings[i].quantity
    against = [line for line in state.lines if line.i == i and line.quantity * held < 0 and meeting(line, bar)]
    adverse = [line for line in against if line.kind != "limit"]
    adverse.sort(key=lambda line: (rebounds(line), abs(line.stop - bar.start)))
    favourable = [line for line in against if line.kind == "limit"]
    favourable.sort(key=lambda line: abs(line.limit - bar.start))
    return adverse, favourable


def one_side(state: State, i: int, bar: Bar, lines: list[Explicit], level: float | None, reason: int) -> None:
    """Nothing; what one side of the bar does to the position: the orders nearer than the level, the level, the rest."""
    first = [line for line in lines if level is None or comes_before(line, level, bar)]
    for line in first:
        reduce_by(state, line, bar)
    if level is not None and protected(state, i):
        protect(state, i, bar.within(level), reason)
    for line in lines:
        if line not in first:
            reduce_by(state, line, bar)


def comes_before(line: Explicit, level: float, bar: Bar) -> bool:
    """Whether the price meets this order before the level on the same side."""
    return not rebounds(line) and bar.nearer(line.limit if line.kind == "limit" else line.stop, level)


def reduce_by(state: State, line: Explicit, bar: Bar) -> None:
    """Nothing; fills the reducing part of a touched order; what lies beyond the position waits for the second round."""
    wish = meeting(line, bar)
    cancelled = line not in state.lines
    if wish is None or cancelled or state.holdings[line.i].quantity * line.quantity >= 0:
        return
    left = reductions(state, [wish], False)
    if left and not state.holdings[line.i].quantity:  # a flip; where volume has cut its exit, the rest of it lapses
        line.quantity = left[0].quantity
    else:
        state.lines.remove(line)


# --- 2. increases ---------------------------------------------------------------------------------------------------
def enter(state: State) -> dict[int, set[str]]:
    """By instrument, the kinds (limit, stop) of the orders that opened or enlarged a position inside its bar."""
    wishes = []
    for line in list(state.lines):
        wish = meeting(line, bar_of(state, line.i))
        if wish is not None:
            state.lines.remove(line)
            if not line.closes:
                wishes.append(wish)
    grown: dict[int, set[str]] = {}
    for wish in increases(state, wishes, state.power, True):
        assert isinstance(wish.order, Explicit)
        grown.setdefault(wish.i, set()).add("stop" if wish.order.kind == "stop" else "limit")
    return grown


# --- 3. levels after entries ----------------------------------------------------------------------------------------
def levels_after_entries(state: State, i: int, kinds: set[str]) -> None:
    """Nothing; the levels of a position that the second round opened or enlarged (or that had to wait for it)."""
    bar = bar_of(state, i)
    if not bar.has_range or not protected(state, i):
        return
    long, policy = state.holdings[i].quantity > 0, state.config.intrabar
    (stop, reason), target = stop_of(state, i), target_of(state, i)
    stop_touched, target_touched = bar.touched(stop, long), bar.touched(target, not long)
    stop_certain = "stop" not in kinds or bar.ends_at(stop, long)
    target_certain = "limit" not in kinds or bar.ends_at(target, not long)
    stop_counts = stop_touched and (stop_certain or policy == "pessimistic")
    target_counts = target_touched and (target_certain or policy == "optimistic")
    uncertain = (stop_touched and not stop_certain) or (target_touched and not target_certain)
    if uncertain or (stop_counts and target_counts):
        state.flag(i, codes.AMBIGUOUS)
    if stop_counts and not (target_counts and not bar.favours_stop(policy, long)):
        protect(state, i, bar.within(stop), reason)
    elif target_counts:
        protect(state, i, bar.within(target), codes.REASON_TARGET)
