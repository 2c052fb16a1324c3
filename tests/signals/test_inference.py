"""Inference: one window, one number, whoever asks and in whatever company."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from signals import inference, models  # noqa: E402
from signals.calibration import Isotonic, Platt, sigmoid  # noqa: E402
from signals.folder import ModelError  # noqa: E402
from signals.inference import BATCH, Predictor, agreement, complete  # noqa: E402
from tests.signals import passports  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
NAN = np.nan


def market(n: int = 7, t: int = 60, seed: int = 0) -> np.ndarray:
    """(N, T, 3) features like those the passports' scaler knows."""
    chance = np.random.default_rng(seed)
    return (chance.normal(size=(n, t, 3)) * [0.01, 0.01, 0.5] + [0.0, 0.02, 1.0]).astype(np.float32)


def same_bits(one, other) -> bool:
    return one.tobytes() == other.tobytes()


@pytest.fixture(params=["rank", "direction", "stock", "attention", "literal"])
def predictor(request, tmp_path):
    return Predictor(passports.folder(tmp_path / "model", request.param, seed=2))


def test_a_forecast_is_the_nets_output_on_the_scaled_window_then_calibrated(tmp_path):
    place = passports.folder(tmp_path / "model", seed=2)
    values = market()
    p = passports.rank()
    module = models.build(p.architecture, 2).eval()
    window = (values[3, 20:25] - np.float32([0.0, 0.02, 1.0])) / np.float32([0.01, 0.01, 0.5])
    with torch.no_grad():
        raw = module(torch.from_numpy(window[None])).item()
    forecasts = Predictor(place).panel(values)
    assert forecasts[3, 24] == pytest.approx(0.001 + 0.5 * raw, abs=1e-7)
    assert forecasts.shape == (7, 60) and forecasts.dtype == np.float64


def test_the_panel_is_the_same_slice_by_slice_to_the_last_bit(predictor):
    values = market()
    whole = predictor.panel(values)
    for t in range(4, 60):
        assert same_bits(predictor.last(np.ascontiguousarray(values[:, t - 4 : t + 1])), whole[:, t].copy())


def test_the_company_a_window_is_in_changes_no_bit(predictor):
    values = market(n=40)
    whole = predictor.panel(values)
    alone = np.concatenate([predictor.panel(values[k : k + 1]) for k in range(40)])
    order = np.random.default_rng(1).permutation(40)
    assert same_bits(alone, whole) and same_bits(predictor.panel(values[order]), whole[order])
    rows = np.random.default_rng(2).random(60) < 0.3
    some = predictor.panel(values, rows)
    assert same_bits(some[:, rows], whole[:, rows]) and np.isnan(some[:, ~rows]).all()


@pytest.mark.parametrize(
    "architecture",
    [
        {"kind": "rank", "inputs": 3},
        {"kind": "rank", "inputs": 3, "hidden": 192, "head": 64},
        {"kind": "direction", "inputs": 3, "layers": 1},
        {"kind": "stock", "inputs": 3},
        {"kind": "attention", "inputs": 3},
        {"kind": "attention", "inputs": 3, "units": [224, 112, 56], "literal": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_nets_people_train_run_in_whole_batches(architecture, precision):
    kind = architecture["kind"]
    p = {"rank": passports.rank, "direction": passports.classifier, "attention": passports.classifier}.get(
        kind, passports.stock
    )(architecture=architecture)
    module = models.build(architecture).eval().to(torch.bfloat16 if precision == "bf16" else torch.float32)
    assert inference.batch_of(module, p) == BATCH


def test_a_net_whose_rounding_depends_on_the_place_is_asked_window_by_window(monkeypatch):
    p = passports.rank(seed=99, window=6)
    true = inference._outputs
    spoilt = lambda net, windows: true(net, windows) + 1e-9 * np.arange(len(windows))  # noqa: E731
    monkeypatch.setattr(inference, "_outputs", spoilt)
    monkeypatch.setattr(inference, "_sizes", {})
    predictor = Predictor((p, models.build(p.architecture, 4)))
    values = market(n=5, t=12)
    whole = predictor.panel(values)
    assert list(predictor._sizes.values()) == [1]
    assert same_bits(predictor.last(values[:, :9]), whole[:, 8].copy())


def test_a_net_of_sizes_that_round_by_place_gives_the_same_bits_all_the_same():
    p = passports.stock(architecture={"kind": "stock", "inputs": 3, "lstm_units": 6, "dense_units": 4})
    predictor = Predictor((p, models.build(p.architecture, 2)))
    values = market(t=8)
    whole = predictor.panel(values)
    assert same_bits(predictor.last(values[:, 2:7]), whole[:, 6].copy())


def test_every_place_in_a_batch_gives_the_same_bits(predictor):
    windows = market(n=BATCH, t=5)
    whole = predictor.panel(windows)[:, -1]
    for place in range(0, BATCH, 7):
        moved = np.roll(windows, place, axis=0)
        assert same_bits(np.roll(predictor.panel(moved)[:, -1], -place), whole)


def test_the_number_of_threads_changes_no_bit_and_is_left_as_it_was(predictor, monkeypatch):
    values = market(n=20)
    found = []
    for count in ("1", "2", "5"):
        monkeypatch.setattr(inference, "workers", lambda count=count: int(count))
        found.append(predictor.panel(values))
    assert same_bits(found[0], found[1]) and same_bits(found[0], found[2])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    assert same_bits(predictor.panel(values), found[0]) and torch.get_num_threads() == 2
    torch.set_num_threads(before)


AGAIN = """
import sys, numpy as np
from signals.inference import Predictor
values = np.load(sys.argv[2])
sys.stdout.buffer.write(Predictor(sys.argv[1], sys.argv[3]).panel(values).tobytes())
"""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_after_a_restart_the_bits_are_the_same(tmp_path, precision, monkeypatch):
    monkeypatch.setattr(inference, "LEAST_RANK_CORRELATION", 0.0)
    monkeypatch.setattr(inference, "LEAST_OVERLAP", 0.0)
    place = passports.folder(tmp_path / "model", seed=2)
    np.save(tmp_path / "values.npy", market())
    code = (
        AGAIN
        if precision == "fp32"
        else AGAIN.replace(
            "values =", "import signals.inference as i; i.LEAST_RANK_CORRELATION = i.LEAST_OVERLAP = 0.0\nvalues ="
        )
    )
    asked = [sys.executable, "-c", code, str(place), str(tmp_path / "values.npy"), precision]
    other = subprocess.run(
        asked,
        cwd=ROOT,
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )
    assert other.stdout == Predictor(place, precision).panel(market()).tobytes()


def test_a_window_with_an_unknown_feature_is_not_scored_and_others_are():
    values = market(n=2, t=20)
    values[0, 8, 1] = NAN
    values[1, 15, 2] = np.inf
    ends = complete(values, 5)
    assert np.flatnonzero(~ends[0]).tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 12]
    assert np.flatnonzero(~ends[1]).tolist() == [0, 1, 2, 3, 15, 16, 17, 18, 19]
    clean = market(n=2, t=20)
    predictor = Predictor((passports.rank(), models.build(passports.rank().architecture)))
    found, whole = predictor.panel(values), predictor.panel(clean)
    assert np.array_equal(np.isnan(found), ~ends) and same_bits(found[ends], whole[ends])


def test_a_panel_shorter_than_the_window_is_all_unknown():
    predictor = Predictor((passports.rank(), models.build(passports.rank().architecture)))
    assert np.isnan(predictor.panel(market(t=4))).all()


def test_only_what_is_asked_for_is_computed(tmp_path, monkeypatch):
    predictor = Predictor(passports.folder(tmp_path / "model"))
    calls = []
    true = inference._outputs
    monkeypatch.setattr(inference, "_outputs", lambda net, windows: calls.append(len(windows)) or true(net, windows))
    rows = np.zeros(60, np.bool_)
    rows[[30, 40]] = True
    predictor.panel(market(n=32), rows)
    assert calls == [BATCH]  # 2 slices x 32 names


@pytest.mark.parametrize("flag", ["constant", "uninformative", "uncalibrated"])
def test_a_flagged_classifier_forecasts_nothing_whatever_its_calibration(flag):
    p = passports.classifier(flags=(flag,), calibration=Isotonic(x=(-1.0, 1.0), y=(0.1, 0.9)))
    predictor = Predictor((p, models.build(p.architecture)))
    assert np.isnan(predictor.panel(market())).all()
    assert np.isfinite(predictor.raw(market())[:, 4:]).all()  # for calibration and figures


def test_a_classifier_without_calibration_forecasts_nothing():
    p = passports.classifier(calibration=None)
    assert np.isnan(Predictor((p, models.build(p.architecture))).panel(market())).all()


def test_a_calibrated_classifier_gives_probabilities():
    p = passports.classifier(calibration=Platt(a=2.0, b=0.5))
    predictor = Predictor((p, models.build(p.architecture, 1)))
    found, raw = predictor.panel(market())[:, 4:], predictor.raw(market())[:, 4:]
    assert np.allclose(found, sigmoid(2.0 * raw + 0.5), atol=1e-15) and (found > 0).all() and (found < 1).all()


def test_a_declared_clamp_holds_and_its_hits_are_counted():
    p = passports.rank(clamp=(0.0, None))
    values = market()
    free = Predictor((passports.rank(), models.build(p.architecture, 1))).panel(values)[:, 4:]
    predictor = Predictor((p, models.build(p.architecture, 1)))
    kept = predictor.panel(values)[:, 4:]
    assert same_bits(kept, np.clip(free, 0.0, None)) and predictor.clamped == int((free < 0.0).sum()) > 0


def test_dropout_is_off_and_the_global_chance_is_untouched(predictor):
    before = torch.get_rng_state()
    assert same_bits(predictor.panel(market()), predictor.panel(market()))
    assert torch.equal(torch.get_rng_state(), before)


def test_bf16_that_ranks_as_fp32_does_passes_its_gate():
    p = passports.rank(architecture={"kind": "rank", "inputs": 3, "hidden": 32, "layers": 1})
    module = models.build(p.architecture, 3)
    with torch.no_grad():
        module.lstm.weight_hh_l0.mul_(0.1)
    low, full = (Predictor((p, module), precision) for precision in ("bf16", "fp32"))
    one, other = low.raw(market(n=30))[:, 4:].ravel(), full.raw(market(n=30))[:, 4:].ravel()
    correlation, _ = agreement(other, one)
    assert 0.999 < correlation < 1.0  # another arithmetic


def test_bf16_that_ranks_otherwise_is_refused_with_the_figures(tmp_path, monkeypatch):
    predictor = Predictor(passports.folder(tmp_path / "model", seed=2), "bf16")
    monkeypatch.setattr(inference, "LEAST_RANK_CORRELATION", 1.0)  # no rounding at all
    with pytest.raises(ModelError) as told:
        predictor.panel(market(n=30))
    assert "rank correlation with fp32 is 0.99" in str(told.value) and "precision: fp32" in str(told.value)


def test_the_gate_makes_windows_up_where_there_are_few(tmp_path, monkeypatch):
    predictor = Predictor(passports.folder(tmp_path / "model", seed=2), "bf16")
    seen = []
    monkeypatch.setattr(inference, "agreement", lambda one, other: seen.append(len(one)) or (1.0, 1.0))
    predictor.last(market(t=5))
    assert seen == [inference.SAMPLE]
    predictor.last(market(t=5))
    assert seen == [inference.SAMPLE]  # once


def test_agreement_by_hand():
    one = np.arange(10.0)
    other = one.copy()
    other[[7, 8]] = other[[8, 7]]  # one swap across the border of the top fifth
    correlation, overlap = agreement(one, other)
    assert correlation == pytest.approx(1.0 - 6.0 * 2.0 / (10 * 99)) and overlap == 0.5


def test_an_unknown_precision_is_refused(tmp_path):
    with pytest.raises(ModelError, match="fp32, bf16"):
        Predictor(passports.folder(tmp_path / "model"), "int8")


def test_calls_from_several_threads_agree(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    predictor = Predictor(passports.folder(tmp_path / "model"))
    values = market(n=20)
    alone = predictor.panel(values)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: predictor.panel(values), range(6)):
            assert same_bits(found, alone)
