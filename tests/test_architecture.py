"""The house: imports point down, packages resolve inside the repository, nothing unsafe is deserialised."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "signals", "strategies", "risk")
FOUNDATION = ("types", "errors", "codes", "contracts", "shapes", "signatures", "measures", "compiled", "places")
COMMANDS = (ROOT / "signals/commands", ROOT / "risk/commands")  # they stand above everything, wherever their room is
# So does what makes models out of bars, and what runs strategies to see them fall: no plugins, and no plugin imports them.
ABOVE = (
    *COMMANDS,
    ROOT / "signals/training",
    ROOT / "signals/evaluation",
    ROOT / "signals/tuning",
    ROOT / "risk/stress",
)


def sources(*packages: str) -> list[Path]:
    return [path for name in packages for path in sorted((ROOT / name).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere, imports for type checkers alone left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = node.module in PACKAGES  # `from engine import codes` names a module of the package
            found.update(f"{node.module}.{alias.name}" for alias in node.names) if whole else found.add(node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


def test_the_engine_imports_none_of_its_sisters():
    for path in sources("engine"):
        sisters = {name for name in imports(path) if name.split(".")[0] in ("signals", "strategies", "risk")}
        assert not sisters, f"{path.relative_to(ROOT)} imports {sisters}"


def test_plugins_stand_on_the_foundation_of_the_engine_only():
    for path in sources("signals", "strategies", "risk"):
        for name in imports(path) if path.parent not in ABOVE else ():
            if name.split(".")[0] == "engine":
                assert name.split(".")[1] in FOUNDATION, f"{path.relative_to(ROOT)} imports {name}"


def test_nobody_imports_a_command():
    for path in sources(*PACKAGES):
        if path.parent not in COMMANDS:
            taken = [name for name in imports(path) if name.startswith(("signals.commands", "risk.commands"))]
            assert not taken, path.relative_to(ROOT)


def test_no_plugin_imports_what_stands_above_it():
    for path in sources(*PACKAGES):
        if path.parent not in ABOVE:
            taken = [
                name
                for name in imports(path)
                if name.startswith(("signals.training", "signals.evaluation", "signals.tuning", "risk.stress"))
            ]
            assert not taken, path.relative_to(ROOT)


def test_the_step_knows_nothing_of_files_frames_or_configuration():
    allowed = {"engine.codes", "engine.compiled", "engine.shapes", "engine.signatures", "engine.types"}
    for path in sources("engine/step"):
        ours = {name for name in imports(path) if name.startswith("engine") and not name.startswith("engine.step")}
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {ours - allowed}"


def test_the_engine_never_imports_torch():
    assert not [path for path in sources("engine") if any(name.split(".")[0] == "torch" for name in imports(path))]


def test_one_module_imports_backtrader_and_only_crosscheck_imports_that():
    users = {str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if "backtrader" in imports(path)}
    assert users == {"engine/crosscheck/backtrader.py"}
    outside = {path for path in sources(*PACKAGES) if path.parent != ROOT / "engine/crosscheck"}
    reach = {"engine.crosscheck.backtrader", "engine.crosscheck.run"}
    assert not [path for path in outside if reach & imports(path)]


def test_nothing_unsafe_is_deserialised():
    unsafe = re.compile(
        r"\bpickle\b|joblib\.load|torch\.load|allow_pickle\s*=\s*True|yaml\.load\(|(?<!\.)\beval\(|\bexec\(|read_pickle"
    )
    for path in sources(*PACKAGES):
        code = "\n".join(line.split("#")[0] for line in path.read_text().splitlines())
        assert not unsafe.search(code), f"{path.relative_to(ROOT)}: {unsafe.search(code)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_resolves_inside_the_repository(package):
    module = __import__(package)
    assert Path(module.__file__).resolve().is_relative_to(ROOT)


def test_folders_that_are_no_packages_cannot_be_imported_as_such():
    assert not [name for name in ("tests", "scripts", "configs") if (ROOT / name / "__init__.py").exists()]


def test_files_and_functions_stay_short():
    for path in sources(*PACKAGES):
        text = path.read_text()
        assert len(text.splitlines()) <= 350, f"{path.relative_to(ROOT)} has outgrown its sentence"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = node.end_lineno - node.body[0].lineno + 1
                assert body <= 75, f"{path.relative_to(ROOT)}: {node.name} has {body} lines"


def test_no_clock_and_no_chance_inside_the_engine():
    asks = re.compile(r"time\.time\(|datetime\.now|date\.today|random\.|uuid4|np\.random")
    for path in sources("engine", "strategies", "risk", "signals"):
        assert not asks.search(path.read_text()), f"{path.relative_to(ROOT)} asks the clock or chance"


def test_help_needs_none_of_the_heavy_libraries():
    code = (
        "import sys, engine, engine.cli\n"
        "heavy = {'pandas', 'numba', 'backtrader', 'torch', 'pyarrow', 'pydantic', 'plotly', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
