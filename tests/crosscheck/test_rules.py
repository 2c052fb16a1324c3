"""The rules written a second time, by hand where a number can be read off the page, and by the calendar where none can."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Panel
from engine.config.rules import Quintile, Threshold
from engine.crosscheck import crosscheck
from engine.crosscheck.rules import Seen, due_slices, quintile, standings, threshold, whole, within
from engine.run import load_config, load_panel

NAN = float("nan")


def seen(held: list[int], left: list[int | None] | None = None, t: int = 10) -> Seen:
    """An account of 1000 whose names stand at 10."""
    return Seen(t, 1000.0, [10.0] * len(held), held, left or [None] * len(held))


def test_threshold_gives_the_free_slots_to_the_most_confident_and_ties_to_the_first_symbol():
    rule = Threshold(rule="threshold", signal="f", confidence=0.6, exit_confidence=0.4, size=0.2, max_positions=3)
    told = threshold(rule, [0.7, 0.9, 0.7, 0.5, 0.39, NAN], True, seen([0, 0, 0, 8, 9, 7]))
    assert told == {4: 0.0}  # three are held until the one that leaves has left
    assert threshold(rule, [0.7, 0.9, 0.7, 0.5], True, seen([0, 0, 0, 8])) == {1: 0.2, 0: 0.2}


def test_a_short_of_a_probability_is_as_confident_as_what_is_left_of_one():
    rule = Threshold(rule="threshold", signal="f", confidence=0.68, size=0.2, side="long_short")
    assert threshold(rule, [0.32, 0.33], True, seen([0, 0])) == {0: -0.2}  # 1 - .32 is below .68 in floats
    assert threshold(rule, [-0.68, -0.67], False, seen([0, 0])) == {0: -0.2}


def test_a_name_rests_for_its_cooldown():
    rule = Threshold(rule="threshold", signal="f", confidence=0.6, size=0.2, cooldown="3 bars")
    assert threshold(rule, [0.7, 0.7], True, seen([0, 0], [8, 7])) == {1: 0.2}


def test_a_gate_of_past_forecasts_measures_each_name_against_itself():
    rule = Threshold(
        rule="threshold", signal="f", confidence="top 25% trailing 4", exit_confidence="top 50% trailing 4", size=0.2,
        max_positions=9, side="long_short",
    )  # fmt: skip
    # shares (below, above): .75 enters, .5 does not; as a short likewise; a long leaves below .5; None is too early
    shares = [(0.75, 0.25), (0.5, 0.5), (0.0, 1.0), (0.5, 0.5), (0.25, 0.75), None, None]
    told = threshold(rule, [0.6, 0.9, 0.4, 0.1, 0.7, 0.9, 0.1], True, seen([0, 0, 0, 5, 5, 5, 0]), shares)
    assert told == {4: 0.0, 2: -0.2, 0: 0.2}


def test_the_standings_are_of_the_last_forecasts_that_were_known():
    told = standings([[0.5], [0.1], [NAN], [0.9], [0.5], [0.5]], 2)
    # of (.5, .1) both lie below .9; of (.1, .9) one below and one above .5; of (.9, .5) one above
    assert [row[0] for row in told] == [None, None, None, (1.0, 0.0), (0.5, 0.5), (0.0, 0.5)]


def test_quintile_ranks_filters_and_shares_out():
    rule = Quintile(rule="quintile", signal="f", quantile=0.4, side="long_short", positive_only=True)
    told = quintile(rule, [0.3, -0.1, 0.3, 0.2, -0.2, NAN], seen([0] * 6))
    assert told == {0: 0.5, 1: -0.5, 2: 0.5, 3: 0.0, 4: -0.5, 5: 0.0}
    slot = rule.model_copy(update={"weight": "slot", "side": "long"})
    assert quintile(slot, [-0.3, -0.1, 0.3, -0.2, -0.2], seen([0] * 5))[2] == 0.5  # one of two slots is empty
    assert quintile(rule, [NAN, NAN], seen([1, 1])) == {}


def test_caps_bind_name_by_name_and_then_all_together():
    assert within({0: 0.5, 1: -0.2}, 0.3, 1.0) == {0: 0.3, 1: -0.2}
    assert within({0: 0.9, 1: -0.3}, 1.0, 0.6) == pytest.approx({0: 0.45, 1: -0.15})


def test_shares_are_whole_and_toward_zero():
    assert [whole(q) for q in (2.9, -2.9, 3.0 - 1e-10, 0.4)] == [2, -2, 3, 0]


@pytest.mark.parametrize("name", ["us20", "sp500"])
def test_weeks_and_months_end_where_the_exchange_says(name):
    raw = {"source": "packaged", "name": name, "missing_open": "previous_close"}
    data = {"data": raw, "signals": {"f": {"plugin": "momentum"}}, "name": "x"}
    panel = load_panel(load_config(data | {"strategy": {"rule": "threshold", "signal": "f", "confidence": 1.0}}))
    sessions = panel.sessions.astype("datetime64[D]").tolist()
    for period, flags in (
        ("daily", panel.last_of_day),
        ("weekly", panel.last_of_week),
        ("monthly", panel.last_of_month),
    ):
        assert due_slices(sessions, period)[:-1] == flags[:-1].tolist()
    assert due_slices(sessions, 7)[:15] == [True, *[False] * 6, True, *[False] * 6, True]


def test_bars_within_the_day_are_compared_too():
    rng = np.random.default_rng(3)
    times = np.datetime64("2020-01-06T00:00") + np.arange(80) * np.timedelta64(8, "h")
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (80, 4)), axis=0))
    grids = [close * 0.999, close * 1.01, close * 0.99, close, np.full(close.shape, 1e6)]
    panel = Panel.from_arrays(list("ABCD"), times, *grids, prices="split_adjusted", calendar="24/7")
    assert not panel.is_daily()
    config = {
        "name": "intraday",
        "data": {"source": "csv", "path": "x.csv", "prices": "split_adjusted", "dividends": "none"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "quintile", "signal": "f", "quantile": 0.5, "rebalance": "daily"},
        "sizing": {"exposure": {"long": 0.8}},
        "exits": {"stop_loss": 0.01},
        "execution": {"entry_bar_protection": False},
    }
    result = crosscheck(config, panel, rng.normal(size=close.shape))
    assert result.same
    assert 60 < result.matched < 80 * 4
