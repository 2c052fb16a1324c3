"""Reason codes and their words."""

from __future__ import annotations

import pytest

from engine import codes as c


def test_a_code_is_read_back_in_words():
    said = c.describe(c.FILLED | c.STOPPED | c.LEAVE | c.CAPPED)
    assert said == {"fate": ["filled", "stopped"], "decision": "leave", "notes": ["capped"]}


def test_every_bit_has_one_meaning():
    bits = [*c.FATES, *c.NOTES]
    assert len(set(bits)) == len(bits) == sum(bit.bit_count() for bit in bits)
    assert not any(bit & c.DECISION_MASK for bit in bits)
    assert len(c.DECISIONS) == 26


def test_a_code_from_a_later_version_is_not_guessed_at():
    with pytest.raises(ValueError, match="not a reason code"):
        c.describe(200 << c.DECISION_SHIFT)
