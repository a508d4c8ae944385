"""A page without a browser: opens the stream and sends messages as `server-link.mjs` does; and a server for nothing but the page's API."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from engines.api.access.guard import guarding
from engines.api.access.hosts import Hosts
from engines.api.access.limits import OpenResponses
from engines.api.access.policy import Policy
from engines.api.frames import frame
from engines.api.page_api import PREFIX, PageApi

WAIT_S = 30


class Tab:
    """One page."""

    def __init__(self, address: str, session: str | None = None) -> None:
        self.host = urlsplit(address).netloc
        self.session = session or secrets.token_hex(16)
        self.last = 0
        self.headers: dict[str, str] = {}
        """Sent with every request."""
        self.seen: list[dict[str, Any]] = []
        self._connection: http.client.HTTPConnection | None = None

    def open(self, **more: object) -> dict[str, Any]:
        """Open the stream, from the last event on; gives the ``open`` frame."""
        self._connection = http.client.HTTPConnection(self.host, timeout=WAIT_S)
        asked = {"session": self.session, "after": self.last, **more}
        self._connection.request("POST", f"/{PREFIX}/stream", frame(asked), self.headers)
        self.response = self._connection.getresponse()
        assert self.response.status == 200, self.response.read()
        return self.next()

    def close(self) -> None:
        """Drop the connection, without a word."""
        sock = self._connection.sock or self.response.fp.raw._sock  # type: ignore[union-attr]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.response.close()
        self._connection.close()

    def next(self) -> dict[str, Any]:
        """The next frame that says something; its bytes are `pcm`. EOFError where the stream has ended."""
        while True:
            head = self._read(8)
            text, data = struct.unpack("<II", head)
            message, sound = unframe(head + self._read(text + data)) if text else ({}, b"")
            if not message:
                continue
            self.last = message.get("number", self.last)
            return {**message, "pcm": sound} if sound else message

    def until(self, *types: str) -> list[dict[str, Any]]:
        """The events up to the first of one of these types; the status is left out."""
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in types:
            events += [event for event in [self.next()] if event["type"] != "status"]
        return events

    def ends(self) -> bool:
        """Whether the stream has ended, once everything is read."""
        try:
            while True:
                self.next()
        except (EOFError, ConnectionError):
            return True

    def send(self, type: str, data: bytes = b"", **fields: object) -> str:
        """Tell Python something; gives the problem."""
        status, answer = post(self.host, frame({"type": type, "session": self.session, **fields}, data), self.headers)
        assert status == 200, answer
        return str(answer["problem"])

    def say(self, text: str, turn: str) -> list[dict[str, Any]]:
        """Type something; gives the turn's events."""
        assert self.send("utterance", turn=turn, text=text) == ""
        return self.until("completed", "interrupted", "failed")

    def _read(self, size: int) -> bytes:
        found = self.response.read(size)
        if len(found) < size:
            raise EOFError
        return found


def unframe(one: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON object and the bytes of a frame."""
    text, data = struct.unpack_from("<II", one)
    assert len(one) == 8 + text + data
    return json.loads(one[8 : 8 + text]), one[8 + text :]


def post(host: str, body: bytes, headers: dict[str, str] | None = None, route: str = "message") -> tuple[int, dict[str, Any]]:
    """The status and the JSON that a request is answered with."""
    connection = http.client.HTTPConnection(host, timeout=WAIT_S)
    try:
        connection.request("POST", f"/{PREFIX}/{route}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@contextmanager
def serving(api: PageApi, prefix: str = "") -> Iterator[str]:
    """Serve the API on a free port of the loopback, as if behind a proxy that strips a prefix; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        guard = guarding(Policy(api.rules()), Hosts("127.0.0.1"), OpenResponses(500, 500))
        application = Starlette(routes=api.routes(), middleware=[guard])
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off", ws="none", root_path=prefix))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            api.close()
            server.should_exit = server.force_exit = True
            thread.join(WAIT_S)
