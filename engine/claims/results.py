"""Bounds and identities of performance, trades and costs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.claims.figures import Figure, between, exactly, over, shown, whole
from engine.claims.finding import IMPOSSIBLE, INTERVAL, UNLIKELY, WARNING, Finding
from engine.claims.reading import Report
from engine.statistics import deflation, track


def performance(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("performance", key)

    sharpe, n = told("sharpe"), report.count("performance", "n")
    rate = told("bars_per_year")
    per_year = rate.middle if rate is not None else 252.0
    if sharpe is not None and n and n > 2:
        yield from _sharpe(report, sharpe, n, per_year)
    fall, total, years, cagr, calmar = (told(k) for k in ("max_drawdown", "total_return", "years", "cagr", "calmar"))
    if fall is not None:
        depth = Figure(min(abs(fall.low), abs(fall.high)), max(abs(fall.low), abs(fall.high)))
        if total is not None and -total.high > depth.high + 1e-12:
            yield Finding(
                IMPOSSIBLE,
                "loss deeper than the deepest drawdown",
                f"total return {total.said}, drawdown {fall.said}",
                "the end is below the start by more than from any peak",
            )
        if cagr is not None and calmar is not None and depth.low > 0.0:
            due = over(lambda a, b: a / b, cagr, depth)
            if not due.meets(calmar):
                yield Finding(
                    IMPOSSIBLE,
                    "Calmar is not CAGR / drawdown",
                    f"Calmar {calmar.said}, CAGR {cagr.said}, drawdown {fall.said}",
                    f"they give {between(due)}",
                )
    if total is not None and years is not None and cagr is not None and years.low > 0.0 and total.low > -1.0:
        due = over(lambda a, b: (1.0 + a) ** (1.0 / b) - 1.0, total, years)
        if not due.meets(cagr):
            yield Finding(
                IMPOSSIBLE,
                "CAGR is not what total return and years give",
                f"CAGR {cagr.said}, total return {total.said}, years {years.said}",
                f"they give {between(due)}",
            )
    mean, volatility, free = told("mean_return"), told("volatility"), told("risk_free")
    if sharpe is not None and mean is not None and volatility is not None and free is not None and volatility.low > 0.0:
        due = over(lambda a, b, c: (a - b) / c, mean, free, volatility)
        if not due.meets(sharpe):
            yield Finding(
                IMPOSSIBLE,
                "Sharpe is not mean / volatility",
                f"Sharpe {sharpe.said}, mean {mean.said}, volatility {volatility.said}",
                f"they give {between(due)}",
            )
    yield from _sortino(sharpe, told("sortino"), per_year, n)
    for other in report.get("performance", "elsewhere") or ():
        if sharpe is not None and not sharpe.meets(other):
            yield Finding(
                IMPOSSIBLE,
                "two figures of one thing",
                f"Sharpe {sharpe.said} here, {other.said} elsewhere",
                "they cannot be the same strategy on the same days under the same costs; say which is which",
            )
    accuracy = told("accuracy")
    if accuracy is not None and sharpe is not None and accuracy.low > 0.5:
        due = over(lambda p: (2.0 * p - 1.0) * math.sqrt(2.0 / math.pi * per_year), accuracy)
        if not Figure(due.low / 1.3, due.high * 1.3).meets(sharpe):
            needed = 0.5 + sharpe.middle / (2.0 * math.sqrt(2.0 / math.pi * per_year))
            yield Finding(
                UNLIKELY,
                "Sharpe against accuracy",
                f"Sharpe {sharpe.said}, accuracy {accuracy.said}",
                f"a daily bet on the sign of one name with that accuracy has {between(due)}; {sharpe.said} needs {needed:.3f}",
            )


def _sharpe(report: Report, sharpe: Figure, n: int, per_year: float) -> Iterator[Finding]:
    """The interval of a Sharpe ratio from n returns, its PSR and what a search leaves of it."""
    root = math.sqrt(per_year)
    skew, kurtosis = report.number("performance", "skew"), report.number("performance", "kurtosis")
    shape = (skew.middle if skew is not None else 0.0, kurtosis.middle if kurtosis is not None else 3.0)
    error = track.sharpe_error(sharpe.middle / root, *shape, n) * root
    in_sample = "; in sample it is no estimate at all" if report.get("performance", "in_sample") else ""
    if math.isfinite(error):
        low, high = sharpe.middle - track.Z_975 * error, sharpe.middle + track.Z_975 * error
        yield Finding(
            INTERVAL,
            "Sharpe, 95 %",
            f"Sharpe {sharpe.said}, n {n}",
            f"{low:.2f} to {high:.2f}, standard error {error:.4f} (Lo){in_sample}",
        )
    psr = report.number("performance", "psr")
    if psr is not None and skew is not None and kurtosis is not None:
        corners = over(lambda s, g, k: track.probabilistic_sharpe(s / root, 0.0, g, k, n), sharpe, skew, kurtosis)
        if not corners.meets(psr):
            yield Finding(
                IMPOSSIBLE,
                "PSR is not what Sharpe and n give",
                f"PSR {psr.said}, Sharpe {sharpe.said}, n {n}",
                f"they give {between(corners)}",
            )
    trials = report.count("performance", "trials")
    if trials and trials > 1:
        given = report.number("performance", "trial_variance")
        variance = (given.middle if given is not None else per_year / n) / per_year
        dsr = deflation.deflated_sharpe(sharpe.middle / root, *shape, n, variance, trials)
        hurdle = deflation.hurdle(variance, trials) * root
        assumed = "" if given is not None else ", trials taken as independent"
        yield Finding(
            INTERVAL,
            "deflated Sharpe",
            f"Sharpe {sharpe.said}, {trials} trials, n {n}",
            f"{dsr:.4f} (the best of so many reaches {hurdle:.2f} by chance{assumed})",
        )
        claimed = report.number("performance", "dsr")
        if claimed is not None and given is not None and skew is not None and kurtosis is not None:
            due = over(
                lambda s, g, k, v: deflation.deflated_sharpe(s / root, g, k, n, max(v, 0.0) / per_year, trials),
                sharpe,
                skew,
                kurtosis,
                given,
            )
            if not due.meets(claimed):
                yield Finding(
                    IMPOSSIBLE,
                    "DSR is not what Sharpe and trials give",
                    f"DSR {claimed.said}, Sharpe {sharpe.said}, {trials} trials",
                    f"they give {between(due)}",
                )


def _sortino(sharpe: Figure | None, sortino: Figure | None, per_year: float, n: int | None) -> Iterator[Finding]:
    """Downside squares over all n are at most all squares, so a Sortino ratio above 0 has a floor."""
    if sharpe is None or sortino is None or sharpe.low <= 0.0 or not n:
        return
    root = math.sqrt(per_year)
    floor = sharpe.low / math.sqrt((n - 1) / n + (sharpe.low / root) ** 2)
    if sortino.high < floor - 1e-9:
        yield Finding(
            IMPOSSIBLE,
            "Sortino below its floor",
            f"Sortino {sortino.said}, Sharpe {sharpe.said}",
            f"with the downside over all bars it is at least {shown(floor)}",
        )


def trades(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("trades", key)

    count, wins, rate = report.count("trades", "trades"), report.count("trades", "wins"), told("win_rate")
    factor, payoff, won, lost, expected = (
        told(k) for k in ("profit_factor", "payoff", "average_win", "average_loss", "expectancy")
    )
    if rate is not None and (rate.low > 1.0 or rate.high < 0.0):
        yield Finding(IMPOSSIBLE, "win rate beyond 1", f"win rate {rate.said}", "it lies from 0 to 1")
        return
    if rate is not None and count and not whole(rate, count):
        yield Finding(
            IMPOSSIBLE,
            "no whole number of wins",
            f"win rate {rate.said}, {count} trades",
            f"no k / {count} rounds to it",
        )
    if rate is not None and count and wins is not None and not exactly(wins / count).meets(rate):
        yield Finding(
            IMPOSSIBLE,
            "win rate is not wins / trades",
            f"win rate {rate.said}, {wins} of {count}",
            f"they give {wins / count:.4f}",
        )
    if payoff is not None and won is not None and lost is not None:
        size = Figure(min(abs(lost.low), abs(lost.high)), max(abs(lost.low), abs(lost.high)))
        if size.low > 0.0 and won.low >= 0.0:
            due = over(lambda a, b: a / b, won, size)
            if not due.meets(payoff):
                yield Finding(
                    IMPOSSIBLE,
                    "payoff is not win / loss",
                    f"payoff {payoff.said}, average win {won.said}, loss {lost.said}",
                    f"they give {between(due)}",
                )
    if rate is not None and rate.high < 1.0 and factor is not None and payoff is not None:
        due = over(lambda p, b: p * b / (1.0 - p), Figure(max(rate.low, 0.0), rate.high), payoff)
        if not due.meets(factor):
            yield Finding(
                IMPOSSIBLE,
                "profit factor against win rate and payoff",
                f"profit factor {factor.said}, win rate {rate.said}, payoff {payoff.said}",
                f"they give {between(due)}, if no trade came to exactly nothing",
            )
    if rate is not None and expected is not None and won is not None and lost is not None:
        size = Figure(min(abs(lost.low), abs(lost.high)), max(abs(lost.low), abs(lost.high)))
        due = over(lambda p, a, b: p * a - (1.0 - p) * b, Figure(max(rate.low, 0.0), min(rate.high, 1.0)), won, size)
        if not due.meets(expected):
            yield Finding(
                IMPOSSIBLE,
                "expectancy against wins and losses",
                f"expectancy {expected.said}, win rate {rate.said}, win {won.said}, loss {lost.said}",
                f"they give {between(due)}, if no trade came to exactly nothing",
            )


def costs(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("costs", key)

    gross, net, turnover, cost, end = (
        told(k) for k in ("gross_return", "net_return", "turnover", "cost", "break_even")
    )
    high, low = told("gross_sharpe"), told("net_sharpe")
    if high is not None and low is not None and low.low > high.high:
        yield Finding(IMPOSSIBLE, "better after costs", f"Sharpe {high.said} gross, {low.said} net", "costs take money")
    # Turnover counts what is traded, or half of it; a cost is per side.
    if gross is not None and net is not None and turnover is not None and cost is not None:
        due = [over(lambda g, t, c, k=k: g - k * t * c, gross, turnover, cost) for k in (1.0, 2.0)]
        if not any(one.meets(net) for one in due):
            said = f"gross {gross.said}, net {net.said}, turnover {turnover.said}, cost {cost.said}"
            yield Finding(
                IMPOSSIBLE,
                "net is not gross less turnover x cost",
                said,
                f"they give {between(due[0])}, or {between(due[1])} where turnover counts one side",
            )
    if gross is not None and turnover is not None and end is not None and turnover.low > 0.0:
        due = [over(lambda g, t, k=k: g / (k * t), gross, turnover) for k in (1.0, 2.0)]
        if not any(one.meets(end) for one in due):
            yield Finding(
                IMPOSSIBLE,
                "break-even is not gross / turnover",
                f"break-even {end.said}, gross {gross.said}, turnover {turnover.said}",
                f"they give {between(due[0])}, or {between(due[1])} where turnover counts one side",
            )
    if gross is not None and net is None and turnover is None:
        yield Finding(
            WARNING, "gross only", f"gross {gross.said}", "without turnover and cost it says nothing of what is kept"
        )
