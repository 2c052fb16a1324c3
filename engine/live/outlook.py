"""What a session's journal says of how it goes, beside its status: its place within its cone. Read, never written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import journal
from engine.errors import BarcastError
from engine.live import cone
from engine.live.course import course_of
from engine.live.tape import JOURNAL
from engine.live.within import placed


def outlook(folder: Path) -> dict[str, Any]:
    """`cone`: where equity stands. What cannot be read is said there: a status is asked for on bad days too."""
    try:
        days = course_of(journal.read(folder / JOURNAL)).days()
        return {"cone": placed(cone.read(folder), days)}
    except BarcastError as error:
        return {"cone": {"said": f"not known: {error}"}}
