"""barcast evaluate and barcast compare-models: how trained models did on dates they had not seen."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Quiet

Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override a key of the recipe, such as data.path")
]
At = Annotated[
    str | None, typer.Option(metavar="INSTANT", help="what the log of looks tells as the time; now unless said")
]


def instant_or_now(at: str | None) -> str:
    """What --at says, or this machine's clock."""
    from engine.errors import ConfigError
    from signals.passport import instant
    from signals.training import reporting

    try:
        return reporting.now() if at is None else instant(at)
    except ValueError as error:
        raise ConfigError(f"--at: {error}") from None


def evaluate(
    model: Annotated[str, typer.Argument(help="a model folder, a walk-forward, or a folder of them by seed or symbol")],
    out: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="for evaluation.json, .html and MODEL_CARD.md; MODEL/evaluation"),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="FILE", help="the recipe, where the folder does not hold it")
    ] = None,
    sets: Sets = None,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="a backtest's directory, for targets such as sharpe")
    ] = None,
    baselines: Annotated[bool, typer.Option("--baselines/--no-baselines", help="fit them on the same windows")] = True,
    gap: Annotated[bool, typer.Option("--gap/--no-gap", help="measure on training and validation dates too")] = True,
    attribution: Annotated[bool, typer.Option("--attribution/--no-attribution", help="integrated gradients")] = True,
    at: At = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge a model on dates it has not seen, beside baselines: JSON, a page, and a model card. Opens the test range."""
    import json
    from pathlib import Path

    from engine import writing
    from signals.evaluation import card, page
    from signals.evaluation import evaluate as judging
    from signals.evaluation.subject import open_model, places
    from signals.training import reporting

    now = instant_or_now(at)
    root = Path(model)
    if out is not None:
        writing.check_folder(out)
    found = places(root)
    alone = found == [root]
    texts, lines = [], []
    rooms = [place / "evaluation" if out is None else Path(out) if alone else Path(out) / place.name for place in found]
    for folder in rooms:
        writing.check_folder(folder)
    with reporting.watched(quiet or as_json) as say:
        for place, folder in zip(found, rooms, strict=True):
            subject = open_model(place, recipe, sets or (), say=say)
            options = judging.Options(now, baselines, gap, attribution, run, say)
            told = judging.plain(judging.evaluate(subject, options))
            writing.make(folder)
            texts.append(json.dumps(told, indent=1, allow_nan=False))
            writing.replace(folder / "evaluation.json", (texts[-1] + "\n").encode())
            writing.replace(folder / "evaluation.html", page.render(told).encode())
            writing.replace(folder / "MODEL_CARD.md", card.render(told).encode())
            said = page.summary(told) if alone else f"{place.name}: {told['verdict']}\n  "
            lines.append(f"{said}{folder / 'evaluation.html'}")
    typer.echo("\n".join(lines) if not as_json else texts[0] if alone else f"[{', '.join(texts)}]")


def compare_models(
    models: Annotated[list[str], typer.Argument(metavar="MODEL MODEL...", help="the first is the one to beat")],
    out: Annotated[str, typer.Option(metavar="FOLDER", help="for comparison.json and comparison.html")] = "comparison",
    sets: Sets = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="no date before it")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="no date after it")] = None,
    at: At = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Hold models against each other on the dates that none had seen: JSON and a page. Opens their test ranges.

    Two folders of a model per symbol are compared symbol by symbol.
    """
    import json
    from pathlib import Path

    from engine import writing
    from engine.config.units import date
    from engine.errors import ConfigError
    from signals.evaluation import beside, symbolwise
    from signals.evaluation.compare import compare
    from signals.evaluation.evaluate import plain
    from signals.evaluation.subject import open_model
    from signals.training import reporting

    try:
        span = [None if day is None else date(day) for day in (first, last)]
    except ValueError as error:
        raise ConfigError(f"--from, --to: {error}") from None
    now = instant_or_now(at)
    if len(models) < 2:
        raise ConfigError("compare-models: expected two models or more, got one")
    writing.check_folder(out)
    roots = [Path(model) for model in models]
    each = symbolwise.apart(roots)
    with reporting.watched(quiet or as_json) as say:
        if each:
            told = plain(symbolwise.compare(roots[0], roots[1], now, span, sets or (), say))
        else:
            subjects = [open_model(root, None, sets or (), say=say) for root in roots]
            told = plain(compare(subjects, now, *span))
    folder = writing.make(Path(out))
    text = json.dumps(told, indent=1, allow_nan=False)
    writing.replace(folder / "comparison.json", (text + "\n").encode())
    writing.replace(folder / "comparison.html", (beside.render_symbols(told) if each else beside.render(told)).encode())
    said = beside.text_symbols(told) if each else beside.text(told)
    typer.echo(text if as_json else f"{said}{folder / 'comparison.html'}")
