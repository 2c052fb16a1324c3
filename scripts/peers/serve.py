"""The protocol between the bench and one contender's child process; the standard library alone.

    python FILE FOLDER CASE VARIANT

The child loads FOLDER's arrays, prints {"ready": true, "version": ...}, then runs once per line it reads and answers each with
one line of JSON: {"seconds": ..., and whatever else the case tells}. Only `seconds`, taken by the child around the work
itself, is a measurement: loading, checking and printing lie outside it.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Prepare = Callable[[Path, dict[str, Any], str], Callable[[], Answer]]  # (folder, facts, variant) -> one run


def quiet_output() -> Any:
    """A writer on the real standard output; whatever libraries print from now on goes to standard error."""
    sys.stdout.flush()
    real = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return real


def serve(version: str, cases: dict[str, Prepare]) -> None:
    """Prepare the case named on the command line, then answer every line of standard input with one run."""
    answers = quiet_output()

    def say(answer: Answer) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    folder, case, variant = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    try:
        facts = json.loads((folder / "facts.json").read_text())
        run = cases[case](folder, facts, variant)
        say({"ready": True, "version": version})
        for _ in sys.stdin:
            say(run())
    except Exception as error:
        traceback.print_exc()
        say({"failed": f"{type(error).__name__}: {error}"})
        raise SystemExit(1) from error
