"""`barcast paper --web`: the page is there while the session runs, changes nothing of it, and stays until somebody says stop."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app, watching
from engine.errors import ConfigError
from engine.live.clock import StoppedClock
from engine.web import serve
from engine.web.serve import opened
from tests.web.asked import begun

FILE = str(Path(__file__).resolve().parents[2] / "configs/paper/replay-us20.yaml")
SHORT = ["--set", "data.start=2022-06-01", "--set", "signals.rank.lookback=40", "--quiet"]


def test_the_address_is_printed_and_the_page_is_open_until_stopped(tmp_path, monkeypatch):
    seen = []

    def linger(why, stop, clock):
        port = int(seen_address().split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port), 10) as line:
            line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            seen.append((why, line.recv(100).split(b"\r\n")[0]))

    said = []
    real = serve.opened
    monkeypatch.setattr(
        serve, "opened", lambda *rest: real(*rest[:-1], lambda address: (said.append(address), rest[-1](address)))
    )
    monkeypatch.setattr(watching, "linger", linger)

    def seen_address():
        return said[0]

    told = CliRunner().invoke(
        app, ["paper", FILE, "--session", str(tmp_path / "s"), "--web", *SHORT], catch_exceptions=False
    )
    assert told.exit_code == 0
    assert seen == [("ended", b"HTTP/1.1 200 OK")]
    assert f"page          {said[0]}" in told.stderr and said[0] not in told.stdout
    assert "closed        the feed has ended" in told.stdout
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(said[0].split(":")[2].split("/")[0])), 2).close()


def test_without_the_server_no_session_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="--web: needs uvicorn"):
        CliRunner().invoke(
            app, ["paper", FILE, "--session", str(tmp_path / "s"), "--web", *SHORT], catch_exceptions=False
        )
    assert not (tmp_path / "s").exists()


def test_a_page_changes_no_bit_of_its_session(tmp_path):
    plain = begun(tmp_path / "a")
    plain.run()
    watched = begun(tmp_path / "b")
    with opened(watched, StoppedClock(1)) as page:
        watched.run(show=page.show)
    assert watched.fold.digest == plain.fold.digest
    assert watched.writer.head == plain.writer.head
