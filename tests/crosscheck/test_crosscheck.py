"""One file in barcast and in backtrader: over random markets every fill has its equal, and whatever is changed on one side shows."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import codes as c
from engine import run
from engine.crosscheck import backtrader, crosscheck
from engine.crosscheck.compare import Comparison, Execution, compare
from engine.crosscheck.ground import OffGroundError
from engine.crosscheck.run import against
from scripts.torture_cases.crosscheck import torture
from scripts.torture_cases.markets import Case, make_case, make_panel

ROOT = Path(__file__).resolve().parents[2]
MARKETS = 40


def parted(case: Case, *sets: str) -> Comparison | None:
    """The comparison where only barcast's side has heard of `sets`; None where the market left the common ground."""
    told = run.load_config(case.config)
    panel, signals, arrays = run.prepare(told, case.panel, case.forecasts)
    record = run.run_record(run.load_config(case.config, sets), panel, signals, arrays, None, lambda text: None)
    try:
        return against(told, record, arrays["f"], signals["f"].unit)
    except OffGroundError:
        return None


def first_that_differs(rule: str, exits: set[str], *sets: str) -> Comparison | None:
    """The first comparison of a market of `rule`, with at least these exits, in which `sets` makes a difference."""
    for seed in range(150):
        case = make_case(seed)
        if case.config["strategy"]["rule"] == rule and exits <= set(case.config["exits"]):
            result = parted(case, *sets)
            if result is not None and not result.same:
                return result
    return None


def test_every_fill_has_its_equal_over_random_markets():
    tally = torture(MARKETS, 0)
    assert tally.wrong == []
    assert tally.matched > 1000
    assert set(tally.markets) == {"threshold", "threshold with exits", "quintile", "quintile with exits"}


def test_the_random_markets_are_as_rough_as_they_are_meant_to_be():
    seen: Counter[str] = Counter()
    for seed in range(MARKETS):
        case = make_case(seed)
        loaded = run.load_config(case.config)
        panel, signals, arrays = run.prepare(loaded, case.panel, case.forecasts)
        record = run.run_record(loaded, panel, signals, arrays, None, lambda text: None)
        f, codes = record.fills, record.codes
        seen["a bar touches both levels"] += int(np.count_nonzero(codes & np.uint32(c.AMBIGUOUS)))
        seen["a level at the open cancels an order"] += int(np.count_nonzero(codes & np.uint32(c.CANCELLED)))
        opened = f.reference == panel.open[f.t, f.instrument]
        for reason in (c.REASON_STOP, c.REASON_TARGET):
            seen[f"{c.REASONS[reason]} at the open"] += int(np.count_nonzero((f.reason == reason) & opened))
            seen[f"{c.REASONS[reason]} inside the bar"] += int(np.count_nonzero((f.reason == reason) & ~opened))
        keys, counts = np.unique(np.stack([f.t, f.instrument]), axis=1, return_counts=True)
        seen["two fills of one name on one slice"] += int(np.count_nonzero(counts > 1))
        target = (f.reason == c.REASON_TARGET) & opened
        low, stop = panel.low[f.t[target], f.instrument[target]], loaded.exits.stop_loss
        if stop is not None:
            seen["the open is beyond the target, the low below"] += int(
                np.count_nonzero(low < f.price[target] * (1 - stop))
            )
    assert not [what for what, count in seen.items() if count == 0], seen


@pytest.mark.parametrize(
    ("rule", "exits", "change"),
    [
        ("threshold", set(), "execution.commission=11 bps"),
        ("threshold", set(), "execution.slippage=1 bps"),
        ("threshold", set(), "strategy.size=20.5%"),
        ("threshold", set(), "strategy.cooldown=4 bars"),
        ("threshold", set(), "strategy.max_positions=1"),
        ("threshold", set(), "strategy.confidence=0.71"),
        ("threshold", set(), "strategy.exit_confidence=-1"),
        ("threshold", set(), "strategy.side=short"),
        ("threshold", {"stop_loss"}, "exits.stop_loss=2.1%"),
        ("threshold", {"take_profit"}, "exits.take_profit=2.1%"),
        ("threshold", {"stop_loss"}, "execution.entry_bar_protection=true"),
        ("threshold", {"stop_loss", "take_profit"}, "execution.intrabar=optimistic"),
        ("quintile", set(), "strategy.quantile=60%"),
        ("quintile", set(), "strategy.weight=slot"),
        ("quintile", set(), "strategy.side=long_short"),
        ("quintile", set(), "sizing.exposure={long: 55%, short: 20%}"),
        ("quintile", set(), "strategy.positive_only=true"),
        ("quintile", set(), "strategy.negative_only=true"),
        ("quintile", set(), "strategy.rebalance=daily"),
        ("quintile", set(), "strategy.min_names=3"),
        ("quintile", set(), "strategy.cooldown=4 bars"),
        ("quintile", set(), "caps.max_weight=10%"),
        ("quintile", set(), "caps.max_gross=0.5"),
        ("quintile", {"stop_loss"}, "exits.stop_loss=3.3%"),
        ("quintile", {"take_profit"}, "exits.take_profit=3.3%"),
    ],
)
def test_a_rule_that_only_one_side_follows_is_caught(rule, exits, change):
    assert first_that_differs(rule, exits, change) is not None


@pytest.mark.parametrize(
    ("method", "instead"),
    [
        ("next_open", lambda self: None),
        ("keep_alone", lambda self, i, size, kind, price: None),
        ("resize", lambda self, i, position, opened: None),
    ],
)
def test_backtraders_queue_left_to_itself_is_caught(monkeypatch, method, instead):
    monkeypatch.setattr(backtrader.Mirror, method, instead)
    assert first_that_differs("quintile", {"stop_loss"}) is not None


def test_the_same_number_makes_the_same_market():
    one, other = make_case(7), make_case(7)
    assert one.config == other.config
    assert one.panel.fingerprint == other.panel.fingerprint
    assert one.forecasts.tobytes() == other.forecasts.tobytes()
    assert make_case(8).panel.fingerprint != one.panel.fingerprint


# --- matching ---------------------------------------------------------------------------------------------------------
def held_together(ours: list[Execution], theirs: list[Execution], equity: float = 100.0) -> Comparison:
    """The comparison of two lists of fills on three slices of two names, with equity 100 against `equity` at the end."""
    import random

    panel = make_panel(random.Random(1), 2, 3)
    return compare("by hand", panel, ours, theirs, np.full(3, 100.0), np.array([100.0, 100.0, equity]))


BOUGHT = Execution(1, 0, 10.0, 20.0, 0.2, "signal")


def test_equal_fills_match_within_a_billionth():
    theirs = BOUGHT._replace(price=20.0 + 1e-9, word="market")
    result = held_together([BOUGHT], [theirs])
    assert (result.matched, result.mismatched, result.same) == (1, 0, True)
    assert result.price == pytest.approx(1e-9, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "differs"),
    [({"price": 20.01}, ("price", 0.01)), ({"quantity": 11.0}, ("quantity", 1.0)), ({"fee": 0.25}, ("fee", 0.05))],
)
def test_a_fill_that_differs_in_one_number_is_a_mismatch_with_its_size(change, differs):
    result = held_together([BOUGHT], [BOUGHT._replace(word="market", **change)])
    assert (result.matched, result.mismatched, result.same) == (0, 1, False)
    assert getattr(result, differs[0]) == pytest.approx(differs[1])
    assert "S0 (slice 1): barcast bought 10 at 20, fee 0.2 (signal), backtrader bought" in result.differences[0]


def test_a_fill_on_another_slice_is_two_mismatches_each_in_one_line():
    result = held_together([BOUGHT], [BOUGHT._replace(t=2, word="market")])
    assert result.mismatched == 2
    assert [line.split(": ")[1] for line in result.differences] == [
        "only barcast bought 10 at 20, fee 0.2 (signal)",
        "only backtrader bought 10 at 20, fee 0.2 (market)",
    ]


def test_a_sale_is_not_the_purchase_of_as_much():
    result = held_together([BOUGHT], [BOUGHT._replace(quantity=-10.0)])
    assert (result.mismatched, result.quantity) == (1, 20.0)


def test_the_same_fills_with_another_equity_are_not_the_same_run():
    result = held_together([BOUGHT], [BOUGHT], equity=100.01)
    assert (result.mismatched, result.equity_agrees, result.same) == (0, False, False)
    assert result.equity == pytest.approx(0.01)


def test_a_config_on_the_common_ground_is_run_from_its_file():
    result = crosscheck(ROOT / "configs/crosscheck/sp500-threshold.yaml", sets=["data.start=2008-01-01"])
    assert result.same
    assert result.matched > 100


def gated(case: Case) -> Case:
    """The same market under a gate of past forecasts."""
    rng = random.Random(case.seed)
    window, share = rng.choice([4, 10]), rng.choice([0.2, 0.4, 0.6])
    gate = {"confidence": f"top {share:.0%} trailing {window}"}
    if rng.random() < 0.7:
        gate["exit_confidence"] = f"top {min(1.0, share + 0.3):.0%} trailing {window}"
    old = {key: value for key, value in case.config["strategy"].items() if key != "exit_confidence"}
    return replace(case, config=case.config | {"strategy": old | gate})


def test_a_gate_of_past_forecasts_is_followed_by_both_alike_and_a_wrong_one_is_caught():
    cases = [gated(case) for seed in range(60) if (case := make_case(seed)).config["strategy"]["rule"] == "threshold"]
    found = [result for case in cases if (result := parted(case)) is not None]
    assert len(found) > 20 and all(result.same for result in found)
    assert sum(result.matched for result in found) > 400
    narrower = "strategy.confidence=top 10% trailing 10"
    wrong = [
        parted(case, narrower) for case in cases if case.config["strategy"].get("exit_confidence", "").endswith(" 10")
    ]
    assert any(result is not None and not result.same for result in wrong)
