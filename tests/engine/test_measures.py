"""Volatility and average true range against the plain formulas, over bars with gaps and half-known ranges."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measures import Measures
from engine.types import Window

NAN = float("nan")


def window(high, low, close) -> Window:
    """Bars of one or more names as the measures read them."""
    arrays = [np.array(grid, float).reshape(len(close), -1) for grid in (high, low, close)]
    n = arrays[2].shape[1]
    symbols = tuple(f"S{i}" for i in range(n))
    return Window(symbols, np.arange(len(close)), arrays[2], *arrays, np.full(arrays[2].shape, NAN))


def worked_out(kind: str, length: int, bars: Window) -> np.ndarray:
    """(T, N) of one measure."""
    measures = Measures()
    measures.place(kind, length)
    return measures.work_out(bars)[:, 0, :]


def messy(seed: int, rows: int = 120, n: int = 6) -> Window:
    """Random walks with missing bars, missing highs, missing lows, a late starter and a name that never moves."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (rows, n)), axis=0))
    close[:, n - 1] = 7.0
    high = close * (1 + np.abs(rng.normal(0, 0.01, close.shape)))
    low = close * (1 - np.abs(rng.normal(0, 0.01, close.shape)))
    high[rng.random(close.shape) < 0.05] = NAN
    low[rng.random(close.shape) < 0.05] = NAN
    gone = rng.random(close.shape) < 0.1
    gone[: rows // 3, 0] = True
    for grid in (high, low, close):
        grid[gone] = NAN
    return window(high, low, close)


def plain(column_of, bars: Window, first: int) -> np.ndarray:
    """(T, N): what `column_of` makes of each name's existing bars, carried over the slices without one."""
    out = np.full(bars.close.shape, NAN)
    for i in range(bars.close.shape[1]):
        there = np.flatnonzero(~np.isnan(bars.close[:, i]))
        values = column_of(bars.high[there, i], bars.low[there, i], bars.close[there, i])
        assert np.isnan(values[:first]).all()
        for place, value in zip(there, values, strict=True):
            out[place:, i] = value
    return out


def plain_atr(length: int, smoothed: bool = True):
    """Wilder's average of true ranges per unit of the close; a plain moving mean unless `smoothed`."""

    def column_of(high, low, close):
        values = np.full(len(close), NAN)
        ranges: list[float] = []
        for k in range(1, len(close)):
            spread = [abs(high[k] - close[k - 1]), abs(low[k] - close[k - 1]), high[k] - low[k]]
            ranges.append(abs(close[k] - close[k - 1]) if np.isnan(spread).any() else max(spread))
            if len(ranges) == length or (len(ranges) > length and not smoothed):
                average = float(np.mean(ranges[-length:]))
            elif len(ranges) > length:
                average = ((length - 1) * average + ranges[-1]) / length
            if len(ranges) >= length:
                values[k] = average / close[k]
        return values

    return column_of


def plain_deviation(length: int):
    """The standard deviation (ddof 1) of the last `length` returns."""

    def column_of(high, low, close):
        values, returns = np.full(len(close), NAN), close[1:] / close[:-1] - 1.0
        for k in range(length, len(close)):
            values[k] = np.std(returns[k - length : k], ddof=1)
        return values

    return column_of


@pytest.mark.parametrize("length", [1, 2, 5, 14])
@pytest.mark.parametrize("seed", range(4))
def test_atr_is_the_plain_formula_over_bars_that_exist(seed, length):
    bars = messy(seed)
    np.testing.assert_allclose(worked_out("atr", length, bars), plain(plain_atr(length), bars, length), rtol=1e-12)


@pytest.mark.parametrize("length", [2, 5, 20])
@pytest.mark.parametrize("seed", range(4))
def test_volatility_is_the_plain_formula_over_bars_that_exist(seed, length):
    bars = messy(seed)
    expected = plain(plain_deviation(length), bars, length)
    np.testing.assert_allclose(worked_out("volatility", length, bars), expected, rtol=1e-9, atol=1e-15)


def test_a_moving_mean_of_true_ranges_would_have_been_noticed():
    bars = messy(0)
    got, wrong = worked_out("atr", 5, bars), plain(plain_atr(5, smoothed=False), bars, 5)
    assert not np.allclose(got, wrong, rtol=1e-3, equal_nan=True)


def test_atr_by_hand():
    # true ranges 4, 6 and, with the gap from 100 to 109, 9: a mean of 5, then (5 + 9) / 2 = 7
    bars = window([100, 102, 103, 109], [100, 98, 97, 106], [100, 100, 100, 108])
    assert worked_out("atr", 2, bars)[:, 0].tolist() == pytest.approx([NAN, NAN, 0.05, 7 / 108], nan_ok=True)


def test_volatility_by_hand():
    # + 10 % and - 10 %: 0.1 x sqrt 2; then - 10 % and 0
    bars = window([0] * 4, [0] * 4, [100, 110, 99, 99])
    expected = [NAN, NAN, 0.02**0.5, 0.005**0.5]
    assert worked_out("volatility", 2, bars)[:, 0].tolist() == pytest.approx(expected, nan_ok=True)


def test_a_slice_without_a_bar_repeats_the_last_one():
    bars = window([100, 102, NAN, 103], [100, 98, NAN, 97], [100, 100, NAN, 100])
    assert worked_out("atr", 1, bars)[:, 0].tolist() == pytest.approx([NAN, 0.04, 0.04, 0.06], nan_ok=True)


def test_a_price_that_never_moves_has_no_volatility_even_in_floats():
    close = 0.1 * np.array([1, 3, 9, 27, 81]) * 1.1  # + 200 % every bar, but for the last bit
    assert worked_out("volatility", 3, window(close, close, close))[3:, 0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("kind", ["atr", "volatility"])
def test_a_later_bar_changes_nothing_before_it(kind):
    bars, rows = messy(1), 60
    cut = window(bars.high[:rows], bars.low[:rows], bars.close[:rows])
    np.testing.assert_array_equal(worked_out(kind, 5, bars)[:rows], worked_out(kind, 5, cut))


def test_each_measure_is_worked_out_once_and_nothing_where_none_was_asked():
    measures, bars = Measures(), messy(2)
    assert measures.work_out(bars).shape == (1, 0, 6)
    places = [measures.place(*asked) for asked in (("atr", 5), ("volatility", 5), ("atr", 5), ("atr", 6))]
    assert places == [0.0, 1.0, 0.0, 2.0]
    together = measures.work_out(bars)
    assert together.shape == (120, 3, 6)
    np.testing.assert_array_equal(together[:, 2], worked_out("atr", 6, bars))
