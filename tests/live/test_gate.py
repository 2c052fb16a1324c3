"""The gate: nothing beyond the limits leaves, whatever the strategy or the step does; and the gate's own mutants are caught."""

from __future__ import annotations

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest

from engine import journal
from engine.holding import Hold
from engine.live import gate as real
from engine.live import paper, tape
from engine.live.feed import Action, Arrived
from engine.live.fold import Fold, Waiting
from engine.shapes import HALT
from engine.types import Order, Universe
from tests.live.market import config, messy, play
from tests.promises import note, size

NONE = np.zeros(2, np.bool_)
LIMITS = real.Limits(max_weight=0.5, max_gross=0.8, max_sector=0.6, min_cash=0.3, max_order_value=45_000.0, delay=0)


def universe():
    base = Universe.of(("A", "B"))
    return Universe(
        base.symbols,
        base.lot,
        base.tick,
        base.multiplier,
        np.array([0, 0]),
        ("all",),
        base.delisted_at,
        base.terminal_value,
    )


def waiting(*orders):
    """Orders as (instrument, quantity, more): due for the next slice, of targets, unless told otherwise."""
    rows = [
        {
            "due": 6,
            "kind": -1,
            "limit": np.nan,
            "stop": np.nan,
            "reduce_only": False,
            "reason": 1,
            "instrument": i,
            "quantity": q,
        }
        | more
        for i, q, more in orders
    ]
    kinds = {"due": np.int64, "instrument": np.int64, "kind": np.int64, "reduce_only": np.bool_, "reason": np.int64}
    return Waiting(
        **{name: np.array([row[name] for row in rows], kinds.get(name, np.float64)) for name in Waiting.__slots__}
    )


def judged(
    orders, module=real, *, held=(0.0, 0.0), hold=None, brake=0, account=None, splits=(), venue=None, limits=LIMITS
):
    """Nothing if orders after slice 5 may leave: 100,000 of equity, A and B at 10."""
    gate = module.Gate(module.Limits(**{f: getattr(limits, f) for f in limits.__slots__}), universe(), venue)
    bars = np.full((5, 2), 10.0)
    gate.met(Arrived(4, 0, 0, True, False, False, bars), [])
    gate.filled(np.array([0, 1]), np.array(held, float))
    acts = [Action(np.array([i]), np.array([s]), np.array([0.0])) for i, s in splits]
    gate.met(Arrived(5, 0, 0, True, False, False, bars), acts)
    gate.check(5, 100_000.0, waiting(*orders), hold, brake, np.array(held if account is None else account, float))


LOCKED = Hold(0, False, np.array([True, False]), NONE)
MAY_LEAVE = {
    "nothing": dict(orders=[]),
    "within every limit": dict(orders=[(0, 2_000, {}), (1, 3_000, {})]),
    "exactly at max_weight, sector aside": dict(orders=[(0, 4_500, {})]),
    "a reduction of what is beyond a limit": dict(orders=[(0, -1_000, {"reduce_only": True})], held=(9_000, 0)),
    "a reduction while nothing may grow": dict(
        orders=[(0, -1_000, {"reduce_only": True})], held=(2_000, 0), brake=HALT
    ),
    "a reduction under a lock": dict(orders=[(0, -1_000, {"reduce_only": True})], held=(2_000, 0), hold=LOCKED),
    "a reduce-only order beyond what is held": dict(orders=[(0, -9_000, {"reduce_only": True})], held=(2_000, 0)),
    "a reduce-only order that makes room for less": dict(
        orders=[(0, -9_000, {"reduce_only": True, "kind": 0}), (0, 1_500, {})], held=(2_000, 0), brake=HALT
    ),
    "the other name under a lock": dict(orders=[(1, 1_000, {})], hold=LOCKED),
    "after a split that the account knows": dict(orders=[], held=(100, 0), account=(200, 0), splits=[(0, 2.0)]),
    "a reduction worth more than max_order_value": dict(orders=[(0, -5_000, {"kind": 0})], held=(9_000, 0)),
    "an odd lot that flattens": dict(orders=[(0, -0.5, {"reduce_only": True})], held=(0.5, 0)),
}
MUST_NOT = {
    "a quantity that is no number": (dict(orders=[(0, np.nan, {})]), "a quantity of nan"),
    "an infinite quantity": (dict(orders=[(0, np.inf, {})]), "a quantity of inf"),
    "an order of nothing": (dict(orders=[(0, 0.0, {})]), "a quantity of 0"),
    "an order for a slice that has passed": (dict(orders=[(0, 10, {"due": 5})]), "it is for slice 5"),
    "an order for a later slice than there can be": (dict(orders=[(0, 10, {"due": 7})]), "it is for slice 7"),
    "half a lot": (dict(orders=[(0, 10.5, {})]), "no multiple of the lot"),
    "growth while nothing may grow": (dict(orders=[(0, 10, {})], brake=HALT), "while nothing may"),
    "growth while everything is flattened": (dict(orders=[(0, 10, {})], brake=2), "while nothing may"),
    "growth of a locked name": (dict(orders=[(0, 10, {})], hold=LOCKED), "locked or blocked"),
    "a flip of a locked name": (dict(orders=[(0, -150, {})], held=(100, 0), hold=LOCKED), "locked or blocked"),
    "a small flip while nothing may grow": (dict(orders=[(0, -150, {})], held=(100, 0), brake=HALT), "while nothing may"),
    "growth behind a reduction that is cut": (
        dict(orders=[(0, -3_000, {"reduce_only": True}), (0, 2_950, {})], held=(100, 0), brake=HALT), "while nothing may",
    ),
    "more than max_weight": (dict(orders=[(0, 1_100, {})], held=(4_000, 0)), "max_weight allows 50"),
    "more than max_weight short": (dict(orders=[(0, -1_100, {})], held=(-4_000, 0)), "max_weight allows 50"),
    "two orders that are too much together": (dict(orders=[(0, 3_000, {}), (0, 2_500, {})]), "max_weight allows 50"),
    "more than the sector": (dict(orders=[(0, 3_100, {}), (1, 3_000, {})]), "max_sector allows 60"),
    "longs that leave too little cash": (
        dict(orders=[(0, 3_600, {}), (1, 3_500, {})], limits=real.Limits(0.5, 0.8, 9.0, 0.3, 45_000.0, 0)), "min_cash allows 70",
    ),
    "more than max_gross": (
        dict(orders=[(0, 4_100, {}), (1, -4_000, {})], limits=real.Limits(0.5, 0.8, 9.0, 0.0, 45_000.0, 0)), "max_gross allows 80",
    ),
    "too large an order": (dict(orders=[(0, 4_600, {})]), "max_order_value 45,000.00"),
    "an account that its fills do not make": (dict(orders=[], held=(100, 0), account=(101, 0)), "its fills make 100"),
    "an account that missed a split": (dict(orders=[], held=(100, 0), splits=[(0, 2.0)]), "its fills make 200"),
    "too many orders at once": (dict(orders=[(0, 1, {}), (1, 1, {})], venue=real.Venue(orders_per_slice=1)), "2 orders in a slice"),
    "too many orders in a day": (dict(orders=[(0, 1, {}), (1, 1, {})], venue=real.Venue(orders_per_day=1)), "2 orders in a day"),
    "a limit far from the market": (dict(orders=[(0, 1, {"limit": 20.0, "kind": 2})], venue=real.Venue(collar=0.5)), "further than 50.0%"),
    "a stop far from the market": (dict(orders=[(0, 1, {"stop": 4.0, "kind": 3})], venue=real.Venue(collar=0.5)), "further than 50.0%"),
}  # fmt: skip


@pytest.mark.parametrize("case", MAY_LEAVE)
def test_what_may_leave_does(case):
    judged(**MAY_LEAVE[case])


@pytest.mark.parametrize("case", MUST_NOT)
def test_what_must_not_leave_does_not(case):
    told, said = MUST_NOT[case]
    with pytest.raises(real.GateError, match=said):
        judged(**told)


MUTANTS = [
    ("if not math.isfinite(quantity) or quantity == 0.0:", "if not math.isfinite(quantity):"),
    ("if not math.isfinite(quantity) or quantity == 0.0:", "if quantity == 0.0 or math.isnan(quantity):"),
    ("if not math.isfinite(quantity) or quantity == 0.0:", "if quantity == 0.0 or math.isinf(quantity):"),
    ("if not t < waiting.due[k] <=", "if not t <= waiting.due[k] <="),
    ("<= t + 1 + self.limits.delay:", "<= t + 2 + self.limits.delay:"),
    ("if lot > 0.0 and not flattens and abs", "if False and abs"),
    ("and not flattens and", "and"),
    ("if waiting.reduce_only[k] and (cut or waiting.kind[k] >= 0):", "if False:"),
    ("(cut or waiting.kind[k] >= 0)", "waiting.kind[k] >= 0"),
    ("& ~waiting.reduce_only", ""),
    ("min(abs(quantity), abs(room))", "abs(quantity)"),
    ("after[i] += quantity", "after[i] = quantity"),
    ("if brake & (HALT | FLATTEN_ALL) and grows.any():", "if False:"),
    ("brake & (HALT | FLATTEN_ALL)", "brake & HALT"),
    ("brake & (HALT | FLATTEN_ALL)", "brake & FLATTEN_ALL"),
    ("grows & hold.barred", "grows & False"),
    (" | (after * self.held < 0.0)", ""),
    ("if larger and value > limits.max_order_value * (1.0 + SLACK):", "if False:"),
    ("if larger and value", "if value"),
    ("self._bound(t, np.abs(weight), limits.max_weight", "self._bound(t, weight, limits.max_weight"),
    ('limits.max_weight, "max_weight")', 'math.inf, "max_weight")'),
    ('limits.max_sector, "max_sector")', 'math.inf, "max_sector")'),
    ('1.0 - limits.min_cash, "min_cash")', '2.0, "min_cash")'),
    ('limits.max_gross, "max_gross")', 'math.inf, "max_gross")'),
    ("self._sum(np.abs(weight), grows)", "self._sum(weight, grows)"),
    ("if off.any():", "if False:"),
    ("self.held[i] *= split", "self.held[i] *= 1.0"),
    ("self.held[i] += size", "self.held[i] = 0.0"),
    ("if count > most:", "if count > most and span == 'day':"),
    ("if count > most:", "if count > most and span == 'slice':"),
    ("for price in (waiting.limit[k], waiting.stop[k]):", "for price in (waiting.limit[k],):"),
    ("for price in (waiting.limit[k], waiting.stop[k]):", "for price in (waiting.stop[k],):"),
    ("> self.venue.collar:", "> math.inf:"),
    ("raise GateError(", "GateError("),
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda pair: pair[1][:40])
def test_every_mutant_of_the_gate_is_caught(mutant):
    source = Path(real.__file__).read_text()
    assert mutant[0] in source
    module = types.ModuleType("engine.live.gate_mutant")
    import sys

    sys.modules[module.__name__] = module  # where dataclasses look for it
    exec(compile(source.replace(*mutant), "gate_mutant.py", "exec"), module.__dict__)
    wrong = 0
    for told in MAY_LEAVE.values():
        try:
            judged(**told, module=module)
        except Exception:  # a mutant may well fall over
            wrong += 1
    for told, said in MUST_NOT.values():
        try:
            judged(**told, module=module)
            wrong += 1
        except Exception as error:
            wrong += said not in str(error)
    assert wrong
    note("gate", mutants_of_the_gate=1, of_these_caught=1)


def test_a_step_that_would_send_more_is_halted_and_stays_so(tmp_path, monkeypatch):
    before = Fold.waiting

    def swollen(self):
        found = before(self)
        return dataclasses.replace(found, quantity=found.quantity * 9.0)

    monkeypatch.setattr(Fold, "waiting", swollen)
    file = config(
        strategy={"rule": "threshold", "signal": "up", "confidence": 0.0, "size": "20%"}, caps={"max_weight": "25%"}
    )
    for _ in range(2):
        with pytest.raises(real.GateError, match="max_weight allows 25"):
            play(tmp_path / "s", file, messy(31, 40))
        rows = list(journal.read(tmp_path / "s" / "journal"))
        assert rows[-1].kind == tape.HALT
        assert tape.INTENT not in [row.kind for row in rows]


class Wild:
    """Targets from -300 % to 300 %, some of them nobody's business, on every slice."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def target(self, now):
        wanted = self.rng.normal(0.0, 1.0, len(now.symbols)) * self.rng.choice([0.1, 1.0, 3.0])
        wanted[self.rng.random(len(wanted)) < 0.3] = np.nan
        return wanted


class WildOrders:
    """Orders of every kind and size."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def orders(self, now):
        for i, symbol in enumerate(now.symbols):
            price = now.slice.close[i]
            if self.rng.random() < 0.6 and np.isfinite(price):
                size = self.rng.normal(0.0, 1.0) * now.account.equity / price * self.rng.choice([0.1, 1.0, 5.0])
                kind = self.rng.choice(["market", "limit", "stop", "close"])
                told = {str(kind): price * self.rng.uniform(0.95, 1.05)} if kind in ("limit", "stop") else {}
                yield Order(symbol, size, str(kind), reduce_only=bool(self.rng.random() < 0.2), **told)


CAPS = [
    {"max_weight": "30%", "max_gross": 1.5}, {"max_order_value": 8_000.0}, {"min_cash": "40%"}, {"max_gross": 0.5, "max_weight": "20%"},
]  # fmt: skip


@pytest.mark.parametrize("seed", range(size(8, 80)))
def test_wild_strategies_stay_within_the_limits_and_the_gate_agrees(tmp_path, seed):
    made = (Wild if seed % 2 else WildOrders)(seed)
    file = config(
        caps=CAPS[seed % 8 // 2],
        sizing={"exposure": {"long": "130%", "short": "130%"}},
        feed={"source": "replay", "warm_up": 0},
    )
    file["execution"] = {"delay": seed % 3, "max_participation": "20%", "fill": "open" if seed % 8 < 6 else "close"}
    file["switches"] = {"max_drawdown": {"at": "10%", "action": "halt", "resume": "5 bars"}}
    session = play(tmp_path / "s", file, messy(40 + seed, 120), strategy=made)
    assert session.fold.met > 20
    kinds = [row.kind for row in journal.read(tmp_path / "s" / "journal")]
    assert kinds.count(tape.INTENT) > 15 and tape.HALT not in kinds
    assert paper.verify_session(tmp_path / "s", strategy=lambda: type(made)(seed)).complete
    sent = sum(len(row.body["quantity"]) for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.INTENT)
    note("gate", wild_sessions=1, orders_of_these=sent, beyond_a_limit=kinds.count(tape.HALT))
