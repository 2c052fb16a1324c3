"""The shapes that compiled code shares: what a kernel is given, and the signatures a strategy or risk kernel must have.

Rules and parameters are values, never globals, so that one compiled loop serves every strategy and every lane. Kernels of
strategies and risk read the account through `View`, whose arrays are read-only: writing through it is a compile error.

    decide(t, day, equity, cash, view, has_bar, member, tradable, sector, symbol_rank, forecasts (S, N), params, state (K, N),
           target (N), codes (N)) -> int64      writes target (NaN = leave alone) and ORs one DECISION per name into codes
    shape (t, day, equity, cash, view, has_bar, sector, params, state, target, codes) -> int64    sizers and caps
    guard (t, day, equity, cash, view, params, state) -> int64                                    switches: the brake

`state[0, 0]` of a decide kernel is the smallest decision margin so far (inf at the start). decide and shape return 0.
guard returns a brake: GO, or HALT and FLATTEN as bits 0 and 1, with the factor of `reduce` in billionths above bit 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import types

from engine.types import Bools, Floats, Ints

GO, HALT, FLATTEN_ALL = 0, 1, 2
REDUCE_SHIFT, REDUCE_UNIT = 8, 1e9
PESSIMISTIC, OPTIMISTIC, NEAREST = 0.0, 1.0, 2.0


class Day(NamedTuple):
    """Where a slice stands in the calendar: the session's number, and whether it closes a day, week or month."""

    number: int
    last_of_day: int
    last_of_week: int
    last_of_month: int


class Bars(NamedTuple):
    """One slice as traded: (N,) rows; `volatility` is the past 20 bars' (zeros where impact is off)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    volatility: Floats


class Market(NamedTuple):
    """Everything a fused run reads, (T, N) and (T,). `volatility` and `member` may have a single row."""

    times: Ints
    day: Ints
    last_of_day: Ints
    last_of_week: Ints
    last_of_month: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    volatility: Floats
    member: Bools
    action_first: Ints  # (T+1,)
    action_instrument: Ints
    action_split: Floats
    action_dividend: Floats


class Actions(NamedTuple):
    """The splits and dividends of one slice: equal lengths, in column order."""

    instrument: Ints
    split: Floats
    dividend: Floats


class Specs(NamedTuple):
    """What an instrument carries, (N,)."""

    lot: Floats
    tick: Floats
    multiplier: Floats
    terminal_value: Floats
    delisted_row: Ints
    sector: Ints
    symbol_rank: Ints


class Rules(NamedTuple):
    """The execution rules of a run as floats; NaN is off. Names and units as in the YAML, fractions plain."""

    capital: float
    commission: float
    per_share: float
    per_order: float
    min_fee: float
    slippage: float
    impact: float
    max_participation: float
    borrow: float
    interest: float
    maintenance: float
    delisting_after: float
    delisting_haircut: float
    max_gross: float
    no_trade_band: float
    stop_loss: float
    take_profit: float
    trailing_stop: float
    break_even: float
    time_stop: float
    intrabar: float
    entry_bar_protection: float
    fill_at_close: float
    delay: float
    warmup: float


class Account(NamedTuple):
    """The money, (N,) columns; only the compiled step writes them. Flat: quantity 0, prices NaN, entry_t -1."""

    quantity: Floats
    entry: Floats  # average fill price, slippage included, fees not
    basis: Floats  # what the levels hang on: the entry, lowered by dividends since
    extreme: Floats  # best price since the entry
    mark: Floats
    stop: Floats  # the level in force after this slice, trailing and break-even included
    take_profit: Floats
    entry_t: Ints
    exit_t: Ints  # -1: never
    exit_code: np.ndarray  # (N,) uint32: the fate bit of the last exit
    armed: Bools  # break-even in force
    held: Ints  # bars that exist since the entry, the entry bar included
    missing: Ints  # days of the run in a row without a bar
    seen: Bools  # a bar came today
    dead: Bools
    money: Floats  # see CASH and the rest below


CASH, EQUITY, LONG_VALUE, SHORT_VALUE, ACCRUED, LAST_CASH, LAST_TIME_SET, LIQUIDATE, ENDED, MONEY_SIZE = range(10)


class View(NamedTuple):
    """The account as strategies and risk see it: the same arrays, read-only."""

    quantity: Floats
    mark: Floats
    entry: Floats
    entry_t: Ints
    exit_t: Ints
    exit_code: np.ndarray
    stop: Floats
    take_profit: Floats
    extreme: Floats
    armed: Bools


class Orders(NamedTuple):
    """What waits: a ring, (2 + delay, N). The row of slice t is t % (2 + delay).

    One row more than the orders under way need: the rest of an exit is written for t + 1 while row t is still being met.
    """

    quantity: Floats  # signed; NaN: none
    reason: Ints
    reduce_only: Bools


class Log(NamedTuple):
    """Fills as columns of one capacity; `count[0]` of them are filled in."""

    t: Ints
    instrument: Ints
    quantity: Floats
    price: Floats
    reference: Floats
    fee: Floats
    reason: Ints
    count: Ints  # type: ignore[assignment]  # a field here, not the method of tuples


class Scratch(NamedTuple):
    """Working rows of one slice, (N,): nothing in them outlives it."""

    has_bar: Bools
    tradable: Bools
    increase: Floats
    growing: Ints  # the instruments whose increase waits to be filled, as many as `reduce` counted
    used: Floats  # volume taken in this bar
    grown: Bools  # opened or increased at this open
    late: Bools  # opened at the close
    acted: Bools  # a protective level has acted in this slice
    target: Floats


class Curve(NamedTuple):
    """What is noted of every slice, (T,)."""

    equity: Floats
    cash: Floats
    long_value: Floats
    short_value: Floats
    accrued: Floats
    positions: Ints


def _array(dtype: types.Type, ndim: int, readonly: bool) -> types.Array:
    return types.Array(dtype, ndim, "C", readonly=readonly)


def _tuple(cls: type, arrays: Mapping[str, types.Type]) -> types.Type:
    return types.NamedTuple(tuple(arrays[name] for name in cls._fields), cls)  # type: ignore[attr-defined]


_f1, _i1, _b1, _u1 = (_array(kind, 1, False) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_F1, _I1, _B1, _U1 = (_array(kind, 1, True) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_f2, _i2, _b2, _u2 = (_array(kind, 2, False) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_F2, _B2 = _array(types.float64, 2, True), _array(types.boolean, 2, True)
_F3 = _array(types.float64, 3, True)

DAY = types.NamedUniTuple(types.int64, 4, Day)
VIEW = _tuple(
    View,
    dict(quantity=_F1, mark=_F1, entry=_F1, entry_t=_I1, exit_t=_I1, exit_code=_U1, stop=_F1, take_profit=_F1)
    | dict(extreme=_F1, armed=_B1),
)
ACCOUNT = _tuple(
    Account,
    dict.fromkeys(("quantity", "entry", "basis", "extreme", "mark", "stop", "take_profit", "money"), _f1)
    | dict.fromkeys(("entry_t", "exit_t", "held", "missing"), _i1)
    | dict.fromkeys(("armed", "seen", "dead"), _b1)
    | {"exit_code": _u1},
)
MARKET = _tuple(
    Market,
    dict.fromkeys(("times", "day", "last_of_day", "last_of_week", "last_of_month", "action_first"), _I1)
    | dict.fromkeys(("open", "high", "low", "close", "volume", "volatility"), _F2)
    | {"member": _B2, "action_instrument": _I1, "action_split": _F1, "action_dividend": _F1},
)
SPECS = _tuple(
    Specs,
    dict(lot=_F1, tick=_F1, multiplier=_F1, terminal_value=_F1, delisted_row=_I1, sector=_I1, symbol_rank=_I1),
)
RULES = types.NamedUniTuple(types.float64, len(Rules._fields), Rules)
ORDERS = _tuple(Orders, dict(quantity=_f2, reason=_i2, reduce_only=_b2))
LOG = _tuple(
    Log,
    dict.fromkeys(("quantity", "price", "reference", "fee"), _f1)
    | dict.fromkeys(("t", "instrument", "reason", "count"), _i1),
)
SCRATCH = _tuple(
    Scratch,
    {"growing": _i1}
    | dict.fromkeys(("increase", "used", "target"), _f1)
    | dict.fromkeys(("has_bar", "tradable", "grown", "late", "acted"), _b1),
)
CURVE = _tuple(
    Curve, dict.fromkeys(("equity", "cash", "long_value", "short_value", "accrued"), _f1) | {"positions": _i1}
)

_head = (types.int64, DAY, types.float64, types.float64, VIEW)
DECIDE = types.int64(*_head, _B1, _B1, _B1, _I1, _I1, _F2, _F1, _f2, _f1, _u1)
SHAPE = types.int64(*_head, _B1, _I1, _F1, _f2, _f1, _u1)
GUARD = types.int64(*_head, _F1, _f2)
FUSED = types.int64(
    types.int64,
    types.int64,
    MARKET,
    SPECS,
    RULES,
    ACCOUNT,
    VIEW,
    ORDERS,
    LOG,
    SCRATCH,
    CURVE,
    _u2,
    _F3,
    types.FunctionType(DECIDE),
    _F1,
    _f2,
    types.FunctionType(SHAPE),
    _F1,
    _f2,
    types.FunctionType(GUARD),
    _F1,
    _f2,
)
