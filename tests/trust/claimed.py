"""Reports of which every figure was computed from data, then rounded: nothing in them is wrong until one is corrupted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.claims import Finding, audit
from engine.claims.reading import reports
from engine.statistics import given, track
from engine.statistics.curve import moments

COUNTS = ("n", "tp", "fp", "fn", "tn", "names", "periods", "trades", "wins", "inputs", "parameters", "bars_per_year")
Told = dict[str, dict[str, Any]]


def regression(rng: np.random.Generator) -> Told:
    n = int(rng.integers(20, 400))
    y = rng.normal(rng.uniform(5, 50), rng.uniform(0.5, 10), n)
    forecast = (
        y.mean() + rng.uniform(-0.5, 1.2) * (y - y.mean()) + rng.normal(rng.normal(0, 2), rng.uniform(0.1, 12), n)
    )
    error = forecast - y
    mse = float((error**2).mean())
    return {
        "regression": {
            "n": n,
            "r2": 1 - mse / float(y.var()),
            "mae": float(np.abs(error).mean()),
            "rmse": math.sqrt(mse),
            "mse": mse,
            "std": float(y.std(ddof=int(rng.integers(0, 2)))),
            "correlation": float(np.corrcoef(y, forecast)[0, 1]),
            "range": [float(y.min()), float(y.max())],
        }
    }


def classification(rng: np.random.Generator) -> Told:
    n = int(rng.integers(20, 2000))
    truth = rng.random(n) < rng.uniform(0.2, 0.8)
    said = np.where(rng.random(n) < rng.uniform(0.0, 0.5), truth, rng.random(n) < rng.uniform(0.2, 0.8))
    tp, fp = int((said & truth).sum()), int((said & ~truth).sum())
    fn, tn = int((~said & truth).sum()), int((~said & ~truth).sum())
    out: dict[str, Any] = {"n": n, "accuracy": (tp + tn) / n, "positives": (tp + fn) / n}
    if tp + fp and tp + fn and tp:
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        out |= {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}
    if rng.random() < 0.5:
        out |= {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    return {"classification": out}


def information(rng: np.random.Generator) -> Told:
    names, periods = int(rng.integers(30, 300)), int(rng.integers(60, 500))
    rho, sigma = float(rng.uniform(0.0, 0.12)), float(rng.uniform(0.005, 0.03))
    score = rng.standard_normal((periods, names))
    ahead = sigma * (rho * score + math.sqrt(1 - rho**2) * rng.standard_normal((periods, names)))
    ranks = [np.argsort(np.argsort(x, axis=1), axis=1) for x in (score, ahead)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    ic = (centred[0] * centred[1]).sum(axis=1) / np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    fifth = names // 5
    top, bottom = ranks[0] >= names - fifth, ranks[0] < fifth
    means = float(ahead[top].mean()), float(ahead[bottom].mean())
    return {
        "ic": {
            "ic": float(ic.mean()),
            "std": float(ic.std(ddof=1)),
            "icir": float(ic.mean() / ic.std(ddof=1)),
            "t": float(ic.mean() / ic.std(ddof=1) * math.sqrt(periods)),
            "names": names,
            "periods": periods,
            "hit_rate": float(((score > 0) == (ahead > 0)).mean()),
            "sigma": float(ahead.std()),
            "top": means[0],
            "bottom": means[1],
            "spread": means[0] - means[1],
        }
    }


def performance(rng: np.random.Generator) -> Told:
    n = int(rng.integers(100, 2500))
    returns = rng.uniform(-0.0005, 0.0015) + rng.uniform(0.004, 0.02) * rng.standard_t(6, n) / math.sqrt(1.5)
    wealth = np.cumprod(1 + returns)
    mean, std, skew, kurtosis, _, _ = moments(given(returns))
    downside = math.sqrt(float((np.minimum(returns, 0) ** 2).mean()))
    total, years = float(wealth[-1] - 1), n / 252
    cagr = (1 + total) ** (1 / years) - 1
    fall = float((wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1).min())
    return {
        "performance": {
            "n": n,
            "bars_per_year": 252,
            "sharpe": mean / std * math.sqrt(252),
            "sortino": mean / downside * math.sqrt(252),
            "skew": skew,
            "kurtosis": kurtosis,
            "psr": track.probabilistic_sharpe(mean / std, 0.0, skew, kurtosis, n),
            "mean_return": mean * 252,
            "volatility": std * math.sqrt(252),
            "risk_free": 0.0,
            "total_return": total,
            "years": years,
            "cagr": cagr,
            "max_drawdown": fall,
            "calmar": cagr / -fall,
        }
    }


def trades(rng: np.random.Generator) -> Told:
    count = int(rng.integers(10, 500))
    pnl = rng.normal(rng.uniform(-20, 40), 100, count)
    won, lost = pnl[pnl > 0], pnl[pnl <= 0]
    if not len(won) or not len(lost):
        return {"trades": {"trades": count}}
    return {
        "trades": {
            "trades": count,
            "wins": len(won),
            "win_rate": len(won) / count,
            "profit_factor": float(won.sum() / -lost.sum()),
            "payoff": float(won.mean() / -lost.mean()),
            "average_win": float(won.mean()),
            "average_loss": float(lost.mean()),
            "expectancy": float(pnl.mean()),
        }
    }


def costs(rng: np.random.Generator) -> Told:
    gross, turnover, cost = rng.uniform(0.02, 0.5), rng.uniform(1, 100), rng.uniform(0.0002, 0.004)
    sides = int(rng.integers(1, 3))
    return {
        "costs": {
            "gross_return": gross,
            "turnover": turnover,
            "cost": cost,
            "net_return": gross - sides * turnover * cost,
            "break_even": gross / (sides * turnover),
        }
    }


def model(rng: np.random.Generator) -> Told:
    inputs, lstm = int(rng.integers(1, 100)), [int(h) for h in rng.integers(8, 300, rng.integers(1, 4))]
    biases, wide, total = int(rng.integers(1, 3)), inputs, 0
    for h in lstm:  # gates x (weights of the input and of the state, and biases)
        total += 4 * (h * wide + h * h + biases * h)
        wide = h
    return {"model": {"inputs": inputs, "lstm": lstm, "dense": [1], "parameters": total + wide + 1}}


MAKERS = (regression, classification, information, performance, trades, costs, model)


def computed(seed: int) -> tuple[Told, int]:
    """(a report of several sections as computed, the decimals it is to be rounded to)."""
    rng = np.random.default_rng((7, seed))
    chosen = rng.choice(len(MAKERS), size=int(rng.integers(1, 4)), replace=False)
    told: Told = {}
    for k in chosen:
        told |= MAKERS[int(k)](rng)
    return told, int(rng.integers(2, 5))


def written(told: Told, decimals: int) -> dict[str, dict[str, Any]]:
    """The report as somebody writes it down."""

    def text(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [text(key, one) for one in value]
        whole = key in COUNTS or (isinstance(value, int) and not isinstance(value, bool))
        return str(value) if whole else f"{value:.{decimals}f}"

    return {section: {key: text(key, v) for key, v in items.items()} for section, items in told.items()}


def alarms(told: Told, decimals: int) -> list[Finding]:
    (report,) = reports(written(told, decimals), "computed")
    return audit(report).alarms


def corrupted(told: Told, seed: int) -> tuple[Told, str]:
    """(the report with one figure a third to twice as large or small, or turned round, which one)."""
    rng = np.random.default_rng((8, seed))
    places = [(s, k) for s, items in told.items() for k, v in items.items() if not isinstance(v, list)]
    section, key = places[int(rng.integers(len(places)))]
    value = told[section][key]
    factor = float(rng.choice([0.3, 0.5, 0.67, 1.5, 2.0, 3.0, -1.0]))
    if key in COUNTS or (section, key) == ("classification", "positives"):
        factor = abs(factor) if factor != -1.0 else 2.0
    if section == "classification" and key == "positives":
        factor = min(factor, 1.0 / max(value, 1e-9))
    wrong = round(value * factor) if key in COUNTS else value * factor if value else 0.5
    if wrong == value:
        wrong = value + 1
    return {**told, section: {**told[section], key: wrong}}, f"{section}.{key}"
