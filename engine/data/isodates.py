"""ISO texts as Arrow dates or UTC times, one kind throughout; whatever is odd is refused with its line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.data.columns import canonical
from engine.data.stamps import MIDNIGHT, days_of_a_zone, kind_of, mixed
from engine.errors import DataError

Place = Callable[[int], int]  # the line of a row


def all_dated(texts: Any, name: str, place: Place, where: str) -> None:
    """DataError with the line that has no date; `texts` are Arrow text, or a list."""
    import pyarrow as pa
    import pyarrow.compute as pc

    k = pc.index(pa.array(texts, pa.string()) if isinstance(texts, list) else texts, "").as_py()
    if k >= 0:
        raise DataError(f"{where}:{place(k)}: {name} is empty; expected a date. Drop the line")


def dates(column: Any, name: str, place: Place, where: str) -> Any:
    """ISO dates as date32, ISO times as UTC timestamps; empty is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    midnights = pc.all(pc.match_substring_regex(column, MIDNIGHT)).as_py()
    if midnights and days_of_a_zone(column.drop_null().unique().to_pylist(), canonical(name)):
        column = pc.utf8_slice_codeunits(column, 0, len("2024-12-31"))
    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            found = column.cast(kind)
        except pa.ArrowInvalid:
            continue
        if kind == pa.timestamp("ns"):
            _no_bare_dates(column, found, place, name, where)
        return found
    for k, text in enumerate(column.to_pylist()):
        if text is not None and not _is_date(text):
            raise DataError(
                f"{where}:{place(k)}: {name} is {text!r}; expected an ISO date such as 2024-12-31. Convert the file"
            )
    texts = column.drop_null()
    first = texts[0].as_py()
    other = next(text for text in texts.to_pylist() if kind_of(text) != kind_of(first))
    raise DataError(mixed(f"{where}: {name}", first, other))


def _no_bare_dates(column: Any, times: Any, place: Place, name: str, where: str) -> None:
    """DataError where bare dates stand among times of day: each would close at 00:00 UTC, before its day has begun."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.equal(pc.utf8_length(column), len("2024-12-31"))
    k = pc.index(bare, True).as_py()
    if k >= 0 and not pc.all(pc.equal(times, times.cast(pa.date32()).cast(times.type))).as_py():
        line = pc.index(bare, False).as_py()
        raise DataError(mixed(f"{where}:{place(k)}: {name}", column[line], column[k]))


def _is_date(text: str) -> bool:
    import pyarrow as pa

    for kind in (pa.date32(), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            pa.scalar(text).cast(kind)
        except pa.ArrowInvalid:
            continue
        return True
    return False
