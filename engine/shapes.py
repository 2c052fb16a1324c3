"""What compiled code is handed: bundles of arrays with names, and the small numbers it counts and chooses by.

Rules and parameters are values, never globals, so that one compiled loop serves every strategy and every lane.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.types import Bools, Floats, Ints

GO, HALT, FLATTEN_ALL = 0, 1, 2
REDUCE_SHIFT, REDUCE_UNIT = 8, 1e9
PESSIMISTIC, OPTIMISTIC, NEAREST = 0.0, 1.0, 2.0
KIND_MARKET, KIND_CLOSE, KIND_LIMIT, KIND_STOP, KIND_STOP_LIMIT = range(5)  # kinds of explicit orders


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
    """Everything a fused run reads, (T, N) and (T,). `volatility`, `member` and `measures` may have a single row."""

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
    measures: Floats  # (T, M, N) volatilities and ATRs per unit of the close
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
    """The execution rules of a run as floats; NaN is off. Names and units as in the YAML, fractions plain.

    An exit in ATR has its multiple in `*_atr`, and which of the measures that is in `*_measure`.
    """

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
    stop_atr: float
    target_atr: float
    trail_atr: float
    stop_measure: float
    target_measure: float
    trail_measure: float
    max_weight: float  # the caps again, for explicit orders
    max_sector: float
    max_net: float
    min_cash: float
    max_order_value: float
    levels: float  # whether any position can have a protective level
    listens: float = 0.0  # whether the rule is asked also on slices that close everything


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
    reach: Floats  # (6, N) distances of stop, target and trail: as fractions, then in money; NaN: none
    money: Floats  # see CASH and the rest below


CASH, EQUITY, LONG_VALUE, SHORT_VALUE, ACCRUED, LAST_CASH, LAST_TIME_SET, LIQUIDATE, ENDED, HELD, MONEY_SIZE = range(11)


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
    money: Floats  # (3, 2 + delay, N) distances in money of stop, target and trail, frozen at the decision


class Explicit(NamedTuple):
    """Explicit orders that wait, as columns of one capacity in the order given; `count[0]` of them are filled in."""

    due: Ints  # the slice it meets; -1: done with
    instrument: Ints
    quantity: Floats  # signed, what is left of it
    kind: Ints  # KIND_MARKET and the rest
    limit: Floats
    stop: Floats
    reduce_only: Bools
    bracket: Floats  # (3, R) fractions for stop, target and trail; NaN: the file's
    money: Floats  # (3, R) the file's distances in money, frozen at the decision
    after: Ints  # the next one due of the same instrument, -1: none
    count: Ints  # type: ignore[assignment]


class Plan(NamedTuple):
    """Explicit orders to be written: those decided on slice t are first[t] to first[t + 1], in the order given."""

    first: Ints  # (T + 1,)
    instrument: Ints
    quantity: Floats
    kind: Ints
    limit: Floats
    stop: Floats
    reduce_only: Bools
    bracket: Floats  # (3, R)


class RefusalLog(NamedTuple):
    """Explicit orders that were not written: columns of one capacity, `count[0]` filled in."""

    t: Ints
    instrument: Ints
    quantity: Floats
    decision: Ints
    value: Floats
    limit: Floats
    count: Ints  # type: ignore[assignment]


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
    """Working rows of one slice, (N,): nothing in them outlives it. `grow_*` hold N + R increases that wait to be filled."""

    has_bar: Bools
    tradable: Bools
    used: Floats  # volume taken in this bar
    late: Bools  # opened inside the bar or at the close
    acted: Bools  # a protective level has acted in this slice
    target: Floats
    due: Ints  # the instruments with an order of the ring in this slice
    first: Ints  # the first explicit order due of each instrument, -1: none
    how: Ints  # inside this bar it grew by limits (1), stops (2) or both (3)
    waits: Bools  # its levels wait for an increase that comes before them
    after: Floats  # held and ordered, while explicit orders are admitted
    barred: Bools  # one of its explicit orders was refused
    grow_instrument: Ints
    grow_quantity: Floats
    grow_price: Floats
    grow_slips: Bools
    grow_order: Ints  # which explicit order, -1: the ring's
    grow_filled: Bools
    counts: Ints  # see DUE and the rest below


DUE, STOOD, EXPLICIT_DUE, COUNTS = range(4)  # ring orders due; exits that stand again; explicit orders due


class Desk(NamedTuple):
    """All that a slice is traded with. Made anew for each slice, so that a function of the step takes one thing."""

    t: int
    elapsed: float  # ns since the slice before
    bars: Bars
    measures: Floats  # (M, N)
    actions: Actions
    day: Day
    specs: Specs
    rules: Rules
    account: Account
    orders: Orders
    explicit: Explicit
    log: Log
    scratch: Scratch
    codes: np.ndarray  # (N,) this slice's


class Curve(NamedTuple):
    """What is noted of every slice, (T,)."""

    equity: Floats
    cash: Floats
    long_value: Floats
    short_value: Floats
    accrued: Floats
    positions: Ints
