"""What a fix repairs exactly, repairs wrongly, masks and misses: of a vendor's bad files beside their mended twins, of splits
that nobody adjusted in a real file, and of two hundred defects of every kind in a clean market.

Prints tables; fails where a planted defect is repaired wrongly more than 1 time in 100, where a second fix finds anything to
do, or where a fix of the clean market changes more than 1 cell in 10,000. The first two tables need BARCAST_DATA.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from engine.data.fix import fix
from engine.data.fix.logs import cleaned
from tests.data.audit.planting import clean
from tests.data.audit.real import BAD, split_truth
from tests.data.fix.judging import LASTING, LOCAL, Marred, Tally, planted, twin, unadjusted

NAMES, BARS, EACH = 1500, 4000, 200
SEED = 71
WRONG, SPOILT = 0.01, 1e-4


def main() -> None:
    told = [int(word) for word in sys.argv[1:5]]
    names, bars, each, seed = [*told, *(NAMES, BARS, EACH, SEED)[len(told) :]]
    folder = os.environ.get("BARCAST_DATA")
    if folder:
        real(Path(folder))
    else:
        print("BARCAST_DATA does not name the folder of real market data: the vendor's files are not looked at\n")
    sys.exit(1 if market(names, bars, each, seed) else 0)


def real(folder: Path) -> None:
    """The vendor's bad files cell by cell, and the splits of the live file."""
    print(
        f"{'vendor file':34} {'cells':>6} {'exact':>6} {'wrong':>6} {'masked':>7} {'missed':>7} {'spoilt':>7} {'hidden':>7}"
    )
    total = Tally()
    for name in BAD:
        one = twin(folder.parent / "fixtures" / "yahoo_bad" / f"{name}.csv")
        total += one
        print(line(name, one))
    print(line("all", total) + "\n")
    truth = split_truth(folder)
    told = unadjusted(folder / "us_messy_live_2021_2024.parquet", truth)
    for text, count in told.items():
        print(f"{text:68} {count:5}")
    print()


def market(names: int, bars: int, each: int, seed: int) -> bool:
    """Every kind planted in a simulated market, those that shift all that came before apart; whether something failed."""
    frame = clean(names, bars, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.parquet"
        frame.to_parquet(file)
        bare = fix(file, "XNYS")
        share = bare.changes / (len(frame) * 6)
        print(
            f"{len(frame):,} rows of {names:,} names, nothing planted: {bare.changes:,} changes, {share:.1e} of its cells"
        )
        failed = share > SPOILT
        print(f"{'planted':16} {'':8} {'exact':>6} {'wrong':>6} {'masked':>7} {'missed':>7}")
        for k, kinds in enumerate((LOCAL, LASTING[:3]), start=1):
            failed |= round_of(frame, kinds, each, seed + k, file)
    return failed


def round_of(frame: pd.DataFrame, kinds: tuple[str, ...], each: int, seed: int, file: Path) -> bool:
    """Some kinds of defects, planted, fixed, judged, and fixed once more."""
    field = Marred(frame, seed=seed)
    for kind in kinds:
        field.plant(kind, each)
    field.table().to_parquet(file)
    begun = time.perf_counter()
    done = fix(file, "XNYS")
    took = time.perf_counter() - begun
    table = cleaned(done)
    pq.write_table(table, file)
    second = fix(file, "XNYS")
    told = planted(field, table.to_pandas())
    for kind, one in told.kinds.items():
        print(f"{kind:16} {one.cells:8} {one.exact:6} {one.wrong:6} {one.masked:7} {one.missed:7}")
    print(f"  {took:.1f} s, {done.rounds} audits; fixed once more: {second.changes} changes")
    print(f"  of {told.cells:,} cells elsewhere, right before: {told.spoilt:,} changed, {told.hidden:,} hidden")
    wrong = sum(one.wrong for one in told.kinds.values())
    return wrong > WRONG * len(field.planted) or second.changes > 0


def line(name: str, one: Tally) -> str:
    told = f"{one.cells:6} {one.exact:6} {one.wrong:6} {one.masked:7} {one.missed:7}"
    return f"{name:34} {told} {one.spoilt:7} {one.hidden:7}"


if __name__ == "__main__":
    main()
