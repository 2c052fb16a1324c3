"""The exceptions, one tree. Every message says where, what was expected, what was there, and the way out.

BarcastError
  ConfigError      the YAML file or a --set: exits 2
  DataError        bars, actions, forecasts, files of data: exits 4
  PluginError      a signal, strategy or source broke its contract: exits 5
  OutputError      the run directory could not be written: exits 1
"""

from __future__ import annotations


class BarcastError(Exception):
    """A mistake somebody can mend; the command line prints it without a traceback."""

    exit_code = 1


class ConfigError(BarcastError):
    exit_code = 2


class DataError(BarcastError):
    exit_code = 4


class PluginError(BarcastError):
    exit_code = 5


class OutputError(BarcastError):
    exit_code = 1
