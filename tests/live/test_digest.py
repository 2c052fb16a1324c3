"""The digest, byte for byte, from docs/paper.md and nothing else."""

from __future__ import annotations

import hashlib
import struct

import numpy as np

from engine import digest, run
from engine.types import Fills, Refusals
from tests.live.market import config, messy


def test_one_slice_byte_by_byte():
    first = hashlib.sha256(b"barcast digest 1\nA\nB\n\nup\n" + struct.pack("<d", 1000.0)).digest()
    assert digest.first(("A", "B"), ("up",), 1000.0) == first
    nan = bytes.fromhex("000000000000f87f")
    told = first + struct.pack("<q", 86_400) + struct.pack("<d", 0.25) + nan + struct.pack("<II", 7, 1 << 20)
    told += (
        struct.pack("<q", 1) + struct.pack("<q", 1) + struct.pack("<dddd", -3.0, 10.5, 10.6, 0.1) + struct.pack("<q", 2)
    )
    told += (
        struct.pack("<q", 1)
        + struct.pack("<q", 0)
        + struct.pack("<d", 5.0)
        + struct.pack("<q", 99)
        + nan
        + struct.pack("<d", 0.5)
    )
    told += struct.pack("<ddddd", 1001.0, 900.0, 101.0, 0.0, -0.5) + struct.pack("<q", 1)
    f, i = (lambda *v: np.array(v, float)), (lambda *v: np.array(v, np.int64))
    odd = np.frombuffer(bytes.fromhex("010000000000f0ff"), np.float64)[0]  # another NaN: all are written alike
    got = digest.after(
        first, 86_400, np.array([[0.25, odd]]), np.array([7, 1 << 20], np.uint32),
        Fills(i(4), i(1), f(-3.0), f(10.5), f(10.6), f(0.1), i(2)), Refusals(i(4), i(0), f(5.0), i(99), f(odd), f(0.5)),
        (1001.0, 900.0, 101.0, 0.0, -0.5, 1.0),
    )  # fmt: skip
    assert got == hashlib.sha256(told).digest()


def test_the_digest_of_a_run_depends_on_every_part_of_it():
    def of(change=lambda engine: None, **more):
        loaded = run.load_config(config(**more))
        bars, signals, arrays = run.prepare(loaded, messy(3, 60), None)
        engine = run.engine_of(loaded, bars, signals, arrays)
        engine.run()
        change(engine)
        return digest.of_run(engine)[-1]

    def nudge(array):
        array[30] = np.nextafter(array[30], np.inf) if array.dtype.kind == "f" else array[30] + 1

    def forecasts(engine):
        engine.forecasts = engine.forecasts.copy()
        engine.forecasts[30, 0, 0] = 0.123

    whole = of()
    assert of() == whole
    others = [of(forecasts), of(capital=100_001.0), of(lambda engine: nudge(engine.codes.reshape(-1)))]
    others += [of(lambda engine, name=name: nudge(getattr(engine.curve, name))) for name in engine_curve()]
    fills = ("instrument", "quantity", "price", "reference", "fee", "reason")

    def fill(name):
        return lambda engine: nudge(getattr(engine.fills(), name)[-31:])

    others += [of(fill(name)) for name in fills]
    assert len({whole, *others}) == 1 + len(others)


def engine_curve():
    from engine.shapes import Curve

    return Curve._fields
