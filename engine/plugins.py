"""Plugins by registered name: entry points of installed distributions, and files the user names on the command line.

A configuration never names an import path; it names a plugin. Two plugins of one name in a group are refused.

An editable installation remembers the entry points of the day it was made. Where our sources lie in a checkout, its
pyproject.toml says what is registered now, and what the installation of this distribution remembers is left aside.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from engine.errors import PluginError, first_line
from engine.places import ROOT

GROUPS = (
    "barcast.signals",
    "barcast.strategies",
    "barcast.risk",
    "barcast.sources",
    "barcast.feeds",
    "barcast.brokers",
    "barcast.commands",
)
PATH_GROUPS = {
    "SIGNALS": "barcast.signals",
    "STRATEGIES": "barcast.strategies",
    "SOURCES": "barcast.sources",
    "FEEDS": "barcast.feeds",
    "BROKERS": "barcast.brokers",
}
OURS = "barcast"

_from_files: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}


@lru_cache(maxsize=16)
def _installed(group: str) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in _points(group, ROOT):
        if point.name in found and found[point.name].value != point.value:
            raise PluginError(
                f"{group}: two plugins are called {point.name!r} ({found[point.name].value} and {point.value}); "
                f"uninstall one of them"
            )
        found[point.name] = point
    return found


def _points(group: str, root: Path) -> list[EntryPoint]:
    """Entry points of `group`, those of the checkout at `root` in place of what its installation remembers."""
    installed = list(entry_points(group=group))
    declared = _declared(root / "pyproject.toml")
    if declared is None:
        return installed
    others = [point for point in installed if point.dist is None or point.dist.name != OURS]
    return [*others, *(EntryPoint(name, value, group) for name, value in declared.get(group, {}).items())]


def _declared(file: Path) -> dict[str, dict[str, str]] | None:
    """Group -> name -> value of a checkout's pyproject.toml; None where there is none, or another project's."""
    import tomllib

    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    if project.get("name") != OURS:
        return None
    declared: dict[str, dict[str, str]] = project.get("entry-points", {})
    return declared


def names(group: str) -> list[str]:
    """The names registered in `group`, sorted."""
    return sorted({*_installed(group), *_from_files.get(group, {})})


def get(group: str, name: str) -> Any:
    """What is registered as `name`; PluginError with the nearest name if nothing is, or if it cannot be imported."""
    if name in _from_files.get(group, {}):
        return _from_files[group][name]
    point = _installed(group).get(name)
    if point is None:
        near = difflib.get_close_matches(name, names(group), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PluginError(f"{group}: nothing is registered as {name!r}{hint} Known: {', '.join(names(group))}")
    try:
        return point.load()
    except ImportError as error:
        raise PluginError(
            f"{group}: {name!r} ({point.value}) cannot be imported: {first_line(error, typed=False)}"
        ) from error


def load_file(path: str | Path) -> str:
    """sha256 hex of a plugin file, after running it and registering what its SIGNALS, STRATEGIES, SOURCES, FEEDS or BROKERS name.

    The file is the user's own code, named on the command line; each of these is a dict of name -> class or function.
    """
    file = Path(path)
    try:
        there = file.is_file()
    except OSError as error:
        raise PluginError(f"--plugin {str(path)[:200]}: {error.strerror}; give the path of a Python file") from error
    if not there:
        raise PluginError(f"--plugin {path}: no such file; give the path of a Python file")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    module_name = f"barcast_plugin_{file.stem}_{digest[:8]}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"--plugin {path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise PluginError(f"--plugin {path}: it failed while loading: {first_line(error)}") from error
    found = 0
    for variable, group in PATH_GROUPS.items():
        named = getattr(module, variable, {})
        if not isinstance(named, dict) or not all(isinstance(name, str) for name in named):
            raise PluginError(
                f"--plugin {path}: {variable} must be a dict of name -> class or function, it is {named!r:.80}"
            )
        for name, thing in named.items():
            if not callable(thing):
                raise PluginError(
                    f"--plugin {path}: {variable}[{name!r}] must be a class or function, it is {thing!r:.80}"
                )
            _register(group, name, thing, file)
            found += 1
    if not found:
        raise PluginError(f"--plugin {path}: it registers nothing; add e.g. SIGNALS = {{'my_signal': MySignal}}")
    return digest


def _register(group: str, name: str, thing: Any, file: Path) -> None:
    known = _from_files[group].get(name)
    same = known is not None and getattr(known, "__qualname__", 0) == getattr(thing, "__qualname__", 1)
    if name in _installed(group) or (known is not None and not same):
        raise PluginError(f"--plugin {file}: {group} already has a {name!r}; give yours another name")
    _from_files[group][name] = thing


def load_files(paths: Iterable[str | Path]) -> dict[str, str]:
    """File name -> sha256 of every plugin file, in the order given."""
    return {Path(path).name: load_file(path) for path in paths}
