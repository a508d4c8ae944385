"""WebSocket of a session: text, recordings and frames of a microphone up; transcript, text, sound and visemes down, each event numbered."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engines.api.frames import frame
from engines.api.v1.listening import SessionMicrophone
from engines.api.v1.problems import ApiError
from engines.api.v1.sessions import Logged, Session
from engines.api.wire import utterance_from_wire
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.live.models import LiveModels
from engines.types import Utterance

log = logging.getLogger(__name__)

CHUNK_BYTES = 256_000
"""About how much of the log is sent at once."""
STALLED_S = 30.0
"""How long a client may read nothing before its connection is given up."""
MESSAGE_BYTES = 1_000_000
"""Most of one message."""
REPLACED, NO_SESSION = 4000, 4404
"""Codes with which a connection is closed: another one took its place; there is no such session."""

AudioForm = Literal["json", "binary"]
"""How sound comes: base64 in JSON, or as frames (a ``uint32``, the JSON's length, a ``uint32``, the sound's, JSON, sound)."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    heard_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """How much of the sound of the newest answer was played; left out, it is taken that it was played at once."""


class UserText(_Message):
    """The user typed."""

    text: str


class RecordingStart(_Message):
    """A whole recording follows in binary messages: PCM at a rate, or the bytes of an audio file."""

    encoding: Literal["pcm16", "file"] = "pcm16"
    sample_rate: int = Field(default=16_000, ge=4_000, le=96_000)


class Listen(_Message):
    """From now on binary messages are frames of an open microphone, or no more."""

    on: bool


class ControlUpdate(_Message):
    """Who is talked with, and how they are."""

    persona: str | None = None
    voice: str | None = None
    speed: float | None = Field(default=None, ge=0.5, le=2, allow_inf_nan=False)
    emotion: str | None = None


class Empty(_Message):
    """Nothing but its type."""


MESSAGES: dict[str, type[_Message]] = {
    "greet": Empty,
    "user_text": UserText,
    "recording_start": RecordingStart,
    "recording_end": Empty,
    "listen": Listen,
    "interrupt": Empty,
    "control_update": ControlUpdate,
}
"""What a client may say; each has a method of its name."""


class Connection:
    """One WebSocket connection to a session."""

    def __init__(self, socket: WebSocket, session: Session, service: ConversationService, models: LiveModels) -> None:
        self._socket, self._session, self._service, self._models = socket, session, service, models
        self._recording: tuple[RecordingStart, bytearray] | None = None
        self._microphone: SessionMicrophone | None = None
        self._most_bytes = round(service.settings.max_upload_mb * 1e6)

    async def serve(self, sequence: int, form: AudioForm) -> None:
        """Send what comes after that number, and do what the client says, until it leaves."""
        await self._socket.accept()
        session, wake = self._session, asyncio.Event()
        if session.wake:
            session.wake.set()  # the connection before sees that it was replaced
        session.wake, session.unused_since = wake, None
        sending = asyncio.create_task(self._send(wake, sequence, form))
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, receiving):
                task.cancel()
            for failure in await asyncio.gather(sending, receiving, return_exceptions=True):
                if isinstance(failure, Exception) and not isinstance(failure, WebSocketDisconnect | TimeoutError | RuntimeError):
                    log.error("a connection ended by a mistake of the program", exc_info=failure)
            if self._microphone:
                self._microphone.close()
            if session.wake is wake:
                session.wake, session.unused_since = None, time.monotonic()
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self._socket.close(REPLACED if session.wake else 1000)

    async def _send(self, wake: asyncio.Event, sequence: int, form: AudioForm) -> None:
        while self._session.wake is wake:
            wake.clear()
            while self._session.wake is wake:
                events, sequence = self._session.log.after(sequence, CHUNK_BYTES)
                if not events:
                    break
                for event in events:
                    encoded = await asyncio.to_thread(_encoded, event, form) if event[1] else _encoded(event, form)
                    async with asyncio.timeout(STALLED_S):
                        await self._socket.send(encoded)
            await wake.wait()

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._take(message.get("text"), message.get("bytes"))
            except EngineError as error:
                said = {"type": "error", "code": error.code, "message": error.message}
                await asyncio.to_thread(self._session.tell, said)

    async def _take(self, text: str | None, sound: bytes | None) -> None:
        if len(text or sound or b"") > MESSAGE_BYTES:
            raise ApiError(f"A message may have {MESSAGE_BYTES} bytes at most; send sound in several.", code="too_large")
        if sound is not None:
            await self._sound(sound)
            return
        try:
            said = json.loads(text or "")
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ApiError("That is no JSON object.", code="no_json")
        kind = MESSAGES.get(str(said.get("type")))
        if kind is None:
            raise ApiError(f"There is no such message; there is {', '.join(MESSAGES)}.", code="unknown_event")
        try:
            message = kind.model_validate(said)
        except ValidationError as error:
            first = error.errors()[0]
            raise ApiError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", code="invalid") from None
        handler: Callable[[Any], Awaitable[None]] = getattr(self, f"_{said['type']}")
        await handler(message)

    # ---- what a client says

    async def _sound(self, sound: bytes) -> None:
        if self._microphone:
            await self._microphone.take(sound)
        elif self._recording is None:
            raise ApiError("Send recording_start or listen before sound.", code="no_recording")
        elif len(self._recording[1]) + len(sound) > self._most_bytes:
            self._recording = None
            raise ApiError(f"That recording is too large; please keep it under {self._most_bytes // 1_000_000} MB.", code="too_large")
        else:
            self._recording[1].extend(sound)

    async def _greet(self, _: Empty) -> None:
        await self._begin(self._session.greet)

    async def _user_text(self, message: UserText) -> None:
        await self._begin(partial(self._session.say, lambda: Utterance(text=message.text), message.heard_ms))

    async def _recording_start(self, message: RecordingStart) -> None:
        if self._microphone:
            raise ApiError("The microphone is open; end it with listen before a recording.", code="listening")
        self._recording = message, bytearray()

    async def _recording_end(self, message: Empty) -> None:
        if self._recording is None:
            raise ApiError("There is no recording to be ended; send recording_start first.", code="no_recording")
        (start, sound), self._recording = self._recording, None
        fields = {"sampleRate": start.sample_rate} if start.encoding == "pcm16" else {}
        utterance = partial(utterance_from_wire, fields, bytes(sound), self._service.settings.max_utterance_ms)
        await self._begin(partial(self._session.say, utterance, message.heard_ms))

    async def _listen(self, message: Listen) -> None:
        if message.on == (self._microphone is not None):
            return
        if self._microphone:
            self._microphone.close()
            self._microphone = None
            return
        self._recording = None
        self._microphone = SessionMicrophone(self._session, self._service, self._models)

    async def _interrupt(self, message: Empty) -> None:
        await asyncio.to_thread(self._session.interrupt, message.heard_ms)

    async def _control_update(self, message: ControlUpdate) -> None:
        adjust = partial(self._service.adjust, voice=message.voice, speed=message.speed, mood=message.emotion)
        person = await asyncio.to_thread(adjust, self._session.id, message.persona)
        now = {"persona": person.id, "name": person.name, "speed": person.speed, "emotion": person.mood}
        await asyncio.to_thread(self._session.tell, {"type": "control", **now})

    async def _begin(self, begin: Callable[[], str]) -> None:
        if problem := await asyncio.to_thread(begin):
            raise ApiError(problem, code="busy", retryable=True)


def _encoded(event: Logged, form: AudioForm) -> dict[str, Any]:
    message, sound = event
    if sound and form == "binary":
        return {"type": "websocket.send", "bytes": frame(message, sound)}
    whole = {**message, "audio": base64.b64encode(sound).decode()} if sound else message
    return {"type": "websocket.send", "text": json.dumps(whole, ensure_ascii=False)}
