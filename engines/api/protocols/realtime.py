"""OpenAI's Realtime protocol over a WebSocket, ``/v1/realtime`` (https://platform.openai.com/docs/api-reference/realtime).

A translation of what `engines.api.v1.sessions` tells: server VAD or a buffer that the client commits; one answer at a time.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from engines.api.v1.listening import SessionMicrophone
from engines.api.v1.problems import ApiError
from engines.api.v1.sessions import Logged, Session, Sessions
from engines.audio import from_pcm16, resample, to_pcm16
from engines.conversation.service import ConversationService
from engines.errors import EngineError
from engines.live.models import LiveModels
from engines.types import Utterance
from engines.vad.frames import SAMPLE_RATE

RATE = 24_000
"""Of PCM in both directions, in Hz."""
MESSAGE_BYTES = 2_000_000
STALLED_S = 30.0
_STEP_BYTES = RATE * 2 // 10
"""Sound is resampled for the listener in pieces of 100 ms."""
_CHUNK_BYTES = 256_000
_NO_USAGE = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
Event = dict[str, Any]


def router(service: ConversationService, sessions: Sessions, models: LiveModels) -> APIRouter:
    """The route; ``model`` in its address is a persona's id, any other name is the first persona."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.websocket("/v1/realtime")
    async def realtime(socket: WebSocket, model: str = "") -> None:
        await socket.accept(subprotocol="realtime" if "realtime" in socket.scope.get("subprotocols", ()) else None)
        try:
            session = sessions.open()
        except ApiError as error:
            await socket.send_json(_error(error, "evt_0"))
            await socket.close()
            return
        people = {person.id for person in (await asyncio.to_thread(service.status)).personas}
        if model in people:
            await asyncio.to_thread(service.adjust, session.id, model)
        try:
            await _Connection(socket, session, service, models).serve()
        finally:
            await sessions.close(session)

    return routes


class _Connection:
    """One client."""

    def __init__(self, socket: WebSocket, session: Session, service: ConversationService, models: LiveModels) -> None:
        self._socket, self._session, self._service, self._models = socket, session, service, models
        self._numbers = itertools.count(1)
        self._microphone: SessionMicrophone | None = SessionMicrophone(session, service, models)
        self._waiting, self._committed, self._typed = bytearray(), b"", ""
        self._most_bytes = round(service.settings.max_utterance_ms / 1000 * RATE) * 2
        self._answer = _Answer("", "")
        self._sent_ms, self._speech_ms = 0.0, 0.0
        """How much sound has come, and how much had when speech was heard to begin."""
        self._config: Event = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": RATE}, "turn_detection": {"type": "server_vad"}},
                "output": {"format": {"type": "audio/pcm", "rate": RATE}, "speed": 1.0},
            },
        }

    async def serve(self) -> None:
        """Talk until the client leaves."""
        wake = asyncio.Event()
        self._session.wake, self._session.unused_since = wake, None
        await self._send({"type": "session.created", "session": self._config})
        telling, hearing = asyncio.create_task(self._tell(wake)), asyncio.create_task(self._hear())
        try:
            await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (telling, hearing):
                task.cancel()
            await asyncio.gather(telling, hearing, return_exceptions=True)
            if self._microphone:
                self._microphone.close()
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close()

    def _name(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"

    async def _send(self, event: Event) -> None:
        async with asyncio.timeout(STALLED_S):
            await self._socket.send_text(json.dumps({"event_id": self._name("evt"), **event}, ensure_ascii=False))

    async def _tell(self, wake: asyncio.Event) -> None:
        number = 0
        while True:
            wake.clear()
            while events := (found := self._session.log.after(number, _CHUNK_BYTES))[0]:
                number = found[1]
                for event in events:  # sound is resampled and spelled on another thread, for others talk on this one
                    for told in await asyncio.to_thread(list, self._translated(event)):
                        await self._send(told)
            await wake.wait()

    # ---- what a client says

    async def _hear(self) -> None:
        handlers: dict[str, Callable[[Event], Any]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._item,
            "conversation.item.truncate": self._truncate,
            "response.create": self._create,
            "response.cancel": self._cancel,
        }
        while True:
            text = await self._socket.receive_text()
            message = _json(text) if len(text) <= MESSAGE_BYTES else None
            handler = handlers.get(str(message.get("type"))) if message else None
            try:
                if message is None:
                    raise ApiError(f"Send JSON objects of at most {MESSAGE_BYTES} bytes.", code="invalid_json")
                if handler is None:
                    raise ApiError(f"There is no such event here; there is {', '.join(handlers)}.", code="unknown_event")
                await handler(message)
            except EngineError as error:
                cause = message.get("event_id") if message else None
                await self._send(_error(error, cause if isinstance(cause, str) else None))

    async def _update(self, message: Event) -> None:
        asked = message.get("session")
        if not isinstance(asked, dict):
            raise ApiError("session must be an object.", code="invalid_value")
        audio = _object(asked.get("audio"))
        heard, spoken = _object(audio.get("input")), _object(audio.get("output"))
        for form in (_object(side.get("format")) for side in (heard, spoken)):
            if form and (form.get("type"), form.get("rate", RATE)) != ("audio/pcm", RATE):
                raise ApiError(f"Sound is 16-bit PCM of {RATE} Hz here.", code="invalid_value")
        voice, speed = spoken.get("voice"), _number(spoken.get("speed"))
        change = partial(self._service.adjust, self._session.id, speed=min(max(speed, 0.5), 2.0) if speed else None)
        people = {person.id for person in (await asyncio.to_thread(self._service.status)).personas}
        if isinstance(voice, str) and voice in people:
            await asyncio.to_thread(change, voice)
        else:
            known = {one.id for one in await asyncio.to_thread(self._service.single.voices)}
            await asyncio.to_thread(partial(change, voice=voice if voice in known else None))
        if "turn_detection" in heard:
            self._detect(on=heard["turn_detection"] is not None)
        ours = self._config["audio"]
        ours["input"]["turn_detection"] = {"type": "server_vad"} if self._microphone else None
        ours["output"]["speed"] = speed or ours["output"]["speed"]
        await self._send({"type": "session.updated", "session": self._config})

    def _detect(self, *, on: bool) -> None:
        if on and self._microphone is None:
            self._microphone = SessionMicrophone(self._session, self._service, self._models)
        elif not on and self._microphone:
            self._microphone.close()
            self._microphone = None

    async def _append(self, message: Event) -> None:
        try:
            sound = base64.b64decode(str(message.get("audio", "")), validate=True)
        except ValueError:
            raise ApiError("audio must be base64.", code="invalid_value") from None
        if len(self._waiting) + len(sound) > self._most_bytes:
            self._waiting.clear()
            raise ApiError("That is more sound than an utterance may have; it was dropped.", code="input_audio_buffer_full")
        self._waiting.extend(sound)
        self._sent_ms += len(sound) / 2 / RATE * 1000
        while self._microphone and len(self._waiting) >= _STEP_BYTES:
            step = bytes(self._waiting[:_STEP_BYTES])
            del self._waiting[:_STEP_BYTES]
            heard = await asyncio.to_thread(resample, from_pcm16(step, RATE), SAMPLE_RATE)
            await self._microphone.take(to_pcm16(heard))

    async def _commit(self, _: Event) -> None:
        if self._microphone or not self._waiting:
            raise ApiError("There is no sound to be committed.", code="input_audio_buffer_commit_empty")
        self._committed = bytes(self._waiting)[: len(self._waiting) // 2 * 2]
        self._waiting.clear()
        await self._send({"type": "input_audio_buffer.committed", "item_id": self._name("item")})

    async def _clear(self, _: Event) -> None:
        self._waiting.clear()
        await self._send({"type": "input_audio_buffer.cleared"})

    async def _item(self, message: Event) -> None:
        match message.get("item"):
            case {"type": "message", "role": "user", "content": list() as parts}:
                texts = [str(part.get("text", "")) for part in map(_object, parts) if part.get("type") == "input_text"]
                self._typed = "\n".join(texts)
                item = {"id": self._name("item"), "type": "message", "role": "user", "status": "completed"}
                content = [{"type": "input_text", "text": self._typed}]
                await self._send({"type": "conversation.item.added", "previous_item_id": None, "item": {**item, "content": content}})
                await self._send({"type": "conversation.item.done", "previous_item_id": None, "item": {**item, "content": content}})
            case _:
                raise ApiError("Only messages of the user can be added here.", code="invalid_value")

    async def _truncate(self, message: Event) -> None:
        end_ms, item = _number(message.get("audio_end_ms")), message.get("item_id")
        if end_ms is None:
            raise ApiError("audio_end_ms must be a number.", code="invalid_value")
        await asyncio.to_thread(self._session.interrupt, end_ms)
        await self._send({"type": "conversation.item.truncated", "item_id": str(item), "content_index": 0, "audio_end_ms": int(end_ms)})

    async def _create(self, _: Event) -> None:
        typed, sound = self._typed, self._committed
        self._typed, self._committed = "", b""
        begin: Callable[[], str] = self._session.greet
        if sound:
            begin = partial(self._session.say, lambda: Utterance(audio=from_pcm16(sound, RATE)))
        elif typed:
            begin = partial(self._session.say, lambda: Utterance(text=typed))
        if problem := await asyncio.to_thread(begin):
            raise ApiError(problem, code="conversation_already_has_active_response")

    async def _cancel(self, _: Event) -> None:
        await asyncio.to_thread(self._session.interrupt)

    # ---- what is told

    def _translated(self, logged: Logged) -> Iterator[Event]:
        message, sound = logged
        match message:
            case {"type": "state", "state": "listening"}:
                self._speech_ms = self._sent_ms
                yield {"type": "input_audio_buffer.speech_started", "audio_start_ms": round(self._sent_ms), "item_id": self._name("item")}
            case {"type": "transcript", "final": True, "text": text, "turn": turn}:
                yield from self._heard(str(text))
                self._answer = _Answer(str(turn), self._name("item"))
                yield {"type": "response.created", "response": self._answer.response("in_progress")}
            case {"type": "text_delta", "text": text, "turn": turn} if self._is_newest(turn):
                yield from self._answer.begun()
                self._answer.text += str(text)
                yield {"type": "response.output_audio_transcript.delta", **self._answer.place, "delta": text}
            case {"type": "audio_chunk", "turn": turn} if self._is_newest(turn):
                yield from self._answer.begun()
                pcm = to_pcm16(resample(from_pcm16(sound, message["sample_rate"]), RATE))
                yield {"type": "response.output_audio.delta", **self._answer.place, "delta": base64.b64encode(pcm).decode()}
            case {"type": "error"}:
                about = {"type": "server_error", "code": message["code"], "message": message["message"], "param": None}
                yield {"type": "error", "error": about}
            case {"type": "turn_complete", "turn": turn} if self._is_newest(turn):
                status = "cancelled" if message["interrupted"] else "failed" if message["failed"] else "completed"
                yield from self._answer.ended(status)

    def _heard(self, text: str) -> Iterator[Event]:
        item = {"id": self._name("item"), "type": "message", "role": "user", "status": "completed"}
        if self._microphone:
            yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": round(self._sent_ms), "item_id": item["id"]}
            yield {"type": "input_audio_buffer.committed", "item_id": item["id"]}
        whole = {**item, "content": [{"type": "input_audio", "transcript": text}]}
        yield {"type": "conversation.item.added", "previous_item_id": None, "item": whole}
        done = "conversation.item.input_audio_transcription.completed"
        usage = {"type": "duration", "seconds": round((self._sent_ms - self._speech_ms) / 1000, 2)}
        yield {"type": done, "item_id": item["id"], "content_index": 0, "transcript": text, "usage": usage}

    def _is_newest(self, turn: object) -> bool:
        """Whether it is the answer that is told; a greeting has no transcript that begins one."""
        if self._answer.turn != turn and not self._answer.is_open:
            self._answer = _Answer(str(turn), self._name("item"))
        return self._answer.turn == turn


class _Answer:
    """The events around one answer."""

    def __init__(self, turn: str, item: str) -> None:
        self.turn, self.item, self.text, self.is_open, self._is_begun = turn, item, "", bool(turn), False

    @property
    def place(self) -> Event:
        """Where a piece of it belongs."""
        return {"response_id": f"resp_{self.turn}", "item_id": self.item, "output_index": 0, "content_index": 0}

    def response(self, status: str) -> Event:
        """The response object."""
        output = [self._message(status)] if status != "in_progress" else []
        return {"id": f"resp_{self.turn}", "object": "realtime.response", "status": status, "output": output, "usage": _NO_USAGE}

    def begun(self) -> Iterator[Event]:
        """What comes before the first piece."""
        if self._is_begun:
            return
        self._is_begun = True
        item = {**self._message("in_progress"), "content": []}
        yield {"type": "response.output_item.added", "response_id": f"resp_{self.turn}", "output_index": 0, "item": item}
        yield {"type": "conversation.item.added", "previous_item_id": None, "item": item}
        yield {"type": "response.content_part.added", **self.place, "part": {"type": "audio", "transcript": ""}}

    def ended(self, status: str) -> Iterator[Event]:
        """What comes after the last."""
        self.is_open = False
        if self._is_begun:
            yield {"type": "response.output_audio.done", **self.place}
            yield {"type": "response.output_audio_transcript.done", **self.place, "transcript": self.text}
            yield {"type": "response.content_part.done", **self.place, "part": {"type": "audio", "transcript": self.text}}
            item = self._message(status)
            yield {"type": "response.output_item.done", "response_id": f"resp_{self.turn}", "output_index": 0, "item": item}
            yield {"type": "conversation.item.done", "previous_item_id": None, "item": item}
        yield {"type": "response.done", "response": self.response(status)}

    def _message(self, status: str) -> Event:
        content = [{"type": "output_audio", "transcript": self.text}]
        state = "completed" if status == "completed" else "in_progress" if status == "in_progress" else "incomplete"
        return {"id": self.item, "object": "realtime.item", "type": "message", "role": "assistant", "status": state, "content": content}


def _error(error: EngineError, cause: str | None) -> Event:
    about = {"type": "invalid_request_error", "code": error.code, "message": error.message, "param": None, "event_id": cause}
    return {"type": "error", "error": about}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9 else None


def _object(value: object) -> Event:
    return value if isinstance(value, dict) else {}


def _json(text: str) -> Event | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
