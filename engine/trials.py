"""The ledger of trials: every run and every lane on some data, with its returns, kept beside the run directories.

What is the best of many tries must be judged as such, and nobody counts them by hand. A trial is a configuration on data:
the same one again replaces its row, a file's name and its benchmark make no other trial. Which trials belong to one search is
engine.kin's to say. One SQLite file; writers take turns by its own lock.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError, OutputError
from engine.statistics import curve, given
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.lane import Lane
    from engine.result import Result
    from engine.run import Inputs

LEDGER = "trials.sqlite"
FORMAT = 2
POINTS = 16384  # a longer series of returns is kept as compound returns of equal stretches
PATIENCE = 60.0  # seconds to wait for other writers
APART = ("name", "benchmark")  # keys that decide no return
PLACES = ("source", "path", "name", "symbols", "start", "end")  # keys of `data` that its fingerprint speaks for
TABLE = """
create table if not exists trial (
    key text primary key, kind text not null, name text not null, fingerprint text not null, bars_per_year integer not null,
    slices integer not null, first integer not null, last integer not null, sharpe real, skew real, kurtosis real,
    per_point integer not null, returns blob not null, said text not null, bars text not null default ''
) without rowid
"""
BARS = (
    "create table if not exists bars (key text primary key, symbols text not null, times blob not null) without rowid"
)
OLDER = "alter table trial add column bars text not null default ''"  # of format 1, which knew neither names nor times


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration on some data. `sharpe` is per bar; it, `skew` and raw `kurtosis` are NaN where undefined."""

    key: str  # 32 hex digits
    kind: str  # "run" | "lane" | "tune"
    name: str
    fingerprint: str
    bars_per_year: int  # rounded; 0: not known
    slices: int
    first: int  # ns, the first slice
    last: int
    sharpe: float
    skew: float
    kurtosis: float
    per_point: int  # bars in each of `returns`
    returns: Floats  # (P,) float32 precision; after ruin 0
    said: dict[str, Any]  # overrides that made it
    symbols: tuple[str, ...]  # of the bars; () where an older ledger did not keep them
    times: Ints  # (P,) ns, the last bar of each of `returns`


def trial_of(
    config: Mapping[str, Any],
    others: Mapping[str, Any],
    fingerprint: str,
    bars_per_year: float,
    times: Sequence[int] | np.ndarray,
    equity: Floats,
    capital: float,
    kind: str = "run",
    said: Mapping[str, Any] | None = None,
    symbols: Sequence[str] = (),
) -> Trial:
    """The trial of a resolved `config` whose marked `equity` is (S,); `others` is all else that decides its decisions."""
    returns = np.zeros(len(equity))
    reached = int(curve.returns_of(float(capital), given(equity), returns))
    returns[reached:] = 0.0
    _, std, skew, kurtosis, _, _ = curve.moments(given(returns))
    sharpe = float(returns.mean() / std) if math.isfinite(std) and reached == len(equity) else math.nan
    rate = round(bars_per_year) if math.isfinite(bars_per_year) else 0
    per_point = -(-len(returns) // POINTS) if len(returns) else 1
    return Trial(
        key_of(config, others, fingerprint),
        kind,
        str(config.get("name", "run")),
        fingerprint,
        rate,
        len(equity),
        int(times[0]) if len(equity) else 0,
        int(times[len(equity) - 1]) if len(equity) else 0,
        sharpe,
        float(skew),
        float(kurtosis),
        per_point,
        compounded(returns, per_point).astype(np.float32).astype(np.float64),
        dict(said or {}),
        tuple(symbols),
        ends(np.asarray(times, np.int64)[: len(equity)], per_point),
    )


def key_of(config: Mapping[str, Any], others: Mapping[str, Any], fingerprint: str) -> str:
    """32 hex digits of what makes a trial another one."""
    from engine.manifest import plain

    told = {key: value for key, value in config.items() if key not in APART}
    told["data"] = {key: value for key, value in dict(told.get("data", {})).items() if key not in PLACES}
    words = [plain(told), plain(dict(others)), fingerprint]
    return hashlib.sha256(json.dumps(words, sort_keys=True, allow_nan=False).encode()).hexdigest()[:32]


def compounded(returns: Floats, per_point: int) -> Floats:
    """(P,) returns of stretches of `per_point` bars, the last one perhaps shorter."""
    if per_point == 1:
        return returns
    starts = np.arange(0, len(returns), per_point)
    return np.expm1(np.add.reduceat(np.log1p(np.maximum(returns, -1.0 + 1e-12)), starts))


def ends(times: Ints, per_point: int) -> Ints:
    """(P,) the last of the times of each stretch of `per_point` bars."""
    if not len(times):
        return times
    return times[np.minimum(np.arange(per_point - 1, len(times) + per_point - 1, per_point), len(times) - 1)]


def of_result(result: Result, kind: str = "run") -> Trial:
    """The trial that a finished run was."""
    facts, manifest = result.facts, result.manifest
    others = {key: manifest.get(key, {}) for key in ("plugins", "forecasts")}
    data = str(manifest.get("data", {}).get("fingerprint", ""))
    said = dict(text.partition("=")[::2] for text in map(str, manifest.get("overrides", ())))
    curve_of = (facts.times, facts.curve.equity, facts.capital)
    return trial_of(facts.config, others, data, facts.bars_per_year, *curve_of, kind, said, facts.symbols)


def of_lanes(
    base: Config, lanes: Sequence[Lane], inputs: Inputs, plugins: Mapping[str, str], kind: str = "lane"
) -> list[Trial]:
    """The trials that lanes over `inputs` were, in their order."""
    from engine.lane import configure
    from engine.manifest import hashes_of

    panel = inputs.panel
    others = {"plugins": dict(plugins), "forecasts": hashes_of(inputs.forecasts)}
    out = []
    for k, lane in enumerate(lanes):
        config = configure(base, lane.overrides, k)
        rate, times = panel.bars_per_year, panel.times
        told = (config.resolved(), others, panel.fingerprint, rate, times, lane.equity, config.capital)
        out.append(trial_of(*told, kind=kind, said=lane.overrides, symbols=panel.universe.symbols))
    return out


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger, within one transaction that no other writer can enter; undone if anything fails."""
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("begin immediate")
        version = connection.execute("pragma user_version").fetchone()[0]
        if version not in (0, 1, FORMAT):
            raise DataError(
                f"{path}: a ledger of format {version}, expected {FORMAT}; give another folder, or use that barcast"
            )
        for wanted in (TABLE, BARS, *((OLDER,) if version == 1 else ())):
            connection.execute(wanted)
        connection.execute(f"pragma user_version = {FORMAT}")
        yield connection
        connection.execute("commit")
    finally:
        connection.close()


def note(path: str | Path, trials: Sequence[Trial]) -> int:
    """How many of `trials` were new, after all are in the ledger at `path`; OutputError, and none of them, if it fails."""
    place = Path(path)
    insert = f"insert or replace into trial values ({', '.join('?' * 15)})"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _opened(place) as ledger:
            before = ledger.execute("select count(*) from trial").fetchone()[0]
            ledger.executemany(insert, [_row(trial) for trial in trials])
            bars = {_bars_key(trial): trial for trial in trials}
            ledger.executemany("insert or ignore into bars values (?, ?, ?)", [_bars(k, t) for k, t in bars.items()])
            return int(ledger.execute("select count(*) from trial").fetchone()[0] - before)
    except (sqlite3.Error, OSError) as error:
        raise OutputError(
            f"{place}: the trial could not be noted ({error}); what was run is kept. Make room, move a damaged ledger away, "
            f"or leave it out with --no-ledger"
        ) from error


def _row(trial: Trial) -> tuple[Any, ...]:
    numbers = (None if math.isnan(value) else value for value in (trial.sharpe, trial.skew, trial.kurtosis))
    packed = zlib.compress(trial.returns.astype("<f4").tobytes(), 6)
    return (
        *(trial.key, trial.kind, trial.name, trial.fingerprint, trial.bars_per_year, trial.slices, trial.first),
        *(trial.last, *numbers, trial.per_point, packed, json.dumps(_plain(trial.said), sort_keys=True)),
        _bars_key(trial),
    )


def _bars_key(trial: Trial) -> str:
    words = json.dumps(trial.symbols).encode() + trial.times.astype("<i8").tobytes()
    return hashlib.sha256(words).hexdigest()[:32]


def _bars(key: str, trial: Trial) -> tuple[str, str, bytes]:
    steps = np.diff(trial.times, prepend=np.int64(0)).astype("<i8")
    return key, json.dumps(trial.symbols), zlib.compress(steps.tobytes(), 6)


def _plain(said: Mapping[str, Any]) -> Any:
    from engine.manifest import plain

    return plain(dict(said))


def read(path: str | Path, like: Trial | None = None) -> list[Trial]:
    """The trials in the ledger at `path`, by key; only those akin to `like` if one is named. DataError if damaged."""
    place = Path(path)
    if not place.is_file():
        return []
    try:
        connection = sqlite3.connect(f"file:{_quoted(place)}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return _read(connection, like)
        finally:
            connection.close()
    except (sqlite3.Error, zlib.error, ValueError) as error:
        raise DataError(
            f"{place}: the ledger of trials cannot be read ({error}); move it away to begin anew"
        ) from error


def _read(ledger: sqlite3.Connection, like: Trial | None) -> list[Trial]:
    from engine.kin import akin

    older = ledger.execute("pragma user_version").fetchone()[0] < FORMAT
    kept: dict[str, tuple[tuple[str, ...], Ints]] = {}
    for key, symbols, packed in [] if older else ledger.execute("select * from bars"):
        times = np.cumsum(np.frombuffer(zlib.decompress(packed), dtype="<i8"), dtype=np.int64)
        kept[key] = (tuple(json.loads(symbols)), times)
    asked, values = f"select *{', char()' if older else ''} from trial", []
    if like is not None:  # whose returns need not be unpacked to tell
        asked += " where fingerprint = ? or (first <= ? and last >= ?)"
        values = [like.fingerprint, like.last, like.first]
    found = (_trial(row, kept) for row in ledger.execute(asked + " order by key", values))
    return [trial for trial in found if like is None or akin(trial, like)]


def _quoted(place: Path) -> str:
    from urllib.parse import quote

    return quote(str(place.resolve()))


def _trial(row: tuple[Any, ...], bars: Mapping[str, tuple[tuple[str, ...], Ints]]) -> Trial:
    key, kind, name, fingerprint, rate, slices, first, last, sharpe, skew, kurtosis, per_point, packed, said, of = row
    a, b, c = (math.nan if value is None else float(value) for value in (sharpe, skew, kurtosis))
    returns = np.frombuffer(zlib.decompress(packed), dtype="<f4").astype(np.float64)
    # An older ledger kept no times: evenly spread ones are the same for the same span, and for no other.
    symbols, times = bars.get(of, ((), np.linspace(first, last, len(returns)).astype(np.int64)))
    head = (key, kind, name, fingerprint, rate, slices, first, last, a, b, c, per_point, returns)
    return Trial(*head, json.loads(said), symbols, times)


def count(path: str | Path) -> int:
    """How many trials are in the ledger at `path`, 0 without one; DataError if damaged."""
    place = Path(path)
    if not place.is_file():
        return 0
    try:
        connection = sqlite3.connect(f"file:{_quoted(place)}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return int(connection.execute("select count(*) from trial").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DataError(
            f"{place}: the ledger of trials cannot be read ({error}); move it away to begin anew"
        ) from error


def groups(trials: Sequence[Trial]) -> dict[tuple[str, int], list[Trial]]:
    """Trials by (fingerprint, bars per year), the largest group first."""
    out: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        out.setdefault((trial.fingerprint, trial.bars_per_year), []).append(trial)
    return dict(sorted(out.items(), key=lambda item: (-len(item[1]), item[0])))
