"""How far a run can be believed, and why: one verdict and a few sentences, each with its numbers."""

from __future__ import annotations

from engine.belief.screen import Belief, Sentence, as_document, believe, believe_stored

__all__ = ["Belief", "Sentence", "as_document", "believe", "believe_stored"]
