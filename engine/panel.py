"""Panel: a run's bars as (T, N) arrays, with splits, dividends, the calendar's facts, and what they are declared as."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data import calendars
from engine.data.actions import Actions
from engine.data.adjust import forward
from engine.data.building import Declared, finish, frozen
from engine.data.carried import vetted
from engine.data.vetting import Grid
from engine.errors import DataError
from engine.types import Bools, Floats, Ints, Universe, Window

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.universe import Input

BARS = ("open", "high", "low", "close", "volume")
FACTS = ("times", "days", "last_of_day", "last_of_week", "last_of_month", *BARS)


@dataclass(frozen=True, eq=False)
class Panel:
    """Slices by instruments, read-only; NaN = not known, and a bar exists where its close is finite.

    Prices and dividends are in the unit that `prices` names; `adjusted` is their forward-adjusted total return.
    """

    universe: Universe
    times: Ints  # (T,) ns UTC of the bars' close, rising
    days: Ints  # (T,) session number
    sessions: np.ndarray  # (T,) datetime64[D], the session's date
    last_of_day: Bools  # (T,) the last slice of its session
    last_of_week: Bools  # (T,) the last slice of the last session of its week
    last_of_month: Bools
    open: Floats  # (T, N), as are the next four
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    actions: Actions
    bars_per_year: float  # NaN for a single slice without a calendar
    bars_per_year_source: str  # the calendar's name, or "counted"
    prices: str
    dividends: str
    calendar: str
    missing_open: str
    member: Bools | None  # (T, N), or None: all are members always
    warnings: tuple[str, ...]
    name: str
    before: int = 0  # slices in front of the first that signals have seen all the same
    inputs: tuple[Input, ...] = ()  # files of the universe; `fingerprint` sees what they say

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        prices: str = "as_traded",
        dividends: str = "as_traded",
        calendar: str | None = None,
        missing_open: str = "refuse",
        lot: float = 1.0,
        tick: float | None = None,
        symbols: Any = None,
        start: Any = None,
        end: Any = None,
        name: str = "frame",
        members: Any = None,
        actions: Any = None,
    ) -> Panel:
        """A panel of a long table: date or timestamp, symbol, open, high, low, close, volume[, dividend, split, ...].

        `frame` is pandas, pyarrow or anything with __arrow_c_stream__; also read are sector, lot, tick, multiplier,
        delisted_at and terminal_value, one value per symbol. `actions` may hold date, symbol, split, dividend apart.
        Rows of one symbol must rise in time. DataError says what else is refused, and the way out.
        """
        from engine.data import arrays, columns, longs

        declared = Declared(name, prices, dividends, calendar or calendars.INFERRED, missing_open)
        wanted = longs.Wanted.of(symbols, start, end, name)
        extra = None if actions is None else columns.read(actions, f"{name}: actions", needed=("symbol",))
        steps = (arrays.step(lot, "lot", name), arrays.step(tick, "tick", name))
        return cls(**longs.build(columns.read(frame, name), declared, wanted, *steps, extra, members))

    @classmethod
    def from_arrays(
        cls,
        symbols: Any,
        times: Any,
        open: Any,
        high: Any,
        low: Any,
        close: Any,
        volume: Any,
        splits: Any = None,
        dividends: Any = None,
        *,
        prices: str = "as_traded",
        calendar: str | None = None,
        missing_open: str = "refuse",
        universe: Universe | None = None,
        lot: float = 1.0,
        tick: float | None = None,
        member: Any = None,
        verify: bool = True,
        name: str = "arrays",
    ) -> Panel:
        """A panel of (T, N) arrays, copied; symbols ascend. `times` are closes (int64 ns or datetimes, UTC) or dates.

        `splits` (1 or NaN none) and `dividends` (0 or NaN none; in the unit of the prices) are (T, N) too.
        `verify=False` skips only the check that splits show in the price.
        """
        from engine.data import arrays

        names = arrays.names_of(symbols, name)
        closes, session = arrays.times_of(times, calendar or calendars.INFERRED, name)
        shape = (len(closes), len(names))
        dated = arrays.dated_of(splits, dividends, closes, shape, name)
        paid = bool((np.nan_to_num(dated.dividend) != 0.0).any())
        unit = "none" if prices == "total_return" and not paid else prices
        declared = Declared(name, prices, unit, calendar or calendars.INFERRED, missing_open)
        bars = (
            arrays.fresh(values, shape, key, name)
            for key, values in zip(BARS, (open, high, low, close, volume), strict=True)
        )
        grid = Grid(name, names, session, *bars)
        notes = arrays.without_close(grid)
        steps = (arrays.step(lot, "lot", name), arrays.step(tick, "tick", name))
        base = Universe.of(names, *steps) if universe is None else vetted(universe, name)
        if base.symbols != names:
            raise DataError(
                f"{name}: universe has other symbols than the columns; expected {names[:5]}, got {base.symbols[:5]}"
            )
        belongs = None if member is None else arrays.member_of(member, shape, name)
        return cls(**finish(grid, closes, session, base, dated, declared, member=belongs, notes=notes, verify=verify))

    @cached_property
    def adjusted(self) -> Window:
        """All T slices in forward-adjusted prices; the panel's own arrays when it has no actions."""
        open_, high, low, close, volume = forward(
            self.actions, (self.open, self.high, self.low, self.close, self.volume)
        )
        return Window(self.universe.symbols, self.times, open_, high, low, close, volume, self.universe.sector)

    def window(self, t: int, length: int) -> Window:
        """The `length` slices that end at row t, adjusted: views, and fewer at the beginning."""
        return self.adjusted.rows(max(0, t - length + 1), t + 1)

    @cached_property
    def delisted_row(self) -> Ints:
        """(N,) first row at or after the instrument's `delisted_at`, -1 if never."""
        row = np.searchsorted(self.times, self.universe.delisted_at).astype(np.int64)
        return np.where((self.universe.delisted_at == 0) | (row >= len(self.times)), -1, row)

    def dates(self) -> np.ndarray:
        """(T,) datetime64[D]: the session each slice belongs to."""
        return self.sessions

    def is_daily(self) -> bool:
        """Whether no session has more than one slice."""
        return bool(self.days[-1] == len(self.days) - 1)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 hex of everything a run can see: universe, times, bars, actions, membership, declarations."""
        digest = hashlib.sha256()
        u = self.universe
        words = (u.symbols, u.sector_names, self.prices, self.dividends, self.calendar, self.missing_open)
        digest.update(repr((words, self.close.shape, float(self.bars_per_year), self.member is None)).encode())
        if fetched := [entry.file for entry in self.inputs if entry.key == "data.fetched"]:  # from whom, and when
            digest.update(repr(fetched).encode())
        arrays = [getattr(u, key) for key in ("lot", "tick", "multiplier", "sector", "delisted_at", "terminal_value")]
        arrays += [getattr(self, key) for key in FACTS]
        arrays += [getattr(self.actions, key) for key in ("row", "instrument", "split", "dividend")]
        for array in arrays if self.member is None else [*arrays, self.member]:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    def cut(self, start: Any = None, end: Any = None, symbols: Any = None) -> Panel:
        """The part from `start` to `end` (dates, both inside) of `symbols`; actions outside it are gone."""
        from engine.data.longs import Wanted, pick

        wanted = Wanted.of(symbols, start, end, self.name)
        rows = slice(
            0 if wanted.start is None else int(np.searchsorted(self.sessions, wanted.start)),
            len(self) if wanted.end is None else int(np.searchsorted(self.sessions, wanted.end, side="right")),
        )
        if rows.start >= rows.stop:
            raise DataError(
                f"{self.name}: no bars from {start} to {end}; the data has {self.sessions[0]} to {self.sessions[-1]}"
            )
        return self._part(rows, pick(wanted.symbols, self.universe.symbols, self.name))

    def between(self, first: int, stop: int) -> Panel:
        """Rows `first` to `stop`; what lies before them counts as seen (`before`), actions outside them are gone."""
        if (first, stop) == (0, len(self)):
            return self
        part = self._part(slice(first, stop), np.arange(len(self.universe)))
        return replace(part, before=self.before + first)

    def _part(self, rows: slice, columns: Ints) -> Panel:
        """Some rows of some columns, with the actions among them."""
        a = self.actions
        place = np.full(len(self.universe), -1, np.int64)
        place[columns] = np.arange(len(columns))
        keep = (a.row >= rows.start) & (a.row < rows.stop) & (place[a.instrument] >= 0)
        actions = Actions.of(
            a.row[keep] - rows.start, place[a.instrument[keep]], a.split[keep], a.dividend[keep], rows.stop - rows.start
        )
        grids = {key: frozen(getattr(self, key)[rows][:, columns]) for key in BARS}
        lines = {key: frozen(getattr(self, key)[rows]) for key in FACTS[:5] if key != "days"}
        per_year, source = self.bars_per_year, self.bars_per_year_source
        if source == calendars.COUNTED:
            per_year = calendars.counted(lines["times"])
        return replace(
            self,
            universe=_chosen(self.universe, columns),
            days=frozen(self.days[rows] - self.days[rows.start]),
            sessions=frozen(self.sessions[rows]),
            actions=actions,
            member=None if self.member is None else frozen(self.member[rows][:, columns]),
            bars_per_year=per_year,
            **lines,
            **grids,
        )

    def with_steps(self, lot: float | None, tick: float | None) -> Panel:
        """The same bars with another lot and tick for all instruments; None leaves one as it is."""
        if lot is None and tick is None:
            return self
        from engine.data.arrays import step

        n, u = len(self.universe), self.universe
        lots, ticks = (
            old if new is None else frozen(np.full(n, step(new, key, self.name)))
            for key, new, old in (("lot", lot, u.lot), ("tick", tick, u.tick))
        )
        return replace(self, universe=replace(u, lot=lots, tick=ticks))

    def __repr__(self) -> str:
        """One line: name, dates, size and what the prices are."""
        shape = f"{len(self):,} slices x {len(self.universe):,} instruments"
        return f"<Panel {self.name}: {self.sessions[0]} to {self.sessions[-1]}, {shape}, prices {self.prices}>"

    def to_frame(self) -> pd.DataFrame:
        """A long frame: timestamp (UTC, the close), symbol, bars, split, dividend, and what instruments carry.

        Dividends are in the unit of the prices: reading it again, declare them so.
        """
        from engine.data.export import long_frame

        return long_frame(self)


def _chosen(universe: Universe, columns: Ints) -> Universe:
    """The universe of some columns, ascending."""
    arrays = {
        key: getattr(universe, key)[columns]
        for key in ("lot", "tick", "multiplier", "sector", "delisted_at", "terminal_value")
    }
    return replace(universe, symbols=tuple(universe.symbols[i] for i in columns), **arrays)
