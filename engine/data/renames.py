"""Tickers that change hands: a map of who traded under which name when, and long tables with one symbol per company.

Two forms are read. Intervals: `symbol, ticker, start, end`, both days inside, empty for open. Or ends only, as LEAN has
them: `permtick, ticker, date`, rows of one permtick rising; the first row opens the first interval, every other is the last
day of its ticker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.data import cells
from engine.data.words import some
from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

INTERVALS = {"symbol": ("permanent",), "ticker": (), "start": ("start_date", "from"), "end": ("end_date", "to")}
ENDS = {"symbol": ("permtick",), "ticker": (), "date": ()}
ALWAYS = (np.datetime64("0001-01-01"), np.datetime64("9999-12-31"))
DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")


@dataclass(frozen=True, slots=True)
class Term:
    """One company under one ticker, from the first day to the last, both inside."""

    symbol: str
    ticker: str  # without case: maps are often in small letters
    first: np.datetime64
    last: np.datetime64
    place: str  # file and line


def read(file: Path) -> tuple[Term, ...]:
    """The terms of a rename map (.csv or .parquet), by ticker and time; DataError where two companies share a ticker."""
    with_ends = cells.names(file)
    if {"start", "start_date", "from"} & with_ends:
        table = cells.read(file, INTERVALS)
        terms = [
            Term(
                table.symbol(k),
                _text(table, k),
                _day(table, "start", k, ALWAYS[0]),
                _day(table, "end", k, ALWAYS[1]),
                table.place(k),
            )
            for k in range(len(table.columns["symbol"]))
        ]
    else:
        terms = _of_ends(cells.read(file, ENDS))
    return vetted(terms)


def vetted(terms: list[Term]) -> tuple[Term, ...]:
    """`terms` by ticker and time; DataError for one that ends before it starts, or shares days with another."""
    for term in terms:
        if term.first > term.last:
            raise DataError(f"{term.place}: {term.ticker} ends {term.last}, before its start {term.first}; swap them")
    for key, what in (("ticker", "two companies have one ticker"), ("symbol", "a company has two tickers")):
        ordered = sorted(terms, key=lambda term: (getattr(term, key), term.first))
        for one, other in pairwise(ordered):
            if getattr(one, key) == getattr(other, key) and other.first <= one.last:
                raise DataError(
                    f"{other.place}: {what}: {other.symbol} as {other.ticker} from {other.first}, and {one.symbol} as "
                    f"{one.ticker} until {one.last} ({one.place}); expected no shared day. Correct one of them"
                )
    return tuple(sorted(terms, key=lambda term: (term.ticker, term.first)))


def applied(frame: pd.DataFrame, terms: tuple[Term, ...], where: str = "frame") -> tuple[pd.DataFrame, list[str]]:
    """`frame` with the company in place of the ticker in its column `symbol`, by symbol and date, and notes.

    Rows of a ticker outside all of its terms are another company's: left out and told. A ticker that no term names stays.
    DataError where a company then has two rows of one date.
    """
    import pandas as pd

    out = frame.reset_index(drop=True)
    days = pd.to_datetime(out["date"]).to_numpy().astype("datetime64[D]")
    named = out["symbol"].astype(str).str.casefold().to_numpy()
    symbol = out["symbol"].astype(object).to_numpy().copy()
    keep = ~np.isin(named, [term.ticker for term in terms])
    for term in terms:
        rows = (named == term.ticker) & (days >= term.first) & (days <= term.last)
        symbol[rows] = term.symbol
        keep |= rows
    notes = []
    if not keep.all():
        others = sorted(set(out["symbol"][~keep].astype(str)))
        notes.append(
            f"{int((~keep).sum())} rows of {some(others)} lie outside the terms of their tickers and are left out"
        )
    renamed = int((symbol[keep] != out["symbol"].to_numpy()[keep]).sum())
    notes += [f"{renamed} rows carry the symbol of the company that had their ticker then"] if renamed else []
    out = out.assign(symbol=symbol)[keep].sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)
    twice = out.duplicated(["symbol", "date"])
    if twice.any():
        row = out[twice].iloc[0]
        raise DataError(
            f"{where}: {row['symbol']} has two rows on {str(row['date'])[:10]} once tickers are companies ({int(twice.sum())} such "
            f"rows); expected one. A ticker of the table is named as a company of the map: add its own terms, or drop it"
        )
    return out, notes


def _of_ends(table: cells.Cells) -> list[Term]:
    """The terms of a table of last days; each begins the day after the one before it has ended."""
    terms: list[Term] = []
    opened: dict[str, np.datetime64] = {}
    for k in range(len(table.columns["symbol"])):
        symbol, day = table.symbol(k), _day(table, "date", k, None)
        if symbol not in opened:
            opened[symbol] = day
            continue
        if day < opened[symbol]:
            raise DataError(
                f"{table.place(k)}: {symbol}: dates must rise; {day} comes after {opened[symbol] - 1}. Sort the rows"
            )
        terms.append(Term(symbol, _text(table, k), opened[symbol], day, table.place(k)))
        opened[symbol] = day + np.timedelta64(1, "D")
    return terms


def _text(table: cells.Cells, k: int) -> str:
    text = str(table.columns["ticker"][k]).strip().casefold()
    if not text:
        raise DataError(f"{table.place(k)}: there is no ticker; name it, or drop the row")
    return text


def _day(table: cells.Cells, name: str, k: int, none: np.datetime64 | None) -> np.datetime64:
    """A day as 2024-12-31 or 20241231; `none` where the cell is empty."""
    value = table.columns[name][k]
    if none is not None and cells.is_empty(value):
        return none
    found = DAY.fullmatch(str(value).strip()[:10])
    try:
        return np.datetime64("-".join(found.groups() if found else (str(value),)), "D")
    except ValueError:
        raise DataError(
            f"{table.place(k)}: {name} is {value!r}; expected a date such as 2024-12-31. Correct it"
        ) from None
