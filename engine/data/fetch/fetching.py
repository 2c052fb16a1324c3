"""fetch(): every symbol's pages, kept as they come in a folder beside the file, then made one file at once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.fetch.asking import Clock, Page, Request, UnknownSymbolError, Vendor, patiently
from engine.errors import DataError, OutputError
from engine.writing import instead, replace

if TYPE_CHECKING:
    import pandas as pd

FETCHED = b"barcast.fetched"  # the key of a file's metadata
LATE = np.timedelta64(10, "D")  # after the start: no holidays explain that
PAGES = 100_000  # of one symbol: more is a vendor that repeats itself


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought: the file, how many bars of whom, and who had none."""

    path: Path
    bars: int
    symbols: tuple[str, ...]
    unknown: tuple[str, ...]
    empty: tuple[str, ...]
    kept: int  # symbols that an earlier, broken fetch had brought
    late: tuple[tuple[str, str], ...]  # symbols whose first bar comes well after the start, and when


def fetch(
    vendor: Vendor,
    symbols: Sequence[str],
    start: np.datetime64,
    end: np.datetime64 | None,
    out: Path,
    clock: Clock,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fetched:
    """The bars of `symbols` in the file `out`. DataError where the vendor refuses or gives up; what came before is kept in
    OUT.parts, and the same call goes on from there.
    """
    names = tuple(dict.fromkeys(symbols))
    parts = out.with_name(f"{out.name}.parts")
    told = _agreed(parts, vendor, start, end, clock)
    until = np.datetime64(told["end"], "D")
    state: dict[str, str] = {}
    kept = 0
    for k, symbol in enumerate(names):
        progress(k, len(names))
        folder = parts / hashlib.sha256(symbol.encode()).hexdigest()[:16]
        before = _state(folder)
        kept += before is not None
        state[symbol] = (
            before if before is not None else _one(vendor, Request(symbol, start, until), folder, clock, say)
        )
    progress(len(names), len(names))
    here = tuple(name for name in names if state[name] == "done")
    lost = {word: tuple(name for name in names if state[name] == word) for word in ("unknown", "empty")}
    if not here:
        shutil.rmtree(parts, ignore_errors=True)
        raise DataError(
            f"{vendor.name}: there are no bars of {', '.join(names)[:200]}; correct the symbols or the dates"
        )
    bars, first = _joined(parts, here, out, told | {"symbols": list(here), **{word: list(lost[word]) for word in lost}})
    shutil.rmtree(parts, ignore_errors=True)
    late = tuple((name, str(first[name])) for name in here if first[name] > start + LATE)
    return Fetched(out, bars, here, lost["unknown"], lost["empty"], kept, late)


def _agreed(
    parts: Path, vendor: Vendor, start: np.datetime64, end: np.datetime64 | None, clock: Clock
) -> dict[str, Any]:
    """What is fetched, as the first attempt wrote it down; DataError where that was something else."""
    asked = {
        "source": vendor.name,
        "version": vendor.version,
        "start": str(start),
        "asked_end": None if end is None else str(end),
    }
    file = parts / "request.json"
    try:
        if file.exists():
            told: dict[str, Any] = json.loads(file.read_text())
            if {key: told.get(key) for key in asked} != asked:
                raise DataError(
                    f"{parts}: it holds a broken fetch of {told.get('source')} {told.get('version')} from "
                    f"{told.get('start')} to {told.get('asked_end')}; remove that folder, or name another --out"
                )
            return told
        now = datetime.fromtimestamp(clock.now(), UTC)
        told = asked | {
            "end": str(end) if end is not None else now.date().isoformat(),
            "fetched": now.isoformat(timespec="seconds"),
            "declared": vendor.declared,
        }
        parts.mkdir(parents=True, exist_ok=True)
        replace(file, json.dumps(told).encode())
    except OSError as error:
        raise OutputError(f"{parts}: {error.strerror or error}; name a file that can be written") from error
    except ValueError as error:
        raise DataError(f"{file}: it cannot be read ({type(error).__name__}); remove the folder {parts}") from error
    return told


def _state(folder: Path) -> str | None:
    """What became of a symbol: done, empty, unknown; None where that is still open."""
    return next((word for word in ("done", "empty", "unknown") if (folder / word).exists()), None)


def _one(vendor: Vendor, request: Request, folder: Path, clock: Clock, say: Callable[[str], None]) -> str:
    """Every page of one symbol, each kept as it comes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "symbol").write_text(request.symbol)
    pages = sorted(folder.glob("*.parquet"))
    since = None if not pages else _next(pages[-1])
    where = f"{vendor.name} {request.symbol}"
    for number in range(len(pages), PAGES):
        say(where)
        clock.sleep(vendor.pause)
        try:
            page = patiently(lambda since=since: vendor.page(request, since, clock.now()), clock, say, where)  # type: ignore[misc]
        except UnknownSymbolError:
            return _closed(folder, "unknown")
        _keep(page, folder / f"{number:06d}.parquet")
        if page.next is None:
            break
        if since is not None and page.next <= since:
            raise DataError(f"{where}: the vendor repeats itself at page {number + 1}; fetch a shorter range")
        since = page.next
    return _closed(folder, "done" if any(_rows(file) for file in folder.glob("*.parquet")) else "empty")


def _closed(folder: Path, word: str) -> str:
    (folder / word).touch()
    return word


def _keep(page: Page, file: Path) -> None:
    """A page on the disk, whole or not at all, with the place to go on from."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(page.bars, preserve_index=False)
    table = table.replace_schema_metadata({"next": "" if page.next is None else str(page.next)})
    with instead(file) as draft:
        pq.write_table(table, draft)


def _next(file: Path) -> int | None:
    import pyarrow.parquet as pq

    told = (pq.read_schema(file).metadata or {}).get(b"next", b"")
    return int(told) if told else None


def _rows(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)


def _joined(
    parts: Path, symbols: Sequence[str], out: Path, about: dict[str, Any]
) -> tuple[int, dict[str, np.datetime64]]:
    """All pages in one file with a symbol for each row; how many bars it has, and each symbol's first date."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    frames, first = [], {}
    for symbol in sorted(symbols):
        folder = parts / hashlib.sha256(symbol.encode()).hexdigest()[:16]
        pages = [pd.read_parquet(file) for file in sorted(folder.glob("*.parquet"))]
        frame: pd.DataFrame = pd.concat([page for page in pages if len(page)], ignore_index=True)
        when = "date" if "date" in frame else "timestamp"
        frame = frame.drop_duplicates(when, keep="last").sort_values(when, kind="stable")
        frame.insert(1, "symbol", symbol)
        first[symbol] = np.datetime64(frame[when].iloc[0].date(), "D")
        frames.append(frame)
    table = pa.Table.from_pandas(pd.concat(frames, ignore_index=True), preserve_index=False)
    if "date" in table.column_names:
        place = table.schema.get_field_index("date")
        table = table.set_column(place, "date", table.column("date").cast(pa.date32()))
    table = table.replace_schema_metadata({FETCHED: json.dumps(about)})
    with instead(out) as draft:
        pq.write_table(table, draft, compression="zstd")
    return int(table.num_rows), first
