"""What is being checked: a plugin that can be made afresh, its arguments, and the road of those through YAML."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine import plugins
from engine.checks.finding import place_of_error
from engine.errors import BarcastError, ConfigError, PluginError
from engine.types import Floats, Window

BARS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Subject:
    """A signal or strategy under check: `make(params)` gives a fresh one; `factory` is None for a ready-made object."""

    name: str
    factory: Any
    params: dict[str, Any]
    original: Any  # the object that was given, or None

    @classmethod
    def of(cls, thing: Any, params: Mapping[str, Any] | None, group: str) -> Subject:
        """A registered name, a class or function, or an object that is ready."""
        given = dict(params or {})
        if isinstance(thing, str):
            return cls(thing, plugins.get(group, thing), given, None)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            return cls(str(thing.__name__), thing, given, None)
        if given:
            raise PluginError(f"{type(thing).__name__}: arguments go with a class or a name, not with a ready object")
        return cls(type(thing).__name__, None, {}, thing)

    def make(self, params: Mapping[str, Any] | None = None) -> Any:
        """A fresh plugin, with `params` in place of the given ones; whatever it raises."""
        if self.factory is None:
            return copy.deepcopy(self.original)
        return self.factory(**(self.params if params is None else dict(params)))

    @property
    def code(self) -> Any:
        """What the author wrote: the class, function or object to point at."""
        return self.original if self.factory is None else self.factory

    def arguments(self) -> dict[str, Any]:
        """Every argument with the value it has here: the given ones, and the defaults of the others."""
        try:
            known = inspect.signature(self.factory).parameters.values()
        except (TypeError, ValueError):
            return dict(self.params)
        empty = inspect.Parameter.empty
        return {p.name: p.default for p in known if p.default is not empty} | self.params

    def unset(self) -> list[str]:
        """Arguments that have no default and were not given."""
        try:
            known = inspect.signature(self.factory).parameters.values()
        except (TypeError, ValueError):
            return []
        free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        empty = inspect.Parameter.empty
        return [p.name for p in known if p.default is empty and p.kind not in free and p.name not in self.params]


def unfit(params: Mapping[str, Any]) -> str | None:
    """Which of `params` no strategy file can say, and why; None where all can be."""
    for name, value in params.items():
        try:
            through_yaml({name: value})
        except ConfigError as error:
            return f"{name} = {value!r:.60} does not fit YAML: {str(error).split(': ')[-1]}"
    return None


def through_yaml(params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` written as YAML and read back by the rules of strategy files; ConfigError where that cannot be."""
    import yaml

    from engine.config.base import endless
    from engine.config.loader import parse
    from engine.config.mapping import document_of

    for word in ("plugin", "rule"):
        if word in params:
            raise ConfigError(f"an argument cannot be called {word!r}: that word is the file's own")
    plain = document_of(dict(params), "arguments").data
    if endless(plain):
        raise ConfigError("a number that is not finite cannot stand in a strategy file; use null for 'none'")
    data: dict[str, Any] = parse(yaml.safe_dump(plain), "arguments").data if plain else {}
    return data


def ask(signal: Any, method: str, bars: Window) -> Any:
    """What the plugin answers; PluginError with its words and the place where it failed, if it raises."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return getattr(signal, method)(bars)
    except BarcastError:
        raise
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        at = place_of_error(error)
        raise PluginError(f"{method}(bars) raised {told}" + (f" at {at}" if at else "")) from error


def numbers(signal: Any, method: str, bars: Window, shape: tuple[int, ...]) -> Floats:
    """The answer as a float64 array of its own; PluginError if its shape is another."""
    array = np.array(ask(signal, method, bars), dtype=np.float64)
    if array.shape != shape:
        raise PluginError(f"{method}(bars) gave shape {array.shape} where {shape} was expected")
    return array


def loose(bars: Window) -> Window:
    """A writable copy: what a plugin does to it is seen afterwards, and hurts nobody."""
    sector = None if bars.sector is None else bars.sector.copy()
    return replace(bars, times=bars.times.copy(), sector=sector, **{key: getattr(bars, key).copy() for key in BARS})


def rows_of(bars: Window, start: int, stop: int) -> Window:
    """Rows start to stop as views, as the engine hands them out."""
    return bars.rows(start, stop)


def window_at(bars: Window, t: int, length: int) -> Window:
    """The `length` rows that end at `t`, as views."""
    return rows_of(bars, t - length + 1, t + 1)


def permuted(bars: Window, order: np.ndarray) -> Window:
    """The same bars with the instruments in another order."""
    symbols = tuple(bars.symbols[i] for i in order)
    sector = None if bars.sector is None else bars.sector[order]
    arrays = {key: np.ascontiguousarray(getattr(bars, key)[:, order]) for key in BARS}
    return replace(bars, symbols=symbols, sector=sector, **arrays)
