"""Nobody but the page itself, at its own address, is answered: every door, every method, every way around them."""

from __future__ import annotations

import asyncio

import pytest

from engine.web.guard import HEADERS, Door, Guard
from engine.web.passes import Passes, same
from tests.promises import note
from tests.web.asked import HOST, ORIGIN, PORT, Asker, begun

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "QUERY")
HOSTS = {
    "suffix": f"{HOST}.evil.com", "prefix": f"evil.com.{HOST}", "null": "null", "ipv6": f"[::1]:{PORT}", "name": f"localhost:{PORT}",
    "name in capitals": f"LOCALHOST:{PORT}", "trailing dot": f"127.0.0.1.:{PORT}", "no port": "127.0.0.1", "other port": f"127.0.0.1:{PORT + 1}",
    "port 80": "127.0.0.1:80", "port with a zero": f"127.0.0.1:0{PORT}", "user": f"a@{HOST}", "short": f"127.1:{PORT}",
    "decimal": f"2130706433:{PORT}", "octal": f"0177.0.0.1:{PORT}", "any": f"0.0.0.0:{PORT}", "mapped": f"[::ffff:127.0.0.1]:{PORT}",
    "space": f"{HOST} ", "comma": f"{HOST}, evil.com", "empty": "", "rebound": f"evil.com:{PORT}", "missing": None,
}  # fmt: skip
ORIGINS = {
    "suffix": f"{ORIGIN}.evil.com", "prefix": f"http://evil.com.127.0.0.1:{PORT}", "null": "null", "ipv6": f"http://[::1]:{PORT}",
    "name": f"http://localhost:{PORT}", "scheme": f"https://{HOST}", "capitals": f"HTTP://{HOST}", "trailing dot": f"http://127.0.0.1.:{PORT}",
    "trailing slash": f"{ORIGIN}/", "no port": "http://127.0.0.1", "other port": f"http://127.0.0.1:{PORT + 1}", "user": f"http://a@{HOST}",
    "path": f"{ORIGIN}/page", "two": f"{ORIGIN} {ORIGIN}", "empty": "", "evil": "http://evil.com", "file": "file://", "host only": HOST,
}  # fmt: skip
READS = {"/curve?span=all": 200, "/candles?symbol=A": 200, "/events": 200}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("guard") / "s"
    begun(place).run()
    return place


@pytest.fixture
def page(folder):
    asker = Asker(folder)
    assert asker.enter().status == 200
    return asker


def paths(asker):
    """Every path there is, and some there are not."""
    return sorted({path for _, path in asker.guard.doors}) + [
        "/nothing",
        "/live.js/",
        "//",
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "",
    ]


def refused(count):
    """So many requests were refused, as they must be."""
    note("security", requests_that_must_be_refused=count, of_these_refused=count)


def body_for(path):
    return {"token": "wrong"} if path == "/enter" else {"name": "dance"}


def test_these_are_all_the_doors_and_what_they_ask_for(page):
    told = {place: door.needs for place, door in page.guard.doors.items()}
    files = ("/", "/theme.js", "/live.js", "/plotly.js", "/style.css", "/icon.svg")
    assert told == {("GET", path): "nothing" for path in files} | {
        ("POST", "/enter"): "nothing",
        ("GET", "/events"): "reading",
        ("GET", "/curve"): "reading",
        ("GET", "/candles"): "reading",
        ("POST", "/command"): "control",
    }


def test_without_leave_every_method_on_every_path_is_refused_but_the_empty_page_and_the_door_to_enter(folder):
    stranger = Asker(folder)
    passed = set()
    for method in METHODS:
        for path in paths(stranger):
            told = stranger.ask(method, path, body_for(path))
            if told.status == 401:
                assert told.body == b"enter by the address that barcast printed\n"
            else:
                passed.add((method, path))
    assert passed == {place for place, door in stranger.guard.doors.items() if door.needs == "nothing"}
    refused(len(METHODS) * len(paths(stranger)) - len(passed))
    assert stranger.ask("POST", "/enter", {"token": "wrong"}).status == 403


def test_with_leave_only_the_doors_answer(page):
    for method in METHODS:
        for path in paths(page):
            told = page.ask(method, path, body_for(path))
            if (method, path) not in page.guard.doors:
                assert told.status in (404, 405), (method, path)
    assert page.ask("HEAD", "/").status == 405
    assert page.ask("GET", "/command").status == 405


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_no_door_answers_under_another_host(page, host):
    for method, path in page.guard.doors:
        assert page.ask(method, path, body_for(path), host=HOSTS[host]).status == 403, path
    refused(len(page.guard.doors))


@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_no_door_answers_another_origin(page, origin):
    for method, path in page.guard.doors:
        assert page.ask(method, path, body_for(path), origin=ORIGINS[origin]).status == 403, path
    refused(len(page.guard.doors))


def test_no_method_on_any_path_passes_under_another_host_or_origin_whatever_leave_it_has(page):
    count = 0
    for method in METHODS:
        for path in paths(page):
            for name, wrong in (("host", HOSTS), ("origin", ORIGINS)):
                for value in wrong.values():
                    given = page.headers(method, **{name: value})
                    scope = {
                        "type": "http",
                        "method": method,
                        "path": path,
                        "raw_path": path.encode(),
                        "headers": given,
                    }
                    assert page.guard.refusal(scope)[0] == 403, (method, path, name, value)
                    count += 1
    assert count == len(METHODS) * len(paths(page)) * (len(HOSTS) + len(ORIGINS))
    refused(count)


def test_two_hosts_or_two_origins_are_none(page):
    for method, path in page.guard.doors:
        given = page.headers(method)
        assert page.put(method, path, [*given, (b"host", HOST.encode())]).status == 403
        assert (
            page.put(method, path, [*given, (b"origin", ORIGIN.encode()), (b"origin", ORIGIN.encode())]).status == 403
        )


def test_whatever_is_no_get_must_say_where_it_comes_from(page):
    assert page.ask("POST", "/command", {"name": "pause"}, origin=None).status == 403
    assert page.ask("POST", "/enter", {"token": page.passes.token}, origin=None).status == 403


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), ("", 403)]
)
def test_what_the_browser_says_of_the_way_is_believed(page, site, status):
    for path in ("/", "/live.js", *READS):
        assert page.ask("GET", path, sec_fetch_site=site).status == status, path


def test_a_cookie_reads_and_does_not_command(page):
    for path, status in READS.items():
        assert page.ask("GET", path).status == status
    for key in (None, "", "wrong", page.key[:-1], page.key + "a", page.cookie):
        assert page.ask("POST", "/command", {"name": "pause"}, x_barcast_key=key).status == 403, key
    assert page.ask("POST", "/command", {"name": "pause"}).status == 409  # the session is over, but it was heard


def test_a_key_without_its_own_cookie_does_not_command(folder):
    page = Asker(folder)
    page.enter()
    first = page.key
    page.enter()
    assert page.ask("POST", "/command", {"name": "pause"}, x_barcast_key=first).status == 403
    assert page.ask("POST", "/command", {"name": "pause"}, cookie=None).status == 401


def test_a_page_that_may_only_read_gives_no_key_and_takes_none(folder):
    page = Asker(folder, control=False)
    assert page.enter().json == {"key": ""}
    for key in (None, "", "x", *page.passes.readers.values()):
        told = page.ask("POST", "/command", {"name": "kill"}, x_barcast_key=key)
        assert (told.status, told.body) == (403, b"read-only: start the session with --allow-control\n")


def test_a_token_is_good_for_one_entry(folder):
    page = Asker(folder)
    token = page.passes.token
    assert page.ask("POST", "/enter", {"token": token}).status == 200
    assert page.ask("POST", "/enter", {"token": token}).status == 403
    assert page.passes.token != token
    assert len(page.passes.token) == 43


def test_after_ten_wrong_tokens_nobody_enters_for_a_minute(folder):
    page, now = Asker(folder), [0.0]
    page.passes.elapsed = lambda: now[0]
    for _ in range(10):
        assert page.ask("POST", "/enter", {"token": "x"}).status == 403
    assert page.enter().status == 429
    now[0] = 60.0
    assert page.enter().status == 200


def test_the_oldest_of_seventeen_pages_has_to_enter_anew(folder):
    page = Asker(folder)
    page.enter()
    first = page.cookie
    for _ in range(16):
        page.enter()
    assert page.ask("GET", "/curve?span=all", cookie=first).status == 401
    assert page.ask("GET", "/curve?span=all").status == 200


def test_the_cookie_is_for_this_page_and_no_script(page):
    told = page.enter().headers["set-cookie"]
    assert told.startswith(f"barcast-{PORT}=")
    assert told.split("; ")[1:] == ["HttpOnly", "SameSite=Strict", "Path=/"]


@pytest.mark.parametrize(
    "cookie",
    ["barcast-8765=", "barcast-8765", "barcast-876=x", "xbarcast-8765={0}", "barcast-8765={0}x", "BARCAST-8765={0}"],
)
def test_a_cookie_that_is_not_ours_reads_nothing(page, cookie):
    assert page.ask("GET", "/curve?span=all", cookie=cookie.format(page.cookie.split("=")[1])).status == 401


def test_a_websocket_is_closed_before_it_is_open(page):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/events", "headers": page.headers("GET")}
    asyncio.run(page.guard(scope, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_path_that_was_written_otherwise_is_another_path(page):
    sent = []

    async def send(message):
        sent.append(message)

    for raw in (b"/%63urve", b"/curve;x", b"//curve"):
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/curve",
            "raw_path": raw,
            "query_string": b"span=all",
            "headers": page.headers("GET"),
        }
        asyncio.run(page.guard(scope, None, send))
    assert [m["status"] for m in sent if m["type"] == "http.response.start"] == [405, 405, 405]


def test_every_answer_carries_the_policy_and_is_kept_nowhere(page):
    for method, path in page.guard.doors:
        for more in ({}, {"host": "evil.com"}):
            told = page.ask(method, path, body_for(path), **more).headers
            assert {name: told[name] for name in HEADERS} == HEADERS
            assert "access-control-allow-origin" not in told
            file = page.guard.doors[method, path].needs == "nothing" and method == "GET" and not more
            assert file or told["cache-control"] == "no-store"


def test_the_policy_is_the_one_that_was_tried():
    assert HEADERS["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; style-src-attr 'unsafe-inline'"
    )


def test_a_door_that_forgets_to_ask_would_be_noticed(folder):
    page = Asker(folder)
    doors = dict(page.guard.doors)
    doors["GET", "/curve"] = Door(doors["GET", "/curve"].answer, "nothing")
    page.guard = Guard(doors, PORT, page.passes, lambda body: body)
    with pytest.raises(AssertionError):
        test_these_are_all_the_doors_and_what_they_ask_for(page)
    assert page.ask("GET", "/curve?span=all").status == 200


def test_tokens_differ_and_compare_whole():
    made = {Passes(True, lambda: 0.0).token for _ in range(50)}
    assert len(made) == 50
    assert same("abc", "abc") and not same("abc", "ab") and not same("", "abc") and not same("ä", "a")
