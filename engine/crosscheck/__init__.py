"""crosscheck: the same file run by barcast and by backtrader, and every fill of the one laid beside the fill of the other.

ground      whether the two can be compared at all, and if not, why
rules       threshold and quintile written a second time, from docs/step.md
backtrader  the same run with backtrader's broker, and barcast forecasts as a backtrader line; its only import
compare     fills matched one by one
"""

from __future__ import annotations

from engine.crosscheck.compare import Comparison
from engine.crosscheck.run import crosscheck

__all__ = ["Comparison", "crosscheck"]
