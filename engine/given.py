"""Forecasts made elsewhere: chosen among what was given, read from a file, and lined up with the bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.columns import canonical
from engine.data.words import nearest, some
from engine.errors import ConfigError, DataError
from engine.numbers import floats
from engine.types import DAY_NS, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from engine.config import Config
    from engine.contracts import Signal
    from engine.panel import Panel

ACCEPTED = "Give a long frame with date, symbol and forecast, or a wide one: dates by symbols"
DATES = ("date", "timestamp")
KNOWN = "known_through"  # the column by which forecasts say what their maker had seen


def chosen(name: str, signal: Signal, config: Config, given: Any) -> Any:
    """What was given for signal `name`, or lies in its file; ConfigError or DataError where there is nothing."""
    if given is None:
        path = getattr(signal, "path", None)
        if path is None:
            raise ConfigError(
                f"signals.{name}: precomputed forecasts must come from somewhere; give path: FILE.parquet, or forecasts= in "
                f"Python"
            )
        return read_forecasts(name, path, config)
    if not isinstance(given, Mapping):
        return given
    if name not in given:
        raise ConfigError(f"forecasts: none given for signal {name!r}; they are for {', '.join(map(str, given))}")
    return given[name]


def given_to(
    signals: Mapping[str, Signal], config: Config, given: Any, panel: Panel
) -> tuple[dict[str, Any], dict[str, Ints]]:
    """What each signal that is given its forecasts gets, and what those forecasts know where they say it, (T,) each."""
    found = {
        name: chosen(name, signal, config, given)
        for name, signal in signals.items()
        if getattr(signal, "given_by_the_run", False)
    }
    known = {name: known_of(value, panel, f"signals.{name}") for name, value in found.items()}
    return found, {name: value for name, value in known.items() if value is not None}


def known_of(given: Any, panel: Panel, where: str) -> Ints | None:
    """(T,) ns UTC: the latest `known_through` of the forecasts of each slice of a long frame; None without that column.

    A date stands for all of it. A slice without forecasts knows what the one before it does, or the first. DataError where a
    row does not say it.
    """
    import pandas as pd

    from engine.data.stamps import stamps

    if not isinstance(given, pd.DataFrame):
        return None
    frame, meaning = _flat(given, where)
    if KNOWN not in frame.columns or not len(frame) or not {"symbol", "forecast"} <= set(meaning):
        return None
    date, times, _, _ = _long(frame, meaning, where)
    rows = slices_of(times, date, panel, where, "a forecast")
    instants, dates_only, _ = stamps(frame[KNOWN].reset_index(drop=True), KNOWN, where)
    never = np.iinfo(np.int64).min
    out = np.full(len(panel), never)
    np.maximum.at(out, rows, instants + (DAY_NS if dates_only else 0))
    told = np.flatnonzero(out != never)
    return np.asarray(out[told[np.maximum(np.searchsorted(told, np.arange(len(out)), side="right") - 1, 0)]], np.int64)


def read_forecasts(name: str, path: Any, config: Config) -> Any:
    """The frame of forecasts in a Parquet file, looked for beside the YAML first."""
    import pyarrow.parquet as parquet

    if not isinstance(path, str):
        raise ConfigError(f"signals.{name}.path: expected the path of a Parquet file, got {path!r}")
    where = f"signals.{name}.path: {path if len(path) < 200 else path[:200] + '...'}"
    beside = Path(config.base) / path if config.base is not None else Path(path)
    try:
        file = beside if beside.exists() else Path(path)
        there = file.is_file()
    except (OSError, ValueError) as error:
        raise DataError(f"{where}: no path of a file ({error}); expected a Parquet file. Correct it") from error
    if not there:
        raise DataError(f"{where}: no such file; expected a Parquet file with date, symbol, forecast")
    try:
        return parquet.read_table(file).to_pandas()
    except Exception as error:
        told = str(error).splitlines()[0]
        raise DataError(f"{where}: not a Parquet file ({told}); expected date, symbol, forecast") from error


def align(given: Any, panel: Panel, where: str = "forecasts") -> Floats:
    """(T, N) array of forecasts computed elsewhere: an array of that shape, a long frame (date, symbol, forecast), or a wide
    frame (dates by symbols). Dates must be slices of the run; a slice that is not there is NaN. DataError otherwise.
    """
    import pandas as pd

    if isinstance(given, pd.Series) and given.index.nlevels > 1:
        given = given.to_frame("forecast")
    if isinstance(given, pd.DataFrame):
        return _align_frame(given, panel, where)
    array = numbers(given, where)
    if array.shape != panel.close.shape:
        rows, columns = panel.close.shape
        raise DataError(
            f"{where}: expected shape ({rows}, {columns}), slices by symbols in ascending order; it was {array.shape}. "
            f"{ACCEPTED}"
        )
    return _finite(array.copy(), panel, where)


def numbers(values: Any, where: str) -> Floats:
    """`values` as float64; DataError where they are none."""
    try:
        return floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: expected numbers; {str(error).splitlines()[0]}. {ACCEPTED}") from error


def _finite(array: Floats, panel: Panel, where: str) -> Floats:
    bad = np.argwhere(np.isinf(array))
    if len(bad):
        t, i = (int(k) for k in bad[0])
        day = np.datetime64(int(panel.times[t]), "ns").astype("datetime64[s]")
        raise DataError(f"{where}: {panel.universe.symbols[i]} at {day} is infinite; use NaN where there is no view")
    return array


def _align_frame(frame: pd.DataFrame, panel: Panel, where: str) -> Floats:
    import pandas as pd

    frame, meaning = _flat(frame, where)
    if not len(frame):
        raise DataError(f"{where}: the frame has no rows; expected at least one forecast. {ACCEPTED}")
    if "symbol" in meaning or "forecast" in meaning:
        date, times, symbols, values = _long(frame, meaning, where)
    else:
        date, times, symbols, values = _wide(frame, meaning, where)
    rows = slices_of(times, date, panel, where, "a forecast")
    columns = pd.Index(panel.universe.symbols).get_indexer(pd.Index(symbols))
    if (columns < 0).any():
        who = sorted({str(s) for s in symbols[columns < 0]})
        raise DataError(
            f"{where}: {', '.join(who[:5])} not in the data{nearest(who[0], panel.universe.symbols)}; "
            f"drop {'them' if len(who) > 1 else 'it'} or add the bars"
        )
    flat = rows * len(panel.universe) + columns
    if len(np.unique(flat)) != len(flat):
        raise DataError(f"{where}: more than one forecast for one symbol and date; drop the duplicates")
    out = np.full(panel.close.shape, np.nan)
    out[rows, columns] = values
    return _finite(out, panel, where)


def _flat(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The frame with its named index as columns, and our word -> its column; DataError for levels, or two of one meaning."""
    import pandas as pd

    if frame.columns.nlevels > 1:
        raise DataError(f"{where}: its columns have {frame.columns.nlevels} levels; expected one. {ACCEPTED}")
    if frame.index.nlevels > 1 and None in frame.index.names:
        raise DataError(f"{where}: its index has levels without a name; expected date and symbol. Name them")
    words = ("symbol", "forecast", *DATES)
    named = [name for name in frame.index.names if name is not None and canonical(str(name)) in words]
    if frame.index.nlevels > 1 or "symbol" in {canonical(str(name)) for name in named}:
        frame = frame.reset_index()
    elif {"symbol", "forecast"} & {canonical(str(name)) for name in frame.columns}:
        dated = isinstance(frame.index, pd.DatetimeIndex) and not named
        frame = frame.reset_index(names="date") if dated else frame.reset_index(level=named)
    meaning: dict[str, Any] = {}
    for name in frame.columns:
        word = canonical(str(name))
        if word in ("symbol", "forecast") and word in meaning:
            raise DataError(f"{where}: columns {meaning[word]!r} and {name!r} both mean {word}; drop one of them")
        if word in words:
            meaning.setdefault(word, name)
    return frame, meaning


def _long(frame: pd.DataFrame, meaning: dict[str, Any], where: str) -> tuple[str, Any, np.ndarray, Floats]:
    """The name of the column of dates, dates, symbols and forecasts of a long frame, row by row."""
    date = next((word for word in DATES if word in meaning), None)
    for word, there in (("date", date), *((word, meaning.get(word)) for word in ("symbol", "forecast"))):
        if there is None:
            spare = [str(name) for name in frame.columns if name not in meaning.values()]
            raise DataError(
                f"{where}: a long frame needs columns date, symbol, forecast; {word} is missing, there are "
                f"{some(map(str, frame.columns), 8)}; rename a column{nearest(word, spare)}"
            )
    symbols = frame[meaning["symbol"]]
    if symbols.isna().any():
        raise DataError(f"{where}: row {int(np.argmax(symbols.isna()))} has no symbol; name it or drop it")
    values = numbers(frame[meaning["forecast"]], f"{where}: column {meaning['forecast']}")
    return str(date), frame[meaning[str(date)]], np.asarray(symbols.astype(str).str.strip()), values


def _wide(frame: pd.DataFrame, meaning: dict[str, Any], where: str) -> tuple[str, Any, np.ndarray, Floats]:
    """The same of a wide frame, whose index or first column of dates names the rows."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(frame.index.dtype):
        column = next((meaning[word] for word in DATES if word in meaning), None)
        if column is None:
            raise DataError(
                f"{where}: a wide frame needs dates as its index, which holds numbers; its columns are "
                f"{some(map(str, frame.columns), 8)}. {ACCEPTED}"
            )
        frame = frame.set_index(column)
    symbols = np.tile(np.asarray(frame.columns.astype(str).str.strip()), len(frame))
    return "date", frame.index.repeat(frame.shape[1]), symbols, numbers(frame, where).reshape(-1)


def slices_of(times: Any, name: str, panel: Panel, where: str, what: str) -> Ints:
    """The slice each stamp belongs to, by the rule that reads the bars' own stamps: a date names its session, any other
    time is a bar's close. One rule for both, or a forecast made after a close would land on the slice before it.
    """
    import pandas as pd

    from engine.data.stamps import stamps

    given, dates_only, _ = stamps(pd.Series(times).reset_index(drop=True), name, where)
    if dates_only and panel.is_daily():
        rows = pd.Index(panel.sessions.astype("datetime64[D]")).get_indexer(
            pd.Index(given.view("datetime64[ns]").astype("datetime64[D]"))
        )
    else:
        rows = pd.Index(panel.times).get_indexer(pd.Index(given))
    if (rows < 0).any():
        stamp = given[int(np.flatnonzero(rows < 0)[0])].view("datetime64[ns]").astype("datetime64[s]")
        raise DataError(
            f"{where}: {stamp} is no slice of the data ({panel.sessions[0]} to "
            f"{panel.sessions[-1]}); {what} must carry the date, or the UTC close, of the bar it was made on"
        )
    return np.asarray(rows, np.int64)
