"""From the `broker` of a strategy file to a mirror beside its session; what is registered as alpaca-paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import journal
from engine import plugins as registry
from engine.brokers.mirroring import Mirrored
from engine.brokers.sending import Venue
from engine.errors import ConfigError
from engine.live.tape import JOURNAL

if TYPE_CHECKING:
    from engine.brokers.alpaca import AlpacaPaper
    from engine.config import Config
    from engine.live.session import Session

SIMULATED = "simulated"
CALLS = ("submit", "query", "positions", "open_orders")


def alpaca_paper(*, config: Config) -> AlpacaPaper:
    """Alpaca's paper account; keys from the environment or BARCAST_KEYS."""
    from engine.brokers.alpaca import AlpacaPaper
    from engine.feeds.keys import alpaca_keys

    feed = config.feed
    if feed is not None and feed.source == "replay":
        raise ConfigError(
            "broker: alpaca-paper trades today, and feed: replay plays bars of the past; say broker: simulated, or a live feed"
        )
    return AlpacaPaper(alpaca_keys(), crypto=feed is not None and feed.params.get("market") == "crypto")


def venue_of(config: Config) -> Venue | None:
    """The venue that the file names, None for the simulated one. ConfigError for what no venue can repeat."""
    if config.broker == SIMULATED:
        return None
    factory = registry.get("barcast.brokers", config.broker)
    if config.execution.fill == "close":
        raise ConfigError(
            f"execution.fill: close is a price that has passed when {config.broker} is told; say open, or broker: {SIMULATED}"
        )
    venue: Any = factory(config=config)
    if missing := [name for name in CALLS if not callable(getattr(venue, name, None))]:
        raise ConfigError(f"broker: {config.broker} is no broker: it lacks {', '.join(missing)}")
    made: Venue = venue
    return made


def mirror(session: Session, config: Config, venue: Venue) -> Mirrored:
    """The venue held to the session's positions; orders are told apart by when the session was begun."""
    start = next(iter(journal.read(session.folder / JOURNAL))).body
    rule = str(getattr(config.strategy, "rule", "python"))
    return Mirrored(session, venue, f"{start['name']} {start['started']}", rule, config.broker)
