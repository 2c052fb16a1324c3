"""What stands beside a session: who follows it at a broker, where its commands wait, and what it counts of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.live.commands import Command

if TYPE_CHECKING:
    from engine.live.session import Session


@dataclass
class Health:
    """What a session counts of its feed and of itself; none of it decides anything."""

    late: int = 0
    corrections: int = 0
    gaps: int = 0
    seconds: list[float] = field(default_factory=list)  # from a slice's arrival until its orders were durable


class Beside(Protocol):
    """What follows a session at a broker and decides nothing: its rows lie in the same journal."""

    def begin(self) -> None:
        """Before the first arrival."""

    def look(self, session: Session) -> None:
        """After every arrival, and every time that nothing came."""

    def finish(self) -> None:
        """Before the session closes: settle what can be settled, and tell the rest."""

    def told(self) -> dict[str, Any]:
        """How it stands, as plain data."""
        ...


class Box(Protocol):
    """Where commands wait: engine.live.control has the one that is a folder."""

    def waiting(self, symbols: tuple[str, ...]) -> list[Command]: ...
    def done(self, key: str) -> None: ...
    def refuse(self, key: str, why: str) -> None: ...
