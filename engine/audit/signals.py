"""What is asked of each signal of a pipeline: the future, its window form, a later start, and its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.audit.cuts import spread, telling
from engine.audit.kinds import kind_of
from engine.audit.pipeline import Pipeline, head, part, plain
from engine.checks.finding import Difference, Finding, alike, difference, place_of, same_bits, slice_of
from engine.checks.poison import KINDS, WORDS, after, poison
from engine.errors import PluginError
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.panel import Panel

CUTS = 8
STARTS = 3
FAINT = 1e-10  # relative: what the arithmetic of a transform leaves, and no leak worth its name
NOT_AGAIN = "its forecasts come from a file or with the run and cannot be made again"


def audit_signal(pipeline: Pipeline, name: str, cuts: int = CUTS) -> list[Finding]:
    """The findings on one signal whose forecasts can be made again; precomputed ones are asked nothing here."""
    asked = {
        f"future, {name}": "bars after a slice change no forecast up to it",
        f"window, {name}": "forecast_panel equals forecast, window by window",
        f"start, {name}": "a later start changes nothing once the window is full",
        f"memory, {name}": "what it was asked before does not matter",
    }
    if pipeline.precomputed(name):
        return [Finding(f"future, {name}", None, asked[f"future, {name}"], f"cannot be proved: {NOT_AGAIN}", name)]
    if pipeline.window(name) >= len(pipeline.panel) - 1:
        length = pipeline.window(name)
        told = f"not asked: its window of {length} is never full in {len(pipeline.panel)} slices"
        return [Finding(check, None, words, told, name) for check, words in asked.items()]
    tests = (future, window, start, memory)
    out = []
    for test, (check, words) in zip(tests, asked.items(), strict=True):
        try:
            out.append(test(pipeline, name, check, words, cuts))
        except PluginError as error:  # it may refuse bars that are missing or odd, which is no leak
            out.append(Finding(check, None, words, f"could not be asked: {error}", f"signal {name}"))
    return out


def spot(pipeline: Pipeline, name: str, column: int, row: int, method: str = "forecast") -> str:
    """Signal, symbol, slice, and the line to look at."""
    panel = pipeline.panel
    code = place_of(pipeline.specimen(name), method)
    return f"signal {name}, {panel.universe.symbols[column]}, {slice_of(panel, row)}; {code}"


def future(pipeline: Pipeline, name: str, check: str, asked: str, cuts: int) -> Finding:
    """Forecasts up to each cut under every poison of what follows, to the bit."""
    method = "forecast_panel" if pipeline.whole(name) else "forecast"
    chosen = telling(pipeline.panel, pipeline.window(name) - 1, cuts, pipeline.seed)
    leaks, faint = _leaks(pipeline, name, chosen)
    if leaks:
        t, (found, poisoned) = next(iter(leaks.items()))
        kind = "reaches beyond its window, or has memory"
        if pipeline.whole(name):
            kind = kind_of(pipeline, name, sorted({one.row for one, _ in leaks.values()}))
        told = f"{kind}. Bars after slice {t} {WORDS[poisoned]}: {found.told('it was', 'is')}"
        told += f"; at {len(leaks)} of {len(chosen)} cuts"
        where = spot(pipeline, name, found.column, found.row, method)
        return Finding(check, False, asked, told, where, kind.split(":")[0])
    if faint is not None:
        told = f"only the last digits: {faint.told('it was', 'is')}; a transform of the whole run? It may flip a tie"
        return Finding(check, None, asked, told, spot(pipeline, name, faint.column, faint.row, method), "last digits")
    longer = _shorter(pipeline, name, chosen) if pipeline.whole(name) else None
    if longer is not None:
        t, found = longer
        told = f"length of the run. Ended at slice {t}: {found.told('it was', 'is')}"
        where = spot(pipeline, name, found.column, found.row, method)
        return Finding(check, False, asked, told, where, "length of the run")
    told = f"{len(chosen)} cuts x {len(KINDS)} poisons: every bit the same"
    return Finding(check, True, asked, told, f"signal {name}")


def _leaks(
    pipeline: Pipeline, name: str, chosen: list[int]
) -> tuple[dict[int, tuple[Difference, str]], Difference | None]:
    """By cut, the difference nearest to it and the poison that showed it; and the first that is in the last digits only."""
    leaks: dict[int, tuple[Difference, str]] = {}
    faint: Difference | None = None
    for t in chosen:
        for kind in KINDS:
            found, tiny = _poisoned(pipeline, name, t, kind)
            faint = found if tiny and faint is None else faint
            if found is not None and not tiny and (t not in leaks or found.row > leaks[t][0].row):
                leaks[t] = found, kind
    return leaks, faint


def _poisoned(pipeline: Pipeline, name: str, t: int, kind: str) -> tuple[Difference | None, bool]:
    """The last forecast up to `t` that changes when the bars after it do, since the nearest to the cut tells most; and
    whether nothing changes but the last digits.
    """
    other = poison(pipeline.panel, after(pipeline.panel, t), kind, pipeline.seed)
    rows, one, two = _both(pipeline, name, t, other)
    same = same_bits(one, two)
    apart = np.flatnonzero(~same.all(axis=1))
    if not len(apart):
        return None, False
    k = int(apart[-1])
    column = int(np.flatnonzero(~same[k])[0])
    found = Difference(int(rows[k]), column, float(one[k, column]), float(two[k, column]), int((~same).sum()))
    return found, bool(np.isclose(one, two, rtol=FAINT, atol=FAINT * 1e-3, equal_nan=True).all())


def _both(pipeline: Pipeline, name: str, t: int, other: Panel) -> tuple[Ints, Floats, Floats]:
    """Rows up to `t`, and their forecasts on the pipeline's bars and on others: all of them where that is one call."""
    if pipeline.whole(name):
        return np.arange(t + 1), pipeline.raw[name][: t + 1], pipeline.all(name, other)[: t + 1]
    length = pipeline.window(name)
    rows = np.unique(np.maximum(length - 1, [t - length, t - length // 2, t - 1, t]))
    one, two = (
        np.array([pipeline.at(pipeline.signal(name), panel, int(row)) for row in rows])
        for panel in (pipeline.panel, other)
    )
    return rows, one, two


def _shorter(pipeline: Pipeline, name: str, chosen: list[int]) -> tuple[int, Difference] | None:
    """The cut, and the forecast that changes when the run ends there; float noise of other array shapes is let pass."""
    for t in chosen[:: max(1, len(chosen) // 2)]:
        one, two = pipeline.raw[name][: t + 1], pipeline.all(name, head(pipeline.panel, t + 1))
        found = difference(one, two, alike(one, two))
        if found is not None:
            return t, found
    return None


def window(pipeline: Pipeline, name: str, check: str, asked: str, cuts: int) -> Finding:
    """The panel form held against the window form on a few slices."""
    if not pipeline.whole(name):
        return Finding(check, None, asked, "not asked: it has no forecast_panel", f"signal {name}")
    signal, raw, exists = pipeline.signal(name), pipeline.raw[name], ~np.isnan(pipeline.panel.close)
    rows = spread(pipeline.window(name) - 1, len(pipeline.panel) - 1, 2 * cuts, pipeline.seed)
    for t in rows:
        alone = pipeline.at(signal, pipeline.panel, t)
        found = difference(alone, raw[t], alike(alone, raw[t]) | ~exists[t])
        if found is not None:
            told = found.told("forecast gives", "forecast_panel")
            return Finding(check, False, asked, told, spot(pipeline, name, found.column, t, "forecast_panel"), "panel")
    return Finding(check, True, asked, f"{len(rows)} windows", f"signal {name}")


def start(pipeline: Pipeline, name: str, check: str, asked: str, cuts: int) -> Finding:
    """The forecasts of runs that begin later, on the very prices the whole run shows, once the window is full."""
    window, rows = pipeline.window(name), len(pipeline.panel)
    adjusted = plain(pipeline.panel)
    starts = spread(1, max(1, rows - window - 2), STARTS, pipeline.seed)
    for begin in starts:
        full = begin + window - 1
        if pipeline.whole(name):
            now = pipeline.all(name, part(adjusted, begin, rows))[window - 1 :]
        else:
            full = max(full, rows - 50)
            later = part(adjusted, begin, rows)
            now = np.array([pipeline.at(pipeline.signal(name), later, t - begin) for t in range(full, rows, 7)])
        was = pipeline.raw[name][full:] if pipeline.whole(name) else pipeline.raw[name][full:rows:7]
        found = difference(was, now, alike(was, now))
        if found is not None:
            row = full + found.row * (1 if pipeline.whole(name) else 7)
            told = f"begun at {slice_of(pipeline.panel, begin)}, window {window}: {found.told('it was', 'is')}"
            where = spot(pipeline, name, found.column, row, "forecast_panel" if pipeline.whole(name) else "forecast")
            return Finding(check, False, asked, told, where, "warm-up")
    return Finding(check, True, asked, f"{len(starts)} later starts", f"signal {name}")


def memory(pipeline: Pipeline, name: str, check: str, asked: str, cuts: int) -> Finding:
    """What one signal says after the whole run, rising and falling, held against fresh ones."""
    signal = pipeline.signal(name)
    rows = spread(pipeline.window(name) - 1, len(pipeline.panel) - 1, cuts, pipeline.seed)
    alone = {t: pipeline.at(pipeline.signal(name), pipeline.panel, t) for t in rows}
    if not pipeline.whole(name):
        for t in rows:
            found = difference(alone[t], pipeline.raw[name][t], same_bits(alone[t], pipeline.raw[name][t]))
            if found is not None:
                told = found.told("asked alone it says", "in the run")
                return Finding(check, False, asked, told, spot(pipeline, name, found.column, t), "learns")
    if pipeline.whole(name):
        from engine.checks.subject import numbers

        bars = pipeline.panel.adjusted
        numbers(signal, "forecast_panel", bars, bars.close.shape)
    for t in (*rows, *rows[::-1]):
        came = pipeline.at(signal, pipeline.panel, t)
        found = difference(alone[t], came, same_bits(alone[t], came))
        if found is not None:
            told = found.told("asked alone it says", "after other windows")
            return Finding(check, False, asked, told, spot(pipeline, name, found.column, t), "learns")
    return Finding(check, True, asked, f"{len(rows)} windows alone, rising and falling", f"signal {name}")
