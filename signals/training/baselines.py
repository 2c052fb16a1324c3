"""What a model must beat: the same labels from simpler means, fitted fold by fold on the same training windows.

Linear models and boosted trees see the last row of a window and those 1, 5, 20 and 60 slices before it; of a price they foretell
the return from the last one, and see the returns to it from those before. The others see nothing but the past: the training share
of rises, the last return, the last price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.types import Floats
from signals import scaling
from signals.training import fitting
from signals.training.batches import Samples, chunks
from signals.training.material import Material
from signals.training.recipe import Recipe
from signals.training.splits import Split

LAGS = (0, 1, 5, 20, 60)
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of ridge, per sample and unit variance
TREES = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "min_samples_leaf": 100,
    "l2_regularization": 1.0,
    "early_stopping": False,
}
SMALL = 20_000  # training windows of trees that one thread grows
MOST = 400_000  # training windows of a baseline
Say = Callable[[str], None]


def forecasts(made: Material, recipe: Recipe, found: list[Split], say: Say = lambda text: None) -> dict[str, Floats]:
    """(T, N) out-of-sample forecasts by name, NaN outside the test ranges; in the unit of the recipe's own.

    What needs scikit-learn is left out where it is not installed.
    """
    out: dict[str, Floats] = {}
    for k, split in enumerate(found):
        say(f"{recipe.name}: baselines of fold {k + 1} of {len(found)}")
        for name, values in fold(made, recipe, split).items():
            whole = out.setdefault(name, np.full((len(made.times), len(made.symbols)), np.nan))
            assert split.test is not None
            whole[split.test.rows] = values
    return out


def fold(made: Material, recipe: Recipe, split: Split) -> dict[str, Floats]:
    """(R, N) forecasts for the test range of one split."""
    assert split.test is not None
    rows = split.test.rows
    row, instrument = np.nonzero(made.known.T[rows])
    wanted = Samples(instrument.astype(np.int64), rows[row], np.zeros(len(row)))
    learned = fitting.samples(made, recipe, split.train, 1)
    learned = learned.of(np.arange(len(learned))[:: -(-len(learned) // MOST)])
    checked = fitting.samples(made, recipe, split.validation)
    scaler = scaling.fit("robust", fitting.scaled_rows(made, split), (0.01, 0.99))
    told = {**naive(made, recipe, learned, wanted)}
    price = recipe.label.target == "price"
    if price:
        learned, checked = risen(made, learned), risen(made, checked)
    seen = before if price else lagged
    table = [seen(made, scaler, part, recipe.window) for part in (learned, checked, wanted)]
    found = fitted(recipe, table, target(recipe, learned), target(recipe, checked))
    if price:
        last = made.labels.last(wanted.end, wanted.instrument)
        found = {name: last * (1.0 + ahead) for name, ahead in found.items()}
    told |= found
    return {name: laid(values, row, instrument, len(rows), len(made.symbols)) for name, values in told.items()}


def naive(made: Material, recipe: Recipe, learned: Samples, wanted: Samples) -> dict[str, Floats]:
    """Forecasts without a fit: last price, last return turned round, the share of rises, the last direction."""
    if recipe.label.target == "price":
        return {"last price": made.labels.last(wanted.end, wanted.instrument)}
    if recipe.loss.kind == "direction":
        rises = last_return(made, wanted) > 0.0
        base = float(learned.label.mean())
        return {"majority": np.full(len(wanted), base), "persistence": np.where(rises, 0.5 + 1e-6, 0.5 - 1e-6)}
    return {"one-day reversal": -last_return(made, wanted)}


def risen(made: Material, wanted: Samples) -> Samples:
    """The same windows, labelled with the return from the last price to the one that is foretold; unknown ones left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = replace(wanted, label=wanted.label / made.labels.last(wanted.end, wanted.instrument) - 1.0)
    return out.of(np.isfinite(out.label))


def before(made: Material, scaler: scaling.Scaler, wanted: Samples, window: int) -> Any:
    """(S, .) what a price is foretold from: returns to the last price from those 1, 5, 20 and 60 slices before it, 0 where one is
    not known, and the lagged features but for the price itself, which set `close` is.
    """
    last, lags = made.labels.last(wanted.end, wanted.instrument), [lag for lag in LAGS if lag < window]
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.stack([last / made.labels.last(wanted.end, wanted.instrument, lag=lag) - 1.0 for lag in lags], axis=1)
    rest = lagged(made, scaler, wanted, window).reshape(len(wanted), len(lags), -1)[
        :, :, int(made.columns[0] == "close") :
    ]
    known = np.where(np.isfinite(ways), ways, 0.0)
    return np.concatenate((known, rest.reshape(len(wanted), -1)), axis=1).astype(np.float32)


def last_return(made: Material, wanted: Samples) -> Floats:
    """The last return that is known at each window's end: the column ret_1d, else the last label that has come true."""
    if "ret_1d" in made.columns:
        return np.asarray(made.values[wanted.instrument, wanted.end, made.columns.index("ret_1d")], np.float64)
    before = wanted.end - made.labels.reach
    return np.where(before >= 0, made.labels.returns[np.maximum(before, 0), wanted.instrument], np.nan)


def fitted(recipe: Recipe, table: list[Any], y: Floats, y_checked: Floats) -> dict[str, Floats]:
    """Linear model and boosted trees."""
    x, x_checked, x_wanted = table
    if recipe.loss.kind == "direction":
        return classifiers(x, y, x_wanted, recipe.seed)
    out = {"ridge": ridge(x, y, x_checked, y_checked, x_wanted)}
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        return out
    with threads(len(x)):
        trees = HistGradientBoostingRegressor(random_state=recipe.seed, **TREES).fit(x, y)
        return {**out, "boosted trees": np.asarray(trees.predict(x_wanted), np.float64)}


def threads(rows: int) -> Any:
    """One thread for a table so small that several wait for each other longer than they work; the trees are the same."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1 if rows < SMALL else None)


def classifiers(x: Any, y: Floats, x_wanted: Any, seed: int) -> dict[str, Floats]:
    """Probabilities of a rise by a logistic regression and by boosted trees."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return {}
    linear = LogisticRegression(C=0.01, solver="newton-cholesky").fit(x, y)  # far more rows than columns: a few steps
    trees = HistGradientBoostingClassifier(random_state=seed, **TREES).fit(x, y)
    return {
        "logistic": np.asarray(linear.predict_proba(x_wanted)[:, 1], np.float64),
        "boosted trees": np.asarray(trees.predict_proba(x_wanted)[:, 1], np.float64),
    }


def ridge(x: Any, y: Floats, x_checked: Any, y_checked: Floats, x_wanted: Any) -> Floats:
    """Ridge regression; the penalty is the one with the least squared error on the validation windows."""
    mean, spread = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    spread[spread == 0.0] = 1.0
    gram, right = np.zeros((x.shape[1], x.shape[1])), np.zeros(x.shape[1])
    middle = float(y.mean())
    for part in chunks(len(x), 100_000):
        z = (x[part] - mean) / spread
        gram += z.T @ z
        right += z.T @ (y[part] - middle)
    best: Any = np.zeros(len(right))
    least = np.inf
    z_checked = (x_checked - mean) / spread
    for penalty in PENALTIES:
        w = np.linalg.solve(gram + penalty * len(x) * np.eye(len(right)), right)
        error = float(((z_checked @ w + middle - y_checked) ** 2).mean())
        if error < least:
            best, least = w, error
    return np.asarray((x_wanted - mean) / spread @ best + middle, np.float64)


def target(recipe: Recipe, learned: Samples) -> Floats:
    """What is regressed on: labels, against their date's mean where names are ranked, clipped at 1 % and 99 %."""
    y = learned.label.copy()
    if recipe.loss.kind == "direction" or not len(y):
        return y
    if recipe.by_date:
        edges = learned.dates
        y -= np.repeat(np.add.reduceat(y, edges[:-1]) / np.diff(edges), np.diff(edges))
    low, high = np.quantile(y, (0.01, 0.99))
    return np.clip(y, low, high)


def lagged(made: Material, scaler: scaling.Scaler, wanted: Samples, window: int) -> Any:
    """(S, F x lags) scaled rows of each window: its last, and those before it that the window holds."""
    lags = [lag for lag in LAGS if lag < window]
    width = len(made.columns)
    out = np.empty((len(wanted), width * len(lags)), np.float32)
    for part in chunks(len(wanted), 100_000):
        for k, lag in enumerate(lags):
            rows = made.values[wanted.instrument[part], wanted.end[part] - lag]
            out[part, k * width : (k + 1) * width] = scaler.apply(np.asarray(rows))
    return out


def laid(values: Floats, row: Any, instrument: Any, rows: int, names: int) -> Floats:
    """(R, N) of the forecasts of single windows."""
    out = np.full((rows, names), np.nan)
    out[row, instrument] = values
    return out
