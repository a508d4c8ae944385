"""OpenAI's audio routes: ``/v1/audio/speech`` and ``/v1/audio/transcriptions`` (https://platform.openai.com/docs/api-reference/audio)."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from engines.api.v1.encoding import MEDIA_TYPES, SoundEncoder, SoundFormat
from engines.api.v1.problems import RESPONSES, ApiError, refusal, status_of
from engines.api.v1.turns import new_turn_id, turn_events
from engines.audio import decode
from engines.conversation.service import ConversationService
from engines.events import SegmentReady, TranscriptReady, TurnEvent, TurnFailed
from engines.lipsync.forced_alignment import timed
from engines.text.captions import captions, srt, vtt
from engines.types import AudioChunk, WordTiming


class SpeechRequest(BaseModel):
    """A text to be said."""

    model: str = ""
    """Not looked at: the engine that the app uses speaks."""
    input: str = Field(max_length=100_000)
    voice: str | dict[str, str] = ""
    """A persona's id or a voice of the engine's; OpenAI's own names (``alloy`` …) are the first persona."""
    response_format: SoundFormat = "mp3"
    speed: float = Field(default=1.0, ge=0.25, le=4.0, allow_inf_nan=False)
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str = ""
    """Not looked at."""


OPENAI_VOICES = frozenset("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split())
"""Names that its clients send by default."""


def router(service: ConversationService) -> APIRouter:
    """Both routes."""
    routes = APIRouter(tags=["OpenAI"], responses=RESPONSES)
    most_bytes = round(service.settings.max_upload_mb * 1e6)

    @routes.post("/v1/audio/speech", response_class=Response, responses={200: {"content": {"audio/*": {}}, "description": "Sound."}})
    async def speech(asked: SpeechRequest) -> Response:
        """Say a text; the sound comes while it is made."""
        voice = asked.voice if isinstance(asked.voice, str) else asked.voice.get("id", "")
        name = None if voice in OPENAI_VOICES else voice or None
        persona = await asyncio.to_thread(lambda: service.single.persona(name, speed=asked.speed))
        turn_id = new_turn_id()
        turn = turn_events(turn_id, lambda: service.single.read_aloud(turn_id, asked.input, persona, turn_id), lambda: None)
        first = await _first_sound(turn)
        if isinstance(first, TurnFailed):
            return refusal(first.code, first.message, status_of(first.code, first.stage))
        if first is None:
            return refusal("empty", "There are no words in that text to be said.", 422)
        pieces = _sound(turn, first, asked.response_format)
        if asked.stream_format == "sse":
            return StreamingResponse(_as_events(pieces), media_type="text/event-stream")
        return StreamingResponse(pieces, media_type=MEDIA_TYPES[asked.response_format])

    @routes.post("/v1/audio/transcriptions", response_model=None)
    async def transcriptions(
        *,
        file: Annotated[UploadFile, File(description="An audio file of any common format.")],
        model: Annotated[str, Form(description="Not looked at.")] = "",  # noqa: ARG001 - OpenAI's clients send it
        language: Annotated[str | None, Form(max_length=20)] = None,
        prompt: Annotated[str, Form(description="Not looked at.")] = "",  # noqa: ARG001
        response_format: Annotated[Literal["json", "text", "srt", "vtt", "verbose_json"], Form()] = "json",
        timestamp_granularities: Annotated[list[str] | None, Form(alias="timestamp_granularities[]")] = None,  # noqa: ARG001 - both come
    ) -> Response:
        """The words of a recording; with times in ``srt``, ``vtt`` and ``verbose_json``."""
        data = await file.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise ApiError(f"That file is too large; please keep it under {service.settings.max_upload_mb} MB.", code="too_large")
        recording = await asyncio.to_thread(lambda: decode(data, max_ms=service.settings.max_utterance_ms))
        turn_id = new_turn_id()
        turn = turn_events(turn_id, lambda: service.single.transcribe(turn_id, recording, language, secrets.token_hex(8)), lambda: None)
        heard: TranscriptReady | None = None
        async with aclosing(turn):
            async for event in turn:
                match event:
                    case TranscriptReady():
                        heard = event
                    case TurnFailed() if heard is None:
                        return refusal(event.code, event.message, status_of(event.code, event.stage))
        text, spoken = (heard.transcript.text, heard.transcript.language or language or "") if heard else ("", "")
        match response_format:
            case "text":
                return PlainTextResponse(text + "\n")
            case "json":
                return JSONResponse({"text": text})
        words = (await asyncio.to_thread(timed, recording, text, spoken or "en")).words
        match response_format:
            case "srt":
                return PlainTextResponse(srt(captions(words)))
            case "vtt":
                return PlainTextResponse(vtt(captions(words)), media_type="text/vtt")
        return JSONResponse(_verbose(text, spoken, recording, words))

    return routes


async def _first_sound(turn: AsyncGenerator[TurnEvent]) -> AudioChunk | TurnFailed | None:
    """The first piece of sound, or the failure that came before; None where there is nothing to be said."""
    async for event in turn:
        match event:
            case SegmentReady():
                return event.segment.audio
            case TurnFailed():
                return event
    return None


async def _sound(turn: AsyncGenerator[TurnEvent], first: AudioChunk, form: SoundFormat) -> AsyncGenerator[bytes]:
    encoder = await asyncio.to_thread(SoundEncoder, form)
    async with aclosing(turn):
        yield await asyncio.to_thread(encoder.push, first)
        async for event in turn:
            if isinstance(event, SegmentReady) and (ready := await asyncio.to_thread(encoder.push, event.segment.audio)):
                yield ready
    yield await asyncio.to_thread(encoder.finish)


async def _as_events(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[str]:
    async with aclosing(pieces):
        async for piece in pieces:
            if piece:
                yield f"data: {json.dumps({'type': 'speech.audio.delta', 'audio': base64.b64encode(piece).decode()})}\n\n"
    yield f"data: {json.dumps({'type': 'speech.audio.done', 'usage': {'input_tokens': 0, 'output_tokens': 0, 'total_tokens': 0}})}\n\n"


def _verbose(text: str, language: str, recording: AudioChunk, words: tuple[WordTiming, ...]) -> dict[str, Any]:
    seconds = [(word.text.strip(), round(word.start_ms / 1000, 3), round((word.start_ms + word.duration_ms) / 1000, 3)) for word in words]
    return {
        "task": "transcribe",
        "language": language,
        "duration": round(recording.duration_ms / 1000, 3),
        "text": text,
        "words": [{"word": word, "start": start, "end": end} for word, start, end in seconds],
        "segments": [
            {"id": number, "start": one.start_ms / 1000, "end": one.end_ms / 1000, "text": one.text.replace("\n", " ")}
            | {"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}
            for number, one in enumerate(captions(words))
        ],
    }
