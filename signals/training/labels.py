"""What a model is asked to foretell: (T, N) labels from forward-adjusted bars, and how far ahead each one looks.

A window ends at slice t, inclusive; what is decided on it is filled at slice t + 1, so a return begins there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.types import Floats

if TYPE_CHECKING:
    from engine.types import Window

KINDS = ("open_to_open", "close_to_close", "close")


@dataclass(frozen=True, slots=True)
class Labels:
    """One number per slice and instrument, NaN where it is not known."""

    values: Floats  # (T, N): a fraction for return, 1 or 0 for up and above_median, a price for price
    returns: Floats  # (T, N) the return that a decision at t earns, whatever the target is
    reach: int  # slices after t of the last price it looks at
    kind: str
    target: str

    def last(self, row: Any, name: Any = slice(None), *, lag: int = 0) -> Floats:
        """Of labels that are prices, the price `lag` slices before each of (R,) rows: (R, N), or (R,) with `name`, one per row.

        NaN where that is before the first price.
        """
        at = np.atleast_1d(row) - self.reach - lag
        out = np.asarray(self.values[np.maximum(at, 0), name])
        out[at < 0] = np.nan
        return out


def returns(bars: Window, kind: str, horizon: int) -> Floats:
    """(T, N) price(t + 1 + horizon) / price(t + 1) - 1 of opens or closes; NaN where either is missing.

    `close` is measured as close_to_close is: a price foretold at t is traded at the close of t + 1.
    """
    prices = bars.open if kind == "open_to_open" else bars.close
    out = np.full(prices.shape, np.nan)
    last = len(prices) - 1 - horizon
    if last > 0:
        out[:last] = prices[1 + horizon :] / prices[1 : last + 1] - 1.0
    return out


def labels(bars: Window, kind: str = "open_to_open", horizon: int = 1, target: str = "return") -> Labels:
    """The Labels of `bars`. `up`: the return is above 0, zeros are dropped. `above_median`: of the date, ties dropped.

    `close` with target `price` is the close `horizon` slices after t.
    """
    earned = returns(bars, kind, horizon)
    if kind == "close":
        ahead = np.full(earned.shape, np.nan)
        ahead[:-horizon] = bars.close[horizon:]
        return Labels(ahead, earned, horizon, kind, "price")
    if target == "return":
        values = earned
    elif target == "up":
        values = _sign(earned)
    else:
        values = _sign(earned - _median(earned))
    return Labels(values, earned, 1 + horizon, kind, target)


def _sign(values: Floats) -> Floats:
    """1 above zero, 0 below, NaN at zero."""
    out = np.where(values > 0.0, 1.0, 0.0)
    out[np.isnan(values) | (values == 0.0)] = np.nan
    return out


def _median(values: Floats) -> Floats:
    """(T, 1) median of what each row knows; NaN for a row that knows nothing."""
    known = ~np.isnan(values).all(axis=1)
    out = np.full((len(values), 1), np.nan)
    if known.any():
        out[known, 0] = np.nanmedian(values[known], axis=1)
    return out
