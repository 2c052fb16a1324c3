"""A catalogue of planted bugs: all of them are caught."""

from __future__ import annotations

import pytest

from tests.live.planted import PLANTED
from tests.promises import note


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_the_bug_is_caught(bug, tmp_path):
    assert bug.caught(tmp_path)
    note("planted", caught_in_sessions=1, of_those_planted_there=1)
