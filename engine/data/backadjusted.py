"""Vendors' back-adjusted prices: which splits they have swallowed, and how they come undone where the factors are known.

A back-adjusted history is restated by every later action, so it knows the future. Undone to as-traded bars with their
actions, it goes through `engine.data.adjust`, which is causal. Tables here are pandas frames of plain columns, not changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.data.actions import VISIBLE
from engine.errors import DataError
from engine.types import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

DENOMINATOR = 100  # of a split ratio known to six digits
FEW = 10  # of one measured by rounded prices: by a larger one, a rights issue would look like a split
PRINTED = 6  # digits of a split factor that a file can be trusted to hold
FACTOR_STEP = 5e-8  # half of the last digit of a printed price factor
PRICES = ("open", "high", "low", "close")
AROUND = 5  # bars on either side of a step that must agree with it
NEAR = 3  # bars within which a split that is not on its date is looked for
STEP = 1e-3  # relative: a smaller step is rounding, or another close of the same day


@dataclass(frozen=True, slots=True)
class Split:
    """One split of one symbol: new shares per old from `date` on, and whether the vendor's price has swallowed it."""

    symbol: str
    date: np.datetime64
    ratio: float
    swallowed: bool


def actions_of(factors: pd.DataFrame) -> pd.DataFrame:
    """date, symbol, split, dividend from a factor table: date, symbol, price_factor, split_factor, ref_price.

    A row's factors hold up to its date and its ref_price is that day's close; the next row's hold from the day after, which
    is the action's date. split = later / earlier split factor, the simplest ratio that prints so; dividend, per new share =
    ref_price x (1 - earlier / later price factor) / split. DataError where a dividend has no close to be measured by.
    """
    import pandas as pd

    table = factors.sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)
    after = table.groupby("symbol", sort=False)[["price_factor", "split_factor"]].shift(-1)
    known = after["split_factor"].notna()
    _positive(table)
    table, after = table[known], after[known]
    pairs = zip(table["split_factor"], after["split_factor"], strict=True)
    split = np.array([simplest(b / a, b / a * (_rounding(a) + _rounding(b))) for a, b in pairs])
    paid = 1.0 - table["price_factor"].to_numpy() / after["price_factor"].to_numpy()
    paid = np.where(np.abs(paid) * after["price_factor"].to_numpy() <= 2.0 * FACTOR_STEP, 0.0, paid)
    lost = np.flatnonzero((paid != 0.0) & (table["ref_price"].to_numpy() <= 0.0))
    if len(lost):
        row = table.iloc[int(lost[0])]
        raise DataError(
            f"factors: {row['symbol']} on {str(row['date'])[:10]}: a dividend needs the close before it; ref_price is "
            f"{row['ref_price']:g}. Give it, or drop the row"
        )
    out = pd.DataFrame(
        {
            "date": pd.to_datetime(table["date"]) + pd.Timedelta(days=1),
            "symbol": table["symbol"],
            "split": split,
            "dividend": table["ref_price"] * paid / split,
        }
    )
    busy: pd.DataFrame = out[(split != 1.0) | (paid != 0.0)]
    return busy.reset_index(drop=True)


def _rounding(factor: float) -> float:
    """Half of the last printed digit, relative to the factor."""
    return float(0.5 * 10.0 ** (np.floor(np.log10(factor)) + 1 - PRINTED) / factor)


def _positive(table: pd.DataFrame) -> None:
    for name in ("price_factor", "split_factor"):
        bad = np.flatnonzero(~(table[name].to_numpy() > 0.0))
        if len(bad):
            row = table.iloc[int(bad[0])]
            raise DataError(
                f"factors: {row['symbol']} on {str(row['date'])[:10]}: {name} is {row[name]}; expected above 0"
            )


def simplest(ratio: float, tolerance: float, most: int = DENOMINATOR) -> float:
    """The fraction of the smallest denominator, up to `most`, within `tolerance` of `ratio`; `ratio` itself where there is none."""
    for below in range(1, most + 1):
        above = round(ratio * below)
        if above and abs(above / below - ratio) <= tolerance:
            return above / below
    return ratio


def undone(frame: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """As-traded bars from bars that a factor table has adjusted: prices / (price x split factor), volume x split factor.

    DataError for a bar later than the last factor of its symbol, or of a symbol without factors.
    """
    import pandas as pd

    out = frame.copy()
    out[list(PRICES)] = out[list(PRICES)].astype(np.float64)
    price, split = np.full(len(out), np.nan), np.full(len(out), np.nan)
    days = pd.to_datetime(out["date"]).to_numpy()
    for symbol, rows in out.reset_index(drop=True).groupby("symbol").indices.items():
        own = factors[factors["symbol"] == symbol].sort_values("date")
        at = np.searchsorted(pd.to_datetime(own["date"]).to_numpy(), days[rows])
        if not len(own) or int(at.max()) >= len(own):
            last = str(own["date"].iloc[-1])[:10] if len(own) else "none"
            raise DataError(
                f"factors: {symbol} on {str(days[rows].max())[:10]}: no factor; the last is {last}. Add a row"
            )
        price[rows] = own["price_factor"].to_numpy()[at]
        split[rows] = own["split_factor"].to_numpy()[at]
    for name in PRICES:
        out[name] = out[name].to_numpy() / (price * split)
    out["volume"] = out["volume"].to_numpy() * split
    return out


def dividends_of(close: Floats, factor: Floats, noise: float = 2e-6) -> Floats:
    """(T,) dividends by ex-date, in the unit of `close`, from a vendor's adjusted close / close: C_prev x (1 - f_prev / f).

    0 where the factor moves by less than `noise` (its rounding). A vendor's return over an ex-date is C / (C_prev - D) - 1;
    the cash itself returns (C + D) / C_prev - 1.
    """
    out = np.zeros_like(close)
    step = 1.0 - factor[:-1] / factor[1:]
    out[1:] = np.where(np.abs(step) > noise, close[:-1] * step, 0.0)
    return out


def recognised(frame: pd.DataFrame, splits: pd.DataFrame) -> list[Split]:
    """Every split of `splits` (date, symbol, split) that falls inside its symbol's bars, and whether the closes show it.

    A file that restates its last rows when it is appended to shows a split days early: DataError with that day. A split of
    less than 20 % can hide in a day's move: it is taken to be as those of its symbol that show are, else as all
    of the frame; DataError where these disagree or there is none.
    """
    import pandas as pd

    found: list[tuple[Split, bool]] = []
    for symbol, bars in frame.sort_values("date", kind="stable").groupby("symbol"):
        own = splits[(splits["symbol"] == symbol) & (splits["split"] > 0.0) & (splits["split"] != 1.0)]
        days, close = pd.to_datetime(bars["date"]).to_numpy(), bars["close"].to_numpy(np.float64)
        for date, ratio in zip(pd.to_datetime(own["date"]).to_numpy(), own["split"], strict=True):
            at = int(np.searchsorted(days, date))
            if 0 < at < len(days):
                shows = _shows(close, at, ratio)
                clear = bool(abs(np.log(ratio)) > VISIBLE)
                split = Split(str(symbol), date, float(ratio), not shows)
                if clear and not shows:
                    _not_near(split, days, close, at)
                found.append((split, clear))
    return [split if clear else _likened(split, [one for one, sure in found if sure]) for split, clear in found]


def _shows(close: Floats, at: int, ratio: float) -> bool:
    """Whether the close moved at row `at` rather as if it fell by `ratio` than as if nothing had happened."""
    seen = np.log(close[at - 1] / close[at])
    return bool(abs(seen - np.log(ratio)) < abs(seen))


def _not_near(split: Split, days: np.ndarray, close: Floats, at: int) -> None:
    """DataError where the split shows some bars from its date: undoing it there would be wrong on either side."""
    for k in range(max(1, at - NEAR), min(len(close), at + NEAR + 1)):
        if k != at and abs(np.log(close[k - 1] / close[k] / split.ratio)) < VISIBLE:
            raise DataError(
                f"{split.symbol} on {str(split.date)[:10]}: the split of {split.ratio:g} shows in the price on "
                f"{str(days[k])[:10]}; expected on its date, or not at all. Correct the split's date"
            )


def _likened(split: Split, sure: list[Split]) -> Split:
    """A small split, swallowed where the large ones are."""
    own = {one.swallowed for one in sure if one.symbol == split.symbol} or {one.swallowed for one in sure}
    if len(own) != 1:
        raise DataError(
            f"{split.symbol} on {str(split.date)[:10]}: a split of {split.ratio:g} is too small to be seen in the price, and "
            f"{'no larger one tells' if not own else 'the larger ones disagree'} whether it is in there. Declare the prices"
        )
    return Split(split.symbol, split.date, split.ratio, own.pop())


def as_traded(frame: pd.DataFrame, splits: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """As-traded bars from a frame that has swallowed some or all of `splits`, and a note that says which.

    Prices before a swallowed split are multiplied by its ratio, volumes divided. Mixed files, adjusted up to the day they
    were first downloaded and appended to since, come right too: every split is looked at where it happened.
    """
    import pandas as pd

    taken = [split for split in recognised(frame, splits) if split.swallowed]
    out = frame.copy()
    factor = np.ones(len(out))
    days, symbols = pd.to_datetime(out["date"]).to_numpy(), out["symbol"].to_numpy()
    for split in taken:
        factor[(symbols == split.symbol) & (days < split.date)] *= split.ratio
    for name in (name for name in PRICES if name in out):
        out[name] = out[name].to_numpy(np.float64) * factor
    if "volume" in out:
        out["volume"] = out["volume"].to_numpy(np.float64) / factor
    if not taken:
        return out, []
    first = min(taken, key=lambda split: split.date)
    said = f"{first.symbol} {first.ratio:g} on {str(first.date)[:10]}"
    return out, [f"{len(taken)} splits were in the prices already and are undone, first {said}"]


def steps_between(traded: Floats, adjusted: Floats) -> list[tuple[int, float]]:
    """(row, ratio) where as-traded / adjusted closes of the same days steps down for good: the splits one has swallowed.

    A day on which the two only differ is none: the five bars before and after must agree. A ratio is the simplest fraction
    within 0.02 %, since prices are rounded; one that is none (a rights issue, a spin-off) is given as it is.
    """
    ratio = traded / adjusted
    out = []
    for t in range(AROUND, len(ratio) - AROUND + 1):
        before, after = ratio[t - AROUND : t], ratio[t : t + AROUND]
        left, right = float(np.median(before)), float(np.median(after))
        here = bool(_level(before[-1:], left).all() and _level(after[:1], right).all())
        agree = int(_level(before, left).sum() + _level(after, right).sum())
        if abs(left / right - 1.0) > STEP and here and agree >= 2 * AROUND - 2:
            out.append((t, simplest(left / right, 2e-4 * left / right, FEW)))
    return out


def _level(ratio: Floats, middle: float) -> Bools:
    return np.asarray(np.abs(ratio / middle - 1.0) <= STEP / 2.0)
