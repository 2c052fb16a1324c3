"""The suite says whose frames the clients were fed: captured from the source, written after its documents, or made here."""

from __future__ import annotations

from tests.feeds.loopback import FRAMES
from tests.promises import note


def pytest_sessionfinish():
    kinds = {"captured": 0, "documented": 0, "made": 0}
    for what, count in FRAMES.items():
        kinds[what.split(": ")[1]] = kinds.get(what.split(": ")[1], 0) + count
    kinds.pop("captured klines that closed", None)  # counted among the captured
    if FRAMES:
        note("frames", **kinds)


def pytest_terminal_summary(terminalreporter):
    if FRAMES:
        told = ", ".join(f"{what} {count:,}" for what, count in sorted(FRAMES.items()))
        terminalreporter.write_line(f"frames sent to real clients on loopback: {told}")
