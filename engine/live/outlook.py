"""What a session's journal says of how it goes, beside its status: each account in its cone, and the accounts beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import BarcastError
from engine.live import accounts, cone
from engine.live.contrast import contrasted, sentence
from engine.live.course import Days, course_of
from engine.live.within import placed


def outlook(folder: Path) -> dict[str, Any]:
    """`cone`: where equity stands; of several accounts `accounts` with one each, and `against`: each beside the first.

    What cannot be read is said in its place: a status is asked for on bad days too.
    """
    try:
        names = accounts.names_in(folder)
        courses = {name: days_of(folder, name) for name in names or ("",)}
    except BarcastError as error:
        return {"cone": {"said": f"not known: {error}"}}
    cones = {name: {"cone": standing(folder, name, days)} for name, days in courses.items()}
    return {"accounts": cones, "against": against(courses)} if names else cones[""]


def days_of(folder: Path, account: str = "") -> Days:
    """The days of a session, or of one account of it."""
    return course_of(accounts.rows(folder, account)).days()


def standing(folder: Path, account: str, days: Days) -> dict[str, Any]:
    """Where an account stands in its cone."""
    try:
        return placed(cone.read(folder, account), days)
    except BarcastError as error:
        return {"said": f"not known: {error}"}


def against(courses: dict[str, Days]) -> list[dict[str, Any]]:
    """Every later account beside the first."""
    first, *others = courses
    out = []
    for name in others:
        told = contrasted(courses[first], courses[name])
        out.append({"account": name, "first": first, **told, "said": sentence(first, name, told)})
    return out
