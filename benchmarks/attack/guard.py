"""The guard itself: what it adds to a request, how long one client can hold up the event loop, and what 256 descriptors are good for."""

from __future__ import annotations

import asyncio
import http.client
import socket
import statistics
import sys
import threading
import time
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from benchmarks.attack import memory
from benchmarks.attack._app import end, running, verdict
from engines.api.access import gradio_routes
from engines.api.access.guard import Guard
from engines.api.access.hosts import Hosts
from engines.api.access.limits import OpenResponses
from engines.api.access.policy import Policy, Rule

REQUESTS, RUNS = 2000, 5
OVERHEAD_MS, BLOCKED_MS = 0.3, 200
IDLE, IDLE_MS = 400, 10_000


def overhead_ms() -> float:
    """Of one request, the median over the runs: with the guard less without."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await Response(b"{}")(scope, receive, send)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 100, "more_body": False}

    async def send(_: object) -> None:
        pass

    names = ("accept", "accept-language", "sec-fetch-dest", "sec-fetch-mode", "user-agent", "referer", "accept-encoding")
    headers = [(name.encode(), b"something rather long, as browsers write it") for name in names]
    headers += [(b"host", b"127.0.0.1:7860"), (b"origin", b"http://127.0.0.1:7860"), (b"sec-fetch-site", b"same-origin")]
    scope = {"type": "http", "method": "POST", "path": "/visavis/api/message", "headers": [*headers, (b"content-length", b"100")]}
    scope["client"] = ("127.0.0.1", 5)
    policy = Policy([*gradio_routes.RULES, Rule("/visavis/{path:path}"), Rule("/visavis/api/message", ("POST",), most_bytes=10**6)])
    guard = Guard(app, policy, Hosts("127.0.0.1"), OpenResponses(10, 10))

    async def timed(served: object) -> float:
        begun = time.perf_counter()
        for _ in range(REQUESTS):
            await served({**scope}, receive, send)  # type: ignore[operator]
        return (time.perf_counter() - begun) / REQUESTS * 1000

    return statistics.median(asyncio.run(timed(guard)) - asyncio.run(timed(app)) for _ in range(RUNS))


def ping_ms(host: str) -> float:
    """How long the app takes to answer something small."""
    connection = http.client.HTTPConnection(host, timeout=30)
    begun = time.perf_counter()
    connection.request("GET", "/robots.txt")
    connection.getresponse().read()
    connection.close()
    return (time.perf_counter() - begun) * 1000


def blocked_ms(host: str) -> float:
    """The longest that somebody else waits while one client sends what is largest and worst."""
    session, over, waits = "1" * 32, threading.Event(), [0.0]
    link = memory.open_stream(host, session)

    def watch() -> None:
        while not over.is_set():
            waits.append(ping_ms(host))

    watching = threading.Thread(target=watch)
    watching.start()
    for number in range(3):
        for body in memory.bodies(session, f"{number}").values():
            memory.send(host, body)
    over.set()
    watching.join()
    link.close()
    return max(waits)


def idle_ms(host: str) -> float:
    """How long the app takes to answer beside connections that ask for nothing, more of them than it may have files."""
    links = [socket.create_connection(host.split(":"), timeout=10) for _ in range(IDLE)]
    try:
        return ping_ms(host)
    finally:
        for link in links:
            link.close()


def main() -> None:
    """Print all three."""
    spent = overhead_ms()
    held = [verdict(f"guard: {spent:.3f} ms more for a request", holds=spent <= OVERHEAD_MS, goal=f"{OVERHEAD_MS} ms")]
    with running() as (address, _):
        waited = blocked_ms(urlsplit(address).netloc)
    held.append(
        verdict(f"event loop: others wait {waited:.0f} ms at most for one client", holds=waited <= BLOCKED_MS, goal=f"{BLOCKED_MS} ms")
    )
    if sys.platform != "win32":
        with running(descriptors=256) as (address, _):
            answer = idle_ms(urlsplit(address).netloc)
        what = f"descriptors: with 256 of them and {IDLE} idle connections an answer takes {answer:.0f} ms"
        held.append(verdict(what, holds=answer <= IDLE_MS, goal=f"{IDLE_MS} ms"))
    end(*held)


if __name__ == "__main__":
    main()
