"""The `feed` and `limits` of a paper session. A backtest of the same file does not look at them."""

from __future__ import annotations

from pydantic import Field

from engine.config.base import Model, WithArguments
from engine.config.kinds import Count, Positive, SomeFraction, Text, Whole


class FeedSpec(WithArguments):
    """Where a paper session's slices come from; every key not listed here is an argument of the feed."""

    source: Text = Field(description="replay (the bars of `data`), or a registered feed", examples=["replay"])
    warm_up: Whole | None = Field(
        None, description="slices of history before the first decision; default: what windows and gates need"
    )
    speed: Positive | None = Field(None, description="of a replay: times real time; default: as fast as it goes")


class VenueLimits(Model):
    """What may leave a paper session, beside `caps`; a breach halts it. Null is off."""

    collar: SomeFraction | None = Field(None, description="how far from the close a limit or stop price may be")
    orders_per_slice: Count | None = Field(None, description="orders of the session, and sent to a broker")
    orders_per_day: Count | None = Field(None, description="the same of a session day")
    max_order_value: Positive | None = Field(None, description="money, of an order that grows a position")
