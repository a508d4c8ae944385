"""Partial transcripts: the words of somebody who still speaks, by reading what they said so far again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engines.conversation.speculation import SpeculativeTurn
from engines.errors import EngineError
from engines.live.listener import Listener
from engines.types import AudioChunk

SHARE = 0.15
"""Most of the time that hearing may be at work while somebody speaks: what they pause for comes first."""
EVERY_MS = 1_000.0
"""How much new sound is worth it."""


class PartialTranscripts:
    """Reads one microphone's utterances along. Its methods may be called from any thread."""

    def __init__(
        self, hear: Callable[[AudioChunk], SpeculativeTurn], tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is read yet.

        Args:
            hear: begins to understand a sound.
            tell: takes the words; called on a thread of its own.
            clock: counts seconds.
        """
        self._hear, self._tell, self._clock = hear, tell, clock
        self._guard = threading.Lock()
        self._reading: SpeculativeTurn | None = None
        self._due_ms = EVERY_MS
        """At which length of the utterance it is read next."""

    def begin(self) -> None:
        """An utterance begins."""
        self.cancel()
        self._due_ms = EVERY_MS

    def consider(self, listener: Listener) -> None:
        """Somebody speaks: read them again if it is time."""
        length_ms = listener.utterance_ms
        with self._guard:
            if self._reading or length_ms < self._due_ms:
                return
            try:
                reading = self._reading = self._hear(listener.utterance)
            except EngineError:
                return  # the end of the utterance will say why
            self._due_ms = length_ms + EVERY_MS
        threading.Thread(target=self._wait, args=(reading, length_ms), name="partial-transcript", daemon=True).start()

    def cancel(self) -> None:
        """They pause: what is being read is out of date."""
        with self._guard:
            reading, self._reading = self._reading, None
        if reading:
            reading.cancel()

    def _wait(self, reading: SpeculativeTurn, length_ms: float) -> None:
        begun = self._clock()
        reading.wait_for_words()
        took_ms = (self._clock() - begun) * 1000
        words = reading.transcript.text if reading.transcript else ""
        with self._guard:
            if self._reading is not reading:
                return
            self._reading, self._due_ms = None, length_ms + max(EVERY_MS, took_ms / SHARE)
        reading.cancel()  # it was only to be heard
        if words:
            self._tell(words)
