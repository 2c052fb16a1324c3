"""Never two live orders for one intent, whatever is lost, delayed, repeated or killed; and in the end what was wanted is held."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.brokers import sending
from engine.brokers.facts import ENDED, Answer
from engine.brokers.mirror import Mirror
from engine.brokers.sending import Sender, UncertainError
from tests.brokers import worlds
from tests.promises import note, size

SEEDS = 300


def sweep(seeds: int, **parts) -> Counter:
    total = Counter()
    for seed in range(seeds):
        total.update(worlds.run(seed, **parts))
        total["seeds"] += 1
    return total


def test_no_intent_ever_has_two_live_orders():
    total = sweep(size(SEEDS, 20_000))
    happened = ("lost", "delayed", "arrived late", "answer lost", "id taken", "old answer", "refused", "kills", "fills")
    assert all(total[what] > 20 for what in happened), total
    bad = sum(total[what] for what in ("lost", "delayed", "answer lost", "old answer", "id taken"))
    note(
        "one order", seeds=size(SEEDS, 20_000), orders_lost_delayed_or_answered_twice=bad, kills=total["kills"], fills=total["fills"],
        seeds_that_kept_it=total["seeds"],
    )  # fmt: skip


def test_the_same_seed_is_the_same_session():
    assert worlds.run(7) == worlds.run(7)


class Guesses(Sender):
    """Wrong: silence is taken for a refusal."""

    def _send(self, intent, now):
        try:
            self._write(self.venue.submit(intent))
        except UncertainError:
            self._write(Answer(intent.id, ENDED, why="guessed"))
        except sending.DuplicateError:
            self._learn(intent.id)


class Forgets(worlds.Book):
    """Wrong: the intent is sent before it is written down."""

    def intent(self, intent):
        self.die()

    def answer(self, answer):
        super().answer(answer)


class Impatient(Sender):
    """Wrong: an id that is absent once never arrived."""

    def _resolve(self, work, now, slice_):
        found = self._learn(work.intent.id)
        if found is not None and found.state == "absent":
            self._write(Answer(work.intent.id, ENDED, why="guessed"))


@pytest.mark.parametrize("wrong", [{"make": Guesses}, {"book_of": Forgets}, {"make": Impatient}])
def test_the_simulation_catches_a_sender_that_is_wrong(wrong):
    with pytest.raises((AssertionError, KeyError)):
        sweep(200, **wrong)
    note("one order", wrong_senders_caught=1)


def test_it_catches_a_mirror_that_counts_a_repeated_answer_twice(monkeypatch):
    def twice(self, answer, real=Mirror.answered):
        work = self.known.get(answer.id)
        if work is not None and answer.filled:
            self.position[work.intent.column] += answer.filled
        real(self, answer)

    monkeypatch.setattr(Mirror, "answered", twice)
    with pytest.raises(AssertionError):
        sweep(20)
    note("one order", wrong_senders_caught=1)
