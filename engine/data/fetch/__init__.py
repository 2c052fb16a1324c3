"""Bars from a vendor into a file, once: patient with limits, resumed where it broke off, never fetched again unasked."""

from __future__ import annotations
