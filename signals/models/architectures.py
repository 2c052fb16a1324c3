"""What a net may be: its kind and sizes, as strict models with bounds, so that no description can ask for all memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Units = Annotated[int, Field(ge=1, le=1024)]
Inputs = Annotated[int, Field(ge=1, le=1024)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]


class Shape(BaseModel):
    """What every architecture says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    forget_bias: Annotated[float, Field(ge=-10.0, le=10.0)] = Field(
        1.0, description="at the start of the LSTMs; long memories need 3"
    )


class Rank(Shape):
    """C: LSTM, last step, linear; with `head`, a ReLU layer of that width between."""

    kind: Literal["rank"] = "rank"
    inputs: Inputs = 14
    hidden: Units = Field(128, description="of the LSTM")
    layers: Annotated[int, Field(ge=1, le=8)] = Field(2, description="of the LSTM")
    dropout: Dropout = Field(0.2, description="between the layers")
    head: Units | None = Field(None, description="of a ReLU layer before the output; null: none")


class Direction(Rank):
    """B: the same net, whose output is the logit of a rise."""

    kind: Literal["direction"] = "direction"  # type: ignore[assignment]
    inputs: Inputs = 95


class Stock(Shape):
    """A: two LSTMs, each normalised and dropped out, then two dense layers; the output is a scaled price."""

    kind: Literal["stock"] = "stock"
    inputs: Inputs = 1
    lstm_units: Units = Field(50, description="of each of the two LSTMs")
    dense_units: Units = Field(25, description="of the dense layer before the output")
    dropout_rate: Dropout = Field(0.3, description="after each LSTM")
    dense_dropout: Dropout = Field(0.2, description="after the dense layers")
    use_batch_norm: bool = Field(True, description="after each LSTM")


class Attention(Shape):
    """D: three LSTMs with attention over time; `literal` multiplies by the weights where ours sums, and batch-normalises."""

    kind: Literal["attention"] = "attention"
    inputs: Inputs = 27
    units: Annotated[list[Units], Field(min_length=3, max_length=3)] = Field(
        [192, 96, 48], description="of the three LSTMs"
    )
    dropout: Dropout = Field(0.35, description="after the LSTMs")
    dense: Annotated[list[Units], Field(min_length=2, max_length=2)] = Field(
        [64, 32], description="of the dense layers"
    )
    dense_dropout: Dropout = Field(0.2, description="after the dense layers")
    literal: bool = Field(False, description="multiplies by the attention where ours sums, and batch-normalises")


Architecture = Rank | Direction | Stock | Attention
ARCHITECTURES: dict[str, type[Shape]] = {
    "rank": Rank,
    "direction": Direction,
    "stock": Stock,
    "attention": Attention,
}
_ANY: TypeAdapter[Architecture] = TypeAdapter(Annotated[Architecture, Field(discriminator="kind")])


def parse(architecture: Mapping[str, Any]) -> Architecture:
    """The described architecture, defaults filled in; ValueError in one line where it is wrong."""
    try:
        return _ANY.validate_python(dict(architecture))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ARCHITECTURES)
        where = f"architecture.{place}" if place else "architecture"
        raise ValueError(f"{where}: {first['msg']}; got {str(first['input'])[:60]!r}") from None
