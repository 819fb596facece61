"""Cadenza's HTTP API, as somebody calls it who tries again when the server is away."""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SECONDS = 60.0


@dataclass
class Api:
    """One client of it. `rest` lets some seconds pass, `state` tells whoever waits in vain how the server is."""

    port: int
    key: str
    rest: Callable[[float], object]
    state: Callable[[], str]

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; gone about again for as long as nobody answers."""
        deadline = time.monotonic() + SECONDS
        last: object = None
        while True:
            try:
                status, answer = self._call_once(method, path, body)
                if status < 500:
                    return status, answer
                last = answer
            except (OSError, http.client.HTTPException, ValueError) as failed:
                last = failed
            assert time.monotonic() < deadline, f"{method} {path}: {last!r} for {SECONDS:g} s; {self.state()}"
            self.rest(0.1)

    def _call_once(self, method: str, path: str, body: object) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            line.request(method, f"/api{path}", None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            line.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a call that has to succeed."""
        status, answer = self.call(method, path, body)
        assert status < 400, f"{method} {path}: {status} {answer}"
        return answer
