"""Every row that a growing market derives has the bits of the panel's own, however often its arrays are renewed."""

from __future__ import annotations

import numpy as np
import pytest

from engine import assembly
from engine.live import growing
from engine.live.feed import Action, Resume
from engine.live.replay import Replay
from engine.measures import Measures
from tests.live.market import messy

GRIDS = ("open", "high", "low", "close", "volume")


def bits(array):
    return np.ascontiguousarray(array).view(np.uint64)


def same(one, other):
    """Equal to the bit; every NaN is equal."""
    one, other = np.asarray(one), np.asarray(other)
    return bool(((bits(one) == bits(other)) | (np.isnan(one) & np.isnan(other))).all())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("least", [4, 512])
def test_adjusted_prices_measures_and_volatility_are_the_panel_s(monkeypatch, seed, least):
    monkeypatch.setattr(growing, "LEAST", least)
    panel, measures = messy(seed, 300), Measures()
    for asked in (("atr", 3), ("volatility", 5), ("atr", 14), ("volatility", 30)):
        measures.place(*asked)
    market = growing.GrowingMarket(panel.universe, measures, True, 7, False)
    worked_out = measures.work_out(panel.adjusted)
    volatility = assembly.past_volatility(assembly.bar_returns(panel.adjusted.close))
    actions, moves, t = [], 0, 0
    for arrival in Replay(panel).arrivals(Resume()):
        if isinstance(arrival, Action):
            actions.append(arrival)
            continue
        moves += market.append(arrival, actions)
        actions = []
        row, now = market.rows - 1, market.market
        for key in GRIDS:
            assert same(market.window(7).__getattribute__(key), getattr(panel.window(t, 7), key)), (t, key)
            assert same(getattr(now, key)[row], getattr(panel, key)[t])
        assert same(now.measures[row], worked_out[t]), t
        assert same(now.volatility[row], volatility[t]), t
        assert market.origin + row == t
        t += 1
    assert moves == (41 if least == 4 else 0)  # of 14 rows 7 are kept: at 14, 21, ... 294


def test_windows_given_out_before_keep_their_bars(monkeypatch):
    monkeypatch.setattr(growing, "LEAST", 4)
    panel = messy(1, 60)
    market = growing.GrowingMarket(panel.universe, Measures(), False, 3, False)
    kept = []
    for arrival in Replay(panel).arrivals(Resume()):
        if not isinstance(arrival, Action):
            market.append(arrival, [])
            kept.append((market.window(3), market.window(3).close.copy()))
    assert all(same(window.close, copy) for window, copy in kept)
    with pytest.raises(ValueError, match="read-only"):
        kept[-1][0].close[0, 0] = 1.0


def test_memory_does_not_grow_with_slices():
    panel = messy(2, 400)
    market = growing.GrowingMarket(panel.universe, Measures(), True, 10, False)
    sizes = set()
    for _ in range(4):
        for arrival in Replay(panel).arrivals(Resume()):
            if not isinstance(arrival, Action):
                market.append(arrival, [])
                sizes.add(sum(grid.nbytes for grid in (*market.grids.values(), *market.adjusted.values())))
    assert len(sizes) == 1 and market.origin > 1_000
