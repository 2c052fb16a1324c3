"""What is shown is read from journals; these tests need no syncs, and are faster without."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_syncs():
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fdatasync", lambda handle: None)
    patch.setattr(os, "fsync", lambda handle: None)
    yield
    patch.undo()
