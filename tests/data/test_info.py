"""What `barcast data info` will say of a panel."""

from __future__ import annotations

import numpy as np

from engine.data.info import describe
from engine.panel import Panel

NAN = float("nan")


def test_a_panel_is_described_in_counts():
    close = np.array([[10.0, 5.0], [NAN, 5.0], [20.0, 5.0], [21.0, NAN]])
    volume = np.array([[1.0, 0.0], [NAN, 0.0], [1.0, 2.0], [1.0, NAN]])
    opens = np.array([[10.0, NAN], [NAN, 5.0], [20.0, 5.0], [21.0, NAN]])
    dividends = np.zeros((4, 2))
    dividends[2, 1] = 0.5
    days = np.arange("2024-01-02", "2024-01-06", dtype="datetime64[D]")
    panel = Panel.from_arrays(
        ["A", "B"],
        days,
        opens,
        close,
        close,
        close,
        volume,
        dividends=dividends,
        missing_open="close_fills",
        name="two",
    )
    info = describe(panel)
    assert (info["instruments"], info["slices"], info["sessions"], info["bars"]) == (2, 4, 4, 6)
    assert (info["first_session"], info["last_session"], info["last"]) == ("2024-01-02", "2024-01-05", "2024-01-06")
    assert (info["missing"], info["zero_volume"], info["missing_open"], info["ended_early"]) == (1, 2, 1, 1)
    assert (info["splits"], info["dividends_paid"], info["bars_per_year_source"]) == (0, 1, "counted")
    assert info["table"][0] == {
        "symbol": "A",
        "sector": "",
        "first": "2024-01-02",
        "last": "2024-01-05",
        "bars": 3,
        "missing": 1,
        "zero_volume": 0,
        "missing_open": 0,
        "jumps": 0,
        "actions": 0,
    }
    assert info["table"][1]["last"] == "2024-01-04"
    assert info["table"][1]["actions"] == 1


def test_a_jump_is_counted_between_neighbours_only():
    close = np.array([[10.0], [14.5], [NAN], [30.0]])
    panel = Panel.from_arrays(
        ["A"], np.arange("2024-01-02", "2024-01-06", dtype="datetime64[D]"), close, close, close, close, close
    )
    assert describe(panel)["jumps"] == 1
