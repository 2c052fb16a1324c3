"""`play` runs a market written as literal bars, fused and slice by slice, and hands back money that one can check by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import codes as c
from engine.compiled import njit
from engine.contracts import Rule
from engine.loop import Engine
from engine.orders import refused_at
from engine.signatures import DECIDE
from engine.types import DAY_NS, Order
from tests.reference import interface
from tests.reference.bridge import build
from tests.reference.interface import NAN, Config, Market

VOLUME = 1e6
COLUMNS = 5
Refusal = tuple[int, str, float, str, float | None, float | None]


@njit(DECIDE)
def copy_weights(
    t, day, equity, cash, view, has_bar, member, tradable, sector, symbol_rank, forecasts, params, state, target, codes
):
    """The forecast is the weight: what the Python strategy of the messy markets does, compiled."""
    for i in range(target.shape[0]):
        if not has_bar[i]:
            codes[i] |= np.uint32(c.NO_BAR_NOW)
        elif not member[i]:
            target[i] = 0.0
            codes[i] |= np.uint32(c.NOT_MEMBER)
        else:
            target[i] = forecasts[0, i]
            codes[i] |= np.uint32(c.UNDECIDED if math.isnan(target[i]) else c.TARGETED)
    return 0


@dataclass(frozen=True)
class Played:
    """What a market did to the account. Prices and quantities of `fills` are rounded to 9 places; times are rows."""

    engine: Engine
    symbols: tuple[str, ...]
    fills: list[tuple[int, str, float, float]]  # (t, symbol, signed quantity, price with slippage)
    fees: list[float]
    reasons: list[str]
    equity: list[float]
    cash: list[float]
    accrued: list[float]
    refused: list[Refusal]  # (t, symbol, signed quantity, rule, value, limit), None where there is no number

    def fate(self, t: int, symbol: str = "A") -> list[str]:
        """The words of what happened to `symbol` on slice `t`."""
        return c.describe(self.code(t, symbol))["fate"]  # type: ignore[return-value]

    def decision(self, t: int, symbol: str = "A") -> str:
        """The word of what was decided for `symbol` after slice `t`."""
        return str(c.describe(self.code(t, symbol))["decision"])

    def notes(self, t: int, symbol: str = "A") -> list[str]:
        """The notes on that decision."""
        return c.describe(self.code(t, symbol))["notes"]  # type: ignore[return-value]

    def code(self, t: int, symbol: str = "A") -> int:
        return int(self.engine.codes[t, self.symbols.index(symbol)])

    def held(self, symbol: str = "A") -> float:
        """The quantity held at the end."""
        return float(self.engine.book.account.quantity[self.symbols.index(symbol)])


def buy(quantity: float, symbol: str = "A", *, at: str = "market", **told: Any) -> Order:
    """An order to buy; limit=, stop= or both say its kind, only=True is reduce-only, a bracket follows by its names."""
    kind = {(True, False): "limit", (False, True): "stop", (True, True): "stop_limit"}.get(
        ("limit" in told, "stop" in told), at
    )
    return Order(symbol, quantity, kind, reduce_only=told.pop("only", False), **told)


def sell(quantity: float, symbol: str = "A", **told: Any) -> Order:
    """An order to sell; the rest as in `buy`."""
    return buy(-quantity, symbol, **told)


def full_bar(bar: Any) -> tuple[float, ...]:
    """(open, high, low, close, volume) of a literal: None is no bar, a number a bar that never moves."""
    if bar is None:
        return (NAN,) * COLUMNS
    if isinstance(bar, int | float):
        return (bar, bar, bar, bar, VOLUME)
    return tuple(bar) if len(bar) == COLUMNS else (*bar, VOLUME)


def by_symbol(value: Any) -> dict[str, list[Any]]:
    """`value` as symbol -> list; a bare list belongs to A."""
    return dict(value) if isinstance(value, Mapping) else {"A": list(value)}


def each(value: Any, symbols: Sequence[str]) -> list[Any]:
    """One value per instrument, from one for all or a mapping."""
    return [value[s] for s in symbols] if isinstance(value, Mapping) else [value] * len(symbols)


def make(
    bars: Any,
    wanted: Any,
    *,
    actions: Sequence[tuple[int, str, float, float]] = (),
    days: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
    weeks_end: Sequence[int] = (),
    months_end: Sequence[int] = (),
    lot: Any = 1.0,
    tick: Any = NAN,
    multiplier: Any = 1.0,
    sector: Any = -1,
    delisted: Any = -1,
    terminal: Any = NAN,
    member: Any = None,
    orders: Mapping[int, Sequence[Order | interface.Order]] | None = None,
) -> Market:
    """The market of literal bars; `wanted` (weights or forecasts) may be shorter than the bars: NaN follows."""
    columns = {symbol: [full_bar(bar) for bar in rows] for symbol, rows in by_symbol(bars).items()}
    symbols, length = list(columns), len(next(iter(columns.values())))
    views = by_symbol(wanted)
    padded = {s: [*views.get(s, []), *[NAN] * (length - len(views.get(s, [])))] for s in symbols}
    day = list(days) if days is not None else list(range(length))
    grids = [[[columns[s][t][k] for s in symbols] for t in range(length)] for k in range(COLUMNS)]
    members = None if member is None else [[bool(by_symbol(member)[s][t]) for s in symbols] for t in range(length)]
    return Market(
        times=list(times) if times is not None else [t * DAY_NS for t in range(length)],
        day=day,
        last_of_day=[t == length - 1 or day[t + 1] != day[t] for t in range(length)],
        last_of_week=[t in weeks_end for t in range(length)],
        last_of_month=[t in months_end for t in range(length)],
        symbols=symbols,
        open=grids[0],
        high=grids[1],
        low=grids[2],
        close=grids[3],
        volume=grids[4],
        actions=sorted((t, symbols.index(s), split, dividend) for t, s, split, dividend in actions),
        forecast=[[float(padded[s][t]) for s in symbols] for t in range(length)],
        lot=each(lot, symbols),
        tick=each(tick, symbols),
        multiplier=each(multiplier, symbols),
        sector=each(sector, symbols),
        delisted_t=each(delisted, symbols),
        terminal_value=each(terminal, symbols),
        member=members,
        orders={t: [as_reference(order, symbols) for order in given] for t, given in (orders or {}).items()},
    )


def as_reference(order: Order | interface.Order, symbols: Sequence[str]) -> interface.Order:
    """The order as the markets of the reference hold it."""
    if isinstance(order, interface.Order):
        return order
    names = ("limit", "stop", "stop_loss", "take_profit", "trailing_stop")
    told = {name: NAN if (value := getattr(order, name)) is None else float(value) for name in names}
    i = symbols.index(order.instrument) if isinstance(order.instrument, str) else order.instrument
    return interface.Order(i, float(order.quantity), order.kind, reduce_only=order.reduce_only, **told)  # type: ignore[arg-type]


def engines(market: Market, config: Config) -> list[Engine]:
    """The same run in every form the engine has, finished: fused, slice by slice, and with a Python strategy if it is one."""
    made = [build(market, config), build(market, config)]
    if config.rule == "targets":
        for engine in made:
            engine.strategy = Rule(copy_weights, np.zeros(1), np.full((1, len(market.symbols)), np.inf), ("f",))
        made.append(build(market, config))
    if config.rule == "orders":
        made.append(build(market, config, python_strategy=True))
    made[0].run()
    while made[1].alive:
        made[1].step()
    for engine in made[2:]:
        engine.run()
    return made


def same_bits(one: Engine, other: Engine) -> bool:
    """Whether two runs left exactly the same equity, cash, codes, fills and refusals."""
    mine, theirs = one.fills(), other.fills()
    pairs = [(one.curve.equity, other.curve.equity), (one.curve.cash, other.curve.cash), (one.codes, other.codes)]
    pairs += [(getattr(mine, name), getattr(theirs, name)) for name in mine.__slots__]
    pairs += [(a[: one.refused.count[0]], b[: other.refused.count[0]]) for a, b in zip(one.refused, other.refused)]
    return one.t == other.t and all(a.tobytes() == b.tobytes() for a, b in pairs)


def refusals(engine: Engine) -> list[Refusal]:
    """What was refused, with values rounded to 9 places."""
    told = [refused_at(k, engine.refused, engine.symbols) for k in range(int(engine.refused.count[0]))]
    return [(r.t, r.symbol, r.quantity, r.rule, number(r.value), number(r.limit)) for r in told]


def number(value: float) -> float | None:
    """The value rounded to 9 places; None for NaN, which equals nothing, not even in a test."""
    return None if math.isnan(value) else round(value, 9)


def play(bars: Any, weights: Any = None, forecasts: Any = None, **rules: Any) -> Played:
    """The account after `bars`, with 1000 of capital unless said otherwise, trading weights, forecasts or orders={t: [...]}.

    bars: [(open, high, low, close), ...] for A, or symbol -> such a list; volume may be a fifth number, None is no bar, 10 a
    bar that stays at 10. Every way of running it must give the same bits, or this fails.
    """
    names = {"actions", "days", "times", "weeks_end", "months_end", "lot", "tick", "multiplier", "sector", "delisted"}
    names |= {"terminal", "member", "orders"}
    rule = {"rule": "targets"} if weights is not None else {"rule": "orders"} if "orders" in rules else {}
    wanted = weights if weights is not None else [] if "orders" in rules else forecasts
    market = make(bars, wanted, **{k: rules.pop(k) for k in names & set(rules)})
    given = {"capital": 1000.0, "exposure_short": 1.0} | rule | rules
    first, *others = engines(market, Config(**given))
    assert all(same_bits(first, other) for other in others), "fused, stepped and Python runs differ"
    fills, symbols, done = first.fills(), tuple(market.symbols), first.t
    return Played(
        first,
        symbols,
        [
            (int(t), symbols[i], round(float(q), 9), round(float(p), 9))
            for t, i, q, p in zip(fills.t, fills.instrument, fills.quantity, fills.price, strict=True)
        ],
        fills.fee.tolist(),
        [c.REASONS[int(r)] for r in fills.reason],
        first.curve.equity[:done].tolist(),
        first.curve.cash[:done].tolist(),
        first.curve.accrued[:done].tolist(),
        refusals(first),
    )


def flat_then(bar: Any, *orders: Order, **rules: Any) -> Played:
    """Flat at 100, then these orders for `bar`, which is slice 1."""
    return play([100, bar], orders={0: orders}, **rules)


def long_then(bar: Any, *orders: Order, **rules: Any) -> Played:
    """Long 5 at 100, half of the capital, then these orders for `bar`, which is slice 2."""
    return play([100, 100, bar], orders={0: [buy(5)], 1: orders}, **rules)
