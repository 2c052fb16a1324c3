"""audit(): every question to a configured pipeline, from its bars to its account, answered by findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.audit.account import audit_account
from engine.audit.agreement import audit_agreement
from engine.audit.bars import audit_bars
from engine.audit.foresight import audit_timing
from engine.audit.pipeline import Pipeline, Road
from engine.audit.signals import CUTS, audit_signal
from engine.checks.finding import Finding
from engine.errors import PluginError

if TYPE_CHECKING:
    from engine.config import Config
    from engine.panel import Panel

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found on a pipeline, in the order of its road from data to account."""

    name: str
    slices: int
    instruments: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no question found a leak; one that proves nothing is no leak."""
        return all(finding.passed is not False for finding in self.findings)

    @property
    def leaks(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.passed is False)


def audit(
    config: str | Path | Mapping[str, Any] | Config,
    panel: Panel | None = None,
    forecasts: Any = None,
    *,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    strategy: Any = None,
    cuts: int = CUTS,
    seed: int = 0,
    road: Road | None = None,
    progress: Progress | None = None,
) -> Audit:
    """The Audit of `config` on its bars (or `panel`), with `forecasts` and `strategy` as engine.backtest takes them.

    Every signal is made again on bars whose future is poisoned at `cuts` slices that `seed` chooses; the account is run again
    likewise; precomputed forecasts are held against the returns around them. `road` runs the account (engine.run.run_record).
    """
    from engine.run import load_config, load_panel, run_record

    say = progress or (lambda text: None)
    _load_plugins(plugins)  # first: the file names what they register
    loaded = load_config(config, sets)
    pipeline = Pipeline(loaded, load_panel(loaded, panel, say), forecasts, strategy, road or run_record, seed)
    findings: list[Finding] = [*audit_bars(pipeline)]
    say("forecasting")
    try:
        pipeline.begin()
    except PluginError as error:
        findings.append(Finding("forecasts", False, "every signal forecasts the run", str(error), "", "plugin"))
        return _done(pipeline, findings)
    for name in loaded.signals:
        say(f"poisoning what follows, signal {name}")
        findings += audit_signal(pipeline, name, cuts)
        findings.append(audit_agreement(pipeline, name))
    say("poisoning what follows, account")
    try:
        findings.append(audit_account(pipeline, cuts))
    except PluginError as error:
        findings.append(
            Finding("decisions and fills", False, "the strategy decides every slice", str(error), "", "plugin")
        )
        return _done(pipeline, findings)
    say("planting foresight")
    findings.append(audit_timing(pipeline))
    return _done(pipeline, findings)


def _load_plugins(paths: Sequence[str | Path]) -> None:
    from engine import plugins

    plugins.load_files(paths)


def _done(pipeline: Pipeline, findings: list[Finding]) -> Audit:
    rows, names = pipeline.panel.close.shape
    return Audit(pipeline.config.name, rows, names, tuple(findings))
