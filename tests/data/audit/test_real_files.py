"""Real files with defects that are known; only where BARCAST_DATA names the folder that holds them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.audit import audit
from tests.data.audit.real import BAD, MOVES, hits, ratio_steps, said, sessions, split_truth, years

FOLDER = os.environ.get("BARCAST_DATA")
pytestmark = pytest.mark.skipif(not FOLDER, reason="BARCAST_DATA does not name the folder of real market data")


def folder() -> Path:
    return Path(FOLDER)


def vendor(name: str) -> Path:
    file = folder().parent / "fixtures" / "yahoo_bad" / f"{name}.csv"
    if not file.exists():
        pytest.skip("the vendor's bad files are not there")
    return file


@pytest.mark.parametrize("name", BAD)
def test_a_vendors_bad_file_is_found_out(name):
    assert said(audit(vendor(name)), BAD[name])


@pytest.mark.parametrize("name", BAD)
def test_its_mended_twin_is_not(name):
    assert said(audit(vendor(f"{name}-fixed")), *MOVES, "dividend", "adjusted") == []


def test_splits_that_nobody_adjusted_are_found_in_the_live_file():
    file = folder() / "us_messy_live_2021_2024.parquet"
    done, truth = audit(file), split_truth(folder())
    splits = said(done, "split")
    real = truth[truth["real"]]
    found = hits(real, splits, sessions(file))
    assert len(real) == 23 and sum(found) == 22  # the file has no bars of WRB in March 2022
    assert len(splits) <= 24
    total = {
        kind: sum(line.counts[kind] for line in done.lines) for kind in ("duplicate", "conflict", "missing_session")
    }
    assert total["duplicate"] + total["conflict"] == 16_079 and total["missing_session"] == 12_978
    assert ("TT", "the bar of IR") in {(line.symbol, one.text) for line in done.lines for one in line.findings}


def test_prices_of_nairobi_that_jump_to_a_half_or_twice_are_found():
    file = folder() / "kenya_nse_2006_2024.parquet"
    truth = pd.read_csv(folder() / "kenya_price_jumps.csv", parse_dates=["date"])
    big = truth[(truth["ret"] < -0.5) | (truth["ret"] > 1.0)]
    assert len(big) == 20 and sum(hits(big, said(audit(file), *MOVES), sessions(file))) >= 19


def test_five_hundred_large_stocks_give_hardly_a_false_alarm():
    done = audit(folder() / "us_top500_2000_2024.parquet")
    assert years(done) > 12_000
    assert len(said(done, "split", "unit", "wrong_ticker")) == 0 and len(said(done, "jump")) <= 5
    assert sum(line.counts["range"] for line in done.lines) == 6
    assert any("survivorship" in note for note in done.notes)


def test_zero_prices_of_another_vendor_are_all_found():
    file = folder() / "us_messy_google_2005_2017.parquet"
    table = pd.read_parquet(file)
    done = audit(file)
    zeros = (table[["open", "high", "low", "close"]] <= 0).any(axis=1).sum()
    assert sum(line.counts["zero_cell"] for line in done.lines) == zeros > 61_000


def test_splits_of_indian_shares_are_found_by_the_ratio_of_two_files():
    """Raw over adjusted closes change for good where a split or a bonus is; those of 4:3 and 3:2 on lively days go unseen."""
    truth, step = ratio_steps(folder())
    file = folder() / "india_nifty50_raw_2015_2021.parquet"
    splits = said(audit(file), "split")
    found = hits(truth, splits, sessions(file))
    large = (step < 0.6).to_numpy()
    assert (sum(found), len(found)) == (21, 25) and all(np.array(found)[large]) and len(splits) <= 24
