"""Real bars that installed packages carry: read from their files without importing them, checked by sha256.

`sp500` and `nasdaq` are daily index bars 1999-2018 from arch's wheel; `us20` is 20 large US stocks 1990-2022 from
skfolio's, closes only, adjusted for splits and dividends, and chosen among those that survived.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.words import nearest
from engine.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Packaged:
    """One set: where its file lies, what it must hash to, how its dates look, and what its bars are."""

    package: str
    version: str  # the pinned one, whose file this is
    file: str
    sha256: str
    dates: str
    symbol: str | None  # None: closes, a column per symbol
    declared: dict[str, str]


INDEX = {"prices": "split_adjusted", "dividends": "none", "calendar": "XNYS", "missing_open": "refuse"}
CLOSES = {"prices": "total_return", "dividends": "none", "calendar": "XNYS", "missing_open": "close_fills"}
SETS = {
    "sp500": Packaged(
        "arch",
        "8.0.0",
        "data/sp500/sp500.csv.gz",
        "1e028cbb9c400cc018c816ccc439b33c919387e726c3ed5ca2c05c82746059de",
        "%m/%d/%Y",
        "SPX",
        INDEX,
    ),
    "nasdaq": Packaged(
        "arch",
        "8.0.0",
        "data/nasdaq/nasdaq.csv.gz",
        "b2009535343ebb14e0aa11ed086788d2997a416ffe4f9450eed9a561ae30ac59",
        "%m/%d/%Y",
        "IXIC",
        INDEX,
    ),
    "us20": Packaged(
        "skfolio",
        "1.12.2",
        "datasets/data/sp500_dataset.csv.gz",
        "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
        "%Y-%m-%d",
        None,
        CLOSES,
    ),
}


def get(name: str) -> Packaged:
    """The set called `name`; DataError with the nearest name."""
    if name not in SETS:
        raise DataError(f"packaged: there is no set {name!r}{nearest(name, SETS)}; expected one of {', '.join(SETS)}")
    return SETS[name]


def declared(name: str) -> dict[str, str]:
    """What the bars of a set are: prices, dividends, calendar, and the missing_open to use unless told otherwise."""
    return dict(get(name).declared)


def path_of(name: str) -> Path:
    """Where the set's file is installed; DataError when its package or file is not there, or is another one."""
    chosen = get(name)
    remedy = f"reinstall it: pip install --force-reinstall {chosen.package}=={chosen.version}"
    spec = importlib.util.find_spec(chosen.package)
    if spec is None or spec.origin is None:
        raise DataError(f"packaged {name}: its package {chosen.package} is not installed; {remedy}")
    path = Path(spec.origin).parent / chosen.file
    if not path.is_file():
        raise DataError(
            f"packaged {name}: expected {chosen.file} in {chosen.package}, which has no such file; {remedy}"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != chosen.sha256:
        raise DataError(f"packaged {name}: expected sha256 {chosen.sha256} of {chosen.file}, got {found}; {remedy}")
    return path


def frame(name: str) -> pd.DataFrame:
    """The set as a long frame: date, symbol, and open, high, low, close, volume, or the close alone."""
    import pandas as pd

    chosen = get(name)
    table = pd.read_csv(path_of(name))
    table["Date"] = pd.to_datetime(table["Date"], format=chosen.dates)
    if chosen.symbol is None:
        return table.melt(id_vars="Date", var_name="symbol", value_name="close").rename(columns={"Date": "date"})
    table = table.drop(columns="Adj Close").rename(columns=str.lower)
    return table.assign(symbol=chosen.symbol)


def load(name: str, **changes: Any) -> Any:
    """The Panel of a packaged set, declared as it is; `changes` go to Panel.from_frame."""
    from engine.panel import Panel

    return Panel.from_frame(frame(name), **{"name": name, **declared(name), **changes})
