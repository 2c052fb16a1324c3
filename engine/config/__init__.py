"""A strategy file becomes a Config: loader (text to values and marks), units, models, problems, overrides, schema."""

from __future__ import annotations

from engine.config.loading import load, refusal
from engine.config.models import Config
from engine.config.schema import schema, schema_text
from engine.config.values import dump_yaml

__all__ = ["Config", "dump_yaml", "load", "refusal", "schema", "schema_text"]
