"""A file of claims becomes reports: sections of figures, texts and dates, with every word known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from engine.claims.figures import Figure, figure
from engine.errors import ConfigError, DataError

FIGURE, FIGURES, TEXT, YES, DATES, PERIODS = (
    "a number",
    "a list of numbers",
    "text",
    "true or false",
    "[from, to]",
    "periods",
)
MAX_BYTES = 1_000_000
SECTIONS: dict[str, dict[str, str]] = {
    "regression": {
        **dict.fromkeys(("r2", "mae", "rmse", "mse", "std", "n", "correlation", "persistence_mae"), FIGURE),
        **{"range": FIGURES, "target": TEXT},
    },
    "classification": {
        **dict.fromkeys(("tp", "fp", "fn", "tn", "n", "accuracy", "precision", "recall", "f1", "positives"), FIGURE),
        **dict.fromkeys(("auc", "log_loss", "above_random", "confidence_gate"), FIGURE),
        "better_than_random": YES,
    },
    "ic": {
        **dict.fromkeys(("ic", "std", "icir", "t", "names", "periods", "hit_rate", "sigma"), FIGURE),
        **dict.fromkeys(("top", "bottom", "spread"), FIGURE),
    },
    "performance": {
        **dict.fromkeys(("sharpe", "n", "bars_per_year", "skew", "kurtosis", "psr", "dsr", "trials"), FIGURE),
        **dict.fromkeys(("trial_variance", "mean_return", "volatility", "risk_free", "cagr", "total_return"), FIGURE),
        **dict.fromkeys(("years", "max_drawdown", "calmar", "sortino", "accuracy"), FIGURE),
        **{"elsewhere": FIGURES, "in_sample": YES},
    },
    "trades": dict.fromkeys(
        ("trades", "wins", "win_rate", "profit_factor", "payoff", "average_win", "average_loss", "expectancy"), FIGURE
    ),
    "costs": dict.fromkeys(
        ("gross_return", "net_return", "turnover", "cost", "break_even", "gross_sharpe", "net_sharpe"), FIGURE
    ),
    "training": {
        **dict.fromkeys(("epochs_run", "epochs_planned", "patience", "best_epoch", "loss", "data_loss"), FIGURE),
        **dict.fromkeys(("penalty", "delta", "epochs", "hours", "windows", "steps"), FIGURE),
        **{"kind": TEXT, "target_range": FIGURES, "needs_more": YES},
    },
    "search": {"parameter": TEXT, "grid": FIGURES, "chosen": FIGURE, "chosen_on": TEXT},
    "model": {
        **dict.fromkeys(("inputs", "parameters", "lstm_parameters", "dense_parameters", "megabytes"), FIGURE),
        **{"lstm": FIGURES, "dense": FIGURES, "batch_norm": FIGURES, "framework": TEXT},
    },
    "splits": {
        **dict.fromkeys(("train", "validation", "test", "early_stopping"), DATES),
        **dict.fromkeys(("train_share", "test_share", "years"), FIGURE),
        **{"regimes": PERIODS, "out_of_sample": YES},
    },
    "comparison": {"change": TEXT, "accuracy": FIGURES},
}


@dataclass(frozen=True, slots=True)
class Report:
    """The sections of one report: what each key says, by kind."""

    name: str
    sections: Mapping[str, Mapping[str, Any]]

    def get(self, section: str, key: str) -> Any:
        return self.sections.get(section, {}).get(key)

    def number(self, section: str, key: str) -> Figure | None:
        value = self.get(section, key)
        return value if isinstance(value, Figure) else None

    def count(self, section: str, key: str) -> int | None:
        """A whole number; DataError where it was given as something else."""
        value = self.number(section, key)
        if value is None:
            return None
        if value.middle != round(value.middle) or value.middle < 0:
            raise DataError(f"{self.name}: {section}.{key}: expected a whole number, got {value.said}")
        return round(value.middle)


def read(path: str | Path) -> list[Report]:
    """The reports of a YAML or JSON file: sections, or `reports:` with sections under each name. ConfigError else."""
    place = Path(path)
    try:
        raw = place.read_bytes()
    except OSError as error:
        raise DataError(f"{place}: {error.strerror}; give a YAML or JSON file of reported figures") from error
    if len(raw) > MAX_BYTES:
        raise DataError(f"{place}: too large; a file of claims has at most {MAX_BYTES:,} bytes")
    return reports(_json(raw, place) if place.suffix.lower() == ".json" else _yaml(raw, place), place.stem)


def _json(raw: bytes, place: Path) -> Any:
    try:
        return json.loads(raw, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not valid JSON: {str(error)[:200]}") from None


def _yaml(raw: bytes, place: Path) -> Any:
    """The data of a YAML text with every number as it was written, since its digits tell how it was rounded."""
    from engine.config.loader import parse

    document = parse(raw, str(place))

    def written(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: written(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [written(item, (*path, k)) for k, item in enumerate(value)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            mark = document.values[path]
            found = re.match(r"[^\s,\]}#]+", document.lines[mark.line - 1][mark.column - 1 :])
            return found.group() if found else str(value)
        return value

    return written(document.data, ())


def reports(told: Any, name: str) -> list[Report]:
    """The reports of parsed data."""
    if not isinstance(told, dict):
        raise ConfigError(f"{name}: expected sections such as {', '.join(list(SECTIONS)[:3])}, got {told!r:.60}")
    if "reports" in told:
        inner = told["reports"]
        if not isinstance(inner, dict) or not inner or set(told) - {"reports", "name"}:
            raise ConfigError(f"{name}: reports: expected names with sections under each, and nothing beside them")
        return [_report(str(key), value) for key, value in inner.items()]
    return [_report(str(told.get("name", name)), {key: value for key, value in told.items() if key != "name"})]


def _report(name: str, told: Any) -> Report:
    from engine.data.words import nearest

    if not isinstance(told, dict) or not told:
        raise ConfigError(f"{name}: expected sections such as {', '.join(list(SECTIONS)[:3])}, got {told!r:.60}")
    out: dict[str, dict[str, Any]] = {}
    for section, items in told.items():
        if section not in SECTIONS:
            raise ConfigError(f"{name}: {section!r:.40} is no section{nearest(str(section), tuple(SECTIONS))}")
        if not isinstance(items, dict):
            raise ConfigError(f"{name}: {section}: expected keys and values, got {items!r:.60}")
        known = SECTIONS[section]
        for key, value in items.items():
            if key not in known:
                raise ConfigError(f"{name}: {section}: {key!r:.40} is no figure of it{nearest(str(key), tuple(known))}")
            if value is not None:
                out.setdefault(section, {})[key] = _value(value, known[key], f"{name}: {section}.{key}")
    return Report(name, out)


def _value(value: Any, kind: str, where: str) -> Any:
    """What a key says, read by its kind."""
    if kind == FIGURE and not isinstance(value, bool | list | dict):
        return figure(str(value), where)
    if kind == FIGURES and isinstance(value, list) and value and not any(isinstance(v, list | dict) for v in value):
        return [figure(str(one), where) for one in value]
    if kind == TEXT and isinstance(value, str):
        return value
    if kind == YES and isinstance(value, bool):
        return value
    if kind == DATES and isinstance(value, list) and len(value) == 2:
        first, last = (_date(one, where) for one in value)
        if first > last:
            raise ConfigError(f"{where}: it ends before it begins: {first} to {last}")
        return (first, last)
    if kind == PERIODS and isinstance(value, dict):
        return {str(key): _value(item, DATES, f"{where}.{key}") for key, item in value.items()}
    raise ConfigError(f"{where}: expected {kind}, got {value!r:.60}")


def _date(value: Any, where: str) -> date:
    text = str(value)
    try:
        return date.fromisoformat(text if len(text) > 4 else f"{text}-01-01")
    except ValueError:
        raise ConfigError(f"{where}: expected a date such as 2020-01-31, got {text!r:.40}") from None
