"""Who may read and who may command. The address holds a token that is good for one page; what it is changed for never leaves
the browser that changed it: a cookie that reads, and a key in the page's memory that, together with the cookie, commands.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import compare_digest

READERS = 16  # pages at once; the oldest has to enter anew
WRONG, WITHIN = 10, 60.0  # so many wrong tokens in so many seconds, and nobody enters
BYTES = 32


@dataclass
class Passes:
    """The tokens of one process; nothing of them is written down."""

    control: bool
    elapsed: Callable[[], float]
    changed: Callable[[str], None] = lambda token: None  # told of every new token
    token: str = field(init=False, repr=False)
    readers: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)  # cookie -> key
    wrong: deque[float] = field(default_factory=lambda: deque(maxlen=WRONG), repr=False)

    def __post_init__(self) -> None:
        self.token = secrets.token_urlsafe(BYTES)

    def crowded(self) -> bool:
        """Whether too many wrong tokens came lately."""
        return len(self.wrong) == WRONG and self.elapsed() - self.wrong[0] < WITHIN

    def enter(self, token: str) -> tuple[str, str] | None:
        """(cookie, key) for the token of the address, which is then used up; the key is empty on a page that may only read."""
        if not same(token, self.token):
            self.wrong.append(self.elapsed())
            return None
        cookie, key = (secrets.token_urlsafe(BYTES) for _ in range(2))
        self.readers[cookie] = key
        while len(self.readers) > READERS:
            self.readers.popitem(last=False)
        self.token = secrets.token_urlsafe(BYTES)
        self.changed(self.token)
        return cookie, key if self.control else ""

    def reads(self, cookies: list[str]) -> bool:
        """Whether one of these cookies may read."""
        return any(same(cookie, known) for cookie in cookies for known in list(self.readers))

    def commands(self, cookies: list[str], key: str) -> bool:
        """Whether the key belongs to one of these cookies, on a page that may command."""
        known = [own for cookie in cookies for reader, own in list(self.readers.items()) if same(cookie, reader)]
        return self.control and bool(key) and any(same(key, own) for own in known)


def same(told: str, known: str) -> bool:
    """Compared in a time that tells nothing."""
    return compare_digest(told.encode(), known.encode())
