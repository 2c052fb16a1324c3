"""d27: the inputs of the attention model, every level made a distance; d_plus: seven more."""

from __future__ import annotations

import numpy as np

from engine.types import Floats
from signals.features import indicators as i
from signals.features import rolling
from signals.features.block import Block
from signals.features.decay import ema, reach, wilder
from signals.features.sets import Column, FeatureSet

OURS = "barcast"
C, HLC, VC, OC = ("close",), ("high", "low", "close"), ("volume", "close"), ("open", "close")
APPEL, BANDS, WILDER = "Appel (1979)", "Bollinger (2001)", "Wilder (1978)"
TREND = 60  # slices of the regime and of the correlations


def sma_distance(n: int) -> Column:
    return Column(f"sma{n}_dist", f"C / mean{n}(C) - 1", n - 1, OURS, C, lambda b: b.close / b.mean("close", n) - 1)


def ema_distance(n: int) -> Column:
    return Column(f"ema{n}_dist", f"C / ema{n}(C) - 1", reach(ema(n)), OURS, C, lambda b: b.close / i.ema(b, n) - 1)


def macd_line(b: Block) -> Floats:
    return i.macd(b, 12, 26)


def macd_signal(b: Block) -> Floats:
    return i.macd_signal(b, 12, 26, 9)


def band(b: Block, side: float) -> Floats:
    return (b.mean("close", 20) + side * 2.0 * i.deviation(b, 20)) / b.close - 1.0


D27 = FeatureSet(
    "d27",
    (
        Column("ret_1d", "C / C[-1] - 1", 1, OURS, C, lambda b: b.past(1)),
        Column("log_ret_1d", "ln(C / C[-1])", 1, OURS, C, lambda b: rolling.log(b.close / b.lagged("close", 1))),
        Column("gap", "O / C[-1] - 1", 1, OURS, OC, lambda b: b.open / b.lagged("close", 1) - 1),
        Column("body", "C / O - 1", 0, OURS, OC, lambda b: b.close / b.open - 1),
        Column("high_close", "H / C - 1", 0, OURS, ("high", "close"), lambda b: b.high / b.close - 1),
        Column("low_close", "L / C - 1", 0, OURS, ("low", "close"), lambda b: b.low / b.close - 1),
        Column("volume_ratio", "V / mean20(V)", 19, OURS, ("volume",), lambda b: b.volume / b.mean("volume", 20)),
        *(sma_distance(n) for n in (10, 20, 50)),
        *(ema_distance(n) for n in (12, 21, 26)),
        Column("rsi", "rsi14", 1 + reach(wilder(14)), WILDER, C, lambda b: i.rsi(b, 14)),
        Column("macd", "(ema12(C) - ema26(C)) / C", reach(ema(26)), APPEL, C, lambda b: macd_line(b) / b.close),
        Column(
            "macd_signal",
            "ema9(ema12(C) - ema26(C)) / C",
            reach(ema(26), ema(9)),
            APPEL,
            C,
            lambda b: macd_signal(b) / b.close,
        ),
        Column(
            "macd_histogram",
            "macd - macd_signal",
            reach(ema(26), ema(9)),
            APPEL,
            C,
            lambda b: (macd_line(b) - macd_signal(b)) / b.close,
        ),
        Column(
            "bollinger_b",
            "(C - lower) / (upper - lower), mean20(C) +- 2 std20(C)",
            19,
            BANDS,
            C,
            lambda b: i.bollinger(b, 20),
        ),
        Column(
            "bollinger_width",
            "(upper - lower) / mean20(C)",
            19,
            BANDS,
            C,
            lambda b: 4 * i.deviation(b, 20) / b.mean("close", 20),
        ),
        Column("bollinger_upper", "upper / C - 1", 19, BANDS, C, lambda b: band(b, 1.0)),
        Column("bollinger_lower", "lower / C - 1", 19, BANDS, C, lambda b: band(b, -1.0)),
        Column("atr", "atr14 / C", 1 + reach(wilder(14)), WILDER, HLC, lambda b: i.atr(b, 14) / b.close),
        Column("adx", "adx14", 1 + reach(wilder(14), wilder(14)), WILDER, HLC, lambda b: i.adx(b, 14)),
        Column("volume_change", "V / V[-1] - 1", 1, OURS, ("volume",), lambda b: b.volume / b.lagged("volume", 1) - 1),
        Column("volatility_20d", "std20(ret_1d)", 20, OURS, C, lambda b: b.volatility(20)),
        Column(
            "sma20_atr",
            "(C - mean20(C)) / atr14",
            1 + reach(wilder(14)),
            OURS,
            HLC,
            lambda b: (b.close - b.mean("close", 20)) / i.atr(b, 14),
        ),
        Column(
            "ema21_atr",
            "(C - ema21(C)) / atr14",
            max(1 + reach(wilder(14)), reach(ema(21))),
            OURS,
            HLC,
            lambda b: (b.close - i.ema(b, 21)) / i.atr(b, 14),
        ),
    ),
    ("indicators.py",),
)


def regime(b: Block) -> Floats:
    """1 rising, -1 falling, 0 neither: the return of 60 slices, in standard errors, above 1 or below -1."""
    drift = rolling.mean(b.past(1), TREND) * np.sqrt(TREND) / b.volatility(TREND)
    return np.where(np.isnan(drift), np.nan, np.sign(np.trunc(drift)))


def index_correlation(b: Block) -> Floats:
    return rolling.correlation(b.past(1), b.index(1)[None], TREND)


def sector_correlation(b: Block) -> Floats:
    return rolling.correlation(b.past(1), b.sector_index(1), TREND)


D_PLUS = FeatureSet(
    "d_plus",
    (
        *D27.columns,
        Column(
            "stochastic",
            "mean3((C - min14(L)) / (max14(H) - min14(L)))",
            15,
            "Lane (1984)",
            HLC,
            lambda b: i.slow(b, 14),
        ),
        Column(
            "williams_r",
            "(C - max14(H)) / (max14(H) - min14(L))",
            13,
            "Williams (1973)",
            HLC,
            lambda b: i.stochastic(b, 14) - 1,
        ),
        Column("obv_slope", "slope20(obv) / mean20(V)", 19, "Granville (1963)", VC, lambda b: i.obv_slope(b, 20)),
        Column(
            "vwap_dist",
            "C / (sum20((H + L + C) / 3 V) / sum20(V)) - 1",
            19,
            OURS,
            ("high", "low", "close", "volume"),
            lambda b: b.close / i.vwap(b, 20) - 1,
        ),
        Column("regime", "sign(trunc(mean60(ret_1d) sqrt(60) / std60(ret_1d)))", TREND, OURS, C, regime),
        Column(
            "index_correlation",
            "corr60(ret_1d, mean over instruments)",
            TREND,
            OURS,
            ("close", "market"),
            index_correlation,
        ),
        Column(
            "sector_correlation",
            "corr60(ret_1d, mean over the instruments of its sector, of all where it is not known)",
            TREND,
            OURS,
            ("close", "market"),
            sector_correlation,
        ),
    ),
    D27.sources,
)
