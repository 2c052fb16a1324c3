"""Forward adjustment: the total return to the cent, and no later action changes an earlier value, to the last bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.panel import Panel

NAN = float("nan")
DATES = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")


def panel_of(close, splits=None, dividends=None, volume=100.0) -> Panel:
    """One column per instrument; opens, highs and lows equal the close."""
    close = np.array(close, dtype=float)
    close = close.reshape(len(close), -1)
    shape = close.shape
    symbols = [f"S{k}" for k in range(shape[1])]
    wide = [np.reshape(np.array(grid, dtype=float), shape) for grid in (splits, dividends) if grid is not None]
    extra = dict(
        zip((k for k, v in (("splits", splits), ("dividends", dividends)) if v is not None), wide, strict=True)
    )
    return Panel.from_arrays(
        symbols, DATES[: shape[0]], close, close, close, close, np.full(shape, volume), verify=False, **extra
    )


def index_of(close, split, dividend) -> list[float]:
    """The running product of r = split x (C + D) / C_prev - 1 over the bars that exist, from the first close."""
    out, level, last, ratio, cash = [], NAN, NAN, 1.0, 0.0
    for c, s, d in zip(close, split, dividend, strict=True):
        ratio, cash = ratio * s, cash / s + d
        if math.isnan(c):
            out.append(NAN)
            continue
        level = c if math.isnan(last) else level * (ratio * (c + cash) / last)
        last, ratio, cash = c, 1.0, 0.0
        out.append(level)
    return out


def test_a_dividend_is_a_return_and_not_a_loss():
    panel = panel_of([100.0, 99.0, 99.0], dividends=[0, 1.0, 0])
    np.testing.assert_allclose(panel.adjusted.close[:, 0], [100.0, 100.0, 100.0], rtol=1e-15)
    assert panel.close[1, 0] == 99.0


def test_a_split_changes_no_return_and_counts_volume_in_the_first_shares():
    panel = panel_of([100.0, 50.0, 55.0], splits=[1, 2.0, 1])
    np.testing.assert_array_equal(panel.adjusted.close[:, 0], [100.0, 100.0, 110.0])
    np.testing.assert_array_equal(panel.adjusted.volume[:, 0], [100.0, 50.0, 50.0])


def test_a_split_comes_before_a_dividend_of_its_date():
    panel = panel_of([100.0, 49.0], splits=[1, 2.0], dividends=[0, 1.0])  # 1 per new share: 2 x (49 + 1) / 100 = 1
    np.testing.assert_allclose(panel.adjusted.close[:, 0], [100.0, 100.0], rtol=1e-15)


def test_an_action_without_a_bar_waits_for_the_next_one():
    panel = panel_of([100.0, NAN, 49.0, 49.0], splits=[1, 2.0, 1, 1], dividends=[0, 1.0, 0, 0])
    np.testing.assert_allclose(panel.adjusted.close[[0, 2, 3], 0], [100.0, 100.0, 100.0], rtol=1e-15)
    assert np.isnan(panel.adjusted.close[1, 0])
    assert panel.actions.row.tolist() == [1]


def test_cash_before_a_split_is_restated_when_both_wait():
    # 2 a share, then a split in two: 1 per new share; 2 x (49 + 1) / 100 = 1.
    panel = panel_of([100.0, NAN, NAN, 49.0], splits=[1, 1, 2.0, 1], dividends=[0, 2.0, 0, 0])
    np.testing.assert_allclose(panel.adjusted.close[3, 0], 100.0, rtol=1e-15)


def test_an_action_before_the_second_bar_of_an_instrument_changes_nothing():
    panel = panel_of([NAN, 100.0, 101.0], splits=[2.0, 2.0, 1], dividends=[1.0, 1.0, 0])
    np.testing.assert_array_equal(panel.adjusted.close[1:, 0], [100.0, 101.0])


def test_an_action_after_the_last_bar_changes_nothing():
    panel = panel_of([100.0, 101.0, NAN], dividends=[0, 0, 1.0])
    np.testing.assert_array_equal(panel.adjusted.close[:2, 0], [100.0, 101.0])


prices = st.one_of(st.just(NAN), st.floats(0.5, 500.0))
ratios = st.sampled_from([1.0, 1.0, 1.0, 2.0, 0.1, 1.5])
cash = st.sampled_from([0.0, 0.0, 0.0, 0.25, 3.0])


@st.composite
def markets(draw):
    rows, columns = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    grids = [
        np.array(draw(st.lists(kind, min_size=rows * columns, max_size=rows * columns))).reshape(rows, columns)
        for kind in (prices, ratios, cash)
    ]
    return tuple(grids)


@given(markets())
def test_it_is_the_running_product_of_total_returns(market):
    close, split, dividend = market
    adjusted = panel_of(close, split, dividend).adjusted.close
    for i in range(close.shape[1]):
        first = int(np.argmax(~np.isnan(close[:, i])))  # what happened before the first bar has no return
        expected = index_of(close[first:, i], split[first:, i], dividend[first:, i])
        np.testing.assert_allclose(adjusted[first:, i], expected, rtol=1e-12)


@given(markets(), st.data())
def test_a_later_action_changes_no_earlier_value(market, data):
    close, split, dividend = market
    row, column = data.draw(st.integers(0, len(close) - 1)), data.draw(st.integers(0, close.shape[1] - 1))
    later = split.copy(), dividend.copy()
    later[0][row, column] *= 3.0
    later[1][row, column] += 0.75
    one, other = panel_of(close, split, dividend).adjusted, panel_of(close, *later).adjusted
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(one, name)[:row], getattr(other, name)[:row], strict=True)


@given(markets(), st.integers(1, 12))
def test_what_comes_later_changes_nothing_at_all(market, rows):
    close, split, dividend = market
    rows = min(rows, len(close))
    whole, part = panel_of(close, split, dividend).adjusted, panel_of(*(grid[:rows] for grid in market)).adjusted
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(whole, name)[:rows], getattr(part, name), strict=True)


def test_adjusted_arrays_are_read_only_and_made_once():
    panel = panel_of([100.0, 99.0], dividends=[0, 1.0])
    assert panel.adjusted is panel.adjusted
    with pytest.raises(ValueError, match="read-only"):
        panel.adjusted.close[0, 0] = 1.0
