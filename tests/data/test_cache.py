"""The cache of panels: never stale, never damaged, never in the way."""

from __future__ import annotations

import datetime
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import plugins
from engine.data import cache, contents, entry, sources
from engine.errors import DataError
from engine.panel import Panel
from engine.places import CACHE, OFF, ROOT

LONG_AGO = 1_600_000_000_000_000_000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """An empty cache that keeps panels of any size, and maps files of any size."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "FEWEST", 1)
    monkeypatch.setattr(entry, "MAPPED", 1)
    return tmp_path / "cache" / "panels"


@pytest.fixture
def builds(monkeypatch) -> list[Panel]:
    """Every panel built from a table from now on, and none that comes from the cache."""
    made, build = [], Panel.from_frame.__func__

    def counted(cls, *args, **words):
        made.append(build(cls, *args, **words))
        return made[-1]

    monkeypatch.setattr(Panel, "from_frame", classmethod(counted))
    return made


def table(scale: float = 1.0) -> pd.DataFrame:
    """Two instruments, one that splits, pays, has a sector, a death and a gap; bars that lead to warnings."""
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    frames = []
    for symbol, sector, close in (("AA", "tech", 10.0), ("BB", "energy", 20.0)):
        walk = close * scale * (1.0 + 0.01 * np.arange(len(days)))
        frames.append(pd.DataFrame({"date": days, "symbol": symbol, "sector": sector, "close": walk, "open": walk}))
    out = pd.concat(frames, ignore_index=True).assign(volume=5.0, split=1.0, dividend=0.0, note="x")
    out["high"], out["low"] = out["close"] * 1.1, out["close"] * 0.9
    out.loc[20:59, ["open", "high", "low", "close"]] /= 2.0
    out.loc[20, "split"] = 2.0
    out.loc[30, "dividend"] = 0.1
    out["delisted_at"] = pd.Series(pd.Timestamp("2024-02-28"), out.index).where(out["symbol"] == "BB")
    return out.drop(index=[70, 71]).reset_index(drop=True)


def write(path: Path, frame: pd.DataFrame | None = None, when: int = LONG_AGO) -> Path:
    """A file that nobody has touched for long, so that its times can be believed."""
    frame = table() if frame is None else frame
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    os.utime(path, ns=(when, when))
    return path


def described(path: Path, **said) -> SimpleNamespace:
    keys = ("name", "calendar", "missing_open", "symbols", "start", "end")
    units = {"source": path.suffix[1:] or "parquet", "prices": "as_traded", "dividends": "as_traded"}
    return SimpleNamespace(**dict.fromkeys(keys) | units | said, path=str(path), model_fields_set=set())


def load(path: Path, lot: float = 1.0, tick: float | None = None, **said) -> Panel:
    return sources.load(described(path, **said), lot, tick)


def entries(home: Path) -> list[Path]:
    return sorted(path for path in home.glob("*") if path.name != "files") if home.is_dir() else []


def assert_equal(one: Panel, other: Panel) -> None:
    """Array by array, type by type, word by word."""
    first, second = entry._arrays(one), entry._arrays(other)
    assert list(first) == list(second)
    for name, array in first.items():
        assert array.dtype == second[name].dtype, name
        assert array.tobytes() == second[name].tobytes(), name
        assert array.shape == second[name].shape, name
    words = (*entry.WORDS, "warnings", "bars_per_year", "fingerprint")
    assert [getattr(one, word) for word in words] == [getattr(other, word) for word in words]
    assert one.universe.symbols == other.universe.symbols
    assert one.universe.sector_names == other.universe.sector_names
    assert (one.member is None) == (other.member is None)


# --- equal ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_second_load_is_the_first_one_mapped(tmp_path, builds, suffix):
    file = write(tmp_path / f"bars.{suffix}")
    first, second = load(file, calendar="24/7"), load(file, calendar="24/7")
    assert len(builds) == 1
    assert "fingerprint" in vars(second)
    assert_equal(first, second)
    assert first.warnings == ("columns not used: note",)
    assert (
        second.universe.sector_names == ("energy", "tech")
        and len(second.actions) == 2
        and second.universe.delisted_at[1] > 0
    )
    again = Panel(**{name: value for name, value in vars(second).items() if name != "fingerprint"})
    assert again.fingerprint == second.fingerprint


@pytest.mark.parametrize("mapped", [1, 1 << 20], ids=["mapped", "read"])
def test_what_comes_from_the_cache_cannot_be_written(tmp_path, monkeypatch, mapped):
    monkeypatch.setattr(entry, "MAPPED", mapped)
    file = write(tmp_path / "bars.parquet")
    load(file)
    panel = load(file)
    for name, array in entry._arrays(panel).items():
        assert type(array) is np.ndarray and not array.flags.writeable, name
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_what_is_large_is_mapped(tmp_path):
    file = write(tmp_path / "bars.parquet")
    load(file)
    close = load(file).close
    assert isinstance(close.base, np.memmap) and close.base.mode == "r"
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        close.flags.writeable = True


def test_a_folder_of_files_is_kept_and_a_new_file_in_it_is_seen(tmp_path, builds):
    folder = tmp_path / "bars"
    folder.mkdir()
    for symbol, part in table().groupby("symbol"):
        write(folder / f"{symbol}.parquet", part)
    assert_equal(load(folder), load(folder))
    assert len(builds) == 1
    write(folder / "CC.parquet", table()[:60].assign(symbol="CC"))
    assert load(folder).universe.symbols == ("AA", "BB", "CC")


def test_a_single_slice_has_no_count_of_bars_in_a_year_here_either(tmp_path, builds):
    file = write(tmp_path / "bars.csv", table()[:1].drop(columns=["split", "dividend"]))
    first, second = load(file), load(file)
    assert len(builds) == 1 and np.isnan(first.bars_per_year) and np.isnan(second.bars_per_year)


def test_members_and_a_panel_without_actions_come_back_as_they_were(tmp_path):
    bars = [np.array([[10.0, np.nan], [11.0, 5.0]])] * 4
    member = np.array([[True, False], [True, True]])
    days = np.array(["2024-01-02", "2024-01-03"], "datetime64[D]")
    panel = Panel.from_arrays(("A", "B"), days, *bars, bars[0], prices="total_return", member=member)
    entry.write(panel, tmp_path)
    again = entry.read(tmp_path)
    assert_equal(panel, again)
    assert len(again.actions) == 0
    np.testing.assert_array_equal(again.member, member)


def test_an_error_is_the_same_every_time_and_nothing_is_kept(tmp_path, home):
    file = write(tmp_path / "bars.parquet", table().assign(close=-1.0))
    said = []
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            load(file)
        said.append(str(caught.value))
    assert said[0] == said[1] and "close is -1" in said[0]
    assert entries(home) == []


def test_nothing_is_pickled(tmp_path, home):
    load(write(tmp_path / "bars.parquet"))
    (kept,) = entries(home)
    for file in kept.iterdir():
        if file.suffix == ".npy":
            assert not np.load(file, allow_pickle=False).dtype.hasobject
        else:
            json.loads(file.read_text())


# --- never stale ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("age", [0, 1_000_000_000, 10_000_000_000], ids="{}".format)
def test_an_edited_file_is_seen_at_once(tmp_path, age):
    file = write(tmp_path / "bars.csv")
    assert load(file).close[0, 0] == 10.0
    for scale in (2.0, 3.0, 4.0):
        write(file, table(scale))
        now = file.stat().st_ctime_ns - age
        os.utime(file, ns=(now, now))
        assert load(file).close[0, 0] == 10.0 * scale


def test_an_edit_that_leaves_size_and_times_as_they_were_is_seen(tmp_path):
    file = write(tmp_path / "bars.csv", table())
    load(file)
    text = file.read_text()
    assert text.count(",10.0,10.0,") == 1
    file.write_text(text.replace(",10.0,10.0,", ",10.5,10.5,"))
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert load(file).close[0, 0] == 10.5


def test_of_a_file_just_written_nothing_is_remembered(tmp_path, home):
    file = write(tmp_path / "bars.csv")
    known = contents.Contents(home / "files")
    digest = known.digest(known.look(file))
    assert [*known._remembered(file)] == [""]
    now = home.stat().st_ctime_ns
    os.utime(file, ns=(now, now))
    look = known.look(file)
    assert not look.all_calm
    assert known.digest(look) == digest and known._remembered(file) == {}


def test_a_touched_but_equal_file_hits(tmp_path, builds):
    file = write(tmp_path / "bars.parquet")
    load(file)
    os.utime(file)
    load(file)
    shutil.copy(file, tmp_path / "copy.parquet")
    os.replace(tmp_path / "copy.parquet", file)
    load(file)
    assert len(builds) == 1


def test_a_known_file_is_not_hashed_again(tmp_path, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    monkeypatch.setattr(contents, "_sha256", None)
    load(file)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path, home, monkeypatch, known, fresh):
    file = write(tmp_path / "bars.csv", table(3.0))
    if known:
        load(file)
    write(file)
    if fresh:
        os.utime(file)
    before = entries(home)
    build = Panel.from_frame.__func__

    def slow(cls, frame, **words):
        write(file, table(2.0))
        return build(cls, frame, **words)

    with monkeypatch.context() as patch:
        patch.setattr(Panel, "from_frame", classmethod(slow))
        assert load(file).close[0, 0] == 10.0
    assert entries(home) == before
    assert [load(file).close[0, 0] for _ in range(2)] == [20.0, 20.0]


def test_a_file_just_written_is_kept_at_once(tmp_path, home, builds):
    file = write(tmp_path / "bars.csv")
    os.utime(file)
    assert_equal(load(file), load(file))
    assert len(builds) == 1


OTHERS = {
    "symbols": {"symbols": ("AA",)},
    "start": {"start": "2024-01-15"},
    "end": {"end": datetime.date(2024, 2, 1)},
    "prices": {"prices": "total_return", "dividends": "none"},
    "dividends": {"dividends": "none"},
    "calendar": {"calendar": "24/7"},
    "missing_open": {"missing_open": "close_fills"},
    "lot": {"lot": 10.0},
    "tick": {"tick": 0.01},
}


@pytest.mark.parametrize("said", OTHERS.values(), ids=OTHERS)
def test_other_arguments_miss_and_are_kept_apart(tmp_path, home, builds, said):
    file = write(tmp_path / "bars.csv", table().drop(columns=["split", "dividend"]))
    usual = load(file)
    other = load(file, **said)
    assert len(builds) == 2 and len(entries(home)) == 2
    assert_equal(usual, load(file))
    assert_equal(other, load(file, **said))
    assert len(builds) == 2


def test_the_names_of_file_and_source_count(tmp_path, builds):
    write(tmp_path / "one.csv")
    shutil.copy2(tmp_path / "one.csv", tmp_path / "two.csv")
    for _ in range(2):
        assert [load(tmp_path / name).name for name in ("one.csv", "two.csv")] == ["one.csv", "two.csv"]
    assert len(builds) == 2


def test_arguments_that_mean_the_same_hit(tmp_path, builds):
    file = write(tmp_path / "bars.csv")
    load(file, symbols=(name for name in ["AA"]), start=np.datetime64("2024-01-15"))
    load(file, symbols="AA", start=datetime.date(2024, 1, 15))
    load(file, symbols=["AA"], start="2024-01-15")
    assert len(builds) == 1


def test_another_version_of_a_library_misses(tmp_path, builds, monkeypatch):
    file = write(tmp_path / "bars.csv")
    load(file)
    monkeypatch.setattr(cache, "version", lambda name: "0.0.0")
    load(file)
    assert len(builds) == 2


def test_a_source_of_somebody_else_is_never_kept(tmp_path, home, monkeypatch):
    file = write(tmp_path / "bars.csv")
    calls = []

    def theirs(path, symbols=None, start=None, end=None):
        calls.append(path)
        return table()

    monkeypatch.setitem(plugins._from_files["barcast.sources"], "theirs", theirs)
    for _ in range(2):
        load(file, source="theirs")
    assert len(calls) == 2 and not home.exists()


# --- code and processes -----------------------------------------------------------------------------------------------
CHILD = """
import sys
from types import SimpleNamespace
from engine.data import cache, sources
from engine.panel import Panel
cache.FEWEST = 1
made, build = [], Panel.from_frame.__func__
Panel.from_frame = classmethod(lambda cls, *a, **k: made.append(1) or build(cls, *a, **k))
keys = dict.fromkeys(("name", "calendar", "missing_open", "symbols", "start", "end"))
data = SimpleNamespace(**keys, source="parquet", path=sys.argv[1], prices="as_traded", dividends="as_traded", model_fields_set=())
for turn in range(int(sys.argv[2])):
    panel = sources.load(data)
    print(len(made), panel.fingerprint)
"""


def start(file: Path, times: int = 1, root: Path = ROOT, **variables: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, "-W", "error", "-c", CHILD, str(file), str(times)]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(child: subprocess.Popen) -> list[list[str]]:
    out, errors = child.communicate(timeout=120)
    assert child.returncode == 0 and errors == "", errors
    return [line.split() for line in out.splitlines()]


def test_changed_code_misses(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    root = tmp_path / "root"
    shutil.copytree(ROOT / "engine", root / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    assert [built for built, _ in lines(start(file, 2, root))] == ["1", "1"]
    assert [built for built, _ in lines(start(file, 2, root))] == ["0", "0"]
    for name in ("engine/data/vetting.py", "engine/panel.py", "engine/types.py"):
        with (root / name).open("a") as source:
            source.write("\n# another opinion\n")
        assert [built for built, _ in lines(start(file, 2, root))] == ["1", "1"]
    assert len(entries(home)) == 4


def test_code_edited_since_it_was_loaded_does_without_a_cache(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    monkeypatch.setattr(cache, "LOADED", "of an hour ago")
    load(file)
    assert len(builds) == 2 and len(entries(home)) == 1


def test_processes_at_once_agree_and_leave_one_entry(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    children = [start(file, 20) for _ in range(4)]
    told = [line for child in children for line in lines(child)]
    assert len({fingerprint for _, fingerprint in told}) == 1
    assert all(int(built) <= 1 for built, _ in told)
    assert [len(path.name) for path in entries(home)] == [64]


def test_processes_that_evict_each_others_entries_go_on(tmp_path, home):
    files = [write(tmp_path / f"{name}.parquet", table(1.0 + k)) for k, name in enumerate("abcd")]
    tight = CHILD.replace("cache.FEWEST = 1", "cache.FEWEST = 1; cache.LIMIT = 12_000")
    assert tight != CHILD
    children = []
    for file in files:
        command = [sys.executable, "-W", "error", "-c", tight, str(file), "20"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        children.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes))
    for child in children:
        assert len({fingerprint for _, fingerprint in lines(child)}) == 1
    assert all(len(path.name) == 64 for path in entries(home))
    assert len(entries(home)) <= 2


def test_what_a_killed_process_left_is_swept_and_a_living_ones_is_not(tmp_path, home):
    home.mkdir(parents=True)
    (home / ".new-dead").mkdir()
    (home / ".new-dead" / "close.npy").write_bytes(b"half")
    with cache._workshop(home) as alive:
        load(write(tmp_path / "bars.parquet"))
        assert alive.is_dir() and not (home / ".new-dead").exists()
    assert len(entries(home)) == 1


# --- no cache to be had -----------------------------------------------------------------------------------------------
def test_off_means_off(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    monkeypatch.setenv(CACHE, OFF)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert_equal(load(file), load(file))
    assert len(builds) == 2 and not home.exists() and not (tmp_path / "xdg").exists()


def test_without_the_variable_it_lies_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    load(write(tmp_path / "bars.parquet"))
    assert len(entries(tmp_path / "xdg" / "barcast" / "panels")) == 1


@pytest.mark.parametrize("base", ["a-file", "a-file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path, builds, monkeypatch, base):
    (tmp_path / "a-file").write_text("not a folder")
    monkeypatch.setenv(CACHE, str(tmp_path / base))
    file = write(tmp_path / "bars.parquet")
    assert_equal(load(file), load(file))
    assert len(builds) == 2
    assert (tmp_path / "a-file").read_text() == "not a folder"


@pytest.mark.parametrize("room", [0, 200, 600, 1500])
def test_a_full_disk_does_no_harm_and_nothing_half_written_remains(tmp_path, home, builds, room):
    file = write(tmp_path / "bars.parquet")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))
    try:
        first = load(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert entries(home) == [] and list((home / "files").glob(".*")) == []
    assert_equal(first, load(file))
    assert_equal(first, load(file))
    assert len(builds) == 2


def test_small_panels_are_not_kept_and_their_files_not_hashed(tmp_path, home, monkeypatch):
    monkeypatch.setattr(cache, "FEWEST", 100_000)
    monkeypatch.setattr(contents, "_sha256", None)
    load(write(tmp_path / "bars.parquet"))
    assert entries(home) == []


def test_many_panels_at_once_leave_files_to_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(entry, "MAPPED", 1 << 20)
    file = write(tmp_path / "bars.parquet")
    load(file)
    before = len(os.listdir("/proc/self/fd"))
    held = [load(file) for _ in range(20)]
    assert len(held) == 20 and len(os.listdir("/proc/self/fd")) == before


def test_an_entry_out_of_reach_is_left_alone(tmp_path, home, builds, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    load(file)
    with monkeypatch.context() as patch:
        patch.setattr(entry, "sums", lambda path: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        load(file)
    load(file)
    assert len(builds) == 2 and len(entries(home)) == 1


# --- damage -----------------------------------------------------------------------------------------------------------
def _change(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
        file.write(data)


def _about(kept: Path, change) -> None:
    told = json.loads((kept / entry.ABOUT).read_text())
    change(told["panel"])
    (kept / entry.ABOUT).write_text(json.dumps(told))


DAMAGE = {
    "an array is missing": lambda kept: (kept / "close.npy").unlink(),
    "an array is empty": lambda kept: (kept / "close.npy").write_bytes(b""),
    "an array is cut short": lambda kept: os.truncate(kept / "close.npy", 200),
    "an array is too long": lambda kept: _change(kept / "close.npy", (kept / "close.npy").stat().st_size, b"more"),
    "a block is zero": lambda kept: _change(kept / "high.npy", 256, bytes(256)),
    "one bit is flipped": lambda kept: _change(kept / "volume.npy", 800, b"\x01"),
    "the last byte is changed": lambda kept: _change(kept / "last_of_day.npy", -1, b"\x02"),
    "a header is changed": lambda kept: _change(kept / "low.npy", 20, b"#"),
    "arrays are exchanged": lambda kept: shutil.copy(kept / "high.npy", kept / "low.npy"),
    "an array is an object": lambda kept: np.save(kept / "close.npy", np.array([{}]), allow_pickle=True),
    "panel.json is missing": lambda kept: (kept / entry.ABOUT).unlink(),
    "panel.json is empty": lambda kept: (kept / entry.ABOUT).write_text(""),
    "panel.json is cut short": lambda kept: os.truncate(kept / entry.ABOUT, 500),
    "panel.json is no object": lambda kept: (kept / entry.ABOUT).write_text("[1]"),
    "panel.json is no text": lambda kept: (kept / entry.ABOUT).write_bytes(b"\xff\xfe\x00"),
    "panel.json has no end": lambda kept: (kept / entry.ABOUT).write_text("[" * 100_000),
    "the fingerprint is changed": lambda kept: _about(kept, lambda about: about.update(fingerprint="0" * 64)),
    "an array is not listed": lambda kept: _about(kept, lambda about: about["files"].pop("days")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_is_thrown_away_and_made_again(tmp_path, home, builds, damage):
    file = write(tmp_path / "bars.parquet")
    first = load(file)
    (kept,) = entries(home)
    damage(kept)
    assert_equal(first, load(file))
    assert len(builds) == 2 and entries(home) == [kept]
    assert_equal(first, load(file))
    assert len(builds) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"": 1}', '{"": [[1], 2]}', '{"": ["x", "y"]}'])
def test_a_damaged_memory_of_contents_only_costs_a_hash(tmp_path, home, builds, text):
    file = write(tmp_path / "bars.parquet")
    load(file)
    (record,) = (home / "files").iterdir()
    record.write_text(text)
    load(file)
    assert len(builds) == 1


# --- bounded ----------------------------------------------------------------------------------------------------------
def test_the_entries_unused_for_longest_go_first(tmp_path, home, monkeypatch):
    file = write(tmp_path / "bars.parquet")
    kept = []
    for lot in (1.0, 2.0, 3.0):
        load(file, lot)
        kept += [path for path in entries(home) if path not in kept]
    for age, path in enumerate(kept):
        os.utime(path, ns=(LONG_AGO + age, LONG_AGO + age))
    load(file, 1.0)  # used again
    one = sum(part.stat().st_size for part in kept[0].iterdir())
    monkeypatch.setattr(cache, "LIMIT", 3 * one + 100)
    load(file, 4.0)
    assert len(entries(home)) == 3
    assert kept[0] in entries(home) and kept[1] not in entries(home) and kept[2] in entries(home)


def test_a_panel_above_the_limit_is_not_kept(tmp_path, home, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 1000)
    load(write(tmp_path / "bars.parquet"))
    assert entries(home) == []


def test_a_mapped_panel_outlives_its_entry(tmp_path, home):
    file = write(tmp_path / "bars.parquet")
    first = load(file)
    second = load(file)
    shutil.rmtree(home)
    assert_equal(first, second)


def test_only_the_latest_sources_are_remembered(tmp_path, home, monkeypatch):
    monkeypatch.setattr(contents, "KEPT", 3)
    for k in range(6):
        load(write(tmp_path / f"{k}.csv"))
    assert len(list((home / "files").iterdir())) == 3
