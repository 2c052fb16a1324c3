"""The JSON Schema (draft-07) of a strategy file, for editors."""

from __future__ import annotations

import json
from typing import Any

from engine.config.models import Config

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema() -> dict[str, Any]:
    """The schema as a dict: definitions instead of $defs, and no tuple constructs that draft-07 lacks."""
    raw = Config.model_json_schema()
    text = json.dumps(raw).replace('"#/$defs/', '"#/definitions/')
    out = json.loads(text)
    out["definitions"] = out.pop("$defs", {})
    return {"$schema": DRAFT, **_plain(out)}


def _plain(node: Any) -> Any:
    """`node` without what draft-07 does not know."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items() if key not in ("discriminator",)}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return node


def schema_text() -> str:
    """The schema as the text of configs/schema.json."""
    return json.dumps(schema(), indent=2) + "\n"
