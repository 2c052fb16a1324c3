"""What `barcast paper A B` does and prints, and what the other commands say of a session of several accounts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError
from engine.live.clock import SystemClock

if TYPE_CHECKING:
    from engine.cli.watching import PageOptions
    from engine.live.contest import Contest
    from engine.web.serve import Page

SHOWN = (
    ("equity", "Equity"),
    ("return", "Return since the start"),
    ("volatility", "Volatility, a year"),
    ("drawdown", "Deepest drawdown"),
    ("fills", "Fills"),
)


def run_contest(
    configs: Sequence[str],
    folder: str | None,
    sets: Sequence[str],
    plugins: Sequence[str],
    quiet: bool,
    page: PageOptions | None = None,
    backtests: Sequence[str] = (),
    notify: str | None = None,
) -> str:
    """Run several files on one feed to its end; what to print then. Each account has a page of its own."""
    from engine.cli.alarming import alarming, told_to
    from engine.cli.show import talking
    from engine.cli.watching import ENDINGS, EVERY, linger, lit, stopping
    from engine.live.logs import logging_to
    from engine.live.outlook import outlook
    from engine.live.paper import open_contest
    from engine.live.several import ContestReporter, merged
    from engine.live.status import lines_of

    clock = SystemClock()
    if page is not None:
        from engine.web.serve import check_installed

        check_installed()
    words = told_to(notify)
    with talking(quiet) as say:
        contest = open_contest(configs, folder, sets=sets, plugins=plugins, backtests=backtests, clock=clock, say=say)
    with ExitStack() as around:
        logger = around.enter_context(logging_to(contest.folder, sys.stderr if not quiet else None))
        for name, session in contest.sessions.items():
            session.log = logged(logger, name)
        stop, show = around.enter_context(stopping()), around.enter_context(lit(quiet))
        pages = {} if page is None else shown(contest, page, logger, clock, around)
        reporter = ContestReporter(contest, clock, EVERY, show)
        lookers = [around.enter_context(alarming(session, clock, words)) for session in contest.sessions.values()]

        def each(contest: Contest) -> None:
            for looker in lookers:
                looker(looker.session)
            reporter(contest)
            for name, one in pages.items():
                one.show(contest.sessions[name])

        why = contest.run(stop, each)
        status = merged(reporter.write(), outlook(contest.folder))
        for name, one in pages.items():
            one.last(contest.sessions[name])
        if pages:
            linger(why, stop, clock)
    return "\n".join([*lines_of(status), f"closed        {ENDINGS[why]}", ""])


def logged(logger: Any, account: str) -> Callable[[str, str], None]:
    """A session's log, its lines beginning with the account."""
    return lambda level, text: logger.log(level, f"{account}: {text}")


def shown(
    contest: Contest, options: PageOptions, logger: Any, clock: SystemClock, around: ExitStack
) -> dict[str, Page]:
    """A page for each account, at ports that follow each other where one was asked for; each knows of the others."""
    from engine.cli.watching import PageOptions, showing

    pages = {}
    for k, (name, session) in enumerate(contest.sessions.items()):
        port = options.port + k if options.port else 0
        own = PageOptions(options.control, port)
        pages[name] = around.enter_context(showing(session, clock, own, logger))
    for page in pages.values():
        page.showing.others = {name: other.showing for name, other in pages.items()}
    return pages


def compare_accounts(folder: str, as_json: bool) -> str:
    """The accounts of a session side by side, and each beside the first."""
    from engine.live.outlook import against, days_of

    place = Path(folder)
    names = several(place)
    courses = {name: days_of(place, name) for name in names}
    told = {
        "accounts": {name: figures(place, name, days) for name, days in courses.items()},
        "against": against(courses),
    }
    return json.dumps({"schema_version": 1, **told}, allow_nan=False) + "\n" if as_json else table(told)


def several(place: Path) -> tuple[str, ...]:
    """The accounts of a session; ConfigError where there is but one."""
    from engine.live.accounts import names_in

    names = names_in(place)
    if not names:
        raise ConfigError(f"{place}: a session of one account; compare needs several accounts, or two runs")
    return names


def figures(place: Path, account: str, days: Any) -> dict[str, float | int | None]:
    """Equity and what it did, of the days that have ended; None where there are too few."""
    import numpy as np

    from engine.live import accounts, tape

    fills = sum(len(row.body["quantity"]) for row in accounts.rows(place, account) if row.kind == tape.FILL)
    out: dict[str, float | int | None] = {"days": len(days), "fills": fills}
    out |= dict.fromkeys(("equity", "return", "volatility", "drawdown"))
    if len(days):
        curve = np.append(days.base, days.equity)
        out["equity"], out["return"] = float(curve[-1]), float(curve[-1] / days.base - 1.0)
        out["drawdown"] = float((curve / np.maximum.accumulate(curve) - 1.0).min())
    if len(days) > 2 and np.isfinite(days.returns).all():
        rate = (len(days) - 1) * 365.25 * 86_400e9 / float(days.times[-1] - days.times[0])
        out["volatility"] = float(days.returns.std(ddof=1) * rate**0.5)
    return out


def table(told: Mapping[str, Any]) -> str:
    """A comparison for people."""
    names = list(told["accounts"])
    rows = [["", *names]]
    for key, label in SHOWN:
        values = [told["accounts"][name][key] for name in names]
        form = (
            "{:,.2f}" if key == "equity" else "{:,}" if key == "fills" else "{:+.2%}" if key == "return" else "{:.2%}"
        )
        rows.append([label, *("n/a" if value is None else form.format(value) for value in values)])
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, wide, strict=True))).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *(one["said"] for one in told["against"]), ""])
