"""The parts of evaluation.html that only some models have: classes, prices, an order of names, attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.report import drawings
from engine.report.blocks import Cell, Column, Facts, Figure, Note, Pair, Section, Table, Unchecked
from engine.report.words import minus, num, percent
from signals.evaluation.words import Told, apart, between, bps, said, short

LISTED = 40  # features


def classes(told: Told) -> Section:
    matrix = [
        [Cell("it went up", "head"), num(f"{told['confusion']['tp']:,}"), num(f"{told['confusion']['fn']:,}")],
        [Cell("it went down", "head"), num(f"{told['confusion']['fp']:,}"), num(f"{told['confusion']['tn']:,}")],
    ]
    head = (Column(""), Column("said up", "num"), Column("said down", "num"))
    shares = [
        [
            Cell(name, "head"),
            num(percent(one["value"], 2)),
            num(f"{percent(one['low'], 2)} to {percent(one['high'], 2)}"),
            num(f"{one['count']:,}"),
        ]
        for name, one in told["confusion"]["shares"].items()
    ]
    names = (Column(""), Column("share", "num"), Column("Wilson 95 %", "num"), Column("of", "num"))
    blocks: list[Any] = [Pair([Table(head, matrix, "Confusion"), Table(names, shares, "Its shares")])]
    found = told["reliability"]
    if found is None:
        blocks.append(Unchecked("Reliability", "fewer than 30 probabilities have an outcome"))
    else:
        bins = [one for one in found["bins"] if one["count"]]
        arrays = (np.array([float(b[key]) for b in bins]) for key in ("forecast", "happened", "low", "high", "count"))
        rows = [
            [
                Cell(f"{percent(b['from'], 0)} to {percent(b['to'], 0)}", "head"),
                num(f"{b['count']:,}"),
                num(percent(b["forecast"])),
                num(percent(b["happened"])),
                num(f"{percent(b['low'])} to {percent(b['high'])}"),
            ]
            for b in bins
        ]
        words = (("probability", ""), ("forecasts", "num"), ("mean", "num"), ("came", "num"), ("95 %", "num"))
        blocks.append(
            Pair([drawings.reliability_figure(*arrays), Table([Column(w, k) for w, k in words], rows, "Reliability")])
        )
        brier = f"Brier score {found['brier']:.5f}, of the base rate {found['brier of the base rate']:.5f}"
        blocks.append(Note(f"Expected calibration error {found['error']:.4f}; {brier}."))
    return Section(
        "classes", "Up or down", "What it said, what came, and whether a probability means what it says.", blocks
    )


def prices(told: Told) -> Section:
    keys = list(told["model"])
    rows = [[Cell(key, "head"), *(num(said(key, told[who][key])) for who in ("model", "last price"))] for key in keys]
    head = (Column(""), Column("model", "num"), Column("last price", "num"))
    gaps = [
        [Cell(name, "head"), num(apart(name, one["value"])), num(between(name, one))]
        for name, one in told["difference"].items()
    ]
    blocks: list[Any] = [
        Table(head, rows),
        Table((Column("model less last price"), Column("", "num"), Column("95 %", "num")), gaps),
    ]
    one = told["rule"]
    if one["sharpe"] is not None:
        sharpe = f"Sharpe {one['sharpe']:.2f} ± {one['error']:.2f} a year (one standard error)"
        span = f"{one['dates']:,} dates in {one['folds']} folds, held {percent(one['held'])} of the time"
        text = f"Long while a rise is foretold, before any cost: {sharpe}, {span}."
        blocks.append(Note(text))
    return Section("prices", "Prices", "Errors beside those of saying the last price again.", blocks)


def ranking(told: Told) -> Section:
    lead = "Forecasts against the return that a decision earns, before any rule or cost."
    if "why" in told:
        return Section("ranking", "Order", lead, [Unchecked("Correlations", told["why"])])
    narrow = "Too few names at a time to be ranked against each other: everything is over all cells together."
    first = daily(told["daily"]) if "daily" in told else Note(narrow)
    return Section("ranking", "Order", lead, [first, Pair(pictures(told)), *tables(told), spread(told)])


def daily(told: Told) -> Table:
    """IC and rank IC by date: mean, error, percentiles."""
    keys = list(told["IC"].get("percentiles", {}))
    rows = [
        [
            Cell(name, "head"),
            num(said("IC", one["mean"])),
            num(said("t", one["t"])),
            num(said("IC", one["sd"])),
            num(said("ICIR", one["ratio"])),
            num(percent(one.get("above_zero"))),
            *(num(said("IC", one.get("percentiles", {}).get(key))) for key in keys),
        ]
        for name, one in told.items()
    ]
    words = ("mean", "Newey-West t", "sd", "mean / sd", "above 0", *(f"{key} %" for key in keys))
    return Table((Column(""), *(Column(w, "num") for w in words)), rows, "Daily correlations, and their percentiles")


def pictures(told: Told) -> list[Figure]:
    """Decay, and what came by fifth."""
    labels = [str(row["slices"]) for row in told["decay"]]
    pairs = [
        (_array(told["decay"], "IC"), _array(told["decay"], "error"), "mark", "IC"),
        (_array(told["decay"], "rank IC"), _array(told["decay"], "rank error"), "markless", "rank IC"),
    ]
    out = [drawings.whiskers_figure("Decay", "By slices ahead; whiskers are two standard errors", labels, pairs, False)]
    if told["fifths"]:
        parts = [("lowest", "2", "3", "4", "highest")[row["part"] - 1] for row in told["fifths"]]
        bars = [(_array(told["fifths"], "realised"), _array(told["fifths"], "error"), "mark", "realised")]
        out.append(
            drawings.whiskers_figure("Return by fifth of the forecasts", "Mean return of a decision", parts, bars, True)
        )
    return out


def tables(told: Told) -> list[Table]:
    """The numbers behind the pictures."""
    decay = [
        [
            num(str(row["slices"])),
            *(num(said("IC", row[key])) for key in ("IC", "error", "rank IC", "rank error")),
            num(f"{row['dates']:,}"),
        ]
        for row in told["decay"]
    ]
    words = ("slices", "IC", "± error", "rank IC", "± error", "dates")
    first = Table([Column(w, "num") for w in words], decay, "Correlation by horizon")
    rows = [
        [
            num(str(row["part"])),
            num(f"{short(row['predicted'])}"),
            num(bps(row["realised"])),
            num(bps(row["error"])),
            num(said("t", row["t"])),
            num(percent(row["hit rate"], 2)),
        ]
        for row in told["fifths"]
    ]
    words = ("fifth", "mean forecast", "realised, bps", "± error", "t", "hit rate")
    empty = "too few forecasts for fifths"
    return [first, Table([Column(w, "num") for w in words], rows, "Fifths of the forecasts", empty=empty)]


def spread(told: Told) -> Facts:
    """How often the direction was right, and how far forecasts lie apart."""
    found = told["spread"]
    facts = [
        ("Hit rate", f"{percent(told['hit rate']['value'], 2)}, {between('hit rate', told['hit rate'])}"),
        ("Spread of forecasts", f"{found['forecasts']:.4g}; of outcomes {found['outcomes']:.4g}"),
        ("Share that foretells a rise", percent(found["above"])),
        ("Different forecasts", f"{found['distinct']:,} of {told['rows']:,}"),
        (
            "Percentiles of forecasts",
            ", ".join(f"{key} %: {minus(f'{value:.4g}')}" for key, value in found["quantiles"].items()),
        ),
    ]
    return Facts(facts)


def attribution(told: Told) -> Section:
    lead = "Integrated gradients: what moves the net's output, in shares of all movement."
    if "why" in told:
        return Section("attribution", "Attribution", lead, [Unchecked("Attribution", told["why"])])
    thirds = [[Cell(one["third"], "head"), Cell(one["slices"]), num(percent(one["share"]))] for one in told["thirds"]]
    features = [
        [Cell(one["feature"], "head"), num(percent(one["share"])), num(minus(f"{one['mean']:.4g}"))]
        for one in told["features"][:LISTED]
    ]
    named = (Column("feature"), Column("share", "num"), Column("mean, signed", "num"))
    blocks = [
        Pair(
            [
                Table(named, features, "By feature"),
                Table((Column("third"), Column("slices"), Column("share", "num")), thirds, "By lag"),
            ]
        ),
        Note(
            f"{told['windows']:,} windows; what the attributions miss of the change of the output: {percent(told['gap'], 2)}."
        ),
    ]
    return Section("attribution", "Attribution", lead, blocks)


def _array(rows: Sequence[Told], key: str) -> Any:
    return np.array([np.nan if row[key] is None else float(row[key]) for row in rows])
