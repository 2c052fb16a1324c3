"""How often the studentised bootstrap's 95 % interval holds the true Sharpe ratio, and what resampling whole slices keeps."""

from __future__ import annotations

import sys

import numpy as np

from risk.overfitting.bootstrap import block_length, histories, resamples
from tests.trust import experiments as e


def main() -> None:
    truth = e.true_sharpe()
    print(f"true Sharpe of the process, 10^7 steps: {truth:.5f} per bar, {truth * e.DAYS**0.5:.3f} a year")
    failed = False
    for rows, count, bound in ((1000, 1000, True), (250, 1000, False)):
        share = e.covered(count, rows, truth, 999)
        error = (share * (1 - share) / count) ** 0.5
        right = not bound or 0.93 <= share <= 0.97
        failed |= not right
        due = " (.93 to .97)" if bound else ""
        print(
            f"T {rows:5,}: {share:.3f} of {count:,} intervals hold it, +- {error:.3f}{due}{'' if right else '  FAILS'}"
        )
    rng = np.random.default_rng(5)
    columns = np.column_stack([e.process(rng, 1000)[0] for _ in range(3)])
    columns[:, 1] = 0.7 * columns[:, 0] + 0.3 * columns[:, 1]
    block = block_length(columns)
    before = np.corrcoef(columns, rowvar=False)[np.triu_indices(3, 1)]
    drawn = [
        np.corrcoef(columns[r], rowvar=False)[np.triu_indices(3, 1)] for s in resamples(1000, block, 2000, 6) for r in s
    ]
    after = np.mean(drawn, axis=0)
    print(
        f"correlations of three columns: {before.round(3).tolist()}; of 2,000 resamples, mean: {after.round(3).tolist()}"
    )
    failed |= bool(np.abs(after - before).max() > 0.02)
    counted: list[int] = []
    paths = histories(columns[:, 0], 5000, 7, progress=lambda k, n: counted.append(k))
    worst = np.quantile(paths.drawdown, 0.05)
    print(
        f"5,000 histories in {len(counted)} steps of progress: growth {np.median(paths.growth):.3f} in the middle, "
        f"1 in 20 falls by more than {-worst:.1%}"
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
