"""The metrics of a run: published numbers, other libraries where they are right, and sentences where they are wrong."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import codes as c
from engine.metrics import DEFINITIONS, compute, of_curve
from engine.trades import round_trips
from engine.types import DAY_NS
from tests.results.book import fill, market, play

RNG = np.random.default_rng(5)
RETURNS = RNG.standard_t(4, 756) * 0.008 + 0.0005


def curve_of(returns, capital=1000.0):
    return capital * np.cumprod(1.0 + np.asarray(returns, dtype=np.float64))


def times_of(count, step=DAY_NS):
    return 1_600_000_000_000_000_000 + np.arange(count) * step


def metrics_of(returns, bars_per_year=252.0, risk_free=0.0, step=DAY_NS):
    return of_curve(curve_of(returns), times_of(len(returns), step), 1000.0, bars_per_year, risk_free)[0]


def run(panel, *fills, **options):
    record = play(panel, fills, **options)
    return compute(record, round_trips(record))


# --- published numbers ----------------------------------------------------------------------------------------------
def test_the_published_sharpe_ratio():
    years = [0.259, 0.198, 0.364, -0.081, 0.057, 0.055, 0.188, 0.317, 0.24, 0.184, -0.01, 0.526]
    assert metrics_of(years, 1.0, 0.05)["sharpe"] == pytest.approx(0.834364, abs=5e-7)


def test_the_published_sortino_ratio():
    years = [0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04]
    assert metrics_of(years, 1.0)["sortino"] == pytest.approx(4.417261, abs=5e-7)


def test_the_published_omega_ratio():
    bars = [0.0089, 0.0012, -0.002, 0.01, -0.0002, 0.02, 0.03, 0.01, -0.003, 0.01, 0.0102, -0.01]
    assert metrics_of(bars, 1.0, 0.01)["omega"] == pytest.approx(0.463901689, abs=1e-9)


# --- other libraries, where they are right --------------------------------------------------------------------------
@pytest.fixture(scope="module")
def peers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
        import quantstats

        index = pd.bdate_range("2020-01-01", periods=len(RETURNS))
        yield empyrical, quantstats.stats, pd.Series(RETURNS, index=index)


def test_empyrical_agrees(peers):
    empyrical, _, series = peers
    ours = metrics_of(RETURNS)
    expected = {
        "total_return": empyrical.cum_returns_final(series),
        "volatility": empyrical.annual_volatility(series),
        "sharpe": empyrical.sharpe_ratio(series),
        "sortino": empyrical.sortino_ratio(series),
        "omega": empyrical.omega_ratio(series),
        "max_drawdown": empyrical.max_drawdown(series),
        "var_95": empyrical.value_at_risk(series),
        "cvar_95": empyrical.conditional_value_at_risk(series),
        "tail_ratio": empyrical.tail_ratio(series),
    }
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=1e-9), name


def test_quantstats_agrees(peers):
    _, quantstats, series = peers
    ours = metrics_of(RETURNS)
    expected = {
        "total_return": quantstats.comp(series),
        "volatility": quantstats.volatility(series, periods=252),
        "sharpe": quantstats.sharpe(series, periods=252),
        "sortino": quantstats.sortino(series, periods=252),
        "omega": quantstats.omega(series, periods=252),
        "max_drawdown": quantstats.max_drawdown(series),
        "tail_ratio": quantstats.tail_ratio(series),
        "best_bar": quantstats.best(series),
        "worst_bar": quantstats.worst(series),
        "hit_rate": quantstats.win_rate(series),
    }
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=1e-9), name


def test_excess_over_an_annual_rate_agrees_with_both_once_units_are_the_same(peers):
    empyrical, quantstats, series = peers
    ours = metrics_of(RETURNS, risk_free=0.03)
    assert ours["sharpe"] == pytest.approx(empyrical.sharpe_ratio(series, risk_free=1.03 ** (1 / 252) - 1), rel=1e-9)
    assert ours["sharpe"] == pytest.approx(quantstats.sharpe(series, rf=0.03, periods=252), rel=1e-9)


# --- known mistakes -------------------------------------------------------------------------------------------------
def test_cagr_divides_by_calendar_years_and_not_by_bars():
    # doubled between 1 January 2020 and 1 January 2024, 1461 days, whatever the number of bars in between
    days = np.array(["2020-01-01", "2021-07-07", "2024-01-01"], dtype="datetime64[ns]").astype(np.int64)
    got = of_curve(np.array([100.0, 130.0, 200.0]), days, 100.0, 252.0)[0]
    assert got["years"] == 4.0
    assert got["cagr"] == pytest.approx(2**0.25 - 1)


def test_a_loss_on_the_first_slice_is_in_the_drawdown():
    assert metrics_of([-0.25, 0.1, 0.1])["max_drawdown"] == -0.25


def test_the_risk_free_rate_is_annual_and_touches_ratios_only():
    plain, excess = metrics_of(RETURNS), metrics_of(RETURNS, risk_free=0.05)
    daily = 1.05 ** (1 / 252) - 1
    assert excess["sharpe"] == pytest.approx((RETURNS.mean() - daily) / RETURNS.std(ddof=1) * math.sqrt(252))
    touched = {name for name in plain if plain[name] != excess[name]}
    ratios = {"sharpe", "sharpe_error", "sharpe_low", "sharpe_high", "psr", "min_track_record", "sortino", "omega"}
    assert touched == ratios


def test_sortino_divides_by_the_downside_of_all_bars():
    # excess 0.02, 0.02, -0.01, 0.01: mean .01, downside sqrt(.0001 / 4) = .005
    assert metrics_of([0.02, 0.02, -0.01, 0.01], 1.0)["sortino"] == pytest.approx(2.0)


def test_returns_are_never_taken_for_prices_nor_prices_for_returns():
    got = of_curve(np.array([1.5, 1.6, 0.8]), times_of(3), 1.0, 252.0)[0]
    assert got["total_return"] == pytest.approx(-0.2)


def test_value_at_risk_is_historical():
    returns = np.arange(-50, 51) / 1000  # -5.0 % to 5.0 %, one each; the 5 % quantile is the sixth
    got = metrics_of(returns)
    assert got["var_95"] == pytest.approx(-0.045)
    assert got["cvar_95"] == pytest.approx(np.mean([-0.05, -0.049, -0.048, -0.047, -0.046, -0.045]))


def test_trade_metrics_come_from_trades_and_not_from_daily_returns():
    # up on every day but one, and yet one trade of two lost
    got, _ = run(market([10, 11, 12, 5, 5]), fill(0, 1, 10), fill(2, -1, 12), fill(2, 1, 12), fill(3, -1, 5))
    assert (got["trades"], got["win_rate"], got["hit_rate"]) == (2, 0.5, 2 / 3)
    assert (got["average_win"], got["average_loss"], got["expectancy"]) == (2.0, -7.0, -2.5)
    assert got["profit_factor"] == got["payoff"] == pytest.approx(2 / 7)


def test_time_in_market_is_not_rounded():
    close = [10.0] * 200
    got, _ = run(market(close), fill(3, 1, 10), fill(4, -1, 10))
    assert got["time_in_market"] == 0.005


@pytest.mark.parametrize("returns", [[0.0] * 50, [0.0001] * 50])
def test_a_series_that_never_varies_has_no_sharpe_ratio_and_says_so(returns):
    values, reasons = of_curve(curve_of(returns), times_of(50), 1000.0, 252.0)
    for name in (
        "volatility",
        "sharpe",
        "sharpe_low",
        "psr",
        "min_track_record",
        "sortino",
        "omega",
        "skew",
        "kurtosis",
    ):
        assert (values[name], reasons[name]) == (None, "the returns never vary")


def test_without_a_losing_bar_sortino_and_omega_are_undefined_and_not_infinite():
    values, reasons = of_curve(curve_of([0.01, 0.02, 0.03]), times_of(3), 1000.0, 252.0)
    assert values["sortino"] is None
    assert reasons["omega"] == "no return below the risk-free"
    assert values["sharpe"] > 0


def test_ruin_keeps_the_total_return_and_stops_the_rest():
    values, reasons = of_curve(np.array([100.0, 40.0, -20.0]), times_of(3, 100 * DAY_NS), 100.0, 252.0)
    assert values["total_return"] == pytest.approx(-1.2)
    assert values["max_drawdown"] == pytest.approx(-1.2)
    for name in ("cagr", "sharpe", "calmar", "var_95", "worst_bar", "ulcer"):
        assert values[name] is None
        assert reasons[name] == "ruin: equity is -20.00 at slice 2"


def test_a_run_of_less_than_thirty_days_is_not_annualised_by_the_calendar():
    values, reasons = of_curve(curve_of([0.01, -0.01] * 10), times_of(20), 1000.0, 252.0)
    assert values["cagr"] is None
    assert reasons["cagr"] == "too short: 19 days, 30 needed"
    assert reasons["calmar"] == reasons["cagr"]
    assert values["sharpe"] is not None


def test_a_drawdown_that_lasts_to_the_end_counts_to_the_end():
    got = metrics_of([0.1, -0.2, 0.05, 0.01])
    assert (got["max_drawdown"], got["max_drawdown_bars"]) == (pytest.approx(-0.2), 3)


def test_hourly_bars_are_annualised_with_hourly_bars_per_year():
    hourly = metrics_of(RETURNS, 8760.0, step=DAY_NS // 24)
    daily = metrics_of(RETURNS, 365.0)
    assert hourly["sharpe"] == pytest.approx(daily["sharpe"] * math.sqrt(24))
    assert hourly["cagr"] == pytest.approx((1 + daily["total_return"]) ** (8766 / 755) - 1)


def test_open_trades_are_reported_beside_the_closed_ones():
    got, reasons = run(market([10, 12, 15]), fill(0, 10, 10))
    assert got["total_return"] == pytest.approx(0.05)
    assert (got["trades"], got["open_positions"], got["open_value"], got["open_pnl"]) == (0, 1, 150.0, 50.0)
    assert got["win_rate"] is None
    assert reasons["win_rate"] == "no closed trade"


def test_the_ulcer_index_divides_by_the_number_of_slices():
    # drawdowns 0, -10 %, 0, -20 %
    got = of_curve(np.array([100.0, 90.0, 110.0, 88.0]), times_of(4), 100.0, 252.0)[0]
    assert got["ulcer"] == pytest.approx(math.sqrt((0.01 + 0.04) / 4))


def test_unknown_bars_per_year_leave_the_annual_metrics_undefined():
    values, reasons = of_curve(curve_of(RETURNS), times_of(len(RETURNS)), 1000.0, math.nan)
    assert values["sharpe"] is values["volatility"] is values["sortino"] is None
    assert reasons["sharpe"] == "bars per year are not known: nan"
    assert values["cagr"] is not None


# --- trades, costs, exposure ----------------------------------------------------------------------------------------
def test_costs_and_turnover_in_money_by_hand():
    # 366 daily slices at 10; 50 bought and sold with fee 1 and slippage .10 a share: costs 2 + 10
    panel = market([10.0] * 366)
    got, _ = run(panel, fill(0, 50, 10.1, 10, 1), fill(100, -50, 9.9, 10, 1))
    record = play(panel, [fill(0, 50, 10.1, 10, 1), fill(100, -50, 9.9, 10, 1)])
    years, mean = 365 / 365.25, record.equity.mean()
    assert (got["fees"], got["slippage"], got["costs"]) == pytest.approx((2.0, 10.0, 12.0))
    assert got["costs_of_capital"] == pytest.approx(0.012)
    assert got["turnover"] == pytest.approx((505 + 495) / 2 / mean / years)
    assert got["cost_drag"] == pytest.approx(12 / mean / years)
    assert got["fills"] == 2


def test_cashed_fractions_and_deaths_are_no_turnover():
    panel = market([10.0] * 60)
    sold = fill(30, -1, 10, reason=c.REASON_DEATH)
    once, _ = run(panel, fill(0, 1, 10), sold)
    twice, _ = run(panel, fill(0, 1, 10), fill(30, -1, 10))
    assert twice["turnover"] == pytest.approx(2 * once["turnover"])


def test_dividends_and_accruals_are_told_apart_from_prices():
    got, _ = run(market([10, 9, 9], dividends=[0, 1, 0]), fill(0, 10, 10), accrued=[0, 0.5, -0.25])
    assert (got["dividends"], got["accrued"]) == (10.0, 0.25)


def test_the_losing_streak_follows_the_exits():
    # entries win, lose, lose; exits lose (1), win (2), lose (3): never two in a row
    close = [[10, 10, 10], [10, 9, 10], [11, 9, 10], [11, 9, 9]]
    fills = [fill(0, 1, 10, i=i) for i in range(3)]
    exits = [fill(1, -1, 9, i=1), fill(2, -1, 11, i=0), fill(3, -1, 9, i=2)]
    assert run(market(close), *fills, *exits)[0]["longest_losing_streak"] == 1
    assert run(market(close), *fills, exits[0], fill(3, -1, 11, i=0), exits[2])[0]["longest_losing_streak"] == 1
    assert run(market(close), *fills, exits[0], fill(1, -1, 9, i=2), exits[1])[0]["longest_losing_streak"] == 2


def test_a_trade_at_exactly_zero_is_neither_won_nor_lost():
    got, reasons = run(market([10, 10]), fill(0, 1, 10), fill(1, -1, 10))
    assert (got["trades"], got["win_rate"], got["average_win"], got["average_loss"]) == (1, 0.0, None, None)
    assert reasons["profit_factor"] == "no losing trade"


def test_without_trades_the_reasons_say_so():
    got, reasons = run(market([10, 11]))
    assert got["trades"] == got["fills"] == 0
    assert got["total_return"] == 0.0
    assert {reasons[n] for n in ("win_rate", "expectancy", "average_bars_held", "longest_losing_streak")} == {
        "no closed trade"
    }


def test_every_metric_is_defined_once_and_given_in_that_order():
    values, reasons = run(market([10, 11, 10, 12]), fill(0, 1, 10), fill(2, -1, 10))
    assert list(values) == list(DEFINITIONS)
    assert set(reasons) == {name for name, value in values.items() if value is None}
    assert {d.unit for d in DEFINITIONS.values()} == {"fraction", "ratio", "money", "count", "bars", "years"}
    assert all(d.label and d.line for d in DEFINITIONS.values())


# --- never infinite, never NaN --------------------------------------------------------------------------------------
wild = st.one_of(st.floats(1e-300, 1e300), st.floats(1.0, 1000.0), st.just(100.0), st.floats(-1e6, 0.0))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(wild, max_size=40),
    st.floats(1e-6, 1e9),
    st.sampled_from([1, DAY_NS // 24, DAY_NS, 31 * DAY_NS]),
    st.floats(0, 1),
)
def test_no_metric_of_any_curve_is_infinite_or_nan(equity, capital, step, risk_free):
    values, reasons = of_curve(np.array(equity), times_of(len(equity), step), capital, 252.0, risk_free)
    for name, value in values.items():
        assert (value is None) == (name in reasons)
        assert value is None or math.isfinite(value), name


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30),
    st.lists(
        st.tuples(st.integers(0, 29), st.integers(-9, 9).filter(bool), st.floats(0.01, 1e6), st.floats(0, 1e5)),
        max_size=20,
    ),
)
def test_no_metric_of_any_run_is_infinite_or_nan(close, drawn):
    orders = [fill(t, q, p, fee=fee) for t, q, p, fee in sorted(drawn) if t < len(close)]
    values, reasons = run(market(close), *orders)
    for name, value in values.items():
        assert (value is None) == (name in reasons)
        assert value is None or math.isfinite(value), name
