"""The signatures a strategy or risk kernel must have, and that of the fused loop.

Kernels of strategies and risk read the account through `View`, whose arrays are read-only: writing through it is a compile
error.

    decide(t, day, equity, cash, view, has_bar, member, tradable, sector, symbol_rank, forecasts (S, N), params, state (K, N),
           target (N), codes (N)) -> int64      writes target (NaN = leave alone) and ORs one DECISION per name into codes
    shape (t, day, equity, cash, view, has_bar, sector, measures (M, N), factor, params, state, target, codes) -> int64
           sizers and caps; `measures` are the volatilities and ATRs the run asked for, per unit of the close, NaN = not
           known; `factor` is what the switches leave of every target
    guard (t, day, equity, cash, view, params, state) -> int64                                    switches: the brake

`state[0, 0]` of a decide kernel is the smallest decision margin so far (inf at the start). decide and shape return 0.
guard returns a brake: GO, or HALT and FLATTEN as bits 0 and 1, with the factor of `reduce` in billionths above bit 8.
"""

from __future__ import annotations

from collections.abc import Mapping

from numba import types

from engine.shapes import (
    Account,
    Curve,
    Day,
    Explicit,
    Log,
    Market,
    Orders,
    Plan,
    RefusalLog,
    Rules,
    Scratch,
    Specs,
    View,
)


def _array(dtype: types.Type, ndim: int, readonly: bool) -> types.Array:
    return types.Array(dtype, ndim, "C", readonly=readonly)


def _tuple(cls: type, arrays: Mapping[str, types.Type]) -> types.Type:
    return types.NamedTuple(tuple(arrays[name] for name in cls._fields), cls)  # type: ignore[attr-defined]


_f1, _i1, _b1, _u1 = (_array(kind, 1, False) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_F1, _I1, _B1, _U1 = (_array(kind, 1, True) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_f2, _i2, _b2, _u2 = (_array(kind, 2, False) for kind in (types.float64, types.int64, types.boolean, types.uint32))
_F2, _B2 = _array(types.float64, 2, True), _array(types.boolean, 2, True)
_F3, _f3 = _array(types.float64, 3, True), _array(types.float64, 3, False)

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
    | {"exit_code": _u1, "reach": _f2},
)
MARKET = _tuple(
    Market,
    dict.fromkeys(("times", "day", "last_of_day", "last_of_week", "last_of_month", "action_first"), _I1)
    | dict.fromkeys(("open", "high", "low", "close", "volume", "volatility"), _F2)
    | {"member": _B2, "measures": _F3, "action_instrument": _I1, "action_split": _F1, "action_dividend": _F1},
)
SPECS = _tuple(
    Specs,
    dict(lot=_F1, tick=_F1, multiplier=_F1, terminal_value=_F1, delisted_row=_I1, sector=_I1, symbol_rank=_I1),
)
RULES = types.NamedUniTuple(types.float64, len(Rules._fields), Rules)
ORDERS = _tuple(Orders, dict(quantity=_f2, reason=_i2, reduce_only=_b2, money=_f3))
EXPLICIT = _tuple(
    Explicit,
    dict.fromkeys(("due", "instrument", "kind", "after", "count"), _i1)
    | dict.fromkeys(("quantity", "limit", "stop"), _f1)
    | dict(reduce_only=_b1, bracket=_f2, money=_f2),
)
PLAN = _tuple(
    Plan,
    dict.fromkeys(("first", "instrument", "kind"), _I1)
    | dict.fromkeys(("quantity", "limit", "stop"), _F1)
    | dict(reduce_only=_B1, bracket=_F2),
)
REFUSAL_LOG = _tuple(
    RefusalLog,
    dict.fromkeys(("t", "instrument", "decision", "count"), _i1) | dict.fromkeys(("quantity", "value", "limit"), _f1),
)
LOG = _tuple(
    Log,
    dict.fromkeys(("quantity", "price", "reference", "fee"), _f1)
    | dict.fromkeys(("t", "instrument", "reason", "count"), _i1),
)
SCRATCH = _tuple(
    Scratch,
    dict.fromkeys(("due", "first", "how", "grow_instrument", "grow_order", "counts"), _i1)
    | dict.fromkeys(("used", "target", "after", "grow_quantity", "grow_price"), _f1)
    | dict.fromkeys(("has_bar", "tradable", "late", "acted", "waits", "barred", "grow_slips", "grow_filled"), _b1),
)
CURVE = _tuple(
    Curve, dict.fromkeys(("equity", "cash", "long_value", "short_value", "accrued"), _f1) | {"positions": _i1}
)

_head = (types.int64, DAY, types.float64, types.float64, VIEW)
DECIDE = types.int64(*_head, _B1, _B1, _B1, _I1, _I1, _F2, _F1, _f2, _f1, _u1)
SHAPE = types.int64(*_head, _B1, _I1, _F2, types.float64, _F1, _f2, _f1, _u1)
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
    EXPLICIT,
    PLAN,
    REFUSAL_LOG,
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
