"""Listener: frames of a microphone that stays open → when somebody speaks, pauses, goes on, and has finished.

Pure logic on the clock of the sound itself: a frame of 32 ms is 32 ms, whenever it arrives. It serves whoever brings frames: the page, the
API, the command line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engines.live.user_start import Onset, UserStart
from engines.live.user_stop import Patience
from engines.turn_end import EndOfTurn
from engines.types import AudioChunk
from engines.vad.frames import FRAME, FRAME_MS, SAMPLE_RATE, VoiceDetector


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody begins to speak."""

    at_ms: float
    """When the first sound was made; milliseconds from the stream's start, as in every event."""


@dataclass(frozen=True, slots=True)
class SpeechHushed:
    """They are silent for a moment, in a word or behind it: time to guess what they want, for guessing takes time."""

    at_ms: float
    """When the last sound was made."""
    utterance: AudioChunk
    """Everything so far."""
    complete: float | None = None
    """How likely it is, 0 to 1, that they have finished; None where no model tells."""


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """It lasts: this is a pause."""

    at_ms: float
    """When the last sound was made."""


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """They go on, be it after a pause or within a word: what was guessed is void."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """They have finished."""

    at_ms: float
    """When the last sound was made."""
    decided_ms: float
    """When that was clear."""
    utterance: AudioChunk


ListenerEvent = SpeechStarted | SpeechHushed | SpeechPaused | SpeechResumed | SpeechEnded


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as speech, and as a pause."""

    onset: Onset = field(default_factory=Onset)
    hush_ms: float = 96.0
    """Silence at which it is guessed what they want."""
    pause_ms: float = 192.0
    """Silence that is a pause: consonants before a burst are silent for less than 150 ms."""
    pre_roll_ms: float = 320.0
    """Kept from before the first frame of speech, for soft beginnings."""
    tail_ms: float = 200.0
    """Silence that stays behind the last word."""


class Listener:
    """Listener of one microphone. Not safe to share between threads: frames have an order."""

    def __init__(
        self,
        detector: VoiceDetector,
        end_of_turn: EndOfTurn | None,
        *,
        longest_ms: float = 120_000.0,
        patience: Patience | None = None,
        thresholds: Thresholds | None = None,
    ) -> None:
        """Nothing was heard yet.

        Args:
            detector: tells speech from other sounds.
            end_of_turn: tells a pause from an end; None waits for silence alone.
            longest_ms: an utterance that lasts so long is ended.
            patience: how long a pause may be.
            thresholds: what counts as speech.
        """
        self._detector, self._end_of_turn, self._longest_ms = detector, end_of_turn, longest_ms
        self._patience, self._thresholds = patience or Patience(), thresholds or Thresholds()
        self._start = UserStart(self._thresholds.onset)
        self._rest = np.zeros(0, np.float32)
        self._frames = 0
        self._begin_anew()

    @property
    def is_speaking(self) -> bool:
        """Whether an utterance has begun and not ended."""
        return self._speaking

    @property
    def is_pausing(self) -> bool:
        """Whether they are silent for a moment."""
        return self._hushed

    @property
    def speech_ms(self) -> float:
        """How much speech the utterance holds so far, pauses left out."""
        return self._spoken * FRAME_MS if self._speaking else 0.0

    @property
    def utterance_ms(self) -> float:
        """How long the utterance is so far, pauses included."""
        return len(self._kept) * FRAME_MS

    @property
    def now_ms(self) -> float:
        """How much sound was heard."""
        return self._frames * FRAME_MS

    def reset(self) -> None:
        """Forget what was begun: the microphone was closed, or what was heard went elsewhere."""
        self._detector.reset()
        self._rest = self._rest[:0]
        self._begin_anew()

    def tell(self, text: str, language: str | None = None) -> None:
        """The words of the pause under way: "and" or half a telephone number lets it be longer, a whole sentence shorter."""
        if self._hushed:
            self._wait_ms = self._patience.wait_ms(self._complete, text, language)

    def push(self, samples: NDArray[np.float32]) -> Iterator[ListenerEvent]:
        """Take the next sound (shape (n,), float32, 16 000 Hz), of any length; the events follow while it is read to its end."""
        self._rest = np.concatenate([self._rest, samples], dtype=np.float32)
        while len(self._rest) >= FRAME:
            frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
            yield from self._hear(frame)

    def finish(self) -> Iterator[ListenerEvent]:
        """The sound ends here: what was begun is an utterance."""
        if self._speaking:
            yield self._end()

    def _begin_anew(self) -> None:
        self._start.reset()
        keep = round(self._thresholds.pre_roll_ms / FRAME_MS) + self._thresholds.onset.frames
        self._before: deque[NDArray[np.float32]] = deque(maxlen=keep)
        self._kept: list[NDArray[np.float32]] = []
        self._speaking = self._hushed = self._pausing = False
        self._spoken = 0  # frames of speech
        self._silent = 0  # frames since the last of speech
        self._wait_ms = 0.0
        self._complete: float | None = None

    def _hear(self, frame: NDArray[np.float32]) -> Iterator[ListenerEvent]:
        self._frames += 1
        is_speech = self._start.is_speech(self._detector.probability(frame), speaking=self._speaking and not self._pausing)
        if not self._speaking:
            yield from self._wait_for_speech(frame)
            return
        self._kept.append(frame)
        self._spoken += is_speech
        if is_speech and (not self._pausing or self._start.is_sure):
            self._silent = 0
            if self._hushed:
                self._hushed = self._pausing = False
                yield SpeechResumed(self.now_ms - self._start.voiced * FRAME_MS)
        else:
            self._silent += 1
            yield from self._wait_for_the_end()
        if self._speaking and len(self._kept) * FRAME_MS >= self._longest_ms:
            yield self._end()

    def _wait_for_speech(self, frame: NDArray[np.float32]) -> Iterator[ListenerEvent]:
        self._before.append(frame)
        if self._start.is_sure:
            self._kept, self._speaking, self._silent, self._spoken = list(self._before), True, 0, self._start.voiced
            yield SpeechStarted(self.now_ms - self._start.voiced * FRAME_MS)

    def _wait_for_the_end(self) -> Iterator[ListenerEvent]:
        silent_ms = self._silent * FRAME_MS
        if silent_ms >= self._thresholds.hush_ms and not self._hushed:
            self._hushed = True
            utterance = self.utterance
            self._complete = self._end_of_turn.probability(utterance.samples) if self._end_of_turn else None
            self._wait_ms = self._patience.wait_ms(self._complete)
            yield SpeechHushed(self.now_ms - silent_ms, utterance, self._complete)
        if silent_ms >= self._thresholds.pause_ms and not self._pausing:
            self._pausing = True
            yield SpeechPaused(self.now_ms - silent_ms)
        if self._pausing and silent_ms >= self._wait_ms and not self._start.voiced:  # else they are about to go on
            yield self._end()

    @property
    def utterance(self) -> AudioChunk:
        """What is being said, so far."""
        surplus = self._silent - round(self._thresholds.tail_ms / FRAME_MS)
        return AudioChunk(np.concatenate(self._kept[:-surplus] if surplus > 0 else self._kept), SAMPLE_RATE)

    def _end(self) -> SpeechEnded:
        event = SpeechEnded(self.now_ms - self._silent * FRAME_MS, self.now_ms, self.utterance)
        self._begin_anew()
        return event
