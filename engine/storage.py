"""Facts to files and back: JSON for what people read, Parquet for arrays. The same facts give the same bytes.

Matrices (codes, forecasts) are one fixed-size list per slice, with the symbols in the file's metadata: one column
instead of one per symbol, and Parquet still encodes it by run length or dictionary.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine import codes as c
from engine.facts import Actions, Curve, Facts, Instruments, slippage_of
from engine.manifest import FORMAT, plain
from engine.trades import Trades
from engine.types import Fills, Ints, Refusals

TIME = pa.timestamp("ns", tz="UTC")
WORDS = ("open", *c.REASONS.values())  # reason k is WORDS[k]; a fill is never 'open'
FILES = (
    *("config.json", "manifest.json", "metrics.json", "equity.parquet", "fills.parquet", "refused.parquet"),
    *("trades.parquet", "decisions.parquet", "forecasts.parquet", "instruments.parquet", "actions.parquet"),
)
MANIFEST, SEAL = "manifest.json", "manifest_sha256"
SECTIONS = ("data", "signals", "strategy", "exits", "sizing", "caps", "switches", "execution")
Opener = Callable[[str], BinaryIO]


class DamagedError(ValueError):
    """A file of a run directory is not as it was written."""


# --- writing ----------------------------------------------------------------------------------------------------------
def write(facts: Facts, folder: Path, run: dict[str, Any] | None) -> None:
    """Write every file of a run directory into `folder`, flushed to the disk; OSError if it is full."""
    metrics = {"metrics": facts.metrics, "reasons": facts.reasons, "benchmark": facts.benchmark_metrics}
    _json(folder / "config.json", facts.config)
    _json(folder / "metrics.json", metrics)
    _parquet(folder / "equity.parquet", _curve_table(facts))
    _parquet(folder / "fills.parquet", _fills_table(facts))
    _parquet(folder / "refused.parquet", _refused_table(facts))
    _parquet(folder / "trades.parquet", _trades_table(facts))
    _parquet(folder / "decisions.parquet", _matrices(facts, {"codes": facts.codes}))
    _parquet(folder / "forecasts.parquet", _matrices(facts, facts.forecasts))
    _parquet(folder / "instruments.parquet", _columns(facts.instruments, symbol=pa.array(facts.symbols, pa.string())))
    named = _dictionary(facts.actions.instrument, facts.symbols)
    _parquet(folder / "actions.parquet", _columns(facts.actions, symbol=named, skip="instrument"))
    told = _manifest(facts, run) | {"files": {name: _summed(folder / name) for name in FILES if name != MANIFEST}}
    _json(folder / MANIFEST, told | {SEAL: _seal(told)})  # last: a folder without it is no run


def _manifest(facts: Facts, run: dict[str, Any] | None) -> dict[str, Any]:
    told = {key: value for key, value in facts.manifest.items() if key not in ("run", "files", SEAL)}
    told |= {"format": FORMAT, "capital": facts.capital, "bars_per_year": facts.bars_per_year, "ended": facts.ended}
    told |= {"smallest_decision_margin": facts.margin, "warnings": list(facts.warnings)}
    return told if run is None else told | {"run": run}


def _summed(path: Path) -> dict[str, Any]:
    """Length and sha256 of a file, by which a reader knows it again."""
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _seal(manifest: dict[str, Any]) -> str:
    """sha256 of what the manifest says besides, as JSON: it lists the other files, and nothing lists it."""
    told = {key: value for key, value in plain(manifest).items() if key != SEAL}
    return hashlib.sha256(json.dumps(told, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _json(path: Path, value: Any) -> None:
    with path.open("wb") as file:
        file.write((json.dumps(plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def _parquet(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd", version="2.6")
        file.flush()
        os.fsync(file.fileno())


def _dictionary(indices: Ints, words: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), pa.array(words, pa.string()))


def _stamps(facts: Facts, rows: Ints) -> pa.Array:
    times = facts.times[np.maximum(rows, 0)] if len(facts.times) else np.zeros(len(rows), np.int64)
    return pa.array(times, TIME, mask=rows < 0)


def _columns(group: Any, skip: str = "", **first: pa.Array) -> pa.Table:
    own = {f.name: getattr(group, f.name) for f in fields(group) if f.name != skip}
    return pa.table({**first, **own})


def _curve_table(facts: Facts) -> pa.Table:
    days = pa.array(facts.dates.astype("datetime64[D]").astype(np.int32), pa.date32())
    table = _columns(facts.curve, time=pa.array(facts.times, TIME), date=days)
    return table if facts.benchmark is None else table.append_column("benchmark", pa.array(facts.benchmark))


def _refused_table(facts: Facts) -> pa.Table:
    r = facts.refusals
    return pa.table(
        {
            "time": _stamps(facts, r.t),
            "symbol": _dictionary(r.instrument, facts.symbols),
            "quantity": r.quantity,
            "decision": pa.array([c.DECISIONS[int(code)] for code in r.decision], pa.string()).dictionary_encode(),
            "value": r.value,
            "limit": r.limit,
            "row": r.t,
        }
    )


def _fills_table(facts: Facts) -> pa.Table:
    f = facts.fills
    return pa.table(
        {
            "time": _stamps(facts, f.t),
            "symbol": _dictionary(f.instrument, facts.symbols),
            "quantity": f.quantity,
            "price": f.price,
            "reference": f.reference,
            "slippage": slippage_of(facts),
            "fee": f.fee,
            "reason": _dictionary(f.reason, WORDS),
            "row": f.t,
        }
    )


def _trades_table(facts: Facts) -> pa.Table:
    t = facts.trades
    first = {
        "symbol": _dictionary(t.instrument, facts.symbols),
        "entry_time": _stamps(facts, t.entry_row),
        "exit_time": _stamps(facts, t.exit_row),
        "exit_reason": _dictionary(t.reason, WORDS),
    }
    return _columns(t, **first).drop_columns(["instrument", "reason"])


def _matrices(facts: Facts, matrices: dict[str, Any]) -> pa.Table:
    """One fixed-size list column per (S, N) matrix; the schema's metadata holds the symbols."""
    columns = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])
        for name, values in matrices.items()
    }
    table = pa.table({"time": pa.array(facts.times, TIME), **columns})
    return table.replace_schema_metadata({"symbols": json.dumps(list(facts.symbols), ensure_ascii=False)})


# --- reading ----------------------------------------------------------------------------------------------------------
def read(opened: Opener) -> Facts:
    """The facts in a run directory, whose files `opened` opens by name; DamagedError where one is not as it was written,
    KeyError or ValueError if it is bad all the same.
    """
    manifest = _read_json(opened, MANIFEST)
    if manifest.get("format") != FORMAT:
        raise DamagedError(f"format {manifest.get('format')} where {FORMAT} is known")
    if manifest.get(SEAL) != _seal(manifest):
        raise DamagedError(f"{MANIFEST} is not as it was written: it says other things than its sha256")
    opened = _verified(opened, manifest["files"])
    config, told = _read_json(opened, "config.json"), _read_json(opened, "metrics.json")
    _vet(config, told, manifest)
    lasting = _read_table(opened, "instruments.parquet")
    symbols = tuple(lasting.column("symbol").to_pylist())
    line = _read_table(opened, "equity.parquet")
    codes = _read_matrices(opened, "decisions.parquet", len(symbols))["codes"]
    return Facts(
        symbols=symbols,
        times=_numbers(line.column("time").cast(pa.int64())),
        dates=_numbers(line.column("date").cast(pa.int32())).astype("datetime64[D]"),
        capital=float(manifest["capital"]),
        bars_per_year=_known(manifest["bars_per_year"]),
        ended=manifest["ended"],
        margin=_known(manifest["smallest_decision_margin"]),
        curve=Curve(*(_numbers(line.column(f.name)) for f in fields(Curve))),
        benchmark=_numbers(line.column("benchmark")) if "benchmark" in line.column_names else None,
        instruments=Instruments(*(_numbers(lasting.column(f.name)) for f in fields(Instruments))),
        actions=_read_actions(opened, symbols),
        fills=_read_fills(opened, symbols),
        refusals=_read_refused(opened, symbols),
        trades=_read_trades(opened, symbols),
        codes=codes,
        forecasts=_read_matrices(opened, "forecasts.parquet", len(symbols)),
        metrics=told["metrics"],
        reasons=told["reasons"],
        benchmark_metrics=told["benchmark"],
        warnings=tuple(manifest["warnings"]),
        config=config,
        manifest=manifest,
    )


def _verified(opened: Opener, files: dict[str, dict[str, Any]]) -> Opener:
    """`opened`, for files with the length and digest of `files` only: what is read is what was checked."""

    def whole(name: str) -> BinaryIO:
        with opened(name) as file:
            content = file.read()
        told = files[name]
        if len(content) != told["bytes"]:
            raise DamagedError(f"{name} is not as it was written: {len(content)} bytes, expected {told['bytes']}")
        if hashlib.sha256(content).hexdigest() != told["sha256"]:
            raise DamagedError(f"{name} is not as it was written: its sha256 is another than the manifest's")
        return BytesIO(content)

    return whole


def _vet(config: Any, told: Any, manifest: Any) -> None:
    """Nothing; ValueError where the JSON files hold what no run has written."""
    figures = [*told["metrics"].values(), *told["benchmark"].values()]
    if not all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in figures):
        raise ValueError("metrics.json holds a figure that is no number")
    if not all(isinstance(text, str) for text in [*told["reasons"].values(), *manifest["warnings"]]):
        raise ValueError("a reason or a warning is no text")
    if not isinstance(config, dict) or not all(isinstance(config.get(key, {}), dict) for key in SECTIONS):
        raise ValueError("config.json holds no configuration")


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _read_json(opened: Opener, name: str) -> dict[str, Any]:
    with opened(name) as file:
        out: dict[str, Any] = json.load(file)
    return out


def _read_table(opened: Opener, name: str) -> pa.Table:
    with opened(name) as file:
        # Without threads of Arrow's own: one that still reads ahead while a short command ends aborts the process.
        return pq.read_table(file, use_threads=False, pre_buffer=False)


def _numbers(column: pa.ChunkedArray) -> Any:
    """A column as a contiguous NumPy array."""
    return np.ascontiguousarray(column.to_numpy())


def _places(column: pa.ChunkedArray, words: tuple[str, ...]) -> Ints:
    """The place in `words` of every value of a dictionary column; KeyError for an unknown word."""
    place = {word: k for k, word in enumerate(words)}
    parts = [np.empty(0, np.int64)]
    for chunk in column.chunks:
        lookup = np.array([place[word] for word in chunk.dictionary.to_pylist()], dtype=np.int64)
        parts.append(lookup[chunk.indices.to_numpy()])
    return np.concatenate(parts)


def _read_matrices(opened: Opener, name: str, width: int) -> dict[str, Any]:
    table = _read_table(opened, name)
    out = {}
    for column in table.column_names[1:]:
        parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table.column(column).chunks]
        out[column] = np.concatenate(parts).reshape(-1, width)
    return out


def _read_actions(opened: Opener, symbols: tuple[str, ...]) -> Actions:
    table = _read_table(opened, "actions.parquet")
    row, split, dividend = (_numbers(table.column(name)) for name in ("row", "split", "dividend"))
    return Actions(row, _places(table.column("symbol"), symbols), split, dividend)


def _read_refused(opened: Opener, symbols: tuple[str, ...]) -> Refusals:
    table = _read_table(opened, "refused.parquet")
    row, quantity, value, limit = (_numbers(table.column(name)) for name in ("row", "quantity", "value", "limit"))
    decision = _places(table.column("decision"), tuple(c.DECISIONS.values())) << c.DECISION_SHIFT
    return Refusals(row, _places(table.column("symbol"), symbols), quantity, decision, value, limit)


def _read_fills(opened: Opener, symbols: tuple[str, ...]) -> Fills:
    table = _read_table(opened, "fills.parquet")
    quantity, price, reference, fee = (
        _numbers(table.column(name)) for name in ("quantity", "price", "reference", "fee")
    )
    instrument, reason = _places(table.column("symbol"), symbols), _places(table.column("reason"), WORDS)
    return Fills(_numbers(table.column("row")), instrument, quantity, price, reference, fee, reason)


def _read_trades(opened: Opener, symbols: tuple[str, ...]) -> Trades:
    table = _read_table(opened, "trades.parquet")
    told = {
        "instrument": _places(table.column("symbol"), symbols),
        "reason": _places(table.column("exit_reason"), WORDS),
    }
    rest: dict[str, Any] = {f.name: _numbers(table.column(f.name)) for f in fields(Trades) if f.name not in told}
    return Trades(**rest | told)
