"""ensemble: one forecast made of several signals' forecasts.

`how` is

    soft       the mean
    weighted   the weighted mean, by `weights`: numbers, or `validation`: one over the validation loss of the model that speaks
    stacked    what a stacker makes of them that was fitted on out-of-fold forecasts (barcast stack)
    majority   (votes up - votes down) / voters of classifiers, a score from -1 to 1; a probability of exactly a half votes for
               neither

Members that all foretell returns (or prices, which become returns), or all probabilities, are combined as they are. All
others are first turned into z-scores within each slice, and the unit is `score`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.contracts import PanelSignal
from engine.errors import PluginError

if TYPE_CHECKING:
    from engine.types import Floats, Ints, Window
    from signals.stacking import Stacker

HOW = ("soft", "weighted", "stacked", "majority")
MOST = 100  # members
BY_VALIDATION = "validation"


class Ensemble:
    """The combined forecast of `members`: signals, or paths of model folders.

    NaN where fewer than `least` members (all, unless said) know something; a stacker needs all. A weighted mean is over those
    that do.
    """

    paths = ("stacker",)
    nested = ("members",)  # lists of signals, which the engine makes from their plugins

    def __init__(
        self,
        members: Sequence[Any],
        how: str = "soft",
        weights: Sequence[float] | str | None = None,
        stacker: str | None = None,
        least: int | None = None,
    ) -> None:
        self.members = made(members)
        self.how = _one_of("how", how, HOW)
        count = len(self.members)
        if (weights is not None) != (how == "weighted"):
            raise ValueError(
                f"weights go with how: weighted, and it with them; how is {how} and weights {weights!r:.40}"
            )
        if (stacker is not None) != (how == "stacked"):
            raise ValueError(
                f"stacker goes with how: stacked, and it with stacker; how is {how} and stacker {stacker!r:.40}"
            )
        self.least = count if least is None else _least(least, count, how)
        self.window: int = max(int(member.window) for member in self.members)
        units = {"return" if member.unit == "price" else member.unit for member in self.members}
        self._zscored = units not in ({"return"}, {"probability"})
        self.unit: str = "score" if self._zscored else units.pop()
        if how == "majority":
            if self.unit != "probability":
                raise ValueError(f"majority is a vote of probabilities; the members are {_units(self.members)}")
            self.unit = "score"
        self.weights: tuple[float, ...] | None = None
        self.by_validation = weights == BY_VALIDATION
        if self.by_validation:
            comparable(self.members)
        elif weights is not None:
            self.weights = _weights(weights, count)
        self.stacker: Stacker | None = None if stacker is None else self._stacker(stacker)
        labels = {getattr(member, "label", None) for member in self.members}
        self.label: str | None = labels.pop() if len(labels) == 1 else None
        self.horizon: int = max(int(getattr(member, "horizon", 1)) for member in self.members)
        self.embargo: int = max(int(getattr(member, "embargo", 0)) for member in self.members)
        self.flags: tuple[str, ...] = tuple(sorted({str(f) for m in self.members for f in getattr(m, "flags", ())}))
        self.notes: tuple[str, ...] = tuple(str(note) for m in self.members for note in getattr(m, "notes", ()))
        self.model = f"{how} of {count}: " + ", ".join(_name(member) for member in self.members)

    def _stacker(self, path: str) -> Stacker:
        """The stacker, if it was fitted on these very members, in this order."""
        from signals import stacking

        found = stacking.read(path)
        ours = tuple(str(getattr(member, "sha256", "")) for member in self.members)
        if found.members != ours:
            raise ValueError(
                f"{path}: it was fitted on other members, or in another order; fit it again with barcast stack"
            )
        if (found.unit == "probability") != (self.unit == "probability"):
            raise ValueError(f"{path}: it makes a {found.unit}, and the members are {_units(self.members)}")
        self.unit = found.unit
        return found

    @property
    def sha256(self) -> str:
        """Of the members and of how they are combined."""
        words = [self.how, repr(self.weights), str(self.by_validation), str(self.least)]
        words += [str(getattr(member, "sha256", None) or repr(member)) for member in self.members]
        words += [] if self.stacker is None else [self.stacker.model_dump_json()]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    @property
    def known_through(self) -> Callable[[Ints], Ints] | None:
        """Of (T,) times the latest that any member, or the stacker, knows; None where a member does not say."""
        told = [getattr(member, "known_through", None) for member in self.members]
        if any(one is None for one in told):
            return None

        def latest(times: Ints) -> Ints:
            parts = [one(times) if callable(one) else one for one in told]
            if self.stacker is not None:
                parts.append(self.stacker.known_through(times))
            return np.max([np.broadcast_to(np.asarray(part, np.int64), times.shape) for part in parts], axis=0)

        return latest

    def forecast(self, bars: Window) -> Floats:
        """(N,) of the window's last slice."""
        said = []
        for member in self.members:
            late = bars.rows(max(0, len(bars) - int(member.window)), len(bars))
            said.append(_as_return(member, np.asarray(member.forecast(late), np.float64), bars.close[-1]))
        return self._combined(bars.times[-1:], [one[None] for one in said])[0]

    def forecast_panel(self, bars: Window) -> Floats:
        """(T, N), each row made as forecast() makes it."""
        said = [_as_return(member, panel_of(member, bars), bars.close) for member in self.members]
        out = self._combined(bars.times, said)
        out[: self.window - 1] = np.nan
        return out

    def _combined(self, times: Ints, said: list[Floats]) -> Floats:
        """(T, N) of (T, N) per member, row by row: the same operations on arrays of one shape give the same bits."""
        out = np.full(said[0].shape, np.nan)
        weights = self._weights_at(times)
        turns = None if self.stacker is None else self.stacker.turns(times)
        for t in range(len(times)):
            row = [np.ascontiguousarray(member[t]) for member in said]
            if self._zscored:
                row = [zscores(one) for one in row]
            if self.how == "majority":
                row = [np.sign(one - 0.5) for one in row]
            if turns is None:
                out[t] = mean(row, weights[t], self.least)
            elif turns[t] >= 0:
                out[t] = self._stacked(row, int(turns[t]))
        return out

    def _stacked(self, row: list[Floats], turn: int) -> Floats:
        from signals import stacking

        assert self.stacker is not None
        return stacking.apply(self.stacker.parts[turn], stacking.features(row, self.unit), self.unit)

    def _weights_at(self, times: Ints) -> Floats:
        """(T, M) what each member counts at each slice; of a model that is not valid yet nothing."""
        if self.by_validation:
            losses = np.stack([member.validation_loss(times) for member in self.members], axis=1)
            return np.where(np.isnan(losses), 0.0, 1.0 / np.where(np.isnan(losses), 1.0, losses))
        one = (1.0,) * len(self.members) if self.weights is None else self.weights
        return np.broadcast_to(np.array(one), (len(times), len(one)))

    def __repr__(self) -> str:
        return f"Ensemble({list(self.members)!r}, how={self.how!r})"


def made(members: Sequence[Any]) -> tuple[Any, ...]:
    """The signals of `members`, paths of model folders opened; ValueError or PluginError for what is none."""
    if isinstance(members, str) or not isinstance(members, Sequence) or not 2 <= len(members) <= MOST:
        raise ValueError(f"members: expected a list of 2 to {MOST} signals, got {members!r:.60}")
    out = []
    for k, said in enumerate(members):
        if isinstance(said, dict):
            raise ValueError(f"members.{k}: expected plugin: NAME and its arguments, or the path of a model folder")
        signal = opened(said) if isinstance(said, str) else said
        if not all(hasattr(signal, part) for part in ("window", "unit", "forecast")):
            raise PluginError(
                f"members.{k}: expected a signal, with window, unit and forecast(bars), got {signal!r:.60}"
            )
        if getattr(signal, "given_by_the_run", False):
            raise ValueError(f"members.{k}: forecasts made elsewhere are lined up by the run; combine them before")
        out.append(signal)
    return tuple(out)


def opened(folder: str) -> Any:
    """The model in a folder."""
    from signals.lstm import Lstm

    return Lstm(folder)


def panel_of(member: Any, bars: Window) -> Floats:
    """(T, N) forecasts of one member, NaN before its window is full."""
    full = int(member.window) - 1
    if isinstance(member, PanelSignal):
        out = np.array(member.forecast_panel(bars), np.float64)
    else:
        out = np.full(bars.close.shape, np.nan)
        for t in range(full, len(bars)):
            out[t] = member.forecast(bars.rows(t - full, t + 1))
    out[:full] = np.nan
    return out


def _as_return(member: Any, said: Floats, close: Floats) -> Floats:
    """A price as the return from the close; everything else as it is."""
    return said / close - 1.0 if member.unit == "price" else said


def zscores(row: Floats) -> Floats:
    """(N,) less their mean, over their standard deviation (ddof 0); 0 where they do not differ, NaN where fewer than two."""
    known = row[~np.isnan(row)]
    if len(known) < 2:
        return np.full(len(row), np.nan)
    spread = float(known.std())
    return (row - known.mean()) / spread if spread > 0.0 else row - row


def mean(row: list[Floats], weights: Floats, least: int) -> Floats:
    """(N,) weighted mean over the members that know something and count; NaN where fewer than `least` do."""
    total, weight, count = (np.zeros(len(row[0])) for _ in range(3))
    for said, counts in zip(row, weights.tolist(), strict=True):
        there = ~np.isnan(said)
        total = total + np.where(there, counts * said, 0.0)
        weight = weight + np.where(there, counts, 0.0)
        count = count + there
    enough = (count >= least) & (weight > 0.0)
    return np.where(enough, total / np.where(enough, weight, 1.0), np.nan)


def comparable(members: Sequence[Any]) -> None:
    """Nothing; ValueError unless the members' validation losses are measured in one way."""
    told = []
    for k, member in enumerate(members):
        passports = getattr(member, "passports", ())
        if not passports or not hasattr(member, "validation_loss"):
            raise ValueError(f"weights: validation needs models with a passport; member {k} has none")
        for passport in passports:
            loss = passport.losses.get("validation_loss")
            if loss is None or not loss > 0.0:
                raise ValueError(f"weights: validation: member {k} has a passport without a validation loss above 0")
            told.append((passport.hyperparameters.get("loss"), passport.label, passport.hyperparameters.get("label")))
    if any(one != told[0] for one in told):
        raise ValueError(
            "weights: validation: the members were trained on another loss or label; their losses do not compare"
        )


def _weights(said: Any, count: int) -> tuple[float, ...]:
    numbers = isinstance(said, list | tuple) and all(
        isinstance(w, int | float) and not isinstance(w, bool) and math.isfinite(w) and w >= 0.0 for w in said
    )
    if not numbers or len(said) != count or not sum(said) > 0.0:
        raise ValueError(f"weights: expected {count} numbers of at least 0, not all 0, or validation; got {said!r:.60}")
    return tuple(float(w) for w in said)


def _least(least: Any, count: int, how: str) -> int:
    if not isinstance(least, int) or isinstance(least, bool) or not 1 <= least <= count or how == "stacked":
        raise ValueError(f"least: expected 1 to {count} members, and none with how: stacked; got {least!r:.20}")
    return least


def _one_of(name: str, said: Any, words: tuple[str, ...]) -> str:
    if said not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}; it was {said!r:.40}")
    return str(said)


def _units(members: Sequence[Any]) -> str:
    return ", ".join(str(member.unit) for member in members)


def _name(member: Any) -> str:
    return str(getattr(member, "model", None) or type(member).__name__)
