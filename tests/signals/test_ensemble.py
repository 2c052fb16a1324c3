"""Signals made of signals: the numbers by hand, the same bits slice by slice, and what the whole knows."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import engine  # noqa: E402
from engine import plugins  # noqa: E402
from engine.errors import PluginError  # noqa: E402
from engine.located import located  # noqa: E402
from engine.types import DAY_NS, Window  # noqa: E402
from signals.ensemble import Ensemble, zscores  # noqa: E402
from signals.lstm import Lstm  # noqa: E402
from signals.momentum import Momentum, Reversal  # noqa: E402
from tests.signals.test_lstm import bars, day, folds, model, same_bits  # noqa: E402


class Says:
    """The same numbers at every slice; with `known`, what it has seen."""

    def __init__(self, values, unit="return", window=1, known=None, **more):
        self.values, self.unit, self.window = np.array(values, float), unit, window
        if known is not None:
            self.known_through = known
        vars(self).update(more)

    def forecast(self, bars):
        return self.values.copy()


def window(length: int = 3, names: int = 3, close: float = 100.0) -> Window:
    flat = np.full((length, names), close)
    times = DAY_NS * np.arange(1, length + 1)
    return Window(tuple(f"S{k}" for k in range(names)), times, flat, flat, flat, flat, flat)


def said(*members, **more) -> list:
    return Ensemble(list(members), **more).forecast(window()).tolist()


def nan_as_none(values) -> list:
    return [None if value != value else value for value in values]


def test_soft_is_the_mean_and_weighted_the_weighted_mean():
    up, down = Says([0.6, 0.9, 0.2], "probability"), Says([0.8, 0.3, 0.2], "probability")
    assert said(up, down) == pytest.approx([0.7, 0.6, 0.2]) and Ensemble([up, down]).unit == "probability"
    assert said(up, down, how="weighted", weights=[3, 1]) == pytest.approx([0.65, 0.75, 0.2])


def test_returns_are_averaged_as_they_are_and_a_price_is_the_return_from_the_close():
    one, price = Says([0.02, -0.01, 0.0]), Says([104.0, 101.0, 98.0], "price")
    assert said(one, price) == pytest.approx([0.03, 0.0, -0.01]) and Ensemble([one, price]).unit == "return"


def test_scores_are_averaged_as_z_scores_within_the_slice():
    # 1 2 3: mean 2, sd sqrt(2/3): -1.2247 0 1.2247; 10 10 40: mean 20, sd sqrt(200): -.7071 -.7071 1.4142
    one, other = Says([1.0, 2.0, 3.0], "score"), Says([10.0, 10.0, 40.0])
    assert said(one, other) == pytest.approx([-0.965926, -0.353553, 1.319479], abs=1e-6)
    assert Ensemble([one, other]).unit == "score"
    assert zscores(np.array([5.0, 5.0])).tolist() == [0.0, 0.0] and np.isnan(zscores(np.array([5.0, np.nan]))).all()


def test_a_majority_counts_votes_and_a_half_votes_for_neither():
    three = [Says(v, "probability") for v in ([0.6, 0.4, 0.5], [0.9, 0.2, 0.7], [0.1, 0.3, np.nan])]
    made = Ensemble(three, how="majority", least=2)
    assert made.unit == "score"
    assert made.forecast(window()).tolist() == pytest.approx([1 / 3, -1.0, 0.5])
    with pytest.raises(ValueError, match="majority is a vote of probabilities; the members are return, probability"):
        Ensemble([Says([0.1]), three[0]], how="majority")


def test_an_instrument_of_which_a_member_knows_nothing_has_no_forecast_unless_fewer_are_enough():
    one, other = Says([0.02, np.nan, np.nan]), Says([0.04, 0.01, np.nan])
    assert nan_as_none(said(one, other)) == [pytest.approx(0.03), None, None]
    assert nan_as_none(said(one, other, least=1)) == [pytest.approx(0.03), 0.01, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"members": [Momentum()]}, "expected a list of 2 to 100 signals"),
        ({"members": [Momentum(), 3]}, "members.1: expected a signal"),
        ({"members": [Momentum(), {"model": "x"}]}, "members.1: expected plugin: NAME"),
        ({"how": "best"}, "how must be one of soft, weighted, stacked, majority"),
        ({"weights": [1, 1]}, "weights go with how: weighted"),
        ({"how": "weighted", "weights": [1, -1]}, "expected 2 numbers of at least 0"),
        ({"how": "weighted", "weights": [1]}, "expected 2 numbers"),
        ({"how": "weighted", "weights": "validation"}, "needs models with a passport; member 0 has none"),
        ({"how": "stacked"}, "stacker goes with how: stacked"),
        ({"least": 3}, "expected 1 to 2 members"),
    ],
)
def test_nonsense_is_refused_in_a_line(arguments, message):
    with pytest.raises((ValueError, PluginError), match=message):
        Ensemble(**{"members": [Momentum(), Reversal()], **arguments})


def test_forecasts_made_elsewhere_are_no_member():
    from signals.precomputed import Precomputed

    with pytest.raises(ValueError, match=r"members.1: forecasts made elsewhere"):
        Ensemble([Momentum(), Precomputed()])


@pytest.mark.parametrize("how", ["soft", "weighted", "zscored"])
def test_the_panel_is_the_forecast_of_every_slice_to_the_last_bit(tmp_path, how):
    """A net, a walk-forward of nets, a rule with a panel and one without, whose windows differ."""
    alone, walk = str(model(tmp_path / "m", 3)), str(folds(tmp_path / "wf"))
    members = [alone, Lstm(walk), Reversal(3), Says(np.linspace(-0.01, 0.01, 6), window=4)]
    if how == "zscored":
        members.append(Says([1.0, 5.0, 2.0, 7.0, 3.0, 3.0], "score"))
    more = {"how": "weighted", "weights": [0.1, 0.7, 0.3, 1.3]} if how == "weighted" else {}
    made, market = Ensemble(members, least=2, **more), bars()
    panel = made.forecast_panel(market)
    assert made.window == made.members[0].window and np.isnan(panel[: made.window - 1]).all()
    assert np.isfinite(panel[made.window - 1 :, 0]).all()
    for t in range(made.window - 1, 90, 5):
        assert same_bits(made.forecast(market.rows(t - made.window + 1, t + 1)), panel[t])
    assert same_bits(made.forecast_panel(market.rows(0, 70)), panel[:70])  # the future changes nothing


def test_weights_by_validation_are_those_of_the_model_that_speaks(tmp_path):
    walk, alone = folds(tmp_path / "wf"), model(tmp_path / "m", 3, losses={"validation_loss": 0.2})
    span = {"train": ("2010-01-01", "2012-12-31")}
    model(walk / "fold-1", 1, known_through=day(39), ranges=span, losses={"validation_loss": 0.1})
    model(walk / "fold-0", 2, known_through=day(59), valid_from=day(64), ranges=span, losses={"validation_loss": 0.6})
    made = Ensemble([str(walk), str(alone)], how="weighted", weights="validation")
    market = bars()
    first, second = (member.forecast_panel(market) for member in made.members)
    panel = made.forecast_panel(market)
    # 1/.1 and 1/.2 are 2 to 1; from slice 65 on 1/.6 and 1/.2, 1 to 3
    assert panel[64, 0] == pytest.approx((2 * first[64, 0] + second[64, 0]) / 3, rel=1e-12)
    assert panel[65, 0] == pytest.approx((first[65, 0] + 3 * second[65, 0]) / 4, rel=1e-12)
    assert same_bits(made.forecast(market.rows(65 - made.window + 1, 66)), panel[65])
    model(tmp_path / "other", 4, losses={"validation_loss": 0.2}, hyperparameters={"loss": {"kind": "huber"}})
    with pytest.raises(ValueError, match="another loss or label; their losses do not compare"):
        Ensemble([str(alone), str(tmp_path / "other")], how="weighted", weights="validation")


def test_the_whole_knows_what_the_latest_member_knows(tmp_path):
    market = bars()
    walk = folds(tmp_path / "wf")
    made = Ensemble([str(walk), Says([0.0] * 6, known=int(market.times[50]))])
    known = made.known_through(market.times)
    assert (known[:65] == market.times[50]).all() and (known[65:] == market.times[59]).all()
    assert Ensemble([str(walk), Reversal(3)]).known_through is None  # nobody says what it has seen


def test_what_speaks_against_a_member_speaks_against_the_whole():
    one = Says([0.1], flags=("constant",), notes=("it is silent",), label="open_to_open", horizon=5, embargo=3)
    other = Says([0.1], label="close_to_close", embargo=7)
    made = Ensemble([one, other])
    assert (made.flags, made.notes, made.label, made.horizon, made.embargo) == (
        ("constant",),
        ("it is silent",),
        None,
        5,
        7,
    )


def test_another_member_or_weight_is_another_ensemble():
    several = [
        Ensemble([Momentum(20), Reversal(5)]),
        Ensemble([Momentum(21), Reversal(5)]),
        Ensemble([Momentum(20), Reversal(5)], least=1),
        Ensemble([Momentum(20), Reversal(5)], how="weighted", weights=[1, 2]),
    ]
    assert len({one.sha256 for one in several}) == 4
    assert several[0].sha256 == Ensemble([Momentum(20), Reversal(5)]).sha256


def test_members_are_made_from_their_plugins_and_their_files_found_beside_the_strategy(tmp_path):
    net, spec = str(model(tmp_path / "net")), {"plugin": "lstm", "model": "net"}
    members = located("both", Ensemble, {"members": ["net", spec, {"plugin": "momentum", "skip": 1}]}, tmp_path)[
        "members"
    ]
    assert members[0] == members[1].model == net and members[2] == Momentum(skip=1)
    with pytest.raises(PluginError, match="signals.both.members.0: Momentum refuses its arguments"):
        located("both", Ensemble, {"members": [{"plugin": "momentum", "look": 1}]}, None)
    inner = {"plugin": "ensemble", "members": [{"plugin": "momentum"}, {"plugin": "reversal"}]}
    outer = {"members": [{"plugin": "momentum"}, inner]}
    assert located("both", Ensemble, outer, None)["members"][1].members == (Momentum(), Reversal())


def test_a_strategy_file_runs_an_ensemble_of_rules(monkeypatch):
    monkeypatch.setitem(plugins._from_files["barcast.signals"], "both", Ensemble)
    members = [{"plugin": "momentum", "lookback": 60, "skip": 5}, {"plugin": "reversal", "lookback": 5}]
    result = engine.backtest({
        "name": "both", "data": {"source": "packaged", "name": "us20", "start": "2019-01-01"}, "capital": 1e6,
        "signals": {"both": {"plugin": "both", "members": members, "how": "soft"}},
        "strategy": {"rule": "quintile", "signal": "both"},
    })  # fmt: skip
    assert len(result.fills) > 100
