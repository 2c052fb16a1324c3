"""What models have seen: in-sample decisions are refused or shown apart, and never stand in a headline."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import engine
import engine.plugins
from engine.config import Config, load
from engine.errors import ConfigError, DataError, PluginError
from engine.lane import lanes
from engine.report import render
from engine.result import Result
from engine.run import prepare
from tests.report.runs import without_plotly

DATES = pd.date_range("2024-01-01", periods=12)
CLOSES = np.array([100, 102, 101, 104, 103, 107, 106, 110, 112, 111, 115, 118.0])


def ns(day: int) -> int:
    """The close of slice `day`: date-only bars close at midnight after."""
    return int((DATES[day] + pd.Timedelta(days=1)).value)


def market(*symbols: str) -> engine.Panel:
    rows = []
    for k, symbol in enumerate(symbols or ("A",)):
        before = CLOSES[0]
        for date, close in zip(DATES, CLOSES + k, strict=True):
            rows.append((date, symbol, before, max(before, close), min(before, close), close, 1000.0))
            before = close
    frame = pd.DataFrame(rows, columns=["date", "symbol", "open", "high", "low", "close", "volume"])
    return engine.Panel.from_frame(frame, prices="as_traded", dividends="none")


class Learnt:
    """Always says 1. What it knows, and whatever else it says of itself, comes as class attributes."""

    window, unit = 2, "score"
    asked: list[int] = []  # noqa: RUF012  (how many slices forecast_panel was given)

    def forecast(self, bars):
        return np.where(np.isnan(bars.close[-1]), np.nan, 1.0)

    def forecast_panel(self, bars):
        type(self).asked.append(len(bars))
        return np.where(np.isnan(bars.close), np.nan, 1.0)


@pytest.fixture
def signal(monkeypatch):
    """Register a Learnt with these attributes as `learnt`."""

    def register(name: str = "learnt", **attributes):
        made = type("Learnt", (Learnt,), {"asked": [], **attributes})
        monkeypatch.setitem(engine.plugins._from_files["barcast.signals"], name, made)
        return made

    return register


def config(in_sample: str | None = None, plugin: str = "learnt", **changes) -> dict:
    spec = {"plugin": plugin} if in_sample is None else {"plugin": plugin, "in_sample": in_sample}
    return {
        "name": "seen",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"f": spec},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0, "size": "50%"},
        "capital": 1000,
        **changes,
    }


class Both:
    """Reads every signal."""

    def target(self, now):
        return np.where(np.isfinite(sum(now.forecasts.values())), 0.5, 0.0)


def run_of_two(one: dict, other: dict, monkeypatch) -> Result:
    monkeypatch.setitem(engine.plugins._from_files["barcast.strategies"], "both", Both)
    return run(signals={"f": one, "g": other}, strategy={"rule": "both"})


def run(*args, **changes) -> Result:
    return engine.backtest(config(*args, **changes), panel=market())


def question(result: Result) -> tuple[str, str]:
    """State and sentence on in-sample or not."""
    found = [check for check in result.manifest["checked"] if check["name"] == "in-sample or out of sample"]
    open_ = [line for line in result.manifest["not_checked"] if line.startswith("in-sample")]
    assert len(found) + len(open_) == 1
    return (found[0]["state"], found[0]["text"]) if found else ("not checked", open_[0])


# --- refuse -----------------------------------------------------------------------------------------------------------
def test_a_run_begins_on_the_first_slice_after_what_the_model_knows(signal):
    signal(known_through=ns(4))
    result = run()
    assert str(result.facts.dates[0]) == "2024-01-06" and len(result.equity) == 7
    assert result.equity.iloc[0] == 1000.0
    # decided at the close of day 5 (107), filled at the next open, 107: 500 / 107 = 4 shares
    assert result.fills[["quantity", "price"]].to_numpy().tolist() == [[4.0, 107.0]]
    assert result.fills["time"].iloc[0] == result.index[1]
    assert question(result)[0] == "passed"
    assert any("5 slices up to 2024-01-06 00:00 UTC are refused" in line for line in result.warnings)


def test_a_decision_at_known_through_itself_is_refused_and_one_a_nanosecond_later_is_not(signal):
    signal(known_through=ns(4))
    assert str(run().facts.dates[0]) == "2024-01-06"
    signal(known_through=ns(4) - 1)
    assert str(run().facts.dates[0]) == "2024-01-05"


def test_bars_before_still_fill_windows_and_no_more_than_they_need(signal):
    made = signal(known_through=ns(4), window=3)
    result = run()
    assert made.asked == [9]  # 7 slices, and the 2 before the first that its window reaches back to
    assert np.isfinite(result.forecasts["f"]).all()


def test_a_model_that_has_seen_everything_is_refused_with_the_dates(signal):
    signal(known_through=ns(11))
    with pytest.raises(DataError) as told:
        run()
    assert "every decision would be in-sample" in str(told.value) and "in_sample: mark" in str(told.value)


def test_a_model_from_before_the_data_is_out_of_sample_from_the_first_slice(signal):
    signal(known_through=ns(0) - 10 * 86_400 * 10**9)
    result = run()
    assert len(result.equity) == 12 and question(result)[0] == "passed"


def test_what_any_of_several_models_has_seen_counts(signal, monkeypatch):
    signal(known_through=ns(2))
    signal("other", known_through=ns(6))
    result = run_of_two({"plugin": "learnt"}, {"plugin": "other"}, monkeypatch)
    assert str(result.facts.dates[0]) == "2024-01-08"


def test_a_signal_that_says_nothing_is_unknown_and_never_out_of_sample(signal):
    signal()
    result = run()
    assert question(result) == (
        "not checked",
        "in-sample or out of sample: not checked (no passport says what the forecasts have seen)",
    )
    assert len(result.equity) == 12 and result.manifest["models"] == {}


def test_one_signal_of_two_that_says_nothing_leaves_the_question_open(signal, monkeypatch):
    signal(known_through=ns(2))
    result = run_of_two({"plugin": "learnt"}, {"plugin": "momentum", "lookback": 1, "skip": 0}, monkeypatch)
    assert question(result)[0] == "not checked" and str(result.facts.dates[0]) == "2024-01-04"


def test_a_walk_forward_that_knows_more_as_it_goes_is_one_signal(signal):
    signal(known_through=lambda self, times: np.where(times <= ns(6), ns(3), ns(5)))
    result = run()
    assert str(result.facts.dates[0]) == "2024-01-05" and len(result.equity) == 8
    assert result.manifest["models"]["f"]["parts"] == 2 and "take turns" in question(result)[1]


def test_a_fold_that_speaks_before_it_may_is_silenced(signal):
    # from day 6 on the second fold speaks, which knows day 8: days 6 to 8 are in-sample in the middle of the run
    signal(known_through=lambda self, times: np.where(times < ns(6), ns(1), ns(8)))
    result = run()
    view = np.isfinite(result.forecasts["f"][:, 0])
    assert str(result.facts.dates[0]) == "2024-01-03"
    assert view.tolist() == [True] * 4 + [False] * 3 + [True] * 3
    assert not any(str(date) in ("2024-01-08", "2024-01-09", "2024-01-10") for date in result.fills["time"].dt.date)


def test_lanes_and_other_roads_see_the_same_slices(signal):
    signal(known_through=ns(4))
    assert len(prepare(load(config()), market(), None).panel) == 7
    lane = lanes(config(), market(), {"execution.commission": [0.0]})[0]
    assert lane.equity.tolist() == run().equity.tolist()


def test_a_split_before_the_run_changes_nothing_in_it(signal):
    """The cut panel trades as-traded prices from its own first slice on."""
    signal(known_through=ns(4))
    whole = market()
    assert whole.between(5, 12).close.tolist() == whole.close[5:].tolist()
    assert (whole.between(5, 12).before, whole.between(2, 12).between(3, 10).before) == (5, 5)
    assert whole.between(0, 12) is whole


# --- mark -------------------------------------------------------------------------------------------------------------
def test_marked_stretches_stand_apart_and_the_figures_are_of_the_last(signal):
    signal(known_through=ns(4), embargo=2)
    result = run("mark")
    kinds = [(one["kind"], one["first"], one["last"], one["slices"]) for one in result.manifest["stretches"]]
    assert kinds == [
        ("in-sample", "2024-01-01", "2024-01-05", 5),
        ("embargo", "2024-01-06", "2024-01-07", 2),
        ("out-of-sample", "2024-01-08", "2024-01-12", 5),
    ]
    assert str(result.facts.dates[0]) == "2024-01-08" and question(result)[0] == "passed"
    # bought at the open of day 8, 110, with 500: 4 shares; 118 at the end
    assert result.metrics["final_equity"] == 1000.0 + 4 * 8.0
    assert result.manifest["stretches"][2]["metrics"]["final_equity"] == result.metrics["final_equity"]
    # in-sample: known at day 1 (102), 500 / 102 = 4 shares at 102, and 103 on day 4
    assert result.manifest["stretches"][0]["metrics"]["final_equity"] == 1000.0 + 4 * 1.0


def test_no_headline_changes_with_what_happened_in_sample(signal):
    signal(known_through=ns(4))
    marked, refused = run("mark"), run()
    assert marked.metrics == refused.metrics and marked.equity.tolist() == refused.equity.tolist()


def test_an_embargo_that_has_passed_before_the_data_begins_marks_nothing(signal):
    signal(known_through=ns(0) - 30 * 86_400 * 10**9, embargo=5)
    assert run("mark").manifest["stretches"] == []
    signal(known_through=ns(0) - 3 * 86_400 * 10**9, embargo=5)  # two slices of it are left
    kinds = [(one["kind"], one["slices"]) for one in run("mark").manifest["stretches"]]
    assert kinds == [("embargo", 3), ("out-of-sample", 9)]


def test_a_run_that_is_all_in_sample_says_so_wherever_it_speaks(signal):
    signal(known_through=ns(20 - 9))
    result = run("mark")
    state, text = question(result)
    assert state == "failed" and text.startswith("in-sample: ")
    assert "in-sample or out of sample failed in-sample" in " ".join(without_tags(render(result)).split())


def test_one_signal_refuses_and_another_marks(signal, monkeypatch):
    signal(known_through=ns(2))
    signal("other", known_through=ns(6))
    result = run_of_two({"plugin": "learnt"}, {"plugin": "other", "in_sample": "mark"}, monkeypatch)
    kinds = [(one["kind"], one["first"]) for one in result.manifest["stretches"]]
    assert kinds == [("in-sample", "2024-01-04"), ("out-of-sample", "2024-01-08")]


def without_tags(page: str) -> str:
    import re

    return re.sub(r"<[^>]+>", " ", without_plotly(page))


def test_the_page_and_the_shell_show_the_stretches_side_by_side(signal, tmp_path):
    from engine.cli.show import run_summary

    signal(known_through=ns(4), embargo=2, model="m", sha256="ab" * 32, label="open_to_open")
    result = run("mark")
    page = " ".join(without_tags(render(result)).split())
    assert (
        "in-sample 2024-01-01 2024-01-05 5" in page
        and "embargo 2024-01-06" in page
        and "out-of-sample 2024-01-08" in page
    )
    assert "m (knows until 2024-01-06T00:00:00Z) abababababab" in page
    told = run_summary(result, tmp_path, None)
    assert "in-sample      2024-01-01  2024-01-05" in told and "what was learnt ends" in " ".join(told.split())


def test_a_stored_run_remembers_what_its_models_had_seen(signal, tmp_path):
    signal(known_through=ns(4), embargo=2, model="m", sha256="ab" * 32, label="open_to_open", horizon=1)
    again = Result.load(run("mark").save(tmp_path / "r"))
    assert again.manifest["models"]["f"] == {
        "model": "m",
        "sha256": "ab" * 32,
        "known_through": "2024-01-06T00:00:00Z",
        "parts": 1,
        "label": "open_to_open",
        "horizon": 1,
        "embargo": 2,
        "in_sample": "mark",
        "flags": [],
    }
    assert question(again)[0] == "passed" and len(again.manifest["stretches"]) == 3
    json.dumps(again.manifest, allow_nan=False)


# --- labels, flags ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("label", "execution", "told"),
    [
        ("open_to_open", {}, None),
        ("close_to_close", {"fill": "close"}, None),
        ("close_to_close", {}, "trained on close_to_close, and orders fill at the open"),
        ("open_to_open", {"fill": "close"}, "trained on open_to_open, and orders fill at the close"),
        ("open_to_open", {"delay": 1}, "orders fill 2 slices after the decision"),
        (None, {"fill": "close"}, None),
    ],
)
def test_a_label_that_begins_at_another_price_than_a_trade_is_told(signal, label, execution, told):
    signal(known_through=ns(2), label=label)
    lines = [line for line in run(execution=execution).warnings if "trained on" in line or "foretells" in line]
    assert (not lines) if told is None else (len(lines) == 1 and told in lines[0])


def test_where_no_bar_has_an_open_a_label_of_closes_is_the_right_one(signal):
    signal(known_through=ns(2), label="close_to_close")
    frame = pd.DataFrame({"date": DATES, "symbol": "A", "close": CLOSES})
    closes = engine.Panel.from_frame(frame, prices="as_traded", dividends="none", missing_open="close_fills")
    assert not any("trained on" in line for line in engine.backtest(config(), panel=closes).warnings)
    signal(known_through=ns(2), label="open_to_open")
    assert any("and orders fill at the close" in line for line in engine.backtest(config(), panel=closes).warnings)


def test_what_a_model_says_against_itself_is_printed_and_kept(signal):
    signal(known_through=ns(2), flags=("constant",), notes=("the classifier is constant, so it trades nothing",))
    result = run()
    assert "signals.f: the classifier is constant, so it trades nothing" in result.warnings
    assert result.manifest["models"]["f"]["flags"] == ["constant"]


# --- forecasts made elsewhere -----------------------------------------------------------------------------------------
def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"date": DATES, "symbol": "A", "forecast": 1.0, **columns})


def given(forecasts) -> Result:
    return engine.backtest(config(plugin="precomputed"), panel=market(), forecasts=forecasts)


def test_forecasts_made_elsewhere_are_unknown_unless_they_say_what_they_know():
    for forecasts in (
        np.ones((12, 1)),
        frame(),
        frame(fold=0),
        frame().pivot(index="date", columns="symbol", values="forecast"),
    ):
        assert question(given(forecasts))[0] == "not checked"


def test_forecasts_that_carry_what_they_know_are_held_to_it():
    known = pd.to_datetime(["2024-01-03"] * 6 + ["2024-01-05"] * 6)
    result = given(frame(known_through=known, fold=[0] * 6 + [1] * 6))
    # a date stands for all of it: the bar of 3 January closes at the midnight after, and is known
    assert str(result.facts.dates[0]) == "2024-01-04"
    assert question(result)[0] == "passed" and result.manifest["models"]["f"]["parts"] == 2


def test_forecasts_of_slices_they_know_are_refused_too():
    with pytest.raises(DataError, match="every decision would be in-sample"):
        given(frame(known_through="2024-12-31"))


def test_instants_of_knowledge_are_read_as_utc():
    result = given(frame(known_through=pd.Timestamp("2024-01-04 00:00:01", tz="UTC")))
    assert str(result.facts.dates[0]) == "2024-01-04"


def test_a_forecast_that_does_not_say_what_it_knows_among_others_that_do_is_refused():
    known = pd.Series(pd.to_datetime(["2023-12-01"] * 12))
    known[5] = pd.NaT
    with pytest.raises(DataError, match="row 5 has no known_through"):
        given(frame(known_through=known))


# --- wrong specimens --------------------------------------------------------------------------------------------------
WRONG = {
    "a date": ({"known_through": "2024-01-05"}, "nanoseconds UTC"),
    "a float": ({"known_through": 1.7e18}, "nanoseconds UTC"),
    "of another length": ({"known_through": np.zeros(3, np.int64)}, "one per slice"),
    "that fails": ({"known_through": lambda self, times: 1 // 0}, "known_through(times) failed: ZeroDivisionError"),
    "embargo below 0": ({"embargo": -1}, "embargo must be a whole number"),
    "embargo of text": ({"embargo": "5"}, "embargo must be a whole number"),
    "a label that is none": ({"label": 5}, "must be texts"),
}


@pytest.mark.parametrize(("attributes", "told"), WRONG.values(), ids=WRONG.keys())
def test_nonsense_about_what_a_signal_has_seen_is_refused_with_its_name(signal, attributes, told):
    signal(**{"known_through": ns(2), **attributes})
    with pytest.raises(PluginError) as error:
        run()
    assert told in str(error.value) and str(error.value).startswith("signals.f: ")


def test_a_path_of_a_plugin_is_looked_for_beside_the_file_first(signal, tmp_path):
    made = signal(paths=("model",), __init__=lambda self, model: setattr(type(self), "found", model))
    (tmp_path / "net").mkdir()
    yaml = tmp_path / "s.yaml"
    yaml.write_text(json.dumps(config() | {"signals": {"f": {"plugin": "learnt", "model": "net"}}}))
    engine.backtest(yaml, panel=market())
    assert made.found == str(tmp_path / "net")
    with pytest.raises(DataError, match="no such file"):
        engine.backtest(config() | {"signals": {"f": {"plugin": "learnt", "model": "nett"}}}, panel=market())
    with pytest.raises(ConfigError, match=r"signals\.f\.model: expected a path"):
        engine.backtest(config() | {"signals": {"f": {"plugin": "learnt", "model": 5}}}, panel=market())


def test_refuse_is_the_default_and_part_of_the_resolved_file():
    assert Config.model_validate(load(config(plugin="momentum")).resolved()).signals["f"].in_sample == "refuse"
