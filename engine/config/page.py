"""Every key of a strategy file as a page of Markdown, from the models themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.config.feeds import FeedSpec
from engine.config.models import Config
from engine.config.rules import OrderFile, PythonStrategy, Quintile, SignalSpec, Threshold
from engine.config.sections import Exposure, InAtr, InverseVolatility, RiskPerTrade
from engine.config.switches import LosingStreak, RollingSharpe, SigmaLoss, Switch
from engine.config.values import in_file

HEAD = """# The keys of a strategy file

`name`, `data` and `strategy` must be said; every other key has the default shown, mostly off or neutral. Fractions are `2%`,
`10 bps` or 0.02; bars are `20 bars`; null is off. `barcast schema` prints the same as JSON Schema for editors.
"""
STRATEGIES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("strategy: {rule: threshold, ...}", Threshold),
    ("strategy: {rule: quintile, ...}", Quintile),
    ("strategy: {rule: orders, ...}", OrderFile),
    ("strategy: {rule: NAME, ...}", PythonStrategy),
)
PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("exits: {stop_loss: {...}}, likewise take_profit and trailing_stop", InAtr),
    ("sizing: {exposure: {...}}", Exposure),
    ("sizing: {inverse_volatility: {...}}", InverseVolatility),
    ("sizing: {atr: {...}}", RiskPerTrade),
    ("switches: {max_drawdown: {...}}, likewise daily_loss", Switch),
    ("switches: {sigma_loss: {...}}", SigmaLoss),
    ("switches: {rolling_sharpe: {...}}", RollingSharpe),
    ("switches: {losing_streak: {...}}", LosingStreak),
)


def page() -> str:
    """The page: the file as a whole, then each section, the rules, and what stands in braces."""
    sections: list[tuple[str, type[BaseModel]]] = [
        (f"{name}:", kind)
        for name, field in Config.model_fields.items()
        if isinstance(kind := field.annotation, type) and issubclass(kind, BaseModel)
    ]
    tables: list[tuple[str, type[BaseModel]]] = [
        ("The whole file", Config),
        *sections,
        ("signals: {NAME: {...}}", SignalSpec),
        ("feed: {...}", FeedSpec),
        *STRATEGIES,
        *PARTS,
    ]
    return HEAD + "".join(table(title, kind) for title, kind in tables)


def table(title: str, kind: type[BaseModel]) -> str:
    """A heading and a line per key."""
    lines = [f"\n## `{title}`\n" if title != "The whole file" else f"\n## {title}\n"]
    if kind.__doc__:
        lines.append(f"{kind.__doc__.strip().splitlines()[0]}\n")
    lines += ["| key | what | default |", "|---|---|---|"]
    lines += [f"| `{name}` | {told(field)} | {default(name, field)} |" for name, field in kind.model_fields.items()]
    return "\n".join(lines) + "\n"


def told(field: FieldInfo) -> str:
    """What a key means, with an example where it has one."""
    text = (field.description or "").replace("|", "\\|")
    if not field.examples:
        return text
    example = field.examples[0]
    return f"{text}; such as `{'[' + ', '.join(example) + ']' if isinstance(example, list) else example}`"


def default(name: str, field: FieldInfo) -> str:
    """The default as a file would say it."""
    if field.is_required():
        return "must be said"
    value: Any = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "null"
    shown = in_file(name, value)
    if isinstance(shown, bool):
        return "`true`" if shown else "`false`"
    return f"`{shown:g}`" if isinstance(shown, float) else f"`{shown}`"
