"""What is known of the signals in use, as tables and facts of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.inuse import fit, skill
from engine.inuse.telling import promised, spread
from engine.inuse.watched import DRIFTED
from engine.report.blocks import Cell, Column, Table
from engine.report.words import minus, minus_signs, num, number, percent, plural
from engine.web import words

if TYPE_CHECKING:
    from engine.web.tap import Standing

SIGNALS = 8  # shown
Context = dict[str, Any]


def models(standing: Standing | None) -> Context:
    """Alarms that stand, and every signal's facts."""
    if standing is None:
        return {"alarms": [], "signals": []}
    alarms = [
        {
            "time": "" if one["time"] is None else f"{words.utc(one['time'])} UTC",
            "words": minus_signs(words.line(str(one["words"]))),
        }
        for one in standing.alarms
    ]
    return {"alarms": alarms, "signals": [signal(one) for one in standing.signals[:SIGNALS]]}


def signal(one: Mapping[str, Any]) -> Context:
    """Facts of one signal."""
    said, away, earned, odds = one["forecasts"], one["drift"], one["skill"], one["probabilities"]
    since = (
        f"{plural(one['slices'], 'slice')} since {words.utc(one['since'])} UTC" if one["slices"] else "nothing said yet"
    )
    rows = [
        fact("Age", aged(one["age"]), "old" in one["complaints"]),
        fact("Forecasts", f"{said['count']:,}; {percent(said['missing'])} of the names with a bar had none"),
        fact("Drift", drifting(away), away["state"] == DRIFTED),
        fact(measured(earned), f"{spread(earned)}: {promised(earned)}", earned["verdict"] == skill.WORSE),
    ]
    if odds is not None:
        rows.append(fact("Probabilities", probable(odds), odds["verdict"] == fit.WORSE))
    rows += [fact("Reproach", told, True) for what, told in one["complaints"].items() if what in ("stuck", "silent")]
    return {
        "name": one["signal"],
        "small": " · ".join(part for part in (one["unit"], one["model"][:12], since) if part),
        "rows": rows,
        "distribution": distribution(said, away, one["unit"]) if said["count"] else None,
        "bins": None if not odds or not odds.get("bins") else binned(odds),
    }


def fact(name: str, text: str, bad: bool = False) -> Context:
    return {"name": name, "text": minus_signs(text), "bad": bad}


def measured(earned: Mapping[str, Any]) -> str:
    """The name of what is measured."""
    name = str(earned["measure"])
    return name[0].upper() + name[1:]


def aged(age: Mapping[str, Any]) -> str:
    """How long ago what the model knows ends."""
    if age["days"] is None:
        return "not known: the signal does not say what it has seen"
    tried = "" if age["cadence_days"] is None else f"; it was tried for {age['cadence_days']:,.0f} days at a time"
    return f"it knows nothing of the last {age['days']:,.0f} days{tried}"


def drifting(away: Mapping[str, Any]) -> str:
    """The state, and how far."""
    if "distance" not in away:
        return f"{away['state']}: {away['why']}" if away.get("why") else str(away["state"])
    return (
        f"{away['state']}: {percent(away['here'], 0)} lie at or below {away['at']:.4g}, in {away['reference']} "
        f"{percent(away['there'], 0)}; the forecasts are worth {away['independent']:,.0f} independent ones"
    )


def probable(odds: Mapping[str, Any]) -> str:
    """The verdict and its numbers."""
    if "brier" not in odds:
        return str(odds["verdict"])
    slope = odds["slope"]
    ends = "" if slope["low"] is None else f" ({slope['low']:.2f} to {slope['high']:.2f})"
    steep = "" if slope["value"] is None else f"; slope of reliability {slope['value']:.2f}{ends}, 1 is right"
    was = odds["promised"]
    given = "" if was is None else f"; promised {was['brier']:.4f} against {was['brier_base']:.4f}"
    return f"{odds['verdict']}: Brier {odds['brier']:.4f} against {odds['brier_base']:.4f}{given}{steep}"


def distribution(said: Mapping[str, Any], away: Mapping[str, Any], unit: str) -> Table:
    """Mean, deviation and quantiles of the forecasts beside the reference's."""
    names = list(said["quantiles"])
    head = [
        Column("Of"),
        Column("Mean", "num"),
        Column("Deviation", "num"),
        *(Column(name, "num") for name in names),
    ]

    def cell(value: float | None) -> Cell:
        return num("–" if value is None else minus(words.forecast(value, unit)))

    rows = [
        [Cell("since it began", "head"), cell(said["mean"]), cell(said["sd"]), *map(cell, said["quantiles"].values())]
    ]
    if "reference" in away:
        there = [cell(away["reference_quantiles"].get(name)) for name in names]
        rows.append([Cell(away["reference"], "head"), cell(away["reference_mean"]), cell(away["reference_sd"]), *there])
    return Table(head, rows, "How forecasts are spread")


def binned(odds: Mapping[str, Any]) -> Table:
    """How often what was called so likely came."""
    head = [
        Column("Said", "num"),
        Column("Happened", "num"),
        Column("95 % interval", "num"),
        Column("Forecasts", "num"),
    ]
    rows = [
        [
            num(percent(b["said"])), num(percent(b["happened"])), num(f"{percent(b['low'])} to {percent(b['high'])}"),
            num(number(b["count"], 0)),
        ]
        for b in odds["bins"]
    ]  # fmt: skip
    return Table(head, rows, "Probabilities and how often it happened")
