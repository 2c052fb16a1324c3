"""Each of the four systems, end to end: audit, features, train, walk-forward, run, paper on replay, verify, by the commands alone.

Recipes and strategy files are the shipped ones, made small by overrides; the bars are simulated. What a backtest and a session
decide on is held against walkforward.json, not against what the engine says of itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.errors import ConfigError, DataError, PluginError  # noqa: E402
from signals import folder  # noqa: E402
from signals.training import stack  # noqa: E402
from tests.signals import chain  # noqa: E402
from tests.signals.chain import SESSION, SYSTEMS, Ran, Walked, barcast  # noqa: E402

CASES = {  # system, strategy file, overrides, and whether its session must trade
    "A as shipped": ("A", "stock-lstm-threshold", (), False),
    "A with no gate": ("A", "stock-lstm-threshold", ("strategy.confidence=-1", "strategy.exit_confidence=-1"), True),
    "B": ("B", "direction-lstm-quintile", (), True),
    "C": ("C", "rank-lstm-quintile", (), True),
    "C filtered": ("C", "rank-lstm-filtered", (), True),
    "D as shipped": ("D", "attention-lstm-threshold", (), False),
    "D with a lower gate": ("D", "attention-lstm-threshold", ("strategy.confidence=0.5",), True),
}


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> Callable[[str], Walked]:
    return cache(lambda name: chain.walked(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="module")
def ran(walked, tmp_path_factory) -> Callable[[str], Ran]:
    def once(case: str) -> Ran:
        name, strategy, sets, _ = CASES[case]
        return chain.ran(name, strategy, walked(name), tmp_path_factory.mktemp("ran"), sets)

    return cache(once)


@pytest.fixture
def copied(walked, tmp_path) -> Path:
    """The walk-forward of C, to be spoilt."""
    return Path(shutil.copytree(walked("C").models, tmp_path / "models"))


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_audit_refuses_nothing_and_models_stand_on_the_features_that_were_built(name, walked):
    made = walked(name)
    assert set(made.grades.values()) <= set("ABCD") and len(made.grades) == len(
        chain.FEW if name == "A" else chain.MANY
    )
    places = [index.parent / f"fold-{k:03d}" for index in made.models.rglob("walkforward.json") for k in (0, 1)]
    assert len(places) == (4 if name == "A" else 2)
    for place in places:
        passport = folder.read_passport(place)
        assert passport.features.set == made.recipe.features and passport.features.sha256 == made.features["sha256"]
        assert passport.architecture["kind"] == made.recipe.model.kind and passport.epochs_trained > 0
    if name == "A":
        assert [one["symbol"] for one in made.trained] == made.advised[:2]
        assert all("refused" not in one and one["folds"] == 2 for one in made.trained)
    else:
        assert made.trained["known_through"][:10] <= made.trained["ranges"]["test"][0]
        assert folder.read(made.trained["folder"])[0].weights_sha256 == made.trained["weights_sha256"]


@pytest.mark.parametrize("case", CASES)
def test_a_run_decides_on_nothing_that_the_model_which_spoke_had_seen(case, walked, ran):
    made, result = walked(CASES[case][0]), ran(case).result
    told, times = chain.folds(made.models), result.facts.times
    (forecasts,) = result.forecasts.values()
    assert np.isfinite(forecasts).any()
    assert chain.known_before(times, result.symbols, forecasts, told) == []
    first = min(fold.after for fold in told)
    assert not np.isfinite(forecasts[times <= first]).any()
    assert not len(result.fills) or result.fills["time"].min().value > first
    assert result.manifest["checked"][0]["state"] == "passed"


@pytest.mark.parametrize("case", CASES)
def test_a_run_has_the_forecasts_of_the_walk_forward_and_no_others(case, walked, ran):
    made, result = walked(CASES[case][0]), ran(case).result
    (forecasts,) = result.forecasts.values()
    rows = {
        (str(chain.days(result.facts.times)[t]), result.symbols[i]): float(forecasts[t, i])
        for t, i in np.argwhere(np.isfinite(forecasts))
    }
    told = chain.stitched(made.models)
    assert rows.keys() == told.keys()
    if made.recipe.unit == "price":
        import pandas as pd

        close = pd.read_parquet(made.bars).set_index(["date", "symbol"])["close"]
        told = {key: price / float(close[pd.Timestamp(key[0]).date(), key[1]]) - 1.0 for key, price in told.items()}
    np.testing.assert_allclose([rows[key] for key in told], list(told.values()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_a_session_on_replay_is_the_backtest_to_the_last_bit(case, walked, ran):
    made, result, found = walked(CASES[case][0]), ran(case).result, ran(case).found
    assert found["digest"] == found["backtest"] and found["digest"] in ran(case).shown
    assert found["complete"] and found["asked_again"] and (found["largest"], found["flips"]) == (0.0, 0)
    if CASES[case][3]:
        assert found["fills"] > 0
    times, forecasts = chain.journaled(ran(case).session)
    days = chain.days(times)
    assert len(times) == found["slices"] - found["warm_up"] == 32
    assert np.isfinite(forecasts).any()
    assert chain.known_before(times, result.symbols, forecasts, chain.folds(made.models)) == []
    (whole,) = result.forecasts.values()
    same = whole[np.searchsorted(result.facts.times, times)]
    np.testing.assert_allclose(forecasts, same, rtol=1e-4, atol=1e-5)
    assert (str(days[0]), str(days[-1])) == SESSION


def test_a_forecast_of_what_its_model_knew_is_found(walked, ran):
    """The wrong specimens of the check above: a forecast before the first fold speaks, and a fold that knew more than it says."""
    result, told = ran("C").result, chain.folds(walked("C").models)
    (forecasts,) = result.forecasts.values()
    early = result.facts.times.copy()
    early[5] = told[0].after
    assert len(chain.known_before(early, result.symbols, forecasts, told)) == len(result.symbols)
    knew = [told[0]._replace(known=int(result.facts.times[9])), told[1]]
    wrong = chain.known_before(result.facts.times, result.symbols, forecasts, knew)
    assert {time for time, _ in wrong} == {int(t) for t in result.facts.times[:10] if t > told[0].after}


def run_on(models: Path, walked: Callable[[str], Walked]) -> str:
    file, sets = chain.strategy_of("C", "rank-lstm-quintile", walked("C").bars, models)
    return barcast("run", file, "--out", models.parent / "runs", "--json", sets=sets)


def put(path: Path, was: str, now: str) -> None:
    text = path.read_text()
    assert text.count(was) == 1
    path.write_text(text.replace(was, now))


def test_a_model_whose_passport_is_made_older_than_what_shaped_it_is_refused(walked, copied):
    known = folder.read_passport(copied / "fold-000").known_through
    put(copied / "fold-000" / folder.PASSPORT, f'"known_through": "{known}"', '"known_through": "2013-06-28T00:00:00Z"')
    with pytest.raises(
        PluginError, match="known_through is 2013-06-28T00:00:00Z, but the model was shaped by decisions until 2013-09"
    ):
        run_on(copied, walked)


def test_later_weights_under_an_earlier_passport_are_refused(walked, copied):
    shutil.copy(copied / "fold-001" / folder.WEIGHTS, copied / "fold-000" / folder.WEIGHTS)
    with pytest.raises(PluginError, match="is not the one that passport.json tells of"):
        run_on(copied, walked)


def test_a_later_model_in_an_earlier_fold_s_folder_is_refused(walked, copied):
    shutil.rmtree(copied / "fold-000")
    shutil.copytree(copied / "fold-001", copied / "fold-000")
    with pytest.raises(PluginError, match=r"tells of other models than lie there \(fold-000\)"):
        run_on(copied, walked)


def test_a_walk_forward_that_tells_of_less_knowledge_than_its_models_have_is_refused(walked, copied):
    """By a run and by a stacker."""
    assert len(stack.walk_of(copied).folds) == 2
    index = copied / "walkforward.json"
    known = json.loads(index.read_text())["folds"][0]["known_through"]
    put(index, f'"known_through": "{known}"', '"known_through": "2013-06-28T00:00:00Z"')
    with pytest.raises(DataError, match=r"walkforward.json tells of other models than lie there"):
        stack.walk_of(copied)
    with pytest.raises(PluginError, match=r"walkforward.json tells of other models than lie there"):
        run_on(copied, walked)


def test_a_session_that_would_decide_on_what_its_model_has_seen_is_refused(walked, tmp_path):
    made = walked("C")
    file, sets = chain.strategy_of("C", "rank-lstm-quintile", made.bars, made.models)
    with pytest.raises(DataError, match="a session decides on what no model has seen"):
        barcast(
            "paper",
            file,
            "--session",
            tmp_path / "s",
            "--quiet",
            sets=chain.live(file, sets, "2013-09-20", "2013-10-31"),
        )


def test_a_model_that_is_swapped_under_a_session_is_noticed(walked, copied, tmp_path):
    file, sets = chain.strategy_of("C", "rank-lstm-quintile", walked("C").bars, copied)
    words = ("paper", file, "--session", tmp_path / "s", "--quiet")
    said = chain.live(file, sets, "2014-01-06", "2014-01-17")
    barcast(*words, sets=said)
    assert json.loads(barcast("verify", tmp_path / "s", "--json"))["largest"] == 0.0
    passport, state = folder.read(copied / "fold-001")
    state["head.bias"] += 0.5
    before = passport.weights_sha256
    folder.write(copied / "fold-001", state, passport)
    index = copied / "walkforward.json"
    put(index, before, folder.read_passport(copied / "fold-001").weights_sha256)  # as another walk would leave it
    with pytest.raises(ConfigError, match="models changed: signals.rank.fingerprint"):
        barcast(*words, sets=said)
    found = json.loads(barcast("verify", tmp_path / "s", "--json"))
    assert found["largest"] > 0.0 and found["digest"] == found["backtest"]
