"""Every planted leak is found, and named: what kind it is, in which signal, of which symbol, at which slice."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine import plugins
from engine.audit import audit
from engine.checks.markets import GAP, LATE, SYMBOLS, market
from engine.run import run_record

PANEL = market(320, seed=5)
DAYS = PANEL.sessions


class Momentum:
    """Honest: the return over five bars. Each leak below is this signal with one thing wrong."""

    window, unit = 6, "return"

    def forecast(self, bars):
        return bars.close[-1] / bars.close[-6] - 1.0

    def forecast_panel(self, bars):
        return self.leak(bars, past(bars.close))

    def leak(self, bars, honest):
        return honest


def past(close, length=5):
    out = np.full(close.shape, np.nan)
    out[length:] = close[length:] / close[:-length] - 1.0
    return out


class Scaler(Momentum):
    """Standardised with the mean and deviation of the whole sample, name by name."""

    def leak(self, bars, honest):
        return (honest - np.nanmean(honest, axis=0)) / np.nanstd(honest, axis=0)


class Normal(Momentum):
    """Normalised with one mean over the whole panel."""

    def leak(self, bars, honest):
        return honest - np.nanmean(honest)


class Quantile(Momentum):
    """Bought above a quantile of the whole sample."""

    def leak(self, bars, honest):
        return np.where(np.isnan(honest), np.nan, np.where(honest > np.nanquantile(honest, 0.8), 1.0, -1.0))


class Centred(Momentum):
    """A smoothed price whose window looks two bars each way."""

    def leak(self, bars, honest):
        smooth = pd.DataFrame(bars.close).rolling(5, center=True).mean().to_numpy()
        return bars.close / smooth - 1.0


class Backfill(Momentum):
    """Measured against a market of prices whose gaps are filled from behind."""

    def leak(self, bars, honest):
        filled = pd.DataFrame(bars.close).bfill().ffill().to_numpy()
        return honest - past(filled).mean(axis=1, keepdims=True)


class Text(Momentum):
    """Dates as day/month/year, sorted as text before the return is taken."""

    def leak(self, bars, honest):
        stamps = bars.times.astype("datetime64[ns]").astype("datetime64[D]").astype(object)
        order = np.argsort([f"{day.day}/{day.month}/{day.year}" for day in stamps], kind="stable")
        out = np.full(bars.close.shape, np.nan)
        out[order[1:]] = bars.close[order[1:]] / bars.close[order[:-1]] - 1.0
        return out


class Label(Momentum):
    """A little of the label among the features."""

    def leak(self, bars, honest):
        out = honest.copy()
        out[:-1] += 0.05 * (bars.close[1:] / bars.close[:-1] - 1.0)
        return out


class Shift(Momentum):
    """shift(-3) where shift(3) was meant."""

    def leak(self, bars, honest):
        return pd.DataFrame(honest).shift(-3).to_numpy()


class Unborn(Momentum):
    """A rank out of all names that the file ever holds."""

    def leak(self, bars, honest):
        ever = (~np.isnan(bars.close).all(axis=0)).sum()
        return pd.DataFrame(honest).rank(axis=1).to_numpy() / ever


class Survivors(Momentum):
    """A rank among the names that are there on the last day."""

    def leak(self, bars, honest):
        return pd.DataFrame(np.where(np.isnan(bars.close[-1]), np.nan, honest)).rank(axis=1).to_numpy()


class Weekly(Momentum):
    """The week's close, labelled at its first day."""

    def leak(self, bars, honest):
        index = pd.DatetimeIndex(bars.times.astype("datetime64[ns]")) - pd.Timedelta(days=1)
        frame = pd.DataFrame(bars.close, index=index)
        week = frame.resample("W-SUN", label="right").last()
        at = week.index.searchsorted(index.normalize())
        return bars.close / week.to_numpy()[np.minimum(at, len(week) - 1)] - 1.0


class Length(Momentum):
    """A trend whose slope depends on how long the run is."""

    def leak(self, bars, honest):
        return honest * np.linspace(1.0, 2.0, len(bars))[:, None]


class Recursive(Momentum):
    """An exponential mean that never forgets, under a window of six."""

    def leak(self, bars, honest):
        return bars.close / pd.DataFrame(bars.close).ewm(alpha=0.05).mean().to_numpy() - 1.0


class Learns:
    """Updates a mean with every window it is asked for."""

    window, unit = 6, "return"

    def __init__(self):
        self.mean, self.count = 0.0, 0

    def forecast(self, bars):
        own = bars.close[-1] / bars.close[-6] - 1.0
        self.count += 1
        self.mean += (np.nanmean(own) - self.mean) / self.count
        return own - self.mean


class Climbs:
    """A window form that finds the run behind its view."""

    window, unit = 6, "return"

    def forecast(self, bars):
        whole = bars.close if bars.close.base is None else bars.close.base
        return bars.close[-1] / bars.close[-6] - 1.0 + np.nanmean(whole) * 1e-6


LEAKS = [
    (Scaler, "future", "whole sample"),
    (Normal, "future", "whole panel"),
    (Quantile, "future", "whole panel"),
    (Centred, "future", "next 2 bars, all of them"),
    (Backfill, "future", "back-fill"),
    (Text, "future", "bars out of order"),
    (Label, "future", "next bar"),
    (Shift, "future", "bar 3 ahead alone"),
    (Unborn, "future", "names not listed yet"),
    (Survivors, "future", "survivors"),
    (Weekly, "future", "end of the week"),
    (Length, "future", "length of the run"),
    (Recursive, "start", "warm-up"),
    (Learns, "memory", "learns"),
    (Climbs, "future", "reaches beyond its window"),
]


def config(signal="leak", **changes):
    base = {
        "name": "planted",
        "data": {"source": "packaged", "name": "sp500"},
        "signals": {"alpha": {"plugin": signal}},
        "strategy": {"rule": "quintile", "signal": "alpha", "quantile": "25%"},
        "execution": {"lot": 0, "commission": "2 bps"},
    }
    return {**base, **changes}


@pytest.fixture
def planted(monkeypatch):
    def plant(factory, group="barcast.signals"):
        monkeypatch.setitem(plugins._from_files[group], "leak", factory)

    return plant


@pytest.mark.parametrize(("signal", "check", "kind"), LEAKS, ids=[one[0].__name__ for one in LEAKS])
def test_a_leak_in_a_signal_is_named_with_its_kind_symbol_and_slice(planted, signal, check, kind):
    planted(signal)
    told = audit(config(), PANEL)
    leak = next(finding for finding in told.leaks if finding.check == f"{check}, alpha")
    assert not told.passed
    assert kind in (leak.kind + "; " + leak.came)
    assert leak.where.startswith("signal alpha, ") and "slice " in leak.where and "test_leaks.py:" in leak.where
    assert any(symbol in leak.where for symbol in SYMBOLS)


def test_the_same_signal_without_a_leak_is_let_pass(planted):
    planted(Momentum)
    told = audit(config(), PANEL)
    assert told.leaks == ()
    assert {finding.check for finding in told.findings if finding.passed} >= {
        "future, alpha", "window, alpha", "start, alpha", "memory, alpha", "agreement, alpha", "decisions and fills",
        "fill timing", "survivorship",
    }  # fmt: skip


def found(told, check):
    return next(finding for finding in told.findings if finding.check == check)


def given(values, panel=PANEL, **changes):
    signals = {"alpha": {"plugin": "precomputed", "unit": "score"}}
    return audit(config(signals=signals, **changes), panel, values)


def test_a_file_of_forecasts_that_is_one_bar_early_is_seen_in_what_it_agrees_with():
    early = np.full(PANEL.close.shape, np.nan)
    early[:-1] = past(PANEL.adjusted.close)[1:]
    leak = found(given(early), "agreement, alpha")
    assert leak.passed is False and leak.kind == "shifted by a bar"
    assert leak.where.startswith("signal alpha, ") and "slice" in leak.where


@pytest.mark.parametrize(
    ("lookback", "shift", "kind"),
    [(5, 1, "shifted by a bar"), (20, 1, "shifted by a bar"), (60, 3, "shifted by 3 bars")],
)
def test_a_shift_is_measured_in_bars(lookback, shift, kind):
    wide = market(2500, seed=9, gaps=False)
    early = np.full(wide.close.shape, np.nan)
    early[:-shift] = past(wide.adjusted.close, lookback)[shift:]
    assert found(given(early, wide), "agreement, alpha").kind == kind


def test_a_forecast_better_than_forecasts_are_is_told_of_without_being_accused():
    wide = market(2500, seed=9, gaps=False)
    ahead = np.full(wide.close.shape, np.nan)
    ahead[:-1] = wide.adjusted.close[1:] / wide.adjusted.close[:-1] - 1.0
    skilled = ahead + 0.1 * np.random.default_rng(3).standard_normal(ahead.shape)
    told = found(given(skilled, wide), "agreement, alpha")
    assert told.passed is None and told.kind == "suspicious"


def test_the_same_file_in_its_place_is_not_accused_and_not_called_proved():
    honest = given(past(PANEL.adjusted.close))
    assert honest.leaks == ()
    assert found(honest, "agreement, alpha").passed is None
    assert "which proves nothing" in found(honest, "agreement, alpha").came
    assert "cannot be proved" in found(honest, "future, alpha").came


def test_a_label_given_as_a_forecast_is_foresight():
    noise = np.random.default_rng(1).standard_normal(PANEL.close.shape) * 0.02
    ahead = np.full(PANEL.close.shape, np.nan)
    ahead[:-1] = PANEL.adjusted.close[1:] / PANEL.adjusted.close[:-1] - 1.0
    leak = found(given(ahead + noise), "agreement, alpha")
    assert leak.passed is False and leak.kind == "foresight"


def test_a_fundamental_stamped_before_it_was_published_knows_the_quarter():
    # Published 20 bars after the end of its period, stamped at the end, carried forward: it knows the 20 bars between.
    wide = market(1600, seed=8, gaps=False)
    close, known = wide.adjusted.close, np.full(wide.close.shape, np.nan)
    noise = np.random.default_rng(2).standard_normal(close.shape) * 0.05
    for t in range(0, len(close) - 20, 20):
        known[t : t + 20] = np.log(close[t + 20] / close[t]) + noise[t]
    leak = found(given(known, wide), "agreement, alpha")
    assert leak.passed is False and leak.kind.startswith("foresight")
    assert "stamped earlier than it was published" in leak.came or "no forecast made before the bar" in leak.came


def test_a_signal_that_reads_such_a_file_is_found_by_what_it_knows(planted):
    # Poisoned bars cannot reach a plugin's own file; its agreement with what comes does.
    wide = market(1600, seed=8, gaps=False)
    close = wide.adjusted.close
    table = {}
    for t in range(0, len(close) - 20):
        start = t - t % 20
        table[int(wide.times[t])] = np.log(close[start + 20] / close[start])

    class Fundamental:
        window, unit = 1, "score"

        def forecast(self, bars):
            return table.get(int(bars.times[-1]), np.full(bars.close.shape[1], np.nan))

    planted(Fundamental)
    told = audit(config(), wide)
    assert [finding.check for finding in told.leaks] == ["agreement, alpha"]


def earlier(config, panel, signals, forecasts, strategy, say):
    """A wrong engine: the bar that decides is the bar that fills, so with fill: close it trades at the close it looked at."""
    moved = {name: np.vstack([values[1:], values[-1:]]) for name, values in forecasts.items()}
    return run_record(config, panel, signals, moved, strategy, say)


def later(config, panel, signals, forecasts, strategy, say):
    moved = {name: np.vstack([values[:1], values[:-1]]) for name, values in forecasts.items()}
    return run_record(config, panel, signals, moved, strategy, say)


@pytest.mark.parametrize("fill", ["open", "close"])
def test_a_fill_at_the_close_that_decided_it_is_found_twice(fill):
    told = audit(
        config("momentum", execution={"fill": fill, "lot": 0}),
        PANEL,
        sets=["signals.alpha.lookback=5", "signals.alpha.skip=0"],
        road=earlier,
    )
    decided, timing = found(told, "decisions and fills"), found(told, "fill timing")
    assert decided.passed is False and decided.kind == "decides on a later slice"
    assert "slice " in decided.where and "strategy quintile" in decided.where
    assert timing.passed is False and timing.kind == "fills too early"
    assert f"fill {fill}, delay 0" in timing.where


def test_an_engine_that_fills_a_bar_late_does_not_earn_foresight():
    timing = found(audit(config("reversal"), PANEL, road=later), "fill timing")
    assert timing.passed is False and timing.kind == "fills too late"


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("fill", ["open", "close"])
def test_foresight_pays_and_late_foresight_does_not_whatever_fill_and_delay(fill, delay):
    told = audit(config("reversal", execution={"fill": fill, "delay": delay, "lot": 0}), PANEL)
    assert found(told, "fill timing").passed is True
    assert found(told, "decisions and fills").passed is True


def test_bars_copied_back_before_a_listing_are_named():
    born = int(np.flatnonzero(~np.isnan(PANEL.close[:, LATE]))[0])
    filled = {}
    for key in ("open", "high", "low", "close", "volume"):
        array = getattr(PANEL, key).copy()
        array[:born, LATE] = array[born, LATE]
        filled[key] = array
    leak = found(audit(config("reversal"), replace(PANEL, **filled)), "back-filled bars")
    assert leak.passed is False and leak.kind == "back-fill"
    assert leak.where.startswith(f"data, {SYMBOLS[LATE]}, slice 0")
    assert leak.came.startswith(f"{born + 1} equal bars of {SYMBOLS[LATE]}")


def test_a_strategy_that_reads_the_next_forecast_is_named_with_symbol_and_slice(planted):
    class Peeks:
        def target(self, now):
            frame, ahead = sys._getframe(), now.forecasts["alpha"]
            while frame is not None:
                engine = frame.f_locals.get("self")
                if type(engine).__name__ == "Engine" and now.t + 1 < len(engine.forecasts):
                    ahead = engine.forecasts[now.t + 1, 0]
                    break
                frame = frame.f_back
            return np.where(np.isnan(ahead), np.nan, np.where(ahead > 0.0, 0.1, 0.0))

    planted(Peeks, "barcast.strategies")
    told = audit(config("reversal", strategy={"rule": "leak"}), PANEL)
    leak = found(told, "decisions and fills")
    assert leak.passed is False and leak.where.startswith("strategy leak, ") and "slice" in leak.where


def test_a_gap_is_what_shows_a_back_fill(planted):
    planted(Backfill)
    leak = found(audit(config(), PANEL), "future, alpha")
    row = int(leak.where.split("slice ")[1].split(" ")[0])
    assert np.isnan(PANEL.close[row]).any() and len(SYMBOLS) > GAP


class Transform(Momentum):
    """A causal mean of five by way of the frequencies of the whole run: right, but for its last digits."""

    def forecast(self, bars):
        return np.nan_to_num(bars.close)[-5:].mean(axis=0)

    def leak(self, bars, honest):
        close = np.nan_to_num(bars.close)
        size = 2 * len(close)
        kernel = np.fft.rfft(np.r_[np.full(5, 0.2), np.zeros(size - 5)])
        return np.fft.irfft(np.fft.rfft(close, size, axis=0) * kernel[:, None], size, axis=0)[: len(close)]


def test_the_last_digits_of_a_transform_are_told_and_not_called_a_leak(planted):
    planted(Transform)
    told = found(audit(config(), PANEL), "future, alpha")
    assert told.passed is None and told.kind == "last digits"


class Refuses(Momentum):
    """Raises where a whole slice is missing."""

    def leak(self, bars, honest):
        if np.isnan(bars.close).all(axis=1).any():
            raise ValueError("a slice without bars")
        return honest


def test_a_signal_that_refuses_poisoned_bars_is_not_accused(planted):
    planted(Refuses)
    told = found(audit(config(), PANEL), "future, alpha")
    assert told.passed is None and "a slice without bars" in told.came


@pytest.mark.parametrize("slices", [1, 2, 5, 30])
def test_a_run_too_short_to_ask_is_said_so(slices):
    short = market(slices, gaps=False)
    told = audit(config("reversal"), short)
    assert told.leaks == ()
    assert found(told, "fill timing").passed is None


def test_a_signal_that_cannot_forecast_ends_the_audit_with_its_words(planted):
    class Falls(Momentum):
        def forecast_panel(self, bars):
            raise KeyError("volume_ma")

    planted(Falls)
    told = audit(config(), PANEL)
    assert not told.passed and "KeyError: 'volume_ma'" in told.leaks[0].came


def test_the_same_seed_asks_the_same_and_another_asks_elsewhere(planted):
    planted(Normal)
    assert audit(config(), PANEL, seed=1).findings == audit(config(), PANEL, seed=1).findings
    assert audit(config(), PANEL, seed=1).leaks[0].came != audit(config(), PANEL, seed=2).leaks[0].came
