"""A Result becomes one HTML file: jinja2 with autoescape for words and tables, plotly's own script for the two curves."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import OutputError
from engine.report import charts

if TYPE_CHECKING:
    import pandas as pd

    from engine.result import Result

ROWS = 500  # trades shown; the rest is in trades.parquet
BELIEF = ("sharpe", "sharpe_low", "sharpe_high", "psr", "min_track_record", "trades", "years")
TILES = ("total_return", "cagr", "sharpe", "max_drawdown", "win_rate", "cost_drag")


def write(directory: str | Path) -> Path:
    """The path of report.html, written whole into a run directory; OutputError if it cannot be."""
    from engine.result import Result

    folder = Path(directory)
    page = render(Result.load(folder))
    path, draft = folder / "report.html", folder / ".report.html.part"
    try:
        with draft.open("w", encoding="utf-8") as stream:
            stream.write(page)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(
            f"{path}: the report could not be written ({error.strerror}); make room and run again"
        ) from error
    return path


def render(result: Result) -> str:
    """The report as one document that needs nothing else: no network, no other file."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    here = files("engine.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(here.joinpath("template.html").read_text(encoding="utf-8"))
    return template.render(
        **content(result),
        style=Markup(here.joinpath("style.css").read_text(encoding="utf-8")),
        script=Markup(here.joinpath("page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs()),
        curves=Markup(charts.in_script(charts.curves(result))),
        excursions=Markup(charts.excursions(result)),
    )


def content(result: Result) -> dict[str, Any]:
    """Everything the template prints, as plain text and lists of text."""
    from engine.config.values import dump_yaml

    manifest = result.manifest
    index = result.index
    return {
        "name": result.name,
        "span": f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}" if len(index) else "no slices",
        "slices": f"{len(index):,}",
        "symbols": result.symbols,
        "ended": result.facts.ended,
        "warnings": result.warnings,
        "not_checked": list(manifest.get("not_checked", ())),
        "belief": [row for row in metric_rows(result) if row["name"] in BELIEF],
        "tiles": [row for row in metric_rows(result) if row["name"] in TILES],
        "metrics": metric_rows(result),
        "has_benchmark": bool(result.benchmark_metrics),
        "card": card(result),
        "yaml": dump_yaml(result.config),
        "months": charts.monthly_rows(result),
        "exits": table(result.by_exit_reason.reset_index()),
        "positions": table(result.positions),
        "drawdowns": table(result.drawdowns.head(10)),
        "trades": table(result.trades.tail(ROWS)),
        "trade_count": len(result.trades),
        "rows": ROWS,
        "codes": {half: {word: n for word, n in found.items() if n} for half, found in result.code_counts().items()},
    }


def metric_rows(result: Result) -> list[dict[str, str]]:
    """Every metric: name, label, text, benchmark's text, definition, and why it is undefined where it is."""
    from engine.metrics import DEFINITIONS
    from engine.result import shown

    return [
        {
            "name": name,
            "label": definition.label,
            "text": shown(name, result.metrics.get(name)),
            "benchmark": shown(name, result.benchmark_metrics[name]) if name in result.benchmark_metrics else "",
            "line": definition.line,
            "reason": result.reasons.get(name, ""),
        }
        for name, definition in DEFINITIONS.items()
        if name in result.metrics
    ]


def card(result: Result) -> list[tuple[str, str]]:
    """The run card: where this came from, so that it can be repeated."""
    manifest = result.manifest
    told = manifest.get("data", {})
    rows = [
        ("run", str(manifest.get("run_hash", ""))[:16]),
        ("code", str(manifest.get("code_hash", ""))[:16]),
        ("git commit", str(manifest.get("git_commit") or "none")[:16]),
        ("data", f"{told.get('name', '')}, fingerprint {str(told.get('fingerprint', ''))[:16]}"),
        ("prices, dividends", f"{told.get('prices', '')}, {told.get('dividends', '')}"),
        ("bars a year", f"{result.facts.bars_per_year:,.2f} ({told.get('bars_per_year_source', '')})"),
        ("capital", f"{result.facts.capital:,.2f}"),
        ("seed", str(manifest.get("seed", ""))),
        ("ended", result.facts.ended),
        (
            "smallest decision margin",
            f"{result.facts.margin:.3g}" if result.facts.margin == result.facts.margin else "none",
        ),
        ("overrides", ", ".join(map(str, manifest.get("overrides", ()))) or "none"),
        (
            "plugins",
            ", ".join(f"{k} {str(v)[:12]}" for k, v in dict(manifest.get("plugins", {})).items()) or "built-in",
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in dict(manifest.get("versions", {})).items())),
        ("processor", str(manifest.get("processor", ""))),
    ]
    return [(key, value) for key, value in rows if value]


SIGNED = ("pnl", "return", "average_return")
FRACTIONS = ("win_rate", "average_return", "return", "mae", "mfe", "depth")


def table(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame as header words and rows of (text, kind), kind being num, gain, loss or empty."""
    names = [str(name) for name in frame.columns]
    rows = [
        [cell(name, value) for name, value in zip(names, row, strict=True)] for row in frame.itertuples(index=False)
    ]
    kinds = ["num" if any(row[k][1] for row in rows) else "" for k in range(len(names))]
    return {"head": [name.replace("_", " ") for name in names], "kinds": kinds, "rows": rows}


def cell(name: str, value: Any) -> tuple[str, str]:
    """(text, kind) of one value."""
    import pandas as pd

    if value is None or (not isinstance(value, str | bool) and pd.isna(value)):
        return "", ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}", ""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return ("open" if value else ""), ""
    if isinstance(value, float):
        kind = "num"
        if name in SIGNED and value != 0:
            kind = "gain" if value > 0 else "loss"
        return (f"{value:.2%}" if name in FRACTIONS else f"{value:,.2f}"), kind
    return (f"{value:,}", "num") if isinstance(value, int) else (str(value), "")
