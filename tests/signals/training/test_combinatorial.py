"""Combinatorial purged cross-validation: who learns from what, and the paths that come of it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest

from engine.errors import ConfigError, DataError
from signals import folder
from signals.training import combinatorial, seeds
from signals.training import walkforward as walking
from signals.training.splits import Length, Span
from tests.signals.training.planted import days, recipe
from tests.signals.training.test_walkforward import RUN, SMALL, made

CPCV = {"scheme": "cpcv", "groups": 4, "test_groups": 2, "validation": "20 bars"}
BARS = Length(4, "bars")


def test_four_groups_two_aside_are_six_fits_and_three_paths():
    """By hand: C(4, 2) = 6; each group is aside in C(3, 1) = 3 of them; 2 / 4 x 6 = 3."""
    assert combinatorial.chosen(4, 2) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert combinatorial.path_ids(4, 2).tolist() == [[0, 0], [1, 0], [2, 0], [1, 1], [2, 1], [2, 2]]
    assert combinatorial.paths(4, 2) == 3 and combinatorial.paths(6, 2) == 5 and combinatorial.paths(10, 3) == 36


@pytest.mark.parametrize(("groups", "aside"), [(4, 2), (6, 2), (6, 3), (8, 5)])
def test_paths_are_numbered_as_another_library_numbers_them(groups, aside):
    from risk.overfitting import cpcv

    plan = cpcv.plan(20 * groups, groups, aside)
    assert plan.path.tolist() == combinatorial.path_ids(groups, aside).tolist()
    assert plan.paths == combinatorial.paths(groups, aside)
    parts = combinatorial.groups_of(Span(0, 20 * groups), groups)
    for split, some in zip(plan.splits, combinatorial.chosen(groups, aside), strict=True):
        assert [rows.tolist() for rows in split.test] == [parts[g].rows.tolist() for g in some]


def test_gaps_lie_on_both_sides_of_what_is_set_aside():
    """Sixty slices in three groups of 20; embargo 2, memory 3. With the last two aside rows 0 to 17 are left: 14 to 17
    validate, 12 and 13 are the gap before them. With the first and the last: 25 (20 + 2 + 3) to 37. Of four groups of 15
    with the second and the last aside: 0 to 12 and 35 to 42, and the latter holds validation."""
    found = combinatorial.folds(days(60), Span(0, 60), 3, 2, 2, 3, BARS)
    last, ends, first = found[2], found[1], found[0]
    assert list(last.train.parts) == [Span(0, 12)] and last.validation == Span(14, 18)
    assert list(last.test.parts) == [Span(20, 40), Span(40, 60)]
    assert list(ends.train.parts) == [Span(25, 32)] and ends.validation == Span(34, 38)
    assert list(first.train.parts) == [Span(45, 54)] and first.validation == Span(56, 60)
    two = combinatorial.folds(days(60), Span(0, 60), 4, 2, 2, 3, BARS)[4]
    assert two.train.parts == (Span(0, 13), Span(35, 37)) and two.validation == Span(39, 43) and two.train.size == 15
    short = combinatorial.folds(days(60), Span(0, 60), 4, 2, 2, 3, Length(7, "bars"))[4]
    assert short.train.parts == (Span(0, 4),) and short.validation == Span(6, 13)


def test_no_label_and_no_window_of_a_fit_meets_what_it_sets_aside():
    here, said = made(), recipe(SMALL, walkforward=CPCV)
    reach, window = said.reach, said.window
    for split in walking.folds_of(here, said):
        aside = set(split.test.rows.tolist())
        seen = aside | {row + ahead for row in aside for ahead in range(reach + 1)}
        for row in [*split.train.rows.tolist(), *split.validation.rows.tolist()]:
            assert not aside & set(range(row, row + reach + 1))
            before = set(range(row - window + 1, row + 1))
            assert not seen & before or max(before) < min(aside)
        assert not set(split.train.rows.tolist()) & set(split.validation.rows.tolist())


def test_every_path_is_whole_and_every_date_of_it_was_forecast_by_a_model_blind_to_it(tmp_path):
    here, said = made(), recipe(SMALL, walkforward=CPCV)
    walked = walking.walkforward(said, tmp_path, RUN, made=here)
    assert len(walked.splits) == 6 and not (tmp_path / walking.FORECASTS).exists()
    told = json.loads((tmp_path / combinatorial.INDEX).read_text())
    assert told["paths"] == ["path-000.parquet", "path-001.parquet", "path-002.parquet"] and told["test_groups"] == 2
    usable = here.dates[said.window - 1 :]
    whole = []
    for file in told["paths"]:
        table = parquet.read_table(tmp_path / file).to_pandas()
        assert not table.duplicated(["date", "symbol"]).any()
        dates = table["date"].to_numpy().astype("datetime64[D]")
        assert np.array_equal(np.unique(dates), usable)
        for fold in set(table["fold"]):
            rows = np.searchsorted(here.dates, np.unique(dates[table["fold"] == fold]))
            assert set(rows.tolist()) <= set(walked.splits[fold].test.rows.tolist())
        whole.append(table["forecast"].to_numpy())
    assert not np.array_equal(whole[0], whole[1]) and not np.array_equal(whole[1], whole[2])


def test_a_model_that_has_seen_what_comes_after_may_trade_none_of_it(tmp_path):
    here, said = made(), recipe(SMALL, walkforward=CPCV)
    split = walking.folds_of(here, said)[0]  # the first two groups of four are aside
    walking.fold(here, said, split, 0, tmp_path, RUN)
    passport = folder.read_passport(tmp_path / "fold-000")
    assert passport.valid_from is None
    assert np.datetime64(passport.known_through[:-1]) >= here.dates[split.validation.stop - 1]


def test_what_the_model_sets_aside_does_not_change_it(tmp_path):
    from signals.training.labels import Labels
    from signals.training.material import of_arrays

    here, said = made(), recipe(SMALL, walkforward=CPCV)
    split = walking.folds_of(here, said)[2]  # the first and the last group are aside
    values, label = here.values.copy(), here.labels.values.copy()
    values[:, split.test.rows] = 9.0
    label[split.test.rows] = 0.5
    spoilt = of_arrays(values, Labels(label, label, 2, "open_to_open", "return"), said.window, here.dates)
    label = here.labels.values.copy()
    label[split.train.first] = label[split.train.first][::-1]
    other = of_arrays(here.values, Labels(label, label, 2, "open_to_open", "return"), said.window, here.dates)
    for name, one in (("a", here), ("b", spoilt), ("c", other)):
        walking.fold(one, said, split, 2, tmp_path / name, RUN)
    a, b, c = (folder.read_passport(tmp_path / name / "fold-002").weights_sha256 for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({**CPCV, "train": "1 year"}, "leave it out"),
        ({**CPCV, "test_groups": 4}, "fewer than the 4 groups"),
        ({**CPCV, "test_groups": 1}, "expected 2 or more"),
        ({"validation": "20 bars"}, "needs its length"),
        ({"train": "1 year", "validation": "20 bars", "groups": 4}, "goes with scheme cpcv"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused(said, word):
    with pytest.raises(ConfigError, match=word):
        recipe(SMALL, walkforward=said)


def test_too_little_time_and_a_table_of_forecasts_that_overlap_are_refused(tmp_path):
    with pytest.raises(DataError, match="no stretch holds training and validation"):
        combinatorial.folds(days(60), Span(0, 60), 3, 2, 2, 20, BARS)
    with pytest.raises(ConfigError, match="barcast cpcv"):
        seeds.walk(recipe(SMALL, walkforward=CPCV), tmp_path, RUN, 1)
