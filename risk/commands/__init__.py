"""Commands of this room: `barcast NAME` for each file, registered in pyproject.toml under barcast.commands."""
