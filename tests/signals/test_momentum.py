"""momentum and reversal, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.types import Window
from signals.momentum import Momentum, Reversal


def window(closes) -> Window:
    close = np.array(closes, dtype=float)
    close = close.reshape(len(close), -1)
    return Window(("A",), np.arange(len(close)), close, close, close, close, close)


def test_momentum_is_the_return_between_two_bars_and_leaves_out_the_last():
    # lookback 2, skip 1: from 100 (three bars before the last) to 121; the last bar's 50 is not seen
    assert Momentum(lookback=2, skip=1).forecast(window([100, 110, 121, 50])) == pytest.approx([0.21])


def test_reversal_likes_what_has_just_fallen():
    assert Reversal(lookback=1).forecast(window([100, 80])) == pytest.approx([0.2])


def test_a_missing_bar_at_either_end_is_no_view():
    assert np.isnan(Momentum(lookback=1, skip=0).forecast(window([np.nan, 110])))[0]
    assert np.isnan(Momentum(lookback=1, skip=0).forecast(window([100, np.nan])))[0]


@pytest.mark.parametrize("signal", [Momentum(3, 1), Momentum(1, 0), Reversal(2, 0), Momentum(5, 4)])
def test_the_panel_road_equals_window_by_window(signal):
    rng = np.random.default_rng(3)
    close = np.exp(rng.normal(0, 0.02, (40, 3)).cumsum(axis=0))
    close[rng.random(close.shape) < 0.1] = np.nan
    bars = Window(("A", "B", "C"), np.arange(40), close, close, close, close, close)
    panel = signal.forecast_panel(bars)
    for t in range(40):
        if t < signal.window - 1:
            assert np.isnan(panel[t]).all()
            continue
        rows = slice(t - signal.window + 1, t + 1)
        seen = Window(bars.symbols, bars.times[rows], *(close[rows] for _ in range(5)))
        np.testing.assert_array_equal(panel[t], signal.forecast(seen))


@pytest.mark.parametrize("arguments", [{"lookback": 0}, {"skip": -1}])
def test_a_window_that_cannot_be_is_refused(arguments):
    with pytest.raises(
        ValueError, match="(lookback|skip) must be a whole number of bars from [01] to 1,000,000,000; it was (0|-1)"
    ):
        Momentum(**arguments)
