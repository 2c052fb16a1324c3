"""`barcast crosscheck` as a person meets it: a table, one line per difference, and an exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli.beside import crosscheck_document, crosscheck_summary
from engine.crosscheck import Comparison

ROOT = Path(__file__).resolve().parents[2]
SP500 = "configs/crosscheck/sp500-threshold.yaml"
START = ("barcast", "crosscheck")


def barcast(*words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{before}\nfrom engine.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def shown_in_the_docs(command: str) -> str:
    """What docs/crosscheck.md says that a command prints."""
    blocks = re.findall(
        r"^```\n\$ (.*?)\n(.*?)^```$", (ROOT / "docs/crosscheck.md").read_text(), re.DOTALL | re.MULTILINE
    )
    return dict(blocks)[command]


@pytest.mark.parametrize("name", ["sp500-threshold", "us20-quintile"])
def test_the_files_for_it_agree_and_the_docs_show_what_is_printed(name):
    file = f"configs/crosscheck/{name}.yaml"
    done = barcast("crosscheck", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every fill has its equal." in done.stdout
    assert steady(done.stdout) == steady(shown_in_the_docs(f"barcast crosscheck {file}"))


def steady(text: str) -> str:
    """The text without the last bits of differences: sums of another processor may round otherwise."""
    return re.sub(r"\d(\.\d)?e-\d\d", "tiny", text)


def test_a_file_off_the_common_ground_is_told_why():
    done = barcast("crosscheck", "configs/demo/sp500-threshold.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == shown_in_the_docs("barcast crosscheck configs/demo/sp500-threshold.yaml")


def test_json_is_one_document_and_nothing_else():
    done = barcast("crosscheck", SP500, "--json", "--start", "2015-01-01")
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr, told["same"], told["differences"]) == (0, "", True, [])
    assert told["ours"] == told["theirs"] == told["matched"] > 0


def test_a_difference_is_exit_code_1_and_a_line():
    spoil = "import engine.crosscheck.rules as r; own = r.whole; r.whole = lambda q: own(q) - (own(q) > 0)"
    done = barcast("crosscheck", SP500, "--start", "2017-01-01", before=spoil)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"^biggest difference in quantity +1$", done.stdout, re.MULTILINE)
    assert "SPX (slice " in done.stdout
    assert "the first difference is the one to look at" in done.stdout


def test_without_backtrader_it_says_what_to_install():
    done = barcast("crosscheck", SP500, before="import sys; sys.modules['backtrader'] = None")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "backtrader is not installed; it is an extra: scripts/setup backtrader\n"


def result(**changes) -> Comparison:
    """A comparison of two fills."""
    told = {
        "name": "x",
        "first": "2020-01-06",
        "last": "2020-01-08",
        "slices": 3,
        "instruments": 1,
        "ours": 2,
        "theirs": 2,
    }
    told |= {
        "matched": 2,
        "mismatched": 0,
        "price": 0.0,
        "quantity": 0.0,
        "fee": 0.0,
        "equity": 0.0,
        "equity_agrees": True,
    }
    return Comparison(**(told | {"differences": ()} | changes))


def test_only_the_first_differences_are_shown_to_people_and_all_to_programs():
    many = result(matched=0, mismatched=30, differences=tuple(f"line {k}" for k in range(30)))
    shown = crosscheck_summary(many)
    assert "line 19\n... and 10 more (--json has them all)\n" in shown
    assert "line 20" not in shown
    assert len(json.loads(crosscheck_document(many))["differences"]) == 30


def test_nothing_traded_is_not_called_a_match():
    assert crosscheck_summary(result(ours=0, theirs=0, matched=0)).endswith("so nothing was compared.\n")


def test_equal_fills_with_another_equity_are_told_as_that():
    assert crosscheck_summary(result(equity=1.0, equity_agrees=False)).endswith("but the equity is not.\n")
