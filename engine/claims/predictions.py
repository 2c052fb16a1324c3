"""Bounds and identities of regressions and classifiers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from engine.claims.figures import Figure, between, exactly, over, shown, whole
from engine.claims.finding import IMPOSSIBLE, INTERVAL, WARNING, Finding
from engine.claims.reading import Report

Z = 1.959963984540054


def regression(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("regression", key)

    r2, mae, rmse, mse, std, corr = (told(key) for key in ("r2", "mae", "rmse", "mse", "std", "correlation"))
    if r2 is not None and r2.low > 1.0:
        yield Finding(IMPOSSIBLE, "R2 above 1", f"R2 {r2.said}", "R2 is 1 less something that is not negative")
    if corr is not None and (corr.low > 1.0 or corr.high < -1.0):
        yield Finding(IMPOSSIBLE, "correlation beyond 1", f"correlation {corr.said}", "it lies from -1 to 1")
    if mae is not None and rmse is not None and rmse.high < mae.low:
        said = f"MAE {mae.said}, RMSE {rmse.said}"
        yield Finding(IMPOSSIBLE, "RMSE below MAE", said, "the root of the mean square is never below the mean size")
    if mse is not None and rmse is not None and not over(lambda x: max(x, 0.0) ** 2, rmse).meets(mse):
        yield Finding(
            IMPOSSIBLE, "RMSE is not the root of MSE", f"MSE {mse.said}, RMSE {rmse.said}", "they are one figure"
        )
    if corr is not None and r2 is not None and max(corr.low**2, corr.high**2) < r2.low - 1e-12:
        said = f"R2 {r2.said}, correlation {corr.said}"
        yield Finding(
            IMPOSSIBLE,
            "R2 above the squared correlation",
            said,
            "no scaling of a forecast explains more than its square",
        )
    yield from _explained(report, r2, mae, rmse, mse, std)
    if r2 is not None and report.get("regression", "target") == "price" and told("persistence_mae") is None:
        why = "the last price alone has a high R2 on price levels; give its MAE (persistence_mae)"
        yield Finding(WARNING, "R2 of prices without yesterday's", f"R2 {r2.said}", why)


def _explained(
    report: Report, r2: Figure | None, mae: Figure | None, rmse: Figure | None, mse: Figure | None, std: Figure | None
) -> Iterator[Finding]:
    """What R2 can be, given the sizes of the errors and how much the targets can vary."""
    n, ends = report.count("regression", "n"), report.get("regression", "range")
    sample = n / (n - 1) if n and n > 1 else 2.0  # a variance with ddof 1 may exceed the population's by this
    errors = {"MAE": _square(mae), "RMSE": _square(rmse), "MSE": None if mse is None else mse.low}
    sizes = [value for value in errors.values() if value is not None]
    least = max(0.0, *sizes) if sizes else 0.0
    told = ", ".join(
        f"{word} {one.said}" for word, one in (("MAE", mae), ("RMSE", rmse), ("MSE", mse)) if one is not None
    )
    if ends is not None and len(ends) == 2:
        widest = (max(ends[0].high, ends[1].high) - min(ends[0].low, ends[1].low)) / 2.0
        said = f"targets from {ends[0].said} to {ends[1].said}"
        if std is not None and std.low**2 > widest**2 * sample:
            why = f"it is {shown(widest)} at most (Popoviciu)"
            yield Finding(IMPOSSIBLE, "deviation too wide for the range", f"{said}, deviation {std.said}", why)
        if r2 is not None and widest > 0.0 and r2.low > 1.0 - least / widest**2:
            spread = f"their variance is at most {shown(widest**2)} (Popoviciu)"
            why = f"{spread}, the mean square error at least {shown(least)}, so R2 is at most {shown(1 - least / widest**2)}"
            yield Finding(IMPOSSIBLE, "R2 against error and range", f"R2 {r2.said}, {told}, {said}", why)
    elif r2 is not None and std is not None and std.high > 0.0:
        bound = 1.0 - least / std.high**2
        if r2.low > bound + 1e-12:
            said = f"R2 {r2.said}, {told}, deviation {std.said}"
            yield Finding(IMPOSSIBLE, "R2 against error and deviation", said, f"R2 is at most {shown(bound)}")
    if r2 is None or std is None or not n or (rmse is None and mse is None):
        return
    squared = over(lambda x: max(x, 0.0) ** 2, rmse) if rmse is not None else mse
    if squared is not None:
        due = Figure(1.0 - squared.high / max(std.low, 1e-12) ** 2 * sample, 1.0 - max(squared.low, 0.0) / std.high**2)
        if not due.meets(r2):
            said = f"R2 {r2.said}, {told}, deviation {std.said}"
            yield Finding(IMPOSSIBLE, "R2 is not 1 - MSE / variance", said, f"it would be {between(due)}")


def _square(value: Figure | None) -> float | None:
    return None if value is None else max(value.low, 0.0) ** 2


def classification(report: Report) -> Iterator[Finding]:
    def told(key: str) -> Figure | None:
        return report.number("classification", key)

    counts = [report.count("classification", key) for key in ("tp", "fp", "fn", "tn")]
    n = report.count("classification", "n")
    names = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1", "auc": "AUC"}
    for key, word in names.items():
        one = told(key)
        if one is not None and (one.low > 1.0 or one.high < 0.0):
            yield Finding(IMPOSSIBLE, f"{word} beyond 1", f"{word} {one.said}", "it lies from 0 to 1")
    if None not in counts:
        tp, fp, fn, tn = (int(c) for c in counts if c is not None)
        total = tp + fp + fn + tn
        said = f"TP {tp}, FP {fp}, FN {fn}, TN {tn}"
        if n is not None and n != total:
            yield Finding(IMPOSSIBLE, "counts do not add up", f"{said}, n {n}", f"they are {total}")
        due = {
            "accuracy": (tp + tn, total),
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "f1": (2 * tp, 2 * tp + fp + fn),
        }
        for key, (part, of) in due.items():
            one = told(key)
            if one is not None and of > 0 and not exactly(part / of).meets(one):
                yield Finding(
                    IMPOSSIBLE,
                    f"{names[key]} is not what the counts give",
                    f"{names[key]} {one.said}, {said}",
                    f"they give {part / of:.6f}",
                )
        n = total
        if total and (fn + tn == 0 or tp + fp == 0):
            yield Finding(
                WARNING,
                "the same answer always",
                said,
                f"it always says {'yes' if fn + tn == 0 else 'no'}: it has learnt nothing",
            )
        if total:
            yield from _majority(
                (tp + tn) / total, (tp + fn) / total, f"accuracy {(tp + tn) / total:.4f}", told("above_random")
            )
    elif (accuracy := told("accuracy")) is not None and (base := told("positives")) is not None and base.high <= 1.0:
        commoner = max(base.low, 1.0 - base.high)
        if accuracy.high <= commoner:
            yield from _majority(accuracy.high, commoner, f"accuracy {accuracy.said}", told("above_random"))
    yield from _shares(report, n)
    yield from _honest(report, n, counts)


def _honest(report: Report, n: int | None, counts: Sequence[int | None]) -> Iterator[Finding]:
    """Intervals of accuracy and AUC, and what chance has beside them."""

    def told(key: str) -> Figure | None:
        return report.number("classification", key)

    accuracy = told("accuracy")
    if report.get("classification", "better_than_random") and accuracy is not None and accuracy.high < 0.5:
        yield Finding(
            IMPOSSIBLE,
            "better than a coin below one half",
            f"accuracy {accuracy.said}",
            "of two classes a coin gets 50 %",
        )
    if accuracy is not None and n:
        low, high = wilson(accuracy.middle, n)
        holds = " and holds one half" if low < 0.5 < high else ""
        yield Finding(
            INTERVAL, "accuracy, 95 %", f"accuracy {accuracy.said}, n {n}", f"{low:.4f} to {high:.4f} (Wilson){holds}"
        )
    auc = told("auc")
    if auc is not None and None not in counts:
        yes, no = int(counts[0] or 0) + int(counts[2] or 0), int(counts[1] or 0) + int(counts[3] or 0)
        if yes and no and 0.0 <= auc.middle <= 1.0:
            error = auc_error(auc.middle, yes, no)
            yield Finding(
                INTERVAL,
                "AUC, 95 %",
                f"AUC {auc.said}, {yes} positives, {no} negatives",
                f"+- {Z * error:.3f}, standard error {error:.5f} (Hanley and McNeil)",
            )
    loss = told("log_loss")
    if loss is not None and loss.low > math.log(2.0):
        gate = told("confidence_gate")
        more = f"; a gate at {gate.said} confidence selects nothing that is known" if gate is not None else ""
        yield Finding(
            WARNING,
            "log loss above ln 2",
            f"log loss {loss.said}",
            f"always saying one half has 0.6931, so the probabilities are worse than none{more}",
        )


def _majority(accuracy: float, positives: float, said: str, above: Figure | None) -> Iterator[Finding]:
    majority = max(positives, 1.0 - positives)
    if accuracy <= majority + 1e-12:
        claimed = f", {above.said} above random" if above is not None else ""
        gain = accuracy - majority
        yield Finding(
            WARNING,
            "no better than the commoner answer",
            f"{said}{claimed}",
            f"always saying the commoner one gets {majority:.4f}: it is {gain:+.4f} above that",
        )


def _shares(report: Report, n: int | None) -> Iterator[Finding]:
    """Shares of n that no whole number gives, and F1 and accuracy against precision and recall."""

    def told(key: str) -> Figure | None:
        return report.number("classification", key)

    accuracy, precision, recall, f1, base = (told(k) for k in ("accuracy", "precision", "recall", "f1", "positives"))
    if accuracy is not None and n and not whole(accuracy, n):
        yield Finding(
            IMPOSSIBLE, "no whole number of hits", f"accuracy {accuracy.said}, n {n}", f"no k / {n} rounds to it"
        )
    if precision is None or recall is None:
        return
    if f1 is not None and precision.low + recall.low > 0.0:
        due = over(lambda p, r: 2.0 * p * r / (p + r) if p + r > 0.0 else 0.0, precision, recall)
        if not due.meets(f1):
            yield Finding(
                IMPOSSIBLE,
                "F1 is not the harmonic mean",
                f"F1 {f1.said}, precision {precision.said}, recall {recall.said}",
                f"they give {between(due)}",
            )
    if accuracy is not None and base is not None and base.high <= 1.0 and precision.low > 0.0:
        due = over(lambda p, r, b: 1.0 - b + b * r * (2.0 - 1.0 / p), precision, recall, base)
        if not due.meets(accuracy):
            said = f"accuracy {accuracy.said}, precision {precision.said}, recall {recall.said}, positives {base.said}"
            yield Finding(IMPOSSIBLE, "accuracy against precision and recall", said, f"they give {between(due)}")


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of n (1927)."""
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(max(share * (1 - share), 0.0) / n + Z * Z / (4 * n * n))
    return middle - half, middle + half


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC. Hanley and McNeil (1982)."""
    one, two = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (one - auc * auc) + (negatives - 1) * (two - auc * auc)
    return math.sqrt(spread / (positives * negatives))
