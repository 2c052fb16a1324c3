"""Markets that never were: the strategy run over simulated ones, whose law is written down and whose names are nobody's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.config import Config
from engine.markets import simulate
from engine.markets.reading import read, reseeded
from engine.run import stepped
from risk.stress.resampled import SHOWN, Histories, Progress, figures_of, not_given


def simulated(
    config: Config, settings: str | Path, count: int, seed: int = 0, progress: Progress | None = None
) -> Histories:
    """`count` markets by the simulation file `settings`, each with a seed of its own; DataError for signals that are given.

    The file's universe, dates, symbols and benchmark say nothing here; its lot and tick do.
    """
    not_given(config)
    law = read(settings)
    figures = {name: np.full(count, np.nan) for name in SHOWN}
    for k in range(count):
        # Far from the seeds that people type: the first of these markets is none that was looked at before.
        made = simulate(reseeded(law, 1_000_003 * (seed + 1) + k)).panel()
        panel = stepped(made, config.execution, config.execution.model_fields_set)
        for name, value in figures_of(config, panel).items():
            figures[name][k] = value
        if progress is not None:
            progress(k + 1, count)
    return Histories(f"simulated: {law.name}", float("nan"), figures)
