"""The cone of a session: where its equity may stand after each day, if it goes on as a backtest of the same strategy did.

Drawn once, when the session is opened, from the daily returns of a backtest (a run that is named, else one over the session's own
warm-up where that is long enough), and kept beside the journal. Nothing depends on it; it is no part of the tape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import BarcastError, ConfigError, DataError
from engine.types import Floats
from engine.writing import replace

if TYPE_CHECKING:
    from engine.config import Config
    from engine.live.session import Session

FILE = "cone.json"
FEWEST = 60  # days of a backtest
LONGEST = 1260  # days ahead
REPS, SEED = 2000, 0
SAME = ("signals", "strategy", "exits", "sizing", "caps", "switches", "execution")
Cone = dict[str, Any]


def of_run(run: str | Path, config: Config) -> Cone:
    """The cone of a stored run; DataError where it has too few days. What sets it apart from `config` is noted."""
    from engine.export import daily_returns
    from engine.live.start import first_change, settled
    from engine.result import Result
    from engine.seen import QUESTION

    result = Result.load(run)
    daily = daily_returns(result)
    mine, theirs = ({key: told.get(key) for key in SAME} for told in (settled(config.resolved()), result.config))
    notes = []
    if changed := first_change(theirs, mine, ""):
        notes.append(f"the backtest is of another strategy: {changed.removeprefix('.')} here")
    answers = {one["name"]: one for one in result.manifest.get("checked", [])}
    if QUESTION in answers and answers[QUESTION]["state"] != "passed":
        notes.append("the backtest is in-sample: its cone lies too high")
    days = [str(day)[:10] for day in daily.index]
    source = {"source": Path(run).resolve().name, "run": result.manifest["run_hash"]}
    return drawn(daily.to_numpy(), days, str(run)) | source | {"notes": notes}


def of_history(session: Session) -> Cone | None:
    """The cone of the session's own backtest over its warm-up; None where that is too short, known to a model, or not to be had."""
    from engine.contracts import Rule
    from engine.live.verify import TapeOf, engine_of, longest

    signals, config = session.fold.signals, session.handing.config
    if session.fold.met < FEWEST + longest(signals) or not isinstance(session.fold.strategy, Rule):
        return None
    told = TapeOf(session.folder, session.account)
    done = told.counts.get("warm-up", 0)
    if done < FEWEST + longest(signals) or known(signals, told.slices[done - 1].time):
        return None
    engine = engine_of(config, told, done, signals, told.forecasts, None)
    engine.run(done)
    number = np.array([one.day for one in told.slices[: engine.t]])
    last = np.flatnonzero(np.append(number[1:] != number[:-1], True))
    equity = np.append(float(config.capital), engine.curve.equity[: engine.t][last])
    days = [str(np.datetime64(told.slices[k].session, "D")) for k in last]
    cone = drawn(equity[1:] / equity[:-1] - 1.0, days, "warm-up")
    return cone | {"source": "its own warm-up", "run": "", "notes": []}


def from_warm_up(session: Session) -> None:
    """Keep the cone of a session's warm-up, where it makes one and none was drawn before; the session goes on without."""
    if place_of(session.folder, session.account).exists():
        return
    try:
        if (cone := of_history(session)) is not None:
            keep(session.folder, cone, 0, session.account)
    except BarcastError as error:
        session.log("WARNING", f"no cone: {error}")


def known(signals: Mapping[str, Any], time: int) -> bool:
    """Whether a model knows anything of the slice at `time` or of one before it."""
    from engine.seen import seen_by

    times = np.array([time], np.int64)
    seen = [seen_by(name, signal, "refuse", times).known for name, signal in signals.items()]
    return any(one is not None for one in seen)


def drawn(returns: Floats, days: list[str], where: str) -> Cone:
    """The cone of daily returns from the first day on which equity moved; DataError for fewer than FEWEST."""
    from engine.luck import tools

    moved = np.flatnonzero(returns != 0.0)
    first = int(moved[0]) if len(moved) else len(returns)
    own = returns[first:]
    if len(own) < FEWEST or not (own > -1.0).all():
        raise DataError(
            f"{where}: a cone needs a backtest of {FEWEST} days or more since equity first moved, above zero throughout; got "
            f"{len(own)}. Name a longer run with --backtest"
        )
    made = tools().cone(own, LONGEST, REPS, SEED)
    return {
        "schema_version": 1,
        "returns": made.returns,
        "first": days[first],
        "last": days[-1],
        "block": made.block,
        "reps": made.reps,
        "seed": SEED,
        "drift": made.drift,
        "error": made.error,
        "levels": list(made.levels),
        "growth": [[float(f"{value:.7g}") for value in line] for line in made.growth],
        "strayed": [float(f"{value:.4g}") for value in made.strayed],
    }


def place_of(folder: Path, account: str = "") -> Path:
    """Where the cone of a session, or of one of its accounts, is kept."""
    return folder / (f"cone-{account}.json" if account else FILE)


def stands(folder: Path, run: str | Path, account: str = "") -> bool:
    """Whether the cone of this run is kept: then nobody need read the run again, which may be gone by now."""
    before = read(folder, account)
    return before is not None and before["source"] == Path(run).resolve().name


def keep(folder: Path, cone: Cone, slices: int, account: str = "") -> None:
    """Write a cone that was drawn after so many slices of the session; one that is there stays. ConfigError if it is another's."""
    place = place_of(folder, account)
    before = read(folder, account)
    if before is not None:
        if before["run"] != cone["run"]:
            raise ConfigError(
                f"{place}: this session has the cone of {before['source']}, drawn when it was opened; another would be chosen "
                f"after the fact. Leave --backtest out"
            )
        return
    replace(place, (json.dumps(cone | {"slices": slices}, allow_nan=False) + "\n").encode())


def read(folder: Path, account: str = "") -> Cone | None:
    """The cone that is kept; None if there is none. DataError if it is damaged."""
    place = place_of(folder, account)
    try:
        told: Cone = json.loads(place.read_text())
        growth = np.array(told["growth"], np.float64)
        if growth.shape != (len(told["levels"]), len(told["strayed"])) or told["schema_version"] != 1:
            raise ValueError(f"quantiles of shape {growth.shape}")
        return told | {"growth": growth}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{place}: cannot be read as a cone ({error}); take it away, and the session has none"
        ) from error
