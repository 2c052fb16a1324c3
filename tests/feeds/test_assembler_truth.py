"""Drop, repeat, reorder, delay, correct, cut: the tape equals the source's truth, or says where it does not."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.feeds.assembler import Assembler
from tests.feeds import simulated
from tests.promises import note, size

SEEDS = 200
COUNTED = ("bars", "gaps", "late", "corrections")


def sweep(seeds: range) -> Counter:
    total = Counter()
    for seed in seeds:
        source, network, tape, assembler = simulated.run(seed)
        total.update(simulated.check(source, network, tape, assembler.rules))
        total["tapes"] += 1
    return total


def test_the_tape_is_the_sources_truth_or_a_recorded_gap_whatever_the_line_does():
    total = sweep(range(size(SEEDS, 5_000)))
    assert all(total[what] > SEEDS // 3 for what in ("bars", "empty", "gaps", "late", "corrections", "catch_up")), total
    note(
        "every bar",
        seeds=size(SEEDS, 5_000),
        tapes_that_are_the_sources_truth=total["tapes"],
        **{what: total[what] for what in COUNTED},
    )


def test_the_same_seed_gives_the_same_tape():
    assert repr(simulated.run(5)[2].arrivals) == repr(simulated.run(5)[2].arrivals)


def overwrite_closed(self, bar, now):
    """Wrong: a late correction changes the past without a word."""
    self._closed[bar.time].put(bar)
    return ()


def never_ask(self, now):
    """Wrong: what the stream missed is left missing."""
    return ()


def call_it_empty(self, now, _real=Assembler.tick):
    """Wrong: what nobody knows is taken for a quiet minute."""
    cells = self._cells(self.next.time)
    if now >= self.due():
        cells.state[cells.state == 0] = 2
    return _real(self, now)


def newest_wins(self, bar, now):
    """Wrong: an original that comes after its correction replaces it."""
    self._cells(bar.time).put(bar)
    return ()


def forget_the_window(self, cells, now, _real=Assembler._close):
    """Wrong: a gap blocks one slice only."""
    told = _real(self, cells, now)
    self._blocked[:] = 0
    return told


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("_after_the_close", overwrite_closed),
        ("_before_the_close", newest_wins),
        ("tick", call_it_empty),
        ("_close", forget_the_window),
    ],
)
def test_the_simulation_catches_an_assembler_that_is_wrong(monkeypatch, method, wrong):
    monkeypatch.setattr(Assembler, method, wrong)
    with pytest.raises(AssertionError):
        sweep(range(40))
    note("every bar", wrong_assemblers_caught=1)


def test_without_questions_there_are_gaps_where_there_were_none(monkeypatch):
    honest = sweep(range(40))
    monkeypatch.setattr(Assembler, "wanted", never_ask)
    assert sweep(range(40))["gaps"] > 2 * honest["gaps"]
    note("every bar", wrong_assemblers_caught=1)
