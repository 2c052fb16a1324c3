"""Events as rows of a journal and back. The kinds, and which of them are the tape: every input that can change a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.data.actions import Actions
from engine.live.commands import Command
from engine.live.feed import Action, Arrived, Correction, Facts, Gap, Late
from engine.panel import Panel
from engine.types import Bools, Universe

JOURNAL = "journal"  # the folder of a session in which its journal lies
START, WARM_UP, SLICE, LATE, CORRECTION, GAP, ACTION = (
    "start",
    "warm-up",
    "slice",
    "late",
    "correction",
    "gap",
    "action",
)
FORECASTS, DECISION, INTENT, FILL, SWITCH = "forecasts", "decision", "intent", "fill", "switch"
COMMAND, HAND_OVER, CHECKPOINT, RESTART, CLOSE = "command", "hand-over", "checkpoint", "restart", "close"
REFUSED, ADOPTED, HALT, ALARM = "refused", "adopted", "halt", "alarm"
DERIVED = (FILL, REFUSED, SWITCH, INTENT, DECISION)  # what a slice came to, in this order; the decision seals it
WIDE = ("state", "universe", "config", "bars", "values")  # keys of bodies that are too large to be shown
COLUMNS = ("lot", "tick", "multiplier", "sector", "delisted_at", "terminal_value")
Body = dict[str, Any]


def slice_row(arrived: Arrived, t: int, received: int) -> Body:
    """Slice `t` as it came, at `received` ns of the wall clock."""
    flags = [arrived.last_of_day, arrived.last_of_week, arrived.last_of_month, arrived.catch_up]
    body: Body = {
        "t": t, "time": arrived.time, "session": arrived.session, "day": arrived.day, "received": received,
        "flags": [bool(flag) for flag in flags], "bars": np.asarray(arrived.bars, np.float64),
    }  # fmt: skip
    for name in ("empty", "member"):
        if (mask := getattr(arrived, name)) is not None:
            body[name] = np.asarray(mask, np.bool_)
    return body


def slice_of(body: Mapping[str, Any]) -> Arrived:
    """The slice of a row."""
    day, week, month, catch_up = body["flags"]
    return Arrived(
        body["time"], body["session"], body["day"], day, week, month, body["bars"], body.get("empty"), body.get("member"), catch_up
    )  # fmt: skip


def action_row(action: Action) -> Body:
    """Splits and dividends of the next slice."""
    return {
        "instrument": np.asarray(action.instrument, np.int64),
        "split": np.asarray(action.split, np.float64),
        "dividend": np.asarray(action.dividend, np.float64),
    }


def action_of(body: Mapping[str, Any]) -> Action:
    """The actions of a row."""
    return Action(body["instrument"], body["split"], body["dividend"])


def bar_row(told: Late | Correction, received: int) -> Body:
    """A late bar or a correction."""
    return {
        "time": told.time,
        "instrument": told.instrument,
        "bar": np.asarray(told.bar, np.float64),
        "received": received,
    }


def gap_row(gap: Gap, received: int) -> Body:
    """A stretch that could not be had."""
    return {
        "after": gap.after, "before": gap.before, "instruments": np.asarray(gap.instruments, np.int64),
        "reason": gap.reason, "received": received,
    }  # fmt: skip


def gap_of(body: Mapping[str, Any]) -> Gap:
    """The gap of a row."""
    return Gap(body["after"], body["before"], body["instruments"], body["reason"])


def command_row(command: Command, received: int) -> Body:
    """A command; it acts from the next slice on."""
    told = {
        key: value for key, value in asdict(command).items() if key != "account"
    }  # rows of several accounts name theirs
    return told | {"received": received}


def command_of(body: Mapping[str, Any]) -> Command:
    """The command of a row."""
    return Command(**{name: body[name] for name in Command.__slots__ if name in body})


def hand_over_row(command: Command, old: tuple[str, str], new: str, known: int, t: int, received: int) -> Body:
    """A model that speaks from slice `t` on; `old`: path and fingerprint of the one before, `new`: its own, `known`: ns."""
    return {
        "key": command.key, "signal": command.signal, "model": command.model, "fingerprint": new, "was_model": old[0],
        "was": old[1], "known_through": known, "t": t, "reason": command.reason, "received": received,
    }  # fmt: skip


def alarm_row(name: str, raised: bool, words: str, t: int, time: int, received: int) -> Body:
    """Something that speaks against going on as it is, or that no longer does; a note, which decides nothing."""
    return {"t": t, "time": time, "alarm": name, "raised": raised, "words": words, "received": received}


def universe_row(universe: Universe) -> Body:
    """The instruments and what they carry."""
    arrays = {name: np.asarray(getattr(universe, name)) for name in COLUMNS}
    return {"symbols": list(universe.symbols), "sector_names": list(universe.sector_names), **arrays}


def universe_of(body: Mapping[str, Any]) -> Universe:
    """The universe of a row."""
    lot, tick, multiplier, sector, delisted_at, terminal_value = (body[name] for name in COLUMNS)
    names = tuple(body["sector_names"])
    return Universe(tuple(body["symbols"]), lot, tick, multiplier, sector, names, delisted_at, terminal_value)


def empty_panel(universe: Universe, facts: Facts) -> Panel:
    """A panel of no slices yet."""
    return panel_of(universe, facts, (), ())


def panel_of(universe: Universe, facts: Facts, slices: Sequence[Arrived], actions: Sequence[Sequence[Action]]) -> Panel:
    """The panel of a tape's slices, each with the actions that came before it: what a backtest runs over."""
    rows, n = len(slices), len(universe)
    bars = np.stack([s.bars for s in slices], axis=1) if rows else np.zeros((5, 0, n))
    lines = [np.array([getattr(s, key) for s in slices]) for key in ("last_of_day", "last_of_week", "last_of_month")]
    entries = [
        (t, i, split, dividend)
        for t, told in enumerate(actions)
        for a in told
        for i, split, dividend in zip(a.instrument, a.split, a.dividend, strict=True)
    ]
    columns = [np.array([entry[k] for entry in entries]) for k in range(4)]
    placed = Actions.of(
        columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2].astype(np.float64), columns[3].astype(np.float64), rows
    )  # fmt: skip
    dated = any(s.member is not None for s in slices)
    return Panel(
        universe=universe,
        times=_fixed(np.array([s.time for s in slices], np.int64)),
        days=_fixed(np.array([s.day for s in slices], np.int64)),
        sessions=_fixed(np.array([s.session for s in slices], np.int64).astype("datetime64[D]")),
        last_of_day=_fixed(lines[0].astype(np.bool_)),
        last_of_week=_fixed(lines[1].astype(np.bool_)),
        last_of_month=_fixed(lines[2].astype(np.bool_)),
        open=_fixed(bars[0]), high=_fixed(bars[1]), low=_fixed(bars[2]), close=_fixed(bars[3]), volume=_fixed(bars[4]),
        actions=placed,
        bars_per_year=facts.bars_per_year,
        bars_per_year_source=facts.bars_per_year_source,
        prices=facts.prices,
        dividends=facts.dividends,
        calendar=facts.calendar,
        missing_open=facts.missing_open,
        member=_fixed(np.stack([_members(s.member, n) for s in slices])) if dated else None,
        warnings=(),
        name=facts.name,
    )  # fmt: skip


def _members(member: Bools | None, n: int) -> Bools:
    return np.ones(n, np.bool_) if member is None else np.asarray(member, np.bool_)


def _fixed(array: np.ndarray) -> Any:
    out = np.ascontiguousarray(array)
    out.flags.writeable = False
    return out
