"""HeadTTS's protocol, REST and WebSocket, so that its client module works with our voices (https://github.com/met4citizen/HeadTTS)."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect

from engines.api.v1.turns import new_turn_id
from engines.audio import to_pcm16, to_wav
from engines.conversation.service import ConversationService
from engines.errors import EngineError, InputError, TextToSpeechError
from engines.library.reply import Spoken, joined, reply_of
from engines.types import AudioChunk, Persona, SpeechSegment, VisemeTimeline

HELLO = "HeadTTS 1.3 (Visavis)"
"""Its client looks for the first word."""
MOST_WAITING = 64
"""Requests of one client that may wait for their turn."""
MESSAGE_BYTES = 100_000
_KOKOROS = re.compile(r"[a-z][fm]_[a-z]+")
"""Kokoro's names of voices: language, gender, name."""
_LONGEST_BREAK_MS = 10_000.0


class Item(BaseModel):
    """A part of what is said."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text", "speech", "characters", "number", "date", "time", "break", "phonetic"] = "text"
    value: str | float = ""


class Asked(BaseModel):
    """A text, or parts of one."""

    model_config = ConfigDict(extra="ignore")
    input: str | list[str | Item] = Field(max_length=4_000)
    voice: str = Field(default="af_bella", max_length=80)
    language: str = Field(default="en-us", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    speed: float = Field(default=1.0, ge=0.25, le=4.0, allow_inf_nan=False)
    audioEncoding: Literal["wav", "pcm"] = "wav"  # noqa: N815 - the protocol's name


def router(service: ConversationService) -> APIRouter:
    """``/v1/hello``, ``/v1/synthesize`` and the WebSocket ``/v1/headtts``."""
    routes = APIRouter(tags=["HeadTTS"])

    @routes.api_route("/v1/hello", methods=["GET", "POST"])
    async def hello() -> PlainTextResponse:
        """Who is there."""
        return PlainTextResponse(HELLO)

    @routes.post("/v1/synthesize", response_model=None)
    async def synthesize(request: Request) -> Response:
        """Say a text: sound as base64, words and visemes with their times."""
        try:
            asked = Asked.model_validate_json(await request.body())
            made = await asyncio.to_thread(_spoken, service, asked)
        except (ValidationError, EngineError) as error:
            return JSONResponse({"error": _sentence(error)}, 400)
        return JSONResponse({"audio": base64.b64encode(_sound(made, asked)).decode(), **_about(made, asked)})

    @routes.websocket("/v1/headtts")
    async def stream(socket: WebSocket) -> None:
        await _serve(socket, service)

    return routes


async def _serve(socket: WebSocket, service: ConversationService) -> None:
    """Answer a client's requests in their order until it leaves."""
    await socket.accept()
    setup: dict[str, Any] = {}
    waiting: asyncio.Queue[tuple[Any, dict[str, Any]]] = asyncio.Queue(MOST_WAITING)

    async def answer() -> None:
        while True:
            ref, data = await waiting.get()
            try:
                asked = Asked.model_validate(data)
                made = await asyncio.to_thread(_spoken, service, asked)
            except (ValidationError, EngineError) as error:
                await socket.send_json({"type": "error", "ref": ref, "data": {"error": _sentence(error)}})
                continue
            await socket.send_json({"type": "audio", "ref": ref, "data": _about(made, asked)})
            await socket.send_bytes(_sound(made, asked))

    answering = asyncio.create_task(answer())
    try:
        while True:
            text = await socket.receive_text()
            message = _json(text) if len(text) <= MESSAGE_BYTES else None
            match message:
                case {"type": "setup", "data": dict() as data}:
                    setup |= {name: value for name, value in data.items() if name in Asked.model_fields}
                case {"type": "synthesize", "id": ref, "data": dict() as data}:
                    await waiting.put((ref, {**setup, **data}))
                case {"id": ref}:
                    await socket.send_json({"type": "error", "ref": ref, "data": {"error": "There is no such message."}})
                case _:
                    await socket.send_json({"type": "error", "ref": None, "data": {"error": "That is no message with an id."}})
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message
        pass
    finally:
        answering.cancel()


def _spoken(service: ConversationService, asked: Asked) -> Spoken:
    persona = _persona(service, asked)
    pieces: list[SpeechSegment] = []
    rate = 24_000
    for text, pause_ms in _parts(asked.input):
        if text.strip():
            turn_id = new_turn_id()
            made = reply_of(service.single.read_aloud(turn_id, text, persona, turn_id))
            if made.failure:
                raise TextToSpeechError(made.failure.message, code=made.failure.code)
            rate = made.audio.sample_rate
            pieces.append(SpeechSegment(len(pieces), text, made.audio, made.timeline))
        if pause_ms:
            silence = AudioChunk(np.zeros(round(rate * pause_ms / 1000), np.float32), rate)
            pieces.append(SpeechSegment(len(pieces), "", silence, VisemeTimeline((), (), "measured")))
    if not pieces:
        raise InputError("There are no words in that text to be said.", code="empty")
    return joined(pieces)


def _persona(service: ConversationService, asked: Asked) -> Persona:
    """Who has that voice: a persona, a voice of the engine's, or whoever sounds like one of Kokoro's."""
    try:
        persona = service.single.persona(asked.voice, speed=asked.speed)
    except InputError:
        if not _KOKOROS.fullmatch(asked.voice):
            raise
        persona = replace(service.single.persona(None, speed=asked.speed), voices=(("kokoro", asked.voice),), gender="")
    return replace(persona, language=asked.language)


def _parts(given: str | Sequence[str | Item]) -> list[tuple[str, float]]:
    """Texts, and the silence behind each in ms.

    Raises:
        InputError: code ``phonetic``: phonemes cannot be given.
    """
    parts: list[tuple[str, float]] = []
    text = ""
    for item in [given] if isinstance(given, str) else given:
        part = Item(value=item) if isinstance(item, str) else item
        match part.type:
            case "break":
                parts.append((text, min(max(float(part.value or 0), 0.0), _LONGEST_BREAK_MS)))
                text = ""
            case "phonetic":
                raise InputError("Phonemes cannot be given here; send the words as text.", code="phonetic")
            case "characters":
                text += " ".join(str(part.value)) + " "
            case _:
                text += f"{part.value:g}" if isinstance(part.value, float) else part.value
    return [*parts, (text, 0.0)]


def _about(made: Spoken, asked: Asked) -> dict[str, Any]:
    fields = made.visemes()
    del fields["timing"]
    return {**fields, "audioEncoding": asked.audioEncoding, "sampleRate": made.audio.sample_rate}


def _sound(made: Spoken, asked: Asked) -> bytes:
    return to_wav(made.audio) if asked.audioEncoding == "wav" else to_pcm16(made.audio)


def _sentence(error: ValidationError | EngineError) -> str:
    if isinstance(error, EngineError):
        return error.message
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'The body'}: {first['msg']}."


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
