"""Dates as vendors and spreadsheets write them, as ISO text; 1/2/2009 only where another date of the file says its order."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from engine.errors import DataError

TIME = r"(?:[T ]+(?P<time>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)\s*(?P<zone>Z|UTC|[+-]\d\d:?(?:\d\d)?)?)?"
ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:?\d\d.*)?")
FORMS = (
    ("year first", re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + TIME)),
    ("digits only", re.compile(r"(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)" + TIME)),
    ("a month's name", re.compile(r"(?P<d>\d{1,2})[-/ ](?P<b>[A-Za-z]{3,9})[-/ ,]+(?P<y>\d{4}|\d\d)" + TIME)),
    ("a month's name", re.compile(r"(?P<b>[A-Za-z]{3,9})\.? (?P<d>\d{1,2}),? (?P<y>\d{4})" + TIME)),
)
NUMERIC = re.compile(r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<y>\d{4}|\d\d)" + TIME)
SINCE_1970 = re.compile(r"(1(?:\d{9}|\d{12}|\d{15}|\d{18}))(\.0)?")  # s, ms, us, ns: 2001 to 2033
CLOCK = re.compile(r"(\d{1,2}):?(\d\d)(?::?(\d\d))?")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMES = (
    "january", "february", "march", "april", "june", "july", "august", "september", "sept", "october", "november",
    "december",
)  # fmt: skip
PIVOT = 69  # two digits from here on are of the last century, as POSIX has it

Place = Callable[[int], int]


def iso(cells: list[str], name: str, place: Place, where: str) -> tuple[list[str], list[str]]:
    """(R,) ISO texts ("" none) and what was read how; DataError with the line of one that says no date, or two."""
    order = ""
    out, told = [], dict[str, tuple[str, int]]()
    for k, cell in enumerate(cells):
        text = cell.strip().strip("'")
        if not text or ISO.fullmatch(text):
            out.append(text)
            continue
        numeric = NUMERIC.fullmatch(text)
        if numeric and not order:
            order, proof = _order(cells, place, where)
            told[f"{order} ({proof})"] = (text, 0)
        parsed = (order, *_numeric(numeric, order)) if numeric else _named(text)
        if parsed is None or not _exists(parsed[1]):
            raise DataError(
                f"{where}:{place(k)}: {name} is {cell[:60]!r}; expected an ISO date such as 2024-12-31. Correct the line"
            )
        out.append(parsed[1])
        how = next((word for word in told if word.startswith(f"{parsed[0]} (")), parsed[0])
        told[how] = (told.get(how, (text, 0))[0], told.get(how, (text, 0))[1] + 1)
        if parsed[2]:
            told.setdefault("two-digit years are 1969 to 2068", (text, 0))
    return out, [
        f"{count} dates such as {first!r} are read as {how}" if count else f"{how} ({first!r})"
        for how, (first, count) in told.items()
    ]


def with_clock(dates: list[str], clocks: list[str], place: Place, where: str) -> list[str]:
    """Dates and the times of day in a column of their own as one text; dates alone where every clock is at 0:00."""
    out, idle = [], True
    for k, (date, clock) in enumerate(zip(dates, clocks, strict=True)):
        text = clock.strip()
        found = CLOCK.fullmatch(text.zfill(6) if text.isdigit() and len(text) > 4 else text.zfill(4))
        if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
            raise DataError(
                f"{where}:{place(k)}: the time of day is {clock!r}; expected one such as 16:00. Correct the line"
            )
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        idle = idle and not (hour or minute or second)
        out.append(f"{date} {hour:02}:{minute:02}:{second:02}")
    return dates if idle else out


def _named(text: str) -> tuple[str, str, bool] | None:
    """How it is written, the ISO text and whether its year has two digits; None for another thing."""
    since = SINCE_1970.fullmatch(text)
    if since:
        unit = {10: "s", 13: "ms", 16: "us", 19: "ns"}[len(since[1])]
        return f"{unit} since 1970 in UTC", f"{np.int64(since[1]).astype(f'datetime64[{unit}]')}Z", False
    for how, form in FORMS:
        found = form.fullmatch(text)
        if found:
            part = found.groupdict()
            month = _month(part["b"]) if "b" in part else int(part["m"])
            return how, _text(part["y"], month, int(part["d"]), part), len(part["y"]) == 2
    return None


def _numeric(found: re.Match[str], order: str) -> tuple[str, bool]:
    day, month = ("one", "two") if order == "day/month/year" else ("two", "one")
    return _text(found["y"], int(found[month]), int(found[day]), found.groupdict()), len(found["y"]) == 2


def _text(year: str, month: int, day: int, part: dict[str, str | None]) -> str:
    whole = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= PIVOT else 2000)
    time = part["time"]
    clock = "" if time is None else " " + (time if time[1:2] != ":" else f"0{time}")
    zone = (part["zone"] or "").replace("UTC", "Z")
    return f"{whole:04}-{month:02}-{day:02}{clock}{zone}"


def _month(name: str | None) -> int:
    """1 to 12; 0 for a word that is no month in English."""
    word = (name or "").casefold()
    return MONTHS.index(word[:3]) + 1 if word in MONTHS or word in NAMES else 0


def _exists(text: str) -> bool:
    try:
        np.datetime64(text[:10])
    except ValueError:
        return False
    return True


def _order(cells: list[str], place: Place, where: str) -> tuple[str, str]:
    """Which order the dates of the file have, and the date that shows it; DataError where none does, or two disagree."""
    shown: dict[str, tuple[int, str]] = {}
    first: tuple[int, str] | None = None
    for k, cell in enumerate(cells):
        found = NUMERIC.fullmatch(cell.strip().strip("'"))
        if found is None:
            continue
        first = first or (k, cell.strip())
        if int(found["one"]) > 12 >= int(found["two"]):
            shown.setdefault("day/month/year", (k, cell.strip()))
        elif int(found["two"]) > 12 >= int(found["one"]):
            shown.setdefault("month/day/year", (k, cell.strip()))
    if len(shown) == 1:
        order, (k, text) = next(iter(shown.items()))
        return order, f"line {place(k)} has {text}"
    if shown:
        (k, day), (j, month) = shown["day/month/year"], shown["month/day/year"]
        raise DataError(
            f"{where}:{place(max(k, j))}: dates have two orders, {day!r} in line {place(k)} and {month!r} in line "
            f"{place(j)}; expected one. Write them as 2024-12-31"
        )
    k, text = first or (0, "")
    raise DataError(
        f"{where}:{place(k)}: date {text!r} has two meanings, and no date of the file tells whether the day or the month "
        f"comes first; expected ISO dates. Write them as 2024-12-31"
    )
