"""Same tape, same digest: in a backtest, in a paper session over the same bars, and when verify replays its journal."""

from __future__ import annotations

import numpy as np
import pytest

from engine import run
from engine.live import paper
from engine.types import Order
from tests.live.market import backtest_digest, config, messy, play
from tests.promises import note

QUINTILE = {"rule": "quintile", "signal": "up", "quantile": "34%", "side": "long_short", "rebalance": "weekly"}
SHAPES = {
    "threshold": {},
    "quintile": {"strategy": QUINTILE, "sizing": {"smoothing": 0.5, "no_trade_band": "1%", "vol_target": "20%"}},
    "quintile with measures": {
        "strategy": QUINTILE,
        "sizing": {"inverse_volatility": {"window": 7}},
        "exits": {"stop_loss": {"atr": 2.0, "window": 5}, "trailing_stop": "10%"},
        "execution": {"impact": 0.2, "max_participation": "10%", "delay": 1, "borrow": "3%", "interest": "1%"},
    },
    "switches": {
        "switches": {"max_drawdown": {"at": "3%", "action": "halt", "resume": "5 bars"}, "daily_loss": "1%"},
        "caps": {"max_gross": 2.0, "max_weight": "40%"},
    },
    "fill at the close": {"execution": {"fill": "close", "per_order": 1.0}, "exits": {"time_stop": "3 bars"}},
}


def three(tmp_path, file, panel, forecasts=None, strategy=None):
    """The digests of the backtest, the session and verify; each strategy made anew."""
    made = strategy or (lambda: None)
    told = play(tmp_path / "s", file, panel, forecasts=forecasts, strategy=made())
    found = paper.verify_session(tmp_path / "s", strategy=strategy)
    backtest = backtest_digest(file, panel, forecasts, made())
    differ = len({backtest, told.fold.digest.hex(), found.backtest}) - 1
    note("same tape", backtests_held_against_sessions=1, digests_that_differ=differ)
    return backtest, told.fold.digest.hex(), found.backtest, found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_backtest_paper_and_verify_agree_on_messy_bars(tmp_path, shape, seed):
    backtest, session, again, found = three(tmp_path, config(**SHAPES[shape]), messy(seed))
    assert backtest == session == again
    assert found.fills > 5 and found.largest == 0.0 and found.complete


def test_three_slices_a_day_agree_too(tmp_path):
    file = config(switches={"daily_loss": "1%"}, strategy=QUINTILE | {"rebalance": "daily"})
    assert len(set(three(tmp_path, file, messy(3, per_day=3))[:3])) == 1


class Contrary:
    """Buys what has fallen today; remembers the day before."""

    def __init__(self):
        self.last = None

    def target(self, now):
        close, before = now.slice.close, self.last
        self.last = close
        if before is None:
            return np.full(len(now.symbols), np.nan)
        return np.where(close < before, 0.1, 0.0)


class Bids:
    """Bids under every close, with a bracket, and asks again what was refused."""

    def orders(self, now):
        for i, symbol in enumerate(now.symbols):
            if now.tradable[i] and now.account.quantity[i] == 0:
                size = 0.3 * now.account.equity / now.slice.close[i] / (2 if now.refused else 1)
                yield Order(symbol, size, "limit", limit=0.99 * now.slice.close[i], stop_loss=0.03, take_profit=0.05)


@pytest.mark.parametrize("made", [Contrary, Bids])
def test_a_python_strategy_agrees(tmp_path, made):
    file = config(signals={}, strategy={"rule": "mine"})
    file["strategy"] = {"rule": "threshold", "signal": "up", "confidence": 0.5}
    file["signals"] = {"up": {"plugin": "momentum", "lookback": 1, "skip": 0}}
    file["feed"] = {"source": "replay", "warm_up": 0}
    backtest, session, again, found = three(tmp_path, file, messy(4), strategy=made)
    assert backtest == session == again
    assert found.fills > 10


def test_a_file_of_orders_agrees(tmp_path):
    panel = messy(5)
    lines = ["date,symbol,quantity,kind,limit,stop,stop_loss"]
    for t in range(2, 70, 3):
        day, price = panel.dates()[t], panel.close[t, t % 5]
        if np.isfinite(price):
            lines.append(f"{day},S{t % 5},{'-' if t % 2 else ''}200,limit,{price:.2f},,0.05")
            lines.append(f"{day},S{(t + 1) % 5},150,market,,,")
    (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n")
    file = config(signals={}, strategy={"rule": "orders", "path": str(tmp_path / "orders.csv")})
    backtest, session, again, found = three(tmp_path, file, panel)
    assert backtest == session == again
    assert found.fills > 10


def test_precomputed_forecasts_agree(tmp_path):
    panel = messy(6)
    forecasts = np.random.default_rng(6).normal(0.0, 0.05, panel.close.shape)
    file = config(signals={"up": {"plugin": "precomputed", "unit": "return"}})
    backtest, session, again, found = three(tmp_path, file, panel, forecasts)
    assert backtest == session == again
    assert found.fills > 10 and not found.asked_again


def test_dated_members_agree(tmp_path):
    import engine

    base = messy(7)
    member = np.random.default_rng(7).random(base.close.shape) < 0.8
    panel = engine.Panel.from_arrays(
        base.universe.symbols, base.times, base.open, base.high, base.low, base.close, base.volume,
        missing_open="previous_close", calendar="24/7", member=member,
    )  # fmt: skip
    assert len(set(three(tmp_path, config(strategy=QUINTILE), panel)[:3])) == 1


def test_warm_up_is_history_on_which_nothing_is_opened(tmp_path):
    panel = messy(8)
    file = config(feed={"source": "replay", "warm_up": 40})
    told = play(tmp_path / "s", file, panel)
    rows = run.load_config(file)
    assert rows.feed.warm_up == 40
    found = paper.verify_session(tmp_path / "s")
    assert found.warm_up == 40 and found.digest == told.fold.digest.hex()
    from engine import journal
    from engine.live import tape

    filled = [row.body["t"] for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.FILL]
    assert filled and min(filled) > 40
    assert backtest_digest(file, panel) != found.digest  # the backtest trades from the first full window on


@pytest.mark.parametrize("name", ["us20-quintile", "sp500-threshold"])
def test_the_packaged_bars_agree(tmp_path, name):
    file = run.load_config(f"configs/demo/{name}.yaml").resolved()
    start, end = ("2005-01-01", "2009-06-01") if name.startswith("sp500") else ("2019-01-01", "2022-12-31")
    file["data"].update(start=start, end=end)
    file["feed"] = {"source": "replay"}
    backtest, session, again, found = three(tmp_path, file, None)
    assert backtest == session == again
    assert found.fills >= 4
