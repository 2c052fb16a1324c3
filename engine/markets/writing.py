"""A market as files: bars.parquet and oracle.parquet in the long form the engine reads, and truth.json with what was planted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError, OutputError
from engine.markets import leaks
from engine.markets.bands import Fact, judge
from engine.markets.kinds import DELISTED, Block
from engine.markets.making import blocks, engine_calendar, fits
from engine.markets.plan import Plan, plan
from engine.markets.settings import Settings
from engine.markets.tally import Measured, Tally
from engine.markets.truth import Truth

if TYPE_CHECKING:
    import pyarrow as pa

BARS, ORACLE, TRUTH = "bars.parquet", "oracle.parquet", "truth.json"
NUMBERS = ("open", "high", "low", "close", "volume")
BYTES = 80  # on the disk per bar, about


@dataclass(frozen=True, slots=True)
class Written:
    """What write() left behind."""

    folder: Path
    rows: int
    size: int  # bytes
    measured: Measured | None
    facts: tuple[Fact, ...] | None  # None where there are too few bars to tell


def write(settings: Settings, folder: str | Path, say: Callable[[str], None] = lambda text: None) -> Written:
    """Write the market of `settings` into `folder`, a few names at a time; files of a market before it are replaced.

    DataError where memory or disk are too small, OutputError where the folder cannot be written.
    """
    fits(settings, whole=False)
    place = Path(folder)
    try:
        _room(settings, place)
        place.mkdir(parents=True, exist_ok=True)
        made = plan(settings)
        parts = {name: place / f"{name}.part" for name in (BARS, ORACLE, TRUTH)}
        try:
            tally, truth, rows = _stream(made, parts, say)
            measured, series = tally.measured(), tally.index()
            facts = judge(*series)
            parts[TRUTH].write_text(json.dumps(truth.document(measured, facts), indent=1) + "\n")
            for name, part in parts.items():
                os.replace(part, place / name)
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{place}: {error.strerror or error}; name a folder that can be written") from error
    return Written(place, rows, sum((place / name).stat().st_size for name in parts), measured, facts)


def _room(settings: Settings, place: Path) -> None:
    needed, free = BYTES * settings.names * settings.bars, shutil.disk_usage(_standing(place)).free
    if needed > free:
        raise DataError(
            f"{place}: {settings.names:,} names x {settings.bars:,} bars need about {needed / 1e9:,.1f} GB, and "
            f"{free / 1e9:,.1f} GB are free; ask for fewer, or name another folder"
        )


def _standing(place: Path) -> Path:
    """The nearest folder at or above `place` that is there already."""
    return next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.is_dir())


def _stream(made: Plan, parts: dict[str, Path], say: Callable[[str], None]) -> tuple[Tally, Truth, int]:
    """Write both Parquet files block by block; what was seen on the way, and the number of bars."""
    import pyarrow.parquet as pq

    tally, truth, rows = Tally(len(made), made.path, made.rules.ratio), Truth(made), 0
    writers: dict[str, Any] = {}
    try:
        for first, block in blocks(made):
            say(f"name {first:,} of {len(made.symbols):,}")
            tally.add(block, made.traits.shares[first : first + len(block.close)])
            truth.add(first, block)
            for name, piece in ((BARS, table(made, first, block)), (ORACLE, oracle_table(made, first, block))):
                if name not in writers:
                    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": _repeated(piece)}
                    writers[name] = pq.ParquetWriter(parts[name], piece.schema, **options)
                if len(piece):
                    writers[name].write_table(piece)
                rows += len(piece) if name == BARS else 0
    finally:
        for writer in writers.values():
            writer.close()
    return tally, truth, rows


def _repeated(piece: pa.Table) -> list[str]:
    """Columns that hold few values, often."""
    few = ("date", "symbol", "split", "dividend", "sector", "delisted_at", "terminal_value")
    return [name for name in few if name in piece.schema.names]


def table(made: Plan, first: int, block: Block, bare: bool = False) -> pa.Table:
    """The bars of `block`, by symbol and then by date; `bare` leaves out columns the engine does not read."""
    import pyarrow as pa

    there = ~np.isnan(block.close)
    name, row = np.nonzero(there)
    columns: dict[str, Any] = _keys(made, first, name, row)
    columns |= {key: getattr(block, key)[there] for key in NUMBERS}
    settings = made.settings
    if settings.mode == "full":
        columns |= {"split": block.split[there], "dividend": block.dividend[there]}
        if settings.sectors is not None:
            columns["sector"] = _taken(
                [f"sector{k:02d}" for k in range(settings.sectors.count)], made.traits.sector[first + name]
            )
        if settings.delistings is not None:
            columns |= _deaths(made, first, block, name)
    if not bare:
        if settings.signal.source == "exogenous":
            columns["x"] = block.driver[there]
        if settings.signal.leak is not None:
            columns["leak"] = leaks.column(settings.signal.leak, block.close, block.split, block.dividend)[there]
    return pa.table(columns)


def oracle_table(made: Plan, first: int, block: Block) -> pa.Table:
    """The oracle's forecasts of `block`: date, symbol, forecast, wherever there is one."""
    import pyarrow as pa

    there = ~np.isnan(block.oracle)
    name, row = np.nonzero(there)
    return pa.table({**_keys(made, first, name, row), "forecast": block.oracle[there]})


def _keys(made: Plan, first: int, name: np.ndarray, row: np.ndarray) -> dict[str, Any]:
    import pyarrow as pa

    days = made.sessions.astype(np.int32)[row]
    return {"date": pa.array(days, pa.date32()), "symbol": _taken(list(made.symbols), first + name)}


def _taken(words: list[str], place: np.ndarray) -> Any:
    """The words at each place, as an Arrow array of text."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(words)).cast(pa.string())


def _deaths(made: Plan, first: int, block: Block, name: np.ndarray) -> dict[str, Any]:
    """When each bar's name leaves, and what its holders are then paid; empty where it stays."""
    import pyarrow as pa

    when, worth = deaths(made, first, block)
    stays = np.isnan(worth)
    return {
        "delisted_at": pa.array(when[name].astype(np.int32), pa.date32(), mask=stays[name]),
        "terminal_value": pa.array(worth[name], pa.float64(), mask=stays[name]),
    }


def deaths(made: Plan, first: int, block: Block) -> tuple[np.ndarray, np.ndarray]:
    """(date, price paid) of each name of `block` that leaves the data before its end; the price is NaN where it stays."""
    count = len(block.close)
    when, worth = np.zeros(count, "datetime64[D]"), np.full(count, np.nan)
    for k in range(count):
        end = int(made.traits.end[first + k])
        if end < len(made) and made.settings.delistings is not None and block.why[k, end] == DELISTED:
            last = block.close[k, ~np.isnan(block.close[k])][-1]
            when[k], worth[k] = made.sessions[end], last * (1.0 - made.settings.delistings.loss)
    return when, worth


def described(written: Written, settings: Settings) -> dict[str, Any]:
    """What was written, for people and for JSON."""
    told: dict[str, Any] = {
        "market": settings.name, "folder": str(written.folder), "names": settings.names, "sessions": settings.bars,
        "bars": written.rows, "megabytes": written.size / 1e6, "calendar": engine_calendar(settings),
    }  # fmt: skip
    if written.measured is not None:
        told["signal"] = asdict(written.measured)
    return told
