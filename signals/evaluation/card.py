"""The model card of an evaluated model, in Markdown: its verdict, what it is, what it has seen, how it did, what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signals.evaluation.words import between, facts_of, said
from signals.training import targets

Told = Mapping[str, Any]
USE = {
    "ranks": "to order names of the universe it was trained on, each day against each other",
    "classes": "to say with which probability a name rises between the two prices of its label",
    "prices": "to foretell the price of the one name it was trained on",
}


def render(told: Told) -> str:
    """The card of evaluate()'s document."""
    model = told["model"]
    first, last = model["passports"][0], model["passports"][-1]
    out = [f"# Model card: {told['name']}", "", f"**{told['verdict']}**", "", "## What it is", ""]
    out += [f"- {name}: {value}" for name, value in facts_of(model)]
    out.append(
        f"- Version {last['model_version']}, trained {last['training_date']}, seeds {', '.join(map(str, model['seeds']))}"
    )
    out += ["", "## Use", "", f"Meant {USE[model['kind']]}, for decisions after {last['known_through']} only."]
    out += [
        "Not meant for other bars, other names or other intervals than those of its passport, nor as advice to anybody."
    ]
    out += ["", "## What it has seen", ""]
    folds = model["folds"]
    if folds > 1:
        out.append(f"{folds} folds; the first and the last:")
        out.append("")
    for p in (first, last) if folds > 1 else (last,):
        spans = ", ".join(f"{name} {span[0]} to {span[1]}" for name, span in p["ranges"].items() if span is not None)
        out.append(f"- {spans}; embargo {p['embargo']} slices; knows prices until {p['known_through']}")
        fit = f"{p['epochs_trained']} epochs, best {p['best_epoch']}"
        out.append(f"  - {fit}; samples {_samples(p['n_samples'])}; losses {_losses(p['losses'])}")
    out += ["", "## How it did", "", *measures(told), ""]
    if told["targets"]:
        out += ["Targets (minimum, target, stretch):", "", *targets.lines(list(told["targets"])), ""]
    out += ["## What speaks against it", ""]
    out += [f"- {flag}" for flag in told["flags"]] or ["- No red flag was raised."]
    out += [f"- {note}" for note in told["notes"]]
    out.append(f"- Dates of its test range have been looked at {told['looks']} time(s), last {told['at']}.")
    out += ["- Costs, borrowing and the size of orders are not in these figures: a backtest has them.", ""]
    versions = ", ".join(f"{name} {number}" for name, number in last["versions"].items())
    out += [
        "## To make it again",
        "",
        f"- Bars {last['data_fingerprint'][:12]}, weights {last['weights_sha256']}",
        f"- {versions}",
    ]
    return "\n".join(out) + "\n"


def measures(told: Told) -> list[str]:
    """The table of measures, with intervals, beside the baselines."""
    shown = told["shown"]
    rows = {row["name"]: row["values"] for row in shown["rows"]}
    out = [
        f"| | {' | '.join([next(iter(rows)), '95 % interval', *list(rows)[1:]])} |",
        f"|---|{'---:|' * (len(rows) + 1)}",
    ]
    for k, name in enumerate(shown["columns"]):
        values = [said(name, one[k]) for one in rows.values()]
        out.append(f"| {name} | {' | '.join([values[0], between(name, told['measures'].get(name)), *values[1:]])} |")
    return out


def _samples(told: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in told.items()) if isinstance(told, Mapping) else f"{told:,}"


def _losses(told: Told) -> str:
    return (
        ", ".join(f"{name.replace('_', ' ')} {value:.5g}" for name, value in told.items() if value is not None)
        or "not kept"
    )
