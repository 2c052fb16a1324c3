"""How good a fix is, against tables known to be right: a twin the vendor's users mended, splits known from elsewhere, a
clean market in which defects were planted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd

from engine.data.fix import fix
from engine.data.fix.logs import cleaned
from tests.data.audit.planting import KINDS, PRICES, Field

NEAR = 1e-5  # relative: float32 and a ratio of six digits
LEVEL = 0.02  # log: how near a close before a split comes to what an adjusted file would say
LASTING = ("split", "dividend", "jump", "any_jump")  # what shifts everything before it
COLUMNS = ("Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits")


@dataclass
class Tally:
    """Cells (or defects) that were wrong, by what became of them, and cells that were right and no longer are."""

    cells: int = 0  # wrong before
    exact: int = 0  # right now
    wrong: int = 0  # another number now, not the right one
    masked: int = 0  # not known now
    missed: int = 0  # as before
    spoilt: int = 0  # right before, another number now
    hidden: int = 0  # right before, not known now

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass
class Verdict:
    kinds: dict[str, Tally] = field(default_factory=dict)
    cells: int = 0
    spoilt: int = 0
    hidden: int = 0


def same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.isclose(one, other, rtol=NEAR, atol=1e-12, equal_nan=True)


def tally(bad: np.ndarray, now: np.ndarray, right: np.ndarray) -> Tally:
    """Three arrays of one shape."""
    wrong, good = ~same(bad, right), same(now, right)
    gone = np.isnan(now) & ~np.isnan(right)
    touched = ~same(bad, now)
    return Tally(
        int(wrong.sum()),
        int((wrong & good).sum()),
        int((wrong & ~good & ~gone & touched).sum()),
        int((wrong & gone & touched).sum()),
        int((wrong & ~good & ~touched).sum()),
        int((~wrong & ~good & ~gone).sum()),
        int((~wrong & gone).sum()),
    )


def twin(file: Path) -> Tally:
    """A vendor's bad file, fixed, against its twin, cell by cell; a row that was removed is not known."""
    source, right = (pd.read_csv(place, index_col=0) for place in (file, file.with_name(f"{file.stem}-fixed.csv")))
    now = cleaned(fix(file)).to_pandas().set_index(source.index.name)
    now = now.replace("", np.nan)[list(COLUMNS)].astype(float).reindex(right.index)
    cells = (table.reindex(right.index)[list(COLUMNS)].to_numpy(float) for table in (source, now, right))
    return tally(*cells)


def unadjusted(file: Path, truth: pd.DataFrame) -> dict[str, int]:
    """The splits of a file that was appended to day by day, by what became of the step the prices make near the date."""
    before = pd.read_parquet(file, columns=["symbol", "date", "close"]).drop_duplicates(["symbol", "date"])
    done = fix(file)
    after = cleaned(done).to_pandas()
    out = dict.fromkeys(STEPS.values(), 0)
    steps = {}
    for one in truth.itertuples():
        old, new = (table[table["symbol"] == one.symbol].set_index("date")["close"] for table in (before, after))
        near = [k for k in range(1, len(old)) if abs((old.index[k] - one.date.date()).days) <= 4]
        if not near:
            out[STEPS["none"]] += 1
            continue
        factor = (new / old).reindex(old.index).ffill().bfill().to_numpy()
        place = min(near, key=lambda k: abs(np.log(old.iloc[k - 1] / old.iloc[k] / one.splits)))
        shows = abs(np.log(old.iloc[place - 1] / old.iloc[place] / one.splits)) < 0.5 * np.log(one.splits)
        ratio = float(factor[place] / factor[place - 1])
        steps.setdefault(one.symbol, []).append(ratio)
        exact, idle = abs(ratio / one.splits - 1.0) < NEAR, abs(ratio - 1.0) < NEAR
        word = ("large " if one.splits >= 1.5 else "small ") if shows else "hidden "
        out[STEPS[word + ("exact" if exact else "idle" if idle else "other")]] += 1
    moved = {
        str(name)
        for batch in done.sheet.log
        if batch.what == "split" and batch.action == "repaired"
        for name in names(done, batch.at)
    }
    return out | {OTHERS: len(moved - set(truth["symbol"]))}


OTHERS = "instruments adjusted of which no split is known"
STEPS = {
    "large exact": "splits of 3:2 and more that show: earlier bars adjusted by exactly that",
    "large other": "... by another ratio",
    "large idle": "... not adjusted",
    "small idle": "spin-offs and stock dividends below 3:2 that show: not adjusted",
    "small exact": "... adjusted by exactly that",
    "small other": "... by another ratio",
    "hidden idle": "actions that do not show: not adjusted",
    "hidden exact": "... adjusted by exactly that",
    "hidden other": "... by another ratio",
    "none": "actions of which the file has no bars",
}


def names(done: object, at: np.ndarray) -> set[str]:
    base = done.sheet.base
    return {base.symbols[k] for k in np.unique(np.searchsorted(base.bounds, at, side="right") - 1)}


def planted(defects: Field, now: pd.DataFrame) -> Verdict:
    """What became of every planted defect, and of the cells that were right, in a fixed table with the same symbols and dates."""
    words = [*PRICES, "volume", "adj_close", "dividend"]
    frame = defects.frame
    index = pd.MultiIndex.from_arrays([frame["symbol"], pd.to_datetime(frame["date"])])
    table = now.assign(date=pd.to_datetime(now["date"])).set_index(["symbol", "date"])
    twice = table.index.duplicated(keep=False)
    doubled = set(table.index[twice])
    fixed = table[~table.index.duplicated()].reindex(index)[words].to_numpy(np.float64)
    right = frame[words].to_numpy(np.float64)
    bad = np.column_stack([defects.values[name] for name in words]).astype(np.float32).astype(np.float64)
    bad[:, words.index("volume")] = defects.values["volume"]
    bad[defects.dropped] = np.nan
    out = Verdict(cells=right.size)
    mine = np.zeros(len(frame), bool)
    for kind, row, rows in defects.planted:
        first, _ = defects.life(row)
        lasts = kind in LASTING
        mine[slice(first, row) if lasts else slice(row, row + rows)] = True
        one = out.kinds.setdefault(kind, Tally())
        one.cells += 1
        if lasts:
            judge(
                one,
                *(table[row - 1] / np.where(table[row] == 0.0, np.nan, table[row]) for table in (fixed, right, bad)),
            )
        elif kind in ("duplicate", "conflict"):
            judge_double(one, fixed[row], right[row], index[row] in doubled)
        else:
            judge(one, *(table[row : row + rows] for table in (fixed, right, bad)))
    rest = tally(bad[~mine], fixed[~mine], right[~mine])
    out.spoilt, out.hidden = rest.spoilt, rest.hidden
    return out


def judge(one: Tally, now: np.ndarray, right: np.ndarray, bad: np.ndarray) -> None:
    """A defect is exact where every cell is right, masked where what is not right is not known, else wrong or missed."""
    good, gone = same(now, right), np.isnan(now) & ~np.isnan(right)
    if good.all():
        one.exact += 1
    elif same(now, bad).all():
        one.missed += 1
    elif (good | gone).all():
        one.masked += 1
    else:
        one.wrong += 1


def judge_double(one: Tally, now: np.ndarray, right: np.ndarray, doubled: bool) -> None:
    if doubled:
        one.missed += 1
    elif same(now, right).all():
        one.exact += 1
    elif (same(now, right) | np.isnan(now)).all():
        one.masked += 1
    else:
        one.wrong += 1


class Marred(Field):
    """Defects whose right repair is known: high and low change places, nothing else does."""

    def range(self) -> tuple[int, int]:
        row, v = self.spot(), self.values
        away = self.random.uniform(0.01, 0.1)
        shape = int(self.random.integers(3))
        if shape == 0:
            v["high"][row], v["low"][row] = v["low"][row], v["high"][row]
        elif shape == 1:
            v["high"][row] = min(v["open"][row], v["close"][row]) * (1.0 - away)
        else:
            v["low"][row] = max(v["open"][row], v["close"][row]) * (1.0 + away)
        return row, 1


LOCAL = tuple(kind for kind in KINDS if kind not in LASTING)
