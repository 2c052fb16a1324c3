"""The `feed` of a paper session: where slices come from. A backtest of the same file does not look at it."""

from __future__ import annotations

from pydantic import Field

from engine.config.base import WithArguments
from engine.config.kinds import Positive, Text, Whole


class FeedSpec(WithArguments):
    """Where a paper session's slices come from; every key not listed here is an argument of the feed."""

    source: Text = Field(description="replay (the bars of `data`), or a registered feed", examples=["replay"])
    warm_up: Whole | None = Field(
        None, description="slices of history before the first decision; default: what the longest window needs"
    )
    speed: Positive | None = Field(None, description="of a replay: times real time; default: as fast as it goes")
