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

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engines.api.access.hosts import is_at_this_machine
from engines.api.access.policy import Rule
from engines.api.clients import SESSION_ID, Client, Clients
from engines.api.frames import HEAD_BYTES, read_frame
from engines.api.hands_free import HandsFree
from engines.api.wire import Json, event_to_wire, order_from_wire, persona_to_wire, position_from_wire, status_to_wire, utterance_from_wire
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.conversation.turn import failed
from engines.errors import EngineError, InputError
from engines.events import TurnEvent
from engines.live.models import LiveModels
from engines.types import Utterance

log = logging.getLogger(__name__)

PREFIX = "visavis/api"
STALLED_S = 30.0
"""How long a client may read nothing before its connection is given up."""
_TEXT_BYTES = 100_000
"""Room for everything in a message but its sound and what the user typed."""
_CHAR_BYTES = 12
"""The longest way to write a character in JSON."""
_SOUND_BYTES = 8_000_000
"""Most sound of a message that is no file, as long as recordings of the allowed length have room at the lower of these rates."""
_RATES_HZ = 16_000, 48_000
_DECODERS = 4
"""Recordings and files that are decoded at once; the bytes of the others wait."""

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
        self._text_bytes = _TEXT_BYTES + _CHAR_BYTES * settings.max_text_chars
        least, most = (round(settings.max_utterance_ms / 1000 * rate * 2) for rate in _RATES_HZ)
        self._sound_bytes = min(most, max(least, _SOUND_BYTES))
        self._file_bytes = round(settings.max_upload_mb * 1e6)
        self._decoding: CapacityLimiter | None = None
        self._clients = Clients(settings.max_sessions, lambda: status_to_wire(service.status(), portraits), service.leave)
        self._handlers: dict[str, Handler] = {name: getattr(self, f"_{name}") for name in MESSAGES}

    def routes(self) -> list[Route]:
        """For ``launch(app_kwargs={"routes": …})``."""
        return [
            Route(f"/{PREFIX}/stream", self._stream, methods=["POST"]),
            Route(f"/{PREFIX}/message", self._message, methods=["POST"]),
        ]

    def rules(self) -> tuple[Rule, ...]:
        """The routes' lines in the access policy."""
        largest = HEAD_BYTES + self._text_bytes + max(self._sound_bytes, self._file_bytes)
        return (
            Rule(f"/{PREFIX}/stream", ("POST",), most_bytes=HEAD_BYTES + self._text_bytes, stays_open=True),
            Rule(f"/{PREFIX}/message", ("POST",), most_bytes=largest),
        )

    def close(self) -> None:
        """End every stream; may be called from any thread."""
        self._models.close()
        self._clients.close_all()

    async def _stream(self, request: Request) -> Response:
        asked = await self._read(request)
        if isinstance(asked, Response):
            return asked
        message, _ = asked
        session_id, after = message.get("session"), message.get("after")
        if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
            return _refusal("That is no session.", 400)
        if place := self._clients.place(session_id):
            return _refusal(f"Everybody here is taken at the moment. You are number {place} in the queue: leave this page open.", 503)
        begin = partial(self._begin, session_id, str(message.get("persona") or ""))
        once, number = message.get("once") is True, after if isinstance(after, int) else 0
        return _Stream(self._clients.stream(session_id, number, begin, once=once, choosable=self._is_choosable(request)))

    def _begin(self, session_id: str, persona: str) -> None:
        """A new session; its page may show somebody already, if it was away for too long."""
        if persona:
            try:
                self._service.switch(session_id, persona)
            except InputError:
                log.info("nobody is called that any more")

    async def _message(self, request: Request) -> Response:
        asked = await self._read(request)
        if isinstance(asked, Response):
            return asked
        message, data = asked
        client, handler = self._clients.get(message.get("session")), self._handlers.get(str(message.get("type")))
        if client is None:
            return _refusal("This conversation is over; load the page again.", 410)
        if handler is None:
            return _refusal("There is no such message.", 400)
        client.choosable = self._is_choosable(request)
        try:
            problem = await handler(client, message, data)
        except EngineError as error:
            problem = error.message
        return JSONResponse({"problem": problem})

    def _is_choosable(self, request: Request) -> bool:
        """Whether whoever asks may choose engines: where the settings say nothing of it, only those who sit at this machine."""
        setting = self._service.settings.choose_on_page
        return is_at_this_machine(request.scope) if setting is None else setting

    async def _read(self, request: Request) -> tuple[Json, bytes] | Response:
        """The frame that a request brings, or the refusal."""
        try:
            return await read_frame(request.stream(), self._text_bytes, self._most_data)
        except OverflowError:
            return _refusal(f"That is too large; please keep it under {self._service.settings.max_upload_mb} MB.", 413)
        except ValueError:
            return _refusal("That arrived damaged; try again.", 400)

    def _most_data(self, message: Json) -> int:
        """How many bytes may come with a message."""
        is_file = message.get("type") == "utterance" and "sampleRate" not in message
        return self._file_bytes if is_file else self._sound_bytes

    # ---- what a page says

    async def _utterance(self, client: Client, message: Json, data: bytes) -> str:
        """The user typed, spoke, or handed over an audio file."""
        said = await self._decoded(message, data)
        position, turn_id, persona = position_from_wire(message.get("heard")), _text(message, "turn"), _text(message, "persona")

        def events() -> Iterator[TurnEvent]:
            answer = self._service.answer(client.session_id, said, turn_id, position, persona)
            self._tell_remembered(client, position)
            return answer

        return self._run(client, turn_id, events)

    async def _decoded(self, message: Json, data: bytes) -> Callable[[], Utterance]:
        """Gives the utterance, or raises what is wrong with it. Until it is decoded its bytes count as those of a request."""
        longest_ms = self._service.settings.max_utterance_ms
        if "text" in message:
            return partial(utterance_from_wire, message, data, longest_ms)
        self._decoding = self._decoding or CapacityLimiter(_DECODERS)
        try:
            given = await to_thread.run_sync(utterance_from_wire, message, data, longest_ms, limiter=self._decoding)
        except EngineError as error:
            error.__traceback__ = error.__cause__ = error.__context__ = None  # whose frames hold the bytes
            return partial(_raise, error)
        return lambda: given

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

    async def _engine(self, client: Client, message: Json, _: bytes) -> str:
        """Somebody chose an engine, stopped its download or wants it tried again."""
        if order := order_from_wire(message):
            await run_in_threadpool(partial(self._service.order, order, choosable=client.choosable))
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


def _raise(error: EngineError) -> Utterance:
    raise error


def _refusal(sentence: str, status: int) -> Response:
    return JSONResponse({"problem": sentence}, status)


def _text(message: Json, name: str) -> str:
    return str(message.get(name) or "")
