"""What holds for every column of every set: no future, a finite past, no place in the table, no unit of money."""

from __future__ import annotations

import numpy as np
import pytest

from signals.features import feature_set, names
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
    np.testing.assert_allclose(features.panel(other), features.panel(whole), rtol=2e-6, atol=2e-7)


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


def test_the_hash_tells_sets_apart_and_stays(features):
    assert len(features.sha256) == 64
    assert len({feature_set(name).sha256 for name in SETS}) == len(SETS)
