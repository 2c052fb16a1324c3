"""A paper session over a live feed: cut lines, a killed process, a restart; and verify proves it from its tape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.feeds import building
from engine.feeds.assembler import Rules
from engine.feeds.facts import SECOND, Values
from engine.live import paper
from engine.live.beginning import begin
from engine.live.session import Session
from engine.run import load_config, make_signals
from tests.feeds.loopback import HandClock
from tests.feeds.rigs import AlpacaRig, KrakenRig, Rig

FILE = {
    "name": "live",
    "data": {
        "source": "parquet",
        "path": "unused.parquet",
        "prices": "as_traded",
        "dividends": "none",
        "calendar": "24/7",
    },
    "feed": {"source": "ccxt", "exchange": "kraken", "symbols": ["BTC/USDT", "ETH/USDT"]},
    "signals": {"up": {"plugin": "momentum", "lookback": 3, "skip": 0}},
    "strategy": {"rule": "threshold", "signal": "up", "confidence": 0.001, "exit_confidence": -0.02, "size": "20%"},
    "execution": {"lot": 0, "commission": "10 bps"},
}


class Killed(Exception):  # noqa: N818 - what happens, not a mistake
    """The process is gone."""


class Market:
    """Streams a bar of each instrument and moves the clock, whenever the session has taken the slice before."""

    def __init__(self, rig: Rig, last: int, dies_at: int = 0) -> None:
        self.rig, self.k, self.last, self.dies_at, self.met, self.bars = rig, 0, last, dies_at, -1, 0
        self.draw = np.random.default_rng(5)

    def __call__(self, session: Session) -> None:
        if session.fold.met > self.met and self.rig.server.sockets and len(self.rig.server.subscribed) >= 2:
            self.met = session.fold.met
            self.k += 1
            if self.dies_at and self.k == self.dies_at:
                raise Killed
            for column in range(2):
                price = float(self.draw.integers(90, 110))
                self.rig.stream(self.k, column, Values(price, price + 2, price - 2, price + 1, 50.0))
            if self.k == 3:
                self.rig.server.subscribed.clear()
                self.rig.server.cut("abort")
            self.rig.now(self.k, 5)

    def over(self) -> bool:
        return self.k > self.last


@pytest.mark.parametrize("made", [KrakenRig, AlpacaRig])
def test_a_session_that_is_cut_off_and_killed_goes_on_and_is_proved_by_its_tape(made, tmp_path: Path):
    rig = made()
    try:
        for k in range(-10, 1):
            rig.source(k, 0, Values(100.0, 101.0, 99.0, 100.0 + k, 10.0))
            rig.source(k, 1, Values(100.0, 101.0, 99.0, 99.5 - k, 10.0)._replace(high=120.0, low=80.0))
            rig.source(k, 0, Values(100.0, 120.0, 80.0, 100.0 + k, 10.0))
        file = FILE | {"feed": {"source": "ccxt", "symbols": list(rig.symbols)}}
        config = load_config(file)
        rules = Rules(patience=20 * SECOND, outage=3600 * SECOND)
        feed = rig.start(rules)
        first = begin(tmp_path / "s", config, feed, make_signals(config), clock=rig.clock)
        market = Market(rig, 6, dies_at=5)
        with pytest.raises(Killed):
            first.run(show=market)
        feed.close()
        first.writer.close()
        rig.server.subscribed.clear()
        again = begin(tmp_path / "s", config, rig.start(rules), make_signals(config), clock=rig.clock)
        goes_on = Market(rig, 6)
        goes_on.k, goes_on.met = 4, again.fold.met - 1
        assert again.run(stop=goes_on.over, show=goes_on) == "stopped"
        certificate = paper.verify_session(tmp_path / "s")
        assert certificate.slices >= 2 + 6, certificate
    finally:
        rig.stop()


def build(**feed: object) -> object:
    config = load_config(FILE | {"feed": {"source": "ccxt"} | feed})
    spec = dict(config.feed.params)
    return building.ccxt(config=config, clock=HandClock(1_732_547_700 * SECOND), warm_up=3, **spec)


def test_a_file_makes_a_feed_with_its_symbols_in_order_and_its_rules():
    feed = build(symbols=["ETH/USD", "BTC/USD"], bars="settled", settle="40s", outage="2h", max_signal_age="90s")
    assert feed.universe.symbols == ("BTC/USD", "ETH/USD") and feed.universe.lot.tolist() == [0.0, 0.0]
    assert feed.rules == Rules(
        settle=40 * SECOND, outage=7200 * SECOND, max_signal_age=90 * SECOND, window=4, jump=5.0, frozen=10, absent=1440
    )
    assert (feed.facts.calendar, feed.facts.bars_per_year, feed.facts.daily) == ("24/7", 525_600.0, False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "feed.symbols: expected a list"),
        ({"symbols": ["BTC/USD", "BTC/USD"]}, "BTC/USD stands there twice"),
        ({"symbols": ["BTC/USD"], "grace": 5}, "feed.grace: expected a time"),
        ({"symbols": ["BTC/USD"], "settle": "9s"}, "add bars: settled"),
        ({"symbols": ["BTC/USD"], "bars": "last"}, "expected first_seen or settled"),
        ({"symbols": ["BTC/USD"], "patients": "9s"}, "ccxt takes no patients"),
        ({"symbols": ["BTC/USD"], "interval": "7m"}, "does not divide a day"),
    ],
)
def test_a_feed_that_cannot_be_is_refused_with_the_way_out(wrong, said):
    with pytest.raises(ConfigError, match=said):
        build(**wrong)
