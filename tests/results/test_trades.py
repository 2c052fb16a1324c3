"""Round trips from fills: what opens and closes a trade, what it earned, and how far it went in between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import codes as c
from engine.trades import round_trips
from tests.results.book import NAN, fill, market, play


def trades(panel, *fills, **options):
    return round_trips(play(panel, fills, **options))


def test_flat_to_flat_is_one_trade_with_its_costs():
    # bought 10 at 10.10 (reference 10), sold 10 at 11.88 (reference 12), fees 1 + 2: 17.80 - 3; slippage 1.00 + 1.20
    got = trades(market([10, 11, 12]), fill(0, 10, 10.10, 10, 1), fill(2, -10, 11.88, 12, 2))
    assert len(got) == 1
    assert not got.is_open[0]
    assert got.pnl[0] == pytest.approx(14.80)
    assert got.returns[0] == pytest.approx(14.80 / 101)
    assert got.slippage[0] == pytest.approx(2.20)
    assert got.fees[0] == 3.0
    assert (got.entry_row[0], got.exit_row[0], got.bars_held[0]) == (0, 2, 3)


def test_increases_and_reductions_belong_to_the_same_trade_and_prices_are_averaged():
    # 10 at 10 and 30 at 14: entry 13; out 20 at 15 and 20 at 17: exit 16; 40 x 3
    fills = fill(0, 10, 10), fill(1, 30, 14), fill(2, -20, 15), fill(3, -20, 17)
    got = trades(market([10, 14, 15, 17]), *fills)
    assert (got.entry_price[0], got.exit_price[0], got.quantity[0], got.pnl[0]) == (13.0, 16.0, 40.0, 120.0)


def test_a_short_earns_when_the_price_falls():
    got = trades(market([20, 18, 15]), fill(0, -5, 20), fill(2, 5, 15))
    assert (got.side[0], got.pnl[0], got.returns[0]) == (-1, 25.0, 0.25)


def test_a_flip_in_one_fill_closes_one_trade_and_opens_the_next_and_splits_the_fee_by_quantity():
    # sold 30 with a fee of 6: 10 of it close the long (fee 2), 20 open the short (fee 4), bought back at 8
    got = trades(market([10, 12, 8]), fill(0, 10, 10), fill(1, -30, 12, fee=6), fill(2, 20, 8))
    assert got.side.tolist() == [1, -1]
    assert got.pnl.tolist() == pytest.approx([20 - 2, 80 - 4])
    assert got.fees.tolist() == pytest.approx([2, 4])
    assert got.quantity.tolist() == [10, 20]


def test_a_flip_in_two_fills_is_the_same_two_trades():
    one = trades(market([10, 12, 8]), fill(0, 10, 10), fill(1, -30, 12, fee=6), fill(2, 20, 8))
    two = trades(market([10, 12, 8]), fill(0, 10, 10), fill(1, -10, 12, fee=2), fill(1, -20, 12, fee=4), fill(2, 20, 8))
    assert one.pnl.tolist() == pytest.approx(two.pnl.tolist())
    assert one.entry_row.tolist() == two.entry_row.tolist() == [0, 1]


def test_a_split_multiplies_what_is_held_and_the_trade_stays_in_the_units_of_its_entry():
    # 10 at 500; 4 for 1; 40 sold at 130 = 5200
    panel = market([500, 125, 130], splits=[1, 4, 1])
    got = trades(panel, fill(0, 10, 500), fill(2, -40, 130))
    assert (got.quantity[0], got.entry_price[0], got.exit_price[0], got.split[0]) == (10.0, 500.0, 520.0, 4.0)
    assert got.pnl[0] == 200.0


def test_a_fraction_cashed_by_a_split_is_part_of_the_trade():
    # 5 at 100; 1 for 2 leaves 2.5: half a share cashed at the open of 210, 2 sold at 220; 105 + 440 - 500
    panel = market([100, 205, 220], open=[100, 210, 220], splits=[1, 0.5, 1])
    record = play(panel, [fill(0, 5, 100), fill(2, -2, 220)])
    assert record.fills.reason.tolist() == [c.REASON_ORDER, c.REASON_SPLIT_CASH, c.REASON_ORDER]
    got = round_trips(record)
    assert len(got) == 1
    assert got.pnl[0] == pytest.approx(45.0)


def test_a_position_cashed_to_nothing_by_a_split_is_closed_by_it():
    # 1 at 10; 1 for 20 leaves .05 shares, all cashed at 210: 10.50
    got = trades(market([10, 205], open=[10, 210], splits=[1, 0.05]), fill(0, 1, 10))
    assert not got.is_open[0]
    assert c.REASONS[got.reason[0]] == "split fraction"
    assert got.pnl[0] == pytest.approx(0.5)


def test_a_dividend_is_credited_to_a_long_and_charged_to_a_short():
    panel = market([[50, 80], [49, 79], [49, 79]], dividends=[[0, 0], [1, 2], [0, 0]])
    got = trades(panel, fill(0, 10, 50), fill(0, -10, 80, i=1), fill(2, -10, 49), fill(2, 10, 79, i=1))
    assert got.dividends.tolist() == [10.0, -20.0]
    assert got.pnl.tolist() == [-10 + 10, 10 - 20]


def test_a_split_comes_before_a_dividend_of_the_same_day():
    # 10 become 20; 20 x 1.50, and what a split cashes earns no dividend
    got = trades(market([100, 48], splits=[1, 2], dividends=[0, 1.5]), fill(0, 10, 100))
    assert got.dividends[0] == 30.0


def test_the_multiplier_turns_points_into_money():
    got = trades(market([100, 110], multiplier=50.0), fill(0, 2, 100, 99), fill(1, -2, 110))
    assert (got.pnl[0], got.returns[0], got.slippage[0], got.entry_price[0]) == (1000.0, 0.1, 100.0, 100.0)


def test_an_open_trade_is_valued_at_the_last_mark_even_where_the_last_bar_is_missing():
    # 10 at 10, 4 of them sold at 12; 6 marked at 13 (no bar on the last day): 8 + 18
    got = trades(market([10, 12, 13, NAN]), fill(0, 10, 10), fill(1, -4, 12))
    assert got.is_open[0]
    assert (got.exit_row[0], got.reason[0], got.bars_held[0]) == (-1, 0, 3)
    assert got.pnl[0] == pytest.approx(26.0)
    assert got.exit_price[0] == pytest.approx((4 * 12 + 6 * 13) / 10)


def test_the_exit_reason_is_that_of_the_last_reduction():
    got = trades(
        market([10, 11, 9]),
        fill(0, 10, 10),
        fill(1, -5, 11, reason=c.REASON_TARGET),
        fill(2, -5, 9, reason=c.REASON_STOP),
    )
    assert c.REASONS[got.reason[0]] == "stop loss"


def test_bars_held_count_the_entry_bar_the_exit_bar_and_no_missing_bar():
    got = trades(market([10, NAN, 11, 12]), fill(0, 1, 10), fill(3, -1, 12))
    assert got.bars_held[0] == 3


def test_in_and_out_within_one_bar_is_a_trade_of_one_bar():
    got = trades(market([10]), fill(0, 1, 10), fill(0, -1, 10))
    assert (len(got), got.bars_held[0]) == (1, 1)


def test_a_death_closes_the_trade_at_the_terminal_value():
    got = trades(market([10, NAN]), fill(0, 10, 10), fill(1, -10, 4, reason=c.REASON_DEATH))
    assert (c.REASONS[got.reason[0]], got.pnl[0]) == ("delisted", -60.0)


def test_trades_are_numbered_in_the_order_of_their_entries():
    panel = market([[1, 2, 3]] * 3)
    got = trades(panel, fill(0, 1, 2, i=1), fill(1, 1, 3, i=2), fill(1, -1, 2, i=1), fill(2, 1, 1, i=0))
    assert got.instrument.tolist() == [1, 2, 0]


# --- excursions -----------------------------------------------------------------------------------------------------
BAR = {"open": [100, 102, 101], "high": [110, 108, 104], "low": [95, 90, 99], "close": [105, 100, 103]}


def excursions(*fills):
    got = trades(market(**BAR), *fills)
    return round(float(got.mae[0]), 12), round(float(got.mfe[0]), 12)


def test_an_entry_at_the_open_sees_its_whole_bar():
    assert excursions(fill(0, 1, 100, 100), fill(2, -1, 101)) == (-0.10, 0.10)


def test_an_entry_at_the_close_sees_nothing_of_its_bar():
    # entry 105: low of the next bar 90, high 108, exit at the open of 101
    assert excursions(fill(0, 1, 105), fill(2, -1, 101)) == (round(90 / 105 - 1, 12), round(108 / 105 - 1, 12))


def test_an_entry_inside_the_bar_sees_only_its_close():
    # a limit at 97 in a bar 100 / 110 / 95 / 105
    assert excursions(fill(0, 1, 97), fill(1, -1, 102)) == (0.0, round(105 / 97 - 1, 12))


def test_an_exit_at_a_level_sees_its_price_and_no_more_of_the_bar():
    # stopped at 96 in a bar whose high was 108; the entry bar's high was 110, its low 95
    assert excursions(fill(0, 1, 100), fill(1, -1, 96, reason=c.REASON_STOP)) == (-0.05, 0.10)
    assert excursions(fill(0, 1, 105), fill(1, -1, 96, reason=c.REASON_STOP)) == (round(96 / 105 - 1, 12), 0.0)


def test_an_exit_at_the_close_has_seen_the_whole_bar():
    assert excursions(fill(0, 1, 105), fill(1, -1, 100)) == (round(90 / 105 - 1, 12), round(108 / 105 - 1, 12))


def test_a_short_has_its_best_at_the_low():
    assert excursions(fill(0, -1, 100, 100), fill(1, 1, 102)) == (-0.10, 0.05)


def test_where_high_and_low_are_unknown_the_close_stands_for_them():
    panel = market([100, 90, 105], open=[100, 100, 100], high=[NAN] * 3, low=[NAN] * 3)
    got = trades(panel, fill(0, 1, 100), fill(2, -1, 100))
    assert (got.mae[0], got.mfe[0]) == (pytest.approx(-0.10), 0.0)


def test_a_split_leaves_excursions_as_they_are():
    panel = market([100, 55, 55], open=[100, 50, 50], high=[100, 60, 56], low=[100, 45, 50], splits=[1, 2, 1])
    got = trades(panel, fill(0, 1, 100), fill(2, -2, 50))
    assert (got.mae[0], got.mfe[0]) == (pytest.approx(-0.10), pytest.approx(0.20))


# --- the invariant --------------------------------------------------------------------------------------------------
price = st.floats(1, 500)


@st.composite
def stories(draw):
    """A market with gaps, splits and dividends, and random fills that open, grow, shrink, flip and close."""
    rows, n = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    lot = draw(st.sampled_from([0.0, 1.0, 0.5]))
    close = np.array(draw(st.lists(st.lists(price, min_size=n, max_size=n), min_size=rows, max_size=rows)))
    gaps = np.array(draw(st.lists(st.booleans(), min_size=rows * n, max_size=rows * n))).reshape(rows, n)
    gaps[0] = False
    ratio = st.sampled_from([1.0, 1.0, 1.0, 2.0, 0.5, 1.5, 1 / 3])
    paid = st.sampled_from([0.0, 0.0, 0.5, 2.25])
    splits, cash = (
        np.array(draw(st.lists(kind, min_size=rows * n, max_size=rows * n))).reshape(rows, n) for kind in (ratio, paid)
    )
    bars = np.where(gaps & draw(st.booleans()), np.nan, close)
    panel = market(bars, open=bars * 1.01, splits=splits, dividends=cash, lot=lot)
    step = st.tuples(
        st.integers(0, rows - 1),
        st.integers(-40, 40).filter(bool),
        price,
        st.floats(0.9, 1.1),
        st.floats(0, 3),
        st.sampled_from([c.REASON_ORDER, c.REASON_STOP, c.REASON_TIME, c.REASON_RUIN]),
        st.integers(0, n - 1),
    )
    drawn = sorted(draw(st.lists(step, max_size=40)), key=lambda s: s[0])
    unit = lot if lot else 0.37
    orders = [fill(t, q * unit, p, p * r, fee, reason, i) for t, q, p, r, fee, reason, i in drawn]
    accrued = draw(st.lists(st.floats(-5, 5), min_size=rows, max_size=rows))
    return play(panel, orders, capital=1e5, accrued=accrued)


@settings(max_examples=300, deadline=None)
@given(stories())
def test_the_pnl_of_all_trades_and_what_accrued_is_the_change_in_equity(record):
    got = round_trips(record)
    assert got.pnl.sum() + record.accrued.sum() == pytest.approx(record.equity[-1] - record.capital, abs=1e-6)
    assert got.is_open.sum() == (record.quantity != 0.0).sum()
    assert got.fees.sum() == pytest.approx(record.fills.fee.sum(), abs=1e-9)
    assert (got.mae <= 0.0).all()
    assert (got.mfe >= 0.0).all()
    assert (got.quantity > 0.0).all()
    assert (got.bars_held >= 0).all()


def test_fills_out_of_order_are_put_in_order_first():
    record = play(market([10, 11, 12]), [fill(0, 10, 10), fill(2, -10, 12)])
    turned = type(record.fills)(*(getattr(record.fills, name)[::-1] for name in record.fills.__slots__))
    shuffled = type(record)(**{name: getattr(record, name) for name in record.__slots__} | {"fills": turned})
    assert round_trips(shuffled).pnl.tolist() == round_trips(record).pnl.tolist()


def test_the_compiled_fold_does_what_its_python_does(monkeypatch):
    from engine.statistics import fold as module

    panel = market(**BAR, splits=[1, 2, 1], dividends=[0, 1, 0])
    record = play(panel, [fill(0, 3, 100, 99, 1), fill(1, -8, 95, 96, 2), fill(2, 1, 99, 99), fill(2, 4, 103, 103, 1)])
    fast = round_trips(record)
    for name in (
        "take",
        "split",
        "begin",
        "finish",
        "grow",
        "shrink",
        "charge",
        "count_bar",
        "excursion",
        "where",
        "rest",
    ):
        monkeypatch.setattr(module, name, getattr(module, name).py_func)
    monkeypatch.setattr("engine.trades.fold", module.fold.py_func)
    slow = round_trips(record)
    for name in fast.__slots__:
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))
