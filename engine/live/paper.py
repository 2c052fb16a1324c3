"""From a strategy file to a running paper session, and from a session's folder back to what verify needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import journal
from engine import plugins as registry
from engine.arguments import paths_of, texts_of
from engine.errors import ConfigError
from engine.live import session as sessions
from engine.live import tape
from engine.live.adopting import taken_over
from engine.live.beginning import begin
from engine.live.clock import Clock, SystemClock
from engine.live.feed import Feed
from engine.live.verify import Certificate, longest, verify
from engine.run import load_config, load_panel, make_signals

if TYPE_CHECKING:
    from engine.config import Config
    from engine.contracts import Signal

SESSIONS = "sessions"


def folder_of(config: Config, told: str | Path | None) -> Path:
    """Where the session lives: as told, else sessions/<name>."""
    return Path(SESSIONS) / config.name if told is None else Path(told)


def open_session(
    config: str | Path | Mapping[str, Any] | Config,
    folder: str | Path | None = None,
    *,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    adopt: str | Path | None = None,
    panel: Any = None,
    forecasts: Any = None,
    strategy: Any = None,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> sessions.Session:
    """The session of a strategy file, begun or gone on with; `panel`, `forecasts` and `strategy` as engine.backtest takes them.

    `adopt`: the folder of another session whose account this new one takes over.
    """
    time = clock or SystemClock()
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    loaded = load_config(config, texts_of(sets, "sets", "capital=50000"))
    if loaded.feed is None:
        raise ConfigError(
            "feed: missing; a paper session needs one, such as feed: {source: replay}. Add it to the file"
        )
    from engine.brokers import building

    venue = building.venue_of(loaded)
    signals = make_signals(loaded)
    say("opening the feed")
    feed = make_feed(loaded, signals, time, panel, forecasts, say)
    place = folder_of(loaded, folder)
    account = None if adopt is None else taken_over(Path(adopt), feed.universe, say)
    say("folding the journal" if (place / tape.JOURNAL).exists() else "loading compiled code")
    session = begin(place, loaded, feed, signals, hashes, clock=time, strategy=strategy, adopt=account)
    if venue is not None:
        session.beside = building.mirror(session, loaded, venue)
    return session


def make_feed(
    config: Config, signals: Mapping[str, Signal], clock: Clock, panel: Any, forecasts: Any, say: Callable[[str], None]
) -> Feed:
    """The feed that the file names; a registered one is called with its arguments, the configuration and the clock."""
    spec = config.feed
    assert spec is not None
    warm_up = longest(signals) - 1 + config.remembers() if spec.warm_up is None else spec.warm_up
    if spec.source == "replay":
        from engine.live.replay import Replay

        if spec.params:
            raise ConfigError(f"feed: replay takes no {', '.join(spec.params)}; it takes warm_up and speed. Remove it")
        bars = load_panel(config, panel, say)
        return Replay(bars, precomputed(config, signals, bars, forecasts), warm_up, spec.speed, clock)
    made = registry.get("barcast.feeds", spec.source)(config=config, clock=clock, warm_up=warm_up, **spec.params)
    if not isinstance(made, Feed):
        raise ConfigError(
            f"feed: {spec.source} is no feed: it lacks universe, facts, warm_up, arrivals, given or close"
        )
    return made


def precomputed(config: Config, signals: Mapping[str, Signal], panel: Any, forecasts: Any) -> dict[str, Any]:
    """(T, N) forecasts of the signals whose plugin is precomputed, by name."""
    from engine.given import align, chosen

    return {
        name: align(chosen(name, signal, config, forecasts), panel, f"signals.{name}")
        for name, signal in signals.items()
        if getattr(signal, "given_by_the_run", False)
    }


def config_of(folder: str | Path) -> Config:
    """The configuration a session was begun with, as its first row keeps it."""
    start = next(iter(journal.read(Path(folder) / tape.JOURNAL))).body
    from engine.config import load

    config = load(start["config"])
    config._base = Path(start["base"]) if start["base"] else None
    return config


def verify_session(
    folder: str | Path,
    plugins: Sequence[str | Path] = (),
    strategy: Callable[[], Any] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Certificate:
    """The certificate of a session, from its folder alone and the plugin files it was begun with."""
    start = next(iter(journal.read(Path(folder) / tape.JOURNAL))).body
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    if hashes != start["plugins"]:
        names = ", ".join(start["plugins"]) or "none"
        raise ConfigError(f"{folder}: begun with plugins {names}; give the same files with --plugin, unchanged")
    config = config_of(folder)
    return verify(folder, make_signals(config), config, strategy, say)
