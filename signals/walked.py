"""Which model folders a folder stands for, and walkforward.json, which says so of a finished walk-forward."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from signals.folder import PASSPORT, ModelError, read_passport

INDEX = "walkforward.json"
SEED = "seed-"  # begins the name of a folder with what one of several seeds was walked with
DONE = "fold.json"  # of a finished fold, in its folder
FORMAT = 1
MOST_BYTES = 100_000_000
MOST_FOLDS = 5000
FOLD = re.compile(r"fold-\d{3,9}")


def places_of(folder: Path) -> tuple[Path, ...]:
    """The model folders that `folder` stands for, by their `valid_from`: itself, or those in it, or in folders in it (a
    walk-forward per name). Of a finished walk-forward exactly the folds that its walkforward.json tells of.

    ModelError if there is none, or if they are not what is told of them.
    """
    if (folder / PASSPORT).exists():
        return (folder,)
    try:
        inside = folds_in(folder) or [place for one in _apart(_folders(folder)) for place in one]
    except OSError as error:
        raise ModelError(
            f"{folder}: no model folder: {error.strerror}; give one that barcast train has written"
        ) from None
    if not inside:
        raise ModelError(f"{folder}: no model folder: it holds no {PASSPORT}, nor folders with one")
    if len(inside) > MOST_FOLDS:
        raise ModelError(f"{folder}: {len(inside):,} model folders; at most {MOST_FOLDS:,} are read")
    known = {place: read_passport(place).valid_from_ns for place in inside}
    return tuple(sorted(inside, key=lambda place: (known[place], str(place))))


def _apart(folders: list[Path]) -> list[list[Path]]:
    """Those of some folders that are models, and the models in each of the others."""
    models = [one for one in folders if (one / PASSPORT).exists()]
    unlike(models)
    out = [models]
    for one in folders:
        if one not in models:
            found = folds_in(one)
            if found is None:
                found = [place for place in _folders(one) if (place / PASSPORT).exists()]
                unlike(found)
            out.append(found)
    return out


def _folders(place: Path) -> list[Path]:
    """Folders in `place` that are neither hidden nor links."""
    return [
        one for one in sorted(place.iterdir()) if one.is_dir() and not one.is_symlink() and not one.name.startswith(".")
    ]


def read(folder: Path) -> dict[str, Any] | None:
    """What walkforward.json in `folder` tells; None where there is none. ModelError where it is not of its shape."""
    path = folder / INDEX
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("no object")
        if told.get("format", FORMAT) != FORMAT:
            raise ValueError(f"format {str(told['format'])[:20]}, and this version reads {FORMAT}")
        names = [fold["folder"] for fold in told["folds"] if isinstance(fold["weights_sha256"], str)]
        if len(names) < len(told["folds"]) or not all(isinstance(n, str) and FOLD.fullmatch(n) for n in names):
            raise ValueError("a fold without the name of its folder, or without the sha256 of its weights")
        if not names or len(set(names)) < len(names):
            raise ValueError("no folds" if not names else "a fold stands twice")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: it cannot be read ({_words(error)}); walk again") from None
    return told


def folds_in(folder: Path) -> list[Path] | None:
    """The model folders of the finished walk-forward in `folder`, in its order; None where there is no walkforward.json.

    Others that lie there, of an earlier walk that had more folds, are none of it. ModelError unless the passports are those
    that it tells of.
    """
    told = read(folder)
    if told is None:
        return None
    out = []
    for fold in told["folds"]:
        place = folder / fold["folder"]
        if not (place / PASSPORT).exists():
            raise ModelError(f"{folder}: refused: {INDEX} tells of {place.name}, and it is not there; walk again")
        passport = read_passport(place)
        if (passport.weights_sha256, passport.known_through) != (fold["weights_sha256"], fold.get("known_through")):
            raise ModelError(
                f"{folder}: refused: {INDEX} tells of other models than lie there ({place.name}); walk again"
            )
        out.append(place)
    return out


def sha256_of(folder: Path, name: str) -> str | None:
    """What walkforward.json says is the sha256 of the table `name`; None where it does not say, as older ones do not."""
    files = (read(folder) or {}).get("files")
    if files is None:
        return None
    told = files.get(name) if isinstance(files, dict) else None
    if not isinstance(told, str):
        raise ModelError(f"{folder / INDEX}: it cannot be read (no sha256 of {name}); walk again")
    return told


def unlike(found: list[Path]) -> None:
    """Nothing; ModelError where folders named as folds, which no walkforward.json tells of, are of more than one walk."""
    folds = [place for place in found if FOLD.fullmatch(place.name)]
    first, section = None, None
    for place in folds:
        passport = read_passport(place)
        mine = (passport.hyperparameters, passport.seed, passport.data_fingerprint)
        walk = section_of(place)
        if (first is not None and mine != first) or (walk is not None and section is not None and walk != section):
            raise ModelError(
                f"{place.parent}: an unfinished walk-forward over an older one: {place.name} has another recipe, seed, bars or "
                f"section walkforward than {folds[0].name}; walk on until it is finished"
            )
        first, section = mine, walk if section is None else section


def section_of(fold: Path) -> Any:
    """The section walkforward of the recipe that made a fold; None where its folder does not tell, as older ones do not."""
    try:
        return json.loads((fold / DONE).read_text(encoding="utf-8"))["walk"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"no {error}" if isinstance(error, KeyError) else str(error)[:100]
