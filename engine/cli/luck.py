"""barcast overfitting, barcast chance and barcast cpcv: what selection, a short sample and chance leave of a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.options import AsJson, Plugins, Quiet, Sets

if TYPE_CHECKING:
    from collections.abc import Sequence

Seed = Annotated[int, typer.Option(min=0, help="the same seed draws the same")]


def overfitting(
    run: Annotated[str, typer.Argument(help="a run directory; its ledger of trials lies beside it")],
    paths: Annotated[int, typer.Option(min=100, help="histories to resample")] = 2000,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Deflate a run by its trials: deflated Sharpe, PBO, SPA, and what else its returns could have shown."""
    from engine.belief.search import known
    from engine.cli.show import talking
    from engine.luck import examined
    from engine.result import Result

    with talking(quiet or as_json) as say:
        result = Result.load(run)
        told = examined(result, known(result, run)[0], paths, seed, lambda k, n: say(f"history {k:,} of {n:,}"))
    typer.echo(json.dumps({"schema_version": 1, **told}, allow_nan=False) if as_json else examined_text(told))


def chance(
    config: Annotated[str, typer.Argument(help="the strategy file")],
    sets: Sets = None,
    plugin: Plugins = None,
    count: Annotated[int, typer.Option(min=19, help="how many times chance may try")] = 200,
    how: Annotated[str, typer.Option(help="rearrange forecasts by names, by time, or auto")] = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a strategy on its own forecasts rearranged, and hold it against random portfolios as large and as busy."""
    from engine import run
    from engine.cli.show import talking
    from engine.luck import against_chance
    from engine.plugins import load_files

    with talking(quiet or as_json) as say:
        load_files(plugin or ())
        loaded = run.load_config(config, sets or ())
        inputs = run.prepare(loaded, None, None, say)
        told = against_chance(loaded, inputs, count, how, seed, lambda k, n: say(f"chance {k:,} of {n:,}"))
    typer.echo(json.dumps({"schema_version": 1, **told}, allow_nan=False) if as_json else chance_text(told))


def cpcv(
    config: Annotated[str, typer.Argument(help="the strategy file; one signal of it is precomputed")],
    forecasts: Annotated[
        list[str], typer.Argument(help="the folder of a walk-forward of scheme cpcv, or a Parquet file per split")
    ],
    groups: Annotated[int | None, typer.Option(help="of files: parts the slices are cut into")] = None,
    test_groups: Annotated[int | None, typer.Option(help="of files: how many a split sets aside")] = None,
    signal: Annotated[str | None, typer.Option(help="whose forecasts they are; the only precomputed one")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a strategy over every path of a combinatorial cross-validation; one fixed forecast is refused."""
    from engine import run
    from engine.cli.show import talking
    from engine.crossed import crossed
    from engine.plugins import load_files

    with talking(quiet or as_json) as say:
        load_files(plugin or ())
        loaded = run.load_config(config, sets or ())
        told = crossed(loaded, forecasts, groups, test_groups, signal, lambda k, n: say(f"path {k:,} of {n:,}"))
    typer.echo(json.dumps({"schema_version": 1, **told}, allow_nan=False) if as_json else crossed_text(told))


def lines_of(rows: Sequence[tuple[str, str]]) -> str:
    wide = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{wide}}  {text}".rstrip() for name, text in rows)


def figure(value: float | None, form: str = ".2f") -> str:
    return "n/a" if value is None else format(value, form)


def sure(chance: float | None) -> str:
    """A probability that is never told as certainty."""
    return ">99.99%" if chance is not None and chance > 0.9999 else figure(chance, ".2%")


def examined_text(told: dict[str, Any]) -> str:
    """The examination for people."""
    reasons: dict[str, str] = told["reasons"]
    rows = [
        ("Sharpe", figure(told["sharpe"])),
        ("probabilistic Sharpe", sure(told["psr"])),
        ("minimum track record", f"{figure(told['min_track_record'])} years; there are {figure(told['years'])}"),
    ]
    if told["trials"] == 1:
        rows.append(("trials", "1, so there is nothing to deflate"))
    else:
        worth = figure(told["effective"], ".1f")
        rows += [
            ("trials", f"{told['trials']:,} on these bars{otherwise(told)}, worth {worth} independent ones"),
            ("best of them by chance", f"Sharpe {figure(told['hurdle'])}"),
            ("deflated Sharpe", sure(told["dsr"])),
            ("minimum backtest length", f"{figure(told['min_backtest_years'])} years for a chance Sharpe of 1"),
        ]
    if (one := told["interval"]) is not None:
        what = f"{figure(one['low'])} to {figure(one['high'])}, blocks of {one['block']:.1f} slices"
        rows.append(("Sharpe, bootstrap 95 %", what))
    if (one := told["histories"]) is not None:
        growth, fall = one["growth"], one["drawdown"]
        rows.append(
            (f"{one['reps']:,} other histories", f"{one['loses']:.1%} lose; growth {growth[0]:.2f} to {growth[2]:.2f}")
        )
        rows.append(("", f"deepest drawdown {fall[1]:.1%} in the middle, {fall[0]:.1%} in the worst 1 of 20"))
    if told["trials"] > 1 and (cut := narrowed(told["shared"])) is not None:
        rows.append(("PBO and SPA", cut))
    if (one := told["pbo"]) is not None:
        rows.append(
            ("overfitting (PBO)", f"{one['pbo']:.1%} over {one['trials']:,} trials; {one['by_chance']:.1%} by chance")
        )
    if (one := told["spa"]) is not None:
        p = one["p"]
        told_p = f"p {p['consistent']:.3f} ({p['lower']:.3f} to {p['upper']:.3f})"
        rows.append(("superior ability (SPA)", f"{told_p} that no trial beats {one['against'].replace('_', ' ')}"))
    rows += [(name, f"n/a: {why}") for name, why in reasons.items()]
    return lines_of(rows)


def otherwise(told: dict[str, Any]) -> str:
    """How many of the trials were on other cuts or copies of the bars."""
    others = told["trials"] - told["here"]
    return f", {others:,} of them cut or copied otherwise" if others else ""


def narrowed(one: dict[str, Any]) -> str | None:
    """That only some trials or slices stand side by side; None where all do."""
    if not one["left_out"] and not one["cut"]:
        return None
    count = one["trials"] + one["left_out"]
    left = f"; {one['left_out']:,} share less than half of its slices and are left out" if one["left_out"] else ""
    span = f"{one['points']:,} slices from {one['first']} to {one['last']}"
    return (
        f"{one['trials']:,} of {count:,} trials, on the {span} that they share, {one['cut']:,} fewer than the run{left}"
    )


def crossed_text(told: dict[str, Any]) -> str:
    """The paths for people."""
    rows = [("path", "Sharpe   total return   deepest drawdown")]
    for k, one in enumerate(told["paths"]):
        gain, fall = figure(one["total_return"], ".1%"), figure(one["max_drawdown"], ".1%")
        rows.append((str(k), f"{figure(one['sharpe']):>6}   {gain:>12}   {fall:>16}"))
    if (spread := told["sharpe"]) is None:
        return lines_of([*rows, ("Sharpe", f"n/a: {told['reason']}")])
    middle = f"mean {figure(spread['mean'])}, sd {figure(spread['sd'])}, middle {figure(spread['middle'])}"
    ends = f"{figure(spread['low'])} to {figure(spread['high'])} in nine of ten; {spread['loses']:.0%} at 0 or below"
    rows += [("Sharpe", middle), ("", ends)]
    rows.append(("", "paths share their bars and most of what was learnt: this is no confidence interval"))
    return lines_of(rows)


def chance_text(told: dict[str, Any]) -> str:
    """The comparison with chance for people."""
    rows = [("Sharpe", figure(told["sharpe"]))]
    for key, label in (("permutation", "its forecasts rearranged by"), ("random", "random portfolios")):
        one = told[key]
        name = f"{label} {one['how']}" if key == "permutation" else label
        if one["p"] is None:
            rows.append((name, f"n/a: {one.get('reason', 'undefined')}"))
            continue
        spread = f"Sharpe {figure(one['low'])} to {figure(one['high'])}, middle {figure(one['middle'])}"
        rows.append((name, f"{spread}; p {one['p']:.3f}"))
        if key == "random":
            traded = f"traded a slice {one['traded']:.2%}, theirs {one['traded_theirs']:.2%}"
            gross = f"exposure {one['gross']:.2f}, theirs {one['gross_theirs']:.2f}"
            rows.append(("", f"its own, so worked out, {figure(one['sharpe'])}; {traded}; {gross}"))
    return lines_of(rows)
