"""A paper session: feed, tape, step, journal, in that order and slice by slice.

    hear      commands that wait become rows
    take      an arrival becomes a row; a slice is met, forecasts are asked, the step runs, what it did becomes rows
    commit    one sync per slice: nothing that follows from a row happens before the row is durable

The journal is the session: what a process holds beside it can be lost at any moment, and is folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import latch
from engine.errors import BarcastError, DataError
from engine.live import accounts, tape
from engine.live import start as starts
from engine.live.adopting import shifted
from engine.live.alarms import Alarms
from engine.live.clock import Clock
from engine.live.commands import HAND_OVER, RUNNING, Command, stamp
from engine.live.control import CommandBox
from engine.live.feed import Action, Arrival, Arrived, Correction, Feed, Gap, Late, Resume
from engine.live.fold import Fold, Outcome
from engine.live.gate import Gate, GateError
from engine.live.handing import HandOvers
from engine.live.refold import Refold, checkpoint, derived
from engine.live.roles import Beside, Box, Health
from engine.live.state import difference

if TYPE_CHECKING:
    from engine.config import Config

CHECKPOINT_EVERY = 250  # slices
WARM_UP_GROUP = 64  # slices of history per sync
ENDED, STOPPED, RUINED = "ended", "stopped", "ruin"


class Session:
    """One process's hold of a session folder. engine.live.beginning makes one or goes on with one."""

    def __init__(
        self,
        folder: Path,
        writer: Any,
        fold: Fold,
        feed: Feed,
        clock: Clock,
        gate: Gate,
        config: Config,
        refold: Refold | None = None,
        account: str = "",
    ) -> None:
        self.folder, self.writer, self.fold, self.feed, self.clock = folder, writer, fold, feed, clock
        self.account = account  # of several
        self.box: Box = CommandBox(folder)
        self.health = Health()
        self.keys = set() if refold is None else refold.keys
        self.warm = refold is not None and refold.warm
        self.adopting: Mapping[str, Any] | None = None
        self.every = CHECKPOINT_EVERY
        self.log: Callable[[str, str], None] = lambda level, text: None
        self.last: Outcome | None = None
        self._actions: list[Action] = []
        self.gate = gate
        self.beside: Beside | None = None
        self.warmed: Callable[[Session], None] = lambda session: None  # told once, before the first slice
        self.handing = HandOvers(config, {} if refold is None else refold.handed)
        self.alarms = Alarms(fold, config)
        if refold is not None:
            self._finish(refold)

    # Going on after a crash.
    def _finish(self, refold: Refold) -> None:
        """Complete the slice that the journal ends in."""
        self.alarms.fold_rows(accounts.rows(self.folder, self.account))
        outcome = refold.outcome
        if outcome is None and not refold.asked:
            outcome = self._step()
        if outcome is not None:
            self._write(outcome, refold.found)
        if self.warm:
            self._sound()
        self.writer.commit()

    # Running.
    def run(
        self, stop: Callable[[], bool] = lambda: False, show: Callable[[Session], None] = lambda session: None
    ) -> str:
        """Take what the feed gives until it ends, the account is ruined, or `stop` says so; which of these it was."""
        if self.ruined():
            return self._close(RUINED)
        if not self.warm:
            if not self._warm_up(stop):
                return self._leave()
            self.warmed(self)
        if self.beside is not None:
            self.beside.begin()
        for arrival in self.feed.arrivals(self.resume()):
            self.hear(arrival.time if isinstance(arrival, Arrived) else None)
            if stop():
                return self._close(STOPPED)
            if arrival is not None:
                self.take(arrival)
            if self.beside is not None:
                self.beside.look(self)
            show(self)
            if self.ruined():
                return self._close(RUINED)
        self.hear()
        return self._close(ENDED)

    def ruined(self) -> bool:
        """Whether the account has ended."""
        return not self.fold.alive

    def resume(self) -> Resume:
        """Where the tape ends."""
        last = self.fold.arrived
        if last is None:
            return Resume()
        return Resume(last.time, last.day, last.session, self.fold.met, self.fold.market.last_closes())

    def _warm_up(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """The history before the first slice, what a crash has left of it gone on with; False if `stop` said so before its end."""
        after = self.resume().time
        for arrival in self.feed.warm_up(self.looks_back()):
            if stop():
                return False
            if arrival is not None:
                self.look_back(arrival, after)
        self.begin()
        return True

    def _leave(self) -> str:
        """Go before the first slice: nothing is sealed, and the next start takes up the history where it is."""
        self.log("INFO", f"closing: {STOPPED}, before the first slice")
        self.writer.commit()
        self.writer.close()
        self.feed.close()
        return STOPPED

    def looks_back(self) -> int:
        """Slices of history that the longest window needs."""
        return max((int(signal.window) for signal in self.fold.signals.values()), default=1) - 1

    def look_back(self, arrival: Arrived | Action, after: int) -> None:
        """A slice of history, or an action before it; those up to `after` are on the tape."""
        if isinstance(arrival, Action):
            self._actions.append(arrival)
        elif arrival.time <= after:
            self._actions.clear()
        else:
            self._slice(arrival, tape.WARM_UP)
            if self.fold.met % WARM_UP_GROUP == 0:
                self.writer.commit()

    def begin(self) -> None:
        """The history is over."""
        if self.adopting is not None:
            state = shifted(self.adopting["state"], self.adopting["slices"], self.fold.met)
            self.writer.append(tape.ADOPTED, {**self.adopting, "state": state})
            self.fold.adopt(state)
            self.gate.adopted(state["quantity"], state["mark"])
        self.warm = True
        self.writer.commit()

    def hear(self, upcoming: int | None = None) -> None:
        """Journal the commands that wait; a command is acknowledged once it is witnessed. A latch that is closed is a kill.

        `upcoming`: the time of the slice that is about to be taken; hand-overs wait for it.
        """
        waiting = []
        for command in self.box.waiting(self.fold.universe.symbols):
            if command.key in self.keys:
                waiting.append(command)
            elif command.name == HAND_OVER:
                waiting += [command] if self._hand_over(command, upcoming) else []
            else:
                self._obey(command)
                waiting.append(command)
        if self.fold.standing.killed == RUNNING and latch.look(self.folder) is None:
            self._obey(Command("kill", f"latch-{self.fold.met}", reason="the latch is closed"))
        elif not waiting:
            return
        self.writer.witness()
        for command in waiting:
            self.box.done(command.key)

    def _hand_over(self, command: Command, upcoming: int | None) -> bool:
        """Whether it became a row: not while the next slice is not there, and not if it is refused."""
        try:
            found = self.handing.judged(command, self.fold.signals, upcoming, self.fold.met, self.clock.now())
        except BarcastError as error:
            self.log("WARNING", str(error))
            self.box.refuse(command.key, str(error))
            return False
        if found is None:
            return False
        body, signal = found
        self.writer.append(tape.HAND_OVER, body)
        self.keys.add(command.key)
        self.handing.handed[command.signal] = body
        self.fold.hand_over(command.signal, signal)
        self.alarms.take(tape.HAND_OVER, body)
        self.log("INFO", f"hand-over: {command.signal} speaks from {command.model} from slice {self.fold.met} on")
        return True

    def _obey(self, command: Command) -> None:
        self.writer.append(tape.COMMAND, tape.command_row(command, self.clock.now()))
        self.keys.add(command.key)
        self.fold.command(command)
        self.log("INFO", f"command: {command.name} {command.symbol} {command.reason}".rstrip())

    def take(self, arrival: Arrival) -> None:
        """One arrival, journaled and acted on."""
        if isinstance(arrival, Action):
            self._actions.append(arrival)
        elif isinstance(arrival, Arrived):
            begun = self.clock.elapsed()
            self._slice(arrival, tape.SLICE)
            if self.fold.met % self.every == 0:
                self.writer.append(tape.CHECKPOINT, checkpoint(self.fold))
            self.writer.commit()
            self.health.seconds.append(self.clock.elapsed() - begun)
            del self.health.seconds[:-10_000]
        else:
            self._note(arrival)

    def _note(self, arrival: Late | Correction | Gap) -> None:
        """What came beside the slices."""
        now = self.clock.now()
        if isinstance(arrival, Gap):
            self.health.gaps += 1
            names = ", ".join(self.fold.universe.symbols[i] for i in arrival.instruments)
            self.log(
                "WARNING", f"gap: {names} from {stamp(arrival.after)} to {stamp(arrival.before)}: {arrival.reason}"
            )
            self.writer.append(tape.GAP, tape.gap_row(arrival, now))
            self.fold.gap(arrival)
        else:
            late = isinstance(arrival, Late)
            self.health.late += late
            self.health.corrections += not late
            what, name = "late bar" if late else "correction", self.fold.universe.symbols[arrival.instrument]
            self.log("WARNING", f"{what}: {name} of {stamp(arrival.time)}; no slice changes")
            self.writer.append(tape.LATE if late else tape.CORRECTION, tape.bar_row(arrival, now))
        self.writer.commit()

    def _slice(self, arrived: Arrived, kind: str) -> None:
        if kind == tape.SLICE:
            starts.check_unseen(self.fold.signals, arrived.time)
        self._act()
        body = tape.slice_row(arrived, self.fold.met, self.clock.now())
        self.fold.meet(arrived, kind == tape.WARM_UP)
        self.gate.met(arrived, self.fold.acted)
        self._put(kind, body)
        self._write(self._step(), set())
        if kind == tape.SLICE:
            self._sound()

    def _put(self, kind: str, body: tape.Body) -> None:
        """A row that the alarms are a fold of."""
        self.writer.append(kind, body)
        self.alarms.take(kind, body)

    def _sound(self) -> None:
        """Note the alarms that have begun or ended."""
        for body in self.alarms.news(self.clock.now()):
            self._put(tape.ALARM, body)
            self.log(
                "WARNING" if body["raised"] else "INFO", f"alarm{'' if body['raised'] else ' over'}: {body['words']}"
            )
        if failed := self.alarms.news_of_failure():
            self.log("WARNING", failed)

    def _act(self) -> None:
        """Journal the actions of the next slice; those that are on the tape already must be the same."""
        known, given = list(self.fold.pending), self._actions
        for told, again in zip(known, given, strict=False):
            if said := difference(tape.action_row(told), tape.action_row(again)):
                raise DataError(f"feed: after the restart it gives another action for slice {self.fold.met}: {said}")
        for action in given[len(known) :]:
            self._put(tape.ACTION, tape.action_row(action))
            self.fold.act(action)
        self._actions = []

    def _step(self) -> Outcome:
        """Forecasts of the latest slice, journaled, and the step on them."""
        forecasts = self.fold.ask(self.feed.given)
        self._put(tape.FORECASTS, {"t": self.fold.met - 1, "values": forecasts})
        return self.fold.step(forecasts)

    def _write(self, outcome: Outcome, found: set[str]) -> None:
        """What a slice came to, as rows; those that were `found` are there already. GateError if its orders must not leave."""
        if tape.FILL not in found:
            self.gate.filled(outcome.fills.instrument, outcome.fills.quantity)
        engine = self.fold.engine
        try:
            quantity = engine.book.account.quantity
            self.gate.check(outcome.t, outcome.money[0], outcome.waiting, engine.hold, outcome.brake, quantity)
        except GateError as error:
            self.log("ERROR", str(error))
            self.writer.append(tape.HALT, {"t": outcome.t, "why": str(error)})
            self.writer.witness()
            raise
        for kind, body in derived(outcome):
            if kind not in found:
                self.writer.append(kind, body)
        if outcome.brake != outcome.was:
            self.log("WARNING", f"brake: {outcome.was:#x} to {outcome.brake:#x} after slice {outcome.t}")
        if len(outcome.fills):
            self.log("INFO", f"{len(outcome.fills)} fills on slice {outcome.t}, {stamp(outcome.time)}")
        self.last = outcome

    def _close(self, why: str) -> str:
        """Seal the journal, and let go of it and of the feed."""
        if self.beside is not None:
            self.beside.finish()
        self.seal(why)
        self.writer.close()
        self.feed.close()
        return why

    def seal(self, why: str) -> None:
        """The last rows: where it stands, and why it ends here."""
        self.log("INFO", f"closing: {why}, {self.fold.met} slices, digest {self.fold.digest.hex()}")
        self.writer.append(tape.CHECKPOINT, checkpoint(self.fold))
        self.writer.append(
            tape.CLOSE, {"why": why, "slices": self.fold.met, "digest": self.fold.digest.hex(), "at": self.clock.now()}
        )
