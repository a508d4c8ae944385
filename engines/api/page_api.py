"""The page's API, an adapter over `ConversationService`: a stream of events that stays open, down; messages, up (`docs/wire.md`).

Gradio's own ways were measured beside it on a busy machine, 96 KB of sound, question → page, median: a component's value 27 ms, a generator
that is held open 13 ms, this 9 ms. Such a generator seems to hang, for by default (``concurrency_limit=1``) the second page's never begins.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engines.api.clients import SESSION_ID, Client, Clients
from engines.api.frames import unframe
from engines.api.guard import body_of, is_cross_site
from engines.api.hands_free import HandsFree
from engines.api.wire import Json, event_to_wire, order_from_wire, persona_to_wire, position_from_wire, status_to_wire, utterance_from_wire
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.conversation.turn import failed
from engines.errors import EngineError, InputError
from engines.events import TurnEvent
from engines.live.models import LiveModels

log = logging.getLogger(__name__)

PREFIX = "visavis/api"
STALLED_S = 30.0
"""How long a client may read nothing before its connection is given up."""
_HEAD_BYTES = 1_000_000
"""Room for everything in a message but its sound."""
_RATE_HZ = 48_000
"""The highest sample rate at which a recording as long as the settings allow has room."""

MESSAGES = ("utterance", "greet", "persona", "stopped", "cleared", "recalled", "listening", "heard", "engine", "leave")
"""What a page may say; each has a method of its name."""

Handler = Callable[[Client, Json, bytes], Awaitable[str]]
"""What a kind of message leads to; the sentence that says what is wrong with it, or nothing."""


class PageApi:
    """Two routes: ``stream`` and ``message``. Both take a POST of one frame; ``session`` in it is the page's secret."""

    def __init__(self, service: ConversationService, portraits: Path, models: LiveModels | None = None) -> None:
        """Nobody is there.

        Args:
            service: every use case.
            portraits: the folder of the personas' pictures.
            models: of hands-free listening; None takes them from the weights that the settings name.
        """
        self._service, self._portraits = service, portraits
        self._models = models or LiveModels(service.settings.weights)
        settings = service.settings
        sound = settings.max_utterance_ms / 1000 * _RATE_HZ * 2
        self._most_bytes = _HEAD_BYTES + round(max(sound, settings.max_upload_mb * 1e6))
        self._clients = Clients(settings.max_sessions, lambda: status_to_wire(service.status(), portraits), service.leave)
        self._handlers: dict[str, Handler] = {name: getattr(self, f"_{name}") for name in MESSAGES}

    def routes(self) -> list[Route]:
        """For ``launch(app_kwargs={"routes": …})``."""
        return [
            Route(f"/{PREFIX}/stream", self._stream, methods=["POST"]),
            Route(f"/{PREFIX}/message", self._message, methods=["POST"]),
        ]

    def close(self) -> None:
        """End every stream; may be called from any thread."""
        self._models.close()
        self._clients.close_all()

    async def _stream(self, request: Request) -> Response:
        asked = await self._read(request, _HEAD_BYTES)
        if isinstance(asked, Response):
            return asked
        message, _ = asked
        session_id, after = message.get("session"), message.get("after")
        if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
            return _refusal("That is no session.", 400)
        if place := self._clients.place(session_id):
            return _refusal(f"Everybody here is taken at the moment. You are number {place} in the queue: leave this page open.", 503)
        begin = partial(self._begin, session_id, str(message.get("persona") or ""))
        frames = self._clients.stream(session_id, after if isinstance(after, int) else 0, begin, once=message.get("once") is True)
        return _Stream(frames)

    def _begin(self, session_id: str, persona: str) -> None:
        """A new session; its page may show somebody already, if it was away for too long."""
        if persona:
            try:
                self._service.switch(session_id, persona)
            except InputError:
                log.info("nobody is called that any more")

    async def _message(self, request: Request) -> Response:
        asked = await self._read(request, self._most_bytes)
        if isinstance(asked, Response):
            return asked
        message, data = asked
        client, handler = self._clients.get(message.get("session")), self._handlers.get(str(message.get("type")))
        if client is None:
            return _refusal("This conversation is over; load the page again.", 410)
        if handler is None:
            return _refusal("There is no such message.", 400)
        try:
            problem = await handler(client, message, data)
        except EngineError as error:
            problem = error.message
        return JSONResponse({"problem": problem})

    async def _read(self, request: Request, most_bytes: int) -> tuple[Json, bytes] | Response:
        """The frame that a request brings, or the refusal."""
        if is_cross_site(request):
            return _refusal("Another website asked for this.", 403)
        body = await body_of(request, most_bytes)
        if body is None:
            return _refusal(f"That is too large; please keep it under {self._service.settings.max_upload_mb} MB.", 413)
        try:
            return unframe(body)
        except ValueError:
            return _refusal("That arrived damaged; try again.", 400)

    # ---- what a page says

    async def _utterance(self, client: Client, message: Json, data: bytes) -> str:
        """The user typed, spoke, or handed over an audio file."""
        said = partial(utterance_from_wire, message, data, self._service.settings.max_utterance_ms)
        position, turn_id, persona = position_from_wire(message.get("heard")), _text(message, "turn"), _text(message, "persona")

        def events() -> Iterator[TurnEvent]:
            answer = self._service.answer(client.session_id, said, turn_id, position, persona)
            self._tell_remembered(client, position)
            return answer

        return self._run(client, turn_id, events)

    async def _greet(self, client: Client, message: Json, _: bytes) -> str:
        """The page has opened: let the persona speak first."""
        turn_id = _text(message, "turn")
        return self._run(client, turn_id, lambda: self._service.greet(client.session_id, turn_id))

    async def _persona(self, client: Client, message: Json, _: bytes) -> str:
        """The user picked somebody else, who greets."""
        turn_id = _text(message, "turn")

        def events() -> Iterator[TurnEvent]:
            person = self._service.switch(client.session_id, _text(message, "id"))
            client.tell({"type": "persona", **persona_to_wire(person, self._portraits)})
            return self._service.greet(client.session_id, turn_id)

        return self._run(client, turn_id, events)

    async def _stopped(self, client: Client, message: Json, _: bytes) -> str:
        """The user pressed Stop, or spoke over the persona."""
        position = position_from_wire(message)
        await run_in_threadpool(self._service.stop, client.session_id, position)
        if client.listening:
            client.listening.stopped()
        await run_in_threadpool(self._tell_remembered, client, position)
        return ""

    async def _cleared(self, client: Client, *_: object) -> str:
        """The user wants to begin again."""
        await run_in_threadpool(self._service.clear, client.session_id)
        return ""

    async def _recalled(self, client: Client, *_: object) -> str:
        """The user did not mean it."""
        known = await run_in_threadpool(self._service.recall, client.session_id)
        return "" if known else "The conversation before is forgotten already."

    async def _listening(self, client: Client, message: Json, _: bytes) -> str:
        """Hands-free was switched on, begins anew, or was switched off."""
        listening = _text(message, "listening")
        if message.get("on") is not True:
            client.listen(None)
        elif client.listening is None or client.listening.id != listening:
            self._models.want()
            client.listen(HandsFree(client, listening, self._service, self._models, partial(self._run, client)))
        return ""

    async def _heard(self, client: Client, message: Json, data: bytes) -> str:
        """Frames of the open microphone; those of one that is closed are not wanted any more."""
        listening = client.listening
        if listening is None or listening.id != message.get("listening"):
            return ""
        return await listening.take(message, data)

    async def _engine(self, _: Client, message: Json, *__: object) -> str:
        """Somebody chose an engine, stopped its download or wants it tried again."""
        if order := order_from_wire(message):
            await run_in_threadpool(self._service.order, order)
        self._clients.look()
        return ""

    async def _leave(self, client: Client, *_: object) -> str:
        """The page is closed."""
        self._clients.close(client)
        return ""

    def _tell_remembered(self, client: Client, position: PlaybackPosition | None) -> None:
        """What is left of an answer that was heard so far; nothing where it is no longer known."""
        turn = self._service.conversation(client.session_id).turn(position.turn_id) if position else None
        if turn and turn.position == position:
            client.tell({"type": "remembered", "turn": turn.turn_id, "text": turn.said})

    def _run(self, client: Client, turn_id: str, events: Callable[[], Iterator[TurnEvent]]) -> str:
        """Run a turn in a thread of its own, which tells the page its events."""
        if not client.is_new(turn_id):
            return ""
        if not client.running.acquire(blocking=False):
            return "Too many answers are under way; wait until one of them has ended."

        def run() -> None:
            try:
                for event in events():
                    client.tell(*event_to_wire(event))
            except EngineError as error:
                client.tell(*event_to_wire(failed(turn_id, error)))
            except Exception:
                log.exception("a turn ended by a mistake of the program")
                client.tell(
                    *event_to_wire(failed(turn_id, EngineError("Something went wrong inside the app; try again.", code="internal")))
                )
            finally:
                client.running.release()
                if not self._clients.is_here(client):  # it left before this turn began, which has opened its session anew
                    self._service.leave(client.session_id)

        threading.Thread(target=run, name="turn", daemon=True).start()
        return ""


class _Stream(Response):
    """A response that goes on until its client is gone, reads nothing, or there is no more."""

    def __init__(self, frames: AsyncGenerator[bytes]) -> None:
        headers = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}  # proxies are to hand on each piece as it comes
        super().__init__(headers=headers, media_type="application/octet-stream")
        del self.headers["content-length"]
        self._frames = frames

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        writing, leaving = asyncio.create_task(self._write(send)), asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving):
                task.cancel()
            await asyncio.gather(writing, leaving, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._frames) as frames:
            async for piece in frames:
                async with asyncio.timeout(STALLED_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"problem": sentence}, status)


def _text(message: Json, name: str) -> str:
    return str(message.get(name) or "")
