"""Whether a bar can be: numbers that no market prints are refused before anything sees them."""

from __future__ import annotations

import math

from engine.feeds.facts import Values

HUGE = 1e15  # above any volume or price a float64 account can add up to the cent


def fault(values: Values) -> str | None:
    """Why these five numbers are no bar, or None if they are one. Volume may be 0 or a fraction."""
    prices = values[:4]
    if not all(math.isfinite(x) for x in values):
        return "a price or the volume is not a finite number"
    if min(prices) <= 0:
        return f"a price of {min(prices):g} is not above 0"
    if values.volume < 0:
        return f"a volume of {values.volume:g} is below 0"
    if max(values) > HUGE:
        return f"{max(values):g} is more than any market prints"
    if values.high < values.low:
        return f"high {values.high:g} is below low {values.low:g}"
    if not (values.low <= values.open <= values.high and values.low <= values.close <= values.high):
        return f"open {values.open:g} or close {values.close:g} lies outside {values.low:g} to {values.high:g}"
    return None
