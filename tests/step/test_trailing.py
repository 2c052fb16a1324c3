"""The gate `top 25% trailing 4`: a forecast is measured against the same name's last ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies.threshold import N_STATE
from strategies.trailing import COUNT, RECORD
from tests.reference.bridge import build
from tests.reference.interface import NAN, Config, Switch, Top
from tests.step.market import make, play

FOUR = {
    "confidence": Top(0.25, 4),
    "exit_confidence": Top(0.25, 4),
    "size": 0.1,
}  # three of the last four must lie below
RISING = [0.1, 0.2, 0.3, 0.4]


def decisions(played, symbol="A"):
    return [played.decision(t, symbol) for t in range(played.engine.t)]


def test_enters_above_three_of_the_last_four_and_leaves_when_it_no_longer_is():
    played = play([10] * 8, None, [*RISING, 0.35, 0.45, 0.32], **FOUR)
    # .35 lies above .1, .2, .3; .45 above all of .2, .3, .4, .35; .32 above .3 alone of .3, .4, .35, .45
    assert decisions(played)[:7] == ["warming up"] * 4 + ["enter", "in position", "leave"]
    assert played.fills == [(5, "A", 10.0, 10.0), (7, "A", -10.0, 10.0)]


def test_equal_forecasts_are_not_beaten_and_todays_is_not_among_the_four():
    played = play([10] * 7, None, [0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.31], **FOUR)
    # .3 lies above .1 and .2 alone, then above .2 alone; .31 above all of .3, .3, .3 and the .3 before it
    assert decisions(played)[4:] == ["below confidence", "below confidence", "enter"]


@pytest.mark.parametrize("unit", ["probability", "return"])
@pytest.mark.parametrize("side", ["long", "short", "long_short"])
def test_a_constant_classifier_trades_nothing(unit, side):
    played = play([10] * 30, None, [0.9] * 30, **FOUR | {"confidence": Top(0.99, 4)}, unit=unit, side=side)
    assert played.fills == [] and set(decisions(played)) == {"warming up", "below confidence"}


@pytest.mark.parametrize("unit", ["probability", "return"])
def test_a_short_must_lie_below_as_many(unit):
    played = play([10] * 8, None, [0.4, 0.3, 0.2, 0.1, 0.15, 0.05, 0.12], side="short", unit=unit, **FOUR)
    # below .4, .3, .2; below all; below .2 and .15 alone of .2, .1, .15, .05
    assert decisions(played)[4:7] == ["enter", "in position", "leave"]
    assert played.fills == [(5, "A", -10.0, 10.0), (7, "A", 10.0, 10.0)]


def test_a_wider_share_holds_longer():
    wide = FOUR | {"exit_confidence": Top(0.5, 4)}
    played = play([10] * 9, None, [*RISING, 0.35, 0.36, 0.33, 0.36], **wide)
    # two of .2, .3, .4, .35 ... below .36: three; below .33: .3 alone of .3, .4, .35, .36
    assert decisions(played)[4:7] == ["enter", "in position", "leave"]
    never = FOUR | {"exit_confidence": Top(1.0, 4)}
    assert (
        decisions(play([10] * 9, None, [*RISING, 0.35, 0.0, 0.0, -1.0], **never))[4:8]
        == ["enter"] + ["in position"] * 3
    )


def test_half_of_the_last_four_is_enough_to_stay_in_the_upper_half():
    wide = FOUR | {"exit_confidence": Top(0.5, 4)}
    # of .2, .3, .4, .35 two lie below .33
    assert decisions(play([10] * 7, None, [*RISING, 0.35, 0.33], **wide))[5] == "in position"


def test_only_known_forecasts_on_bars_are_counted():
    bars = [10, 10, 10, None, 10, 10, 10, 10]
    played = play(bars, None, [0.1, NAN, 0.2, 0.0, 0.3, 0.4, 0.35], **FOUR)
    # the .0 without a bar is no forecast: .35 lies above .1, .2, .3 of the four there are
    assert decisions(played)[:7] == [
        "warming up", "no forecast", "warming up", "no bar", "warming up", "warming up", "enter",
    ]  # fmt: skip


def test_the_oldest_is_forgotten():
    played = play([10] * 7, None, [0.0, 0.5, 0.6, 0.1, 0.4, 0.3], **FOUR)
    # .4 lies above .0 and .1; .3 above .1 alone of .5, .6, .1, .4
    assert decisions(played)[4:6] == ["below confidence"] * 2
    again = play([10] * 9, None, [0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.5], **FOUR)
    assert decisions(again)[7] == "enter"  # of .9, .1, .1, .1


def test_what_a_name_forecast_outside_the_universe_is_on_record():
    member = {"A": [False] * 4 + [True] * 3}
    played = play([10] * 7, None, [*RISING, 0.35], member=member, **FOUR)
    assert decisions(played)[:5] == ["not a member"] * 4 + ["enter"]


def test_forecasts_made_while_a_switch_keeps_everything_out_are_on_record():
    two = {"confidence": Top(0.5, 2), "exit_confidence": Top(1.0, 2), "size": 1.0}
    switch = Switch("max_drawdown", 0.1, "flatten", 1.0, 2)
    bars = [10, 10, 10, (10, 10, 8, 8), 8, 8, 8, 8]
    played = play(bars, None, [0.1, 0.2, 0.3, 0.9, 0.9, 0.5, 0.6], switches=[switch], **two)
    # bought at slice 3, a fifth lost at its close; out for two slices. Of the two .9 neither lies below .5
    assert decisions(played)[2:7] == ["enter", "flatten", "flatten", "below confidence", "enter"]


def test_on_such_slices_the_rule_listens_and_decides_nothing():
    two = {"confidence": Top(0.5, 2), "exit_confidence": Top(1.0, 2), "size": 1.0}
    switch = Switch("max_drawdown", 0.1, "flatten", 1.0, 2)
    bars = [10, 10, 10, (10, 10, 8, 8), 8, 8, 8]
    played = play(bars, None, [0.1, 0.2, 0.3, 0.9, 0.301, 0.5], switches=[switch], **two)
    # .301 would have been .001 from where the verdict turns; .5 is .199 from it, .3 was .2
    assert [played.decision(t) for t in (4, 5)] == ["flatten", "enter"]
    assert played.engine.strategy.state[0, 0] == pytest.approx(0.199)


def test_a_name_held_before_there_are_enough_forecasts_is_left_alone():
    engine = build(make([10] * 4, [0.4, 0.3, 0.2, 0.1]), Config(capital=1000.0, **FOUR))
    engine.step()
    account = engine.book.account
    account.quantity[0], account.entry[0], account.basis[0], account.entry_t[0] = 10.0, 10.0, 10.0, 0
    while engine.alive:
        engine.step()
    assert account.quantity[0] == 10.0
    assert {code >> 16 for code in engine.codes[1:, 0].tolist()} == {3}  # warming up


def test_free_slots_go_to_the_largest_forecasts_not_to_the_highest_shares():
    views = {"A": [0.1, 0.2, 0.3, 0.4, 0.5], "B": [0.5, 0.6, 0.7, 0.9, 0.8]}
    played = play({"A": [10] * 6, "B": [10] * 6}, None, views, max_positions=1, **FOUR)
    # A lies above all of its four, B above three of its own; .8 is the larger
    assert (played.decision(4, "A"), played.decision(4, "B")) == ("slots full", "enter")


@pytest.mark.parametrize(("today", "quantity"), [(0.1, 10.0), (-0.1, -10.0), (0.0, 10.0)])
def test_of_two_sides_that_pass_the_larger_forecast_decides_and_a_tie_is_long(today, quantity):
    both = FOUR | {"confidence": Top(0.6, 4), "exit_confidence": Top(1.0, 4)}
    played = play([10] * 6, None, [-0.4, -0.3, 0.3, 0.4, today], side="long_short", **both)
    assert played.fills == [(5, "A", quantity, 10.0)]


def test_the_side_that_passes_alone_is_taken_though_its_own_forecast_is_the_smaller():
    played = play([10] * 6, None, [0.6, 0.7, 0.8, 0.9, 0.55], side="long_short", unit="probability", **FOUR)
    assert played.fills == [(5, "A", -10.0, 10.0)]


def test_a_share_reached_but_for_rounding_is_reached():
    # 1 - .7 is 0.30000000000000004 in floats, 1 - .1 is .9: of ten, three and nine must lie below
    past = [k / 10 for k in range(10)]
    for share, today, decision in ((0.7, 0.25, "enter"), (0.1, 0.85, "enter"), (0.1, 0.75, "below confidence")):
        ten = {"confidence": Top(share, 10), "exit_confidence": Top(share, 10), "size": 0.1}
        assert play([10] * 12, None, [*past, today], **ten).decision(10) == decision


@pytest.mark.parametrize(
    ("today", "margin"),
    [(0.35, 0.05), (0.31, 0.01), (0.3, 0.0), (0.27, 0.03), (0.11, 0.19), (0.9, 0.6)],
)
def test_the_margin_is_the_way_to_the_forecast_at_which_the_verdict_turns(today, margin):
    # the third from below of .1, .2, .3, .4 is .3: above it there are three, at it two
    played = play([10] * 6, None, [*RISING, today], **FOUR)
    assert played.engine.strategy.state[0, 0] == pytest.approx(margin, abs=1e-15)


def test_a_number_as_the_gate_leaves_the_state_as_small_as_it_was():
    numeric = Config(confidence=0.5, exit_confidence=0.5)
    market = make([10] * 3, [0.1, 0.2])
    assert build(market, numeric).strategy.state.shape == (N_STATE, 1) and not build(market, numeric).rules.listens
    assert build(market, Config(**FOUR)).strategy.state.shape == (RECORD + 4, 1) and N_STATE == COUNT


# A slow second opinion, from pandas and NumPy's sort: shares by name, then what a name would do with as many slots as names.
def shares_of(forecasts: np.ndarray, window: int) -> np.ndarray:
    """(T, N, 2) shares of the last known forecasts below and above; NaN before there are enough."""
    out = np.full((*forecasts.shape, 2), np.nan)
    for i in range(forecasts.shape[1]):
        known = pd.Series(forecasts[:, i]).dropna()
        for k in range(window, len(known)):
            past, now = known.iloc[k - window : k], known.iloc[k]
            out[known.index[k], i] = (past < now).mean(), (past > now).mean()
    return out


def opinion(forecasts: np.ndarray, config: Config) -> tuple[list[list[str]], float]:
    """(decisions by slice and name, the smallest margin) at a price that never moves, every entry filled at the next open."""
    enter, leave = config.confidence, config.exit_confidence
    shares, held, said, margin = shares_of(forecasts, enter.window), [0] * forecasts.shape[1], [], math.inf
    coming: dict[int, int] = {}
    for t, row in enumerate(forecasts):
        for i, side in coming.items():
            held[i] = side
        coming, words = {}, []
        for i, now in enumerate(row):
            if np.isnan(now) or np.isnan(shares[t, i, 0]):
                words.append("no forecast" if np.isnan(now) else "warming up")
                continue
            asked = [held[i]] if held[i] else {"long": [1], "short": [-1]}.get(config.side, [1, -1])
            gate = leave if held[i] else enter
            past = pd.Series(forecasts[:t, i]).dropna().to_numpy()[-enter.window :]
            need = next(k for k in range(enter.window + 1) if k / enter.window >= 1 - gate.share - 1e-12)
            for side in asked if need else []:
                margin = min(margin, abs(side * now - np.sort(side * past)[need - 1]))
            passing = [side for side in asked if shares[t, i, int(side < 0)] >= 1 - gate.share - 1e-12]
            if held[i]:
                words.append("in position" if passing else "leave")
                coming |= {} if passing else {i: 0}
            else:
                words.append("enter" if passing else "below confidence")
                mirror = 1 - now if config.unit == "probability" else -now
                coming |= {i: max(passing, key=lambda s: now if s > 0 else mirror)} if passing else {}
        said.append(words)
    return said, margin


@st.composite
def cases(draw):
    names, length = draw(st.integers(1, 3)), draw(st.integers(4, 40))
    values = st.one_of(st.just(NAN), st.integers(0, 8).map(lambda k: k / 8), st.floats(0.0, 1.0, width=32))
    forecasts = np.array(
        draw(st.lists(st.lists(values, min_size=names, max_size=names), min_size=length, max_size=length))
    )
    window, share = draw(st.integers(2, 8)), draw(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 0.9]))
    leave = max(share, draw(st.sampled_from([share, 0.5, 1.0])))
    side, unit = (
        draw(st.sampled_from(["long", "short", "long_short"])),
        draw(st.sampled_from(["probability", "return"])),
    )
    gates = {"confidence": Top(share, window), "exit_confidence": Top(leave, window)}
    return forecasts, Config(capital=1000.0, size=0.1, max_positions=names, side=side, unit=unit, **gates)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases())
def test_decisions_and_margin_are_those_of_a_slow_second_opinion(case):
    forecasts, config = case
    names = "ABC"[: forecasts.shape[1]]
    bars = {name: [10] * len(forecasts) for name in names}
    views = {name: forecasts[:, i].tolist() for i, name in enumerate(names)}
    rules = {
        name: getattr(config, name)
        for name in ("confidence", "exit_confidence", "size", "max_positions", "side", "unit")
    }
    played = play(bars, None, views, **rules)
    said, margin = opinion(forecasts, config)
    assert [[played.decision(t, name) for name in names] for t in range(len(forecasts))] == said
    assert played.engine.strategy.state[0, 0] == pytest.approx(margin, abs=1e-12)
