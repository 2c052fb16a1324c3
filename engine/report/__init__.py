"""The report of a run: one self-contained HTML file, made from a run directory or a Result."""

from __future__ import annotations

from engine.report.build import render, write

__all__ = ["render", "write"]
