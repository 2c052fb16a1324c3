"""Result: what a run tells, as pandas objects and words. It needs no panel: a stored run reads as a fresh one."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine import codes as c
from engine.errors import DataError
from engine.facts import Facts, facts_of
from engine.metrics import DEFINITIONS, Reasons, Values
from engine.record import Record
from engine.statistics import curve, given
from engine.types import Codes, Floats, Ints

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from engine.panel import Panel

OPEN = "open"  # the exit reason of a trade that has not left


class Row(NamedTuple):
    """One line of a summary; `text` is 'n/a' where the metric is undefined, and `note` says why."""

    section: str
    name: str
    label: str
    text: str
    note: str


SECTIONS = {
    "Performance": (
        "total_return",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "calmar",
        "max_drawdown",
        "final_equity",
    ),
    "Belief": ("sharpe_low", "sharpe_high", "psr", "min_track_record", "years", "slices"),
    "Risk": ("var_95", "cvar_95", "ulcer", "skew", "kurtosis", "max_drawdown_bars", "longest_drawdown_bars"),
    "Trades": ("trades", "win_rate", "average_win", "average_loss", "profit_factor", "expectancy", "average_bars_held"),
    "Positions": (
        "open_positions",
        "open_value",
        "open_pnl",
        "average_gross",
        "average_net",
        "time_in_market",
        "turnover",
    ),
    "Costs": ("fills", "fees", "slippage", "costs_of_capital", "cost_drag", "dividends", "accrued"),
}


class Result:
    """A finished run. Series and frames are indexed by time in UTC and made when first asked for."""

    def __init__(self, record: Record, config: dict[str, Any], manifest: dict[str, Any] | None = None) -> None:
        """Works the record out: round trips, metrics, benchmark. `config` is the resolved one, as plain data."""
        self.facts: Facts = facts_of(record, config, manifest or {})
        self.panel: Panel | None = record.panel
        self.seconds: float | None = record.seconds

    @classmethod
    def of(cls, facts: Facts) -> Result:
        """A result from facts alone, as a run directory keeps them: `panel` is None."""
        result = cls.__new__(cls)
        result.facts, result.panel, result.seconds = facts, None, None
        return result

    @classmethod
    def load(cls, directory: str | Path) -> Result:
        """The result stored in a run directory; DataError if there is none."""
        from engine.rundir import load

        result = cls.of(load(directory))
        result.seconds = result.manifest.get("run", {}).get("seconds")
        return result

    def save(self, directory: str | Path, run: dict[str, Any] | None = None) -> Path:
        """The run directory, written whole or not at all (OutputError). `run` is noted in the manifest as it is."""
        from engine.rundir import save

        return save(self.facts, directory, run)

    # --- plain facts --------------------------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        return str(self.facts.config.get("name", "run"))

    @property
    def config(self) -> dict[str, Any]:
        return self.facts.config

    @property
    def manifest(self) -> dict[str, Any]:
        return self.facts.manifest

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.facts.symbols

    @property
    def metrics(self) -> Values:
        """Every metric by name; None where it is undefined, and then `reasons` says why."""
        return self.facts.metrics

    @property
    def reasons(self) -> Reasons:
        return self.facts.reasons

    @property
    def benchmark_metrics(self) -> Values:
        """The metrics of the benchmark's curve, by the same definitions; empty without a benchmark."""
        return self.facts.benchmark_metrics

    @property
    def warnings(self) -> list[str]:
        return list(self.facts.warnings)

    @property
    def decisions(self) -> Codes:
        """(S, N) reason codes; engine.codes.describe gives the words."""
        return self.facts.codes

    @property
    def forecasts(self) -> dict[str, Floats]:
        """(S, N) forecasts by signal."""
        return self.facts.forecasts

    # --- series by slice ----------------------------------------------------------------------------------------------
    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """The slices: times of the bars' closes, UTC."""
        import pandas as pd

        return pd.DatetimeIndex(self.facts.times.view("datetime64[ns]"), tz="UTC", name="time")

    def _series(self, values: Floats | Ints, name: str) -> pd.Series:
        import pandas as pd

        return pd.Series(values, index=self.index, name=name)

    @cached_property
    def equity(self) -> pd.Series:
        """Marked equity, one value per slice; the capital before the first is `facts.capital`."""
        return self._series(self.facts.curve.equity, "equity")

    @cached_property
    def cash(self) -> pd.Series:
        return self._series(self.facts.curve.cash, "cash")

    @cached_property
    def returns(self) -> pd.Series:
        """Simple returns, the first on the capital; NaN from the slice on at which equity is not above zero."""
        out = np.full(len(self.facts.times), np.nan)
        curve.returns_of(self.facts.capital, given(self.facts.curve.equity), out)
        return self._series(out, "returns")

    @cached_property
    def drawdown(self) -> pd.Series:
        """Equity / highest so far - 1, 0 or less; the capital is the first peak."""
        out = np.empty(len(self.facts.times))
        curve.drawdowns(self.facts.capital, given(self.facts.curve.equity), out)
        return self._series(out, "drawdown")

    @cached_property
    def exposure(self) -> pd.DataFrame:
        """long, short (0 or less), gross and net as multiples of equity (NaN where that is not above 0), positions."""
        import pandas as pd

        k = self.facts.curve
        equity = np.where(k.equity > 0.0, k.equity, np.nan)
        longs, shorts = k.long_value / equity, k.short_value / equity
        columns = {
            "long": longs,
            "short": shorts,
            "gross": longs - shorts,
            "net": longs + shorts,
            "positions": k.positions,
        }
        return pd.DataFrame(columns, index=self.index)

    @cached_property
    def benchmark(self) -> pd.Series | None:
        """What the capital would have become in the benchmark; None without one."""
        values = self.facts.benchmark
        return None if values is None else self._series(values, str(self.config.get("benchmark")))

    # --- tables -------------------------------------------------------------------------------------------------------
    @cached_property
    def fills(self) -> pd.DataFrame:
        """Executions in order: time, symbol, quantity (signed), price, reference, slippage (money), fee, reason."""
        from engine.tables import fills_frame

        return fills_frame(self.facts)

    @cached_property
    def refused(self) -> pd.DataFrame:
        """Explicit orders that were refused: time, symbol, quantity, rule, and its value beside the limit it broke."""
        from engine.tables import refused_frame

        return refused_frame(self.facts)

    @cached_property
    def ambiguous(self) -> pd.DataFrame:
        """Bars in which another intrabar policy would have filled differently: time, date, symbol, in order."""
        from engine.tables import ambiguous_frame

        return ambiguous_frame(self.facts)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Round trips by entry, open ones included and marked; engine.trades.Trades explains the columns."""
        from engine.tables import trades_frame

        return trades_frame(self.facts)

    @cached_property
    def positions(self) -> pd.DataFrame:
        """What is held at the end: symbol, quantity, entry, mark, value, pnl (net, of the open trade), entry_time."""
        from engine.tables import positions_frame

        return positions_frame(self.facts)

    @cached_property
    def by_exit_reason(self) -> pd.DataFrame:
        """Closed trades by exit reason: count, win_rate, pnl, average_return."""
        from engine.tables import exit_reasons_frame

        return exit_reasons_frame(self.facts)

    @cached_property
    def monthly(self) -> pd.DataFrame:
        """Returns by calendar month, a row per year, columns 1 to 12 and `year`; NaN where nothing ran."""
        from engine.tables import monthly_frame

        return monthly_frame(self.facts)

    @cached_property
    def drawdowns(self) -> pd.DataFrame:
        """Drawdowns, deepest first: depth, peak, trough, recovery (NaT while it lasts), bars under water."""
        from engine.tables import drawdowns_frame

        return drawdowns_frame(self.facts)

    # --- words --------------------------------------------------------------------------------------------------------
    def code_counts(self) -> dict[str, dict[str, int]]:
        """How often each reason code occurred over all slices and symbols, under 'fate', 'decision' and 'note'."""
        codes = self.facts.codes.ravel()
        low = np.bincount(codes & np.uint32(0xFFFF), minlength=1 << 16)
        middle = np.bincount((codes >> np.uint32(16)) & np.uint32(0xFF), minlength=256)
        high = np.bincount(codes >> np.uint32(24), minlength=256)
        halves, ends = np.arange(1 << 16), np.arange(256) << 24

        def with_bit(bit: int) -> int:
            return int(low[halves & bit != 0].sum() + high[ends & bit != 0].sum())

        return {
            "fate": {word: with_bit(bit) for bit, word in c.FATES.items()},
            "decision": {word: int(middle[code >> 16]) for code, word in c.DECISIONS.items()},
            "note": {word: with_bit(bit) for bit, word in c.NOTES.items()},
        }

    def row_of(self, at: Any) -> int:
        """The slice at time `at` (naive is UTC), or the last of the session that a bare date names; else DataError."""
        from engine.explain import row_of

        return row_of(self.facts, at)

    def explain(self, at: Any, symbol: str) -> str:
        """Why `symbol` was or was not traded at `at`: decision, forecasts, fills and position in one paragraph."""
        from engine.explain import explain

        if symbol not in self.symbols:
            some = ", ".join(self.symbols[:5]) + (", ..." if len(self.symbols) > 5 else "")
            raise DataError(f"{symbol} is not in this run; expected one of {some}")
        return explain(self.facts, self.row_of(at), symbol)

    def summary(self) -> list[Row]:
        """The headline metrics as text, by section, in the order to show them."""
        return [
            Row(section, name, DEFINITIONS[name].label, shown(name, self.metrics[name]), self.reasons.get(name, ""))
            for section, names in SECTIONS.items()
            for name in names
        ]

    def __repr__(self) -> str:
        first, last = (str(self.facts.dates[k]) for k in (0, -1)) if len(self.facts.dates) else ("", "")
        parts = [
            f"{DEFINITIONS[n].label} {shown(n, self.metrics[n])}" for n in ("total_return", "sharpe", "max_drawdown")
        ]
        return f"<Result {self.name}: {first} to {last}, {', '.join(parts)}, {self.metrics['trades']} trades>"

    def _repr_html_(self) -> str:
        """The verdict and a small table for notebooks; every text is escaped."""
        from html import escape

        from engine.belief import believe

        lines = "".join(
            f"<tr><td>{escape(r.label)}</td><td style='text-align:right' title='{escape(r.note, quote=True)}'>"
            f"{escape(r.text)}</td></tr>"
            for r in self.summary()
        )
        notes = "".join(f"<li>{escape(w)}</li>" for w in self.warnings)
        head = f"<h4>{escape(self.name)}</h4><p><strong>{escape(believe(self).headline)}</strong></p>"
        return f"{head}<table>{lines}</table><ul>{notes}</ul>"


def shown(name: str, value: float | int | None) -> str:
    """A metric's value as people read it, by its unit; 'n/a' where it is undefined."""
    unit = DEFINITIONS[name].unit
    if value is None:
        return "n/a"
    if unit == "fraction":
        certain = name == "psr" and value > 0.9999
        return ">99.99%" if certain else f"{value:,.2%}"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "count" or isinstance(value, int):
        return f"{value:,d}"
    return f"{value:.1f}" if unit == "bars" else f"{value:.2f}"
