"""The compiled step agrees with the plain-Python reference, fill by fill and code by code, over random messy markets."""

from __future__ import annotations

import math
import os
from collections import Counter

import numpy as np
import pytest

from engine import codes as c
from tests.reference import step as reference
from tests.reference.bridge import build
from tests.reference.interface import Outcome
from tests.reference.messy import make_case

CASES = int(os.environ.get("BARCAST_CASES", "600"))
BATCH = 100


def close(a: float, b: float, tolerance: float = 1e-9) -> bool:
    return (math.isnan(a) and math.isnan(b)) or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def first_difference(expected: Outcome, engine) -> str:
    """Where the compiled run departs from the reference, in words; empty if nowhere."""
    fills, slices = engine.fills(), engine.t
    for t in range(slices):
        for i, code in enumerate(expected.codes[t]):
            got = int(engine.codes[t, i])
            if got != code:
                return f"slice {t}, instrument {i}: {c.describe(got)}, expected {c.describe(code)}"
        if not close(engine.curve.equity[t], expected.equity[t]):
            return f"slice {t}: equity {engine.curve.equity[t]!r}, expected {expected.equity[t]!r}"
    if len(fills) != len(expected.fills):
        return f"{len(fills)} fills, expected {len(expected.fills)}"
    mine = sorted(range(len(fills)), key=lambda k: (fills.t[k], fills.instrument[k], k))
    theirs = sorted(range(len(fills)), key=lambda k: (expected.fills[k].t, expected.fills[k].i, k))
    for k, j in zip(mine, theirs, strict=True):
        f = expected.fills[j]
        got = (fills.quantity[k], fills.price[k], fills.reference[k], fills.fee[k])
        wanted = (f.quantity, f.price, f.reference, f.fee)
        same = (fills.t[k], fills.instrument[k], fills.reason[k]) == (f.t, f.i, f.reason)
        if not same or not all(close(a, b) for a, b in zip(got, wanted, strict=True)):
            return f"fill ({fills.t[k]}, {fills.instrument[k]}, reason {fills.reason[k]}) {got}, expected {f}"
    refused = engine.refused
    if int(refused.count[0]) != len(expected.refused):
        return f"{int(refused.count[0])} refusals, expected {len(expected.refused)}"
    for k, r in enumerate(expected.refused):
        got = (refused.t[k], refused.instrument[k], refused.decision[k])
        numbers = zip(
            (refused.quantity[k], refused.value[k], refused.limit[k]), (r.quantity, r.value, r.limit), strict=True
        )
        if got != (r.t, r.i, r.decision) or not all(close(a, b) for a, b in numbers):
            return f"refusal {got}, expected {r}"
    ended = "ruin" if engine.t < len(engine.market.times) or expected.ended == "ruin" else "complete"
    return "" if ended == expected.ended else f"ended {ended}, expected {expected.ended}"


@pytest.mark.parametrize("start", range(0, CASES, BATCH))
def test_the_compiled_step_equals_the_reference_over_messy_markets(start):
    for seed in range(start, start + BATCH):
        market, config = make_case(seed)
        engine = build(market, config)
        engine.run()
        difference = first_difference(reference.run(market, config), engine)
        assert not difference, f"seed {seed}: {difference}\n{config}"


def test_the_messy_markets_leave_no_code_unvisited(capsys):
    seen: Counter[object] = Counter()
    for seed in range(CASES * 2):
        engine = build(*make_case(seed))
        engine.run()
        done = engine.codes[: engine.t]
        for bit in (*c.FATES, *c.NOTES):
            seen[bit] += int(np.count_nonzero(done & np.uint32(bit)))
        decisions, counts = np.unique(done & np.uint32(c.DECISION_MASK), return_counts=True)
        for d, n in zip(decisions, counts, strict=True):
            seen[("decision", int(d))] += int(n)
    words = {**{("decision", k): v for k, v in c.DECISIONS.items()}, **c.FATES, **c.NOTES}
    with capsys.disabled():
        print("\n" + ", ".join(f"{word} {seen[key]}" for key, word in words.items()))
    assert not [word for key, word in words.items() if seen[key] == 0]
