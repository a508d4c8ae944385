"""Names of Kokoro's voices, which many servers offer too: ``af_heart`` is American English, female, Heart."""

from __future__ import annotations

import re
from typing import NamedTuple

from engines.types import Voice

DEFAULT = "af_heart"

_NAME = re.compile(r"([abefhijpz])([fm])_([a-z0-9]+)")


class Language(NamedTuple):
    """What a voice speaks."""

    tag: str
    """BCP 47."""
    title: str


LANGUAGES = {
    "a": Language("en-US", "American English"),
    "b": Language("en-GB", "British English"),
    "e": Language("es", "Spanish"),
    "f": Language("fr-FR", "French"),
    "h": Language("hi", "Hindi"),
    "i": Language("it", "Italian"),
    "j": Language("ja", "Japanese"),
    "p": Language("pt-BR", "Brazilian Portuguese"),
    "z": Language("zh", "Mandarin"),
}
"""By the first letter of a voice's name."""


def is_voice(name: str) -> bool:
    """Whether a voice can be called so."""
    return _NAME.fullmatch(name) is not None


def language_tag(name: str) -> str | None:
    """The BCP 47 tag of what a voice speaks that begins as Kokoro's do (``af_heart(2)+bf_emma`` too); None for another name."""
    match = _NAME.match(name)
    return LANGUAGES[match[1]].tag if match else None


def voice(name: str) -> Voice:
    """The voice of that name, for which `is_voice` holds."""
    tag, title = LANGUAGES[name[0]]
    return Voice(name, f"{name[3:].title()}, {title}, {'female' if name[1] == 'f' else 'male'}", tag)
