"""From a strategy file to a running paper session, and from a session's folder back to what verify needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import plugins as registry
from engine.arguments import paths_of, texts_of
from engine.errors import ConfigError
from engine.live import accounts, tape
from engine.live import session as sessions
from engine.live.adopting import taken_over
from engine.live.beginning import begin
from engine.live.clock import Clock, SystemClock
from engine.live.contest import Contest, Entry, begin_contest, check_alike
from engine.live.feed import Feed
from engine.live.verify import Certificate, longest, verify
from engine.run import load_config, load_panel, make_signals

if TYPE_CHECKING:
    from engine.config import Config
    from engine.config.feeds import FeedSpec
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
    backtest: str | Path | None = None,
    panel: Any = None,
    forecasts: Any = None,
    strategy: Any = None,
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> sessions.Session:
    """The session of a strategy file, begun or gone on with; `panel`, `forecasts` and `strategy` as engine.backtest takes them.

    `adopt`: the folder of another session whose account this new one takes over. `backtest`: a stored run, whose returns draw
    the cone that equity is held against.
    """
    time = clock or SystemClock()
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    loaded = load_config(config, texts_of(sets, "sets", "capital=50000"))
    from engine.brokers import building
    from engine.live import cone

    fed(loaded)
    venue = building.venue_of(loaded)
    signals = make_signals(loaded)
    say("opening the feed")
    feed = make_feed(loaded, signals, time, panel, forecasts, say)
    place = folder_of(loaded, folder)
    drawn = None if backtest is None or cone.stands(place, backtest) else cone.of_run(backtest, loaded)
    account = None if adopt is None else taken_over(Path(adopt), feed.universe, say)
    say("folding the journal" if (place / tape.JOURNAL).exists() else "loading compiled code")
    session = begin(place, loaded, feed, signals, hashes, clock=time, strategy=strategy, adopt=account)
    if drawn is not None:
        cone.keep(place, drawn, session.fold.met)
    else:
        session.warmed = cone.from_warm_up
    if venue is not None:
        session.beside = building.mirror(session, loaded, venue)
    return session


def open_contest(
    configs: Sequence[str | Path | Mapping[str, Any] | Config],
    folder: str | Path | None = None,
    *,
    sets: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    backtests: Sequence[str | Path] = (),
    panel: Any = None,
    forecasts: Sequence[Any] = (),
    strategies: Sequence[Any] = (),
    clock: Clock | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Contest:
    """The session of several strategy files on one feed, an account each, begun or gone on with.

    `backtests`, `forecasts` and `strategies` stand in the order of the files, none or one for each.
    """
    from engine.live import cone

    time = clock or SystemClock()
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    loaded = [load_config(one, texts_of(sets, "sets", "capital=50000")) for one in configs]
    for word, given in (("backtests", backtests), ("forecasts", forecasts), ("strategies", strategies)):
        if len(given) not in (0, len(loaded)):
            raise ConfigError(f"{word}: expected one for each of {len(loaded)} files in their order, got {len(given)}")
    for one in loaded:
        fed(one)
    place = Path(SESSIONS) / "+".join(one.name for one in loaded) if folder is None else Path(folder)
    drawn = [
        None if cone.stands(place, run, one.name) else cone.of_run(run, one)
        for run, one in zip(backtests, loaded, strict=False)
    ]
    say("opening the feed")
    entries = entered(loaded, time, panel, forecasts, strategies, say)
    say("folding the journal" if (place / tape.JOURNAL).exists() else "loading compiled code")
    contest = begin_contest(place, entries, hashes, time)
    for session, own in zip(contest.sessions.values(), drawn, strict=False):
        if own is not None:
            cone.keep(place, own, session.fold.met, session.account)
    for session in () if drawn else contest.sessions.values():
        session.warmed = cone.from_warm_up
    return contest


def entered(
    loaded: Sequence[Config],
    clock: Clock,
    panel: Any,
    forecasts: Sequence[Any],
    strategies: Sequence[Any],
    say: Callable[[str], None],
) -> list[Entry]:
    """The accounts to be. One feed gives the slices; where it replays bars, each account finds its own forecasts in its copy."""
    out: list[Entry] = []
    signals = [make_signals(config) for config in loaded]
    warm_up = max(looked_back(config, one) for config, one in zip(loaded, signals, strict=True))
    for k, config in enumerate(loaded):
        own = forecasts[k] if forecasts else None
        shared = out[0].feed if out and fed(config).source != "replay" else None
        feed = shared or make_feed(config, signals[k], clock, panel, own, say, warm_up)
        panel = getattr(feed, "panel", panel)
        out.append(Entry(config, feed, signals[k], strategies[k] if strategies else None))
        check_alike(out)
    return out


def looked_back(config: Config, signals: Mapping[str, Signal]) -> int:
    """Slices before the first that can be decided on: the longest window's, and those whose forecasts the rule remembers."""
    return longest(signals) - 1 + config.remembers()


def fed(config: Config) -> FeedSpec:
    """The feed that a file names; ConfigError where it names none."""
    if config.feed is None:
        raise ConfigError(
            "feed: missing; a paper session needs one, such as feed: {source: replay}. Add it to the file"
        )
    return config.feed


def make_feed(
    config: Config,
    signals: Mapping[str, Signal],
    clock: Clock,
    panel: Any,
    forecasts: Any,
    say: Callable[[str], None],
    least: int = 0,
) -> Feed:
    """The feed that the file names; a registered one is called with its arguments, the configuration and the clock.

    Unless the file says how long the warm-up is, it has what windows and rule look back on, and `least` slices.
    """
    spec = fed(config)
    warm_up = max(looked_back(config, signals), least) if spec.warm_up is None else spec.warm_up
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


def config_of(folder: str | Path, account: str = "") -> Config:
    """The configuration a session, or an account of it, was begun with, as its first row keeps it."""
    start = next(accounts.rows(Path(folder), account)).body
    from engine.config import load

    config = load(start["config"])
    config._base = Path(start["base"]) if start["base"] else None
    return config


def verify_session(
    folder: str | Path,
    plugins: Sequence[str | Path] = (),
    strategy: Callable[[], Any] | None = None,
    say: Callable[[str], None] = lambda text: None,
    account: str = "",
) -> Certificate:
    """The certificate of a session, or of one account of several, from its folder and the plugin files it was begun with."""
    start = next(accounts.rows(Path(folder), account)).body
    hashes = registry.load_files(paths_of(plugins, "plugins"))
    if hashes != start["plugins"]:
        names = ", ".join(start["plugins"]) or "none"
        raise ConfigError(f"{folder}: begun with plugins {names}; give the same files with --plugin, unchanged")
    config = config_of(folder, account)
    return verify(folder, make_signals(config), config, strategy, say, account)
