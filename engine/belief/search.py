"""What the number of trials leaves of a run's Sharpe ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine import trials as ledger
from engine.statistics import curve, deflation, given

if TYPE_CHECKING:
    from engine.result import Result
    from engine.trials import Trial

MOST = 400  # trials whose correlations are worked out; of more the effective number is not told


@dataclass(frozen=True, slots=True)
class Search:
    """The trials behind a run. `dsr`, `hurdle` (annual) and `years` are None of one trial: there is nothing to deflate."""

    trials: int  # on these bars, this one included
    elsewhere: int  # in the ledger, on other bars
    effective: float | None  # how many independent ones they are worth
    hurdle: float | None  # the Sharpe ratio the best of so many reaches by chance
    dsr: float | None
    years: float | None  # in which the best of so many reaches a Sharpe ratio of 1 by chance


def beside(folder: str | Path) -> Path:
    """The ledger of the folder that a run directory lies in."""
    return Path(folder).resolve().parent / ledger.LEDGER


def own_group(result: Result, trials: Sequence[Trial]) -> list[Trial]:
    """The trials on the same bars as `result`, itself among them."""
    own = ledger.of_result(result)
    same = (own.fingerprint, own.bars_per_year)
    group = {trial.key: trial for trial in trials if (trial.fingerprint, trial.bars_per_year) == same}
    return list((group | {own.key: own}).values())


def known(result: Result, folder: str | Path) -> tuple[list[Trial], int]:
    """(the trials on the bars of `result`, how many there are on others) in the ledger beside its run directory."""
    place = beside(folder)
    fingerprint = str(result.manifest.get("data", {}).get("fingerprint", ""))
    group = ledger.read(place, fingerprint, result.facts.bars_per_year)
    return group, ledger.count(place) - len(group)


def search_of(result: Result, trials: Sequence[Trial], elsewhere: int = 0) -> Search:
    """The search that `result` came out of, as far as the `trials` on its bars tell; `elsewhere` are those on others."""
    group = own_group(result, trials)
    count = len(group)
    if count < 2:
        return Search(1, elsewhere, None, None, None, None)
    effective = deflation.effective_trials(ledger.matrix(group)) if count <= MOST else None
    years = deflation.minimum_backtest_years(count)
    variance = deflation.variance_of([trial.sharpe for trial in group])
    facts = result.facts
    returns = np.empty(len(facts.times))
    reached = int(curve.returns_of(facts.capital, given(facts.curve.equity), returns))
    if not math.isfinite(variance) or reached < len(returns) or len(returns) < 4:
        return Search(count, elsewhere, effective, None, None, years)
    mean, std, skew, kurtosis, _, _ = curve.moments(given(returns))
    if not math.isfinite(std) or not math.isfinite(kurtosis):
        return Search(count, elsewhere, effective, None, None, years)
    dsr = deflation.deflated_sharpe(mean / std, skew, kurtosis, len(returns), variance, count)
    hurdle = deflation.hurdle(variance, count) * math.sqrt(facts.bars_per_year)
    return Search(count, elsewhere, effective, _known(hurdle), _known(dsr), years)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
