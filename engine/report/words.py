"""Numbers and dates as people read them: a true minus sign, percent with fitting decimals, days and not bars."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from engine.report.blocks import Cell, Term

MINUS = "−"


def minus(text: str) -> str:
    """A number's text with a true minus sign, which is as wide as a plus; what is rounded to zero has none."""
    if not text.startswith("-"):
        return text
    return MINUS + text[1:] if any(digit in text for digit in "123456789") else text[1:]


def minus_signs(text: str) -> str:
    """A sentence whose negative numbers have true minus signs."""
    return re.sub(r"(?<![\w.-])-(?=\d)", MINUS, text)


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent; an en dash where it is not known."""
    return "–" if value is None or not math.isfinite(value) else minus(f"{value:,.{digits}%}")


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or not math.isfinite(value) else minus(f"{value:,.{digits}f}")


def days(value: float | None) -> str:
    """Calendar days: whole ones, or with a decimal below ten where hours count."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def when(moment: Any) -> str:
    """A date, or a date and time to the minute."""
    return str(moment).replace("T", " ")


def num(text: str) -> Cell:
    return Cell(text, "num")


def signed(value: float, text: str) -> Cell:
    """A figure in the colour of gain or loss."""
    tone = "gain" if value > 0 else "loss" if value < 0 else ""
    return Cell(text, f"num {tone}".strip())


def tone(value: float | None) -> str:
    return "" if value is None or value == 0 else "gain" if value > 0 else "loss"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def term(result: Any, name: str) -> Term:
    """One metric as the page shows it: value, benchmark's value, definition, and the reason where it has none."""
    from engine.metrics import DEFINITIONS
    from engine.result import shown

    definition, value = DEFINITIONS[name], result.metrics.get(name)
    theirs = result.benchmark_metrics
    other = minus(shown(name, theirs[name])) if name in theirs else ""
    return Term(definition.label, definition.line, minus(shown(name, value)), other, result.reasons.get(name, ""))


def frame_cell(name: str, value: Any) -> Cell:
    """One value of a result's frame, by the name of its column."""
    import pandas as pd

    if value is None or (not isinstance(value, str | bool) and pd.isna(value)):
        return Cell("")
    if isinstance(value, pd.Timestamp):
        return Cell(f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and name == "quantity":
        return num(minus(f"{value:,.0f}" if value == round(value) else f"{value:,.6g}"))
    if isinstance(value, float):
        text = percent(value, 2) if name in FRACTIONS else number(value)
        return signed(value, text) if name in SIGNED else num(text)
    return num(f"{value:,}") if isinstance(value, int) and not isinstance(value, bool) else Cell(str(value))


SIGNED = ("pnl", "return")
FRACTIONS = ("return", "mae", "mfe")
