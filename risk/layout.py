"""Where the parameters of sizers and caps stand in their array."""

from __future__ import annotations

(
    LONG,
    SHORT,
    SMOOTHING,
    VOL_TARGET,
    BARS_PER_YEAR,
    MAX_WEIGHT,
    MAX_SECTOR,
    MAX_NET,
    MAX_GROSS,
    MIN_CASH,
    SECTORS,
    INVERSE,  # which measure is the volatility of `inverse_volatility`; -1: off
    ATR,  # which measure is the ATR of `atr`; -1: off
    RISK,
    MULTIPLE,
    N_HEAD,
) = range(16)  # then (N,) money per lot at price 1, i.e. lot x multiplier
