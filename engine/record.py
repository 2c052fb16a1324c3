"""Record: what a run leaves behind, as arrays. The loop ends here and the results begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.types import Codes, Fills, Floats, Ints, Refusals

if TYPE_CHECKING:
    from engine.panel import Panel


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the signals of a run have seen of it (engine.seen), as plain data for the manifest and the reader."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict)  # signal -> model, sha256, known_through ...
    stretches: tuple[
        dict[str, Any], ...
    ] = ()  # kind, first, last, slices, metrics; empty where the run is of one piece
    verdict: tuple[str, str] | None = None  # state and sentence; None: not known
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What a run leaves behind, as arrays; Result dresses it for people. S <= T slices were run (fewer after ruin).

    Row k of every array is row k of the panel. `holdings` are the account's arrays at the end.
    """

    panel: Panel
    capital: float
    equity: Floats  # (S,) marked at each close, accruals included
    cash: Floats  # (S,)
    long_value: Floats  # (S,) value of the longs, 0 or more
    short_value: Floats  # (S,) value of the shorts, 0 or less
    positions: Ints  # (S,) instruments held
    accrued: Floats  # (S,) borrow and interest credited (+) or charged (-)
    fills: Fills
    codes: Codes  # (S, N)
    ended: str  # "complete" | "ruin"
    quantity: Floats  # (N,) held at the end
    entry: Floats  # (N,) average entry price of what is held at the end, NaN where flat
    mark: Floats  # (N,) last mark
    entry_t: Ints  # (N,) row of the entry of what is held, -1 where flat
    margin: float  # smallest distance of any decision from flipping, in the forecast's unit; NaN if none was close
    forecasts: dict[str, Floats] = field(default_factory=dict)  # name -> (T, N)
    refusals: Refusals = field(default_factory=Refusals.none)
    units: dict[str, str] = field(default_factory=dict)  # name -> what the signal declares its forecasts to be
    provenance: Provenance = field(default_factory=Provenance)
    seconds: float = 0.0  # run time of the loop, compilation not included
