"""Each check of a strategy catches the wrong strategy it is for, before any other check does."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from engine.checks import check_strategy


class Honest:
    """A tenth of equity in whatever has a forecast above 0."""

    def __init__(self, weight=0.1):
        self.weight = weight

    def want(self, forecast):
        return np.where(np.isnan(forecast), np.nan, np.where(forecast > 0.0, self.weight, 0.0))

    def target(self, now):
        return self.want(now.forecasts["alpha"])


class Mute:
    pass


class Keyed(Honest):
    def __init__(self, legs=(0.1, 0.1)):
        super().__init__({(0.1, 0.1): 0.1}[legs])


class Listed(Honest):
    def target(self, now):
        return list(super().target(now))


class Short(Honest):
    def target(self, now):
        return super().target(now)[:-1]


class Infinite(Honest):
    def target(self, now):
        return super().target(now) / 0.0


class Writes(Honest):
    def target(self, now):
        now.forecasts["alpha"][np.isnan(now.forecasts["alpha"])] = 0.0
        return super().target(now)


class Marks(Honest):
    """Keeps its own stops in the account it is shown."""

    def target(self, now):
        now.account.stop[:] = 1.0
        return super().target(now)


class Chance(Honest):
    calls = itertools.count()

    def target(self, now):
        return super().target(now) * (1.0 + 1e-12 * next(self.calls))


class Shared(Honest):
    """A mutable class attribute: the second run begins where the first one ended."""

    seen: list[int] = []  # noqa: RUF012

    def target(self, now):
        self.seen.append(now.t)
        return super().target(now) if len(self.seen) < 200 else np.zeros(len(now.symbols))


class First(Honest):
    """The first three columns only."""

    def target(self, now):
        out = super().target(now)
        out[3:] = 0.0
        return out


class Bold(Honest):
    """What is not known counts as good."""

    def want(self, forecast):
        return np.where(forecast < 0.0, 0.0, self.weight)


class Fragile(Honest):
    """Weights in proportion to the forecast, and one NaN spoils the sum."""

    def want(self, forecast):
        return np.abs(forecast) / np.abs(forecast).sum()


class Peeks(Honest):
    """Climbs to the engine that called it, and reads the next row of its forecasts."""

    def target(self, now):
        out, frame = super().target(now), sys._getframe()
        while frame is not None:
            engine = frame.f_locals.get("self")
            if type(engine).__name__ == "Engine" and "alpha" in engine.signals and now.t + 1 < len(engine.forecasts):
                ahead = engine.forecasts[now.t + 1, engine.signals.index("alpha")]
                return np.where(np.isnan(out), np.nan, np.where(ahead > 0.0, self.weight, 0.0))
            frame = frame.f_back
        return out


CAUGHT = [
    (Mute, "declares", "it has no method target(now)"),
    (Keyed, "arguments", "unhashable"),
    (Listed, "shape", "it gave a list"),
    (Short, "shape", "it gave shape (7,), float64"),
    (Infinite, "shape", "it gave"),
    (Writes, "inputs", "target(now) wrote into forecasts['alpha']: was nan, is 0"),
    (Marks, "inputs", "target(now) wrote into account.stop"),
    (Chance, "repeat", "run again the target was"),
    (Shared, "repeat", "state shared between runs?"),
    (First, "permutation", "in column 7 its target is 0, in column 2 0.1"),
    (Bold, "unknown", "its forecast is NaN and its target 0.1"),
    (Fragile, "unknown", "nobody has a target"),
    (Peeks, "future", "the target was"),
]


@pytest.mark.parametrize(("strategy", "check", "said"), CAUGHT, ids=[one[0].__name__ for one in CAUGHT])
def test_a_wrong_strategy_is_caught_first_by_the_check_that_is_for_it(strategy, check, said):
    failed = [finding for finding in check_strategy(strategy) if finding.passed is False]
    assert failed[0].check == check, [f"{f.check}: {f.came}" for f in failed]
    assert said in failed[0].came + failed[0].where
    assert "test_strategy_checks.py:" in failed[0].where


RULES = [
    ("quintile", {}),
    ("quintile", {"side": "long_short", "quantile": "25%", "rebalance": "weekly", "cooldown": "3 bars"}),
    ("threshold", {}),
    ("threshold", {"confidence": 0.6, "exit_confidence": 0.4, "side": "long_short", "max_positions": 2}),
    (
        "threshold",
        {"confidence": "top 20% trailing 30", "exit_confidence": "top 50% trailing 30", "side": "long_short"},
    ),
]


@pytest.mark.parametrize(("rule", "params"), RULES)
def test_the_rules_of_the_engine_keep_their_contract(rule, params):
    found = check_strategy(rule, params=params)
    assert [finding.check for finding in found if finding.passed is not True] == []


def test_an_honest_strategy_keeps_its_contract():
    assert [finding.came for finding in check_strategy(Honest) if finding.passed is not True] == []


def test_a_strategy_with_favourites_may_say_so():
    class Pair(First):
        symmetric = False

    found = {finding.check: finding for finding in check_strategy(Pair)}
    assert found["permutation"].passed is None and "symmetric = False" in found["permutation"].came


def test_a_strategy_that_asks_its_symbols_is_symmetric():
    class Named(Honest):
        def target(self, now):
            return np.where(np.array(now.symbols) == "ELM", 0.5, 0.0)

    assert [finding.came for finding in check_strategy(Named) if finding.passed is False] == []


def test_a_strategy_that_fails_is_told_with_its_own_words_and_line():
    class Falls(Honest):
        def target(self, now):
            return now.forecasts["alpha"][99]

    failed = [finding for finding in check_strategy(Falls) if finding.passed is False]
    assert "IndexError" in failed[0].came and "test_strategy_checks.py:" in failed[0].came


def test_a_compiled_rule_that_reads_beyond_its_row_is_caught(tmp_path):
    # A kernel is not bounds-checked: row 1 of its forecasts is row 0 of the next slice.
    from engine import plugins

    (tmp_path / "beyond.py").write_text(
        "import numpy as np\n"
        "from engine.compiled import njit\n"
        "from engine.contracts import Rule\n"
        "from engine.signatures import DECIDE\n"
        "@njit(DECIDE)\n"
        "def decide(t, day, equity, cash, view, has_bar, member, tradable, sector, symbol_rank, forecasts, params, state, target, codes):\n"
        "    for i in range(target.shape[0]):\n"
        "        ahead = forecasts[int(params[0]), i]\n"
        "        if tradable[i] and not np.isnan(forecasts[0, i]):\n"
        "            target[i] = 0.1 if ahead > 0.0 else 0.0\n"
        "            codes[i] |= np.uint32(18 << 16)\n"
        "        else:\n"
        "            codes[i] |= np.uint32(17 << 16)\n"
        "    return 0\n"
        "def beyond(config, n, unit):\n"
        "    row = config.strategy.params['row']\n"
        "    return Rule(kernel=decide, params=np.array([float(row)]), state=np.zeros((1, n)), signals=('f',))\n"
        "STRATEGIES = {'beyond': beyond}\n"
    )
    try:
        plugins.load_file(tmp_path / "beyond.py")
        found = {row: check_strategy("beyond", params={"row": row}) for row in (0, 1)}
    finally:
        plugins._from_files["barcast.strategies"].clear()
    assert [finding.check for finding in found[0] if finding.passed is False] == []
    failed = [finding for finding in found[1] if finding.passed is False]
    assert "future" in [finding.check for finding in failed]
