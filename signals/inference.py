"""Inference: complete windows in, calibrated forecasts out, the same bits for a panel, a slice, and after a restart.

Every call of a net has BATCH windows, the last one padded, and runs on one thread; several calls run beside each other. So
a window's forecast depends on nothing but itself. Whether a library's kernels keep to that for a net's sizes is tried out
before its first call: some small products round differently by place, and such a net is asked window by window.

That is also the fastest way measured (scripts/bench --case inference): torch's fused LSTM on one thread per core does more
windows a second than the same LSTM on all threads, which wait for each other at every step. Projecting inputs once per bar
and skipping the first step's recurrent product would save 4% of the arithmetic, and loses more outside of the fused kernel.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from signals.folder import ModelError, read
from signals.models import build
from signals.passport import Passport

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Precision = Literal["fp32", "bf16"]

PRECISIONS = ("fp32", "bf16")
BATCH = 64  # windows of a call
SHIFTS = (1, 2, 7, 16, 29)  # by which a batch is turned to see whether a window's place in it matters
LEAST_RANK_CORRELATION, LEAST_OVERLAP = 0.9999, 0.99  # of a reduced precision with fp32
TOP = 0.2  # the share of windows whose overlap is asked for
SAMPLE = 2048  # windows the gate looks at, at most
FEWEST = 500  # below, the gate makes windows up

_sizes: dict[tuple[str, int, torch.dtype], int] = {}  # windows of a call, by what a net is
_turn = threading.RLock()  # torch's number of threads is one number for all


class Predictor:
    """One trained net with its passport. `clamped` counts the forecasts that its declared limits have cut."""

    def __init__(self, source: str | Path | tuple[Passport, nn.Module], precision: Precision = "fp32") -> None:
        """From a model folder, or from a passport and its module; ModelError for a folder that is not sound."""
        if precision not in PRECISIONS:
            raise ModelError(f"precision must be one of {', '.join(PRECISIONS)}; it was {precision!r}")
        if isinstance(source, tuple):
            self.passport, module = source
            state = {name: value.detach().clone() for name, value in module.state_dict().items()}
        else:
            self.passport, state = read(source)
        self.precision = precision
        self.clamped = 0
        self._gated = precision == "fp32"
        self._fp32 = _ready(self.passport, state)
        self._net = self._fp32 if precision == "fp32" else _ready(self.passport, state).bfloat16()
        self._sizes = {net: batch_of(net, self.passport) for net in {self._fp32, self._net}}

    def panel(self, values: Floats32, rows: NDArray[np.bool_] | None = None) -> Floats:
        """(N, T, F) features -> (N, T) forecasts; row t is of the window that ends there.

        NaN where a feature of the window is not known, before the first window is full, where `rows` (T,) is False, and
        everywhere if the passport blocks the model. ModelError if bf16 does not pass its gate on these windows.
        """
        out = np.full(values.shape[:2], np.nan)
        if self.passport.blocked:
            return out
        ends = complete(values, self.passport.window)
        if rows is not None:
            ends &= rows
        which = np.argwhere(ends)
        if not self._gated:
            self._pass_gate(values, which)
        if len(which):
            out[which[:, 0], which[:, 1]] = self._run(self._net, values, which, calibrated=True)
        return out

    def last(self, values: Floats32) -> Floats:
        """(N, L, F) features, L at least the net's window -> (N,) forecasts of the last window; NaN as in panel()."""
        rows = np.zeros(values.shape[1], np.bool_)
        rows[-1:] = True
        return self.panel(values, rows)[:, -1]

    def raw(self, values: Floats32) -> Floats:
        """(N, T, F) features -> (N, T) raw outputs of the net, whatever the passport's flags: for calibration and figures."""
        out = np.full(values.shape[:2], np.nan)
        which = np.argwhere(complete(values, self.passport.window))
        if len(which):
            out[which[:, 0], which[:, 1]] = self._run(self._net, values, which, calibrated=False)
        return out

    def _run(self, net: nn.Module, values: Floats32, which: NDArray[np.int64], calibrated: bool) -> Floats:
        """(W,) outputs of the windows of instrument which[:, 0] that end at row which[:, 1]."""
        size = self._sizes[net]
        starts = range(0, len(which), size)

        def call(first: int) -> tuple[Floats, int]:
            some = which[first : first + size]
            out = _outputs(net, self._windows(values, some, size))
            if calibrated:
                return self._finish(out, len(some))
            return out[: len(some)], 0

        with _one_thread_each() as workers:
            if len(starts) == 1 or workers == 1:
                done = [call(first) for first in starts]
            else:
                with ThreadPoolExecutor(workers) as threads:
                    done = list(threads.map(call, starts))
        self.clamped += sum(cut for _, cut in done)
        return np.concatenate([out for out, _ in done])

    def _windows(self, values: Floats32, which: NDArray[np.int64], size: int) -> Floats32:
        """(size, L, F) scaled windows; the rows that are nobody's are 0."""
        length = self.passport.window
        out = np.zeros((size, length, values.shape[2]), np.float32)
        for k, (i, t) in enumerate(which.tolist()):
            out[k] = values[i, t - length + 1 : t + 1]
        out[: len(which)] = self.passport.scaler.apply(out[: len(which)])
        return out

    def _finish(self, raw: Floats, count: int) -> tuple[Floats, int]:
        """The first `count` of a call's outputs, calibrated and clamped, and how many the clamp has moved."""
        p = self.passport
        out = (raw if p.calibration is None else p.calibration.apply(raw))[:count]
        if p.clamp is None:
            return out, 0
        low, high = (
            float("-inf") if p.clamp[0] is None else p.clamp[0],
            float("inf") if p.clamp[1] is None else p.clamp[1],
        )
        kept = np.clip(out, low, high)
        return kept, int((kept != out).sum())

    def _pass_gate(self, values: Floats32, which: NDArray[np.int64]) -> None:
        """Nothing; ModelError unless bf16 ranks these windows (or made-up ones, where there are few) as fp32 does."""
        if len(which) < FEWEST:
            values, which = _made_up(self.passport)
        which = which[np.unique(np.linspace(0, len(which) - 1, min(SAMPLE, len(which))).astype(np.int64))]
        one, other = (self._run(net, values, which, calibrated=False) for net in (self._fp32, self._net))
        correlation, overlap = agreement(one, other)
        if not (correlation >= LEAST_RANK_CORRELATION and overlap >= LEAST_OVERLAP):
            raise ModelError(
                f"precision bf16 is refused: over {len(which):,} windows its rank correlation with fp32 is {correlation:.6f} "
                f"(at least {LEAST_RANK_CORRELATION}), and the top {TOP:.0%} overlap by {overlap:.4f} (at least "
                f"{LEAST_OVERLAP}). Say precision: fp32"
            )
        self._gated = True


def complete(values: Floats32, length: int) -> NDArray[np.bool_]:
    """(N, T): whether every feature of the `length` rows that end here is finite."""
    out = np.zeros(values.shape[:2], np.bool_)
    if values.shape[1] < length:
        return out
    for i in range(len(values)):
        known = np.isfinite(values[i]).all(axis=1)
        total = np.concatenate([[0], np.cumsum(known)])
        out[i, length - 1 :] = total[length:] - total[:-length] == length
    return out


def agreement(one: Floats, other: Floats) -> tuple[float, float]:
    """Rank correlation of two (W,) forecasts, and the share of the TOP of one that the other's TOP holds."""
    ranks = [np.argsort(np.argsort(x, kind="stable"), kind="stable").astype(np.float64) for x in (one, other)]
    top = max(1, int(len(one) * TOP))
    both = len(set(np.argsort(-one, kind="stable")[:top]) & set(np.argsort(-other, kind="stable")[:top]))
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]), both / top


def _ready(passport: Passport, state: dict[str, torch.Tensor]) -> nn.Module:
    module = build(passport.architecture)
    module.load_state_dict(state, strict=True)
    return module.train(False).requires_grad_(False)


def batch_of(net: nn.Module, passport: Passport) -> int:
    """BATCH if a window's place in a batch changes no bit of its output, else 1."""
    key = (repr(passport.architecture), passport.window, next(net.parameters()).dtype)
    if key not in _sizes:
        noise = torch.randn(
            BATCH, passport.window, len(passport.scaler), generator=torch.Generator().manual_seed(0)
        ).numpy()
        with _one_thread_each():
            whole = _outputs(net, noise)
            turned = [np.roll(_outputs(net, np.roll(noise, k, axis=0)), -k) for k in SHIFTS]
        _sizes[key] = BATCH if all(np.array_equal(one, whole) for one in turned) else 1
    return _sizes[key]


def _outputs(net: nn.Module, windows: Floats32) -> Floats:
    """(B,) float64 outputs of (B, L, F) windows."""
    with torch.inference_mode():
        x = torch.from_numpy(windows).to(next(net.parameters()).dtype)
        out: Floats = net(x).to(torch.float64).numpy()
    return out


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """How many calls may run beside each other; within, each has one thread of torch's."""
    with _turn:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield workers()
        finally:
            torch.set_num_threads(before)


def workers() -> int:
    """Processors this process may use, or OMP_NUM_THREADS where that is fewer."""
    free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return min(free, int(told)) if told.isdigit() and int(told) > 0 else free


def _made_up(passport: Passport) -> tuple[Floats32, NDArray[np.int64]]:
    """SAMPLE windows of independent normal features, as the scaler saw them, and where they end."""
    s = passport.scaler
    noise = torch.randn(SAMPLE, passport.window, len(s), generator=torch.Generator().manual_seed(0)).numpy()
    values: Floats32 = noise * np.array(s.scale, np.float32) + np.array(s.center, np.float32)
    return values, np.stack([np.arange(SAMPLE), np.full(SAMPLE, passport.window - 1)], 1)
