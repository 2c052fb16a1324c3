"""Dates and times of tables to int64: one rule for bars, actions, deaths and forecasts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError
from engine.types import DAY_NS, Ints

if TYPE_CHECKING:
    import pandas as pd

CLOCK = re.compile(r"[T ]\d\d")  # a time of day in an ISO text
MIDNIGHT = r"^\d{4}-\d\d-\d\d[T ]00:00(:00(\.0+)?)?([+-]\d\d:?(\d\d)?|Z)$"  # of a zone: how vendors label days
ZONE = re.compile(r"[T ].*(?:Z|[+-]\d\d:?(?:\d\d)?)$")


def stamps(column: pd.Series, name: str, where: str) -> tuple[Ints, bool, list[str]]:
    """(R,) ns UTC, whether they are dates only, and notes.

    Midnights without a zone are dates. So are midnights of their own zone in a column `date`, or of a zone other than
    UTC, as vendors label daily bars. Every other time is a bar's close; without a zone it is UTC.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        raise DataError(
            f"{where}: column {name} holds numbers, such as {column.iloc[0]}; expected dates. Convert them first"
        )
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = _parsed(column, name, where)
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"{where}: row {int(np.flatnonzero(missing)[0])} has no {name} ({int(missing.sum())} rows); drop them"
        )
    index = pd.DatetimeIndex(column)
    try:
        zone = index.tz
        wall = index.tz_localize(None).as_unit("ns").asi8
        true = wall if zone is None else index.as_unit("ns").asi8
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(f"{where}: a {name} lies outside 1678 to 2262 ({error}); correct it") from error
    if bool((wall % DAY_NS == 0).all()) and (zone is None or name == "date" or str(zone) != "UTC"):
        return np.asarray(wall, np.int64), True, []
    notes = ["times without a zone are read as UTC"] if zone is None else []
    return np.asarray(true, np.int64), False, notes


def _parsed(column: pd.Series, name: str, where: str) -> pd.Series:
    """Text or date objects as datetimes; ISO 8601 only, since 1/2/2009 has two meanings."""
    import pandas as pd

    kinds = {value: kind_of(value) for value in column.dropna().unique()}
    if days_of_a_zone([value for value in kinds if isinstance(value, str)], name) and len(set(kinds.values())) == 1:
        return pd.to_datetime(column.str.strip().str[:10], format="ISO8601")
    zoned = "zone" in kinds.values()
    out = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=zoned)
    odd = (out.isna() & column.notna()).to_numpy()
    if odd.any():
        k = int(np.flatnonzero(odd)[0])
        raise DataError(f"{where}: row {k}: {name} is {column.iloc[k]!r}; expected an ISO date such as 2024-12-31")
    if len(set(kinds.values())) > 1 and (zoned or (out != out.dt.normalize()).any()):
        first, kind = next(iter(kinds.items()))
        raise DataError(mixed(f"{where}: {name}", first, next(value for value in kinds if kinds[value] != kind)))
    return out


def days_of_a_zone(texts: list[str], name: str) -> bool:
    """Whether these are the dates of a zone, written as its midnights; midnights of UTC are so in a column `date` alone."""
    if not texts or not all(re.match(MIDNIGHT, text.strip()) for text in texts):
        return False
    return name == "date" or not all(re.search(r"(Z|[+-]00:?(00)?)$", text.strip()) for text in texts)


def kind_of(value: Any) -> str:
    """What a cell names: a date, a time, or a time in a zone."""
    text = value.strip() if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else ""
    return "zone" if ZONE.search(text) else "time" if CLOCK.search(text) else "date"


def mixed(where: str, one: Any, other: Any) -> str:
    """The complaint about a column in which a bare date would close where its day begins."""
    return (
        f"{where} mixes dates, times and zones, such as {str(one)!r} and {str(other)!r}; expected one kind throughout. "
        f"Convert them"
    )
