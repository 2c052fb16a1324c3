"""d27 and d_plus: literal bars by hand, and TA-Lib as the oracle of what it defines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from engine.types import Window
from signals.features import decay, feature_set
from tests.signals.features.markets import bars
from tests.signals.features.talib_oracle import agree, apart

PLUS = feature_set("d_plus")


def window(close, open_=None, high=None, low=None, volume=None, sector=None) -> Window:
    c = np.array(close, dtype=float).reshape(len(close), -1)
    given = [c if x is None else np.array(x, dtype=float).reshape(c.shape) for x in (open_, high, low, volume)]
    names = tuple(f"S{k}" for k in range(c.shape[1]))
    return Window(names, np.arange(len(c)), *given[:3], c, given[3], None if sector is None else np.array(sector))


def column(bars: Window, name: str, instrument: int = 0) -> np.ndarray:
    return PLUS.panel(bars)[instrument, :, PLUS.column_names.index(name)]


def test_d27_has_27_columns_and_d_plus_adds_seven():
    assert len(feature_set("d27")) == 27
    assert PLUS.columns[:27] == feature_set("d27").columns
    assert PLUS.column_names[27:] == (
        "stochastic",
        "williams_r",
        "obv_slope",
        "vwap_dist",
        "regime",
        "index_correlation",
        "sector_correlation",
    )


def test_open_high_low_and_close_are_held_against_each_other():
    b = window([100.0, 110.0], open_=[100.0, 104.0], high=[100.0, 121.0], low=[100.0, 99.0], volume=[10.0, 15.0])
    assert column(b, "ret_1d")[1] == pytest.approx(0.10)
    assert column(b, "log_ret_1d")[1] == pytest.approx(math.log(1.1))
    assert column(b, "gap")[1] == pytest.approx(0.04)
    assert column(b, "body")[1] == pytest.approx(110 / 104 - 1)
    assert column(b, "high_close")[1] == pytest.approx(0.1)
    assert column(b, "low_close")[1] == pytest.approx(-0.1)
    assert column(b, "volume_change")[1] == pytest.approx(0.5)


def test_bands_by_hand():
    # ten closes of 90 and ten of 110: mean 100, deviation 10, bands 80 and 120
    b = window([90.0] * 10 + [110.0] * 10)
    assert column(b, "sma20_dist")[19] == pytest.approx(0.1)
    assert column(b, "bollinger_b")[19] == pytest.approx(30 / 40)
    assert column(b, "bollinger_width")[19] == pytest.approx(40 / 100)
    assert column(b, "bollinger_upper")[19] == pytest.approx(120 / 110 - 1)
    assert column(b, "bollinger_lower")[19] == pytest.approx(80 / 110 - 1)


def test_an_exponential_mean_weighs_by_two_over_n_plus_one_and_ends():
    # of 3: weights 1/2, 1/4, ... over ceil(log2(1e7)) = 24 slices
    weights = decay.weights(decay.ema(3))
    assert len(weights) == 24
    assert weights[-1] / weights[-2] == 2.0 and sum(weights) == pytest.approx(1.0, abs=1e-15)


def test_rsi_is_the_share_of_rises():
    # from a long time on, one rise of 1 and two falls of 1 in turn: between 1/4 and 1/2, and never out of 0 to 1
    close = 100 + np.cumsum(np.tile([3.0, -1.0, -1.0], 100))
    rsi = column(window(close), "rsi")
    known = rsi[~np.isnan(rsi)]
    # rises are 3 every third slice: in Wilder's mean of 14 that is 3 / 3 = 1 on average, falls 2 / 3
    assert known[:3].mean() == pytest.approx(0.6, abs=0.005)


def test_obv_slope_is_the_slope_of_a_line_through_on_balance_volume():
    rng = np.random.default_rng(4)
    close, volume = 100 + rng.normal(0, 1, 40).cumsum(), rng.integers(1, 100, 40).astype(float)
    obv = np.cumsum(np.sign(np.diff(close, prepend=close[0])) * volume)
    slope = np.polyfit(np.arange(20), obv[20:], 1)[0] / volume[20:].mean()
    assert column(window(close, volume=volume), "obv_slope")[39] == pytest.approx(slope, rel=1e-6)


def test_vwap_weighs_typical_prices_by_volume():
    b = window([12.0] * 20, high=[15.0] * 20, low=[9.0] * 19 + [6.0], volume=[1.0] * 19 + [21.0])
    # typical 12 nineteen times with volume 1, 11 once with 21: (228 + 231) / 40 = 11.475
    assert column(b, "vwap_dist")[19] == pytest.approx(12 / 11.475 - 1)


def test_the_regime_is_one_of_three():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, 61)
    noise -= noise[1:].mean()
    for drift, expected in ((0.003, 1.0), (-0.003, -1.0), (0.0005, 0.0)):
        close = 100 * np.cumprod(1 + noise + drift)
        assert column(window(close), "regime")[60] == expected


def test_a_sector_is_the_mean_of_its_own_and_the_market_where_it_is_not_known():
    rng = np.random.default_rng(2)
    close = 100 * np.cumprod(1 + rng.normal(0, 0.01, (70, 5)), axis=0)
    returns = close[1:] / close[:-1] - 1
    b = window(close, sector=[0, 0, 1, 1, -1])
    for k, members in ((0, [0, 1]), (3, [2, 3]), (4, [0, 1, 2, 3, 4])):
        expected = np.corrcoef(returns[-60:, k], returns[-60:, members].mean(axis=1))[0, 1]
        assert column(b, "sector_correlation", k)[69] == pytest.approx(expected, rel=1e-6)
    market = np.corrcoef(returns[-60:, 0], returns[-60:].mean(axis=1))[0, 1]
    assert column(b, "index_correlation")[69] == pytest.approx(market, rel=1e-6)
    alone = column(window(close), "sector_correlation")
    np.testing.assert_array_equal(alone, column(window(close), "index_correlation"))


def test_a_constant_price_has_no_ratios_of_ranges():
    n = PLUS.memory + 1
    got = dict(zip(PLUS.column_names, PLUS.panel(window([10.0] * n, volume=[5.0] * n))[0, -1], strict=True))
    nothing = {name for name, value in got.items() if np.isnan(value)}
    assert nothing == {
        "rsi",
        "adx",
        "sma20_atr",
        "ema21_atr",
        "bollinger_b",
        "bollinger_width",
        "bollinger_upper",
        "bollinger_lower",
        "stochastic",
        "williams_r",
        "regime",
        "index_correlation",
        "sector_correlation",
    }
    assert got["volume_ratio"] == 1.0
    assert all(
        value == pytest.approx(0.0, abs=1e-9) for name, value in got.items() if name not in nothing | {"volume_ratio"}
    )


def test_talib_agrees_on_what_it_defines_after_its_warm_up():
    b = bars(2000, n=1, holes=0.0)
    h, low, c = (getattr(b, key)[:, 0].copy() for key in ("high", "low", "close"))
    upper, middle, lower = talib.BBANDS(c, 20, 2, 2)
    macd, signal, histogram = talib.MACD(c, 12, 26, 9)
    slow, _ = talib.STOCH(h, low, c, 14, 3, 0, 3, 0)
    oracle = {
        "sma50_dist": c / talib.SMA(c, 50) - 1,
        "ema26_dist": c / talib.EMA(c, 26) - 1,
        "rsi": talib.RSI(c, 14) / 100,
        "macd": macd / c,
        "macd_signal": signal / c,
        "macd_histogram": histogram / c,
        "bollinger_b": (c - lower) / (upper - lower),
        "bollinger_width": (upper - lower) / middle,
        "atr": talib.ATR(h, low, c, 14) / c,
        "adx": talib.ADX(h, low, c, 14) / 100,
        "stochastic": slow / 100,
        "williams_r": talib.WILLR(h, low, c, 14) / 100,
    }
    differences = {name: apart(column(b, name)[1000:], expected[1000:]) for name, expected in oracle.items()}
    assert len(differences) == 12 and agree(differences), differences
