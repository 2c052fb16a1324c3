"""lstm: forecasts of a trained model folder, or of a folder of them that speak one after another (a walk-forward)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signals.folder import PASSPORT, WEIGHTS, ModelError, read_passport, weights_sha256
from signals.passport import Passport
from signals.walked import places_of

if TYPE_CHECKING:
    from engine.types import Bools, Floats, Ints, Window
    from signals.features import FeatureSet
    from signals.inference import Predictor

LARGE = 1_000_000_000  # bytes of features beyond which they are mapped
SAME = ("unit", "window", "features", "label")  # what folders that make one signal must share
NEVER, NEVER_BEFORE = np.iinfo(np.int64).max, np.iinfo(np.int64).min


class Lstm:
    """The forecasts of `model`: a model folder, or a folder of model folders.

    Folders in a folder take turns: at a slice that one speaks whose `valid_from` is the latest before it. Models that share
    no name with each other, as one per stock do, speak for their own names only. NaN where the features of a whole window are
    not known, before the first of several models is valid, and everywhere for a classifier that its passport blocks.
    """

    paths = ("model",)  # the engine looks for it beside the strategy file first

    def __init__(self, model: str, precision: str = "fp32") -> None:
        self.model, self.precision = str(model), precision
        if precision not in ("fp32", "bf16"):
            raise ModelError(f"precision must be fp32 or bf16; it was {precision!r}")
        self.places = places_of(Path(self.model))
        self.passports = tuple(read_passport(place) for place in self.places)
        first = self.passports[0]
        for place, passport in zip(self.places, self.passports, strict=True):
            for key in SAME:
                if getattr(passport, key) != getattr(first, key):
                    raise ModelError(
                        f"{place}: its {key} differs from that of {self.places[0].name}; one signal needs one"
                    )
        self.features = features_of(first, self.model)
        self.window: int = first.window + self.features.memory
        self.unit: str = first.unit
        self.label: str = first.label.kind
        self.horizon: int = first.label.horizon
        self.embargo: int = max(passport.embargo for passport in self.passports)
        self.flags: tuple[str, ...] = tuple(sorted({flag for p in self.passports for flag in (*p.flags, *p.blocked)}))
        self._valid_from: Ints = np.array([passport.valid_from_ns for passport in self.passports], np.int64)
        self._speakers = speakers(self.passports)
        self._groups = groups_of(self.places, self.passports, self._speakers)
        self._known: Ints = np.array([passport.known_through_ns for passport in self.passports], np.int64)

    @property
    def sha256(self) -> str:
        """Of the passports, which tell the sha256 of their weights: what the model is, to the last bit."""
        total = hashlib.sha256()
        for passport in self.passports:
            total.update(hashlib.sha256(passport.text()).digest())
        return total.hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a run that uses this model has to say."""
        blocked = [(place.name, p.blocked) for place, p in zip(self.places, self.passports, strict=True) if p.blocked]
        if not blocked:
            return ()
        name, why = blocked[0]
        others = f" and {len(blocked) - 1} more" if len(blocked) > 1 else ""
        return (f"{name}{others}: the classifier is {' and '.join(why)}, so it forecasts nothing and trades nothing",)

    def known_through(self, times: Ints) -> Ints:
        """(T,) ns UTC: the last instant that any model which speaks at each of `times` knows of."""
        out = np.full(len(times), NEVER_BEFORE)
        for k, rows in self._turns(times):
            out[rows] = np.maximum(out[rows], self._known[k])
        silent = out == NEVER_BEFORE  # before the first turn
        out[silent] = self._known.min()
        return out

    def validation_loss(self, times: Ints) -> Floats:
        """(T,) validation loss of the model that speaks at each of `times`; NaN where none does.

        ModelError where several speak at once, each for names of its own.
        """
        if len(self._groups) > 1:
            raise ModelError(f"{self.model}: a model per name has no one validation loss")
        out = np.full(len(times), np.nan)
        for k, rows in self._turns(times):
            loss = self.passports[k].losses.get("validation_loss")
            out[rows] = np.nan if loss is None else loss
        return out

    def reference(self, time: int) -> dict[str, Any]:
        """What the passport that speaks at `time` (ns) keeps for comparison, as engine.inuse.reference asks for it."""
        speaking = [k for k, rows in self._turns(np.array([time], np.int64)) if rows[0]]
        if len(self._groups) > 1 or not speaking:
            why = "a model per name keeps no one reference" if speaking else "no model is valid yet"
            return {"id": self.sha256 if speaking else "", "why": why}
        passport = self.passports[speaking[0]]
        kept = {} if passport.reference is None else passport.reference.model_dump(mode="json")
        since, tried = passport.valid_from_ns, passport.tried_until_ns
        ages = {"since": since, "cadence": None if tried is None or tried <= since else tried - since}
        return {"id": hashlib.sha256(passport.text()).hexdigest(), **ages, **kept}

    def forecast(self, bars: Window) -> Floats:
        """(N,) forecasts of the window's last slice."""
        late = bars.rows(max(0, len(bars) - self.window), len(bars))
        return self._all(late, np.arange(len(late)) == len(late) - 1)[-1]

    def forecast_panel(self, bars: Window) -> Floats:
        """(T, N) forecasts, kept under the hashes of passports, features and bars."""
        from signals import keeping

        for place, passport in zip(self.places, self.passports, strict=True):
            if weights_sha256(place) != passport.weights_sha256:
                raise ModelError(f"{place}: refused: {WEIGHTS} is not the one that {PASSPORT} tells of")
        words = [self.sha256, self.features.sha256, self.precision, *library()]
        key = keeping.key_of(words, bars, self.features.needs)
        return keeping.through(key, bars.close.shape, lambda: self._all(bars, np.ones(len(bars), np.bool_)))

    def _all(self, bars: Window, wanted: Bools) -> Floats:
        """(T, N) forecasts of the slices that are `wanted` (T,)."""
        out = np.full(bars.close.shape, np.nan)
        if len(bars) < self.window:
            return out
        values = values_of(self.features, bars)
        for k, rows in self._turns(bars.times):
            at = np.flatnonzero(rows & wanted)
            if not len(at):
                continue
            names = self._names(k, bars.symbols)
            first, stop = max(0, int(at[0]) - self.passports[k].window + 1), int(at[-1]) + 1
            mine = values[:, first:stop] if len(names) == len(bars.symbols) else values[names, first:stop]
            if len(names):
                found = self._predictor(k).panel(mine, (rows & wanted)[first:stop])
                out[np.ix_(at, names)] = found.T[at - first]
        out[: self.window - 1] = np.nan  # as slice by slice, where a window must be full
        return out

    def _turns(self, times: Ints) -> list[tuple[int, Bools]]:
        """For each model the slices at which it speaks; one that shares its names with no other always does."""
        out = []
        for group in self._groups:
            starts = [NEVER_BEFORE] if len(group) == 1 else [int(self._valid_from[k]) for k in group]
            for k, begin, end in zip(group, starts, [*starts[1:], NEVER], strict=True):
                out.append((k, (times > begin) & (times <= end)))
        return out

    def _names(self, k: int, symbols: tuple[str, ...]) -> NDArray[np.int64]:
        """The columns of the names that model k speaks for."""
        known = self._speakers[k]
        return np.array([i for i, name in enumerate(symbols) if known is None or name in known], np.int64)

    def _predictor(self, k: int) -> Predictor:
        """Model k, read when first asked for; ModelError if its folder has changed since its passport was read."""
        told = self.passports[k].text()
        found = _loaded(str(self.places[k]), hashlib.sha256(told).hexdigest(), self.precision)
        if found.passport.text() != told:
            raise ModelError(f"{self.places[k]}: it was replaced while in use; start again")
        return found

    def __repr__(self) -> str:
        return f"Lstm({self.model!r}, precision={self.precision!r})"


def load(model: str | Path, precision: str = "fp32") -> Lstm:
    """The signal of a model folder: `load(folder).forecast(window)` is one number per instrument."""
    return Lstm(str(model), precision)


def features_of(passport: Passport, model: str) -> FeatureSet:
    """The feature set a passport names; ModelError unless it is the one the net was trained on."""
    from signals.features import feature_set

    found = feature_set(passport.features.set)
    told = passport.features
    if found.column_names != told.columns or found.sha256 != told.sha256:
        raise ModelError(
            f"{model}: it was trained on features {told.set} {told.sha256[:12]}, and those here are {found.sha256[:12]}: other "
            f"numbers by the same name. Train it again, or use the version it was trained with"
        )
    return found


def values_of(features: FeatureSet, bars: Window) -> NDArray[np.float32]:
    """(N, T, F) features of all slices; many are kept on disk and mapped."""
    if bars.close.size * len(features) * 4 < LARGE:
        return features.panel(bars)
    from signals.features.store import build

    return build(bars, features).values


def library() -> tuple[str, ...]:
    """What beside the weights decides a forecast's last bits."""
    import platform
    from importlib import metadata

    return metadata.version("torch"), platform.machine(), _processor()


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
        return hashlib.sha256(flags.encode()).hexdigest()
    except (OSError, StopIteration):
        return "unknown"


@lru_cache(maxsize=8)
def _loaded(place: str, passport: str, precision: Any) -> Predictor:
    """The predictor of a folder whose passport has this sha256; a walk-forward holds no more than a few."""
    from signals.inference import Predictor

    return Predictor(place, precision)


def speakers(passports: tuple[Passport, ...]) -> list[frozenset[str] | None]:
    """For each model the names it speaks for, None for everybody.

    Models that share no name with each other, as one per stock do, speak for their own; so does one of kind `stock`.
    """
    groups: list[set[str]] = []
    for passport in passports:
        names = set(passport.universe)
        touched = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names] + [names.union(*touched)]
    out: list[frozenset[str] | None] = []
    for passport in passports:
        own = next(group for group in groups if group >= set(passport.universe))
        out.append(frozenset(own) if len(groups) > 1 or passport.architecture["kind"] == "stock" else None)
    return out


def groups_of(
    places: tuple[Path, ...], passports: tuple[Passport, ...], names: list[frozenset[str] | None]
) -> list[list[int]]:
    """The models that take turns, by `valid_from`: those that speak for the same names. ModelError where two turns coincide."""
    found: dict[frozenset[str] | None, list[int]] = {}
    for k, who in enumerate(names):
        found.setdefault(who, []).append(k)
    for group in found.values():
        for one, other in pairwise(group):
            if passports[one].valid_from_ns == passports[other].valid_from_ns:
                raise ModelError(
                    f"{places[other]}: it is valid from the same instant as {places[one].name}; keep one of them"
                )
    return list(found.values())
