"""core14_shipped: the other fourteen columns that go by the name, with logarithmic returns.

Two differ from how they were shipped, ln(V + 1) and ln((V + 1) / (V[-1] + 1)): those depend on the unit of the volume. Here
the 1 is a hundredth of the mean volume.
"""

from __future__ import annotations

from engine.types import Floats
from signals.features import rolling
from signals.features.block import Block
from signals.features.sets import Column, FeatureSet

OURS = "barcast"


def log_past(b: Block, k: int) -> Floats:
    return b.kept(("log_past", k), lambda: rolling.log(b.close / b.lagged("close", k)))


def floor(b: Block) -> Floats:
    return b.mean("volume", 20) / 100.0


def index(b: Block) -> Floats:
    return b.index_market.log_past(1)


def correlation(b: Block) -> Floats:
    return rolling.correlation(log_past(b, 1), index(b)[None], 20)


def close(name: str, formula: str, memory: int, compute: object) -> Column:
    return Column(name, formula, memory, OURS, ("close",), compute)  # type: ignore[arg-type]


CORE14_SHIPPED = FeatureSet(
    "core14_shipped",
    (
        close("ret_1d", "ln(C / C[-1])", 1, lambda b: log_past(b, 1)),
        close("ret_5d", "ln(C / C[-5])", 5, lambda b: log_past(b, 5)),
        close("ret_20d", "ln(C / C[-20])", 20, lambda b: log_past(b, 20)),
        close("vol_10d", "std10(ret_1d)", 10, lambda b: rolling.std(log_past(b, 1), 10)),
        close("vol_20d", "std20(ret_1d)", 20, lambda b: rolling.std(log_past(b, 1), 20)),
        Column("hl_range", "(H - L) / C", 0, OURS, ("high", "low", "close"), lambda b: (b.high - b.low) / b.close),
        Column("oc_gap", "O / C[-1] - 1", 1, OURS, ("open", "close"), lambda b: b.open / b.lagged("close", 1) - 1),
        close("sma_10_dist", "C / mean10(C) - 1", 9, lambda b: b.close / b.mean("close", 10) - 1),
        close("sma_20_dist", "C / mean20(C) - 1", 19, lambda b: b.close / b.mean("close", 20) - 1),
        Column(
            "log_volume",
            "ln((V + m) / (100 m)), m = mean20(V) / 100",
            19,
            OURS,
            ("volume",),
            lambda b: rolling.log((b.volume + floor(b)) / (100.0 * floor(b))),
        ),
        Column(
            "volume_change",
            "ln((V + m) / (V[-1] + m)), m = mean20(V) / 100",
            19,
            OURS,
            ("volume",),
            lambda b: rolling.log((b.volume + floor(b)) / (b.lagged("volume", 1) + floor(b))),
        ),
        Column("market_return", "mean over instruments of ret_1d", 1, OURS, ("close", "market"), index),
        Column(
            "vs_market", "ret_1d - market_return", 1, OURS, ("close", "market"), lambda b: log_past(b, 1) - index(b)
        ),
        Column("market_correlation", "corr20(ret_1d, market_return)", 20, OURS, ("close", "market"), correlation),
    ),
)
