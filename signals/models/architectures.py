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

    forget_bias: Annotated[float, Field(ge=-10.0, le=10.0)] = 1.0  # long memories need 3


class Rank(Shape):
    """C: LSTM, last step, linear; with `head`, a ReLU layer of that width between."""

    kind: Literal["rank"] = "rank"
    inputs: Inputs = 14
    hidden: Units = 128
    layers: Annotated[int, Field(ge=1, le=8)] = 2
    dropout: Dropout = 0.2
    head: Units | None = None


class Direction(Rank):
    """B: the same net, whose output is the logit of a rise."""

    kind: Literal["direction"] = "direction"  # type: ignore[assignment]
    inputs: Inputs = 95


class Stock(Shape):
    """A: two LSTMs, each normalised and dropped out, then two dense layers; the output is a scaled price."""

    kind: Literal["stock"] = "stock"
    inputs: Inputs = 1
    lstm_units: Units = 50
    dense_units: Units = 25
    dropout_rate: Dropout = 0.3
    dense_dropout: Dropout = 0.2
    use_batch_norm: bool = True


class Attention(Shape):
    """D: three LSTMs with attention over time; `literal` multiplies by the weights where ours sums, and batch-normalises."""

    kind: Literal["attention"] = "attention"
    inputs: Inputs = 27
    units: Annotated[list[Units], Field(min_length=3, max_length=3)] = [192, 96, 48]
    dropout: Dropout = 0.35
    dense: Annotated[list[Units], Field(min_length=2, max_length=2)] = [64, 32]
    dense_dropout: Dropout = 0.2
    literal: bool = False


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
