"""The oracle forecasts what was planted, no more and no less; without a signal nothing forecasts but a leak."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.markets import leaks, simulate
from engine.markets.leaks import LEAKS


def market(**changes):
    return simulate({"name": "m", "seed": 2, "names": 100, "bars": 2000, "start": "2001-01-01", **changes})


def next_returns(made) -> np.ndarray:
    """(N, T) log return of the next bar."""
    b = made.block
    out = np.full(b.close.shape, np.nan)
    out[:, :-1] = np.log(b.split[:, 1:] * (b.close[:, 1:] + b.dividend[:, 1:]) / b.close[:, :-1])
    return out


def ic(forecast, returns) -> tuple[float, float]:
    """(mean, standard error) of the daily correlation across names."""
    daily = []
    for f, r in zip(forecast.T, returns.T):
        known = ~np.isnan(f) & ~np.isnan(r)
        if known.sum() > 10 and np.ptp(f[known]) > 0:
            daily.append(np.corrcoef(f[known], r[known])[0, 1])
    return float(np.mean(daily)), float(np.std(daily) / math.sqrt(len(daily)))


@pytest.mark.parametrize("shape", ["linear", "product", "latch", "decaying"])
@pytest.mark.parametrize("source", ["exogenous", "endogenous"])
def test_the_oracles_ic_is_the_planted_one_within_its_error(shape, source):
    m = market(signal={"shape": shape, "source": source, "ic": 0.1}).measured
    assert abs(m.pooled - m.expected) < 3 * m.pooled_error
    assert m.pooled_error < 0.005
    assert m.expected == pytest.approx(0.1, abs=0.02)


def test_a_plain_market_has_exactly_the_planted_ic():
    made = market(mode="plain", names=200, signal={"shape": "linear", "ic": 0.05})
    mean, error = ic(made.block.oracle, next_returns(made))
    assert abs(mean - 0.05) < 3 * error
    assert error == pytest.approx(1 / math.sqrt(199 * 1999), rel=0.1)
    assert made.measured.daily == pytest.approx(mean)


def test_an_ic_that_varies_varies_as_much_as_it_should():
    made = market(mode="plain", names=400, signal={"shape": "linear", "ic": 0.03, "ic_spread": 0.1})
    _, error = ic(made.block.oracle, next_returns(made))
    assert error * math.sqrt(1999) == pytest.approx(math.sqrt(1 / 399 + 0.1**2), rel=0.1)


def test_returns_rise_by_one_for_each_unit_of_the_oracle():
    made = market(signal={"shape": "linear", "ic": 0.1})
    slopes = []
    for o, r in zip(made.block.oracle.T, next_returns(made).T):
        known = ~np.isnan(o) & ~np.isnan(r)
        if known.sum() > 10:
            slopes.append(np.polyfit(o[known], r[known], 1)[0])
    assert abs(np.mean(slopes) - 1.0) < 3 * np.std(slopes) / math.sqrt(len(slopes))


def test_the_check_catches_an_oracle_that_is_a_bar_late():
    made = market(signal={"shape": "linear", "ic": 0.1})
    late = np.roll(made.block.oracle, 1, axis=1)
    mean, error = ic(late, next_returns(made))
    assert abs(mean - 0.1) > 10 * error
    assert abs(mean) < 3 * error


def test_the_opening_fills_a_strategy_gets_hold_all_of_what_was_planted():
    made = market(signal={"shape": "linear", "ic": 0.2})
    b, forecast = made.block, made.block.oracle
    inside = np.full(b.close.shape, np.nan)
    inside[:, :-1] = np.log((b.close / b.open)[:, 1:])
    night = np.full(b.close.shape, np.nan)
    night[:, :-1] = np.log(b.split[:, 1:] * (b.open + b.dividend)[:, 1:] / b.close[:, :-1])
    assert ic(forecast, inside)[0] > 0.2
    mean, error = ic(forecast, night)
    assert abs(mean) < 3 * error


def test_a_market_without_a_signal_pays_nobody():
    made = market(signal={"shape": "none"})
    assert np.isnan(made.block.oracle).all()
    assert made.measured is None
    mean, error = ic(made.block.driver, next_returns(made))
    assert abs(mean) < 3 * error


@pytest.fixture(scope="module")
def nothing():
    return market(signal={"shape": "none"})


@pytest.mark.parametrize("name", [name for name in LEAKS if name != "back_adjusted"])
def test_a_leak_forecasts_where_nothing_can_be_known(nothing, name):
    mean, error = ic(nothing.leak(name).T, next_returns(nothing))
    assert abs(mean) > 5 * error


def test_back_adjusted_prices_know_the_next_half_year_better_than_the_next_day(nothing):
    """What later splits and dividends take off says who will have risen; the levels of both prices are the market's own."""
    b, ahead = nothing.block, 120
    total = np.cumsum(np.nan_to_num(next_returns(nothing)), axis=1)
    later = np.full_like(total, np.nan)
    later[:, :-ahead] = total[:, ahead:] - total[:, :-ahead]
    later[np.isnan(b.close)] = np.nan
    apart = slice(None, None, ahead)  # returns that do not overlap
    mean, error = ic(nothing.leak("back_adjusted").T[:, apart], later[:, apart])
    assert mean > 3 * error
    honest, noise = ic(np.log(b.close)[:, apart], later[:, apart])
    assert abs(honest) < 3 * noise


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_changes_when_the_future_does(nothing, name):
    b = nothing.block
    whole = leaks.column(name, b.close, b.split, b.dividend)[:, :500]
    cut = leaks.column(name, *(x[:, :500] for x in (b.close, b.split, b.dividend)))
    known = ~np.isnan(b.close[:, :500])
    assert not np.allclose(whole[known], cut[known], equal_nan=True, atol=1e-6)


def test_the_drivers_and_scores_of_a_longer_market_begin_as_those_of_a_shorter_one():
    signal = {"shape": "product", "source": "endogenous", "ic": 0.1}
    alike = {"signal": signal, "listings": 0, "delistings": None, "names": 10}
    short, long = (market(bars=bars, **alike).block for bars in (400, 800))
    np.testing.assert_array_equal(short.score, long.score[:, :400])
    np.testing.assert_array_equal(short.close, long.close[:, :400])


def recovery(made, window=40) -> float:
    """Mean daily correlation of a least-squares forecast from the flattened window of x with the oracle, second half unseen."""
    x, target, oracle = made.block.driver, next_returns(made), made.block.oracle
    rows = np.lib.stride_tricks.sliding_window_view(x, window, axis=1)  # (N, T - window + 1, window)
    target, oracle, half = target[:, window - 1 :], oracle[:, window - 1 :], rows.shape[1] // 2
    weights = np.linalg.lstsq(rows[:, :half].reshape(-1, window), target[:, :half].ravel(), rcond=None)[0]
    return ic((rows @ weights)[:, half:-1], oracle[:, half:-1])[0]


def test_a_linear_model_of_the_window_finds_a_linear_signal_and_is_blind_to_a_product():
    linear, product = (
        market(mode="plain", bars=1000, signal={"shape": shape, "ic": 0.15}) for shape in ("linear", "product")
    )
    assert recovery(linear) > 0.9
    assert abs(recovery(product)) < 0.3
