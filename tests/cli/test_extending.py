"""Commands that are registered, not built in."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine import cli, plugins
from engine.errors import PluginError

ROOT = Path(__file__).resolve().parents[2]
MODULE = '''
import typer
from engine.errors import DataError

def greet(name: str, loud: bool = False) -> None:
    """Say hello."""
    typer.echo(name.upper() if loud else name)

def fails() -> None:
    """Fail as a command does."""
    raise DataError("bars.csv: expected a file, got nothing; name one")

group = typer.Typer(help="Two of them.")

@group.command()
def one() -> None:
    typer.echo("1")

@group.command()
def two() -> None:
    typer.echo("2")

number = 7
'''


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """Register name -> value, values in a module `others`; forgotten afterwards."""
    (tmp_path / "others.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def register(**named: str) -> None:
        points = [EntryPoint(name, value, "barcast.commands") for name, value in named.items()]
        monkeypatch.setattr(plugins, "_points", lambda group, root: points if group == "barcast.commands" else [])
        plugins._installed.cache_clear()

    yield register
    plugins._installed.cache_clear()
    sys.modules.pop("others", None)


def barcast(*words: str):
    return CliRunner().invoke(cli.app, list(words))


def test_a_registered_function_is_a_command_with_its_arguments(registered):
    registered(greet="others:greet")
    assert barcast("greet", "ann", "--loud").output == "ANN\n"


def test_a_registered_typer_is_a_command_with_commands_of_its_own(registered):
    registered(both="others:group")
    assert [barcast("both", word).output for word in ("one", "two")] == ["1\n", "2\n"]


def test_the_help_lists_them_beside_our_own_with_their_first_line(registered):
    registered(greet="others:greet", both="others:group")
    told = barcast("--help").output
    assert "Say hello." in told and "Two of them." in told and "explain" in told


def test_their_mistakes_leave_with_their_exit_code(registered, monkeypatch):
    registered(fails="others:fails")
    monkeypatch.setattr(sys, "argv", ["barcast", "fails"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 4


def test_nothing_of_theirs_is_imported_for_a_command_of_ours(registered):
    registered(greet="others:greet")
    assert barcast("schema").exit_code == 0
    assert "others" not in sys.modules


def test_one_that_cannot_be_imported_is_listed_with_the_reason_and_breaks_no_other(registered):
    registered(greet="others:greet", lost="nowhere_at_all:app")
    told = barcast("--help")
    assert told.exit_code == 0 and "Not available" in told.output
    result = barcast("lost")
    assert isinstance(result.exception, PluginError)
    assert "'lost' (nowhere_at_all:app) cannot be imported: No module named" in str(result.exception)


def test_a_name_of_ours_cannot_be_taken(registered):
    registered(run="others:greet")
    said = barcast("--help").exception
    assert isinstance(said, PluginError) and "barcast has a command 'run' of its own" in str(said)
    assert "strategy file" in barcast("run", "--help").output


def test_what_is_no_command_is_refused(registered):
    registered(number="others:number")
    assert "must be a function or a typer.Typer, it is 7" in str(barcast("number").exception)


def test_a_name_that_nobody_has_is_a_usage_error(registered):
    registered(greet="others:greet")
    assert barcast("great").exit_code == 2


def pyproject(folder: Path, name: str, value: str) -> Path:
    text = f'[project]\nname = "{name}"\n[project.entry-points."barcast.commands"]\nfeatures = "{value}"\n'
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_a_checkout_registers_what_its_pyproject_says_today(tmp_path):
    points = plugins._points("barcast.commands", pyproject(tmp_path, "barcast", "here:app"))
    assert [(point.name, point.value) for point in points] == [("features", "here:app")]


def test_the_pyproject_of_another_project_registers_nothing(tmp_path):
    points = plugins._points("barcast.signals", pyproject(tmp_path, "somebody", "here:app"))
    assert "here:app" not in {point.value for point in points}
    assert {point.name for point in points} >= {"momentum"}  # what is installed


def test_without_a_pyproject_or_with_a_torn_one_what_is_installed_counts(tmp_path):
    installed = {point.name for point in plugins._points("barcast.signals", tmp_path)}
    assert "momentum" in installed
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert {point.name for point in plugins._points("barcast.signals", tmp_path)} == installed


def test_what_others_installed_stays_beside_the_checkouts(tmp_path, monkeypatch):
    foreign = EntryPoint("theirs", "theirs:app", "barcast.commands")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [foreign])
    points = plugins._points("barcast.commands", pyproject(tmp_path, "barcast", "here:app"))
    assert {point.name for point in points} == {"theirs", "features"}


@pytest.mark.parametrize("words", [["--help"], ["features", "--help"], ["features", "list", "--help"]])
def test_help_of_registered_commands_stays_light(words):
    code = (
        "import sys\nfrom engine.cli import app\n"
        f"try:\n    app({words!r})\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'numba', 'torch', 'pyarrow', 'numpy', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "features" in done.stdout


def test_python_m_is_the_same_command_line():
    command = [sys.executable, "-m", "engine.cli", "features", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert {"core14", "core_close"} <= {features["name"] for features in json.loads(done.stdout)["sets"]}


def test_a_command_may_be_tried_without_being_registered():
    from engine.cli.extending import as_command

    def hello() -> None:
        """Hello."""

    assert as_command("hello", hello).name == "hello"
    assert as_command("group", typer.Typer(help="x", callback=hello)).name == "group"
