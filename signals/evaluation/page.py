"""evaluation.html: an evaluation as one page in the style of the report, without a script and without the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.report import drawings
from engine.report.blocks import Cell, Code, Column, Facts, Fold, Note, Pair, Section, Table, Unchecked
from engine.report.build import document
from engine.report.words import minus, num, percent, plural
from signals.training import table, targets

Told = Mapping[str, Any]
HOW = {name: how for name, how, _ in (*table.RANKED, *table.CLASSIFIED, *table.PRICED)} | {
    "precision": "{:.2%}",
    "recall": "{:.2%}",
    "negative share": "{:.2%}",
}
FOOT = "Every figure is of dates that the model had not seen; intervals are 95 %."
LISTED = 40  # quarters, features


def render(told: Told) -> str:
    """The page of evaluate(), as plain data or not; the verdict comes first."""
    model = told["model"]
    strap = f"{model['range'][0]} to {model['range'][1]} · {model['rows']:,} forecasts · {plural(model['names'], 'name')} · "
    strap += f"{plural(model['folds'], 'fold')} · {plural(len(model['seeds']), 'seed')}"
    parts = [_verdict(told), _measures(told), _targets(told)]
    if "classes" in told:
        parts.append(_classes(told["classes"]))
    if "prices" in told:
        parts.append(_prices(told["prices"]))
    if "ranking" in told:
        parts.append(_ranking(told["ranking"]))
    parts += [_stability(told), _gap(told), _attribution(told["attribution"]), _what(told)]
    return document(told["name"], "evaluation", strap, parts, FOOT)


def said(name: str, value: Any) -> str:
    """A number as its column shows it; an en dash where it is not known."""
    if value is None or value != value:
        return "–"
    return minus(HOW.get(name, "{:.4g}").format(value))


def between(name: str, one: Told | None) -> str:
    """An interval, or what stands for one."""
    if one is None or one["low"] is None or one["low"] != one["low"]:
        return "–"
    return f"{said(name, one['low'])} to {said(name, one['high'])}"


def _verdict(told: Told) -> Section:
    looks = told["looks"]
    opened = f"The test range was opened {told['at']}; it has been looked at {plural(looks, 'time')} by evaluate."
    if looks > 1:
        opened += " Each look makes it less of a test."
    blocks: list[Any] = [Note(told["verdict"]), Note(opened), *(Note(note) for note in told["notes"])]
    if told["flags"]:
        rows = [[Cell(flag)] for flag in told["flags"]]
        blocks.append(Table((Column(""),), rows, "Red flags"))
    return Section("verdict", "Verdict", "Whether it is worth having, before how good it is.", blocks)


def _measures(told: Told) -> Section:
    shown = told["shown"]
    head = (Column(""), *(Column(name, "num") for name in shown["columns"]))
    rows = []
    for row in shown["rows"]:
        texts = [said(n, v) for n, v in zip(shown["columns"], row["values"], strict=True)]
        if row["spread"]:
            spreads = zip(shown["columns"], row["spread"], strict=True)
            texts = [f"{t} ± {said(n, v).lstrip('+')}" for t, (n, v) in zip(texts, spreads, strict=True)]
        rows.append([Cell(row["name"], "head"), *(num(text) for text in texts)])
    blocks: list[Any] = [Table(head, rows, "Beside the baselines, on the same cells")]
    measured = [
        [Cell(name, "head"), num(said(name, one["value"])), num(between(name, one)), Cell(one["how"], "quiet")]
        for name, one in told["measures"].items()
    ]
    names = (Column(""), Column("value", "num"), Column("95 % interval", "num"), Column("how"))
    blocks.append(Table(names, measured, "How sure they are"))
    if told["against"]:
        keys = list(next(iter(told["against"].values())))
        rows = [
            [
                Cell(name, "head"),
                *(
                    num(
                        f"{apart(key, found[key]['value'])} [{apart(key, found[key]['low'])}, {apart(key, found[key]['high'])}]"
                    )
                    for key in keys
                    if key in found
                ),
            ]
            for name, found in told["against"].items()
        ]
        head = (Column("model less"), *(Column(key, "num") for key in keys))
        blocks.append(Table(head, rows, "Differences, paired by date"))
    lead = "The model, what simpler means forecast for the same names and dates, and how much is chance."
    return Section("measures", "Measures", lead, blocks)


def apart(name: str, value: Any) -> str:
    """A difference, with its sign."""
    text = said(name, value)
    return text if text[0] in "–−+" else f"+{text}"


def _targets(told: Told) -> Section:
    rows = [
        [
            Cell(row["measure"], "head"),
            Cell(row["step"]),
            num(f"{row['wanted']:g}"),
            num("–" if row["value"] is None else minus(f"{row['value']:.4f}")),
            num("–" if row["low"] is None else minus(f"{row['low']:.4f}") + " to " + minus(f"{row['high']:.4f}")),
            Cell(row["state"], "gain" if row["state"] == "met" else "loss" if row["state"] == "missed" else "quiet"),
        ]
        for row in told["targets"]
    ]
    head = [
        Column(w, k)
        for w, k in (("", ""), ("", ""), ("wanted", "num"), ("value", "num"), ("interval", "num"), ("", ""))
    ]
    lead = "Met or missed only where the whole interval is; never a gate, never tuned to."
    return Section("targets", "Targets", lead, [Table(head, rows, empty="The recipe has none.")])


def _classes(told: Told) -> Section:
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
        blocks.append(
            Note(
                f"Expected calibration error {found['error']:.4f}; Brier score {found['brier']:.5f}, of the base rate {found['brier of the base rate']:.5f}."
            )
        )
    return Section(
        "classes", "Up or down", "What it said, what came, and whether a probability means what it says.", blocks
    )


def _prices(told: Told) -> Section:
    keys = list(told["model"])
    rows = [[Cell(key, "head"), *(num(said(key, told[who][key])) for who in ("model", "last price"))] for key in keys]
    head = (Column(""), Column("model", "num"), Column("last price", "num"))
    gaps = [
        [Cell(name, "head"), num(apart(name, one["value"])), num(between(name, one))]
        for name, one in told["difference"].items()
    ]
    blocks = [
        Table(head, rows),
        Table((Column("model less last price"), Column("", "num"), Column("95 %", "num")), gaps),
    ]
    return Section("prices", "Prices", "Errors beside those of saying the last price again.", blocks)


def _ranking(told: Told) -> Section:
    lead = "Forecasts against the return that a decision earns, before any rule or cost."
    if "why" in told:
        return Section("ranking", "Order", lead, [Unchecked("Correlations", told["why"])])
    blocks: list[Any] = []
    if "daily" in told:
        keys = list(told["daily"]["IC"].get("percentiles", {}))
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
            for name, one in told["daily"].items()
        ]
        words = ("mean", "Newey-West t", "sd", "mean / sd", "above 0", *(f"{key} %" for key in keys))
        blocks.append(
            Table((Column(""), *(Column(w, "num") for w in words)), rows, "Daily correlations, and their percentiles")
        )
    else:
        blocks.append(
            Note("Too few names at a time to be ranked against each other: everything is over all cells together.")
        )
    labels = [str(row["slices"]) for row in told["decay"]]
    pairs = [
        (_array(told["decay"], "IC"), _array(told["decay"], "error"), "mark", "IC"),
        (_array(told["decay"], "rank IC"), _array(told["decay"], "rank error"), "markless", "rank IC"),
    ]
    pictures = [
        drawings.whiskers_figure("Decay", "By slices ahead; whiskers are two standard errors", labels, pairs, False)
    ]
    if told["fifths"]:
        parts = [("lowest", "2", "3", "4", "highest")[row["part"] - 1] for row in told["fifths"]]
        bars = [(_array(told["fifths"], "realised"), _array(told["fifths"], "error"), "mark", "realised")]
        pictures.append(
            drawings.whiskers_figure("Return by fifth of the forecasts", "Mean return of a decision", parts, bars, True)
        )
    blocks.append(Pair(pictures))
    decay = [
        [
            num(str(row["slices"])),
            *(num(said("IC", row[key])) for key in ("IC", "error", "rank IC", "rank error")),
            num(f"{row['dates']:,}"),
        ]
        for row in told["decay"]
    ]
    words = ("slices", "IC", "± error", "rank IC", "± error", "dates")
    blocks.append(Table([Column(w, "num") for w in words], decay, "Correlation by horizon"))
    rows = [
        [
            num(str(row["part"])),
            num(f"{_sign(row['predicted'])}"),
            num(_bps(row["realised"])),
            num(_bps(row["error"])),
            num(said("t", row["t"])),
            num(percent(row["hit rate"], 2)),
        ]
        for row in told["fifths"]
    ]
    words = ("fifth", "mean forecast", "realised, bps", "± error", "t", "hit rate")
    blocks.append(
        Table([Column(w, "num") for w in words], rows, "Fifths of the forecasts", empty="too few forecasts for fifths")
    )
    spread = told["spread"]
    facts = [
        ("Hit rate", f"{percent(told['hit rate']['value'], 2)}, {between('hit rate', told['hit rate'])}"),
        ("Spread of forecasts", f"{spread['forecasts']:.4g}; of outcomes {spread['outcomes']:.4g}"),
        ("Share that foretells a rise", percent(spread["above"])),
        ("Different forecasts", f"{spread['distinct']:,} of {told['rows']:,}"),
        (
            "Percentiles of forecasts",
            ", ".join(f"{key} %: {minus(f'{value:.4g}')}" for key, value in spread["quantiles"].items()),
        ),
    ]
    return Section("ranking", "Order", lead, [*blocks, Facts(facts)])


def _stability(told: Told) -> Section:
    judged = told["shown"]["columns"]
    blocks: list[Any] = []
    for title, rows in (("By year", told["by_year"]), ("By sector", told["by_sector"])):
        cells = [
            [Cell(row["name"], "head"), *(num(said(n, row[n])) for n in judged), num(f"{row['rows']:,}")]
            for row in rows
        ]
        head = (Column(""), *(Column(n, "num") for n in judged), Column("rows", "num"))
        blocks.append(
            Table(head, cells, title) if cells else Unchecked(title, "the data does not say who is in which sector")
        )
    quarters = told.get("ranking", {}).get("by_quarter", [])
    if quarters:
        cells = [
            [
                Cell(q["period"], "head"),
                num(said("rank IC", q["rank IC"])),
                num(said("t", q["t"])),
                num(said("IC", q["IC"])),
                num(f"{q['dates']:,}"),
            ]
            for q in quarters
        ]
        words = ("rank IC", "t", "IC", "dates")
        up = sum(1 for q in quarters if q["rank IC"] is not None and q["rank IC"] > 0.0)
        inner = Table((Column(""), *(Column(w, "num") for w in words)), cells)
        blocks.append(Fold(f"By quarter: rank IC above zero in {up} of {len(quarters)}", [inner]))
    return Section("stability", "Stability", "The same measures, part by part.", blocks)


def _gap(told: Told) -> Section:
    names = told["shown"]["columns"]
    rows = [
        [Cell(row["name"], "head"), *(num(said(n, row[n])) for n in names), num(f"{row['rows']:,}")]
        for row in told["gap"]
    ]
    head = (Column(""), *(Column(n, "num") for n in names), Column("rows", "num"))
    lead = "The same model where it was fitted, where it was stopped, and where it is judged; the folds' means."
    return Section("gap", "Seen and unseen", lead, [Table(head, rows, empty="not asked for")])


def _attribution(told: Told) -> Section:
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


def _what(told: Told) -> Section:
    model = told["model"]
    facts = Facts(facts_of(model))
    head = [Column(w) for w in ("fold", "train", "validation", "calibration", "test", "knows until", "weights")]
    rows = [
        [
            Cell(str(k), "head"),
            *(Cell(" to ".join(p["ranges"][part] or ["–"])) for part in ("train", "validation", "calibration", "test")),
            Cell(p["known_through"]),
            Cell(p["weights_sha256"][:12], "quiet"),
        ]
        for k, p in enumerate(model["passports"])
    ]
    columns = Fold(f"{plural(len(model['columns']), 'feature')}", [Code("\n".join(model["columns"]))])
    return Section(
        "what", "What it is", "From its passport.", [facts, Table(head, rows, "Folds of the first seed"), columns]
    )


def facts_of(model: Told) -> Sequence[tuple[str, str]]:
    """What a model is, in lines."""
    net = ", ".join(f"{key} {value}" for key, value in model["architecture"].items())
    return [
        ("Net", net),
        ("Forecasts", f"{model['unit']}; label {model['label']}, {model['horizon']} ahead, target {model['target']}"),
        ("Features", f"{model['features']}, {len(model['columns'])} columns, window {model['window']}"),
        (
            "Judged on",
            f"{model['range'][0]} to {model['range'][1]}, {model['dates']:,} dates, {model['names']:,} names",
        ),
    ]


def _array(rows: Sequence[Told], key: str) -> Any:
    return np.array([np.nan if row[key] is None else float(row[key]) for row in rows])


def _bps(value: Any) -> str:
    return "–" if value is None or value != value else minus(f"{value * 1e4:.2f}")


def _sign(value: Any) -> str:
    return "–" if value is None or value != value else minus(f"{value:.4g}")


def summary(told: Told) -> str:
    """The evaluation for a terminal: the verdict, the table, targets, flags."""
    shown, model = told["shown"], told["model"]
    span = (
        f"{model['range'][0]} to {model['range'][1]}, {model['rows']:,} forecasts of {plural(model['names'], 'name')}"
    )
    rows = [["", *(row["name"] for row in shown["rows"]), "95 % interval"]]
    for k, name in enumerate(shown["columns"]):
        values = [said(name, row["values"][k]) for row in shown["rows"]]
        rows.append([name, *values, between(name, told["measures"].get(name))])
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [told["verdict"], f"{span}; looked at {plural(told['looks'], 'time')}", ""]
    for row in rows:
        texts = [c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True))]
        lines.append("  ".join(texts).rstrip())
    lines += ["", *targets.lines(list(told["targets"]))] if told["targets"] else []
    lines += ["", *(f"flag: {flag}" for flag in told["flags"])] if told["flags"] else []
    if "why" in told["attribution"]:
        lines.append(f"attribution: {told['attribution']['why']}")
    return "\n".join(lines) + "\n"
