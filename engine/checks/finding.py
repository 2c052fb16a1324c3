"""Finding: what one check asked and what came, as a value. Checks return them; only the command line prints them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.types import Bools, Floats

if TYPE_CHECKING:
    from engine.panel import Panel

RELATIVE, ABSOLUTE = 1e-6, 1e-9  # what float noise from another order of summing, or another batch, may amount to


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its outcome. `passed` None: it could not be asked, or nothing can be proved; `came` says why."""

    check: str
    passed: bool | None
    asked: str
    came: str
    where: str = ""  # symbol, slice, and the place to look
    kind: str = ""  # of a failure, where the check can tell several apart


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two (R, N) arrays first differ, and in how many cells."""

    row: int
    column: int
    was: float
    now: float
    count: int

    def told(self, first: str, second: str) -> str:
        """The numbers in words."""
        cells = "1 value differs" if self.count == 1 else f"{self.count:,} values differ"
        was, now = pair(self.was, self.now)
        return f"{first} {was}, {second} {now}; {cells}"


def pair(was: float, now: float) -> tuple[str, str]:
    """Two numbers with as few digits as tell them apart."""
    short = f"{was:.6g}", f"{now:.6g}"
    return short if short[0] != short[1] else (f"{was:.17g}", f"{now:.17g}")


def same_bits(first: Floats, second: Floats) -> Bools:
    """Where two float arrays hold the same bits; any NaN is the same as any other."""
    bits = np.ascontiguousarray(first).view(np.int64) == np.ascontiguousarray(second).view(np.int64)
    same: Bools = bits | (np.isnan(first) & np.isnan(second))
    return same


def alike(first: Floats, second: Floats) -> Bools:
    """Where two float arrays agree up to the noise of float arithmetic; NaN agrees with NaN."""
    same: Bools = np.isclose(first, second, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    return same


def difference(first: Floats, second: Floats, same: Bools) -> Difference | None:
    """The first cell, by row, where `same` is False; None where there is none. One row may be given as (N,)."""
    if same.all():
        return None
    places = np.argwhere(np.atleast_2d(~same))
    row, column = (int(k) for k in places[0])
    a, b = np.atleast_2d(first), np.atleast_2d(second)
    return Difference(row, column, float(a[row, column]), float(b[row, column]), len(places))


def slice_of(panel: Panel, row: int) -> str:
    """A slice as people find it: its number and its date, with the time of day where a session has several."""
    day = str(panel.sessions[row])
    if not panel.is_daily():
        day = str(panel.times[row].astype("datetime64[ns]").astype("datetime64[m]")).replace("T", " ") + " UTC"
    return f"slice {row} ({day})"


def place_of(thing: Any, method: str = "") -> str:
    """file.py:line of a method, or of the class or function itself; its name where Python cannot tell."""
    kind = thing if inspect.isclass(thing) or inspect.isfunction(thing) else type(thing)
    target = getattr(kind, method, kind) if method else kind
    try:
        target = inspect.unwrap(getattr(target, "py_func", target))
        file, line = inspect.getsourcefile(target), inspect.getsourcelines(target)[1]
    except (TypeError, OSError):
        return str(getattr(kind, "__name__", kind))
    return f"{Path(file or '?').name}:{line}" + (f" {method}" if method else "")


def place_of_error(error: BaseException) -> str:
    """file.py:line of the innermost frame that is not ours or numpy's: where the plugin failed."""
    trace, out = error.__traceback__, ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if "site-packages" not in file.parts and file.parent != Path(__file__).parent:
            out = f"{file.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return out
