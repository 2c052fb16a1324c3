"""Figures that somebody has reported: which cannot be true together, which are hard to believe, and their honest intervals."""

from __future__ import annotations

from engine.claims.auditing import Audited, audit, audit_file
from engine.claims.finding import Finding

__all__ = ["Audited", "Finding", "audit", "audit_file"]
