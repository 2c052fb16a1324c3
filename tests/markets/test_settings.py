"""A simulation file says what it wants, and every mistake is told at its line and column, with the way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError, DataError
from engine.markets import read, simulate
from engine.markets.making import fits
from engine.markets.plan import plan
from engine.markets.resolved import resolved

ROOT = Path(__file__).resolve().parents[2]
LEAST = {"name": "m", "names": 3, "bars": 50}


def refused(**changes) -> str:
    with pytest.raises(ConfigError) as told:
        plan(read({**LEAST, **changes}))
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correlation": [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]}, "not positive semidefinite"),
        ({"correlation": [[1, 1.5, 0], [1.5, 1, 0], [0, 0, 1]]}, "not positive semidefinite"),
        ({"correlation": [[1, 0.5, 0], [0.4, 1, 0], [0, 0, 1]]}, "0.5 is not its mirror image 0.4"),
        ({"correlation": [[1, 0], [0, 1]]}, "expected 3 rows of 3"),
        ({"garch": {"own": {"alpha": 0.1, "beta": 0.9}}}, "alpha + gamma / 2 + beta is 1; expected below 1"),
        ({"garch": {"factors": {"alpha": 0, "gamma": 0.5, "beta": 0.8}}}, "is 1.05; expected below 1"),
        ({"tails": {"own": 2}}, "tails.own: expected degrees of freedom above 2"),
        ({"own": {"volatility": "0%"}}, "expected more than 0%"),
        ({"signal": {"shape": "linear", "ic": 1.0}}, "expected a correlation from -0.95 to 0.95, got 1"),
        ({"signal": {"shape": "linear"}}, "expected a correlation other than 0"),
        ({"signal": {"ic": 0.1}}, "0.1 with shape none"),
        ({"signal": {"shape": "latch", "ic": 0.1, "lag": "3 bars"}}, "belongs to shape linear, but shape is latch"),
        ({"signal": {"shape": "linear", "ic": 0.1, "regime": "calmm"}}, "did you mean `calm`?"),
        ({"signal": {"leak": "peek"}}, "expected next_return"),
        ({"regimes": []}, "expected 1 to 4 of them, got 0"),
        ({"dividends": {"annual": "50%", "every": "252 bars"}}, "at most 20% can be paid"),
        ({"splits": {"above": 10, "below": 5}}, "would split for ever"),
        ({"mode": "plain", "overnight": "10%"}, "mode plain has none"),
        ({"volume": {"memory": 1}}, "volume.memory: expected less than 100%, got 1"),
        ({"jumps": {"own": {"meen": "1%"}}}, "jumps.own.meen: no such key; did you mean `mean`?"),
        ({"calendar": "NYSEE"}, "calendar: expected an exchange's code"),
        ({"bars": 200_000}, "would end after 2199"),
        ({"names": 0}, "names: expected 1 or more, got 0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes, said):
    assert said in refused(**changes)


def test_a_mistake_in_a_file_is_told_at_its_line_and_column(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("name: m\nnames: 3\nbars: 50\ngarch:\n  own: {alpha: 0.3, beta: 0.8}\nmissing: 200\n")
    with pytest.raises(ConfigError) as told:
        read(file)
    text = str(told.value)
    assert f"{file}:5:27: garch.own.beta: alpha + gamma / 2 + beta is 1.1" in text
    assert f"{file}:6:10: missing: expected a fraction" in text
    assert "^" in text


def test_an_empty_file_says_what_it_needs(tmp_path):
    (tmp_path / "m.yaml").write_text("\n")
    with pytest.raises(ConfigError, match="it needs name, names and bars"):
        read(tmp_path / "m.yaml")


def test_singular_correlations_are_possible():
    both = [{"name": "a", "volatility": "10%", "beta": 1}, {"name": "b", "volatility": "10%"}]
    path = plan(read({**LEAST, "factors": both, "correlation": [[1, 1], [1, 1]], "jumps": {"factor": {}},
                      "regimes": [{"name": "one", "length": "9 bars"}]})).path  # fmt: skip
    assert path.intraday[:, 0] == pytest.approx(path.intraday[:, 1])


def test_more_than_memory_holds_is_one_line_with_both_numbers():
    with pytest.raises(
        DataError, match=r"1,695 names x 6,000 bars need about 1\.\d GB of memory, and 0\.5 GB are free"
    ):
        fits(read({"name": "m", "names": 1695, "bars": 6000}), whole=True, free=500_000_000)
    fits(read({"name": "m", "names": 1695, "bars": 6000}), whole=False, free=500_000_000)


def test_prices_beyond_every_number_are_refused_where_they_begin():
    with pytest.raises(DataError, match="S0000 on 2000-01-03: price .* lower volatilities"):
        simulate({**LEAST, "prices": {"first": 1e300}})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "plain", "signal": {"shape": "latch", "ic": 0.1}},
        {
            "own": {"volatility": "150%"},
            "regimes": [{"name": "a", "length": "5 bars", "volatility": 3, "drift": "-20%"}],
        },
        {"sectors": None, "halts": None, "splits": None, "tails": {"own": None}},
        {
            "signal": {"shape": "decaying", "ic": -0.1, "half_life": "9 bars"},
            "correlation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        },
    ],
)
def test_resolved_settings_read_back_to_the_same(changes):
    settings = read({**LEAST, **changes})
    assert resolved(read(resolved(settings))) == resolved(settings)


def test_a_calendar_is_kept(tmp_path):
    days = {
        name: plan(read({**LEAST, "calendar": name, "start": "2024-07-01"})).sessions
        for name in ("XNYS", "weekdays", "24/7")
    }
    fourth = {name: "2024-07-04" in found.astype(str) for name, found in days.items()}
    assert fourth == {"XNYS": False, "weekdays": True, "24/7": True}
    assert ("2024-07-06" in days["24/7"].astype(str), "2024-07-06" in days["weekdays"].astype(str)) == (True, False)


@pytest.mark.parametrize("path", sorted((ROOT / "configs/simulate").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_can_be_made(path):
    made = simulate({**resolved(read(path)), "names": 5, "bars": 30})
    assert np.isfinite(made.block.close).any()
