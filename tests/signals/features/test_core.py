"""core14 and core_close on literal bars, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.errors import PluginError
from engine.types import Window
from signals.features import feature_set

C14, CLOSES = feature_set("core14"), feature_set("core_close")


def window(close, high=None, low=None, volume=None, open_=None) -> Window:
    c = np.array(close, dtype=float).reshape(len(close), -1)
    given = [c if x is None else np.array(x, dtype=float).reshape(c.shape) for x in (open_, high, low, volume)]
    return Window(
        tuple(f"S{k}" for k in range(c.shape[1])), np.arange(len(c)), given[0], given[1], given[2], c, given[3]
    )


def column(bars: Window, name: str, features=C14) -> np.ndarray:
    """(T,) of the first instrument."""
    return features.panel(bars)[0, :, features.column_names.index(name)]


def test_returns_are_simple_and_over_1_5_and_20_slices():
    close = [100.0] * 21
    close[15], close[19], close[20] = 104.0, 125.0, 130.0
    bars = window(close)
    assert column(bars, "ret_1d")[20] == pytest.approx(0.04)
    assert column(bars, "ret_5d")[20] == pytest.approx(0.25)
    assert column(bars, "ret_20d")[20] == pytest.approx(0.30)
    assert np.isnan(column(bars, "ret_20d")[:20]).all()


def test_volatility_is_the_sample_deviation_of_the_returns_of_the_year():
    # returns alternate +10 % and -10 %: mean 0, sum of squares 20 * .01, divided by 19
    close = [100.0]
    for k in range(20):
        close.append(close[-1] * (1.1 if k % 2 == 0 else 0.9))
    assert column(window(close), "volatility")[20] == pytest.approx(math.sqrt(0.2 / 19 * 252))
    # the last five: -, +, -, +, - : mean -.02, squares .08^2 * 3 + .12^2 * 2 = .048, over 4
    assert column(window(close), "vol_5d")[20] == pytest.approx(math.sqrt(0.048 / 4 * 252))


def test_volumes_against_their_own_mean():
    volume = [100.0] * 15 + [200.0] * 5  # mean20 125, mean5 200; deviations 15 * 25^2 + 5 * 75^2 = 37500, over 19
    bars = window([10.0] * 20, volume=volume)
    assert column(bars, "volume_ratio")[19] == pytest.approx(1.6)
    assert column(bars, "volume_trend")[19] == pytest.approx(1.6)
    assert column(bars, "vol_volume")[19] == pytest.approx(math.sqrt(37500 / 19) / 125)


def test_distances_from_the_highest_high_and_the_lowest_low_of_20_slices():
    high, low = [51.0] * 21, [49.0] * 21
    high[0], high[1], low[5] = 99.0, 60.0, 40.0  # the 99 is the 21st back: not seen
    bars = window([50.0] * 21, high=high, low=low)
    assert column(bars, "dist_from_high")[20] == pytest.approx(10 / 50)
    assert column(bars, "dist_from_low")[20] == pytest.approx(10 / 50)
    assert column(bars, "price_range")[20] == pytest.approx(2 / 50)
    assert column(bars, "price_range")[5] == pytest.approx(11 / 50)


def test_the_same_distances_from_closes_alone():
    close = [50.0] * 20
    close[3], close[4] = 80.0, 20.0
    assert column(window(close), "dist_from_high_close", CLOSES)[19] == pytest.approx(30 / 50)
    assert column(window(close), "dist_from_low_close", CLOSES)[19] == pytest.approx(30 / 50)


def test_momentum_leaves_out_the_last_21_slices():
    close = [100.0] * 253
    close[0], close[231], close[232] = 80.0, 120.0, 999.0
    assert column(window(close), "momentum")[252] == pytest.approx(0.5)


def test_the_market_is_the_mean_of_those_that_have_a_bar():
    close = np.full((6, 3), 100.0)
    close[5] = [110.0, 130.0, np.nan]
    bars = window(close)
    assert column(bars, "market_return")[5] == pytest.approx(0.2)
    assert column(bars, "momentum_5d")[5] == pytest.approx(0.1 - 0.2)
    assert np.isnan(C14.panel(bars)[2, 5]).all()


def test_a_missing_bar_is_one_in_which_nothing_was_traded():
    close, volume = [100.0, 110.0, np.nan, 121.0], [5.0, 7.0, np.nan, 9.0]
    got = column(window(close, volume=volume), "ret_1d")
    assert np.isnan(got[[0, 2]]).all()
    assert got[3] == pytest.approx(0.1)
    ratio = column(window([10.0] * 20, volume=[100.0] * 19 + [100.0]), "volume_ratio")[19]
    holed = np.array([10.0] * 20)
    holed[10] = np.nan
    with_hole = column(window(holed, volume=[100.0] * 20), "volume_ratio")[19]
    assert (ratio, with_hole) == (pytest.approx(1.0), pytest.approx(100 / 95))


def test_a_price_is_carried_over_five_missing_bars_and_not_over_six():
    for hole, known in ((5, True), (6, False)):
        close = [100.0, *[np.nan] * hole, 105.0, 105.0]
        got = column(window(close), "ret_1d")
        assert np.isnan(got[hole + 1]) != known
        assert got[hole + 2] == 0.0


def test_a_constant_price_has_no_spread_and_a_volume_of_0_no_ratio():
    bars = window([10.0] * 260, volume=[0.0] * 260)
    got = dict(zip(C14.column_names, C14.panel(bars)[0, -1], strict=True))
    nothing = {name for name, value in got.items() if np.isnan(value)}
    assert nothing == {"vol_volume", "volume_ratio", "volume_trend"}
    assert {value for name, value in got.items() if name not in nothing} == {0.0}


def test_an_impulse_is_felt_as_long_as_the_window_and_no_longer():
    close = np.full(60, 100.0)
    close[30] = 110.0
    got, quiet = column(window(close), "dist_from_high"), column(window(np.full(60, 100.0)), "dist_from_high")
    moved = [t for t in range(19, 60) if got[t] != quiet[t]]
    assert moved == list(range(31, 50))


def test_an_unknown_set_is_refused_with_the_known_ones():
    with pytest.raises(PluginError, match="there is no set 'core15'; known: close, core14, core14_shipped, core_close"):
        feature_set("core15")
