"""What is known of a signal in use, as plain data and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.inuse import skill
from engine.inuse.drift import LEAST, LEAST_THERE
from engine.inuse.fit import Fitness
from engine.inuse.series import Estimate
from engine.inuse.watched import DRIFTED, NONE, OWN, STEADY, Watched
from engine.types import DAY_NS

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Told = dict[str, Any]


def told(one: Watched) -> Told:
    """All of it; what is not known is None."""
    return {
        "signal": one.name,
        "unit": one.unit,
        "model": one.reference.id,
        "since": one.begun,
        "slices": one.slices,
        "age": age(one),
        "forecasts": forecasts(one),
        "drift": drifting(one),
        "skill": worth(one),
        "probabilities": probabilities(one.fit.found(), one) if one.unit == "probability" else None,
        "complaints": complaints(one),
    }


def age(one: Watched) -> Told:
    """Days since what the model knows ends, since it may speak, and how old one ever was when it was tried."""
    reference, now = one.reference, one.time

    def days(start: int | None, stop: int | None) -> float | None:
        return None if start is None or stop is None else round((stop - start) / DAY_NS, 2)

    return {
        "known_through": reference.known,
        "days": days(reference.known, now),
        "speaking_days": days(reference.since, now),
        "cadence_days": days(0, reference.cadence),
        "same": one.runs.same,
        "silent": one.runs.silent,
    }


def forecasts(one: Watched) -> Told:
    """Their distribution since the model began to speak; quantiles are of every `every`-th slice."""
    sample = one.sample
    said = np.concatenate(sample.rows) if sample.rows else np.zeros(0)
    cells = sample.count + sample.missing
    quantiles = np.quantile(said, QUANTILES) if len(said) else np.full(len(QUANTILES), np.nan)
    return {
        "count": sample.count,
        "missing": plain(sample.missing / cells) if cells else None,
        "mean": plain(said.mean()) if len(said) else None,
        "sd": plain(said.std()) if len(said) else None,
        "quantiles": {f"{q:.0%}": plain(v) for q, v in zip(QUANTILES, quantiles.tolist(), strict=True)},
        "every": sample.every,
    }


def drifting(one: Watched) -> Told:
    """The distance from the reference at the latest look."""
    if one.shape is None:
        return {"state": NONE, "why": one.reference.why}
    found = one.distance
    state = DRIFTED if one.drifted else skill.EARLY if found is None else STEADY
    of = OWN if one.own else "the validation range"
    out: Told = {"state": state, "reference": of, "reference_mean": one.shape.mean, "reference_sd": one.shape.sd}
    out["reference_quantiles"] = {f"{q:.0%}": one.shape.quantile(q) for q in QUANTILES}
    if found is None:
        seen = 0.0 if one.shares is None else one.shares.count * one.shape.worth
        there = one.shape.slices * one.shape.worth
        out["why"] = (
            f"worth {seen:.0f} independent forecasts, the reference {there:.0f}; {LEAST:.0f} and {LEAST_THERE:.0f} are needed"
        )
    else:
        names = ("distance", "at", "here", "there", "independent", "chance")
        out |= {name: plain(getattr(found, name)) for name in names}
    return out


def worth(one: Watched) -> Told:
    """The realised correlation with its interval, beside the promise; the verdict is the latest look's."""
    promise = one.reference.promise
    found = one.skill.estimate(None if promise is None else promise.measure)
    out: Told = {
        "measure": one.skill.measure if promise is None else promise.measure, **interval(found), "label": one.kind,
        "horizon": one.horizon, "verdict": one.verdict, "promised": None, "needed": None,
    }  # fmt: skip
    if promise is None:
        return out | {"why": one.reference.why}
    given = Estimate(promise.value, promise.error, promise.slices)
    slices = skill.needed(found, promise)
    return out | {
        "promised": interval(given) | {"on": promise.on},
        "needed": None if slices is None else math.ceil(slices),
    }


def probabilities(found: Fitness | None, one: Watched) -> Told:
    """How they did; the verdict is the latest look's."""
    out: Told = {"verdict": one.fit_verdict, "promised": None, "event": one.reference.target}
    if one.reference.brier is not None:
        out["promised"] = dict(zip(("brier", "brier_base"), one.reference.brier, strict=True))
    if found is None:
        return out | {"slices": one.fit.sums.count}
    return out | {
        "slices": found.slices, "count": found.count, "base": found.base, "brier": found.brier, "brier_base": found.brier_base,
        "gain": interval(found.gain), "slope": interval(found.slope), "bias": interval(found.bias),
        "bins": [
            {"count": b.count, "said": b.said, "happened": b.happened, "low": plain(b.low), "high": plain(b.high)}
            for b in found.bins
        ],
    }  # fmt: skip


def complaints(one: Watched) -> dict[str, str]:
    """What speaks against the signal now: a word -> a sentence."""
    out = {}
    if one.drifted and one.distance is not None:
        d = one.distance
        out["drift"] = (
            f"{one.name}: {d.here:.0%} of the forecasts lie at or below {d.at:.4g}, of the reference {d.there:.0%}; chance does "
            f"as much once in {1.0 / max(d.chance, 1e-9):,.0f} looks"
        )
    if one.worse:
        w = worth(one)
        out["skill"] = (
            f"{one.name}: {w['measure']} {w['value']:.4f} since its model began, {w['promised']['value']:.4f} was promised"
        )
    if one.misleading:
        out["probabilities"] = f"{one.name}: its probabilities do worse than always saying how often it happens"
    if one.runs.stuck:
        out["stuck"] = f"{one.name}: the same forecasts for {one.runs.same + 1} slices"
    if one.runs.mute:
        out["silent"] = f"{one.name}: no forecast for {one.runs.silent} slices"
    if one.late:
        days = age(one)
        out["old"] = (
            f"{one.name}: its model has been in use for {days['speaking_days']:,.0f} days, and none was tried for longer than "
            f"{days['cadence_days']:,.0f}"
        )
    return out


def interval(found: Estimate) -> Told:
    """An estimate and its 95 % interval."""
    low, high = found.interval() if found.count > 2 else (math.nan, math.nan)
    return {"value": plain(found.value), "low": plain(low), "high": plain(high), "slices": found.count}


def plain(value: Any) -> float | None:
    """A number as JSON has it; None where it is none."""
    return float(value) if math.isfinite(value) else None


def lines(one: Mapping[str, Any]) -> list[str]:
    """What `told` tells of a signal, for people: a line each for forecasts, drift, skill and probabilities."""
    said, away, worth_, odds = one["forecasts"], one["drift"], one["skill"], one["probabilities"]
    first = f"{said['count']:,} forecasts of {one['slices']:,} slices, mean {number(said['mean'])}, sd {number(said['sd'])}, "
    first += f"5 to 95 % {number(said['quantiles']['5%'])} to {number(said['quantiles']['95%'])}, {share(said['missing'])} missing"
    out = [first, aged(one["age"]), f"drift: {away['state']}{drift_words(away)}"]
    out.append(f"{worth_['measure']} {spread(worth_)}: {promised(worth_)}")
    if odds is not None:
        out.append(f"probabilities: {odds['verdict']}{odds_words(odds)}")
    return [line for line in out if line]


def drift_words(away: Mapping[str, Any]) -> str:
    """Its numbers."""
    if "distance" not in away:
        return f" ({away['why']})" if away.get("why") else ""
    return (
        f" (distance {away['distance']:.3f} from {away['reference']}, {away['independent']:,.0f} independent forecasts, chance "
        f"{away['chance']:.2g})"
    )


def promised(told: Mapping[str, Any]) -> str:
    """The verdict beside the promise."""
    if told["promised"] is None:
        return f"{told['verdict']} ({told['why']})" if told.get("why") else str(told["verdict"])
    given = f"{told['verdict']}; {told['promised']['on']} promised {spread(told['promised'])}"
    if told["verdict"] == skill.EARLY and told["needed"] is not None:
        given += f"; about {told['needed']:,} slices would tell"
    return given


def odds_words(odds: Mapping[str, Any]) -> str:
    """Their numbers."""
    if "brier" not in odds:
        return ""
    was = (
        ""
        if odds["promised"] is None
        else f", promised {odds['promised']['brier']:.4f} against {odds['promised']['brier_base']:.4f}"
    )
    return f" (Brier {odds['brier']:.4f} against {odds['brier_base']:.4f}{was}; slope {spread(odds['slope'])})"


def aged(age: Mapping[str, Any]) -> str:
    """How old the model is; empty where it does not say."""
    if age["days"] is None:
        return ""
    tried = (
        ""
        if age["cadence_days"] is None
        else f"; when it was tried none was older than {age['cadence_days']:,.0f} days in use"
    )
    return f"it knows nothing of the last {age['days']:,.0f} days{tried}"


def spread(told: Mapping[str, Any]) -> str:
    """A value and its interval."""
    if told["value"] is None:
        return "not known yet"
    ends = "" if told["low"] is None else f" ({told['low']:.4f} to {told['high']:.4f})"
    return f"{told['value']:.4f}{ends}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
