"""Every key of a recipe as a page of Markdown, from the models themselves: docs/recipes.md."""

from __future__ import annotations

import json
import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.config.page import default, told
from signals.models.architectures import ARCHITECTURES
from signals.training.lengths import ENDLESS
from signals.training.recipe import (
    Architecture,
    Label,
    Loss,
    Plateau,
    Recipe,
    Scaling,
    Shares,
    Training,
    WalkForward,
)
from signals.tuning.section import Tune, Tuned

HEAD = """# The keys of a recipe

`name`, `data`, `features`, `window`, `model` and `loss` must be said; every other key has the default shown. `data` and `universe`
are [those of a strategy file](keys.md). What a recipe is for: [training](training.md).
"""
SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The whole recipe", Recipe),
    ("`label:`", Label),
    ("`model:`", Architecture),
    *((f"`model: {{kind: {kind}, ...}}`", shape) for kind, shape in ARCHITECTURES.items()),
    ("`loss:`", Loss),
    ("`scaler:`", Scaling),
    ("`split:`", Shares),
    ("`walkforward:`", WalkForward),
    ("`training:`", Training),
    ("`training: {plateau: {...}}`", Plateau),
    ("`tune:`", Tune),
    ("`tuned:`", Tuned),
)
QUOTES = "\"'"
KINDS = {
    "Text": "text",
    "Annotated[Text, Field(pattern='^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$')]": "text of letters, digits, dot, dash, underscore",
    "YesNo": "true or false",
    "bool": "true or false",
    "Count": "whole number, 1 or more",
    "Annotated[Count, Field(le=2000)]": "whole number, 1 to 2000",
    "Annotated[int, Field(ge=1, le=8)]": "whole number, 1 to 8",
    "Units": "whole number, 1 to 1024",
    "Annotated[list[Units], Field(min_length=3, max_length=3)]": "three whole numbers, 1 to 1024",
    "Annotated[list[Units], Field(min_length=2, max_length=2)]": "two whole numbers, 1 to 1024",
    "Annotated[float, Field(ge=-10.0, le=10.0)]": "number, -10 to 10",
    "Whole": "whole number, 0 or more",
    "Positive": "number above 0",
    "Amount": "number, 0 or more",
    "Dropout": "number, 0 to below 1",
    "Fraction": "share, such as `2%`",
    "Distance": "share, such as `50%`",
    "Bars": "`5 bars`",
    "Date": "date",
    "Stretch": "length, such as `8 years`, `6 months`, `500 bars`",
    "Wall": "time, such as `30 minutes`",
    "tuple[float, float]": "two numbers",
    "dict[str, tuple[float, ...]]": "numbers by measure",
    "dict[str, Any]": "values by key",
    "Any": "share, or two dates",
    "None": "null",
}  # a kind that has no words here is a KeyError, and so is seen


def page() -> str:
    """The page: a table of key, type, what and default for each section."""
    return HEAD + "".join(table(title, kind) for title, kind in SECTIONS)


def table(title: str, kind: type[BaseModel]) -> str:
    """A heading and a line per key; the inputs of a net are what its features are, and no key."""
    lines = [f"\n## {title}\n"]
    if kind.__doc__:
        first = re.sub(r"^[A-D]: ", "", kind.__doc__.strip().splitlines()[0])
        lines.append(f"{first[0].upper()}{first[1:]}\n")
    lines += ["| key | type | what | default |", "|---|---|---|---|"]
    for name, field in kind.model_fields.items():
        if issubclass(kind, tuple(ARCHITECTURES.values())) and name in ("kind", "inputs"):
            continue
        lines.append(f"| `{name}` | {kind_of(kind, name)} | {meant(field)} | {usual(name, field)} |")
    return "\n".join(lines) + "\n"


def kind_of(model: type[BaseModel], name: str) -> str:
    """What a key's value may be, in words."""
    text = next(
        vars(one)["__annotations__"][name] for one in model.__mro__ if name in vars(one).get("__annotations__", {})
    )
    literal = re.fullmatch(r"Literal\[(.*)\]( \| None)?", text)
    if literal:
        return ", ".join(f"`{word.strip().strip(QUOTES)}`" for word in literal.group(1).split(",")) + (
            ", null" if literal.group(2) else ""
        )
    parts = text.split(" | ")
    words = ["section" if is_section(part) else KINDS[part.replace('"', "'").replace("r'", "'")] for part in parts]
    return " or ".join(words)


def is_section(part: str) -> bool:
    """Whether a part of an annotation is a model of ours, which has a table of its own."""
    return part in {one.__name__ for _, one in SECTIONS} | {"Data", "Universe"}


def meant(field: FieldInfo) -> str:
    """What a key means; an example in braces as a file would have it."""
    example = field.examples[0] if field.examples else None
    return f"{field.description}; such as `{json.dumps(example)}`" if isinstance(example, dict) else told(field)


def usual(name: str, field: FieldInfo) -> str:
    """The default as a recipe would say it."""
    if name == "embargo":
        return "what a label reaches"
    return "no limit" if field.default == ENDLESS else default(name, field)
