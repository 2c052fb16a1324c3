"""The sections on trades: on candles, by exit, what they went through, how long they lasted, and a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.report import drawings, trading
from engine.report.bars import Bars, NoBars
from engine.report.blocks import Candles, Cell, Column, Fold, Note, Pair, Section, Table, Unchecked
from engine.report.curves import daily, moments
from engine.report.trading import Chart
from engine.report.words import frame_cell, num, number, percent, plural, signed, when

if TYPE_CHECKING:
    from engine.result import Result

LISTED = 300  # trades in the table, the latest
OPEN = 12  # positions in the table, the largest
SHOWN: tuple[str, ...] = (
    "trade",
    "symbol",
    "side",
    "quantity",
    "entered",
    "entry_price",
    "left",
    "exit_price",
    "bars_held",
)
SHOWN += ("pnl", "return", "exit_reason", "mae", "mfe")
WORDS = {"entry_time": "entered", "pnl": "P&L", "mae": "MAE", "mfe": "MFE", "exit_reason": "exit by"}


def charts(result: Result, bars: Bars | NoBars) -> list[Chart]:
    """The most traded few instruments with their candles; none without bars."""
    if isinstance(bars, NoBars):
        return []
    found = (trading.chart(result.facts, bars, i) for i in trading.most_traded(result.facts))
    return [one for one in found if one is not None]


def on_candles(result: Result, bars: Bars | NoBars, drawn: list[Chart]) -> Section:
    """Trades where they happened."""
    title, traded = "Trades on prices", len(np.unique(result.facts.trades.instrument))
    if isinstance(bars, NoBars):
        return Section("prices", title, "", [Unchecked("Trades on prices are not drawn", bars.why)])
    if not drawn:
        return Section("prices", title, "", [Note("no trade was made")])
    lead = f"The {len(drawn)} most traded of {plural(traded, 'traded instrument')}." if traded > len(drawn) else ""
    lead = f"{lead} Entries are triangles in the trade's direction, exits crosses; colours say won or lost.".strip()
    choices = [(k, one.symbol, caption(result, one)) for k, one in enumerate(drawn)]
    exits = result.config.get("exits")
    told = exits if isinstance(exits, dict) else {}
    keys = [("gain", "won"), ("loss", "lost"), ("soft", "open")]
    keys += [
        (kind, word)
        for name, kind, word in (("stop_loss", "warn", "stop"), ("take_profit", "blue", "target"))
        if isinstance(told.get(name), int | float)
    ]
    blocks: list[Any] = [Candles(choices, tuple(keys))]
    moving = [
        word
        for name, word in (("trailing_stop", "trailing stop"), ("break_even", "break-even level"))
        if told.get(name)
    ]
    levels = [(word, told.get(name)) for name, word in (("stop_loss", "stop"), ("take_profit", "target"))]
    fixed = [word for word, level in levels if isinstance(level, int | float)]
    in_atr = [word for word, level in levels if isinstance(level, dict)]
    told_of = []
    if in_atr:
        told_of.append(f"The {' and the '.join(in_atr)} in average true ranges is not drawn.")
    if fixed:
        told_of.append(
            f"Levels ({' and '.join(fixed)}) are as set from the average entry; dividends may have lowered them since."
        )
    if moving:
        told_of.append(f"The {' and the '.join(moving)} moves with the price and is not drawn.")
    if told_of:
        blocks.append(Note(" ".join(told_of)))
    return Section("prices", title, lead, blocks)


def caption(result: Result, one: Chart) -> str:
    """What is seen of one instrument, and what is left out."""
    what = "candle" if one.ranges else "point"
    told = [plural(one.trades, "trade"), f"each {what} is {plural(one.size, 'bar')}"]
    if one.cut:
        told.append(f"from {when(moments(result.facts)[one.row[0]])} on, so that trades are wider than a {what}")
    if one.left_out:
        told.append(f"the first {one.left_out:,} trades are not drawn")
    if not one.ranges:
        told.append("highs and lows are not known, so closes are drawn")
    if one.adjusted:
        told.append("prices before a split are divided by it")
    return "; ".join(told)


def outcomes(result: Result) -> Section:
    """By exit reason, by excursion, by length."""
    trades = result.facts.trades
    closed = ~trades.is_open
    lead = "Closed round trips, flat to flat, after fees and slippage."
    if not closed.any():
        return Section("trades", "What trades came to", lead, [Note("no trade was closed")])
    frame = result.by_exit_reason
    head = (
        Column("Exit"),
        Column("Trades", "num"),
        Column("Win rate", "num", "trades with a net P&L above 0"),
        Column("Net P&L", "num"),
        Column("Average return", "num", "of net P&L / entry value"),
    )
    rows = [
        [
            Cell(str(reason)),
            num(f"{int(row['count']):,}"),
            num(percent(row["win_rate"])),
            signed(row["pnl"], number(row["pnl"])),
            signed(row["average_return"], percent(row["average_return"], 2)),
        ]
        for reason, row in frame.iterrows()
    ]
    blocks: list[Any] = [Table(head, rows, "By exit")]
    bars_held = trading.histogram(trades.bars_held[closed].astype(np.float64), whole=True)
    returns = trading.histogram(trades.returns[closed], whole=False)
    if bars_held is not None and returns is not None:
        a = drawings.histogram_figure("Return of a trade", returns, True, "", True, "closed trade")
        b = drawings.histogram_figure("Holding time", bars_held, False, " bars", False, "closed trade")
        blocks.append(Pair([a, b]))
    worst = "Worst loss while held, across, and the trade's return, up (MAE)"
    best = "Best gain while held, across, and the trade's return, up (MFE)"
    dots = [
        drawings.excursion_figure("What winners had to sit through", worst, trades.mae[closed], trades.returns[closed]),
        drawings.excursion_figure("What losers had in hand", best, trades.mfe[closed], trades.returns[closed]),
    ]
    blocks.append(Pair([figure for figure in dots if figure is not None]))
    return Section("trades", "What trades came to", lead, blocks)


def listed(result: Result) -> list[Any]:
    """The open positions, and the latest trades behind a fold."""
    names = ("entry_date", "exit_date") if daily(result.facts) else ("entry_time", "exit_time")
    trades = result.trades.assign(entered=result.trades[names[0]], left=result.trades[names[1]])
    positions = result.positions
    if names[0] == "entry_date":
        positions = positions.assign(entry_time=dates_of(result, positions))
    largest = positions.reindex(positions["value"].abs().sort_values(ascending=False, kind="stable").index)
    title = "Open at the end" + (f": the {OPEN} largest of {len(largest):,}" if len(largest) > OPEN else "")
    out: list[Any] = [Table(head_of(positions), rows_of(largest.head(OPEN)), title, "", "nothing is held")]
    if len(trades):
        latest = trades.tail(LISTED)[list(SHOWN)]
        cut = (
            f"the latest {LISTED:,} of {len(trades):,}; trades.parquet holds all"
            if len(trades) > LISTED
            else plural(len(trades), "trade")
        )
        out.append(Fold(f"List of trades: {cut}", [Table(head_of(latest), rows_of(latest), "", "dense")]))
    refused = result.refused.drop(columns="time")
    if len(refused):
        latest = refused.iloc[: -LISTED - 1 : -1]
        cut = f"the latest {LISTED:,} of {len(refused):,}" if len(refused) > LISTED else f"{len(refused):,}"
        out.append(Fold(f"Orders refused: {cut}", [Table(head_of(latest), rows_of(latest), "", "dense")]))
    return out


def dates_of(result: Result, positions: Any) -> Any:
    """The session in which each position at the end was entered."""
    import pandas as pd

    facts = result.facts
    rows = facts.instruments.entry_row[np.flatnonzero(facts.instruments.quantity)]
    return pd.DatetimeIndex(facts.dates[rows].astype("datetime64[ns]")) if len(positions) else positions["entry_time"]


def head_of(frame: Any) -> list[Column]:
    """Headings of a frame, numbers to the right."""
    kinds = ["num" if frame[name].dtype.kind in "if" else "" for name in frame.columns]
    return [Column(WORDS.get(n, str(n).replace("_", " ")), kind) for n, kind in zip(frame.columns, kinds, strict=True)]


def rows_of(frame: Any) -> list[list[Cell]]:
    names = [str(name) for name in frame.columns]
    return [
        [frame_cell(name, value) for name, value in zip(names, row, strict=True)]
        for row in frame.itertuples(index=False)
    ]
