"""Rows, brakes, switches and moments in words, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.live import tape
from engine.live.commands import stamp
from engine.report.words import MINUS, minus, percent, plural
from engine.shapes import FLATTEN_ALL, GO, HALT, REDUCE_SHIFT, REDUCE_UNIT

if TYPE_CHECKING:
    from engine.web.board import Board

Said = tuple[int, str, str]
LONG = 300  # characters of a line
SWITCHES = {
    "max_drawdown": "drawdown",
    "daily_loss": "loss of a day",
    "sigma_loss": "deviations of a loss",
    "rolling_sharpe": "Sharpe ratio of late",
    "losing_streak": "losing days in a row",
}  # in the order of their state
ENDINGS = {"ended": "the feed has ended", "stopped": "stopped", "ruin": "the account is ruined"}


def event(kind: str, body: Mapping[str, Any], board: Board) -> Said | None:
    """(ns of the wall clock, tone, words) of a row that is worth a line; None for the others."""
    at = int(body.get("received", body.get("at", board.received)))
    if kind == tape.SWITCH:
        tone = "loss" if body["brake"] & FLATTEN_ALL else "warn" if body["brake"] else ""
        return at, tone, f"brake: {brake(body['was'])}, now {brake(body['brake'])}"
    if kind == tape.COMMAND:
        told = " ".join(
            word for word in (body["name"], body["symbol"], "and flatten" if body["flatten"] else "") if word
        )
        why = f": {body['reason']}" if body["reason"] else ""
        return at, "loss" if body["name"] == "kill" else "warn", line(f"command {told}{why}")
    if kind == tape.GAP:
        names = plural(len(body["instruments"]), "instrument")
        return (
            at,
            "warn",
            line(f"gap between {stamp(body['after'])} and {stamp(body['before'])}, {names}: {body['reason']}"),
        )
    if kind in (tape.LATE, tape.CORRECTION):
        what = "came after its slice had closed" if kind == tape.LATE else "was given another value"
        return at, "warn", line(f"{board.symbols[body['instrument']]}: the bar of {stamp(body['time'])} {what}")
    if kind == tape.RESTART:
        cut = f", {body['cut']:,} torn bytes cut off" if body["cut"] else ""
        return at, "warn", f"started again after {plural(body['slices'], 'slice')}{cut}"
    if kind == tape.ALARM:
        return at, "warn" if body["raised"] else "", line(f"alarm{'' if body['raised'] else ' over'}: {body['words']}")
    if kind == tape.HALT:
        return at, "loss", line(f"halted: {body['why']}")
    if kind == tape.CLOSE:
        return at, "", f"closed: {ENDINGS.get(body['why'], body['why'])}"
    return None


def brake(value: int) -> str:
    """What switches and holds together ask for."""
    if value & FLATTEN_ALL:
        return "everything is closed"
    if value & HALT:
        return "nothing opens or grows"
    if value >> REDUCE_SHIFT:
        return f"targets times {(value >> REDUCE_SHIFT) / REDUCE_UNIT:.3g}"
    return "none" if value == GO else f"{value:#x}"


def switch(name: str, told: Mapping[str, Any]) -> tuple[str, str]:
    """A configured switch: (what trips it, what follows)."""
    at = told["at"]
    limit = percent(float(at)) if name in ("max_drawdown", "daily_loss") else f"{at:g}"
    does = {"flatten": "close everything", "halt": "open nothing new"}.get(told["action"], "")
    does = does or f"targets times {told['factor']:g}"
    resume = told["resume"]
    until = "for good" if resume == "never" else f"until the {resume}" if resume == "next day" else f"for {resume} bars"
    return f"{SWITCHES.get(name, name)} {limit}", f"{does}, {until}"


def line(text: str) -> str:
    """`text` on one line without anything a terminal or a reader of bidirectional text would obey."""
    shown = "".join(ch if ch.isprintable() else " " for ch in text)
    return shown if len(shown) <= LONG else shown[: LONG - 1] + "…"


def utc(ns: int, daily: bool = False) -> str:
    """A bar's time, the clock left out at midnight of daily bars."""
    if ns <= 0:
        return "–"
    text = stamp(ns)
    return text[:10] if daily and text.endswith("00:00:00") else text[:16]


def clock(ns: int) -> str:
    """A moment of the wall clock to the second, UTC."""
    return stamp(ns)[5:] if ns > 0 else "–"


def quantity(value: float) -> str:
    """Signed, whole where it is whole."""
    text = f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:,.6g}"
    return minus(text)


def price(value: float) -> str:
    """A price to six digits; an en dash where there is none."""
    return "–" if not np.isfinite(value) else minus(f"{value:,.6g}")


def money(value: float) -> str:
    """Money to the cent; an en dash where it is not known."""
    return "–" if not np.isfinite(value) else minus(f"{value:,.2f}")


def forecast(value: float, unit: str) -> str:
    """A forecast in its unit; a probability is a confidence."""
    return percent(value) if unit == "probability" else percent(value, 2) if unit == "return" else f"{value:.4g}"


def signed(value: float) -> str:
    """Money with its sign."""
    text = money(value)
    return text if text.startswith(MINUS) or not value > 0.0 else f"+{text}"


def milliseconds(ns: int) -> int:
    """As scripts count time."""
    return ns // 1_000_000
