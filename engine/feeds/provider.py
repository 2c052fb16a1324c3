"""What a source of bars must offer, and how it says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.feeds.facts import Bar, History


class Dropped(Exception):  # noqa: N818 - what happened, not a mistake
    """The line broke or the source asked for patience: try again, after at least `wait` seconds.

    `alone`: it concerns one instrument, and questions about others need not wait.
    """

    def __init__(self, why: str, wait: float = 0.0, alone: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.wait = wait
        self.alone = alone


class Ears(Protocol):
    """Where a provider puts what it hears."""

    def bar(self, bar: Bar) -> None:
        """A closed bar of the stream."""
        ...

    def none(self, history: History) -> None:
        """The stream itself says that nothing was traded in these bars."""
        ...

    def frame(self) -> None:
        """Anything at all came: the line is not mute."""
        ...

    def up(self, why: str) -> None:
        """Connected, and everything asked for is subscribed."""
        ...

    def odd(self, why: str) -> None:
        """Something came that is not understood; it is counted and told to people."""
        ...


class Provider(Protocol):
    """A source of bars behind its own library. All methods run on the line's own thread and loop."""

    name: str

    async def listen(self, ears: Ears) -> None:
        """One connection, from dialling to its end: raises Dropped when it breaks, FeedError where a person must help.

        Returning is taken for a break. A provider that only answers questions sleeps.
        """
        ...

    async def history(self, column: int, first: int, last: int) -> History:
        """Bars of one instrument that closed from `first` to `last` (ns), and which closes the answer proves."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


Open = Callable[[int], bool]
