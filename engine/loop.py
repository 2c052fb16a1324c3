"""The engine's loop. Read this first, beside docs/step.md.

    step:  trade   the slice meets the account       actions, open, inside, close, mark
           guard   the switches speak
           decide  forecasts become targets          a compiled rule, or a Python strategy's target(now)
           shape   sizers and caps
           write   targets become the orders of the next slice

Matching comes before looking, so an order decided on slice t can meet slice t + 1 + delay and nothing earlier. `run` calls
all five in one compiled loop when the strategy is compiled, and step after step otherwise; both give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine import codes as c
from engine.account import Book, read_only
from engine.contracts import Guard, Rule, Shaper, Snapshot, Strategy
from engine.errors import PluginError, first_line
from engine.numbers import floats, in_order
from engine.signatures import ENDED, Bars, Curve, Day, Log, Market, Rules, Specs
from engine.step.fused import FILLS_PER_NAME, actions_at, bars_at, fused, note
from engine.step.looking import begin_look, brake_targets, flatten, name_warmup, wants_out, write_orders
from engine.step.trade import trade
from engine.types import Codes, Fills, Floats, Slice

CHUNK = 1 << 17  # fills a log holds before it is drained


@dataclass(slots=True)
class Engine:
    """One run: what it reads, what it holds, what it has written. `t` is the next slice."""

    symbols: tuple[str, ...]
    market: Market
    specs: Specs
    rules: Rules
    signals: tuple[str, ...]
    forecasts: Floats  # (T, S, N)
    strategy: Rule | Strategy
    shaper: Shaper
    guard: Guard
    book: Book
    curve: Curve
    codes: Codes  # (T, N)
    log: Log
    parts: list[Fills] = field(default_factory=list)
    t: int = 0

    @classmethod
    def build(
        cls,
        symbols: tuple[str, ...],
        market: Market,
        specs: Specs,
        rules: Rules,
        signals: tuple[str, ...],
        forecasts: Floats,
        strategy: Rule | Strategy,
        shaper: Shaper,
        guard: Guard,
    ) -> Engine:
        """An engine before its first slice, with a flat account."""
        rows, n = market.close.shape
        flat = [np.zeros(rows) for _ in range(5)]
        curve = Curve(flat[0], flat[1], flat[2], flat[3], flat[4], np.zeros(rows, np.int64))
        book = Book.open(rules.capital, n, int(rules.delay))
        codes = np.zeros((rows, n), np.uint32)
        log = new_log(max(CHUNK, 2 * FILLS_PER_NAME * n))
        return cls(symbols, market, specs, rules, signals, forecasts, strategy, shaper, guard, book, curve, codes, log)

    @property
    def alive(self) -> bool:
        """Whether there is a next slice to run: the data has not ended and the account is not ruined."""
        return self.t < len(self.market.times) and self.book.account.money[ENDED] == 0.0

    def run(self) -> None:
        """Run every slice that is left, in one compiled loop where the strategy is compiled."""
        while self.alive:
            if isinstance(self.strategy, Rule):
                self._run_fused(self.strategy)
            else:
                self.step()

    def step(self) -> None:
        """Run slice `t`, and move on."""
        t, book, market = self.t, self.book, self.market
        if self.log.count[0] > len(self.log.t) - FILLS_PER_NAME * len(self.symbols):
            self._drain()
        bars, actions = bars_at(t, market), actions_at(t, market)
        day = Day(*(int(a[t]) for a in (market.day, market.last_of_day, market.last_of_week, market.last_of_month)))
        elapsed = float(market.times[t] - market.times[t - 1]) if t > 0 else 0.0
        account, orders, scratch, codes = book.account, book.orders, book.scratch, self.codes[t]
        alive = trade(t, elapsed, bars, actions, day, self.specs, self.rules, account, orders, self.log, scratch, codes)
        note(t, account, self.curve)
        if alive:
            self._look(t, day, bars, codes)
        self.t = t + 1

    def _look(self, t: int, day: Day, bars: Bars, codes: Codes) -> None:
        book, rules = self.book, self.rules
        account, scratch, view = book.account, book.scratch, book.view
        equity, cash = book.equity, book.cash
        brake = self.guard.kernel(t, day, equity, cash, view, self.guard.params, self.guard.state)
        if wants_out(brake, account):
            flatten(t, brake, account, book.orders, codes)
            scratch.target[:] = np.nan
            self._shape(t, day, codes)
            return
        member = self.market.member[t if len(self.market.member) > 1 else 0]
        begin_look(t, int(rules.warmup), scratch, member)
        self._decide(t, day, bars, codes)
        if t < rules.warmup:
            name_warmup(codes)
        brake_targets(brake, scratch.target, codes)
        self._shape(t, day, codes)
        write_orders(t, brake, bars, self.specs, rules, account, book.orders, scratch, codes)

    def _shape(self, t: int, day: Day, codes: Codes) -> None:
        """Sizers and caps; on a slice that flattens they see no targets, only the account."""
        book, scratch, shaper = self.book, self.book.scratch, self.shaper
        shaper.kernel(
            t,
            day,
            book.equity,
            book.cash,
            book.view,
            scratch.has_bar,
            self.specs.sector,
            shaper.params,
            shaper.state,
            scratch.target,
            codes,
        )

    def _decide(self, t: int, day: Day, bars: Bars, codes: Codes) -> None:
        book, scratch, rule = self.book, self.book.scratch, self.strategy
        member = self.market.member[t if len(self.market.member) > 1 else 0]
        if isinstance(rule, Rule):
            rule.kernel(
                t,
                day,
                book.equity,
                book.cash,
                book.view,
                scratch.has_bar,
                member,
                scratch.tradable,
                self.specs.sector,
                self.specs.symbol_rank,
                self.forecasts[t],
                rule.params,
                rule.state,
                scratch.target,
                codes,
            )
            return
        target = ask(rule, self._snapshot(t, day, bars, member), t)
        scratch.target[:] = np.where(member, target, 0.0)
        scratch.target[~scratch.has_bar] = np.nan
        given = np.where(np.isnan(scratch.target), c.UNDECIDED, c.TARGETED)
        given = np.where(member, given, c.NOT_MEMBER)
        codes |= np.where(scratch.has_bar, given, c.NO_BAR_NOW).astype(np.uint32)

    def _snapshot(self, t: int, day: Day, bars: Bars, member: np.ndarray) -> Snapshot:
        time = int(self.market.times[t])
        rows = (row.copy() for row in bars[:5])
        return Snapshot(
            t=t,
            time=time,
            day=day.number,
            slice=Slice(time, day.number, *rows),
            symbols=self.symbols,
            forecasts={name: self.forecasts[t, k].copy() for k, name in enumerate(self.signals)},
            account=self.book.snapshot(),
            member=member.copy(),
            tradable=self.book.scratch.tradable.copy(),
            sector=self.specs.sector.copy(),
        )

    def _run_fused(self, rule: Rule) -> None:
        book, shaper, guard = self.book, self.shaper, self.guard
        self.t = fused(
            self.t,
            len(self.market.times),
            self.market,
            self.specs,
            self.rules,
            book.account,
            book.view,
            book.orders,
            self.log,
            book.scratch,
            self.curve,
            self.codes,
            self.forecasts,
            rule.kernel,
            read_only(rule.params),
            rule.state,
            shaper.kernel,
            read_only(shaper.params),
            shaper.state,
            guard.kernel,
            read_only(guard.params),
            guard.state,
        )
        self._drain()

    def _drain(self) -> None:
        """Move the fills out of the log, so that it has room again."""
        count = int(self.log.count[0])
        if count:
            k = self.log
            columns = (k.t, k.instrument, k.quantity, k.price, k.reference, k.fee, k.reason)
            self.parts.append(Fills(*(column[:count].copy() for column in columns)))  # type: ignore[arg-type]
            self.log.count[0] = 0

    def fills(self) -> Fills:
        """Every fill so far, in the order they happened."""
        self._drain()
        self.parts[:] = [Fills.join(self.parts)]
        return self.parts[0]


def new_log(capacity: int) -> Log:
    """An empty log for `capacity` fills."""
    ints = [np.empty(capacity, np.int64) for _ in range(3)]
    floats = [np.empty(capacity) for _ in range(4)]
    quantity, price, reference, fee = floats
    return Log(ints[0], ints[1], quantity, price, reference, fee, ints[2], np.zeros(1, np.int64))


def ask(strategy: Strategy, now: Snapshot, t: int) -> Floats:
    """What a Python strategy wants, checked: (N,) finite weights or NaN. PluginError names the strategy and the slice."""
    name, n = type(strategy).__name__, len(now.symbols)
    try:
        target = floats(in_order(strategy.target(now), now.symbols))
    except (Exception, SystemExit) as error:
        raise PluginError(f"strategy {name}: target(now) failed at slice {t}: {first_line(error)}") from error
    if target.shape != (n,):
        raise PluginError(
            f"strategy {name}: target must have shape ({n},), one weight per instrument; it was {target.shape} at slice {t}"
        )
    if np.isinf(target).any():
        who = now.symbols[int(np.flatnonzero(np.isinf(target))[0])]
        raise PluginError(
            f"strategy {name}: the target of {who} is infinite at slice {t}; return NaN to leave it alone"
        )
    return target
