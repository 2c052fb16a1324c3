"""Good files: scalars by the YAML 1.2 rules, units, defaults, overrides, and the schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import dump_yaml, load, schema, schema_text
from engine.config.loader import read_scalar
from engine.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "name": "good",
    "data": {"source": "packaged", "name": "sp500"},
    "signals": {"up": {"plugin": "momentum", "lookback": 20}},
    "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.7},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("0o17", 15), ("0x1f", 31), ("1e-4", 1e-4), ("1e5", 1e5), (".5", 0.5), ("-3", -3), ("1_000", "1_000")]
    + [("NO", "NO"), ("on", "on"), ("yes", "yes"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("true", True)]
    + [("False", False), ("~", None), ("null", None), ("", None), ("1.2.3", "1.2.3"), (".inf", float("inf"))],
)
def test_scalars_are_read_by_the_core_rules_of_yaml_1_2(text, value):
    assert read_scalar(text) == value
    assert type(read_scalar(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"), [("2%", 0.02), ("2 %", 0.02), ("10 bps", 0.001), ("0.02", 0.02), ("1", 1.0), ("1e-4", 1e-4)]
)
def test_fractions_are_written_as_people_write_them(text, value):
    config = load({**GOOD}, [f"execution.slippage={text}"])
    assert config.execution.slippage == value


def test_defaults_are_off_or_neutral():
    config = load(GOOD)
    assert config.exits.stop_loss is None
    assert config.execution.commission == 0.0
    assert config.switches.max_drawdown is None
    assert config.capital == 100_000.0
    assert config.benchmark == "none"


def test_a_threshold_leaves_below_its_confidence_and_takes_as_many_positions_as_fit_unless_told():
    strategy = load(GOOD).strategy
    assert (strategy.exit_confidence, strategy.size, strategy.max_positions) == (0.7, 0.1, 10)


@pytest.mark.parametrize(
    ("rule", "side", "expected"),
    [("threshold", "long", (1, 0)), ("threshold", "long_short", (1, 1)), ("quintile", "short", (0, 1))]
    + [("quintile", "long_short", (1.3, 0.7))],
)
def test_exposure_follows_the_rule_and_the_side_unless_said(rule, side, expected):
    strategy = {"rule": rule, "signal": "up", "side": side} | ({"confidence": 0.7} if rule == "threshold" else {})
    config = load({**GOOD, "strategy": strategy, "caps": {"max_gross": 2.0}})
    assert config.exposure() == pytest.approx(expected)


def test_a_short_switch_means_flatten_and_its_own_way_back():
    switches = load({**GOOD, "switches": {"daily_loss": "5%", "max_drawdown": "15%"}}).switches
    assert (switches.daily_loss.at, switches.daily_loss.action, switches.daily_loss.resume) == (
        0.05,
        "flatten",
        "next day",
    )
    assert switches.max_drawdown.resume == "never"


@pytest.mark.parametrize("action", ["reduce: 50%", {"reduce": "50%"}])
def test_reduce_can_be_written_two_ways(action):
    switches = load(
        {**GOOD, "switches": {"max_drawdown": {"at": "15%", "action": action, "resume": "20 bars"}}}
    ).switches
    assert (switches.max_drawdown.action, switches.max_drawdown.factor, switches.max_drawdown.resume) == (
        "reduce",
        0.5,
        20,
    )


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*/*.yaml")), ids=lambda path: path.name)
def test_resolved_says_every_key_and_reads_back_as_the_same(path, tmp_path):
    config = load(path)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(config.resolved()))
    assert load(again).resolved() == config.resolved() == load(config.resolved()).resolved()
    json.dumps(config.resolved(), allow_nan=False)


def test_resolved_reads_back_what_has_units():
    full = {
        **GOOD,
        "exits": {"take_profit": "300%", "time_stop": "5 bars", "stop_loss": "2%"},
        "switches": {"max_drawdown": {"at": "15%", "action": {"reduce": "50%"}, "resume": "20 bars"}},
        "strategy": {"rule": "quintile", "signal": "up", "rebalance": "5 bars", "cooldown": "2 bars"},
    }
    config = load(full)
    assert load(config.resolved()).resolved() == config.resolved()
    assert (config.exits.take_profit, config.strategy.rebalance) == (3.0, 5)


def test_overrides_make_missing_mappings_and_are_read_by_the_same_rules():
    config = load(GOOD, ["exits.stop_loss=2%", "data.symbols=[SPX]", "strategy.confidence=1e-1"])
    assert (config.exits.stop_loss, config.data.symbols, config.strategy.confidence) == (0.02, ("SPX",), 0.1)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("exits.stop_loss=2", "--set exits.stop_loss: expected a fraction from 0 to 1, got 2"),
        ("strategy.confidense=1", "did you mean `confidence`"),
        ("capital", "expected key=value"),
        ("name.first=x", "name holds no keys; set it whole"),
        ("capital=[1", "cannot be read"),
        ("capital=*a", "cannot be read"),
    ],
)
def test_a_wrong_override_is_named_as_such(override, said):
    with pytest.raises(ConfigError, match="--set") as caught:
        load(GOOD, [override])
    assert said in str(caught.value)


def test_the_schema_is_draft_07_and_knows_good_from_bad():
    jsonschema.Draft7Validator.check_schema(schema())
    assert schema()["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.validate(GOOD, schema())
    for wrong in ({**GOOD, "exitz": {}}, {**GOOD, "capital": "much"}, {**GOOD, "exits": {"stop_loss": 2}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema())


def test_the_schema_beside_the_configs_is_the_current_one():
    assert (ROOT / "configs/schema.json").read_text() == schema_text()


WORDS = st.sampled_from(
    [
        "name",
        "data",
        "signals",
        "strategy",
        "exits",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "2%",
        "0.7",
        "-",
        "&",
        "*",
        "!",
        "|",
        ">",
        "'",
        '"',
        "\n",
        "#",
        "true",
        "null",
        "up",
        "?",
        "\t",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=30))
def test_whatever_is_written_only_a_config_error_comes_out(words):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s.yaml"
        file.write_text(" ".join(words))
        try:
            load(file)
        except ConfigError as error:
            assert str(error)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.sampled_from(["", " ", ":", "\n", "{", "]", "9", "%", "\0", "é", "&x "]))
def test_a_good_file_with_one_wrong_character_never_brings_a_traceback(place, character):
    import tempfile

    text = dump_yaml(load(GOOD).resolved())
    place %= len(text)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s.yaml"
        file.write_text(text[:place] + character + text[place + 1 :])
        try:
            load(file)
        except ConfigError as error:
            assert str(error)
