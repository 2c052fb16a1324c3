"""wide95: what it holds, TA-Lib where it defines a column, plain NumPy and hands where it does not."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.types import Window
from signals.features import feature_set, store
from signals.features.report import report
from tests.signals.features.markets import bars
from tests.signals.features.talib_oracle import ORACLES, agree, apart, differences

WIDE = feature_set("wide95")


def window(close, open_=None, high=None, low=None, volume=None) -> Window:
    c = np.array(close, dtype=float).reshape(len(close), -1)
    given = [c if x is None else np.array(x, dtype=float).reshape(c.shape) for x in (open_, high, low, volume)]
    return Window(
        tuple(f"S{k}" for k in range(c.shape[1])), np.arange(len(c)), given[0], given[1], given[2], c, given[3]
    )


def column(bars: Window, name: str, instrument: int = 0) -> np.ndarray:
    return WIDE.panel(bars)[instrument, :, WIDE.column_names.index(name)]


def test_there_are_95_in_six_groups():
    assert len(WIDE) == 95
    groups = {"price": 10, "technical": 40, "volume": 10, "momentum": 15, "volatility": 10, "pattern": 10}
    assert Counter(column.group for column in WIDE.columns) == groups


def test_no_formula_stands_more_than_six_times_with_other_numbers():
    formulas = Counter(re.sub(r"\d+", "n", column.formula) for column in WIDE.columns)
    assert max(formulas.values()) == 6, formulas.most_common(3)
    assert len({column.formula for column in WIDE.columns}) == 95


def test_talib_agrees_on_51_columns_after_their_warm_up():
    assert len(ORACLES) == 51
    found = differences(WIDE, bars(4000, n=1, holes=0.0), 1500)
    assert agree(found), found


def test_a_difference_that_is_not_known_or_large_for_its_column_is_no_agreement():
    """Columns of a thousandth: a ten-thousandth of that is far, though it is far below a millionth of one."""
    small = 1e-3 * np.sin(np.arange(100.0))
    assert agree({"a": apart(small, small)}) and agree({"a": apart(small + 1e-10, small), "ema_3": 4e-6})
    assert not agree({"a": apart(small + 1e-7, small)})
    holed = small.copy()
    holed[50] = np.nan
    for ours, theirs in ((holed, small), (small, holed)):
        assert not agree({"a": 0.0, "b": apart(ours, theirs), "c": 0.0})
    assert not agree({}) and not agree({"a": 4e-6})


@pytest.fixture(scope="module")
def plain():
    """Sixty bars of one instrument, its arrays, and its features at the last of them."""
    b = bars(600, n=1, seed=9, holes=0.0)
    arrays = [getattr(b, key)[:, 0] for key in ("open", "high", "low", "close", "volume")]
    return arrays, dict(zip(WIDE.column_names, WIDE.panel(b)[0, -1].astype(float), strict=True))


def test_bars_and_candles_against_plain_numpy(plain):
    (o, h, low, c, _), got = plain
    typical_range = (h - low)[-14:].mean()
    expected = {
        "gap": o[-1] / c[-2] - 1,
        "body": c[-1] / o[-1] - 1,
        "range": (h[-1] - low[-1]) / c[-1],
        "location": (c[-1] - (h[-1] + low[-1]) / 2) / typical_range,
        "upper_shadow": (h[-1] - max(o[-1], c[-1])) / typical_range,
        "lower_shadow": (min(o[-1], c[-1]) - low[-1]) / typical_range,
        "detrended": c[-12] / c[-20:].mean() - 1,
        "efficiency_10": (c[-1] - c[-11]) / np.abs(np.diff(c[-11:])).sum(),
        "efficiency_30": (c[-1] - c[-31]) / np.abs(np.diff(c[-31:])).sum(),
        "resistance": h[-140:-20].max() / c[-1] - 1,
        "support": 1 - low[-140:-20].min() / c[-1],
        "tenkan_kijun": (h[-9:].max() + low[-9:].min()) / (h[-26:].max() + low[-26:].min()) - 1,
        "span_a": ((h[-35:-26].max() + low[-35:-26].min()) / 2 + (h[-52:-26].max() + low[-52:-26].min()) / 2)
        / 2
        / c[-1]
        - 1,
        "span_b": (h[-78:-26].max() + low[-78:-26].min()) / 2 / c[-1] - 1,
        "momentum": c[-22] / c[-253] - 1,
        "acceleration": (c[-1] / c[-21] - 1) - (c[-21] / c[-41] - 1),
        "up_share": (np.diff(c[-21:]) > 0).mean(),
        "fit_60": np.corrcoef(c[-60:], np.arange(60))[0, 1] ** 2,
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_ranges_and_flows_against_plain_numpy(plain):
    (o, h, low, c, v), got = plain
    before = np.r_[np.nan, c[:-1]]
    true = np.maximum(h, before) - np.minimum(low, before)
    hl, lo, lc = np.log(h / o), np.log(low / o), np.log(c / o)
    rs = hl * (hl - lc) + lo * (lo - lc)
    night = np.log(o / before)
    k = 0.34 / (1.34 + 91 / 89)
    returns = c[1:] / c[:-1] - 1
    typical = (h + low + c) / 3
    recent = returns[-20:]
    expected = {
        "parkinson": math.sqrt((np.log(h / low)[-10:] ** 2).mean() / (4 * math.log(2))),
        "garman_klass": math.sqrt((0.5 * np.log(h / low) ** 2 - (2 * math.log(2) - 1) * lc**2)[-40:].mean()),
        "rogers_satchell": math.sqrt(rs[-5:].mean()),
        "yang_zhang": math.sqrt(night[-90:].var(ddof=1) + k * lc[-90:].var(ddof=1) + (1 - k) * rs[-90:].mean()),
        "downside": math.sqrt((np.minimum(recent, 0) ** 2).mean()),
        "volatility_ratio": returns[-5:].std(ddof=1) / returns[-60:].std(ddof=1),
        "unsteadiness": np.abs(recent).std(ddof=1) / np.abs(recent).mean(),
        "volume_ratio": v[-1] / v[-20:].mean(),
        "volume_trend": v[-5:].mean() / v[-60:].mean(),
        "vwap": c[-1] / ((typical * v)[-35:].sum() / v[-35:].sum()) - 1,
        "vwap_tilt": (typical * v)[-20:].sum() / v[-20:].sum() / typical[-20:].mean() - 1,
        "chaikin": ((2 * c - h - low) / (h - low) * v)[-20:].sum() / v[-20:].sum(),
        "choppiness": math.log(true[-14:].sum() / (h[-14:].max() - low[-14:].min())) / math.log(14),
        "vortex": (np.abs(h[-14:] - low[-15:-1]) - np.abs(low[-14:] - h[-15:-1])).sum() / true[-14:].sum(),
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-7)


def recursion(x: np.ndarray, alpha: float) -> np.ndarray:
    """An exponential mean as the textbooks have it, from the first number on."""
    out, mean = np.full(len(x), np.nan), np.nan
    for t, value in enumerate(x):
        mean = value if math.isnan(mean) else mean + alpha * (value - mean)
        out[t] = mean
    return out


def test_exponential_means_against_the_recursion(plain):
    (_, h, low, c, v), got = plain
    moves = np.diff(c) * v[1:]
    once = recursion(h - low, 0.2)
    before = np.r_[np.nan, c[:-1]]
    true = np.maximum(h, before) - np.minimum(low, before)
    ten = recursion(true, 0.1)[-1]
    expected = {
        "force": recursion(moves, 2 / 14)[-1] / (c[-1] * v[-20:].mean()),
        "mass": (once / recursion(once, 0.2))[-25:].mean(),
        "keltner": (c[-1] - recursion(c, 2 / 11)[-1]) / (2 * ten),
        "squeeze": 2 * c[-20:].std() / (1.5 * ten),
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_beta_and_own_share_are_held_against_the_mean_of_all():
    rng = np.random.default_rng(6)
    close = 100 * np.cumprod(1 + rng.normal(0, 0.01, (70, 4)), axis=0)
    returns = close[1:] / close[:-1] - 1
    own, market = returns[-60:, 2], returns[-60:].mean(axis=1)
    b = window(close)
    assert column(b, "beta", 2)[-1] == pytest.approx(np.cov(own, market)[0, 1] / market.var(ddof=1), rel=1e-5)
    assert column(b, "own_share", 2)[-1] == pytest.approx(1 - np.corrcoef(own, market)[0, 1] ** 2, rel=1e-5)
    assert column(b, "relative_20", 2)[-1] == pytest.approx(
        close[-1, 2] / close[-21, 2] - (close[-1] / close[-21]).mean(), rel=1e-5
    )


def test_candles_by_hand():
    b = window(
        [9.0, 12.0, 8.0, 10.0], open_=[10.0, 8.5, 12.5, 9.5], high=[11.0, 13.0, 13.0, 10.5], low=[8.0, 8.0, 7.0, 9.0]
    )
    # white around black, black around white, and no more than a small white body
    assert list(column(b, "engulfing")[1:]) == [1.0, -1.0, 0.0]
    # 8 to 13 around 8 to 11; 7 to 13 around 8 to 13; 9 to 10.5 within 7 to 13
    assert list(column(b, "inside")[1:]) == [-1.0, -1.0, 1.0]


def test_talib_sees_the_same_candles_where_prices_tie_and_bodies_are_none():
    b = bars(4000, n=1, holes=0.0)
    ticks = replace(b, **{key: np.round(getattr(b, key) / 2.0) * 2.0 for key in ("open", "high", "low", "close")})
    assert (ticks.open == ticks.close).mean() > 0.1
    assert differences(WIDE, ticks, 1500)["engulfing"] == 0.0


def test_a_typical_price_that_moved_by_rounding_alone_has_not_moved():
    up = [10.0, 11.0] * 8
    b = window(up, high=up, low=up, volume=[1.0] * 16)
    tied = np.array(up)
    tied[15] = tied[14] = 10.0
    near = tied.copy()
    near[15] = 10.0 * (1 + 4e-16)
    assert near[15] != tied[15]
    same, noisy = (column(window(x, volume=[1.0] * 16), "money_flow")[15] for x in (tied, near))
    assert same == noisy != column(b, "money_flow")[15]


def test_a_breakout_is_a_close_beyond_the_bars_before():
    close = [10.0] * 24
    close[20], close[22] = 10.6, 8.0
    b = window(close, high=[10.5] * 24, low=[9.5] * 22 + [8.0, 9.5])
    assert list(column(b, "breakout")[20:]) == [1.0, 0.0, -1.0, 0.0]


def test_what_a_market_that_stands_still_and_trades_nothing_does_not_know():
    n = WIDE.memory + 1
    got = dict(zip(WIDE.column_names, WIDE.panel(window([10.0] * n, volume=[0.0] * n))[0, -1], strict=True))
    known = {name for name, value in got.items() if not np.isnan(value)}
    levels = ("sma_", "ema_", "roc_", "high_", "low_", "relative_", "macd")
    others = {"gap", "body", "range", "detrended", "atr", "aroon_up", "aroon_down", "tenkan", "kijun", "tenkan_kijun"}
    others |= {"span_a", "span_b", "momentum", "trix", "coppock", "up_share", "acceleration", "volatility", "downside"}
    others |= {"parkinson", "garman_klass", "rogers_satchell", "yang_zhang", "slope", "engulfing", "inside", "breakout"}
    others |= {"resistance", "support"}
    assert known == {name for name in WIDE.column_names if name.startswith(levels)} | others
    assert {name: got[name] for name in known - {"aroon_up", "aroon_down"}} == pytest.approx(
        dict.fromkeys(known - {"aroon_up", "aroon_down"}, 0.0), abs=1e-9
    )
    assert got["aroon_up"] == got["aroon_down"] == 1.0


@pytest.mark.skipif("BARCAST_DATA" not in os.environ, reason="needs shared data")
def test_no_two_columns_say_the_same_on_real_bars():
    from engine.data.opening import open_panel

    file = Path(os.environ["BARCAST_DATA"]) / "us_top500_2000_2024.parquet"
    panel = open_panel(str(file), {"prices": "split_adjusted", "dividends": "split_adjusted", "calendar": "XNYS"})
    panel = panel.cut(symbols=panel.universe.symbols[::6])
    values = WIDE.panel(panel.adjusted)
    features = store._features(values, panel.times, panel.universe.symbols, WIDE, None)
    found = report(features)
    assert found.distinct == 95
    assert found.alike == (), found.alike
    assert max(column.nan for column in found.columns) < 0.1
