"""Windows a second through C's net (14 inputs, 90 steps, 128 x 2), ours beside torch's and ONNX Runtime's own ways.

All run in this process and take turns. The weights are a fresh net's: speed does not depend on them, and the reduced
precision's agreement with fp32 is printed beside its speed.
"""

from __future__ import annotations

import io
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from bench_cases.tables import head, heading, note, row, seconds

Work = Callable[[], Any]
INPUTS, STEPS = 14, 90
PATIENCE = 20.0  # seconds of runs after which a contender has had its turns
BATCHES = (64, 256)  # of the contenders: the better one counts


def inference(windows: int, runs: int) -> None:
    """The tables of throughput and of latency; `windows` is a multiple of every batch, so that nobody drops or pads any."""
    heading(f"Inference: {windows:,} windows of {STEPS} x {INPUTS} through an LSTM 128 x 2")
    try:
        import torch

        from signals.inference import workers
    except ImportError as error:
        note(f"not measured: {error}")
        return
    values = np.random.default_rng(0).standard_normal((windows // 128, STEPS + 127, INPUTS)).astype(np.float32)
    crowd = dict(contenders(values))
    measured: dict[str, list[float]] = {label: [] for label in crowd}
    used: dict[str, list[float]] = {
        label: [] for label in crowd
    }  # processor time, which other people's work disturbs less
    for turn in range(runs + 1):  # the first one warms up
        for label, work in crowd.items():
            if sum(measured[label]) > PATIENCE:
                continue
            started, cpu = time.perf_counter(), time.process_time()
            work()
            if turn:
                measured[label].append(time.perf_counter() - started)
                used[label].append(time.process_time() - cpu)
            time.sleep(0.05)  # threads of the last one fall asleep
    rates = {label: windows / statistics.median(times) for label, times in measured.items()}
    best = max(rate for label, rate in rates.items() if "fp32" in label and not label.startswith("barcast"))
    eager = max(rate for label, rate in rates.items() if label.startswith("torch nn.LSTM fp32"))
    head("contender", "windows/s", "beside the best other fp32", "beside torch fp32", "windows per processor second")
    for label, rate in sorted(rates.items(), key=lambda item: -item[1]):
        row(label, f"{rate:,.0f}", f"{rate / best:.2f}", f"{rate / eager:.2f}", f"{windows / min(used[label]):,.0f}")
    note(
        f"torch {torch.__version__}, {workers()} processors, medians of up to {runs} runs; the load was {os.getloadavg()[0]:.1f}"
    )
    gate(values)
    latency(values, runs)


def predictor(precision: str) -> Any:
    """C with fresh weights and a scaler that changes nothing."""
    from signals import models
    from signals.inference import Predictor
    from signals.passport import Passport

    architecture = {"kind": "rank"}
    passport = Passport.of(
        architecture=architecture,
        unit="score",
        window=STEPS,
        features={"set": "core14", "sha256": "0" * 64, "columns": [f"f{k}" for k in range(INPUTS)]},
        scaler={"kind": "standard", "center": [0.0] * INPUTS, "scale": [1.0] * INPUTS},
        ranges={"train": ["2000-01-01", "2000-12-31"]},
        known_through="2001-01-01T00:00:00Z",
        data_fingerprint="none",
        training_date="2001-01-01",
    )
    return Predictor((passport, models.build(architecture)), precision)  # type: ignore[arg-type]


def contenders(values: np.ndarray) -> Iterator[tuple[str, Work]]:
    """Who scores every window of `values`, by what it is called."""
    import torch

    from signals import models
    from signals.inference import workers

    for precision in ("fp32", "bf16"):
        ours = predictor(precision)
        yield f"barcast {precision}", lambda ours=ours: ours.raw(values)
    view = np.lib.stride_tricks.sliding_window_view(values, STEPS, axis=1)
    stacked = np.ascontiguousarray(view.transpose(0, 1, 3, 2).reshape(-1, STEPS, INPUTS))
    net = models.build({"kind": "rank"}).train(False)
    for precision, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        module, x = models.build({"kind": "rank"}).train(False).to(kind), torch.from_numpy(stacked).to(kind)
        for batch in BATCHES:

            def eager(module: Any = module, x: Any = x, batch: int = batch) -> None:
                with torch.inference_mode():
                    for first in range(0, len(x), batch):
                        module(x[first : first + batch])

            yield f"torch nn.LSTM {precision}, batch {batch}, all threads", eager
    for batch in BATCHES:
        together, apart = sessions(net, batch)
        if together is None:
            return

        def one(session: Any = together, batch: int = batch) -> None:
            for first in range(0, len(stacked) - batch + 1, batch):
                session.run(None, {"x": stacked[first : first + batch]})

        def many(session: Any = apart, batch: int = batch) -> None:
            with ThreadPoolExecutor(workers()) as threads:
                starts = range(0, len(stacked) - batch + 1, batch)
                list(threads.map(lambda k: session.run(None, {"x": stacked[k : k + batch]}), starts))

        yield f"ONNX Runtime fp32, batch {batch}, all threads", one
        yield f"ONNX Runtime fp32, batch {batch}, a call per thread", many


def sessions(net: Any, batch: int) -> tuple[Any, Any]:
    """ONNX Runtime's session on all threads, and one for calls beside each other; None where it is not installed."""
    import torch

    try:
        import onnxruntime
    except ImportError:
        return None, None
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = (torch.zeros(batch, STEPS, INPUTS),)
        torch.onnx.export(net, example, out, input_names=["x"], output_names=["y"], dynamo=False)
    alone = onnxruntime.SessionOptions()
    alone.intra_op_num_threads = 1
    return tuple(
        onnxruntime.InferenceSession(out.getvalue(), options) for options in (onnxruntime.SessionOptions(), alone)
    )  # type: ignore[return-value]


def gate(values: np.ndarray) -> None:
    """How bf16 ranks beside fp32."""
    from signals.inference import LEAST_OVERLAP, LEAST_RANK_CORRELATION, agreement

    one, other = (predictor(precision).raw(values) for precision in ("fp32", "bf16"))
    known = np.isfinite(one)
    correlation, overlap = agreement(one[known], other[known])
    passed = "passes" if correlation >= LEAST_RANK_CORRELATION and overlap >= LEAST_OVERLAP else "is refused by"
    note(
        f"bf16 {passed} its gate on these weights: rank correlation {correlation:.6f}, overlap of the top fifth {overlap:.4f}"
    )


def latency(values: np.ndarray, runs: int) -> None:
    """Seconds of one prediction and of a cross-section of 500 names."""
    head("barcast", "one window", "500 names")
    crowd = np.ascontiguousarray(np.resize(values[:, :STEPS], (500, STEPS, INPUTS)))
    for precision in ("fp32", "bf16"):
        ours = predictor(precision)
        ours._gated = True
        cells = []
        for names in (1, 500):
            ours.last(crowd[:names])
            times = []
            for _ in range(max(5, runs)):
                started = time.perf_counter()
                ours.last(crowd[:names])
                times.append(time.perf_counter() - started)
            cells.append(seconds(statistics.median(times)))
        row(precision, *cells)
