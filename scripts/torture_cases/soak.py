"""A year of minutes through a session behind the live feed's assembler, its page open: memory, handles and threads stay as they were.

Prints what the process held after every fiftieth, and fails if memory grew by more than `--bound` MB after the first fifth, or
handles or threads at all. Before it a short stretch with the disk's syncs and without: what a sync costs a slice. The year runs
without.

`--slices N` (default 525,600, a year of 24/7), `--names N`, `--folder PATH` where the journal lies, `--real` the minutes of BTC and
ETH of 2019 from BARCAST_DATA, with the outages they had.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from engine import Panel
from engine.run import load_config, load_panel
from tests.live.market import config
from tests.live.scenes import without_syncs
from tests.live.soaking import soaked, year

SHORT = 2_000  # slices of the comparison


def genuine() -> Panel:
    """A year of minutes as they were, as many as the file has."""
    if not os.environ.get("BARCAST_DATA"):
        sys.exit("soak: --real needs BARCAST_DATA, the folder of real bars")
    path = str(Path(os.environ["BARCAST_DATA"]) / "crypto_1m_bitfinex_2019.parquet")
    data = {"source": "parquet", "path": path, "prices": "as_traded", "dividends": "none", "calendar": "24/7"}
    return load_panel(load_config(config(data=data)), None, lambda text: None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slices", type=int, default=525_600)
    parser.add_argument("--names", type=int, default=2)
    parser.add_argument("--bound", type=float, default=16.0)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    panel = genuine() if asked.real else year(asked.slices, asked.names)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        with_syncs = soaked(year(SHORT, asked.names), Path(folder) / "synced", SHORT // 4)
        without_syncs()
        unsynced = soaked(year(SHORT, asked.names), Path(folder) / "unsynced", SHORT // 4)
        costs = [1e3 * statistics.median(each.commits) for each in (with_syncs, unsynced)]
        print(
            f"a commit with the disk's sync {costs[0]:.3f} ms, without it {costs[1]:.3f} ms (medians of {SHORT:,} slices)",
            flush=True,
        )
        found = soaked(
            panel, Path(folder) / "year", max(len(panel) // 50, 50), say=lambda line: print(line, flush=True)
        )
    print(
        f"{found.slices:,} slices, {len(panel.universe)} names, {found.gaps:,} gaps, {found.commands} commands, "
        f"{found.fills:,} fills, journal {found.journal_mb:,.0f} MB, {found.seconds:,.0f} s, "
        f"{found.slices / found.seconds:,.0f} slices/s"
    )
    print(
        f"after the first fifth: memory grew by {found.mb_grown:.1f} MB (bound {asked.bound:g}), handles by {found.handles_grown}, "
        f"threads by {found.threads_grown}"
    )
    sys.exit(1 if found.mb_grown > asked.bound or found.handles_grown or found.threads_grown else 0)


if __name__ == "__main__":
    main()
