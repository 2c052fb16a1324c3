"""comparison.html and its text: models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.report.blocks import Cell, Column, Note, Section, Table
from engine.report.build import document
from engine.report.words import num, plural
from signals.evaluation.words import apart, between, said

Told = Mapping[str, Any]
FOOT = "Only dates that none of the models had seen, and only what all of them forecast; intervals are 95 %."


def render(told: Told) -> str:
    """The page of compare()'s document."""
    span = f"{told['range'][0]} to {told['range'][1]}"
    strap = (
        f"{span} · {told['rows']:,} forecasts each · {plural(told['dates'], 'date')} · {plural(told['names'], 'name')}"
    )
    names = list(told["models"][0]["measures"])
    head = (Column(""), *(Column(one["model"], "num") for one in told["models"]))
    rows = [
        [
            Cell(name, "head"),
            *(
                num(f"{said(name, one['measures'][name]['value'])} ({between(name, one['measures'][name])})")
                for one in told["models"]
            ),
        ]
        for name in names
    ]
    sections = [
        Section(
            "verdict",
            "Verdict",
            "",
            [Note(told["verdict"]), Note(f"Held against each other by {told['by']}; opened {told['at']}.")],
        ),
        Section("measures", "Measures", "On the same cells, with 95 % intervals.", [Table(head, rows)]),
    ]
    gaps = [
        [
            Cell(one["model"], "head"),
            Cell(name),
            num(apart(name, gap["value"])),
            num(f"{apart(name, gap['low'])} to {apart(name, gap['high'])}"),
            Cell(gap["how"], "quiet"),
        ]
        for one in told["against_first"]
        for name, gap in one["differences"].items()
    ]
    words = (Column(""), Column(""), Column("difference", "num"), Column("95 % interval", "num"), Column("how"))
    lead = f"Each less {told['models'][0]['model']}, paired by date."
    sections.append(Section("differences", "Differences", lead, [Table(words, gaps)]))
    return document("Models compared", "comparison", strap, sections, FOOT)


def text(told: Told) -> str:
    """The same for a terminal."""
    names = list(told["models"][0]["measures"])
    rows = [["", *(one["model"] for one in told["models"])]]
    rows += [[name, *(said(name, one["measures"][name]["value"]) for one in told["models"])] for name in names]
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    span = f"{told['range'][0]} to {told['range'][1]}, {told['rows']:,} forecasts each"
    return "\n".join([told["verdict"], span, "", *(line.rstrip() for line in lines)]) + "\n"


def render_symbols(told: Told) -> str:
    """The page of symbolwise.compare()'s document."""
    judged = told["judged by"]
    head = (
        Column("symbol"), Column("dates"), Column("forecasts", "num"), Column(f"{judged}, {told['first']}", "num"),
        Column(f"{judged}, {told['second']}", "num"), Column("difference", "num"), Column("95 % interval", "num"), Column(""),
    )  # fmt: skip
    tones = {"better": "gain", "worse": "loss"}
    rows = [
        [
            Cell(row["symbol"], "head"), Cell(" to ".join(row["range"])), num(f"{row['rows']:,}"),
            *(num(text) for text in judgement(row)), Cell(row["state"], tones.get(row["state"], "quiet")),
        ]
        for row in told["symbols"]
    ]  # fmt: skip
    notes = [Note(told["verdict"]), Note(f"Opened {told['at']}."), *(Note(line) for line in left_out(told))]
    lead = f"{told['second']} less {told['first']}, on the dates that both forecast, in each symbol's own unit."
    sections = [Section("verdict", "Verdict", "", notes), Section("symbols", "Symbols", lead, [Table(head, rows)])]
    return document("Models compared", "comparison", plural(len(rows), "symbol"), sections, FOOT)


def text_symbols(told: Told) -> str:
    """The same for a terminal."""
    rows = [["symbol", told["first"], told["second"], "difference", "95 % interval", ""]]
    rows += [[row["symbol"], *judgement(row), row["state"]] for row in told["symbols"]]
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k in (0, 5) else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True)))
        for row in rows
    ]
    return "\n".join([told["verdict"], "", *(line.rstrip() for line in lines), *left_out(told)]) + "\n"


def judgement(row: Told) -> list[str]:
    """A symbol's measure by either model, the difference and its interval."""
    name = row["judged by"]
    gap = row["differences"].get(name, {"value": None, "low": None, "high": None})
    values = [said(name, model["measures"][name]["value"]) for model in row["models"]]
    return [*values, apart(name, gap["value"]), f"{apart(name, gap['low'])} to {apart(name, gap['high'])}"]


def left_out(told: Told) -> list[str]:
    """Which symbols are not compared, and why."""
    out = [f"{row['symbol']} is not compared: {row['why']}" for row in told["refused"]]
    for who in ("first", "second"):
        if told[f"only_{who}"]:
            out.append(f"Only {told[who]} has {', '.join(told[f'only_{who}'])}.")
    return out
