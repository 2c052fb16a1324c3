"""What a result shows: series, tables, the benchmark, warnings, and reason codes in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine import codes as c
from engine.errors import ConfigError, DataError
from engine.result import Result
from tests.results.book import NAN, fill, market, play


def result(panel, *fills, config=None, forecasts=None, **options):
    record = play(panel, fills, **options)
    record.forecasts.update({name: np.array(values, dtype=float) for name, values in (forecasts or {}).items()})
    return Result(record, {"name": "small", **(config or {})}, {"run_hash": "0123456789abcdef"})


STORY = (fill(0, 10, 10.5, 10, 1), fill(2, -10, 12, reason=c.REASON_TARGET))


# --- series ---------------------------------------------------------------------------------------------------------
def test_series_have_one_value_per_slice_in_utc_and_returns_include_the_first():
    got = result(market([10, 11, 12]), *STORY)
    # 1000 - 105 - 1 + 100; + 10; - 110 + 120
    assert got.equity.tolist() == [994.0, 1004.0, 1014.0]
    assert got.returns.tolist() == pytest.approx([-0.006, 1004 / 994 - 1, 1014 / 1004 - 1])
    assert got.drawdown.tolist() == [994 / 1000 - 1, 0.0, 0.0]
    assert got.cash.tolist() == [894.0, 894.0, 1014.0]
    assert str(got.equity.index.tz) == "UTC"
    assert got.equity.index[0] == pd.Timestamp("2024-01-02", tz="UTC")  # a date-only bar closes at the next midnight


def test_exposure_is_in_multiples_of_equity():
    got = result(market([[10, 20]] * 2), fill(0, 30, 10), fill(0, -10, 20, i=1))
    last = got.exposure.iloc[-1]
    assert last.to_dict() == {"long": 0.3, "short": -0.2, "gross": 0.5, "net": pytest.approx(0.1), "positions": 2}


# --- tables ---------------------------------------------------------------------------------------------------------
def test_fills_are_a_table_of_words_times_and_money():
    got = result(market([10, 11, 12]), *STORY).fills
    columns = ["time", "date", "symbol", "quantity", "price", "reference", "slippage", "fee", "reason"]
    assert got.columns.tolist() == columns
    first = got.iloc[0]
    assert (first.symbol, first.quantity, first.slippage, first.fee, first.reason) == ("A", 10.0, 5.0, 1.0, "signal")
    assert got.reason.tolist() == ["signal", "take profit"]


def test_trades_are_a_table_and_open_ones_have_no_exit_time():
    got = result(market([10, 11, 12, 13]), *STORY, fill(3, -2, 13)).trades
    assert got.trade.tolist() == [1, 2]
    assert got.side.tolist() == ["long", "short"]
    assert got.exit_reason.tolist() == ["take profit", "open"]
    assert got.is_open.tolist() == [False, True]
    assert got.exit_time.isna().tolist() == [False, True]
    assert got.entry_time.tolist() == [pd.Timestamp("2024-01-02", tz="UTC"), pd.Timestamp("2024-01-05", tz="UTC")]
    assert got.pnl.tolist() == [14.0, 0.0]


def test_positions_are_what_is_held_at_the_end():
    got = result(market([[10, 5], [12, NAN]]), fill(0, 10, 10, fee=1), fill(0, -4, 5, i=1), fill(1, -5, 12)).positions
    assert got.symbol.tolist() == ["A", "B"]
    assert got.quantity.tolist() == [5.0, -4.0]
    assert got.value.tolist() == [60.0, -20.0]
    assert got.pnl.tolist() == [10 + 10 - 1, 0.0]


def test_the_open_pnl_metric_and_the_positions_table_agree():
    got = result(market([[10, 5], [12, 4]]), fill(0, 10, 10, fee=1), fill(0, -4, 5, i=1), fill(1, -5, 12))
    assert got.positions.pnl.sum() == pytest.approx(got.metrics["open_pnl"])
    assert got.positions.value.sum() == pytest.approx(got.metrics["open_value"])


def test_closed_trades_are_grouped_by_exit_reason():
    panel = market([10, 12, 9, 8, 8])
    legs = fill(0, 1, 10), fill(1, -1, 12, reason=c.REASON_TARGET), fill(1, 1, 12), fill(2, -1, 9, reason=c.REASON_STOP)
    got = result(panel, *legs, fill(2, 1, 9), fill(3, -1, 8, reason=c.REASON_STOP), fill(4, 1, 8)).by_exit_reason
    assert got.index.tolist() == ["stop loss", "take profit"]
    assert got["count"].tolist() == [2, 1]
    assert got.win_rate.tolist() == [0.0, 1.0]
    assert got.pnl.tolist() == [-4.0, 2.0]
    assert got.average_return.tolist() == pytest.approx([(-3 / 12 - 1 / 9) / 2, 0.2])


def test_months_are_those_of_the_session_and_a_year_is_their_product():
    # 31 days of January end at 1310 on 31 January (its bar closes on 1 February), February ends at 1600
    got = result(market(np.arange(0, 60) + 100.0), fill(0, 10, 100)).monthly
    assert got.index.tolist() == [2024]
    assert got.loc[2024, 1] == pytest.approx(0.30)
    assert got.loc[2024, 2] == pytest.approx(1590 / 1300 - 1)
    assert got.loc[2024, "year"] == pytest.approx(0.59)
    assert got.loc[2024, [3, 12]].isna().all()


def test_drawdowns_are_listed_deepest_first_and_the_last_may_be_unfinished():
    got = result(market([10, 12, 6, 12, 13, 12]), fill(0, 50, 10)).drawdowns
    assert got.depth.tolist() == pytest.approx([800 / 1100 - 1, 1100 / 1150 - 1])
    assert got.bars.tolist() == [1, 1]
    assert got.recovery.isna().tolist() == [False, True]
    assert got.trough.tolist() == [got.peak[0] + pd.Timedelta("1D"), pd.Timestamp("2024-01-07", tz="UTC")]


def test_a_loss_on_the_first_slice_is_a_drawdown_from_the_capital():
    got = result(market([10, 10]), fill(0, 10, 20, 10)).drawdowns
    assert got.depth.tolist() == pytest.approx([-0.1])
    assert got.peak.isna().tolist() == [True]


# --- benchmark ------------------------------------------------------------------------------------------------------
def test_equal_weight_starts_from_the_capital():
    got = result(market([[10, 10], [11, 10], [11, 11]]), config={"benchmark": "equal_weight"})
    assert got.benchmark.tolist() == pytest.approx([1000, 1050, 1102.5])
    assert got.benchmark_metrics["total_return"] == pytest.approx(0.1025)


def test_a_symbol_as_benchmark_is_its_total_return_over_gaps():
    panel = market([[NAN, 1], [10, 1], [NAN, 1], [9, 1]], dividends=[[0, 0], [0, 0], [0, 0], [2, 0]])
    assert result(panel, config={"benchmark": "A"}).benchmark.tolist() == pytest.approx([1000, 1000, 1000, 1100])


@pytest.mark.parametrize("name", [None, "none"])
def test_without_a_benchmark_there_is_none(name):
    got = result(market([10, 11]), config={"benchmark": name})
    assert got.benchmark is None
    assert got.benchmark_metrics == {}


def test_a_benchmark_that_is_not_in_the_data_is_refused_with_what_is():
    with pytest.raises(ConfigError, match=r"benchmark: SPY is not in the data \(A\); expected equal_weight, none, or"):
        result(market([10, 11]), config={"benchmark": "SPY"})


# --- warnings and words ---------------------------------------------------------------------------------------------
def test_open_and_few_trades_and_counted_bars_are_warned_of():
    text = "\n".join(result(market([10, 11, 12]), fill(0, 1, 10)).warnings)
    assert "1 trade is still open and valued at the last mark" in text
    assert "0 closed trades: fewer than 30 prove little" in text
    assert "counted from the data" in text


def test_a_universe_in_which_nobody_dies_is_warned_of():
    assert "survivorship" in "".join(result(market([[10, 10]] * 40)).warnings)
    died = [[10, 10]] * 10 + [[10, NAN]] * 30
    assert "survivorship" not in "".join(result(market(died)).warnings)


def test_ruin_and_ambiguous_bars_are_warned_of():
    codes = np.zeros((2, 1)) + c.AMBIGUOUS
    text = "\n".join(result(market([10, 1]), fill(0, 200, 10), ended="ruin", codes=codes).warnings)
    assert "ruin: equity fell to -800.00; the run ended at slice 1" in text
    assert "2 bars in which the intrabar policies would fill differently" in text


def test_codes_are_counted_by_their_words():
    codes = [[c.ENTER | c.BAND], [c.FILLED | c.IN_POSITION], [c.FILLED | c.STOPPED | c.LEAVE], [c.RANK_CUT]]
    got = result(market([10, 11, 12, 13]), codes=codes).code_counts()
    assert {word: n for word, n in got["fate"].items() if n} == {"filled": 2, "stopped": 1}
    assert {word: n for word, n in got["decision"].items() if n} == {
        "enter": 1,
        "in position": 1,
        "leave": 1,
        "rank cut": 1,
    }
    assert got["note"]["band"] == 1


def test_a_summary_has_a_text_for_every_row_and_a_note_where_there_is_no_number():
    rows = result(market([10, 11])).summary()
    by_name = {row.name: row for row in rows}
    assert by_name["total_return"].text == "0.00%"
    assert (by_name["win_rate"].text, by_name["win_rate"].note) == ("n/a", "no closed trade")
    assert all(row.label and row.text for row in rows)


def test_html_escapes_what_users_named():
    text = result(market([10, 11]), config={"name": "<b>x</b>"})._repr_html_()
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


# --- explain --------------------------------------------------------------------------------------------------------
CONFIG = {
    "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.7, "side": "long"},
    "execution": {"delay": 0},
}


def told(at="2024-01-01", symbol="A", **options):
    codes = [[c.ENTER], [c.FILLED | c.IN_POSITION], [c.FILLED | c.TARGET | c.BELOW_CONFIDENCE]]
    forecasts = {"up": [[0.8], [0.75], [0.61]]}
    fills = fill(1, 10, 11.5, 11, 1), fill(2, -10, 12, reason=c.REASON_TARGET)
    return result(market([10, 11, 12]), *fills, codes=codes, forecasts=forecasts, config=CONFIG, **options).explain(
        at, symbol
    )


def test_an_entry_is_explained_with_its_forecast_and_the_fill_it_led_to():
    text = told("2024-01-01")
    assert text.startswith("A, 2024-01-01 (2024-01-02 00:00 UTC): Nothing traded. Then flat.")
    assert "Decision 'enter': it was not held, and wanted (confidence 0.7). Forecast: up 0.8." in text
    assert "bought 10 at 11.5 (signal; reference 11, slippage 5.00, fee 1.00)" in text


def test_a_held_position_is_explained_with_its_trade():
    assert "Then long 10 at an average of 11.5 since 2024-01-02 (trade 1)." in told("2024-01-02")


def test_what_was_not_traded_is_explained_with_the_number_it_missed():
    text = told("2024-01-03")
    assert "Sold 10 at 12 (take profit; reference 12, slippage 0.00, fee 0.00). Then flat." in text
    assert "its forecast fell short of the confidence to enter (confidence 0.7, side long). Forecast: up 0.61." in text


def gated(rows, code, forecasts):
    strategy = {"rule": "threshold", "signal": "up", "confidence": "top 25% trailing 4", "side": "long"}
    codes = [[c.WARMING_UP]] * (rows - 1) + [[code]]
    panel = market([10] * rows)
    return result(panel, codes=codes, forecasts={"up": [[value] for value in forecasts]}, config={"strategy": strategy})


def test_a_gate_of_past_forecasts_is_explained_with_where_the_forecast_stood():
    known = [0.1, float("nan"), 0.2, 0.3, 0.4, 0.25]
    text = gated(6, c.BELOW_CONFIDENCE, known).explain("2024-01-06", "A")
    where = "above 50.0% and below 50.0% of its last 4 forecasts"
    assert f"the confidence to enter (confidence top 25% trailing 4, side long, {where}). Forecast: up 0.25." in text
    early = gated(3, c.WARMING_UP, known[:3]).explain("2024-01-03", "A")
    assert "or made too few forecasts to compare with (confidence top 25% trailing 4, 1 forecasts before it)" in early
    silent = gated(2, c.WARMING_UP, known[:2]).explain("2024-01-02", "A")
    assert "to compare with (confidence top 25% trailing 4). Forecast: up none." in silent


def test_a_rank_cut_is_explained_with_the_rank():
    config = {"strategy": {"rule": "quintile", "signal": "f", "quantile": 0.2, "side": "long"}}
    panel, forecasts = market([[1, 1, 1]]), {"f": [[0.1, 0.3, 0.2]]}
    got = result(panel, codes=[[c.RANK_CUT] * 3], forecasts=forecasts, config=config).explain("2024-01-01", "C")
    assert "(quantile 0.2, side long, rank 2 of 3 forecasts)" in got


def test_a_position_is_restated_by_a_split_without_a_fill():
    got = result(market([100, 50, 50], splits=[1, 2, 1]), fill(0, 10, 100)).explain("2024-01-03", "A")
    assert "Then long 20 at an average of 50" in got


def test_every_decision_and_note_has_words():
    from engine import explain

    assert set(explain.DECISIONS) == set(c.DECISIONS)
    assert set(explain.NOTES) == set(c.NOTES)


def test_a_slice_is_named_by_its_session_or_its_time_and_anything_else_is_refused():
    got = result(market([10, 11, 12]))
    assert got.row_of("2024-01-02") == 1
    assert got.row_of("2024-01-02 00:00") == 0
    assert got.row_of(pd.Timestamp("2024-01-03", tz="UTC")) == 1
    assert got.row_of(np.datetime64("2024-01-01").item()) == 0
    with pytest.raises(DataError, match=r"2024-02-01 is no slice of this run, which goes from 2024-01-01 \("):
        got.row_of("2024-02-01")
    with pytest.raises(DataError, match="'soon' is no date; expected 2020-03-12"):
        got.row_of("soon")
    with pytest.raises(DataError, match="Z is not in this run; expected one of A"):
        got.explain("2024-01-01", "Z")
