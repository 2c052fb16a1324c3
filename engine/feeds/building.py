"""From the `feed` of a strategy file to a live feed: what is registered as ccxt, alpaca and yfinance."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND
from engine.feeds.line import Pace
from engine.feeds.live import LiveFeed, facts_of
from engine.feeds.provider import Provider
from engine.feeds.schedule import Schedule, schedule
from engine.live.clock import Clock
from engine.types import Universe

if TYPE_CHECKING:
    from engine.config import Config

TIME = re.compile(r"(\d{1,6})\s*(s|m|h)")
UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
SETTLED = "35s"  # the half-minute after which corrections are sent, and a little
TIMES = ("grace", "patience", "outage", "max_signal_age")
WATCHED: dict[str, tuple[Any, float]] = {"jump": (5, 1.5), "frozen": (10, 2), "absent": ("off", 2)}  # default, least
Make = Callable[[tuple[str, ...], Schedule], Provider]


def ccxt(
    *, config: Config, clock: Clock, warm_up: int, exchange: str = "kraken", interval: str = "1m", **more: Any
) -> LiveFeed:
    """Public bars of kraken, binanceus or binance."""

    def make(symbols: tuple[str, ...], line: Schedule) -> Provider:
        from engine.feeds.ccxt import Ccxt

        return Ccxt(exchange, symbols, interval, line, clock)

    more.setdefault("calendar", "24/7")
    return _build("ccxt", make, config, clock, warm_up, interval, more, {})


def alpaca(
    *,
    config: Config,
    clock: Clock,
    warm_up: int,
    market: str = "stocks",
    data: str = "iex",
    interval: str = "1m",
    **more: Any,
) -> LiveFeed:
    """Minute bars of US stocks or crypto; keys from the environment or BARCAST_KEYS."""

    def make(symbols: tuple[str, ...], line: Schedule) -> Provider:
        from engine.feeds.alpaca import Alpaca
        from engine.feeds.keys import alpaca_keys

        return Alpaca(symbols, line, clock, alpaca_keys(), market, data)

    if interval != "1m":
        raise ConfigError(f"feed.interval: alpaca streams minutes only; say 1m, it was {interval!r}")
    more.setdefault("calendar", "XNYS" if market == "stocks" else "24/7")
    return _build("alpaca", make, config, clock, warm_up, interval, more, {}, Pace(mute=200.0))


def yfinance(*, config: Config, clock: Clock, warm_up: int, interval: str = "1d", **more: Any) -> LiveFeed:
    """Daily bars after the close."""

    def make(symbols: tuple[str, ...], line: Schedule) -> Provider:
        from engine.feeds.yahoo import Yahoo

        return Yahoo(symbols, line, clock)

    more.setdefault("calendar", "XNYS")
    usual = {"grace": "30m", "patience": "12h", "outage": "72h", "max_signal_age": "15h", "frozen": 3, "absent": 3}
    return _build(
        "yfinance", make, config, clock, warm_up, interval, more, usual, Pace(again=60.0, together=1), "split_adjusted"
    )


def _build(
    name: str,
    make: Make,
    config: Config,
    clock: Clock,
    warm_up: int,
    interval: str,
    more: dict[str, Any],
    usual: dict[str, Any],
    pace: Pace | None = None,
    prices: str = "as_traded",
) -> LiveFeed:
    calendar, symbols = str(more.pop("calendar")), more.pop("symbols", None)
    line = schedule(calendar, interval, clock.now())
    rules = _rules({"absent": line.bars_per_session()} | usual | more, warm_up)
    unknown = set(more) - {*TIMES, *WATCHED, "bars", "settle"}
    if unknown:
        known = ", ".join(("symbols", "interval", "calendar", "bars", "settle", *TIMES, *WATCHED))
        raise ConfigError(f"feed: {name} takes no {', '.join(sorted(unknown))}; it takes {known}")
    universe = Universe.of(_symbols(symbols), config.execution.lot, config.execution.tick or float("nan"))
    provider = make(universe.symbols, line)
    feed = LiveFeed(provider, universe, facts_of(name, calendar, line, prices), line, rules, clock, pace)
    feed.least = warm_up
    return feed


def _symbols(told: Any) -> tuple[str, ...]:
    """Ascending and once each."""
    if not isinstance(told, list) or not told or not all(isinstance(name, str) and name.strip() for name in told):
        raise ConfigError(f"feed.symbols: expected a list of symbols such as [BTC/USD, ETH/USD]; it was {told!r:.80}")
    if len(set(told)) < len(told):
        raise ConfigError(f"feed.symbols: {next(n for n in told if told.count(n) > 1)} stands there twice; remove one")
    return tuple(sorted(told))


def _rules(told: dict[str, Any], warm_up: int) -> Rules:
    times = {name: _time(name, told[name]) for name in TIMES if name in told}
    bars = told.get("bars", "first_seen")
    if bars not in ("first_seen", "settled"):
        raise ConfigError(f"feed.bars: expected first_seen or settled; it was {bars!r:.40}")
    if bars == "first_seen" and "settle" in told:
        raise ConfigError("feed.settle: says how long settled bars are waited for; add bars: settled")
    settle = _time("settle", told.get("settle", SETTLED)) if bars == "settled" else None
    watched = {name: _watched(name, told.get(name, usual), least) for name, (usual, least) in WATCHED.items()}
    return Rules(settle=settle, window=warm_up + 1, **times, **watched)


def _watched(name: str, told: Any, least: float) -> Any:
    """A number of `least` or more, or None for off."""
    if told == "off":
        return None
    number = isinstance(told, int | float) and not isinstance(told, bool) and least <= told < float("inf")
    if not number or (name != "jump" and told != int(told)):
        kind = "number" if name == "jump" else "whole number"
        raise ConfigError(f"feed.{name}: expected a {kind} of {least:g} or more, or off; it was {told!r:.40}")
    return float(told) if name == "jump" else int(told)


def _time(name: str, told: Any) -> int:
    """ns of 35s, 2m or 6h."""
    found = TIME.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise ConfigError(f"feed.{name}: expected a time such as 35s, 2m or 6h; it was {told!r:.40}")
    return int(found.group(1)) * UNITS[found.group(2)]
