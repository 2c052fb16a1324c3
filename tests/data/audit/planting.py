"""Defects planted in clean bars, and how many of them an audit finds: recall, and precision of what it says.

A hit is a finding of the planted kind for the same symbol, from a session before the planted one to a session after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.data.audit.auditing import Audit
from engine.markets import simulate

PRICES = ["open", "high", "low", "close"]
RATIOS = (1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 0.5, 0.2, 0.1)
ROUND = np.log([4 / 3, 1.5, 2.0, 3.0, 4.0])
APART, MARGIN = 25, 25  # rows between two defects of a name, and from either end
KINDS = (
    "duplicate", "conflict", "missing_session", "missing_cell", "zero_cell", "range", "stale", "unit", "wrong_ticker",
    "split", "jump", "dividend", "adjusted",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    kind: str
    symbol: str
    session: int
    rows: int


@dataclass(frozen=True)
class Score:
    kind: str
    planted: int
    found: int
    other: int  # found, but called something else
    said: int
    true: int

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else float("nan")

    @property
    def precision(self) -> float:
        return self.true / self.said if self.said else float("nan")


def clean(names: int, bars: int, seed: int) -> pd.DataFrame:
    """Bars adjusted for splits as Yahoo's are: prices before a split divided by it, dividends in adj_close, all float32."""
    quiet = {"halts": None, "missing": 0.0, "signal": {"shape": "none"}}
    frame = simulate({"name": "clean", "seed": seed, "names": names, "bars": bars, **quiet}).frame()
    frame = frame[["date", "symbol", *PRICES, "volume", "split", "dividend"]].copy()
    by = frame.groupby("symbol", sort=False)
    later = by["split"].transform(lambda one: one[::-1].cumprod()[::-1].shift(-1, fill_value=1.0))
    for name in PRICES:
        frame[name] = frame[name] / later
    frame["volume"] = (frame["volume"] * later).round()
    frame["dividend"] = frame["dividend"] / later
    kept = 1.0 - frame["dividend"] / by["close"].shift(1).fillna(np.inf)
    total = kept.groupby(frame["symbol"], sort=False).transform(
        lambda one: one[::-1].cumprod()[::-1].shift(-1, fill_value=1.0)
    )
    frame["adj_close"] = frame["close"] * total
    narrow = [*PRICES, "adj_close", "dividend"]
    frame[narrow] = frame[narrow].astype(np.float32)
    return frame.drop(columns="split").reset_index(drop=True)


class Field:
    """A clean table as arrays, in which defects are planted one after the other, never two on one spot."""

    def __init__(self, frame: pd.DataFrame, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.frame = frame
        self.values = {
            name: frame[name].to_numpy(np.float64).copy() for name in (*PRICES, "volume", "adj_close", "dividend")
        }
        symbol = frame["symbol"].to_numpy()
        self.first = np.flatnonzero(np.concatenate(([True], symbol[1:] != symbol[:-1])))
        self.end = np.append(self.first[1:], len(frame))
        self.free = np.zeros(len(frame), bool)
        for first, end in zip(self.first, self.end, strict=True):
            self.free[first + MARGIN : max(end - MARGIN, first)] = True
        self.planted: list[tuple[str, int, int]] = []  # kind, row, rows
        self.dropped: list[int] = []
        self.extra: list[tuple[int, float]] = []  # rows that come twice, the second close times this

    def spot(self, length: int = 1, among: np.ndarray | None = None) -> int:
        """A free row with `length` free rows from it on, which are then taken with some room around."""
        while True:
            row = int(self.random.integers(len(self.free)) if among is None else self.random.choice(among))
            if self.free[row : row + length].all() and row + length <= len(self.free):
                self.free[max(0, row - APART) : row + length + APART] = False
                return row

    def life(self, row: int) -> tuple[int, int]:
        k = int(np.searchsorted(self.first, row, side="right")) - 1
        return int(self.first[k]), int(self.end[k])

    def plant(self, kind: str, count: int) -> None:
        for _ in range(count):
            row, rows = getattr(self, kind)()
            self.planted.append((kind, row, rows))

    def scaled(self, rows: slice, factor: float, names: list[str]) -> None:
        for name in names:
            self.values[name][rows] *= factor

    def duplicate(self) -> tuple[int, int]:
        row = self.spot()
        self.extra.append((row, 1.0))
        return row, 1

    def conflict(self) -> tuple[int, int]:
        row = self.spot()
        self.extra.append((row, 1.0 + self.random.choice([-1, 1]) * self.random.uniform(0.005, 0.05)))
        return row, 1

    def missing_session(self) -> tuple[int, int]:
        row = self.spot()
        self.dropped.append(row)
        return row, 1

    def missing_cell(self) -> tuple[int, int]:
        row = self.spot()
        self.values[str(self.random.choice(PRICES))][row] = np.nan
        return row, 1

    def zero_cell(self) -> tuple[int, int]:
        row = self.spot()
        for name in [["open", "high", "low"], ["close"], ["open"], ["low"], PRICES][int(self.random.integers(5))]:
            self.values[name][row] = 0.0
        return row, 1

    def range(self) -> tuple[int, int]:
        row, v = self.spot(), self.values
        away = self.random.uniform(0.01, 0.1)
        shape = int(self.random.integers(3))
        if shape == 0:
            v["high"][row], v["low"][row] = v["low"][row] * (1 - 0.001), v["high"][row] * 1.001
        elif shape == 1:
            v["high"][row] = min(v["open"][row], v["close"][row]) * (1.0 - away)
        else:
            v["low"][row] = max(v["open"][row], v["close"][row]) * (1.0 + away)
        return row, 1

    def stale(self) -> tuple[int, int]:
        whole = bool(self.random.integers(2))
        length = int(self.random.integers(1, 4) if whole else self.random.integers(5, 9))
        row = self.spot(length)
        for name in [*PRICES, "volume", "adj_close"] if whole else ["close", "adj_close"]:
            self.values[name][row : row + length] = self.values[name][row - 1]
        if not whole:
            v, part = self.values, slice(row, row + length)
            v["high"][part], v["low"][part] = (
                np.fmax(v["high"][part], v["close"][part]),
                np.fmin(v["low"][part], v["close"][part]),
            )
        return row, length

    def unit(self) -> tuple[int, int]:
        factor = float(self.random.choice([100.0, 0.01]))
        shape = int(self.random.integers(3))
        length = int(self.random.integers(3, 20)) if shape == 1 else 1
        row = self.spot(length)
        names = [*PRICES, "adj_close"]
        if shape == 2:
            names = [["close", "adj_close"], ["open"], ["high"], ["low"]][int(self.random.integers(4))]
        self.scaled(slice(row, row + length), factor, names)
        return row, length

    def wrong_ticker(self) -> tuple[int, int]:
        while True:
            row = self.spot()
            there = np.flatnonzero(self.frame["date"].to_numpy() == self.frame["date"].to_numpy()[row])
            other = int(self.random.choice(there))
            if other != row and self.free[other]:
                break
        for name in (*PRICES, "volume", "adj_close"):
            self.values[name][row] = self.values[name][other]
        return row, 1

    def split(self) -> tuple[int, int]:
        row, ratio = self.spot(), float(self.random.choice(RATIOS))
        first, _ = self.life(row)
        self.scaled(slice(first, row), ratio, [*PRICES, "adj_close", "dividend"])
        self.values["volume"][first:row] /= ratio
        return row, 1

    def jump(self) -> tuple[int, int]:
        """A change of level that no split makes: an eighth or more away from every round ratio."""
        while True:
            size = self.random.choice([-1, 1]) * self.random.uniform(0.5, 1.3)
            if np.abs(np.abs(size) - ROUND).min() > 0.12:
                return self.any_jump(size)

    def any_jump(self, size: float | None = None) -> tuple[int, int]:
        row = self.spot()
        first, _ = self.life(row)
        factor = float(np.exp(self.random.choice([-1, 1]) * self.random.uniform(0.5, 1.3) if size is None else size))
        self.scaled(slice(first, row), factor, [*PRICES, "adj_close", "dividend"])
        return row, 1

    def dividend(self) -> tuple[int, int]:
        """A dividend that the adjusted close of all days before forgets."""
        v = self.values
        before = np.concatenate(([np.nan], v["close"][:-1]))
        row = self.spot(among=np.flatnonzero(v["dividend"] > 0.005 * before))
        first, _ = self.life(row)
        v["adj_close"][first:row] /= 1.0 - v["dividend"][row] / v["close"][row - 1]
        return row, 1

    def adjusted(self) -> tuple[int, int]:
        row = self.spot()
        self.values["adj_close"][row] *= float(self.random.choice([-1.0, 0.0, 1.5, 3.0]))
        return row, 1

    def table(self) -> pd.DataFrame:
        """The bars with all that was planted, duplicates at their place."""
        out = self.frame.assign(**self.values, at=np.arange(len(self.frame), dtype=float))
        place = np.array([row for row, _ in self.extra], np.int64)
        again = out.iloc[place].assign(at=place + 0.5)
        again["close"] *= np.array([factor for _, factor in self.extra])
        out = pd.concat([out.drop(index=self.dropped), again]).sort_values("at", kind="stable")
        narrow = [*PRICES, "adj_close", "dividend"]
        return out.astype(dict.fromkeys(narrow, np.float32)).drop(columns="at").reset_index(drop=True)

    def truth(self) -> list[Planted]:
        """What was planted, sessions numbered from the first."""
        _, session = np.unique(self.frame["date"].to_numpy(), return_inverse=True)
        symbol = self.frame["symbol"].to_numpy()
        return [Planted(kind, str(symbol[row]), int(session[row]), rows) for kind, row, rows in self.planted]


def scores(audit: Audit, truth: list[Planted], dates: np.ndarray) -> list[Score]:
    """One Score for each planted kind; `dates` are the sessions, rising."""
    label = np.unique(dates.astype("datetime64[D]"))
    said: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for line in audit.lines:
        for one in line.findings:
            first, last = (int(np.searchsorted(label, np.datetime64(day, "D"))) for day in one.days())
            said.setdefault((line.symbol, one.kind), []).append((first, last))

    def near(kind: str, one: Planted) -> bool:
        spans = said.get((one.symbol, kind), ())
        return any(first - 1 <= one.session + one.rows - 1 and one.session <= last + 1 for first, last in spans)

    out = []
    for kind in dict.fromkeys(one.kind for one in truth):
        mine = [one for one in truth if one.kind == kind]
        found = [near(kind, one) for one in mine]
        other = [
            not hit and any(near(name, one) for name in KINDS if name != kind)
            for hit, one in zip(found, mine, strict=True)
        ]
        true = total = 0
        at: dict[str, list[Planted]] = {}
        for one in mine:
            at.setdefault(one.symbol, []).append(one)
        for (symbol, name), spans in said.items():
            for first, last in spans if name == kind else ():
                total += 1
                true += any(
                    first - 1 <= one.session + one.rows - 1 and one.session <= last + 1 for one in at.get(symbol, ())
                )
        out.append(Score(kind, len(mine), sum(found), sum(other), total, true))
    return out
