"""Scalers: fitted on training rows, stored as numbers, applied in float32."""

from __future__ import annotations

import json

import numpy as np
import pytest

from signals import scaling
from signals.scaling import Scaler

ROWS = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0], [5.0, 50.0]], np.float32)
NAN = np.nan


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("standard", [(6.0 - 3.0) / 2.0**0.5, 0.0]),
        ("robust", [(6.0 - 3.0) / (2.0 / 1.349), 0.0]),
        ("minmax", [(6.0 - 1.0) / 4.0, 0.5]),
        ("none", [6.0, 30.0]),
    ],
)
def test_each_kind_of_scaler_by_hand(kind, row):
    out = scaling.fit(kind, ROWS).apply(np.array([[6.0, 30.0]], np.float32))
    assert out.dtype == np.float32 and out[0].tolist() == pytest.approx(row, rel=1e-6)


def test_rows_outside_the_training_range_change_no_number():
    market = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    before = scaling.fit("standard", market[:60], (0.01, 0.99))
    market[60:] = 1e6
    assert scaling.fit("standard", market[:60], (0.01, 0.99)) == before


def test_a_scaler_survives_json_to_the_last_bit():
    market = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    scaler = scaling.fit("robust", market, (0.01, 0.99))
    again = Scaler.model_validate_json(json.dumps(scaler.model_dump(mode="json")))
    assert again == scaler
    assert again.apply(market).tobytes() == scaler.apply(market).tobytes()


def test_values_beyond_the_winsor_limits_are_clipped_before_scaling():
    scaler = scaling.fit("standard", np.arange(101.0)[:, None], (0.1, 0.9))
    assert (scaler.low, scaler.high) == ((10.0,), (90.0,))
    out = scaler.apply(np.array([[-1e9], [10.0], [90.0], [1e9]]))[:, 0]
    assert out[0] == out[1] and out[2] == out[3] and out[1] == -out[2]


def test_unknown_stays_unknown_and_is_left_out_of_the_fit():
    scaler = scaling.fit("standard", np.array([[1.0], [NAN], [3.0]]))
    assert (scaler.center, scaler.scale) == ((2.0,), (1.0,))
    assert np.isnan(scaler.apply(np.array([[NAN]]))[0, 0])


def test_a_column_that_never_varied_is_centred_and_named():
    scaler = scaling.fit("standard", np.array([[7.0, 1.0], [7.0, 2.0]]))
    assert scaler.constant == (0,) and scaler.scale[0] == 1.0
    assert scaler.apply(np.array([[7.0, 1.5]]))[0, 0] == 0.0


def test_a_column_half_of_whose_rows_share_a_value_is_still_scaled():
    assert scaling.fit("robust", np.array([[0.0]] * 9 + [[5.0]])).scale[0] == pytest.approx(1.5)


def test_the_input_is_untouched():
    rows = ROWS.copy()
    scaling.fit("standard", rows, (0.1, 0.9)).apply(rows)
    assert np.array_equal(rows, ROWS)


def test_a_scaler_refuses_another_number_of_columns():
    with pytest.raises(ValueError, match="knows 2 columns, got 3"):
        scaling.fit("standard", ROWS).apply(np.zeros((1, 3)))


def test_a_column_of_nothing_cannot_be_fitted():
    with pytest.raises(ValueError, match="column 1 has no finite number"):
        scaling.fit("standard", np.array([[1.0, NAN], [2.0, NAN]]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "standard", "center": (0.0,), "scale": (0.0,)},
        {"kind": "standard", "center": (0.0,), "scale": (-1.0,)},
        {"kind": "standard", "center": (0.0,), "scale": (1.0, 1.0)},
        {"kind": "standard", "center": (NAN,), "scale": (1.0,)},
        {"kind": "standard", "center": (0.0,), "scale": (1.0,), "low": (1.0,)},
        {"kind": "standard", "center": (0.0,), "scale": (1.0,), "low": (1.0,), "high": (0.0,)},
        {"kind": "standard", "center": (0.0,), "scale": (1.0,), "constant": (4,)},
        {"kind": "whitening", "center": (0.0,), "scale": (1.0,)},
    ],
)
def test_stored_numbers_that_make_no_scaler_are_refused(wrong):
    with pytest.raises(ValueError):
        Scaler(**wrong)


@pytest.mark.parametrize("winsor", [(0.9, 0.1), (0.1,), (-0.1, 0.9)])
def test_winsor_limits_must_be_two_rising_quantiles(winsor):
    with pytest.raises(ValueError, match="winsor"):
        scaling.fit("standard", ROWS, winsor)
