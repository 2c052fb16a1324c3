"""The first screen of a run: the verdict in plain words, and the sentences it rests on, each with its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.belief.search import Search, known, search_of
from engine.belief.verdict import CONFIDENT, SHORTEST, Evidence, verdict
from engine.seen import QUESTION as SAMPLE

if TYPE_CHECKING:
    from engine.report.checks import Check
    from engine.result import Result
    from engine.robust import Robustness
    from engine.trials import Trial

FOR, AGAINST, UNKNOWN, PLAIN = "for", "against", "unknown", "plain"
FEW_TRADES = 30
SURE = 2.0  # a t from here on is called more than chance
LOOK_AHEAD = "look-ahead inside signals"
Numbers = dict[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One reason: `tone` is for, against, unknown or plain; `numbers` are those in `text`."""

    topic: str
    tone: str
    text: str
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Belief:
    """The verdict (engine.belief.verdict), its headline, and why."""

    verdict: str
    headline: str
    sentences: tuple[Sentence, ...]


def believe(
    result: Result,
    trials: Sequence[Trial] = (),
    robustness: Robustness | None = None,
    checks: Iterable[Check] = (),
    elsewhere: int = 0,
) -> Belief:
    """How far `result` can be believed, given the `trials` on its bars and how many there were `elsewhere`.

    `checks` are what others have found, by name.
    """
    told = {check.name: check for check in checks}
    search = search_of(result, trials, elsewhere)
    sample = sample_of(result, told)
    evidence = evidence_of(result, search, robustness, sample)
    which = verdict(evidence)
    sentences = (
        _sample(sample, result),
        _foresight(told),
        _interval(result),
        _trials(search, result),
        _length(result),
        _count(result),
        _costs(result, robustness),
        _ambiguity(result, robustness),
        _data(result),
        _benchmark(result),
    )
    return Belief(which, headline(which, evidence, result), tuple(s for s in sentences if s is not None))


def believe_stored(
    result: Result, folder: str | Path, robustness: Robustness | None = None, checks: Iterable[Check] = ()
) -> Belief:
    """The same of a run directory, with the ledger that lies beside it."""
    trials, elsewhere = known(result, folder)
    return believe(result, trials, robustness, checks, elsewhere)


def evidence_of(result: Result, search: Search, found: Robustness | None, sample: bool | None) -> Evidence:
    m = result.metrics
    worst = None if found is None else found.interval("total_return")[0]
    years = m["years"]
    return Evidence(
        m["sharpe"],
        m["psr"],
        0.0 if years is None else float(years),
        search.trials,
        search.dsr,
        search.hurdle,
        result.facts.ended == "ruin",
        sample,
        worst,
        None if found is None else found.break_even,
    )


def sample_of(result: Result, told: dict[str, Check]) -> bool | None:
    """True in sample, False out of sample, None not known: what the run's own models say, or a check of that name."""
    own = (one["state"] for one in result.manifest.get("checked", ()) if one["name"] == SAMPLE)
    check = told.get(SAMPLE)
    state = next(own, None) if check is None else check.state
    return state == "failed" if state in ("passed", "failed") else None


def headline(which: str, e: Evidence, result: Result) -> str:
    """The verdict in a sentence."""
    seen = "" if e.in_sample is False else ", provided that the forecasts had not seen these data, which is not known"
    needed = result.metrics["min_track_record"]
    if which == "short" and e.years < SHORTEST:
        return f"Too short to tell: {e.years:.2f} years show one season, and less than a year proves nothing."
    if which == "short":
        wanted = "no length is enough" if needed is None else f"{needed:.1f} years are needed"
        return f"Too short to tell: for a Sharpe ratio of {_two(e.sharpe)} {wanted}, and there are {e.years:.1f}."
    return {
        "nothing": f"There is nothing to believe: {result.reasons.get('sharpe', 'no Sharpe ratio')}.",
        "ruin": "It ended in ruin.",
        "in_sample": "This is no test: the forecasts have seen these data.",
        "chance": f"May well be chance: it is the best of {e.trials:,} tries, and the best of so many without any skill "
        f"reaches a Sharpe ratio of {_two(e.hurdle)} (this one: {_two(e.sharpe)}).",
        "loss": "It earned nothing for its risk.",
        "fragile": "Unlikely to be luck, but it hangs on assumptions: see costs and the order of prices inside the bar.",
        "stands": f"Its Sharpe ratio is unlikely to be luck{seen}{_short_of(result)}.",
    }[which]


def _short_of(result: Result) -> str:
    """That it beats its benchmark is another claim."""
    found = active(result)
    if found is None or found[1] >= SURE:
        return ""
    return f". That it beats {_benchmark_name(result)} is not shown (t {found[1]:.1f})"


def _two(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _sure(psr: float) -> str:
    return ">99.99%" if psr > 0.9999 else f"{psr:.1%}"


def _sample(sample: bool | None, result: Result) -> Sentence:
    if sample is None:
        why = "no passport says so"
        return Sentence("sample", UNKNOWN, f"Whether the forecasts had seen these data is not known: {why}.", {})
    if sample:
        return Sentence("sample", AGAINST, "The forecasts have seen these data: this is in sample.", {})
    own = (
        one["text"].removeprefix("out-of-sample: ")
        for one in result.manifest.get("checked", ())
        if one["name"] == SAMPLE
    )
    said = next(own, "this is out of sample")
    return Sentence("sample", FOR, f"The forecasts had not seen these data: {said}.", {})


def _foresight(told: dict[str, Check]) -> Sentence:
    check = told.get(LOOK_AHEAD)
    if check is None or check.state not in ("passed", "failed"):
        said = "Whether a signal reads the future is not checked (barcast audit)."
        return Sentence("look-ahead", UNKNOWN, said, {})
    if check.state == "passed":
        return Sentence("look-ahead", FOR, f"No signal was found to read the future: {check.text}.", {})
    return Sentence("look-ahead", AGAINST, f"A signal reads the future: {check.text}.", {})


def _interval(result: Result) -> Sentence | None:
    m = result.metrics
    sharpe, low, high, psr = (m[name] for name in ("sharpe", "sharpe_low", "sharpe_high", "psr"))
    if sharpe is None or low is None or high is None or psr is None:
        return None
    sure = _sure(psr)
    text = f"The Sharpe ratio is {sharpe:.2f}: with 95 % it lies from {low:.2f} to {high:.2f}, and with {sure} it is above 0."
    tone = FOR if psr >= CONFIDENT else AGAINST
    return Sentence("interval", tone, text, {"sharpe": sharpe, "low": low, "high": high, "psr": psr})


def _trials(search: Search, result: Result) -> Sentence:
    numbers: Numbers = {
        "trials": search.trials,
        "here": search.here,
        "elsewhere": search.elsewhere,
        "effective": search.effective,
        "hurdle": search.hurdle,
        "dsr": search.dsr,
        "min_backtest_years": search.years,
    }
    verb = "was" if search.elsewhere == 1 else "were"
    also = f" {search.elsewhere:,} more {verb} tried on other names or other times." if search.elsewhere else ""
    others = search.trials - search.here
    where = f"on these bars, {others:,} of them cut or copied otherwise," if others else "on these bars"
    if search.trials == 1:
        psr = result.metrics["psr"]
        left = (
            "there is nothing to deflate"
            if psr is None
            else f"the probabilistic Sharpe of {_sure(psr)} stands as it is"
        )
        text = f"It is the only trial on these bars in the ledger, so {left}.{also}"
        return Sentence("trials", PLAIN, text, numbers)
    worth = "" if search.effective is None else f", worth {search.effective:.1f} independent ones"
    if search.dsr is None:
        text = f"{search.trials:,} trials {where} are in the ledger{worth}; a deflated Sharpe is undefined.{also}"
        return Sentence("trials", UNKNOWN, text, numbers)
    text = (
        f"{search.trials:,} trials {where} are in the ledger{worth}; the best of so many reaches "
        f"{_two(search.hurdle)} by chance, which leaves a deflated Sharpe of {_sure(search.dsr)}.{also}"
    )
    return Sentence("trials", FOR if search.dsr >= CONFIDENT else AGAINST, text, numbers)


def _length(result: Result) -> Sentence:
    years, needed = result.metrics["years"], result.metrics["min_track_record"]
    numbers: Numbers = {"years": years, "min_track_record": needed}
    span = 0.0 if years is None else float(years)
    if needed is None:
        why = result.reasons.get("min_track_record", "how many are needed is undefined")
        return Sentence("length", AGAINST, f"{span:.1f} years; {why}.", numbers)
    enough = span >= max(float(needed), SHORTEST)
    text = f"{span:.1f} years, where such a Sharpe ratio needs {needed:.1f} to be told from 0 with 95 %."
    return Sentence("length", FOR if enough else AGAINST, text, numbers)


def _count(result: Result) -> Sentence:
    closed = int(result.metrics["trades"] or 0)
    few = f", fewer than {FEW_TRADES}: single ones decide" if closed < FEW_TRADES else ""
    text = f"{closed:,} closed trade{'' if closed == 1 else 's'}{few}."
    return Sentence("trades", AGAINST if few else FOR, text, {"trades": closed})


def _costs(result: Result, found: Robustness | None) -> Sentence:
    execution = result.config.get("execution", {})
    paid = {name: float(execution.get(name) or 0.0) for name in ("commission", "slippage")}
    numbers: Numbers = {**paid, "break_even": None if found is None else found.break_even}
    free = not any(paid.values()) and not result.metrics["costs"]
    drag, whole = result.metrics["cost_drag"], result.metrics["costs_of_capital"]
    took = f"{whole:.1%} of the capital" if drag is None else f"{drag:.2%} of equity a year"
    said = "No cost was charged, as nobody trades" if free else f"Costs took {took}"
    if found is None:
        return Sentence(
            "costs",
            AGAINST if free else UNKNOWN,
            f"{said}; at what cost nothing is left is not checked (--robustness).",
            numbers,
        )
    if found.break_even is None:
        gains = found.break_even_note.startswith("it still gains")
        return Sentence("costs", FOR if gains else AGAINST, f"{said}; {found.break_even_note}.", numbers)
    thin = found.break_even < 0.0005
    end = f"nothing is left at a commission of {found.break_even * 1e4:.1f} bps a side"
    return Sentence("costs", AGAINST if thin or free else FOR, f"{said}; {end}.", numbers)


def _ambiguity(result: Result, found: Robustness | None) -> Sentence:
    from engine.report.checks import ambiguous_bars

    count = ambiguous_bars(result)
    numbers: Numbers = {"ambiguous_bars": count, "low": None, "high": None}
    if found is not None:
        low, high = found.interval("total_return")
        numbers |= {"low": low, "high": high}
        if low is not None and high is not None and (count or low != high):
            text = f"{count:,} bars could fill in another order; the total return is {low:,.1%} to {high:,.1%} over three orders."
            return Sentence("order inside bars", FOR if low > 0.0 else AGAINST, text, numbers)
    if count == 0:
        return Sentence("order inside bars", FOR, "No fill hangs on the order of prices inside a bar.", numbers)
    text = f"{count:,} bars could fill in another order; what that changes is not checked (--robustness)."
    return Sentence("order inside bars", UNKNOWN, text, numbers)


def _data(result: Result) -> Sentence:
    count = len(result.warnings)
    dead = any(line.startswith("survivorship") for line in result.warnings)
    some = f"{count} warning{'' if count == 1 else 's'} of data and run" if count else "No warnings of data and run"
    jumps = any(" come back, " in line or " comes back, " in line for line in result.warnings)
    worst = ("that names that died may be missing",) * dead + ("that closes jump and come back",) * jumps
    lost = f", among them {' and '.join(worst)}" if worst else ""
    text = f"{some}{lost}; the bars themselves are not audited here (barcast data audit)."
    return Sentence("data", AGAINST if count else UNKNOWN, text, {"warnings": count})


def active(result: Result) -> tuple[float, float] | None:
    """(mean return above the benchmark a year, its t); None without a benchmark, or where there is no difference."""
    values, rate = result.facts.benchmark, result.facts.bars_per_year
    if values is None or not math.isfinite(rate) or len(values) < 2:
        return None
    theirs = np.diff(values, prepend=result.facts.capital) / np.append(result.facts.capital, values[:-1])
    gap = result.returns.to_numpy() - theirs
    spread = float(gap.std(ddof=1))
    if not spread > 0.0:
        return None
    return float(gap.mean()) * rate, float(gap.mean()) / spread * math.sqrt(len(gap))


def _benchmark(result: Result) -> Sentence:
    if result.facts.benchmark is None:
        said = "There is no benchmark, so what holding would have earned is not known."
        return Sentence("benchmark", UNKNOWN, said, {})
    name, found = _benchmark_name(result), active(result)
    if found is None:
        return Sentence("benchmark", UNKNOWN, f"Beside {name} nothing can be told.", {})
    gain, t = found
    ours, sharpe = result.metrics["sharpe"], result.benchmark_metrics.get("sharpe")
    numbers: Numbers = {"active_return": gain, "t": t, "sharpe": ours, "benchmark_sharpe": sharpe}
    verb = "beat" if gain > 0.0 else "trailed"
    text = f"It {verb} {name} by {abs(gain):.1%} a year (t {t:.1f}); Sharpe {_two(ours)} beside {_two(sharpe)}."
    return Sentence("benchmark", FOR if t >= SURE else AGAINST if t <= 0.0 else PLAIN, text, numbers)


def _benchmark_name(result: Result) -> str:
    return str(result.config.get("benchmark")).replace("_", " ")


def as_document(belief: Belief) -> dict[str, Any]:
    """`belief` as JSON can hold it."""
    from engine.manifest import plain

    rows = [{"topic": s.topic, "tone": s.tone, "text": s.text, "numbers": plain(s.numbers)} for s in belief.sentences]
    return {"verdict": belief.verdict, "headline": belief.headline, "sentences": rows}
