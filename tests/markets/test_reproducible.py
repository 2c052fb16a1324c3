"""The same settings give the same bits: again, in other blocks, on other threads, in files."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from engine.markets import read, simulate, write
from engine.markets.making import blocks
from engine.markets.plan import plan

CLOSES = [
    [13.761882377319582, 13.661311929751683, 13.820808467495265],
    [22.69923849380925, 22.574092311263655, 22.77940283428246],
]
SETTINGS = {
    "name": "m",
    "seed": 9,
    "names": 23,
    "bars": 400,
    "signal": {"shape": "product", "source": "endogenous", "ic": 0.1},
}


def bits(made, names, threads) -> str:
    digest = hashlib.sha256()
    arrays: list[list[bytes]] = []
    for _, block in blocks(made, names, threads):
        arrays += [[getattr(block, key)[k].tobytes() for key in block._fields] for k in range(len(block.close))]
    for row in arrays:
        for part in row:
            digest.update(part)
    return digest.hexdigest()


def test_neither_blocks_nor_threads_change_a_bit():
    made = plan(read(SETTINGS))
    assert len({bits(made, names, threads) for names, threads in ((1, 1), (5, 2), (7, 4), (23, 1), (1000, 2))}) == 1


def test_another_seed_is_another_market():
    one, other = (plan(read({**SETTINGS, "seed": seed})) for seed in (9, 10))
    assert bits(one, 5, 2) != bits(other, 5, 2)


def test_two_writings_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(read(SETTINGS), tmp_path / name)
    for file in ("bars.parquet", "oracle.parquet", "truth.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_what_is_measured_does_not_depend_on_blocks(monkeypatch):
    from engine.markets import making

    whole = simulate({**SETTINGS, "names": 40})
    monkeypatch.setattr(making, "CELLS", 400)
    assert simulate({**SETTINGS, "names": 40}).measured == whole.measured


def test_the_first_closes_of_a_seed_are_these():
    """Whoever changes a draw changes every market that was ever published; this is where they notice."""
    made = simulate({"name": "m", "seed": 1, "names": 2, "bars": 3, "mode": "plain", "own": {"volatility": "16%"}})
    assert made.block.close == pytest.approx(np.array(CLOSES), rel=1e-12)
