"""Everything that was planted in a market, as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.markets.kinds import HALTED, LOST, UNLISTED, Block
from engine.markets.plan import Plan
from engine.markets.resolved import resolved

if TYPE_CHECKING:
    from engine.markets.bands import Fact
    from engine.markets.tally import Measured


class Truth:
    """Planted facts, gathered while the names pass by."""

    def __init__(self, made: Plan) -> None:
        self.made = made
        self.instruments: list[dict[str, Any]] = []
        self.splits: list[dict[str, Any]] = []
        self.halts: list[dict[str, Any]] = []
        self.missing: list[dict[str, Any]] = []
        self.dividends = 0

    def add(self, first: int, block: Block) -> None:
        """Add the names of `block`."""
        from engine.markets.writing import deaths

        when, worth = deaths(self.made, first, block)
        for k in range(len(block.close)):
            name = first + k
            self._instrument(name, block, k, None if np.isnan(worth[k]) else (str(when[k]), float(worth[k])))
            symbol = self.made.symbols[name]
            for t in np.flatnonzero(block.split[k] != 1.0):
                self.splits.append({"symbol": symbol, "date": self._day(t), "ratio": float(block.split[k, t])})
            for begin, end in runs(block.why[k] == HALTED):
                self.halts.append({"symbol": symbol, "from": self._day(begin), "to": self._day(end - 1)})
            self.missing += [{"symbol": symbol, "date": self._day(t)} for t in np.flatnonzero(block.why[k] == LOST)]
            self.dividends += int((block.dividend[k] > 0.0).sum())

    def _instrument(self, name: int, block: Block, k: int, death: tuple[str, float] | None) -> None:
        traits, made = self.made.traits, self.made
        there = np.flatnonzero(~np.isnan(block.close[k]))
        told: dict[str, Any] = {"symbol": made.symbols[name]}
        if made.path.sector_gap.shape[1]:
            told["sector"] = f"sector{int(traits.sector[name]):02d}"
        if made.settings.mode == "full":
            told["beta"] = {f.name: float(b) for f, b in zip(made.settings.factors, traits.beta[name], strict=True)}
        told |= {"volatility": float(traits.volatility[name]) * 252.0**0.5, "bars": len(there)}
        if len(there):
            told |= {"first": self._day(there[0]), "last": self._day(there[-1])}
            told["listed_late"] = bool((block.why[k] == UNLISTED).any())
        if death is not None:
            told |= {"delisted_at": death[0], "terminal_value": death[1]}
        self.instruments.append(told)

    def _day(self, row: Any) -> str:
        return str(self.made.sessions[int(row)])

    def document(self, measured: Measured | None, facts: tuple[Fact, ...] | None) -> dict[str, Any]:
        """The whole truth, JSON's own types only."""
        made, settings = self.made, self.made.settings
        sessions = len(made)
        jumps = np.flatnonzero(made.path.jump[:sessions])
        return {
            "schema_version": 1,
            "settings": resolved(settings),
            "sessions": {"first": self._day(0), "last": self._day(sessions - 1), "count": sessions},
            "regimes": self._regimes(),
            "jumps": [{"date": self._day(t), "size": float(made.path.jump[t])} for t in jumps],
            "signal": {
                "shape": settings.signal.shape,
                "ic": settings.signal.ic,
                "leak": settings.signal.leak,
                "measured": None if measured is None else asdict(measured),
            },
            "facts": None if facts is None else [asdict(fact) for fact in facts],
            "instruments": self.instruments,
            "splits": self.splits,
            "dividends": self.dividends,
            "halts": self.halts,
            "missing": self.missing,
        }

    def _regimes(self) -> list[dict[str, str]]:
        if self.made.settings.mode == "plain":
            return []
        regime = self.made.path.regime[: len(self.made)]
        edges = np.concatenate(([0], np.flatnonzero(np.diff(regime)) + 1, [len(regime)]))
        names = [one.name for one in self.made.settings.regimes]
        return [
            {"name": names[int(regime[a])], "from": self._day(a), "to": self._day(b - 1)} for a, b in pairwise(edges)
        ]


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(first, after the last) of every stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
