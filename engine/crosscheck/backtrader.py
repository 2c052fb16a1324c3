"""backtrader's side: the same decisions sent to backtrader's own broker, and barcast forecasts as a backtrader line.

The only module that imports backtrader, which is an extra under GPL-3: what imports this module is under its terms.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine.crosscheck.rules import Decide, Seen
from engine.errors import PluginError
from engine.forecasts import answer, checked
from engine.types import DAY_NS, Floats, Window

try:
    with warnings.catch_warnings():  # two docstrings of backtrader's hold '\*', told when Python compiles them
        warnings.filterwarnings("ignore", message="invalid escape sequence")
        import backtrader as bt
except ImportError as missing:
    raise PluginError("backtrader is not installed; it is an extra: scripts/setup backtrader") from missing

if TYPE_CHECKING:
    from engine.contracts import Signal
    from engine.panel import Panel

FIRST_DAY = 730_122  # 2000-01-03 as backtrader counts days; slice t is day FIRST_DAY + t
UNIX_DAY = 719_163  # 1970-01-01 as backtrader counts days
COLUMNS = ("open", "high", "low", "close", "volume")
LEVEL_DIGITS = 13  # significant: 100 x 1.1 is a bit above 110, and backtrader compares floats as they are


class Fill(NamedTuple):
    """One execution: slice, instrument, signed quantity, price with slippage, fee, and backtrader's name of the order."""

    t: int
    instrument: int
    quantity: float
    price: float
    fee: float
    kind: str


@dataclass(frozen=True, slots=True)
class Run:
    """What backtrader made of a run: its fills in order, marked equity per slice, (slice, instrument) refused for cash."""

    fills: list[Fill]
    equity: Floats
    refused: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Terms:
    """Costs and levels, as fractions; None is no level."""

    capital: float
    commission: float
    slippage: float
    stop_loss: float | None
    take_profit: float | None


def exact(price: float) -> float:
    """A level without the last bits that its arithmetic left."""
    return float(f"{price:.{LEVEL_DIGITS}g}")


class Columns(bt.feed.DataBase):
    """A feed over columns of NumPy (open, high, low, close, volume), one bar a day from FIRST_DAY."""

    params = (("columns", None),)

    def start(self) -> None:
        super().start()
        self.row = 0

    def _load(self) -> bool:
        row, columns = self.row, self.p.columns
        if row == len(columns[0]):
            return False
        self.lines.datetime[0] = float(FIRST_DAY + row)
        for name, column in zip(COLUMNS, columns, strict=True):
            getattr(self.lines, name)[0] = float(column[row])
        self.lines.openinterest[0] = 0.0
        self.row = row + 1
        return True


class Mirror(bt.Strategy):
    """Sends what `decide` wants as market orders, reductions first, and protects positions by a stop and a limit, either of
    which cancels the other. They are sent after the entry has filled, so they wake on the bar after it.

    backtrader works its queue in the order of arrival. So before each bar `next_open` looks at the opens: a position whose
    level the open has passed keeps that level alone, and one that an order resizes gets its levels anew, behind the order.
    """

    params = (("decide", None), ("terms", None))

    def start(self) -> None:
        n = len(self.datas)
        self.index = {data: i for i, data in enumerate(self.datas)}
        self.before = [0] * n
        self.left: list[int | None] = [None] * n
        self.orders: dict[int, list[Any]] = {}  # for the next open
        self.levels: dict[int, list[Any]] = {}
        self.fills: list[Fill] = []
        self.equity: list[float] = []
        self.refused: list[tuple[int, int]] = []

    def notify_order(self, order: Any) -> None:
        i = self.index[order.data]
        if order.status == order.Completed:
            done = order.executed
            t = round(done.dt) - FIRST_DAY
            self.fills.append(Fill(t, i, done.size, done.price, done.comm, order.getordername().lower()))
        elif order.status == order.Margin:
            self.refused.append((len(self) - 1, i))

    def next(self) -> None:
        t, terms = len(self) - 1, self.p.terms
        held = [round(self.getposition(data).size) for data in self.datas]
        entered = [i for i, now in enumerate(held) if now * self.before[i] <= 0 and now != 0]
        for i, now in enumerate(held):
            if now == 0 and self.before[i] != 0:
                self.left[i] = t
        self.before = held
        equity = self.broker.getvalue()
        self.equity.append(equity)
        wanted = self.p.decide(Seen(t, equity, [data.close[0] for data in self.datas], held, self.left))
        self.orders = {}
        self.send(held, wanted)
        if terms.stop_loss is not None or terms.take_profit is not None:
            for i in entered:
                self.protect(i, held[i], self.getposition(self.datas[i]).price)

    def send(self, held: Sequence[int], wanted: dict[int, int]) -> None:
        """Order the difference; a change of side is two orders, so that every reduction comes before any increase."""
        increases = []
        for i, quantity in wanted.items():
            kept = min(quantity, held[i], key=abs) if quantity * held[i] > 0 else 0
            if kept != held[i]:
                self.order(i, kept - held[i])
            if quantity != kept:
                increases.append((i, quantity - kept))
        for i, size in increases:
            self.order(i, size)

    def order(self, i: int, size: int) -> None:
        trade = self.buy if size > 0 else self.sell
        self.orders.setdefault(i, []).append(trade(data=self.datas[i], size=abs(size)))

    def next_open(self) -> None:
        for i in [i for i in self.levels if self.before[i] != 0]:
            position, opened = self.getposition(self.datas[i]), self.datas[i].open[0]
            stop, limit = self.prices(position.size, position.price)
            side = 1.0 if position.size > 0 else -1.0
            if stop is not None and side * opened <= side * stop:
                self.keep_alone(i, position.size, bt.Order.Stop, stop)
            elif limit is not None and side * opened >= side * limit:
                self.keep_alone(i, position.size, bt.Order.Limit, limit)
            elif i in self.orders:
                self.resize(i, position, opened)

    def keep_alone(self, i: int, size: float, kind: int, price: float) -> None:
        """One level for the whole position and no other order of the name: the open has passed it, so it fills there."""
        self.withdraw(self.orders.get(i, ()))
        self.withdraw(self.levels[i])
        self.levels[i] = [self.level(i, size, kind, price)]

    def resize(self, i: int, position: Any, opened: float) -> None:
        """Levels for what will be left of a position once its orders have filled at this open; none if nothing or a turn."""
        change = sum(order.created.size for order in self.orders[i])
        after, basis = position.size + change, position.price
        if after * position.size <= 0:
            self.withdraw(self.levels.pop(i))
            return
        if abs(after) > abs(position.size):
            paid = opened * (1.0 + self.p.terms.slippage * (1 if change > 0 else -1))
            basis = (position.size * basis + change * paid) / after
        self.protect(i, after, basis)

    def protect(self, i: int, size: float, basis: float) -> None:
        """A stop and a limit around `basis` in place of what levels there were; the stop arrives first, so it wins a tie."""
        self.withdraw(self.levels.get(i, ()))
        stop, limit = self.prices(size, basis)
        first = None if stop is None else self.level(i, size, bt.Order.Stop, stop)
        second = None if limit is None else self.level(i, size, bt.Order.Limit, limit, first)
        self.levels[i] = [order for order in (first, second) if order is not None]

    def prices(self, size: float, basis: float) -> tuple[float | None, float | None]:
        """(stop, limit) of a position; None where there is none, or none above zero, which backtrader takes for unset."""
        side, terms = 1.0 if size > 0 else -1.0, self.p.terms
        stop = 0.0 if terms.stop_loss is None else basis * (1.0 - side * terms.stop_loss)
        limit = 0.0 if terms.take_profit is None else basis * (1.0 + side * terms.take_profit)
        return (exact(stop) if stop > 0.0 else None, exact(limit) if limit > 0.0 else None)

    def level(self, i: int, size: float, kind: int, price: float | None, rival: Any = None) -> Any:
        trade = self.sell if size > 0 else self.buy
        return trade(data=self.datas[i], size=abs(size), exectype=kind, price=price, oco=rival)

    def withdraw(self, orders: Sequence[Any]) -> None:
        for order in orders:
            self.cancel(order)


def run(panel: Panel, decide: Decide, terms: Terms) -> Run:
    """The bars traded by backtrader's broker under `decide`.

    Slippage leaves the bar (slip_out), as barcast's does. Cash is looked at when an order fills and not when it is sent
    (checksubmit off): the look ahead of time refuses whole batches at prices that nobody pays.
    """
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True, broker_coo=False)
    volume = np.nan_to_num(panel.volume)
    for i, symbol in enumerate(panel.universe.symbols):
        grids = (panel.open, panel.high, panel.low, panel.close, volume)
        cerebro.adddata(Columns(columns=[grid[:, i] for grid in grids]), name=symbol)
    broker = cerebro.broker
    broker.setcash(terms.capital)
    broker.setcommission(commission=terms.commission)
    broker.set_slippage_perc(terms.slippage, slip_open=True, slip_limit=True, slip_match=True, slip_out=True)
    broker.set_checksubmit(False)
    cerebro.addstrategy(Mirror, decide=decide, terms=terms)
    mirror = cerebro.run()[0]
    return Run(mirror.fills, np.array(mirror.equity), mirror.refused)


class BarcastSignal(bt.Indicator):
    """barcast's forecast of the first data as a line: `BarcastSignal(self.data, signal=Momentum(lookback=60, skip=5))`.

    `signal` is any barcast signal: window, unit, forecast(bars). Further datas complete its cross-section, by ascending name
    as in barcast; all must have a bar on every timestamp. Prices should be adjusted. The value on a bar is asked of the
    signal on the window that ends there, so it cannot know what comes; it is NaN before the window is full, where the
    signal has no view, and where there is no close. Forecasts of prices are given as returns on the close.
    """

    lines: Any = ("forecast",)
    params = (("signal", None), ("answers", None))

    def __init__(self) -> None:
        signal = self.p.signal
        if signal is None or getattr(signal, "given_by_the_run", False):
            raise PluginError(
                "BarcastSignal: give signal= something that forecasts bars; precomputed forecasts are a line of a feed already"
            )
        names = [data._name for data in self.datas]
        if len(set(names)) < len(names):
            raise PluginError(
                f"BarcastSignal: the names of the datas must differ, they are {names}; adddata(..., name=...)"
            )
        self.order = sorted(range(len(names)), key=lambda k: names[k])
        self.symbols = tuple(names[k] for k in self.order)
        self.answers: dict[float, Floats] = {} if self.p.answers is None else self.p.answers
        self.addminperiod(signal.window)

    def next(self) -> None:
        now = self.data.datetime[0]
        if now not in self.answers:
            self.answers[now] = self.ask()
        self.lines.forecast[0] = self.answers[now][self.order.index(0)]

    def ask(self) -> Floats:
        """(N,) forecasts of the bars up to this one."""
        signal, bars = self.p.signal, self.window(self.p.signal.window)
        close = bars.close[-1]
        told = answer("signal", "forecast", signal.forecast, bars, f" on {self.data.datetime.datetime(0)}")
        out = checked("signal", told, close.shape, None, self.symbols).copy()
        if signal.unit == "price":
            out = out / close - 1.0
        out[np.isnan(close)] = np.nan
        return out

    def window(self, length: int) -> Window:
        """The last `length` bars of all datas; PluginError if they are not of the same times."""
        datas = [self.datas[k] for k in self.order]
        times = np.array([data.datetime.get(size=length) for data in datas])
        if (times != times[0]).any():
            raise PluginError(
                f"BarcastSignal: the datas have no common bars up to {self.data.datetime.datetime(0)}; fill or drop the gaps"
            )
        grids = (np.array([getattr(data, name).get(size=length) for data in datas]).T.copy() for name in COLUMNS)
        stamps = np.round((times[0] - UNIX_DAY) * (DAY_NS / 1000)).astype(np.int64) * 1000
        columns = [stamps, *grids]
        for column in columns:
            column.flags.writeable = False
        return Window(self.symbols, *columns)


def signal_lines(datas: Sequence[Any], signal: Signal) -> list[Any]:
    """A BarcastSignal for each of `datas`, all of one cross-section; the signal is asked once a bar."""
    answers: dict[float, Floats] = {}
    make: Any = BarcastSignal  # backtrader takes the datas before __init__ is called
    rest = [[other for other in datas if other is not data] for data in datas]
    return [make(data, *others, signal=signal, answers=answers) for data, others in zip(datas, rest, strict=True)]
