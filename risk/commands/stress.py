"""barcast stress: a strategy in bad company."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Plugins, Sets


def stress(
    config: Annotated[str, typer.Argument(help="a strategy file")],
    regimes: Annotated[bool, typer.Option("--regimes", help="stretches of history and states of the market")] = False,
    tails: Annotated[bool, typer.Option("--tails", help="value at risk, what lies beyond it, worst slices")] = False,
    scenarios: Annotated[bool, typer.Option("--scenarios", help="shocks to the book of the last slice")] = False,
    assumptions: Annotated[
        bool, typer.Option("--assumptions", help="each assumption moved alone, and the capacity curve")
    ] = False,
    resample: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="run it over N resampled histories of all slices, and of calm, usual and wild ones"
        ),
    ] = 0,
    simulate: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="run it over markets by this simulation file: --resample N of them, else 100"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the histories")] = 0,
    windows: Annotated[
        str | None, typer.Option(help="a YAML list of regimes (name, first, last) instead of the usual ten")
    ] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Regimes, tails, shocks and assumptions of a strategy (all four without an option), and other histories."""
    import json

    from engine import plugins
    from engine.cli.show import talking
    from engine.run import load_config
    from risk.stress import windows as history
    from risk.stress.examine import Asked, as_document
    from risk.stress.examine import stress as examine
    from risk.stress.show import summary

    everything = not (regimes or windows is not None or tails or scenarios or assumptions or resample or simulate)
    plugins.load_files(plugin or [])
    loaded = load_config(config, sets or [])
    stretches = history.read() if windows is None else history.read(windows)
    asked = Asked(
        everything or regimes or windows is not None,
        everything or tails,
        everything or scenarios,
        everything or assumptions,
        resample,
        seed,
        simulate,
        resample or 100,
    )
    with talking(as_json) as say:
        done = examine(loaded, stretches, asked, say=say)
    typer.echo(json.dumps(as_document(done)) + "\n" if as_json else summary(done), nl=False)
