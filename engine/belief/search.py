"""What the number of trials leaves of a run's Sharpe ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import trials as ledger
from engine.kin import akin, shared
from engine.statistics import curve, deflation, given

if TYPE_CHECKING:
    from engine.result import Result
    from engine.trials import Trial

MOST = 400  # trials whose correlations are worked out; of more the effective number is not told


@dataclass(frozen=True, slots=True)
class Search:
    """The trials behind a run. `dsr`, `hurdle` (annual) and `years` are None of one trial: there is nothing to deflate."""

    trials: int  # on these bars and on those akin to them (engine.kin), this one included
    here: int  # of them, on exactly these bars
    elsewhere: int  # in the ledger, on bars of other names or times
    effective: float | None  # how many independent ones they are worth
    hurdle: float | None  # the Sharpe ratio the best of so many reaches by chance
    dsr: float | None
    years: float | None  # in which the best of so many reaches a Sharpe ratio of 1 by chance


def beside(folder: str | Path) -> Path:
    """The ledger of the folder that a run directory lies in."""
    return Path(folder).resolve().parent / ledger.LEDGER


def own_group(result: Result, trials: Sequence[Trial]) -> list[Trial]:
    """The trial that `result` was, then those akin to it."""
    own = ledger.of_result(result)
    return [own, *(trial for trial in trials if trial.key != own.key and akin(trial, own))]


def known(result: Result, folder: str | Path) -> tuple[list[Trial], int]:
    """(the trials akin to `result`, how many others there are) in the ledger beside its run directory."""
    place = beside(folder)
    group = ledger.read(place, ledger.of_result(result))
    return group, ledger.count(place) - len(group)


def search_of(result: Result, trials: Sequence[Trial], elsewhere: int = 0) -> Search:
    """The search that `result` came out of, as far as the `trials` akin to it tell; `elsewhere` are the others."""
    group = own_group(result, trials)
    count = len(group)
    if count < 2:
        return Search(1, 1, elsewhere, None, None, None, None)
    here = sum(trial.fingerprint == group[0].fingerprint for trial in group)
    effective = deflation.effective_trials(shared(group[0], group).returns) if count <= MOST else None
    years = deflation.minimum_backtest_years(count)
    variance = deflation.variance_of([trial.sharpe for trial in group])
    facts = result.facts
    returns = np.empty(len(facts.times))
    reached = int(curve.returns_of(facts.capital, given(facts.curve.equity), returns))
    if not math.isfinite(variance) or reached < len(returns) or len(returns) < 4:
        return Search(count, here, elsewhere, effective, None, None, years)
    mean, std, skew, kurtosis, _, _ = curve.moments(given(returns))
    if not math.isfinite(std) or not math.isfinite(kurtosis):
        return Search(count, here, elsewhere, effective, None, None, years)
    dsr = deflation.deflated_sharpe(mean / std, skew, kurtosis, len(returns), variance, count)
    hurdle = deflation.hurdle(variance, count) * math.sqrt(facts.bars_per_year)
    return Search(count, here, elsewhere, effective, _known(hurdle), _known(dsr), years)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
