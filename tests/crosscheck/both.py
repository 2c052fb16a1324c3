"""The same literal bars for both sides: `theirs` runs a script against backtrader's broker, `ours` weights against barcast.

A bar is (open, high, low, close) or with volume as a fifth number; 10 is a bar that stays at 10, None is no bar on that day.
Both answer with their fills as (slice, symbol, signed quantity, price), prices rounded to 9 places, and the money at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import engine
from engine.crosscheck.backtrader import FIRST_DAY, bt

VOLUME = 1e6
Row = tuple[int, str, float, float]


@dataclass(frozen=True)
class Seen:
    """What one side did. `events` are backtrader's (slice, symbol, status), but for Submitted and Accepted."""

    fills: list[Row]
    cash: float
    equity: float
    events: tuple[tuple[int, str, str], ...] = ()


def full(bar: Any) -> tuple[float, ...] | None:
    """(open, high, low, close, volume) of a literal."""
    if bar is None:
        return None
    if isinstance(bar, int | float):
        return (float(bar),) * 4 + (VOLUME,)
    return tuple(map(float, bar)) if len(bar) == 5 else (*map(float, bar), VOLUME)


def by_symbol(bars: Any) -> dict[str, list[tuple[float, ...] | None]]:
    """Bars by symbol; a bare list belongs to A."""
    named = bars if isinstance(bars, Mapping) else {"A": bars}
    return {symbol: [full(bar) for bar in rows] for symbol, rows in named.items()}


class Literal(bt.feed.DataBase):
    """A feed of literal bars, one a day, days without one left out."""

    params = (("rows", None),)

    def start(self) -> None:
        super().start()
        self.rows = iter([(t, row) for t, row in enumerate(self.p.rows) if row is not None])

    def _load(self) -> bool:
        t, row = next(self.rows, (None, None))
        if t is None:
            return False
        self.lines.datetime[0] = float(FIRST_DAY + t)
        for name, value in zip(("open", "high", "low", "close", "volume"), row, strict=True):
            getattr(self.lines, name)[0] = value
        self.lines.openinterest[0] = 0.0
        return True


class Scripted(bt.Strategy):
    """Calls script(strategy, t) in every `next`, opening(strategy, t) before every bar, and notes what its orders come to."""

    params = (("script", None), ("opening", None))

    def start(self) -> None:
        self.fills: list[Row] = []
        self.events: list[tuple[int, str, str]] = []
        self.done: dict[int, float] = {}

    @property
    def today(self) -> int:
        return round(self.datetime[0]) - FIRST_DAY

    def data_of(self, symbol: str) -> Any:
        return self.getdatabyname(symbol)

    def notify_order(self, order: Any) -> None:
        name = order.data._name
        new = order.executed.size - self.done.get(order.ref, 0.0)
        if new:
            bits = order.executed.exbits[-1]
            self.fills.append((round(bits.dt) - FIRST_DAY, name, float(bits.size), round(float(bits.price), 9)))
            self.done[order.ref] = order.executed.size
        if order.getstatusname() not in ("Submitted", "Accepted"):
            self.events.append((self.today, name, order.getstatusname()))

    def next(self) -> None:
        self.p.script(self, self.today)

    def next_open(self) -> None:
        if self.p.opening is not None:
            self.p.opening(self, round(self.data.datetime[0]) - FIRST_DAY)


def theirs(
    bars: Any,
    script: Callable[[Any, int], Any],
    cash: float = 1000.0,
    broker: Any = None,
    setup: Callable[[Any], Any] = lambda broker: None,
    opening: Callable[[Any, int], Any] | None = None,
) -> Seen:
    """backtrader's account after `bars`; `setup` may change its broker, which is otherwise as backtrader makes it.

    `opening` is called where cheat-on-open calls a strategy: before the orders of a bar, whose open is known.
    """
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=opening is not None)
    if broker is not None:
        cerebro.setbroker(broker)
    for symbol, rows in by_symbol(bars).items():
        cerebro.adddata(Literal(rows=rows), name=symbol)
    cerebro.broker.setcash(cash)
    setup(cerebro.broker)
    cerebro.addstrategy(Scripted, script=script, opening=opening)
    ran = cerebro.run()[0]
    return Seen(ran.fills, cerebro.broker.getcash(), cerebro.broker.getvalue(), tuple(ran.events))


class Given:
    """A strategy whose weights are the forecasts."""

    def target(self, now: Any) -> np.ndarray:
        return now.forecasts["f"]


def ours(bars: Any, weights: Any, cash: float = 1000.0, data: Any = None, **parts: Any) -> Seen:
    """barcast's account after `bars` under `weights` (symbol -> one a slice; NaN, leave alone, follows); `parts` of a file."""
    rows = by_symbol(bars)
    named: Mapping[str, Sequence[float]] = weights if isinstance(weights, Mapping) else {"A": weights}
    length = len(next(iter(rows.values())))
    grids = np.array([[row or (np.nan,) * 5 for row in rows[symbol]] for symbol in rows]).transpose(2, 1, 0)
    wanted = np.full((length, len(rows)), np.nan)
    for i, symbol in enumerate(rows):
        given = named.get(symbol, ())
        wanted[: len(given), i] = given
    days = np.datetime64("2020-01-06") + np.arange(length)
    panel = engine.Panel.from_arrays(list(rows), days, *grids, prices="split_adjusted", calendar="24/7")
    config = {
        "name": "ours",
        "data": {"source": "csv", "path": "x.csv", "prices": "split_adjusted", "dividends": "none"} | (data or {}),
        "signals": {"f": {"plugin": "precomputed", "unit": "score"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "side": "long_short"},
        "capital": cash,
    }
    result = engine.backtest(config | parts, panel=panel, forecasts=wanted, strategy=Given())
    place = {time: t for t, time in enumerate(result.index)}
    table = result.fills
    columns = (table["time"], table["symbol"], table["quantity"], table["price"])
    fills = [(place[time], symbol, float(q), round(float(p), 9)) for time, symbol, q, p in zip(*columns, strict=True)]
    return Seen(fills, float(result.cash.iloc[-1]), float(result.equity.iloc[-1]))
