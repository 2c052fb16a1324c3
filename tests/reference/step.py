"""The step in plain Python: `run(market, config)` gives the Outcome. Written from the page alone, as a second opinion.

The readings below are as settled afterwards; docs/step.md logs which of them changed, and why.

account.py holds quantities, costs and fills; shaping.py the rules, the shaping and the order writing.

Readings: one sentence for each place where the page leaves a choice.
Money
 1. Value is quantity x price x multiplier, paid in full in cash; dividends and fees on value use the multiplier too.
 2. Fee = max(min_fee, commission x fill value + per_share x quantity + per_order), once per fill; death and split
    cash: 0.
 3. A lot that is not above 0 means no rounding; ticks apply to levels only, never to fill prices.
 4. "Away from the position": stops of a long round down and its targets up, of a short the reverse.
 5. Impact adds c x volatility x sqrt(quantity of this fill / volume) to the slippage fraction, 0 when volume is 0 or
    NaN.
 6. Its volatility is the ddof-1 deviation, per bar, of the instrument's last 20 total returns between bars that
    exist, the last of them ending at the bar before this one; no impact before 20 exist.
 7. Interest (also charged on negative cash) and borrow use the cash and the shorts that the previous slice left, over
    the time since then; the first slice accrues nothing.
Actions
 8. A split rescales every waiting order, also those for later slices (delay) and for the close; one floored to 0 is
    gone.
 9. ACTION is set by a split on a holding or a waiting order and by a dividend on a holding.
10. The cashed fraction takes no volume, slippage or fee and does not set FILLED.
11. A day without a bar is counted on its last slice; any bar sets the count to 0; `delisted_t` kills on the first
    slice from then on without a bar, and its price falls back on last close x (1 - haircut) without a terminal_value.
12. A death drops all waiting orders of the instrument (those that meet no bar in that slice say NO_BAR).
Orders
13. Order = target quantity - quantity held now - quantity already ordered; an entry of `threshold` on its way takes a
    slot and is not decided again.
14. An order that only shrinks what is held and ordered (and the rest of an exit) never carries the position past zero
    when it fills.
15. An order through zero is two fills: its closing part among the reductions, its opening part among the increases.
16. "The rest of an exit": whatever participation cut from a closing to zero (also the closing part of a flip) stands
    for the next slice with its own reason, at its own moment (ordinary: as `fill` says, all others: the open), paying
    slippage; it outranks an order already written for that instrument and slice, and a decision then written replaces
    it; a partial reduction's rest lapses.
17. An ordinary order that meets no bar lapses; one from a level, a switch or maintenance stands again.
18. Participation off means that volume, even 0, is not looked at; it never binds death, split cash or ruin.
19. The buying-power rule at the close is the rule of the open at closing prices, after protective exits and
    reductions.
20. A bar without an open has the last mark for valuing at the open; its market orders join the orders at the close.
21. Cost inside the bisection uses unfloored quantities; costs are linear when impact, per_order and min_fee are all
    0.
22. SCALED says that the quantity got smaller but not nothing; NO_POWER says nothing is left (then SCALED is not set).
Levels
23. The trail is extreme x (1 -+ trailing_stop), a fraction of the extreme; the extreme starts at the entry price.
24. The stop side is the tightest of stop, trail and armed break-even after rounding; a tie is named in that order.
25. Break-even measures its gain from the level basis to the trailing extreme and its stop is the level basis itself
    (the entry price lowered by dividends); once armed it stays armed until the position is closed or flips.
26. If price has reached both sides at the open or the close (single price), the stop side goes first, not ambiguous.
27. 2(d) looks at every position entered or increased at this open; an increase does not restart entry-bar protection.
28. A level that acts cancels the instrument's other orders of this slice wherever it acts (open, bar), at the close
    too.
29. A level that acts but finds no volume left still cancels orders and stands again next slice; it acts once per
    slice.
30. With no open but a high and low, a touched level fills within the range, stops no better and targets no worse than
    it allows; with high or low missing (either one), open
    and close are all that is seen, also by extremes and break-even; in-bar entry for the extreme means entered at the
    close.
31. Time stops come after the orders at the close, pay slippage, and close an entry at the close at once if n is 1.
Mark and switches
32. Ruin is tested after accruals; closing costs slippage, impact and fees; later slices repeat cash with codes 0.
33. Maintenance acts once per slice that is below it and does not latch; if a switch flattens too, the reason is
    maintenance.
34. Flattening drops all waiting orders, writes -position for the next open (whatever `fill` and `delay`) and marks every
    name FLATTEN (also one without a bar).
35. A switch triggers at or beyond its threshold (with 1e-9 of slack); drawdown is from the highest mark,
    beginning with `capital`; the day before the first has equity `capital`.
36. `n bars`: released at the n-th slice after latching, before 6; `next day`: at the first slice of a later day;
    `resume` is obeyed as configured for both kinds; a released switch starts its peak anew and may latch again in the
    same slice.
37. Several `reduce` factors multiply; halt also lets orders already waiting shrink positions only (no fate flag),
    turns a flip into an exit, and gives HALTED only where an order would otherwise have been written.
Rules
38. Decision precedence: FLATTEN, no bar, not a member (target 0 in every slice of every rule), not due, too few, then
    warming up / no forecast; non-members with a bar get 0 even when names are too few; infinite forecasts count as
    none.
39. Before `warmup` a finite forecast is ignored, except for rule `targets`, whose weights are taken from the first
    slice.
40. threshold: one below confidence, without a free slot or in cooldown gets NaN; cooling names take no slot;
    positions held count over all instruments; with both sides open, the stronger side counts, a tie is long; leaving
    is forecast < exit_confidence.
41. quintile, side short: only the k lowest, short; positive_only filters longs, negative_only shorts; k' is per leg;
    a cooling name is counted in k' and gets 0.
42. quintile: a held name ranked or filtered out is LEAVE, an unheld one RANK_CUT or SIGN_FILTER; a name held on the
    other side is ENTER; a name without forecast is NO_FORECAST even if held.
43. `rebalance` binds quintile only: daily is the last slice of each day, n bars is t divisible by n.
44. Cooldown binds entries from flat only (never a flip), counted from the slice in which the position last became 0.
Shaping
45. Exposure multiplies in every rule, by the target's sign.
46. Smoothing 1 skips the stage; otherwise the stored previous value is the result; below one lot the result is 0, and
    so is what is stored if the target itself is 0; NaN targets leave it; what resets it is the end of a position by
    stop, target, trail, break-even, time stop or flattening.
47. Vol target uses returns between marks (20 exist from t = 20 on); zero deviation gives the factor 2.
48. Sector and net caps leave out NaN targets as the gross cap does; negative sectors are uncapped; the net cap
    shrinks only the heavier side; a cap binds when exceeded by more than 1e-12; CAPPED compares the size before and
    after all caps.
49. The band compares the capped target before lots, strictly below; "exit to zero" is a target of exactly 0.
50. BELOW_LOT: the floored order is 0 but the unfloored wish differs from the holding.
"""

from __future__ import annotations

import math

from engine import codes
from tests.reference.account import (
    TINY,
    Holding,
    Latch,
    State,
    book,
    close_out,
    fill,
    floor_to_lot,
    reaches_down,
    reaches_up,
    round_to_tick,
    trade_orders,
    worth,
)
from tests.reference.interface import NAN, Config, Market, Outcome
from tests.reference.shaping import looking

YEAR = 365 * 86_400 * 1_000_000_000  # ACT/365 in nanoseconds


def run(market: Market, config: Config) -> Outcome:
    """The outcome of the whole market under this config, slice by slice as the page orders it."""
    slices, count = len(market.times), len(market.symbols)
    state = State(
        market=market,
        config=config,
        cash=config.capital,
        equity=config.capital,
        holdings=[Holding() for _ in range(count)],
        latches=[Latch(peak=config.capital) for _ in config.switches],
        codes=[[0] * count for _ in range(slices)],
        previous_day_equity=config.capital,
    )
    outcome = Outcome([], [], [], [], state.codes, "complete", [])
    for t in range(slices):
        begin(state, t)
        if outcome.ended == "complete":
            actions(state)
            opening(state)
            inside(state)
            closing(state)
            marking(state)
            if state.equity <= 0:
                ruin(state)
                outcome.ended = "ruin"
            else:
                state.maintenance_call = below_maintenance(state)
                switching(state)
                looking(state)
        outcome.equity.append(state.equity)
        outcome.cash.append(state.cash)
        outcome.quantity.append([holding.quantity for holding in state.holdings])
        outcome.accrued.append(state.accrued)
    outcome.fills = state.fills
    return outcome


def begin(state: State, t: int) -> None:
    """Nothing; clears the scratch of the slice and takes the orders that wait for it."""
    if t and state.market.day[t] != state.market.day[t - 1]:
        state.previous_day_equity = state.equity
        for holding in state.holdings:
            holding.bar_today = False
    for holding in state.holdings:
        holding.known = len(holding.returns)
    state.t = t
    state.due = state.waiting.pop(t, {})
    state.used = [0.0] * len(state.holdings)
    state.exited, state.increased = set(), set()
    state.accrued, state.maintenance_call = 0.0, False


# --- 1. actions -----------------------------------------------------------------------------------------------------
def actions(state: State) -> None:
    """Nothing; splits, dividends, then deaths of this slice."""
    for t, i, ratio, dividend in state.market.actions:
        if t != state.t:
            continue
        if ratio != 1:
            split(state, i, ratio)
        if dividend:
            pay_dividend(state, i, dividend)
    for i, holding in enumerate(state.holdings):
        if dies(state, i, holding):
            bury(state, i, holding)


def split(state: State, i: int, ratio: float) -> None:
    """Nothing; rescales holding and waiting orders, and cashes the fraction below the lot."""
    holding, lot = state.holdings[i], state.market.lot[i]
    holding.mark /= ratio
    holding.split_since_bar *= ratio
    holding.dividend_since_bar /= ratio
    for orders in [state.due, *state.waiting.values()]:
        if i in orders:
            state.flag(i, codes.ACTION)
            orders[i].quantity = floor_to_lot(orders[i].quantity * ratio, lot)
            if orders[i].quantity == 0:
                del orders[i]
    if not holding.quantity:
        return
    state.flag(i, codes.ACTION)
    for name in ("entry", "basis", "extreme"):
        setattr(holding, name, getattr(holding, name) / ratio)
    holding.quantity *= ratio
    whole = floor_to_lot(holding.quantity, lot)
    fraction = holding.quantity - whole
    if abs(fraction) <= TINY * max(1.0, abs(lot)):
        holding.quantity = whole
        return
    price = state.market.open[state.t][i] if state.has_open(i) else holding.mark
    book(state, i, -fraction, price, price, 0.0, codes.REASON_SPLIT_CASH, False)
    holding.quantity = whole


def pay_dividend(state: State, i: int, dividend: float) -> None:
    """Nothing; credits a long or debits a short, and lowers level basis and extreme."""
    holding = state.holdings[i]
    holding.dividend_since_bar += dividend
    if holding.quantity:
        state.flag(i, codes.ACTION)
        state.cash += holding.quantity * dividend * state.market.multiplier[i]
        holding.basis -= dividend
        holding.extreme -= dividend


def dies(state: State, i: int, holding: Holding) -> bool:
    """Whether the instrument is found dead in this slice; counts its days without a bar."""
    if state.has_bar(i):
        holding.bar_today, holding.missing_days = True, 0
        holding.dead = False
        return False
    if state.market.last_of_day[state.t] and not holding.bar_today:
        holding.missing_days += 1
    told = 0 <= state.market.delisted_t[i] <= state.t
    counted = state.config.delisting_after is not None and holding.missing_days >= state.config.delisting_after
    dies_now = not holding.dead and (told or counted)
    holding.dead = holding.dead or dies_now
    return dies_now


def bury(state: State, i: int, holding: Holding) -> None:
    """Nothing; closes a held position at the terminal value and drops the instrument's waiting orders."""
    for orders in state.waiting.values():
        orders.pop(i, None)
    if not holding.quantity:
        return
    price = state.market.terminal_value[i]
    if math.isnan(price):
        price = holding.mark * (1 - state.config.delisting_haircut)
    state.flag(i, codes.FILLED)
    book(state, i, -holding.quantity, price, price, 0.0, codes.REASON_DEATH, False)


# --- levels ---------------------------------------------------------------------------------------------------------
def stop_of(state: State, i: int) -> tuple[float, int]:
    """(the tightest stop-side level, its fill reason); NaN where there is none."""
    holding, config, tick = state.holdings[i], state.config, state.market.tick[i]
    sign = math.copysign(1.0, holding.quantity)
    found: list[tuple[float, int]] = []
    if config.stop_loss is not None:
        found.append((holding.basis * (1 - sign * config.stop_loss), codes.REASON_STOP))
    if config.trailing_stop is not None:
        found.append((holding.extreme * (1 - sign * config.trailing_stop), codes.REASON_TRAIL))
    if holding.armed:
        found.append((holding.basis, codes.REASON_BREAK_EVEN))
    rounded = [(round_to_tick(level, tick, sign > 0), reason) for level, reason in found]
    return max(rounded, key=lambda pair: sign * pair[0], default=(NAN, 0))


def target_of(state: State, i: int) -> float:
    """The take-profit level; NaN where there is none."""
    holding, distance = state.holdings[i], state.config.take_profit
    if distance is None:
        return NAN
    sign = math.copysign(1.0, holding.quantity)
    return round_to_tick(holding.basis * (1 + sign * distance), state.market.tick[i], sign < 0)


def protected(state: State, i: int) -> bool:
    """Whether levels guard instrument i now: held, a bar, not yet acted, and past its entry bar if that is exempt."""
    holding = state.holdings[i]
    if not holding.quantity or not state.has_bar(i) or i in state.exited:
        return False
    return state.config.entry_bar_protection or holding.entry_t != state.t


def protect(state: State, i: int, reference: float, reason: int) -> None:
    """Nothing; a level acts: it cancels the instrument's other orders of this slice and closes the position."""
    if state.due.pop(i, None) is not None:
        state.flag(i, codes.CANCELLED)
    state.exited.add(i)
    close_out(state, i, reference, reason, reason != codes.REASON_TARGET, False)


def protect_at(state: State, i: int, price: float) -> None:
    """Nothing; fills at this very price the level that it has reached, the stop side first."""
    long = state.holdings[i].quantity > 0
    stop, reason = stop_of(state, i)
    target = target_of(state, i)
    if reaches_down(price, stop) if long else reaches_up(price, stop):
        protect(state, i, price, reason)
    elif reaches_up(price, target) if long else reaches_down(price, target):
        protect(state, i, price, codes.REASON_TARGET)


# --- 2. open --------------------------------------------------------------------------------------------------------
def opening(state: State) -> None:
    """Nothing; levels the open has passed, reductions, increases, and levels passed by an entry at this open."""
    for i in sorted(state.due):
        if not state.has_bar(i):
            state.flag(i, codes.NO_BAR)
            order = state.due.pop(i)
            if order.reason != codes.REASON_ORDER and state.holdings[i].quantity:
                state.waiting.setdefault(state.t + 1, {})[i] = order
    opens = state.market.open[state.t]
    prices = [opens[i] if state.has_open(i) else holding.mark for i, holding in enumerate(state.holdings)]
    for i in range(len(prices)):
        if state.has_open(i) and protected(state, i):
            protect_at(state, i, prices[i])
    now = {i: order for i, order in state.due.items() if not order.at_close and state.has_open(i)}
    state.due = {i: order for i, order in state.due.items() if i not in now}
    trade_orders(state, now, prices, False)
    for i in sorted(state.increased):
        if protected(state, i):
            protect_at(state, i, prices[i])


# --- 3. inside the bar ----------------------------------------------------------------------------------------------
def inside(state: State) -> None:
    """Nothing; protective levels that the bar's range touches."""
    market, t = state.market, state.t
    for i in range(len(state.holdings)):
        if not protected(state, i):
            continue
        if math.isfinite(market.high[t][i]) and math.isfinite(market.low[t][i]):
            touch(state, i, market.open[t][i], market.high[t][i], market.low[t][i])
        else:
            protect_at(state, i, market.close[t][i])


def touch(state: State, i: int, start: float, high: float, low: float) -> None:
    """Nothing; fills the level touched in this bar, and by policy the first of two."""
    long = state.holdings[i].quantity > 0
    stop, reason = stop_of(state, i)
    target = target_of(state, i)
    stop_touched = reaches_down(low, stop) if long else reaches_up(high, stop)
    target_touched = reaches_up(high, target) if long else reaches_down(low, target)
    stop_first = stop_touched
    if stop_touched and target_touched:
        state.flag(i, codes.AMBIGUOUS)
        to_stop, to_target = (start - low, high - start) if long else (high - start, start - low)
        nearest = not to_target < to_stop
        stop_first = {"pessimistic": True, "optimistic": False, "nearest": nearest}[state.config.intrabar]
    if stop_first:
        protect(state, i, min(max(stop, low), high), reason)
    elif target_touched:
        protect(state, i, min(max(target, low), high), codes.REASON_TARGET)


# --- 4. close -------------------------------------------------------------------------------------------------------
def closing(state: State) -> None:
    """Nothing; orders at the close (and opens that were not there), then time stops."""
    closes = state.market.close[state.t]
    prices = [closes[i] if state.has_bar(i) else holding.mark for i, holding in enumerate(state.holdings)]
    trade_orders(state, state.due, prices, True)
    for i, holding in enumerate(state.holdings):
        if holding.quantity and state.has_bar(i):
            holding.bars += 1
            if state.config.time_stop is not None and holding.bars >= state.config.time_stop:
                close_out(state, i, prices[i], codes.REASON_TIME, True, True)


# --- 5. mark --------------------------------------------------------------------------------------------------------
def marking(state: State) -> None:
    """Nothing; marks at the close, accrues, and moves trailing extremes and break-even."""
    for i, holding in enumerate(state.holdings):
        if state.has_bar(i):
            mark_bar(state, i, holding)
    state.accrued = accrual(state)
    state.cash += state.accrued
    state.equity, _ = worth(state, [holding.mark for holding in state.holdings])
    state.lent, state.borrowed = state.cash, short_value(state)
    state.marked.append(state.equity)


def mark_bar(state: State, i: int, holding: Holding) -> None:
    """Nothing; takes one bar into mark, past returns, extreme and break-even."""
    market, t = state.market, state.t
    close = market.close[t][i]
    if math.isfinite(holding.last_close):
        grown = holding.split_since_bar * (close + holding.dividend_since_bar)
        holding.returns.append(grown / holding.last_close - 1)
    holding.mark = holding.last_close = close
    holding.split_since_bar, holding.dividend_since_bar = 1.0, 0.0
    if not holding.quantity:
        return
    seen = [close]
    if not (holding.entered_at_close and holding.entry_t == t):
        if math.isfinite(market.high[t][i]) and math.isfinite(market.low[t][i]):
            seen += [market.high[t][i], market.low[t][i]]
        elif math.isfinite(market.open[t][i]):
            seen.append(market.open[t][i])
    long = holding.quantity > 0
    holding.extreme = max(holding.extreme, *seen) if long else min(holding.extreme, *seen)
    gain = state.config.break_even
    if gain is not None:
        reached = holding.basis * (1 + gain) if long else holding.basis * (1 - gain)
        if reaches_up(holding.extreme, reached) if long else reaches_down(holding.extreme, reached):
            holding.armed = True


def accrual(state: State) -> float:
    """Interest on the cash less borrow on the shorts that the previous slice left, since then, ACT/365."""
    if state.t == 0:
        return 0.0
    years = (state.market.times[state.t] - state.market.times[state.t - 1]) / YEAR
    return (state.lent * state.config.interest - state.borrowed * state.config.borrow) * years


def short_value(state: State) -> float:
    """The value of the shorts at their marks, 0 or more."""
    return sum(
        -holding.quantity * holding.mark * state.market.multiplier[i]
        for i, holding in enumerate(state.holdings)
        if holding.quantity < 0
    )


def ruin(state: State) -> None:
    """Nothing; closes everything at the marks with costs; nothing waits any more."""
    for i, holding in enumerate(state.holdings):
        if holding.quantity:
            fill(state, i, -holding.quantity, holding.mark, codes.REASON_RUIN, True, True)
    state.equity = state.cash
    state.waiting = {}


def below_maintenance(state: State) -> bool:
    """Whether equity over gross exposure is below the maintenance number."""
    _, gross = worth(state, [holding.mark for holding in state.holdings])
    needed = state.config.maintenance
    return needed is not None and gross > 0 and state.equity / gross < needed


def switching(state: State) -> None:
    """Nothing; resumes switches whose time has come, then latches those whose threshold is reached."""
    for switch, latch in zip(state.config.switches, state.latches):
        if latch.since is not None and resumes(state, switch.resume, latch.since):
            latch.since, latch.peak = None, state.equity
        if latch.since is not None:
            continue
        latch.peak = max(latch.peak, state.equity)
        before = latch.peak if switch.kind == "max_drawdown" else state.previous_day_equity
        if 1 - state.equity / before >= switch.at - TINY:
            latch.since = state.t


def resumes(state: State, resume: str | int, since: int) -> bool:
    """Whether a switch that latched at this slice is released now."""
    if resume == "never":
        return False
    if resume == "next day":
        return state.market.day[state.t] > state.market.day[since]
    return state.t - since >= int(resume)
