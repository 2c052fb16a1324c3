"""The four systems on out-of-sample forecasts alone: a run, a paper session on replay and its proof, as a row of Markdown each."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.config import load
from engine.result import Result
from engine.run import load_panel, make_signals

HEAD = (
    "| system | out of sample | forecasts | headline | Sharpe ratio, 95 % | of the benchmark | return a year | drawdown | trades "
    "| paper: slices, fills | the session's digest is the backtest's |"
)


class System(NamedTuple):
    """A strategy file under configs/strategies, the signal whose model is put in, that model's folder, and the paper session."""

    strategy: str
    signal: str
    model: str
    first: str  # of the paper session
    last: str


SYSTEMS = {
    "A": System("stock-lstm-threshold", "next", "stock_lstm", "2024-01-01", "2024-12-31"),
    "B": System("direction-lstm-quintile", "up", "direction_lstm", "2018-10-01", "2018-12-31"),
    "C": System("rank-lstm-quintile", "rank", "rank_lstm", "2019-01-01", "2019-12-31"),
    "C filtered": System("rank-lstm-filtered", "rank", "rank_lstm", "2019-01-01", "2019-12-31"),
    "D": System("attention-lstm-threshold", "up", "attention_lstm", "2022-01-01", "2023-12-31"),
}


def main() -> None:
    """Print the rows that were asked for; a system whose models are not there is named, and passed over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SYSTEM", help=f"some of {', '.join(SYSTEMS)}; default: all")
    parser.add_argument("--models", default="models", help="where they lie; default: models")
    asked = parser.parse_args()
    print(HEAD)
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in asked.names or SYSTEMS:
        if name not in SYSTEMS:
            parser.error(f"there is no system {name}; there is {', '.join(SYSTEMS)}")
        system = SYSTEMS[name]
        model = Path(asked.models) / system.model
        if not model.is_dir():
            print(f"| {name} | {model} is not there: train it as configs/strategies/{system.strategy}.yaml says |")
            continue
        print(row(name, system, seeded(model)), flush=True)


def seeded(model: Path) -> Path:
    """The first seed's folder, where a walk was made with several."""
    seeds = sorted(model.glob("seed-*"), key=lambda place: int(place.name.removeprefix("seed-")))
    return seeds[0] if seeds else model


def row(name: str, system: System, model: Path) -> str:
    """Run, paper and verify one system."""
    file = f"configs/strategies/{system.strategy}.yaml"
    sets = [f"signals.{system.signal}.model={model.absolute()}", *only(model)]
    return (
        " | ".join(
            [f"| {name}", *told(json.loads(barcast("run", file, "--json", sets=sets))), *replayed(file, sets, system)]
        )
        + " |"
    )


def barcast(*words: str, sets: Sequence[str] = ()) -> str:
    """What the command prints; its complaint ends this program."""
    command = [sys.executable, "-m", "engine.cli", *words, *(part for one in sets for part in ("--set", one))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"barcast {' '.join(words)}: it ended with {done.returncode}")
    return done.stdout


def only(model: Path) -> list[str]:
    """A model per name trades those names alone."""
    names = sorted(place.name for place in model.iterdir() if (place / "walkforward.json").is_file())
    return [f"data.symbols=[{', '.join(names)}]"] if names else []


def told(run: dict[str, Any]) -> list[str]:
    """What the run says of itself."""
    result, m, data = Result.load(run["directory"]), run["metrics"], run["manifest"]["data"]
    forecasts = next(iter(result.forecasts.values()))
    return [
        f"{data['first']} to {data['last']}",
        f"{int(np.isfinite(forecasts).sum()):,}",
        run["belief"]["headline"],
        f"{shown(m['sharpe'])} ({shown(m['sharpe_low'])} to {shown(m['sharpe_high'])})",
        shown(result.benchmark_metrics["sharpe"]),
        percent(m["cagr"]),
        percent(m["max_drawdown"]),
        f"{m['trades']:,}",
    ]


def replayed(file: str, sets: list[str], system: System) -> list[str]:
    """The session's slices and fills, and whether its tape, run again as a backtest, has its digest."""
    live = [
        "feed.source=replay",
        "broker=simulated",
        f"data.start={begin(file, sets, system)}",
        f"data.end={system.last}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/session"
        barcast("paper", file, "--session", place, "--quiet", sets=[*sets, *live])
        found = json.loads(barcast("verify", place, "--json"))
    same = "yes" if found["digest"] == found["backtest"] else "NO"
    return [f"{found['slices'] - found['warm_up']:,}, {found['fills']:,}", f"{same}, {found['digest'][:12]}"]


def begin(file: str, sets: list[str], system: System) -> str:
    """The date from which the signal's window is full just before the session's first date."""
    config = load(file, sets)
    window = max(int(signal.window) for signal in make_signals(config).values())
    dates = load_panel(config).times.astype("datetime64[ns]")
    at = int(np.searchsorted(dates, np.datetime64(system.first)))
    return str(dates[max(0, at - window)])[:10]


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
