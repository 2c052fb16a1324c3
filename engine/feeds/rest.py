"""alpaca-py's REST clients made safe: a deadline on every call, no redirects, no repetition behind our back."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from engine.errors import FeedError

CONNECT, READ = 5.0, 15.0  # seconds


def load_alpaca(module: str) -> Any:
    """A module of alpaca-py, which imports a part of websockets that warns of its age; FeedError where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="websockets", category=DeprecationWarning)
            return importlib.import_module(module)
    except ImportError:
        raise FeedError("alpaca-py is not installed; install barcast with its extra: pip install '.[live]'") from None


def deadlined(client: Any, connect: float = CONNECT, read: float = READ) -> Any:
    """The client with a session that gives up in time; a redirect is an error, and a request is sent once."""
    from requests import Session
    from requests.adapters import HTTPAdapter

    class InTime(Session):
        def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
            options["timeout"] = (connect, read)
            options["allow_redirects"] = False
            answer = super().request(method, url, *args, **options)
            if 300 <= answer.status_code < 400:
                answer.close()
                raise ConnectionError(f"HTTP {answer.status_code}: the server sends us elsewhere, which is refused")
            return answer

    session = InTime()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    client._session.close()
    client._session = session
    client._retry = 0
    return client
