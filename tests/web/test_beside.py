"""A page for each account: its own figures, its own commands, and all accounts beside each other."""

from __future__ import annotations

import re
from html import unescape

import pytest

from engine.live import accounts, tape
from engine.live.clock import StoppedClock
from engine.web.beside import Besides, table
from engine.web.commanding import command_of
from engine.web.parts import environment
from engine.web.serve import opened
from engine.web.statics import statics
from tests.live.market import messy
from tests.live.test_contest import A, B, entered
from tests.live.test_contrast import days


def plain(html):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A contest run to its end with both pages open; the same without a page."""
    folder = tmp_path_factory.mktemp("beside")
    bare = entered(folder / "bare", [A, B], messy(3, 60))
    bare.run()
    contest = entered(folder / "s", [A, B], messy(3, 60))
    clock = StoppedClock(1)
    with opened(contest.sessions["a"], clock) as one, opened(contest.sessions["b"], clock) as two:
        pages = {"a": one, "b": two}
        for page in pages.values():
            page.showing.others = {name: other.showing for name, other in pages.items()}
        contest.run(show=lambda c: [page.show(c.sessions[name]) for name, page in pages.items()])
        for name, page in pages.items():
            page.last(contest.sessions[name])
            page.showing.pump(draw=False)
        yield contest, pages, bare


def test_each_page_shows_its_own_account_and_changes_no_bit(played):
    contest, pages, bare = played
    assert contest.writer.head == bare.writer.head
    for name, page in pages.items():
        board, session = page.showing._board, contest.sessions[name]
        assert board.curves.last.equity == session.fold.engine.book.equity
        fills = [row for row in accounts.rows(session.folder, name) if row.kind == tape.FILL]
        assert board.counts["fills"] == sum(len(row.body["quantity"]) for row in fills)
        assert board.counts["slice"] == 54 and board.counts["decision"] == 60
    assert pages["a"].showing._board.counts["fills"] != pages["b"].showing._board.counts["fills"]


def test_a_page_that_is_opened_later_reads_the_same_from_the_journal(played):
    from engine.web.showing import Showing
    from engine.web.tap import Outlet

    contest, pages, _ = played
    late = Showing(contest.folder, Outlet(), False, account="b")
    assert late._board.curves.last == pages["b"].showing._board.curves.last
    assert late._board.counts == pages["b"].showing._board.counts


def test_the_accounts_stand_beside_each_other_on_every_page(played):
    contest, pages, _ = played
    words = {name: plain(page.showing.pump().parts["beside"]) for name, page in pages.items()}
    assert "a (this page) 54 " in words["a"] and "b against a: " in words["a"] and "on 54 days" in words["a"]
    assert "b (this page) 54 " in words["b"] and "a against b: " in words["b"]
    equity = contest.sessions["b"].fold.engine.book.equity
    assert f"{equity:,.2f}" in words["a"] and f"{equity:,.2f}" in words["b"]


def test_the_table_by_hand():
    told = table({"a": days([0.10, -0.20]), "b": days([])}, "a")
    assert [[cell.text for cell in row] for row in told.rows] == [
        ["a (this page)", "2", "88.00", "−12.00%", "−20.00%"],
        ["b", "0", "100.00", "0.00%", "0.00%"],
    ]


def test_a_name_is_escaped():
    evil = "<img src=x>"
    html = Besides().part(environment(), "a", {"a": days([0.1]), evil: days([0.2])})
    assert "<img" not in html and evil in unescape(html)


def test_a_command_of_a_page_names_its_account_and_a_kill_is_of_all():
    assert command_of({"name": "pause"}, ("S0",), "b").account == "b"
    assert command_of({"name": "exit", "symbol": "S0"}, ("S0",), "b").account == "b"
    assert command_of({"name": "kill"}, ("S0",), "b").account == ""
    assert command_of({"name": "pause"}, ("S0",)).account == ""


def test_only_a_session_of_several_has_the_place(played):
    contest, pages, _ = played
    start = pages["a"].showing.start
    assert b'data-part="beside"' in statics(start)["/"][0]
    assert b'data-part="beside"' not in statics({k: v for k, v in start.items() if k != "beside"})["/"][0]


def test_the_command_opens_a_page_for_each_account(tmp_path, monkeypatch):
    from pathlib import Path

    from typer.testing import CliRunner

    from engine.cli import app, watching

    ended = []
    monkeypatch.setattr(watching, "linger", lambda why, stop, clock: ended.append(why))
    file = Path(__file__).resolve().parents[2] / "configs/paper/replay-us20.yaml"
    other = tmp_path / "other.yaml"
    other.write_text(file.read_text().replace("name: replay-us20", "name: other"))
    words = [
        "paper",
        str(file),
        str(other),
        "--session",
        str(tmp_path / "s"),
        "--web",
        "--quiet",
        "--set",
        "data.start=2022-06-01",
    ]
    told = CliRunner().invoke(app, [*words, "--set", "signals.rank.lookback=40"], catch_exceptions=False)
    assert told.exit_code == 0 and ended == ["ended"]
    addresses = [line.split()[1] for line in told.stderr.splitlines() if line.startswith("page ")]
    assert len({address.split("/#")[0] for address in addresses}) == 2
    assert "other against replay-us20: the same returns on " in told.stdout
