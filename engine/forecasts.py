"""Forecasts for a whole run: ask each signal, check what comes, and line up what was computed elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.contracts import UNITS, PanelSignal, Signal
from engine.errors import DataError, PluginError
from engine.types import Floats

if TYPE_CHECKING:
    import pandas as pd

    from engine.panel import Panel


def make_signal(name: str, factory: Any, params: dict[str, Any]) -> Signal:
    """The signal that `factory(**params)` makes; PluginError if it lacks window, unit or forecast."""
    try:
        signal = factory(**params)
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"signals.{name}: {getattr(factory, '__name__', factory)} refuses its arguments: {error}"
        ) from error
    if not isinstance(signal, Signal):
        missing = [part for part in ("window", "unit", "forecast") if not hasattr(signal, part)]
        raise PluginError(
            f"signals.{name}: a signal needs window, unit and forecast(bars); it lacks {', '.join(missing)}"
        )
    if signal.unit not in UNITS:
        raise PluginError(f"signals.{name}: unit must be one of {', '.join(UNITS)}; it was {signal.unit!r}")
    if not isinstance(signal.window, int) or signal.window < 1:
        raise PluginError(
            f"signals.{name}: window must be a whole number of slices, at least 1; it was {signal.window!r}"
        )
    return signal


def forecast_run(name: str, signal: Signal, panel: Panel) -> Floats:
    """(T, N) forecasts of `signal` over the panel, NaN where there is no bar; prices are turned into returns.

    Uses forecast_panel where the signal offers it, else asks window by window.
    """
    bars = panel.adjusted
    shape = bars.close.shape
    if isinstance(signal, PanelSignal):
        out = checked(name, signal.forecast_panel(bars), shape, None).copy()
    else:
        out = np.full(shape, np.nan)
        for t in range(signal.window - 1, shape[0]):
            out[t] = checked(name, signal.forecast(panel.window(t, signal.window)), shape[1:], t)
    out[: signal.window - 1] = np.nan
    return finish(out, signal.unit, panel)


def checked(name: str, values: Any, shape: tuple[int, ...], t: int | None) -> Floats:
    """`values` as float64 if its shape is right and nothing is infinite."""
    where = f"signals.{name}" + ("" if t is None else f" at slice {t}")
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PluginError(f"{where}: a forecast must be numbers; {error}") from error
    if array.shape != shape:
        raise PluginError(
            f"{where}: a forecast must have shape {shape}, one value per instrument; it was {array.shape}"
        )
    if np.isinf(array).any():
        first = tuple(int(k[0]) for k in np.nonzero(np.isinf(array)))
        raise PluginError(f"{where}: the forecast is infinite at {first}; return NaN where there is no view")
    return array


def finish(out: Floats, unit: str, panel: Panel) -> Floats:
    """Forecasts ready for the loop: prices as returns on the same series' close, NaN where there is no bar."""
    if unit == "price":
        out /= panel.adjusted.close
        out -= 1.0
    elif unit == "probability" and ((out < 0.0) | (out > 1.0)).any():
        raise PluginError("a forecast of unit probability must lie in 0 to 1; give unit: score or return instead")
    out[np.isnan(panel.close)] = np.nan
    return out


def align(given: Any, panel: Panel, where: str = "forecasts") -> Floats:
    """(T, N) array of forecasts computed elsewhere: an array of that shape, a long frame (date, symbol, forecast), or a wide
    frame (dates by symbols). Dates must be slices of the run; a slice that is not there is NaN. DataError otherwise.
    """
    import pandas as pd

    rows, columns = panel.close.shape
    if isinstance(given, pd.DataFrame):
        return _align_frame(given, panel, where)
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: expected numbers; {error}") from error
    if array.shape != (rows, columns):
        raise DataError(
            f"{where}: expected shape ({rows}, {columns}), slices by symbols in ascending order; it was {array.shape}. "
            f"Give a frame with date, symbol and forecast to have it lined up"
        )
    return _finite(array.copy(), panel, where)


def _finite(array: Floats, panel: Panel, where: str) -> Floats:
    bad = np.argwhere(np.isinf(array))
    if len(bad):
        t, i = (int(k) for k in bad[0])
        day = np.datetime64(int(panel.times[t]), "ns").astype("datetime64[s]")
        raise DataError(f"{where}: {panel.universe.symbols[i]} at {day} is infinite; use NaN where there is no view")
    return array


def _align_frame(frame: pd.DataFrame, panel: Panel, where: str) -> Floats:
    import pandas as pd

    times: Any
    if {"symbol", "forecast"} <= set(frame.columns):
        date = next((name for name in ("date", "timestamp", "time") if name in frame.columns), None)
        if date is None:
            raise DataError(f"{where}: a long frame needs columns date, symbol, forecast; it has {list(frame.columns)}")
        times, symbols = frame[date], np.asarray(frame["symbol"].astype(str))
        values = np.asarray(pd.to_numeric(frame["forecast"], errors="coerce"), np.float64)
        if (np.isnan(values) & np.asarray(frame["forecast"].notna())).any():
            raise DataError(f"{where}: column forecast holds text; expected numbers")
    else:
        times = np.repeat(np.asarray(frame.index), frame.shape[1])
        symbols = np.tile(np.asarray(frame.columns.astype(str)), len(frame))
        values = np.asarray(frame, np.float64).reshape(-1)
    rows = _rows(times, panel, where)
    columns = pd.Index(panel.universe.symbols).get_indexer(pd.Index(symbols))
    if (columns < 0).any():
        who = sorted({str(s) for s in symbols[columns < 0]})
        raise DataError(
            f"{where}: {', '.join(who[:5])} not in the data; drop {'them' if len(who) > 1 else 'it'} or add the bars"
        )
    flat = rows * len(panel.universe) + columns
    if len(np.unique(flat)) != len(flat):
        raise DataError(f"{where}: more than one forecast for one symbol and date; drop the duplicates")
    out = np.full(panel.close.shape, np.nan)
    out[rows, columns] = values
    return _finite(out, panel, where)


def _rows(times: Any, panel: Panel, where: str) -> np.ndarray:
    """The slice each stamp belongs to: midnights without a zone name a session of daily bars, other stamps a bar's close."""
    import pandas as pd

    given = pd.DatetimeIndex(pd.to_datetime(times))
    stamps = (given.tz_localize("UTC") if given.tz is None else given.tz_convert("UTC")).as_unit("ns")
    if panel.is_daily() and given.tz is None and bool((given.normalize() == given).all()):
        named = pd.Index(given.to_numpy().astype("datetime64[D]"))
        rows = pd.Index(panel.sessions).get_indexer(named)
    else:
        rows = pd.Index(panel.times).get_indexer(pd.Index(stamps.asi8))
    if (rows < 0).any():
        raise DataError(
            f"{where}: {stamps[int(np.flatnonzero(rows < 0)[0])]} is no slice of the data ({panel.sessions[0]} to "
            f"{panel.sessions[-1]}); a forecast must carry the date, or the UTC close, of the bar it was made on"
        )
    return np.asarray(rows)
