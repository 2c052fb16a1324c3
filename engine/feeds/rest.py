"""alpaca-py's REST clients made safe: a deadline on every call, no redirects, no repetition behind our back."""

from __future__ import annotations

from typing import Any

CONNECT, READ = 5.0, 15.0  # seconds


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
