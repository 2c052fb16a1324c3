"""The engine's loop. Read this first, beside docs/step.md.

    step:  trade   the slice meets the account       actions, open, inside, close, mark
           guard   the switches speak
           decide  forecasts become targets          a compiled rule, or a Python strategy's target(now) or orders(now)
           shape   sizers and caps
           write   targets become the orders of the next slice; explicit orders are admitted or refused

Matching comes before looking, so an order decided on slice t can meet slice t + 1 + delay and nothing earlier. `run` calls
all five in one compiled loop when the strategy is compiled, and step after step otherwise; both give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine import codes as c
from engine.account import Book, read_only
from engine.asking import ask, ask_orders
from engine.contracts import Guard, Orderer, Rule, Shaper, Snapshot, Strategy
from engine.holding import Hold, hold_plan, hold_targets, hold_waiting
from engine.orders import empty_plan, more_refusals, new_refusals, refused_at
from engine.shapes import ENDED, GO, Bars, Curve, Day, Desk, Log, Market, Plan, RefusalLog, Rules, Specs
from engine.step.admitting import admit
from engine.step.fused import FILLS_PER_NAME, FILLS_PER_ORDER, actions_at, bars_at, day_at, fused, note, room_for
from engine.step.looking import begin_look, factor_of, flatten, name_warmup, wants_out, write_orders
from engine.step.trade import trade
from engine.types import Codes, Fills, Floats, Refusals, Refused, Slice

CHUNK = 1 << 17  # fills a log holds before it is drained


@dataclass(slots=True)
class Engine:
    """One run: what it reads, what it holds, what it has written. `t` is the next slice.

    A run whose slices come one at a time (engine.live) keeps only the latest in its arrays: row 0 of the market, forecasts,
    curve and codes is then slice `origin`, and `planner` gives the explicit orders of a slice in place of the plan.
    """

    symbols: tuple[str, ...]
    market: Market
    specs: Specs
    rules: Rules
    signals: tuple[str, ...]
    forecasts: Floats  # (T, S, N)
    strategy: Rule | Strategy | Orderer
    shaper: Shaper
    guard: Guard
    plan: Plan  # explicit orders known beforehand; a Python strategy's come slice by slice
    refused: RefusalLog
    book: Book
    curve: Curve
    codes: Codes  # (T, N)
    log: Log
    parts: list[Fills] = field(default_factory=list)
    t: int = 0
    origin: int = 0
    planner: Callable[[int], Plan] | None = None
    hold: Hold | None = None  # what people and the feed forbid of the next slice
    brake: int = GO  # what switches and hold came to on the last slice that was stepped

    @classmethod
    def build(
        cls,
        symbols: tuple[str, ...],
        market: Market,
        specs: Specs,
        rules: Rules,
        signals: tuple[str, ...],
        forecasts: Floats,
        strategy: Rule | Strategy | Orderer,
        shaper: Shaper,
        guard: Guard,
        plan: Plan | None = None,
    ) -> Engine:
        """An engine before its first slice, with a flat account."""
        rows, n = market.close.shape
        flat = [np.zeros(rows) for _ in range(5)]
        curve = Curve(flat[0], flat[1], flat[2], flat[3], flat[4], np.zeros(rows, np.int64))
        plan = empty_plan(rows) if plan is None else plan
        most = int(np.diff(plan.first).max(initial=0)) * (1 + int(rules.delay))
        book = Book.open(rules.capital, n, int(rules.delay), most)
        codes = np.zeros((rows, n), np.uint32)
        rules = rules._replace(listens=float(isinstance(strategy, Rule) and strategy.listens))
        log = new_log(max(CHUNK, 2 * (FILLS_PER_NAME * n + FILLS_PER_ORDER * most)))
        refused = new_refusals(len(plan.instrument))
        return cls(
            symbols, market, specs, rules, signals, forecasts, strategy, shaper, guard, plan, refused, book, curve, codes, log
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether there is a next slice to run: the data has not ended and the account is not ruined."""
        return self.t < len(self.market.times) and self.book.account.money[ENDED] == 0.0

    def run(self, until: int | None = None) -> None:
        """Run every slice that is left, or those before slice `until`: in one compiled loop where the strategy is compiled."""
        stop = len(self.market.times) if until is None else until
        while self.alive and self.t < stop:
            if isinstance(self.strategy, Rule):
                self._run_fused(self.strategy, stop)
            else:
                self.step()

    def step(self) -> None:
        """Run slice `t`, and move on."""
        t, book, market, row = self.t, self.book, self.market, self.t - self.origin
        if not room_for(self.log, len(self.symbols), book.explicit):
            self.drain()
            self.log = self.log if room_for(self.log, len(self.symbols), book.explicit) else new_log(2 * self._most())
        elapsed = float(market.times[row] - market.times[row - 1]) if t > 0 else 0.0
        day = Day(*(int(flag) for flag in day_at(row, market)))
        measures = market.measures[row if len(market.measures) > 1 else 0]
        bars, actions = bars_at(row, market), actions_at(row, market)
        desk = book.desk(t, elapsed, bars, measures, actions, day, self.specs, self.rules, self.log, self.codes[row])
        if self.hold is not None:
            hold_waiting(self.hold, book)
        alive = trade(desk)
        note(row, book.account, self.curve)
        if alive:
            self._look(day, desk)
        self.t = t + 1

    def _most(self) -> int:
        """The most fills one slice can write."""
        return FILLS_PER_NAME * len(self.symbols) + FILLS_PER_ORDER * len(self.book.explicit.due)

    def _look(self, day: Day, desk: Desk) -> None:
        book, t, codes, brake = self.book, self.t, desk.codes, GO
        if len(self.guard.params):
            guard = self.guard
            brake = guard.kernel(t, day, book.equity, book.cash, book.view, guard.params, guard.state)
        brake |= GO if self.hold is None else self.hold.brake
        self.brake = brake
        member = self.market.member[t - self.origin if len(self.market.member) > 1 else 0]
        out = wants_out(brake, book.account)
        if out and self.rules.listens:
            begin_look(book.scratch, member, False)
            self._decide(member, desk)
        if out:
            flatten(t, brake, book.account, book.orders, book.explicit, codes)
            book.scratch.target[:] = np.nan
            self._shape(brake, desk)
            return
        begin_look(book.scratch, member, True)
        plan = self._decide(member, desk)
        plan = self.planner(t) if plan is None and self.planner is not None else plan
        if t < self.rules.warmup:
            name_warmup(codes)
        self._shape(brake, desk)
        if self.hold is not None:
            hold_targets(self.hold, desk)
            plan = plan if plan is None else hold_plan(self.hold, plan)
        write_orders(brake, desk)
        self._admit(plan, brake, member, desk)

    def _shape(self, brake: int, desk: Desk) -> None:
        """Sizers and caps; on a slice that flattens they see no targets, only the account."""
        book, scratch, shaper = self.book, self.book.scratch, self.shaper
        told = (self.t, desk.day, book.equity, book.cash, book.view, scratch.has_bar, self.specs.sector, desk.measures)
        own = (shaper.params, shaper.state)
        shaper.kernel(*told, factor_of(brake), *own, scratch.target, desk.codes)

    def _decide(self, member: np.ndarray, desk: Desk) -> Plan | None:
        """Ask the strategy: targets go to scratch, a Python strategy's explicit orders come back as a plan of one slice."""
        t, book, scratch, rule, specs = self.t, self.book, self.book.scratch, self.strategy, self.specs
        if isinstance(rule, Rule):
            told = (t, desk.day, book.equity, book.cash, book.view, scratch.has_bar, member, scratch.tradable)
            own = (rule.params, rule.state, scratch.target, desk.codes)
            rule.kernel(*told, specs.sector, specs.symbol_rank, self.forecasts[t - self.origin], *own)
            return None
        now = self._snapshot(t, desk.day, desk.bars, member)
        given = np.full(len(self.symbols), np.uint32(c.UNDECIDED))
        plan = None
        if isinstance(rule, Orderer):
            plan = ask_orders(rule, now)
        else:
            target = ask(rule, now)
            scratch.target[:] = np.where(member, target, 0.0)
            scratch.target[~scratch.has_bar] = np.nan
            given[~np.isnan(scratch.target)] = c.TARGETED
        given = np.where(member, given, c.NOT_MEMBER)
        desk.codes[:] |= np.where(scratch.has_bar, given, c.NO_BAR_NOW).astype(np.uint32)
        return plan

    def _admit(self, plan: Plan | None, brake: int, member: np.ndarray, desk: Desk) -> None:
        """Write or refuse the explicit orders of this slice; `plan` is None where they stand in the run's own."""
        row = self.t if plan is None else 0
        plan = self.plan if plan is None else plan
        first, last = int(plan.first[row]), int(plan.first[row + 1])
        if first == last:
            return
        if int(self.book.explicit.count[0]) + last - first > len(self.book.explicit.due):
            self.book = self.book.with_room(2 * (int(self.book.explicit.count[0]) + last - first))
            desk = desk._replace(explicit=self.book.explicit, scratch=self.book.scratch)
        if int(self.refused.count[0]) + last - first > len(self.refused.t):
            self.refused = more_refusals(self.refused, last - first)
        admit(first, last, brake, member, plan, desk, self.refused)

    def _snapshot(self, t: int, day: Day, bars: Bars, member: np.ndarray) -> Snapshot:
        time, now = int(self.market.times[t - self.origin]), self.forecasts[t - self.origin]
        rows = (row.copy() for row in bars[:5])
        return Snapshot(
            t=t,
            time=time,
            day=day.number,
            slice=Slice(time, day.number, *rows),
            symbols=self.symbols,
            forecasts={name: now[k].copy() for k, name in enumerate(self.signals)},
            account=self.book.snapshot(),
            member=member.copy(),
            tradable=self.book.scratch.tradable.copy(),
            sector=self.specs.sector.copy(),
            refused=self._refused_last(t),
        )

    def _refused_last(self, t: int) -> tuple[Refused, ...]:
        """What was refused of the orders given at slice t - 1."""
        k, out = int(self.refused.count[0]), []
        while k > 0 and self.refused.t[k - 1] == t - 1:
            k -= 1
            out.append(refused_at(k, self.refused, self.symbols))
        return tuple(reversed(out))

    def _run_fused(self, rule: Rule, stop: int) -> None:
        book, shaper, guard, market = self.book, self.shaper, self.guard, self.market
        self.t = fused(
            self.t, stop, market, self.specs, self.rules, book.account, book.view, book.orders, book.explicit,
            self.plan, self.refused, self.log, book.scratch, self.curve, self.codes, self.forecasts,
            rule.kernel, read_only(rule.params), rule.state,
            shaper.kernel, read_only(shaper.params), shaper.state,
            guard.kernel, read_only(guard.params), guard.state,
        )  # fmt: skip
        self.drain()

    def drain(self) -> None:
        """Move the fills out of the log, so that it has room again."""
        count = int(self.log.count[0])
        if count:
            k = self.log
            columns = (k.t, k.instrument, k.quantity, k.price, k.reference, k.fee, k.reason)
            self.parts.append(Fills(*(column[:count].copy() for column in columns)))  # type: ignore[arg-type]
            self.log.count[0] = 0

    def refusals(self) -> Refusals:
        """Every explicit order refused so far, in the order they were given."""
        count = int(self.refused.count[0])
        columns = [column[:count].copy() for column in self.refused[:-1]]
        return Refusals(*columns)  # type: ignore[arg-type]

    def fills(self) -> Fills:
        """Every fill so far, in the order they happened."""
        self.drain()
        self.parts[:] = [Fills.join(self.parts)]
        return self.parts[0]


def new_log(capacity: int) -> Log:
    """An empty log for `capacity` fills."""
    ints = [np.empty(capacity, np.int64) for _ in range(3)]
    floats = [np.empty(capacity) for _ in range(4)]
    quantity, price, reference, fee = floats
    return Log(ints[0], ints[1], quantity, price, reference, fee, ints[2], np.zeros(1, np.int64))
