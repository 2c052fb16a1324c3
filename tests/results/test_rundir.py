"""The run directory: the same run is the same bytes, a reader finds one whole run, and a full disk harms nothing."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import codes as c
from engine import rundir, storage
from engine.errors import DataError, OutputError
from engine.manifest import code_hash, git_commit, make_manifest, plain, run_hash
from engine.result import Result
from engine.storage import FILES
from tests.results.book import NAN, fill, market, play

CONFIG = {"name": "small run", "benchmark": "equal_weight", "seed": 7, "strategy": {"rule": "threshold", "signal": "f"}}


def make(quantity=10, config=CONFIG, **options) -> Result:
    panel = market([[10, 5], [11, NAN], [12, 6]], splits=[[1, 1], [1, 1], [1, 2]], dividends=[[0, 0], [0.1, 0], [0, 0]])
    orders = [fill(0, quantity, 10.1, 10, 1), fill(0, 3, 5, i=1), fill(2, -quantity, 12, reason=c.REASON_STOP)]
    codes = [[c.ENTER, c.NO_FORECAST], [c.FILLED | c.IN_POSITION, c.NO_BAR_NOW], [c.FILLED | c.STOPPED, c.RANK_CUT]]
    record = play(panel, orders, codes=codes, **options)
    record.forecasts["f"] = np.array([[0.5, NAN], [0.25, NAN], [0.1, -1.0]])
    return Result(record, config, make_manifest(config, record, {}, []))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# --- what is kept ---------------------------------------------------------------------------------------------------
def test_a_loaded_run_tells_what_the_fresh_one_told(tmp_path):
    fresh = make()
    stored = Result.load(fresh.save(tmp_path / "run"))
    assert stored.panel is None
    for name in ("fills", "trades", "positions", "by_exit_reason", "monthly", "drawdowns", "exposure"):
        assert getattr(stored, name).equals(getattr(fresh, name)), name
    for name in ("equity", "cash", "returns", "drawdown", "benchmark"):
        assert getattr(stored, name).equals(getattr(fresh, name)), name
    assert stored.decisions.tolist() == fresh.decisions.tolist()
    assert stored.decisions.dtype == np.uint32
    np.testing.assert_array_equal(stored.forecasts["f"], fresh.forecasts["f"])
    for name in ("metrics", "reasons", "benchmark_metrics", "warnings", "symbols", "config"):
        assert getattr(stored, name) == getattr(fresh, name), name
    assert stored.summary() == fresh.summary()
    assert stored.code_counts() == fresh.code_counts()
    assert stored.explain("2024-01-03", "A") == fresh.explain("2024-01-03", "A")


def test_the_directory_holds_exactly_its_files(tmp_path):
    folder = make().save(tmp_path / "run")
    assert sorted(contents(folder)) == sorted(FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_without_fills_or_forecasts_is_kept_too(tmp_path):
    record = play(market([10, 11]), [])
    fresh = Result(record, {"name": "idle"}, make_manifest({"name": "idle"}, record, {}, []))
    stored = Result.load(fresh.save(tmp_path / "run"))
    assert (len(stored.fills), len(stored.trades), stored.forecasts) == (0, 0, {})
    assert stored.benchmark is None


def test_the_same_run_twice_is_the_same_bytes(tmp_path):
    assert contents(make().save(tmp_path / "one")) == contents(make().save(tmp_path / "two"))


def test_a_loaded_run_saves_to_the_same_bytes(tmp_path):
    first = make().save(tmp_path / "one")
    assert contents(Result.load(first).save(tmp_path / "two")) == contents(first)


def test_date_and_duration_are_in_the_manifest_only_and_only_if_given(tmp_path):
    plainly = contents(make().save(tmp_path / "one"))
    dated = contents(make().save(tmp_path / "two", run={"date": "2026-01-01", "seconds": 1.5}))
    assert json.loads(dated["manifest.json"])["run"] == {"date": "2026-01-01", "seconds": 1.5}
    assert "run" not in json.loads(plainly["manifest.json"])
    assert Result.load(tmp_path / "two").seconds == 1.5
    del plainly["manifest.json"], dated["manifest.json"]
    assert plainly == dated


def test_json_has_null_where_a_number_is_undefined_and_never_nan(tmp_path):
    folder = make().save(tmp_path / "run")

    def refuse(token):
        raise AssertionError(token)

    for name in ("config.json", "manifest.json", "metrics.json"):
        json.loads((folder / name).read_text(), parse_constant=refuse)
    assert json.loads((folder / "metrics.json").read_text())["metrics"]["cagr"] is None
    assert json.loads((folder / "manifest.json").read_text())["smallest_decision_margin"] is None


def test_tables_can_be_read_without_us(tmp_path):
    import pandas as pd

    folder = make().save(tmp_path / "run")
    fills = pd.read_parquet(folder / "fills.parquet")
    assert fills.symbol.tolist() == ["A", "B", "A"]
    assert fills.reason.tolist() == ["signal", "signal", "stop loss"]
    trades = pd.read_parquet(folder / "trades.parquet")
    assert trades.exit_reason.tolist() == ["stop loss", "open"]
    assert trades.exit_time.isna().tolist() == [False, True]
    codes = pd.read_parquet(folder / "decisions.parquet").codes
    assert codes[1].tolist() == [c.FILLED | c.IN_POSITION, c.NO_BAR_NOW]


# --- the manifest ---------------------------------------------------------------------------------------------------
def test_the_folder_is_named_after_the_run_and_its_hash():
    got = make()
    assert rundir.run_directory("runs", got.facts) == Path("runs") / f"small-run-{got.manifest['run_hash'][:8]}"
    assert rundir.run_directory("runs", make(config={**CONFIG, "name": "../../etc"}).facts).parent == Path("runs")


def test_the_hash_changes_with_configuration_data_code_and_what_else_went_in():
    base = run_hash({"a": 1, "b": 2}, "data", "code", {"plugins": {}})
    assert run_hash({"b": 2, "a": 1}, "data", "code", {"plugins": {}}) == base
    others = [
        run_hash({"a": 1, "b": 3}, "data", "code", {"plugins": {}}),
        run_hash({"a": 1, "b": 2}, "other", "code", {"plugins": {}}),
        run_hash({"a": 1, "b": 2}, "data", "other", {"plugins": {}}),
        run_hash({"a": 1, "b": 2}, "data", "code", {"plugins": {"p.py": "1"}}),
    ]
    assert len({base, *others}) == 5


def test_the_manifest_says_where_the_run_came_from_and_what_was_not_checked():
    got = make().manifest
    for key in ("python", "numpy", "numba", "llvmlite", "pandas", "pyarrow"):
        assert got["versions"][key]
    assert got["processor"]
    assert got["code_hash"] == code_hash()
    assert len(got["run_hash"]) == len(got["data"]["fingerprint"]) == 64
    assert (got["seed"], got["data"]["slices"], got["data"]["symbols"]) == (7, 3, 2)
    assert all("not checked" in line for line in got["not_checked"])


def test_forecasts_given_from_outside_change_the_hash():
    one, two = make(), make()
    record = play(market([10, 11]), [])
    hashes = []
    for value in (0.1, 0.2):
        record.forecasts["f"] = np.full((2, 1), value)
        hashes.append(make_manifest(CONFIG, record, {}, [])["run_hash"])
    assert hashes[0] != hashes[1]
    assert one.manifest == two.manifest


def test_the_commit_is_read_from_the_checkout(tmp_path):
    assert git_commit(tmp_path) is None
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "packed-refs").write_text("# pack-refs\nabc123 refs/heads/main\n")
    assert git_commit(tmp_path) == "abc123"
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("def456\n")
    assert git_commit(tmp_path) == "def456"
    (tmp_path / ".git" / "HEAD").write_text("fedcba\n")
    assert git_commit(tmp_path) == "fedcba"


def test_what_json_cannot_hold_is_made_plain():
    given = {1: NAN, "b": np.float64(2), "c": (np.int64(3), float("inf")), "d": Path("x"), "e": {"z", "y"}, "f": True}
    assert plain(given) == {"1": None, "b": 2.0, "c": [3, None], "d": "x", "e": ["y", "z"], "f": True}


# --- replacing ------------------------------------------------------------------------------------------------------
def test_a_run_replaces_the_one_before_and_moves_along_what_was_added_by_hand(tmp_path):
    folder = make().save(tmp_path / "run")
    (folder / "notes.txt").write_text("mine")
    (folder / "report.html").write_text("of the old run")
    make(quantity=4).save(folder)
    assert Result.load(folder).fills.quantity[0] == 4.0
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "report.html").exists()


def test_the_same_run_again_keeps_its_report(tmp_path):
    folder = make().save(tmp_path / "run")
    (folder / "report.html").write_text("of this run")
    make().save(folder)
    assert (folder / "report.html").read_text() == "of this run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_with_something_else_in_it_is_never_replaced(tmp_path):
    place = tmp_path / "thesis"
    place.mkdir()
    (place / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds something other than a run"):
        make().save(place)
    assert contents(place) == {"chapter.txt": b"years of work"}
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(OutputError, match="holds something other than a run"):
        make().save(file)


def test_a_crash_between_the_renames_is_mended_by_the_next_load(tmp_path):
    folder = make().save(tmp_path / "run")
    folder.rename(tmp_path / ".run.old")
    assert Result.load(folder).fills.quantity[0] == 10.0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_crash_before_the_old_run_is_removed_is_mended_by_the_next_save(tmp_path):
    folder = make().save(tmp_path / "run")
    make().save(tmp_path / ".run.old")
    (tmp_path / ".run.old" / "notes.txt").write_text("mine")
    (tmp_path / ".run.new-dead").mkdir()
    make(quantity=4).save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_workshop_of_a_living_writer_is_left_alone(tmp_path):
    with rundir._workshop(tmp_path / "run") as other:
        make().save(tmp_path / "run")
        assert other.exists()
    assert not other.exists()


def _save_many(folder: str, quantity: int) -> None:
    result = make(quantity=quantity)
    for _ in range(15):
        result.save(folder)


def test_readers_find_one_whole_run_while_writers_replace_it(tmp_path):
    folder = make(quantity=10).save(tmp_path / "run")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_save_many, args=(str(folder), quantity)) for quantity in (10, 4)]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        got = Result.load(folder)
        quantity = float(got.fills.quantity[0])
        assert got.trades.quantity[0] == quantity
        assert got.metrics["final_equity"] == got.equity.iloc[-1]
        seen.add(quantity)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert seen <= {10.0, 4.0}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


FULL_DISK = """
import resource, sys
from engine.errors import OutputError
from tests.results.test_rundir import make
result = make(quantity=4)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    result.save(sys.argv[1])
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 700, 3000])
def test_a_full_disk_leaves_the_old_run_and_nothing_half_written(tmp_path, limit):
    folder = make().save(tmp_path / "run")
    before = contents(folder)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-W", "error", "-c", FULL_DISK, str(folder), str(limit)]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert f"{folder}: the run could not be written: File too large" in done.stdout
    assert "MB free" in done.stdout
    assert "choose another folder with --out" in done.stdout
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="could not be written"):
        make().save(tmp_path / "file" / "run")


# --- reading what is broken -----------------------------------------------------------------------------------------
def test_a_folder_without_a_run_is_said_to_have_none(tmp_path):
    with pytest.raises(
        DataError, match=r"no run here: nowhere is missing\. Give a folder that barcast run has written"
    ):
        Result.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no run here: manifest\.json is missing"):
        Result.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["passport.json", "walkforward.json", "seed-3/walkforward.json", "fold-000/passport.json"]
)
def test_a_models_folder_is_told_from_a_run_and_the_way_to_compare_models_is_said(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(
        DataError, match=r"no run here: it is a model's folder\. barcast compare-models holds models against"
    ):
        Result.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")  # a run that is damaged is one all the same
    with pytest.raises(DataError, match="this run cannot be read"):
        Result.load(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_broken_file_is_one_line_that_names_it_or_says_what_is_wrong(tmp_path, name):
    folder = make().save(tmp_path / "run")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="this run cannot be read") as caught:
        Result.load(folder)
    assert "\n" not in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        Result.load(folder)


def reseal(folder: Path) -> None:
    """Make the manifest agree with the files, as a forger would."""
    told = json.loads((folder / "manifest.json").read_text())
    for name in told["files"]:
        content = (folder / name).read_bytes()
        told["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    told["manifest_sha256"] = storage._seal(told)
    (folder / "manifest.json").write_text(json.dumps(told))


def test_the_manifest_knows_every_other_file_by_length_and_digest(tmp_path):
    folder = make().save(tmp_path / "run")
    told = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(told) == sorted(name for name in FILES if name != "manifest.json")
    for name, known in told.items():
        content = (folder / name).read_bytes()
        assert known == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".parquet")])
def test_a_valid_file_with_other_figures_is_refused(tmp_path, name):
    import pyarrow.parquet as parquet

    folder, other = make().save(tmp_path / "run"), make(quantity=4).save(tmp_path / "other")
    table = parquet.read_table(folder / name)
    parquet.write_table(table.slice(0, max(0, len(table) - 1)), folder / name)
    with pytest.raises(DataError, match=rf"run: this run cannot be read \({name} is not as it was written: \d+ bytes"):
        Result.load(folder)
    whole = (other / name).read_bytes()
    (other / name).write_bytes(whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    with pytest.raises(DataError, match=f"{name} is not as it was written: its sha256 is another than the manifest's"):
        Result.load(other)


@pytest.mark.parametrize("key", ["capital", "ended", "warnings", "data"])
def test_an_edited_manifest_is_refused(tmp_path, key):
    folder = make().save(tmp_path / "run")
    told = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**told, key: "ruin"}))
    with pytest.raises(DataError, match=r"manifest\.json is not as it was written"):
        Result.load(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'{"format": 2}', b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_none_is_one_line(tmp_path, content):
    folder = make().save(tmp_path / "run")
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match="this run cannot be read") as caught:
        Result.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".parquet")])
def test_a_sealed_file_that_holds_something_else_is_one_line(tmp_path, name):
    folder = make().save(tmp_path / "run")
    donor = "equity.parquet" if name != "equity.parquet" else "fills.parquet"
    (folder / name).write_bytes((folder / donor).read_bytes())
    reseal(folder)
    with pytest.raises(DataError, match="this run cannot be read") as caught:
        Result.load(folder)
    assert "\n" not in str(caught.value)


def test_a_loaded_run_saved_again_is_the_same_bytes(tmp_path):
    folder = make().save(tmp_path / "run")
    before = contents(folder)
    assert contents(rundir.save(rundir.load(folder), tmp_path / "again")) == before


def test_a_run_of_another_format_is_refused(tmp_path):
    folder = make().save(tmp_path / "run")
    told = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**told, "format": 99}))
    with pytest.raises(DataError, match="format 99 where 2 is known"):
        Result.load(folder)


@pytest.mark.parametrize("value", ['"<script>"', '{"a": 1}', "true"])
def test_a_run_whose_figures_are_no_numbers_is_refused(tmp_path, value):
    folder = make().save(tmp_path / "run")
    told = json.loads((folder / "metrics.json").read_text())
    told["metrics"]["sharpe"] = json.loads(value)
    (folder / "metrics.json").write_text(json.dumps(told))
    reseal(folder)
    with pytest.raises(DataError, match="this run cannot be read .*a figure that is no number"):
        Result.load(folder)
