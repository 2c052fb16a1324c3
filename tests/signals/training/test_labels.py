"""Labels begin where a decision is filled, and know nothing they cannot."""

from __future__ import annotations

import numpy as np

from engine.types import Window
from signals.training.labels import labels

NAN = float("nan")


def bars(open_, close) -> Window:
    o, c = np.array(open_, float).T, np.array(close, float).T
    return Window(("A", "B")[: o.shape[1]], np.arange(len(o)), o, o, o, c, o)


ONE = bars([[10, 11, 12, 15, 12]], [[10, 20, 30, 60, 30]])


def test_an_open_to_open_label_is_the_return_from_the_next_open_to_the_one_after():
    got = labels(ONE).values[:, 0]
    np.testing.assert_allclose(got, [12 / 11 - 1, 15 / 12 - 1, 12 / 15 - 1, NAN, NAN])


def test_a_longer_horizon_ends_later_and_reaches_further():
    two = labels(ONE, horizon=2)
    np.testing.assert_allclose(two.values[:, 0], [15 / 11 - 1, 12 / 12 - 1, NAN, NAN, NAN])
    assert two.reach == 3


def test_a_close_to_close_label_reads_closes():
    np.testing.assert_allclose(labels(ONE, "close_to_close").values[:3, 0], [0.5, 1.0, -0.5])


def test_a_missing_price_leaves_every_label_that_needs_it_unknown():
    holed = bars([[10, 11, NAN, 15, 12]], [[1, 1, 1, 1, 1]])
    np.testing.assert_allclose(labels(holed).values[:, 0], [NAN, NAN, 12 / 15 - 1, NAN, NAN])


def test_a_price_label_is_the_next_close_and_is_traded_from_the_close_after():
    price = labels(ONE, "close", target="price")
    np.testing.assert_allclose(price.values[:, 0], [20, 30, 60, 30, NAN])
    np.testing.assert_allclose(price.returns[:3, 0], [0.5, 1.0, -0.5])
    assert price.reach == 1


def test_up_is_one_down_is_zero_and_no_move_is_no_label():
    moves = bars([[10, 10, 11, 11, 10, 10]], [[1] * 6])
    np.testing.assert_array_equal(labels(moves, target="up").values[:, 0], [1, NAN, 0, NAN, NAN, NAN])


def test_above_median_compares_names_of_one_date():
    two = Window(("A", "B", "C"), np.arange(3), *[np.array([[1, 1, 1], [1, 1, 1], [2, 3, 4.0]])] * 5)
    np.testing.assert_array_equal(labels(two, target="above_median").values[0], [0, NAN, 1])
