"""The four systems on simulated bars: the shipped recipes and strategy files, made small by overrides alone, command by command."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from typer.testing import CliRunner

from engine import journal
from engine.cli import app
from engine.live import tape
from engine.markets import simulate
from engine.result import Result
from signals.passport import nanoseconds
from signals.training.recipe import Recipe, read

ROOT = Path(__file__).resolve().parents[2]
NIFTY = (
    "RELIANCE.NS HDFCBANK.NS HINDUNILVR.NS INFY.NS ITC.NS M&M.NS SBIN.NS SUNPHARMA.NS TATASTEEL.NS TITAN.NS WIPRO.NS"
)
MANY = (*NIFTY.split(), *(f"OTHER{k}.NS" for k in range(4)))
FEW = ("SCOM", "EQTY", "JUB", "KCB", "OTHER")
WALK = (  # two folds: the last quarter of 2013, and the first of 2014
    "walkforward.every=quarterly",
    "walkforward.first=2013-10-01",
    "walkforward.train=12 months",
    "walkforward.validation=3 months",
)
APART = "walkforward.calibration=3 months"
FAST = "training.learning_rate=1e-2"
SESSION = ("2013-12-09", "2014-01-24")  # of paper: both folds speak in it
QUIET = {  # bars without events: as traded and adjusted for splits are the same
    "listings": 0, "delistings": None, "halts": None, "missing": 0, "splits": None, "dividends": None,
}  # fmt: skip


class System(NamedTuple):
    """A recipe and a strategy file that are shipped, the signal whose model is put in, and what makes the recipe small."""

    recipe: str
    strategy: str
    signal: str
    sets: tuple[str, ...]


SYSTEMS = {
    "A": System(
        "stock_lstm", "stock-lstm-threshold", "next",
        (*WALK, "model.lstm_units=4", "model.dense_units=4", "training.epochs=2"),
    ),
    "B": System("direction_lstm", "direction-lstm-quintile", "up", (*WALK, APART, FAST, "model.hidden=8", "training.epochs=4")),
    "C": System(
        "rank_lstm", "rank-lstm-quintile", "rank",
        (*WALK, FAST, "model.hidden=4", "training.epochs=2", "split={train: 60%, validation: 20%, test: 20%}"),
    ),
    "D": System(
        "attention_lstm", "attention-lstm-threshold", "up",
        (*WALK, APART, FAST, "window=8", "model.units=[16, 16, 16]", "model.dropout=0", "model.dense_dropout=0", "loss.l2=1e-4",
         "training.epochs=4", "training.batch_size=32", "training.date_stride=1"),
    ),
}  # fmt: skip


class Walked(NamedTuple):
    """What the commands before a run have left."""

    recipe: Recipe
    bars: Path
    models: Path
    grades: dict[str, str]  # by the audit
    advised: list[str]  # by the audit, best first
    features: dict[str, Any]
    trained: Any


class Ran(NamedTuple):
    """A run, a paper session over a part of its bars, and what verifying it says."""

    result: Result
    session: Path
    shown: str
    found: dict[str, Any]


class Fold(NamedTuple):
    """A line of walkforward.json: whom it speaks for (None: everybody), what it knows, and when it speaks; ns UTC."""

    symbols: tuple[str, ...] | None
    known: int
    after: int
    until: int


def barcast(*words: Any, sets: Sequence[str] = ()) -> str:
    """What a command prints on stdout; an error of ours is raised."""
    said = [*map(str, words), *(part for one in sets for part in ("--set", one))]
    done = CliRunner().invoke(app, said, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@cache
def script() -> Any:
    """scripts/systems.py, which stands in no package."""
    spec = importlib.util.spec_from_file_location("scripts_systems", ROOT / "scripts/systems.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bars(place: Path, names: Sequence[str], opens: bool) -> Path:
    """Daily bars from 2010 to March 2014 in which the last return tells much of the next one."""
    signal = {"shape": "linear", "source": "endogenous", "ic": 0.7}
    said = {"name": "small", "seed": 3, "names": len(names), "bars": 1066, "start": "2010-01-04", "signal": signal}
    frame = simulate(said | QUIET).frame()
    frame["symbol"] = frame["symbol"].map(dict(zip(sorted(frame["symbol"].unique()), names, strict=True)))
    if not opens:
        frame["open"] = np.nan
    frame[["date", "symbol", "open", "high", "low", "close", "volume"]].to_parquet(place)
    return place


def walked(name: str, place: Path) -> Walked:
    """Audit, features, training and walk-forward of one system, in `place`."""
    system, single = SYSTEMS[name], name == "A"
    file = bars(place / "bars.parquet", FEW if single else MANY, not single)
    audit = json.loads(barcast("data", "audit", file, "--out", place / "audit", "--json"))
    advice = json.loads((place / "audit/training_recommendations.json").read_text())
    recipe, models = f"{ROOT}/configs/models/{system.recipe}.yaml", place / "models"
    sets = [*system.sets, f"data.path={file}"]
    said = read(recipe, sets)
    features = json.loads(barcast("features", "build", file, "--set", said.features, *declared(said), "--json"))
    if said.per_symbol:
        trained = barcast("train", recipe, "--recommended", 2, "--out", models, "--json", sets=sets)
    else:
        trained = barcast("train", recipe, "--out", place / "one", "--json", sets=sets)
        barcast("walkforward", recipe, "--out", models, "--quiet", sets=sets)
    grades = {one["symbol"]: one["grade"] for one in audit["instruments"]}
    advised = [one["symbol"] for one in advice["instruments"]]
    return Walked(said, file, models, grades, advised, features, json.loads(trained))


def declared(recipe: Recipe) -> list[str]:
    """What the recipe says of its bars, as options of `barcast features build`."""
    data = recipe.resolved()["data"]
    words = ["--prices", data["prices"], "--dividends", data["dividends"], "--missing-open", data["missing_open"]]
    return words if data["symbols"] is None else [*words, "--symbols", ",".join(data["symbols"])]


def strategy_of(name: str, strategy: str, file: Path, models: Path, sets: Sequence[str] = ()) -> tuple[str, list[str]]:
    """A shipped strategy file, and the overrides that put bars and model in, as scripts/systems does."""
    put = [f"data.path={file}", f"signals.{SYSTEMS[name].signal}.model={models}", *script().only(models)]
    return f"{ROOT}/configs/strategies/{strategy}.yaml", [*put, *sets]


def live(file: str, sets: list[str], first: str, last: str) -> list[str]:
    """Overrides of a session on replay that decides from `first` to `last`."""
    begin = script().begin(file, sets, script().System("", "", "", first, last))
    return [*sets, "feed.source=replay", "broker=simulated", f"data.start={begin}", f"data.end={last}"]


def ran(name: str, strategy: str, made: Walked, place: Path, sets: Sequence[str] = ()) -> Ran:
    """Run, paper and verify of one strategy file on the forecasts of a walk-forward."""
    file, said = strategy_of(name, strategy, made.bars, made.models, sets)
    told = json.loads(barcast("run", file, "--out", place / "runs", "--json", sets=said))
    session = place / "session"
    shown = barcast("paper", file, "--session", session, "--quiet", sets=live(file, said, *SESSION))
    return Ran(Result.load(told["directory"]), session, shown, json.loads(barcast("verify", session, "--json")))


def folds(models: Path) -> list[Fold]:
    """All that the walkforward.json files of `models` tell: one of them, or one in a folder per symbol."""
    out = []
    for index in sorted(models.rglob("walkforward.json")):
        names = None if index.parent == models else (index.parent.name,)
        for one in json.loads(index.read_text())["folds"]:
            out.append(Fold(names, *(nanoseconds(one[key]) for key in ("known_through", "valid_from", "valid_until"))))
    return out


def stitched(models: Path) -> dict[tuple[str, str], float]:
    """(date, symbol) -> forecast, of every forecasts.parquet that a walk-forward has stitched."""
    out: dict[tuple[str, str], float] = {}
    for index in models.rglob("walkforward.json"):
        table = parquet.read_table(index.with_name("forecasts.parquet")).to_pydict()
        keys = zip(map(str, table["date"]), table["symbol"], strict=True)
        out |= dict(zip(keys, table["forecast"], strict=True))
    return out


def known_before(times: Any, symbols: Sequence[str], forecasts: Any, told: Sequence[Fold]) -> list[tuple[int, str]]:
    """(time, symbol) of every forecast that no fold could make without knowing what came then."""
    wrong = []
    for t, i in np.argwhere(np.isfinite(forecasts)):
        time, name = int(times[t]), symbols[i]
        speaks = [f for f in told if (f.symbols is None or name in f.symbols) and f.after < time <= f.until]
        if len(speaks) != 1 or speaks[0].known >= time:
            wrong.append((time, name))
    return wrong


def days(times: Any) -> Any:
    """Dates of daily bars whose times are the midnights that end them."""
    return (times - 1).astype("datetime64[ns]").astype("datetime64[D]")


def journaled(session: Path) -> tuple[Any, Any]:
    """(S,) times of a session's decided slices, and (S, N) forecasts of its one signal."""
    rows = list(journal.read(session / tape.JOURNAL))
    kinds = [(row.kind, row.body["time"]) for row in rows if row.kind in (tape.WARM_UP, tape.SLICE)]
    values = [row.body["values"][0] for row in rows if row.kind == tape.FORECASTS][: len(kinds)]
    decided = [k for k, (kind, _) in enumerate(kinds) if kind == tape.SLICE]
    return np.array([kinds[k][1] for k in decided]), np.array([values[k] for k in decided])
