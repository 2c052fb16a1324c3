"""An error is read by a person in a terminal: what a file holds can neither end its line nor move the cursor."""

import copy

import pytest

from engine.errors import BarcastError, DamagedError, DataError, HeldError


@pytest.mark.parametrize("kind", [BarcastError, DataError, HeldError])
def test_a_control_character_in_an_error_is_written_as_an_escape(kind):
    told = str(kind("x.csv: '1\u2028.5\x85\x0c' and \x1b[2J \u202etext\r, é, 日本"))
    assert told == r"x.csv: '1\u2028.5\x85\x0c' and \x1b[2J \u202etext\r, é, 日本"
    assert len(told.splitlines()) == 1 and str(copy.copy(kind(told))) == told  # as between processes


def test_an_error_of_several_lines_keeps_them():
    assert str(DataError("one\n\ttwo")) == "one\n\ttwo"
    assert str(DamagedError("journal\x1b", 7)) == r"journal\x1b"
