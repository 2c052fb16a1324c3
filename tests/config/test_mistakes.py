"""Mistakes and attacks in a strategy file: each is refused at its exact place, with the way out."""

from __future__ import annotations

import pytest

from engine.config import load
from engine.errors import ConfigError

GOOD = """\
name: good
data: {source: parquet, path: bars.parquet, prices: as_traded, dividends: as_traded}
signals:
  up: {plugin: momentum}
strategy: {rule: threshold, signal: up, confidence: 0.7, exit_confidence: 0.3}
"""


def swap(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def add(line: str) -> str:
    return GOOD + line + "\n"


QUINTILE = swap(
    "rule: threshold, signal: up, confidence: 0.7, exit_confidence: 0.3", "rule: quintile, signal: up, quantile: 20%"
)

# name: (text, line, column, what the message must say)
MISTAKES = {
    # --- not YAML, or more than a strategy file may hold ---
    "an empty file": ("", 1, 1, "the file is empty; it needs name, data, signals and strategy"),
    "a list instead of keys": ("- a\n- b\n", 1, 1, "expected keys and values, got a list"),
    "a bracket left open": ("name: [a\n", 2, 1, "not valid YAML: expected ',' or ']'"),
    "a tab as indentation": ("name: a\ndata:\n\tsource: csv\n", 3, 1, "not valid YAML: found character '\\t'"),
    "an anchor": (swap("name: good", "name: &a good"), 1, 7, "anchors (&a) are not used here; remove it"),
    "an alias": (swap("name: good", "name: *a"), 1, 7, "aliases (*a) are not used here; write the value out"),
    "a billion laughs": ("a: &a [x, x]\nb: &b [*a, *a]\n", 1, 4, "anchors (&a) are not used here"),
    "a Python object tag": ("name: !!python/object/apply:os.system [ls]\n", 1, 7, "tags (tag:yaml.org,2002:python/object/apply:os.system)"),
    "a harmless tag": (swap("name: good", "name: !!str good"), 1, 7, "tags (tag:yaml.org,2002:str) are not used here"),
    "a directive": ("%YAML 1.1\n---\n" + GOOD, 1, 1, "directives (%...) are not used here"),
    "a second document": (GOOD + "---\nname: b\n", 6, 1, "a second document starts here; a file holds one strategy"),
    "twenty-one levels": ("a: " + "[" * 21 + "]" * 21 + "\n", 1, 23, "nested deeper than 20 levels"),
    "more than a megabyte": ("# " + "x" * 1_000_001 + "\n", 1, 1, "a strategy file has at most 1,000,000"),
    "a control character": (swap("name: good", "name: go\x07od"), 1, 9, "control character 0x07; remove it"),
    "a key said twice": (add("name: again"), 6, 1, "name: said twice; it first stands on line 1"),
    "a nested key said twice": (add("caps:\n  max_gross: 1\n  max_gross: 2"), 8, 3, "caps.max_gross: said twice; it first stands on line 7"),
    "a key that is a list": (add("[a, b]: 1"), 6, 1, "a key must be a plain word"),
    # --- keys ---
    "an unknown key at the top": (add("exitz: {stop_loss: 2%}"), 6, 1, "exitz: no such key; did you mean `exits`?"),
    "an unknown key in data": (swap("path: bars", "pth: x, path: bars"), 2, 25, "data.pth: no such key; did you mean `path`?"),
    "an unknown key in the strategy": (swap("signal: up,", "sginal: up, signal: up,"), 5, 29, "did you mean `signal`?"),
    "an unknown key in exits": (add("exits: {stop_los: 2%}"), 6, 9, "exits.stop_los: no such key; did you mean `stop_loss`?"),
    "an unknown key in execution": (add("execution: {comission: 10 bps}"), 6, 13, "did you mean `commission`?"),
    "an unknown key in a switch": (add("switches: {daily_loss: {at: 5%, resumes: never}}"), 6, 33, "did you mean `resume`?"),
    "a key of a later version": (add("universe: {members: file.csv}"), 6, 1, "universe: no such key."),
    "a switch of a later version": (add("switches: {sigma_loss: 3}"), 6, 12, "switches.sigma_loss: no such key"),
    "an ATR exit, of a later version": (add("exits: {stop_loss: {atr: 2.0, window: 14}}"), 6, 20, "expected a fraction such as 2%"),
    "no name": (swap("name: good\n", ""), 1, 1, "name: missing; it must be said"),
    "no signal in the strategy": (swap("signal: up, ", ""), 5, 11, "strategy.signal: missing; it must be said"),
    "prices left unsaid": (swap("prices: as_traded, ", ""), 2, 7, "prices must be said for source parquet"),
    # --- values ---
    "a stop given as 2": (add("exits: {stop_loss: 2}"), 6, 20, "expected a fraction from 0 to 1, got 2; write 2% or 0.02"),
    "a stop of 200 %": (add("exits: {stop_loss: 200%}"), 6, 20, "expected 0% to 100%, got 200%"),
    "a negative stop": (add("exits: {stop_loss: -2%}"), 6, 20, "expected 0% to 100%, got -2%"),
    "a stop of nothing": (add("exits: {stop_loss: 0}"), 6, 20, "leave the key out to switch it off"),
    "a stop in words": (add("exits: {stop_loss: two}"), 6, 20, "expected a fraction such as 2%, 10 bps or 0.02, got 'two'"),
    "a time stop without its unit": (add("exits: {time_stop: 20}"), 6, 20, "got 20; write 20 bars"),
    "a time stop in basis points": (add("exits: {time_stop: 10 bps}"), 6, 20, "expected a number of bars such as 20 bars, got '10 bps'"),
    "a quoted number": (swap("confidence: 0.7,", 'confidence: "0.7",'), 5, 53, "expected a number, got '0.7'; take the quotes away"),
    "a truth value as a number": (swap("confidence: 0.7,", "confidence: true,"), 5, 53, "expected a number, got true"),
    "a number without an end": (swap("confidence: 0.7,", "confidence: .inf,"), 5, 53, "got inf; it must be finite"),
    "not a number": (add("capital: .nan"), 6, 10, "got nan; it must be finite"),
    "no capital": (add("capital: 0"), 6, 10, "expected a number above 0, got 0"),
    "yes for true": (add("execution: {entry_bar_protection: yes}"), 6, 35, "expected true or false, got 'yes'; write true or false"),
    "a delay of half a bar": (add("execution: {delay: 0.5}"), 6, 20, "expected a whole number, got 0.5"),
    "a choice misspelt": (add("execution: {intrabar: pesimistic}"), 6, 23, "did you mean `pessimistic`?"),
    "no slots at all": (swap("signal: up,", "max_positions: 0, signal: up,"), 5, 44, "expected 1 or more, got 0"),
    "dead without a day missed": (swap("path: bars", "delisting_after: 0, path: bars"), 2, 42, "expected 1 or more, got 0"),
    "a side that is none": (swap("signal: up,", "side: both, signal: up,"), 5, 35, "expected long, short or long_short, got 'both'"),
    "a date that is none": (swap("path: bars", "start: 2015-02-30, path: bars"), 2, 32, "expected a date such as 2015-01-31"),
    "dates the wrong way round": (swap("path: bars", "start: 2020-01-01, end: 2019-01-01, path: bars"), 2, 7, "start 2020-01-01 comes after end 2019-01-01"),
    "a symbol that is a number": (swap("path: bars", "symbols: [1234], path: bars"), 2, 35, 'expected text, got 1234; quote it: "1234"'),
    "a symbol without its list": (swap("path: bars", "symbols: AAPL, path: bars"), 2, 34, "expected a list such as [AAPL, MSFT]"),
    "no symbols at all": (swap("path: bars", "symbols: [], path: bars"), 2, 34, "leave the key out for all"),
    "a symbol named twice": (swap("path: bars", "symbols: [A, A], path: bars"), 2, 34, "a symbol stands twice"),
    "a name with a slash": (swap("name: good", "name: ../../etc"), 1, 7, "expected letters, digits, dots, dashes and underscores"),
    "a switch with no such action": (add("switches: {max_drawdown: {at: 15%, action: flaten}}"), 6, 44, "did you mean `flatten`?"),
    "reduce without a factor": (add("switches: {daily_loss: {at: 5%, action: reduce}}"), 6, 24, "reduce needs a factor: write action: {reduce: 50%}"),
    "a drawdown that resumes next day": (add("switches: {max_drawdown: {at: 5%, resume: next day}}"), 6, 26, "a drawdown has no next day"),
    "a smoothing above 1": (add("sizing: {smoothing: 1.5}"), 6, 21, "expected at most 1, got 1.5"),
    # --- what must agree ---
    "a signal nobody defined": (swap("signal: up,", "signal: upp,"), 5, 37, "no signal is called 'upp'; did you mean `up`?"),
    "a signal nobody uses": (swap("  up: {plugin: momentum}\n", "  up: {plugin: momentum}\n  down: {plugin: reversal}\n"), 5, 9, "nothing uses this signal"),
    "a plugin nobody registered": (swap("plugin: momentum", "plugin: momentun"), 4, 16, "did you mean `momentum`?"),
    "a source nobody registered": (swap("source: parquet", "source: parqet"), 2, 16, "did you mean `parquet`?"),
    "a rule nobody registered": (swap("rule: threshold", "rule: treshold"), 5, 18, "did you mean `threshold`?"),
    "leaving above entering": (swap("exit_confidence: 0.3", "exit_confidence: 0.8"), 5, 11, "exit_confidence 0.8 is above confidence 0.7"),
    "max_weight said twice": (QUINTILE.replace("quantile: 20%", "quantile: 20%, max_weight: 5%") + "caps: {max_weight: 10%}\n", 5, 67, "said here and in caps.max_weight"),
    "dividends counted twice": (swap("prices: as_traded", "prices: total_return"), 2, 7, "would count dividends twice; write dividends: none"),
}  # fmt: skip


def refusal(folder, text: str | bytes) -> str:
    file = folder / "s.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file, file_name="s.yaml")
    return str(caught.value)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_at_its_place_with_the_way_out(tmp_path, mistake):
    text, line, column, said = MISTAKES[mistake]
    first = refusal(tmp_path, text).splitlines()[0]
    assert first.startswith(f"s.yaml:{line}:{column}: ")
    assert said in first


def test_there_are_at_least_forty_of_them():
    assert len(MISTAKES) >= 40


def test_bytes_that_are_no_text_are_refused_at_the_byte(tmp_path):
    assert refusal(tmp_path, b"name: a\ndata: \xff\n").startswith("s.yaml:2:7: not UTF-8 text")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path):
    told = refusal(tmp_path, swap("signal: up,", "signal: upp,") + "exits: {stop_loss: 2}\ncapital: -1\n")
    places = [line.split(": ")[0] for line in told.splitlines() if line.startswith("s.yaml")]
    assert places == ["s.yaml:5:37", "s.yaml:6:20", "s.yaml:7:10"]


def test_the_line_and_a_caret_are_shown(tmp_path):
    told = refusal(tmp_path, add("exits: {stop_loss: 2}")).splitlines()
    assert told[1:] == ["    exits: {stop_loss: 2}", "    " + " " * 19 + "^"]


def test_the_good_file_is_good(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text(GOOD)
    assert load(file).strategy.confidence == 0.7


def test_a_file_that_is_not_there_names_its_neighbour(tmp_path):
    (tmp_path / "quintile.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match="no such file; did you mean `quintile.yaml`"):
        load(tmp_path / "quintle.yaml")
