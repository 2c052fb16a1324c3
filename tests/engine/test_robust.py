"""Other assumptions: what the order inside a bar, costs and a bar's delay make of a run, with money worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import engine
from engine.errors import DataError
from engine.robust import COSTS, as_document, from_document
from engine.rundir import load_robustness, save_robustness
from tests.engine.test_run import bars, config

WHOLE = {"rule": "threshold", "signal": "f", "confidence": 0.5, "exit_confidence": -0.5, "size": "100%"}


def panel_of(*rows: tuple[float, float, float, float]) -> engine.Panel:
    """One instrument, A, of (open, high, low, close)."""
    days = np.datetime64("2020-01-01") + np.arange(len(rows))
    columns = [np.array([[row[k]] for row in rows], float) for k in range(4)]
    volume = np.full((len(rows), 1), 1e6)
    return engine.Panel.from_arrays(("A",), days, *columns, volume, prices="split_adjusted", lot=0.0)


def flat(price: float) -> tuple[float, float, float, float]:
    return (price, price, price, price)


def found_of(panel: engine.Panel, forecasts: list[float], **sections: object) -> engine.robustness:
    own = config(strategy=WHOLE, capital=1000, **{"execution": {"lot": 0}, **sections})
    return engine.robustness(own, panel, forecasts=np.array(forecasts, float)[:, None])


def test_a_bar_that_touches_both_levels_gives_an_interval_from_the_stop_to_the_target():
    """Bought at 100; the next bar spans 85 to 115 with a stop at 90 and a target at 110: 900 or 1100 of 1000."""
    panel = panel_of(flat(100), flat(100), (100, 115, 85, 100), flat(100))
    found = found_of(panel, [1, 0, 0, 0], exits={"stop_loss": "10%", "take_profit": "10%"})
    assert found.policies["pessimistic"]["total_return"] == pytest.approx(-0.1)
    assert found.policies["optimistic"]["total_return"] == pytest.approx(0.1)
    assert found.interval("total_return") == pytest.approx((-0.1, 0.1))


def test_the_ambiguous_bars_are_listed():
    panel = panel_of(flat(100), flat(100), (100, 115, 85, 100), flat(100))
    own = config(strategy=WHOLE, capital=1000, execution={"lot": 0}, exits={"stop_loss": "10%", "take_profit": "10%"})
    bars = engine.backtest(own, panel, np.array([[1.0], [0], [0], [0]])).ambiguous
    assert [(str(row.date)[:10], row.symbol) for row in bars.itertuples()] == [("2020-01-03", "A")]


def test_the_break_even_cost_is_what_eats_the_whole_gain():
    """1000 buys 1000 / (1 + c) of stock, which rises a tenth and is sold for 1 - c of it: nothing is left at c = 0.1 / 2.1."""
    found = found_of(panel_of(flat(100), flat(100), flat(110), flat(110), flat(110)), [1, 0, -1, -1, -1])
    assert found.break_even == pytest.approx(0.1 / 2.1, abs=2e-5)
    assert found.commission == found.slippage == COSTS
    grid = found.total_return
    assert grid[0, 0] == pytest.approx(0.1) and (np.diff(grid, axis=0) < 0).all() and (np.diff(grid, axis=1) < 0).all()


def test_a_run_that_loses_without_costs_has_no_break_even_cost():
    found = found_of(panel_of(flat(100), flat(100), flat(90), flat(90)), [1, 0, -1, -1])
    assert found.break_even is None and found.break_even_note == "it loses without any commission"


def test_a_run_that_no_cost_can_spoil_says_so():
    found = found_of(panel_of(flat(100), flat(100), flat(300), flat(300), flat(300)), [1, 0, -1, -1, -1])
    assert found.break_even is None and found.break_even_note == "it still gains at 5% of value per side"


def test_a_bar_late_is_another_price():
    """Decided on the first close: in at 100, or a bar late at 105, or two bars late at 110; out at 110 each time."""
    found = found_of(panel_of(flat(100), flat(100), flat(105), flat(110), flat(110), flat(110)), [1, 0, 0, 0, 0, 0])
    gains = [found.delays[delay]["total_return"] for delay in (0, 1, 2)]
    assert gains == pytest.approx([0.1, 110 / 105 - 1, 0.0])


def test_it_is_kept_and_read_back_alike(tmp_path):
    found = found_of(panel_of(flat(100), flat(100), flat(110), flat(110), flat(110)), [1, 0, -1, -1, -1])
    assert load_robustness(tmp_path) is None
    save_robustness(found, tmp_path)
    assert as_document(load_robustness(tmp_path)) == as_document(found)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1, "costs": 5}', "\x00"])
def test_a_damaged_file_is_one_line(tmp_path, text):
    (tmp_path / "robustness.json").write_text(text)
    with pytest.raises(DataError, match="run with --robustness again"):
        load_robustness(tmp_path)


def test_a_document_of_another_shape_is_damaged():
    document = as_document(found_of(panel_of(flat(100), flat(100), flat(110)), [1, 0, 0]))
    document["costs"]["sharpe"] = document["costs"]["sharpe"][1:]
    with pytest.raises(DataError, match="damaged"):
        from_document(json.loads(json.dumps(document)))


def test_bars_are_read_once_for_all_of_it(monkeypatch):
    from engine import run

    seen = []
    whole = run.prepare
    monkeypatch.setattr(run, "prepare", lambda *told: seen.append(1) or whole(*told))
    engine.robustness(
        config(), engine.Panel.from_frame(bars(A=[10, 11, 12, 13]), dividends="none"), forecasts=np.ones((4, 1))
    )
    assert len(seen) == 1
