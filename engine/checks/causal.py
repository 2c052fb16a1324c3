"""The checks of a signal that have to do with time: what it may not see, and what it may not remember."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.checks.case import Case
from engine.checks.finding import Finding, alike, difference, same_bits, slice_of
from engine.checks.poison import KINDS, WORDS, after, poison
from engine.checks.subject import loose, rows_of
from engine.types import Floats, Window

CUTS = 4


def causal_checks() -> tuple[Callable[[Case], Finding], ...]:
    """In the order in which they are asked: a leak explains a disagreement, so it is looked for first."""
    return (future, window, panel, learning)


def window(case: Case) -> Finding:
    """Bars before the declared window change nothing."""
    asked = f"bars before the last {case.window} change nothing"
    bars = case.panel.adjusted
    for t in (int(row) for row in case.rows(CUTS)[1:]):
        first = t - case.window + 1
        other = _scaled(bars, first)
        one, two = case.at(case.subject.make(), loose(bars), t), case.at(case.subject.make(), loose(other), t)
        found = difference(one, two, same_bits(one, two))
        method = "forecast"
        if found is None and case.whole:
            one = case.all(case.subject.make(), bars)[t]
            two = case.all(case.subject.make(), other)[t]
            found, method = difference(one, two, alike(one, two)), "forecast_panel"
        if found is not None:
            told = f"bars before {slice_of(case.panel, first)} times 3: {method} {found.told('was', 'is')}"
            told += "; is the window longer than it says?"
            return Finding("window", False, asked, told, case.spot(found.column, t, method))
    return Finding("window", True, asked, f"older bars tripled at {CUTS - 1} slices", case.place())


def _scaled(bars: Window, stop: int) -> Window:
    """Bars whose prices before row `stop` are three times as high."""
    out = loose(bars)
    for key in ("open", "high", "low", "close"):
        getattr(out, key)[:stop] *= 3.0
    return out


def future(case: Case) -> Finding:
    """Bars after a slice change no forecast up to it."""
    asked = "bars after a slice change no forecast up to it, whatever becomes of them"
    bars, rows = case.panel.adjusted, case.rows()
    for t in (int(row) for row in case.rows(CUTS + 2)[1:-1]):
        for kind in KINDS:
            other = poison(case.panel, after(case.panel, t), kind, case.seed).adjusted
            told = f"bars after {slice_of(case.panel, t)} {WORDS[kind]}"
            for row in (int(r) for r in rows if r <= t):
                one, two = (case.at(case.subject.make(), seen, row) for seen in (bars, other))
                found = difference(one, two, same_bits(one, two))
                if found is not None:
                    came = f"{told}: {found.told('forecast was', 'is')}"
                    return Finding("future", False, asked, came, case.spot(found.column, row), "future")
            if case.whole:
                one, two = (case.all(case.subject.make(), seen)[: t + 1] for seen in (bars, other))
                found = difference(one, two, same_bits(one, two))
                if found is not None:
                    came = f"{told}: forecast_panel {found.told('was', 'is')}"
                    where = case.spot(found.column, found.row, "forecast_panel")
                    return Finding("future", False, asked, came, where, "future")
        if case.whole:
            cut = _shorter(case, bars, t)
            if cut is not None:
                return Finding("future", False, asked, *cut, "future")
    return Finding("future", True, asked, f"{CUTS} slices x {len(KINDS)} poisons", case.place())


def _shorter(case: Case, bars: Window, t: int) -> tuple[str, str] | None:
    """What came, and where, if a panel that ends at `t` has other forecasts than the longer one."""
    whole = case.all(case.subject.make(), bars)[: t + 1]
    short = case.all(case.subject.make(), rows_of(bars, 0, t + 1))
    found = difference(whole, short, alike(whole, short))
    if found is None:
        return None
    told = f"the run ended at {slice_of(case.panel, t)}: forecast_panel {found.told('was', 'is')}"
    return told, case.spot(found.column, found.row, "forecast_panel")


def panel(case: Case) -> Finding:
    """forecast_panel equals forecast on every window."""
    asked = "forecast_panel equals forecast, window by window"
    if not case.whole:
        return Finding("panel", None, asked, "not asked: it has no forecast_panel", case.place())
    bars, signal = case.panel.adjusted, case.subject.make()
    out = case.all(case.subject.make(), bars)
    exists = ~np.isnan(bars.close)
    for t in (int(row) for row in case.rows(40)):
        alone = case.at(signal, bars, t)
        # Where there is no bar the engine takes no forecast, so there the two may differ.
        found = difference(alone, out[t], alike(alone, out[t]) | ~exists[t])
        if found is not None:
            told = found.told("forecast gives", "forecast_panel")
            return Finding("panel", False, asked, told, case.spot(found.column, t, "forecast_panel"))
    return Finding("panel", True, asked, f"{len(case.rows(40))} windows", case.place("forecast_panel"))


def learning(case: Case) -> Finding:
    """The order in which windows are asked for does not matter, nor what was asked before."""
    asked = "what it was asked before does not matter: nothing is learned while forecasting"
    bars, rows = case.panel.adjusted, [int(row) for row in case.rows()]
    alone = {t: case.at(case.subject.make(), bars, t) for t in (rows[0], rows[len(rows) // 2], rows[-1])}
    for words, history in (("after rising windows", rows), ("after falling windows", rows[::-1])):
        found = _compare(case, bars, case.subject.make(), history, alone, words)
        if found is not None:
            return found
    if case.whole:
        signal = case.subject.make()
        case.all(signal, bars)
        found = _compare(case, bars, signal, rows, alone, "after forecast_panel")
        if found is not None:
            return found
    return Finding("learning", True, asked, f"{len(rows)} windows rising, falling, and alone", case.place())


def _compare(
    case: Case, bars: Window, signal: Any, history: list[int], alone: dict[int, Floats], words: str
) -> Finding | None:
    """The failure, if a signal that has been asked for `history` says something else than a fresh one."""
    asked = "what it was asked before does not matter: nothing is learned while forecasting"
    for t in history:
        came = case.at(signal, bars, t)
        if t in alone:
            found = difference(alone[t], came, same_bits(alone[t], came))
            if found is not None:
                told = found.told("asked alone", words) + "; what does it keep between calls?"
                return Finding("learning", False, asked, told, case.spot(found.column, t), "state")
    return None
