"""What holds for every column of every set: no future, a finite past, no place in the table, no unit of money."""

from __future__ import annotations

import ast
from dataclasses import replace
from inspect import getsourcefile
from pathlib import Path

import numpy as np
import pytest

from engine.errors import DataError
from engine.panel import Panel
from signals.features import Column, FeatureSet, feature_set, names, rolling
from signals.features.sets import ROOM, SHARED
from tests.signals.features.markets import bars, columns

SETS = names()


@pytest.fixture(params=SETS)
def features(request):
    return feature_set(request.param)


def test_the_future_cannot_change_the_past(features):
    whole = bars(features.memory + 120)
    panel = features.panel(whole)
    for t in (features.memory + 1, features.memory + 60, features.memory + 100):
        np.testing.assert_array_equal(features.panel(whole.rows(0, t + 1)), panel[:, : t + 1])


def test_bars_before_the_memory_change_nothing_to_the_last_bit(features):
    whole = bars(features.memory + 120)
    panel = features.panel(whole)
    for start in (1, 50, 100):
        later = features.panel(whole.rows(start, len(whole)))
        np.testing.assert_array_equal(later[:, features.memory :], panel[:, start + features.memory :])
        early = later[:, : features.memory]
        known = ~np.isnan(early)
        np.testing.assert_array_equal(early[known], panel[:, start : start + features.memory][known])


def test_each_column_begins_exactly_after_its_own_memory(features):
    whole = bars(features.memory + 20, holes=0.0)
    panel = features.panel(whole)
    for k, column in enumerate(features.columns):
        known = np.flatnonzero(~np.isnan(panel[0, :, k]))
        assert known[0] == column.memory, (column.name, known[0], column.memory)
        assert len(known) == len(whole) - column.memory, column.name


def test_the_last_slice_of_a_window_is_the_panels_row(features):
    whole = bars(features.memory + 60)
    panel = features.panel(whole)
    for t in range(features.memory, len(whole), 7):
        np.testing.assert_array_equal(features.last(whole.rows(t - features.memory, t + 1)), panel[:, t])
        np.testing.assert_array_equal(features.last(whole.rows(0, t + 1)), panel[:, t])


def test_the_order_of_the_instruments_permutes_the_features(features):
    whole = bars(features.memory + 40, n=9)
    order = [4, 0, 8, 3, 7, 1, 2, 6, 5]
    np.testing.assert_array_equal(features.panel(columns(whole, order)), features.panel(whole)[order])


def test_a_row_without_a_bar_and_an_instrument_without_bars_are_nan(features):
    whole = bars(features.memory + 40, holes=0.05)
    panel = features.panel(whole)
    assert np.isnan(panel[np.isnan(whole.close.T)]).all()
    assert np.isnan(panel[3]).all()
    assert not np.isinf(panel).any()


def test_threads_and_a_given_output_change_nothing(features):
    whole = bars(features.memory + 30, n=70)
    out = np.full((70, len(whole), len(features)), 7, np.float32)
    assert features.panel(whole, jobs=3, out=out) is out
    np.testing.assert_array_equal(out, features.panel(whole))
    assert out.flags.c_contiguous and out.dtype == np.float32


def test_neither_the_unit_of_the_price_nor_that_of_the_volume_matters(features):
    whole = bars(features.memory + 40)
    other = type(whole)(
        whole.symbols,
        whole.times,
        *(getattr(whole, key) * 64.0 for key in ("open", "high", "low", "close")),
        whole.volume * 1024.0,
        whole.sector,
    )
    unit = 64.0 if features.name == "close" else 1.0  # the one that has a unit
    np.testing.assert_allclose(features.panel(other), unit * features.panel(whole), rtol=2e-6, atol=2e-7)


def test_the_bars_stay_as_they_were(features):
    whole = bars(features.memory + 10)
    kept = {key: getattr(whole, key).copy() for key in ("open", "high", "low", "close", "volume")}
    for key in kept:
        getattr(whole, key).setflags(write=False)
    features.panel(whole)
    for key, before in kept.items():
        np.testing.assert_array_equal(getattr(whole, key), before)


def test_names_are_distinct_and_what_a_set_needs_is_what_its_columns_read(features):
    assert len(set(features.column_names)) == len(features)
    assert "close" in features.needs
    whole = bars(features.memory + 30, holes=0.0)
    kept = {key: getattr(whole, key) for key in ("open", "high", "low", "close", "volume")}
    full = features.panel(whole)
    for key in ("open", "high", "low", "volume"):  # without a close there is no bar at all
        blind = type(whole)(
            whole.symbols,
            whole.times,
            *(np.full_like(v, np.nan) if k == key else v for k, v in kept.items()),
            whole.sector,
        )
        seen = features.panel(blind)
        for k, column in enumerate(features.columns):
            same = np.array_equal(seen[..., k], full[..., k], equal_nan=True)
            assert same == (key not in column.needs), (column.name, key)


def test_one_bar_is_felt_as_long_as_the_column_remembers_and_no_longer(features):
    whole = bars(2 * features.memory + 40, n=2, holes=0.0)
    hit = features.memory + 5
    arrays = {key: getattr(whole, key).copy() for key in ("open", "high", "low", "close", "volume")}
    for key, factor in (("open", 1.07), ("high", 1.25), ("low", 0.8), ("close", 1.11), ("volume", 5.0)):
        arrays[key][hit, 0] *= factor
    other = replace(whole, **arrays)
    before, after = features.panel(whole)[0], features.panel(other)[0]
    moved = before != after
    moved[: features.memory] = False  # there some are NaN, which differs from itself
    for k, column in enumerate(features.columns):
        at = np.flatnonzero(moved[:, k])
        counts = (
            len(np.unique(before[features.memory :, k])) <= 21
        )  # of ups in 20 days, or a sign: one bar may leave it
        assert len(at) or counts, column.name
        assert not len(at) or (at[0] >= hit and at[-1] <= hit + column.memory), (column.name, at[0] - hit, at[-1] - hit)


@pytest.mark.parametrize("length", [1, 2, 3, 30])
def test_a_short_window_knows_little_and_breaks_nothing(features, length):
    short = bars(length, n=3, holes=0.0)
    panel = features.panel(short)
    assert panel.shape == (3, length, len(features))
    for k, column in enumerate(features.columns):
        assert np.isnan(panel[0, : column.memory, k]).all(), column.name


def test_no_slices_at_all_are_refused(features):
    with pytest.raises(DataError, match=f"features {features.name}: expected at least one slice, got none"):
        features.panel(bars(5).rows(2, 2))


def test_another_first_bar_of_a_panel_changes_no_more_than_rounding(features):
    whole = bars(features.memory + 80, n=2, holes=0.0)
    days = np.datetime64("2015-01-01") + np.arange(len(whole))
    arrays = [getattr(whole, key) for key in ("open", "high", "low", "close", "volume")]
    paid = np.zeros_like(whole.close)
    paid[20:60:7] = 1.3
    panel = Panel.from_arrays(whole.symbols, days, *arrays, dividends=paid)
    later = panel.cut(start=str(days[50]))
    unit = panel.adjusted.close[50] / later.adjusted.close[0] if features.name == "close" else np.ones(2)
    np.testing.assert_allclose(
        features.panel(later.adjusted)[:, features.memory :] * unit[:, None, None],
        features.panel(panel.adjusted)[:, 50 + features.memory :],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_set_names_every_source_that_its_columns_use(features):
    """Or its hash would stay while its numbers change."""
    named = {*SHARED, *features.sources}
    homes = {Path(getsourcefile(getattr(c.compute, "func", c.compute))) for c in features.columns}
    used = set()
    for home in homes | {ROOM / name for name in named}:
        for node in ast.walk(ast.parse(home.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("signals.features"):
                used |= {node.module.rsplit(".")[-1] + ".py", *(f"{alias.name}.py" for alias in node.names)}
    used = {name for name in used if (ROOM / name).exists()} - {"sets.py"}
    assert used <= named, used - named


def specimen(compute, memory: int = 3) -> FeatureSet:
    return FeatureSet("wrong", (Column("wrong", "?", memory, "-", ("close",), compute),))


def ahead(b):
    return np.roll(b.close, -1, axis=1) / b.close


def long_ago(b):
    return b.close / rolling.lag(b.close, 9)


def since_the_start(b):
    return b.close / b.close[:, :1]


def by_place(b):
    return b.close * 0.0 + b.first + np.arange(b.stop - b.first)[:, None]


@pytest.mark.parametrize(
    ("wrong", "catches"),
    [
        (specimen(ahead), test_the_future_cannot_change_the_past),
        (specimen(ahead), test_the_last_slice_of_a_window_is_the_panels_row),
        (specimen(long_ago), test_each_column_begins_exactly_after_its_own_memory),
        (specimen(since_the_start), test_bars_before_the_memory_change_nothing_to_the_last_bit),
        (specimen(by_place), test_the_order_of_the_instruments_permutes_the_features),
        (specimen(lambda b: b.close), test_neither_the_unit_of_the_price_nor_that_of_the_volume_matters),
        (specimen(lambda b: b.close / b.open), test_names_are_distinct_and_what_a_set_needs_is_what_its_columns_read),
        (specimen(lambda b: b.past(9)), test_one_bar_is_felt_as_long_as_the_column_remembers_and_no_longer),
    ],
)
def test_what_is_asked_above_catches_a_wrong_column(wrong, catches):
    with pytest.raises(AssertionError):
        catches(wrong)


def test_the_hash_tells_sets_apart_and_stays(features):
    assert len(features.sha256) == 64
    assert len({feature_set(name).sha256 for name in SETS}) == len(SETS)
