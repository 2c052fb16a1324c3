"""Honest pipelines by the hundred: random bars with every defect that bars have, random causal signals, random rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from engine import Panel

LETTERS = "ABCDEFGHIJKL"


def random_panel(draw: np.random.Generator) -> Panel:
    """Up to a dozen names over up to 700 slices: gaps, listings, deaths, splits, dividends, fat tails, trends and reversals."""
    slices, n = int(draw.integers(120, 700)), int(draw.integers(1, 13))
    shocks = draw.standard_t(4, (slices, n)) * draw.uniform(0.003, 0.03, n) + draw.normal(0, 0.006, (slices, 1))
    memory = draw.uniform(-0.15, 0.15)
    shocks[1:] += memory * shocks[:-1]
    close = draw.uniform(5, 500, n) * np.exp(np.cumsum(shocks + draw.uniform(-5e-4, 8e-4), axis=0))
    opened = close * np.exp(draw.normal(0, draw.choice([0.0, 0.002, 0.01]), (slices, n)))
    reach = 1.0 + 0.01 * draw.random((slices, n))
    bars = [opened, np.maximum(opened, close) * reach, np.minimum(opened, close) / reach, close]
    bars.append(np.round(1e4 * np.exp(draw.normal(0, 1, (slices, n)))) * (draw.random((slices, n)) > 0.01))
    splits, dividends = np.ones((slices, n)), np.zeros((slices, n))
    for i in range(n):
        if draw.random() < 0.3:
            row = int(draw.integers(5, slices - 5))
            splits[row, i] = 2.0
            for array in bars[:4]:
                array[row:, i] /= 2.0
        if draw.random() < 0.3:
            dividends[draw.integers(5, slices, 3), i] = 0.01 * bars[3][0, i]
        hide(draw, bars, i, slices)
    if draw.random() < 0.5:
        days = pd.bdate_range("2010-01-04", periods=slices).to_numpy().astype("datetime64[D]")
    else:
        days = np.arange(np.datetime64("2015-03-01"), np.datetime64("2015-03-01") + slices)
    member = draw.random((slices, n)) < 0.97 if draw.random() < 0.3 else None
    opened, high, low, close, volume = bars
    panel = Panel.from_arrays(
        list(LETTERS[:n]),
        days,
        opened,
        high,
        low,
        close,
        volume,
        splits,
        dividends,
        verify=False,
        member=member,
        lot=0.0,
    )
    return told_of_deaths(draw, panel)


def told_of_deaths(draw, panel):
    """Some names that end say so: a delisting date, and a last price or none."""
    exists = ~np.isnan(panel.close)
    last = len(exists) - 1 - exists[::-1].argmax(axis=0)
    dead = exists.any(axis=0) & (last < len(exists) - 1) & (draw.random(len(last)) < 0.5)
    price = np.where(dead & (draw.random(len(last)) < 0.5), 1.0, np.nan)
    universe = replace(panel.universe, delisted_at=np.where(dead, panel.times[last] + 1, 0), terminal_value=price)
    return replace(panel, universe=universe)


def hide(draw, bars, column, slices):
    """Single gaps, a late listing or an early end, now and then."""
    lost = draw.random(slices) < draw.choice([0.0, 0.0, 0.01, 0.1])
    if column and draw.random() < 0.25:
        lost[: int(draw.integers(1, slices // 2))] = True
    if column and draw.random() < 0.2:
        lost[int(draw.integers(slices // 2, slices)) :] = True
    if column == 0:
        lost[:] = lost & (draw.random(slices) < 0.3)
    for array in bars:
        array[lost, column] = np.nan


class Windowed:
    """Honest signals, each a function of its window alone."""

    unit = "score"

    def __init__(self, kind="momentum", length=10):
        self.kind, self.length = kind, length
        self.unit = {"level": "price", "chance": "probability", "momentum": "return"}.get(kind, "score")

    @property
    def window(self):
        return self.length + 1

    def forecast(self, bars):
        close, last = bars.close, bars.close[-1]
        if self.kind == "momentum":
            return last / close[0] - 1.0
        if self.kind == "reversal":
            return -(last / close[-2] - 1.0)
        if self.kind == "zscore":
            return (last - np.nanmean(close, axis=0)) / np.nanstd(close, axis=0)
        if self.kind == "volatility":
            return -np.nanstd(np.diff(np.log(close), axis=0), axis=0)
        if self.kind == "volume":
            return bars.volume[-1] / np.nanmean(bars.volume, axis=0) - 1.0
        if self.kind == "range":
            return (last - np.nanmin(bars.low, axis=0)) / (np.nanmax(bars.high, axis=0) - np.nanmin(bars.low, axis=0))
        if self.kind == "level":
            return np.nanmean(close, axis=0)
        if self.kind == "chance":
            return 1.0 / (1.0 + np.exp(-20.0 * (last / close[0] - 1.0)))
        if self.kind == "ewma":
            weight = 0.9 ** np.arange(len(close))[::-1, None]
            return last / (np.nansum(weight * close, axis=0) / np.nansum(weight * ~np.isnan(close), axis=0)) - 1.0
        if self.kind == "rank":
            own = last / close[0] - 1.0
            return pd.Series(own).rank(pct=True).to_numpy()
        if self.kind == "demeaned":
            own = last / close[0] - 1.0
            return own - np.nanmean(own)
        rise = np.diff(close, axis=0)
        up, down = (np.nansum(np.maximum(sign * rise, 0.0), axis=0) for sign in (1.0, -1.0))
        return up / (up + down) - 0.5


WINDOWED = (
    "momentum", "reversal", "zscore", "volatility", "volume", "range", "level", "chance", "ewma", "rank", "demeaned", "strength",
)  # fmt: skip


class Rolled(Windowed):
    """Honest signals with a panel form, by the means that people use: pandas, shifts, sums of the past."""

    def forecast_panel(self, bars):
        frame, length = pd.DataFrame(bars.close), self.length + 1
        if self.kind == "momentum":
            return (frame / frame.shift(self.length) - 1.0).to_numpy()
        if self.kind == "reversal":
            return -(frame / frame.shift(1) - 1.0).to_numpy()
        if self.kind == "demeaned":
            own = frame / frame.shift(self.length) - 1.0
            return own.sub(own.mean(axis=1), axis=0).to_numpy()
        if self.kind == "rank":
            return (frame / frame.shift(self.length) - 1.0).rank(axis=1, pct=True).to_numpy()
        if self.kind == "range":
            low = pd.DataFrame(bars.low).rolling(length, min_periods=1).min()
            high = pd.DataFrame(bars.high).rolling(length, min_periods=1).max()
            return ((frame - low) / (high - low)).to_numpy()
        summed = np.nancumsum(np.vstack([np.zeros(bars.close.shape[1]), bars.close]), axis=0)
        count = np.cumsum(np.vstack([np.zeros(bars.close.shape[1]), ~np.isnan(bars.close)]), axis=0)
        out = np.full(bars.close.shape, np.nan)
        top, many = summed[length:] - summed[:-length], count[length:] - count[:-length]
        out[self.length :] = np.where(many > 0, top / np.maximum(many, 1), np.nan)
        return out


ROLLED = ("momentum", "reversal", "demeaned", "rank", "range", "level")


class Tilt:
    """An honest Python strategy, with a memory of what it wanted."""

    def __init__(self, weight=0.2):
        self.weight, self.last = weight, None

    def target(self, now):
        forecast = now.forecasts["alpha"]
        want = self.weight * np.tanh(np.nan_to_num(forecast)) / max(1, len(forecast))
        self.last = want if self.last is None else 0.5 * (self.last + want)
        return np.where(np.isnan(forecast), np.nan, self.last)


def pick(draw, *values):
    return values[int(draw.integers(len(values)))]


def random_config(draw: np.random.Generator) -> dict:
    """A strategy file around one signal called alpha, every section drawn."""
    rolled = draw.random() < 0.5
    kind = pick(draw, *(ROLLED if rolled else WINDOWED))
    alpha = {"plugin": "rolled" if rolled else "windowed", "kind": kind, "length": int(draw.integers(2, 60))}
    if draw.random() < 0.25:
        alpha = {"plugin": "momentum", "lookback": int(draw.integers(1, 60)), "skip": int(draw.integers(0, 20))}
    if draw.random() < 0.15:
        alpha = {"plugin": "precomputed", "unit": "score"}
    side, cooldown = pick(draw, "long", "short", "long_short"), f"{draw.integers(0, 6)} bars"
    rule = pick(
        draw,
        {"rule": "quintile", "signal": "alpha", "quantile": float(draw.uniform(0.05, 0.5)), "side": side,
         "rebalance": pick(draw, "daily", "weekly", "monthly", "5 bars"), "cooldown": cooldown},
        {"rule": "threshold", "signal": "alpha", "confidence": float(draw.uniform(-0.01, 0.05)), "exit_confidence": -0.02,
         "size": float(draw.uniform(0.05, 0.5)), "side": side, "cooldown": cooldown},
        {"rule": "tilt", "weight": float(draw.uniform(0.1, 1.0))},
    )  # fmt: skip
    return {
        "name": "honest",
        "data": {"source": "packaged", "name": "sp500", "delisting_after": int(draw.integers(3, 30))},
        "signals": {"alpha": alpha},
        "strategy": rule,
        "exits": {"stop_loss": pick(draw, None, 0.05), "take_profit": pick(draw, None, 0.1), "trailing_stop": pick(draw, None, 0.08),
                  "time_stop": pick(draw, None, "10 bars")},
        "sizing": {"smoothing": pick(draw, 1.0, 0.5), "no_trade_band": pick(draw, 0.0, 0.01), "vol_target": pick(draw, None, 0.1)},
        "switches": {"max_drawdown": pick(draw, None, 0.2), "daily_loss": pick(draw, None, 0.05)},
        "execution": {"fill": pick(draw, "open", "close"), "delay": int(pick(draw, 0, 0, 1, 3)), "commission": pick(draw, 0.0, 0.001),
                      "slippage": pick(draw, 0.0, 0.0005), "impact": pick(draw, 0.0, 0.5), "lot": pick(draw, 0, 1),
                      "max_participation": pick(draw, None, 0.1), "intrabar": pick(draw, "pessimistic", "optimistic", "nearest")},
    }  # fmt: skip
