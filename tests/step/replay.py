"""A ledger that rebuilds the money from fills and actions alone, and complains where a fill does what it must not."""

from __future__ import annotations

import math

from engine import codes as c
from engine.loop import Engine
from engine.types import YEAR_NS
from tests.reference.interface import Config, Market

PROTECTIVE = {c.REASON_STOP, c.REASON_TARGET, c.REASON_TRAIL, c.REASON_BREAK_EVEN, c.REASON_TIME}
ENDING = PROTECTIVE | {c.REASON_DEATH, c.REASON_FLATTEN, c.REASON_MAINTENANCE, c.REASON_RUIN, c.REASON_SPLIT_CASH}


class Ledger:
    """Cash, quantities and marks as the fills of one finished run say they must have been."""

    def __init__(self, market: Market, config: Config, engine: Engine) -> None:
        self.market, self.config, self.engine = market, config, engine
        n = len(market.symbols)
        self.cash, self.quantity, self.mark = config.capital, [0.0] * n, [math.nan] * n
        self.lent, self.borrowed = 0.0, 0.0
        fills = engine.fills()
        self.rows: list[list[tuple]] = [[] for _ in market.times]
        for k in range(len(fills)):
            self.rows[fills.t[k]].append(
                tuple(
                    getattr(fills, name)[k]
                    for name in ("instrument", "quantity", "price", "reference", "fee", "reason")
                )
            )

    def check(self) -> None:
        """Walk every slice that was run; AssertionError names the slice that does not add up."""
        for t in range(self.engine.t):
            self.act(t)
            self.trade(t)
            self.settle(t)

    def act(self, t: int) -> None:
        """Splits with their cashed fraction, then the dividend, instrument by instrument."""
        for at, i, split, dividend in self.market.actions:
            if at != t:
                continue
            self.quantity[i] *= split
            self.mark[i] /= split
            for fill in [f for f in self.rows[t] if f[0] == i and f[5] == c.REASON_SPLIT_CASH]:
                self.rows[t].remove(fill)
                self.apply(t, fill)
            self.cash += self.quantity[i] * dividend * self.market.multiplier[i]

    def apply(self, t: int, fill: tuple) -> None:
        i, quantity, price, _, fee, reason = fill
        before = self.quantity[i]
        after = before + quantity
        tiny = 1e-6 * max(1.0, abs(before))
        if reason in ENDING:
            assert before * quantity < 0.0 and abs(quantity) <= abs(before) + tiny, (
                f"slice {t}: {c.REASONS[reason]} opens or flips {i}"
            )
        assert before * after >= 0.0 or abs(after) < tiny, f"slice {t}: one fill takes {i} from {before} to {after}"
        self.cash -= quantity * price * self.market.multiplier[i] + fee
        self.quantity[i] = 0.0 if abs(after) < 1e-9 else after

    def trade(self, t: int) -> None:
        """Apply the slice's fills in their order; each run of increases must fit the buying power before it."""
        group: tuple[bool, float] | None = None
        for fill in self.rows[t]:
            i, quantity, price, reference, fee, reason = fill
            grows = reason == c.REASON_ORDER and self.quantity[i] * quantity >= 0.0
            if grows:
                at_close = self.config.fill == "close" or math.isnan(self.market.open[t][i])
                if group is None or group[0] != at_close:
                    group = (at_close, self.power(t, at_close))
                group = (at_close, group[1] - abs(quantity) * price * self.market.multiplier[i] - fee)
                assert group[1] >= -1e-6 * self.config.capital, (
                    f"slice {t}: increases exceed buying power by {-group[1]}"
                )
            self.apply(t, fill)

    def power(self, t: int, at_close: bool) -> float:
        grid = self.market.close if at_close else self.market.open
        equity, gross = self.cash, 0.0
        for i, quantity in enumerate(self.quantity):
            if quantity:
                price = self.mark[i] if math.isnan(grid[t][i]) else grid[t][i]
                equity += quantity * price * self.market.multiplier[i]
                gross += abs(quantity * price * self.market.multiplier[i])
        return self.config.max_gross * equity - gross

    def settle(self, t: int) -> None:
        """Accrue, mark, and compare with what the engine noted."""
        curve = self.engine.curve
        if t > 0:
            years = (self.market.times[t] - self.market.times[t - 1]) / YEAR_NS
            self.cash += years * (self.lent * self.config.interest + self.borrowed * self.config.borrow)
        worth = []
        for i, quantity in enumerate(self.quantity):
            if not math.isnan(self.market.close[t][i]):
                self.mark[i] = self.market.close[t][i]
            worth.append(quantity * self.mark[i] * self.market.multiplier[i] if quantity else 0.0)
        scale = max(1.0, abs(self.cash), *(abs(w) for w in worth)) * 1e-9
        assert abs(self.cash - curve.cash[t]) <= scale, f"slice {t}: cash {curve.cash[t]}, fills say {self.cash}"
        equity = self.cash + math.fsum(worth)
        assert abs(equity - curve.equity[t]) <= scale, f"slice {t}: equity {curve.equity[t]}, fills say {equity}"
        assert abs(math.fsum(w for w in worth if w > 0) - curve.long_value[t]) <= scale
        assert abs(math.fsum(w for w in worth if w < 0) - curve.short_value[t]) <= scale
        assert sum(q != 0 for q in self.quantity) == curve.positions[t]
        self.lent, self.borrowed = self.cash, math.fsum(w for w in worth if w < 0)
