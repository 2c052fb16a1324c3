"""What a fill cost against what the step said it would: both as fractions of one reference price, above 0 is worse."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slippage:
    """One fill at the venue beside the simulated one."""

    symbol: str
    quantity: float  # signed, at the venue
    reference: float
    modelled: float  # fraction of the reference; NaN: the step did not fill it
    realised: float

    @property
    def money(self) -> float:
        """How much more than modelled it cost, in the quote currency; NaN where either is not known."""
        return (self.realised - self.modelled) * self.reference * abs(self.quantity)


def slippage(symbol: str, quantity: float, reference: float, modelled: float, realised: float) -> Slippage:
    """From prices: what was paid above the reference when buying, or below it when selling. NaN prices give NaN."""
    side = math.copysign(1.0, quantity)
    return Slippage(symbol, quantity, reference, *(side * (price / reference - 1.0) for price in (modelled, realised)))
