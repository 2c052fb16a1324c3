"""Features are computed once, and what lies on disk is what was computed."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest

from engine.panel import Panel
from engine.places import CACHE
from signals.features import feature_set, store
from tests.signals.features.markets import bars

CORE = feature_set("core14")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE, str(tmp_path))
    return tmp_path / "features"


@pytest.fixture
def counted(monkeypatch):
    """How often features are computed."""
    times = []
    whole = type(CORE).panel

    def panel(self, *given, **named):
        times.append(self.name)
        return whole(self, *given, **named)

    monkeypatch.setattr(type(CORE), "panel", panel)
    return times


def entries(cache):
    return sorted(path.name for path in cache.iterdir() if store.ENTRY.fullmatch(path.name))


def test_what_is_built_is_mapped_read_only_and_equal_to_what_is_computed(cache):
    window = bars(300)
    built = store.build(window, CORE)
    np.testing.assert_array_equal(built.values, CORE.panel(window))
    assert isinstance(built.values, np.memmap) and not built.values.flags.writeable
    assert (built.symbols, built.columns, built.sha256) == (window.symbols, CORE.column_names, CORE.sha256)
    np.testing.assert_array_equal(built.times, window.times)
    assert entries(cache) == [built.place.name]


def test_it_is_computed_once(counted):
    window = bars(300)
    first, second = store.build(window, CORE), store.build(window, CORE, jobs=2)
    assert counted == ["core14"]
    assert first.place == second.place


@pytest.mark.parametrize("key", ["open", "high", "low", "close", "volume", "times", "sector", "symbols"])
def test_any_other_bars_are_another_entry(key, cache):
    window = bars(60)
    value = getattr(window, key)
    if key == "symbols":
        other = replace(window, symbols=("X", *value[1:]))
    else:
        changed = value.copy()
        changed[0] += 1
        other = replace(window, **{key: changed})
    assert store.build(window, CORE).place != store.build(other, CORE).place
    assert len(entries(cache)) == 2


def test_another_set_is_another_entry_and_so_is_another_formula():
    window = bars(60)
    first = replace(CORE.columns[0], formula="something else")
    changed = replace(CORE, columns=(first, *CORE.columns[1:]))
    places = {store.build(window, features).place for features in (CORE, feature_set("core_close"), changed)}
    assert len(places) == 3


def test_a_panel_is_known_by_its_fingerprint(counted):
    window = bars(60, n=1, holes=0.0)
    days = np.datetime64("2020-01-01") + np.arange(60)
    arrays = [getattr(window, key) for key in ("open", "high", "low", "close", "volume")]
    panel = Panel.from_arrays(("A",), days, *arrays)
    built = store.build(panel, CORE)
    assert store.build(Panel.from_arrays(("A",), days, *arrays), CORE).place == built.place
    assert counted == ["core14"]
    np.testing.assert_array_equal(built.values, CORE.panel(panel.adjusted))


def cut_short(place):
    os.truncate(place / "values.npy", 1000)


def no_values(place):
    (place / "values.npy").unlink()


def other_columns(place):
    about = json.loads((place / "about.json").read_text())
    about["columns"].reverse()
    (place / "about.json").write_text(json.dumps(about))


def other_times(place):
    np.save(place / "times.npy", np.zeros(3, np.int64))


def objects(place):
    np.save(place / "values.npy", np.array([{}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("damage", [cut_short, no_values, other_columns, other_times, objects])
def test_a_damaged_entry_is_made_anew(damage, counted):
    window = bars(60)
    place = store.build(window, CORE).place
    damage(place)
    again = store.build(window, CORE)
    assert counted == ["core14", "core14"] and again.place == place
    np.testing.assert_array_equal(again.values, CORE.panel(window))


def test_one_that_fails_half_way_leaves_nothing(cache, monkeypatch):
    def fails(self, bars, jobs=1, out=None):
        out[:] = 1.0
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(CORE), "panel", fails)
        with pytest.raises(KeyboardInterrupt):
            store.build(bars(60), CORE)
    assert [path.name[:5] for path in cache.iterdir()] == [".lock"]
    assert store.build(bars(60), CORE).values.shape == (6, 60, 14)


def test_what_the_dead_have_left_is_swept_and_what_the_living_make_is_not(cache):
    cache.mkdir()
    dead, living = cache / f".new-{'0' * 64}", cache / f".new-{'1' * 64}"
    dead.mkdir()
    living.mkdir()
    with store._locked(cache, "1" * 64):
        store.build(bars(60), CORE)
    assert not dead.exists() and living.exists()


def test_entries_unused_for_longest_make_room(cache, monkeypatch):
    first, second = store.build(bars(60, seed=1), CORE), store.build(bars(60, seed=2), CORE)
    os.utime(second.place, ns=(1, 1))
    size = sum(file.stat().st_size for file in first.place.iterdir())
    monkeypatch.setattr(store, "LIMIT", int(2.5 * size))
    third = store.build(bars(60, seed=3), CORE)
    assert entries(cache) == sorted([first.place.name, third.place.name])
    assert not np.isnan(second.values).all()  # whoever has mapped it keeps it


def test_without_a_cache_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE, "off")
    built = store.build(bars(60), CORE)
    assert built.place is None and not built.values.flags.writeable
    assert list(tmp_path.iterdir()) == []


def _build(queue, home) -> None:
    os.environ[CACHE] = home
    window = bars(2000, n=40)
    made = []
    whole = type(CORE).panel
    type(CORE).panel = lambda self, *given: made.append(1) or whole(self, *given)
    built = store.build(window, CORE)
    queue.put((len(made), float(np.nansum(built.values, dtype=np.float64))))


def test_of_two_processes_one_computes_and_both_have_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    both = [context.Process(target=_build, args=(queue, str(tmp_path))) for _ in range(2)]
    for process in both:
        process.start()
    got = [queue.get(timeout=60) for _ in both]
    for process in both:
        process.join()
    assert sorted(count for count, _ in got) == [0, 1]
    assert got[0][1] == got[1][1]
