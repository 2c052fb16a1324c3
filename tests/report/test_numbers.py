"""The numbers of the report against small cases done by hand, and against engine.metrics where that is the definition."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine import codes as c
from engine.metrics import of_curve
from engine.report import curves, drawings, quality, render, scales, thinning, trading, words
from engine.report.bars import bars_of
from engine.types import DAY_NS
from tests.report.runs import played, without_plotly
from tests.results.book import NAN, fill, market, play

DAYS = np.arange(300, dtype=np.int64) * DAY_NS


# --- thinning ---------------------------------------------------------------------------------------------------------
def test_thinning_keeps_the_extremes_and_the_ends():
    values = np.sin(np.arange(100_000) / 900.0)
    values[54_321], values[76_543] = 9.0, -9.0
    rows = thinning.thin(values, 500)
    assert len(rows) <= 502
    assert {0, 54_321, 76_543, 99_999} <= set(rows.tolist())
    assert (np.diff(rows) > 0).all()
    assert thinning.thin(values[:400], 500).tolist() == list(range(400))


def test_each_bucket_gives_its_lowest_and_highest_and_nothing_of_what_is_not_known():
    values = np.array([5.0, 1.0, 3.0, NAN, NAN, NAN, 2.0, 8.0, 4.0])
    assert thinning.thin(values, 6).tolist() == [0, 1, 6, 7, 8]


def test_candles_of_groups_have_the_first_open_the_extremes_and_the_last_close():
    first, size = thinning.grouped(5, 3)
    assert (first.tolist(), size) == ([0, 2, 4], 2)
    columns = ([10, NAN, 12, 13, 14], [11, 15, NAN, 14, 15], [9, 10, 11, 8, NAN], [10, 12, 13, 9, 15])
    told = thinning.candles(*(np.array(column, dtype=float) for column in columns), first)
    assert [part.tolist() for part in told] == [[10, 12, 14], [15, 14, 15], [9, 8, 14], [12, 9, 15]]


def test_averages_of_buckets_leave_out_what_is_not_known():
    rows, means = thinning.averaged(np.array([1.0, 3.0, NAN, 5.0, NAN, NAN]), 3)
    assert rows.tolist() == [1, 3, 5]
    assert means.tolist()[:2] == [2.0, 5.0]
    assert np.isnan(means[2])


def test_a_thinned_line_stays_broken_where_it_was_not_known():
    line = np.ones(5000)
    line[2000:3000] = NAN
    _, drawn = drawings.shaped(np.arange(5000.0), line)
    assert np.isnan(drawn).sum() == 1


# --- curves -----------------------------------------------------------------------------------------------------------
def test_rolling_figures_are_the_metrics_of_each_window():
    returns = np.random.default_rng(3).normal(5e-4, 0.01, 300)
    told = curves.rolling(returns, 60, 252.0)
    assert np.isnan(told.sharpe[:59]).all()
    for last in (59, 150, 299):
        equity = 100.0 * np.cumprod(1.0 + returns[last - 59 : last + 1])
        metrics, _ = of_curve(equity, DAYS[:60], 100.0, 252.0)
        assert told.sharpe[last] == pytest.approx(metrics["sharpe"], rel=1e-9)
        assert told.volatility[last] == pytest.approx(metrics["volatility"], rel=1e-9)


def test_rolling_figures_are_not_known_where_nothing_moves_or_after_ruin():
    returns = np.concatenate([np.zeros(50), [0.01, -0.01] * 20, [NAN] * 10])
    told = curves.rolling(returns, 20, 252.0)
    assert np.isnan(told.sharpe[:50]).all()
    assert np.isfinite(told.sharpe[50:90]).all()
    assert np.isnan(told.sharpe[90:]).all()


def test_turnover_of_a_month_is_half_the_value_traded_by_its_mean_equity():
    # 31 January days and 2 of February at 10; 50 bought and 20 sold in January, 30 sold in February: equity stays 1000.
    result = played([10.0] * 33, [fill(0, 50, 10), fill(5, -20, 10), fill(32, -30, 10)])
    told = curves.turnover(result.facts)
    assert (told.word, told.label) == ("month", ("2024-01", "2024-02"))
    assert told.value.tolist() == [0.35, 0.15]


def test_drawdowns_count_calendar_days():
    result = played([10, 12, 9, 11, 12, 6, 7], [fill(0, 100, 10)])
    deep, shallow = curves.drawdowns(result)
    assert deep.depth == -0.5
    assert (str(deep.start), str(deep.trough), deep.end) == ("2024-01-05", "2024-01-06", None)
    assert (deep.falling, deep.recovering, deep.total) == (1.0, None, 2.0)
    assert (shallow.depth, shallow.falling, shallow.recovering, shallow.total) == (-0.25, 1.0, 2.0, 3.0)
    assert str(shallow.end) == "2024-01-05"


# --- trades -----------------------------------------------------------------------------------------------------------
def test_marks_lie_where_the_fills_were_in_the_shares_of_the_last_price():
    # 10 bought at 100, split 4 for 1 before slice 2, 40 sold at 30: the entry is drawn at 25, its stop 10 % below.
    result = played(
        [[100], [100], [25], [30]],
        [fill(1, 10, 100), fill(3, -40, 30, reason=c.REASON_TARGET)],
        splits=[[1], [1], [4], [1]],
        config={"exits": {"stop_loss": 0.1, "take_profit": 0.2}},
    )
    told = trading.chart(result.facts, bars_of(result.panel, 4), 0)
    assert told.adjusted
    assert told.close.tolist() == [25, 25, 25, 30]
    k = told.marks
    assert (k.entry.tolist(), k.exit.tolist()) == ([1], [3])
    assert (k.entry_price.tolist(), k.exit_price.tolist()) == ([25.0], [30.0])
    assert (k.stop.tolist(), k.target.tolist()) == ([22.5], [30.0])
    assert k.reason.tolist() == [c.REASON_TARGET]


def test_a_short_has_its_stop_above_and_an_open_trade_has_no_exit():
    result = played([10, 10, 9], [fill(1, -5, 10)], config={"exits": {"stop_loss": 0.1, "take_profit": None}})
    k = trading.chart(result.facts, bars_of(result.panel, 3), 0).marks
    assert k.stop.tolist() == [11.0]
    assert np.isnan(k.target[0])
    assert k.exit.tolist() == [-1]
    assert np.isnan(k.exit_price[0])


def test_short_trades_in_a_long_run_are_drawn_wider_than_a_candle():
    orders = [fill(t, q, 10) for t in range(100, 9900, 100) for t, q in ((t, 5), (t + 5, -5))]
    told = trading.chart((result := played([10.0] * 10_000, orders)).facts, bars_of(result.panel, 10_000), 0)
    assert told.cut
    assert told.size == 2  # 6 bars held, 3 candles each
    assert len(told.close) <= thinning.CANDLES
    assert told.trades == 98
    assert told.left_out == 98 - len(told.marks.entry)
    assert 0 <= told.marks.entry.min() < told.marks.exit.max() < len(told.close)


def test_the_most_traded_come_first_and_the_untraded_not_at_all():
    orders = [fill(0, 1, 10, i=1), fill(1, -1, 10, i=1), fill(2, 1, 10, i=1), fill(0, 1, 10, i=2)]
    assert trading.most_traded(played([[10, 10, 10]] * 3, orders).facts) == [1, 2]


def test_a_histogram_holds_every_value():
    told = trading.histogram(np.array([1.0, 1.0, 2.0, 5.0, 500.0]), whole=True)
    assert told.count.sum() == 5
    assert told.median == 2.0
    assert told.edges[0] == 0.0
    assert trading.histogram(np.array([1.0]), whole=True) is None


# --- signal quality ---------------------------------------------------------------------------------------------------
def test_an_information_coefficient_by_hand():
    # Names 1 to 5 forecast in order; returns in order at the first slice, in reverse at the second.
    said = np.array([[1.0, 2, 3, 4, 5], [1.0, 2, 3, 4, 5]])
    later = np.array([[0.01, 0.02, 0.03, 0.04, 0.10], [0.05, 0.04, 0.03, 0.02, 0.01]])
    told = quality.correlate(said, later, 1, 0, across=True)
    first = float(np.corrcoef(said[0], later[0])[0, 1])
    assert told.ic == pytest.approx((first - 1.0) / 2.0)
    assert told.rank_ic == pytest.approx(0.0, abs=1e-12)
    assert told.count == 2


def test_over_time_it_is_the_correlation_of_each_name():
    draw = np.random.default_rng(1)
    said, later = draw.normal(size=(50, 2)), draw.normal(size=(50, 2))
    said[3, 0] = later[7, 1] = NAN
    told = quality.correlate(said, later, 1, 0, across=False)
    pairs = [np.isfinite(said[:, i]) & np.isfinite(later[:, i]) for i in (0, 1)]
    each = [np.corrcoef(said[p, i], later[p, i])[0, 1] for i, p in enumerate(pairs)]
    assert told.ic == pytest.approx(np.mean(each))


def test_a_name_without_forecasts_changes_nothing():
    draw = np.random.default_rng(1)
    said, later = draw.normal(size=(50, 1)), draw.normal(size=(50, 1))
    alone = quality.correlate(said, later, 1, 0, across=False)
    wider = quality.correlate(
        np.column_stack([said, np.full(50, NAN)]), np.column_stack([later, later]), 1, 0, across=False
    )
    assert wider.ic == pytest.approx(alone.ic)
    assert wider.rank_error == pytest.approx(alone.rank_error)
    assert alone.ic == pytest.approx(np.corrcoef(said[:, 0], later[:, 0])[0, 1])


def test_the_error_is_the_plain_one_without_lags_and_newey_wests_with_them():
    series = np.array([1.0, 2.0, 4.0, 1.0])
    mean, error = quality.mean_and_error(series, 0)
    assert mean == 2.0
    assert error == pytest.approx(np.sqrt((1 + 0 + 4 + 1) / 4 / 4))
    # One lag: gamma_1 = (0*-1 + 2*0 + -1*2) / 4 = -0.5, weight 1/2, so the variance is 1.5 - 0.5.
    assert quality.mean_and_error(series, 1)[1] == pytest.approx(np.sqrt((1.5 - 0.5) / 4))


def test_outcomes_look_ahead_of_the_forecast_and_never_behind():
    close = np.array([[10.0], [11.0], [NAN], [22.0]])
    rows = np.arange(4)
    assert quality.outcomes(close, rows, 1)[0, 0] == pytest.approx(0.1)
    assert np.isnan(quality.outcomes(close, rows, 1)[1:, 0]).all()
    assert quality.outcomes(close, rows, 2)[1, 0] == pytest.approx(1.0)


def test_quantiles_by_hand():
    said = np.tile(np.arange(10.0), (3, 1))
    later = np.tile(np.repeat([-0.02, 0.0, 0.01, 0.03, 0.05], 2), (3, 1))
    told = quality.by_quantile(said, later, 5, 4, across=True)
    assert told.mean == pytest.approx([-0.02, 0.0, 0.01, 0.03, 0.05])
    assert told.spread == pytest.approx(0.07)
    assert told.all == pytest.approx(0.014)


def test_calibration_by_hand():
    # 40 forecasts of .75, of which 30 came; 10 of .25, of which 5 came.
    said = np.array([[0.75]] * 40 + [[0.25]] * 10)
    later = np.array([[0.01]] * 30 + [[-0.01]] * 10 + [[0.01]] * 5 + [[-0.01]] * 5)
    told = quality.calibrate(said, later)
    assert told.count.tolist() == [0, 0, 10, 0, 0, 0, 0, 40, 0, 0]
    assert (told.happened[7], told.happened[2]) == (0.75, 0.5)
    assert told.base == 0.7
    assert told.brier == pytest.approx((30 * 0.0625 + 10 * 0.5625 + 5 * 0.5625 + 5 * 0.0625) / 50)
    assert told.error == pytest.approx(0.25 * 10 / 50)
    assert told.low[2] < 0.5 < told.high[2]


def test_a_perfect_foresight_has_a_rank_coefficient_of_one_and_noise_none():
    draw = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0, 0.01, (400, 8)), axis=0))
    nothing = np.zeros((400, 8), np.uint32)
    ahead = np.vstack([close[1:] / close[:-1] - 1.0, np.full((1, 8), NAN)])
    seen = quality.measure("f", "return", ahead, close, nothing, 1.0)
    assert seen.across
    assert seen.horizons[0].rank_ic == pytest.approx(1.0)
    noise = quality.measure("f", "return", draw.normal(size=(400, 8)), close, nothing, 1.0).horizons[0]
    assert abs(noise.rank_ic) < 4 * noise.rank_error


def test_names_that_were_no_members_are_left_out():
    close = np.tile(np.arange(1.0, 41.0)[:, None], (1, 6))
    codes = np.full((40, 6), c.NOT_MEMBER, np.uint32)
    assert quality.measure("f", "return", np.ones((40, 6)), close, codes, None).why == "fewer than 30 forecasts"


# --- words and scales -------------------------------------------------------------------------------------------------
def test_what_rounds_to_zero_has_no_sign():
    assert words.percent(-0.0004) == "0.0%"
    assert words.percent(-0.014) == "−1.4%"
    assert words.days(6.04) == "6.0"
    assert words.days(1234.4) == "1,234"


def test_ticks_are_round_and_within():
    assert scales.ticks(-0.31, 0.72) == [-0.2, 0.0, 0.2, 0.4, 0.6]
    assert scales.ticks(3.0, 3.0) == [3.0]


# --- size -------------------------------------------------------------------------------------------------------------
def test_a_million_minutes_make_a_small_page_in_a_few_seconds():
    count = 1_000_000
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 1e-4, count)))
    times = np.datetime64("2022-01-01T00:01", "m") + np.arange(count)
    from engine.manifest import make_manifest
    from engine.panel import Panel
    from engine.result import Result

    bars = [part[:, None] for part in (close, close * 1.001, close * 0.999, close, np.full(count, 1e6))]
    panel = Panel.from_arrays(["A"], times.astype("datetime64[ns]"), *bars, calendar="24/7")
    orders = [
        order
        for t in range(5000, count - 5000, 5000)
        for order in (fill(t, 1, close[t]), fill(t + 60, -1, close[t + 60]))
    ]
    record = replay(panel, orders, close)
    record.forecasts["f"] = np.random.default_rng(6).normal(size=(count, 1))
    config = {"name": "minutes", "benchmark": "A"}
    result = Result(record, config, make_manifest(config, record, {}, []))
    before = time.perf_counter()
    page = render(result)
    assert time.perf_counter() - before < 30.0  # 3 s on an idle machine
    assert len(without_plotly(page).encode()) < 1_500_000


def replay(panel, orders, close):
    """The record of an account that holds one unit or none, without a loop over the slices."""
    import dataclasses

    count = len(close)
    short = play(market([10, 10]), [])
    columns = list(zip(*orders, strict=True))
    kinds = (np.int64, np.int64, float, float, float, float, np.int64)
    fills = type(short.fills)(*(np.array(part, dtype=kind) for part, kind in zip(columns, kinds, strict=True)))
    traded = np.zeros(count)
    np.add.at(traded, fills.t, fills.quantity)
    held = np.cumsum(traded)
    paid = np.zeros(count)
    np.add.at(paid, fills.t, fills.quantity * fills.price)
    cash = 1000.0 - np.cumsum(paid)
    return dataclasses.replace(
        short,
        panel=panel,
        equity=cash + held * close,
        cash=cash,
        long_value=held * close,
        short_value=np.zeros(count),
        positions=(held > 0).astype(np.int64),
        accrued=np.zeros(count),
        fills=fills,
        codes=np.zeros((count, 1), np.uint32),
        mark=close[-1:].copy(),
    )
