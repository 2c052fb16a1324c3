"""Good files: scalars by the YAML 1.2 rules, units, defaults, overrides, and the schema."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from engine.config import dump_yaml, load, schema, schema_text
from engine.config.gates import Trailing
from engine.config.loader import parse, read_scalar
from engine.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "configs").glob("*/*.yaml"))
STRATEGIES = [path for path in FILES if "\nstrategy:" in path.read_text()]
GOOD = {
    "name": "good",
    "data": {"source": "packaged", "name": "sp500"},
    "signals": {"up": {"plugin": "momentum", "lookback": 20}},
    "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.7},
}


FULL = {
    **GOOD,
    "exits": {"take_profit": "300%", "time_stop": "5 bars", "stop_loss": "2%"},
    "sizing": {"exposure": {"long": "130%", "short": "30%"}},
    "switches": {"max_drawdown": {"at": "15%", "action": {"reduce": "50%"}, "resume": "20 bars"}, "daily_loss": "5%"},
    "strategy": {"rule": "quintile", "signal": "up", "rebalance": "5 bars", "cooldown": "2 bars", "max_weight": "5%"},
}
WRONG = (
    [{"exitz": {}}, {"capital": "much"}, {"exits": {"stop_loss": 2}}, {"exits": {"time_stop": 20}}, {"seed": -1}]
    + [{"execution": {"intrabar": "worst"}}, {"switches": {"daily_loss": {"at": 0.05, "then": 1}}}]
    + [{"switches": {"daily_loss": {"action": "halt"}}}, {"data": {"source": "csv", "symbols": [1]}}]
    + [{"strategy": {"rule": "quintile", "signal": "up", "quantle": 0.2}}, {"signals": {"up": {"lookback": 1}}}]
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("0o17", 15), ("0x1f", 31), ("1e-4", 1e-4), ("1e5", 1e5), (".5", 0.5), ("-3", -3), ("1_000", "1_000")]
    + [("NO", "NO"), ("on", "on"), ("yes", "yes"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("true", True)]
    + [("False", False), ("~", None), ("null", None), ("", None), ("1.2.3", "1.2.3"), (".inf", float("inf"))]
    + [
        ("+010", 10),
        ("0x", "0x"),
        ("-0x1f", "-0x1f"),
        ("1e", "1e"),
        ("0b1", "0b1"),
        ("Off", "Off"),
        ("-.INF", -float("inf")),
        ("9" * 301, float("inf")),
    ],
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


def test_a_gate_may_be_a_share_of_past_forecasts_and_is_written_as_it_was_said():
    gate = {"rule": "threshold", "signal": "up", "confidence": "top 7.5%  trailing 252"}
    config = load(GOOD | {"strategy": gate})
    assert config.strategy.confidence == config.strategy.exit_confidence == Trailing(0.075, 252)
    assert config.resolved()["strategy"]["confidence"] == "top 7.5% trailing 252" and load(config.resolved()) == config
    assert config.remembers() == 252 and load(GOOD).remembers() == 0
    wider = load(config, ["strategy.exit_confidence=top 100% trailing 252"])
    assert wider.strategy.exit_confidence == Trailing(1.0, 252)


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


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.name)
def test_resolved_says_every_key_and_reads_back_as_the_same(path, tmp_path):
    config = load(path)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(config.resolved()))
    assert load(again).resolved() == config.resolved() == load(config.resolved()).resolved()
    json.dumps(config.resolved(), allow_nan=False)


def test_resolved_reads_back_what_has_units(tmp_path):
    config = load(FULL)
    file = tmp_path / "again.yaml"
    file.write_text(dump_yaml(config.resolved()))
    assert load(config.resolved()) == config == load(file)
    assert hash(load(file)) == hash(config)
    assert config != load(FULL, ["seed=1"])
    assert (config.exits.take_profit, config.strategy.rebalance) == (3.0, 5)


def test_overrides_make_missing_mappings_and_are_read_by_the_same_rules():
    config = load(GOOD, ["exits.stop_loss=2%", "data.symbols=[SPX]", "strategy.confidence=1e-1"])
    assert (config.exits.stop_loss, config.data.symbols, config.strategy.confidence) == (0.02, ("SPX",), 0.1)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("exits.stop_loss=2", "--set exits.stop_loss: expected a fraction from 0 to 1, got 2; write 2% or 0.02"),
        ("strategy.confidense=1", "did you mean `confidence`"),
        ("capital", "expected key=value"),
        ("name.first=x", "--set name.first: name is 'good' and holds no keys; set it whole"),
        ("data.symbols.0=A", "--set data.symbols.0: data.symbols is a list and holds no keys; set it whole"),
        ("exitz.stop_loss=2%", "--set exitz.stop_loss: exitz: no such key; did you mean `exits`?"),
        ("strategy={rule: threshold, signal: up}", "--set strategy: strategy.confidence: missing"),
        (
            "exits.time_stop=20",
            "--set exits.time_stop: expected a number of bars such as 20 bars, got 20; write 20 bars",
        ),
        ("strategy.exit_confidence=0.9", "--set strategy.exit_confidence: 0.9 is above confidence 0.7:"),
        ("data.start=2020-13-01", "--set data.start: expected a date such as 2015-01-31, got '2020-13-01'"),
        ("data.symbols=[1234]", "--set data.symbols: data.symbols.0: expected text, got 1234; quote it"),
        ("seed=1\ncapital: 2", "--set seed: '1\\ncapital: 2' cannot be read: expected one line"),
        ("a..b=1", "--set: expected key=value"),
        ("name=!!str x", "--set name: '!!str x' cannot be read: tags"),
        ("capital=[1", "cannot be read"),
        ("capital=*a", "cannot be read"),
    ],
)
def test_a_wrong_override_is_named_as_such(override, said):
    with pytest.raises(ConfigError, match="--set") as caught:
        load({**GOOD, "data": {**GOOD["data"], "symbols": ["SPX"]}}, [override])
    assert said in str(caught.value)


def test_the_schema_is_draft_07_and_knows_good_from_bad():
    jsonschema.Draft7Validator.check_schema(schema())
    assert schema()["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.validate(GOOD, schema())
    for wrong in WRONG:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**GOOD, **wrong}, schema())
        with pytest.raises(ConfigError):
            load({**GOOD, **wrong})


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.name)
def test_the_schema_knows_what_the_loader_knows_to_be_good(path):
    jsonschema.validate(parse(path.read_bytes(), path.name).data, schema())
    jsonschema.validate(load(path).resolved(), schema())
    jsonschema.validate(load(FULL).resolved(), schema())
    jsonschema.validate(FULL, schema())


def test_the_schema_explains_every_key_and_uses_nothing_newer_than_draft_07():
    for owner in (schema(), *schema()["definitions"].values()):
        for key, value in owner.get("properties", {}).items():
            assert value.get("description"), key
    assert not {"prefixItems", "$defs", "discriminator", "unevaluatedProperties"} & set(
        re.findall(r'"([$a-zA-Z]+)":', schema_text())
    )
    assert schema()["definitions"]["Threshold"]["properties"]["cooldown"]["default"] == "0 bars"


def test_the_schema_beside_the_configs_is_the_current_one():
    assert (ROOT / "configs/schema.json").read_text() == schema_text()


def test_a_mapping_made_in_python_means_what_its_yaml_would(tmp_path):
    made = load(
        {
            **GOOD,
            "data": {
                "source": "csv",
                "path": Path("b.csv"),
                "prices": "as_traded",
                "dividends": "none",
                "start": datetime.date(2020, 1, 2),
            },
        }
    )
    file = tmp_path / "s.yaml"
    file.write_text(
        dump_yaml(
            {
                **GOOD,
                "data": {
                    "source": "csv",
                    "path": "b.csv",
                    "prices": "as_traded",
                    "dividends": "none",
                    "start": "2020-01-02",
                },
            }
        )
    )
    assert made == load(file)


def test_a_mapping_made_in_python_is_refused_by_key_without_a_place():
    with pytest.raises(ConfigError) as caught:
        load({**GOOD, "exits": {"stop_loss": 2}})
    assert (
        str(caught.value) == "configuration: exits.stop_loss: expected a fraction from 0 to 1, got 2; write 2% or 0.02"
    )


LOOP: dict = {"name": "loop"}
LOOP["data"] = LOOP


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({1: 2}, "expected text as a key, got int"),
        ({"seed": object()}, "seed: expected plain keys and values, got an object of type object"),
    ]
    + [
        ({"capital": float("nan")}, "got nan; it must be finite"),
        ({"name": "a\ud800"}, "control character 0xd800"),
        (LOOP, "nested deeper than 20 levels"),
    ],
)
def test_what_no_yaml_could_say_is_refused_in_a_mapping_too(wrong, said):
    with pytest.raises(ConfigError, match=said):
        load({**GOOD, **wrong})


def test_symbols_that_look_like_something_else_stay_text(tmp_path):
    file = tmp_path / "s.yaml"
    symbols = ["NO", "ON", "1E5", "1e5", "010", "0o17", "0x1f", "12:30", "null", "~", ".5", "2020-01-01", "a: b", "é"]
    file.write_text(dump_yaml(load(GOOD, ["data.symbols=" + json.dumps(symbols)]).resolved()))
    assert list(load(file).data.symbols) == symbols
    assert load(GOOD, ["data.symbols=[NO, ON, y]"]).data.symbols == ("NO", "ON", "y")


def test_a_plugins_arguments_pass_untouched_and_sorted():
    arguments = {"b": {"cooldown": 5, "at": 2.5}, "a": ["x", 1, None, True], "take_profit": 3.0}
    config = load({**GOOD, "signals": {"up": {"plugin": "momentum", **arguments}}})
    assert config.signals["up"].params == arguments
    assert list(config.resolved()["signals"]["up"]) == ["plugin", "in_sample", "a", "b", "take_profit"]
    assert config.resolved()["signals"]["up"]["b"] == {"at": 2.5, "cooldown": 5}


def test_a_packaged_set_says_what_it_is_and_a_file_must_be_told():
    data = load(GOOD).data
    assert (data.prices, data.dividends, data.calendar, data.missing_open) == (
        "split_adjusted",
        "none",
        "XNYS",
        "refuse",
    )
    assert load(GOOD, ["data.name=us20"]).data.missing_open == "close_fills"
    told = {"source": "csv", "path": "x.csv", "prices": "as_traded", "dividends": "none"}
    assert load({**GOOD, "data": told}).data.missing_open == "refuse"


def test_a_config_loaded_again_with_an_override_keeps_its_folder_and_forgets_what_followed(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(dump_yaml(GOOD))
    again = load(load(file), ["data.name=us20"])
    assert (again.base, again.data.prices) == (tmp_path, "total_return")


def test_the_folder_of_a_file_is_not_part_of_what_is_hashed(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.yaml").write_text(
            dump_yaml(
                {**GOOD, "data": {"source": "csv", "path": "../x.csv", "prices": "as_traded", "dividends": "none"}}
            )
        )
    one, other = (load(tmp_path / folder / "s.yaml") for folder in ("a", "b"))
    assert one.base != other.base and one.resolved() == other.resolved()
    assert one.resolved()["data"]["path"] == "../x.csv"


def test_max_weight_means_the_same_in_both_places():
    strategy = {"rule": "quintile", "signal": "up"}
    here = load({**GOOD, "strategy": {**strategy, "max_weight": "5%"}})
    there = load({**GOOD, "strategy": strategy, "caps": {"max_weight": 0.05}})
    assert here == there
    assert here.max_weight() == 0.05


def test_a_leg_whose_exposure_is_not_said_keeps_the_rules_default():
    strategy = {"rule": "quintile", "signal": "up", "side": "long_short"}
    assert load({**GOOD, "strategy": strategy, "sizing": {"exposure": {"long": "130%"}}}).exposure() == (1.3, 0.35)


def test_a_config_cannot_be_changed():
    config = load(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        config.capital = 1.0
    config.signals["up"].params["lookback"] = 1
    assert config.signals["up"].params == {"lookback": 20}


def test_importing_and_loading_a_config_needs_no_pandas_and_no_numba():
    code = (
        "import sys; from engine.config import load\n"
        "load('configs/demo/us20-quintile.yaml')\n"
        "heavy = {'pandas', 'numba', 'torch', 'pyarrow', 'exchange_calendars'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
