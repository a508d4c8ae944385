"""Sessions of other programs: each with its event log, its state and its turns; a connection that broke off goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from engines.api.event_log import EventLog
from engines.api.v1.problems import ApiError
from engines.api.v1.states import Happening, State, after
from engines.api.v1.turns import new_turn_id
from engines.api.wire import Json
from engines.audio import to_pcm16
from engines.conversation.conversation import PlaybackPosition
from engines.conversation.service import ConversationService
from engines.conversation.turn import failed
from engines.errors import EngineError
from engines.events import ReplyDelta, SegmentReady, TranscriptReady, TurnCompleted, TurnEvent, TurnFailed, TurnInterrupted, TurnStarted
from engines.lipsync.timeline import timeline_fields
from engines.types import Utterance

log = logging.getLogger(__name__)

IDLE_S = 600.0
"""How long a session without a connection is kept."""
RUNNING_TURNS = 8
"""Turns of one session that may run at once, for one that was interrupted ends only with its engine's step."""
_LOG_BYTES, _EVENT_BYTES = 8_000_000, 300
"""Of a session's events; and what one of them counts for besides its sound."""
Logged = tuple[Json, bytes]
"""An event and its sound, 16-bit little-endian mono PCM."""


class Session:
    """One conversation of another program; every method may be called from any thread."""

    def __init__(self, session_id: str, service: ConversationService, loop: asyncio.AbstractEventLoop) -> None:
        self.id, self._service, self._loop = session_id, service, loop
        self.log: EventLog[Logged] = EventLog(_LOG_BYTES, encode=lambda message, data: (message, data), size=_size)
        self.wake: asyncio.Event | None = None
        """Of the client that is connected: set when there is something to send."""
        self.unused_since: float | None = time.monotonic()
        """By the monotonic clock; None while a client is connected."""
        self._guard, self._running = threading.RLock(), threading.BoundedSemaphore(RUNNING_TURNS)
        self._state: State = "idle"
        self._turn_id, self._sounds, self._silent_at = "", list[tuple[int, float, float]](), 0.0

    @property
    def state(self) -> State:
        """What the persona does."""
        return self._state

    @property
    def is_audible(self) -> bool:
        """Whether a client that plays what it gets at once is still playing."""
        return time.monotonic() < self._silent_at

    def tell(self, message: Json, data: bytes = b"") -> None:
        """Log an event; waits while the client fetches nothing of what is there, so never on the event loop."""
        self.log.append(message, data)
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._wake)

    def happened(self, happening: Happening) -> None:
        """Move to the next state, and tell it."""
        with self._guard:
            before, self._state = self._state, after(self._state, happening)
            changed = before != self._state
        if changed:
            self.tell({"type": "state", "state": self._state})

    # ---- what the client does

    def say(self, utterance: Callable[[], Utterance], heard_ms: float | None = None) -> str:
        """Answer what the user said or typed; the answer before ends. What keeps it from that, in a sentence, or nothing."""
        turn_id, position = new_turn_id(), self.position(heard_ms)
        return self.run(turn_id, lambda: self._service.answer(self.id, utterance, turn_id, position))

    def greet(self) -> str:
        """Let the persona speak first. What keeps it from that, in a sentence, or nothing."""
        turn_id = new_turn_id()
        return self.run(turn_id, lambda: self._service.greet(self.id, turn_id))

    def interrupt(self, heard_ms: float | None = None) -> None:
        """End the answer, and remember only what was heard of it.

        Args:
            heard_ms: how much of its sound was played; None takes it that it was played at once.
        """
        self._silent_at = 0.0
        self._service.stop(self.id, self.position(heard_ms))
        self.happened("interrupted")

    def position(self, heard_ms: float | None) -> PlaybackPosition | None:
        """The place in the newest turn's sound; None before the first turn."""
        with self._guard:
            turn_id, sounds = self._turn_id, list(self._sounds)
            if not turn_id:
                return None
            total = sum(duration for _, _, duration in sounds)
            left = max(0.0, self._silent_at - time.monotonic()) * 1000
        at = total - left if heard_ms is None else heard_ms
        index, begin, duration = next(((i, b, d) for i, b, d in sounds if at < b + d), sounds[-1] if sounds else (-1, 0.0, 0.0))
        return PlaybackPosition(turn_id, index, min(max(0.0, at - begin), duration))

    def run(self, turn_id: str, make: Callable[[], Iterator[TurnEvent]]) -> str:
        """Run a turn on a thread of its own, which tells its events. What keeps it from that, in a sentence, or nothing."""
        if not self._running.acquire(blocking=False):
            return "Too many answers are under way; wait until one of them has ended."
        with self._guard:
            self._turn_id, self._sounds, self._silent_at = turn_id, [], 0.0

        def run() -> None:
            try:
                self.happened("utterance")
                for event in make():
                    self._tell_event(event)
            except EngineError as error:
                self._tell_event(failed(turn_id, error))
            except Exception:
                log.exception("turn %s ended by a mistake of the program", turn_id)
                self._tell_event(failed(turn_id, EngineError("Something went wrong inside the app; try again.", code="internal")))
            finally:
                self._running.release()

        threading.Thread(target=run, name=f"turn-{turn_id}", daemon=True).start()
        return ""

    def close(self) -> None:
        """End the answer and forget the conversation."""
        self.log.close()
        self._service.leave(self.id)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake)

    # ---- what is told

    def _wake(self) -> None:
        if self.wake:
            self.wake.set()

    def _tell_event(self, event: TurnEvent) -> None:
        newest, head = event.turn_id == self._turn_id, {"turn": event.turn_id}
        match event:
            case TurnStarted() if event.notices:
                self.tell({"type": "notice", **head, "notices": list(event.notices)})
            case TranscriptReady():
                heard, notices = event.transcript, list(event.notices)
                self.tell({"type": "transcript", **head, "text": heard.text, "final": True, "language": heard.language, "notices": notices})
            case ReplyDelta():
                self.tell({"type": "text_delta", **head, "text": event.text})
            case SegmentReady():
                self._tell_sound(event, head)
            case TurnCompleted() | TurnInterrupted() | TurnFailed():
                if newest and self._sounds:
                    length = sum(duration for _, _, duration in self._sounds)
                    self.tell({"type": "audio_stream_stop", **head, "duration_ms": round(length, 2)})
                if isinstance(event, TurnFailed):
                    self.tell({"type": "error", **head, "code": event.code, "message": event.message})
                done = {"text": event.text, "interrupted": isinstance(event, TurnInterrupted), "failed": isinstance(event, TurnFailed)}
                self.tell({"type": "turn_complete", **head, **done, "timings": asdict(event.timings)})
                if newest:
                    kinds: dict[type, Happening] = {TurnCompleted: "completed", TurnInterrupted: "interrupted", TurnFailed: "failed"}
                    self.happened(kinds[type(event)])

    def _tell_sound(self, event: SegmentReady, head: dict[str, Any]) -> None:
        segment, audio = event.segment, event.segment.audio
        with self._guard:
            if event.turn_id != self._turn_id:
                return  # of an answer that is over
            begin = self._sounds[-1][1] + self._sounds[-1][2] if self._sounds else 0.0
            self._sounds.append((segment.index, begin, audio.duration_ms))
            self._silent_at = max(self._silent_at, time.monotonic()) + audio.duration_ms / 1000
        about = {"encoding": "pcm16", "sample_rate": audio.sample_rate}
        if not begin:
            self.happened("first_sound")
            self.tell({"type": "audio_stream_start", **head, **about})
        when = {"index": segment.index, "timestamp_ms": round(begin, 2), "duration_ms": round(audio.duration_ms, 2)}
        self.tell({"type": "audio_chunk", **head, **when, **about}, to_pcm16(audio))
        cues = {"cues": [cue.name for cue in segment.cues], "ctimes": [round(cue.start_ms, 2) for cue in segment.cues]}
        self.tell({"type": "visemes", **head, **when, "text": segment.text, **timeline_fields(segment.timeline), **cues})


class Sessions:
    """All sessions of other programs. Lives on the server's event loop."""

    def __init__(self, service: ConversationService, limit: int) -> None:
        """None yet.

        Args:
            service: every use case.
            limit: most sessions at once.
        """
        self._service, self._limit = service, limit
        self._sessions: dict[str, Session] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def open(self) -> Session:
        """A new session.

        Raises:
            ApiError: code ``full``.
        """
        if len(self._sessions) >= self._limit:
            raise ApiError("Everybody here is taken at the moment; try again in a few minutes.", code="full", retryable=True)
        session = Session(secrets.token_hex(16), self._service, asyncio.get_running_loop())
        self._sessions[session.id] = session
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep())
        return session

    def get(self, session_id: str) -> Session:
        """An open session.

        Raises:
            ApiError: code ``unknown_session``.
        """
        if session := self._sessions.get(session_id):
            return session
        raise ApiError("There is no such session, or not any more; open one with POST /v1/sessions.", code="unknown_session")

    async def close(self, session: Session) -> None:
        """End a session."""
        self._sessions.pop(session.id, None)
        await asyncio.to_thread(session.close)

    def close_all(self) -> None:
        """The server ends; may be called from any thread."""
        self._limit = 0
        for session in tuple(self._sessions.values()):
            session.close()

    def __len__(self) -> int:
        return len(self._sessions)

    async def _sweep(self) -> None:
        """Close sessions whose client has been away for too long."""
        while self._sessions:
            await asyncio.sleep(IDLE_S / 20)
            oldest = time.monotonic() - IDLE_S
            for session in tuple(self._sessions.values()):
                if session.unused_since is not None and session.unused_since < oldest:
                    await self.close(session)
        self._sweeping = None


def _size(logged: Logged) -> int:
    return len(logged[1]) + _EVENT_BYTES
