"""YAML text -> plain values and the marks they stood at. Strict: what could surprise or attack is refused before it is built.

Events are scanned first (no anchors, aliases, tags, directives, second documents; bounded size and depth), then nodes are
composed, then scalars are read by the YAML 1.2 core rules: `010` is 10, `NO` is text, `12:30` is text, `1e-4` a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from engine.config.problems import Mark, Problem, refuse
from engine.errors import ConfigError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_VALUES = 100_000  # the slowest megabyte is one of commas
LONGEST_INT = 300  # digits: a float holds no longer one, and Python is slow (and refuses) to read very long ones

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {
    **{f"{sign}.{word}": float(sign + "inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
    **{f".{word}": float("nan") for word in ("nan", "NaN", "NAN")},
}
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HINTS = {
    "mapping values are not allowed": "; a value with `: ` in it needs quotes",
    "but got ':'": "; a value with `: ` in it needs quotes, or braces if it holds keys",
    r"found character '\t'": "; indent with spaces",
    "that cannot start any token": "; put the value in quotes",
}


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says: plain `data`, and the mark of every key and value by its path."""

    data: Any
    keys: dict[tuple[str | int, ...], Mark]  # where the key (or list item) stands
    values: dict[tuple[str | int, ...], Mark]  # where its value stands
    lines: tuple[str, ...]
    name: str

    def refusal(self, mark: Mark, message: str, path: tuple[str | int, ...] = ()) -> ConfigError:
        """The error of one problem in this text."""
        return refuse(self.name, self.lines, [Problem(mark, ".".join(map(str, path)), message)])


def read_scalar(text: str) -> Any:
    """The value of an unquoted YAML 1.2 core scalar; an integer that no float can hold is infinite."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        if len(text) > LONGEST_INT:
            return float("-inf" if text[0] == "-" else "inf")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if text in _SPECIAL:
        return _SPECIAL[text]
    return float(text) if _FLOAT.fullmatch(text) else text


def parse(raw: bytes | str, name: str, needs: str = "name, data, signals and strategy") -> Document:
    """The Document of one YAML text; ConfigError with line and column otherwise. An empty one is told what it `needs`."""
    text = _decode(raw, name)
    document = Document({}, {}, {}, tuple(text.splitlines()), name)
    bad = unprintable(text)
    if bad is not None:
        raise document.refusal(_mark_at(text, bad), f"control character {ord(text[bad]):#04x}; remove it")
    loader = yaml.SafeLoader(text)
    try:
        _scan(loader, document)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _not_yaml(error, document) from None
    except (ValueError, OverflowError):  # PyYAML's own, from escapes beyond Unicode and endless version numbers
        mark = loader.get_mark()
        said = "not valid YAML: an escape or a version here is out of range"
        raise document.refusal(Mark(mark.line + 1, mark.column + 1), said) from None
    if node is None:
        raise document.refusal(Mark(1, 1), f"the file is empty; it needs {needs}")
    data = _build(node, (), document)
    if not isinstance(data, dict):
        raise document.refusal(_mark(node), f"expected keys and values, got {describe(data)}")
    return Document(data, document.keys, document.values, document.lines, name)


def _not_yaml(error: yaml.YAMLError, document: Document) -> ConfigError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    hint = next((way for words, way in _HINTS.items() if words in said), "")
    return document.refusal(where, f"not valid YAML: {said}{hint}")


def unprintable(text: str) -> int | None:
    """Where `text` holds something that is no text (a control character, half a character), or None."""
    found = _UNPRINTABLE.search(text)
    return found.start() if found else None


def _mark_at(text: str, index: int) -> Mark:
    lines = (text[:index] + "x").splitlines()
    return Mark(len(lines), len(lines[-1]))


def _decode(raw: bytes | str, name: str) -> str:
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise refuse(name, (), [Problem(Mark(1, 1), "", f"too large; a strategy file has at most {MAX_BYTES:,} bytes")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        mark = _mark_at(before, len(before))
        raise refuse(name, (), [Problem(mark, "", "not UTF-8 text; save the file as UTF-8")]) from None


def _scan(loader: yaml.SafeLoader, document: Document) -> None:
    """Refuse what the grammar leaves out, before any node is built."""
    depth = documents = values = 0
    while loader.check_event():
        event: Any = loader.get_event()  # type: ignore[no-untyped-call]
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
        values += isinstance(event, yaml.NodeEvent)
        if values > MAX_VALUES:
            said = f"more than {MAX_VALUES:,} values; a strategy file holds a strategy, and data.path its data"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                said = f"nested deeper than {MAX_DEPTH} levels"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if said:
            raise document.refusal(Mark(event.start_mark.line + 1, event.start_mark.column + 1), said)


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _build(node: yaml.Node, path: tuple[str | int, ...], document: Document) -> Any:
    document.values[path] = _mark(node)
    document.keys.setdefault(path, _mark(node))
    if isinstance(node, yaml.ScalarNode):
        text = _text(node, document)
        return text if node.style in ("'", '"', "|", ">") else read_scalar(text)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, k), document) for k, item in enumerate(node.value)]
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise document.refusal(_mark(key_node), "a key must be a plain word")
        key = _text(key_node, document)
        here = (*path, key)
        if key in out:
            first = document.keys[here]
            said = f"said twice; it first stands on line {first.line}, column {first.column}"
            raise document.refusal(_mark(key_node), said, here)
        document.keys[here] = _mark(key_node)
        out[key] = _build(value_node, here, document)
    return out


def _text(node: yaml.ScalarNode, document: Document) -> str:
    """A scalar's text; escapes in quotes can still hold what the file itself may not."""
    text = str(node.value)
    bad = unprintable(text)
    if bad is not None:
        raise document.refusal(_mark(node), f"control character {ord(text[bad]):#04x}; remove its escape")
    return text


def describe(value: Any) -> str:
    """A short name of a value for a message: its text, quoted if it was text."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."
