"""What TA-Lib says of the columns of wide95 that it defines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import talib

from engine.types import Window
from signals.features import FeatureSet


def bollinger_b(c: np.ndarray, n: int) -> np.ndarray:
    upper, _, lower = talib.BBANDS(c, n, 2, 2)
    return (c - lower) / (upper - lower)


def bollinger_width(c: np.ndarray) -> np.ndarray:
    upper, middle, lower = talib.BBANDS(c, 20, 2, 2)
    return (upper - lower) / middle


def money_flow(h, low, c, v):
    return talib.MFI(h, low, c, v, 14) / 100


def obv_slope(c, v):
    return talib.LINEARREG_SLOPE(talib.OBV(c, v), 20) / talib.SMA(v, 20)


# of open, high, low, close, volume
ORACLES: dict[str, Callable[..., np.ndarray]] = {
    **{f"sma_{n}": (lambda o, h, lo, c, v, n=n: c / talib.SMA(c, n) - 1) for n in (5, 10, 20, 50, 100, 200)},
    **{f"ema_{n}": (lambda o, h, lo, c, v, n=n: c / talib.EMA(c, n) - 1) for n in (3, 30)},
    **{f"rsi_{n}": (lambda o, h, lo, c, v, n=n: talib.RSI(c, n) / 100) for n in (3, 14, 30)},
    **{f"roc_{n}": (lambda o, h, lo, c, v, n=n: talib.ROCP(c, n)) for n in (1, 5, 10, 20, 60, 120)},
    **{f"high_{n}": (lambda o, h, lo, c, v, n=n: talib.MAX(h, n) / c - 1) for n in (20, 60, 252)},
    **{f"low_{n}": (lambda o, h, lo, c, v, n=n: 1 - talib.MIN(lo, n) / c) for n in (20, 60, 252)},
    **{f"cci_{n}": (lambda o, h, lo, c, v, n=n: talib.CCI(h, lo, c, n)) for n in (14, 40)},
    **{f"bollinger_b_{n}": (lambda o, h, lo, c, v, n=n: bollinger_b(c, n)) for n in (20, 50)},
    "bollinger_width": lambda o, h, lo, c, v: bollinger_width(c),
    "macd": lambda o, h, lo, c, v: talib.MACD(c, 12, 26, 9)[0] / c,
    "macd_signal": lambda o, h, lo, c, v: talib.MACD(c, 12, 26, 9)[1] / c,
    "macd_histogram": lambda o, h, lo, c, v: talib.MACD(c, 12, 26, 9)[2] / c,
    "atr": lambda o, h, lo, c, v: talib.ATR(h, lo, c, 14) / c,
    "adx": lambda o, h, lo, c, v: talib.ADX(h, lo, c, 14) / 100,
    "direction": lambda o, h, lo, c, v: (talib.PLUS_DI(h, lo, c, 14) - talib.MINUS_DI(h, lo, c, 14)) / 100,
    "aroon_up": lambda o, h, lo, c, v: talib.AROON(h, lo, 25)[1] / 100,
    "aroon_down": lambda o, h, lo, c, v: talib.AROON(h, lo, 25)[0] / 100,
    "tenkan": lambda o, h, lo, c, v: talib.MIDPRICE(h, lo, 9) / c - 1,
    "kijun": lambda o, h, lo, c, v: talib.MIDPRICE(h, lo, 26) / c - 1,
    "stochastic": lambda o, h, lo, c, v: talib.STOCH(h, lo, c, 14, 3, 0, 3, 0)[0] / 100,
    "williams_r": lambda o, h, lo, c, v: talib.WILLR(h, lo, c, 30) / 100,
    "ultimate": lambda o, h, lo, c, v: talib.ULTOSC(h, lo, c, 7, 14, 28) / 100,
    "volume_spread": lambda o, h, lo, c, v: talib.STDDEV(v, 20) * np.sqrt(20 / 19) / talib.SMA(v, 20),
    "obv_slope": lambda o, h, lo, c, v: obv_slope(c, v),
    "money_flow": lambda o, h, lo, c, v: money_flow(h, lo, c, v),
    "return_volume": lambda o, h, lo, c, v: talib.CORREL(talib.ROCP(c, 1), v, 20),
    "trix": lambda o, h, lo, c, v: talib.TRIX(c, 15) / 100,
    "coppock": lambda o, h, lo, c, v: talib.WMA(talib.ROCP(c, 11) + talib.ROCP(c, 14), 10),
    "volatility": lambda o, h, lo, c, v: talib.STDDEV(talib.ROCP(c, 1), 20) * np.sqrt(20 / 19),
    "slope": lambda o, h, lo, c, v: talib.LINEARREG_SLOPE(c, 40) / c,
    "fit_20": lambda o, h, lo, c, v: talib.CORREL(c, np.arange(float(len(c))), 20) ** 2,
    "engulfing": lambda o, h, lo, c, v: np.sign(talib.CDLENGULFING(o, h, lo, c)).astype(float),
}


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of (T,) values in the size of the column: theirs' root mean square. NaN where either has one."""
    return float(np.abs(ours - theirs).max() / np.sqrt((theirs**2).mean()))


def limit(name: str) -> float:
    """How far a column may be apart: rounding, and for exponential means of prices the 1e-7 of a price that their tail is cut at."""
    return 5e-6 if name.startswith(("ema", "macd", "trix")) else 1e-6


def agree(found: dict[str, float]) -> bool:
    """Whether every difference is known and below its limit. NaN is below none, where max() may step over it."""
    return bool(found) and all(difference < limit(name) for name, difference in found.items())


def differences(features: FeatureSet, bars: Window, warm: int) -> dict[str, float]:
    """Column -> how far it is `apart` from TA-Lib after `warm` slices."""
    panel = features.panel(bars)[0]
    columns = [np.ascontiguousarray(getattr(bars, key)[:, 0]) for key in ("open", "high", "low", "close", "volume")]
    found = {}
    for name, oracle in ORACLES.items():
        ours, theirs = panel[warm:, features.column_names.index(name)], oracle(*columns)[warm:]
        found[name] = apart(ours, theirs)
    return found
