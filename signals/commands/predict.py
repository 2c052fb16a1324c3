"""barcast predict: the forecast of a trained model for one slice of bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.panel import Panel
    from signals.lstm import Lstm

Prices = Annotated[str | None, typer.Option(help="as_traded (so unless said), split_adjusted or total_return")]
Dividends = Annotated[str | None, typer.Option(help="as_traded, split_adjusted or none (so unless said)")]


def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a model folder, or a folder of them")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="a .parquet or .csv of bars, a packaged set, or a strategy file")
    ],
    at: Annotated[str | None, typer.Option(help="date, or date and time in UTC; the last slice unless said")] = None,
    symbols: Annotated[str | None, typer.Option(help="comma-separated; all unless said")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or bf16")] = "fp32",
    prices: Prices = None,
    dividends: Dividends = None,
    calendar: Annotated[str | None, typer.Option(help="XNYS, XBOM, 24/7 ...")] = None,
    missing_open: Annotated[
        str | None, typer.Option(help="refuse (so unless said), previous_close or close_fills")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")] = False,
) -> None:
    """Say what a trained model forecasts at a slice, one number per instrument."""
    import json

    from engine.data.opening import open_panel
    from signals.lstm import load

    signal = load(model, precision)
    said = {"prices": prices, "dividends": dividends, "calendar": calendar, "missing_open": missing_open}
    wanted = None if symbols is None else [name.strip() for name in symbols.split(",")]
    panel = open_panel(data, said)  # whole: features may be of the market, whichever names are asked for
    told = answer(signal, panel, row_of(panel, at), wanted)
    typer.echo(json.dumps({"schema_version": 1, **told}) if as_json else text(told), nl=as_json)


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


def answer(signal: Lstm, panel: Panel, row: int, symbols: list[str] | None) -> dict[str, Any]:
    """The forecasts of slice `row` as plain data, highest first; those without one are listed as unknown."""
    from engine.errors import DataError

    known = panel.universe.symbols
    if strangers := sorted(set(symbols or ()) - set(known)):
        raise DataError(f"--symbols: {strangers[0]} is not in the data; it has {', '.join(known[:5])} ...")
    values = signal.forecast(panel.window(row, signal.window))
    pairs = [
        (name, float(value)) for name, value in zip(known, values, strict=True) if symbols is None or name in symbols
    ]
    seen = int(signal.known_through(panel.times[row : row + 1])[0])
    return {
        "model": signal.model,
        "at": str(panel.sessions[row]),
        "unit": signal.unit,
        "label": f"{signal.label}, {signal.horizon} ahead",
        "in_sample": bool(panel.times[row] <= seen),
        "notes": list(signal.notes),
        "forecasts": {name: v for name, v in sorted(pairs, key=lambda pair: (-pair[1], pair[0])) if v == v},
        "unknown": [name for name, v in pairs if v != v],
        "window": signal.window,
        "slices": row + 1,
    }


def text(told: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"{told['model']} at {told['at']}: {told['unit']}, {told['label']}"]
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
