"""The digest of a run: sha256 folded slice by slice over what was forecast, decided, filled and held. docs/paper.md has the bytes.

The same for a backtest, for a paper session over the same tape, and for one that crashed and went on.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from engine.types import Codes, Fills, Floats, Refusals

if TYPE_CHECKING:
    from engine.loop import Engine

VERSION = b"barcast digest 1\n"
NAN = np.float64("nan")
Table = TypeVar("Table", Fills, Refusals)


def first(symbols: tuple[str, ...], signals: tuple[str, ...], capital: float) -> bytes:
    """The digest before any slice: of the version, the symbols, the signals in their order, and the capital."""
    words = "\n".join((*symbols, "", *signals, "")).encode()
    return hashlib.sha256(VERSION + words + struct.pack("<d", capital)).digest()


def after(
    before: bytes, time: int, forecasts: Floats, codes: Codes, fills: Fills, refused: Refusals, money: tuple[float, ...]
) -> bytes:
    """The digest after one more slice; `money` is equity, cash, long value, short value, accrued, positions."""
    total = hashlib.sha256(before)
    total.update(struct.pack("<q", time) + _floats(forecasts) + _ints(codes, "<u4"))
    total.update(struct.pack("<q", len(fills)) + _ints(fills.instrument, "<i8"))
    for column in (fills.quantity, fills.price, fills.reference, fills.fee):
        total.update(_floats(column))
    total.update(_ints(fills.reason, "<i8"))
    total.update(struct.pack("<q", len(refused)) + _ints(refused.instrument, "<i8") + _floats(refused.quantity))
    total.update(_ints(refused.decision, "<i8") + _floats(refused.value) + _floats(refused.limit))
    total.update(_floats(np.array(money[:5], np.float64)) + struct.pack("<q", int(money[5])))
    return total.digest()


def of_run(engine: Engine, before: bytes | None = None) -> list[bytes]:
    """The digest after every slice of an engine that has run over a whole market."""
    symbols, curve = engine.symbols, engine.curve
    now = first(symbols, engine.signals, float(engine.rules.capital)) if before is None else before
    fills, refused, out = engine.fills(), engine.refusals(), []
    row = np.arange(engine.t + 1)
    fill, refusal = np.searchsorted(fills.t, row), np.searchsorted(refused.t, row)
    for t in range(engine.t):
        money = (curve.equity, curve.cash, curve.long_value, curve.short_value, curve.accrued, curve.positions)
        now = after(
            now,
            int(engine.market.times[t]),
            engine.forecasts[t],
            engine.codes[t],
            part(fills, fill[t], fill[t + 1]),
            part(refused, refusal[t], refusal[t + 1]),
            tuple(float(column[t]) for column in money),
        )
        out.append(now)
    return out


def part(table: Table, start: int, stop: int) -> Table:
    """Some rows of a table of columns."""
    return type(table)(*(getattr(table, name)[start:stop] for name in table.__slots__))


def _floats(values: Floats) -> bytes:
    """Little-endian float64; every NaN is the same one."""
    return np.where(np.isnan(values), NAN, values).astype("<f8").tobytes()


def _ints(values: np.ndarray, kind: str) -> bytes:
    return np.ascontiguousarray(values).astype(kind, copy=False).tobytes()
