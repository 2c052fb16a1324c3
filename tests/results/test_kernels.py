"""Every kernel equals its own Python, bit for bit, and a plain NumPy reference, closely."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engine.statistics import curve, given, track

RNG = np.random.default_rng(11)
RETURNS = given(RNG.standard_t(4, 500) * 0.01 + 0.0004)
EQUITY = given(1000 * np.cumprod(1 + RETURNS))


def both(kernel, *arguments):
    """What the compiled kernel gives, having checked that its Python gives the same bits."""
    fast, slow = kernel(*arguments), kernel.py_func(*arguments)
    np.testing.assert_array_equal(np.array(fast), np.array(slow))
    return fast


def test_moments_are_those_of_numpy_and_scipy():
    mean, std, skew, kurtosis, low, high = both(curve.moments, RETURNS)
    assert mean == pytest.approx(RETURNS.mean(), rel=1e-12)
    assert std == pytest.approx(RETURNS.std(ddof=1), rel=1e-12)
    assert skew == pytest.approx(stats.skew(RETURNS), rel=1e-10)
    assert kurtosis == pytest.approx(stats.kurtosis(RETURNS, fisher=False), rel=1e-10)
    assert low == RETURNS.min()
    assert high == RETURNS.max()


@pytest.mark.parametrize(
    ("returns", "known"), [([], 0), ([0.1], 1), ([0.1, 0.2], 2), ([0.1, 0.2, 0.4], 3), ([0.1] * 9, 1)]
)
def test_moments_of_few_or_equal_returns_are_nan_from_where_they_are_undefined(returns, known):
    got = both(curve.moments, given(np.array(returns, dtype=np.float64)))[:4]
    assert np.isfinite(got).tolist() == [k < known for k in range(4)]


def test_returns_start_from_the_capital_and_stop_where_equity_is_gone():
    out = np.zeros(3)
    assert curve.returns_of(100.0, given(np.array([90.0, 99.0, -1.0])), out) == 2
    assert out[:2].tolist() == [90 / 100 - 1, 99 / 90 - 1]
    again = np.zeros(3)
    assert curve.returns_of.py_func(100.0, np.array([90.0, 99.0, -1.0]), again) == 2
    assert out.tolist() == again.tolist()


def test_downside_is_over_all_returns_and_sums_are_about_the_target():
    downside, above, below, up, down = both(curve.sides, RETURNS, 0.001)
    d = RETURNS - 0.001
    assert downside == pytest.approx(np.sqrt((np.minimum(d, 0) ** 2).mean()), rel=1e-12)
    assert above == pytest.approx(d[d > 0].sum(), rel=1e-12)
    assert below == pytest.approx(-d[d < 0].sum(), rel=1e-12)
    assert (up, down) == ((RETURNS > 0).sum(), (RETURNS < 0).sum())


def test_drawdowns_are_equity_over_its_running_maximum():
    fast, slow = np.empty(500), np.empty(500)
    deepest, bars, longest, ulcer = curve.drawdowns(1000.0, EQUITY, fast)
    assert (deepest, bars, longest, ulcer) == curve.drawdowns.py_func(1000.0, EQUITY, slow)
    np.testing.assert_array_equal(fast, slow)
    reference = EQUITY / np.maximum.accumulate(np.append(1000.0, EQUITY))[1:] - 1
    np.testing.assert_allclose(fast, reference, atol=1e-15)
    assert deepest == reference.min()
    assert ulcer == pytest.approx(np.sqrt((reference**2).mean()), rel=1e-12)
    runs = "".join("u" if depth < 0 else " " for depth in reference).split()
    assert longest == max(map(len, runs))
    assert bars <= longest


@pytest.mark.parametrize(
    ("equity", "expected"),
    [
        ([90, 95, 100, 120], (-0.10, 2, 2)),  # under water from the first slice, back at the capital on the third
        ([110, 88, 99, 111, 105, 104, 103, 112], (-0.20, 2, 3)),  # the deepest is not the longest
        ([110, 99, 105], (-0.10, 2, 2)),  # not over at the end: counted to it
        ([100, 100], (0.0, 0, 0)),
    ],
)
def test_bars_under_water_run_to_the_recovery_or_the_end(equity, expected):
    got = both(curve.drawdowns, 100.0, given(np.array(equity, dtype=np.float64)), np.empty(len(equity)))
    assert got[:3] == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_quantiles_are_numpys(share):
    ascending = given(np.sort(RETURNS))
    assert both(curve.quantile, ascending, share) == pytest.approx(np.quantile(RETURNS, share), rel=1e-12)
    assert both(curve.quantile, given(np.array([3.0])), share) == 3.0


def test_the_tail_is_the_mean_of_the_returns_up_to_its_quantile():
    low, beyond, ratio = both(curve.tails, given(np.sort(RETURNS)), 0.05)
    assert low == pytest.approx(np.quantile(RETURNS, 0.05))
    assert beyond == pytest.approx(RETURNS[low >= RETURNS].mean())
    assert ratio == pytest.approx(np.quantile(RETURNS, 0.95) / -low)


def test_exposure_is_a_mean_over_slices_and_leaves_out_those_without_equity():
    equity, longs = np.array([100.0, 200.0, -5.0]), np.array([50.0, 100.0, 10.0])
    shorts, positions = np.array([-50.0, 0.0, 0.0]), np.array([2, 1, 0])
    arrays = (given(array) for array in (equity, longs, shorts, positions))
    assert both(curve.exposure, *arrays) == pytest.approx((0.75, 0.25, 2 / 3, 295 / 3))


def test_the_ledger_counts_closed_trades_in_the_order_given():
    pnl = given(np.array([5.0, -1.0, -2.0, 0.0, -4.0, 100.0]))
    is_open = given(np.array([False, False, False, False, False, True]))
    assert both(curve.ledger, pnl, given(np.arange(6)), is_open) == (5, 1, 3, 5.0, 7.0, 2)
    assert both(curve.ledger, pnl, given(np.array([1, 2, 4, 3, 0, 5])), is_open)[5] == 3


def test_turnover_leaves_out_what_is_no_trading_but_fees_and_slippage_do_not():
    columns = ([10.0, -5.0], [101.0, 99.0], [100.0, 100.0], [1.0, 2.0], [1.0, 1.0], [True, False])
    assert both(curve.turned, *(given(np.array(column)) for column in columns)) == (1010.0, 3.0, 15.0)


def test_growth_never_raises():
    assert both(curve.growth, 4.0, 2.0) == 1.0
    assert curve.growth(1e300, 1e-3) == np.inf


def test_equal_weight_is_the_mean_return_of_the_names_that_have_a_bar():
    nan = np.nan
    close = given(np.array([[10, 10, nan], [11, 10, 5], [11, nan, 6], [11, 20, 6.0]]))
    # slice 1: (10 % + 0) / 2; slice 2: A 0, C 20 %; slice 3: A 0, B doubles over its gap, C 0
    everyone = given(np.ones((1, 3), np.bool_))
    fast, slow = np.empty(4), np.empty(4)
    curve.equal_weight(close, everyone, 100.0, np.full(3, nan), fast)
    curve.equal_weight.py_func(close, everyone, 100.0, np.full(3, nan), slow)
    assert fast.tolist() == slow.tolist()
    assert fast.tolist() == pytest.approx([100, 105, 115.5, 154])


def test_equal_weight_counts_the_members_of_the_slice_before():
    close = given(np.array([[10, 10.0], [20, 10], [40, 30]]))
    member = given(np.array([[False, True], [True, False], [True, True]]))
    out = np.empty(3)
    curve.equal_weight(close, member, 100.0, np.full(2, np.nan), out)
    assert out.tolist() == [100.0, 100.0, 200.0]


# --- how far a Sharpe ratio can be believed -------------------------------------------------------------------------
def test_the_probabilistic_sharpe_ratio_of_the_paper():
    got = both(track.probabilistic_sharpe, 1.585 / np.sqrt(12), 0.0, -2.448, 10.164, 24)
    assert got == pytest.approx(0.913234, abs=5e-7)


@pytest.mark.parametrize(
    ("bars", "skew", "kurtosis", "years"),
    [(250, 0, 3, 2.73119), (52, 0, 3, 2.82883), (12, 0, 3, 3.23980), (12, -0.72, 5.78, 4.99126)],
)
def test_the_minimum_track_record_lengths_of_the_paper(bars, skew, kurtosis, years):
    root = np.sqrt(bars)
    got = both(track.minimum_track_record, 2 / root, 1 / root, float(skew), float(kurtosis))
    assert got / bars == pytest.approx(years, abs=5e-6)


def test_no_record_is_long_enough_for_a_sharpe_ratio_that_is_not_above_the_claim():
    assert np.isnan(both(track.minimum_track_record, 0.1, 0.1, 0.0, 3.0))


def test_the_standard_error_of_normal_returns_is_los():
    assert both(track.sharpe_error, 0.1, 0.0, 3.0, 101) == pytest.approx(np.sqrt((1 + 0.1**2 / 2) / 100), rel=1e-12)
    assert np.isnan(both(track.sharpe_error, 0.1, 0.0, 3.0, 1))
    assert np.isnan(both(track.sharpe_error, 1.0, 2.0, 5.0, 50))  # two values only: the estimate cannot vary


@pytest.mark.parametrize("x", [-9.0, -1.6448536269514722, 0.0, 1.0, 9.0])
def test_the_normal_distribution_is_scipys(x):
    assert both(track.normal_cdf, x) == pytest.approx(stats.norm.cdf(x), rel=1e-12)


def test_the_interval_of_a_sharpe_ratio_holds_the_truth_about_95_times_in_100():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        mean, std, skew, kurtosis, _, _ = curve.moments(given(rng.normal(0.1, 1.0, 300)))
        error = track.sharpe_error(mean / std, skew, kurtosis, 300)
        hits += abs(mean / std - 0.1) <= track.Z_975 * error
    assert 0.92 <= hits / 400 <= 0.98
