"""What the plain-Python reference of the step takes and gives: lists, floats, no arrays, nothing of the engine's.

`tests/reference/step.py` was written from the step's page alone, before any compiled code existed. These types are the only
thing the two implementations share, with the code numbers of `engine/codes.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

NAN = float("nan")
Grid = list[list[float]]  # [t][i]


@dataclass
class Order:
    """An explicit order. Prices and distances that are not given are NaN."""

    i: int
    quantity: float  # signed
    kind: Literal["market", "close", "limit", "stop", "stop_limit"] = "market"
    limit: float = NAN
    stop: float = NAN
    reduce_only: bool = False
    stop_loss: float = NAN  # fractions, as in the YAML
    take_profit: float = NAN
    trailing_stop: float = NAN


@dataclass
class Atr:
    """A distance in average true ranges."""

    multiple: float
    window: int


@dataclass
class Top:
    """A gate among the last `window` forecasts of the same name: the highest `share` of them for longs, the lowest for shorts."""

    share: float
    window: int


@dataclass
class Market:
    """Slices t = 0 .. T-1 over instruments i = 0 .. N-1, columns in ascending symbol order. NaN is 'not there'."""

    times: list[int]  # ns UTC, the close of each slice, rising
    day: list[int]  # session number of each slice; equal for slices of one exchange session, rising
    last_of_day: list[bool]
    last_of_week: list[bool]  # last slice of the last session of its week
    last_of_month: list[bool]
    symbols: list[str]
    open: Grid
    high: Grid
    low: Grid
    close: Grid
    volume: Grid
    actions: list[
        tuple[int, int, float, float]
    ]  # (t, i, split ratio, cash dividend per new share); 1.0 / 0.0 where none
    forecast: Grid
    lot: list[float]
    tick: list[float]  # NaN: no tick
    multiplier: list[float]
    sector: list[int]
    delisted_t: list[int]  # the slice at which the data says it is dead; -1: never said
    terminal_value: list[float]  # NaN: not known
    member: list[list[bool]] | None = None  # None: all are members always
    orders: dict[int, list[Order]] = field(default_factory=dict)  # rule "orders": what orders(now) returns at slice t


@dataclass
class Switch:
    kind: Literal["max_drawdown", "daily_loss", "sigma_loss", "rolling_sharpe", "losing_streak"]
    at: float  # 0.15 is 15 %; standard deviations; a Sharpe ratio; days
    action: Literal["flatten", "halt", "reduce"]
    factor: float  # for reduce: targets are multiplied by this
    resume: Literal["never", "next day"] | int  # an int is a number of bars
    window: int = 0  # sigma_loss and rolling_sharpe


@dataclass
class Config:
    """The keys of the YAML, flat. Fractions are plain (2 % is 0.02); None is off."""

    # targets: Market.forecast holds the weights themselves; orders: Market.orders says what to do
    rule: Literal["threshold", "quintile", "targets", "orders"] = "threshold"
    unit: Literal["return", "probability", "score"] = "return"
    warmup: int = 0  # slices before this index cannot have a forecast
    side: Literal["long", "short", "long_short"] = "long"
    cooldown: int = 0
    # threshold
    confidence: float | Top = 0.0
    exit_confidence: float | Top = 0.0  # both of one kind, and of one window
    size: float = 0.1
    max_positions: int = 1
    # quintile
    quantile: float = 0.2
    positive_only: bool = False
    negative_only: bool = False
    weight: Literal["equal", "slot"] = "equal"
    rebalance: Literal["daily", "weekly", "monthly"] | int = "daily"
    min_names: int = 1
    # exits
    stop_loss: float | Atr | None = None
    take_profit: float | Atr | None = None
    trailing_stop: float | Atr | None = None
    break_even: float | None = None
    time_stop: int | None = None
    # sizing: exposure is always given (the defaults by rule and side are the config's business)
    exposure_long: float = 1.0
    exposure_short: float = 0.0
    inverse_volatility: int | None = None  # window
    atr_sizing: tuple[float, Atr] | None = None  # (risk, multiple and window)
    smoothing: float = 1.0
    vol_target: float | None = None
    no_trade_band: float = 0.0
    # caps
    max_weight: float = 1.0
    max_gross: float = 1.0
    max_net: float | None = None
    max_sector: float | None = None
    min_cash: float = 0.0
    max_order_value: float | None = None
    switches: list[Switch] = field(default_factory=list)
    # execution
    fill: Literal["open", "close"] = "open"
    delay: int = 0
    commission: float = 0.0  # fraction of value
    per_share: float = 0.0
    per_order: float = 0.0
    min_fee: float = 0.0
    slippage: float = 0.0  # fraction of price
    impact: float = 0.0
    intrabar: Literal["pessimistic", "optimistic", "nearest"] = "pessimistic"
    max_participation: float | None = None
    entry_bar_protection: bool = True
    borrow: float = 0.0  # per year
    interest: float = 0.0  # per year, on cash
    maintenance: float | None = None
    delisting_after: int | None = 20
    delisting_haircut: float = 0.0
    capital: float = 100_000.0
    bars_per_year: float = 252.0


@dataclass
class Fill:
    t: int
    i: int
    quantity: float  # signed
    price: float  # slippage included
    reference: float  # before slippage
    fee: float
    reason: int  # REASON_* of engine/codes.py


@dataclass
class Refused:
    """An order that was not written, and why."""

    t: int
    i: int
    quantity: float  # signed, after flooring to the lot
    decision: int  # the decision code of engine/codes.py
    value: float  # what it would have been: money for max_order_value, else a multiple of equity; NaN if there is none
    limit: float  # NaN if there is none


@dataclass
class Outcome:
    fills: list[Fill]
    equity: list[float]  # [t], marked at the close of slice t, accruals included
    cash: list[float]  # [t]
    quantity: Grid  # [t][i] held after slice t's trading
    codes: list[list[int]]  # [t][i], uint32 as engine/codes.py defines
    ended: Literal["complete", "ruin"]
    accrued: list[float]  # [t] borrow and interest credited (+) or charged (-) in slice t
    refused: list[Refused] = field(default_factory=list)  # explicit orders, in the order they were given
