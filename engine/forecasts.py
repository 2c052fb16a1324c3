"""Forecasts for a whole run: ask each signal, check what comes, and line up what was computed elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.contracts import UNITS, PanelSignal, Signal
from engine.errors import PluginError, first_line
from engine.numbers import floats, in_order
from engine.types import Floats, Window

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel

COMPARED = 5  # windows on which forecast_panel() is held against forecast()


def make_signal(name: str, factory: Any, params: dict[str, Any]) -> Signal:
    """The signal that `factory(**params)` makes; PluginError if it lacks window, unit or forecast."""
    try:
        signal: Signal = factory(**params)
        whole = isinstance(signal, Signal)  # asks for its attributes, which may be properties that fail
    except Exception as error:
        raise PluginError(
            f"signals.{name}: {getattr(factory, '__name__', factory)} refuses its arguments: {first_line(error, typed=False)}"
        ) from error
    if not whole:
        missing = [part for part in ("window", "unit", "forecast") if not hasattr(signal, part)]
        raise PluginError(
            f"signals.{name}: a signal needs window, unit and forecast(bars); it lacks {', '.join(missing)}"
        )
    for method in ("forecast", "forecast_panel"):
        if hasattr(signal, method) and not callable(getattr(signal, method)):
            raise PluginError(
                f"signals.{name}: {method} must be a method, it is {type(getattr(signal, method)).__name__}"
            )
    if signal.unit not in UNITS:
        raise PluginError(f"signals.{name}: unit must be one of {', '.join(UNITS)}; it was {signal.unit!r}")
    window = signal.window
    if not isinstance(window, int | np.integer) or isinstance(window, bool) or window < 1:
        raise PluginError(f"signals.{name}: window must be a whole number of slices, at least 1; it was {window!r}")
    return signal


def forecast(name: str, signal: Signal, config: Config, panel: Panel, given: Any) -> Floats:
    """(T, N) forecasts of one signal: asked of it, or lined up from what was given or lies in its file."""
    if not getattr(signal, "given_by_the_run", False):
        return forecast_run(name, signal, panel)
    from engine.given import align, chosen

    array = align(chosen(name, signal, config, given), panel, f"signals.{name}")
    # A price computed elsewhere is one of the source's own: forward-adjusted prices depend on where the run begins.
    return finish(name, array, signal.unit, panel.universe.symbols, panel.close, panel.close)


def forecast_run(name: str, signal: Signal, panel: Panel) -> Floats:
    """(T, N) forecasts of `signal` over the panel, NaN where there is no bar; prices are turned into returns.

    Uses forecast_panel where the signal offers it, else asks window by window.
    """
    bars = panel.adjusted
    shape, symbols = bars.close.shape, bars.symbols
    if isinstance(signal, PanelSignal):
        out = checked(name, answer(name, "forecast_panel", signal.forecast_panel, bars), shape, None, symbols).copy()
        compare(name, signal, panel, out)
    else:
        out = np.full(shape, np.nan)
        for t in range(signal.window - 1, shape[0]):
            out[t] = checked(name, at(name, signal, panel, t), shape[1:], t, symbols)
    out[: signal.window - 1] = np.nan
    return finish(name, out, signal.unit, panel.universe.symbols, panel.close, panel.adjusted.close)


def at(name: str, signal: Signal, panel: Panel, t: int) -> Any:
    """What forecast() says of the window that ends at slice `t`."""
    return answer(name, "forecast", signal.forecast, panel.window(t, signal.window), f" at slice {t}")


def answer(name: str, method: str, ask: Callable[[Window], Any], bars: Window, where: str = "") -> Any:
    """What a plugin's method returns; PluginError that names plugin, method and slice if it raises."""
    try:
        return ask(bars)
    except (Exception, SystemExit) as error:
        told = first_line(error)
        raise PluginError(f"signals.{name}{where}: {method}(bars) failed: {told}. Its bars are read-only") from error


def compare(name: str, signal: Signal, panel: Panel, out: Floats) -> None:
    """Nothing; PluginError where forecast_panel() and forecast() disagree on one of a few windows: the former may see the
    whole run, so it is the one that can look ahead.
    """
    if signal.window > len(out):
        return
    rows = np.unique(np.linspace(signal.window - 1, len(out) - 1, COMPARED).astype(np.int64))
    for t in (int(row) for row in rows if row >= signal.window - 1):
        alone = checked(name, at(name, signal, panel, t), out.shape[1:], t, panel.universe.symbols)
        same = np.isclose(alone, out[t], rtol=1e-6, atol=1e-9, equal_nan=True) | np.isnan(panel.close[t])
        if not same.all():
            i = int(np.flatnonzero(~same)[0])
            raise PluginError(
                f"signals.{name}: forecast_panel gives {out[t, i]:.6g} for {panel.universe.symbols[i]} at slice {t}, and "
                f"forecast on the window that ends there {alone[i]:.6g}; they must agree, or the panel's has seen the future"
            )


def checked(name: str, values: Any, shape: tuple[int, ...], t: int | None, symbols: tuple[str, ...]) -> Floats:
    """`values` as float64, by symbol where they carry labels, if the shape is right and nothing is infinite."""
    where = f"signals.{name}" + ("" if t is None else f" at slice {t}")
    try:
        array = floats(in_order(values, symbols))
    except (TypeError, ValueError) as error:
        raise PluginError(f"{where}: a forecast must be one number per instrument; {error}") from error
    if array.shape != shape:
        raise PluginError(
            f"{where}: a forecast must have shape {shape}, one value per instrument; it was {array.shape}"
        )
    if np.isinf(array).any():
        first = tuple(int(k[0]) for k in np.nonzero(np.isinf(array)))
        raise PluginError(f"{where}: the forecast is infinite at {first}; return NaN where there is no view")
    return array


def finish(
    name: str, out: Floats, unit: str, symbols: tuple[str, ...], traded: Floats, close: Floats, first: int = 0
) -> Floats:
    """(T, N) forecasts ready for the loop, written into `out`: prices as returns on `close`, in whose unit they are; NaN where
    there is no bar in `traded`. `first` is the slice of row 0.
    """
    if unit == "price":
        out /= close
        out -= 1.0
    elif unit == "probability" and (odd := np.argwhere((out < 0.0) | (out > 1.0))).size:
        t, i = (int(k) for k in odd[0])
        raise PluginError(
            f"signals.{name} at slice {first + t}: {symbols[i]} is {out[t, i]:g}; expected a probability, 0 to 1. "
            f"Give unit: score or return instead"
        )
    out[np.isnan(traded)] = np.nan
    return out
