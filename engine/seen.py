"""What the signals of a run have seen: which decisions a model knew the outcome of, and what becomes of those.

A signal may tell, as attributes that the engine asks for:

    known_through   ns UTC, or (T,) of them, or a method of (T,) times that gives them: the last instant any part of the model
                    that speaks at a slice has seen. Absent or None: unknown
    embargo         slices after it that its maker left out between training and test
    label, horizon  open_to_open or close_to_close, and slices: what it was trained to foretell
    model, sha256   its name, and what it is to the last bit
    flags, notes    words that speak against it, and sentences that a run must print

Decisions at or before `known_through` are in-sample, whatever the instrument. `in_sample: refuse` leaves them out: the run
begins after them, and the bars before only fill windows. `in_sample: mark` runs each stretch on an account of its own; the
figures of the run are those of the out-of-sample one, and the others stand beside it, so that none mixes the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DataError, PluginError, first_line
from engine.types import Bools, Ints

if TYPE_CHECKING:
    from engine.config import Config
    from engine.contracts import Signal
    from engine.panel import Panel

IN, EMBARGO, OUT = "in-sample", "embargo", "out-of-sample"
QUESTION = "in-sample or out of sample"
UNKNOWN = "no passport says what the forecasts have seen"
FILLED = {"open": "open_to_open", "close": "close_to_close"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one signal has seen of a run's slices."""

    signal: str
    known: Ints | None  # (T,) ns UTC of the model that speaks at each slice; None: unknown
    mode: str = "refuse"
    model: str | None = None
    sha256: str | None = None
    label: str | None = None
    horizon: int = 1
    embargo: int = 0
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows first to stop of the panel, of one kind."""

    kind: str
    first: int
    stop: int


def seen_by(name: str, signal: Signal, mode: str, times: Ints, known: Ints | None = None) -> Seen:
    """What `signal` says it has seen; `known` (T,) is what came with forecasts made elsewhere. PluginError for nonsense."""
    if known is None:
        known = _known(name, signal, times)
    told = {key: getattr(signal, key, None) for key in ("model", "sha256", "label")}
    if any(value is not None and not isinstance(value, str) for value in told.values()):
        raise PluginError(f"signals.{name}: model, sha256 and label must be texts; they were {told}")
    counts = {key: getattr(signal, key, None) for key in ("embargo", "horizon")}
    for key, value in counts.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise PluginError(f"signals.{name}: {key} must be a whole number of slices, 0 or more; it was {value!r}")
    embargo, horizon = counts["embargo"], counts["horizon"]
    flags, notes = (tuple(str(word) for word in getattr(signal, key, ())) for key in ("flags", "notes"))
    return Seen(
        name,
        known,
        mode,
        **told,
        horizon=1 if horizon is None else horizon,
        embargo=0 if embargo is None else embargo,
        flags=flags,
        notes=notes,
    )


def _known(name: str, signal: Signal, times: Ints) -> Ints | None:
    told: Any = getattr(signal, "known_through", None)
    if callable(told):
        try:
            told = told(times)
        except Exception as error:
            raise PluginError(f"signals.{name}: known_through(times) failed: {first_line(error)}") from error
    if told is None:
        return None
    array = np.asarray(told)
    if array.dtype.kind not in "iu" or array.shape not in ((), times.shape):
        raise PluginError(
            f"signals.{name}: known_through must be nanoseconds UTC, one number or one per slice {times.shape}; it was "
            f"{array.dtype} of shape {array.shape}"
        )
    return np.broadcast_to(array.astype(np.int64), times.shape).copy()


def in_sample(seen: Seen, times: Ints) -> Bools:
    """(T,) whether a decision at each slice lies at or before what the model knows; False where nothing is known of it."""
    return np.zeros(len(times), np.bool_) if seen.known is None else times <= seen.known


def begins(all_seen: Mapping[str, Seen], times: Ints) -> int:
    """The first row of the run: after every slice at which a signal that refuses is in-sample from the beginning on.

    DataError where none is left.
    """
    first = 0
    for seen in all_seen.values():
        if seen.mode != "refuse":
            continue
        out = ~in_sample(seen, times)
        if not out.any():
            known = np.zeros(0, np.int64) if seen.known is None else seen.known
            raise DataError(
                f"signals.{seen.signal}: every decision would be in-sample: the model knows until {day(int(known[-1]))}, and "
                f"the data ends {day(int(times[-1]))}. Give it later data, or say in_sample: mark to see what it learnt"
            )
        first = max(first, int(np.argmax(out)))
    return first


def stretches(all_seen: Mapping[str, Seen], times: Ints, first: int) -> list[Stretch]:
    """Rows `first` to the end in their kinds, in order of time; one stretch where no signal that marks is in-sample."""
    end_in, end_embargo = first, first
    for seen in all_seen.values():
        if seen.mode != "mark" or seen.known is None:
            continue
        out = ~in_sample(seen, times)
        row = int(np.argmax(out)) if out.any() else len(times)
        end_in = max(end_in, row)
        if row < len(times):
            end_embargo = max(end_embargo, row + _embargo_left(seen, times, row))
    cuts = [(IN, first, end_in), (EMBARGO, end_in, min(max(end_in, end_embargo), len(times)))]
    cuts.append((OUT, cuts[1][2], len(times)))
    return [Stretch(*cut) for cut in cuts if cut[2] > cut[1]]


def _embargo_left(seen: Seen, times: Ints, row: int) -> int:
    """Slices of the embargo from `row` on, the first after what the model knows; those before the data count as passed."""
    if row > 0 or seen.known is None or len(times) < 2:
        return seen.embargo
    spacing = (int(times[-1]) - int(times[0])) / (len(times) - 1)
    passed = max(0, int((int(times[0]) - int(seen.known[0])) / spacing) - 1)
    return max(0, seen.embargo - passed)


def day(time: int) -> str:
    """ns UTC as people read it: the minute."""
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def models(all_seen: Mapping[str, Seen]) -> dict[str, dict[str, Any]]:
    """What the manifest keeps of every signal that is a model or says what it has seen."""
    out = {}
    for name, seen in all_seen.items():
        if seen.known is None and seen.model is None:
            continue
        known = None if seen.known is None else sorted({int(k) for k in seen.known})
        out[name] = {
            "model": seen.model,
            "sha256": seen.sha256,
            "known_through": None if known is None else iso(known[-1]),
            "parts": 0 if known is None else len(known),
            "label": seen.label,
            "horizon": seen.horizon,
            "embargo": seen.embargo,
            "in_sample": seen.mode,
            "flags": list(seen.flags),
        }
    return out


def iso(time: int) -> str:
    return datetime.fromtimestamp(time // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def warnings(all_seen: Mapping[str, Seen], config: Config, panel: Panel, first: int) -> list[str]:
    """What a reader must know: labels that are not the run's, flags, and slices that were left out.

    Bars without any open, whose orders fill at the close for want of one, ask for a label of closes.
    """
    out = []
    execution, times = config.execution, panel.times
    fill = "close" if panel.missing_open == "close_fills" and not np.isfinite(panel.open).any() else execution.fill
    for name, seen in all_seen.items():
        out += [f"signals.{name}: {note}" for note in seen.notes]
        wanted = FILLED[fill]
        if seen.label is not None and seen.label != wanted:
            out.append(
                f"signals.{name}: the model was trained on {seen.label}, and orders fill at the {fill}: what it "
                f"foretells begins at another price than a trade does"
            )
        elif seen.label is not None and execution.delay:
            out.append(
                f"signals.{name}: the model foretells from the next {fill} on, and orders fill "
                f"{execution.delay + 1} slices after the decision"
            )
        if seen.mode == "refuse" and (left := int(in_sample(seen, times).sum())):
            last = int(np.flatnonzero(in_sample(seen, times))[-1])
            out.append(
                f"signals.{name}: {left:,} slices up to {day(int(times[last]))} are refused: the model knows until "
                f"{day(int(seen.known[last] if seen.known is not None else 0))}; the run begins {day(int(times[first]))}"
            )
    return out


def verdict(all_seen: Mapping[str, Seen], kind: str, times: Ints) -> tuple[str, str] | None:
    """(state, sentence) on the stretch the figures are of; None where a signal has not told what it knows."""
    if not all_seen or any(seen.known is None for seen in all_seen.values()):
        return None
    latest = max(int(seen.known.max()) for seen in all_seen.values() if seen.known is not None)
    knows = f"what was learnt ends {day(latest)}, and the first decision is of {day(int(times[0]))}"
    if any(len(set(seen.known.tolist())) > 1 for seen in all_seen.values() if seen.known is not None):
        knows = f"models take turns, each after what it has learnt; the first decision is of {day(int(times[0]))}"
    if kind == OUT:
        return "passed", f"out-of-sample: {knows}"
    return "failed", f"{kind}: {knows}; no figure here says how it would do on what it has not seen"
