"""The run directory: written whole or not at all, and read whole.

A run is written into a hidden folder beside its place and renamed into it, so that a reader finds the old run or the
new one. A crash between the two renames is mended by the next save or load; files that are not ours move along.
Writers take turns by a lock on the parent folder, which the system drops when a process dies. POSIX only.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.arguments import path_of
from engine.errors import DataError, OutputError
from engine.writing import replace

if TYPE_CHECKING:
    from engine.facts import Facts
    from engine.robust import Robustness

MODEL = ("passport.json", "walkforward.json", "models.json")  # of a model, a walk-forward, models of several symbols
MANIFEST, REPORT, ROBUSTNESS = "manifest.json", "report.html", "robustness.json"
TRIES = 50  # how often a load begins anew because the run was replaced meanwhile


def run_directory(out: str | Path, facts: Facts) -> Path:
    """out/<name>-<first 8 of the run's hash>, the name cut to letters, digits, dots, dashes and underscores."""
    name = re.sub(r"[^\w.-]+", "-", str(facts.config.get("name", "run"))).strip(".-") or "run"
    return Path(out) / f"{name}-{facts.manifest['run_hash'][:8]}"


def save(facts: Facts, directory: str | Path, run: dict[str, Any] | None = None) -> Path:
    """The directory, holding `facts` in place of any run there before; `run` (date, seconds) is noted in the manifest.

    OutputError, and the run before it untouched, if the disk is full or the folder holds something else.
    """
    from engine import storage

    place = path_of(directory, "directory", OutputError).resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _turn(place.parent):
            _mend(place)
        _refuse_others(place)
        with _workshop(place) as new:
            storage.write(facts, new, run)
            _sync(new)
            with _turn(place.parent):
                _mend(place)
                _swap(new, place)
    except OSError as error:
        raise OutputError(
            f"{place}: the run could not be written: {error.strerror or error} ({_free(place.parent)}); a run already "
            f"there is untouched. Make room, or choose another folder with --out"
        ) from error
    return place


def load(directory: str | Path) -> Facts:
    """The facts kept in a run directory; DataError if there is no readable run."""
    from engine import storage

    place = path_of(directory, "directory", DataError).resolve()
    for attempt in range(TRIES):
        try:
            if not (place / MANIFEST).is_file() and _aside(place).is_dir():
                with _turn(place.parent):
                    _mend(place)
            with _opener(place) as opened:
                return storage.read(opened)
        except FileNotFoundError as error:
            # The files of one version are opened through one folder handle: if some vanish, the run was just replaced.
            if attempt + 1 < TRIES and _stands(place):
                continue
            missing = Path(str(error.filename)).name
            if missing == MANIFEST and is_model(place):
                raise DataError(
                    f"{place}: no run here: it is a model's folder. barcast compare-models holds models against each other, "
                    f"barcast evaluate judges one"
                ) from None
            raise DataError(
                f"{place}: no run here: {missing} is missing. Give a folder that barcast run has written"
            ) from None
        except Exception as error:  # whatever a damaged file makes of the libraries that read it
            told = str(error).replace("\n", " ")
            why = told if isinstance(error, storage.DamagedError) else f"{type(error).__name__}: {told}"
            raise DataError(
                f"{place}: this run cannot be read ({why}). Run the strategy again to replace it"
            ) from error
    raise DataError(f"{place}: the run was replaced {TRIES} times while being read. Try again")


def is_model(place: Path) -> bool:
    """Whether a model lies here, a walk-forward, or walk-forwards of several seeds or symbols, or both, in folders of their own."""
    return any((place / name).is_file() or any(place.glob(f"*/{name}")) for name in MODEL)


def save_robustness(found: Robustness, directory: Path) -> Path:
    """robustness.json in a run directory, whole or not at all; OutputError if it cannot be written."""
    from engine.robust import as_document

    place = directory / ROBUSTNESS
    return replace(place, (json.dumps(as_document(found), indent=1, allow_nan=False) + "\n").encode())


def load_robustness(directory: str | Path) -> Robustness | None:
    """What is kept of a run under other assumptions, None where nobody has worked it out; DataError if it is damaged."""
    from engine.robust import from_document

    place = Path(directory) / ROBUSTNESS
    try:
        return from_document(json.loads(place.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{place}: cannot be read ({error}); run with --robustness again") from error


@contextmanager
def _opener(place: Path) -> Iterator[Any]:
    """A function that opens files of `place` by name, all of the same version even if it is replaced meanwhile."""
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)

    def opened(name: str) -> BinaryIO:
        return os.fdopen(os.open(name, os.O_RDONLY, dir_fd=handle), "rb")

    try:
        yield opened
    finally:
        os.close(handle)


@contextmanager
def _turn(parent: Path) -> Iterator[None]:
    """While it lasts, no other process swaps or mends runs in `parent`."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A new hidden folder beside `place`, gone afterwards unless renamed; locked, so that nobody takes it for dead."""
    with _turn(place.parent):  # nobody mends between its making and its lock
        new = Path(tempfile.mkdtemp(prefix=f".{place.name}.new-", dir=place.parent))
        handle = os.open(new, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        new.chmod(0o755 & ~_umask())
        yield new
    finally:
        os.close(handle)
        shutil.rmtree(new, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _stands(place: Path) -> bool:
    """Whether there is a run at `place`, or one on its way, once whoever is swapping has done."""
    if not place.parent.is_dir():
        return False
    with _turn(place.parent):
        return (place / MANIFEST).is_file() or _aside(place).is_dir()


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _swap(new: Path, place: Path) -> None:
    """Put `new` in the place of the run before it."""
    if place.exists():
        os.rename(place, _aside(place))
    os.rename(new, place)
    _sync(place.parent)
    _retire(place)


def _mend(place: Path) -> None:
    """Finish or undo what a crash has left of a swap, and remove the folders of writers that are dead."""
    aside = _aside(place)
    if aside.is_dir():
        if place.exists():
            _retire(place)
        else:
            os.rename(aside, place)
    for left in place.parent.glob(f".{_escaped(place.name)}.new-*"):
        try:
            handle = os.open(left, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its writer has given up meanwhile
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            pass  # its writer is alive
        finally:
            os.close(handle)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _retire(place: Path) -> None:
    """Remove the run that `place` has replaced, but move along what was added to it by hand."""
    from engine.storage import FILES

    aside = _aside(place)
    if not aside.is_dir():
        return
    facts = tuple(name for name in FILES if name != MANIFEST)
    ours = (
        FILES if _alike(aside, place, facts) else (*FILES, REPORT, ROBUSTNESS)
    )  # what was worked out of the same run is still its own
    for item in sorted(aside.iterdir()):
        if item.name not in ours and not (place / item.name).exists():
            os.rename(item, place / item.name)
    shutil.rmtree(aside, ignore_errors=True)


def _alike(one: Path, other: Path, names: tuple[str, ...]) -> bool:
    """Whether both folders hold the same bytes under these names: the same facts are always written alike."""
    try:
        return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
    except OSError:
        return False


def _refuse_others(place: Path) -> None:
    """OutputError if `place` holds something that no run has written."""
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    try:
        known = "run_hash" in json.loads((place / MANIFEST).read_text())
    except (OSError, ValueError):
        known = False
    if not known:
        raise OutputError(
            f"{place}: this holds something other than a run; expected a run directory or none. Choose another"
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free(folder: Path) -> str:
    """How much room the disk has, in words."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB free"
    except OSError:
        return "free space not known"
