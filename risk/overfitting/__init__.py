"""Whether a result is luck: what selection, chance and a short sample can do to returns. Arrays in, facts out.

Registered as `overfitting` among `barcast.risk`; what is heavy is imported by the functions that need it.
"""

from __future__ import annotations

from risk.overfitting.bootstrap import histories, sharpe_interval
from risk.overfitting.chance import FEWEST_NAMES, itself, p_value, random_portfolios, rearranged, walk
from risk.overfitting.cpcv import apart, paths, plan
from risk.overfitting.pbo import expected_by_chance, overfitting
from risk.overfitting.spa import superiority

__all__ = [
    "FEWEST_NAMES",
    "apart",
    "expected_by_chance",
    "histories",
    "itself",
    "overfitting",
    "p_value",
    "paths",
    "plan",
    "random_portfolios",
    "rearranged",
    "sharpe_interval",
    "superiority",
    "walk",
]
