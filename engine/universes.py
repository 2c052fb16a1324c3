"""The universe that a strategy file names: its files found beside it, read before any bar, and laid over the panel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, DataError

if TYPE_CHECKING:
    from engine.config import Config
    from engine.data.universe import UniverseFiles
    from engine.panel import Panel


def read_universe(config: Config) -> UniverseFiles:
    """What the files under `universe` say. ConfigError at its place for a file that is not there, DataError inside one."""
    from engine.data.universe import UniverseFiles, read

    section = config.universe
    if section.members is None and section.sectors is None:
        return UniverseFiles()
    return read(_file(config, "members"), _file(config, "sectors"), section.members_end == "exclusive")


def _file(config: Config, key: str) -> Path | None:
    """The file that universe.`key` names, looked for beside the YAML first; None where it names none."""
    from engine.config import refusal
    from engine.data.sources import find

    path = getattr(config.universe, key)
    if path is None:
        return None
    try:
        file = find(path, config.base)
    except DataError as error:
        raise refusal(config, ("universe", key), str(error)) from None
    if not file.is_file():
        raise refusal(config, ("universe", key), f"{path}: it is a folder; expected a file. Correct the path")
    return file


def described(panel: Panel, members: str, end: str) -> dict[str, Any]:
    """What `barcast data info --members` says: the panel with its members, and how many of them have bars by year."""
    from engine.data.info import describe
    from engine.data.membership import per_year
    from engine.data.sources import find
    from engine.data.universe import read, within

    if end not in ("inclusive", "exclusive"):
        raise ConfigError(f"--members-end: expected inclusive or exclusive, got {end!r}")
    files = read(find(members), None, end == "exclusive")
    assert files.members is not None
    told = describe(within(panel, files))
    years = per_year(files.members, panel.universe.symbols, panel.sessions, panel.close)
    return {**told, "members_per_year": years}
