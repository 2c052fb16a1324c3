"""A storage of a study that is none, or is worked on elsewhere, is refused in one line; a search that found nothing fails."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

pytest.importorskip("optuna")

from engine.errors import ConfigError, DataError
from signals.commands import tune
from signals.tuning import study as studies
from signals.tuning.search import Found
from signals.tuning.study import Row
from tests.signals.tuning.searches import base, said, search, told

ONE = {"parameters": {"model.hidden": [4]}}


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_storage_is_worked_on_in_one_folder(tmp_path, kind):
    storage = str(tmp_path / "study.journal") if kind == "journal" else f"sqlite:///{tmp_path / 'study.db'}"
    first = search(tmp_path / "a", said(**ONE), storage=storage)
    with pytest.raises(ConfigError, match=f"its trials are worked on in {tmp_path / 'a'}; give --out") as refused:
        search(tmp_path / "b", said(**ONE), storage=storage)
    assert "\n" not in str(refused.value)
    assert told(search(tmp_path / "a", said(**ONE), storage=storage)) == told(first)


def test_a_folder_with_its_own_study_may_be_moved_and_lent_to_nobody(tmp_path):
    first = search(tmp_path / "a", said(**ONE))
    with pytest.raises(ConfigError, match="its trials are worked on in"):
        search(tmp_path / "b", said(**ONE), storage=str(tmp_path / "a" / studies.JOURNAL))
    shutil.move(tmp_path / "a", tmp_path / "c")
    assert told(search(tmp_path / "c", said(**ONE))) == told(first)


@pytest.mark.parametrize(
    "storage", ["", "sqlite://", "sqlite:///", "sqlite+pysqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
)
def test_a_study_that_would_be_gone_with_its_process_is_refused(tmp_path, storage):
    with pytest.raises(ConfigError, match="expected a file to keep the study in; say FILE or sqlite:///FILE"):
        studies.opened(tmp_path / "a", "key", said(**ONE), storage)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("storage", ["sqlite:///nosuch/x.db", "foo://bar", "postgresql://x/y", "nosuch/x.journal", "."])
def test_a_storage_that_cannot_be_opened_is_told_in_one_line(tmp_path, monkeypatch, storage):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"--storage .*: no study can be kept or read there \(.*\); say FILE"
    ) as refused:
        studies.opened(tmp_path / "a", "key", said(**ONE), storage)
    assert "\n" not in str(refused.value)


def test_a_window_longer_than_the_bars_is_a_failed_trial(tmp_path):
    found = search(tmp_path, said(parameters={"window": [130]}))
    assert [row.state for row in found.rows] == ["failed"] and "0 windows" in found.rows[0].why


def test_a_search_without_one_complete_trial_fails(tmp_path, monkeypatch):
    import yaml

    wanted = said(parameters={"window": [7, 8]})
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(base(tune=wanted.resolved()).resolved()))
    monkeypatch.chdir(tmp_path)
    rows = [Row(k, {"window": 7 + k}, "failed", None, 0, 0, "too short") for k in range(2)]
    days = {"train": ["2020-01-01", "2020-02-01"], "validation": ["2020-02-02", "2020-03-01"]}
    found = Found(tmp_path / "out", wanted, rows, None, None, days)
    app = typer.Typer()
    app.command()(tune.tune)
    for now, fails in ((found, True), (replace(found, rows=rows[:1]), False)):
        monkeypatch.setattr("signals.tuning.helpers.together", lambda *told, now=now: now)
        done = CliRunner().invoke(app, ["mine.yaml", "--out", "out", "--quiet"])
        assert "no trial is complete, so there is no best recipe" in done.output
        if fails:
            assert isinstance(done.exception, DataError)
            assert str(done.exception) == "out: 2 of 2 trials failed and none is complete; trial 0: too short"
        else:  # the search is not over
            assert done.exit_code == 0
