"""What every model of a strategy file shares, and the free arguments that plugins take."""

from __future__ import annotations

import copy
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from engine.config.problems import At, Mistakes


class Model(BaseModel):
    """Strict and frozen: an unknown key is a mistake, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def _fill(self, key: str, value: Any) -> None:
        """Give a key that was left out the value that follows from the others; for validators only."""
        object.__setattr__(self, key, value)


class WithArguments(BaseModel):
    """A plugin's part of the file: whatever is no key of ours is an argument of the plugin."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    @property
    def params(self) -> dict[str, Any]:
        """The plugin's own arguments: plain scalars, lists and mappings, a copy."""
        return copy.deepcopy(self.model_extra or {})

    @model_validator(mode="after")
    def _finite(self) -> WithArguments:
        wrong = endless(self.model_extra or {})
        if wrong:
            raise Mistakes(wrong)
        return self


def endless(value: Any, path: tuple[str | int, ...] = ()) -> list[At]:
    """Every number inside `value` that is not finite: it could neither be hashed nor written as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return [At(path, f"expected a number, got {value}; it must be finite")]
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [wrong for key, item in items for wrong in endless(item, (*path, key))]
    return []
