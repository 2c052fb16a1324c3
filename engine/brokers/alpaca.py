"""Alpaca's paper account as a venue, through alpaca-py: deadlines on every call, no redirects, and no host but paper's."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from engine.brokers.facts import ABSENT, ENDED, FILLED, LIVE, Answer, Intent
from engine.brokers.sending import DuplicateError, UncertainError
from engine.errors import BrokerError, first_line
from engine.feeds.keys import Keys
from engine.feeds.rest import deadlined, load_alpaca

PAPER = "https://paper-api.alpaca.markets"
LOOPBACK = "127.0.0.1"
OVER = {"canceled", "expired", "rejected", "suspended", "stopped", "replaced", "calculated"}
OPEN = {
    "new", "accepted", "pending_new", "accepted_for_bidding", "partially_filled", "held", "pending_cancel",
    "pending_replace", "done_for_day", "pending_review",
}  # fmt: skip


class AlpacaPaper:
    """A Venue. `at`: another address, which must be paper's or this machine's; anything else is refused."""

    def __init__(
        self, keys: Keys, at: str = PAPER, crypto: bool = False, connect: float = 5.0, read: float = 15.0
    ) -> None:
        _paper_only(at)
        trading = load_alpaca("alpaca.trading.client")
        key, secret = keys.reveal()
        self.keys, self.crypto = keys, crypto
        client = trading.TradingClient(key, secret, paper=True, raw_data=True, url_override=at.rstrip("/"))
        self._client: Any = deadlined(client, connect, read)

    def submit(self, intent: Intent) -> Answer:
        """A market order of the day (crypto: until cancelled); sent while the market is shut it meets the open."""
        body = {
            "symbol": intent.symbol,
            "qty": f"{abs(intent.quantity):.9f}".rstrip("0").rstrip("."),
            "side": "buy" if intent.quantity > 0 else "sell",
            "type": "market",
            "time_in_force": "gtc" if self.crypto else "day",
            "client_order_id": intent.id,
        }
        status, told = self._call("POST", "/orders", body)
        if status == 200:
            return self._answer(told, intent.id)
        said = str(told.get("message", ""))[:200]
        if status == 422 and ("client_order_id" in said or (told.get("code") == 40010001 and "unique" in said)):
            raise DuplicateError(intent.id)
        if status in (400, 403, 404, 422):
            return Answer(intent.id, ENDED, why=f"refused ({status}): {self.keys.hide(said)}")
        if status == 401:
            raise BrokerError("broker: alpaca does not accept the keys (401); they must be those of a paper account")
        raise UncertainError(f"HTTP {status}")

    def query(self, id_: str) -> Answer:
        """By the client order id."""
        status, told = self._call("GET", "/orders:by_client_order_id", {"client_order_id": id_})
        if status == 404:
            return Answer(id_, ABSENT)
        if status != 200:
            raise UncertainError(f"HTTP {status}")
        return self._answer(told, id_)

    def positions(self) -> dict[str, float]:
        """Signed quantities by symbol."""
        found = self._list("/positions", {})
        return {str(row["symbol"]): float(row["qty"]) for row in found}

    def open_orders(self) -> tuple[str, ...]:
        """Client order ids of open orders."""
        return tuple(str(row["client_order_id"]) for row in self._list("/orders", {"status": "open", "limit": 500}))

    def cancel_all(self) -> None:
        """Cancel every open order of the account: the kill."""
        status, _ = self._call("DELETE", "/orders", None)
        if status not in (200, 204, 207):
            raise UncertainError(f"HTTP {status}")

    def _list(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        status, told = self._call("GET", path, query)
        if status != 200 or not isinstance(told, list):
            raise UncertainError(f"HTTP {status}")
        return told

    def _call(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        """(status, JSON); UncertainError for silence, broken lines and answers that are no JSON."""
        from alpaca.common.exceptions import APIError

        try:
            told = self._client._request(method, path, data)
            return 200, {} if told is None else told  # an empty list is an answer: nothing is held
        except APIError as error:
            status = int(error.status_code or 0)
            try:
                told = json.loads(str(error))
            except ValueError:
                told = {}
            return status, told if isinstance(told, dict) else {}
        except Exception as error:
            raise UncertainError(self.keys.hide(first_line(error))[:200]) from None

    def _answer(self, told: Any, id_: str) -> Answer:
        """An order as the venue tells it; one of another id, or of a state nobody knows, is no answer."""
        try:
            if told["client_order_id"] != id_:
                raise UncertainError("it answers about another order")
            side = 1.0 if told["side"] == "buy" else -1.0
            filled, status = side * float(told["filled_qty"]), str(told["status"])
            price = told.get("filled_avg_price")
        except (KeyError, TypeError, ValueError) as error:
            raise UncertainError(f"an order that cannot be read: {first_line(error)}") from None
        if status not in OVER | OPEN | {"filled"}:
            raise UncertainError(f"unknown status {status[:40]!r}")
        state = FILLED if status == "filled" else ENDED if status in OVER else LIVE
        return Answer(id_, state, filled, float("nan") if price is None else float(price), status)


def _paper_only(at: str) -> None:
    """BrokerError unless the address is the paper account's, or this machine's for tests."""
    parts = urlsplit(at)
    local = parts.scheme == "http" and parts.hostname == LOOPBACK
    if (not local and at.rstrip("/") != PAPER) or parts.username is not None:
        raise BrokerError(f"broker: only {PAPER} is allowed; it was {parts.scheme}://{parts.hostname}")
