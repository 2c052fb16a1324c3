"""A run becomes one HTML file: numbers and pictures from this package, jinja2 with autoescape, plotly's own script.

The page asks nothing of any network, and its Content-Security-Policy says so: only the scripts whose sha256 it names may
run, and nothing may be fetched. With a shared script, one file beside many reports is fetched instead of 4.8 MB in each.
"""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.report import card, dealing, overview, script, skill
from engine.report.bars import Bars, NoBars, find_bars
from engine.report.blocks import Section
from engine.report.checks import Findings
from engine.report.curves import daily
from engine.report.trading import Chart
from engine.report.words import plural
from engine.writing import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from engine.belief import Belief
    from engine.result import Result
    from engine.robust import Robustness

FEW = 3  # instruments that are named in the line under the title
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
STILL = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"  # a page without a script


def write(
    directory: str | Path,
    result: Result | None = None,
    *,
    base: str | Path | None = None,
    shared: bool = False,
    findings: Findings | None = None,
) -> Path:
    """The path of report.html, written whole into a run directory; OutputError if it cannot be, DataError if there is no run.

    `result` is the run that lies there, if it is at hand: its bars need not be read again then. `base` is where relative
    paths of the strategy file begin. With `shared`, plotly's script goes into one file in the folder above.
    """
    from engine.result import Result as Kind
    from engine.rundir import load_robustness

    folder = Path(directory)
    told = Kind.load(folder) if result is None else result
    if findings is None:
        found = load_robustness(folder)
        findings = Findings(robustness=found, belief=judged(told, folder, found))
    where = f"../{share(folder.resolve().parent)}" if shared else None
    page = render(told, find_bars(told, base), shared=where, findings=findings)
    return replace(folder / "report.html", page.encode())


def judged(result: Result, folder: Path, found: Robustness | None) -> Belief | None:
    """The verdict on a run that has a ledger of trials beside its directory; without one the page judges the run alone."""
    from engine.belief import believe_stored
    from engine.belief.search import beside

    return believe_stored(result, folder, found) if beside(folder).is_file() else None


def share(folder: Path) -> str:
    """The name of the file with plotly's script in `folder`, written unless it is there; its name is its contents' hash."""
    from plotly.offline import get_plotlyjs

    source = get_plotlyjs()
    name = f"plotly-{hashlib.sha256(source.encode()).hexdigest()[:16]}.min.js"
    place = folder / name
    if not (place.is_file() and place.stat().st_size == len(source.encode())):
        replace(place, source.encode())
    return name


def render(
    result: Result, bars: Bars | NoBars | None = None, *, shared: str | None = None, findings: Findings | None = None
) -> str:
    """The report as one document. `bars` are found by the result if not given; `shared` is the address of plotly's script."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from engine import __version__

    found = find_bars(result) if bars is None else bars
    charts = dealing.charts(result, found)
    texts = {name: source(f"{name}.js") for name in ("theme", "page")}
    plotly = "" if shared else get_plotlyjs()
    inline = [texts["theme"], texts["page"]] + ([] if shared else [plotly])
    allowed = [script.source_hash(text) for text in inline] + (["'self'", "file:"] if shared else [])
    return (
        environment()
        .get_template("page.html")
        .render(
            name=result.name,
            what="",
            foot="Past results, simulated or not, say little about future ones.",
            strap=strap(result),
            ruined=result.facts.ended == "ruin",
            sections=sections(result, found, charts, findings or Findings()),
            version=__version__,
            policy=POLICY.format(scripts=" ".join(allowed)),
            style=Markup(source("style.css")),
            theme=Markup(texts["theme"]),
            script=Markup(texts["page"]),
            plotly=Markup(plotly),
            shared=shared,
            data=Markup(script.in_script(data(result, charts))),
        )
    )


def sections(result: Result, bars: Bars | NoBars, charts: list[Chart], findings: Findings) -> list[Section]:
    """The page's parts in their order; what other code has found comes before the appendix."""
    return [
        overview.belief(result, findings),
        overview.headline(result),
        overview.equity(result),
        overview.months(result),
        overview.rolling(result),
        dealing.on_candles(result, bars, charts),
        trades(result),
        skill.section(result, bars),
        overview.robustness(result, findings),
        *findings.sections,
        card.metrics(result),
        card.counted(result),
        card.card(result),
    ]


def trades(result: Result) -> Section:
    """Outcomes of the trades, and the lists of them."""
    told = dealing.outcomes(result)
    return Section(told.key, told.title, told.lead, [*told.blocks, *dealing.listed(result)])


def data(result: Result, charts: list[Chart]) -> dict[str, Any]:
    """What the page's script draws."""
    if len(result.facts.times) == 0:
        return {"daily": True, "curves": None, "candles": []}
    candles = [script.candle_data(result, one) for one in charts]
    return {"daily": daily(result.facts), "curves": script.lines(result), "candles": candles}


def strap(result: Result) -> str:
    """One line under the name: span, size, rule."""
    dates, config = result.facts.dates, result.config
    span = f"{dates[0]} to {dates[-1]}" if len(dates) else "no slices"
    told = [span, plural(len(dates), "slice"), who(result.symbols)]
    strategy = config.get("strategy")
    if isinstance(strategy, dict) and strategy.get("rule"):
        told.append(str(strategy["rule"]))
    return " · ".join(told)


def who(symbols: Sequence[str]) -> str:
    """The instruments by name, as long as they are few."""
    return ", ".join(symbols) if 1 <= len(symbols) <= FEW else plural(len(symbols), "instrument")


def document(name: str, what: str, strap: str, sections: Sequence[Section], foot: str) -> str:
    """A page of sections in the style of the report, without a script: everything escaped, nothing fetched."""
    from markupsafe import Markup

    from engine import __version__

    page = environment().get_template("document.html")
    return page.render(
        name=name, what=what, strap=strap, sections=sections, foot=foot, version=__version__, policy=STILL,
        style=Markup(source("style.css")),
    )  # fmt: skip


def environment() -> Environment:
    """jinja2 over the package's templates: everything escaped, an unknown name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("engine.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["explained"] = lambda word: "|" in word
    count = itertools.count(1)
    made.globals["next_id"] = lambda: f"t{next(count)}"
    return made


def source(name: str) -> str:
    """The text of a file among the templates."""
    from importlib.resources import files

    return files("engine.report").joinpath("templates", name).read_text(encoding="utf-8")
