"""Memory, handles and threads of a session stay where they are; scripts/torture soak says so of a year."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.live.soaking import Sample, Soak, soaked, year
from tests.promises import note, size

ROOT = Path(__file__).resolve().parents[2]


def test_a_session_holds_no_more_at_its_end_than_after_its_first_fifth(tmp_path):
    rows = size(2_000, 525_600)
    found = soaked(year(rows, 2), tmp_path / "s", rows // 20)
    assert found.slices == rows and found.gaps > 20 and found.fills > 20 and found.commands == 80
    assert found.mb_grown < 16.0 and found.handles_grown == 0 and found.threads_grown == 0
    note(
        "soak",
        slices=found.slices,
        MB_grown=f"{found.mb_grown:.1f}",
        handles_grown=found.handles_grown,
        slices_a_second=f"{found.slices / found.seconds:,.0f}",
    )


def test_a_session_that_keeps_every_slice_and_a_handle_now_and_then_is_found_out(tmp_path):
    code = (  # a process of its own: one that has freed much would give of that first
        "import sys; from pathlib import Path; from tests.live.soaking import soaked, year; "
        "found = soaked(year(1_000, 2), Path(sys.argv[1]), 50, leak=True); print(found.mb_grown, found.handles_grown)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s")]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert float(told[-2]) > 50.0 and int(told[-1]) > 10


def test_what_grows_in_the_first_fifth_is_not_counted_and_what_grows_after_it_is():
    held = [Sample(k, mb, 10, 3) for k, mb in ((10, 100.0), (20, 150.0), (60, 150.5), (80, 158.0), (100, 151.0))]
    assert Soak(held, slices=100).mb_grown == 8.0
