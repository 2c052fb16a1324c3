"""Options that several commands have, each said once."""

from __future__ import annotations

from typing import Annotated

import typer

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override one key; may be repeated")]
Plugins = Annotated[list[str] | None, typer.Option("--plugin", metavar="FILE", help="a Python file of your plugins")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout, and nothing else")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")]
