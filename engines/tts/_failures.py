"""Failures: the sentence for what a library of a voice raises."""

from __future__ import annotations

from engines.errors import TextToSpeechError
from engines.weights.hardware import is_out_of_memory


def failure(error: Exception, what: str, then: str, code: str) -> TextToSpeechError:
    """The sentence for an error from outside; a full memory is recognised."""
    if is_out_of_memory(error):
        return TextToSpeechError(
            f"{what}: the memory is full. Close other programs and try again.",
            code="out_of_memory",
            retryable=True,
            counts_against_engine=True,
        )
    why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:200]
    passing = code == "synthesis_failed"
    return TextToSpeechError(f"{what}: {why}. {then}", code=code, retryable=passing, counts_against_engine=passing)
