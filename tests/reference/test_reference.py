"""The reference itself against money computed by hand: one short market and one sentence each."""

from __future__ import annotations

from typing import Any

from pytest import approx

from engine import codes
from tests.reference.interface import NAN, Atr, Config, Market, Order, Outcome, Switch
from tests.reference.step import run

DAY = 86_400_000_000_000
Bar = tuple[float, ...]  # open, high, low, close[, volume]


def market(bars: list[list[Bar]], forecast: list[list[float]], **extra: Any) -> Market:
    """A daily market: bars[t][i] and forecast[t][i]."""
    slices, count = len(bars), len(bars[0])
    full = [[bar if len(bar) == 5 else (*bar, 1e6) for bar in row] for row in bars]
    column = [[[bar[k] for bar in row] for row in full] for k in range(5)]
    fields: dict[str, Any] = {
        "times": [t * DAY for t in range(slices)],
        "day": list(range(slices)),
        "last_of_day": [True] * slices,
        "last_of_week": [t % 5 == 4 for t in range(slices)],
        "last_of_month": [t % 21 == 20 for t in range(slices)],
        "symbols": [chr(65 + i) for i in range(count)],
        **dict(zip(("open", "high", "low", "close", "volume"), column)),
        "actions": [],
        "forecast": forecast,
        "lot": [1.0] * count,
        "tick": [NAN] * count,
        "multiplier": [1.0] * count,
        "sector": [0] * count,
        "delisted_t": [-1] * count,
        "terminal_value": [NAN] * count,
    }
    return Market(**{**fields, **extra})


def flat(price: float, volume: float = 1e6) -> Bar:
    """A bar that never moves."""
    return (price, price, price, price, volume)


NO_BAR = (NAN, NAN, NAN, NAN, NAN)


def one(bars: list[Bar], weights: list[float], config: dict[str, Any] | None = None, **extra: Any) -> Outcome:
    """The outcome for one instrument whose weights are given, with 1000 of capital."""
    given = {"rule": "targets", "capital": 1000.0, "exposure_short": 1.0, **(config or {})}
    return run(market([[bar] for bar in bars], [[weight] for weight in weights], **extra), Config(**given))


def trades(outcome: Outcome) -> list[tuple[int, int, float, float]]:
    """(t, i, quantity, price) of every fill."""
    return [(fill.t, fill.i, fill.quantity, round(fill.price, 6)) for fill in outcome.fills]


def test_buys_at_next_open_and_pays_slippage_and_commission() -> None:
    """Half of 1000 at close 100 is 5 shares; bought at open 102 x 1.01 with 1 % commission."""
    outcome = one([flat(100), (102, 110, 101, 108)], [0.5, NAN], {"slippage": 0.01, "commission": 0.01})
    # 5 x 103.02 = 515.10, fee 5.151; cash 1000 - 520.251 = 479.749; equity + 5 x 108 = 1019.749
    assert trades(outcome) == [(1, 0, 5.0, 103.02)]
    assert outcome.cash[1] == approx(479.749) and outcome.equity[1] == approx(1019.749)
    assert codes.describe(outcome.codes[0][0])["decision"] == "targeted"
    assert codes.describe(outcome.codes[1][0])["fate"] == ["filled"]


def test_increases_share_one_factor() -> None:
    """Two names gap up 25 %; both wants shrink by the same factor 0.8."""
    bars = [[flat(10), flat(20)], [flat(12.5), flat(25)]]
    config = Config(rule="targets", capital=1000.0)
    outcome = run(market(bars, [[0.5, 0.5], [NAN, NAN]]), config)
    # wants 50 x 12.5 + 25 x 25 = 1250 with power 1000: factor 0.8, 40 and 20
    assert trades(outcome) == [(1, 0, 40.0, 12.5), (1, 1, 20.0, 25.0)]
    assert all(code & codes.SCALED for code in outcome.codes[1])


def test_short_proceeds_buy_nothing() -> None:
    """A short of 600 leaves 400 of buying power to a long that wants 500."""
    bars = [[flat(10), flat(10)], [flat(10), flat(10)], [flat(10), flat(10)]]
    config = Config(rule="targets", capital=1000.0, exposure_short=1.0)
    outcome = run(market(bars, [[-0.6, NAN], [NAN, 0.5], [NAN, NAN]]), config)
    assert trades(outcome) == [(1, 0, -60.0, 10.0), (2, 1, 40.0, 10.0)]  # power 1000 - 600 = 400


def test_stop_at_gap_and_in_bar() -> None:
    """A 10 % stop on an entry of 100 fills at 90 inside a bar, and at the open 85 after a gap, with slippage 1 %."""
    exits = {"stop_loss": 0.1}
    touched = one([flat(100), flat(100), (99, 99, 88, 95)], [0.5, NAN, NAN], exits)
    gapped = one([flat(100), flat(100), (85, 99, 84, 95)], [0.5, NAN, NAN], exits)
    assert trades(touched)[1] == (2, 0, -5.0, 90.0)
    assert trades(gapped)[1] == (2, 0, -5.0, 85.0)
    assert touched.cash[2] == approx(950) and touched.codes[2][0] & codes.STOPPED  # 500 + 5 x 90
    slipping = one([flat(100), flat(100), (99, 99, 80, 95)], [0.5, NAN, NAN], {**exits, "slippage": 0.01})
    assert slipping.fills[1].reference == approx(90.9)  # entry 101, stop 90.9, sold at 90.9 x 0.99
    assert slipping.fills[1].price == approx(89.991)


def test_both_levels_touched() -> None:
    """Stop 90 and target 110 in one bar: pessimistic 90, optimistic 110, nearest by the open at 104: the high."""
    bars, weights = [flat(100), flat(100), (104, 112, 88, 100)], [0.5, NAN, NAN]
    for policy, price in (("pessimistic", 90.0), ("optimistic", 110.0), ("nearest", 110.0)):
        outcome = one(bars, weights, {"stop_loss": 0.1, "take_profit": 0.1, "intrabar": policy})
        assert trades(outcome)[1] == (2, 0, -5.0, approx(price))  # 112 - 104 = 8 is nearer than 104 - 88 = 16
        assert outcome.codes[2][0] & codes.AMBIGUOUS


def test_trailing_and_break_even() -> None:
    """A high of 120 lifts a 10 % trail to 108 on the next bar; break-even armed at +5 % stops at 100."""
    bars, weights = [flat(100), (100, 120, 100, 115), (114, 114, 99, 105)], [0.5, NAN, NAN]
    assert trades(one(bars, weights, {"trailing_stop": 0.1}))[1] == (2, 0, -5.0, 108.0)
    armed = one(bars, weights, {"break_even": 0.05})
    assert trades(armed)[1] == (2, 0, -5.0, 100.0) and armed.codes[2][0] & codes.BREAK_EVEN


def test_time_stop_counts_bars_that_exist() -> None:
    """Three bars: the entry bar, a gap that does not count, and two more; out at that close."""
    bars = [flat(100), flat(100), NO_BAR, flat(101), flat(102), flat(103)]
    outcome = one(bars, [0.5, NAN, NAN, NAN, NAN, NAN], {"time_stop": 3})
    assert trades(outcome) == [(1, 0, 5.0, 100.0), (4, 0, -5.0, 102.0)]
    assert outcome.codes[2][0] & codes.DECISION_MASK == codes.NO_BAR_NOW


def test_split_and_dividend_on_one_date() -> None:
    """5 shares split 3 for 2: 7 kept, 0.5 cashed at the open 68, then 1 a share on 7; the stop basis is 100/1.5 - 1."""
    bars, weights = [flat(100), flat(100), (68, 70, 66, 67), (60, 61, 59.5, 60)], [0.5, NAN, NAN, NAN]
    outcome = one(bars, weights, {"stop_loss": 0.08}, actions=[(2, 0, 1.5, 1.0)])
    assert trades(outcome)[1] == (2, 0, -0.5, 68.0) and outcome.fills[1].reason == codes.REASON_SPLIT_CASH
    assert outcome.cash[2] == approx(541)  # 500 + 34 + 7
    assert outcome.equity[2] == approx(1010) and outcome.codes[2][0] & codes.ACTION  # + 7 x 67
    assert trades(outcome)[2] == (3, 0, -7.0, 60.0)  # stop 65.667 x 0.92 = 60.41, open 60 beyond it


def test_dead_after_missing_days() -> None:
    """With delisting_after 2 and a haircut of 40 %, the second missing day closes at 60."""
    bars = [flat(100), flat(100), NO_BAR, NO_BAR, NO_BAR]
    outcome = one(bars, [0.5] + [NAN] * 4, {"delisting_after": 2, "delisting_haircut": 0.4, "commission": 0.0})
    assert trades(outcome)[1] == (3, 0, -5.0, 60.0) and outcome.codes[3][0] & codes.DELISTED
    assert outcome.equity[2:] == approx([1000, 800, 800])
    told = one(bars, [0.5] + [NAN] * 4, delisted_t=[2], terminal_value=[7.0])
    assert trades(told)[1] == (2, 0, -5.0, 7.0)


def test_participation_and_the_rest_of_an_exit() -> None:
    """10 % of 30 shares lets 3 through: an entry's rest lapses, an exit's rest stands again."""
    bars = [flat(100, 30)] * 5
    outcome = one(bars, [0.5, NAN, NAN, NAN, NAN], {"max_participation": 0.1})
    assert trades(outcome) == [(1, 0, 3.0, 100.0)] and outcome.codes[1][0] & codes.PARTICIPATION
    bars = [flat(100), flat(100), *[flat(100, 30)] * 3]
    outcome = one(bars, [0.5, 0.0, NAN, NAN, NAN], {"max_participation": 0.1})
    assert trades(outcome)[1:] == [(2, 0, -3.0, 100.0), (3, 0, -2.0, 100.0)]


def test_threshold_slots_and_leaving() -> None:
    """One slot goes to the more confident; it leaves below 0.5, and the freed slot is taken a decision later."""
    bars = [[flat(10), flat(10)]] * 5
    forecast = [[0.6, 0.7], [0.6, 0.5], [0.6, 0.4], [0.6, 0.4], [0.6, 0.4]]
    config = Config(confidence=0.6, exit_confidence=0.5, size=0.5, unit="probability", capital=1000.0)
    outcome = run(market(bars, forecast), config)
    assert trades(outcome) == [(1, 1, 50.0, 10.0), (3, 1, -50.0, 10.0), (4, 0, 50.0, 10.0)]
    decisions = [[code & codes.DECISION_MASK for code in row] for row in outcome.codes]
    assert decisions[0] == [codes.SLOTS_FULL, codes.ENTER] and decisions[1] == [codes.SLOTS_FULL, codes.IN_POSITION]
    assert decisions[2][1] == codes.LEAVE and decisions[3] == [codes.ENTER, codes.BELOW_CONFIDENCE]


def test_quintile_legs_and_ties() -> None:
    """Four names, half each side: ties by symbol put A and B long, C and D short, at 50 % and 50 %."""
    bars = [[flat(10)] * 4] * 2
    half = {"exposure_long": 0.5, "exposure_short": 0.5}
    config = Config(rule="quintile", side="long_short", quantile=0.5, capital=1000.0, **half)
    outcome = run(market(bars, [[0.3, 0.2, 0.1, 0.0], [NAN] * 4]), config)
    assert [fill.quantity for fill in outcome.fills] == [25.0, 25.0, -25.0, -25.0]
    tied = run(market(bars, [[0.1] * 4, [NAN] * 4]), config)  # A and B are in both legs
    assert not tied.fills and tied.codes[0][0] & codes.DECISION_MASK == codes.RANK_CUT


def test_borrow_and_interest() -> None:
    """Cash of 1000 earns 1 a day at 36.5 %; short 50 at 10 it is 1501 and earns 1.501, and the 500 borrowed cost 5."""
    outcome = one([flat(10), flat(10), flat(10)], [-0.5, NAN, NAN], {"borrow": 3.65, "interest": 0.365})
    assert outcome.accrued == [approx(0), approx(1), approx(-3.499)] and outcome.equity[2] == approx(997.501)


def test_drawdown_flattens_and_stays_out() -> None:
    """Fully long from 100, a close of 80 is a 20 % drawdown: sold at the next open 79, nothing bought after."""
    switch = Switch("max_drawdown", 0.2, "flatten", 1.0, "never")
    bars = [flat(100), flat(100), (100, 100, 80, 80), flat(79), flat(79)]
    outcome = one(bars, [1.0] * 5, {"switches": [switch]})
    assert trades(outcome) == [(1, 0, 10.0, 100.0), (3, 0, -10.0, 79.0)]
    assert outcome.codes[4][0] == codes.FLATTEN and outcome.equity[4] == approx(790)


def test_ruin_ends_the_run() -> None:
    """Short 10 at 100, price 210: equity 2000 - 2100 = -100; closed at the mark, nothing after."""
    outcome = one([flat(100), flat(100), flat(210), flat(50)], [-1.0] * 4, {"commission": 0.01, "max_gross": 2.0})
    # entry fee 10, exit fee 21: 1000 + 990 - 2121 = -131
    assert outcome.ended == "ruin" and outcome.cash[2:] == [approx(-131), approx(-131)]
    assert outcome.codes[2][0] == codes.RUINED | codes.FILLED and outcome.codes[3][0] == 0


def test_band_cap_and_lot_notes() -> None:
    """A weight of 2 is capped to 1; a change of 5 % stays in a 10 % band; 4 of 100 is under a lot."""
    outcome = one([flat(10)] * 3, [2.0, 0.95, 0.0], {"no_trade_band": 0.1})
    assert outcome.fills[0].quantity == 100.0 and outcome.codes[0][0] & codes.CAPPED
    assert outcome.codes[1][0] & codes.BAND and len(outcome.fills) == 1
    small = one([flat(100)] * 2, [0.04, NAN])
    assert small.codes[0][0] & codes.BELOW_LOT and not small.fills


def test_missing_open_fills_at_the_close_with_its_own_bar_untouched() -> None:
    """With no open the order fills at that close 105, and the low of 80 comes before the entry."""
    bars = [flat(100), (NAN, 110, 80, 105), flat(105)]
    outcome = one(bars, [0.5, NAN, NAN], {"stop_loss": 0.1})
    assert trades(outcome) == [(1, 0, 5.0, 105.0)]


def test_flip_is_two_fills() -> None:
    """From 5 long to 5 short: 5 sold among the reductions, 5 among the increases; the entry restarts."""
    outcome = one([flat(100), flat(100), flat(110)], [0.5, -0.5, NAN])
    assert trades(outcome)[1:] == [(2, 0, -5.0, 110.0), (2, 0, -5.0, 110.0)]
    # 500 + 10 x 110 = 1600 cash, - 550
    assert outcome.cash[2] == approx(1600) and outcome.equity[2] == approx(1050)


# --- explicit orders ------------------------------------------------------------------------------------------------
def ordered(
    bars: list[Bar], orders: dict[int, list[Order]], config: dict[str, Any] | None = None, **extra: Any
) -> Outcome:
    """The outcome for one instrument and these orders, with 1000 of capital."""
    given = {"rule": "orders", "capital": 1000.0, **(config or {})}
    return run(market([[bar] for bar in bars], [[NAN]] * len(bars), orders=orders, **extra), Config(**given))


def fates(outcome: Outcome, t: int, i: int = 0) -> Any:
    """The words for what happened in slice t."""
    return codes.describe(outcome.codes[t][i])["fate"]


def decision(outcome: Outcome, t: int, i: int = 0) -> Any:
    """The word for what was decided in slice t."""
    return codes.describe(outcome.codes[t][i])["decision"]


BUY = Order(0, 5.0)


def test_market_limit_and_stop_at_the_open() -> None:
    """Open 98: a market and a stop-97 buy slip 1 % to 98.98, a limit-99 buy fills at 98; a limit-90 buy expires."""
    orders = [
        BUY,
        Order(0, 1.0, "stop", stop=97.0),
        Order(0, 1.0, "limit", limit=99.0),
        Order(0, 1.0, "limit", limit=90),
    ]
    outcome = ordered([flat(100), (98, 99, 97, 98)], {0: orders}, {"slippage": 0.01})
    assert trades(outcome) == [(1, 0, 5.0, 98.98), (1, 0, 1.0, 98.98), (1, 0, 1.0, 98.0)]
    assert {fill.reason for fill in outcome.fills} == {codes.REASON_EXPLICIT}
    assert fates(outcome, 1) == ["filled", "expired"]
    assert decision(outcome, 0) == "ordered" and decision(outcome, 1) == "undecided"
    assert outcome.cash[1] == approx(1000 - 6 * 98.98 - 98)


def test_orders_inside_the_bar() -> None:
    """From 100 down to 94 and up to 106: limit 95 at 95, stop 105 at 105 x 1.01; nothing is left for the next slice."""
    orders = [Order(0, 2.0, "limit", limit=95.0), Order(0, 2.0, "stop", stop=105.0), Order(0, 1.0, "limit", limit=93.0)]
    outcome = ordered([flat(100), (100, 106, 94, 100), flat(90)], {0: orders}, {"slippage": 0.01})
    assert trades(outcome) == [(1, 0, 2.0, 95.0), (1, 0, 2.0, 106.05)]
    assert fates(outcome, 1) == ["filled", "expired"] and fates(outcome, 2) == []


def test_stop_limits() -> None:
    """A buy at trigger 105: limit 105.5 caps the slip of 1 %; limit 103 needs the close, 102 has it and 104 has not."""
    wide, narrow = Order(0, 2.0, "stop_limit", 105.5, 105.0), Order(0, 2.0, "stop_limit", 103.0, 105.0)
    low, high = (100, 106, 94, 102), (100, 106, 94, 104)
    slips = {"slippage": 0.01}
    assert trades(ordered([flat(100), low], {0: [wide]}, slips)) == [(1, 0, 2.0, 105.5)]
    assert trades(ordered([flat(100), low], {0: [narrow]}, slips)) == [(1, 0, 2.0, 103.0)]
    missed = ordered([flat(100), high], {0: [narrow]}, slips)
    assert not missed.fills and fates(missed, 1) == ["expired"]
    # the open 107 has reached the trigger 105: a limit order from then on, met on the way down to 94
    assert trades(ordered([flat(100), (107, 108, 94, 99)], {0: [wide]}, slips)) == [(1, 0, 2.0, 105.5)]
    # the open 105.2 has reached both
    assert trades(ordered([flat(100), (105.2, 108, 94, 99)], {0: [wide]}, slips)) == [(1, 0, 2.0, 105.2)]


def test_refusals_in_their_order() -> None:
    """Equity 1000 at 100: 11 shares are 1.1; 6 and what waits, 5, are 1.1 too; the last refusal is the decision."""
    outcome = ordered([flat(100), flat(100)], {0: [Order(0, 11.0), BUY, Order(0, 6.0), Order(0, -5.0), Order(0, 0.5)]})
    assert [(r.t, r.quantity, r.value, r.limit) for r in outcome.refused] == [(0, 11.0, 1.1, 1.0), (0, 6.0, 1.1, 1.0)]
    assert {r.decision for r in outcome.refused} == {codes.OVER_WEIGHT}
    assert codes.describe(outcome.codes[0][0]) == {
        "fate": [], "decision": "over max_weight", "notes": ["below a lot"]
    }  # fmt: skip

    def refused(order: Order, **config: Any) -> tuple[int, float, float]:
        found = ordered([flat(100), flat(100)], {0: [order]}, config).refused[0]
        return found.decision, found.value, found.limit

    assert refused(BUY, max_order_value=499.0) == (codes.OVER_ORDER_VALUE, 500.0, 499.0)
    assert refused(BUY, max_weight=0.4, max_sector=0.4) == (codes.OVER_WEIGHT, 0.5, 0.4)
    assert refused(BUY, max_sector=0.4, max_net=0.4) == (codes.OVER_SECTOR, 0.5, 0.4)
    assert refused(Order(0, -5.0), max_net=0.4, max_gross=0.4) == (codes.OVER_NET, 0.5, 0.4)
    assert refused(BUY, min_cash=0.6, max_gross=0.4) == (codes.OVER_CASH, 0.5, 0.4)
    assert refused(Order(0, -5.0), min_cash=0.6, max_gross=0.4) == (codes.OVER_GROSS, 0.5, 0.4)


def test_refused_without_a_bar_outside_the_universe_and_halted() -> None:
    """These come before the caps and carry no number; a reducing order is never refused."""
    without = ordered([flat(100), NO_BAR, flat(100)], {0: [BUY], 1: [BUY]})
    assert decision(without, 1) == "no bar" and without.refused[0].value != without.refused[0].value
    assert fates(without, 1) == ["no bar"] and not without.fills  # the order of slice 0 lapsed
    outside = ordered([flat(100), flat(100)], {0: [BUY]}, member=[[False], [False]])
    assert decision(outside, 0) == "not a member" and decision(outside, 1) == "not a member"
    halt = {"switches": [Switch("max_drawdown", 0.02, "halt", 1.0, "never")]}
    # 5 bought at 100, close 95: equity 975, a drawdown of 2.5 %; then 1 more is refused, 8 sold closes 5
    halted = ordered([flat(100), (100, 100, 95, 95), flat(95)], {0: [BUY], 1: [Order(0, 1.0), Order(0, -8.0)]}, halt)
    assert trades(halted) == [(1, 0, 5.0, 100.0), (2, 0, -5.0, 95.0)]
    assert decision(halted, 1) == "halted" and halted.refused[0].quantity == 1.0


def test_bracket_opens_and_grows() -> None:
    """The bracket's 5 % replaces the file's 20 % stop; a growing order that gives 10 % replaces it: (100 + 100) / 2 x 0.9."""
    wide = {"stop_loss": 0.2}
    bars = [flat(100), flat(100), flat(100), (100, 100, 88, 95)]
    tight = Order(0, 5.0, stop_loss=0.05)
    assert trades(ordered(bars, {0: [tight]}, wide))[1] == (3, 0, -5.0, 95.0)
    assert len(ordered(bars, {0: [BUY]}, wide).fills) == 1
    assert trades(ordered(bars, {0: [tight], 1: [Order(0, 2.0, stop_loss=0.1)]}, wide))[2] == (3, 0, -7.0, 90.0)
    assert trades(ordered(bars, {0: [tight], 1: [Order(0, 2.0)]}, wide))[2] == (3, 0, -7.0, 95.0)


def test_level_and_orders_on_one_side() -> None:
    """Long 5, stop level 90: a sell stop at 95 acts first; one at 90 comes after the level and is cancelled."""
    bars, stop = [flat(100), flat(100), (100, 100, 88, 95)], {"stop_loss": 0.1}
    near, same = Order(0, -2.0, "stop", stop=95.0), Order(0, -2.0, "stop", stop=90.0)
    outcome = ordered(bars, {0: [BUY], 1: [near]}, stop)
    assert trades(outcome)[1:] == [(2, 0, -2.0, 95.0), (2, 0, -3.0, 90.0)]
    outcome = ordered(bars, {0: [BUY], 1: [same]}, stop)
    assert trades(outcome)[1:] == [(2, 0, -5.0, 90.0)] and fates(outcome, 2) == ["filled", "stopped", "cancelled"]


def test_both_sides_by_policy() -> None:
    """Long 5, sell stop 95 and sell limit 105 (reduce-only), both touched: the policy's side sells all 5."""
    exits = [
        Order(0, -5.0, "stop", stop=95.0, reduce_only=True),
        Order(0, -5.0, "limit", limit=105.0, reduce_only=True),
    ]
    bars = [flat(100), flat(100), (100, 106, 92, 100)]  # the high is nearer to the open
    for policy, price in (("pessimistic", 95.0), ("optimistic", 105.0), ("nearest", 105.0)):
        outcome = ordered(bars, {0: [BUY], 1: exits}, {"intrabar": policy})
        assert trades(outcome)[1:] == [(2, 0, -5.0, price)] and fates(outcome, 2) == ["filled", "ambiguous"]


def test_flip_inside_the_bar_needs_power() -> None:
    """Long 5 of 1000, a stop sells 12 at 95: 5 close, 7 would open; power at the open is 1000 - 500: 5 of 7 fit."""
    outcome = ordered([flat(100), flat(100), (100, 100, 94, 95)], {0: [BUY], 1: [Order(0, -12.0, "stop", stop=95.0)]},
                      {"max_weight": 2.0, "max_gross": 1.0, "max_net": 2.0})  # fmt: skip
    # 500 / (7 x 95) = 0.7519, x 7 = 5.26, floored 5
    assert trades(outcome)[1:] == [(2, 0, -5.0, 95.0), (2, 0, -5.0, 95.0)]
    assert "scaled" in fates(outcome, 2) and outcome.quantity[2] == [-5.0]


def test_exit_inside_the_bar_pays_for_nothing() -> None:
    """Fully invested in A; A's target fills at 110, B's limit at 9 finds no power in the same bar."""
    bars = [[flat(100), flat(10)], [flat(100), flat(10)], [(100, 111, 100, 110), (10, 10, 8, 9)]]
    orders = {0: [Order(0, 10.0)], 1: [Order(1, 10.0, "limit", limit=9.0)]}
    given = {"rule": "orders", "capital": 1000.0, "take_profit": 0.1, "max_gross": 1.0}
    refused = run(market(bars, [[NAN, NAN]] * 3, orders=orders), Config(**given))
    assert [r.decision for r in refused.refused] == [codes.OVER_GROSS]  # 1000 held and 100 waiting, of 1000
    # written while A is still for sale: the counted position is 0 + 10 x 10
    orders = {0: [Order(0, 10.0)], 1: [Order(0, -10.0, "limit", limit=110.0), Order(1, 10.0, "limit", limit=9.0)]}
    outcome = run(market(bars, [[NAN, NAN]] * 3, orders=orders), Config(**{**given, "take_profit": None}))
    assert trades(outcome)[1:] == [(2, 0, -10.0, 110.0)] and fates(outcome, 2, 1) == ["no buying power"]


def test_levels_after_a_limit_entry() -> None:
    """Bought at 95: the stop 90.25 below is certain, the target 99.75 only if the close is there, or by policy."""
    order = {0: [Order(0, 5.0, "limit", limit=95.0, stop_loss=0.05, take_profit=0.05)]}
    fell, rose = (100, 101, 90, 95), (100, 101, 94, 100)
    for policy in ("pessimistic", "optimistic", "nearest"):
        assert trades(ordered([flat(100), rose], order, {"intrabar": policy}))[1] == (1, 0, -5.0, 99.75)
    # falls through both: stop certain, target (101 seen, close 95) not
    pessimistic = ordered([flat(100), fell], order)
    assert trades(pessimistic)[1] == (1, 0, -5.0, 90.25) and "ambiguous" in fates(pessimistic, 1)
    assert trades(ordered([flat(100), fell], order, {"intrabar": "nearest"}))[1] == (1, 0, -5.0, 90.25)
    assert trades(ordered([flat(100), fell], order, {"intrabar": "optimistic"}))[1] == (1, 0, -5.0, 99.75)
    assert len(ordered([flat(100), fell], order, {"entry_bar_protection": False}).fills) == 1


def test_levels_after_a_stop_entry() -> None:
    """Bought at 105: the target 110.25 is certain; the stop 99.75 (the low 99 may be before) counts when pessimistic."""
    order = {0: [Order(0, 5.0, "stop", stop=105.0, stop_loss=0.05, take_profit=0.05)]}
    bar = (100, 106, 99, 105)
    assert trades(ordered([flat(100), bar], order))[1:] == [(1, 0, -5.0, 99.75)]
    for policy in ("optimistic", "nearest"):
        outcome = ordered([flat(100), bar], order, {"intrabar": policy})
        assert len(outcome.fills) == 1 and "ambiguous" in fates(outcome, 1)
    nearest = ordered([flat(100), (100, 111, 99, 105)], order, {"intrabar": "nearest"})
    assert trades(nearest)[1:] == [(1, 0, -5.0, 110.25)]


def test_limit_met_before_the_stop_level() -> None:
    """Long 5 from 100, stop 90; a buy of 5 at 95 comes first: basis 97.5, stop 87.75, all 10 out there at a low of 87."""
    orders = {0: [BUY], 1: [Order(0, 5.0, "limit", limit=95.0)]}
    config = {"stop_loss": 0.1, "max_gross": 2.0, "max_weight": 2.0}
    outcome = ordered([flat(100), flat(100), (100, 100, 87, 96)], orders, config)
    assert trades(outcome)[1:] == [(2, 0, 5.0, 95.0), (2, 0, -10.0, 87.75)]
    missed = ordered([flat(100), flat(100), (100, 100, 89, 96)], orders, config)  # 89 is below 90, not below 87.75
    assert trades(missed)[1:] == [(2, 0, 5.0, 95.0)]
    beyond = ordered(
        [flat(100), flat(100), (100, 100, 87, 96)], {0: [BUY], 1: [Order(0, 5.0, "limit", limit=89.0)]}, config
    )
    assert trades(beyond)[1:] == [(2, 0, -5.0, 90.0)] and "cancelled" in fates(beyond, 2)


def test_only_the_close_is_known() -> None:
    """No high, no low: a buy limit 95 and a sell stop 95 fill at the close 93, the stop with 1 %; no level after that."""
    bar = (100, NAN, NAN, 93)
    bought = ordered([flat(100), bar], {0: [Order(0, 5.0, "limit", limit=95.0, take_profit=0.0)]}, {"slippage": 0.01})
    assert trades(bought) == [(1, 0, 5.0, 93.0)]
    sold = ordered([flat(100), flat(100), bar], {0: [BUY], 1: [Order(0, -5.0, "stop", stop=95.0)]}, {"slippage": 0.01})
    assert trades(sold)[1] == (2, 0, -5.0, 92.07)


def test_no_open_keeps_prices_in_the_range() -> None:
    """No open, range 92 to 94: a sell stop 95 gets 94, a buy limit 95 gets 94 too, a market order waits for the close."""
    bar = (NAN, 94, 92, 93)
    orders = {0: [BUY], 1: [Order(0, -5.0, "stop", stop=95.0)]}
    assert trades(ordered([flat(100), flat(100), bar], orders))[1] == (2, 0, -5.0, 94.0)
    assert trades(ordered([flat(100), bar], {0: [Order(0, 5.0, "limit", limit=95.0)]})) == [(1, 0, 5.0, 94.0)]
    assert trades(ordered([flat(100), bar], {0: [BUY]})) == [(1, 0, 5.0, 93.0)]


def test_orders_at_the_close() -> None:
    """A close order at 104, a market order under fill: close too; a level that acted before cancels them."""
    bar = (100, 105, 99, 104)
    assert trades(ordered([flat(100), bar], {0: [Order(0, 5.0, "close")]})) == [(1, 0, 5.0, 104.0)]
    assert trades(ordered([flat(100), bar], {0: [BUY]}, {"fill": "close"})) == [(1, 0, 5.0, 104.0)]
    orders = {0: [BUY], 1: [Order(0, 2.0, "close")]}
    outcome = ordered([flat(100), flat(100), bar], orders, {"take_profit": 0.04})
    assert trades(outcome)[1:] == [(2, 0, -5.0, 104.0)] and "cancelled" in fates(outcome, 2)


def test_cut_orders() -> None:
    """10 % of 30 shares: an entry gets 3 and lapses; a sale of all 5 gets 3, and 2 stand again at the next open."""
    bars = [flat(100), flat(100), *[flat(100, 30)] * 3]
    cut = {"max_participation": 0.1}
    assert trades(ordered([flat(100), *[flat(100, 30)] * 2], {0: [BUY]}, cut)) == [(1, 0, 3.0, 100.0)]
    outcome = ordered(bars, {0: [BUY], 1: [Order(0, -5.0, "limit", limit=100.0)]}, cut)
    assert trades(outcome)[1:] == [(2, 0, -3.0, 100.0), (3, 0, -2.0, 100.0)]
    assert outcome.fills[2].reason == codes.REASON_EXPLICIT
    partly = ordered(bars, {0: [BUY], 1: [Order(0, -4.0)]}, cut)
    assert trades(partly)[1:] == [(2, 0, -3.0, 100.0)]
    # two entries in one bar: 2 of 2, then 1 of 5
    shared = ordered([flat(100), flat(100, 30)], {0: [Order(0, 2.0), BUY]}, cut)
    assert trades(shared) == [(1, 0, 2.0, 100.0), (1, 0, 1.0, 100.0)]


def test_split_restates_an_order() -> None:
    """3 for 2 and then the order of 5 at 90: 7 at 60; a dividend changes nothing."""
    bars = [flat(100), (66, 67, 59, 60)]
    order = {0: [Order(0, 5.0, "limit", limit=90.0)]}
    outcome = ordered(bars, order, actions=[(1, 0, 1.5, 1.0)])
    assert trades(outcome) == [(1, 0, 7.0, 60.0)] and fates(outcome, 1) == ["filled", "action"]


def test_delay_and_flattening() -> None:
    """delay 1: the order of slice 0 meets slice 2; a flattening in between drops it, and sells what is held."""
    bars = [flat(100), flat(100), flat(100), flat(90), flat(90), flat(90)]
    assert trades(ordered(bars, {0: [BUY]}, {"delay": 1})) == [(2, 0, 5.0, 100.0)]
    switch = {"delay": 1, "switches": [Switch("max_drawdown", 0.05, "flatten", 1.0, "never")]}
    outcome = ordered(bars, {0: [BUY], 2: [Order(0, 1.0)], 4: [Order(0, 1.0)]}, switch)  # 5 x 10 lost of 1000
    assert trades(outcome)[1:] == [(4, 0, -5.0, 90.0)] and not outcome.refused
    assert decision(outcome, 4) == "flatten"


def test_reduce_only_never_opens_and_twins_are_two_orders() -> None:
    """Long 5: two equal sell limits of 4 at 105 close 5 and open 3 short; reduce-only they close 5 and stop there."""
    bars = [flat(100), flat(100), (100, 106, 100, 101)]
    for only, expected in ((False, [-4.0, -1.0, -3.0]), (True, [-4.0, -1.0])):
        twins = [Order(0, -4.0, "limit", limit=105.0, reduce_only=only) for _ in range(2)]
        outcome = ordered(bars, {0: [BUY], 1: twins})
        assert [fill.quantity for fill in outcome.fills[1:]] == expected and fates(outcome, 2) == ["filled"]
    assert not ordered(bars, {0: [Order(0, -4.0, reduce_only=True)]}).fills


def test_a_high_before_the_entry_lifts_no_trail() -> None:
    """Bought at 95 on the way down from 110: the 10 % trail hangs on the close 96 (86.4), not on 110 (99)."""
    bars = [flat(100), (100, 110, 94, 96), (96, 97, 86, 90)]
    outcome = ordered(bars, {0: [Order(0, 5.0, "limit", limit=95.0, trailing_stop=0.1)]})
    assert trades(outcome)[1] == (2, 0, -5.0, approx(86.4))


def test_death_drops_orders() -> None:
    """Dead at slice 2 at 7; the order for slice 3 never comes up, when the bars have returned by then."""
    bars = [flat(100), flat(100), NO_BAR, flat(100)]
    orders = {0: [BUY], 1: [Order(0, 1.0)]}
    outcome = ordered(bars, orders, {"delay": 1}, delisted_t=[2], terminal_value=[7.0])
    assert not outcome.fills and fates(outcome, 2) == ["no bar"] and fates(outcome, 3) == []


# --- distances, sizes, caps and switches --------------------------------------------------------------------------
def test_stop_in_atr() -> None:
    """True ranges 4, then 6 (gap from 100 to 106): ATR(2) 5 at slice 2; the stop of 2 ATR under the entry 106 is 96."""
    bars = [flat(100), (100, 102, 98, 100), (105, 106, 104, 106), flat(106), (106, 106, 95, 96)]
    exits = {"stop_loss": Atr(2, 2)}
    outcome = one(bars, [NAN, NAN, 0.5, NAN, NAN], exits)
    assert trades(outcome) == [(3, 0, 4.0, 106.0), (4, 0, -4.0, 96.0)]  # 500 / 106 = 4.7
    assert len(one(bars, [NAN, 0.5, NAN, NAN, NAN], exits).fills) == 1  # one true range at slice 1: no ATR, no stop


def test_atr_distance_is_divided_by_a_split_and_left_alone_by_targets() -> None:
    """ATR(1) 4 at slice 1, trail 1 ATR: after 2 for 1 the extreme 51 and the distance 2 stop at 49."""
    bars = [flat(100), (100, 102, 98, 100), flat(100), (50, 51, 49.5, 50), (50, 50, 45, 46)]
    outcome = one(bars, [NAN, 0.5, NAN, NAN, NAN], {"trailing_stop": Atr(1, 1)}, actions=[(3, 0, 2.0, 0.0)])
    assert trades(outcome) == [(2, 0, 5.0, 100.0), (4, 0, -10.0, 49.0)]
    # grown at 200 of true range 100: the stop stays 1 x 4 under the new basis (5 x 100 + 5 x 100) / 10
    bars = [flat(100), (100, 102, 98, 100), (100, 200, 100, 100), flat(100), (100, 100, 95, 95)]
    outcome = one(bars, [NAN, 0.5, 1.0, NAN, NAN], {"stop_loss": Atr(1, 1)})
    assert trades(outcome) == [(2, 0, 5.0, 100.0), (3, 0, 5.0, 100.0), (4, 0, -10.0, 96.0)]


def test_a_bracket_over_exits_in_atr() -> None:
    """ATR(1) 4: the file's target 1 ATR over the entry 100 is 104; the bracket's stop of 1 % is 99, the file's 96."""
    bars = [flat(100), (100, 102, 98, 100), flat(100), (100, 100, 98, 99)]
    exits = {"stop_loss": Atr(1, 1), "take_profit": Atr(1, 1)}
    assert trades(ordered(bars, {1: [Order(0, 5.0, stop_loss=0.01)]}, exits))[1] == (3, 0, -5.0, 99.0)
    bars[3] = (100, 104, 100, 101)
    assert trades(ordered(bars, {1: [Order(0, 5.0, stop_loss=0.01)]}, exits))[1] == (3, 0, -5.0, 104.0)


def test_inverse_volatility() -> None:
    """Returns +-10 % and +-5 %: A gets 1/3, B 2/3 of the leg; C, whose price never moves, gets nothing of it."""
    closes = [(100, 100, 100), (110, 105, 100), (99, 99.75, 100), (99, 99.75, 100)]
    bars = [[flat(price) for price in row] for row in closes]
    config = Config(rule="targets", capital=9000.0, inverse_volatility=2)
    outcome = run(market(bars, [[NAN] * 3] * 2 + [[0.3] * 3, [NAN] * 3]), config)
    # deviations .1 x sqrt 2 and .05 x sqrt 2: 0.9 x 1/3 = 0.3 and 0.6: 2700 / 99 = 27.3, 5400 / 99.75 = 54.1
    assert trades(outcome) == [(3, 0, 27.0, 99.0), (3, 1, 54.0, 99.75)]
    early = run(market(bars, [[NAN] * 3, [0.3] * 3, [NAN] * 3, [NAN] * 3]), config)
    assert not early.fills  # one return is not two


def test_atr_sizing() -> None:
    """ATR(1) 4 at close 100: 1 % / (0.5 x 4 %) = 0.5, short where the target is; without an ATR 0."""
    bars = [flat(100), (100, 102, 98, 100), flat(100)]
    sized = {"atr_sizing": (0.01, Atr(0.5, 1))}
    assert trades(one(bars, [NAN, -0.9, NAN], sized)) == [(2, 0, -5.0, 100.0)]
    assert not one(bars, [0.9, NAN, NAN], sized).fills


def test_min_cash_and_max_order_value() -> None:
    """Longs of 0.9 and a short of 0.2 with 40 % cash: the longs shrink to 0.6; an order of 500 is over 499."""
    bars = [[flat(10), flat(10), flat(10)]] * 2
    config = Config(rule="targets", capital=1000.0, exposure_short=1.0, max_gross=2.0, min_cash=0.4)
    outcome = run(market(bars, [[0.6, 0.3, -0.2], [NAN] * 3]), config)
    assert [fill.quantity for fill in outcome.fills] == [40.0, 20.0, -20.0]
    assert outcome.codes[0][0] & codes.CAPPED and not outcome.codes[0][2] & codes.CAPPED
    over = one([flat(100)] * 3, [0.5, 0.5, 0.5], {"max_order_value": 499.0})
    assert not over.fills and decision(over, 0) == "over max_order_value"
    assert len(one([flat(100)] * 3, [0.5, 0.5, 0.5], {"max_order_value": 500.0}).fills) == 1
    # down from 10 long to 4 short is an order of 14, and grows nothing; back up from 4 short to 10 long does
    turned = one([flat(100)] * 4, [1.0, -0.4, 1.0, NAN], {"max_order_value": 1000.0})
    assert turned.quantity[3] == [-4.0] and decision(turned, 2) == "over max_order_value"


def test_sigma_loss() -> None:
    """Returns 0, +1 %, -1 %, then -3 %: the deviation of the three before is 1 %; 2 of it are exceeded, 4 are not."""
    bars = [flat(100), flat(100), flat(101), flat(99.99), flat(96.9903), flat(96.9903)]
    for at, expected in ((2.0, "halted"), (4.0, "targeted")):
        switch = Switch("sigma_loss", at, "halt", 1.0, "never", 3)
        outcome = one(bars, [1.0, NAN, NAN, NAN, 2.0, NAN], {"switches": [switch], "max_weight": 2, "max_gross": 2})
        # slice 0's return is 0, slice 1's 0, then 1 %, -1 %, -3 %
        assert decision(outcome, 4) == expected


def test_sigma_loss_counts_anew() -> None:
    """Latched at slice 3 for one bar, let go at 4: two returns (5, 6) must pass before 7 can latch again."""
    closes = [100, 101, 96, 97, 90, 91, 80]  # slices 1 to 7
    switch = Switch("sigma_loss", 1.0, "halt", 1.0, 1, 2)
    bars = [flat(100), *[flat(close) for close in closes]]
    weights = [1.0, NAN, NAN, 5.0, NAN, NAN, NAN, 5.0]
    given = {"switches": [switch], "max_weight": 5, "max_gross": 5}
    outcome = one(bars, weights, given)
    assert decision(outcome, 3) == "halted" and decision(outcome, 7) == "halted"
    weights[5] = 5.0  # -7 % at slice 5 is nothing to a switch that has seen no return since
    assert decision(one(bars, weights, given), 5) == "targeted"


def test_rolling_sharpe() -> None:
    """Returns -1 % and -3 %: mean -2 %, deviation 1.414 %, x sqrt 252 = -22.45; at -22 it trips, at -23 it does not."""
    bars = [flat(100), flat(100), flat(99), flat(96.03)]
    for at, expected in ((-22.0, "halted"), (-23.0, "targeted")):
        switch = Switch("rolling_sharpe", at, "halt", 1.0, "never", 2)
        outcome = one(bars, [1.0, NAN, NAN, 2.0], {"switches": [switch], "max_weight": 2, "max_gross": 2})
        assert decision(outcome, 3) == expected


def test_losing_streak() -> None:
    """Two slices a day; days close at 100, 99, 98: the second losing day latches on its last slice, not before."""
    closes = [100, 100, 97, 99, 98, 98, 101, 98]
    days = {"day": [t // 2 for t in range(8)], "last_of_day": [t % 2 == 1 for t in range(8)]}
    switch = Switch("losing_streak", 2, "halt", 1.0, "never")
    given = {"switches": [switch], "max_weight": 2, "max_gross": 2}
    for t, expected in ((3, "targeted"), (4, "targeted"), (5, "halted"), (7, "halted")):
        weights = [1.0] + [NAN] * 7
        weights[t] = 2.0
        assert decision(one([flat(close) for close in closes], weights, given, **days), t) == expected
