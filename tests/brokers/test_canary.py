"""Keys that must never be written: a whole session with feed, broker, page and logs at their loudest, a crash, a restart; every byte searched."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import pytest

from engine import latch
from engine.brokers import building
from engine.brokers.alpaca import AlpacaPaper
from engine.brokers.sending import UncertainError
from engine.cli.rows import printed
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND, Values
from engine.feeds.keys import Keys
from engine.live import paper
from engine.live.beginning import begin
from engine.live.clock import SystemClock
from engine.live.export import export
from engine.live.logs import logging_to
from engine.live.status import Reporter, lines_of, read_status
from engine.run import load_config, make_signals
from engine.web.serve import opened
from tests.brokers.papers import KEY, SECRET, Papers
from tests.feeds.rigs import AlpacaRig
from tests.feeds.test_alpaca import shapes
from tests.feeds.test_session import FILE, Killed, Market
from tests.promises import note

LOUD = ("websockets", "websockets.client", "urllib3", "asyncio", "alpaca", "requests", "uvicorn", "aiohttp")


class Telltale(AlpacaPaper):
    """Wrong: its errors say what it was begun with."""

    def positions(self):
        raise UncertainError(f"HTTP 504 with {SECRET}")


@pytest.fixture
def loud(caplog, monkeypatch):
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", SECRET)
    with caplog.at_level(logging.DEBUG):
        for name in LOUD:
            caplog.set_level(logging.DEBUG, logger=name)
        yield caplog


def played(folder: Path, make: type[AlpacaPaper]) -> None:
    """A session of twelve minutes that is cut off, killed and gone on with; its venue answers badly half of the time."""
    rig, papers = AlpacaRig(), Papers()
    try:
        for k in range(-10, 1):
            rig.source(k, 0, Values(100.0, 120.0, 80.0, 100.0 + k, 10.0))
            rig.source(k, 1, Values(100.0, 120.0, 80.0, 99.5 - k, 10.0))
        config = load_config(FILE | {"feed": {"source": "ccxt", "symbols": list(rig.symbols)}})
        rules = Rules(patience=20 * SECOND, outage=3600 * SECOND)
        for life, dies_at in enumerate((5, 0)):
            feed = rig.start(rules)
            session = begin(folder, config, feed, make_signals(config), clock=rig.clock)
            session.beside = building.mirror(session, config, make(Keys(KEY, SECRET), papers.at, connect=0.5, read=0.4))
            session.beside.patience = 0.2
            market = Market(rig, 8, dies_at=dies_at)
            if life:
                market.k, market.met = 4, session.fold.met - 1
            try:
                one_life(session, market, papers)
            except Killed:
                traceback.print_exc()
                feed.close()
                session.writer.close()
                rig.server.subscribed.clear()
        latch.kill(folder, 1)
    finally:
        rig.stop()
        papers.stop()


def one_life(session, market, papers) -> None:
    """Until the market is over or the process is gone, everything watching."""
    with logging_to(session.folder, sys.stderr) as logger, opened(session, SystemClock(), control=True) as page:
        session.log = logger.log
        report = Reporter(session, SystemClock(), 0.1)

        def show(held) -> None:
            report(held)
            page.show(held)
            papers.fault = "504 after" if held.fold.met % 2 else None
            market(held)

        try:
            session.run(stop=market.over, show=show)
        except Killed:
            logger.exception("the process is gone")
            raise


def everything(folder: Path, caplog, capfd) -> bytes:
    """All that was written anywhere: files, the journal as it is shown and exported, logs, both streams."""
    export(folder, folder / "export")
    said = [
        *printed(str(folder), (), None, False),
        *printed(str(folder), (), None, True),
        *lines_of(read_status(folder)),
    ]
    said += [str(paper.verify_session(folder)), caplog.text, *(repr(vars(record)) for record in caplog.records)]
    streams = capfd.readouterr()
    files = [file.read_bytes() for file in sorted(folder.parent.rglob("*")) if file.is_file()]
    assert len(files) >= 10 and any(b"\x00slice" in file or b"slice" in file for file in files)
    return b"\n".join([*files, "\n".join([*said, streams.out, streams.err]).encode()])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_key_is_in_any_byte_of_a_session(tmp_path, loud, capfd):
    played(tmp_path / "s", AlpacaPaper)
    written = everything(tmp_path / "s", loud, capfd)
    found = [shape for shape in shapes() if shape.encode() in written]
    assert b"mirror-intent" in written and b"Killed" in written and len(loud.records) > 20
    assert not found
    note("security", bytes_searched_for_secrets=len(written), secrets_found=len(found))


def test_a_broker_that_tells_its_key_is_found_out(tmp_path, loud, capfd):
    played(tmp_path / "s", Telltale)
    assert SECRET.encode() in everything(tmp_path / "s", loud, capfd)
