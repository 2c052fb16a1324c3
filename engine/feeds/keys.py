"""API keys: from the environment or from a file only its owner can read, shown to nobody."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from engine.errors import ConfigError

KEY, SECRET, FILE = "APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "BARCAST_KEYS"
HIDDEN = "***"


class Keys:
    """A key and its secret. Printing, formatting and pickling show neither; `reveal` is for the client's constructor."""

    __slots__ = ("_key", "_secret")

    def __init__(self, key: str, secret: str) -> None:
        self._key, self._secret = key, secret

    def reveal(self) -> tuple[str, str]:
        """(key, secret)."""
        return self._key, self._secret

    def hide(self, text: str) -> str:
        """`text` without the two, however they were written."""
        for word in (self._secret, self._key):
            for shape in (word, quote(word, safe=""), base64.b64encode(word.encode()).decode(), word.encode().hex()):
                text = text.replace(shape, HIDDEN)
        pair = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
        return text.replace(pair, HIDDEN)

    def __repr__(self) -> str:
        return f"Keys({HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not to be stored")


def alpaca_keys(environment: Mapping[str, str] | None = None) -> Keys:
    """The keys in APCA_API_KEY_ID and APCA_API_SECRET_KEY, else in the file that BARCAST_KEYS names; ConfigError without."""
    given = os.environ if environment is None else environment
    key, secret = given.get(KEY, ""), given.get(SECRET, "")
    if bool(key) != bool(secret):
        raise ConfigError(f"keys: {KEY} and {SECRET} must both be set; {SECRET if key else KEY} is not")
    if not key and given.get(FILE):
        key, secret = _from_file(Path(given[FILE]))
    if not key:
        raise ConfigError(
            f"keys: set {KEY} and {SECRET}, or name a file with both in {FILE}; a free paper account has them"
        )
    for name, value in ((KEY, key), (SECRET, secret)):
        if len(value) < 8 or not value.isascii() or any(c.isspace() for c in value):
            raise ConfigError(
                f"keys: {name} does not look like a key: expected 8 or more letters and digits without spaces"
            )
    return Keys(key, secret)


def _from_file(path: Path) -> tuple[str, str]:
    """The two values of lines NAME=VALUE; refused unless it is a plain file of ours that nobody else can read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"keys: {path} cannot be opened ({error.strerror}); name a plain file in {FILE}") from None
    with os.fdopen(handle, encoding="ascii", errors="replace") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
            mode = stat.S_IMODE(state.st_mode)
            raise ConfigError(f"keys: {path} must be yours alone, it has mode {mode:04o}; chmod 600 {path}")
        lines = file.read(4096).splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    values = [found.get(name, "").strip().strip("\"'") for name in (KEY, SECRET)]
    if not all(values):
        raise ConfigError(f"keys: {path} must have a line {KEY}=... and a line {SECRET}=...")
    return values[0], values[1]
