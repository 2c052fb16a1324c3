"""Verify: a session's tape is run again from its beginning, as a backtest, and every row it led to must come out again.

Twice, since each sees what the other cannot: the fold goes row by row and compares intents, fills, switches and checkpoints;
the compiled backtest runs over the panel that the tape's slices make, with the journaled forecasts, and gives the digest. A
third pass asks the signals again and counts what the difference would have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import digest, journal
from engine.contracts import Orderer, Rule, Signal, Strategy
from engine.errors import ConfigError
from engine.journal import Row
from engine.live import accounts, tape
from engine.live import start as starts
from engine.live.feed import Action, Arrived
from engine.live.fold import Fold
from engine.live.handing import taken_up
from engine.live.refold import Refold
from engine.live.tape import JOURNAL
from engine.manifest import code_hash
from engine.types import Floats

if TYPE_CHECKING:
    from engine.config import Config
    from engine.loop import Engine


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was proved of a session. `head` stands for every byte of the journal: compare it with one printed elsewhere."""

    name: str
    rows: int
    slices: int
    warm_up: int
    fills: int
    checkpoints: int
    restarts: int
    commands: int
    hand_overs: int
    head: str
    digest: str
    backtest: str  # the digest of the compiled run over the tape
    complete: bool  # every slice was decided
    asked_again: bool  # whether signals could be asked again
    largest: float  # difference of a forecast asked again
    flips: int  # codes that would have been others with those
    same_code: bool


class TapeOf:
    """What a journal says beside what was derived, gathered in one pass."""

    def __init__(self, folder: Path, account: str = "") -> None:
        self.start: Mapping[str, Any] = {}
        self.slices: list[Arrived] = []
        self.actions: list[list[Action]] = []
        self.forecasts: list[Floats] = []
        self.handed: dict[int, list[Mapping[str, Any]]] = {}  # slice -> hand-overs before it
        self.counts: dict[str, int] = {}
        self.head, self.rows, self.told, self.fills = "", 0, "", 0
        pending: list[Action] = []
        for row in accounts.rows(folder, account):
            self.counts[row.kind] = self.counts.get(row.kind, 0) + 1
            self.head, self.rows = row.hash, row.seq + 1
            if row.kind == tape.START:
                self.start = row.body
            elif row.kind == tape.ACTION:
                pending.append(tape.action_of(row.body))
            elif row.kind in (tape.SLICE, tape.WARM_UP):
                self.slices.append(tape.slice_of(row.body))
                self.actions.append(pending)
                pending = []
            elif row.kind == tape.HAND_OVER:
                self.handed.setdefault(len(self.slices), []).append(row.body)
            elif row.kind == tape.FORECASTS:
                self.forecasts.append(row.body["values"])
            elif row.kind == tape.FILL:
                self.fills += len(row.body["instrument"])
            elif row.kind == tape.DECISION:
                self.told = row.body["digest"]


def verify(
    folder: str | Path,
    signals: Mapping[str, Signal],
    config: Config,
    strategy: Callable[[], Rule | Strategy | Orderer] | None = None,
    say: Callable[[str], None] = lambda text: None,
    account: str = "",
) -> Certificate:
    """The certificate of a session or of an account; DivergedError at the first row that differs. Nothing is written.

    `strategy` makes a fresh one where the session was given an object instead of a rule's name.
    """
    place = Path(folder)
    say("reading the tape")
    told = TapeOf(place, account)
    start = told.start
    universe, facts = tape.universe_of(start["universe"]), starts.facts_of(start)
    if (plain := starts.settled(config.resolved())) != start["config"]:
        raise ConfigError(
            f"{place}: {starts.first_change(start['config'], plain, 'config')}; verify with the session's own"
        )

    def make() -> Rule | Strategy | Orderer | None:
        return None if strategy is None else strategy()

    say("folding it")
    fold = Fold(config, universe, facts, signals, make())
    refold = Refold(fold)
    refold.run(accounts.rows(place, account))
    say("running it as a backtest")
    done = fold.engine.t if refold.outcome is None else fold.engine.t - 1
    again = as_backtest(place, config, told, done, signals, make(), account)
    if again != told.told:
        from engine.live.refold import DivergedError

        raise DivergedError(f"{place}: the backtest over the tape has digest {again}, the session {told.told}")
    say("asking the signals again")
    ends = journal.examine(place / JOURNAL)
    asked, largest, flips = asked_again(place, config, told, done, signals, make, account)
    return Certificate(
        name=str(start["name"]),
        rows=ends.rows,
        slices=done,
        warm_up=told.counts.get(tape.WARM_UP, 0),
        fills=told.fills,
        checkpoints=refold.checkpoints,
        restarts=told.counts.get(tape.RESTART, 0),
        commands=told.counts.get(tape.COMMAND, 0),
        hand_overs=told.counts.get(tape.HAND_OVER, 0),
        head=ends.head,
        digest=told.told,
        backtest=again,
        complete=refold.outcome is None and refold.asked,
        asked_again=asked,
        largest=largest,
        flips=flips,
        same_code=start["code"] == code_hash(),
    )


def as_backtest(
    place: Path,
    config: Config,
    told: TapeOf,
    done: int,
    signals: Mapping[str, Signal],
    strategy: Any,
    account: str = "",
) -> str:
    """The digest of the first `done` slices of a tape, run by the compiled loop wherever nothing was held."""
    engine = engine_of(config, told, done, signals, told.forecasts, strategy)
    _run(engine, accounts.rows(place, account), told, done, longest(signals))
    return digest.of_run(engine)[-1].hex() if engine.t else ""


def engine_of(
    config: Config, told: TapeOf, done: int, signals: Mapping[str, Signal], forecasts: list[Floats], strategy: Any
) -> Engine:
    """The backtest's engine over the panel that a tape's slices make."""
    from engine.assembly import assemble
    from engine.live.planned import whole

    universe, facts = tape.universe_of(told.start["universe"]), starts.facts_of(told.start)
    panel = tape.panel_of(universe, facts, told.slices[:done], told.actions[:done])
    main = getattr(config.strategy, "signal", None)
    order = (main, *(name for name in signals if name != main)) if main in signals else tuple(signals)
    arrays = {name: np.array([row[k] for row in forecasts[:done]]).reshape(done, -1) for k, name in enumerate(order)}
    units = {name: signal.unit for name, signal in signals.items()}
    engine = assemble(
        config, panel, {name: arrays[name] for name in signals}, units, longest(signals) - 1, strategy, orders=False
    )
    return whole(engine, config, universe, facts, told.slices[:done])


def longest(signals: Mapping[str, Signal]) -> int:
    """Slices of the longest window."""
    return max((int(signal.window) for signal in signals.values()), default=1)


def _run(engine: Engine, rows: Iterable[Row], told: TapeOf, done: int, windows: int) -> None:
    """Run the slices: fused between the slices on which something was held, those one by one."""
    from engine.live.commands import Standing

    standing, t = Standing(engine.symbols, windows), 0
    for row in rows:
        if row.kind == tape.COMMAND:
            standing.obey(tape.command_of(row.body))
        elif row.kind == tape.GAP:
            standing.gap(tape.gap_of(row.body), t)
        elif row.kind == tape.ADOPTED:
            engine.run(t)
            for name in engine.book.account._fields:
                getattr(engine.book.account, name)[...] = row.body["state"][name]
        elif row.kind in (tape.SLICE, tape.WARM_UP) and t < done:
            hold = standing.hold(t, told.slices[t], row.kind == tape.WARM_UP)
            if hold is not None:
                engine.run(t)
                if not engine.alive:
                    return
                engine.hold = hold
                engine.step()
                engine.hold = None
                standing.met(engine.book.account.quantity)
            t += 1
    engine.run(done)


def asked_again(
    place: Path,
    config: Config,
    told: TapeOf,
    done: int,
    signals: Mapping[str, Signal],
    make: Callable[[], Any],
    account: str = "",
) -> tuple[bool, float, int]:
    """Whether the signals, of each slice by the model then in use, could be asked again, the largest difference of a
    forecast, and how many codes it would change.
    """
    if not signals or any(getattr(signal, "given_by_the_run", False) for signal in signals.values()):
        return False, 0.0, 0
    fold = Fold(config, tape.universe_of(told.start["universe"]), starts.facts_of(told.start), signals, make())
    again, largest = [], 0.0
    for t in range(done):
        for body in told.handed.get(t, ()):
            fold.hand_over(body["signal"], taken_up(config, body))
        for action in told.actions[t]:
            fold.act(action)
        fold.meet(told.slices[t])
        again.append(fold.ask())
        mine, theirs = again[t], told.forecasts[t]
        if (np.isnan(mine) != np.isnan(theirs)).any():
            largest = float("inf")
        elif not np.isnan(mine).all():
            largest = max(largest, float(np.nanmax(np.abs(mine - theirs))))
    if largest == 0.0:
        return True, 0.0, 0
    runs = [engine_of(config, told, done, signals, rows, make()) for rows in (told.forecasts, again)]
    for engine in runs:
        _run(engine, accounts.rows(place, account), told, done, longest(signals))
    return True, largest, int((runs[0].codes != runs[1].codes).sum())
