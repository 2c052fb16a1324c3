"""Every plugin that a name or a file stands for, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import plugins
from engine.checks.finding import Finding
from engine.checks.signals import check_signal
from engine.checks.strategies import check_strategy
from engine.data.words import nearest
from engine.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from engine.panel import Panel

CHECKERS: dict[str, Callable[..., tuple[Finding, ...]]] = {
    "barcast.signals": check_signal,
    "barcast.strategies": check_strategy,
}
NOUNS = {"barcast.signals": "signal", "barcast.strategies": "strategy"}


@dataclass(frozen=True, slots=True)
class Checked:
    """One plugin and what was found on it."""

    name: str
    noun: str  # signal | strategy
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed; what could not be asked is no failure."""
        return all(finding.passed is not False for finding in self.findings)


def check_plugin(
    plugin: str, params: Mapping[str, Any] | None = None, panel: Panel | None = None, seed: int = 0
) -> tuple[Checked, ...]:
    """The findings on each signal and strategy of a .py file, or on the ones registered as `plugin`.

    PluginError if there is none, or if the file cannot be loaded.
    """
    return tuple(
        Checked(name, NOUNS[group], CHECKERS[group](name, params=params, panel=panel, seed=seed))
        for group, name in found(plugin)
    )


def found(plugin: str) -> list[tuple[str, str]]:
    """(group, name) of what a file registers, or of what goes by a name."""
    if plugin.endswith(".py") or Path(plugin).is_file():
        before = {group: set(plugins.names(group)) for group in CHECKERS}
        plugins.load_file(plugin)
        fresh = [(group, name) for group in CHECKERS for name in plugins.names(group) if name not in before[group]]
        if not fresh:
            raise PluginError(
                f"{plugin}: it registers no signal and no strategy; checks are for SIGNALS and STRATEGIES"
            )
        return fresh
    out = [(group, plugin) for group in CHECKERS if plugin in plugins.names(group)]
    if not out:
        known = sorted(name for group in CHECKERS for name in plugins.names(group))
        raise PluginError(
            f"{plugin}: no signal or strategy is registered by that name{nearest(plugin, known)}; "
            f"give one of {', '.join(known)}, or a .py file"
        )
    return out


def read_params(sets: list[str]) -> dict[str, Any]:
    """Arguments from NAME=VALUE texts, the value read as YAML; ConfigError for one that is not of that form."""
    from engine.config.loader import parse

    out: dict[str, Any] = {}
    for text in sets:
        name, sign, value = text.partition("=")
        if not sign or not name.strip().isidentifier():
            raise ConfigError(f"--set {text}: expected NAME=VALUE, an argument of the plugin")
        out[name.strip()] = parse(f"value: {value}", f"--set {text}").data["value"]
    return out
