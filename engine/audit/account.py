"""What is asked of strategy and account: decisions, fills and equity up to a slice, whatever comes after it."""

from __future__ import annotations

from engine.audit.cuts import busy, spread
from engine.audit.pipeline import Pipeline, head
from engine.checks.finding import Finding
from engine.checks.poison import KINDS, WORDS, after, poison, spoilt
from engine.checks.traces import told_apart

MORE = 4  # slices run beyond the cut, so that there is a future to be read
CHECK = "decisions and fills"
ASKED = (
    "forecasts after a slice, and bars after the one its orders meet, change no decision, fill or equity up to there"
)


def audit_account(pipeline: Pipeline, cuts: int) -> Finding:
    """The run under every poison at cuts spread over it and at slices that decided fills, to the bit."""
    panel, base = pipeline.panel, pipeline.run(pipeline.panel, pipeline.forecasts)
    last = len(base.codes) - 4
    chosen = sorted({*spread(0, last, cuts, pipeline.seed), *busy(base.fills.t, last, cuts, pipeline.seed)})
    for k, t in enumerate(chosen):
        short = head(panel, t + 2 + MORE)
        known = {name: values[: len(short)] for name, values in pipeline.forecasts.items()}
        for kind in KINDS[k % 2 :: 2]:  # two at each cut, all of them in turn: every run is a run from the beginning
            other = poison(short, after(short, t + 1), kind, pipeline.seed)
            record = pipeline.run(other, {name: spoilt(values, t, kind) for name, values in known.items()})
            found = told_apart(base, record, panel, t + 1, t + 2)
            if found is not None:
                told = f"forecasts after slice {t}, bars after {t + 1} {WORDS[kind]}: {found[0]}"
                rule = pipeline.config.strategy.rule
                return Finding(CHECK, False, ASKED, told, f"strategy {rule}, {found[1]}", "decides on a later slice")
    told = f"{len(chosen)} cuts x {len(KINDS) // 2} poisons: every bit the same ({len(base.fills):,} fills in the run)"
    return Finding(CHECK, True if chosen else None, ASKED, told if chosen else "too few slices", "")
