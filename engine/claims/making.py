"""Bounds and identities of training, models, searches and splits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from engine.claims.figures import Figure, between, over, shown
from engine.claims.finding import IMPOSSIBLE, UNLIKELY, WARNING, Finding
from engine.claims.reading import Report

FASTEST = 1e12  # multiply-adds a second that training on a processor does not sustain
SHARES = 0.05  # points by which a share of the dates may differ from one of the rows


def training(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("training", key)

    run, planned, patience, best = (
        report.count("training", k) for k in ("epochs_run", "epochs_planned", "patience", "best_epoch")
    )
    if run is not None and best is not None and best > run:
        yield Finding(IMPOSSIBLE, "best epoch after the last", f"best epoch {best}, {run} run", "it was never run")
    if run is not None and patience is not None and planned is not None and run < planned:
        last = run - patience
        said = f"stopped at epoch {run} of {planned}, patience {patience}"
        if best is not None and best != last:
            yield Finding(
                IMPOSSIBLE,
                "best epoch against patience",
                f"{said}, best {best}",
                f"it stops {patience} epochs after the best, which was {last}",
            )
        if last <= 1 and report.get("training", "needs_more"):
            yield Finding(
                UNLIKELY,
                "more epochs for what never improved",
                said,
                "the best epoch was the first: validation never improved after it",
            )
        elif last <= 1:
            yield Finding(WARNING, "validation never improved", said, "the best epoch was the first")
    loss, data, penalty = told("loss"), told("data_loss"), told("penalty")
    if loss is not None and data is not None and penalty is not None:
        due = over(lambda a, b: a + b, data, penalty)
        if not due.meets(loss):
            yield Finding(
                IMPOSSIBLE,
                "loss is not data loss + penalty",
                f"loss {loss.said}, data {data.said}, penalty {penalty.said}",
                f"they give {between(due)}",
            )
    yield from _constant(report, data if data is not None else loss, data is None)
    yield from _time(report)


def _constant(report: Report, loss: Figure | None, total: bool) -> Iterator[Finding]:
    """A loss above that of always saying the middle of the targets' range."""
    ends, kind = report.get("training", "target_range"), str(report.get("training", "kind") or "").lower()
    if loss is None:
        return
    if kind in ("bce", "log_loss", "cross_entropy") and loss.low > math.log(2.0):
        yield Finding(
            WARNING,
            "loss above ln 2",
            f"loss {loss.said}",
            "always saying one half has 0.6931: there is no calibrated information in it",
        )
    if ends is None or len(ends) != 2 or kind not in ("huber", "mse", "mae"):
        return
    half = (ends[1].high - ends[0].low) / 2.0
    given = report.number("training", "delta")
    delta = given.middle if given is not None else 1.0
    worst = {"mse": half * half, "mae": half, "huber": huber(half, delta)}[kind]
    if loss.low > worst:
        size = math.sqrt(2.0 * loss.middle) if kind == "huber" and loss.middle <= 0.5 * delta**2 else None
        needs = f" (typical errors of {size:.2f})" if size is not None else ""
        rest = "; most of it must be penalty: report data loss and penalty apart" if total else ""
        yield Finding(
            UNLIKELY,
            "loss above that of a constant",
            f"{kind} loss {loss.said}, targets {ends[0].said} to {ends[1].said}",
            f"always saying the middle has at most {shown(worst)}{needs}{rest}",
        )


def huber(error: float, delta: float) -> float:
    return 0.5 * error * error if abs(error) <= delta else delta * (abs(error) - 0.5 * delta)


def _time(report: Report) -> Iterator[Finding]:
    """What a training time asks of the processor: 3 forward passes' worth of multiply-adds a window."""
    hours, epochs = report.number("training", "hours"), report.number("training", "epochs")
    windows, steps = report.number("training", "windows"), report.number("training", "steps")
    inputs, layers = report.number("model", "inputs"), report.get("model", "lstm")
    if hours is None or epochs is None or windows is None or steps is None or inputs is None or not layers:
        return
    each = 0.0
    wide = inputs.middle
    for layer in layers:
        each += 4.0 * layer.middle * (wide + layer.middle)
        wide = layer.middle
    work = 3.0 * each * steps.middle * windows.middle * epochs.middle
    rate = work / (hours.high * 3600.0)
    if rate > FASTEST:
        said = f"{hours.said} h for {epochs.said} epochs of {windows.said} windows of {steps.said}"
        days = work / 1e11 / 86400.0
        yield Finding(
            UNLIKELY,
            "training time against its work",
            said,
            f"it needs {rate / 1e9:,.0f} billion multiply-adds a second; at 100 billion it takes {days:,.1f} days",
        )


def model(report: Report) -> Iterator[Finding]:
    inputs, lstm, dense = report.count("model", "inputs"), _whole(report, "lstm"), _whole(report, "dense")
    if inputs is None or not lstm:
        return
    framework = report.get("model", "framework")
    asked = [framework] if framework in ("keras", "torch") else ["keras", "torch"]
    parts = {name: parameters(inputs, lstm, dense, _whole(report, "batch_norm"), name) for name in ("keras", "torch")}
    shape = f"{inputs} inputs, LSTM {'-'.join(map(str, lstm))}, dense {'-'.join(map(str, dense)) or 'none'}"
    for key, place, word in (
        ("parameters", 3, "parameters"),
        ("lstm_parameters", 0, "parameters in LSTM layers"),
        ("dense_parameters", 1, "parameters in dense layers"),
    ):
        claimed = report.number("model", key)
        due = sorted({sum(parts[name][:3]) if place == 3 else parts[name][place] for name in asked})
        if claimed is not None and not any(claimed.low <= value <= claimed.high for value in due):
            text = " or ".join(f"{value:,}" for value in due)
            by = "" if len(due) == 1 else " (Keras, PyTorch)"
            yield Finding(IMPOSSIBLE, f"number of {word}", f"{claimed.said}; {shape}", f"these layers have {text}{by}")
    size = report.number("model", "megabytes")
    if size is not None:
        least = 4.0 * sum(parts[asked[0]][:3]) / 1e6
        if size.high < least * 0.9:
            yield Finding(
                UNLIKELY,
                "file smaller than its weights",
                f"{size.said} MB; {shape}",
                f"in 32 bits they take {least:.2f} MB",
            )


def _whole(report: Report, key: str) -> list[int]:
    return [round(one.middle) for one in report.get("model", key) or ()]


def parameters(
    inputs: int, lstm: Sequence[int], dense: Sequence[int], norms: Sequence[int], framework: str
) -> tuple[int, int, int]:
    """(LSTM, dense, batch norm) parameters: 4H(I + H + 1) a layer in Keras, 4H(I + H + 2) in PyTorch, which has two biases.

    Keras counts running statistics of batch norm too: 4 a unit; PyTorch has 2.
    """
    wide, recurrent, full = inputs, 0, 0
    for h in lstm:
        recurrent += 4 * h * (wide + h + (1 if framework == "keras" else 2))
        wide = h
    for h in dense:
        full += wide * h + h
        wide = h
    return recurrent, full, sum(norms) * (4 if framework == "keras" else 2)


def search(report: Report) -> Iterator[Finding]:
    grid, chosen = report.get("search", "grid"), report.number("search", "chosen")
    name = report.get("search", "parameter") or "the parameter"
    if grid is not None and chosen is not None:
        values = sorted(one.middle for one in grid)
        if not any(one.meets(chosen) for one in grid):
            yield Finding(
                IMPOSSIBLE,
                "chosen outside the grid",
                f"{name} {chosen.said}",
                f"the grid is {', '.join(one.said for one in grid)}",
            )
        elif len(values) > 2 and (
            chosen.meets(grid[_at(grid, values[0])]) or chosen.meets(grid[_at(grid, values[-1])])
        ):
            yield Finding(
                WARNING,
                "the best is at the edge of the grid",
                f"{name} {chosen.said}",
                "what lies beyond was not tried, so it is not known to be the best",
            )
    if str(report.get("search", "chosen_on") or "").lower() == "test":
        yield Finding(
            WARNING,
            "chosen on the test",
            f"{name} {chosen.said if chosen is not None else ''}".strip(),
            "the test is in sample for what was chosen on it",
        )


def _at(grid: Sequence[Figure], value: float) -> int:
    return next(k for k, one in enumerate(grid) if one.middle == value)


def splits(report: Report) -> Iterator[Finding]:
    spans = {key: report.get("splits", key) for key in ("train", "validation", "test", "early_stopping")}
    known = {key: span for key, span in spans.items() if span is not None}
    for one, other in combinations(known, 2):
        shared = overlap(known[one], known[other])
        if shared == 0 or {one, other} == {"validation", "early_stopping"}:
            continue
        words = f"{one.replace('_', ' ')} {said(known[one])}, {other.replace('_', ' ')} {said(known[other])}"
        if other == "early_stopping":
            yield Finding(
                WARNING,
                "early stopping on what is learnt",
                words,
                f"{shared:,} days are in both: nothing is left to stop on",
            )
        elif report.get("splits", "out_of_sample") and other == "test":
            yield Finding(IMPOSSIBLE, "out of sample on what was learnt", words, f"{shared:,} days are in both")
        else:
            yield Finding(WARNING, "spans overlap", words, f"{shared:,} days are in both, so this is in sample")
    for key, side in (("train_share", "train"), ("test_share", "test")):
        share = report.number("splits", key)
        if share is not None and "train" in known and "test" in known:
            total = sum(days(span) for name, span in known.items() if name != "early_stopping")
            due = days(known[side]) / total
            if not Figure(share.low - SHARES, share.high + SHARES).meets(Figure(due, due)):
                words = f"{side} share {share.said}; train {said(known['train'])}, test {said(known['test'])}"
                yield Finding(
                    UNLIKELY,
                    "shares against dates",
                    words,
                    f"the dates give {due:.0%}; rows do only where many more names have bars later",
                )
    years = report.number("splits", "years")
    if years is not None and known:
        first, last = min(span[0] for span in known.values()), max(span[1] for span in known.values())
        due = days((first, last)) / 365.25
        if not Figure(years.low - 1.0, years.high + 1.0).meets(Figure(due, due)):
            yield Finding(
                IMPOSSIBLE,
                "years against dates",
                f"{years.said} years, {said((first, last))}",
                f"the dates give {due:.1f}",
            )
    regimes = report.get("splits", "regimes") or {}
    for one, other in combinations(regimes, 2):
        shared = overlap(regimes[one], regimes[other])
        if shared > 0:
            words = f"{one} {said(regimes[one])}, {other} {said(regimes[other])}"
            yield Finding(IMPOSSIBLE, "two regimes at once", words, f"{shared:,} days are in both")


def days(span: tuple[date, date]) -> int:
    return (span[1] - span[0]).days + 1


def overlap(one: tuple[date, date], other: tuple[date, date]) -> int:
    """Days in both; a shared boundary is none."""
    shared = (min(one[1], other[1]) - max(one[0], other[0])).days
    return max(shared, 0)


def said(span: tuple[date, date]) -> str:
    return f"{span[0]} to {span[1]}"


def comparison(report: Report) -> Iterator[Finding]:
    change, values = report.get("comparison", "change"), report.get("comparison", "accuracy")
    if change in ("position sizing", "sizing", "costs", "stops") and values is not None and len(values) == 2:
        before, after = values
        if not before.meets(after):
            yield Finding(
                IMPOSSIBLE,
                "accuracy from what does not forecast",
                f"{change}: accuracy {before.said} to {after.said}",
                "it changes how much is held, not which forecasts are right",
            )
