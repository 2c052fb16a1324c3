"""verify finds every kind of lie in a journal that is whole: the row that differs, and how."""

from __future__ import annotations

import numpy as np
import pytest

from engine import journal
from engine.errors import ConfigError
from engine.live import paper, tape
from engine.live.commands import Command
from engine.live.refold import DivergedError
from tests.live.market import config, messy, noise, play


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "s"
    panel = messy(11, 60)
    script = {
        20: [Command("pause", "1")], 26: [Command("resume", "2", reason="on")], 40: [Command("exit", "3", "S1")],
        45: [Command("lock", "4", "S2", int(panel.times[50]))],
    }  # fmt: skip
    play(folder, config(), panel, script=script, disturbed=noise(11, panel), every=20)
    return folder


def retold(session, folder, change):
    """The session's journal written anew, whole and with hashes that fit, each row through `change` (None drops it)."""
    rows = list(journal.read(session / "journal"))
    folder.mkdir()
    writer = journal.create(folder / "journal", rows[0].body)
    done = False
    for row in rows[1:]:
        body = None if done else change(row)
        if body is not None:
            done = True
        if body != {}:
            writer.append(row.kind, row.body if body is None else body)
    writer.close()
    assert done, "nothing was changed"
    return folder


def nudged(kind, key, skip=3):
    """A change of one number in the `skip`-th row of a kind: the smallest step up."""
    seen = [0]

    def change(row):
        if row.kind != kind or key not in row.body:
            return None
        seen[0] += 1
        if seen[0] < skip:
            return None
        value = np.array(row.body[key])
        flat = value.reshape(-1)
        real = np.flatnonzero(~np.isnan(flat)) if flat.dtype.kind == "f" else np.arange(len(flat))
        if not len(real):
            return None
        flat[real[0]] = np.nextafter(flat[real[0]], np.inf) if flat.dtype.kind == "f" else flat[real[0]] + 1
        return row.body | {key: value.tolist() if isinstance(row.body[key], list) else value}

    return change


def test_the_session_as_it_is_gets_a_certificate(session):
    found = paper.verify_session(session)
    assert found.digest == found.backtest and found.complete and found.checkpoints == 4
    assert found.head == list(journal.read(session / "journal"))[-1].hash


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (tape.FILL, "price"), (tape.FILL, "quantity"), (tape.FILL, "fee"), (tape.FILL, "reason"), (tape.DECISION, "money"),
        (tape.INTENT, "quantity"), (tape.INTENT, "due"),
    ],
)  # fmt: skip
def test_a_derived_number_that_is_off_by_one_bit_is_named(session, tmp_path, kind, key):
    other = retold(session, tmp_path / "s", nudged(kind, key))
    with pytest.raises(DivergedError, match=rf"row \d+, {kind} of slice \d+: replay and journal differ: {key}"):
        paper.verify_session(other)


@pytest.mark.parametrize("skip", [30, 45])
def test_a_bar_that_was_changed_shows_in_what_it_led_to(session, tmp_path, skip):
    def change(row):
        if row.kind == tape.SLICE and row.body["t"] == skip:
            return row.body | {"bars": row.body["bars"] * 1.01}
        return None

    with pytest.raises(DivergedError, match=f"slice {skip}: replay and journal differ"):
        paper.verify_session(retold(session, tmp_path / "s", change))


def test_a_forecast_that_was_changed_shows(session, tmp_path):
    other = retold(session, tmp_path / "s", nudged(tape.FORECASTS, "values", 30))
    with pytest.raises(DivergedError, match=r"decision of slice \d+: replay and journal differ: digest"):
        paper.verify_session(other)


def test_a_checkpoint_that_is_not_the_fold_is_named(session, tmp_path):
    def change(row):
        if row.kind != tape.CHECKPOINT:
            return None
        state = dict(row.body["state"])
        state["account.money"] = state["account.money"] + np.eye(1, len(state["account.money"]))[0] * 0.01
        return row.body | {"state": state}

    with pytest.raises(
        DivergedError, match=r"checkpoint after slice 19: replay and journal differ: account.money\[0\]"
    ):
        paper.verify_session(retold(session, tmp_path / "s", change))


@pytest.mark.parametrize("kind", [tape.FILL, tape.INTENT, tape.DECISION, tape.FORECASTS, tape.SLICE])
def test_a_row_that_is_gone_is_missed(session, tmp_path, kind):
    with pytest.raises(DivergedError):
        paper.verify_session(retold(session, tmp_path / "s", gone(kind, 12)))


def gone(kind, which):
    """A change that leaves out one row of a kind."""
    seen = [0]

    def change(row):
        seen[0] += row.kind == kind
        return {} if row.kind == kind and seen[0] == which else None

    return change


@pytest.mark.parametrize("kind", [tape.COMMAND, tape.ACTION, tape.GAP])
def test_an_input_that_is_gone_is_missed_wherever_it_mattered(session, tmp_path, kind):
    whole, missed = paper.verify_session(session), 0
    for k in range(1, 1 + sum(row.kind == kind for row in journal.read(session / "journal"))):
        other = retold(session, tmp_path / f"s{k}", gone(kind, k))
        try:
            assert paper.verify_session(other).digest == whole.digest
        except DivergedError:
            missed += 1
        assert (
            list(journal.read(other / "journal"))[-1].hash != whole.head
        )  # what did not matter still shows in the head
    assert missed >= 1


def test_another_file_is_refused(session):
    from engine.live.verify import verify
    from engine.run import make_signals

    other = paper.load_config(config(capital=50_000.0))
    with pytest.raises(ConfigError, match=r"config.capital was 100000.0, is 50000.0"):
        verify(session, make_signals(other), other)


def test_a_signal_that_answers_otherwise_now_is_counted(session, monkeypatch):
    from signals.momentum import Momentum

    before = Momentum.forecast
    monkeypatch.setattr(Momentum, "forecast", lambda self, bars: before(self, bars) + 0.05)
    found = paper.verify_session(session)
    assert found.digest == found.backtest
    assert found.largest == pytest.approx(0.05) and found.flips > 0
