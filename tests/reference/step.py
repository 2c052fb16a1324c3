"""The step in plain Python: `run(market, config)` gives the Outcome. Written from the page alone, as a second opinion.

The readings below are as settled afterwards; docs/step.md logs which of them changed, and why.

account.py holds quantities, costs and fills; shaping.py the rules, the shaping and the order writing; levels.py the
protective levels; orders.py explicit orders when written, at the open and at the close; rounds.py the inside of the bar;
switches.py the switches; measures.py deviations and average true ranges.

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
    is forecast < exit_confidence. A gate `Top` counts the last forecasts that were known on bars, in every slice of the run,
    flattened ones and those outside the universe too; a side passes alone, and of two that pass the stronger counts.
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
Explicit orders, written
51. While everything is flattened (switch or maintenance) orders(now) is not asked: every name is FLATTEN, nothing is
    refused.
52. What waits, in the position counted, includes the rests of exits, and reduce-only orders as far as they reduce it; a
    reduce-only order itself is never refused.
53. |after| must exceed |before| by more than 1e-9 to be a growing order; one that flips to the same size or a smaller
    one is never refused.
54. max_order_value counts the whole order (the closing part of a flip too) at the close, limit and stop prices aside,
    beyond 1e-12 in money; OVER_CASH has the longs' weight as value and 1 - min_cash as limit.
55. Caps look at the account after the order, whichever side it grows: a growing short is refused while the longs, or
    the net that it lowers, are above their cap; names without a sector are not capped by max_sector.
56. An order written under a halt (it does not grow the position) is reduce-only at once, so it cannot flip.
57. An order floored to nothing leaves the decision as if it had not been given; reduce switches do not touch explicit
    orders.
58. An explicit order does not replace the standing rest of an exit: both meet the slice, the rest first.
59. The exits of the file are laid down (ATR frozen) when the order is written, the bracket over them; an order that only
    reduces carries both to no effect.
Explicit orders, met
60. A protective fill, and a time stop, cancels the instrument's explicit orders of later slices too (delay), as they
    wait; of the others' orders only this slice's.
61. EXPIRED: a limit, stop or stop-limit order whose price (for a stop-limit: both) was not reached in a bar that
    exists; a cancelled order, or a reduce-only one that was reached and found nothing to reduce, leaves no such mark.
62. What reduces is judged at the moment the order acts, in the order given; opposite increases of one instrument are
    both charged to the power in full and fill one after the other, the later closing first what the earlier opened
    (two fills).
63. Participation is shared out in the order given before the factor; what the factor then sets free goes to nobody.
64. Fills of limits have no slippage and no impact; "no worse than its limit" caps the slipped price, not the
    reference.
65. The rest of a cut explicit exit carries REASON_EXPLICIT and stands at the open, or at the close under `fill: close`.
66. Inside the bar a sell stop-limit (or a buy one) is on the adverse side while its trigger was not reached at the
    open, on the favourable side (a limit) after; one that must come back from trigger to limit acts last on its side.
67. "At its price" and "nearer" mean by more than 1e-12 of the level; on one side the distance is that of the level,
    limit or trigger before it is held within the range.
68. Without an open `nearest` lets the adverse side act first, as it always did; only the order on one side then uses
    the last mark.
69. A limit order has met the price before the stop level if it is nearer to the open and not beyond the level; an
    untriggered stop-limit never has; only in a bar with a range; if it then buys nothing, the level counts in round 3
    as it would have in round 1.
70. Where only the close is known the stop side acts first and nothing is ambiguous; a stop-limit then needs the close
    to have reached both its prices.
71. Without an open a stop-limit whose trigger, held within the range, is already beyond its limit does not fill.
72. In round 3 the kinds are those of all orders that filled for the instrument in round 2.
73. A position opened inside the bar takes only that bar's close into extreme and break-even, as after an entry at the
    close: the bar's high or low may be older than the entry.
Distances, sizers, caps and switches
74. The decision that opened a position is the one that wrote the order, whatever `delay`: its ATR is of that slice, or,
    for a name without a bar then, of its last bar, per unit of the close times the mark.
75. An ATR of 0 is known and puts the level on what it hangs on; for sizing it counts as none; a volatility of fewer
    than two returns is not known.
76. inverse_volatility: the leg's total includes the weights of names without a volatility, which the others then share;
    a leg is the targets of one sign, NaN and 0 left out; n bars are n returns.
77. Both sizers leave the decision as the rule made it and set no note; a target they make 0 is an ordinary 0.
78. max_order_value looks at a target's order after band, lot and halt, before the rest of an exit is merged into it;
    what it does not write (a flip whole) is decided OVER_ORDER_VALUE; the entry's slot under a delay stays taken, as
    with HALTED.
79. min_cash shrinks the positive targets only, NaN left out, and notes CAPPED.
80. The 1e-9 of slack holds for sigma_loss (in deviations) and rolling_sharpe (in Sharpe) too, not for a losing day, which is
    strictly below; windows below 2 are silent.
81. The return, or the day's close, of the very slice in which a switch lets go does not count for it; while it is
    latched nothing does.
"""

from __future__ import annotations

import math

from engine import codes
from tests.reference.account import (
    TINY,
    Holding,
    Latch,
    Order,
    State,
    Wish,
    book,
    buying_power,
    close_out,
    fill,
    floor_to_lot,
    leave,
    reaches_down,
    reaches_up,
    trade,
    worth,
)
from tests.reference.interface import Config, Market, Outcome
from tests.reference.levels import cancel, protect_at, protected
from tests.reference.measures import true_range
from tests.reference.orders import lapse_without_bar, split_explicit, wishes_at_close, wishes_at_open
from tests.reference.rounds import inside
from tests.reference.shaping import looking
from tests.reference.switches import switching

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
    outcome.fills, outcome.refused = state.fills, state.refused
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
    state.lines = state.explicit.pop(t, [])
    state.used = [0.0] * len(state.holdings)
    state.exited = set()
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
            orders[i].exits = {name: distance.after_split(ratio) for name, distance in orders[i].exits.items()}
            if orders[i].quantity == 0:
                del orders[i]
    split_explicit(state, i, ratio)
    if not holding.quantity:
        return
    state.flag(i, codes.ACTION)
    for name in ("entry", "basis", "extreme"):
        setattr(holding, name, getattr(holding, name) / ratio)
    holding.exits = {name: distance.after_split(ratio) for name, distance in holding.exits.items()}
    holding.quantity *= ratio
    whole = floor_to_lot(holding.quantity, lot)
    fraction = holding.quantity - whole
    if abs(fraction) <= TINY * max(1.0, abs(lot)):
        holding.quantity = whole
        return
    price = state.market.open[state.t][i] if state.has_open(i) else holding.mark
    book(state, i, -fraction, price, price, 0.0, leave(-fraction, codes.REASON_SPLIT_CASH), False)
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
    for lines in state.explicit.values():
        lines[:] = [line for line in lines if line.i != i]
    if not holding.quantity:
        return
    price = state.market.terminal_value[i]
    if math.isnan(price):
        price = holding.mark * (1 - state.config.delisting_haircut)
    holding.mark = price
    state.flag(i, codes.FILLED)
    book(state, i, -holding.quantity, price, price, 0.0, leave(-holding.quantity, codes.REASON_DEATH), False)


# --- 2. open --------------------------------------------------------------------------------------------------------
def opening(state: State) -> None:
    """Nothing; levels the open has passed, reductions, increases, and levels passed by an entry at this open."""
    for i in sorted(state.due):
        if not state.has_bar(i):
            state.flag(i, codes.NO_BAR)
            order = state.due.pop(i)
            if order.reason not in (codes.REASON_ORDER, codes.REASON_EXPLICIT) and state.holdings[i].quantity:
                state.waiting.setdefault(state.t + 1, {})[i] = order
    lapse_without_bar(state)
    opens = state.market.open[state.t]
    prices = [opens[i] if state.has_open(i) else holding.mark for i, holding in enumerate(state.holdings)]
    for i in range(len(prices)):
        if state.has_open(i) and protected(state, i):
            protect_at(state, i, prices[i])
    now = {i: order for i, order in state.due.items() if not order.at_close and state.has_open(i)}
    state.due = {i: order for i, order in state.due.items() if i not in now}
    wishes = wishes_of(now, prices) + wishes_at_open(state)
    increased = {wish.i for wish in trade(state, wishes, prices, False)}
    for i in sorted(increased):
        if protected(state, i):
            protect_at(state, i, prices[i])
    state.power = buying_power(state, prices)


def wishes_of(orders: dict[int, Order], prices: list[float]) -> list[Wish]:
    """What the orders want at these prices, by instrument."""
    return [Wish(i, order.quantity, order, prices[i], True) for i, order in sorted(orders.items())]


# --- 4. close -------------------------------------------------------------------------------------------------------
def closing(state: State) -> None:
    """Nothing; orders at the close (and opens that were not there), then time stops."""
    closes = state.market.close[state.t]
    prices = [closes[i] if state.has_bar(i) else holding.mark for i, holding in enumerate(state.holdings)]
    trade(state, wishes_of(state.due, prices) + wishes_at_close(state), prices, True)
    state.due = {}
    for i, holding in enumerate(state.holdings):
        if holding.quantity and state.has_bar(i):
            holding.bars += 1
            if state.config.time_stop is not None and holding.bars >= state.config.time_stop:
                cancel(state, i)
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
        before, holding.adjusted = holding.adjusted, holding.adjusted * grown / holding.last_close
        scale = holding.adjusted / close
        high, low = market.high[t][i] * scale, market.low[t][i] * scale
        holding.true_ranges.append(true_range(high, low, holding.adjusted, before))
    else:
        holding.adjusted = close
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
            order = leave(-holding.quantity, codes.REASON_RUIN)
            fill(state, Wish(i, order.quantity, order, holding.mark, True), order.quantity, True)
    state.equity = state.cash
    state.waiting = {}


def below_maintenance(state: State) -> bool:
    """Whether equity over gross exposure is below the maintenance number."""
    _, gross = worth(state, [holding.mark for holding in state.holdings])
    needed = state.config.maintenance
    return needed is not None and gross > 0 and state.equity / gross < needed
