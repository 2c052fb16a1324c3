"""barcast predict: the forecast of a trained model, or of a strategy file's signal, for one slice of bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Calendar, Dividends, MissingOpen, Prices, Symbols

if TYPE_CHECKING:
    from engine.contracts import Signal
    from engine.panel import Panel


def predict(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="a model folder, a folder of them, or a strategy file for a signal of it"),
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="a .parquet or .csv of bars, a packaged set, or a strategy file; if MODEL is one, its own unless said",
        ),
    ] = None,
    at: Annotated[str | None, typer.Option(help="date, or date and time in UTC; the last slice unless said")] = None,
    symbols: Symbols = None,
    signal: Annotated[str | None, typer.Option(metavar="NAME", help="which, where a strategy file has several")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 (so unless said) or bf16, of a model folder")] = None,
    prices: Prices = None,
    dividends: Dividends = None,
    calendar: Calendar = None,
    missing_open: MissingOpen = None,
    as_json: AsJson = False,
) -> None:
    """Say what a trained model forecasts at a slice, one number per instrument."""
    import json

    from engine.data.opening import FILES, open_panel
    from engine.errors import ConfigError

    if not model.strip():
        raise ConfigError("MODEL: expected a model folder or a strategy file, got nothing")
    if Path(model).suffix.lower() in FILES:
        if precision is not None:
            raise ConfigError("--precision: a strategy file says the precision of its signals itself")
        asked, data = signal_of(model, signal), model if data is None else data
    else:
        if signal is not None:
            raise ConfigError(f"--signal {signal}: {model} is no strategy file, so it has one signal; leave it out")
        if data is None:
            raise ConfigError("DATA: expected a file of bars, a packaged set, or a strategy file")
        asked = model_of(model, precision or "fp32")
    said = {"prices": prices, "dividends": dividends, "calendar": calendar, "missing_open": missing_open}
    wanted = None if symbols is None else [name.strip() for name in symbols.split(",")]
    if wanted is not None and not all(wanted):
        raise ConfigError(f"--symbols {symbols!r}: expected names with commas between them; leave it out for all")
    panel = open_panel(data, said)  # whole: features may be of the market, whichever names are asked for
    told = answer(asked, panel, row_of(panel, at), wanted)
    typer.echo(json.dumps({"schema_version": 1, **told}) if as_json else text(told), nl=as_json)


def model_of(folder: str, precision: str) -> Signal:
    """The model in a folder."""
    from signals.lstm import load

    return load(folder, precision)


def signal_of(file: str, name: str | None) -> Signal:
    """The signal `name` of a strategy file, made as a run makes it; its only one where none is named."""
    from engine.errors import ConfigError
    from engine.run import load_config, make_signals

    found = make_signals(load_config(file))
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name not in found:
        said = "it has several" if name is None else f"it has no {name}"
        raise ConfigError(f"--signal: expected one of {', '.join(found)} of {file}; {said}")
    if getattr(found[name], "given_by_the_run", False):
        raise ConfigError(f"--signal {name}: its forecasts were made elsewhere; read them there")
    return found[name]


def row_of(panel: Panel, at: str | None) -> int:
    """The slice at `at`: a date means the last of its session; DataError if there is none."""
    import numpy as np

    from engine.errors import DataError

    if at is None:
        return len(panel) - 1
    import pandas as pd

    try:
        stamp = pd.Timestamp(at)
        utc = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    except (ValueError, TypeError, OverflowError):
        raise DataError(f"--at {at[:40]!r}: expected a date such as 2020-03-12, or 2020-03-12 20:00 in UTC") from None
    if len(at.strip()) == 10:
        rows = np.flatnonzero(panel.sessions.astype("datetime64[D]") == np.datetime64(at.strip(), "D"))
    else:
        rows = np.flatnonzero(panel.times == utc.as_unit("ns").value)
    if not len(rows):
        raise DataError(
            f"--at {at[:40]}: no slice of the data, which has {panel.sessions[0]} to {panel.sessions[-1]}; give a date in it"
        )
    return int(rows[-1])


def answer(signal: Signal, panel: Panel, row: int, symbols: list[str] | None) -> dict[str, Any]:
    """The forecasts of slice `row` as plain data, highest first; those without one are listed as unknown."""
    from engine.errors import DataError

    known = panel.universe.symbols
    if strangers := sorted(set(symbols or ()) - set(known)):
        raise DataError(f"--symbols: {strangers[0]} is not in the data; it has {', '.join(known[:5])} ...")
    values = signal.forecast(panel.window(row, signal.window))
    pairs = [
        (name, float(value)) for name, value in zip(known, values, strict=True) if symbols is None or name in symbols
    ]
    return {
        "model": getattr(signal, "model", None) or type(signal).__name__,
        "at": str(panel.sessions[row]),
        "unit": signal.unit,
        "label": label_of(signal),
        "in_sample": in_sample(signal, panel, row),
        "notes": list(getattr(signal, "notes", ())),
        "forecasts": {name: v for name, v in sorted(pairs, key=lambda pair: (-pair[1], pair[0])) if v == v},
        "unknown": [name for name, v in pairs if v != v],
        "window": signal.window,
        "slices": row + 1,
    }


def label_of(signal: Signal) -> str | None:
    """What a trained model foretells, and how many slices ahead; None of a signal that does not say."""
    label = getattr(signal, "label", None)
    return None if label is None else f"{label}, {getattr(signal, 'horizon', 1)} ahead"


def in_sample(signal: Signal, panel: Panel, row: int) -> bool | None:
    """Whether the signal had seen slice `row`; None where it does not say what it has seen."""
    import numpy as np

    seen = getattr(signal, "known_through", None)
    if seen is None:
        return None
    now = panel.times[row : row + 1]
    return bool((now <= np.asarray(seen(now) if callable(seen) else seen, np.int64)).all())


def text(told: dict[str, Any]) -> str:
    """The same for people."""
    what = told["unit"] if told["label"] is None else f"{told['unit']}, {told['label']}"
    lines = [f"{told['model']} at {told['at']}: {what}"]
    lines += [f"! {note}" for note in told["notes"]]
    if told["in_sample"]:
        lines.append("! in-sample: the model has seen what came after this slice")
    if told["slices"] < told["window"]:
        lines.append(f"! the model needs {told['window']} slices, and there are {told['slices']} up to this one")
    width = max((len(name) for name in told["forecasts"]), default=0)
    lines += [f"{name:{width}}  {value: .6g}" for name, value in told["forecasts"].items()]
    if told["unknown"]:
        some = ", ".join(told["unknown"][:5]) + (" ..." if len(told["unknown"]) > 5 else "")
        lines.append(f"no forecast for {len(told['unknown'])}: {some}")
    return "\n".join(lines) + "\n"
