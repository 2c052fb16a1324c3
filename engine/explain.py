"""One slice of one symbol in words: what was decided and why, on which forecasts, what was filled, what was held."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from engine import codes as c
from engine.errors import DataError
from engine.facts import Facts
from engine.types import Floats


class Asked(Protocol):
    """What the reason of a decision is read from: a whole run, or the latest slice of a session."""

    @property
    def config(self) -> dict[str, Any]: ...

    @property
    def forecasts(self) -> dict[str, Floats]: ...


DECISIONS = {
    c.NOT_ASKED: "nothing was decided, for the run had ended or the strategy gave no reason",
    c.NO_BAR_NOW: "there was no bar, so no forecast and no target",
    c.NOT_MEMBER: "it was no member of the universe, so its target was 0",
    c.WARMING_UP: "the signal had not seen its whole window yet, or made too few forecasts to compare with",
    c.NO_FORECAST: "the signal had no view",
    c.NOT_DUE: "this was no rebalance slice",
    c.TOO_FEW: "too few names had a forecast",
    c.BELOW_CONFIDENCE: "it was not held, and its forecast fell short of the confidence to enter",
    c.RANK_CUT: "its forecast ranked outside the chosen quantile",
    c.SIGN_FILTER: "it was in the quantile, and the sign filter dropped it",
    c.SLOTS_FULL: "it would have entered, and no slot was free",
    c.COOLDOWN: "it would have entered, too soon after its exit",
    c.HALTED: "it would have entered or grown, and a switch had halted trading",
    c.IN_POSITION: "it was held and still wanted",
    c.ENTER: "it was not held, and wanted",
    c.LEAVE: "it was held, and no longer wanted",
    c.FLATTEN: "a switch or the maintenance margin closed everything and kept it out",
    c.UNDECIDED: "the strategy left it alone (NaN)",
    c.TARGETED: "the strategy set a target",
    c.ORDERED: "an order was written",
    c.OVER_ORDER_VALUE: "its order was refused: worth more than max_order_value",
    c.OVER_WEIGHT: "its order was refused: the position would have exceeded max_weight",
    c.OVER_SECTOR: "its order was refused: its sector would have exceeded max_sector",
    c.OVER_NET: "its order was refused: net exposure would have exceeded max_net",
    c.OVER_CASH: "its order was refused: the longs would have left less than min_cash",
    c.OVER_GROSS: "its order was refused: gross exposure would have exceeded max_gross",
}
NOTES = {
    c.BAND: "No order: the change was inside the no-trade band.",
    c.CAPPED: "A cap lowered the size of its target.",
    c.REDUCED: "A switch reduced its target.",
    c.BELOW_LOT: "No order: the wanted change was under one lot.",
}
FATES = {
    c.SCALED: "its increase was scaled, since all increases together did not fit buying power",
    c.PARTICIPATION: "volume allowed only a part of its order",
    c.NO_BAR: "its order met no bar and lapsed",
    c.NO_POWER: "its increase got nothing, for want of buying power",
    c.AMBIGUOUS: "the bar touched both levels, and the intrabar policy decided",
    c.CANCELLED: "a protective fill cancelled its order",
    c.ACTION: "a split or dividend changed what was held or ordered",
    c.EXPIRED: "the price of its order was not reached",
}
# What an order follows from, always or perhaps: these are worth a look at the slice it meets.
ORDERING = (c.ENTER, c.LEAVE, c.TARGETED, c.ORDERED)
MAYBE = (
    c.IN_POSITION,
    c.FLATTEN,
    c.NOT_MEMBER,
    c.RANK_CUT,
    c.SIGN_FILTER,
    c.HALTED,
    *range(c.OVER_ORDER_VALUE, c.OVER_GROSS + 1, 1 << c.DECISION_SHIFT),
)
NOTHING = "Nothing traded."


def row_of(facts: Facts, at: Any) -> int:
    """The slice at time `at` (naive is UTC), or the last of the session that a bare date names; else DataError."""
    import pandas as pd

    try:
        stamp = pd.Timestamp(at)
        stamp = stamp if pd.isna(stamp) else stamp.as_unit("ns")
    except (TypeError, ValueError, OverflowError):  # the second also says: outside 1678 to 2262
        raise DataError(f"{at!r} is no date; expected 2020-03-12, or a time as 2020-03-12 20:00 in UTC") from None
    if pd.isna(stamp) or len(facts.times) == 0:
        raise DataError(f"{at!r} names no slice of this run")
    bare = isinstance(at, str) and len(at.strip()) == 10
    if bare or (isinstance(at, datetime.date) and not isinstance(at, datetime.datetime)):
        rows = np.flatnonzero(facts.dates == np.datetime64(stamp.date(), "D"))
        if len(rows):
            return int(rows[-1])
    else:
        utc = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
        rows = np.flatnonzero(facts.times == utc.as_unit("ns").value)
        if len(rows):
            return int(rows[0])
    first, last = when(facts, 0), when(facts, len(facts.times) - 1)
    raise DataError(f"{at} is no slice of this run, which goes from {first} to {last}")


def when(facts: Facts, row: int) -> str:
    """The session of a slice, with the time of its close in UTC."""
    close = np.datetime_as_string(facts.times[row : row + 1].view("datetime64[ns]")[0], unit="m")
    date, clock = close.split("T")
    session = str(facts.dates[row])
    return f"{session} ({clock} UTC)" if date == session else f"{session} ({date} {clock} UTC)"


def explain(facts: Facts, row: int, symbol: str) -> str:
    """A paragraph on `symbol` at slice `row`: fills first, as in the slice itself, then position and decision."""
    i = facts.symbols.index(symbol)
    code = int(facts.codes[row, i])
    decision = code & c.DECISION_MASK
    parts = [f"{symbol}, {when(facts, row)}:", events(facts, row, i), position(facts, row, i)]
    parts.append(f"Decision '{c.DECISIONS.get(decision, hex(decision))}': {reason(facts, row, i, decision)}.")
    parts.append(views(facts, row, i))
    parts.extend(text for bit, text in NOTES.items() if code & bit)
    meets = row + 1 + delay(facts)
    if meets < len(facts.times) and not code & (c.BAND | c.BELOW_LOT):
        after = events(facts, meets, i)
        if decision in ORDERING or (decision in MAYBE and after != NOTHING):
            parts.append(f"The slice its order would meet, {when(facts, meets)}: {after[0].lower()}{after[1:]}")
    return " ".join(part for part in parts if part)


def delay(facts: Facts) -> int:
    """Slices an order waits beyond the next, as configured."""
    return int(facts.config.get("execution", {}).get("delay", 0))


def events(facts: Facts, row: int, i: int) -> str:
    """What met the slice: each fill with its numbers, and what else befell the orders."""
    f, code = facts.fills, int(facts.codes[row, i])
    first, end = np.searchsorted(f.t, row), np.searchsorted(f.t, row, side="right")
    mine = [k for k in range(first, end) if f.instrument[k] == i]
    lines = [fill(facts, k) for k in mine] or ["nothing traded"]
    lines += [text for bit, text in FATES.items() if code & bit]
    text = "; ".join(lines)
    return f"{text[0].upper()}{text[1:]}."


def fill(facts: Facts, k: int) -> str:
    """One fill in words."""
    f = facts.fills
    quantity, price, reference = float(f.quantity[k]), float(f.price[k]), float(f.reference[k])
    lost = quantity * (price - reference) * float(facts.instruments.multiplier[f.instrument[k]]) + 0.0
    verb = "bought" if quantity > 0.0 else "sold"
    word = c.REASONS.get(int(f.reason[k]), "unknown")
    return (
        f"{verb} {_size(quantity)} at {price:,.6g} ({word}; reference {reference:,.6g}, slippage {lost:,.2f}, "
        f"fee {float(f.fee[k]):,.2f})"
    )


def position(facts: Facts, row: int, i: int) -> str:
    """What was held after the slice, and since when."""
    quantity, entry = held_after(facts, row, i)
    if quantity == 0.0:
        return "Then flat."
    t = facts.trades
    mine = np.flatnonzero((t.instrument == i) & (t.entry_row <= row) & (t.is_open | (t.exit_row > row)))
    side = "long" if quantity > 0.0 else "short"
    since = f" since {facts.dates[t.entry_row[mine[-1]]]} (trade {mine[-1] + 1})" if len(mine) else ""
    return f"Then {side} {_size(quantity)} at an average of {entry:,.6g}{since}."


def held_after(facts: Facts, row: int, i: int) -> tuple[float, float]:
    """(signed quantity, average entry) of instrument `i` after slice `row`: its fills, restated by its splits."""
    f, a = facts.fills, facts.actions
    splits = [(int(a.row[k]), 0, int(k)) for k in np.flatnonzero((a.instrument == i) & (a.row <= row))]
    fills = [(int(f.t[k]), 1, int(k)) for k in np.flatnonzero((f.instrument == i) & (f.t <= row))]
    quantity, entry, small = 0.0, float("nan"), 0.0
    for _, is_fill, k in sorted(splits + fills):
        if not is_fill:
            quantity, entry = quantity * float(a.split[k]), entry / float(a.split[k])
            continue
        size, price = float(f.quantity[k]), float(f.price[k])
        small = max(small, 1e-9 * abs(size))
        after = quantity + size
        if abs(after) <= small:
            after = 0.0
        if quantity * after <= 0.0:
            entry = price
        elif abs(after) > abs(quantity):
            entry = (entry * quantity + price * size) / after
        quantity = after
    return quantity, entry


def views(facts: Facts, row: int, i: int) -> str:
    """Every signal's forecast for it."""
    shown = [f"{name} {_number(float(values[row, i]))}" for name, values in facts.forecasts.items()]
    return f"Forecast: {', '.join(shown)}." if shown else ""


def _size(quantity: float) -> str:
    """A quantity without its sign: whole ones with commas, fractions with as many digits as they need."""
    size = abs(quantity)
    return f"{size:,.0f}" if size == round(size) and size < 1e15 else f"{size:,.10g}"


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.6g}"


def reason(facts: Asked, row: int, i: int, decision: int) -> str:
    """Why a decision fell, with the configured numbers it depends on."""
    strategy = facts.config.get("strategy", {})
    text = DECISIONS.get(decision, "this version does not know that code")
    numbers = {
        c.WARMING_UP: ("confidence",) if gate_window(strategy) else (),
        c.BELOW_CONFIDENCE: ("confidence", "side"),
        c.TOO_FEW: ("min_names",),
        c.RANK_CUT: ("quantile", "side"),
        c.SLOTS_FULL: ("max_positions",),
        c.COOLDOWN: ("cooldown",),
        c.LEAVE: ("exit_confidence",),
        c.ENTER: ("confidence", "quantile"),
        c.SIGN_FILTER: ("positive_only", "negative_only"),
        c.NOT_DUE: ("rebalance",),
    }
    said = [f"{key} {strategy[key]}" for key in numbers.get(decision, ()) if strategy.get(key) is not None]
    if decision in (c.RANK_CUT, c.TOO_FEW, c.ENTER, c.SIGN_FILTER) and strategy.get("rule") == "quintile":
        said.extend(rank(facts, row, i, strategy.get("signal")))
    if decision in (c.WARMING_UP, c.BELOW_CONFIDENCE, c.SLOTS_FULL, c.COOLDOWN, c.IN_POSITION, c.ENTER, c.LEAVE):
        said.extend(standing(facts, row, i, strategy))
    return f"{text} ({', '.join(said)})" if said else text


def gate_window(strategy: Mapping[str, Any]) -> int:
    """How many past forecasts of a name its gate compares with; 0 for any other rule or gate."""
    said = strategy.get("confidence")
    return int(said.rsplit(" ", 1)[-1]) if isinstance(said, str) and strategy.get("rule") == "threshold" else 0


def standing(facts: Asked, row: int, i: int, strategy: Mapping[str, Any]) -> list[str]:
    """Where its forecast stood among its last ones, for a gate that compares with them; nothing where they are not at hand."""
    window, values = gate_window(strategy), facts.forecasts.get(str(strategy.get("signal")))
    if not window or values is None or len(values) <= row or np.isnan(values[row, i]):
        return []
    now, past = values[row, i], values[:row, i]
    past = past[~np.isnan(past)][-window:]
    if len(past) < window:
        return [f"{len(past)} forecasts before it"] if row else []
    return [
        f"above {(past < now).sum() / window:.1%} and below {(past > now).sum() / window:.1%} of its last {window} forecasts"
    ]


def rank(facts: Asked, row: int, i: int, signal: str | None) -> list[str]:
    """Where its forecast stood among those of the slice, 1 the highest, ties by symbol."""
    values = facts.forecasts.get(signal) if signal is not None else None
    if values is None:
        return []
    line = values[row]
    count = int((~np.isnan(line)).sum())
    if np.isnan(line[i]):
        return [f"{count} forecasts"]
    place = 1 + int((line > line[i]).sum()) + int((line[:i] == line[i]).sum())
    return [f"rank {place} of {count} forecasts"]
