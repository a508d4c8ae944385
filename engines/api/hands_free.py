"""Hands-free listening of one page: its frames in their order, off the event loop, into a `LiveConversation`; what that decides, down."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.api.wire import Json, event_to_wire, live_to_wire
from engines.audio import from_pcm16
from engines.concurrency.channel import Channel
from engines.conversation.service import ConversationService
from engines.conversation.turn import failed
from engines.errors import EngineError
from engines.events import TurnEvent
from engines.live.conversation import BargeIn, LiveConversation, UserSpeech
from engines.live.models import LiveModels
from engines.vad.frames import SAMPLE_RATE

log = logging.getLogger(__name__)

MESSAGE_BYTES = 16 * SAMPLE_RATE * 2
"""Most sound of a message: 16 s."""
MESSAGES_AHEAD = 8
"""Messages that wait to be heard; then the page waits."""
PATIENCE_S = 15.0
"""How long."""
_LOOK_S = 0.5
"""How often it is looked whether better models have come while nothing arrives."""
_Frame = tuple[NDArray[np.float32], bool]
"""Sound, and whether the persona spoke meanwhile."""
_DAMAGED = "That sound arrived damaged; switch hands-free on again."
_BUSY = "This machine cannot keep up with the microphone. Close other programs, or hold the button while you speak."

Answer = Callable[[str, Callable[[], Iterator[TurnEvent]]], str]
"""Runs a turn of that id in a thread of its own; what keeps it from that, in a sentence, or nothing."""


class Told(Protocol):
    """Whoever is told what happens: a page, or a session of another program."""

    session_id: str
    """Of the conversation."""

    def tell(self, message: Json, data: bytes = b"") -> None:
        """Something has happened; called from any thread, and may wait."""
        ...


class HandsFree:
    """An open microphone. Lives on the server's event loop, hears on a thread of its own, and is the `LiveClient` of its conversation."""

    def __init__(self, client: Told, listening: str, service: ConversationService, models: LiveModels, answer: Answer) -> None:
        """Listen.

        Args:
            client: whose microphone it is.
            listening: what the page calls it; every event says it, so that those of a microphone that is closed are known.
            service: every use case.
            models: what tells speech from other sounds, and the end of a turn.
            answer: runs turns.
        """
        self.id = listening
        self._client, self._models, self._answer = client, models, answer
        self._longest_ms = service.settings.max_utterance_ms
        self._version = models.version
        self._notice: str | None = None
        self._live = LiveConversation(service, client.session_id, models.listener(self._longest_ms), self)
        self._frames: Channel[list[_Frame]] = Channel(MESSAGES_AHEAD)
        self._next = 0  # number of the frame that is to come
        self._closed = False
        threading.Thread(target=self._run, name="hands-free", daemon=True).start()

    async def take(self, message: Json, sound: bytes) -> str:
        """Take frames; the sentence that says what is wrong with them, or nothing. Those that came before are known by their numbers."""
        first, audible = message.get("first"), message.get("audible")
        if not isinstance(first, int) or not isinstance(audible, list) or not audible or len(sound) > MESSAGE_BYTES:
            return _DAMAGED
        samples = len(sound) // 2 // len(audible)
        if not samples or samples * 2 * len(audible) != len(sound):
            return _DAMAGED
        known, self._next = max(0, self._next - first), max(self._next, first + len(audible))
        pieces = from_pcm16(sound, SAMPLE_RATE).samples.reshape(len(audible), samples)
        frames = [(piece, persona is True) for piece, persona in zip(pieces[known:], audible[known:], strict=True)]
        try:
            async with asyncio.timeout(PATIENCE_S):
                while frames and not self._closed and not self._frames.offer(frames):  # noqa: ASYNC110 - a thread makes room
                    await asyncio.sleep(_LOOK_S / 10)
        except TimeoutError:
            return _BUSY
        return ""

    def stopped(self) -> None:
        """The page has told how far the persona was heard whom it silenced."""
        self._live.stopped()

    def close(self) -> None:
        """Hear no more, and forget what was begun; never blocks."""
        self._closed = True
        self._frames.close(discard=True)
        self._live.stopped()

    # ---- what the conversation decides

    def tell(self, event: UserSpeech | BargeIn) -> None:
        """See `LiveClient.tell`."""
        self._client.tell({**live_to_wire(event), "listening": self.id})

    def answer(self, turn_id: str, events: Iterator[TurnEvent]) -> None:
        """See `LiveClient.answer`."""
        if problem := self._answer(turn_id, lambda: events):
            self._client.tell(*event_to_wire(failed(turn_id, EngineError(problem, code="busy", retryable=True))))

    # ---- the thread

    def _run(self) -> None:
        try:
            while (waiting := self._frames.get(_LOOK_S)) != []:
                self._improve()
                for sound, audible in (frame for frames in waiting or [] for frame in frames):
                    if self._closed:
                        break
                    self._live.hear(sound, audible=audible)
        except Exception:
            log.exception("hands-free ended by a mistake of the program")
            sentence = "Hands-free stopped: something went wrong inside the app. Switch it on again."
            self._say(sentence, ended=True)
            self.close()
        finally:
            self._live.close()

    def _improve(self) -> None:
        """Better models may have come, or there is something to say of them."""
        if self._version != self._models.version:
            version = self._models.version
            if self._live.use(self._models.listener(self._longest_ms)):
                self._version = version
        if self._notice != self._models.notice:
            self._notice = self._models.notice
            self._say(self._notice)

    def _say(self, notice: str, *, ended: bool = False) -> None:
        self._client.tell({"type": "listening", "listening": self.id, "notice": notice, "ended": ended})
