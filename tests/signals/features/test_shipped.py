"""core14_shipped on literal bars, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.types import Window
from signals.features import feature_set

SHIPPED = feature_set("core14_shipped")


def window(close, open_=None, high=None, low=None, volume=None) -> Window:
    c = np.array(close, dtype=float).reshape(len(close), -1)
    given = [c if x is None else np.array(x, dtype=float).reshape(c.shape) for x in (open_, high, low, volume)]
    return Window(
        tuple(f"S{k}" for k in range(c.shape[1])), np.arange(len(c)), given[0], given[1], given[2], c, given[3]
    )


def column(bars: Window, name: str, instrument: int = 0) -> np.ndarray:
    return SHIPPED.panel(bars)[instrument, :, SHIPPED.column_names.index(name)]


def test_returns_are_logarithmic():
    close = [100.0] * 21
    close[15], close[19], close[20] = 104.0, 125.0, 130.0
    assert column(window(close), "ret_1d")[20] == pytest.approx(math.log(1.04))
    assert column(window(close), "ret_5d")[20] == pytest.approx(math.log(1.25))
    assert column(window(close), "ret_20d")[20] == pytest.approx(math.log(1.30))


def test_volatilities_are_of_a_day_and_of_full_windows():
    # log returns alternate +.1 and -.1: mean 0; 10 of them sum to .1 in squares, 20 to .2
    close = np.exp(np.cumsum([0.0, *[0.1, -0.1] * 10]))
    ten, twenty = column(window(close), "vol_10d"), column(window(close), "vol_20d")
    assert ten[20] == pytest.approx(math.sqrt(0.1 / 9)) and np.isnan(ten[:10]).all()
    assert twenty[20] == pytest.approx(math.sqrt(0.2 / 19)) and np.isnan(twenty[:20]).all()


def test_ranges_gaps_and_distances():
    close = [90.0] * 10 + [110.0] * 10
    b = window(close, open_=[92.0] * 20, high=[115.0] * 20, low=[87.0] * 20)
    assert column(b, "hl_range")[19] == pytest.approx(28 / 110)
    assert column(b, "oc_gap")[10] == pytest.approx(92 / 90 - 1)
    assert column(b, "sma_10_dist")[19] == pytest.approx(0.0, abs=1e-12)
    assert column(b, "sma_20_dist")[19] == pytest.approx(0.1)


def test_volumes_are_told_in_their_mean():
    volume = [100.0] * 18 + [0.0, 200.0]  # mean 100, a hundredth of it 1
    b = window([10.0] * 20, volume=volume)
    assert column(b, "log_volume")[19] == pytest.approx(math.log(201 / 100))
    assert column(b, "volume_change")[19] == pytest.approx(math.log(201 / 1))


def test_the_market_and_what_an_instrument_is_against_it():
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (30, 3)), axis=0))
    returns = np.diff(np.log(close), axis=0)
    market = returns.mean(axis=1)
    b = window(close)
    assert column(b, "market_return", 1)[29] == pytest.approx(market[-1])
    assert column(b, "vs_market", 1)[29] == pytest.approx(returns[-1, 1] - market[-1])
    expected = np.corrcoef(returns[-20:, 1], market[-20:])[0, 1]
    assert column(b, "market_correlation", 1)[29] == pytest.approx(expected, rel=1e-6)


def test_a_constant_price_and_no_volume():
    got = dict(zip(SHIPPED.column_names, SHIPPED.panel(window([10.0] * 30, volume=[0.0] * 30))[0, -1], strict=True))
    nothing = {name for name, value in got.items() if np.isnan(value)}
    assert nothing == {"log_volume", "volume_change", "market_correlation"}
    assert {value for name, value in got.items() if name not in nothing} == {0.0}
