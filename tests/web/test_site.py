"""What the doors answer: commands as the command line leaves them, events that come whole and bounded, mistakes in one line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest

from engine import journal, latch
from engine.errors import ConfigError
from engine.live.clock import StoppedClock, SystemClock
from engine.live.tape import COMMAND, JOURNAL
from engine.web import serve
from engine.web.commanding import command_of
from engine.web.guard import HEADERS
from engine.web.serve import opened
from engine.web.showing import Frame, Point, news
from tests.web.asked import Asker, begun, flat


@pytest.fixture
def waiting(tmp_path):
    """A page beside a session that is open and has not run."""
    session = begun(tmp_path / "s")
    page = Asker(tmp_path / "s")
    page.enter()
    yield session, page
    session.writer.close()


def test_a_command_waits_where_the_command_line_leaves_its_own_and_is_journaled(waiting):
    session, page = waiting
    told = page.ask("POST", "/command", {"name": "pause"})
    assert (told.status, told.json) == (200, {"said": "pause: left for the session, which has not read it yet"})
    page.ask("POST", "/command", {"name": "exit", "symbol": "A"})
    session.run()
    rows = [row.body for row in journal.read(session.folder / JOURNAL) if row.kind == COMMAND]
    assert [(row["name"], row["symbol"], row["reason"]) for row in rows] == [
        ("pause", "", "from the page"),
        ("exit", "A", "from the page"),
    ]


def test_a_kill_closes_the_latch_at_once_whatever_the_session_does(waiting):
    session, page = waiting
    assert latch.look(session.folder) is not None
    assert page.ask("POST", "/command", {"name": "kill", "flatten": True}).status == 200
    assert latch.look(session.folder) is None


def test_only_a_resume_with_a_reason_opens_it_again(waiting):
    session, page = waiting
    page.ask("POST", "/command", {"name": "kill"})
    told = page.ask("POST", "/command", {"name": "resume", "reason": "  "})
    assert (told.status, told.body) == (409, b"resume: say why with --reason TEXT; it goes into the journal\n")
    assert latch.look(session.folder) is None
    assert page.ask("POST", "/command", {"name": "resume", "reason": "looked into it"}).status == 200
    assert latch.look(session.folder).reason == "looked into it"


def test_a_running_session_journals_it_while_the_page_waits(tmp_path):
    session = begun(tmp_path / "s")
    page = Asker(tmp_path / "s")
    page.site.clock = SystemClock()
    page.enter()
    done = threading.Event()

    def hear():
        while not done.is_set():
            session.hear()
            done.wait(0.01)

    hearing = threading.Thread(target=hear)
    hearing.start()
    try:
        told = page.ask("POST", "/command", {"name": "pause"})
    finally:
        done.set()
        hearing.join()
        session.writer.close()
    assert told.json == {"said": "pause: journaled; it acts from the next slice on"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "lock", "symbol": "A"}, "expected one of pause, resume, exit, kill"),
        ({"name": "exit", "symbol": "Z"}, "'Z' is not in this session"),
        ({"name": "exit"}, "'' is not in this session"),
        ({"name": "kill", "flatten": 1}, "flatten must be a bool"),
        ({"name": "pause", "key": "../../x"}, "expected an object of name"),
        ({"name": "pause", "until": 5}, "expected an object of name"),
        ({"name": ["pause"]}, "name must be a str"),
        ({"name": "resume", "reason": "x" * 201}, "at most 200 characters"),
        ({"name": "resume", "reason": "a\nb"}, "on one line"),
        ([], "expected an object"),
        ("kill", "expected an object"),
        ({}, "expected one of"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_in_one_line(body, said):
    with pytest.raises(ConfigError, match=said) as told:
        command_of(body, ("A", "B"))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("raw", "more", "status"),
    [
        (b"{", {}, 400), (b"null", {}, 400), (b"\xff", {}, 400), (b"[" * 4000, {}, 400), (b'"' + b"x" * 5000 + b'"', {}, 400), (b"", {}, 400),
        (b'{"token": 5}', {}, 403), (b"[]", {}, 403), (b"{}", {"content_type": "text/plain"}, 415), (b"{}", {"content_type": None}, 415),
        (b"{}", {"content_type": "application/json; charset=utf-8"}, 415),
    ],
)  # fmt: skip
def test_what_is_no_small_document_does_not_enter(waiting, raw, more, status):
    assert waiting[1].ask("POST", "/enter", raw=raw, **more).status == status


@pytest.mark.parametrize("query", ["", "?span=1Y", "?span=all&span=1D", "?span=", "?SPAN=all"])
def test_a_span_that_is_not_offered_is_not_found(waiting, query):
    assert waiting[1].ask("GET", f"/curve{query}").status == 404


def test_an_instrument_that_is_not_there_is_not_found(waiting):
    assert waiting[1].ask("GET", "/candles?symbol=../s").status == 404


def test_the_first_event_brings_every_part_and_the_next_only_what_changed():
    frame = Frame(
        3, {"a": "<p>1</p>", "b": "<p>2</p>"}, 2, (Point(10**18, 1.0, 0.0), Point(2 * 10**18, float("nan"), -0.5)), 5, 7
    )
    first = news(frame, {}, 0, lambda: 10**9)
    assert first["parts"] == {"a": "<p>1</p>", "b": "<p>2</p>"}
    assert first["points"] == [["2001-09-09 01:46:40", 1.0, 0.0], ["2033-05-18 03:33:20", None, -0.5]]
    assert (first["now"], first["slice"], first["stale"]) == (1000, 7, False)
    assert news(frame, {"a": "<p>1</p>", "b": "old"}, 2, lambda: 0)["parts"] == {"b": "<p>2</p>"}
    assert news(frame, {}, 2, lambda: 0)["points"] == []
    assert news(Frame(1, {}, 900, frame.recent), {}, 0, lambda: 0)["stale"] is True


def test_no_more_than_eight_pages_are_fed(waiting):
    page = waiting[1]
    page.site.streams = 8
    assert page.ask("GET", "/events").status == 503


def test_a_part_that_fails_is_said_and_the_page_goes_on(waiting):
    page = waiting[1]

    def fails(draw=True):
        raise ValueError("no such thing")

    real, page.showing.pump = page.showing.pump, fails
    frame = asyncio.run(page.site.pump(True))
    assert frame.failed == "ValueError: no such thing"
    page.showing.pump = real
    assert asyncio.run(page.site.pump(True)).failed == ""


# A real server.
def request(port, text):
    """What a server sends back to these bytes."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(text)
        out = b""
        while piece := line.recv(65536):
            out += piece
    return out


def head(page, path, method="GET", more=""):
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nConnection: close\r\n{more}\r\n".encode()


def test_the_server_listens_on_this_machine_only_and_ends_with_the_session(tmp_path):
    session = begun(tmp_path / "s")
    said = []
    with opened(session, SystemClock(), say=said.append) as page:
        assert said == [f"http://127.0.0.1:{page.port}/#{page.passes.token}"]
        answer = request(page.port, head(page, "/"))
        assert answer.startswith(b"HTTP/1.1 200") and b"server:" not in answer.lower()
        for name, value in HEADERS.items():
            assert f"{name}: {value}".encode() in answer
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
        assert b" 101 " not in request(page.port, head(page, "/events", more=upgrade))
        for path in (
            "///etc/passwd",
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "http://evil.com/",
            "/static/..%2f..%2fetc/passwd",
        ):
            assert (
                b"root:" not in (told := request(page.port, head(page, path))) and b" 200 " not in told.splitlines()[0]
            )
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", page.port), 2):
            pass
        session.run(show=page.show)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", page.port), 2):
        pass


def test_a_reader_that_never_reads_holds_up_neither_the_session_nor_another_reader(tmp_path):
    session = begun(tmp_path / "s", panel=flat(rows=300))
    with opened(session, SystemClock()) as page:
        cookie = page.passes.enter(page.passes.token)[0]
        more = f"Cookie: barcast-{page.port}={cookie}\r\n"
        stuck = []
        for _ in range(6):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            line.connect(("127.0.0.1", page.port))
            line.sendall(head(page, "/events", more=more) + b"")
            stuck.append(line)
        for _ in range(200):  # bytes without end, and requests that never do
            half = socket.create_connection(("127.0.0.1", page.port), 10)
            half.sendall(b"POST /enter HTTP/1.1\r\nHost: ")
            stuck.append(half)
            if len(stuck) > 30:
                break
        assert session.run(show=page.show) == "ended"
        assert session.fold.met == 300
        with socket.create_connection(("127.0.0.1", page.port), 10) as line:
            line.sendall(head(page, "/events", more=more))
            told = b""
            while b'"slice":299' not in told:
                piece = line.recv(65536)
                assert piece, told[-300:]
                told += piece
        for line in stuck:
            line.close()


def test_a_session_whose_page_is_stuck_runs_on_and_keeps_no_more_rows_than_there_is_room_for(tmp_path):
    session = begun(tmp_path / "s", panel=flat(rows=200))
    with opened(session, StoppedClock(1)) as page:
        page.outlet.rows = type(page.outlet.rows)(maxlen=50)
        with page.showing._lock:  # the server's thread waits here, for ever
            assert session.run(show=page.show) == "ended"
            assert len(page.outlet.rows) == 50
            assert page.outlet.put > 400


def test_a_taken_port_is_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: cannot be had"):
            serve.bind(port)
    with pytest.raises(ConfigError, match="--port 70000"):
        serve.bind(70000)


def test_without_the_server_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"--web: needs uvicorn, which is not installed\. Install the extra `web`"):
        serve.check_installed()


def test_events_are_json_without_nan(waiting):
    told = waiting[1].ask("GET", "/events")
    assert told.headers["content-type"] == "text/event-stream"
    first = told.body.split(b"\n\n")[0].split(b"\n")
    assert first[0].startswith(b"id: ")
    json.loads(first[1].removeprefix(b"data: "), parse_constant=lambda text: pytest.fail(text))
