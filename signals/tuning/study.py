"""The study: which trial comes next, kept in one storage that several processes share. All of Optuna that we use.

Trials are handed out under a lock of the folder, and each is worked on under a lock of its own, which its process loses
when it dies: whoever comes next takes such a trial up where its last whole epoch left it. What is proposed for a trial comes
from the seed, its number and the trials before it, so a search that was interrupted proposes what it would have.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.random import default_rng

from engine.errors import ConfigError, DataError, first_line
from engine.writing import make
from signals.tuning.section import Choices, Range, Tune, Value

if TYPE_CHECKING:
    import optuna

JOURNAL, LOCK = "study.journal", ".lock"
KEY, WHY, HOME = "key", "why", "folder"
REDUCTION = 3  # of successive halving: one in so many goes on to the next rung


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as people ask for it."""

    number: int
    params: dict[str, Value]
    state: str  # complete, pruned, failed, unfinished
    score: float | None
    epochs: int
    best_epoch: int
    why: str  # of a failed one; of others what ended the fit


def optuna_or_say() -> Any:
    """The module optuna, silent; ConfigError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise ConfigError("barcast tune needs optuna; install it with: pip install 'barcast[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def opened(folder: Path, key: str, tune: Tune, storage: str | None = None) -> optuna.Study:
    """The study in `folder`, begun if there is none; a grid's points are then waiting in it. ConfigError for another one's.

    Also for a `storage` whose trials are handed out in another folder: what is locked there is not locked here.
    """
    optuna = optuna_or_say()
    if storage is not None:
        check(storage)
    make(folder)
    with _locked(folder / LOCK), _quietly():
        try:
            kept = _storage(optuna, folder, storage)
            study = optuna.create_study(
                storage=kept,
                study_name="barcast",
                direction="maximize" if tune.rises else "minimize",
                load_if_exists=True,
                pruner=_pruner(optuna, tune),
            )
            found, home = study.user_attrs.get(KEY), study.user_attrs.get(HOME)
        except _troubles() as error:
            told = first_line(error, typed=False)
            if storage is None:
                raise DataError(f"{folder / JOURNAL}: no study that can be read ({told}); move it away") from error
            raise DataError(
                f"--storage {storage}: no study can be kept or read there ({told}); say FILE or sqlite:///FILE"
            ) from error
        here = str(folder.resolve())
        if storage is not None and home not in (None, here):
            raise ConfigError(
                f"--storage {storage}: its trials are worked on in {home}; give --out {home}, or another --storage"
            )
        if found is None:
            if tune.search == "grid":
                for point in tune.points()[len(study.get_trials(deepcopy=False)) :]:
                    study.enqueue_trial(point)
            study.set_user_attr(KEY, key)
        elif found != key:
            raise ConfigError(
                f"{folder}: it holds a search of another recipe, range, grid or other bars; give another --out"
            )
        if home != here:
            study.set_user_attr(HOME, here)  # a journal inside moves with its folder
    return study


def check(storage: str) -> None:
    """Nothing; ConfigError for a storage that is none, or gone with its process."""
    kind, slashes, rest = storage.partition("://")
    sqlite = bool(slashes) and kind.partition("+")[0] == "sqlite"
    if not storage.strip() or (sqlite and (not rest.strip("/") or ":memory:" in rest or "mode=memory" in rest)):
        raise ConfigError(f"--storage {storage!r}: expected a file to keep the study in; say FILE or sqlite:///FILE")


def _troubles() -> tuple[type[Exception], ...]:
    """What a storage that cannot be opened raises: a file, Optuna, or SQLAlchemy and the drivers it looks for."""
    optuna = optuna_or_say()
    kinds = (OSError, ValueError, KeyError, ImportError, optuna.exceptions.OptunaError)
    with suppress(ImportError):
        from sqlalchemy.exc import SQLAlchemyError

        return (*kinds, SQLAlchemyError)
    return kinds


def _storage(optuna: Any, folder: Path, said: str | None) -> Any:
    if said is not None and "://" in said:
        return optuna.storages.RDBStorage(said)
    from optuna.storages.journal import JournalFileBackend

    return optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL if said is None else said)))


def _pruner(optuna: Any, tune: Tune) -> Any:
    if tune.pruner == "median":
        return optuna.pruners.MedianPruner(tune.startup, tune.warmup)
    if tune.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(max(1, tune.warmup), REDUCTION)
    return optuna.pruners.NopPruner()


@contextmanager
def claimed(study: optuna.Study, folder: Path, tune: Tune) -> Iterator[optuna.Trial | None]:
    """A trial that nobody else works on: one whose process died, else the next one; None where none is left.

    It is ours until the block ends.
    """
    with _locked(folder / LOCK), _quietly():
        handle, trial = _take_up(study, folder) or _next(study, folder, tune)
    try:
        yield trial
    finally:
        if handle is not None:
            os.close(handle)


def _take_up(study: optuna.Study, folder: Path) -> tuple[int, optuna.Trial] | None:
    """A running trial whose process is gone, and the handle of its lock."""
    optuna = optuna_or_say()
    for frozen in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        handle = _try_lock(place_of(folder, frozen.number))
        if handle is not None:
            return handle, optuna.Trial(study, frozen._trial_id)
    return None


def _next(study: optuna.Study, folder: Path, tune: Tune) -> tuple[int | None, optuna.Trial | None]:
    """The next trial and the handle of its lock."""
    optuna = optuna_or_say()
    trials = study.get_trials(deepcopy=False)
    waiting = [one.number for one in trials if one.state == optuna.trial.TrialState.WAITING]
    if not waiting and len(trials) >= tune.size:
        return None, None
    number = waiting[0] if waiting else len(trials)
    handle = _try_lock(place_of(folder, number))
    if handle is None:
        raise DataError(
            f"{place_of(folder, number)}: another process holds it, and no trial of this study; give another --out"
        )
    drawn = int(default_rng((tune.seed, number)).integers(2**31))
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=tune.startup, seed=drawn, constant_liar=True)
    trial = study.ask()
    params(trial, tune)
    return handle, trial


def params(trial: optuna.Trial, tune: Tune) -> dict[str, Value]:
    """The trial's parameters, proposed where they are not yet."""
    return {key: _value(trial, key, said) for key, said in tune.space.items()}


def _value(trial: optuna.Trial, key: str, said: Choices | Range) -> Value:
    if isinstance(said, Choices):
        return trial.suggest_categorical(key, said.values)
    if said.whole:
        return trial.suggest_int(key, int(said.low), int(said.high), log=said.log)
    return trial.suggest_float(key, said.low, said.high, log=said.log)


def place_of(folder: Path, number: int) -> Path:
    """The folder of a trial, while it is worked on."""
    return folder / f"trial-{number:04d}"


def told(study: optuna.Study, trial: optuna.Trial, score: float, state: str, **attrs: Any) -> None:
    """Note how a trial ended: complete, pruned or failed."""
    states = optuna_or_say().trial.TrialState
    with _quietly():
        for name, value in attrs.items():
            trial.set_user_attr(name, value)
        if state == "complete":
            study.tell(trial, score)
        else:
            if state == "pruned":
                trial.set_user_attr("score", score)
            study.tell(trial, state=states.PRUNED if state == "pruned" else states.FAIL)


def reported(trial: optuna.Trial) -> list[int]:
    """The epochs of which the study knows the score."""
    return sorted(trial.storage.get_trial(trial._trial_id).intermediate_values)


def report(trial: optuna.Trial, score: float, epoch: int) -> None:
    """Tell the study the score of an epoch, which is counted from 1."""
    with _quietly():
        trial.report(score, epoch)


def rows(study: optuna.Study) -> list[Row]:
    """The trials by number; those that still wait are left out."""
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "unfinished"}
    out = []
    for one in study.get_trials(deepcopy=False):
        if one.state.name == "WAITING":
            continue
        said = one.user_attrs
        score = one.value if one.state.name == "COMPLETE" else said.get("score")
        epochs = said.get("epochs", max(one.intermediate_values, default=0))
        out.append(
            Row(
                one.number,
                dict(one.params),
                names[one.state.name],
                score,
                epochs,
                said.get("best_epoch", 0),
                said.get(WHY, ""),
            )
        )
    return out


def best(found: list[Row], rises: bool) -> Row | None:
    """The complete trial with the best score, the earliest of equals; None where none is complete."""
    there = [row for row in found if row.state == "complete" and row.score is not None]
    return min(there, key=lambda row: (-row.score if rises else row.score, row.number), default=None)  # type: ignore[operator]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Be the only process inside; a lock goes when its process does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _try_lock(place: Path) -> int | None:
    """The handle of a trial's lock, ours from now on; None where another process has it."""
    place.mkdir(parents=True, exist_ok=True)
    handle = os.open(place / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Optuna's warnings that one of its arguments is young."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="optuna")
        warnings.filterwarnings("ignore", message=".*experimental.*")
        yield
