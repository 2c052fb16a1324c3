"""A strategy over every path of a combinatorial purged cross-validation: how its Sharpe ratio varies with what was learnt from.

A path is one course of forecasts through all of time, each made by a model that had not seen the stretch it speaks of. It needs a
forecast for each split: a folder that `barcast walkforward` left under scheme cpcv, or a file per split.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import ConfigError, DataError
from engine.luck import DRAWN, Document, Progress, known, tools
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.contracts import Signal
    from engine.panel import Panel

INDEX, WALKED = "cpcv.json", "walkforward.json"


def crossed(
    config: Config,
    forecasts: Sequence[str | Path],
    groups: int | None = None,
    test_groups: int | None = None,
    signal: str | None = None,
    progress: Progress | None = None,
) -> Document:
    """The Sharpe ratios of `config` over every path that `forecasts` make; annual, from the first forecast of a path on.

    `forecasts` is one folder, or a Parquet file for each way to set `test_groups` of `groups` equal parts of the run's slices
    aside, in order. DataError for a fixed forecast: its paths are identical.
    """
    from engine import run
    from engine.given import chosen

    name = signal_of(config, signal)
    panel = run.load_panel(config)
    whole = paths_of(forecasts, config, panel, name, groups, test_groups)
    others = {key: chosen(key, one, config, None) for key, one in given_signals(config).items() if key != name}
    found = []
    for k, path in enumerate(whole):
        found.append(told(config, panel, path, others | {name: path}))
        if progress is not None:
            progress(k + 1, len(whole))
    sharpes = np.array([math.nan if one["sharpe"] is None else one["sharpe"] for one in found])
    out: Document = {"name": config.name, "signal": name, "paths": found}
    if not np.isfinite(sharpes).all():
        return {**out, "sharpe": None, "reason": "a path never traded, so it has no Sharpe ratio"}
    spread = {"mean": known(sharpes.mean()), "sd": known(sharpes.std(ddof=1)), "loses": float((sharpes <= 0.0).mean())}
    quantiles = np.quantile(sharpes, DRAWN).tolist()
    return {**out, "sharpe": {**spread, "low": quantiles[0], "middle": quantiles[1], "high": quantiles[2]}}


def signal_of(config: Config, asked: str | None) -> str:
    """The signal whose forecasts the paths stand in for. ConfigError where there is none, or more than one."""
    given = list(given_signals(config))
    if asked is not None and asked in given:
        return asked
    if asked is None and len(given) == 1:
        return given[0]
    if not given:
        raise ConfigError(
            "cpcv: no signal of the file is given its forecasts. One that works them out from the bars is one fixed forecast, "
            "whose paths are identical; use plugin: precomputed, and a model retrained for each split"
        )
    raise ConfigError(f"--signal: expected one of {', '.join(given)}, got {asked or 'nothing'}")


def given_signals(config: Config) -> dict[str, Signal]:
    """The signals of the file that are given their forecasts, by name."""
    from engine.run import make_signals

    return {name: one for name, one in make_signals(config).items() if getattr(one, "given_by_the_run", False)}


def paths_of(
    forecasts: Sequence[str | Path],
    config: Config,
    panel: Panel,
    name: str,
    groups: int | None,
    test_groups: int | None,
) -> Floats:
    """(paths, T, N) forecasts of signal `name`."""
    from engine.given import align, read_forecasts

    kit = tools()
    places = [Path(one) for one in forecasts]
    if len(places) == 1 and places[0].is_dir():
        if groups is not None or test_groups is not None:
            raise ConfigError("--groups, --test-groups: a folder says them itself; leave them out")
        places = listed(places[0])
        plan = None
    elif groups is None or test_groups is None:
        raise ConfigError(
            "--groups, --test-groups: say how the files were made; expected a file for each way to set groups aside, or a folder "
            "that barcast walkforward wrote under scheme cpcv"
        )
    else:
        plan = kit.plan(len(panel), groups, test_groups)
    made = [align(read_forecasts(name, str(one.resolve()), config), panel, one.name) for one in places]
    return np.asarray(kit.apart(np.stack(made)) if plan is None else kit.paths(plan, made))


def listed(folder: Path) -> list[Path]:
    """The files of the paths in a folder. DataError where it holds none."""
    try:
        told = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = [Path(name).name for name in told["paths"]]
    except FileNotFoundError:
        once = (folder / WALKED).is_file()
        why = "each date was forecast once, which is one path, not several" if once else f"there is no {INDEX}"
        said = "expected what barcast walkforward writes under walkforward: {scheme: cpcv}"
        raise DataError(f"{folder}: {why}; {said}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / INDEX}: it cannot be read ({error}); walk again") from error
    return [folder / name for name in names]


def told(config: Config, panel: Panel, path: Floats, given: dict[str, Any]) -> Document:
    """What the strategy made of one path, `given` the forecasts of all signals that need some."""
    from engine import run
    from engine.metrics import of_curve

    inputs = run.prepare(config, panel, given)
    engine = run.engine_of(config, *inputs)
    engine.run()
    first = int(np.flatnonzero(~np.isnan(path).all(axis=1))[0])
    equity, times = engine.curve.equity[first : engine.t], inputs.panel.times[first : engine.t]
    values, _ = of_curve(equity, times, config.capital, panel.bars_per_year)
    return {key: values[key] for key in ("sharpe", "total_return", "max_drawdown")}
