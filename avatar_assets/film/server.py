"""The loopback server between the command and the film page: the stage's files, the order, the speech, news, and the finished file."""

from __future__ import annotations

import asyncio
import queue
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from avatar_assets import served

Json = dict[str, Any]
_START_S = 10.0


class FilmServer:
    """Serves one film; see `serving`. News are the film page's: dicts with a ``type`` of ready, progress, notice, failed or done."""

    def __init__(self, job: Json, target: Path) -> None:
        self.news: queue.Queue[Json] = queue.Queue()
        self._job, self._target = job, target
        self._speech: bytes | None = None
        self._order = secrets.token_urlsafe(24)
        """Part of every address, so that no other page in a browser of this machine can ask."""

    def path(self) -> str:
        """Of the film page."""
        return f"/{served.PREFIX}/recording/film.html?order={self._order}"

    def speak(self, segments: bytes) -> None:
        """The speech is there: segments as frames (`engines.api.frames`)."""
        self._speech = segments

    def application(self) -> Starlette:
        """The ASGI application."""
        at = f"/film/{self._order}"
        return Starlette(
            routes=[
                Route(f"{at}/job", self._give_job),
                Route(f"{at}/speech", self._give_speech),
                Route(f"{at}/news", self._take_news, methods=["POST"]),
                Route(f"{at}/file", self._take_file, methods=["POST"]),
                *served.routes(),
            ]
        )

    async def _give_job(self, _: Request) -> Response:
        return JSONResponse(self._job)

    async def _give_speech(self, _: Request) -> Response:
        return Response(status_code=204) if self._speech is None else Response(self._speech, media_type="application/octet-stream")

    async def _take_news(self, request: Request) -> Response:
        self.news.put(await request.json())
        return Response(status_code=204)

    async def _take_file(self, request: Request) -> Response:
        try:
            with self._target.open("wb") as file:
                async for piece in request.stream():
                    await asyncio.to_thread(file.write, piece)
        except OSError as error:
            self.news.put({"type": "failed", "message": f"it could not be written to the end: {error.strerror}"})
            return Response(status_code=507)
        self.news.put({"type": "done"})
        return Response(status_code=204)


@contextmanager
def serving(server: FilmServer) -> Iterator[str]:
    """Serve on a free port of the loopback; gives the address of the film page."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(server.application(), log_level="error", lifespan="off", ws="none")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True, name="film-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}{server.path()}"
        finally:
            running.should_exit = running.force_exit = True
            thread.join(_START_S)
