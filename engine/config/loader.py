"""YAML text -> plain values and the marks they stood at. Strict: what could surprise or attack is refused before it is built.

Events are scanned first (no anchors, aliases, tags, directives, second documents; bounded size and depth), then nodes are
composed, then scalars are read by the YAML 1.2 core rules: `010` is 10, `NO` is text, `12:30` is text, `1e-4` is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from engine.config.problems import Mark, Problem, refuse

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^[-+]?[0-9]+$|^0o[0-7]+$|^0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_SPECIAL = {
    **{f"{sign}.{word}": float(sign + "inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
    **{f".{word}": float("nan") for word in ("nan", "NaN", "NAN")},
}


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says: plain `data`, and the mark of every key and value by its path."""

    data: Any
    keys: dict[tuple[str | int, ...], Mark]  # where the key (or list item) stands
    values: dict[tuple[str | int, ...], Mark]  # where its value stands
    lines: tuple[str, ...]
    name: str


def read_scalar(text: str) -> Any:
    """The value of an unquoted YAML 1.2 core scalar."""
    if _NULL.match(text):
        return None
    if _BOOL.match(text):
        return text[0] in "tT"
    if _INT.match(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _FLOAT.match(text):
        return float(text)
    return text


def parse(raw: bytes | str, name: str) -> Document:
    """The Document of one YAML text; ConfigError with line and column otherwise."""
    text = _decode(raw, name)
    lines = tuple(text.splitlines())
    try:
        _scan(text, name, lines)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise refuse(name, lines, [Problem(where, "", f"not valid YAML: {said}")]) from None
    document = Document({}, {}, {}, lines, name)
    if node is None:
        raise refuse(
            name, lines, [Problem(Mark(1, 1), "", "the file is empty; it needs name, data, signals and strategy")]
        )
    data = _build(node, (), document)
    if not isinstance(data, dict):
        raise refuse(name, lines, [Problem(_mark(node), "", f"expected keys and values, got {describe(data)}")])
    return Document(data, document.keys, document.values, lines, name)


def _decode(raw: bytes | str, name: str) -> str:
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise refuse(
            name, (), [Problem(Mark(1, 1), "", f"{len(raw):,} bytes; a strategy file has at most {MAX_BYTES:,}")]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise refuse(name, (), [Problem(Mark(line, column), "", "not UTF-8 text; save the file as UTF-8")]) from None
    bad = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - (text.rfind("\n", 0, bad.start()) + 1) + 1
        problem = Problem(Mark(line, column), "", f"control character {ord(bad.group()):#04x}; remove it")
        raise refuse(name, (), [problem])
    return text


def _scan(text: str, name: str, lines: tuple[str, ...]) -> None:
    """Refuse what the grammar leaves out, before any node is built."""
    depth = documents = 0
    event: Any
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        said = None
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                said = "a second document starts here; a file holds one strategy"
            elif event.version or event.tags:
                said = "directives (%...) are not used here; remove the line"
        elif isinstance(event, yaml.AliasEvent):
            said = f"aliases (*{event.anchor}) are not used here; write the value out"
        elif getattr(event, "anchor", None):
            said = f"anchors (&{event.anchor}) are not used here; remove it"
        elif getattr(event, "tag", None):
            said = f"tags ({event.tag}) are not used here; remove it"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                said = f"nested deeper than {MAX_DEPTH} levels"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if said:
            raise refuse(name, lines, [Problem(Mark(event.start_mark.line + 1, event.start_mark.column + 1), "", said)])


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _build(node: yaml.Node, path: tuple[str | int, ...], document: Document) -> Any:
    document.values[path] = _mark(node)
    document.keys.setdefault(path, _mark(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style in ("'", '"', "|", ">") else read_scalar(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, k), document) for k, item in enumerate(node.value)]
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, document)
        here = (*path, key)
        if key in out:
            first = document.keys[here]
            said = f"{'.'.join(map(str, here))}: said twice; it first stands on line {first.line}"
            raise refuse(document.name, document.lines, [Problem(_mark(key_node), "", said)])
        document.keys[here] = _mark(key_node)
        out[key] = _build(value_node, here, document)
    return out


def _key(node: yaml.Node, document: Document) -> str:
    if not isinstance(node, yaml.ScalarNode):
        problem = Problem(_mark(node), "", "a key must be a plain word")
        raise refuse(document.name, document.lines, [problem])
    return str(node.value)


def describe(value: Any) -> str:
    """A short name of a value for a message: its text, quoted if it was text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    return repr(value)
