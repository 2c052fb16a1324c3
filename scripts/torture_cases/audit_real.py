"""What the audit finds in real files whose defects are known from elsewhere; needs BARCAST_DATA. Its rules saw these files."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from engine.data.audit import audit
from tests.data.audit.real import BAD, MOVES, hits, ratio_steps, said, sessions, split_truth, years


def main() -> None:
    named = os.environ.get("BARCAST_DATA")
    if not named:
        print("BARCAST_DATA does not name the folder of real market data: nothing to look at")
        return
    folder = Path(named)
    live(folder)
    nairobi(folder)
    indian(folder)
    zeros(folder)
    vendors(folder.parent / "fixtures" / "yahoo_bad")
    sys.exit(clean(folder))


def live(folder: Path) -> None:
    file = folder / "us_messy_live_2021_2024.parquet"
    splits, truth = said(audit(file), "split"), split_truth(folder)
    for real, word in (
        (True, "splits of 3:2 and more, never adjusted"),
        (False, "spin-offs and stock dividends below 3:2"),
    ):
        part = truth[truth["real"] == real]
        print(f"live file        {sum(hits(part, splits, sessions(file))):6} of {len(part):6} {word}")
    print(f"                 {len(splits):6} said to be splits")


def nairobi(folder: Path) -> None:
    file = folder / "kenya_nse_2006_2024.parquet"
    truth = pd.read_csv(folder / "kenya_price_jumps.csv", parse_dates=["date"])
    found, days = said(audit(file), *MOVES), sessions(file)
    big = (truth["ret"] < -0.5) | (truth["ret"] > 1.0)
    for part, word in ((truth[big], "moves to less than half or more than twice"), (truth[~big], "smaller moves")):
        print(f"Nairobi          {sum(hits(part, found, days)):6} of {len(part):6} {word}")


def indian(folder: Path) -> None:
    file = folder / "india_nifty50_raw_2015_2021.parquet"
    truth, _ = ratio_steps(folder)
    seen = sum(hits(truth, said(audit(file), "split"), sessions(file)))
    print(f"India as traded  {seen:6} of {len(truth):6} lasting changes of the ratio")


def zeros(folder: Path) -> None:
    file = folder / "us_messy_google_2005_2017.parquet"
    known = int((pd.read_parquet(file)[["open", "high", "low", "close"]] <= 0).any(axis=1).sum())
    print(
        f"80 US tickers    {sum(line.counts['zero_cell'] for line in audit(file).lines):6} of {known:6} rows with a zero price"
    )


def vendors(folder: Path) -> None:
    files = [name for name in BAD if (folder / f"{name}.csv").exists()]
    found = sum(bool(said(audit(folder / f"{name}.csv"), BAD[name])) for name in files)
    false = sum(bool(said(audit(folder / f"{name}-fixed.csv"), *MOVES, "dividend", "adjusted")) for name in files)
    print(f"vendor's files   {found:6} of {len(files):6} defects; {false} false alarms among the mended twins")


def clean(folder: Path) -> int:
    """1 where large stocks, taken to be clean, raise more than two alarms per 1,000 instrument-years."""
    done = audit(folder / "us_top500_2000_2024.parquet")
    kinds = Counter(kind for *_, kind in said(done, *MOVES, "dividend", "adjusted", "stale", "duplicate", "conflict"))
    rate = 1000.0 * kinds.total() / years(done)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    print(
        f"500 large stocks {kinds.total():6} alarms in {years(done):,.0f} instrument-years, {rate:.2f} per 1,000 (aim 1): {told}"
    )
    return int(rate > 2.0)


if __name__ == "__main__":
    main()
