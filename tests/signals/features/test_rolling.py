"""The compiled sums against plain NumPy, and each kernel against the Python it was compiled from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from signals.features import decay, rolling

WINDOWS = (1, 2, 3, 4, 5, 7, 20, 64)


@pytest.fixture
def x():
    """Two rows longer than a tile, one with NaN here and there."""
    rng = np.random.default_rng(8)
    x = rng.normal(3, 1, (2, 2 * rolling.TILE + 77))
    x[1, [0, 30, 31, 511, 900]] = np.nan
    return x


def by_window(x: np.ndarray, w: int, of) -> np.ndarray:
    """`of` the last w of each row; NaN before there are w."""
    out = np.full(x.shape, np.nan)
    for i in range(len(x)):
        for t in range(w - 1, x.shape[1]):
            out[i, t] = of(x[i, t - w + 1 : t + 1])
    return out


def r_squared(y):
    return np.corrcoef(y, np.arange(len(y)))[0, 1] ** 2


def since_highest(y):
    return np.nan if np.isnan(y).any() else len(y) - 1 - np.flatnonzero(y == y.max())[-1]


@pytest.mark.parametrize("w", WINDOWS)
def test_sums_means_and_extremes(x, w):
    np.testing.assert_allclose(rolling.total(x, w), by_window(x, w, np.sum), rtol=1e-13)
    np.testing.assert_allclose(rolling.mean(x, w), by_window(x, w, np.mean), rtol=1e-13)
    np.testing.assert_array_equal(rolling.highest(x, w), by_window(x, w, np.max))
    np.testing.assert_array_equal(rolling.lowest(x, w), by_window(x, w, np.min))
    np.testing.assert_array_equal(rolling.since_highest(np.round(x), w), by_window(np.round(x), w, since_highest))
    weights = np.arange(1.0, w + 1)
    np.testing.assert_allclose(rolling.weighted(x, weights), by_window(x, w, lambda y: y @ weights), rtol=1e-12)


@pytest.mark.parametrize("w", WINDOWS[2:])
def test_spreads_lines_and_correlations(x, w):
    np.testing.assert_allclose(rolling.std(x, w), by_window(x, w, lambda y: np.std(y, ddof=1)), rtol=1e-11)
    mean = rolling.mean(x, w)
    mad = by_window(x, w, lambda y: np.abs(y - y.mean()).sum())
    np.testing.assert_allclose(rolling.absolute(x, mean, w), mad, rtol=1e-11)
    slope, fit = rolling.line(x, w)
    steps = np.arange(w) - (w - 1) / 2
    np.testing.assert_allclose(slope, by_window(x, w, lambda y: y @ steps / (steps @ steps)), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fit, by_window(x, w, r_squared), rtol=1e-8, atol=1e-12)
    y = np.random.default_rng(9).normal(0, 1, (1, x.shape[1]))
    both = np.stack([x, np.broadcast_to(y, x.shape)], axis=2)
    got, beta = rolling.correlation(x, y, w), rolling.slope_on(x, y, w)
    for i, t in ((0, w - 1), (0, 600), (1, 500), (0, x.shape[1] - 1)):
        part = both[i, t - w + 1 : t + 1]
        if np.isnan(part).any():
            assert np.isnan(got[i, t]) and np.isnan(beta[i, t])
            continue
        assert got[i, t] == pytest.approx(np.corrcoef(part.T)[0, 1], rel=1e-9)
        assert beta[i, t] == pytest.approx(np.cov(part.T)[0, 1] / part[:, 1].var(ddof=1), rel=1e-9)


def test_what_does_not_vary_has_no_correlation_no_slope_on_it_and_no_fit():
    flat, other = np.full((1, 40), 0.1), np.random.default_rng(1).normal(0, 1, (1, 40))
    assert np.isnan(rolling.correlation(other, flat, 20)).all()
    assert np.isnan(rolling.correlation(flat, other, 20)).all()
    assert np.isnan(rolling.slope_on(other, flat, 20)).all()
    slope, fit = rolling.line(flat, 20)
    assert np.isnan(fit).all() and slope[0, -1] == pytest.approx(0.0, abs=1e-15)
    assert rolling.std(np.zeros((1, 40)), 20)[0, -1] == 0.0


def test_a_window_longer_than_the_rows_knows_nothing():
    x = np.ones((2, 5))
    for got in (
        rolling.total(x, 9),
        rolling.std(x, 9),
        rolling.highest(x, 9),
        rolling.lag(x, 9),
        rolling.since_highest(x, 9),
    ):
        assert got.shape == (2, 5) and np.isnan(got).all()


def test_logarithms_of_what_is_not_above_0_are_not_known():
    got = rolling.log(np.array([[math.e, 0.0, -1.0, np.nan]]))
    assert got[0, 0] == pytest.approx(1.0) and np.isnan(got[0, 1:]).all()


def test_exponential_weights_leave_out_less_than_they_say():
    for alpha in (decay.ema(3), decay.ema(26), decay.wilder(14), decay.wilder(30)):
        n = decay.taps(alpha)
        assert (1 - alpha) ** n <= decay.CUT < (1 - alpha) ** (n - 1)
        x = np.random.default_rng(2).normal(0, 1, (1, 4 * n))
        mean = x[0, 0]
        for value in x[0, 1:]:
            mean += alpha * (value - mean)
        assert rolling.exponential(x, alpha)[0, -1] == pytest.approx(mean, abs=1e-6)


def arguments(name: str, x: np.ndarray) -> tuple:
    """Of the kernel called `name`, without its output."""
    mean = np.nan_to_num(x)
    told = {
        "_total": (x, 6),
        "_weighted": (x, np.arange(1.0, 8.0)),
        "_squares": (x, mean, 6),
        "_absolute": (x, mean, 6),
        "_higher": (x, 3),
        "_products": (x, x[:1], mean, mean[:1], 6),
        "_log": (x,),
        "_since_highest": (x, 6),
    }
    return told[name]


KERNELS = ("_total", "_weighted", "_squares", "_absolute", "_higher", "_products", "_log", "_since_highest")


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_gives_the_bits_of_its_python(name):
    x = np.random.default_rng(5).normal(1, 1, (2, 40))
    x[1, 7] = np.nan
    kernel = getattr(rolling, name)
    compiled, plain = np.zeros((2, 40)), np.zeros((2, 40))
    kernel(*arguments(name, x), compiled)
    kernel.py_func(*arguments(name, x), plain)
    if name == "_log":
        np.testing.assert_allclose(compiled, plain, rtol=1e-15)
    else:
        np.testing.assert_array_equal(compiled, plain)


def test_carrying_rows_and_narrowing_give_the_bits_of_their_python():
    rng = np.random.default_rng(6)
    close, volume, prices = rng.normal(10, 1, (2, 30)), rng.normal(10, 1, (2, 30)), rng.normal(10, 1, (3, 2, 30))
    close[0, 5:8] = close[1, :4] = close[1, 12:20] = np.nan
    close[0, 29] = np.inf
    first = [array.copy() for array in (close, volume, prices)]
    second = [array.copy() for array in (close, volume, prices)]
    rolling.carry(*first, 5)
    rolling.carry.py_func(*second, 5)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (first[0][0, 5:8] == close[0, 4]).all() and (first[1][0, 5:8] == 0.0).all()
    assert list(np.isnan(first[0][1])) == [True] * 4 + [False] * 13 + [True] * 3 + [False] * 10
    there = np.isfinite(close)
    for row in (volume, volume[:1]):
        narrow, plain = np.empty((2, 2, 30), np.float32)
        rolling.narrow(row, there, narrow)
        rolling.narrow.py_func(row, there, plain)
        np.testing.assert_array_equal(narrow, plain)
        assert np.isnan(narrow[~there]).all() and not np.isnan(narrow[there]).any()
    kept = rng.normal(0, 1, (3, 2, 130)).astype(np.float32)
    out = np.empty((2, 130, 3), np.float32)
    rolling.interleave(kept, out)
    np.testing.assert_array_equal(out, np.moveaxis(kept, 0, -1))


def test_a_number_too_large_for_float32_is_not_known():
    out = np.empty((1, 3), np.float32)
    rolling.narrow(np.array([[1e39, -np.inf, 1e38]]), np.ones((1, 3), np.bool_), out)
    assert list(np.isnan(out[0])) == [True, True, False]


def test_a_mean_over_instruments_does_not_see_their_order():
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (50, 301))
    x[3] = np.nan
    x[4, 5:] = np.nan
    found = []
    for order in (np.arange(301), rng.permutation(301)):
        out = np.empty(50)
        rolling.ordered_mean(np.sort(x[:, order], axis=1), out)
        found.append(out)
    np.testing.assert_array_equal(*found)
    assert np.isnan(found[0][3])
    np.testing.assert_allclose(np.delete(found[0], 3), np.nanmean(np.delete(x, 3, axis=0), axis=1), rtol=1e-9)
