"""User interruption: what becomes of a persona while somebody speaks at the same time."""

from __future__ import annotations

from typing import Literal

from engines.text.turn_taking import is_backchannel, is_echo, is_stop

BARGE_IN_MS = 1200.0
"""Speech that lasts so long while the persona speaks is no backchannel: "bien sûr" takes up to 1 s. The page is silent by then."""
_STOP_WORDS = 4
"""A longer utterance that begins with "wait" wants an answer as well."""

Verdict = Literal["go on", "stop", "stop and wait"]
"""The persona goes on as before; falls silent and answers; falls silent, and nothing is answered."""


def verdict(words: str, language: str | None, being_said: str = "") -> Verdict:
    """What words ask for that were heard while the persona said something; none are a cough, and its own words an echo."""
    if not words or is_backchannel(words, language) or is_echo(words, being_said):
        return "go on"
    return "stop and wait" if is_stop(words, language) and len(words.split()) <= _STOP_WORDS else "stop"
