"""Bounds and identities of rank correlations, and what they say of hits and quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.claims.figures import Figure, between, over, shown
from engine.claims.finding import IMPOSSIBLE, INTERVAL, UNLIKELY, Finding
from engine.claims.reading import Report

Z = 1.959963984540054
TOP = 1.3998096  # mean of the best fifth of standard normals
WIDE_DAY = 0.05  # a cross-section of daily returns that spreads more than this is not one of stocks
SIGMAS = 4.0  # how far a statistic may stray before it is called unlikely
RATES = (1.0, 252.0, 250.0, 52.0, 12.0, 365.0)


def information(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("ic", key)

    ic, std, icir, t, top, bottom, spread = (told(k) for k in ("ic", "std", "icir", "t", "top", "bottom", "spread"))
    names, periods = report.count("ic", "names"), report.count("ic", "periods")
    if ic is not None and (ic.low > 1.0 or ic.high < -1.0):
        yield Finding(
            IMPOSSIBLE,
            "IC beyond 1",
            f"IC {ic.said}",
            "an IC is a correlation; above 1 it is more likely the ICIR, IC / deviation",
        )
        return
    if ic is not None and std is not None and std.low > 0.0:
        ratio = over(lambda a, b: a / b, ic, std)
        if icir is not None and not any(over(lambda x, q=q: x * math.sqrt(q), ratio).meets(icir) for q in RATES):
            yield Finding(
                IMPOSSIBLE,
                "ICIR is not IC / deviation",
                f"ICIR {icir.said}, IC {ic.said}, deviation {std.said}",
                f"they give {between(ratio)} a period",
            )
        if t is not None and periods:
            due = over(lambda x: x * math.sqrt(periods), ratio)
            if not due.meets(t):
                yield Finding(
                    IMPOSSIBLE,
                    "t is not ICIR x sqrt(periods)",
                    f"t {t.said}, IC {ic.said}, deviation {std.said}, {periods} periods",
                    f"they give {between(due)}",
                )
        if names and names > 2:
            noise = (1.0 - ic.middle**2) / math.sqrt(names - 1)
            slack = 1.0 - SIGMAS / math.sqrt(2.0 * periods) if periods and periods > 2 * SIGMAS**2 else 0.5
            if std.high < 0.95 * slack * noise:
                yield Finding(
                    UNLIKELY,
                    "IC steadier than chance allows",
                    f"deviation {std.said}, {names} names",
                    f"even a constant IC has {shown(noise)} by chance, 1 / sqrt(names - 1)",
                )
        if periods and periods > 1:
            error = std.middle / math.sqrt(periods)
            yield Finding(
                INTERVAL,
                "IC, 95 %",
                f"IC {ic.said}, deviation {std.said}, {periods} periods",
                f"{ic.middle - Z * error:.4f} to {ic.middle + Z * error:.4f}, periods taken as independent",
            )
    if top is not None and bottom is not None and spread is not None:
        due = over(lambda a, b: a - b, top, bottom)
        if not due.meets(spread):
            yield Finding(
                IMPOSSIBLE,
                "the spread is not top less bottom",
                f"top {top.said}, bottom {bottom.said}, spread {spread.said}",
                f"they give {between(due)}",
            )
    yield from _hits(ic, told("hit_rate"), names, periods)
    yield from _quantiles(report, ic, top)


def _hits(ic: Figure | None, hit: Figure | None, names: int | None, periods: int | None) -> Iterator[Finding]:
    """A hit rate of correlation rho is 1/2 + asin(rho) / pi, where both are about normal."""
    if ic is None or hit is None or not names or not periods:
        return
    # An IC of ranks belongs to a plain correlation of 2 sin(pi ic / 6); either may be meant.
    due = Figure(
        min(
            0.5 + math.asin(max(ic.low, -1.0)) / math.pi,
            0.5 + math.asin(2 * math.sin(math.pi * max(ic.low, -1.0) / 6)) / math.pi,
        ),
        max(
            0.5 + math.asin(min(ic.high, 1.0)) / math.pi,
            0.5 + math.asin(2 * math.sin(math.pi * min(ic.high, 1.0) / 6)) / math.pi,
        ),
    )
    slack = SIGMAS * 0.5 / math.sqrt(names * periods)
    if hit.high < due.low - slack or hit.low > due.high + slack:
        rho = math.sin(math.pi * (hit.middle - 0.5))
        yield Finding(
            UNLIKELY,
            "hit rate against IC",
            f"IC {ic.said}, hit rate {hit.said}",
            f"an IC of {ic.said} hits {between(due)}; a hit rate of {hit.said} belongs to an IC of {rho:.3f}",
        )


def _quantiles(report: Report, ic: Figure | None, top: Figure | None) -> Iterator[Finding]:
    """The best fifth earns 1.4 x IC x the deviation of returns across names, and as much again as chance adds to its mean."""
    names, periods = report.count("ic", "names"), report.count("ic", "periods")
    sigma = report.number("ic", "sigma")
    if ic is None or top is None or not names or not periods or names < 10 or ic.low <= 0.0 or top.low <= 0.0:
        return
    chance = 5.0 / math.sqrt(names / 5.0 * periods)
    least = top.low / (TOP * ic.high + chance)
    if least > (WIDE_DAY if sigma is None else sigma.high):
        said = f"top fifth {top.said}, IC {ic.said}" + (
            f", deviation across names {sigma.said}" if sigma is not None else ""
        )
        needed = Figure(top.low / (TOP * ic.high), top.high / (TOP * ic.low))
        rest = "more than stocks do in a day; " if sigma is None else ""
        yield Finding(
            UNLIKELY,
            "top fifth against IC",
            said,
            f"it needs returns that spread {between(needed)} across names, {rest}{_grown(top)}",
        )


def _grown(top: Figure) -> str:
    return f"daily, it would grow {(1.0 + top.middle) ** 252:,.1f}-fold a year"
