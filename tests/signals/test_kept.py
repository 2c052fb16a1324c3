"""What a passport keeps of its validation range: written by training, read as plain data, and absent from passports of before."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.inuse.drift import LEVELS, Shape, shape_of  # noqa: E402
from engine.inuse.reference import asked, read  # noqa: E402
from engine.inuse.skill import Skill  # noqa: E402
from signals import folder  # noqa: E402
from signals.kept import Kept  # noqa: E402
from signals.lstm import Lstm  # noqa: E402
from signals.passport import Passport, read_text  # noqa: E402
from signals.training import fitting  # noqa: E402
from signals.training import train as training  # noqa: E402
from signals.training.splits import Span, Split  # noqa: E402
from signals.training.train import Run  # noqa: E402
from tests.signals import passports  # noqa: E402
from tests.signals.test_lstm import START, day, model  # noqa: E402
from tests.signals.training.planted import material, recipe  # noqa: E402

KEPT = {
    "target": "return",
    "forecast": {
        "values": [-0.1, 0.0, 0.1],
        "shares": [0.25, 0.5, 1.0],
        "slices": 60.0,
        "worth": 4.0,
        "mean": 0.01,
        "sd": 0.1,
    },
    "promise": {"measure": "rank IC", "value": 0.04, "error": 0.01, "slices": 60, "on": "validation"},
    "brier": None,
}
SPLIT = Split(Span(10, 70), Span(74, 110), None, None, 4)
RUN = Run("cpu", today="2024-01-02")


def kept(told):
    return Kept.model_validate_json(json.dumps(told))


def test_a_passport_without_it_keeps_its_bytes_and_its_hash():
    text = Passport.of(**passports.plain()).text()
    assert b"reference" not in text
    # what the version before this one wrote of the same passport
    assert hashlib.sha256(text).hexdigest() == hashlib.sha256(read_text(text).text()).hexdigest()
    assert list(json.loads(text))[-1] == "flags"


def test_a_passport_with_it_is_read_back_the_same():
    text = Passport.of(**passports.plain(), reference=kept(KEPT)).text()
    again = read_text(text)
    assert again.text() == text and again.reference == kept(KEPT)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("forecast", {"values": [0.0, 0.0, 0.1]}),
        ("forecast", {"shares": [0.5, 0.25, 1.0]}),
        ("forecast", {"shares": [0.5, 1.0]}),
        ("forecast", {"shares": [0.25, 0.5, 1.5]}),
        ("forecast", {"worth": -1.0}),
        ("promise", {"value": 2.0}),
        ("promise", {"measure": "luck"}),
        ("promise", {"slices": 0}),
        ("promise", {"more": 1}),
    ],
)
def test_nonsense_is_refused(key, wrong):
    with pytest.raises(ValueError, match=r"passport\.reference"):
        Passport.of(**passports.plain(), reference=KEPT | {key: KEPT[key] | wrong})


def test_training_keeps_what_a_session_would_measure_on_the_validation_range(tmp_path):
    made, said = material(), recipe(["training.epochs=2"])
    done = training.model(made, said, SPLIT, 3, tmp_path / "m", RUN, "m")
    found = folder.read_passport(tmp_path / "m").reference
    rows = SPLIT.validation.rows
    net = done.fitted
    f = fitting.outputs(net.net, net.scaler, net.calibration, made, said, rows, "cpu")
    skill = Skill(0)
    for row, came in zip(f, made.labels.returns[rows]):
        skill.add(row, came)
    estimate = skill.estimate()
    assert found.promise.measure == "rank IC" and found.promise.slices == 36 and found.brier is None
    assert found.promise.value == pytest.approx(estimate.value, abs=1e-6)
    assert found.promise.error == pytest.approx(estimate.error, rel=1e-3)
    shape = Shape.of(found.forecast.model_dump())
    assert len(shape.values) == len(LEVELS) and shape.slices == 36.0
    assert shape.mean == pytest.approx(f.mean(), rel=1e-4) and shape.sd == pytest.approx(f.std(), rel=1e-4)
    assert shape.shares == pytest.approx(np.array(LEVELS), abs=0.01)
    assert shape.worth == pytest.approx(shape_of(list(f)).worth, rel=0.05)  # a share is a step of its values


def test_a_strided_validation_says_of_how_many_slices_it_is(tmp_path):
    said = recipe(["training.epochs=1", "training.date_stride=3"])
    found = training.model(material(), said, SPLIT, 3, tmp_path / "m", RUN, "m").passport.reference
    assert found.promise.slices == 12 and found.forecast.slices == 36.0


def test_the_signal_tells_what_the_passport_that_speaks_keeps(tmp_path):
    span = {"train": ("2010-01-01", "2012-12-31")}
    tested = span | {"test": ("2014-03-07", "2014-03-21")}
    model(tmp_path / "wf" / "a", 1, known_through=day(39), ranges=span)
    model(tmp_path / "wf" / "b", 2, known_through=day(59), valid_from=day(64), ranges=tested, reference=kept(KEPT))
    signal = Lstm(str(tmp_path / "wf"))
    at = [START + 86_400_000_000_000 * k for k in (10, 50, 80)]
    assert asked(signal, at[0]) == {"id": "", "why": "no model is valid yet"}
    early, late = (read("s", signal, asked(signal, time), time) for time in at[1:])
    assert early.shape is None and early.why == "the passport keeps no reference" and early.cadence is None
    assert late.promise.value == 0.04 and late.shape.worth == 4.0 and late.target == "return" and late.why == ""
    assert early.id != late.id and late.since == START + 64 * 86_400_000_000_000
    # the test range ends with 2014-03-21, day 79 from the first of January on; it may speak since day 64
    assert late.cadence == 16 * 86_400_000_000_000


def test_a_model_per_name_has_no_one_reference(tmp_path):
    for name in ("S000", "S001"):
        model(tmp_path / "m" / name, kind="stock", universe=(name,))
    assert asked(Lstm(str(tmp_path / "m")), START)["why"] == "a model per name keeps no one reference"
