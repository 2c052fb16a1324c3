"""What a net recovers of a planted signal: the mean daily correlation of its forecasts with the oracle on unseen dates.

The markets are plain (independent normal returns of one volatility) and pay for a column x that the net sees: for x itself,
or for x times the mean of the 30 values before it, of which a linear model sees nothing. Realised over planted IC would be
too noisy: the oracle is what the generator itself expected. `--small` is the market of the suite, else rho is .05 over a
million rows.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from engine.markets import simulate
from signals.training import baselines, fitting, labels, splits
from signals.training.material import Material, of_arrays
from signals.training.recipe import Recipe, read

WINDOW = 40
SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}
RECIPE = {
    "name": "recovery",
    "data": {"source": "packaged", "name": "us20"},
    "features": "given",
    "window": WINDOW,
    "model": {"kind": "rank", "hidden": 32, "layers": 1, "dropout": 0.0},
    "loss": {"kind": "rank"},
    "scaler": {"kind": "standard", "winsor": 0},
    "calibrate": "affine",
}
LINEAR = {"epochs": 2, "dates_per_batch": 4, "learning_rate": 3e-3, "date_stride": 2}
PRODUCT = {"epochs": 14, "dates_per_batch": 4, "learning_rate": 5e-3, "date_stride": 2, "patience": 14}


def market(shape: str, ic: float, seed: int, names: int, bars: int) -> tuple[Material, np.ndarray]:
    """A plain market's material, and its oracle (T, N)."""
    made = simulate(
        {"name": "planted", "seed": seed, "names": names, "bars": bars, "mode": "plain", "calendar": "weekdays",
         "signal": {"shape": shape, "ic": ic}}
    )  # fmt: skip
    values = np.ascontiguousarray(made.block.driver.astype(np.float32)[:, :, None])
    panel = made.panel()
    return of_arrays(values, labels.labels(panel.adjusted), WINDOW, panel.sessions), made.oracle


def recipe(shape: str, **changes: object) -> Recipe:
    return read({**RECIPE, "training": {**(LINEAR if shape == "linear" else PRODUCT), **changes}})


def recover(made: Material, oracle: np.ndarray, said: Recipe, seed: int) -> tuple[float, fitting.Fitted, np.ndarray]:
    """The correlation with the oracle on the test range; the fit, and its (R, N) forecasts there."""
    split = splits.by_share(splits.Span(WINDOW, len(made.times)), SHARES, said.embargo)
    assert split.test is not None
    fitted = fitting.fit(made, said, split, seed, fitting.Job("auto", clock=time.perf_counter))
    rows = split.test.rows
    out = fitting.outputs(fitted.net, fitted.scaler, fitted.calibration, made, said, rows, "auto")
    return against(out, oracle[rows]), fitted, out


def against(forecast: np.ndarray, oracle: np.ndarray) -> float:
    """Mean daily correlation, over what both know."""
    daily = []
    for f, o in zip(forecast, oracle, strict=True):
        both = np.isfinite(f) & np.isfinite(o)
        if both.sum() > 4 and f[both].std() > 0.0:
            daily.append(np.corrcoef(f[both], o[both])[0, 1])
    return float(np.mean(daily)) if daily else 0.0


def flattened_ridge(made: Material, oracle: np.ndarray, said: Recipe) -> float:
    """The same for a ridge regression on all rows of the window."""
    split = splits.by_share(splits.Span(WINDOW, len(made.times)), SHARES, said.embargo)
    assert split.test is not None
    lags = range(WINDOW)
    parts = [fitting.samples(made, said, span, 1) for span in (split.train, split.validation, split.test)]
    x = [np.concatenate([made.values[p.instrument, p.end - k] for k in lags], axis=1) for p in parts]
    told = baselines.ridge(x[0], parts[0].label, x[1], parts[1].label, x[2])
    out = np.full((len(made.times), len(made.symbols)), np.nan)
    out[parts[2].end, parts[2].instrument] = told
    return against(out[split.test.rows], oracle[split.test.rows])


def main() -> None:
    small = "--small" in sys.argv
    ic, names, bars = (0.15, 100, 1000) if small else (0.05, 500, 2000)
    print(f"{names} names x {bars} bars, planted IC {ic}; correlation of forecast and oracle on unseen dates")
    print(f"{'signal':>8} {'seed':>4} {'net':>6} {'ridge, flattened window':>24} {'seconds':>8}")
    failed = False
    for shape, least in (("linear", 0.9), ("product", 0.7)):
        found = []
        for seed in range(3):
            made, oracle = market(shape, ic, seed, names, bars)
            said = recipe(shape)
            got, fitted, _ = recover(made, oracle, said, seed)
            flat = flattened_ridge(made, oracle, said)
            found.append(got)
            print(f"{shape:>8} {seed:4d} {got:6.3f} {flat:24.3f} {fitted.progress.seconds:8.0f}", flush=True)
            failed |= small and (got < least or (shape == "product" and flat >= 0.3))
        print(
            f"{shape:>8} mean {np.mean(found):6.3f} +- {np.std(found, ddof=1):.3f}; expected at least {least} of the small market"
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
