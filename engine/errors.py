"""The exceptions, one tree. Every message says where, what was expected, what was there, and the way out.

BarcastError
  ConfigError      the YAML file or a --set: exits 2
  DataError        bars, actions, forecasts, files of data: exits 4
  PluginError      a signal, strategy or source broke its contract: exits 5
  OutputError      the run directory could not be written: exits 1
  JournalError     a session's journal: exits 6
    DamagedError     it is not as it was written
    HeldError        another process writes it
    StoppedError     the disk has failed, and nothing more is written
  FeedError        a live feed that a person must mend: keys, countries, symbols: exits 7
  BrokerError      a broker that a person must mend: exits 8
  InterruptError   a person stopped work that the same command takes up again: exits 130
"""

from __future__ import annotations

import re

ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # all but tab and line feed


class BarcastError(Exception):
    """A mistake somebody can mend; the command line prints it without a traceback.

    Characters of a file's that would end a line, or move the cursor of who reads it, are written as escapes.
    """

    exit_code = 1

    def __init__(self, *words: object) -> None:
        super().__init__(*(escaped(word) if isinstance(word, str) else word for word in words))


def escaped(text: str) -> str:
    """The text on its lines, every other control character as Python writes it."""
    return ODD.sub(lambda odd: repr(odd.group())[1:-1], text)


def first_line(error: BaseException, typed: bool = True) -> str:
    """An exception of somebody else's in one line: its type (where it is `typed`) and what it says first."""
    said = str(error).strip().splitlines()
    if said and not typed:
        return said[0]
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


class ConfigError(BarcastError):
    exit_code = 2


class DataError(BarcastError):
    exit_code = 4


class PluginError(BarcastError):
    exit_code = 5


class OutputError(BarcastError):
    exit_code = 1


class JournalError(BarcastError):
    exit_code = 6


class DamagedError(JournalError):
    """A journal is not as it was written; `offset` is the byte where that shows, None if no byte can be named."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class HeldError(JournalError):
    """Another process writes this journal."""


class StoppedError(JournalError):
    """Writing has failed; what was not acknowledged may or may not be there, and this writer writes no more."""


class FeedError(BarcastError):
    exit_code = 7


class BrokerError(BarcastError):
    exit_code = 8


class InterruptError(BarcastError):
    exit_code = 130
