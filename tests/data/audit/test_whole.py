"""A whole audit: what was planted is found, the documents agree with each other, the page is safe, the command speaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.data.audit import audit
from engine.data.audit.documents import advice, document
from engine.data.audit.grading import grade, recommendations
from engine.data.audit.kinds import KINDS
from engine.data.audit.page import render
from tests.data.audit.planting import KINDS as PLANTED
from tests.data.audit.planting import Field, clean, scores

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def bare():
    return clean(names=60, bars=1500, seed=3)


@pytest.fixture(scope="module")
def planted(bare, tmp_path_factory):
    field = Field(bare, seed=4)
    for kind in PLANTED:
        field.plant(kind, 8)
    file = tmp_path_factory.mktemp("planted") / "bars.parquet"
    field.table().to_parquet(file)
    return audit(file, "XNYS"), field.truth()


def test_a_clean_market_holds_nothing(bare, tmp_path):
    file = tmp_path / "bars.parquet"
    bare.to_parquet(file)
    done = audit(file, "XNYS")
    found = [(line.symbol, one) for line in done.lines for one in line.findings if one.kind not in ("late", "dead")]
    assert found == []
    assert {grade(line).letter for line in done.lines if line.bars >= 250} == {"A"}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_found_and_nothing_is_invented(planted, bare, kind):
    done, truth = planted
    score = next(one for one in scores(done, truth, bare["date"].to_numpy()) if one.kind == kind)
    assert score.planted == 8 and score.found >= 7 and score.said - score.true <= 1


def test_an_audit_that_finds_nothing_would_score_nothing(planted, bare):
    """The measure itself, with a wrong specimen: findings moved by ten sessions are no hits."""
    _, truth = planted
    moved = [type(one)(one.kind, one.symbol, one.session + 10, one.rows) for one in truth]
    told = scores(planted[0], moved, bare["date"].to_numpy())
    assert sum(one.found for one in told) < 0.1 * len(truth)


def test_counts_of_the_document_are_its_findings(planted):
    done, _ = planted
    told = document(done, {line.symbol: grade(line) for line in done.lines})
    for one in told["instruments"]:
        assert (
            one["counts"] == {kind: sum(f["rows"] for f in found) for kind, found in one["findings"].items() if found}
            or not one["counts"]
        )
    assert told["totals"]["split"] == sum(one["counts"].get("split", 0) for one in told["instruments"])
    json.dumps(told, allow_nan=False)


def test_the_best_come_first_each_with_its_reason(planted):
    done, _ = planted
    grades = {line.symbol: grade(line) for line in done.lines}
    told = advice(done, recommendations(done, grades))["instruments"]
    scores_of = [one["score"] for one in told]
    assert scores_of == sorted(scores_of, reverse=True) and [one["rank"] for one in told] == list(
        range(1, len(told) + 1)
    )
    assert all(one["reason"].startswith(f"grade {grades[one['symbol']].letter} (") for one in told)
    assert "F" not in {grades[one["symbol"]].letter for one in told}


def test_too_short_a_life_is_not_learnt_from(tmp_path):
    file = tmp_path / "bars.csv"
    file.write_text("date,symbol,close\n2024-01-02,A,1\n2024-01-03,A,1.1\n")
    (line,) = audit(file).lines
    assert (grade(line).letter, grade(line).reason) == ("D", "only 2 bars")
    assert recommendations(audit(file), {"A": grade(line)}) == ()


def test_twenty_names_of_which_none_dies_are_survivors(tmp_path):
    days = pd.bdate_range("2023-01-02", periods=60)
    table = pd.concat(
        pd.DataFrame({"date": days, "symbol": f"S{k:02d}", "close": 10.0 + np.sin(np.arange(60) + k)})
        for k in range(20)
    )
    file = tmp_path / "bars.parquet"
    table.to_parquet(file)
    assert any(note.startswith("survivorship") for note in audit(file).notes)
    table[(table["symbol"] != "S07") | (table["date"] < days[30])].to_parquet(file)
    assert not any(note.startswith("survivorship") for note in audit(file).notes)


class Tags(HTMLParser):
    """Every tag of a page, and every address in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src") and value]


def test_the_page_runs_nothing_fetches_nothing_and_escapes_everything(tmp_path):
    days = pd.bdate_range("2023-01-02", periods=30)
    file = tmp_path / "bars.parquet"
    pd.DataFrame({"date": days, "symbol": HOSTILE, "close": np.where(np.arange(30) == 9, 0.0, 10.0)}).to_parquet(file)
    done = audit(file)
    grades = {line.symbol: grade(line) for line in done.lines}
    page = render(done, grades, recommendations(done, grades))
    seen = Tags()
    seen.feed(page)
    assert HOSTILE not in page and "&lt;script&gt;alert(1)" in page
    assert not seen.tags & {"script", "iframe", "img", "link", "object"}
    assert all(address.startswith("#") for address in seen.addresses)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert all(kind.label in page for kind in KINDS.values())


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    code = "from engine.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, "data", "audit", *words], cwd=cwd, env=env, capture_output=True, text=True
    )


def test_the_command_prints_a_table_and_leaves_three_files(tmp_path):
    (tmp_path / "bars.csv").write_text(
        "date,symbol,open,high,low,close\n2024-01-02,[red]A,1,1,1,1\n2024-01-03,[red]A,1,1,1,0\n2024-01-03,[red]A,1,1,1,0\n"
    )
    done = run("bars.csv", "--out", "told", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "[red]A" in done.stdout and "3 rows, 1 instruments" in done.stdout
    assert sorted(path.name for path in (tmp_path / "told").iterdir()) == [
        "audit.html", "audit.json", "training_recommendations.json",
    ]  # fmt: skip
    told = json.loads((tmp_path / "told" / "audit.json").read_text())
    assert told["instruments"][0]["counts"] == {"duplicate": 1, "zero_cell": 1}
    again = run("bars.csv", "--out", "told", "--json", cwd=tmp_path)
    assert json.loads(again.stdout) == told


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing.csv"], 4, "no such file"),
        (["bars.csv", "--prices", "cheap"], 2, "--prices"),
        (["bars.csv", "--calendar", "XNIS"], 4, "XNYS"),
        (["bars.csv", "--out", "bars.csv"], 1, "--out bars.csv: expected a folder, and bars.csv is none"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, words, code, said):
    (tmp_path / "bars.csv").write_text("date,close\n2024-01-02,1\n")
    done = run(*words, cwd=tmp_path)
    assert done.returncode == code and said in done.stderr and len(done.stderr.strip().splitlines()) == 1
