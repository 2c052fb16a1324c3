"""The accounts of a session beside each other on the page of one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.live.contrast import Contrast, contrasted, sentence
from engine.live.course import Days
from engine.report.blocks import Cell, Column, Table
from engine.report.words import MINUS, num, percent
from engine.report.words import signed as coloured
from engine.web import words

if TYPE_CHECKING:
    from jinja2 import Environment


class Besides:
    """What is said of the accounts; a contrast is worked out once for each day that ends."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, Contrast]] = {}

    def part(self, made: Environment, mine: str, days: Mapping[str, Days]) -> str:
        """The part as HTML: a table of the accounts, and each of the others beside this one."""
        told = [(name, self._contrast(mine, name, days)) for name in days if name != mine]
        said = [re.sub(r"(?<= )-(?=\d)", MINUS, sentence(mine, name, one)) for name, one in told]
        module: Any = made.get_template("beside.html").module
        return str(module.beside({"table": table(days, mine), "said": said}))

    def _contrast(self, mine: str, name: str, days: Mapping[str, Days]) -> Contrast:
        count = min(len(days[mine]), len(days[name]))
        before = self._known.get((mine, name))
        if before is None or before[0] != count:
            before = self._known[mine, name] = (count, contrasted(days[mine], days[name]))
        return before[1]


def table(days: Mapping[str, Days], mine: str) -> Table:
    """One row per account, of the days that have ended."""
    head = [
        Column("Account"),
        Column("Days", "num"),
        Column("Equity", "num"),
        Column("Return", "num"),
        Column("Deepest drawdown", "num"),
    ]
    return Table(head, [row(name, one, name == mine) for name, one in days.items()], empty="no account")


def row(name: str, days: Days, mine: bool) -> list[Cell]:
    """The figures of one account."""
    curve = np.append(days.base, days.equity)
    back, deepest = float(curve[-1] / days.base - 1.0), float((curve / np.maximum.accumulate(curve) - 1.0).min())
    shown = f"{name} (this page)" if mine else name
    figures = [num(f"{len(days):,}"), num(words.money(float(curve[-1]))), coloured(back, percent(back, 2))]
    return [Cell(shown, "head"), *figures, num(percent(deepest, 2))]
