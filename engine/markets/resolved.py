"""Settings as plain data that reads back to equal settings: every key explicit, but for those that do not apply."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator

from engine.config import units
from engine.markets.parts import HOMES, rate
from engine.markets.settings import PLAIN_KEYS, Settings

PERCENT = (units.wide, units.gain, rate)  # readers that take more than 1 only with its unit
BARS = (units.bars, units.some_bars)  # and that take no number without one


def resolved(settings: Settings) -> dict[str, Any]:
    """`settings` as JSON and YAML can hold them."""
    out: dict[str, Any] = _plain(settings)
    if settings.mode == "plain":
        out = {key: out[key] for key in PLAIN_KEYS}
    out["signal"] = {
        key: value
        for key, value in out["signal"].items()
        if HOMES.get(key, settings.signal.shape) == settings.signal.shape
    }
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {name: _written(getattr(value, name), field.metadata) for name, field in fields.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _written(value: Any, metadata: list[Any]) -> Any:
    """A value with the unit that its reader asks for."""
    readers = [item.func for item in metadata if isinstance(item, BeforeValidator)]
    if any(reader in BARS for reader in readers):
        return f"{value} bars"
    if any(reader in PERCENT for reader in readers) and abs(value) > 1.0:
        return f"{value * 100:.15g}%"
    return _plain(value)
