"""Speech to speech over HTTP: a recording in; text, sound and visemes out, as one answer or while they are made (Server-Sent Events)."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, UploadFile
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from engines.api.v1.kept import Kept
from engines.api.v1.problems import RESPONSES, ApiError, refusal, status_of
from engines.api.v1.turns import new_turn_id, turn_events
from engines.audio import to_pcm16
from engines.conversation.service import ConversationService
from engines.events import SegmentReady, TranscriptReady, TurnEnded, TurnEvent, TurnFailed
from engines.library.reply import Reply, reply_of
from engines.lipsync.timeline import timeline_fields

AUDIO_KEPT_S, AUDIO_BYTES = 600.0, 64_000_000
"""How long the sound of an answer can be fetched, and most of all together."""
UPLOAD_KEPT_S = 60.0
"""How long an upload waits for its stream."""


class Timeline(BaseModel):
    """Words and visemes with their times in ms, in the fields of HeadTTS and TalkingHead."""

    words: list[str]
    wtimes: list[float]
    wdurations: list[float]
    visemes: list[str]
    vtimes: list[float]
    vdurations: list[float]
    timing: str
    """``measured``, ``aligned`` or ``estimated``."""


class StsAnswer(Timeline):
    """The answer to a recording."""

    text: str
    transcript: str
    language: str | None
    audioUrl: str  # noqa: N815 - the field's name on the wire
    """Where the WAV file can be fetched for ten minutes; empty where nothing was said."""
    sampleRate: int  # noqa: N815
    error: dict[str, str] | None = None
    """The voice may have failed though there is a text."""


class Uploaded(BaseModel):
    """A recording that waits for its stream."""

    id: str
    stream: str
    """Its address."""


def router(service: ConversationService) -> APIRouter:
    """The routes ``POST /api/sts-avatar``, ``GET /api/audio/{id}``, ``POST /upload`` and ``GET /stream/{id}``."""
    routes = APIRouter(tags=["speech to speech"], responses=RESPONSES)
    sounds = Kept("sound", kept_s=AUDIO_KEPT_S, most_bytes=AUDIO_BYTES)
    uploads = Kept("upload", kept_s=UPLOAD_KEPT_S, most_bytes=AUDIO_BYTES)
    most_bytes = round(service.settings.max_upload_mb * 1e6)

    async def recording(audio: UploadFile) -> bytes:
        data = await audio.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise ApiError(f"That file is too large; please keep it under {service.settings.max_upload_mb} MB.", code="too_large")
        return data

    def begin(data: bytes, persona: str | None, voice: str | None) -> tuple[str, str, Callable[[], Iterator[TurnEvent]]]:
        session_id, turn_id = secrets.token_hex(16), new_turn_id()
        service.adjust(session_id, persona or None, voice=voice or None)
        return session_id, turn_id, lambda: service.hear(session_id, data, turn_id)

    @routes.post("/api/sts-avatar", response_model=StsAnswer)
    async def sts_avatar(
        audio: Annotated[UploadFile, File(description="An audio file of any common format.")],
        persona: Annotated[str | None, Form()] = None,
        voice: Annotated[str | None, Form()] = None,
    ) -> StsAnswer | Response:
        """Answer a recording by text, sound and visemes."""
        data = await recording(audio)

        def answer() -> Reply:
            session_id, _, make = begin(data, persona, voice)
            try:
                return reply_of(make())
            finally:
                service.leave(session_id)

        reply = await asyncio.to_thread(answer)
        failure = reply.failure
        if failure and not reply.text:
            return refusal(failure.code, failure.message, status_of(failure.code, failure.stage))
        url = f"/api/audio/{sounds.put(reply.wav())}" if len(reply.audio.samples) else ""
        return StsAnswer(
            text=reply.text,
            transcript=reply.transcript,
            language=reply.language,
            audioUrl=url,
            sampleRate=reply.audio.sample_rate,
            error={"code": failure.code, "message": failure.message} if failure else None,
            **reply.visemes(),
        )

    @routes.get("/api/audio/{name}", response_class=Response, responses={200: {"content": {"audio/wav": {}}, "description": "A WAV file."}})
    async def audio(name: Annotated[str, Path(pattern="^[0-9a-f]{32}$")]) -> Response:
        """The sound of an answer."""
        return Response(sounds.get(name), media_type="audio/wav", headers={"Cache-Control": "private, max-age=600"})

    @routes.post("/upload")
    async def upload(audio: Annotated[UploadFile, File(description="An audio file of any common format.")]) -> Uploaded:
        """Hand over a recording, to be answered by its stream within a minute."""
        name = uploads.put(await recording(audio))
        return Uploaded(id=name, stream=f"/stream/{name}")

    @routes.get(
        "/stream/{name}",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Events."}},
    )
    async def stream(
        name: Annotated[str, Path(pattern="^[0-9a-f]{32}$")], persona: str | None = None, voice: str | None = None
    ) -> StreamingResponse:
        """The answer as events: ``transcript``, ``chunk`` (text, sound as base64 of 16-bit PCM, visemes), ``done``, or ``error``."""
        session_id, turn_id, make = await asyncio.to_thread(begin, uploads.get(name, once=True), persona, voice)

        async def events() -> AsyncGenerator[str]:
            try:
                async with aclosing(turn_events(turn_id, make, lambda: service.leave(session_id))) as turn:
                    async for event in turn:
                        for kind, fields in _told(event):
                            yield f"event: {kind}\ndata: {json.dumps(fields, ensure_ascii=False)}\n\n"
            finally:
                await asyncio.to_thread(service.leave, session_id)

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    return routes


def _told(event: TurnEvent) -> Iterator[tuple[str, dict[str, Any]]]:
    match event:
        case TranscriptReady():
            yield "transcript", {"text": event.transcript.text, "language": event.transcript.language}
        case SegmentReady():
            segment = event.segment
            sound = {"audio": base64.b64encode(to_pcm16(segment.audio)).decode(), "sampleRate": segment.audio.sample_rate}
            yield "chunk", {"index": segment.index, "text": segment.text, **sound, **timeline_fields(segment.timeline)}
        case TurnFailed():
            yield "error", {"code": event.code, "message": event.message}
    if isinstance(event, TurnEnded):
        yield "done", {"text": event.text, "total_ms": event.timings.total_ms}
