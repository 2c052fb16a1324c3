"""python -m engine.cli: the command line without an installed `barcast`."""

from engine.cli import main

main()
