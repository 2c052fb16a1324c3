"""Markdown: one table per case, every figure beside the version and the number of runs it comes from."""

from __future__ import annotations

import math
import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from bench_cases.duel import Contender


def processor() -> str:
    """The processor as the system names it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def machine() -> str:
    """What the figures were measured on, in a line."""
    parts = [f"{os.cpu_count()} cores", processor(), f"Python {platform.python_version()}"]
    return ", ".join([*parts, *(f"{name} {version(name)}" for name in ("numba", "numpy"))])


def show(text: str = "") -> None:
    """A line, at once: the whole takes minutes."""
    print(text, flush=True)


def heading(text: str) -> None:
    show(f"\n## {text}")


def note(text: str) -> None:
    show(f"\n{text}")


def row(*cells: object) -> None:
    show("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*titles: str) -> None:
    show()
    row(*titles)
    show("|" + "---|" * len(titles))


def seconds(value: float) -> str:
    """Seconds, or the unit below that has figures in it."""
    if math.isnan(value):
        return ""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if value * factor >= 0.9995:
            return f"{value * factor:.{3 if value * factor < 999.5 else 4}g} {unit}"
    return f"{value * 1e6:.3g} us"


def spread(contender: Contender) -> str:
    """Median (lowest to highest, runs)."""
    low, high, count = min(contender.seconds), max(contender.seconds), len(contender.seconds)
    once = f"{seconds(contender.middle)} (one run)"
    return f"{seconds(contender.middle)} ({seconds(low)} to {seconds(high)}, {count} runs)" if count > 1 else once


def times(ours: Contender, peer: Contender) -> str:
    """How many times as long the peer takes."""
    ratio = peer.middle / ours.middle
    return "" if math.isnan(ratio) else f"1 : {ratio:,.{2 if ratio < 10 else 0}f}"


def ratios(size: str, contenders: list[Contender], bars: int = 0, told: tuple[str, ...] = ("fills", "equity")) -> None:
    """The table of a duel; the first contender is ours. `told` are what the answers are held against each other by."""
    ours = contenders[0]
    show(f"\n{size}")
    rate = ("bars/s",) if bars else ()
    head("contender", "version", "seconds", "first run", *rate, "ours : peer", *told)
    for each in contenders:
        if not each.seconds:
            row(each.label, each.version, each.missing or "no figure", *[""] * (2 + len(rate) + len(told)))
            continue
        speed = (f"{bars / each.middle / 1e6:,.3g} M",) if bars else ()
        answers = [number(each.told.get(name)) for name in told]
        ratio = "" if each is ours else times(ours, each)
        row(each.label, each.version, spread(each), seconds(each.first), *speed, ratio, *answers)


def number(value: object) -> str:
    """A count in full, other numbers to ten places of significance."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.10g}" if isinstance(value, float) else ""
