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


class BarcastError(Exception):
    """A mistake somebody can mend; the command line prints it without a traceback."""

    exit_code = 1


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
