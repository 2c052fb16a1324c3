"""Windows stay inside their instrument, what is unknown is left out, and the order depends on the seed alone."""

from __future__ import annotations

import numpy as np
import torch

from signals.scaling import Scaler
from signals.training import batches
from signals.training.source import Source

CPU = torch.device("cpu")
SAME = Scaler(kind="none", center=(0.0,), scale=(1.0,))


def test_a_window_is_whole_where_all_its_rows_are_known():
    values = np.ones((1, 7, 2), np.float32)
    values[0, 2, 1] = np.nan
    np.testing.assert_array_equal(batches.whole(values, 3)[0], [False, False, False, False, False, True, True])


def test_every_gathered_window_carries_one_instrument_and_ends_where_it_should():
    n, t, length = 5, 30, 4
    marked = (np.arange(n)[:, None] * 1000 + np.arange(t)).astype(np.float32)[:, :, None]
    known = batches.whole(marked, length)
    made = batches.samples(known, np.zeros((t, n)), np.arange(t))
    assert len(made) == n * (t - length + 1)
    got = Source(marked, SAME, length, CPU).windows(torch.from_numpy(made.instrument), torch.from_numpy(made.end))[
        ..., 0
    ]
    expected = made.instrument[:, None] * 1000 + made.end[:, None] + np.arange(1 - length, 1)
    np.testing.assert_array_equal(got.numpy(), expected)


def test_an_array_too_large_to_hold_gives_the_same_windows(monkeypatch):
    values = np.random.default_rng(0).standard_normal((3, 20, 1)).astype(np.float32)
    scaler = Scaler(kind="standard", center=(0.3,), scale=(1.7,), low=(-1.0,), high=(1.0,))
    index = torch.tensor([0, 2, 1]), torch.tensor([5, 19, 9])
    held = Source(values, scaler, 4, CPU)
    monkeypatch.setattr("signals.training.source.HELD", 0)
    mapped = Source(values, scaler, 4, CPU)
    assert held.held is not None and mapped.held is None
    assert torch.equal(held.windows(*index), mapped.windows(*index))


def test_dates_with_few_names_and_unknown_labels_are_left_out_and_strides_skip_dates():
    known = np.ones((3, 10), np.bool_)
    label = np.zeros((10, 3))
    label[4, :2] = np.nan
    made = batches.samples(known, label, np.arange(10), stride=2, least=2)
    assert sorted(set(made.end)) == [0, 2, 6, 8]


def test_a_rank_batch_is_whole_dates_and_an_epoch_shows_each_once():
    made = batches.samples(np.ones((4, 9), np.bool_), np.zeros((9, 4)), np.arange(9))
    plan = batches.by_date(made, 2, (7, 0))
    shown = [sorted(set(made.end[b.samples])) for b in plan]
    assert sorted(row for rows in shown for row in rows) == list(range(9))
    assert all(len(b.samples) == 4 * len(b.sizes) for b in plan)
    assert [len(b.sizes) for b in plan] == [2, 2, 2, 2, 1]


def test_the_order_is_the_seeds_and_another_epoch_has_another():
    made = batches.samples(np.ones((4, 50), np.bool_), np.zeros((50, 4)), np.arange(50))
    first, again, later = (batches.by_window(made, 8, (7, e)) for e in (0, 0, 1))
    assert [list(b.samples) for b in first] == [list(b.samples) for b in again]
    assert [list(b.samples) for b in first] != [list(b.samples) for b in later]


def test_an_incomplete_last_batch_is_dropped_unless_it_is_the_only_one():
    made = batches.samples(np.ones((1, 10), np.bool_), np.zeros((10, 1)), np.arange(10))
    assert [len(b.samples) for b in batches.by_window(made, 4, (0, 0))] == [4, 4]
    assert [len(b.samples) for b in batches.by_window(made, 16, (0, 0))] == [10]
    assert [len(b.samples) for b in batches.by_window(made, 4)] == [4, 4, 2]


def test_no_more_windows_than_asked_for():
    made = batches.samples(np.ones((4, 50), np.bool_), np.zeros((50, 4)), np.arange(50))
    assert sum(len(b.samples) for b in batches.by_window(made, 8, (1, 0), 30)) == 24
    assert sum(len(b.samples) for b in batches.by_date(made, 2, (1, 0), 30)) == 28


def test_with_a_stride_epochs_take_turns_until_every_date_was_shown():
    made = batches.samples(np.ones((4, 9), np.bool_), np.zeros((9, 4)), np.arange(9))
    for plan in (batches.by_date, batches.by_window):
        shown = [
            sorted({int(made.end[k]) for b in plan(made, 1, (7, e), None, 3) for k in b.samples}) for e in range(4)
        ]
        assert shown == [[0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 3, 6]]
