"""A panel from the cache is the panel that was built, to the last bit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.data import entry
from engine.errors import DataError
from engine.panel import Panel
from tests.data.cache.tables import assert_equal, entries, load, table, write


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
