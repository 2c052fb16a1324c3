"""The watch holds forecasts against the very labels of training, uses nothing that is not known, and counts each model anew."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.inuse import series
from engine.inuse.skill import Skill
from engine.inuse.watch import Watch
from engine.inuse.watched import OWN, Sample, Watched
from signals.training.labels import returns
from tests.inuse.worlds import DAY, Says, drawn, opens, rows_of, told_of, watched
from tests.live.market import messy


def of_panel(signal, panel, f, upto=None):
    """The watch over a panel's slices, its splits and dividends."""
    watch = Watch({"s": signal}, ["s"], len(panel.universe))
    for t in range(len(panel) if upto is None else upto):
        acts = slice(int(panel.actions.first[t]), int(panel.actions.first[t + 1]))
        if acts.stop > acts.start:
            keys = ("instrument", "split", "dividend")
            watch.take("action", {key: getattr(panel.actions, key)[acts] for key in keys})
        bars = np.stack([getattr(panel, key)[t] for key in ("open", "high", "low", "close", "volume")])
        watch.take("slice", {"t": t, "time": int(panel.times[t]), "bars": bars})
        watch.take("forecasts", {"t": t, "values": f[t][None]})
    return watch


@pytest.mark.parametrize("kind", ["open_to_open", "close_to_close"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_outcomes_are_the_labels_of_training_to_the_last_bit_and_none_comes_early(monkeypatch, kind, horizon):
    panel = messy(3, 120)
    label = returns(panel.adjusted, kind, horizon)
    f = np.random.default_rng(1).normal(size=label.shape)
    f[np.isnan(panel.close)] = np.nan
    pairs = []
    monkeypatch.setattr(Skill, "add", lambda self, forecast, outcome: pairs.append((forecast, outcome)))
    of_panel(Says(label=kind, horizon=horizon), panel, f)
    assert len(pairs) == len(panel) - 1 - horizon  # the last forecasts have no outcome yet
    for t, (forecast, outcome) in enumerate(pairs):
        assert np.array_equal(forecast, f[t], equal_nan=True)
        assert np.allclose(outcome, label[t], rtol=1e-12, atol=1e-15, equal_nan=True), t


def test_a_signal_without_a_label_is_held_against_what_the_runs_fills_earn(monkeypatch):
    panel = messy(4, 40)
    pairs = []
    monkeypatch.setattr(Skill, "add", lambda self, forecast, outcome: pairs.append(outcome))
    watch = Watch({"s": Says()}, ["s"], len(panel.universe), fill="close", delay=2)
    assert watch.signals[0].kind == "close_to_close" and watch.signals[0].lag == 3
    for t in range(40):
        bars = np.stack([getattr(panel, key)[t] for key in ("open", "high", "low", "close", "volume")])
        watch.take("slice", {"t": t, "time": t + 1, "bars": bars})
        watch.take("forecasts", {"t": t, "values": np.zeros((1, len(panel.universe)))})
    with np.errstate(invalid="ignore"):
        first = panel.close[4] / panel.close[3] - 1.0
    assert np.array_equal(pairs[0], first, equal_nan=True) and len(pairs) == 36


@pytest.mark.parametrize(
    ("missing_open", "earned"),
    [("refuse", [np.nan]), ("close_fills", [11.0 / 10.0 - 1.0]), ("previous_close", [10.0 / 12.0 - 1.0])],
)
def test_without_opens_a_signal_is_held_against_what_orders_would_have_filled_at(monkeypatch, missing_open, earned):
    pairs = []
    monkeypatch.setattr(Skill, "add", lambda self, forecast, outcome: pairs.append(outcome))
    watch = Watch({"s": Says()}, ["s"], 1, missing_open=missing_open)
    for t, close in enumerate((12.0, 10.0, 11.0)):
        bars = np.array([[np.nan], [close], [close], [close], [1.0]])
        watch.take("slice", {"t": t, "time": t + 1, "bars": bars})
        watch.take("forecasts", {"t": t, "values": np.ones((1, 1))})
    assert np.array_equal(pairs, [earned], equal_nan=True)


def test_the_future_changes_nothing_that_was_said_before():
    rng = np.random.default_rng(5)
    f, y = drawn(rng, 60, 6)
    other, prices = f.copy(), opens(y)
    other[40:], later = 9.0, prices.copy()
    later[40:] *= 2.0
    one, two = Watch({"s": Says()}, ["s"], 6), Watch({"s": Says()}, ["s"], 6)
    for k, (mine, theirs) in enumerate(zip(rows_of(f, prices), rows_of(other, later))):
        if k == 80:  # two rows a slice
            assert one.told() == two.told()
        one.take(*mine)
        two.take(*theirs)
    assert one.told() != two.told()


def test_forecasts_of_warm_up_count_as_the_reference_of_a_signal_that_has_none():
    rng = np.random.default_rng(6)
    f, y = drawn(rng, 200, 8)
    f[150:] += 1.0
    watch = watched(Says(), f, opens(y), warm_up=100)
    (one,) = watch.told()
    assert one["slices"] == 100 and one["drift"]["reference"] == OWN and one["drift"]["state"] == "drifted"
    assert one["skill"]["verdict"] == "nothing was promised" and list(watch.conditions()) == ["drift s"]
    assert watched(Says(), f, opens(y)).told()[0]["drift"] == {
        "state": "no reference", "why": "the signal keeps no reference"
    }  # fmt: skip


def test_warm_up_of_a_model_that_may_have_seen_it_is_no_reference():
    f, y = drawn(np.random.default_rng(7), 200, 8)
    (one,) = watched(Says(known_through=DAY * 20_050, told={"id": "m"}), f, opens(y), warm_up=100).told()
    assert one["drift"] == {"state": "no reference", "why": "the passport keeps no reference"}


def test_a_reference_that_cannot_be_read_is_said_and_stops_nothing():
    f, y = drawn(np.random.default_rng(8), 30, 8)
    for wrong in ({"forecast": {"values": [1.0]}}, {"promise": {"value": "much"}}, {"brier": [1]}, {"forecast": 3}):
        (one,) = watched(Says(told={"id": "m"} | wrong), f, opens(y)).told()
        assert one["drift"]["state"] == "no reference" and one["drift"]["why"].startswith(
            "the reference cannot be read"
        )


def test_another_model_is_counted_anew():
    rng = np.random.default_rng(9)
    f, y = drawn(rng, 100, 8)
    told = told_of(*drawn(rng, 250, 8))
    turns = Says()
    turns.reference = lambda time: told | {"id": "old" if time < DAY * 20_060 else "new"}
    f[:60] *= -1.0
    (one,) = watched(turns, f, opens(y)).told()
    assert (one["model"], one["slices"], one["since"]) == ("new", 40, DAY * 20_060) and not one["complaints"]
    watch = Watch({"s": Says(told=told)}, ["s"], 8)
    for k, (kind, body) in enumerate(rows_of(f, opens(y))):
        if k == 120:
            assert list(watch.conditions()) == ["skill s"]
            watch.take("hand-over", {"signal": "s"}, {"s": Says(told=told | {"id": "newer"})})
        watch.take(kind, body)
    assert not watch.conditions() and watch.told()[0]["slices"] == 40


def test_what_is_told_is_plain_and_has_no_nan_from_the_first_slice_on():
    f, y = drawn(np.random.default_rng(10), 30, 3)
    watch = Watch({"s": Says(unit="probability")}, ["s"], 3)
    json.dumps(watch.told(), allow_nan=False)
    for kind, body in rows_of(np.clip(0.5 + 0.1 * f, 0, 1), opens(y)):
        watch.take(kind, body)
        json.dumps(watch.told(), allow_nan=False)


def test_names_that_are_no_members_say_nothing():
    watch = Watch({"s": Says()}, ["s"], 3)
    body = {"t": 0, "time": 1, "bars": np.full((5, 3), 10.0), "member": np.array([True, True, False])}
    watch.take("slice", body)
    watch.take("forecasts", {"t": 0, "values": np.array([[1.0, 3.0, 100.0]])})
    assert watch.told()[0]["forecasts"] | {"quantiles": 0} == {
        "count": 2, "missing": 0.0, "mean": 2.0, "sd": 1.0, "quantiles": 0, "every": 1
    }  # fmt: skip


def test_memory_is_bounded():
    sample, row = Sample(room=100), np.zeros(10)
    for _ in range(1000):
        sample.add(row, 0)
    assert sample.size <= 100 and sample.count == 10_000 and sample.every >= 64
    watched_, ones = (
        Watched("s", Says(told=told_of(*drawn(np.random.default_rng(11), 50, 2))), "score", "open_to_open", 1),
        np.ones(2),
    )
    for t in range(3 * series.MOST):
        watched_.add(t, t + 1, ones * t, ones, ones > 0)
    assert len(watched_.shares.blocks) < series.MOST and watched_.shares.count == 3 * series.MOST


def quiet(seed: int) -> list[str]:
    """What is ever said against a model of probabilities with which all is well."""
    rng = np.random.default_rng(seed)
    f, y = drawn(rng, 400, 6, keep=0.5)
    p = 1.0 / (1.0 + np.exp(-0.5 * f))
    happened = rng.random(p.shape) < p
    y = np.where(happened, 1.0, -1.0) * np.abs(y)
    watch = Watch({"s": Says(unit="probability", told=told_of(p[:250], y[:250]))}, ["s"], 6)
    said = []
    for kind, body in rows_of(p[250:], opens(y[250:])):
        watch.take(kind, body)
        said += watch.conditions() if kind == "forecasts" and body["t"] % 10 == 9 else []
    return said


def test_two_hundred_sound_sessions_are_left_in_peace():
    """Drift, skill and probabilities each cry once in a hundred at most: together six in 200, and twelve would be bad luck."""
    assert sum(bool(quiet(seed)) for seed in range(200)) <= 11
