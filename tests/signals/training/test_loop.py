"""The loop: a killed fit resumes to the same weights, the best epoch is kept, and what is wrong is flagged."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.errors import DataError
from signals import calibration, models, scaling
from signals.losses import RankSettings, gradient_norms, rank_loss
from signals.training import batches, fitting, flags, loop, source, state
from signals.training.objective import Objective
from signals.training.splits import Span, by_share
from signals.training.state import Progress
from tests.signals.training.planted import material, recipe

ROOT = Path(__file__).resolve().parents[3]
SPLIT = by_share(Span(8, 120), {"train": 0.7, "validation": 0.3}, 2)
EVERYTHING = ["training.noise=0.1", "training.shift=2", "training.accumulate=2", "training.date_stride=2"]


class Stopped(Exception):  # noqa: N818
    pass


def weights(fitted: fitting.Fitted) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(fitted.net.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def run(folder=None, sets=(), stop_after: int | None = None, **job) -> fitting.Fitted:
    def watch(now: Progress) -> None:
        if now.epoch == stop_after:
            raise Stopped

    return fitting.fit(material(), recipe(list(sets)), SPLIT, 3, fitting.Job("cpu", folder, watch=watch, **job))


@pytest.mark.parametrize("sets", [[], EVERYTHING])
def test_a_fit_stopped_after_any_epoch_ends_with_the_same_weights(tmp_path, sets):
    whole = weights(run(sets=sets))
    for epoch in range(1, 5):
        with pytest.raises(Stopped):
            run(tmp_path / str(epoch), sets, epoch)
        resumed = run(tmp_path / str(epoch), sets)
        assert weights(resumed) == whole
        assert [row["epoch"] for row in resumed.progress.history] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("sets", [[], EVERYTHING, ["training.precision=bf16"]])
def test_asking_how_hard_each_term_pulls_changes_no_weight(monkeypatch, sets):
    """Two layers with dropout: a stream that moved, or a gradient left behind, would show."""
    asked = run(sets=sets)
    monkeypatch.setattr(loop, "pulls", lambda net, terms: {})
    silent = run(sets=sets)
    assert weights(asked) == weights(silent)
    rows = zip(asked.progress.history, silent.progress.history, strict=True)
    assert all({k: v for k, v in one.items() if not k.startswith("gradient_")} == two for one, two in rows)


def test_how_hard_each_term_pulls_is_told_of_the_first_batch_of_each_epoch():
    """Against each date's own loss, and the whole gradient of the same net on the same batch."""
    quiet = recipe(["training.epochs=1"], model={"kind": "rank", "hidden": 6, "layers": 1, "dropout": 0.0})
    made = material()
    told = fitting.fit(made, quiet, SPLIT, 3, fitting.Job("cpu")).progress.history[0]
    learned = fitting.samples(made, quiet, SPLIT.train, 1)
    (first, *_) = batches.by_date(learned, 8, (3, 0))
    chosen, sigma = learned.of(first.samples), float(np.std(learned.label))
    scaler = scaling.fit("robust", fitting.scaled_rows(made, SPLIT), fitting.winsor(quiet))
    windows = np.stack([made.values[i, t - 7 : t + 1] for i, t in zip(chosen.instrument, chosen.end, strict=True)])
    net = models.build({**fitting.described(quiet), "inputs": 2}, 3)
    output = net(torch.from_numpy(np.asarray(scaler.apply(windows), np.float32)))
    settings = RankSettings(1.0, 0.05, 0.05 / sigma, 0.7, literal=True)
    label = torch.from_numpy((chosen.label / sigma).astype(np.float32))
    terms = rank_loss(output, label, torch.from_numpy(chosen.end), settings).terms
    expected = gradient_norms(terms, list(net.parameters()))
    assert expected["rank"] > 10.0 * expected["huber"] > 0.0
    assert told["gradient_rank"] == pytest.approx(expected["rank"], rel=1e-4)
    assert told["gradient_huber"] == pytest.approx(expected["huber"], rel=1e-4)


CHILD = """
import os, signal
from pathlib import Path
from tests.signals.training import test_loop
from signals.training import loop, state
calls = 0
def killing(*told):
    global calls
    calls += 1
    if calls == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*told)
real = getattr({module}, {name!r})
setattr({module}, {name!r}, killing)
test_loop.run(Path({folder!r}))
"""


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [("loop", "decide", 3), ("loop", "layout", 20), ("state", "replace", 6)],
    ids=["between epochs", "inside an epoch", "while the state is written"],
)
def test_a_fit_killed_by_the_system_resumes_to_the_same_weights(tmp_path, module, name, call):
    text = CHILD.format(module=module, name=name, call=call, folder=str(tmp_path))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", text], env=env, cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-500:]
    assert (tmp_path / state.STATE).exists()
    assert weights(run(tmp_path)) == weights(run())


def test_the_state_of_another_fit_is_not_taken_up(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, stop_after=2)
    other = ["training.learning_rate=0.01"]
    assert weights(run(tmp_path, other)) == weights(run(sets=other)) != weights(run())


def test_a_damaged_state_is_refused(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, stop_after=2)
    (file,) = tmp_path.glob("state-*.safetensors")
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with pytest.raises(DataError, match="not what was written"):
        run(tmp_path)


def test_the_best_epoch_is_kept_and_patience_ends_a_fit():
    fitted = run(
        sets=["training.epochs=40", "training.learning_rate=0.05", "training.patience=3", "training.plateau=null"]
    )
    now = fitted.progress
    losses = [row["validation_loss"] for row in now.history]
    assert now.stopped == "patience" and now.best_epoch == int(np.argmin(losses)) + 1 < now.epoch


def test_the_learning_rate_halves_on_a_plateau_down_to_its_floor():
    now, rules = Progress("k", learning_rate=1e-3), recipe(["training.plateau={patience: 1, floor: 4e-4}"]).training
    rates = []
    for _ in range(7):
        now.epoch += 1
        loop.decide(now, {"validation_loss": 1.0, "train_loss": 1.0}, rules)
        rates.append(now.learning_rate)
    assert rates == [1e-3, 1e-3, 5e-4, 5e-4, 4e-4, 4e-4, 4e-4]


def test_a_learning_rate_below_the_floor_of_its_plateaus_is_not_raised_to_it():
    now, rules = Progress("k", learning_rate=1e-4), recipe(["training.plateau={patience: 1, floor: 4e-4}"]).training
    for _ in range(4):
        now.epoch += 1
        loop.decide(now, {"validation_loss": 1.0, "train_loss": 1.0}, rules)
    assert now.learning_rate == 1e-4


def test_a_budget_ends_a_fit_after_the_epoch_that_spends_it():
    ticks = iter(range(0, 10_000, 10))
    fitted = run(sets=["training.budget=25 seconds"], clock=lambda: float(next(ticks)))
    assert fitted.progress.epoch == 3 and fitted.progress.stopped == "budget" and "budget" in fitted.flags


def test_a_learning_rate_that_explodes_is_flagged():
    said = recipe(["training.clip=0", "training.eps=1e-30"])
    rules = said.training.model_copy(update={"learning_rate": 1e30})  # more than a recipe may say
    exploding = said.model_copy(update={"training": rules})
    assert fitting.fit(material(), exploding, SPLIT, 3, fitting.Job("cpu")).flags == ("diverged",)


def raised(kind: str, **columns) -> list[str]:
    """The flags of a fit with this history, raised epoch by epoch."""
    now, usual = Progress("k"), {"train_loss": 1.0, "validation_loss": 1.0, "spread": 1.0, "accuracy": 0.5}
    count = len(next(iter(columns.values())))
    for epoch in range(count):
        now.history.append({**usual, **{name: values[epoch] for name, values in columns.items()}})
        flags.raise_flags(now, kind)
    return now.flags


def test_an_accuracy_that_stays_the_same_for_five_epochs_is_stuck():
    moved = [0.51, 0.52, 0.52, 0.52, 0.52]
    assert raised("direction", accuracy=[0.52] * 5) == ["stuck"]
    assert raised("direction", accuracy=[0.51, *[0.52] * 5, 0.53]) == ["stuck"]  # and it stands
    assert raised("direction", accuracy=[0.52] * 4) == raised("direction", accuracy=moved) == []
    assert raised("rank", accuracy=[0.52] * 5) == []


def test_a_training_loss_of_more_than_three_times_its_least_has_diverged():
    moving = [0.50, 0.51, 0.52]
    assert raised("rank", train_loss=[2.0, 1.0, 3.1]) == ["diverged"]
    assert raised("direction", train_loss=[2.0, 1.0, 3.1], accuracy=moving) == ["diverged"]
    assert raised("rank", train_loss=[2.0, 1.0, 3.0]) == raised("rank", train_loss=[9.0, 1.0, 2.9]) == []
    assert raised("rank", validation_loss=[2.0, 1.0, 9.0]) == []


@pytest.mark.parametrize("name", ["train_loss", "validation_loss"])
def test_a_loss_that_is_no_number_is_flagged_and_ends_the_fit(name):
    assert raised("rank", **{name: [1.0, float("nan")]}) == ["nan"]
    now = Progress("k", learning_rate=1e-3)
    loop.decide(now, {"train_loss": 1.0, "validation_loss": 1.0, name: float("nan")}, recipe().training)
    assert now.stopped == "nan"


def test_outputs_that_do_not_differ_are_constant():
    assert raised("rank", spread=[0.5, 1e-7]) == ["constant"]
    assert raised("rank", spread=[0.5, 1e-5]) == []


OPTIONS = (
    "training.noise=0.1", "training.shift=2", "training.accumulate=2", "training.precision=bf16", "training.weight_decay=0.01",
)  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_changes_what_is_learned(option):
    assert weights(run(sets=[option, "training.epochs=1"])) != weights(run(sets=["training.epochs=1"]))


def directions(names: int = 12):
    """material() with labels of 1 and 0."""
    made = material(names)
    label = np.where(np.isnan(made.labels.values), np.nan, made.labels.values > 0.0)
    return replace(made, labels=replace(made.labels, values=label, target="up"))


RISES = {
    "model": {"kind": "direction", "hidden": 6, "layers": 1, "dropout": 0.0}, "label": {"target": "up"},
    "loss": {"kind": "direction", "l2": 0.001}, "calibrate": "none",
}  # fmt: skip
RANKS = {"model": {"kind": "rank", "hidden": 6, "layers": 1, "dropout": 0.0}}


@pytest.mark.parametrize(
    ("made", "changes", "size"),
    [(directions, RISES, "batch_size"), (material, RANKS, "dates_per_batch")],
    ids=["windows", "dates"],
)
def test_two_batches_a_step_are_one_batch_of_both(made, changes, size):
    """480 windows, 40 dates of twelve names: whole batches either way, and dropout is off. Half a batch a step is another fit."""
    here, plain = made(), ["training.epochs=2", "training.max_windows_per_epoch=480"]

    def learned(count: int, accumulate: int) -> np.ndarray:
        sets = [*plain, f"training.{size}={count}", f"training.accumulate={accumulate}"]
        fitted = fitting.fit(here, recipe(sets, **changes), SPLIT, 3, fitting.Job("cpu"))
        return np.concatenate([value.numpy().ravel() for value in fitted.net.state_dict().values()])

    joint, both, half = learned(8, 1), learned(4, 2), learned(4, 1)
    np.testing.assert_allclose(both, joint, rtol=0.0, atol=2e-5)
    assert np.abs(half - joint).max() > 1e-3


def test_a_net_that_says_one_thing_is_flagged():
    sets = ["training.learning_rate=1e-12", "training.weight_decay=0"]
    silent = recipe(sets)
    made = material()
    made.values[:] = 1.0  # nothing to tell windows apart by
    fitted = fitting.fit(made, silent, SPLIT, 3, fitting.Job("cpu"))
    assert "constant" in fitted.flags


@pytest.mark.parametrize("literal", [False, True])
def test_the_rank_loss_over_padded_dates_is_that_of_each_date_by_itself(literal):
    rng = np.random.default_rng(5)
    sizes = np.array([9, 4, 6, 12, 7])  # the second is too small to rank
    date = np.repeat(np.arange(5), sizes)
    output = torch.from_numpy(rng.standard_normal(38)).requires_grad_()
    label = torch.from_numpy(rng.standard_normal(38))
    label[date == 2] = 0.25  # and the third does not vary
    settings = RankSettings(0.7, 0.3, 0.5, literal=literal)
    batch = loop.Batch(np.arange(38), sizes)
    ours = Objective("rank", settings)(output, label, loop.layout(batch, torch.device("cpu")))
    mine = torch.autograd.grad(ours, output)[0]
    theirs = rank_loss(output, label, torch.from_numpy(date), settings)
    assert theirs.used == 3
    torch.testing.assert_close(ours, theirs.total, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mine, torch.autograd.grad(theirs.total, output)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("calibrate", "names", "kind"), [("platt", 40, "platt"), ("isotonic", 40, "isotonic"), ("isotonic", 12, "platt")]
)
def test_without_a_calibration_range_probabilities_are_calibrated_on_validation(calibrate, names, kind):
    """32 dates: 1,280 samples of forty names, 384 of twelve. isotonic needs a thousand, and platt stays what it is."""
    said = recipe(["training.epochs=1"], **{**RISES, "calibrate": calibrate})
    fitted = fitting.fit(directions(names), said, SPLIT, 3, fitting.Job("cpu"))
    assert "calibration" not in fitted.counts and fitted.counts["validation"] == 32 * names
    assert fitted.calibration.kind == kind
    if kind == "platt":
        scaler = scaling.fit("robust", fitting.scaled_rows(directions(names), SPLIT), (0.01, 0.99))
        where = source.Source(directions(names).values, scaler, 8, torch.device("cpu"))
        raw = loop.forecast(fitted.net, where, fitted.validation)
        assert fitted.calibration == calibration.fit_platt(raw, fitted.validation.label)
