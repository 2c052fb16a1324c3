"""The suite says whose frames the clients were fed: captured from the source, written after its documents, or made here."""

from __future__ import annotations

from tests.feeds.loopback import FRAMES


def pytest_terminal_summary(terminalreporter):
    if FRAMES:
        told = ", ".join(f"{what} {count:,}" for what, count in sorted(FRAMES.items()))
        terminalreporter.write_line(f"frames sent to real clients on loopback: {told}")
