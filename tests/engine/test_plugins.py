"""Plugins are found by registered name, and only by that."""

from __future__ import annotations

import pytest

from engine import plugins
from engine.errors import PluginError


@pytest.fixture(autouse=True)
def forget_file_plugins():
    yield
    for group in plugins._from_files.values():
        group.clear()


def write(folder, text, name="mine.py"):
    file = folder / name
    file.write_text(text)
    return file


def test_built_ins_register_through_the_same_entry_points_as_anybodys_plugin():
    assert {"momentum", "reversal", "precomputed"} <= set(plugins.names("barcast.signals"))
    assert {"threshold", "quintile"} <= set(plugins.names("barcast.strategies"))
    assert {"parquet", "csv", "packaged"} <= set(plugins.names("barcast.sources"))


def test_a_name_nobody_registered_is_refused_with_the_nearest_one():
    with pytest.raises(PluginError, match="did you mean 'momentum'"):
        plugins.get("barcast.signals", "momentun")


def test_a_file_named_by_the_user_registers_what_it_lists(tmp_path):
    file = write(tmp_path, "class Flat:\n    window = 1\nSIGNALS = {'flat': Flat}\n")
    assert len(plugins.load_file(file)) == 64
    assert plugins.get("barcast.signals", "flat").window == 1
    assert "flat" in plugins.names("barcast.signals")


def test_a_file_may_be_loaded_twice_but_not_take_a_name_that_is_taken(tmp_path):
    file = write(tmp_path, "class Flat:\n    window = 1\nSIGNALS = {'flat': Flat}\n")
    plugins.load_file(file)
    plugins.load_file(file)
    thief = write(tmp_path, "class Other:\n    window = 1\nSIGNALS = {'momentum': Other}\n", "thief.py")
    with pytest.raises(PluginError, match="already has a 'momentum'"):
        plugins.load_file(thief)


@pytest.mark.parametrize(
    ("text", "said"),
    [("x = 1\n", "registers nothing"), ("1 / 0\n", "ZeroDivisionError"), ("def (:\n", "SyntaxError")],
)
def test_a_file_that_cannot_serve_says_why(tmp_path, text, said):
    with pytest.raises(PluginError, match=said):
        plugins.load_file(write(tmp_path, text))


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(PluginError, match="no such file"):
        plugins.load_file(tmp_path / "nowhere.py")
