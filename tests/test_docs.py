"""The pages under docs tell the truth: their code is run here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from engine import plugins

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
    return [body for word, body in found if word == language]


@pytest.fixture
def us20():
    return {"name": "shown", "data": {"source": "packaged", "name": "us20", "start": "2020-01-01"}, "capital": 1e6}


def test_the_strategy_with_orders_of_its_own_trades_and_is_bracketed(us20, tmp_path):
    file = tmp_path / "dip.py"
    file.write_text(blocks("orders.md", "python")[0])
    try:
        result = engine.backtest(us20 | {"strategy": {"rule": "dip"}}, plugins=[file])
    finally:
        for group in plugins._from_files.values():
            group.clear()
    assert {"stop loss", "take profit"} <= set(result.trades["exit_reason"])
    assert set(result.refused["rule"]) <= {"max_gross"}


def test_the_file_of_orders_runs_without_signals(us20, tmp_path):
    (tmp_path / "orders.csv").write_text(blocks("orders.md", "")[0])
    result = engine.backtest(us20 | {"strategy": {"rule": "orders", "path": str(tmp_path / "orders.csv")}})
    first = result.fills.iloc[0]
    assert (first["symbol"], first["quantity"], str(first["date"])[:10]) == ("AAPL", 400.0, "2020-03-13")


def test_the_page_of_keys_is_the_current_one():
    from engine.config.page import page

    assert (ROOT / "docs" / "keys.md").read_text() == page()


def test_the_page_of_a_recipes_keys_is_the_current_one_and_has_every_key():
    from signals.training.page import SECTIONS, page, table

    text = (ROOT / "docs" / "recipes.md").read_text()
    assert text == page()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    keys = sum(len(kind.model_fields) for _, kind in SECTIONS)
    assert (
        len(rows) == keys - 2 * 4
    )  # of a net's kind and inputs the first stands under model, the second follows from features
    assert all(len(line.split(" | ")) == 4 and " |  | " not in line for line in rows)

    class Other(SECTIONS[0][1]):
        unheard: complex = 1j

    with pytest.raises(KeyError, match="complex"):
        table("Other", Other)


def test_the_tables_of_features_are_the_current_ones():
    from signals.features import feature_set, names
    from signals.features.page import page as tables

    page = (ROOT / "docs" / "features.md").read_text()
    assert page[page.index("| set |") :] == tables(feature_set(name) for name in names())


def test_features_are_built_and_cut_as_shown():
    import numpy as np
    import pandas as pd

    from tests.signals.features.markets import KEYS, bars

    made = bars(400, n=2, holes=0.0)
    day = np.datetime64("2020-01-01") + np.arange(400)
    parts = [
        pd.DataFrame({"date": day, "symbol": symbol, **{key: getattr(made, key)[:, i] for key in KEYS}}).dropna()
        for i, symbol in enumerate(made.symbols)
    ]
    known: dict = {"frame": pd.concat(parts)}
    exec(blocks("features.md", "python")[0], known)
    assert known["window"].shape == (60, 14)
    np.testing.assert_array_equal(known["now"][0], known["window"][-1])
    assert not np.isnan(known["now"][0]).any()


def test_a_swallowed_split_comes_undone_as_shown():
    known: dict = {}
    exec(blocks("actions.md", "python")[0], known)
    assert known["traded"]["close"].tolist() == [100.0, 51.0, 52.0]
    assert known["panel"].adjusted.close[:, 0].tolist() == [100.0, 102.0, 104.0]


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs" / page).read_text()):
        assert (ROOT / "docs" / target).exists(), target


def test_a_signal_of_ones_own_is_written_trained_checked_run_and_traded_on_paper_as_shown(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from engine.cli import app

    whole, train = blocks("plugins.md", "python")
    (tmp_path / "mine.py").write_text(whole)
    (tmp_path / "ridge.yaml").write_text(blocks("plugins.md", "yaml")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(train, {})
    run = CliRunner()
    try:
        checked = run.invoke(app, ["check", "mine.py", "--set", "model=ridge.json"])
        assert checked.exit_code == 0 and "keeps its contract" in checked.output
        result = engine.backtest("ridge.yaml", plugins=["mine.py"])
        words = [
            *[
                "paper",
                "ridge.yaml",
                "--plugin",
                "mine.py",
                "--set",
                "feed.source=replay",
                "--set",
                "data.start=2022-11-01",
                "-q",
            ]
        ]
        paper = run.invoke(app, words)
        verified = run.invoke(app, ["verify", "sessions/ridge", "--plugin", "mine.py"])
    finally:
        for group in plugins._from_files.values():
            group.clear()
    assert paper.exit_code == 0 and verified.exit_code == 0, paper.output + verified.output
    assert "every row of the journal" in verified.output
    assert str(result.facts.dates[0]) == "2011-01-03"
    assert result.metrics["sharpe"] < result.benchmark_metrics["sharpe"]  # as the page says
