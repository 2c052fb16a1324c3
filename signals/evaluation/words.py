"""Numbers of an evaluation as its page, its card and a terminal show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.report.words import minus
from signals.training import table

Told = Mapping[str, Any]
HOW = {name: how for name, how, _ in (*table.RANKED, *table.CLASSIFIED, *table.PRICED)} | {
    "precision": "{:.2%}",
    "recall": "{:.2%}",
    "negative share": "{:.2%}",
}


def said(name: str, value: Any) -> str:
    """A number as its column shows it; an en dash where it is not known."""
    if value is None or value != value:
        return "–"
    return minus(HOW.get(name, "{:.4g}").format(value))


def between(name: str, one: Told | None) -> str:
    """An interval, or what stands for one."""
    if one is None or one["low"] is None or one["low"] != one["low"]:
        return "–"
    return f"{said(name, one['low'])} to {said(name, one['high'])}"


def apart(name: str, value: Any) -> str:
    """A difference, with its sign."""
    text = said(name, value)
    return text if text[0] in "–−+" else f"+{text}"


def facts_of(model: Told) -> Sequence[tuple[str, str]]:
    """What a model is, in lines."""
    net = ", ".join(f"{key} {value}" for key, value in model["architecture"].items())
    return [
        ("Net", net),
        ("Forecasts", f"{model['unit']}; label {model['label']}, {model['horizon']} ahead, target {model['target']}"),
        ("Features", f"{model['features']}, {len(model['columns'])} columns, window {model['window']}"),
        (
            "Judged on",
            f"{model['range'][0]} to {model['range'][1]}, {model['dates']:,} dates, {model['names']:,} names",
        ),
    ]


def bps(value: Any) -> str:
    return "–" if value is None or value != value else minus(f"{value * 1e4:.2f}")


def short(value: Any) -> str:
    return "–" if value is None or value != value else minus(f"{value:.4g}")
