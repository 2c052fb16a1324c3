"""The last sections: all metrics with their definitions, what happened counted, and the run card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.metrics import DEFINITIONS
from engine.report.blocks import Cell, Code, Column, Facts, Fold, Metrics, Pair, Section, Table
from engine.report.overview import benchmark_name
from engine.report.words import num, term

if TYPE_CHECKING:
    from engine.result import Result

GROUPS = {
    "Return": ("total_return", "cagr", "final_equity", "best_bar", "worst_bar", "hit_rate"),
    "Return for risk": (
        "sharpe",
        "sharpe_error",
        "sharpe_low",
        "sharpe_high",
        "psr",
        "min_track_record",
        "sortino",
        "calmar",
        "omega",
    ),
    "Risk": (
        "volatility",
        "max_drawdown",
        "max_drawdown_bars",
        "longest_drawdown_bars",
        "ulcer",
        "var_95",
        "cvar_95",
        "tail_ratio",
        "skew",
        "kurtosis",
    ),
    "Trades": (
        "trades",
        "win_rate",
        "average_win",
        "average_loss",
        "payoff",
        "profit_factor",
        "expectancy",
        "average_trade",
        "average_bars_held",
        "longest_losing_streak",
    ),
    "Positions": (
        "average_gross",
        "average_net",
        "time_in_market",
        "turnover",
        "open_positions",
        "open_value",
        "open_pnl",
    ),
    "Costs": ("fills", "fees", "slippage", "costs", "costs_of_capital", "cost_drag", "dividends", "accrued"),
    "Span": ("slices", "years"),
}


def metrics(result: Result) -> Section:
    """Every metric of engine.metrics, by what it is about."""
    placed = {name for names in GROUPS.values() for name in names}
    rest = {"Other": tuple(name for name in DEFINITIONS if name not in placed)}
    groups = []
    for title, names in (GROUPS | rest).items():
        terms = [term(result, name) for name in names if name in DEFINITIONS and name in result.metrics]
        if terms:
            groups.append((title, terms))
    lead = "Point at a name, or tab to it, for its definition. What is undefined says why."
    if benchmark_name(result):
        lead += " Grey figures are the benchmark's, by the same definitions."
    return Section("metrics", "All metrics", lead, [Metrics(groups, benchmark_name(result))])


def counted(result: Result) -> Section:
    """How often each reason code stands for an instrument and slice."""
    tables = []
    for half, found in result.code_counts().items():
        rows = [[Cell(word), num(f"{n:,}")] for word, n in sorted(found.items(), key=lambda item: -item[1]) if n]
        if rows:
            tables.append(Table((Column(half.capitalize()), Column("", "num")), rows, "", "narrow"))
    lead = "Every instrument on every slice has a reason; barcast explain turns one into a sentence."
    return Section("reasons", "What happened, counted", lead, [Pair(tables)])


def card(result: Result) -> Section:
    """Where the run came from, so that it can be repeated."""
    from engine.config.values import dump_yaml

    lead = "What went in, to the bit: the same configuration, data and code give the same run."
    yaml = Fold("Configuration, every key", [Code(dump_yaml(result.config))])
    return Section("card", "Run card", lead, [Facts(rows(result)), yaml])


def rows(result: Result) -> list[tuple[str, str]]:
    """The run card's lines; what is not known is said so."""
    manifest, facts = result.manifest, result.facts
    told = manifest.get("data", {})
    margin = "no decision was close" if facts.margin != facts.margin else f"{facts.margin:.3g}, in the forecast's unit"
    plugins = ", ".join(f"{name} {str(digest)[:12]}" for name, digest in dict(manifest.get("plugins", {})).items())
    return [
        ("Run", known(manifest.get("run_hash"))),
        ("Code", known(manifest.get("code_hash"))),
        ("Git commit", known(manifest.get("git_commit"))),
        ("Data", f"{known(told.get('name'))}, {known(told.get('first'))} to {known(told.get('last'))}"),
        ("Data fingerprint", known(told.get("fingerprint"))),
        (
            "Prices",
            f"{known(told.get('prices'))}; dividends {known(told.get('dividends'))}; calendar {known(told.get('calendar'))}",
        ),
        (
            "Files of the universe",
            listed(manifest.get("inputs"), "none", lambda v: f"{v.get('file')} {str(v.get('sha256'))[:12]}"),
        ),
        ("Forecasts", listed(manifest.get("forecasts"), "none", lambda v: str(v)[:16])),
        ("Models", listed(manifest.get("models"), "none that says what it has seen", model_words)),
        ("Bars a year", f"{known_number(facts.bars_per_year)} ({known(told.get('bars_per_year_source'))})"),
        ("Capital", f"{facts.capital:,.2f}"),
        ("Seed", known(manifest.get("seed"))),
        ("Ended", facts.ended),
        ("Smallest decision margin", margin),
        ("Overrides", ", ".join(map(str, manifest.get("overrides", ()))) or "none"),
        ("Plugin files", plugins or "none; all are installed ones"),
        (
            "Versions",
            ", ".join(f"{name} {version}" for name, version in dict(manifest.get("versions", {})).items())
            or "not known",
        ),
        ("Processor", known(manifest.get("processor"))),
    ]


def model_words(told: Any) -> str:
    """A model, the last instant it has seen, and the beginning of its sha256."""
    turns = f", {told.get('parts')} in turns" if (told.get("parts") or 0) > 1 else ""
    until = f"knows until {known(told.get('known_through'))}{turns}"
    return f"{told.get('model') or 'given forecasts'} ({until}) {str(told.get('sha256') or '')[:12]}".strip()


def known(value: Any) -> str:
    return "not known" if value is None or value == "" else str(value)


def known_number(value: float) -> str:
    return "not known" if value != value else f"{value:,.2f}"


def listed(found: Any, none: str, words: Any) -> str:
    """A mapping in one line."""
    return (
        ", ".join(f"{key}: {words(value)}" for key, value in found.items())
        if isinstance(found, dict) and found
        else none
    )
