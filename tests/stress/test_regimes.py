"""Stretches of history, states of the market, tails."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.data import calendars
from engine.errors import ConfigError
from risk.stress.parts import Course, part
from risk.stress.states import before, fallen, states, terciles, trend
from risk.stress.tails import cornish_fisher, pareto, tail
from risk.stress.windows import overlaps, read


def test_the_ten_usual_stretches_begin_and_end_on_sessions_of_new_york():
    stretches = read()
    assert len(stretches) == 10
    exchange = calendars.sessions_of("XNYS", np.datetime64("2000-01-01"), np.datetime64("2025-12-31"))
    sessions = set(exchange.label.astype("datetime64[D]"))
    for one in stretches:
        assert one.first in sessions and one.last in sessions, one.name
    assert overlaps(stretches) == []


def test_stretches_that_share_sessions_are_told(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(
        "- {name: a, first: 2020-01-02, last: 2020-02-03}\n- {name: b, first: 2020-02-03, last: 2020-03-02}\n"
    )
    assert overlaps(read(file)) == [("a", "b")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {name: a, first: 2020-02-03, last: 2020-01-02}", "turn them round"),
        ("- {name: a, first: yesterday, last: 2020-01-02}", "must be a date"),
        ("- {name: a, first: 2020-01-02}", "expected name, first, last"),
        ("{}", "expected a list"),
        ("- [", "no YAML"),
        ("- {name: a, first: 2020-01-02, last: 2020-01-03}\n- {name: a, first: 2020-01-02, last: 2020-01-03}", "two regimes"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_stretches_is_refused_in_one_line(tmp_path, text, said):
    file = tmp_path / "r.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        read(file)
    assert "\n" not in str(error.value)


def test_data_that_ends_inside_a_stretch_does_not_cover_it():
    covid = next(one for one in read() if one.name == "COVID crash")
    days = np.arange("2020-01-01", "2020-03-10", dtype="datetime64[D]")
    assert not covid.covered(days)
    assert covid.covered(np.arange("2020-01-01", "2020-04-10", dtype="datetime64[D]"))


def test_the_figures_of_some_slices_are_those_of_their_returns_strung_together():
    returns = np.array([0.10, -0.50, 0.20, -0.10, 0.00])
    course = Course(returns, np.array([1.0, 1, 1, 1, 0]), np.array([1.0, 0, 2, 0, 0]), np.full(5, np.nan), 252.0)
    found = part(course, np.array([True, False, True, True, True]))
    assert found.slices == 4 and found.trades == 3
    assert found.total_return == pytest.approx(1.1 * 1.2 * 0.9 - 1.0)
    assert found.max_drawdown == pytest.approx(-0.10)
    assert found.hit_rate == pytest.approx(2 / 3)  # the flat slice is neither
    assert found.exposure == pytest.approx(0.75)
    mean, std = np.mean(returns[[0, 2, 3, 4]]), np.std(returns[[0, 2, 3, 4]], ddof=1)
    assert found.sharpe == pytest.approx(mean / std * math.sqrt(252))
    assert math.isnan(found.benchmark_return)


def test_a_stretch_without_slices_has_no_figures():
    course = Course(np.zeros(3), np.zeros(3), np.zeros(3), np.full(3, np.nan), 252.0)
    found = part(course, np.zeros(3, np.bool_))
    assert found.slices == 0 and math.isnan(found.total_return) and math.isnan(found.sharpe)


def test_a_state_is_what_was_known_the_slice_before():
    market = np.concatenate((np.full(300, 100.0), [80.0, 80.0, 80.0]))
    found = states(market)
    assert fallen(market)[300] == 1.0
    assert not found["in a drawdown"][300] and found["in a drawdown"][301]
    assert math.isnan(before(trend(market))[200 - 1]) and before(trend(market))[200] == 0.0


def test_no_state_changes_when_the_future_does():
    rng = np.random.default_rng(3)
    market = np.cumprod(1 + 0.01 * rng.standard_normal(900))
    other = market.copy()
    other[700:] *= np.cumprod(1 + 0.2 * np.abs(rng.standard_normal(200)))
    for name, mask in states(market).items():
        assert (mask[:701] == states(other)[name][:701]).all(), name


def test_terciles_of_the_past_are_equally_full_when_the_past_is_like_the_present():
    found = terciles(np.random.default_rng(0).standard_normal(20_000))
    counts = np.bincount(found[~np.isnan(found)].astype(int))
    assert counts / counts.sum() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_the_tail_of_a_normal_is_the_normals():
    returns = 0.01 * np.random.default_rng(1).standard_normal(200_000)
    found = tail(returns, 0.99)
    for value in (found.historical, found.cornish_fisher, found.extreme):
        assert value == pytest.approx(-0.023263, rel=0.02)
    assert found.conditional == pytest.approx(-0.026652, rel=0.02)
    assert found.extreme_conditional == pytest.approx(-0.026652, rel=0.03)


def test_cornish_fisher_bends_a_heavy_tail_downwards():
    returns = 0.01 * np.random.default_rng(2).standard_t(8, 100_000)
    assert cornish_fisher(returns, 0.99) < returns.mean() - 2.3263 * returns.std()


def test_a_pareto_tail_needs_fifty_exceedances():
    returns = np.random.default_rng(0).standard_normal(480)
    assert pareto(returns, 0.99) == (None, None)
    assert pareto(np.random.default_rng(0).standard_normal(520), 0.99)[0] is not None
