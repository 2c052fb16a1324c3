"""Vendors on loopback: a plain HTTP server, and a proxy that ends TLS with a certificate of our own, so that a client goes
to the hosts it always goes to. Both answer what a script says; what the script lets through, a vendor's routes answer.
"""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

HOSTS = (
    "fc.yahoo.com",
    "query1.finance.yahoo.com",
    "query2.finance.yahoo.com",
    "guce.yahoo.com",
    "consent.yahoo.com",
    "finance.yahoo.com",
)


class Answer:
    """An HTTP answer; `cut` sends so many bytes of the body and hangs up."""

    def __init__(
        self, body: Any, status: int = 200, kind: str = "application/json", cut: int | None = None, **headers: str
    ) -> None:
        self.body = (
            body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        self.status, self.cut = status, cut
        self.headers = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}


LIMITED = Answer("Too Many Requests", 429, "text/plain", Retry_After="7")
BROKEN = Answer("<html><body>Internal error</body></html>", 500, "text/html")
PAGE = Answer("<html><body>Please wait while we check your browser</body></html>", 200, "text/html")
FORBIDDEN = Answer({"msg": "Service unavailable from a restricted location"}, 451)


class Desk:
    """A vendor: `routes` answer (host, path, query); `script` answers first, one entry for each question about bars."""

    def __init__(self, routes: Callable[[str, str, dict[str, str]], Answer], about_bars: str) -> None:
        self.routes, self.about_bars = routes, about_bars
        self.script: list[Answer | None] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def bars_asked(self) -> int:
        return sum(self.about_bars in path for _, path, _ in self.asked)

    def answer(self, host: str, target: str) -> Answer:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append((host, parts.path, query))
        if self.about_bars in parts.path and self.script:
            said = self.script.pop(0)
            if said is not None:
                if said.cut is not None and not said.body:
                    whole = self.routes(host, parts.path, query)
                    return Answer(whole.body, cut=said.cut)
                return said
        return self.routes(host, parts.path, query)


def handler(desk: Desk, context: ssl.SSLContext | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = "127.0.0.1"

        def do_CONNECT(self) -> None:
            self.host = self.path.split(":")[0]
            self.send_response(200)
            self.end_headers()
            try:
                self.connection = context.wrap_socket(self.connection, server_side=True)
            except (ssl.SSLError, OSError):
                self.close_connection = True
                return
            self.request = self.connection
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            self.close_connection = False

        def do_GET(self) -> None:
            said = desk.answer(self.host, self.path)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body if said.cut is None else said.body[: said.cut])
            if said.cut is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.close() if isinstance(self.connection, ssl.SSLSocket) else self.connection.shutdown(
                    socket.SHUT_RDWR
                )

        do_POST = do_GET  # noqa: N815

        def handle(self) -> None:
            with suppress(OSError, ValueError):  # the other side hung up, or this one did
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.close()

        def log_message(self, *words: Any) -> None:
            pass

    return Handler


@contextmanager
def served(desk: Desk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port on which the desk answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(desk, context))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate authority made here and now, and a context that shows Yahoo's hosts signed by it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def made(subject: str, key: Any, issuer: str, signer: Any, *extensions: Any) -> Any:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
        )
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=1))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    basic = (x509.BasicConstraints(ca=True, path_length=None), True)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = made("test authority", root, "test authority", root, basic, (usage, True))
    sans = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    signed = made("yahoo", leaf, "test authority", root, (sans, False))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(
        leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    context.set_alpn_protocols(["http/1.1"])
    return folder / "ca.pem", context


class FakeTime:
    """A clock that a sleep moves."""

    def __init__(self, now: str) -> None:
        self.seconds = dt.datetime.fromisoformat(now).timestamp()
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
