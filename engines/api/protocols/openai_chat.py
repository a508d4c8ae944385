"""OpenAI's chat route, ``/v1/chat/completions``, with a persona as the model (https://platform.openai.com/docs/api-reference/chat)."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from engines.api.v1.problems import RESPONSES, refusal, status_of
from engines.api.v1.turns import new_turn_id, turn_events
from engines.conversation.service import ConversationService
from engines.events import ReplyDelta, TurnEvent, TurnFailed
from engines.types import ChatMessage, Persona

_MOST_MESSAGES = 1_000
_MOST_SYSTEM = 8_000
"""Characters of all system messages."""


class ChatPart(BaseModel):
    """Part of a message; only text is read."""

    model_config = ConfigDict(extra="ignore")
    type: str = "text"
    text: str = ""


class ChatTurn(BaseModel):
    """One message."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ChatPart] | None = ""

    @property
    def text(self) -> str:
        """Its text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or [])


class StreamOptions(BaseModel):
    """What comes with a stream."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A conversation that the client keeps."""

    model_config = ConfigDict(extra="ignore")
    model: str = ""
    """A persona's id; any other name is the first persona."""
    messages: list[ChatTurn] = Field(min_length=1, max_length=_MOST_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None


def router(service: ConversationService) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["OpenAI"], responses=RESPONSES)

    @routes.post("/v1/chat/completions", response_model=None)
    async def completions(asked: ChatRequest) -> Response:
        """Somebody's answer as text, whole or while it is written."""
        people = {person.id: person for person in (await asyncio.to_thread(service.status)).personas}
        persona = people.get(asked.model) or next(iter(people.values()))
        turn_id, (persona, messages) = new_turn_id(), _reading(asked.messages, persona)
        turn = turn_events(turn_id, lambda: service.single.complete(turn_id, messages, persona, secrets.token_hex(8)), lambda: None)
        head = {"id": f"chatcmpl-{turn_id}", "created": int(time.time()), "model": asked.model or persona.id}
        first = await _first_text(turn)
        if isinstance(first, TurnFailed):
            return refusal(first.code, first.message, status_of(first.code, first.stage))
        if asked.stream:
            usage = bool(asked.stream_options and asked.stream_options.include_usage)
            return StreamingResponse(_chunks(turn, first, head, usage=usage), media_type="text/event-stream")
        text = first + "".join([piece async for piece in _rest(turn)])
        choice = {"index": 0, "message": {"role": "assistant", "content": text.strip()}, "finish_reason": "stop", "logprobs": None}
        return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": _NO_USAGE})

    return routes


_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
"""Tokens are not counted here: engines differ in what they are."""


def _reading(turns: list[ChatTurn], persona: Persona) -> tuple[Persona, list[ChatMessage]]:
    """The persona, whose prompt is followed by the client's system messages, and what was said; answers of tools are left out."""
    system = "\n\n".join(turn.text for turn in turns if turn.role in ("system", "developer") and turn.text.strip())
    said = [(turn.role, turn.text) for turn in turns if turn.role in ("user", "assistant") and turn.text.strip()]
    messages = [ChatMessage("assistant" if role == "assistant" else "user", text) for role, text in said]
    return (replace(persona, prompt=f"{persona.prompt}\n\n{system[:_MOST_SYSTEM]}") if system else persona), messages


async def _first_text(turn: AsyncGenerator[TurnEvent]) -> str | TurnFailed:
    async for event in turn:
        match event:
            case ReplyDelta():
                return event.text
            case TurnFailed():
                return event
    return ""


async def _rest(turn: AsyncGenerator[TurnEvent]) -> AsyncGenerator[str]:
    async with aclosing(turn):
        async for event in turn:
            if isinstance(event, ReplyDelta):
                yield event.text


async def _chunks(turn: AsyncGenerator[TurnEvent], first: str, head: dict[str, Any], *, usage: bool) -> AsyncGenerator[str]:
    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _line({**head, "object": "chat.completion.chunk", "choices": [choice]})

    yield chunk({"role": "assistant", "content": first})
    async with aclosing(_rest(turn)) as rest:
        async for piece in rest:
            yield chunk({"content": piece})
    yield chunk({}, "stop")
    if usage:
        yield _line({**head, "object": "chat.completion.chunk", "choices": [], "usage": _NO_USAGE})
    yield "data: [DONE]\n\n"


def _line(message: dict[str, Any]) -> str:
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n"
