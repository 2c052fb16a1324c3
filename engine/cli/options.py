"""Options that several commands have, each said once."""

from __future__ import annotations

from typing import Annotated

import typer

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override one key; may be repeated")]
Plugins = Annotated[list[str] | None, typer.Option("--plugin", metavar="FILE", help="a Python file of your plugins")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")]
Symbols = Annotated[str | None, typer.Option(help="comma-separated; all unless said")]
Prices = Annotated[str | None, typer.Option(help="as_traded (so unless said), split_adjusted or total_return")]
Dividends = Annotated[str | None, typer.Option(help="as_traded, split_adjusted or none (so unless said)")]
MissingOpen = Annotated[str | None, typer.Option(help="refuse (so unless said), previous_close or close_fills")]
Calendar = Annotated[str | None, typer.Option(help="XNYS, XBOM, 24/7 ...")]
