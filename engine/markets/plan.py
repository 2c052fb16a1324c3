"""Settings to what the kernels take: sessions, the market's path, the traits of the names, the rules of a bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.data import calendars
from engine.data.words import nearest
from engine.errors import ConfigError, DataError
from engine.markets import path
from engine.markets.kinds import DECAY, ENDOGENOUS, EXOGENOUS, LATCH, LINEAR, NONE, PRODUCT, Path, Rules, Traits
from engine.markets.naming import describe_names
from engine.markets.settings import Settings, cholesky

YEAR = 252.0  # bars, whatever the calendar: volatilities of the settings are those of business days
SHAPES = {"linear": LINEAR, "product": PRODUCT, "latch": LATCH, "decaying": DECAY, "none": NONE}
LAST_YEAR = 2199
STEPS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about a market that is settled before its first bar."""

    settings: Settings
    seed: np.uint64
    sessions: np.ndarray  # (T,) datetime64[D]
    symbols: tuple[str, ...]
    path: Path
    traits: Traits
    rules: Rules

    def __len__(self) -> int:
        return len(self.sessions)


def plan(settings: Settings) -> Plan:
    """The plan of `settings`; ConfigError where the calendar has no such days."""
    seed = np.uint64(settings.seed)
    plain = settings.mode == "plain"
    sessions = sessions_of(settings)
    climate = _plain_climate(settings) if plain else _climate(settings)
    sectors = 0 if plain or settings.sectors is None else settings.sectors.count
    walked = path.empty(len(sessions) + 1, len(climate.volatility), sectors)
    count = len(climate.volatility)
    path.walk(seed, climate, walked, np.empty(count), np.empty((2, count)))
    traits = describe_names(settings, seed, climate, sectors)
    rules = _rules(settings, climate)
    _disperse(walked, traits, rules)
    width = max(4, len(str(settings.names - 1)))
    symbols = tuple(f"S{k:0{width}d}" for k in range(settings.names))
    return Plan(settings, seed, sessions, symbols, walked, traits, rules)


def sessions_of(settings: Settings) -> np.ndarray:
    """(T,) dates on which the market is open."""
    first, count = np.datetime64(settings.start), settings.bars
    weekdays = settings.calendar == "weekdays"
    if settings.calendar == calendars.ALWAYS:
        found = first + np.arange(count)
    elif weekdays:
        found = np.busday_offset(first, np.arange(count), roll="forward")
    else:
        last = first + np.timedelta64(int(count * 1.6) + 30, "D")
        if _year(last) > LAST_YEAR:
            raise _too_late(settings)
        try:
            exchange = calendars.sessions_of(settings.calendar, first, last)
        except DataError as error:
            raise ConfigError(str(error).replace(calendars.INFERRED, "weekdays")) from None
        if exchange is None:
            raise ConfigError(
                f"calendar: expected an exchange's code, weekdays or 24/7; it was {settings.calendar!r}"
                f"{nearest(settings.calendar, ('weekdays', 'XNYS', '24/7'))}"
            )
        found = exchange.label[exchange.label >= first][:count]
        if len(found) < count or (len(exchange.label) and exchange.label[0] > first + np.timedelta64(14, "D")):
            raise ConfigError(
                f"bars: {settings.calendar} has records of {len(found):,} sessions from {settings.start} on, and "
                f"{count:,} are asked for; ask for fewer, or say calendar: weekdays"
            )
    if _year(found[-1]) > LAST_YEAR:
        raise _too_late(settings)
    return np.asarray(found.astype("datetime64[D]"))


def _year(day: np.datetime64) -> int:
    return int(day.astype("datetime64[Y]").astype(int)) + 1970


def _too_late(settings: Settings) -> ConfigError:
    said = f"bars: {settings.bars:,} sessions from {settings.start} on would end after {LAST_YEAR}"
    return ConfigError(f"{said}; ask for fewer, or begin earlier")


def _climate(settings: Settings) -> path.Climate:
    rows, g, jump = settings.correlation, settings.garch.factors, settings.jumps.factor
    count, root_year = len(settings.factors), math.sqrt(YEAR)
    correlation = rows if rows is not None else tuple(tuple(float(i == j) for j in range(count)) for i in range(count))
    regimes = settings.regimes
    return path.Climate(
        leave=np.array([1.0 / r.length for r in regimes]),
        drift=np.array([r.drift / YEAR for r in regimes]),
        storm=np.array([r.volatility for r in regimes]),
        idiosyncratic=np.array([r.own for r in regimes]),
        volatility=np.array([f.volatility / root_year for f in settings.factors]),
        root=np.array(cholesky(correlation)),
        sector_volatility=0.0 if settings.sectors is None else settings.sectors.volatility / root_year,
        overnight=settings.overnight,
        df=settings.tails.factors or 0.0,  # None is a normal, and 0 says so to the kernel
        alpha=g.alpha,
        gamma=g.gamma,
        beta=g.beta,
        jump_chance=min(1.0, jump.per_year / YEAR),
        jump_mean=jump.mean,
        jump_spread=jump.spread,
        noise=settings.volume.common,
        memory=settings.volume.memory,
        strength_spread=_strength(settings),
    )


def _strength(settings: Settings) -> float:
    """sd over mean of what the signal pays."""
    return settings.signal.ic_spread / settings.signal.ic if settings.signal.ic != 0.0 else 0.0


def _plain_climate(settings: Settings) -> path.Climate:
    """One regime and one factor, and that factor does nothing."""
    one, none = np.ones(1), np.zeros(1)
    rest = dict.fromkeys(
        ("overnight", "df", "alpha", "gamma", "beta", "jump_chance", "jump_mean", "jump_spread", "noise", "memory"), 0.0
    )
    return path.Climate(
        leave=none, drift=none, storm=one, idiosyncratic=one, volatility=none, root=np.ones((1, 1)),
        sector_volatility=0.0, strength_spread=_strength(settings), **rest,
    )  # fmt: skip


def _rules(settings: Settings, climate: path.Climate) -> Rules:
    signal = settings.signal
    common: dict[str, Any] = {
        "elasticity": 0.0, "memory": 0.0, "noise": 0.0, "df": 0.0, "alpha": 0.0, "gamma": 0.0, "beta": 0.0,
        "jump_chance": 0.0, "jump_mean": 0.0, "jump_spread": 0.0, "split_above": 0.0, "split_below": 0.0, "every": 1,
        "halt_chance": 0.0, "halt_length": 1.0, "lost_chance": 0.0,
    }  # fmt: skip
    if settings.mode == "full":
        common |= _full(settings)
    regimes = [regime.name for regime in settings.regimes]
    return Rules(
        overnight=climate.overnight,
        tick=settings.prices.tick or 0.0,  # None is no tick, and 0 says so to the kernel
        shape=SHAPES[signal.shape],
        source=ENDOGENOUS if signal.source == "endogenous" else EXOGENOUS,
        lag=signal.lag,
        decay=0.5 ** (1.0 / signal.half_life),
        threshold=signal.threshold,
        gate=-1 if signal.regime is None else regimes.index(signal.regime),
        driver_memory=signal.memory,
        ratio=signal.ic / math.sqrt(1.0 - signal.ic * signal.ic),
        steps=STEPS,
        **common,
    )


def _full(settings: Settings) -> dict[str, Any]:
    g, jump, volume, splits = settings.garch.own, settings.jumps.own, settings.volume, settings.splits
    dividends, halts = settings.dividends, settings.halts
    told: dict[str, Any] = {
        "elasticity": volume.elasticity, "noise": volume.noise, "memory": volume.memory,
        "df": settings.tails.own or 0.0, "alpha": g.alpha, "gamma": g.gamma, "beta": g.beta,
        "jump_chance": min(1.0, jump.per_year / YEAR), "jump_mean": jump.mean, "jump_spread": jump.spread,
        "lost_chance": settings.missing,
    }  # fmt: skip
    if splits is not None:
        told |= {"split_above": splits.above or 0.0, "split_below": splits.below or 0.0}
    if dividends is not None:
        told["every"] = dividends.every
    if halts is not None:
        told |= {"halt_chance": min(1.0, halts.per_year / YEAR), "halt_length": float(halts.length)}
    return told


def _disperse(walked: Path, traits: Traits, rules: Rules) -> None:
    """Fill the path's dispersion: the sd across names that a bar's returns are expected to have, given the past of the market.

    The names' own variances count with their long-run mean, so it is one number for all of them, and known before the bar.
    """
    names = len(traits.volatility)
    many = names > 1
    apart_by = traits.beta - traits.beta.mean(axis=0)
    # Not np.cov: how a matrix product is added up depends on the library and its threads.
    across = (apart_by[:, :, None] * apart_by[:, None, :]).sum(axis=0) / max(1, names - 1)
    apart = 1.0
    if many and walked.sector_gap.shape[1]:
        share = np.bincount(traits.sector, minlength=walked.sector_gap.shape[1]) / names
        apart = float((1.0 - (share**2).sum()) * names / (names - 1.0))
    own = float(np.mean(traits.volatility**2))
    jumps = rules.jump_chance * (rules.jump_mean**2 + rules.jump_spread**2)
    total = (
        np.einsum("tij,ij->t", walked.expected, across) + walked.sector_expected * apart + own * walked.scale**2 + jumps
    )
    walked.dispersion[:] = np.sqrt(total)
