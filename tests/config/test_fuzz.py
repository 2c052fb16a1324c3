"""Whatever is written, a mistake in a configuration is a ConfigError, and what is accepted can be written and read back."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.config import dump_yaml, load
from engine.errors import ConfigError

GOOD = """\
name: good
data: {source: packaged, name: us20, symbols: [AAPL, "1e5"], start: 2015-01-01, end: 2016-01-01}
signals:
  up: {plugin: momentum, lookback: 20, deep: {a: [1, x, null]}}
strategy: {rule: quintile, signal: up, quantile: 20%, side: long_short, rebalance: 5 bars, cooldown: 2 bars}
exits:
  stop_loss: 2%
  take_profit: 300%
  time_stop: 20 bars
sizing: {exposure: {long: 130%, short: 30%}, smoothing: 0.5, vol_target: 10%}
caps: {max_weight: 20%, max_gross: 1.6}
switches: {max_drawdown: {at: 15%, action: {reduce: 50%}, resume: 20 bars}, daily_loss: 5%}
execution: {commission: 10 bps, tick: 0.01, intrabar: nearest}
capital: 1e5
"""
TOKENS = "name data signals strategy exits rule threshold up { } [ ] : , 2% 0.7 - & * ! | > ' # true null ? % @ \\ 1e999 -.inf 0x -1 0o"
WORDS = TOKENS.split()
PIECES = [
    *WORDS,
    '"',
    "\n",
    "\t",
    " ",
    "\0",
    "é",
    "\x85",
    "\u2028",
    "\ufeff",
    "\ud800",
    "&x ",
    "<<: ",
    '"\\U99999999"',
    "9" * 310,
    "\r",
    "...",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2%", "5 bars", "threshold"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def survives(folder, text: str) -> None:
    """Load `text` from a file: refused in words, or good, and then the same again once written."""
    file = folder / "s.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config = load(file)
    except ConfigError as error:
        assert str(error)
        return
    json.dumps(config.resolved(), allow_nan=False)
    file.write_text(dump_yaml(config.resolved()), encoding="utf-8")
    assert load(file) == config == load(config.resolved())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_random_words_never_bring_a_traceback(tmp_path_factory, words):
    survives(tmp_path_factory.getbasetemp(), " ".join(words))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 6), st.sampled_from(PIECES)), max_size=3))
@example([])
def test_a_good_file_with_pieces_cut_out_and_put_in_never_brings_a_traceback(tmp_path_factory, cuts):
    text = GOOD
    for place, length, piece in cuts:
        text = text[:place] + piece + text[place + length :]
    survives(tmp_path_factory.getbasetemp(), text)


@settings(max_examples=200, deadline=None)
@given(st.permutations(GOOD.splitlines()), st.integers(0, 14))
def test_a_good_file_with_its_lines_shuffled_never_brings_a_traceback(tmp_path_factory, lines, kept):
    survives(tmp_path_factory.getbasetemp(), "\n".join(lines[:kept]))


KEYS = ["name", "data", "data.symbols", "data.start", "signals", "signals.up", "signals.up.plugin", "strategy"]
KEYS += [
    "strategy.rule",
    "strategy.side",
    "strategy.rebalance",
    "strategy.cooldown",
    "exits",
    "exits.stop_loss",
    "sizing.exposure",
]
KEYS += [
    "switches.daily_loss",
    "switches.max_drawdown",
    "switches.daily_loss.action",
    "caps.max_weight",
    "execution.delay",
    "seed",
    "x.y",
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KEYS), VALUES)
def test_any_value_at_any_key_is_good_or_refused_in_words(key, value):
    document = json.loads(json.dumps(load_good()))
    inner = document
    *above, last = key.split(".")
    for part in above:
        if not isinstance(inner.get(part), dict):
            inner[part] = {}
        inner = inner[part]
    inner[last] = value
    try:
        assert load(load(document).resolved()) == load(document)
    except ConfigError as error:
        assert str(error).startswith("configuration: ")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KEYS), st.text(max_size=12) | st.sampled_from(PIECES))
def test_any_override_is_good_or_refused_as_one(key, text):
    try:
        load(load_good(), [f"{key}={text}"])
    except ConfigError as error:
        assert "--set" in str(error) or "configuration: " in str(error)


def load_good() -> dict:
    from engine.config.loader import parse

    return parse(GOOD, "good").data
