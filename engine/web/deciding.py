"""What the latest slice decided, in words: why there are orders, or why there is nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import codes as c
from engine.explain import NOTES, reason
from engine.report.words import plural
from engine.types import Floats
from engine.web.board import Board
from engine.web.tap import Standing
from engine.web.words import forecast, quantity

MOST = 60  # instruments shown
FEW = 6  # orders named in the sentence
FIRST = (c.ENTER, c.LEAVE, c.FLATTEN, c.ORDERED, c.TARGETED, c.HALTED, c.IN_POSITION)
PHRASES = {
    c.NOT_ASKED: "not asked",
    c.NO_BAR_NOW: "without a bar",
    c.NOT_MEMBER: "no member",
    c.WARMING_UP: "warming up",
    c.NO_FORECAST: "without a forecast",
    c.NOT_DUE: "not due on this slice",
    c.TOO_FEW: "short of names with a forecast",
    c.BELOW_CONFIDENCE: "below the confidence",
    c.RANK_CUT: "outside the quantile",
    c.SIGN_FILTER: "dropped by the sign filter",
    c.SLOTS_FULL: "without a free slot",
    c.COOLDOWN: "cooling down",
    c.HALTED: "held back",
    c.IN_POSITION: "held and still wanted",
    c.FLATTEN: "kept out by a switch or a kill",
    c.UNDECIDED: "left alone",
    c.TARGETED: "at their target",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The latest slice as engine.explain reads it."""

    config: dict[str, Any]
    forecasts: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Decision:
    """One instrument's, with every signal's forecast."""

    symbol: str
    word: str
    why: str
    forecasts: tuple[float, ...]
    notes: tuple[str, ...]


def asked(board: Board, standing: Standing) -> Asked:
    """The configuration and the (1, N) forecasts of the latest slice."""
    names = board.start["order"]
    rows = standing.forecasts
    told = {} if rows is None else {name: rows[k][None] for k, name in enumerate(names)}
    return Asked(dict(board.start["config"]), told)


def decisions(board: Board, standing: Standing) -> list[Decision]:
    """Those that lead to something first, then by forecast; MOST at most."""
    if standing.codes is None:
        return []
    codes, now = standing.codes & np.uint32(c.DECISION_MASK), asked(board, standing)
    lead = next(iter(now.forecasts.values()), np.full((1, len(codes)), np.nan))[0]
    rank = {code: k for k, code in enumerate(FIRST)}
    order = sorted(
        range(len(codes)),
        key=lambda i: (
            rank.get(int(codes[i]), len(FIRST)) - (len(FIRST) + 1) * bool(standing.quantity[i] != 0.0),
            -np.inf if np.isnan(lead[i]) else -lead[i],
        ),
    )
    return [_decision(board, standing, now, i, int(codes[i])) for i in order[:MOST]]


def _decision(board: Board, standing: Standing, now: Asked, i: int, code: int) -> Decision:
    assert standing.codes is not None
    notes = tuple(text for bit, text in NOTES.items() if int(standing.codes[i]) & bit)
    told = tuple(float(row[0, i]) for row in now.forecasts.values())
    return Decision(board.symbols[i], c.DECISIONS.get(code, hex(code)), reason(now, 0, i, code), told, notes)


def doing(board: Board, standing: Standing | None) -> str:
    """One sentence: what is about to happen, or nothing, because ..."""
    if board.ended:
        return "The session is closed; nothing more happens."
    if standing is None or standing.t < 0:
        return "Waiting for the first slice."
    if standing.waiting:
        return _orders(board, standing.waiting)
    return f"Nothing to do, because {because(board, standing)}."


def _orders(board: Board, count: int) -> str:
    told = [
        f"{'buy' if ticket.quantity > 0 else 'sell'} {quantity(abs(ticket.quantity))} {board.symbols[ticket.instrument]}"
        for ticket in board.waiting[:FEW]
    ]
    more = [f"{count - len(told)} more"] if told and count > len(told) else []
    listed = f": {', '.join([*told, *more])}" if told else ""
    return f"{plural(count, 'order')} {'waits' if count == 1 else 'wait'} for the next slice{listed}."


def because(board: Board, standing: Standing) -> str:
    """Why nothing is to do."""
    if standing.killed:
        return "the session is killed; only a resume with a reason lets it trade again"
    held = "paused: nothing opens, and nothing that is held has to go" if standing.paused else ""
    if standing.codes is None:
        return held or "no slice has been decided yet"
    kinds, counts = np.unique(standing.codes & np.uint32(c.DECISION_MASK), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    phrases = [
        f"{counts[k]:,} {PHRASES.get(int(kinds[k]), c.DECISIONS.get(int(kinds[k]), 'undecided'))}" for k in order
    ]
    told = f"of {plural(len(standing.codes), 'instrument')} {', '.join(phrases)}"
    closest = nearest(board, standing)
    return "; ".join(part for part in (held, told, closest) if part)


def nearest(board: Board, standing: Standing) -> str:
    """The name that came closest to being entered by a threshold on the long side; empty where that makes no sense, as where
    every name is measured against its own past.
    """
    strategy: Mapping[str, Any] = board.start["config"].get("strategy") or {}
    name, bar = strategy.get("signal"), strategy.get("confidence")
    rows = asked(board, standing).forecasts.get(str(name))
    if strategy.get("rule") != "threshold" or strategy.get("side") == "short" or rows is None or standing.codes is None:
        return ""
    short_of = (standing.codes & np.uint32(c.DECISION_MASK)) == c.BELOW_CONFIDENCE
    line = np.where(short_of, rows[0], -np.inf)
    i = int(np.nanargmax(line)) if np.isfinite(line).any() else -1
    if i < 0 or not isinstance(bar, int | float):
        return ""
    unit = board.start["signals"][str(name)]["unit"]
    return f"closest is {board.symbols[i]} with {forecast(float(rows[0, i]), unit)} of {forecast(float(bar), unit)}"
