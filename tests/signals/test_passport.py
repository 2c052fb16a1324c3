"""Passports: what they hold, and what they cannot say."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from engine.contracts import UNITS
from signals.passport import Passport, instant_of, nanoseconds, read_text
from tests.signals import passports


def test_a_passport_survives_its_file():
    passport = passports.rank()
    again = read_text(passport.text())
    assert again == passport and again.text() == passport.text()


def test_units_are_the_engines():
    assert set(get_args(Passport.model_fields["unit"].annotation)) == set(UNITS)


def test_defaults_of_the_architecture_are_written_out():
    assert json.loads(passports.rank().text())["architecture"]["forget_bias"] == 1.0


def test_known_through_is_an_instant():
    assert passports.rank().known_through_ns == 1_372_795_200 * 10**9
    assert nanoseconds("1970-01-01T00:00:01Z") == 10**9
    assert instant_of(1_372_795_200 * 10**9) == "2013-07-02T20:00:00Z"
    assert instant_of(1_372_795_199 * 10**9 + 1) == "2013-07-02T20:00:00Z"  # never earlier than the truth


def test_a_fold_speaks_from_known_through_on_unless_it_says_later():
    assert passports.rank().valid_from_ns == passports.rank().known_through_ns
    assert passports.rank(valid_from="2014-01-02T00:00:00Z").valid_from_ns == nanoseconds("2014-01-02T00:00:00Z")


SPANS = {"train": ["2010-01-01", "2012-12-31"]}
WRONG = {
    "a clamp upside down": ({"clamp": [1.0, -1.0]}, "its lower end 1.0 lies above its upper end -1.0"),
    "an instant after the time that nanoseconds reach": (
        {"known_through": "9999-01-01T00:00:00Z"},
        "expected a year from 1678 to 2261",
    ),
    "a start after the time that nanoseconds reach": ({"valid_from": "9999-01-01T00:00:00Z"}, "from 1678 to 2261"),
    "a test range before the time that nanoseconds reach": (
        {"ranges": {**SPANS, "test": ["1500-01-01", "9999-12-31"]}},
        "from 1678 to 2261",
    ),
    "a later format": ({"format": 2}, "newer version"),
    "a format of text": ({"format": "1"}, "format"),
    "an unknown key": ({"pickle": "x"}, "pickle"),
    "an unknown unit": ({"unit": "alpha"}, "unit"),
    "no window": ({"window": 0}, "window"),
    "an endless window": ({"window": 10**9}, "window"),
    "a window in text": ({"window": "90"}, "window"),
    "a feature set that is a path": (
        {"features": {"set": "../x", "sha256": "ab" * 32, "columns": ["a", "b", "c"]}},
        "features.set",
    ),
    "a hash cut short": ({"features": {"set": "x", "sha256": "ab", "columns": ["a", "b", "c"]}}, "features.sha256"),
    "too few columns": ({"features": {"set": "x", "sha256": "ab" * 32, "columns": ["a", "b"]}}, "must agree"),
    "one column twice": ({"features": {"set": "x", "sha256": "ab" * 32, "columns": ["a", "b", "b"]}}, "twice"),
    "a scaler of other width": ({"scaler": {"kind": "none", "center": [0.0], "scale": [1.0]}}, "must agree"),
    "a scale of 0": ({"scaler": {"kind": "standard", "center": [0.0] * 3, "scale": [1.0, 1.0, 0.0]}}, "scaler.scale"),
    "an unknown net": ({"architecture": {"kind": "mlp"}}, "architecture"),
    "a net of all memory": ({"architecture": {"kind": "rank", "inputs": 3, "hidden": 10**7}}, "architecture.hidden"),
    "a return without calibration": ({"calibration": None}, "say unit score"),
    "a return with platt": ({"calibration": {"kind": "platt", "a": 1.0, "b": 0.0}}, "makes a probability"),
    "an unknown calibration": ({"calibration": {"kind": "temperature", "t": 1.0}}, "calibration"),
    "a rank net's probability": (
        {"unit": "probability", "calibration": {"kind": "platt", "a": 1.0, "b": 0.0}},
        "does not fit",
    ),
    "a date that is none": ({"ranges": {"train": ["2010-02-30", "2012-01-01"]}}, "ranges.train"),
    "a range turned round": ({"ranges": {"train": ["2012-01-01", "2010-01-01"]}}, "before it begins"),
    "validation within training": (
        {"ranges": SPANS | {"validation": ["2012-06-01", "2013-01-01"]}},
        "validation begins",
    ),
    "known_through before validation ends": (
        {"known_through": "2013-06-27T20:00:00Z"},
        "shaped by decisions until 2013-06-28",
    ),
    "known_through in local time": ({"known_through": "2013-07-02T20:00:00"}, "known_through"),
    "known_through with an offset": ({"known_through": "2013-07-02T20:00:00+05:30"}, "known_through"),
    "known_through on no day": ({"known_through": "2013-13-02T20:00:00Z"}, "known_through"),
    "valid before it is known": ({"valid_from": "2012-01-01T00:00:00Z"}, "lies before known_through"),
    "sigma 0": ({"sigma": 0.0}, "sigma"),
    "a symbol with a line break": ({"universe": ["A\nB"]}, "universe"),
    "a flag of markup": ({"flags": ["<b>"]}, "flags"),
    "negative epochs": ({"epochs_trained": -1}, "epochs_trained"),
    "a label of yesterday": ({"label": {"kind": "open_to_open", "horizon": 0}}, "label.horizon"),
    "a training date with a time": ({"training_date": "2026-01-31T00:00"}, "training_date"),
}


@pytest.mark.parametrize(("changes", "told"), WRONG.values(), ids=WRONG.keys())
def test_a_passport_that_cannot_be_true_is_refused_in_one_line(changes, told):
    with pytest.raises(ValueError) as error:
        Passport.of(**passports.plain("rank", **changes))
    assert told in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 300


GOOD = passports.rank().text()
TEXTS = {
    "nothing": b"",
    "no JSON": b"\x80\x04\x95",
    "a list": b"[]",
    "a number": b"1",
    "not UTF-8": GOOD.replace(b"core", b"\xff\xfe") + b"\xff",
    "NaN": GOOD.replace(b'"sigma": 0.015', b'"sigma": NaN'),
    "infinity": GOOD.replace(b'"sigma": 0.015', b'"sigma": Infinity'),
    "a number beyond double": GOOD.replace(b'"sigma": 0.015', b'"sigma": 1e999'),
    "an integer of 5,000 digits": GOOD.replace(b'"seed": 7', b'"seed": ' + b"7" * 5000),
    "a key twice": GOOD.replace(b'"seed": 7', b'"seed": 7, "seed": 8'),
    "a nested key twice": GOOD.replace(b'"horizon": 1', b'"horizon": 1, "horizon": 2'),
    "cut off": GOOD[: len(GOOD) // 2],
    "text after it": GOOD + b"{}",
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "nested 100,000 deep in a value": GOOD.replace(b'"lr": 0.001', b'"lr": ' + b"[" * 100_000 + b"]" * 100_000),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "NaN among the hyperparameters": GOOD.replace(b'"lr": 0.001', b'"lr": NaN'),
    "NaN in the scaler": GOOD.replace(b"0.02", b"NaN"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_bytes_that_are_no_passport_are_refused_in_one_line(text):
    assert text != GOOD
    with pytest.raises(ValueError) as error:
        read_text(text)
    assert str(error.value).startswith("passport") and "\n" not in str(error.value) and len(str(error.value)) < 300


def test_what_no_json_can_hold_is_refused():
    with pytest.raises(ValueError, match="plain data"):
        passports.rank(hyperparameters={"f": object()})
