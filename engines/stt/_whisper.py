"""Whisper that runs here: what is the same for every library that computes one.

What Whisper makes up where nobody speaks is kept out twice: what is no speech never reaches it, and a segment that fails Whisper's own
tests of a good decoding (Radford et al. 2022, section 4.5) is not passed on.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.audio import require_sound, resample
from engines.errors import AudioError, SpeechToTextError, not_wanted
from engines.protocols import Cancellation
from engines.types import AudioChunk, Transcript
from engines.vad.recording import speech_in
from engines.weights.errors import opening
from engines.weights.hardware import is_out_of_memory

RATE = 16_000
"""Hz: what Whisper was trained on."""
WINDOW_S = 30
"""What it hears at once, in seconds; of anything longer it has to say where the words are."""
LARGEST_COMPRESSION = 2.4
"""Length of the text over its length compressed: above it, one phrase is repeated over and over."""
LEAST_LOGPROB = -1.0
"""Mean log-probability of a token: below it, Whisper is guessing."""
_LARGEST_NO_SPEECH = 0.6
"""Above it, Whisper itself thinks that nobody spoke."""
SURE_LOGPROB = -0.5
"""Then only a text that it is sure of counts: its opinion alone is too often wrong."""
_AROUND_MS, _LONGEST_PAUSE_MS = 400, 2_000
"""Sound that is kept around speech, and the longest pause in it: Whisper writes better with both."""

_CODES = {"nb": "no", "fil": "tl", "jv": "jw", "iw": "he", "in": "id", "cmn": "zh"}
"""Languages that Whisper knows by another code than BCP 47."""
_TAGS = {"jw": "jv"}
"""And those of its codes that are no BCP 47 tags."""


@dataclass(frozen=True, slots=True)
class WhisperSegment:
    """What Whisper wrote of a part of a recording, and what it thinks of it."""

    text: str
    """With the space that it begins with, in languages that have one."""
    logprob: float
    """The mean log-probability of its tokens."""
    compression: float
    """Its length over its length compressed."""
    no_speech: float
    """How likely it is that nobody spoke."""

    @property
    def is_reliable(self) -> bool:
        """Whether it counts."""
        sure_enough = self.logprob >= (LEAST_LOGPROB if self.no_speech <= _LARGEST_NO_SPEECH else SURE_LOGPROB)
        return sure_enough and self.compression <= LARGEST_COMPRESSION


class LocalWhisper(ABC):
    """A `SpeechToText` that computes here. Safe to share between threads.

    An adapter says which languages its model knows, and how its library decodes speech.
    """

    def __init__(self, name: str) -> None:
        """`name`: what errors call the model."""
        self._name = name

    @abstractmethod
    def knows(self, code: str) -> bool:
        """Whether the model was trained on the language of that code, which may be any text."""

    @abstractmethod
    def decode(
        self, samples: NDArray[np.float32], code: str | None, priors: Mapping[str, float], longest: int | None = None
    ) -> tuple[Iterable[WhisperSegment], str]:
        """What is said in samples, float32 of shape (n,) at 16 000 Hz, and the code of its language, which is `code` if that is given.

        Else it is the `likeliest`, where `priors` are by code. `longest` is the number of tokens that it may write (None: any). Any number
        of threads may ask at once.
        """

    def transcribe(
        self,
        audio: AudioChunk,
        language: str | None = None,
        priors: Mapping[str, float] | None = None,
        cancel: Cancellation | None = None,
    ) -> Transcript:
        """The words as Whisper writes them, with punctuation; empty where nobody speaks. See `SpeechToText.transcribe`.

        Raises:
            SpeechToTextError: code ``language`` (the model does not know it), ``bad_numbers``, ``out_of_memory``, ``failed``,
                or ``cancelled`` (within a window of half a minute, where the library hands them out one by one).
        """
        code = None
        if language:
            code = code_of(language)
            if not self.knows(code):
                raise unknown_language(self._name, language)
        samples = samples_of(audio)
        if samples is None:
            return Transcript("", language)
        try:
            stretches = speech_in(samples, around_ms=_AROUND_MS, longest_pause_ms=_LONGEST_PAUSE_MS)
            if not stretches:
                return Transcript("", language)
            speech = np.concatenate([samples[start:end] for start, end in stretches])
            found, spoken = self.decode(speech, code, {code_of(tag): weight for tag, weight in (priors or {}).items()})
            segments = list(_wanted(found, cancel))
        except SpeechToTextError:
            raise
        except Exception as error:
            raise transcription_error(error) from error
        if any(math.isnan(segment.logprob) for segment in segments):
            raise SpeechToTextError(
                "Whisper computed what is no number. Choose another model.", code="bad_numbers", counts_against_engine=True
            )
        text = "".join(segment.text for segment in segments if segment.is_reliable)
        return Transcript(text.strip(), language or tag_of(spoken))

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
        speech_in(noise, around_ms=_AROUND_MS, longest_pause_ms=_LONGEST_PAUSE_MS)
        segments, _ = self.decode(noise, "en", {}, longest=1)
        list(segments)


def _wanted(segments: Iterable[WhisperSegment], cancel: Cancellation | None) -> Iterator[WhisperSegment]:
    """The segments, while they are wanted."""
    for segment in segments:
        if cancel and cancel.cancelled:
            raise not_wanted()
        yield segment


def likeliest(probabilities: Mapping[str, float], priors: Mapping[str, float]) -> str:
    """The code of the language that was spoken.

    Args:
        probabilities: Whisper's, by code.
        priors: how many times as likely as any other language some are before anything is heard, by code: Whisper tells languages apart in
            a sentence, but not in an "OK" of half a second.
    """
    return max(probabilities, key=lambda code: probabilities[code] * priors.get(code, 1.0))


def decoding_of(samples: NDArray[np.float32]) -> dict[str, Any]:
    """How samples at 16 000 Hz are decoded: arguments of OpenAI's ``transcribe``, whose names the libraries have kept.

    Only the one for `LEAST_LOGPROB` is spelled differently by each.
    """
    return {
        "temperature": 0.0,  # one try: the retries at higher temperatures are slow, and are where most inventions come from
        "condition_on_previous_text": False,  # or one mistake is repeated to the end
        "compression_ratio_threshold": LARGEST_COMPRESSION,
        "no_speech_threshold": _LARGEST_NO_SPEECH,
        "without_timestamps": len(samples) <= WINDOW_S * RATE,  # one window needs none, and they cost a token each
    }


def code_of(language: str) -> str:
    """Whisper's code for a BCP 47 tag, whether it knows that language or not."""
    base = re.split("[-_]", language)[0].lower()
    return _CODES.get(base, base)


def tag_of(code: str) -> str:
    """The BCP 47 tag of one of Whisper's codes."""
    return _TAGS.get(code, code)


def unknown_language(model: str, language: str) -> SpeechToTextError:
    """The error, code ``language``, of a model that was not trained on a language."""
    message = f"The Whisper model {model!r} does not know the language {language!r}. Choose another model or language."
    return SpeechToTextError(message, code="language")


def samples_of(audio: AudioChunk) -> NDArray[np.float32] | None:
    """The sound as Whisper wants it, float32 of shape (n,) at 16 000 Hz; None where there is none to hear."""
    try:
        require_sound(audio)
        return resample(audio, RATE).samples
    except AudioError:  # silent, or too short
        return None


def transcription_error(error: Exception) -> SpeechToTextError:
    """What to tell of an exception that a library raised while its Whisper was read or heard: code ``out_of_memory`` or ``failed``."""
    if is_out_of_memory(error):
        message = "There is not enough memory for this Whisper model. Choose a smaller one, or close other programs."
        return SpeechToTextError(message, code="out_of_memory", counts_against_engine=True)
    return SpeechToTextError(
        "Whisper could not follow that recording. Please say it again.", code="failed", retryable=True, counts_against_engine=True
    )


def opening_whisper(model: str, how: str) -> AbstractContextManager[None]:
    """Turns whatever goes wrong while a Whisper is opened `how` (``by MLX``, ``on cuda as float16``) into a `SpeechToTextError`.

    Raises (inside):
        SpeechToTextError: code ``out_of_memory``, ``load_failed``, or the one that is raised inside.
    """
    return opening(f"The Whisper model {model!r}", how, SpeechToTextError, transcription_error)
