"""Hand-over: from one slice on, a signal speaks from another model folder. The one change that a session allows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import plugins as registry
from engine.contracts import Signal
from engine.errors import ConfigError, DataError
from engine.forecasts import make_signal
from engine.live.commands import Command
from engine.live.tape import hand_over_row
from engine.seen import day, in_sample, seen_by

if TYPE_CHECKING:
    from engine.config import Config

SAME = ("unit", "window", "label", "horizon")  # what the step and the start row rely on
Body = dict[str, Any]


def path_key(config: Config, name: str) -> str:
    """The argument of a signal that names its model; ConfigError for an unknown signal, or one without a model."""
    if name not in config.signals:
        raise ConfigError(
            f"hand-over: no signal is called {name!r:.80}; expected one of {', '.join(config.signals) or 'none'}"
        )
    plugin = config.signals[name].plugin
    keys = tuple(getattr(registry.get("barcast.signals", plugin), "paths", ()))
    if len(keys) != 1:
        raise ConfigError(f"hand-over: signals.{name}: {plugin} reads no model folder, so there is none to hand over")
    return str(keys[0])


def made(config: Config, name: str, model: str) -> Signal:
    """The signal `name` of the file, speaking from `model`."""
    key, spec = path_key(config, name), config.signals[name]
    if not Path(model).exists():
        raise ConfigError(f"hand-over: signals.{name}: {model} is not there; give the new model's folder")
    return make_signal(name, registry.get("barcast.signals", spec.plugin), {**spec.params, key: model})


def offered(config: Config, name: str, model: str, old: Signal) -> Signal:
    """The signal that would take over from `old`; ConfigError where it is no other model of the same kind."""
    new = made(config, name, model)
    for key in SAME:
        mine, theirs = getattr(old, key, None), getattr(new, key, None)
        if mine != theirs:
            raise ConfigError(
                f"hand-over: signals.{name}: its {key} is {theirs!r}, that of the model in use {mine!r}; another {key} needs "
                f"another session: --adopt"
            )
    if not fingerprint(new):
        raise ConfigError(f"hand-over: signals.{name}: {model} has no fingerprint, so nobody could tell it again")
    if fingerprint(new) == fingerprint(old):
        raise ConfigError(f"hand-over: signals.{name}: {model} is the model in use")
    return new


def known_before(name: str, signal: Signal, time: int) -> int:
    """The last instant the model knows of, ns UTC; DataError unless it lies before the slice at `time`."""
    times = np.array([time], np.int64)
    seen = seen_by(name, signal, "refuse", times)
    if seen.known is None:
        raise DataError(f"hand-over: signals.{name}: the model does not say what it knows; give one with a passport")
    if in_sample(seen, times)[0]:
        raise DataError(
            f"hand-over: signals.{name}: the model knows until {day(int(seen.known[0]))}, and the next slice is of {day(time)}; "
            f"give one that has not seen it"
        )
    return int(seen.known[0])


def fingerprint(signal: Signal) -> str:
    """What a model is to the last bit; empty where the signal does not say."""
    return str(getattr(signal, "sha256", ""))


def taken_up(config: Config, body: Mapping[str, Any]) -> Signal:
    """The signal of a hand-over row, read again; ConfigError if its folder no longer holds that model."""
    signal = made(config, body["signal"], body["model"])
    if fingerprint(signal) != body["fingerprint"]:
        raise ConfigError(
            f"hand-over: signals.{body['signal']}: {body['model']} holds {fingerprint(signal)[:12] or 'another model'}, and "
            f"{body['fingerprint'][:12]} was handed over; put that model back"
        )
    return signal


class HandOvers:
    """Judges hand-overs for a session. `handed`: signal -> the body of its last one."""

    def __init__(self, config: Config, handed: dict[str, Body]) -> None:
        self.config, self.handed = config, handed
        self._offers: dict[str, Signal] = {}  # that wait for the next slice, by the command's key

    def judged(
        self, command: Command, signals: Mapping[str, Signal], upcoming: int | None, t: int, now: int
    ) -> tuple[Body, Signal] | None:
        """The row of a hand-over and the signal that speaks from slice `t` on; None while the next slice is not there.

        `upcoming`: its time. BarcastError for a model that may not take over.
        """
        name, old = command.signal, signals.get(command.signal)
        key = path_key(self.config, name)
        assert old is not None
        new = self._offers.pop(command.key, None) or offered(self.config, name, command.model, old)
        if upcoming is None:
            self._offers[command.key] = new
            return None
        known = known_before(name, new, upcoming)
        path = self.handed[name]["model"] if name in self.handed else self.config.signals[name].params.get(key, "")
        return hand_over_row(command, (str(path), fingerprint(old)), fingerprint(new), known, t, now), new
