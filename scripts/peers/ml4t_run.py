"""ml4t-backtest: its own TargetWeightExecutor, next-bar execution at the open. The targets are ready dictionaries."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from ml4t.backtest import BacktestConfig, DataFeed, Engine, RebalanceConfig, Strategy, TargetWeightExecutor
from ml4t.backtest.config import CommissionType, ExecutionPrice, ShareType, SlippageType
from ml4t.backtest.types import ExecutionMode
from serve import Answer, serve

BARS = ("open", "high", "low", "close", "volume")


class Targets(Strategy):
    """Hands the row's targets to the executor."""

    def __init__(self, targets: list[dict[str, float]]) -> None:
        self.targets, self.row = targets, 0
        self.executor = TargetWeightExecutor(RebalanceConfig(allow_fractional=True))

    def on_data(self, timestamp: datetime, data: Any, context: Any, broker: Any) -> None:
        self.executor.execute(self.targets[self.row], data, broker)
        self.row += 1


def frame_of(folder: Path, names: list[str]) -> pl.DataFrame:
    """The panel as the long frame that its feed takes."""
    columns = {name: np.load(folder / f"{name}.npy") for name in BARS}
    rows = len(columns["close"])
    days = np.repeat([datetime(2000, 1, 3) + timedelta(days=t) for t in range(rows)], len(names))
    told = {"timestamp": days.tolist(), "asset": names * rows}
    return pl.DataFrame(told | {name: values.ravel() for name, values in columns.items()})


def config_of(facts: dict[str, Any]) -> BacktestConfig:
    """Our costs and our timing in its words."""
    return BacktestConfig(
        initial_cash=facts["capital"],
        execution_mode=ExecutionMode.NEXT_BAR,
        execution_price=ExecutionPrice.OPEN,
        share_type=ShareType.FRACTIONAL,
        commission_type=CommissionType.PERCENTAGE,
        commission_rate=facts["commission"],
        slippage_type=SlippageType.PERCENTAGE,
        slippage_rate=facts["slippage"],
    )


def quintile(folder: Path, facts: dict[str, Any], variant: str) -> Any:
    """Its feed is built before each run's clock starts; an engine serves one run only."""
    weights = np.load(folder / "weights.npy")
    names = [f"S{i:04d}" for i in range(weights.shape[1])]
    targets = [{names[i]: float(row[i]) for i in np.flatnonzero(row)} for row in weights]
    frame, config = frame_of(folder, names), config_of(facts)

    def run() -> Answer:
        engine = Engine(DataFeed(prices_df=frame), Targets(targets), config)
        started = time.perf_counter()
        result = engine.run()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "fills": len(result.fills), "equity": float(result.metrics["final_value"])}

    return run


serve(version("ml4t-backtest"), {"quintile": quintile})
