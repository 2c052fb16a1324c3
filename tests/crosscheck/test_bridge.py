"""A barcast signal as a backtrader line: the forecasts that barcast would use, and nothing that comes later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from engine import Panel
from engine.crosscheck.backtrader import BarcastSignal, Columns, bt, signal_lines
from engine.errors import PluginError
from engine.forecasts import forecast_run
from signals.momentum import Momentum
from signals.precomputed import Precomputed

DAYS, NAMES = 40, ("A", "B", "C")
RNG = np.random.default_rng(5)
CLOSE = 100.0 * np.exp(np.cumsum(RNG.normal(0.0, 0.02, (DAYS, 3)), axis=0))


@dataclass(frozen=True)
class Leader:
    """Each name's return over five bars less that of the best of the cross-section; no view of names whose range is nothing."""

    window: int = 6
    unit: str = "score"

    def forecast(self, bars):
        gain = bars.close[-1] / bars.close[0] - 1.0
        out = gain - gain.max()
        out[bars.high[-1] == bars.low[-1]] = np.nan
        return out


@dataclass(frozen=True)
class Middle:
    """The mean close of three bars, as a price."""

    window: int = 3
    unit: str = "price"

    def forecast(self, bars):
        return bars.close.mean(axis=0)


def grids(close: np.ndarray) -> list[np.ndarray]:
    """Open, high, low, close and volume around closes; every tenth bar of the last name has no range."""
    high, low = close * 1.01, close * 0.99
    high[::10, -1] = low[::10, -1] = close[::10, -1]
    return [close.copy(), high, low, close, np.full(close.shape, 1e6)]


def by_barcast(signal, close: np.ndarray = CLOSE) -> np.ndarray:
    """(T, N) forecasts as a run of barcast has them."""
    days = np.datetime64("2000-01-03") + np.arange(DAYS)
    names = NAMES[: close.shape[1]]
    panel = Panel.from_arrays(names, days, *grids(close), prices="split_adjusted", calendar="24/7")
    return forecast_run("f", signal, panel)


def by_backtrader(signal, close: np.ndarray = CLOSE, runonce: bool = True, names=NAMES) -> np.ndarray:
    """(T, N) values of the lines over a run of backtrader, read in `next`; NaN before it is called."""
    seen = np.full(close.shape, np.nan)

    class Reader(bt.Strategy):
        def __init__(self) -> None:
            self.views = signal_lines(self.datas, signal)

        def next(self) -> None:
            seen[len(self) - 1] = [view[0] for view in self.views]

    cerebro = bt.Cerebro(stdstats=False, runonce=runonce, preload=runonce)
    for i in range(close.shape[1]):
        cerebro.adddata(Columns(columns=[grid[:, i] for grid in grids(close)]), name=names[i])
    cerebro.addstrategy(Reader)
    cerebro.run()
    return seen


SIGNALS = [Momentum(lookback=10, skip=3), Leader(), Middle()]


@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("signal", SIGNALS, ids=lambda s: type(s).__name__)
def test_a_line_is_barcasts_own_forecast_to_the_last_bit(signal, runonce):
    expected, got = by_barcast(signal), by_backtrader(signal, runonce=runonce)
    assert np.isfinite(expected).sum() > 50
    assert got.tobytes() == expected.tobytes()


def future_shows(signal, runonce: bool) -> bool:
    """Whether bars that come after slice 24 change a line's values up to it."""
    poisoned = CLOSE.copy()
    poisoned[25:] = 1.0 + RNG.random(poisoned[25:].shape)
    before, after = by_backtrader(signal, runonce=runonce), by_backtrader(signal, poisoned, runonce=runonce)
    assert before[25:].tobytes() != after[25:].tobytes()
    return before[:25].tobytes() != after[:25].tobytes()


@pytest.mark.parametrize("runonce", [True, False])
@pytest.mark.parametrize("signal", SIGNALS, ids=lambda s: type(s).__name__)
def test_the_value_on_a_bar_knows_nothing_of_later_bars(signal, runonce):
    assert not future_shows(signal, runonce)


def test_a_line_that_peeks_is_caught(monkeypatch):
    honest = BarcastSignal.window

    def peek(self, length):
        bars = honest(self, length)
        ahead = [data.close[1] if len(self) < DAYS else data.close[0] for data in self.datas]
        close = bars.close.copy()
        close[-1] = ahead
        return type(bars)(bars.symbols, bars.times, bars.open, bars.high, bars.low, close, bars.volume)

    monkeypatch.setattr(BarcastSignal, "window", peek)
    assert future_shows(Middle(), runonce=True)


def test_names_not_the_order_of_the_feeds_decide_the_cross_section():
    turned = by_backtrader(Leader(), CLOSE, names=("C", "B", "A"))
    assert turned.tobytes() == by_backtrader(Leader()).tobytes()  # each line stays with its own data

    seen: list[tuple[str, ...]] = []

    class First(Leader):
        def forecast(self, bars):
            seen.append((bars.symbols, str(bars.times[-1].astype("datetime64[ns]"))[:10]))
            return bars.close[-1]

    got = by_backtrader(First(window=1), CLOSE, names=("C", "B", "A"))
    assert got.tobytes() == CLOSE.tobytes()
    assert seen[0] == (("A", "B", "C"), "2000-01-03")
    assert len(seen) == DAYS  # once a bar, not once a line


def test_one_data_is_a_cross_section_of_one():
    one = CLOSE[:, :1]
    assert by_backtrader(Momentum(5, 0), one).tobytes() == by_barcast(Momentum(5, 0), one).tobytes()


def test_what_a_signal_must_not_answer_is_refused():
    class Wrong(Leader):
        def forecast(self, bars):
            return np.zeros(2)

    with pytest.raises(PluginError, match=r"must have shape \(3,\)"):
        by_backtrader(Wrong())
    with pytest.raises(PluginError, match="something that forecasts bars"):
        by_backtrader(Precomputed())
    with pytest.raises(PluginError, match=r"must differ, they are \['A', 'A', 'A'\]"):
        by_backtrader(Leader(), names=("A", "A", "A"))


def test_datas_without_common_bars_are_refused():
    class Reader(bt.Strategy):
        def __init__(self) -> None:
            self.views = signal_lines(self.datas, Middle())

    from tests.crosscheck.both import Literal, by_symbol

    cerebro = bt.Cerebro(stdstats=False)
    for symbol, rows in by_symbol({"A": [10, 10, 10, 10, 10, 10], "B": [5, 5, None, 5, 5, 5]}).items():
        cerebro.adddata(Literal(rows=rows), name=symbol)
    cerebro.addstrategy(Reader)
    with pytest.raises(PluginError, match="no common bars"):
        cerebro.run()
