"""The reference itself against money computed by hand: one short market and one sentence each."""

from __future__ import annotations

from typing import Any

from pytest import approx

from engine import codes
from tests.reference.interface import NAN, Config, Market, Outcome, Switch
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
