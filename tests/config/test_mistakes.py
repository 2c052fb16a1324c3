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


SOURCE = "source: parquet, path: bars.parquet, prices: as_traded, dividends: as_traded"
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
    "more than a hundred thousand values": ("a: [" + "x," * 100_001 + "]\n", 1, 199_999, "more than 100,000 values"),
    "a control character": (swap("name: good", "name: go\x07od"), 1, 9, "control character 0x07; remove it"),
    "an escape beyond Unicode": (swap("name: good", 'name: "\\UFFFFFFFF"'), 1, 10, "an escape or a version here is out of range"),
    "half a character, escaped": (swap("name: good", 'name: "\\ud800"'), 1, 7, "control character 0xd800; remove its escape"),
    "a terminal's escape sequence as a key": (add('"\\e[31mexits": {}'), 6, 1, "control character 0x1b; remove its escape"),
    "a C1 control character": (add("benchmark: a\x9bb"), 6, 13, "control character 0x9b; remove it"),
    "a NUL byte": (add("seed: \0"), 6, 7, "control character 0x00; remove it"),
    "a version number without end": ("%YAML " + "9" * 5000 + ".1\n---\n" + GOOD, 1, 7, "out of range"),
    "twenty-one blocks": ("".join(" " * k + "a:\n" for k in range(22)), 21, 21, "nested deeper than 20 levels"),
    "a merge key": (add("<<: {seed: 1}"), 6, 1, "<<: no such key"),
    "text alone": ("just some words\n", 1, 1, "expected keys and values, got 'just some words'"),
    "a value with a colon in it": (add("benchmark: S: P"), 6, 13, "mapping values are not allowed here; a value with `: ` in it needs quotes"),
    "reduce without its braces": (add("switches: {daily_loss: {at: 5%, action: reduce: 50%}}"), 6, 47, "needs quotes, or braces if it holds keys"),
    "a value that begins with a percent sign": (add("benchmark: %SPX"), 6, 12, "cannot start any token; put the value in quotes"),
    "a key said twice": (add("name: again"), 6, 1, "name: said twice; it first stands on line 1, column 1"),
    "a nested key said twice": (add("caps:\n  max_gross: 1\n  max_gross: 2"), 8, 3, "caps.max_gross: said twice; it first stands on line 7"),
    "a key that is a list": (add("[a, b]: 1"), 6, 1, "a key must be a plain word"),
    # --- keys ---
    "an unknown key at the top": (add("exitz: {stop_loss: 2%}"), 6, 1, "exitz: no such key; did you mean `exits`?"),
    "an unknown key in data": (swap("path: bars", "pth: x, path: bars"), 2, 25, "data.pth: no such key; did you mean `path`?"),
    "an unknown key in the strategy": (swap("signal: up,", "sginal: up, signal: up,"), 5, 29, "did you mean `signal`?"),
    "an unknown key in exits": (add("exits: {stop_los: 2%}"), 6, 9, "exits.stop_los: no such key; did you mean `stop_loss`?"),
    "an unknown key in execution": (add("execution: {comission: 10 bps}"), 6, 13, "did you mean `commission`?"),
    "an unknown key in a switch": (add("switches: {daily_loss: {at: 5%, resumes: never}}"), 6, 33, "did you mean `resume`?"),
    "a key of a later version": (add("paper: {broker: file.csv}"), 6, 1, "paper: no such key."),
    "an unknown key in the universe": (add("universe: {membrs: m.csv}"), 6, 12, "universe.membrs: no such key; did you mean `members`? It takes members, members_end, sectors"),
    "members that are no table": (add("universe: {members: sp500.txt}"), 6, 21, "universe.members: expected a .csv or .parquet file, got 'sp500.txt'"),
    "members that are a list": (add("universe: {members: [AAPL]}"), 6, 21, "universe.members: expected text, got a list"),
    "sectors that are a number": (add("universe: {sectors: 11}"), 6, 21, "universe.sectors: expected text, got 11"),
    "an end that is neither in nor out": (add("universe: {members: m.csv, members_end: exclusiv}"), 6, 41, "expected inclusive or exclusive, got 'exclusiv'; did you mean `exclusive`?"),
    "an end of no members": (add("universe: {members_end: exclusive}"), 6, 25, "there are no members whose end it could be"),
    "a universe that is a file": (add("universe: members.csv"), 6, 11, "universe: expected keys and values, got 'members.csv'"),
    "a sigma loss in short": (add("switches: {sigma_loss: 3}"), 6, 24, "expected keys and values such as {at: 4, window: 60}, got 3"),
    "a sigma loss without its window": (add("switches: {sigma_loss: {at: 3}}"), 6, 24, "switches.sigma_loss.window: missing"),
    "a window of one return": (add("switches: {sigma_loss: {at: 3, window: 1}}"), 6, 40, "expected 2 bars or more, got 1"),
    "a window for a drawdown": (add("switches: {max_drawdown: {at: 15%, window: 5}}"), 6, 36, "switches.max_drawdown.window: no such key; `window` belongs under switches.sigma_loss"),
    "an exit of no ATR": (add("exits: {stop_loss: {atr: 0, window: 14}}"), 6, 26, "exits.stop_loss.atr: expected a number above 0, got 0"),
    "an exit whose ATR is misspelt": (add("exits: {stop_loss: {atr: 1, art: 2}}"), 6, 29, "exits.stop_loss.art: no such key; did you mean `atr`?"),
    "a break-even in ATR": (add("exits: {break_even: {atr: 2}}"), 6, 21, "expected a fraction such as 2%, 10 bps or 0.02, got keys and values"),
    "two sizers": (add("sizing: {atr: {risk: 1%}, inverse_volatility: {window: 60}}"), 6, 15, "already says how large a position is; keep one of the two"),
    "an ATR sizer without its risk": (add("sizing: {atr: {window: 14}}"), 6, 15, "sizing.atr.risk: missing"),
    "a key whose case is wrong": (add("Capital: 1000"), 6, 1, "Capital: no such key; did you mean `capital`?"),
    "a key in the wrong section": (add("stop_loss: 2%"), 6, 1, "no such key; `stop_loss` belongs under exits. It takes name, data"),
    "the other rule's key": (swap("signal: up,", "signal: up, quantile: 20%,"), 5, 41, "strategy.quantile: no such key; `quantile` belongs to rule quintile. It takes rule, signal, confidence"),
    "an unknown key in sizing": (add("sizing: {smothing: 0.5}"), 6, 10, "sizing.smothing: no such key; did you mean `smoothing`?"),
    "an unknown key in exposure": (add("sizing: {exposure: {lng: 1}}"), 6, 21, "sizing.exposure.lng: no such key; did you mean `long`?"),
    "an unknown key in caps": (add("caps: {max_wieght: 5%}"), 6, 8, "caps.max_wieght: no such key; did you mean `max_weight`?"),
    "a key named like a rule": (swap("signal: up,", "signal: up, threshold: 1,"), 5, 41, "strategy.threshold: no such key. It takes rule, signal,"),
    "a cash cap in percent points": (add("caps: {min_cash: 5}"), 6, 18, "expected a fraction from 0 to 1, got 5; write 5%"),
    "an order value of nothing": (add("caps: {max_order_value: 0}"), 6, 25, "expected a number above 0, got 0"),
    "a rolling Sharpe switch in short": (add("switches: {rolling_sharpe: 1}"), 6, 28, "expected keys and values such as {at: -1, window: 60}, got 1"),
    "a losing streak as a fraction": (add("switches: {losing_streak: 5%}"), 6, 27, "expected a whole number, got '5%'"),
    "signals beside a file of orders": (swap("{rule: threshold, signal: up, confidence: 0.7, exit_confidence: 0.3}", "{rule: orders, path: orders.csv}"), 4, 3, "rule orders reads none. Remove it"),
    "a file of orders without its path": (swap("{rule: threshold, signal: up, confidence: 0.7, exit_confidence: 0.3}", "{rule: orders}").replace("signals:\n  up: {plugin: momentum}\n", ""), 3, 11, "strategy.path: missing"),
    "no name": (swap("name: good\n", ""), 1, 1, "name: missing; it must be said"),
    "no data": (GOOD.replace(GOOD.splitlines()[1] + "\n", ""), 1, 1, "data: missing; it must be said"),
    "no plugin": (swap("{plugin: momentum}", "{lookback: 5}"), 4, 7, "signals.up.plugin: missing; it must be said"),
    "a strategy without its rule": (swap("rule: threshold, ", ""), 5, 11, "strategy.rule: missing; it must be said"),
    "a strategy that is a word": (swap(GOOD.splitlines()[4], "strategy: threshold"), 5, 11, "strategy: expected keys and values, got 'threshold'"),
    "a section left empty": (add("exits:"), 6, 7, "exits: expected keys and values, got nothing; leave the key out for the defaults"),
    "a section that is a list": (add("caps: [1]"), 6, 7, "caps: expected keys and values, got a list"),
    "a switch without its loss": (add("switches: {daily_loss: {action: halt}}"), 6, 24, "switches.daily_loss.at: missing"),
    "no path": (swap("path: bars.parquet, ", ""), 2, 7, "data.path: missing; source parquet needs the path of a file"),
    "no signal in the strategy": (swap("signal: up, ", ""), 5, 11, "strategy.signal: missing; it must be said"),
    "prices left unsaid": (swap("prices: as_traded, ", ""), 2, 7, "data.prices: must be said for source parquet: what prices are is not guessed; write as_traded, split_adjusted or total_return"),
    # --- values ---
    "a stop given as 2": (add("exits: {stop_loss: 2}"), 6, 20, "expected a fraction from 0 to 1, got 2; write 2% or 0.02"),
    "a stop of 200 %": (add("exits: {stop_loss: 200%}"), 6, 20, "expected 0% to 100%, got 200%"),
    "a negative stop": (add("exits: {stop_loss: -2%}"), 6, 20, "expected 0% to 100%, got -2%"),
    "a stop of nothing": (add("exits: {stop_loss: 0}"), 6, 20, "leave the key out to switch it off"),
    "a stop in words": (add("exits: {stop_loss: two}"), 6, 20, "expected a fraction such as 2%, 10 bps or 0.02, got 'two'"),
    "a stop of the whole price": (add("exits: {stop_loss: 100%}"), 6, 20, "expected less than 100%, got '100%'"),
    "a quoted stop": (add('exits: {stop_loss: "0.02"}'), 6, 20, "expected a fraction such as 2%, 10 bps or 0.02, got '0.02'; take the quotes away"),
    "a target of 4": (add("exits: {take_profit: 4}"), 6, 22, "expected a fraction from 0 to 1, got 4; write 4% or 0.04"),
    "a target beyond all reason": (add("exits: {take_profit: 1001%}"), 6, 22, "expected 0% to 1000%, got 1001%"),
    "a cooldown in days": (swap("signal: up,", "cooldown: 5 days, signal: up,"), 5, 39, "expected a number of bars such as 20 bars, got '5 days'"),
    "a time stop of no bars": (add("exits: {time_stop: 0 bars}"), 6, 20, "expected at least 1 bar, got 0 bars"),
    "a confidence in percent": (swap("confidence: 0.7,", "confidence: 70%,"), 5, 53, "expected a number, got '70%'; this is a plain number: write 0.7"),
    "a gross cap in percent": (add("caps: {max_gross: 150%}"), 6, 19, "got '150%'; this is a plain number: write 1.5"),
    "a gross cap of nothing": (add("caps: {max_gross: 0}"), 6, 19, "expected a number above 0, got 0"),
    "an integer no float can hold": (add("capital: " + "9" * 400), 6, 10, "got inf; it must be finite"),
    "an integer Python will not read": (add("seed: " + "9" * 5000), 6, 7, "expected a whole number, got inf"),
    "an endless argument of a plugin": (swap("plugin: momentum", "plugin: momentum, deep: {x: [1, .nan]}"), 4, 40, "signals.up.deep.x.1: expected a number, got nan; it must be finite"),
    "a seed below 0": (add("seed: -1"), 6, 7, "seed: expected 0 or more, got -1"),
    "a quoted seed": (add('seed: "7"'), 6, 7, "expected a whole number, got '7'; take the quotes away"),
    "costs below 0": (add("execution: {per_share: -0.01}"), 6, 24, "expected 0 or more, got -0.01"),
    "a tick of 0": (add("execution: {tick: 0}"), 6, 19, "expected a number above 0, got 0"),
    "a delay without end": (add("execution: {delay: 101}"), 6, 20, "expected at most 100, got 101"),
    "no slots at all": (swap("signal: up,", "max_positions: 0, signal: up,"), 5, 44, "expected 1 or more, got 0"),
    "a rebalancing word": (QUINTILE.replace("quantile: 20%", "rebalance: montly"), 5, 51, "got 'montly'; did you mean `monthly`?"),
    "a rebalancing number": (QUINTILE.replace("quantile: 20%", "rebalance: 5"), 5, 51, "expected daily, weekly, monthly or a number of bars such as 20 bars, got 5; write 5 bars"),
    "a fill of its own": (add("execution: {fill: opne}"), 6, 19, "expected open or close, got 'opne'; did you mean `open`?"),
    "dividends of nothing": (swap("dividends: as_traded", "dividends: null"), 2, 75, "must be said for source parquet: what dividends are is not guessed"),
    "a benchmark that is a number": (add("benchmark: 500"), 6, 12, 'benchmark: expected text, got 500; quote it: "500"'),
    "a date in quotes of another calendar": (swap("path: bars", 'start: "2015-W05-6", path: bars'), 2, 32, "expected a date such as 2015-01-31, got '2015-W05-6'"),
    "a year as a date": (swap("path: bars", "end: 2015, path: bars"), 2, 30, "expected a date such as 2015-01-31, got 2015"),
    "a symbol of nothing": (swap("path: bars", 'symbols: [""], path: bars'), 2, 35, "data.symbols.0: expected text, got ''"),
    "dead without a day missed": (swap("path: bars", "delisting_after: 0, path: bars"), 2, 42, "expected 1 or more, got 0"),
    "a signal's name with a dot": (swap("  up:", "  up.down:"), 4, 3, "expected a word of letters, digits, _ and - as the name of a signal, got 'up.down'"),
    "in_sample that looks away": (swap("plugin: momentum", "plugin: momentum, in_sample: ignore"), 4, 37, "signals.up.in_sample: expected refuse or mark, got 'ignore'"),
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
    "a side that is none": (swap("signal: up,", "side: both, signal: up,"), 5, 35, "expected long, short or long_short, got 'both'"),
    "a date that is none": (swap("path: bars", "start: 2015-02-30, path: bars"), 2, 32, "expected a date such as 2015-01-31"),
    "dates the wrong way round": (swap("path: bars", "start: 2020-01-01, end: 2019-01-01, path: bars"), 2, 32, "data.start: 2020-01-01 comes after end 2019-01-01 (line 2, column 49); turn them round"),
    "a symbol that is a number": (swap("path: bars", "symbols: [1234], path: bars"), 2, 35, 'expected text, got 1234; quote it: "1234"'),
    "a symbol without its list": (swap("path: bars", "symbols: AAPL, path: bars"), 2, 34, "expected a list such as [AAPL, MSFT]"),
    "no symbols at all": (swap("path: bars", "symbols: [], path: bars"), 2, 34, "leave the key out for all"),
    "a symbol named twice": (swap("path: bars", "symbols: [A, A], path: bars"), 2, 38, "data.symbols.1: 'A' stands twice, first (line 2, column 35); name each symbol once"),
    "a name with a slash": (swap("name: good", "name: ../../etc"), 1, 7, "expected letters, digits, dots, dashes and underscores"),
    "a switch with no such action": (add("switches: {max_drawdown: {at: 15%, action: flaten}}"), 6, 44, "did you mean `flatten`?"),
    "reduce without a factor": (add("switches: {daily_loss: {at: 5%, action: reduce}}"), 6, 41, "reduce needs a factor: write action: {reduce: 50%}"),
    "a drawdown that resumes next day": (add("switches: {max_drawdown: {at: 5%, resume: next day}}"), 6, 43, "a drawdown has no next day; write never or a number of bars such as 20 bars"),
    "a smoothing above 1": (add("sizing: {smoothing: 1.5}"), 6, 21, "expected at most 1, got 1.5"),
    "a factor for nothing": (add("switches: {daily_loss: {at: 5%, action: halt, factor: 50%}}"), 6, 55, "only reduce takes a factor, and action is halt"),
    "a reduction of 5": (add("switches: {daily_loss: {at: 5%, action: {reduce: 5}}}"), 6, 50, "expected a fraction from 0 to 1, got 5; write 5% or 0.05"),
    "a short switch of 5": (add("switches: {daily_loss: 5}"), 6, 24, "switches.daily_loss: expected a fraction from 0 to 1, got 5; write 5% or 0.05"),
    "a way back that is none": (add("switches: {daily_loss: {at: 5%, resume: tomorow}}"), 6, 41, "expected never, next day or a number of bars such as 20 bars, got 'tomorow'"),
    # --- what must agree ---
    "a packaged set misspelt": (swap(SOURCE, "source: packaged, name: sp50"), 2, 32, "there is no packaged set 'sp50'; did you mean `sp500`? Known: sp500"),
    "a packaged set with a path": (swap(SOURCE, "source: packaged, name: sp500, path: x.csv"), 2, 45, "source packaged takes a name and no path"),
    "a packaged set that knows better": (swap(SOURCE, "source: packaged, name: sp500, prices: as_traded"), 2, 47, "the prices of sp500 are split_adjusted, got as_traded; leave the key out"),
    "a file with a set's name": (swap("path: bars.parquet", "path: bars.parquet, name: sp500"), 2, 51, "source parquet takes a path and no name"),
    "a source of a later version": (swap("source: parquet", "source: bloomberg"), 2, 16, "no source is registered as 'bloomberg'"),
    "a gross cap said twice in one section": (add("caps: {max_gross: 1, max_gross: 2}"), 6, 22, "said twice; it first stands on line 6, column 8"),
    "signals without one": (swap("signals:\n  up: {plugin: momentum}", "signals: {}"), 4, 37, "no signal is called 'up'. There is none: define it under signals"),
    "a signal nobody defined": (swap("signal: up,", "signal: upp,"), 5, 37, "no signal is called 'upp'; did you mean `up`?"),
    "a signal nobody uses": (swap("  up: {plugin: momentum}\n", "  up: {plugin: momentum}\n  down: {plugin: reversal}\n"), 5, 3, "signals.down: nothing uses this signal; the strategy reads 'up'. Remove it"),
    "a plugin nobody registered": (swap("plugin: momentum", "plugin: momentun"), 4, 16, "did you mean `momentum`?"),
    "a source nobody registered": (swap("source: parquet", "source: parqet"), 2, 16, "did you mean `parquet`?"),
    "a rule nobody registered": (swap("rule: threshold", "rule: treshold"), 5, 18, "did you mean `threshold`?"),
    "a share without its sign": (swap("confidence: 0.7,", "confidence: top 10 trailing 252,"), 5, 53, "expected a number such as 0.7, or top 10% trailing 252, got 'top 10 trailing 252'"),
    "a share of nothing": (swap("confidence: 0.7,", "confidence: top 0% trailing 252,"), 5, 53, "top 0% trailing 252 lets no forecast in; expected more than 0%"),
    "a share above all": (swap("confidence: 0.7,", "confidence: top 110% trailing 252,"), 5, 53, "expected 0% to 100%, got 110%"),
    "a share of everything": (swap("confidence: 0.7, exit_confidence: 0.3", "confidence: top 100% trailing 252"), 5, 53, "top 100% trailing 252 lets every forecast in; expected less than 100%"),
    "a record of one": (swap("confidence: 0.7,", "confidence: top 10% trailing 1,"), 5, 53, "expected 2 to 10000 forecasts to compare with, got 1"),
    "entering by a share, leaving by a number": (swap("confidence: 0.7,", "confidence: top 10% trailing 252,"), 5, 92, "strategy.exit_confidence: 0.3 is a number, and confidence top 10% trailing 252 (line 5, column 53) a share; expected such as top 50% trailing 252"),
    "entering by a number, leaving by a share": (swap("exit_confidence: 0.3", "exit_confidence: top 50% trailing 252"), 5, 75, "top 50% trailing 252 is a share, and confidence 0.7 (line 5, column 53) a number; expected a number of at most 0.7"),
    "two lengths of record": (swap("confidence: 0.7, exit_confidence: 0.3", "confidence: top 10% trailing 252, exit_confidence: top 50% trailing 100"), 5, 92, "top 50% trailing 100 and confidence top 10% trailing 252 (line 5, column 53) look back differently; expected trailing 252"),
    "leaving by a narrower share": (swap("confidence: 0.7, exit_confidence: 0.3", "confidence: top 10% trailing 252, exit_confidence: top 5% trailing 252"), 5, 92, "top 5% trailing 252 is narrower than confidence top 10% trailing 252 (line 5, column 53): a position would leave as soon as it entered; expected at least 10%"),
    "leaving above entering": (swap("exit_confidence: 0.3", "exit_confidence: 0.8"), 5, 75, "strategy.exit_confidence: 0.8 is above confidence 0.7 (line 5, column 53)"),
    "max_weight said twice": (QUINTILE.replace("quantile: 20%", "quantile: 20%, max_weight: 5%") + "caps: {max_weight: 10%}\n", 5, 67, "said here and in caps.max_weight (line 6, column 20); say it once"),
    "dividends counted twice": (swap("prices: as_traded", "prices: total_return"), 2, 78, "data.dividends: as_traded with prices total_return (line 2, column 53) would count dividends twice; write none"),
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
    assert len({text for text, *_ in MISTAKES.values()}) == len(MISTAKES)


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


def test_a_long_line_is_shown_around_its_mistake(tmp_path):
    shown, caret = refusal(tmp_path, add("sizing: {" + "  " * 200 + "smothing: 1}")).splitlines()[1:]
    assert len(shown) < 170
    assert shown[len(caret) - 1 :].startswith("smothing")


def test_a_thousand_mistakes_are_counted_and_twenty_told(tmp_path):
    told = refusal(tmp_path, GOOD + "".join(f"k{k}: 1\n" for k in range(1000))).splitlines()
    assert sum(line.startswith("s.yaml:") for line in told) == 20
    assert told[0].startswith("s.yaml:6:1: k0: no such key.")
    assert told[-1] == "... and 980 more"


@pytest.mark.parametrize(
    ("path", "said"), [("a\0b.yaml", "null byte"), (".", "directory"), ("none/s.yaml", "there is no folder none")]
)
def test_a_path_that_is_no_file_is_refused_in_words(tmp_path, monkeypatch, path, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        load(path)


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(ConfigError, match="at most 1,000,000 bytes"):
        load("/dev/zero")


def test_a_message_does_not_echo_a_book(tmp_path):
    assert max(map(len, refusal(tmp_path, add("x" * 900 + ": 1")).splitlines())) <= 600
    assert max(map(len, refusal(tmp_path, add("exits: {stop_loss: " + "9" * 9000 + "%}")).splitlines())) <= 600
