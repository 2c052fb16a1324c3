"""What a fit leaves beside its model can be read back: TensorBoard's scalars, the CSV and the log tell of the same epochs."""

from __future__ import annotations

import csv
import threading

import numpy as np
import pytest

from signals import folder as folders
from signals.training import fitting
from signals.training import train as training
from signals.training.logbook import EVENTS, HISTORY, LOG, Logbook, table
from signals.training.splits import Span, by_share
from signals.training.state import Progress
from tests.signals.training.planted import material, recipe

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
SPLIT = by_share(Span(8, 120), {"train": 0.7, "validation": 0.3}, 2)


class Stopped(Exception):  # noqa: N818
    pass


def fit(folder, stop_after: int | None = None) -> Progress:
    book = Logbook(folder, "small", 5)

    def watch(now: Progress) -> None:
        book(now)
        if now.epoch == stop_after:
            raise Stopped

    try:
        return fitting.fit(material(), recipe(), SPLIT, 3, fitting.Job("cpu", folder, watch=watch)).progress
    finally:
        book.close()


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    events = accumulator.EventAccumulator(str(folder / EVENTS)).Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def columns(folder) -> dict[str, list[float]]:
    with (folder / HISTORY).open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def test_every_measure_of_an_epoch_is_a_tag_with_a_value_per_epoch(tmp_path):
    done = fit(tmp_path)
    read, kept = scalars(tmp_path), columns(tmp_path)
    assert kept.pop("epoch") == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert set(read) == set(kept) == set(done.history[0]) - {"epoch"}
    assert {"train_loss", "validation_loss", "rank_ic", "learning_rate", "gradient_rank", "gradient_huber"} <= set(read)
    for name, told in read.items():
        assert [step for step, _ in told] == [1, 2, 3, 4, 5]
        np.testing.assert_array_equal([np.float32(value) for _, value in told], np.array(kept[name], np.float32))


def test_a_fit_that_was_stopped_and_resumed_tells_of_each_epoch_once(tmp_path):
    with pytest.raises(Stopped):
        fit(tmp_path, stop_after=2)
    fit(tmp_path)
    assert [step for step, _ in scalars(tmp_path)["train_loss"]] == [1, 2, 3, 4, 5]
    lines = (tmp_path / LOG).read_text().splitlines()
    assert [line.split("epoch ")[1].split("/")[0] for line in lines if "epoch" in line] == ["1", "2", "3", "4", "5"]


def test_the_events_are_whole_before_the_models_folder_is_put_in_place(tmp_path, monkeypatch):
    """Their thread appends to a path that is not there while one folder is swapped for another."""
    before, told = set(threading.enumerate()), []
    write = folders.write

    def watched(*words):
        told.append((set(threading.enumerate()) - before, len(scalars(tmp_path / "m")["train_loss"])))
        return write(*words)

    monkeypatch.setattr(folders, "write", watched)
    training.model(material(), recipe(), SPLIT, 3, tmp_path / "m", training.Run("cpu"), "small")
    assert told == [(set(), 5)] and len(scalars(tmp_path / "m")["train_loss"]) == 5


def test_the_log_says_how_hard_each_term_of_a_rank_loss_pulled(tmp_path):
    done = fit(tmp_path)
    line = next(line for line in (tmp_path / LOG).read_text().splitlines() if "epoch 3/5" in line)
    row = done.history[2]
    assert f"gradients of rank {row['gradient_rank']:.3g} and huber {row['gradient_huber']:.3g}, rate" in line


def test_a_history_that_began_before_a_column_was_known_leaves_it_empty():
    text = table([{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25, "gradient_rank": 0.125}])
    assert text == "epoch,train_loss,gradient_rank\n1,0.5,\n2,0.25,0.125\n"
