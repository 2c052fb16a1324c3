"""Secrets are cut out of whatever is served, however they got there: the last line, not the first."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping
from urllib.parse import quote

HIDDEN = b"***"
NAMES = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|PRIVATE", re.IGNORECASE)
SHORTEST = 8  # characters; shorter values are words


class Scrub:
    """Takes the values out that an environment names as secrets, in any of the shapes they travel in."""

    def __init__(self, environment: Mapping[str, str], more: tuple[str, ...] = ()) -> None:
        named = {value for name, value in environment.items() if NAMES.search(name)}
        values = {value for value in named | set(more) if len(value) >= SHORTEST}
        shapes = {shape for value in values for shape in shapes_of(value)}
        longest = sorted(shapes, key=lambda shape: (-len(shape), shape))
        self.pattern = re.compile(b"|".join(map(re.escape, longest))) if longest else None

    def __call__(self, body: bytes) -> bytes:
        """`body` without secrets."""
        return body if self.pattern is None else self.pattern.sub(HIDDEN, body)


def shapes_of(value: str) -> set[bytes]:
    """A secret as it stands, and as URLs, HTML, JSON, base64 and hex write it."""
    raw = value.encode()
    coded, shown = base64.b64encode(raw), html.escape(value)
    plain = {raw, shown.encode(), json.dumps(value)[1:-1].encode(), json.dumps(shown)[1:-1].encode()}
    urls = {quote(value, safe="").encode(), base64.urlsafe_b64encode(raw), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    return plain | urls | {coded, coded.rstrip(b"="), raw.hex().encode(), raw.hex().upper().encode()}
