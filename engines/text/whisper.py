"""What every Whisper has in common, whatever computes it: the sound it wants, its names for languages, and which of its answers count.

What Whisper makes up where nobody speaks fails its own tests of a good decoding (Radford et al. 2022, section 4.5), and is not passed on.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from engines.audio import require_sound, resample
from engines.errors import AudioError, SpeechToTextError
from engines.text.prompts import is_out_of_memory
from engines.types import AudioChunk

RATE = 16_000
"""Hz: what Whisper was trained on."""
WINDOW_S = 30
"""What it hears at once, in seconds; of anything longer it has to say where the words are."""
LARGEST_COMPRESSION = 2.4
"""Length of the text over its length compressed: above it, one phrase is repeated over and over."""
LEAST_LOGPROB = -1.0
"""Mean log-probability of a token: below it, Whisper is guessing."""
LARGEST_NO_SPEECH = 0.6
"""Above it, Whisper itself thinks that nobody spoke."""
_SURE_LOGPROB = -0.5
"""Then only a text that it is sure of counts: its opinion alone is too often wrong."""

_CODES = {"nb": "no", "fil": "tl", "jv": "jw", "iw": "he", "in": "id", "cmn": "zh"}
"""Languages that Whisper knows by another code than BCP 47."""
_TAGS = {"jw": "jv"}
"""And those of its codes that are no BCP 47 tags."""


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
    """The sound as Whisper wants it, float32 of shape (n,) at 16 000 Hz; None where there is none to hear.

    Raises:
        SpeechToTextError: code ``bad_samples`` (not finite) or ``bad_rate``.
    """
    try:
        require_sound(audio)
        return resample(audio, RATE).samples
    except AudioError as error:
        if error.code in {"silent", "too_short"}:
            return None
        raise SpeechToTextError(error.message, code=error.code) from error


def is_heard(logprob: float, compression: float, no_speech: float) -> bool:
    """Whether a stretch of text counts: by its mean log-probability, its compression ratio, and how likely it is that nobody spoke."""
    sure_enough = logprob >= (LEAST_LOGPROB if no_speech <= LARGEST_NO_SPEECH else _SURE_LOGPROB)
    return sure_enough and compression <= LARGEST_COMPRESSION


def failure(error: Exception) -> SpeechToTextError:
    """What to tell of an exception that a library raised while its Whisper was read or heard: code ``out_of_memory`` or ``failed``."""
    if is_out_of_memory(error):
        message = "There is not enough memory for this Whisper model. Choose a smaller one, or close other programs."
        return SpeechToTextError(message, code="out_of_memory")
    return SpeechToTextError("Whisper could not follow that recording. Please say it again.", code="failed", retryable=True)
