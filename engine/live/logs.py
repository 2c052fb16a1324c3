"""The log of a session: words for people, never a source of anything. The journal is the record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from engine.data.words import in_line

FILE = "log.txt"
FORMAT = "{time:YYYY-MM-DD HH:mm:ss} {level: <7} {message}"
ROTATION, RETENTION = "5 MB", 5


@contextmanager
def logging_to(folder: Path, screen: TextIO | None) -> Iterator[Any]:
    """loguru's logger, writing to the session's log file, and its warnings to `screen`; taken down again afterwards.

    A message is one line of what can be seen: what an exchange says may hold a terminal's commands, or a line that we never wrote.
    """
    from loguru import logger

    def seen(record: Any) -> None:
        record["message"] = in_line(record["message"])

    logger.remove()
    places = [logger.add(folder / FILE, format=FORMAT, rotation=ROTATION, retention=RETENTION, diagnose=False)]
    if screen is not None:
        places.append(logger.add(screen, format="{message}", level="WARNING", diagnose=False))
    try:
        yield logger.patch(seen)
    finally:
        for place in places:
            logger.remove(place)
