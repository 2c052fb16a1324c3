"""The board as pieces of HTML, one for each part of the page; templates escape every word in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import codes as c
from engine.report.blocks import Cell, Column, Table
from engine.report.words import num, number, percent, plural, tone
from engine.report.words import signed as coloured
from engine.web import words
from engine.web.board import Board, Refusal, Ticket
from engine.web.deciding import decisions, doing
from engine.web.models import models
from engine.web.tap import Standing
from engine.web.trips import Trip

if TYPE_CHECKING:
    from jinja2 import Environment

PARTS = (
    "identity", "choices", "state", "tiles", "doing", "positions", "decisions", "models", "orders", "refusals", "trades",
    "feed", "switches", "log",
)  # fmt: skip
SHOWN = 60  # rows of a table, newest first
KINDS = {0: "market", 1: "at the close", 2: "limit", 3: "stop", 4: "stop-limit"}
Context = dict[str, Any]


def environment() -> Environment:
    """The report's, with the page's templates before its own."""
    from jinja2 import ChoiceLoader, PackageLoader

    from engine.report.build import environment as reports

    made = reports()
    assert made.loader is not None
    made.loader = ChoiceLoader([PackageLoader("engine.web"), made.loader])
    return made


def render(made: Environment, board: Board, standing: Standing | None, log: list[str], control: bool) -> dict[str, str]:
    """Every part by name."""
    module: Any = made.get_template("parts.html").module
    told: Mapping[str, Context] = {
        "identity": {"name": board.start["name"], "strap": strap(board)},
        "choices": {"symbols": board.symbols},
        "state": state(board, standing),
        "tiles": {"tiles": tiles(board, standing)},
        "doing": {"text": doing(board, standing)},
        "positions": {"rows": positions(board, standing), "control": control and not board.ended},
        "decisions": {"table": decision_table(board, standing)},
        "models": models(standing),
        "orders": {"table": order_table(board)},
        "refusals": {"table": refusal_table(board)},
        "trades": {"table": trade_table(board)},
        "feed": {"rows": feed(board, standing)},
        "switches": {"rows": switches(board, standing), "holds": () if standing is None else standing.holds},
        "log": {"events": list(reversed(board.events))[:SHOWN], "clock": words.clock, "lines": log},
    }
    return {name: str(getattr(module, name)(told[name])) for name in PARTS}


def strap(board: Board) -> str:
    """One line under the name: rule, signals, size, since when."""
    config = board.start["config"]
    rule = (config.get("strategy") or {}).get("rule", "")
    told = [str(rule), ", ".join(board.start["order"]), plural(len(board.symbols), "instrument")]
    return " · ".join([word for word in told if word] + [f"begun {words.utc(board.start['started'])} UTC"])


def daily(board: Board) -> bool:
    """Whether no session has more than one slice."""
    return bool(board.start["facts"]["daily"])


def state(board: Board, standing: Standing | None) -> Context:
    """One word for how it goes, its tone, and what the countdown needs."""
    word, kind = "running", "good"
    if standing is None:
        word, kind = "starting", "quiet"
    if standing is not None and standing.paused:
        word, kind = "paused", "warn"
    if standing is not None and standing.killed:
        word, kind = "killed", "loss"
    if board.ended:
        word, kind = f"closed: {words.ENDINGS.get(board.ended, board.ended)}", "quiet"
    due = None if board.ended else next_due(board, standing)
    return {
        "word": word,
        "kind": kind,
        "slice": words.utc(board.time, daily(board)),
        "number": board.t + 1,
        "due": None if due is None else words.milliseconds(due),
        "exact": standing is not None and standing.due is not None,
    }


def next_due(board: Board, standing: Standing | None) -> int | None:
    """ns of the wall clock at which the next slice is due: as the feed says, else as the pace of late has it."""
    if standing is not None and standing.due is not None:
        return standing.due
    pace = board.pace()
    return None if pace is None or pace < 1.0 else board.received + int(pace * 1e9)


def tiles(board: Board, standing: Standing | None) -> list[tuple[str, str, str, str]]:
    """(label, figure, tone, small print) of each tile."""
    capital, last = float(board.start["config"]["capital"]), board.curves.last
    if standing is None or last is None:
        return [("Equity", words.money(capital), "", "capital, nothing traded yet")]
    back = last.equity / capital - 1.0
    held = np.flatnonzero(standing.quantity)
    worth = standing.quantity[held] * standing.mark[held] * np.array(board.trips.multiplier)[held]
    gross = float(np.abs(worth).sum()) / last.equity if last.equity > 0.0 else float("nan")
    day = board.curves.by_span["1D"].points()
    move = last.equity - day[0].equity
    closed = board.counts["trips"]
    wins = f"{percent(board.won / closed, 0)} of {plural(closed, 'trade')} won" if closed else "no trade closed yet"
    return [
        ("Equity", words.money(last.equity), "", f"{percent(back, 2)} since the start"),
        ("Last day", words.signed(move), tone(move), "within 24 hours of bars"),
        ("Drawdown", percent(last.drawdown, 2), "loss" if last.drawdown < 0 else "", f"deepest {percent(board.curves.deepest, 2)}"),
        ("Realised", words.signed(board.realised), tone(board.realised), wins),
        ("Positions", f"{len(held):,}", "", f"{percent(gross)} of equity, gross"),
        ("Cash", words.money(standing.cash), "", f"{percent(standing.cash / last.equity if last.equity else None)} of equity"),
        ("Orders waiting", f"{standing.waiting:,}", "", f"{board.counts['orders']:,} written, {board.counts['refusals']:,} refused"),
        ("Fills", f"{board.counts['fills']:,}", "", f"over {plural(board.t + 1, 'slice')}"),
    ]  # fmt: skip


def positions(board: Board, standing: Standing | None) -> list[Context]:
    """What is held, the largest first."""
    if standing is None:
        return []
    worth = standing.quantity * standing.mark * np.array(board.trips.multiplier)
    held = np.flatnonzero(standing.quantity)
    order = np.argsort(-np.nan_to_num(np.abs(worth[held])), kind="stable")
    return [_position(board, standing, int(i), float(worth[i])) for i in held[order][: 2 * SHOWN]]


def _position(board: Board, standing: Standing, i: int, worth: float) -> Context:
    quantity, entry, mark = float(standing.quantity[i]), float(standing.entry[i]), float(standing.mark[i])
    move = (mark / entry - 1.0) * (1 if quantity > 0 else -1) if entry > 0.0 else float("nan")
    gain = quantity * (mark - entry) * board.trips.multiplier[i]
    levels = (float(standing.stop[i]), float(standing.take_profit[i]))
    since = board.trips.held.get(i)
    return {
        "symbol": board.symbols[i],
        "cells": [
            num(words.quantity(quantity)), num(words.price(entry)), num(words.price(mark)), num(words.money(worth)),
            coloured(gain, words.signed(gain)), coloured(move, percent(move)),
            *(num(_level(level, mark)) for level in levels),
            Cell("–" if since is None else words.utc(since.since, daily(board)), "quiet"),
        ],
    }  # fmt: skip


def _level(price: float, mark: float) -> str:
    """A protective price with its distance from the mark."""
    away = f" ({percent(price / mark - 1.0)})" if price > 0.0 and mark > 0.0 else ""
    return f"{words.price(price)}{away}"


def decision_table(board: Board, standing: Standing | None) -> Table:
    """What was decided about each instrument, and on which forecasts."""
    names = list(board.start["order"])
    units = [board.start["signals"][name]["unit"] for name in names]
    head = [
        Column("Instrument"),
        Column("Decision"),
        *(Column(f"{n} ({u})", "num") for n, u in zip(names, units, strict=True)),
        Column("Why"),
    ]
    rows = []
    for one in [] if standing is None else decisions(board, standing):
        told = [
            num("–" if np.isnan(value) else words.forecast(value, unit))
            for value, unit in zip(one.forecasts, units, strict=False)
        ]
        why = " ".join([f"{one.why}.", *one.notes])
        rows.append([Cell(one.symbol, "head"), Cell(one.word), *told, Cell(why[0].upper() + why[1:], "words")])
    more = len(board.symbols) - len(rows)
    title = f"and {more:,} more instruments" if rows and more > 0 else ""
    return Table(head, rows, title, "", "nothing has been decided yet")


def order_table(board: Board) -> Table:
    """Orders and how they went, the newest first."""
    head = [
        Column("Decided"),
        Column("Instrument"),
        Column("Order"),
        Column("Because"),
        Column("Meets"),
        Column("Became"),
        Column("At", "num"),
    ]
    return Table(head, [_order(board, one) for one in list(reversed(board.orders))[:SHOWN]], empty="no order yet")


def _order(board: Board, one: Ticket) -> list[Cell]:
    verb = "buy" if one.quantity > 0 else "sell"
    levels = [
        f"{word} {words.price(level)}"
        for word, level in (("limit", one.limit), ("stop", one.stop))
        if np.isfinite(level)
    ]
    told = " ".join(
        [verb, words.quantity(abs(one.quantity)), *levels, *(KINDS.get(k, "") for k in (one.kind,) if k >= 1)]
    )
    due = f"slice {one.due:,}" if one.due_time is None else words.utc(one.due_time, daily(board))
    fate = one.fate or "waits"
    at = words.price(one.worth / one.filled) if one.filled else "–"
    shade = "" if fate == "filled" else "quiet" if fate == "waits" else "warn"
    became = f"{fate}: {words.quantity(abs(one.filled))}" if one.filled and fate != "filled" else fate
    return [
        Cell(words.utc(one.decided_time, daily(board)), "quiet"), Cell(board.symbols[one.instrument]), Cell(told),
        Cell(c.REASONS.get(one.reason, "order")), Cell(due, "quiet"), Cell(became, shade), num(at),
    ]  # fmt: skip


def refusal_table(board: Board) -> Table:
    """Orders that were not written, and the numbers that say why."""
    head = [
        Column("Slice"),
        Column("Instrument"),
        Column("Order"),
        Column("Refused by"),
        Column("Would be", "num"),
        Column("Allowed", "num"),
    ]
    return Table(
        head, [_refusal(board, one) for one in list(reversed(board.refusals))[:SHOWN]], empty="no order was refused"
    )


def _refusal(board: Board, one: Refusal) -> list[Cell]:
    value = one.decision == c.OVER_ORDER_VALUE
    shown = [number(v) if value else percent(v) for v in (one.value, one.limit)]
    told = f"{'buy' if one.quantity > 0 else 'sell'} {words.quantity(abs(one.quantity))}"
    by = c.DECISIONS.get(one.decision, hex(one.decision)).removeprefix("over ")
    return [
        Cell(words.utc(one.time, daily(board)), "quiet"),
        Cell(board.symbols[one.instrument]),
        Cell(told),
        Cell(by),
        *map(num, shown),
    ]


def trade_table(board: Board) -> Table:
    """Closed round trips, the newest first."""
    head = [
        Column("Closed"), Column("Instrument"), Column("Side"), Column("Quantity", "num"), Column("Entry", "num"),
        Column("Exit", "num"),
        Column("P&L", "num"), Column("Return", "num"), Column("Because"), Column("Opened"),
    ]  # fmt: skip
    return Table(
        head,
        [_trade(board, one) for one in list(reversed(board.closed_trips))[:SHOWN]],
        empty="no trade has been closed yet",
    )


def _trade(board: Board, one: Trip) -> list[Cell]:
    when = [words.utc(time, daily(board)) for time in (one.exit_time, one.entry_time)]
    return [
        Cell(when[0], "quiet"), Cell(board.symbols[one.instrument]), Cell("long" if one.side > 0 else "short"),
        num(words.quantity(one.quantity)), num(words.price(one.entry_price)), num(words.price(one.exit_price)),
        coloured(one.pnl, words.signed(one.pnl)), coloured(one.returned, percent(one.returned)),
        Cell(c.REASONS.get(one.reason, "order")), Cell(when[1], "quiet"),
    ]  # fmt: skip


def feed(board: Board, standing: Standing | None) -> list[Context]:
    """How the feed does. A replay's bars are old: their age says nothing, and the row says so."""
    spec = board.start["config"].get("feed") or {}
    replayed = spec.get("source") == "replay"
    pace, told = board.pace(), {} if standing is None else dict(standing.feed)
    rows: list[Context] = [
        {"name": "Source", "text": f"{spec.get('source', '?')}, {board.start['facts']['name']}"},
        {"name": "State", "text": str(told["state"])} if "state" in told else {},
        {"name": "Last slice heard", "since": words.milliseconds(board.received)} if board.received else {},
        {"name": "Age of its bars", "text": "not told: they are replayed"}
        if replayed
        else {"name": "Age of its bars", "since": words.milliseconds(board.time)}
        if board.time
        else {},
        {"name": "Pace", "text": "not known yet" if pace is None else f"a slice every {span(pace)} of late"},
        {"name": "Gaps", "text": f"{board.counts['gap']:,}", "bad": board.counts["gap"] > 0},
        {"name": "Late bars", "text": f"{board.counts['late']:,}", "bad": board.counts["late"] > 0},
        {"name": "Corrections", "text": f"{board.counts['correction']:,}", "bad": board.counts["correction"] > 0},
        {"name": "Clock skew", **skew(board, replayed)},
        {"name": "Said last", "text": words.line(str(told["said"]))} if told.get("said") else {},
    ]
    if standing is not None and standing.median_ms is not None:
        rows.append(
            {
                "name": "A slice takes",
                "text": f"{standing.median_ms:.2f} ms, median, from its arrival until its orders are durable",
            }
        )
    return [row for row in rows if row]


def skew(board: Board, replayed: bool) -> Context:
    """What receive times say of the clocks: a slice heard before its bars closed means that ours is behind the source's."""
    if replayed or not board.lags:
        return {"text": "not measured: the bars are replayed" if replayed else "not measured yet"}
    least = min(board.lags) / 1e9
    if least < 0.0:
        return {"text": f"this clock is at least {span(-least)} behind the source's", "bad": True}
    return {"text": f"none seen: slices were heard at least {span(least)} after their close"}


def span(seconds: float) -> str:
    """A stretch of time in one unit."""
    for size, word in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            return f"{seconds / size:.3g} {word}"
    return f"{1e3 * seconds:.3g} ms"


def switches(board: Board, standing: Standing | None) -> list[Context]:
    """The configured switches in the order of their state, and what they and the holds come to."""
    told = board.start["config"].get("switches") or {}
    configured = [(name, told[name]) for name in words.SWITCHES if told.get(name) is not None]
    latched = () if standing is None else standing.latched
    rows = []
    for k, (name, one) in enumerate(configured):
        trips, does = words.switch(name, one)
        known = len(latched) == len(configured)
        state = "not known" if not known else "tripped" if latched[k] else "armed"
        rows.append({"name": trips, "does": does, "state": state})
    return rows
