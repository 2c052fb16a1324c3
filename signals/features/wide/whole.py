"""The set wide95: its six groups in order."""

from __future__ import annotations

from signals.features.sets import FeatureSet
from signals.features.wide import momentum, pattern, price, technical, volatility, volume

WIDE95 = FeatureSet(
    "wide95",
    (
        *price.COLUMNS,
        *technical.COLUMNS,
        *volume.COLUMNS,
        *momentum.COLUMNS,
        *volatility.COLUMNS,
        *pattern.COLUMNS,
    ),
    ("indicators.py",),
)
