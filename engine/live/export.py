"""The journal as Parquet tables, for other tools: a projection that can be thrown away and made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import codes, journal
from engine.live import tape
from engine.live.feed import Arrived
from engine.writing import instead, make

BARS = ("open", "high", "low", "close", "volume")
MONEY = ("equity", "cash", "long_value", "short_value", "accrued", "positions")
Tables = dict[str, list[dict[str, Any]]]


def export(folder: str | Path, out: str | Path | None = None) -> list[tuple[Path, int]]:
    """The files written and their rows: bars, forecasts, decisions, fills, orders, events. OutputError if they cannot be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Path(folder) / "export" if out is None else Path(out)
    written = []
    make(place)
    for name, rows in tables(Path(folder)).items():
        file = place / f"{name}.parquet"
        with instead(file) as draft:
            pq.write_table(pa.Table.from_pylist(rows), draft)
        written.append((file, len(rows)))
    return written


def tables(folder: Path) -> Tables:
    """Table name -> rows, of all that a journal holds; tables without rows are left out.

    Of several accounts the rows that are one's have a column `account`.
    """
    out: Tables = defaultdict(list)
    symbols: list[str] = []
    signals: dict[str, list[str]] = {}
    now = 0
    for row in journal.read(folder / tape.JOURNAL):
        body = row.body
        whose = body.pop("account", "")
        before = {name: len(rows) for name, rows in out.items()}
        if row.kind == tape.START:
            symbols = body["universe"]["symbols"]
            signals = {one.get("name", ""): one["order"] for one in body.get("accounts", [{"order": body["order"]}])}
        elif row.kind in (tape.SLICE, tape.WARM_UP):
            now = body["time"]
            out["bars"] += _bars(row.seq, tape.slice_of(body), symbols, row.kind == tape.WARM_UP)
        elif row.kind == tape.FORECASTS:
            out["forecasts"] += _forecasts(row.seq, now, body["values"], symbols, signals[whose])
        elif row.kind == tape.DECISION:
            money = dict(zip(MONEY, body["money"], strict=True))
            out["decisions"].append({"seq": row.seq, "time": _utc(now), **money, "digest": body["digest"]})
        elif row.kind == tape.FILL:
            out["fills"] += _columns(row.seq, now, body, symbols, {"reason": codes.REASONS})
        elif row.kind == tape.INTENT:
            out["orders"] += _columns(row.seq, now, body, symbols, {"reason": codes.REASONS})
        else:
            out["events"].append({"seq": row.seq, "time": _utc(now), "kind": row.kind, "told": _told(body)})
        if whose:
            for name, rows in out.items():
                for entry in rows[before.get(name, 0) :]:
                    entry["account"] = whose
    return dict(out)


def _utc(ns: int) -> np.datetime64:
    return np.datetime64(ns, "ns")


def _bars(seq: int, arrived: Arrived, symbols: list[str], history: bool) -> list[dict[str, Any]]:
    here = np.flatnonzero(~np.isnan(arrived.bars[3]))
    facts = {"seq": seq, "time": _utc(arrived.time), "warm_up": history, "catch_up": arrived.catch_up}
    return [
        {**facts, "symbol": symbols[i], **{key: float(arrived.bars[k, i]) for k, key in enumerate(BARS)}} for i in here
    ]


def _forecasts(seq: int, now: int, values: np.ndarray, symbols: list[str], signals: list[str]) -> list[dict[str, Any]]:
    return [
        {"seq": seq, "time": _utc(now), "signal": name, "symbol": symbols[i], "forecast": float(values[k, i])}
        for k, name in enumerate(signals)
        for i in np.flatnonzero(~np.isnan(values[k]))
    ]


def _columns(
    seq: int, now: int, body: Mapping[str, Any], symbols: list[str], words: Mapping[str, Mapping[int, str]]
) -> list[dict[str, Any]]:
    """One row per entry of a body whose arrays are columns."""
    columns = {key: value.tolist() for key, value in body.items() if isinstance(value, np.ndarray)}
    out = []
    for k in range(len(columns["instrument"])):
        entry = {key: values[k] for key, values in columns.items() if key != "instrument"}
        told = {key: names.get(entry[key], str(entry[key])) for key, names in words.items()}
        out.append({"seq": seq, "time": _utc(now), "symbol": symbols[columns["instrument"][k]], **entry, **told})
    return out


def _told(body: Mapping[str, Any]) -> str:
    """An event's small facts as JSON."""
    import json

    from engine.manifest import plain

    small = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in body.items()
        if key not in tape.WIDE
    }
    return json.dumps(plain(small))
