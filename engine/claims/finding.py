"""What an audit of claims says: a line each, with the figures it rests on."""

from __future__ import annotations

from dataclasses import dataclass

IMPOSSIBLE, UNLIKELY, WARNING, INTERVAL = "impossible", "unlikely", "warning", "interval"
KINDS = (IMPOSSIBLE, UNLIKELY, WARNING, INTERVAL)


@dataclass(frozen=True, slots=True)
class Finding:
    """`impossible`: no data give these figures together. `unlikely`: only data unlike the usual. `warning`: true, but it does
    not say what it seems to. `interval`: what a figure is known to within. `name` is short and fixed."""

    kind: str
    name: str
    figures: str
    why: str
