"""In-process crashes lose what was not written, never what was not synced: these tests need no syncs, and are faster without."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_syncs(monkeypatch):
    monkeypatch.setattr(os, "fdatasync", lambda handle: None)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
