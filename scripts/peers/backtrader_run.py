"""backtrader: market orders to target sizes, sells first, filled at the next open. Its lines are loaded before the clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
from serve import Answer, serve

FIRST_DAY = 730122.0  # a date number that backtrader takes: 2000-01-03


class Columns(bt.feed.DataBase):
    """A feed over five columns of NumPy."""

    params = (("columns", None),)

    def start(self) -> None:
        super().start()
        self.row = 0

    def _load(self) -> bool:
        row, columns = self.row, self.p.columns
        if row == len(columns[0]):
            return False
        line = self.lines
        line.datetime[0] = FIRST_DAY + row
        line.open[0], line.high[0], line.low[0], line.close[0], line.volume[0] = (float(c[row]) for c in columns)
        line.openinterest[0] = 0.0
        self.row = row + 1
        return True


class Targets(bt.Strategy):
    """Orders the difference to each row's weights, reductions before increases; keeps its own time."""

    params = (("weights", None),)

    def start(self) -> None:
        self.row, self.fills, self.started = 0, 0, time.perf_counter()

    def stop(self) -> None:
        self.seconds = time.perf_counter() - self.started

    def notify_order(self, order: Any) -> None:
        self.fills += order.status == order.Completed

    def next(self) -> None:
        weights, equity, broker = self.p.weights[self.row], self.broker.getvalue(), self.broker
        increases = []
        for i, data in enumerate(self.datas):
            held = broker.getposition(data).size
            if weights[i] == 0.0 and held == 0.0:
                continue
            change = weights[i] * equity / data.close[0] - held
            if change < 0.0:
                self.sell(data=data, size=-change)
            elif change > 0.0:
                increases.append((data, change))
        for data, change in increases:
            self.buy(data=data, size=change)
        self.row += 1


def quintile(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """A fresh Cerebro for each run, its data preloaded and its strategy run bar by bar."""
    columns = [np.load(folder / f"{name}.npy") for name in ("open", "high", "low", "close", "volume")]
    weights = np.load(folder / "weights.npy")

    def run() -> Answer:
        cerebro = bt.Cerebro(stdstats=False, preload=True, runonce=True)
        for i in range(weights.shape[1]):
            cerebro.adddata(Columns(columns=[column[:, i] for column in columns]), name=f"S{i:04d}")
        cerebro.broker.setcash(facts["capital"])
        cerebro.broker.setcommission(commission=facts["commission"])
        cerebro.broker.set_slippage_perc(facts["slippage"], slip_open=True, slip_match=True, slip_out=True)
        cerebro.addstrategy(Targets, weights=weights)
        strategy = cerebro.run()[0]
        return {"seconds": strategy.seconds, "fills": strategy.fills, "equity": cerebro.broker.getvalue()}

    return run


serve(bt.__version__, {"quintile": quintile})
