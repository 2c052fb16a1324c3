"""What the page's script draws with plotly: numbers and words as JSON that can neither close its element nor be markup.

plotly shows a subset of HTML in its texts and fills %{...} in its templates, so every word from outside goes through
`plotly_text`, which leaves nothing of either.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import codes as c
from engine.report import curves
from engine.report.curves import daily, moments
from engine.report.trading import Chart
from engine.report.words import percent
from engine.types import Floats, Ints

if TYPE_CHECKING:
    from engine.result import Result

POINTS = 1200  # of each of the lines that share an axis
CROWDED = 0.6  # share of the time between first and last slice that its bars fill, below which gaps are cut out


def in_script(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can close the element or break a line of JavaScript."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    for found, safe in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(found, safe)
    return text


def plotly_text(text: str) -> str:
    """`text` so that plotly shows it as it stands: no tag, no entity of its own, no %{...}, no break of the line."""
    shown = "".join(ch if ch.isprintable() else " " for ch in text)
    for found, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%", "&#37;"), ("$", "&#36;")):
        shown = shown.replace(found, safe)
    return shown


def source_hash(script: str) -> str:
    """The expression that lets a Content-Security-Policy run exactly this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def lines(result: Result) -> dict[str, Any]:
    """Equity and drawdown of strategy and benchmark, thinned together so that they share one axis."""
    facts = result.facts
    equity, under = facts.curve.equity, result.drawdown.to_numpy()
    theirs = facts.benchmark
    theirs_under = None if theirs is None else curves.underwater(facts.capital, theirs)
    rows = curves.rows_to_draw((equity, under, theirs), POINTS)
    told: dict[str, Any] = {
        "time": written(moments(facts)[rows]),
        "equity": rounded(equity[rows], 6),
        "underwater": rounded(under[rows], 5),
        "benchmark": None,
    }
    if theirs is not None and theirs_under is not None:
        told["benchmark"] = rounded(theirs[rows], 6)
        told["benchmark_underwater"] = rounded(theirs_under[rows], 5)
        told["benchmark_name"] = plotly_text(str(result.config.get("benchmark")).replace("_", " "))
    return told


def written(when: np.ndarray) -> list[str]:
    """Dates, or dates and times to the minute, as plotly reads them."""
    return [text.replace("T", " ") for text in np.datetime_as_string(when).tolist()]


def rounded(values: Floats, digits: int) -> list[float | None]:
    """Values to so many significant digits, None where they are not known."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in values.tolist()]


def candle_data(result: Result, told: Chart) -> dict[str, Any]:
    """One instrument's candles and trades."""
    facts, k = result.facts, told.marks
    when = moments(facts)[told.row]
    return {
        "time": written(when),
        "category": crowded(facts.times, daily(facts)),
        "candles": told.ranges,
        "open": rounded(told.open, 6) if told.ranges else [],
        "high": rounded(told.high, 6) if told.ranges else [],
        "low": rounded(told.low, 6) if told.ranges else [],
        "close": rounded(told.close, 6),
        "entry": k.entry.tolist(),
        "entry_price": rounded(k.entry_price, 6),
        "exit": k.exit.tolist(),
        "exit_price": rounded(k.exit_price, 6),
        "side": k.side.tolist(),
        "won": [bool(r > 0) for r in k.returns],
        "words": [_said(int(s), float(r), int(w)) for s, r, w in zip(k.side, k.returns, k.reason, strict=True)],
        "stop": rounded(k.stop, 6),
        "target": rounded(k.target, 6),
    }


def _said(side: int, won: float, reason: int) -> str:
    word = c.REASONS.get(reason, "still open")
    return plotly_text(f"{'long' if side > 0 else 'short'}, {word}, {percent(won)}")


def crowded(times: Ints, is_daily: bool) -> bool:
    """Whether bars inside days leave such gaps (nights, weekends) that candles are better drawn side by side."""
    if is_daily or len(times) < 3:
        return False
    step = float(np.median(np.diff(times)))
    return step * len(times) < CROWDED * float(times[-1] - times[0])
