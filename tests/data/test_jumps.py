"""A close that jumps and comes back is told when bars are read: it trades, and one of them can decide a run."""

from __future__ import annotations

import numpy as np
import pytest

import engine


def warnings_of(*closes: float) -> list[str]:
    close = np.array([closes, [50.0] * len(closes)]).T
    days = np.datetime64("2024-01-01") + np.arange(len(close))
    columns = (close, close, close, close, np.full_like(close, 1e6))
    made = engine.Panel.from_arrays(("A", "B"), days, *columns, prices="split_adjusted")
    return [line for line in made.warnings if "come back" in line or "comes back" in line]


@pytest.mark.parametrize("spike", [36.0, 4.0])
def test_three_times_its_neighbours_or_a_third_of_them_is_told(spike):
    (line,) = warnings_of(12.0, 12.0, spike, 12.0, 11.0)
    assert line == (
        f"1 close jumps and comes back, first A on 2024-01-03: 12, {spike:g}, 12; barcast data fix masks such closes"
    )


def test_what_stays_or_is_smaller_or_is_at_an_end_is_not():
    assert not warnings_of(12.0, 36.0, 36.0, 36.0)  # a level that stays may be true
    assert not warnings_of(12.0, 35.0, 12.0)
    assert not warnings_of(36.0, 12.0, 12.0, 36.0)
    assert not warnings_of(12.0, 36.0, np.nan, 12.0)  # nobody knows what came next


def test_several_are_counted():
    assert warnings_of(10, 50, 10, 50, 10)[0].startswith(
        "3 closes jump and come back, first A on 2024-01-02: 10, 50, 10"
    )
