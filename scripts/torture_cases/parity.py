"""Real bars through paper sessions whose processes are killed with -9 at random moments: every digest is the backtest's.

Prints one table: 500 US stocks by the day, and minutes of crypto with the outages and the untraded minutes that they had; each as
a file and, the minutes, as a live source that missed them; each with every command; each after 0, 1 and many kills. `barcast run`
is the backtest of the file, where nothing was commanded and nothing missed; `over the tape` the compiled backtest over the session's
own rows, as `barcast verify` runs it, here in a process that ran none of the sessions. Needs BARCAST_DATA. Fails if two differ.

`--kills N` (default 25), `--quick` shorter stretches, `--only WORD` the markets with the word in their name, `--no-sync` faster: a
kill loses what was not written, never what was not synced.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from engine.feeds.schedule import MINUTE_NS, Schedule
from engine.run import load_panel
from tests.live.killing import HEAD, Line, model
from tests.live.scenes import QUICK, QUINTILE, file_of, load_config_with, told_apart, without_syncs

MARKETS = {  # name -> (file, start, quick start, end, slices of the window)
    "us500 daily": ("us_top500_2000_2024.parquet", "2019-01-01", "2022-06-01", "2023-12-29", 60),
    "BTC ETH minutes": ("crypto_1m_bitfinex_2019.parquet", "2019-01-06", "2019-01-07", "2019-01-10", 30),
    "BTC minutes, 802-minute holes": ("crypto_messy_1m_bybit.parquet", "2024-09-09", "2024-09-10", "2024-09-12", 30),
}  # fmt: skip


def played(name: str, folder: Path, quick: bool, kills: int) -> list[Line]:
    """The lines of one market."""
    path, start, later, end, window = MARKETS[name]
    daily = name.startswith("us")
    data = {
        "source": "parquet", "path": str(Path(os.environ["BARCAST_DATA"]) / path), "start": later if quick else start, "end": end,
        "prices": "split_adjusted" if daily else "as_traded", "dividends": "split_adjusted" if daily else "none",
        "calendar": "XNYS" if daily else "24/7",
    }  # fmt: skip
    place = folder / path.split(".")[0]
    place.mkdir()
    file = file_of(path.split("_")[0], data, model(place, "model", window, 1.0), QUINTILE if daily else QUICK)
    if not daily:
        file["execution"] |= {"lot": 0}
    panel = load_panel(load_config_with(file, place), None, lambda text: None)
    line = None if daily else Schedule(MINUTE_NS, None)
    return told_apart(name, file, panel, window, line, place, [0, 1, kills], lambda text: print(text, flush=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--no-sync", action="store_true")
    asked = parser.parse_args()
    if not os.environ.get("BARCAST_DATA"):
        sys.exit("parity: set BARCAST_DATA to the folder of real bars")
    if asked.no_sync:
        without_syncs()
    begun, lines = time.perf_counter(), []
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in MARKETS:
            if asked.only in name:
                lines += played(name, Path(folder), asked.quick, asked.kills)
    differ = sum(not line.equal for line in lines)
    kills, told = sum(line.crashes for line in lines), sum(line.commands + line.hand_overs for line in lines)
    print(
        f"{len(lines)} sessions, {sum(line.slices for line in lines):,} slices, {kills} processes killed with -9, {told} commands, "
        f"{sum(line.gaps for line in lines):,} gaps, {differ} digests that differ ({time.perf_counter() - begun:.0f} s)"
    )
    sys.exit(1 if differ or not lines else 0)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        sys.exit(f"parity: {error}")
