"""The table of promises: figures add up, a row without one is named, and a full run that falls short says where."""

from __future__ import annotations

import pytest

from tests import promises
from tests.promises import PROMISES, Promise


@pytest.fixture
def one(monkeypatch):
    promise = Promise("it holds", ("tried", "lost", "time"), {"tried": 10})
    for name in list(PROMISES):
        monkeypatch.delitem(PROMISES, name)
    monkeypatch.setitem(PROMISES, "it", promise)


def test_numbers_add_up_and_words_stand(one):
    assert not promises.any_told() and promises.lines() == ["not run: it"]
    promises.note("it", tried=4, lost=0)
    promises.note("it", tried=1_000, time="5 s")
    assert promises.lines() == ["it holds", "    1,004 tried, 0 lost, 5 s time"]
    assert promises.short_of() == []


def test_what_is_missing_or_too_small_is_said(one):
    promises.note("it", tried=4)
    assert promises.lines() == ["it holds", "    4 tried; not run: lost, time"]
    assert promises.short_of() == ["it: no figure for lost", "it: no figure for time", "it: 4 tried, fewer than 10"]


def test_a_figure_that_no_row_has_is_a_mistake(one):
    with pytest.raises(AssertionError, match="it has no figure found"):
        promises.note("it", found=1)


def test_every_bound_is_of_a_figure_that_its_row_has():
    for promise in PROMISES.values():
        assert set(promise.least) <= set(promise.needs) and len(set(promise.needs)) == len(promise.needs)
