"""Commands of this room, registered under `barcast.commands`: parse, call, print (engine.cli.extending)."""
