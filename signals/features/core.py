"""core14: fourteen columns for ranking stocks against each other; core_close: those of them that closes alone allow.

close: the adjusted close itself, for a model of one stock that scales it on its training rows. It is the one column that has
a unit, that of the panel's first bar.
"""

from __future__ import annotations

import math

from signals.features.sets import Column, FeatureSet

YEAR = math.sqrt(252.0)  # part of the definition, whatever the calendar: a model learns its scale away
OURS = "barcast"

RETURNS = (
    Column("ret_1d", "C / C[-1] - 1", 1, OURS, ("close",), lambda b: b.past(1)),
    Column("ret_5d", "C / C[-5] - 1", 5, OURS, ("close",), lambda b: b.past(5)),
    Column("ret_20d", "C / C[-20] - 1", 20, OURS, ("close",), lambda b: b.past(20)),
    Column("volatility", "std20(ret_1d) * sqrt(252)", 20, OURS, ("close",), lambda b: b.volatility(20) * YEAR),
    Column("vol_5d", "std5(ret_1d) * sqrt(252)", 5, OURS, ("close",), lambda b: b.volatility(5) * YEAR),
)
VOL_VOLUME = Column(
    "vol_volume", "std20(V) / mean20(V)", 19, OURS, ("volume",), lambda b: b.std("volume", 20) / b.mean("volume", 20)
)
RANGES = (
    Column(
        "dist_from_high",
        "(max20(H) - C) / C",
        19,
        OURS,
        ("high", "close"),
        lambda b: b.highest("high", 20) / b.close - 1,
    ),
    Column(
        "dist_from_low", "(C - min20(L)) / C", 19, OURS, ("low", "close"), lambda b: 1 - b.lowest("low", 20) / b.close
    ),
    Column("price_range", "(H - L) / C", 0, OURS, ("high", "low", "close"), lambda b: (b.high - b.low) / b.close),
)
CLOSE_RANGES = (
    Column(
        "dist_from_high_close",
        "(max20(C) - C) / C",
        19,
        OURS,
        ("close",),
        lambda b: b.highest("close", 20) / b.close - 1,
    ),
    Column(
        "dist_from_low_close", "(C - min20(C)) / C", 19, OURS, ("close",), lambda b: 1 - b.lowest("close", 20) / b.close
    ),
)
MOMENTA = (
    Column(
        "momentum",
        "C[-21] / C[-252] - 1",
        252,
        "Jegadeesh, Titman (1993)",
        ("close",),
        lambda b: b.lagged("close", 21) / b.lagged("close", 252) - 1,
    ),
    Column(
        "momentum_5d",
        "ret_5d - mean over instruments of ret_5d",
        5,
        OURS,
        ("close", "market"),
        lambda b: b.past(5) - b.index(5),
    ),
)
VOLUMES = (
    Column("volume_ratio", "V / mean20(V)", 19, OURS, ("volume",), lambda b: b.volume / b.mean("volume", 20)),
    Column(
        "volume_trend",
        "mean5(V) / mean20(V)",
        19,
        OURS,
        ("volume",),
        lambda b: b.mean("volume", 5) / b.mean("volume", 20),
    ),
)
MARKET_RETURN = Column(
    "market_return", "mean over instruments of ret_1d", 1, OURS, ("close", "market"), lambda b: b.index(1)
)

CORE14 = FeatureSet("core14", (*RETURNS, VOL_VOLUME, *RANGES, *MOMENTA, *VOLUMES, MARKET_RETURN))
CORE_CLOSE = FeatureSet("core_close", (*RETURNS, *CLOSE_RANGES, *MOMENTA, MARKET_RETURN))
CLOSE = FeatureSet("close", (Column("close", "C", 0, OURS, ("close",), lambda b: b.close),))
