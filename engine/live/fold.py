"""The fold: a tape goes in event by event, the backtest's own step runs, and what it did comes out. Session, recovery and
verify all drive this one thing; nothing else of engine/live touches an account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import digest
from engine.account import read_only
from engine.assembly import assemble
from engine.codes import REASON_EXPLICIT
from engine.contracts import Orderer, Rule, Signal, Strategy
from engine.errors import DataError
from engine.forecasts import answer, checked, finish
from engine.live import state as states
from engine.live.commands import Command, Standing
from engine.live.feed import Action, Arrived, Facts, Gap
from engine.live.growing import GrowingMarket
from engine.live.planned import planner
from engine.live.tape import empty_panel
from engine.measures import Measures
from engine.shapes import ENDED, GO, Curve
from engine.types import Codes, Fills, Floats, Refusals, Universe

if TYPE_CHECKING:
    from engine.config import Config

Given = Callable[[str, int], Floats | None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Orders that wait after a slice: of targets by row of the ring, and explicit ones."""

    due: np.ndarray  # (K,) the slice each meets
    instrument: np.ndarray
    quantity: Floats
    kind: np.ndarray  # of explicit orders; -1: a target's
    limit: Floats
    stop: Floats
    reduce_only: np.ndarray
    reason: np.ndarray  # engine.codes.REASON_*

    def __len__(self) -> int:
        return len(self.due)


NOTHING = Waiting(
    *(np.zeros(0, kind) for kind in (np.int64, np.int64, float, np.int64, float, float, np.bool_, np.int64))
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one slice came to."""

    t: int
    time: int
    brake: int  # of switches and holds together
    was: int  # the slice before
    forecasts: Floats  # (S, N)
    codes: Codes  # (N,)
    fills: Fills
    refused: Refusals
    money: tuple[float, ...]  # equity, cash, long value, short value, accrued, positions
    waiting: Waiting
    digest: bytes
    alive: bool


class Fold:
    """State that is a fold of a tape. `met` slices have been taken in, and `engine.t` of them stepped."""

    def __init__(
        self,
        config: Config,
        universe: Universe,
        facts: Facts,
        signals: Mapping[str, Signal],
        strategy: Rule | Strategy | Orderer | None = None,
    ) -> None:
        windows = {name: int(signal.window) for name, signal in signals.items()}
        longest, measures, n = max(windows.values(), default=1), Measures(), len(universe)
        panel = empty_panel(universe, facts)
        nothing = {name: np.zeros((0, n)) for name in signals}
        units = {name: signal.unit for name, signal in signals.items()}
        self.engine = assemble(config, panel, nothing, units, longest - 1, strategy, measures=measures, orders=False)
        self.engine.planner = planner(config, universe, facts, self.engine.strategy, self._latest)
        self.deaths = np.full(n, -1, np.int64)
        self.engine.specs = self.engine.specs._replace(delisted_row=read_only(self.deaths))
        self.market = GrowingMarket(universe, measures, config.execution.impact > 0.0, longest, facts.dated)
        self.standing = Standing(universe.symbols, longest)
        self.signals, self.universe, self.facts = dict(signals), universe, facts
        self.digest = digest.first(universe.symbols, self.engine.signals, float(config.capital))
        self.met, self.history, self.brake = 0, False, GO
        self.arrived: Arrived | None = None
        self.pending: list[Action] = []  # actions of the next slice
        self.acted: list[Action] = []  # and of the latest
        self._renew()

    def _latest(self) -> Arrived:
        assert self.arrived is not None
        return self.arrived

    def _renew(self) -> None:
        """Fresh rows for what the step writes, beside the market's."""
        cap, n = self.market.capacity, len(self.universe)
        self._forecasts = np.full((cap, max(1, len(self.engine.signals)), n), np.nan)
        self.engine.forecasts, self.engine.origin = read_only(self._forecasts), self.market.origin
        flat = {name: np.zeros(cap) for name in Curve._fields if name != "positions"}
        self.engine.curve = Curve(**flat, positions=np.zeros(cap, np.int64))
        self.engine.codes = np.zeros((cap, n), np.uint32)

    @property
    def alive(self) -> bool:
        """Whether the account is not ruined."""
        return bool(self.engine.book.account.money[ENDED] == 0.0)

    # What the tape says.
    def act(self, action: Action) -> None:
        """Splits and dividends of the next slice."""
        self.pending.append(action)

    def gap(self, gap: Gap) -> None:
        """A stretch that could not be had, before the next slice."""
        self.standing.gap(gap, self.met)

    def command(self, command: Command) -> None:
        """Something somebody asked for, before the next slice."""
        self.standing.obey(command)

    def hand_over(self, name: str, signal: Signal) -> None:
        """From the next slice on `signal` speaks; its window and unit are those of the one before."""
        self.signals[name] = signal

    def meet(self, arrived: Arrived, history: bool = False) -> None:
        """Take a slice in; `step` comes next. DataError if its time does not rise or its shape is wrong.

        `history`: warm-up, on which nothing is opened.
        """
        n = len(self.universe)
        if arrived.bars.shape != (5, n):
            raise DataError(f"slice {self.met}: bars have shape {arrived.bars.shape}, expected (5, {n})")
        if self.arrived is not None and arrived.time <= self.arrived.time:
            raise DataError(f"slice {self.met}: its time {arrived.time} does not come after {self.arrived.time}")
        self.acted, self.pending = self.pending, []
        if self.market.append(arrived, self.acted):
            self._renew()
        self.engine.market = self.market.market
        told = self.universe.delisted_at
        self.deaths[(self.deaths < 0) & (told != 0) & (told <= arrived.time)] = self.met
        self.arrived, self.met, self.history = arrived, self.met + 1, history

    def ask(self, given: Given = lambda name, time: None) -> Floats:
        """(S, N) forecasts of the latest slice, asked of the signals, in the engine's order; those made elsewhere of `given`."""
        out = np.full((max(1, len(self.engine.signals)), len(self.universe)), np.nan)
        for k, name in enumerate(self.engine.signals):
            out[k] = self._ask(name, self.signals[name], given)
        return out

    def _ask(self, name: str, signal: Signal, given: Given) -> Floats:
        t, traded, symbols = self.met - 1, self.market.close, self.universe.symbols
        row = np.full(len(symbols), np.nan)
        adjusted = self.market.window(1).close
        if getattr(signal, "given_by_the_run", False):
            told, adjusted = given(name, self._latest().time), traded[None]
            row = row if told is None else np.array(told, np.float64)
        elif t >= signal.window - 1:
            window = self.market.window(signal.window)
            said = answer(name, "forecast", signal.forecast, window, f" at slice {t}")
            row = checked(name, said, row.shape, t, symbols).copy()
        told_of: Floats = finish(name, row[None], signal.unit, symbols, traded[None], adjusted, t)[0]
        return told_of

    def step(self, forecasts: Floats) -> Outcome:
        """Run the engine's step on the latest slice with these forecasts."""
        engine, arrived, t = self.engine, self._latest(), self.met - 1
        row = t - engine.origin
        self._forecasts[row] = forecasts
        engine.t, engine.hold = t, self.standing.hold(t, arrived, self.history)
        engine.step()
        engine.drain()
        fills = Fills.join(engine.parts)
        engine.parts.clear()
        refused = self._refused(t)
        k = engine.curve
        money = tuple(float(c[row]) for c in (k.equity, k.cash, k.long_value, k.short_value, k.accrued, k.positions))
        codes = engine.codes[row].copy()
        self.digest = digest.after(self.digest, arrived.time, self._forecasts[row], codes, fills, refused, money)
        self.standing.met(engine.book.account.quantity)
        was, self.brake = self.brake, engine.brake
        told, waiting = self._forecasts[row].copy(), self.waiting()
        return Outcome(
            t, arrived.time, self.brake, was, told, codes, fills, refused, money, waiting, self.digest, self.alive
        )

    def _refused(self, t: int) -> Refusals:
        """The refusals of slice `t`; older ones are let go."""
        whole = self.engine.refusals()
        recent = whole.t == t
        if not recent.all():
            states.restore_refused(
                self.engine, {f"refused.{name}": getattr(whole, name)[recent] for name in Refusals.__slots__}
            )
        return Refusals(*(getattr(whole, name)[recent] for name in Refusals.__slots__))

    def waiting(self) -> Waiting:
        """The orders that wait now."""
        orders, explicit, count = (
            self.engine.book.orders,
            self.engine.book.explicit,
            int(self.engine.book.explicit.count[0]),
        )
        rows = len(orders.quantity)
        if not count and np.isnan(orders.quantity).all():
            return NOTHING
        due, place = [], []
        for ahead in range(1, rows):
            ring = (self.met - 1 + ahead) % rows
            who = np.flatnonzero(~np.isnan(orders.quantity[ring]))
            due += [self.met - 1 + ahead] * len(who)
            place += [(ring, int(i)) for i in who]
        ring_at, who_at = np.array([p[0] for p in place], np.int64), np.array([p[1] for p in place], np.int64)
        live = explicit.due[:count] >= 0
        nan = np.full(len(due), np.nan)

        def both(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
            return np.concatenate((ours, theirs[:count][live]))

        return Waiting(
            due=both(np.array(due, np.int64), explicit.due),
            instrument=both(who_at, explicit.instrument),
            quantity=both(orders.quantity[ring_at, who_at], explicit.quantity),
            kind=both(np.full(len(due), -1, np.int64), explicit.kind),
            limit=both(nan, explicit.limit),
            stop=both(nan, explicit.stop),
            reduce_only=both(orders.reduce_only[ring_at, who_at], explicit.reduce_only),
            reason=both(orders.reason[ring_at, who_at], np.full(len(explicit.due), REASON_EXPLICIT, np.int64)),
        )

    # Checkpoints.
    def capture(self) -> states.State:
        """All that later slices depend on beside the tape, as arrays; between slices only."""
        own = {"deaths": self.deaths.copy(), "brake": np.array([self.brake], np.int64)}
        return states.capture(self.engine) | self.standing.capture() | own

    def restore(self, state: Mapping[str, np.ndarray], reached: bytes) -> None:
        """Take up a checkpoint after the slices before it have been met: the digest was `reached`."""
        self.engine.t, self.brake = self.met, int(state["brake"][0])
        states.restore(self.engine, state)
        self.standing.restore(state)
        self.deaths[:] = state["deaths"]
        self.digest = reached

    def adopt(self, state: Mapping[str, np.ndarray]) -> None:
        """Take over another session's account, its columns in this universe's order and its slices counted in ours."""
        account = self.engine.book.account
        for name in account._fields:
            getattr(account, name)[...] = state[name]

    @property
    def strategy(self) -> Any:
        return self.engine.strategy
