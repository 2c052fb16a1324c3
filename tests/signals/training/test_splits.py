"""Ranges follow each other with a gap; no label of one looks at a price of the next."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, DataError
from signals.training.splits import Length, Span, Walk, by_date, by_share, folds

DATES = np.arange("2010-01-01", "2014-01-01", dtype="datetime64[D]")


def walk(**changes) -> Walk:
    said = {"every": "yearly", "scheme": "rolling", "train": Length(12, "months"), "validation": Length(6, "months")}
    return Walk(**{**said, "calibration": None, "first": None, "last": None, **changes})


def test_shares_are_cut_in_order_and_each_range_gives_its_last_slices_to_the_gap():
    split = by_share(Span(0, 100), {"train": 0.6, "validation": 0.2, "test": 0.2}, 2)
    assert split.spans == {"train": (0, 58), "validation": (60, 78), "test": (80, 100)}


def test_dates_are_both_inside():
    split = by_date(DATES, {"train": ("2010-01-01", "2010-12-31"), "validation": ("2011-01-01", "2011-01-31")}, 3)
    assert split.spans == {"train": (0, 362), "validation": (365, 396)}


def test_ranges_that_overlap_are_refused():
    with pytest.raises(ConfigError, match="validation begins before train ends"):
        by_date(DATES, {"train": ("2010-01-01", "2010-12-31"), "validation": ("2010-12-01", "2011-01-31")}, 2)


def test_a_gap_that_the_dates_leave_already_costs_nothing():
    split = by_date(DATES, {"train": ("2010-01-01", "2010-01-31"), "validation": ("2010-03-01", "2010-03-31")}, 5)
    assert split.train == (0, 31)


def test_a_range_without_dates_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="2010-01-01 to 2013-12-31"):
        by_date(DATES, {"train": ("2000-01-01", "2001-01-01"), "validation": ("2011-01-01", "2011-01-31")}, 1)


def test_yearly_folds_test_calendar_years_one_after_the_other():
    found = folds(DATES, walk(), 2)
    days = [(str(DATES[s.test.first]), str(DATES[s.test.stop - 1])) for s in found]
    assert days == [("2012-01-01", "2012-12-31"), ("2013-01-01", "2013-12-31")]
    assert [str(DATES[s.train.first]) for s in found] == ["2010-07-01", "2011-07-01"]
    assert [str(DATES[s.validation.first]) for s in found] == ["2011-07-01", "2012-07-01"]


def test_an_expanding_train_begins_with_the_data():
    assert [s.train.first for s in folds(DATES, walk(scheme="expanding"), 2)] == [0, 0]


def test_a_first_date_inside_a_period_shortens_it():
    found = folds(DATES, walk(first="2012-11-15", every="quarterly"), 2)
    assert [str(DATES[s.test.first]) for s in found[:2]] == ["2012-11-15", "2013-01-01"]


def test_too_little_history_is_refused():
    with pytest.raises(DataError, match="no period has 20 years"):
        folds(DATES, walk(train=Length(240, "months")), 2)


@given(
    every=st.sampled_from(["monthly", "quarterly", "yearly"]),
    scheme=st.sampled_from(["rolling", "expanding"]),
    train=st.one_of(
        st.integers(3, 20).map(lambda n: Length(n, "months")), st.integers(60, 400).map(lambda n: Length(n, "bars"))
    ),
    validation=st.integers(1, 6).map(lambda n: Length(n, "months")),
    calibration=st.one_of(st.none(), st.integers(1, 4).map(lambda n: Length(n, "months"))),
    embargo=st.integers(1, 9),
)
def test_no_label_of_a_range_reaches_the_next_and_tests_tile_the_dates(
    every, scheme, train, validation, calibration, embargo
):
    """`embargo` slices after the last slice of a range still lie before the next one; a window may look back."""
    found = folds(DATES, Walk(every, scheme, train, validation, calibration, None, None), embargo)
    for split in found:
        spans = list(split.spans.values())
        for before, after in pairwise(spans):
            assert before.stop - 1 + embargo < after.first
        assert split.seen + embargo < split.test.first
    for one, two in pairwise(found):
        assert one.test.stop == two.test.first
    assert found[-1].test.stop == len(DATES)
