"""Numbers as vendors and spreadsheets write them: "1,234.50", "1.234,50", "$12", "-" for none, "1.2M" of volume."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from engine.errors import DataError
from engine.types import Floats

EMPTY = frozenset(("", "nan", "NaN", "null", "None", "N/A"))
DASHES = frozenset(("-", "--", "–", "—", "#N/A", "n/a", "NA", "NULL", "none"))
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?\d{1,3}((,\d{3})+|(,\d\d)*,\d{3})(\.\d*)?")  # also 1,23,45,678 as in India
CONTINENTAL = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
MONEY = re.compile(r"^([+-]?)\s*[$€£¥₹]\s*|\s*[$€£¥₹]$")
SCALES = {"K": 1e3, "M": 1e6, "B": 1e9}
POINT = re.compile(r"\d\.(\d{1,2}|\d{4,})$|,\d+\.\d*$")  # a point that can only part the decimals
COMMA = re.compile(r"^[^,]*\d,(\d{1,2}|\d{4,})$|\.\d+,\d*$")

Place = Callable[[int], int]  # the line of a row


def decimal(columns: Iterable[list[str]], place: Place, where: str) -> str:
    """What parts the decimals in a file whose numbers have commas: "." or ","; DataError where nothing tells which."""
    point: tuple[int, str] | None = None
    comma: tuple[int, str] | None = None
    doubtful: tuple[int, str] | None = None
    for column in columns:
        for k, cell in enumerate(column):
            if "," not in cell:
                if point is None and "." in cell and POINT.search(cell.strip()):
                    point = (k, cell)
            elif COMMA.search(cell.strip()) and not GROUPED.fullmatch(MONEY.sub(r"\1", cell.strip())):
                comma = comma or (k, cell)
            elif POINT.search(cell.strip()) or cell.count(",") > 1:
                point = point or (k, cell)
            else:
                doubtful = doubtful or (k, cell)
    if point and comma:
        raise DataError(
            f"{where}:{place(comma[0])}: {comma[1]!r} has a decimal comma, {point[1]!r} in line {place(point[0])} has "
            f"a decimal point; expected one of them throughout. Convert the file"
        )
    if doubtful and not point and not comma:
        k, cell = doubtful
        raise DataError(
            f"{where}:{place(k)}: {cell!r} may be {repr(cell.replace(',', ''))[1:-1]} or {repr(cell.replace(',', '.'))[1:-1]}, "
            f"and nothing in the file tells which; expected numbers without separators. Convert the file"
        )
    return "," if comma else "."


def numbers(cells: list[str], word: str, mark: str, place: Place, where: str) -> tuple[Floats, dict[str, int]]:
    """A column as float64 (NaN none) and how many of its cells were written in which odd way; DataError with the line."""
    values = np.full(len(cells), np.nan)
    told: dict[str, int] = {}
    for k, cell in enumerate(cells):
        text = cell.strip()
        if mark == "." and PLAIN.fullmatch(text):
            values[k] = float(text)
        elif text in EMPTY:
            continue
        else:
            value, how = _number(text, word, mark)
            if how is None:
                raise DataError(
                    f"{where}:{place(k)}: {word} is {cell[:60]!r}; expected a number. Correct the line or leave it empty"
                )
            values[k] = value
            if how:
                told[how] = told.get(how, 0) + 1
    return values, told


def _number(text: str, word: str, mark: str) -> tuple[float, str | None]:
    """One number and the oddity it was written with ("" none); None for no number at all."""
    if text in DASHES:
        return float("nan"), f"{text!r} is read as not known"
    bare = MONEY.sub(r"\1", text)
    scale = SCALES.get(bare[-1:].upper(), 1.0) if word == "volume" else 1.0
    digits = bare[:-1].strip() if scale != 1.0 else bare
    how = "a mark of money is left out" if bare != text else "K, M and B stand for thousands and more"
    how = how if digits != text else ""
    if mark == ".":
        if PLAIN.fullmatch(digits):
            return float(digits) * scale, how
        if GROUPED.fullmatch(digits):
            return float(digits.replace(",", "")) * scale, "commas group the digits"
    elif CONTINENTAL.fullmatch(digits):
        return float(digits.replace(".", "").replace(",", ".")) * scale, "a comma parts the decimals"
    return float("nan"), None
