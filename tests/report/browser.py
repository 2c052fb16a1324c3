"""A headless Chromium over its debugging pipe, with nothing but the standard library: load a page, ask it, look at it."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of a Chromium, None where none is installed."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page. `console` holds every warning, error and refusal of the policy that loading and running it brought."""

    def __init__(self, path: str, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        self.home = tempfile.mkdtemp(prefix="page-")
        to_child, self.write = os.pipe()
        self.read, from_child = os.pipe()

        def wire() -> None:
            a, b = os.dup(to_child), os.dup(from_child)  # apart from 3 and 4 first: either may lie there already
            os.dup2(a, 3)
            os.dup2(b, 4)

        words = [path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        words += [
            f"--user-data-dir={self.home}",
            "--no-first-run",
            "--disable-extensions",
            "--force-color-profile=srgb",
        ]
        self.process = subprocess.Popen(
            words, preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        self.number, self.left, self.console, self.requests, self.loaded = 0, b"", [], [], False
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session: str | None = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.size(width, height)
        self.scheme(dark)

    session: str | None = None

    def ask(self, method: str, patience: float = 60.0, **params: Any) -> dict[str, Any]:
        """The browser's answer to one command of its protocol."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + patience
        while True:
            answer = self._next(until)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            self._note(answer)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.left:
            ready, _, _ = select.select([self.read], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self.read, 1 << 20) if ready else b""
            if not piece:
                raise TimeoutError("the browser says nothing")
            self.left += piece
        message, _, self.left = self.left.partition(b"\0")
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            thrown = told["exceptionDetails"]
            self.console.append(str(thrown.get("exception", {}).get("description", thrown["text"])))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.console.append(json.dumps(told["args"])[:500])
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.console.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded = True

    def open(self, file: Path, settle: float = 0.2) -> None:
        """Load a file, wait until its charts have been drawn; what came before it is forgotten."""
        self.loaded, self.console, self.requests = False, [], []
        self.ask("Page.navigate", url=file.resolve().as_uri())
        until = time.monotonic() + 60
        while not self.loaded:
            self._note(self._next(until))
        self.run(f"new Promise(done => setTimeout(() => requestAnimationFrame(() => done(1)), {settle * 1000}))")

    def run(self, code: str) -> Any:
        """The value of an expression in the page."""
        told = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"])[:500])
        return told["result"].get("value")

    def scheme(self, dark: bool) -> None:
        """What the reader prefers."""
        told = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[told])

    def size(self, width: int, height: int) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def shot(self, file: Path, whole: bool = True) -> None:
        """A PNG of the page."""
        told = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(told["data"]))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.write)
        os.close(self.read)
        shutil.rmtree(self.home, ignore_errors=True)
