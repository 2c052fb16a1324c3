"""Named columns of numbers made from bars: causal, scale-free, float32. A model names a set; nothing heavy is imported here."""

from __future__ import annotations

from signals.features.sets import Column, FeatureSet, feature_set, names

__all__ = ["Column", "FeatureSet", "feature_set", "names"]
