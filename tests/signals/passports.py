"""Small passports and model folders for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signals.calibration import Affine, Platt
from signals.passport import Passport
from signals.scaling import Scaler

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("ret_1d", "range", "volume")


def plain(kind: str = "rank", **changes: Any) -> dict[str, Any]:
    """What a passport of a small net says, as plain data or models; `changes` replace keys."""
    sizes = {
        "rank": {"kind": "rank", "inputs": 3, "hidden": 8, "layers": 2},
        "direction": {"kind": "direction", "inputs": 3, "hidden": 8, "layers": 1},
        "attention": {"kind": "attention", "inputs": 3, "units": [16, 8, 8], "dense": [8, 8]},
        "literal": {"kind": "attention", "inputs": 3, "units": [16, 8, 8], "dense": [8, 8], "literal": True},
        "stock": {"kind": "stock", "inputs": 3, "lstm_units": 8, "dense_units": 8},
    }
    classifier = kind in ("direction", "attention", "literal")
    told: dict[str, Any] = {
        "architecture": sizes[kind],
        "unit": "probability" if classifier else "return" if kind == "rank" else "price",
        "calibration": Platt(a=1.0, b=0.0) if classifier else Affine(a=0.001, b=0.5),
        "window": 5,
        "features": {"set": "tiny3", "sha256": "ab" * 32, "columns": COLUMNS},
        "scaler": Scaler(kind="standard", center=(0.0, 0.02, 1.0), scale=(0.01, 0.01, 0.5)),
        "sigma": 0.015,
        "universe": ("AAA", "BBB"),
        "ranges": {
            "train": ("2010-01-01", "2012-12-31"),
            "validation": ("2013-01-10", "2013-06-28"),
            "test": ("2014-01-02", "2014-12-31"),
        },
        "embargo": 5,
        "known_through": "2013-07-02T20:00:00Z",
        "data_fingerprint": "f00d",
        "seed": 7,
        "versions": {"torch": "2"},
        "training_date": "2026-01-31",
        "losses": {"train": 0.5, "validation": None},
        "hyperparameters": {"lr": 0.001, "betas": [0.9, 0.999]},
    }
    return told | changes


def rank(**changes: Any) -> Passport:
    return Passport.of(**plain("rank", **changes))


def classifier(**changes: Any) -> Passport:
    return Passport.of(**plain("direction", **changes))


def stock(**changes: Any) -> Passport:
    return Passport.of(**plain("stock", **changes))


def folder(place: Path, kind: str = "rank", seed: int = 0, **changes: Any) -> Path:
    """A model folder of a small, untrained net."""
    from signals import models
    from signals.folder import write

    passport = Passport.of(**plain(kind, **changes))
    write(place, models.build(passport.architecture, seed).state_dict(), passport)
    return place
