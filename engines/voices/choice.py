"""Voice choice: which of an engine's voices a persona speaks with, by what the file names, by language, and by gender and age."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.types import Persona, Voice

_GENDER = re.compile(r"^[a-z]([fm])_|\+([fm])\d?$")
"""In the names of Kokoro's voices (``am_michael``) and of eSpeak NG's variants (``en-us+m3``)."""


def voice_of(persona: Persona, engine: str, voices: Sequence[Voice]) -> str | None:
    """The voice that the persona speaks with.

    The one that the file names for this engine; else one that it names for another engine and that this one has too, as Kokoro's are found
    on several; both only while they speak the persona's language. Else the likest voice of that language: one of their gender and age.

    Args:
        persona: who speaks.
        engine: its name.
        voices: its voices, the default first.

    Returns:
        The voice's id; None, the engine's default, where no voice says that it speaks the language.
    """
    languages = {voice.id: voice.language for voice in voices}
    own = persona.voice_for(engine)
    if own is not None and _near(languages.get(own) or languages.get(own.partition("+")[0]) or persona.language, persona.language):
        return own
    for _, named in persona.voices:
        if _near(languages.get(named, ""), persona.language):
            return named
    gender, age = _gender(persona), persona.age or "adult"

    def likeness(voice: Voice) -> tuple[int, bool, bool]:
        same = 0 if not (gender and voice.gender) else 1 if voice.gender == gender else -1
        return same, (voice.age or "adult") == age, voice.language.lower() == persona.language.lower()

    spoken = [voice for voice in voices if _near(voice.language, persona.language)]
    best = max(spoken, key=likeness, default=None)  # the first of the likest
    return best.id if best else None


def _gender(persona: Persona) -> str:
    """As the file says; else as the voices that it names do."""
    found = (_GENDER.search(named) for _, named in persona.voices)
    letters = [match[1] or match[2] for match in found if match]
    return persona.gender or ({"f": "female", "m": "male"}[letters[0]] if letters else "")


def _near(tag: str, other: str) -> bool:
    """Whether two BCP 47 tags are of one language."""
    return bool(tag) and tag.partition("-")[0].lower() == other.partition("-")[0].lower()
