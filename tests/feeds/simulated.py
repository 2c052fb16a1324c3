"""A source of bars with a truth of its own, and a network that drops, repeats, reorders, delays and cuts what it says."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

from engine.feeds.assembler import Assembler, Rules
from engine.feeds.facts import (
    REST,
    REVISION,
    SECOND,
    STREAM,
    Arrival,
    Bar,
    Closed,
    Correction,
    Gap,
    History,
    Late,
    Rejected,
    Values,
)
from engine.feeds.schedule import MINUTE_NS, Schedule

START = 28_401_120 * MINUTE_NS  # 2024-01-01 00:00 UTC
SLICES = 40


@dataclass
class Source:
    """The truth: versions of every bar and when they were known; nothing where nobody traded."""

    n: int
    versions: dict[tuple[int, int], list[tuple[int, Values]]] = field(default_factory=dict)

    @classmethod
    def of(cls, draw: random.Random, n: int) -> Source:
        source = cls(n)
        for column in range(n):
            quiet = draw.choice((0.0, 0.1, 0.6))
            for k in range(1, SLICES + 1):
                end = START + k * MINUTE_NS
                if draw.random() < quiet:
                    continue
                source.versions[column, end] = [(end, bar(draw))]
                if draw.random() < 0.15:
                    later = end + draw.randint(1, draw.choice((10, 200))) * SECOND
                    source.versions[column, end].append((later, bar(draw)))
        return source

    def said(self, column: int, time: int, now: int) -> Values | None:
        """What the source holds at `now` to be the bar."""
        known = [values for when, values in self.versions.get((column, time), []) if when <= now]
        return known[-1] if known else None


def bar(draw: random.Random) -> Values:
    low, high = sorted((draw.randint(1, 9_999) / 100, draw.randint(1, 9_999) / 100))
    return Values(draw.choice((low, high)), high, low, draw.choice((low, high)), float(draw.randint(1, 999)))


@dataclass(frozen=True)
class Network:
    """How bad the line is, drawn once for a whole run."""

    drop: float
    repeat: float
    slow: float  # share of messages delayed by up to two minutes
    refuse: float  # share of REST questions that get no answer
    cut: tuple[int, int]  # seconds from START between which the stream says nothing
    dark: tuple[int, int]  # the same for REST
    reach: int  # REST knows this many of the latest minutes

    @classmethod
    def of(cls, draw: random.Random) -> Network:
        def span() -> tuple[int, int]:
            begin = draw.randint(0, SLICES * 60)
            return begin, begin + draw.choice((0, 30, 300, 900))

        return cls(
            draw.choice((0.0, 0.1, 0.5)),
            draw.choice((0.0, 0.2)),
            draw.choice((0.0, 0.2)),
            draw.choice((0.0, 0.3, 0.9)),
            span(),
            span(),
            draw.choice((SLICES * 2, 5)),
        )

    def deliveries(self, source: Source, draw: random.Random) -> list[tuple[int, Bar]]:
        """(ns received, bar) of everything the stream manages to say, in the order it comes."""
        out = []
        for (column, time), versions in source.versions.items():
            for k, (when, values) in enumerate(versions):
                for _ in range(1 + (draw.random() < self.repeat)):
                    wait = draw.random() * (draw.choice((30, 120)) if draw.random() < self.slow else 3)
                    received = when + int(wait * SECOND)
                    silent = self.cut[0] <= (received - START) / SECOND < self.cut[1]
                    if draw.random() >= self.drop and not silent:
                        out.append((received, Bar(column, time, values, received, REVISION if k else STREAM)))
        return sorted(out, key=lambda each: each[0])


@dataclass
class Tape:
    """Everything a run gave, and what it asked."""

    arrivals: list[tuple[int, Arrival]] = field(default_factory=list)
    questions: int = 0
    heard: dict[tuple[int, int], list[Values]] = field(default_factory=dict)  # all that reached the assembler

    def hear(self, *bars: Bar) -> None:
        for each in bars:
            self.heard.setdefault((each.column, each.time), []).append(each.values)

    def of(self, kind: type) -> list:
        return [arrival for _, arrival in self.arrivals if isinstance(arrival, kind)]


def run(seed: int, rules: Rules | None = None) -> tuple[Source, Network, Tape, Assembler]:
    """One session of SLICES minutes and what came of it; the same seed gives the same tape."""
    draw = random.Random(seed)
    source = Source.of(draw, draw.randint(1, 4))
    network = Network.of(draw)
    rules = rules or Rules(window=draw.randint(1, 6), settle=draw.choice((None, 35 * SECOND)), outage=600 * SECOND)
    assembler = Assembler(source.n, Schedule(MINUTE_NS, None), rules, START + MINUTE_NS)
    tape, coming = Tape(), network.deliveries(source, draw)
    for second in range(0, (SLICES + 20) * 60, 2):
        now = START + second * SECOND
        while coming and coming[0][0] <= now:
            received, message = coming.pop(0)
            tape.hear(message)
            tape.arrivals += [(received, told) for told in assembler.offer(message, received)]
        if second % 6 == 0:
            for want in assembler.wanted(now):
                tape.questions += 1
                dark = network.dark[0] <= second < network.dark[1]
                if not dark and draw.random() >= network.refuse:
                    answer = history(source, network, want, now)
                    tape.hear(*answer.bars)
                    tape.arrivals += [(now, told) for told in assembler.answer(answer, now)]
        tape.arrivals += [(now, told) for told in assembler.tick(now)]
    return source, network, tape, assembler


def history(source: Source, network: Network, want, now: int) -> History:
    """What REST answers: bars it reaches back to, of closed minutes only."""
    first = max(want.first, now // MINUTE_NS * MINUTE_NS - network.reach * MINUTE_NS)
    last = min(want.last, now - 1)
    bars = []
    for time in range(first, last + 1, MINUTE_NS):
        values = source.said(want.column, time, now)
        if values is not None:
            bars.append(Bar(want.column, time, values, now, REST))
    return History(want.column, first, last, tuple(bars), now)


def check(source: Source, network: Network, tape: Tape, rules: Rules) -> dict[str, int]:
    """AssertionError unless the tape is the source's truth or says where it is not; how much there was of everything."""
    slices = [(when, arrival) for when, arrival in tape.arrivals if isinstance(arrival, Closed)]
    within = [(when, a) for when, a in slices if a.slice.time <= START + SLICES * MINUTE_NS]
    assert [a.slice.time for _, a in within] == [START + k * MINUTE_NS for k in range(1, SLICES + 1)]
    gaps = {(gap.column, gap.time) for gap in tape.of(Gap)}
    told: dict[tuple[int, int], Values | None] = {}
    counts = {"bars": 0, "empty": 0, "gaps": 0, "late": 0, "corrections": 0, "catch_up": 0}
    last_gap = np.full(source.n, -(10**9))
    for k, (when, closed) in enumerate(within):
        time = closed.slice.time
        assert when >= time + rules.hold
        assert closed.catch_up == (when - time > rules.max_signal_age)
        counts["catch_up"] += closed.catch_up
        for column in range(source.n):
            values = Values(*(float(getattr(closed.slice, name)[column]) for name in Values._fields))
            versions = [v for _, v in source.versions.get((column, time), [])]
            known_gap = (column, time) in gaps
            assert bool(closed.gap[column]) == known_gap
            if known_gap:
                last_gap[column] = k
                counts["gaps"] += 1
            assert bool(closed.blocked[column]) == (k - last_gap[column] < rules.window), (k, column)
            if np.isnan(values.close):
                assert known_gap != bool(closed.empty[column])
                assert known_gap or source.said(column, time, when) is None, (
                    "a bar was there, REST was asked, and it is lost"
                )
                counts["empty"] += not known_gap
                told[column, time] = None
            else:
                assert values in versions, "a bar that the source never said"
                counts["bars"] += 1
                told[column, time] = values
            assert all(np.isnan(v) for v in values) or not any(np.isnan(v) for v in values)
    return counts | audit(source, network, tape, told)


def audit(source: Source, network: Network, tape: Tape, told: dict) -> dict[str, int]:
    """Late bars and corrections: every one true, and none of what was heard forgotten."""
    late = corrections = 0
    for _, arrival in tape.arrivals:
        if isinstance(arrival, Late):
            late += 1
            assert told[arrival.column, arrival.time] is None, "late, though the slice had a bar"
            told[arrival.column, arrival.time] = arrival.values
        if isinstance(arrival, Correction) and arrival.acted and arrival.after is not None:
            corrections += 1
            key = arrival.column, arrival.time
            assert told[key] == arrival.before, "a correction of something else"
            assert arrival.after in [v for _, v in source.versions[key]]
            told[key] = arrival.after
    assert not tape.of(Rejected), tape.of(Rejected)[:1]
    for key, heard in tape.heard.items():
        newest = max(
            (v for _, v in source.versions[key]),
            key=lambda v: (v in heard, [w for _, w in source.versions[key]].index(v)),
        )
        assert told.get(key, newest) == newest, "what was heard is neither in the tape nor told"
    return {"late": late, "corrections": corrections}
