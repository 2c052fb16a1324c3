"""barcast data fetch: bars from a vendor into a file; broken off, it goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.auditing import working
from engine.cli.options import AsJson, Quiet
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.data.fetch.asking import Vendor
    from engine.data.fetch.fetching import Fetched

SOURCES = ("yfinance", "ccxt")


def fetch(
    source: Annotated[str, typer.Option(help="yfinance (daily bars, dividends, splits) or ccxt (crypto)")],
    symbols: Annotated[str, typer.Option(help="comma-separated: AAPL,MSFT or BTC/USDT")],
    start: Annotated[str, typer.Option(help="first date")],
    out: Annotated[str, typer.Option(help="the .parquet file; what is half done lies in OUT.parts beside it")],
    end: Annotated[str | None, typer.Option(help="last date; left out, the last bar that has closed")] = None,
    exchange: Annotated[str, typer.Option(help="for ccxt: kraken, binance, coinbase ...")] = "kraken",
    timeframe: Annotated[str, typer.Option(help="for ccxt: 1m, 1h, 1d ...")] = "1d",
    replace: Annotated[bool, typer.Option("--replace", help="fetch anew what --out holds")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch bars into a file, patiently; data.source yfinance or ccxt then reads that file."""
    import json
    import time
    from pathlib import Path

    from engine.data.fetch.asking import Clock
    from engine.data.fetch.fetching import fetch as fetch_bars

    names, place = [name.strip() for name in symbols.split(",") if name.strip()], Path(out)
    if not names:
        raise ConfigError("--symbols: expected at least one, such as AAPL,MSFT")
    if place.suffix != ".parquet":
        raise ConfigError(f"--out: {out}: expected a file that ends in .parquet")
    if place.exists() and not replace:
        raise ConfigError(f"--out: {out} is there already; say --replace to fetch it anew, or name another file")
    first, last = _date(start, "--start"), None if end is None else _date(end, "--end")
    if last is not None and last < first:
        raise ConfigError(f"--end: {end} comes before --start {start}; turn them round")
    with working(quiet or as_json, "fetching") as (say, progress):
        vendor = _vendor(source, exchange, timeframe)
        done = fetch_bars(vendor, names, first, last, place, Clock(time.time, time.sleep), say, progress)
    typer.echo(json.dumps(document(done)) if as_json else summary(done, vendor))


def _vendor(source: str, exchange: str, timeframe: str) -> Vendor:
    from engine.data.words import nearest
    from engine.places import cache_home

    if source == "yfinance":
        from engine.data.fetch.yahoo import Yahoo

        return Yahoo(cache_home() / "yfinance")
    if source == "ccxt":
        from engine.data.fetch.exchange import Exchange

        return Exchange(exchange, timeframe)
    raise ConfigError(f"--source: there is no {source!r}{nearest(source, SOURCES)}; expected yfinance or ccxt")


def _date(text: str, option: str):  # type: ignore[no-untyped-def]
    import numpy as np

    try:
        return np.datetime64(text, "D")
    except ValueError as error:
        raise ConfigError(f"{option}: expected a date such as 2020-01-31; it was {text[:40]!r}") from error


def document(done: Fetched) -> dict[str, object]:
    """What was fetched, for programs."""
    return {
        "schema_version": 1,
        "out": str(done.path),
        "bars": done.bars,
        "symbols": list(done.symbols),
        "unknown": list(done.unknown),
        "empty": list(done.empty),
        "kept": done.kept,
        "late": dict(done.late),
    }


def summary(done: Fetched, vendor: Vendor) -> str:
    """What was fetched, for people, and how a strategy file reads it."""
    lines = [f"{done.bars:,} bars of {len(done.symbols):,} symbols in {done.path}"]
    if done.kept:
        lines.append(f"{done.kept:,} symbols were there from a fetch that broke off")
    for word, names in (("not known to the vendor", done.unknown), ("without bars in this range", done.empty)):
        if names:
            lines.append(f"! {word}: {', '.join(names)}")
    if done.late:
        told = ", ".join(f"{name} {day}" for name, day in done.late)
        lines.append(f"! begin well after --start, as the vendor has them: {told}")
    said = ", ".join(f"{key}: {value}" for key, value in vendor.declared.items())
    lines.append(f"data: {{source: {vendor.name}, path: {done.path.name}, {said}}}")
    return "\n".join(lines)
