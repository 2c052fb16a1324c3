"""The metrics of a run, defined once and used everywhere: command line, report, page, optimiser.

Returns are simple, on marked equity, from the capital before the first slice. What is undefined is None and has a
reason; nothing is ever infinite or NaN. Losses are negative; a fraction is 0.01 for one percent. DEFINITIONS says
each in a line.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine import codes as c
from engine.record import Record
from engine.statistics import curve, given, track
from engine.trades import Trades
from engine.types import DAY_NS, Floats, Ints

YEAR_DAYS = 365.25
SHORTEST_DAYS = 30  # below it nothing is annualised by the calendar
TAIL = 0.05
TAIL_RETURNS = 20  # a 5 % tail of fewer holds less than one return

Values = dict[str, float | int | None]
Reasons = dict[str, str]


class Definition(NamedTuple):
    """How a metric is called, what it is in one line, and its unit."""

    label: str
    line: str
    unit: str  # "fraction" | "ratio" | "money" | "count" | "bars" | "years"


DEFINITIONS: dict[str, Definition] = {
    name: Definition(label, line, unit)
    for name, label, line, unit in (
        ("total_return", "Total return", "final equity / capital - 1", "fraction"),
        ("cagr", "CAGR", "(1 + total return)^(1 / years) - 1; years by the calendar, of 365.25 days", "fraction"),
        ("volatility", "Volatility", "std (ddof 1) of bar returns x sqrt(bars per year)", "fraction"),
        ("sharpe", "Sharpe", "mean / std (ddof 1) of bar returns less the risk-free x sqrt(bars per year)", "ratio"),
        ("sharpe_error", "Sharpe standard error", "with the skew and kurtosis of the returns (Mertens 2002)", "ratio"),
        ("sharpe_low", "Sharpe, 95 % from", "Sharpe - 1.96 standard errors", "ratio"),
        ("sharpe_high", "Sharpe, 95 % to", "Sharpe + 1.96 standard errors", "ratio"),
        (
            "psr",
            "Probabilistic Sharpe",
            "probability that the true Sharpe is above 0 (Bailey, Lopez de Prado 2012)",
            "fraction",
        ),
        (
            "min_track_record",
            "Minimum track record",
            "years until this Sharpe is above 0 with 95 % confidence",
            "years",
        ),
        ("sortino", "Sortino", "mean excess return / downside deviation over all bars x sqrt(bars per year)", "ratio"),
        ("calmar", "Calmar", "CAGR / size of the maximum drawdown", "ratio"),
        ("omega", "Omega", "sum of bar returns above the risk-free / sum of those below, in size", "ratio"),
        (
            "max_drawdown",
            "Maximum drawdown",
            "lowest equity / highest before it - 1; the capital is the first peak",
            "fraction",
        ),
        (
            "max_drawdown_bars",
            "Its duration",
            "slices below the peak of the maximum drawdown, to recovery or end",
            "bars",
        ),
        ("longest_drawdown_bars", "Longest drawdown", "most slices in a row below an earlier peak", "bars"),
        ("ulcer", "Ulcer index", "root mean square of the drawdowns of all slices", "fraction"),
        ("var_95", "Value at risk 95 %", "5 % quantile of bar returns, historical", "fraction"),
        ("cvar_95", "Conditional VaR 95 %", "mean of the bar returns up to that quantile, historical", "fraction"),
        ("tail_ratio", "Tail ratio", "95 % quantile of bar returns / size of the 5 % quantile", "ratio"),
        ("skew", "Skew", "third standardised moment of bar returns, population", "ratio"),
        ("kurtosis", "Kurtosis", "fourth standardised moment of bar returns, population; a normal has 3", "ratio"),
        ("best_bar", "Best bar", "highest bar return", "fraction"),
        ("worst_bar", "Worst bar", "lowest bar return", "fraction"),
        ("hit_rate", "Hit rate of bars", "bars with a return above 0 / bars with a return other than 0", "fraction"),
        ("slices", "Slices", "slices run", "count"),
        ("years", "Years", "first to last slice, by the calendar, of 365.25 days", "years"),
        ("final_equity", "Final equity", "cash and positions at the last mark", "money"),
        ("trades", "Trades", "closed round trips, flat to flat", "count"),
        ("win_rate", "Win rate", "closed trades with a net P&L above 0 / closed trades", "fraction"),
        ("average_win", "Average win", "mean net P&L of the trades above 0", "money"),
        ("average_loss", "Average loss", "mean net P&L of the trades below 0", "money"),
        ("payoff", "Payoff", "average win / size of the average loss", "ratio"),
        ("profit_factor", "Profit factor", "money won / money lost, net, over closed trades", "ratio"),
        ("expectancy", "Expectancy", "mean net P&L of a closed trade", "money"),
        ("average_trade", "Average trade", "mean of net P&L / entry value over closed trades", "fraction"),
        (
            "average_bars_held",
            "Average bars held",
            "bars of a closed trade, the entry's and the exit's included",
            "bars",
        ),
        ("longest_losing_streak", "Longest losing streak", "closed trades below 0 in a row, by exit", "count"),
        ("open_positions", "Open positions", "positions held at the end, in no trade metric above", "count"),
        ("open_value", "Open value", "what they are worth at the last mark, shorts negative", "money"),
        ("open_pnl", "Open P&L", "their net P&L at the last mark", "money"),
        ("average_gross", "Average gross exposure", "mean of (longs + size of shorts) / equity", "ratio"),
        ("average_net", "Average net exposure", "mean of (longs - size of shorts) / equity", "ratio"),
        ("time_in_market", "Time in market", "slices with a position / slices", "fraction"),
        ("turnover", "Turnover per year", "value traded / 2 / mean equity / years", "ratio"),
        ("fills", "Fills", "executions", "count"),
        ("fees", "Fees", "commissions and fees charged", "money"),
        ("slippage", "Slippage", "money lost between reference and fill prices", "money"),
        ("costs", "Costs", "fees + slippage", "money"),
        ("costs_of_capital", "Costs / capital", "all costs / capital at the start", "fraction"),
        ("cost_drag", "Cost drag per year", "costs / mean equity / years", "fraction"),
        ("dividends", "Dividends", "received on longs less owed on shorts", "money"),
        ("accrued", "Borrow and interest", "interest credited less borrow charged", "money"),
    )
}


class Sheet:
    """Metrics as they are worked out: numbers where they are defined, reasons where not."""

    def __init__(self) -> None:
        self.values: Values = {}
        self.reasons: Reasons = {}

    def put(self, name: str, value: float | int, unless: str | None = None) -> None:
        """Note `value`; None where `unless` says why it is undefined, or where it is too large to be a number."""
        reason = unless
        if reason is None and not math.isfinite(value):
            reason = "not a finite number"
        if reason is not None:
            self.values[name] = None
            self.reasons[name] = reason
        else:
            self.values[name] = int(value) if isinstance(value, int | np.integer) else float(value) + 0.0


def years_between(first: int, last: int) -> float:
    """Years of 365.25 days between two times in ns."""
    return (last - first) / (YEAR_DAYS * DAY_NS)


def too_short(times: Ints) -> str | None:
    """Why a run over `times` is not annualised by the calendar, None if it is."""
    days = (int(times[-1]) - int(times[0])) / DAY_NS if len(times) else 0.0
    return None if days >= SHORTEST_DAYS else f"too short: {days:.0f} days, {SHORTEST_DAYS} needed"


def per_bar(annual: float, bars_per_year: float) -> float:
    """An annual rate as one of equal effect per bar."""
    return float((1.0 + annual) ** (1.0 / bars_per_year) - 1.0)


def of_curve(
    equity: Floats, times: Ints, capital: float, bars_per_year: float, risk_free: float = 0.0
) -> tuple[Values, Reasons]:
    """The metrics of an equity curve alone, and why each None is None.

    `equity` is (S,) marked at `times` (ns); `risk_free` is an annual fraction. At or below zero equity the run is
    ruined: total return, drawdown, span and final equity are still exact, the rest is None.
    """
    sheet = Sheet()
    equity = given(np.asarray(equity, dtype=np.float64))
    returns = np.empty(len(equity))
    reached = int(curve.returns_of(float(capital), equity, returns))
    ruined = None if reached == len(equity) else f"ruin: equity is {equity[reached]:.2f} at slice {reached}"
    if len(equity) == 0:
        ruined = "no slices"
    _growth(sheet, equity, times, float(capital), ruined)
    if ruined is not None:
        for name in _OF_RETURNS:
            sheet.put(name, math.nan, ruined)
    else:
        _returns(sheet, given(returns), bars_per_year, risk_free)
    return _ordered(sheet)


_OF_RETURNS = (
    *(
        "volatility",
        "sharpe",
        "sharpe_error",
        "sharpe_low",
        "sharpe_high",
        "psr",
        "min_track_record",
        "sortino",
        "omega",
    ),
    *("var_95", "cvar_95", "tail_ratio", "skew", "kurtosis", "best_bar", "worst_bar", "hit_rate"),
)


def _growth(sheet: Sheet, equity: Floats, times: Ints, capital: float, ruined: str | None) -> None:
    """Growth, drawdown and the two of them together."""
    empty = "no slices" if len(equity) == 0 else None
    final = float(equity[-1]) if len(equity) else math.nan
    years = years_between(int(times[0]), int(times[-1])) if len(times) else 0.0
    deepest, bars, longest, ulcer = curve.drawdowns(capital, equity, np.empty(len(equity)))
    short = ruined or too_short(times)
    growth = math.nan if short else curve.growth(final / capital, years)
    sheet.put("total_return", final / capital - 1.0, empty)
    sheet.put("cagr", growth, short)
    sheet.put("calmar", _ratio(growth, -deepest), short or _unless(deepest < 0.0, "no drawdown"))
    sheet.put("max_drawdown", deepest, empty)
    sheet.put("max_drawdown_bars", int(bars), empty)
    sheet.put("longest_drawdown_bars", int(longest), empty)
    sheet.put("ulcer", ulcer, ruined)
    sheet.put("slices", len(equity))
    sheet.put("years", years)
    sheet.put("final_equity", final, empty)


def _unless(defined: bool, reason: str) -> str | None:
    return None if defined else reason


def _returns(sheet: Sheet, returns: Floats, bars_per_year: float, risk_free: float) -> None:
    """Everything that the (n,) returns alone tell."""
    n = len(returns)
    known = math.isfinite(bars_per_year) and bars_per_year > 0.0
    year = None if known else f"bars per year are not known: {bars_per_year}"
    target = per_bar(risk_free, bars_per_year) if known else 0.0
    root = math.sqrt(bars_per_year) if known else math.nan
    mean, std, skew, kurtosis, low, high = curve.moments(returns)
    downside, above, below, up, down = curve.sides(returns, target)
    flat = "fewer than 2 returns" if n < 2 else _unless(high - low > curve.FLAT, "the returns never vary")
    sheet.put("volatility", std * root, flat or year)
    sheet.put("skew", skew, flat or _unless(n > 2, "fewer than 3 returns"))
    sheet.put("kurtosis", kurtosis, flat or _unless(n > 3, "fewer than 4 returns"))
    sharpe = (mean - target) / std
    sheet.put("sharpe", sharpe * root, flat or year)
    _belief(sheet, sharpe, skew, kurtosis, n, bars_per_year, flat or year)
    still = flat or year or _unless(downside > curve.FLAT, "no return below the risk-free")
    sheet.put("sortino", _ratio(mean - target, downside) * root, still)
    sheet.put("omega", _ratio(above, below), still)
    sheet.put("best_bar", high)
    sheet.put("worst_bar", low)
    sheet.put("hit_rate", _ratio(up, up + down), _unless(up + down > 0, "no bar gained or lost"))
    few = _unless(n >= TAIL_RETURNS, f"fewer than {TAIL_RETURNS} returns")
    lower, beyond, ratio = curve.tails(given(np.sort(returns)), TAIL)
    sheet.put("var_95", lower, few)
    sheet.put("cvar_95", beyond, few)
    sheet.put("tail_ratio", ratio, few or _unless(lower != 0.0, "the 5 % quantile is 0"))


def _belief(
    sheet: Sheet, sharpe: float, skew: float, kurtosis: float, n: int, bars_per_year: float, unless: str | None
) -> None:
    """How far the Sharpe ratio (per bar) can be believed."""
    error = track.sharpe_error(sharpe, skew, kurtosis, n)
    unsure = unless or _unless(n > 3, "fewer than 4 returns") or _unless(error > 0.0, "the standard error is 0")
    root = math.sqrt(bars_per_year) if unless is None else math.nan
    sheet.put("sharpe_error", error * root, unsure)
    sheet.put("sharpe_low", (sharpe - track.Z_975 * error) * root, unsure)
    sheet.put("sharpe_high", (sharpe + track.Z_975 * error) * root, unsure)
    sheet.put("psr", track.probabilistic_sharpe(sharpe, 0.0, skew, kurtosis, n), unsure)
    needed = track.minimum_track_record(sharpe, 0.0, skew, kurtosis)
    sheet.put("min_track_record", needed / bars_per_year if unless is None else math.nan, unsure or _positive(sharpe))


def _ratio(over: float, under: float) -> float:
    return over / under if under != 0.0 else math.nan


def _positive(sharpe: float) -> str | None:
    return _unless(sharpe > 0.0, "the Sharpe ratio is not above 0: no record is long enough")


def compute(record: Record, trades: Trades, risk_free: float = 0.0) -> tuple[Values, Reasons]:
    """Every metric of a run by name, in the order of DEFINITIONS, and why each None is None. `risk_free` is annual."""
    panel = record.panel
    times = panel.times[: len(record.equity)]
    sheet = Sheet()
    sheet.values, sheet.reasons = of_curve(record.equity, times, record.capital, panel.bars_per_year, risk_free)
    _trades(sheet, trades)
    _open(sheet, record, trades)
    _costs(sheet, record, trades, times)
    return _ordered(sheet)


def _trades(sheet: Sheet, trades: Trades) -> None:
    """Metrics of the closed round trips."""
    order = np.argsort(trades.exit_row, kind="stable")
    count, wins, losses, won, lost, streak = curve.ledger(given(trades.pnl), given(order), given(trades.is_open))
    none = _unless(count > 0, "no closed trade")
    no_win, no_loss = none or _unless(wins > 0, "no winning trade"), none or _unless(losses > 0, "no losing trade")
    closed = ~trades.is_open
    sheet.put("trades", int(count))
    sheet.put("win_rate", wins / max(count, 1), none)
    sheet.put("average_win", won / max(wins, 1), no_win)
    sheet.put("average_loss", -lost / max(losses, 1), no_loss)
    sheet.put("payoff", _ratio(won / max(wins, 1), lost / max(losses, 1)), no_win or no_loss)
    sheet.put("profit_factor", _ratio(won, lost), no_loss)
    sheet.put("expectancy", (won - lost) / max(count, 1), none)
    sheet.put("average_trade", curve.total(given(trades.returns[closed])) / max(count, 1), none)
    sheet.put("average_bars_held", int(trades.bars_held[closed].sum()) / max(count, 1), none)
    sheet.put("longest_losing_streak", int(streak), none)


def _open(sheet: Sheet, record: Record, trades: Trades) -> None:
    """What is still held at the end."""
    held = np.flatnonzero(record.quantity)
    worth = record.quantity[held] * record.mark[held] * record.panel.universe.multiplier[held]
    sheet.put("open_positions", len(held))
    sheet.put("open_value", curve.total(given(worth)))
    sheet.put("open_pnl", curve.total(given(trades.pnl[trades.is_open])))


def _costs(sheet: Sheet, record: Record, trades: Trades, times: Ints) -> None:
    """Exposure, turnover, and what trading cost."""
    curves = (record.equity, record.long_value, record.short_value, record.positions)
    gross, net, held, mean = curve.exposure(*(given(values) for values in curves))
    fills = record.fills
    traded = (fills.reason != c.REASON_SPLIT_CASH) & (fills.reason != c.REASON_DEATH)
    multiplier = record.panel.universe.multiplier[fills.instrument]
    columns = (fills.quantity, fills.price, fills.reference, fills.fee, multiplier, traded)
    value, fees, slippage = curve.turned(*(given(column) for column in columns))
    empty = _unless(len(record.equity) > 0, "no slices")
    years = years_between(int(times[0]), int(times[-1])) if len(times) else 0.0
    short = empty or too_short(times) or _unless(mean > 0.0, "mean equity is not above 0")
    sheet.put("average_gross", gross, empty)
    sheet.put("average_net", net, empty)
    sheet.put("time_in_market", held, empty)
    sheet.put("turnover", math.nan if short else value / 2.0 / mean / years, short)
    sheet.put("fills", len(fills))
    sheet.put("fees", fees)
    sheet.put("slippage", slippage)
    sheet.put("costs", fees + slippage)
    sheet.put("costs_of_capital", (fees + slippage) / record.capital)
    sheet.put("cost_drag", math.nan if short else (fees + slippage) / mean / years, short)
    sheet.put("dividends", curve.total(given(trades.dividends)))
    sheet.put("accrued", curve.total(given(record.accrued)))


def _ordered(sheet: Sheet) -> tuple[Values, Reasons]:
    values = {name: sheet.values[name] for name in DEFINITIONS if name in sheet.values}
    return values, {name: sheet.reasons[name] for name in DEFINITIONS if name in sheet.reasons}
