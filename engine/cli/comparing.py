"""barcast compare and barcast export: runs beside each other, and a run for other tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson
from engine.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.result import Result

SHOWN = (
    *("total_return", "cagr", "volatility", "sharpe", "sharpe_low", "sharpe_high", "psr", "sortino", "calmar"),
    *("max_drawdown", "trades", "win_rate", "turnover", "costs_of_capital", "years"),
)


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...", help="run directories, the first is the one to beat; or one session of several"
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show runs beside each other: what differs in them, how they did, and whether the difference is more than chance."""
    from engine.result import Result

    if len(runs) == 1 and is_session(runs[0]):
        from engine.cli.contesting import compare_accounts

        typer.echo(compare_accounts(runs[0], as_json), nl=False)
        return
    if len(runs) < 2:
        raise ConfigError("compare: expected two run directories or more, got one")
    results = [Result.load(run) for run in runs]
    told = compared(results, runs)
    typer.echo(json.dumps({"schema_version": 1, **told}, allow_nan=False) if as_json else text_of(told))


def is_session(folder: str) -> bool:
    """Whether this is a paper session's folder."""
    from pathlib import Path

    return (Path(folder) / "journal" / "journal").exists()


def compared(results: Sequence[Result], names: Sequence[str]) -> dict[str, Any]:
    """The facts of a comparison: verdicts, metrics, keys that differ, and each later run against the first."""
    from pathlib import Path

    from engine.belief import believe_stored
    from engine.rundir import load_robustness

    columns = []
    for result, name in zip(results, names, strict=True):
        found = believe_stored(result, name, load_robustness(name))
        metrics = {key: result.metrics[key] for key in SHOWN}
        columns.append({"run": Path(name).resolve().name, "verdict": found.verdict, "metrics": metrics})
    flat = [
        flattened(result.config) | {"data fingerprint": str(result.manifest.get("data", {}).get("fingerprint"))[:12]}
        for result in results
    ]
    keys = sorted({key for one in flat for key in one if any(other.get(key) != one[key] for other in flat)})
    differs = {key: [one.get(key) for one in flat] for key in keys}
    return {"runs": columns, "differs": differs, "against_first": [beside(results[0], other) for other in results[1:]]}


def flattened(config: Any, path: str = "") -> dict[str, Any]:
    """A configuration by dotted keys."""
    if not isinstance(config, dict):
        return {path: config if isinstance(config, int | float | str | bool | None) else str(config)}
    out: dict[str, Any] = {}
    for key, value in config.items():
        out |= flattened(value, f"{path}.{key}" if path else str(key))
    return out


def beside(first: Result, other: Result) -> dict[str, float | int | None]:
    """The difference of daily returns on the sessions both ran: per year, its t, and how alike they are."""
    import numpy as np

    from engine.export import daily_returns

    one, two = daily_returns(first).align(daily_returns(other), join="inner")
    gap = (two - one).to_numpy()
    out: dict[str, float | int | None] = {"sessions": len(gap), "difference": None, "t": None, "correlation": None}
    spread = float(gap.std(ddof=1)) if len(gap) > 2 else 0.0
    if spread > 1e-12:
        span = (one.index[-1] - one.index[0]).days / 365.25
        out["difference"] = float(gap.mean()) * len(gap) / span if span > 0 else None
        out["t"] = float(gap.mean()) / spread * len(gap) ** 0.5
    if len(gap) > 2 and one.std() > 0 and two.std() > 0:
        out["correlation"] = float(np.corrcoef(one.to_numpy(), two.to_numpy())[0, 1])
    return out


def text_of(told: dict[str, Any]) -> str:
    """A comparison for people."""
    from engine.metrics import DEFINITIONS
    from engine.result import shown

    runs = told["runs"]
    rows = [["", *(one["run"] for one in runs)], ["verdict", *(one["verdict"] for one in runs)]]
    rows += [[DEFINITIONS[key].label, *(shown(key, one["metrics"][key]) for one in runs)] for key in SHOWN]
    rows += [[key, *(str(value) for value in values)] for key, values in told["differs"].items() if key != "name"]
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    for one, found in zip(runs[1:], told["against_first"], strict=True):
        if found["t"] is None:
            lines.append(
                f"\n{one['run']}: the same returns as {runs[0]['run']} on {found['sessions']:,} sessions, or too few"
            )
            continue
        sure = "more than chance" if abs(found["t"]) >= 2.0 else "no more than chance"
        lines.append(
            f"\n{one['run']} against {runs[0]['run']}: {found['difference']:+.1%} a year over {found['sessions']:,} sessions, "
            f"t {found['t']:.1f}, {sure}; correlation {found['correlation']:.2f}"
        )
    return "\n".join(line.rstrip() for line in lines)


def export(
    run: Annotated[str, typer.Argument(help="a run directory")],
    out: Annotated[str | None, typer.Option(help="the folder for the files; else `export` in the run")] = None,
    base: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="where relative paths of the strategy file begin")
    ] = None,
) -> None:
    """Write a run as Parquet for quantstats, alphalens and others."""
    from pathlib import Path

    from engine.export import write
    from engine.report.bars import Bars, find_bars
    from engine.result import Result

    result = Result.load(run)
    bars = find_bars(result, base)
    adjusted = bars.adjusted if isinstance(bars, Bars) else None
    for path in write(result, Path(run) / "export" if out is None else out, adjusted):
        typer.echo(str(path))
    if not isinstance(bars, Bars):
        typer.echo(f"no prices: {bars.why}", err=True)
