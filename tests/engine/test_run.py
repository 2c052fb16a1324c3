"""The one road from a configuration to a Result, on small literal markets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import engine
import engine.plugins
from engine.errors import ConfigError, DataError, PluginError

DATES = pd.date_range("2024-01-01", periods=4)


def bars(**closes) -> pd.DataFrame:
    """A long frame whose bars open at the last close and touch nothing beyond open and close."""
    rows = []
    for symbol, series in closes.items():
        before = series[0]
        for date, close in zip(DATES, series, strict=False):
            rows.append((date, symbol, before, max(before, close), min(before, close), close, 1000.0))
            before = close
    return pd.DataFrame(rows, columns=["date", "symbol", "open", "high", "low", "close", "volume"])


def panel(**closes) -> engine.Panel:
    return engine.Panel.from_frame(bars(**closes), prices="as_traded", dividends="none")


def config(**changes) -> dict:
    base = {
        "name": "small",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "exit_confidence": 0.0, "size": "50%"},
        "capital": 1000,
    }
    return {**base, **changes}


def test_a_forecast_at_one_close_is_bought_at_the_next_open():
    # 50 % of 1000 at the close of 100 = 5 shares; the next bar opens at 100; two bars up to 120: + 5 x 20
    result = engine.backtest(config(), panel=panel(A=[100, 100, 110, 120]), forecasts=np.array([[1.0], [1], [1], [1]]))
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[5.0, 100.0]]
    assert result.equity.tolist() == [1000.0, 1000.0, 1050.0, 1100.0]
    assert result.metrics["total_return"] == pytest.approx(0.1)


def test_forecasts_come_as_array_long_frame_or_wide_frame_and_mean_the_same():
    market = panel(A=[10, 11, 12, 13], B=[20, 19, 18, 17])
    array = np.array([[1, 0], [1, 2], [-1, 2], [0, 0.0]])
    wide = pd.DataFrame(array, index=DATES, columns=["A", "B"])
    long = wide.rename_axis("date").reset_index().melt("date", var_name="symbol", value_name="forecast")
    runs = [engine.backtest(config(), panel=market, forecasts=given) for given in (array, wide, long, {"f": array})]
    assert len(runs[0].fills) > 1
    for run in runs[1:]:
        assert run.equity.tolist() == runs[0].equity.tolist()


class Half:
    """Ten lines of Python: half of equity in what rose, nothing in what fell."""

    def target(self, now):
        return np.where(now.forecasts["f"] > 0, 0.5, 0.0)


def test_a_python_strategy_of_ten_lines_runs():
    result = engine.backtest(
        config(), panel=panel(A=[100, 100, 110, 120]), forecasts=np.array([[1.0], [1], [-1], [0]]), strategy=Half()
    )
    # slice 0 wants 500 / 100 = 5, slice 1 still 5; slice 2 wants none: sold at the next open, 110
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[5.0, 100.0], [-5.0, 110.0]]


def test_a_python_strategy_named_in_the_file_comes_from_a_plugin_file(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import numpy as np\n"
        "class Half:\n"
        "    def __init__(self, weight):\n"
        "        self.weight = weight\n"
        "    def target(self, now):\n"
        "        return np.where(now.forecasts['f'] > 0, self.weight, 0.0)\n"
        "STRATEGIES = {'half': Half}\n"
    )
    named = config(strategy={"rule": "half", "weight": 0.5})
    result = engine.backtest(
        named, panel=panel(A=[100, 100, 110, 120]), forecasts=np.array([[1.0], [1], [-1], [0]]), plugins=[plugin]
    )
    assert result.fills["quantity"].tolist() == [5.0, -5.0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [([0.5, 0.5], "must have shape (1,)"), ([np.inf], "the target of A is infinite"), (1 / 1j, "target(now) failed")],
)
def test_a_strategy_that_breaks_its_word_is_named_with_the_slice(answer, said):
    class Broken:
        def target(self, now):
            if isinstance(answer, complex):
                raise RuntimeError("out of ideas")
            return np.array(answer)

    with pytest.raises(PluginError) as caught:
        engine.backtest(config(), panel=panel(A=[10, 11, 12, 13]), forecasts=np.zeros((4, 1)), strategy=Broken())
    assert said in str(caught.value)
    assert "slice 0" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "precomputed forecasts must come from somewhere"),
        (np.zeros((3, 1)), "expected shape (4, 1)"),
        (np.array([[0.0], [np.inf], [0], [0]]), "A at 2024-01-03"),
        (pd.DataFrame({"date": DATES, "symbol": "Z", "forecast": 1.0}), "Z not in the data"),
        (
            pd.DataFrame({"date": DATES + pd.Timedelta(days=9), "symbol": "A", "forecast": 1.0}),
            "is no slice of the data",
        ),
        (pd.DataFrame({"date": list(DATES) * 2, "symbol": "A", "forecast": 1.0}), "more than one forecast"),
        ({"g": np.zeros((4, 1))}, "none given for signal 'f'"),
    ],
)
def test_forecasts_that_do_not_fit_are_refused(given, said):
    with pytest.raises((ConfigError, DataError)) as caught:
        engine.backtest(config(), panel=panel(A=[10, 11, 12, 13]), forecasts=given)
    assert said in str(caught.value)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_a_forecast_in_column_date_belongs_to_the_bar_of_that_date_whatever_the_zone(zone):
    # made on the close of day 1 (row 1): bought at the open of row 2 and no earlier
    given = pd.DataFrame({"date": DATES[1:2].tz_localize(zone), "symbol": "A", "forecast": [1.0]})
    result = engine.backtest(config(), panel=panel(A=[100, 100, 110, 120]), forecasts=given)
    assert result.fills["date"].tolist() == [DATES[2]]
    wide = pd.DataFrame({"A": [1.0]}, index=DATES[1:2].tz_localize(zone))
    assert engine.backtest(config(), panel=panel(A=[100, 100, 110, 120]), forecasts=wide).fills["date"].tolist() == [
        DATES[2]
    ]


def test_a_price_computed_elsewhere_is_measured_against_the_price_as_traded(tmp_path):
    frame = bars(A=[100, 100, 50, 50]).assign(split=[1.0, 1.0, 2.0, 1.0])
    frame.loc[2, ["open", "high", "low"]] = 50.0
    market = engine.Panel.from_frame(frame, prices="as_traded", dividends="none")
    signals = {"f": {"plugin": "precomputed", "unit": "price"}}
    result = engine.backtest(
        config(signals=signals), panel=market, forecasts=np.array([[101.0], [101], [50.5], [50.5]])
    )
    assert result.forecasts["f"][:, 0].tolist() == pytest.approx([0.01] * 4)


class Ahead:
    """A signal whose panel form knows the next close."""

    window, unit = 1, "return"

    def forecast(self, bars):
        return np.zeros(bars.close.shape[1])

    def forecast_panel(self, bars):
        out = np.zeros(bars.close.shape)
        out[:-1] = bars.close[1:] / bars.close[:-1] - 1.0
        return out


def test_a_panel_forecast_that_its_window_cannot_give_is_refused():
    from engine.forecasts import forecast_run

    with pytest.raises(PluginError) as caught:
        forecast_run("ahead", Ahead(), panel(A=[100, 110, 120, 130]))
    assert "signals.ahead: forecast_panel gives 0.1 for A at slice 0" in str(caught.value)


def test_the_file_s_dates_lot_and_tick_hold_for_a_panel_that_is_given():
    changes = {"data": {"source": "packaged", "name": "sp500", "start": "2024-01-02"}, "execution": {"lot": 2}}
    result = engine.backtest(config(**changes), panel=panel(A=[100, 100, 110, 120]), forecasts=np.ones((3, 1)))
    # 50 % of 1000 at 100 is 5 shares, in lots of 2: 4
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[4.0, 100.0]]
    assert str(result.facts.dates[0]) == "2024-01-02"


def test_a_frame_where_a_panel_belongs_is_told_so():
    with pytest.raises(DataError, match="expected an engine.Panel, got DataFrame; make one with"):
        engine.backtest(config(), panel=bars(A=[100, 100, 110, 120]), forecasts=np.ones((4, 1)))


def test_a_run_without_costs_or_with_a_late_first_position_says_so():
    result = engine.backtest(config(), panel=panel(A=[100, 100, 110, 120]), forecasts=np.array([[0.0], [0], [1], [1]]))
    assert "no costs: commission, fees and slippage are all 0, as nobody trades" in result.warnings
    assert any(line.startswith("no position before 2024-01-04: the 3 flat slices") for line in result.warnings)


def test_the_same_run_gives_the_same_bits():
    def run():
        return engine.backtest(config(), panel=panel(A=[10, 11, 12, 13]), forecasts=np.ones((4, 1)))

    first, second = run(), run()
    assert first.equity.to_numpy().tobytes() == second.equity.to_numpy().tobytes()
    assert first.decisions.tobytes() == second.decisions.tobytes()


def test_forecasts_may_wait_in_a_parquet_file_beside_the_strategy_file(tmp_path):
    bars(A=[100, 100, 110, 120]).to_parquet(tmp_path / "bars.parquet")
    pd.DataFrame({"date": DATES, "symbol": "A", "forecast": 1.0}).to_parquet(tmp_path / "rank.parquet")
    (tmp_path / "s.yaml").write_text(
        "name: waits\n"
        "data: {source: parquet, path: bars.parquet, prices: as_traded, dividends: none}\n"
        "signals: {f: {plugin: precomputed, path: rank.parquet}}\n"
        "strategy: {rule: threshold, signal: f, confidence: 1.0, exit_confidence: 0.0, size: 50%}\n"
        "capital: 1000\n"
    )
    result = engine.backtest(tmp_path / "s.yaml")
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[5.0, 100.0]]
    assert result.equity.iloc[-1] == 1100.0


class Broken:
    window, unit = 1, "return"

    def __init__(self, how="raise"):
        self.how = how

    def forecast(self, bars):
        if self.how == "write":
            bars.close[:] = 0.0
        raise RuntimeError("out of ideas")


@pytest.mark.parametrize(("how", "said"), [("raise", "RuntimeError: out of ideas"), ("write", "read-only")])
def test_a_signal_that_fails_is_named_with_the_slice(how, said):
    from engine.forecasts import forecast_run

    with pytest.raises(PluginError) as caught:
        forecast_run("odd", Broken(how), panel(A=[100, 110, 120, 130]))
    assert "signals.odd at slice 0: forecast(bars) failed" in str(caught.value) and said in str(caught.value)


@pytest.mark.parametrize("value", [1e20, 10**20, 1.5, "a year", None, True, [5], 0, -1])
def test_a_lookback_that_is_none_is_named_with_its_value(value):
    signals = {"f": {"plugin": "momentum", "lookback": value}}
    with pytest.raises(
        PluginError, match="signals.f: Momentum refuses its arguments: lookback must be a whole"
    ) as caught:
        engine.backtest(config(signals=signals), panel=panel(A=[100, 110, 120, 130]))
    assert str(caught.value).endswith(f"it was {value!r}")


def test_a_window_may_be_a_whole_number_of_numpys_and_no_truth():
    from engine.forecasts import make_signal

    class Seen(Half):
        unit = "score"

        def __init__(self, window):
            self.window = window

        def forecast(self, bars):
            return np.zeros(len(bars.symbols))

    assert make_signal("f", Seen, {"window": np.int64(5)}).window == 5
    for window in (True, 2.0, np.float64(2.0), 0, "5"):
        with pytest.raises(PluginError, match="window must be a whole number of slices"):
            make_signal("f", Seen, {"window": window})


class Says:
    """A signal that answers what it is told."""

    window, unit = 1, "score"

    def __init__(self, answer):
        self.answer = answer

    def forecast(self, bars):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (pd.Series([2.0, 1.0], index=["B", "A"]), [1.0, 2.0]),  # sorted by what it is worth, as ranks often are
        (pd.Series([2.0], index=["B"]), [np.nan, 2.0]),
        (pd.Series([1.0, 2.0]), [1.0, 2.0]),
        (pd.Series([1, pd.NA], dtype="Int64", index=["A", "B"]), [1.0, np.nan]),
        ([1.0, None], [1.0, np.nan]),
        (np.array([True, False]), [1.0, 0.0]),
    ],
)
def test_a_forecast_with_labels_is_taken_by_symbol(answer, expected):
    from engine.forecasts import forecast_run

    got = forecast_run("said", Says(answer), panel(A=[100, 110], B=[20, 21]))
    np.testing.assert_array_equal(got, [expected, expected])


NO_NUMBERS = {
    "a label that is no symbol": (pd.Series([1.0, 2.0], index=["A", "Z"]), "its label 'Z' is no symbol of the run"),
    "a label twice": (pd.Series([1.0, 2.0], index=["A", "A"]), "its label 'A' is there twice"),
    "complex": (np.array([1j, 2j]), "it holds complex numbers"),
    "dates": (np.array(["2024-01-02"] * 2, "datetime64[ns]"), "it holds dates"),
    "durations": (np.array([1, 2], "timedelta64[D]"), "it holds durations"),
    "text": (["1.5", "2.5"], "it holds text"),
    "text among numbers": (np.array([1.5, "2.5"], object), "it holds '2.5', a str"),
    "dates in a series": (pd.Series(DATES[:2], index=["A", "B"]), "it holds dates"),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_a_forecast_that_is_no_number_is_refused(case):
    from engine.forecasts import forecast_run

    answer, says = NO_NUMBERS[case]
    with pytest.raises(PluginError, match="signals.said at slice 0: a forecast must be one number") as caught:
        forecast_run("said", Says(answer), panel(A=[100, 110], B=[20, 21]))
    assert says in str(caught.value) and "\n" not in str(caught.value)


class Odds(Says):
    unit = "probability"


@pytest.mark.parametrize("value", [-0.25, 1.5])
def test_a_probability_that_is_none_names_signal_slice_and_symbol(value):
    from engine.forecasts import forecast_run

    says = f"signals.p at slice 0: B is {value:g}; expected a probability, 0 to 1. Give unit: score or return instead"
    with pytest.raises(PluginError, match=says):
        forecast_run("p", Odds([0.5, value]), panel(A=[100, 110], B=[20, 21]))


class Loud:
    """Fails in several lines, as libraries do."""

    window, unit = 1, "score"

    def __init__(self, when):
        if when == "made":
            raise ValueError("first\nsecond")

    def forecast(self, bars):
        raise ValueError("first\nsecond")

    def target(self, now):
        raise ValueError("first\nsecond")


def test_an_exception_of_several_lines_is_told_in_one(tmp_path):
    def said(act):
        with pytest.raises(PluginError) as caught:
            act()
        return str(caught.value)

    market, given = panel(A=[10, 11, 12, 13]), np.zeros((4, 1))
    (tmp_path / "loud.py").write_text("raise ValueError('first\\nsecond')\n")
    from engine.forecasts import forecast_run, make_signal

    for told in (
        said(lambda: engine.backtest(config(), panel=market, forecasts=given, strategy=Loud("asked"))),
        said(lambda: forecast_run("f", Loud("asked"), market)),
        said(lambda: make_signal("f", Loud, {"when": "made"})),
        said(lambda: engine.plugins.load_file(tmp_path / "loud.py")),
    ):
        assert "first" in told and "second" not in told and "\n" not in told


class Wants(Says):
    def target(self, now):
        return self.answer


def test_a_target_with_labels_is_taken_by_symbol_and_must_be_numbers():
    def run(answer):
        market = panel(A=[100, 100, 110, 120], B=[10, 10, 10, 10])
        return engine.backtest(config(), panel=market, forecasts=np.zeros((4, 2)), strategy=Wants(answer))

    fills = run(pd.Series([0.0, 0.5], index=["B", "A"])).fills
    assert fills.iloc[0][["symbol", "quantity"]].tolist() == ["A", 5.0]
    for case in ("a label that is no symbol", "complex", "text"):
        answer, says = NO_NUMBERS[case]
        with pytest.raises(PluginError, match=r"target\(now\) failed at slice 0") as caught:
            run(answer)
        assert says in str(caught.value)


def test_forecasts_given_as_text_or_dates_are_refused():
    for given, says in ((np.full((4, 1), "1.0"), "it holds text"), (DATES.to_numpy().reshape(4, 1), "it holds dates")):
        with pytest.raises(DataError, match=f"signals.f: expected numbers; {says}"):
            engine.backtest(config(), panel=panel(A=[10, 11, 12, 13]), forecasts=given)


@pytest.mark.parametrize("text", ["SIGNALS = 5", "SIGNALS = {1: print}", "SIGNALS = {'a': 5}"])
def test_a_plugin_file_that_registers_nonsense_is_told_so(tmp_path, text):
    (tmp_path / "odd.py").write_text(text)
    with pytest.raises(PluginError, match="SIGNALS.* must be a"):
        engine.plugins.load_file(tmp_path / "odd.py")


def test_a_window_longer_than_the_data_has_no_forecast_and_no_error():
    signals = {"f": {"plugin": "momentum", "lookback": 50}}
    result = engine.backtest(config(signals=signals), panel=panel(A=[100, 110, 120, 130]))
    assert len(result.fills) == 0 and np.isnan(result.forecasts["f"]).all()
    assert "no trades: a signal's window is longer than the 4 slices of the data" in result.warnings


def test_a_delay_as_long_as_the_data_and_orders_nobody_gives_are_told():
    market, given = panel(A=[100, 110, 120, 130]), np.ones((4, 1))
    late = engine.backtest(config(execution={"delay": 3}), panel=market, forecasts=given)
    assert "no trades: an order waits 3 slices beyond the next, and the data has 4" in late.warnings
    idle = engine.backtest(config(), panel=market, forecasts=0.5 * given)
    assert "no trades: 4 of 4 decisions were 'below confidence'" in idle.warnings
    busy = engine.backtest(config(execution={"delay": 2}), panel=market, forecasts=given)
    assert len(busy.fills) == 1 and not [line for line in busy.warnings if "no trades" in line]


def test_a_short_sold_for_nothing_has_no_return_and_no_warning_of_numpys():
    short = {
        "rule": "threshold",
        "signal": "f",
        "confidence": 1.0,
        "exit_confidence": 0.0,
        "side": "long_short",
        "size": "50%",
    }
    given = np.array([[-1.0], [-1], [1], [1]])
    changes = config(execution={"slippage": 1}, strategy=short)
    result = engine.backtest(changes, panel=panel(A=[100, 100, 100, 100]), forecasts=given)
    assert result.fills["price"].tolist()[0] == 0.0
    assert "1 fill at a price of 0: slippage takes all of it" in result.warnings
    trade = result.facts.trades
    assert (trade.side[0], trade.entry_price[0]) == (-1, 0.0) and np.isnan(trade.returns[0])


def test_a_plugin_that_leaves_python_is_told_so(tmp_path):
    (tmp_path / "gone.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(PluginError, match="it failed while loading: SystemExit"):
        engine.plugins.load_file(tmp_path / "gone.py")
