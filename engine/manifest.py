"""The manifest: where a run came from, so that it can be told apart, repeated and believed."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.compiled import PACKAGES
from engine.places import ROOT, digest
from engine.record import Record
from engine.seen import QUESTION, UNKNOWN
from engine.types import Floats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 2  # of the run directory
LIBRARIES = ("numpy", "numba", "llvmlite", "pandas", "pyarrow")
NOT_CHECKED = (
    f"{QUESTION}: not checked ({UNKNOWN})",
    "look-ahead inside signals: not checked (barcast audit)",
    "number of trials behind this run: not checked (deflated Sharpe)",
    "best and worst intrabar order: not checked (run --robustness)",
    "break-even cost and capacity: not checked (run --robustness)",
)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """sha256 hex over every Python source of our packages, by name."""
    return digest([path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))])


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: NaN and infinities are null, numpy's numbers are Python's, the rest is text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def run_hash(config: Mapping[str, Any], fingerprint: str, code: str, others: Mapping[str, Any]) -> str:
    """sha256 hex of what decides a run: configuration, data, code, and whatever else went in (plugins, forecasts)."""
    words = [plain(dict(config)), fingerprint, code, plain(dict(others))]
    return hashlib.sha256(json.dumps(words, sort_keys=True, allow_nan=False).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python, of ourselves and of the libraries that the bits of a run depend on."""
    import platform

    out = {"python": platform.python_version(), "barcast": _version("barcast")}
    return out | {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The machine and the processor family that kernels are compiled for."""
    import platform

    return f"{platform.machine()} {import_module('llvmlite.binding').get_host_cpu_name()}"


def git_commit(root: Path = ROOT) -> str | None:
    """The commit that `root` has checked out, None where it is no working copy; read without running git."""
    git = root / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text().strip()
        for line in (git / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return line.split()[0]
    except OSError:
        return None
    return None


def answered(verdict: tuple[str, str] | None) -> dict[str, Any]:
    """The questions a reader should ask: those with an answer under `checked`, the others under `not_checked`."""
    if verdict is None:
        return {"checked": [], "not_checked": list(NOT_CHECKED)}
    state, text = verdict
    return {"checked": [{"name": QUESTION, "state": state, "text": text}], "not_checked": list(NOT_CHECKED[1:])}


def hashes_of(forecasts: Mapping[str, Floats]) -> dict[str, str]:
    """sha256 hex of each signal's (T, N) forecasts."""
    return {name: hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() for name, values in forecasts.items()}


def make_manifest(
    config: Mapping[str, Any], record: Record, plugins: Mapping[str, str], overrides: Sequence[str]
) -> dict[str, Any]:
    """Where a run came from: hashes, versions, data, plugins (name -> sha256), overrides; no times."""
    panel = record.panel
    forecasts = hashes_of(record.forecasts)
    others = {"plugins": dict(plugins), "forecasts": forecasts, "capital": record.capital}
    seen = record.provenance
    data = {
        "name": panel.name,
        "fingerprint": panel.fingerprint,
        "slices": len(panel.times),
        "symbols": len(panel.universe),
        "first": str(panel.dates()[0]),
        "last": str(panel.dates()[-1]),
        **{
            key: getattr(panel, key)
            for key in ("prices", "dividends", "calendar", "missing_open", "bars_per_year_source")
        },
    }
    return {
        "name": str(config.get("name", "run")),
        "run_hash": run_hash(config, panel.fingerprint, code_hash(), others),
        "code_hash": code_hash(),
        "git_commit": git_commit(),
        "data": plain(data),
        "inputs": {entry.key: {"file": entry.file, "sha256": entry.sha256} for entry in panel.inputs},
        "forecasts": forecasts,
        "units": dict(record.units),
        "plugins": dict(plugins),
        "overrides": list(overrides),
        "seed": plain(config.get("seed")),
        "versions": versions(),
        "processor": processor(),
        "models": plain(seen.models),
        "stretches": plain(seen.stretches),
        **answered(seen.verdict),
    }
