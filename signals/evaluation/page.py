"""evaluation.html: an evaluation as one page in the style of the report, without a script and without the network."""

from __future__ import annotations

from typing import Any

from engine.report.blocks import Cell, Code, Column, Facts, Fold, Note, Section, Table, Unchecked
from engine.report.build import document
from engine.report.words import minus, num, plural
from signals.evaluation.parts import attribution, classes, prices, ranking
from signals.evaluation.words import Told, apart, between, facts_of, said
from signals.training import targets

FOOT = "Every figure is of dates that the model had not seen; intervals are 95 %."


def render(told: Told) -> str:
    """The page of evaluate(), as plain data or not; the verdict comes first."""
    model = told["model"]
    strap = f"{model['range'][0]} to {model['range'][1]} · {model['rows']:,} forecasts · {plural(model['names'], 'name')} · "
    strap += f"{plural(model['folds'], 'fold')} · {plural(len(model['seeds']), 'seed')}"
    parts = [_verdict(told), _measures(told), _targets(told)]
    if "classes" in told:
        parts.append(classes(told["classes"]))
    if "prices" in told:
        parts.append(prices(told["prices"]))
    if "ranking" in told:
        parts.append(ranking(told["ranking"]))
    parts += [_stability(told), _gap(told), attribution(told["attribution"]), _what(told)]
    return document(told["name"], "evaluation", strap, parts, FOOT)


def _verdict(told: Told) -> Section:
    looks = told["looks"]
    opened = f"The test range was opened {told['at']}; its dates have been looked at {plural(looks, 'time')}."
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
