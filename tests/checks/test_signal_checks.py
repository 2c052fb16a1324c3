"""Each check of a signal catches the wrong signal it is for, before any other check does, and leaves honest ones alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engine.checks import check_signal
from engine.errors import PluginError
from tests.audit.honest import ROLLED, WINDOWED, Rolled, Windowed


class Honest:
    """Return over five bars; the wrong ones below differ from it in one thing."""

    window, unit = 6, "return"

    def __init__(self, scale=1.0):
        self.scale = scale

    def forecast(self, bars):
        return self.scale * (bars.close[-1] / bars.close[-6] - 1.0)


class Whole(Honest):
    """The same, for a whole panel."""

    def forecast_panel(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[5:] = self.scale * (bars.close[5:] / bars.close[:-5] - 1.0)
        return out


class Windowless(Honest):
    window = 0


class Unitless(Honest):
    unit = "returns"


class Tuple(Honest):
    """Looks its weights up by the tuple itself, and YAML has lists."""

    def __init__(self, weights=(0.5, 0.5)):
        super().__init__({(0.5, 0.5): 1.0}[weights])


class Function(Honest):
    def __init__(self, mean=np.mean):
        super().__init__()


class Endless(Honest):
    def __init__(self, cap=float("inf")):
        super().__init__()


class Rows(Honest):
    def forecast(self, bars):
        return bars.close / bars.close[0] - 1.0


class Single(Honest):
    def forecast(self, bars):
        return super().forecast(bars).astype(np.float32)


class Infinite(Honest):
    def forecast(self, bars):
        return super().forecast(bars) / 0.0


class Writes(Honest):
    def forecast(self, bars):
        bars.close[np.isnan(bars.close)] = 0.0
        bars.close[0, 1] *= 2.0
        return bars.close[-1] / bars.close[-5] - 1.0


class Chance(Honest):
    calls = itertools.count()

    def forecast(self, bars):
        return super().forecast(bars) + 1e-13 * next(self.calls)


class Column(Honest):
    def forecast(self, bars):
        return super().forecast(bars) + 0.001 * np.arange(bars.close.shape[1])


class Zero(Honest):
    def forecast(self, bars):
        return np.nan_to_num(super().forecast(bars))


class Fragile(Honest):
    """One name without bars, and nobody has a forecast: the mean is NaN."""

    def forecast(self, bars):
        own = super().forecast(bars)
        return own - own.mean()


class Reaches(Honest):
    """Finds the whole run behind its window: numpy's views know their base."""

    def forecast(self, bars):
        whole = bars.close if bars.close.base is None else bars.close.base
        return bars.close[-1] / whole.reshape(-1, bars.close.shape[1])[0] - 1.0


class Expanding(Whole):
    """A panel form that averages everything so far under a window of 6."""

    def forecast_panel(self, bars):
        close = np.nan_to_num(bars.close, nan=50.0)
        return bars.close / (np.cumsum(close, axis=0) / np.arange(1, len(close) + 1)[:, None]) - 1.0


class Ahead(Whole):
    """The return of the next bar among the features."""

    def forecast_panel(self, bars):
        out = super().forecast_panel(bars)
        out[:-1] += 0.1 * (bars.close[1:] / bars.close[:-1] - 1.0)
        return out


class Length(Whole):
    """Knows how long the run will be."""

    def forecast_panel(self, bars):
        return super().forecast_panel(bars) * np.linspace(1.0, 2.0, len(bars))[:, None]


class Other(Whole):
    """The panel form has another lookback: causal, and wrong."""

    def forecast_panel(self, bars):
        out = np.full(bars.close.shape, np.nan)
        out[4:] = bars.close[4:] / bars.close[:-4] - 1.0
        return out


class Learns(Honest):
    """A running mean over the windows it has been asked for, kept by the time of the bar: the same again if asked again."""

    def __init__(self):
        super().__init__()
        self.said = {}

    def forecast(self, bars):
        now = int(bars.times[-1])
        if now not in self.said:
            before = list(self.said.values())
            self.said[now] = super().forecast(bars) + (0.0 if not before else 0.1 * np.nan_to_num(before[-1]))
        return self.said[now]


class Fits(Whole):
    """forecast_panel leaves behind a mean that forecast then uses."""

    mean = 0.0

    def forecast_panel(self, bars):
        out = super().forecast_panel(bars)
        self.mean = float(np.nanmean(out))
        return out

    def forecast(self, bars):
        return super().forecast(bars) - self.mean


class Unsure(Honest):
    unit = "probability"

    def forecast(self, bars):
        return 0.5 + 20.0 * super().forecast(bars)


class Priceless(Honest):
    unit = "price"

    def forecast(self, bars):
        return np.abs(super().forecast(bars)) + 1e-6


def verdicts(signal, **options):
    return {finding.check: finding for finding in check_signal(signal, **options)}


CAUGHT = [
    (Windowless, "declares", "window is 0"),
    (Unitless, "declares", "unit is 'returns'"),
    (Tuple, "arguments", "unhashable"),
    (Function, "arguments", "mean = <function mean"),
    (Endless, "arguments", "cap = inf does not fit YAML"),
    (Rows, "shape", "forecast gave shape (6, 8), float64"),
    (Single, "shape", "forecast gave shape (8,), float32"),
    (Infinite, "shape", "forecast gave"),
    (Writes, "inputs", "forecast wrote into bars.close: was"),
    (Chance, "repeat", "asked again"),
    (Column, "permutation", "does a column's number matter?"),
    (Zero, "absent", "a forecast of 0 from no bars"),
    (Fragile, "absent", "all 7 others lost theirs"),
    (Reaches, "window", "is the window longer than it says?"),
    (Expanding, "window", "forecast_panel was"),
    (Ahead, "future", "forecast_panel was"),
    (Length, "future", "the run ended at slice"),
    (Other, "panel", "forecast gives"),
    (Learns, "learning", "asked alone"),
    (Fits, "learning", "after forecast_panel"),
    (Unsure, "unit", "a forecast of 1.8"),
    (Priceless, "unit", "is it a return?"),
]


@pytest.mark.parametrize(("signal", "check", "said"), CAUGHT, ids=[one[0].__name__ for one in CAUGHT])
def test_a_wrong_signal_is_caught_first_by_the_check_that_is_for_it(signal, check, said):
    failed = [finding for finding in check_signal(signal) if finding.passed is False]
    assert failed[0].check == check, [f"{f.check}: {f.came}" for f in failed]
    assert said in failed[0].came + failed[0].where
    assert "test_signal_checks.py:" in failed[0].where


@pytest.mark.parametrize(
    "signal",
    [Honest, Whole, Honest(2.0), "momentum", "reversal"],
    ids=["class", "whole", "instance", "momentum", "reversal"],
)
def test_an_honest_signal_keeps_its_contract(signal):
    assert [finding.came for finding in check_signal(signal) if finding.passed is False] == []


def test_what_does_not_apply_is_not_asked_and_says_why():
    found = verdicts(Honest(1.0))
    assert found["panel"].passed is None and "no forecast_panel" in found["panel"].came
    assert found["arguments"].passed is None and "an object was given" in found["arguments"].came
    assert found["future"].passed is True


def test_a_failure_names_symbol_slice_and_the_numbers_on_both_sides():
    found = verdicts(Ahead)["future"]
    assert found.kind == "future"
    assert found.where.startswith("ALDER, slice 2")
    assert "bars after slice 27 (2001-01-28) removed" in found.came


def test_no_forecast_of_the_right_shape_leaves_the_rest_unasked():
    found = verdicts(Rows)
    assert found["learning"].passed is None and "right shape" in found["learning"].came


def test_an_argument_without_a_default_is_asked_for_and_can_be_given():
    class Needs(Honest):
        def __init__(self, scale):
            super().__init__(scale)

    assert "it needs scale; give a default" in verdicts(Needs)["declares"].came
    assert all(finding.passed is not False for finding in check_signal(Needs, params={"scale": 3.0}))


def test_a_signal_that_fails_is_told_with_its_own_words_and_line():
    class Falls(Honest):
        def forecast(self, bars):
            raise KeyError("volume_ma")

    found = verdicts(Falls)["shape"]
    assert found.passed is False and "KeyError: 'volume_ma' at test_signal_checks.py:" in found.came


def test_an_object_takes_no_arguments():
    with pytest.raises(PluginError, match="not with a ready object"):
        check_signal(Honest(), params={"scale": 1.0})


def test_the_same_seed_finds_the_same():
    assert check_signal(Ahead, seed=3) == check_signal(Ahead, seed=3)
    assert check_signal(Ahead, seed=3) != check_signal(Ahead, seed=4)


@pytest.mark.parametrize("length", [3, 30])
@pytest.mark.parametrize("kind", WINDOWED)
def test_what_people_write_is_not_accused(kind, length):
    found = check_signal(Windowed, params={"kind": kind, "length": length})
    assert [f"{finding.check}: {finding.came}" for finding in found if finding.passed is False] == []


@pytest.mark.parametrize("kind", ROLLED)
def test_nor_are_its_panel_forms(kind):
    found = check_signal(Rolled, params={"kind": kind, "length": 12})
    assert [f"{finding.check}: {finding.came}" for finding in found if finding.passed is False] == []
