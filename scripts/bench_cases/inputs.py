"""Seeded inputs of the cases, as .npy files beside a facts.json. What a peer would have to work out is worked out here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

DATA = {"source": "packaged", "name": "us20"}  # the configuration must name a source; the panel given replaces it
SHARE, INVESTED, CAPITAL = 0.2, 0.95, 100_000_000.0


def bars_of(close: np.ndarray, rng: np.random.Generator, noise: float) -> dict[str, np.ndarray]:
    """Five (T, N) arrays around `close`: opens a little off it, highs and lows around both."""
    opened = close * (1.0 + noise * rng.standard_normal(close.shape))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    high *= 1.0 + 1.3 * noise
    low *= 1.0 - 1.3 * noise
    return {"open": opened, "high": high, "low": low, "close": close, "volume": np.full(close.shape, 1e6)}


def walk(rows: int, names: int, step: float, rng: np.random.Generator) -> np.ndarray:
    """A geometric random walk per name, from about 50."""
    close = rng.standard_normal((rows, names))
    close *= step
    np.cumsum(close, axis=0, out=close)
    np.exp(close, out=close)
    close *= 50.0
    return close


def weekdays(rows: int) -> np.ndarray:
    """Closing times in ns of as many weekdays."""
    days = np.busday_offset("2000-01-03", np.arange(rows))
    return (days + 1).astype("datetime64[ns]").astype(np.int64)


def weights_of(forecasts: np.ndarray, share: float = SHARE) -> np.ndarray:
    """The targets of the quintile rule: the best `share`, as long as it is positive, equally weighted, 95 % in all."""
    k = max(1, int(share * forecasts.shape[1] + 1e-9))
    best = np.argpartition(-forecasts, k - 1, axis=1)[:, :k]
    chosen = np.zeros(forecasts.shape, np.bool_)
    np.put_along_axis(chosen, best, True, axis=1)
    chosen &= forecasts > 0.0
    return np.where(chosen, INVESTED / np.maximum(1, chosen.sum(axis=1, keepdims=True)), 0.0)


def keep(folder: Path, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Write the arrays and the facts."""
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    (folder / "facts.json").write_text(json.dumps(facts))


def quintile(folder: Path, rows: int, names: int) -> None:
    """A daily panel, forecasts, and the weights they lead to. Shares are divisible and 5 % stay in cash, so that no buying
    power binds: then every contender wants the same trades and the results can be held against each other."""
    rng = np.random.default_rng(7)
    arrays = bars_of(walk(rows, names, 0.02, rng), rng, 0.003)
    forecasts = rng.standard_normal((rows, names))
    arrays |= {"forecasts": forecasts, "weights": weights_of(forecasts), "times": weekdays(rows)}
    rule = {"rule": "quintile", "signal": "f", "quantile": SHARE, "side": "long", "positive_only": True}
    config = {
        "name": "bench",
        "data": DATA,
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": rule,
        "sizing": {"exposure": {"long": INVESTED}},
        "execution": {"commission": 5e-4, "slippage": 5e-4},
        "capital": CAPITAL,
    }
    facts = {"config": config, "calendar": None, "commission": 5e-4, "slippage": 5e-4, "capital": CAPITAL}
    keep(folder, arrays, facts)


def sweep(folder: Path, rows: int, names: int, each: int) -> None:
    """The daily panel of `quintile`, and a grid of `each` quantiles x commissions x slippages, the last varying fastest."""
    quintile(folder, rows, names)
    shares = [round(0.05 * k, 2) for k in range(1, each + 1)]
    forecasts = np.load(folder / "forecasts.npy")
    for k, share in enumerate(shares):
        np.save(folder / f"weights-{k}.npy", weights_of(forecasts, share))
    costs = [round(1e-4 * k, 4) for k in range(each)]
    facts = json.loads((folder / "facts.json").read_text())
    grid = {"strategy.quantile": shares, "execution.commission": costs, "execution.slippage": costs}
    (folder / "facts.json").write_text(json.dumps(facts | {"grid": grid}))


def returns(folder: Path, rows: int) -> None:
    """Daily returns with fat tails, and the mean length of the blocks that everybody draws."""
    drawn = 0.01 * np.random.default_rng(3).standard_t(6, rows) + 0.0003
    keep(folder, {"returns": drawn}, {"block": 5.0, "reps": 10_000})


def file(folder: Path, rows: int, names: int, cells: int) -> None:
    """A Parquet file of bars, a strategy file that ranks them by their last month, and a grid of about `cells` cells."""
    import pandas as pd

    rng = np.random.default_rng(7)
    arrays = bars_of(walk(rows, names, 0.02, rng), rng, 0.003)
    days = np.busday_offset("2000-01-03", np.arange(rows)).astype("datetime64[ns]")
    frame = pd.DataFrame({key: values.ravel() for key, values in arrays.items()})
    frame.insert(0, "symbol", np.tile([f"S{i:04d}" for i in range(names)], rows))
    frame.insert(0, "date", np.repeat(days, names))
    frame.to_parquet(folder / "bars.parquet")
    config = {
        "name": "bench",
        "data": {
            "source": "parquet",
            "path": str(folder / "bars.parquet"),
            "prices": "split_adjusted",
            "dividends": "none",
        },
        "signals": {"rank": {"plugin": "momentum", "lookback": 20, "skip": 0}},
        "strategy": {"rule": "quintile", "signal": "rank", "quantile": SHARE, "side": "long"},
        "execution": {"commission": 5e-4, "slippage": 5e-4},
        "capital": CAPITAL,
    }
    (folder / "bench.yaml").write_text(json.dumps(config))
    grid = {
        "exits.stop_loss": [round(0.01 * k, 2) for k in range(2, 2 + cells // 4)],
        "strategy.quantile": [0.1, 0.2, 0.3, 0.4],
    }
    (folder / "facts.json").write_text(json.dumps({"grid": grid}))


def bars(folder: Path, rows: int, names: int = 1) -> None:
    """Minute bars of one instrument, a probability that moves slowly, and the signals it leads to."""
    rng = np.random.default_rng(11)
    arrays = bars_of(walk(rows, names, 0.0005, rng), rng, 0.0001)
    moved = np.cumsum(rng.standard_normal((rows + 200, names)), axis=0)
    chance = 1.0 / (1.0 + np.exp(-1.7 * (moved[200:] - moved[:-200]) / np.sqrt(200.0)))
    start = np.datetime64("2015-01-01T00:01", "ns").astype(np.int64)
    arrays |= {"forecasts": chance, "entries": chance[:, 0] >= 0.7, "exits": chance[:, 0] < 0.4}
    arrays["times"] = start + 60_000_000_000 * np.arange(rows)
    config = {
        "name": "bench",
        "data": DATA,
        "signals": {"f": {"plugin": "precomputed"}},
        "strategy": {"rule": "threshold", "signal": "f", "confidence": 0.7, "exit_confidence": 0.4, "size": 0.5},
        "exits": {"stop_loss": 0.005, "take_profit": 0.01},
        "execution": {"commission": 1e-4, "slippage": 1e-4, "entry_bar_protection": False},
        "capital": CAPITAL,
    }
    facts = {"config": config, "calendar": "24/7", "commission": 1e-4, "slippage": 1e-4, "capital": CAPITAL}
    keep(folder, arrays, facts | {"stop_loss": 0.005, "take_profit": 0.01, "size": 0.5})
