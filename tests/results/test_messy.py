"""Round trips of real runs over random messy markets: splits, deaths, gaps, levels, flips, ruin."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from engine import codes as c
from engine.metrics import compute
from engine.run import record_of
from engine.trades import round_trips
from tests.reference.bridge import build
from tests.reference.messy import make_case


def record_after(seed: int):
    """The record of one messy run, with as much of a panel as trades and metrics read."""
    engine = build(*make_case(seed))
    engine.run()
    market, specs = engine.market, engine.specs
    row = np.repeat(np.arange(len(market.times)), np.diff(market.action_first))
    actions = SimpleNamespace(
        row=row, instrument=market.action_instrument, split=market.action_split, dividend=market.action_dividend
    )
    panel = SimpleNamespace(
        times=market.times,
        open=market.open,
        high=market.high,
        low=market.low,
        close=market.close,
        actions=actions,
        bars_per_year=252.0,
        universe=SimpleNamespace(symbols=engine.symbols, lot=specs.lot, multiplier=specs.multiplier),
    )
    panel.universe = type("Universe", (), {**vars(panel.universe), "__len__": lambda self: len(self.symbols)})()
    return record_of(engine, panel, {}, float(engine.rules.capital), 0.0)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_trades_of_messy_runs_add_up_to_the_account(start):
    seen = set()
    for seed in range(start, start + 100):
        record = record_after(seed)
        trades = round_trips(record)
        change = record.equity[-1] - record.capital
        scale = max(1.0, float(np.abs(record.equity).max()))
        assert trades.pnl.sum() + record.accrued.sum() == pytest.approx(change, abs=1e-9 * scale), seed
        held = np.flatnonzero(record.quantity)
        assert sorted(trades.instrument[trades.is_open]) == held.tolist(), seed
        for i in held:
            k = np.flatnonzero(trades.is_open & (trades.instrument == i))[0]
            assert trades.entry_row[k] == record.entry_t[i], seed
        values, _ = compute(record, trades)
        assert all(value is None or math.isfinite(value) for value in values.values()), seed
        seen |= set(trades.reason.tolist())
    assert {c.REASON_ORDER, c.REASON_STOP, c.REASON_DEATH, c.REASON_TIME} <= seen
