"""The report of a run: one self-contained HTML file, made from a run directory or a Result."""

from __future__ import annotations

from engine.report.build import render, write
from engine.report.checks import Check, Findings

__all__ = ["Check", "Findings", "render", "write"]
