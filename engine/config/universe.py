"""The section `universe`: files that say who is a member when, and which sector a symbol is in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from engine.config.base import Model
from engine.config.kinds import Text
from engine.config.loader import describe
from engine.config.problems import At

SUFFIXES = (".csv", ".parquet")


def _table(value: str) -> str:
    if not value.lower().endswith(SUFFIXES):
        raise ValueError(f"expected a .csv or .parquet file, got {describe(value)}; name one, or convert the file")
    return value


_SCHEMA: dict[str, Any] = {"type": "string", "pattern": r"\.([cC][sS][vV]|[pP][aA][rR][qQ][uU][eE][tT])$"}
Table = Annotated[Text, AfterValidator(_table), WithJsonSchema(_SCHEMA)]


class Universe(Model):
    """Who may be held when; without members, every name of the data always."""

    members: Table | None = Field(
        None,
        description="symbol, start, end; an empty end is still a member; looked for beside this file first",
        examples=["members.csv"],
    )
    members_end: Literal["inclusive", "exclusive"] = Field(
        "inclusive", description="end is the last day as a member, or the first day out"
    )
    sectors: Table | None = Field(
        None,
        description="symbol, sector; for caps.max_sector; looked for beside this file first",
        examples=["sectors.csv"],
    )

    @model_validator(mode="after")
    def _of_members(self) -> Universe:
        if self.members is None and "members_end" in self.model_fields_set and self.members_end != "inclusive":
            raise At("members_end", "there are no members whose end it could be; name their file, or leave the key out")
        return self
