"""A Config as plain data and as YAML, both of which can be read back to an equal one."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from engine.config.gates import Trailing

_BARS = {"cooldown", "time_stop", "rebalance", "resume"}  # keys of ours whose numbers count bars
_WIDE = {"take_profit", "break_even", "long", "short"}  # fractions that may exceed 1, and must then be written with %


def plain(model: BaseModel) -> dict[str, Any]:
    """The model as nested dicts of plain values, every key present, in the order of the fields; a plugin's arguments sorted."""
    out: dict[str, Any] = {name: in_file(name, getattr(model, name)) for name in type(model).model_fields}
    return {**out, **_sorted(model.model_extra or {})}


def in_file(name: str, value: Any) -> Any:
    """One value as a file would say it under the key `name`."""
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, dict):
        return {key: in_file("", item) for key, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Trailing):
        return str(value)
    if name in _BARS and isinstance(value, int):
        return f"{value} bars"
    if name in _WIDE and isinstance(value, float) and value > 1.0:
        return f"{value * 100:.15g}%"
    return value


def _sorted(value: Any) -> Any:
    """Arguments as they were said, mappings in one order."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def dump_yaml(resolved: dict[str, Any]) -> str:
    """Resolved configuration as YAML text, keys in their order. Text that anybody's YAML could take for a number is quoted."""
    import yaml

    from engine.config.loader import read_scalar

    class Dumper(yaml.SafeDumper):
        """PyYAML quotes what YAML 1.1 would not read as text; `1e5` and `0o17` are numbers of YAML 1.2 alone."""

    def text(dumper: Any, value: str) -> Any:
        style = None if isinstance(read_scalar(value), str) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
    out: str = yaml.dump(resolved, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
    return out
