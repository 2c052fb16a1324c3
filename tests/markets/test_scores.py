"""Every planted score can be worked out again from the rows of the file alone; nothing else knows it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.markets import simulate


def market(**signal):
    return simulate({"name": "m", "seed": 5, "names": 12, "bars": 700, "signal": {"ic": 0.1, **signal},
                     "missing": "1%", "halts": {"per_year": 3}})  # fmt: skip


def returns_over_trailing_volatility(rows) -> np.ndarray:
    """What an endogenous driver is, from close, split and dividend."""
    close, split, cash = (rows[key].to_numpy() for key in ("close", "split", "dividend"))
    out, variance = np.full(len(close), np.nan), 0.0
    for count, k in enumerate(range(1, len(close))):
        r = math.log(split[k] * (close[k] + cash[k]) / close[k - 1])
        if count >= 20:
            out[k] = min(3.0, max(-3.0, r / math.sqrt(variance)))
        weight = max(0.06, 1 / (count + 1))
        variance += weight * (r * r - variance)
    return out


def linear(x, lag=0):
    known = x[~np.isnan(x)]
    return np.concatenate((np.full(len(x) - len(known) + lag, np.nan), known[: len(known) - lag]))


def product(x):
    start = int(np.isnan(x).sum())
    out = np.full(len(x), np.nan)
    for k in range(start + 30, len(x)):
        out[k] = x[k] * x[k - 30 : k].sum() / math.sqrt(30)
    return out


def latch(x, threshold=1.5):
    out, held = np.full(len(x), np.nan), np.nan
    for k, value in enumerate(x):
        held = math.copysign(1.0, value) if abs(value) > threshold else held
        out[k] = held
    return out


def decaying(x, half_life=5):
    out, fade, keep = np.full(len(x), np.nan), None, 0.5 ** (1 / half_life)
    for k, value in enumerate(x):
        if not math.isnan(value):
            fade = value if fade is None else keep * fade + math.sqrt(1 - keep**2) * value
            out[k] = fade
    return out


@pytest.mark.parametrize("source", ["exogenous", "endogenous"])
@pytest.mark.parametrize(
    ("signal", "again"),
    [
        ({"shape": "linear"}, linear),
        ({"shape": "linear", "lag": "10 bars"}, lambda x: linear(x, 10)),
        ({"shape": "product"}, product),
        ({"shape": "latch", "threshold": 1.5}, latch),
        ({"shape": "decaying"}, decaying),
    ],
)
def test_the_score_is_a_function_of_the_rows_up_to_its_own(source, signal, again):
    made = market(source=source, **signal)
    frame, seen = made.frame(), 0
    for k, symbol in enumerate(made.plan.symbols):
        rows = frame[frame.symbol == symbol]
        x = rows["x"].to_numpy() if source == "exogenous" else returns_over_trailing_volatility(rows)
        score = made.block.score[k][~np.isnan(made.block.close[k])]
        np.testing.assert_allclose(score, again(x), rtol=1e-9, atol=1e-12)
        seen += int((~np.isnan(score)).sum())
    assert seen > 3000
    assert ("x" in frame) == (source == "exogenous")


def test_the_oracle_is_the_score_in_units_that_all_names_share():
    made = market(shape="linear")
    ratio = made.block.oracle / made.block.score
    for t in range(0, 700, 50):
        known = ratio[:, t][~np.isnan(ratio[:, t])]
        np.testing.assert_allclose(known, known[0])
    assert np.nanstd(ratio) > 0


def test_a_gated_signal_pays_in_its_regime_and_is_silent_in_the_others():
    made = market(shape="linear", regime="calm")
    calm = made.plan.path.regime[:700] == 0
    there = ~np.isnan(made.block.close)
    assert (made.block.oracle[:, ~calm][there[:, ~calm]] == 0.0).all()
    assert (made.block.oracle[:, calm][there[:, calm]] != 0.0).all()


def test_a_driver_with_memory_has_it():
    made = simulate({"name": "m", "names": 5, "bars": 4000, "signal": {"shape": "linear", "ic": 0.1, "memory": 0.8},
                     "missing": 0, "halts": None, "listings": 0, "delistings": None})  # fmt: skip
    x = made.block.driver
    assert x.std() == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(x[:, 1:].ravel(), x[:, :-1].ravel())[0, 1] == pytest.approx(0.8, abs=0.02)
