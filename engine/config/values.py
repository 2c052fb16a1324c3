"""Between values and their writing: short names for messages, and a Config as plain data that can be read back."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from engine.config.loader import describe

described = describe
_BARS = {"cooldown", "time_stop", "rebalance", "resume"}
_WIDE = {"take_profit", "break_even"}  # fractions that may exceed 1, and must then be written with %


def plain(model: BaseModel) -> dict[str, Any]:
    """The model as nested dicts of plain values, every key present, in the order of the fields."""
    out = {name: _plain(name, getattr(model, name)) for name in type(model).model_fields}
    return out | {name: _plain("", value) for name, value in sorted((model.model_extra or {}).items())}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value]
    if name in _BARS and isinstance(value, int):
        return f"{value} bars"
    if name in _WIDE and isinstance(value, float) and value > 1.0:
        return f"{value * 100:.15g}%"
    return value


def dump_yaml(resolved: dict[str, Any]) -> str:
    """Resolved configuration as YAML text, keys in their order."""
    import yaml

    text: str = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=120)
    return text
