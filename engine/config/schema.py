"""The JSON Schema (draft-07) of a strategy file, for editors."""

from __future__ import annotations

import json
from typing import Any

from engine.config.kinds import BARS
from engine.config.models import Config

DRAFT = "http://json-schema.org/draft-07/schema#"


def schema() -> dict[str, Any]:
    """The schema as a dict: definitions instead of $defs, and no construct that draft-07 lacks."""
    raw = Config.model_json_schema(ref_template="#/definitions/{model}")
    definitions = raw.pop("$defs", {})
    return {"$schema": DRAFT, "title": "A barcast strategy file", **_plain({**raw, "definitions": definitions})}


def _plain(node: Any, names: bool = False) -> Any:
    """`node` without what draft-07 or a reader does not need; `names`: its keys are names of ours, not of JSON Schema."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _plain(value) for key, value in node.items()}
    out = {
        key: _plain(value, names=key in ("properties", "definitions"))
        for key, value in node.items()
        if key not in ("title", "discriminator") and not (key == "default" and isinstance(value, dict))
    }
    if "$ref" in out:  # draft-07 ignores whatever stands beside a $ref
        return {"allOf": [{"$ref": out.pop("$ref")}], **out} if len(out) > 1 else out
    if out.get("pattern") == BARS and isinstance(out.get("default"), int):
        out["default"] = f"{out['default']} bars"
    return out


def schema_text() -> str:
    """The schema as the text of configs/schema.json."""
    return json.dumps(schema(), indent=2) + "\n"
