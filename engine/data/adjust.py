"""Forward adjustment: a total-return index from as-traded bars that no later action can change (STEP.md, "Inputs")."""

from __future__ import annotations

import numpy as np

from engine.data.actions import Actions, bar_after
from engine.data.building import frozen
from engine.types import Bools, Floats


def factors(actions: Actions, close: Floats) -> tuple[Floats, Floats]:
    """(T, N) price factor and (T, N) cumulative split, both running products from the first slice.

    With r = split x (C + D) / C_prev - 1, adjusted / close only moves on an action, by split x (1 + D / C). An action
    without a bar waits for the next bar, where ratios and cash have been folded into one. Never looks past its row.
    """
    exists: Bools = np.isfinite(close)
    bar, before = bar_after(actions, exists)
    use = np.flatnonzero((bar >= 0) & (before >= 0))
    moved = Actions.of(bar[use], actions.instrument[use], actions.split[use], actions.dividend[use], len(close))
    at = (moved.row, moved.instrument)
    price = np.ones_like(close)
    price[at] = moved.split * (1.0 + moved.dividend / close[at])
    shares = np.ones_like(close)
    shares[at] = moved.split
    return np.cumprod(price, axis=0, out=price), np.cumprod(shares, axis=0, out=shares)


def forward(actions: Actions, bars: tuple[Floats, Floats, Floats, Floats, Floats]) -> tuple[Floats, ...]:
    """open, high, low, close, volume adjusted forward; the very same arrays when there is nothing to adjust."""
    open_, high, low, close, volume = bars
    if not len(actions):
        return bars
    price, shares = factors(actions, close)
    adjusted = [open_ * price, high * price, low * price, close * price]
    units = volume / shares if (actions.split != 1.0).any() else volume
    return tuple(frozen(array) for array in (*adjusted, units))
