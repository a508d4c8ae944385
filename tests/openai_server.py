"""A server on the loopback that speaks OpenAI's HTTP protocol for tests, well and badly: every answer is an act that a test chooses."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest
from conftest import in_threads

T = TypeVar("T")

PATIENCE_S = 20.0
"""No test waits longer for anything."""


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange(BaseHTTPRequestHandler):
    """One connection; acts write on it by these methods."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: OpenAIServer

    def do_GET(self) -> None:
        self._take()(self)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def _take(self) -> Act:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.taken(Request(self.command, self.path, headers, body))

    def log_message(self, *args: object) -> None:
        pass

    def head(self, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.head(status, kind, **headers, Content_Length=str(len(body)))
        self.wfile.write(body)

    def begin(self) -> None:
        self.head(200, "text/event-stream", Transfer_Encoding="chunked")

    def chunk(self, text: str) -> None:
        self.wfile.write(chunked(text))

    def delta(self, content: object = None, *, finish: str | None = None, **fields: object) -> None:
        delta = {**({} if content is None else {"content": content}), **fields}
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.chunk(event({"id": "c", "object": "chat.completion.chunk", "choices": [choice]}))

    def end(self) -> None:
        self.wfile.write(chunked("data: [DONE]\n\n") + chunked(""))  # together, so that no client waits between them

    def until_hung_up(self) -> None:
        """Wait until the client closes the connection."""
        self.connection.settimeout(PATIENCE_S)
        try:
            gone = self.connection.recv(1) == b""
        except ConnectionError:
            gone = True
        except TimeoutError:
            gone = False
        if gone:
            self.server.hung_up.set()
        self.close_connection = True

    def cut(self) -> None:
        """Drop the connection as a crashed server does: with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


Act = Callable[[Exchange], None]


class OpenAIServer(ThreadingHTTPServer):
    """Answers every request by the next of its acts, the last one again and again; lists of models and of voices apart."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.where = f"127.0.0.1:{self.server_port}"
        self.base_url = f"http://{self.where}/v1"
        self.requests: list[Request] = []
        """All but those for lists."""
        self.acts: list[Act] = []
        self.listing: Act = models("tiny-embed", "tiny", "other")
        self.voices: Act = error(404, None)
        self.hung_up = threading.Event()
        self.listings = 0

    def play(self, *acts: Act) -> None:
        self.acts = list(acts)

    def taken(self, request: Request) -> Act:
        if request.method == "GET" and request.path == "/v1/models":
            self.listings += 1
            return self.listing
        if request.method == "GET" and request.path == "/v1/audio/voices":
            return self.voices
        self.requests.append(request)
        if not self.acts:
            return error(404, None)
        return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what tests are about."""


@contextmanager
def running() -> Iterator[OpenAIServer]:
    """A server for the length of a ``with``."""
    with OpenAIServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with running() as server:
        yield server


async def no_nap(seconds: float) -> None:
    """Before a request is sent again."""


def together(server: OpenAIServer, act: Act, work: Callable[[], T], count: int = 4) -> list[T]:
    """What so many threads get that `work` at once: none is answered before all have asked."""
    gate, done = threading.Barrier(count), list[T]()

    def answer(http: Exchange) -> None:
        gate.wait(PATIENCE_S)
        act(http)

    server.play(answer)
    in_threads(*[lambda: done.append(work())] * count)
    return done


def closed_port() -> int:
    """A port of this machine at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chunked(text: str | bytes) -> bytes:
    """One chunk of a body (RFC 9112, 7.1); the empty one ends it."""
    data = text.encode() if isinstance(text, str) else text
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(data: object) -> str:
    return f"data: {json.dumps(data)}\n\n"


def models(*names: str) -> Act:
    body = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}).encode()
    return lambda http: http.whole(body)


def says(*deltas: str, finish: str = "stop") -> Act:
    """A good streamed answer, with all that servers put around it."""

    def act(http: Exchange) -> None:
        http.begin()
        http.chunk(": keep-alive\n\n")
        http.delta("", role="assistant")
        for text in deltas:
            http.delta(text)
        http.delta(finish=finish)
        http.chunk(event({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 3}}))
        http.end()

    return act


def error(status: int, message: object, code: object = None, **headers: str) -> Act:
    """An error as OpenAI words it; without a message, as any web server does."""

    def act(http: Exchange) -> None:
        if message is None:
            http.whole(b"<html>404 page not found</html>", status, "text/html", **headers)
        else:
            http.whole(json.dumps({"error": {"message": message, "type": "x", "code": code}}).encode(), status, **headers)

    return act


def raw(body: bytes, kind: str = "text/event-stream") -> Act:
    """Whatever bytes, as a finished answer."""
    return lambda http: http.whole(body, 200, kind)


def speaks(*parts: bytes, kind: str = "audio/pcm", then: Act = lambda http: http.wfile.write(chunked(""))) -> Act:
    """Sound in several parts, as servers send it that do not know its length; `then` ends it."""

    def act(http: Exchange) -> None:
        http.head(200, kind, Transfer_Encoding="chunked")
        for part in parts:
            http.wfile.write(chunked(part))
        then(http)

    return act


def answers(data: object) -> Act:
    """A JSON answer."""
    return lambda http: http.whole(json.dumps(data).encode())


def steps(*parts: Act) -> Act:
    """One streamed answer made of several acts."""

    def act(http: Exchange) -> None:
        http.begin()
        for part in parts:
            part(http)

    return act


def delta(text: object = None, **fields: Any) -> Act:
    return lambda http: http.delta(text, **fields)


def drops(http: Exchange) -> None:
    http.cut()


def ends(http: Exchange) -> None:
    """The stream ends in good order, whether or not the answer did."""
    http.end()


def waits(http: Exchange) -> None:
    http.until_hung_up()


def chatters(http: Exchange) -> None:
    """Keeps the connection alive without a token, as OpenRouter does, until the client has enough."""
    try:
        http.connection.settimeout(0.01)
        for _ in range(round(PATIENCE_S / 0.01)):
            http.chunk(": PROCESSING\n\n")
            try:
                if http.connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    http.server.hung_up.set()
    http.close_connection = True
