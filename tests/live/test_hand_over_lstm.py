"""A hand-over between two model folders of a trained kind, through the lstm plugin itself."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine import journal  # noqa: E402
from engine import plugins as registry  # noqa: E402
from engine.live import paper, tape  # noqa: E402
from engine.live.commands import Command  # noqa: E402
from signals.lstm import Lstm, load  # noqa: E402
from tests.live.market import Box, play  # noqa: E402
from tests.signals.test_lstm import day, model  # noqa: E402
from tests.signals.test_models_in_use import config, panel  # noqa: E402

AT = 70


def test_a_newer_folder_takes_over_and_one_that_knows_the_next_slice_does_not(tmp_path, monkeypatch):
    if "lstm" not in registry.names("barcast.signals"):
        monkeypatch.setitem(registry._from_files["barcast.signals"], "lstm", Lstm)
    market, said = panel(), []
    monkeypatch.setattr(Box, "refuse", lambda self, key, why: (said.append(why), self.done(key)), raising=False)
    old, new, knows = model(tmp_path / "old"), tmp_path / "new", tmp_path / "knows"
    dates = {"ranges": {"train": ("2010-01-01", "2012-12-31")}}
    model(new, seed=5, known_through=day(AT - 1), **dates)
    model(knows, seed=6, known_through=day(AT + 1), **dates)
    file = config(old) | {"feed": {"source": "replay"}}
    script = {AT: [Command("hand-over", f"h{k}", signal="r", model=str(place)) for k, place in enumerate((knows, new))]}
    play(tmp_path / "s", file, market, script=script)
    assert len(said) == 1 and "the next slice is of" in said[0]
    (row,) = (row.body for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.HAND_OVER)
    assert (row["was"], row["fingerprint"], row["t"]) == (load(old).sha256, load(new).sha256, AT)
    told = [row.body["values"][0] for row in journal.read(tmp_path / "s" / "journal") if row.kind == tape.FORECASTS]
    window = load(old).window
    for t, place in ((AT - 1, old), (AT, new), (AT + 3, new)):
        assert np.array_equal(told[t], load(place).forecast(market.window(t, window)), equal_nan=True), t
    found = paper.verify_session(tmp_path / "s")
    assert (found.hand_overs, found.asked_again, found.largest) == (1, True, 0.0)
