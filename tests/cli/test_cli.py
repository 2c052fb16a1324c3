"""The command line as a person meets it: exit codes, messages on stderr, results on stdout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = str(ROOT / "configs/demo/sp500-threshold.yaml")


def barcast(*words: str, cwd: Path = ROOT, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from engine.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("runs")
    done = barcast("run", DEMO, "--out", str(out), "--report", "--start", "2005-01-01", "--capital", "50000")
    assert done.returncode == 0, done.stderr
    return next(path for path in out.iterdir() if path.is_dir()), done


def test_a_run_prints_how_far_to_believe_it_before_how_it_did(finished):
    folder, done = finished
    assert done.stderr == ""
    assert done.stdout.index("How far to believe it") < done.stdout.index("Total return")
    assert "not checked (barcast audit)" in done.stdout
    assert str(folder) in done.stdout.replace("\n", "")


def test_shorthands_are_overrides_and_stand_in_the_manifest(finished):
    folder, _ = finished
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["overrides"] == ["data.start=2005-01-01", "capital=50000"]
    assert manifest["data"]["first"] == "2005-01-03"
    assert manifest["capital"] == 50000


def test_a_run_directory_holds_everything_a_reader_needs(finished):
    folder, _ = finished
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "manifest.json", "metrics.json", "report.html"} <= names
    assert {"equity.parquet", "fills.parquet", "trades.parquet", "decisions.parquet"} <= names


def test_reports_of_stored_runs_read_their_bars_again_and_may_share_a_script(finished):
    folder, _ = finished
    before = (folder / "report.html").read_text()
    assert barcast("report", str(folder)).stdout == f"{folder}/report.html\n"
    assert (folder / "report.html").read_text() == before
    assert barcast("report", str(folder), "--shared-js").returncode == 0
    assert len((folder / "report.html").read_text()) < len(before) - 4_000_000
    assert len(list(folder.parent.glob("plotly-*.min.js"))) == 1


def test_explain_says_why_in_one_sentence_with_numbers(finished):
    folder, _ = finished
    said = barcast("explain", str(folder), "--at", "2008-10-10", "--symbol", "SPX")
    assert said.returncode == 0
    assert "below confidence" in said.stdout
    assert "trend -0.15" in said.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "nowhere.yaml"), 2, "nowhere.yaml: no such file"),
        (("run", DEMO, "--set", "exits.stop_loss=2"), 2, "write 2% or 0.02"),
        (("run", DEMO, "--set", "exits.stop_los=2%"), 2, "did you mean `stop_loss`?"),
        (("run", DEMO, "--symbols", "SPY"), 4, "SPY"),
        (("run", DEMO, "--start", "2030-01-01"), 4, "2030-01-01"),
        (("run", DEMO, "--plugin", "nowhere.py"), 5, "no such file"),
        (
            ("data", "info", "us20", "--prices", "as_traded"),
            4,
            "packaged us20: its prices are total_return; data.prices says as_traded. Leave it out",
        ),
        (("data", "info", "us20", "--calendar", "XNYZ"), 4, "calendar: expected an exchange's code"),
        (("data", "info", "us20", "--missing-open", "refuse"), 4, "us20: there is no column open"),
        (("data", "info", "nowhere.parquet"), 4, "no such file"),
        (("explain", "nowhere", "--at", "2008-10-10", "--symbol", "SPX"), 4, "nowhere"),
    ],
)
def test_a_mistake_is_one_message_and_its_exit_code(tmp_path, words, code, said):
    done = barcast(*words, *(("--out", str(tmp_path)) if words[0] == "run" else ()))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_an_empty_place_for_runs_is_no_place():
    before = sorted(ROOT.iterdir())
    done = barcast("run", DEMO, "--out", "")
    assert (done.returncode, done.stderr) == (2, "--out: expected a folder, got nothing; leave it out for runs\n")
    assert sorted(ROOT.iterdir()) == before


def test_an_interrupted_run_says_so_from_the_first_moment(tmp_path):
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from engine.cli import main\n"
        "print('ready', flush=True)\n"
        "main()"
    )
    command = [sys.executable, "-c", code, "run", DEMO, "--out", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as running:
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        said = running.communicate()[1]
    assert (running.returncode, said) == (130, "interrupted; nothing half-done was kept\n")
    assert not list(tmp_path.iterdir())


def test_json_is_one_document_and_nothing_else(tmp_path):
    done = barcast("run", DEMO, "--json", "--out", str(tmp_path), "--start", "2010-01-01")
    told = json.loads(done.stdout)
    assert told["schema_version"] == 1
    assert told["metrics"]["sharpe"] == pytest.approx(told["metrics"]["sharpe"])
    assert done.stderr == ""


def test_the_schema_is_printed_for_editors():
    assert barcast("schema").stdout == (ROOT / "configs/schema.json").read_text()


def test_data_info_names_what_is_odd():
    done = barcast("data", "info", "us20")
    assert done.returncode == 0
    assert "open is missing in 166260 of 166260 bars" in done.stdout
    assert "AAPL" in done.stdout


def test_data_info_counts_members_by_year(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text("symbol,start,end\nAAPL,,\nAMD,2020-06-01,\nENRNQ,,2001-11-29\n")
    done = barcast("data", "info", "us20", "--members", str(file), "--json")
    assert done.returncode == 0, done.stderr
    years = {year.pop("year"): year for year in json.loads(done.stdout)["members_per_year"]}
    assert years[2000] == {"members": 2, "with_bars": 1}
    assert years[2019] == {"members": 1, "with_bars": 1}
    assert years[2020] == {"members": 2, "with_bars": 2}
    shown = barcast("data", "info", "us20", "--members", str(file)).stdout
    assert "Members on the last session of the year" in shown
    assert "members without data: 1 of 3 names (ENRNQ)" in shown
    wrong = barcast("data", "info", "us20", "--members", str(file), "--members-end", "last")
    assert (wrong.returncode, wrong.stderr) == (2, "--members-end: expected inclusive or exclusive, got 'last'\n")


@pytest.mark.parametrize("words", [("schema",), ("data", "info", "us20"), ("--help",)])
def test_output_that_cannot_be_written_is_one_line(words):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", "from engine.cli import main; main()", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    said = "the output could not be written: No space left on device. Send it elsewhere, or make room\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_no_words_at_all_is_help_and_no_mistake():
    done = barcast()
    assert done.returncode == 0
    assert "explain" in done.stdout


def test_the_version_is_told():
    assert barcast("--version").stdout.startswith("barcast 0.")
