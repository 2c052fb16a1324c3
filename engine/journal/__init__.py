"""The journal of a session: an append-only chain of rows that survives crashes and shows damage. See docs/journal.md."""

from engine.journal.body import decode, encode
from engine.journal.frame import SCHEMA, Row
from engine.journal.migrating import migrate
from engine.journal.reading import Recovered, examine, read
from engine.journal.recovery import recover
from engine.journal.writer import Writer, create, reopen

__all__ = [
    "SCHEMA",
    "Recovered",
    "Row",
    "Writer",
    "create",
    "decode",
    "encode",
    "examine",
    "migrate",
    "read",
    "recover",
    "reopen",
]
