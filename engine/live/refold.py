"""Folding a journal: its tape goes through the same fold, and every row that was derived must come out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.contracts import Rule
from engine.errors import BarcastError
from engine.journal import Row, encode
from engine.live import tape
from engine.live.fold import Fold, Outcome, Waiting
from engine.live.gate import Gate
from engine.live.state import difference
from engine.types import Fills, Refusals


class DivergedError(BarcastError):
    """The journal says one thing and the fold of its tape another."""

    exit_code = 7


def derived(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    """The rows that one slice comes to, in their order; the decision comes last and seals it."""
    out: list[tuple[str, dict[str, Any]]] = []
    t = {"t": outcome.t}
    if len(outcome.fills):
        columns = {name: getattr(outcome.fills, name) for name in Fills.__slots__ if name != "t"}
        out.append((tape.FILL, t | columns))
    if len(outcome.refused):
        columns = {name: getattr(outcome.refused, name) for name in Refusals.__slots__ if name != "t"}
        out.append((tape.REFUSED, t | columns))
    if outcome.brake != outcome.was:
        out.append((tape.SWITCH, t | {"brake": outcome.brake, "was": outcome.was}))
    if len(outcome.waiting):
        out.append((tape.INTENT, t | {name: getattr(outcome.waiting, name) for name in Waiting.__slots__}))
    seal = {"time": outcome.time, "money": list(outcome.money), "digest": outcome.digest.hex(), "alive": outcome.alive}
    return [*out, (tape.DECISION, t | seal)]


def checkpoint(fold: Fold) -> dict[str, Any]:
    """The body of a checkpoint row."""
    body = {"t": fold.met - 1, "state": fold.capture(), "digest": fold.digest.hex()}
    if not isinstance(fold.strategy, Rule) and hasattr(fold.strategy, "state") and hasattr(fold.strategy, "restore"):
        body["strategy"] = fold.strategy.state()
    return body


def usable(fold: Fold, body: Mapping[str, Any]) -> bool:
    """Whether a fold can go on from a checkpoint: a Python strategy without state() must be asked again from the start."""
    return isinstance(fold.strategy, Rule) or "strategy" in body


@dataclass
class Refold:
    """A fold being driven by rows. After `run`, what stands at the end of the journal that no slice has used yet."""

    fold: Fold
    gate: Gate | None = None
    outcome: Outcome | None = None  # of a slice whose decision is not in the journal
    found: set[str] = field(default_factory=set)  # which of its derived rows are
    asked: bool = True  # whether the last slice's forecasts are in the journal
    keys: set[str] = field(default_factory=set)  # of commands heard
    slices: int = 0
    checkpoints: int = 0
    adopted: bool = False
    handed: dict[str, dict[str, Any]] = field(default_factory=dict)  # signal -> its last hand-over
    warm: bool = False  # a slice that is no warm-up was met
    watch: Callable[[Outcome], None] = lambda outcome: None

    def run(self, rows: Iterable[Row], skip: Row | None = None) -> None:
        """Drive the fold; with `skip`, a checkpoint, the steps before it are not taken again. DivergedError at the first row
        that does not come out as it was written.
        """
        for row in rows:
            if self.gate is not None and row.kind == tape.FILL:
                self.gate.filled(row.body["instrument"], row.body["quantity"])
            elif self.gate is not None and row.kind == tape.INTENT:
                self.gate.waited(len(row.body["due"]))
            elif self.gate is not None and row.kind == tape.ADOPTED:
                self.gate.adopted(row.body["state"]["quantity"], row.body["state"]["mark"])
            if skip is not None and row.seq < skip.seq:
                self._pass(row)
            elif skip is not None and row.seq == skip.seq:
                self.fold.restore(row.body["state"], bytes.fromhex(row.body["digest"]))
                if "strategy" in row.body:
                    self.fold.strategy.restore(row.body["strategy"])
            else:
                self._take(row)

    def _pass(self, row: Row) -> None:
        """A row before a checkpoint: bars are history, and nothing is stepped."""
        if row.kind in (tape.WARM_UP, tape.SLICE):
            self._met(row)
        elif row.kind == tape.ACTION:
            self.fold.act(tape.action_of(row.body))
        elif row.kind == tape.COMMAND:
            self.keys.add(row.body["key"])
        elif row.kind == tape.HAND_OVER:
            self._handed(row)
        elif row.kind == tape.ADOPTED:
            self.adopted = self.warm = True

    def _handed(self, row: Row) -> None:
        """Forecasts are on the tape, so that only who goes on with the session needs the model itself."""
        if row.body["t"] != self.fold.met:
            raise DivergedError(
                f"row {row.seq}: a hand-over for slice {row.body['t']} stands before slice {self.fold.met}"
            )
        self.keys.add(row.body["key"])
        self.handed[row.body["signal"]] = dict(row.body)

    def _met(self, row: Row) -> None:
        self.fold.meet(tape.slice_of(row.body), row.kind == tape.WARM_UP)
        self.slices += 1
        if self.gate is not None:
            self.gate.met(tape.slice_of(row.body), self.fold.acted)
        self.found.clear()
        self.warm |= row.kind == tape.SLICE

    def _take(self, row: Row) -> None:
        body = row.body
        if row.kind in (tape.WARM_UP, tape.SLICE):
            if self.outcome is not None or not self.asked:
                raise DivergedError(f"row {row.seq}: a slice comes before the one at {self.fold.met - 1} was decided")
            self._met(row)
            self.asked = False
        elif row.kind == tape.FORECASTS:
            self.outcome, self.asked = self.fold.step(np.asarray(body["values"])), True
        elif row.kind in tape.DERIVED:
            self._compare(row)
        elif row.kind == tape.CHECKPOINT:
            self._check(row)
        elif row.kind == tape.ACTION:
            self.fold.act(tape.action_of(body))
        elif row.kind == tape.GAP:
            self.fold.gap(tape.gap_of(body))
        elif row.kind == tape.COMMAND:
            self.keys.add(body["key"])
            self.fold.command(tape.command_of(body))
        elif row.kind == tape.HAND_OVER:
            self._handed(row)
        elif row.kind == tape.ADOPTED:
            self.fold.adopt(body["state"])
            self.adopted = self.warm = True

    def _compare(self, row: Row) -> None:
        """A derived row against the fold's own; the decision completes the slice."""
        if self.outcome is None:
            raise DivergedError(f"row {row.seq}: a {row.kind} without a slice")
        mine = dict(derived(self.outcome))
        where = f"row {row.seq}, {row.kind} of slice {self.outcome.t}"
        if row.kind not in mine:
            raise DivergedError(f"{where}: the journal has one, the replay has none")
        if said := difference(mine[row.kind], row.body):
            raise DivergedError(f"{where}: replay and journal differ: {said}")
        self.found.add(row.kind)
        if row.kind == tape.DECISION:
            if missing := [kind for kind in mine if kind not in self.found]:
                raise DivergedError(f"{where}: the replay has a {missing[0]}, the journal has none")
            self.watch(self.outcome)
            self.outcome = None

    def _check(self, row: Row) -> None:
        """A checkpoint against the fold."""
        self.checkpoints += 1
        told: Mapping[str, Any] = row.body
        if said := difference(self.fold.capture(), told["state"]):
            raise DivergedError(
                f"row {row.seq}, checkpoint after slice {self.fold.met - 1}: replay and journal differ: {said}"
            )
        own = checkpoint(self.fold)
        if encode({"": own.get("strategy")}) != encode({"": told.get("strategy")}):
            raise DivergedError(f"row {row.seq}: the strategy's state() is not what the checkpoint says")
        if self.fold.digest.hex() != told["digest"]:
            raise DivergedError(
                f"row {row.seq}: the checkpoint's digest is {told['digest']}, expected {self.fold.digest.hex()}"
            )
