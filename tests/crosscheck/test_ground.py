"""Off the common ground nothing is compared, and every reason is told in a line of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import Panel, run
from engine.crosscheck import crosscheck, ground
from engine.crosscheck.ground import OffGroundError

NAN = float("nan")


def config(**parts: Any) -> dict[str, Any]:
    """A file on the common ground, with some of its sections replaced."""
    return {
        "name": "shared",
        "data": {"source": "csv", "path": "none.csv", "prices": "split_adjusted", "dividends": "none"},
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 0.5, "size": 0.5},
    } | parts


def panel(**changes: Any) -> Panel:
    """Two names on four days at 10, with some of the columns replaced."""
    days = np.arange("2020-01-06", "2020-01-10", dtype="datetime64[D]")
    columns = {name: np.full((4, 2), 10.0) for name in ("open", "high", "low", "close", "volume")}
    return Panel.from_arrays(["A", "B"], days, **(columns | {"prices": "split_adjusted"} | changes))


def without(t: int, i: int) -> np.ndarray:
    """Prices of 10 but for one that is not known."""
    prices = np.full((4, 2), 10.0)
    prices[t, i] = NAN
    return prices


def reasons(told: dict[str, Any], bars: Panel | None = None, forecast: float = NAN) -> tuple[str, ...]:
    """Why a run is off the common ground."""
    bars = panel() if bars is None else bars
    with pytest.raises(OffGroundError) as refused:
        crosscheck(told, bars, np.full(bars.close.shape, forecast))
    assert refused.value.exit_code == 2
    assert str(refused.value).splitlines()[1:] == ["  " + reason for reason in refused.value.reasons]
    return refused.value.reasons


def test_a_file_on_the_common_ground_is_compared():
    result = crosscheck(config(), panel(), np.full((4, 2), 1.0))
    assert (result.matched, result.mismatched, result.same) == (2, 0, True)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"exits": {"trailing_stop": 0.1}}, "exits.trailing_stop: backtrader's trailing stop follows closes"),
        ({"exits": {"break_even": 0.1}}, "exits.break_even: backtrader has no order that arms itself; leave it out"),
        ({"exits": {"time_stop": "3 bars"}}, "exits.time_stop: backtrader has no order that counts bars"),
        ({"exits": {"stop_loss": 0.1}}, "execution.entry_bar_protection: backtrader's brackets sleep"),
        ({"sizing": {"smoothing": 0.5}}, "sizing.smoothing: it is not written a second time; set it to 1.0"),
        ({"sizing": {"vol_target": 0.1}}, "sizing.vol_target: it is not"),
        ({"sizing": {"no_trade_band": 0.1}}, "sizing.no_trade_band: it is not"),
        ({"caps": {"max_net": 0.5}}, "caps.max_net: it is not"),
        ({"caps": {"max_sector": 0.5}}, "caps.max_sector: it is not"),
        ({"switches": {"max_drawdown": "10%"}}, "switches.max_drawdown: it is not"),
        ({"switches": {"daily_loss": "10%"}}, "switches.daily_loss: it is not"),
        ({"execution": {"fill": "close"}}, "execution.fill: only orders for the next open"),
        ({"execution": {"delay": 1}}, "execution.delay: backtrader's orders meet the next bar; set it to 0"),
        ({"execution": {"per_share": 0.01}}, "execution.per_share: only fees in proportion to value"),
        ({"execution": {"per_order": 1.0}}, "execution.per_order: only fees in proportion to value"),
        ({"execution": {"min_fee": 1.0}}, "execution.min_fee: only fees in proportion to value"),
        ({"execution": {"impact": 0.1}}, "execution.impact: backtrader's slippage does not know volume"),
        ({"execution": {"max_participation": 0.1}}, "execution.max_participation: backtrader's fillers"),
        ({"execution": {"borrow": 0.1}}, "execution.borrow: backtrader charges interest on the entry price"),
        ({"execution": {"interest": 0.1}}, "execution.interest: backtrader pays none on cash"),
        ({"execution": {"maintenance": 0.1}}, "execution.maintenance: backtrader has no margin calls"),
        ({"execution": {"lot": 10.0}}, "execution.lot 10: both trade whole shares only at lot 1"),
        ({"execution": {"tick": 0.01}}, "execution.tick: backtrader rounds no levels"),
        ({"universe": {"members": "m.csv"}}, "universe.members: members that come and go"),
    ],
)
def test_a_key_that_is_not_shared_is_a_reason(parts, said):
    told = reasons(config(**parts))
    assert len(told) == 1
    assert told[0].startswith(said)


def test_slippage_with_limits_is_a_reason():
    exits = {"exits": {"take_profit": 0.1}, "execution": {"slippage": 0.001, "entry_bar_protection": False}}
    assert "slips a limit at a gap" in reasons(config(**exits))[0]


def test_an_intrabar_order_that_backtrader_lacks_is_a_reason():
    execution = {"intrabar": "nearest", "entry_bar_protection": False}
    told = reasons(config(exits={"stop_loss": 0.1, "take_profit": 0.1}, execution=execution))
    assert told[0].startswith("execution.intrabar nearest: of a bracket backtrader always takes the stop")


def test_all_reasons_are_told_at_once():
    told = reasons(config(execution={"delay": 1, "min_fee": 1.0}, caps={"max_net": 1.0}))
    assert [reason.split(":")[0] for reason in told] == ["caps.max_net", "execution.delay", "execution.min_fee"]


@pytest.mark.parametrize(
    ("section", "key", "parts", "said"),
    [
        ("execution", "commission", {"execution": {"commission": 0.001}}, "execution.commission: it is not written a second time; set it to 0.0"),
        ("threshold", "size", {}, "strategy.size: it is not written a second time; set it to 0.1"),
    ],
)  # fmt: skip
def test_a_key_that_a_later_version_brings_is_a_reason_until_it_is_shared(monkeypatch, section, key, parts, said):
    monkeypatch.setitem(ground.SHARED, section, ground.SHARED[section] - {key})
    assert reasons(config(**parts)) == (said,)


def test_a_section_that_a_later_version_brings_is_a_reason_until_it_is_shared(monkeypatch):
    monkeypatch.delitem(ground.SHARED, "caps")
    assert reasons(config(caps={"max_weight": 0.2})) == (
        "caps.max_weight: it is not written a second time; set it to 1.0",
    )


def test_a_level_that_is_no_fraction_is_a_reason():
    loaded = run.load_config(config(execution={"entry_bar_protection": False}))
    ranged = loaded.model_copy(update={"exits": loaded.exits.model_copy(update={"stop_loss": {"atr": 2.0}})})
    assert ground.off_the_file(ranged) == ["exits.stop_loss: only a fraction of the entry price is compared"]


def test_another_rule_is_a_reason():
    loaded = run.load_config(config())
    python = loaded.model_copy(update={"strategy": type("Python", (), {"rule": "mine"})()})
    assert ground.off_the_file(python) == ["strategy.rule mine: only threshold and quintile are written a second time"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({name: without(2, 1) for name in ("open", "high", "low", "close", "volume")}, "gaps: 1 of 8 bars are missing, first B on 2020-01-08"),
        ({"splits": np.array([[1, 1], [1, 1], [1, 2], [1, 1]]), "prices": "as_traded", "verify": False}, "splits or dividends: 1 of them"),
        ({"open": without(2, 1), "missing_open": "close_fills"}, "opens: 1 of 8 bars have none, first B on 2020-01-08"),
        ({"member": np.array([[True, True]] * 3 + [[True, False]])}, "members that come and go are not compared"),
    ],
)  # fmt: skip
def test_bars_that_are_not_shared_are_a_reason(changes, said):
    told = reasons(config(), panel(**changes))
    assert len(told) == 1
    assert told[0].startswith(said)


def test_levels_need_highs_and_lows():
    bars = panel(high=without(3, 0), low=without(3, 0))
    told = reasons(config(exits={"stop_loss": 0.1}, execution={"entry_bar_protection": False}), bars)
    assert [reason.split(":")[0] for reason in told] == ["highs", "lows"]
    assert crosscheck(config(), bars, np.full((4, 2), NAN)).same


def test_an_open_that_is_missing_on_the_first_slice_matters_to_nobody():
    bars = panel(open=without(0, 0), missing_open="previous_close")
    assert crosscheck(config(), bars, np.full((4, 2), 1.0)).matched == 2


def test_cash_that_runs_short_is_a_reason_with_its_first_day():
    opened = np.full((4, 2), 10.0)
    opened[1] = 11.0  # 5,000 shares of each were ordered at 10; what is left after A never pays for its half in B
    told = reasons(config(), panel(open=opened, high=np.maximum(opened, 10.0)), 1.0)
    assert [reason.split("; ")[0] for reason in told] == [
        "cash: barcast scaled 2 orders for lack of it, first A on 2020-01-07",
        "cash: backtrader refused 3 orders for lack of it, first B on 2020-01-07",
    ]


def test_ruin_is_a_reason():
    prices = np.full((4, 2), 10.0)
    prices[2:] = 40.0  # short 100 % of equity, it loses three times that
    bars = panel(open=prices, high=prices, low=prices, close=prices)
    rule = {"rule": "threshold", "signal": "f", "confidence": 0.5, "size": 0.5, "side": "short"}
    assert reasons(config(strategy=rule), bars, -1.0)[-1] == "ruin: equity was at or below zero on 2020-01-08"
