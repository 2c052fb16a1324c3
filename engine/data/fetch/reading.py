"""A fetched file as a source of bars: it says itself who was asked, and when; it is read, never fetched again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data import sources
from engine.data.universe import Input
from engine.errors import DataError, first_line

if TYPE_CHECKING:
    from engine.panel import Panel

KEY = "data.fetched"  # among a panel's inputs


def about(file: Path, source: str) -> dict[str, Any]:
    """What a fetched file says of itself; DataError for a file of another source, or one that nobody fetched."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    how = f"barcast data fetch --source {source} --symbols ... --start ... --out {file.name}"
    try:
        told = (pq.read_schema(file).metadata or {}).get(b"barcast.fetched")
        known: dict[str, Any] = json.loads(told) if told else {}
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise DataError(
            f"{file}: it is no fetched file ({first_line(error, typed=False)[:120]}); write one: {how}"
        ) from error
    if not known:
        raise DataError(f"{file}: it is no fetched file; write one with {how}, or say source: parquet")
    if known.get("source") != source:
        raise DataError(f"{file}: it was fetched from {known.get('source')}; say source: {known.get('source')}")
    return known


def yfinance(path: str | Path, symbols: Any = None, start: Any = None, end: Any = None) -> Any:
    """An Arrow table of a file that was fetched from Yahoo."""
    return _read("yfinance", path, symbols, start, end)


def ccxt(path: str | Path, symbols: Any = None, start: Any = None, end: Any = None) -> Any:
    """An Arrow table of a file that was fetched from an exchange."""
    return _read("ccxt", path, symbols, start, end)


def _read(source: str, path: str | Path, symbols: Any, start: Any, end: Any) -> Any:
    from engine.data.columns import MENDED

    file = sources.find(path)
    told = about(file, source)
    table = sources.parquet(file, symbols, start, end)
    said = f"fetched from {source} {told.get('version')} at {told.get('fetched')}"
    if told.get("unknown") or told.get("empty"):
        said += f"; it had no bars of {', '.join([*told.get('unknown', ()), *told.get('empty', ())])[:200]}"
    notes = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    return table.replace_schema_metadata(notes | {MENDED: said})


def stamped(panel: Panel, file: Path, source: str) -> Panel:
    """`panel` with who was asked and when among its inputs, where its fingerprint sees it."""
    from dataclasses import replace

    told = about(file, source)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    said = f"{source} {told.get('version')} at {told.get('fetched')}: {file.name}"
    return replace(panel, inputs=(*panel.inputs, Input(KEY, said, digest)))
