"""The stylised facts: real markets show them, simulated ones do, and markets from which one was left out do not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data import packaged
from engine.markets import simulate
from engine.markets.bands import BANDS, VOLUME, judge

FACTS = [band.measured for band in BANDS] + [VOLUME[1]]
NORMAL = {"tails": {"factors": None, "own": None}, "jumps": {"factor": {}, "own": {}}}
ONE = [{"name": "always", "length": "100 bars", "drift": "8%"}]
STILL = {"alpha": 0, "gamma": 0, "beta": 0}


@pytest.fixture(scope="module")
def sp500():
    frame = packaged.frame("sp500")
    return np.diff(np.log(frame["close"].to_numpy())), frame["volume"].to_numpy(float)[1:]


def market(seed=7, **changes):
    made = simulate({"name": "m", "seed": seed, "names": 40, "bars": 5000, **changes})
    return {fact.measured: fact for fact in judge(made.index, made.volume)}


def test_the_sp500_itself_holds_every_fact(sp500):
    assert [fact.measured for fact in judge(*sp500) if not fact.passes] == []


def test_the_figures_told_beside_the_bands_are_the_sp500s(sp500):
    for fact in judge(*sp500):
        assert fact.value == pytest.approx(fact.real, abs=0.005)


def test_the_market_of_the_example_holds_every_fact():
    from pathlib import Path

    made = simulate(Path(__file__).resolve().parents[2] / "configs/simulate/us-like.yaml")
    told = judge(made.index, made.volume)
    assert [fact.name for fact in told if not fact.passes] == []
    assert len(told) == len(FACTS)


@pytest.mark.parametrize("measured", FACTS)
def test_ten_markets_hold_each_fact_in_the_middle(many, measured):
    """One history of twenty years may lie outside, as the real one sometimes has; the median of ten may not."""
    values, fact = many[measured]
    assert fact.low <= np.median(values) <= fact.high
    assert np.mean((values >= fact.low) & (values <= fact.high)) >= 0.7


@pytest.fixture(scope="module")
def many():
    told = [market(seed) for seed in range(10)]
    return {key: (np.array([facts[key].value for facts in told]), told[0][key]) for key in FACTS}


@pytest.mark.parametrize(
    ("without", "fails"),
    [
        ({**NORMAL, "regimes": ONE, "garch": {"factors": STILL, "own": STILL}},
         ["excess kurtosis", "Hill tail index, 5 %", "sd / mean of 20-bar variance", "autocorrelation of |r|, lags 1-10",
          "excess kurtosis over trailing volatility", "autocorrelation of |r|, lags 80-120",
          "correlation of r with r^2, lags 1-10", "skewness of 20-bar returns"]),
        ({"garch": {"factors": {"alpha": 0.08, "gamma": 0, "beta": 0.9}}, "regimes": ONE},
         ["correlation of r with r^2, lags 1-10"]),
        ({"regimes": ONE}, ["autocorrelation of |r|, lags 80-120"]),
        ({"volume": {"elasticity": 0}}, ["correlation of |r| and log volume"]),
        ({"signal": {"shape": "linear", "source": "endogenous", "ic": 0.9}, "factors": [{"name": "m", "volatility": "1%"}],
          "names": 3, "sectors": None}, ["rms autocorrelation, lags 1-20"]),
    ],
)  # fmt: skip
def test_a_market_without_its_cause_lacks_the_fact(without, fails):
    told = market(**without)
    assert [key for key in fails if told[key].passes] == []


def test_slow_moves_that_return_to_normal_are_told_from_those_that_never_do():
    rng = np.random.default_rng(1)
    jumps = rng.standard_normal(5000) * 0.01
    jumps[1000:1020] -= 0.05  # a crash of twenty bars: the sum over twenty is wilder than one
    told = {fact.measured: fact for fact in judge(jumps, None)}
    assert not told["excess kurtosis, 20 bars / 1 bar"].passes


def test_fast_volatility_that_foretells_slow_is_caught():
    rng = np.random.default_rng(2)
    fine = rng.gamma(0.3, size=4000).repeat(5)
    sign = np.tile([1.0, -1.0, 1.0, -1.0, 0.0], 4000)
    later = np.roll(fine, 5)
    told = {fact.measured: fact for fact in judge(fine * sign * 0.01 + later * 0.01, None)}
    assert not told["coarse to fine less fine to coarse"].passes


def test_fewer_than_2500_bars_are_not_judged():
    assert judge(np.zeros(2499), None) is None
