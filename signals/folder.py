"""A model folder: weights.safetensors and passport.json. Everything is checked before a net is built.

A folder may come from anywhere. Reading executes nothing: the two files are plain data, their sizes are capped, the
header of the weights must list exactly the tensors that the architecture has, back to back, and the bytes must have the
sha256 that the passport tells. `ModelError` says in one line what is wrong.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError, OutputError
from signals.models import expected
from signals.passport import Passport, read_text

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, PASSPORT = "weights.safetensors", "passport.json"
MOST_PASSPORT = 4_000_000  # bytes
MOST_HEADER = 1_000_000
MOST_WEIGHTS = 500_000_000
WIDTH = {"F32": 4, "I64": 8}


class ModelError(DataError):
    """A model folder that is refused."""


def read(folder: str | Path) -> tuple[Passport, dict[str, Tensor]]:
    """The passport and the state of the net in `folder`; ModelError, before anything is built, if either is not sound."""
    place = Path(folder)
    passport = read_passport(place)
    try:
        layout = expected(passport.architecture)
        data = _bytes(place / WEIGHTS, MOST_WEIGHTS)
        told = hashlib.sha256(data).hexdigest()
        if told != passport.weights_sha256:
            known = passport.weights_sha256[:12] or "none"
            raise ValueError(
                f"{WEIGHTS}: its sha256 begins {told[:12]}, and the passport's {known}: not the weights it tells of"
            )
        _check_header(data, layout)
        return passport, _tensors(data)
    except ValueError as error:
        raise ModelError(f"{place}: refused: {error}") from None


def read_passport(folder: str | Path) -> Passport:
    """The passport in `folder` alone; ModelError if it is not sound."""
    place = Path(folder)
    try:
        return read_text(_bytes(place / PASSPORT, MOST_PASSPORT))
    except ValueError as error:
        raise ModelError(f"{place}: refused: {error}") from None


def weights_sha256(folder: str | Path) -> str:
    """sha256 hex of the weights' bytes, which need not be sound; ModelError where they cannot be read."""
    try:
        return hashlib.sha256(_bytes(Path(folder) / WEIGHTS, MOST_WEIGHTS)).hexdigest()
    except ValueError as error:
        raise ModelError(f"{folder}: refused: {error}") from None


def write(
    folder: str | Path, state: Mapping[str, Tensor], passport: Passport, beside: Mapping[str, bytes] | None = None
) -> Passport:
    """The passport as stored, its weights_sha256 filled in; `folder` holds both files, and those `beside` them by name, and is
    swapped in whole.

    Other files of a folder that was there move along. ModelError for a state that read() would refuse; OutputError if the
    disk does not take it.
    """
    from safetensors.torch import save

    place = Path(folder).absolute()
    data = save({name: value.detach().cpu().contiguous() for name, value in state.items()})
    passport = passport.model_copy(update={"weights_sha256": hashlib.sha256(data).hexdigest()})
    try:
        _check_header(data, expected(passport.architecture))
        _tensors(data)
    except ValueError as error:
        raise ModelError(f"{place}: not written: {error}") from None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            _file(new / WEIGHTS, data)
            _file(new / PASSPORT, passport.text())
            for name, raw in (beside or {}).items():
                _file(new / name, raw)
            os.chmod(new, 0o755)
            _swap(new, place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{place}: the model could not be written: {error.strerror or error}") from error
    return passport


def _bytes(path: Path, most: int) -> bytes:
    """What a plain file holds; ValueError for a link, a pipe, a folder, or more than `most` bytes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing") from None
    except OSError as error:
        told = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise ValueError(f"{path.name} cannot be opened: {told}") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path.name} is no plain file")
        if found.st_size > most:
            raise ValueError(f"{path.name} has {found.st_size:,} bytes; at most {most:,} are read")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    finally:
        os.close(handle)
    if len(data) > most:
        raise ValueError(f"{path.name} grew beyond {most:,} bytes")
    return data


def _check_header(data: bytes, layout: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Nothing; ValueError unless the header lists exactly the tensors of `layout`, which fill the file without a gap."""
    length = int.from_bytes(data[:8], "little") if len(data) >= 8 else -1
    if not 2 <= length <= min(MOST_HEADER, len(data) - 8):
        raise ValueError(f"{WEIGHTS}: no safetensors file, or one cut off ({len(data):,} bytes, header of {length:,})")
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{WEIGHTS}: its header is not sound: {str(error)[:80] or 'nested too deeply'}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{WEIGHTS}: its header is no object")
    if header.pop("__metadata__", None) is not None:
        raise ValueError(f"{WEIGHTS}: its header has metadata, which ours has not")
    _same_names(set(header), set(layout))
    spans = sorted(_span(name, header[name], *layout[name]) for name in layout)
    at = 0
    for start, end, name in spans:
        if start != at:
            raise ValueError(
                f"{WEIGHTS}: {name} begins at byte {start:,}, expected {at:,}: tensors overlap or leave a gap"
            )
        at = end
    if at != len(data) - 8 - length:
        raise ValueError(f"{WEIGHTS}: its tensors take {at:,} bytes, and {len(data) - 8 - length:,} follow the header")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _same_names(found: set[str], wanted: set[str]) -> None:
    if missing := sorted(wanted - found):
        raise ValueError(f"{WEIGHTS}: it lacks {missing[0]!r} ({len(missing)} tensors of the architecture are missing)")
    if extra := sorted(found - wanted):
        raise ValueError(f"{WEIGHTS}: it holds {extra[0][:60]!r}, which the architecture does not have")


def _span(name: str, entry: Any, shape: tuple[int, ...], dtype: str) -> tuple[int, int, str]:
    """First and last byte of one tensor, if its entry says what the architecture needs."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{WEIGHTS}: {name} needs dtype, shape and data_offsets")
    if entry["dtype"] != dtype:
        raise ValueError(f"{WEIGHTS}: {name} is {str(entry['dtype'])[:20]}, expected {dtype}")
    if entry["shape"] != list(shape):
        raise ValueError(f"{WEIGHTS}: {name} has shape {str(entry['shape'])[:60]}, the architecture {list(shape)}")
    offsets = entry["data_offsets"]
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(k) is int and k >= 0 for k in offsets)):
        raise ValueError(f"{WEIGHTS}: {name} has no two offsets")
    if offsets[1] - offsets[0] != math.prod(shape) * WIDTH[dtype]:
        raise ValueError(f"{WEIGHTS}: {name} spans {offsets[1] - offsets[0]:,} bytes, not those of its shape")
    return offsets[0], offsets[1], name


def _tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of checked bytes; ValueError where one holds NaN or an infinity."""
    from safetensors.torch import load

    state: dict[str, Tensor] = load(data)
    for name, value in sorted(state.items()):
        if not bool(value.isfinite().all()):
            raise ValueError(f"{WEIGHTS}: {name} holds NaN or an infinity")
        if name.endswith("running_var") and bool((value < 0).any()):
            raise ValueError(f"{WEIGHTS}: {name} holds a negative variance")
    return state


def _file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _swap(new: Path, place: Path) -> None:
    """`new` stands at `place`; what else lay there comes along. A crash between the renames leaves the old one beside it."""
    if place.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{place.name}.old.", dir=place.parent))
        os.rename(place, old)  # onto an empty folder
        os.rename(new, place)
        for path in old.iterdir():
            if not os.path.lexists(place / path.name):
                os.rename(path, place / path.name)
        shutil.rmtree(old)
    else:
        os.rename(new, place)
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
