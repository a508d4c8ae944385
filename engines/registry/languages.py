"""Languages of a turn: which one the user is likely to speak, and in which one the persona answers."""

from __future__ import annotations

from dataclasses import replace

from engines.registry.registry import Engines
from engines.text.languages import base_of, name_of
from engines.types import Persona

_SPOKEN_BEFORE, _OF_PERSONA = 20.0, 5.0
"""How many times as likely as any other language is the one that the user spoke last, and the persona's own.

Measured with Whisper base on 23 people, each with their first 0.3 to 2 s and as a whole, also with noise: right more often in short
utterances, and as often in whole ones.
"""


def priors_of(persona: Persona, spoken_before: str | None) -> dict[str, float]:
    """How likely languages are before an utterance is heard; see `SpeechToText.transcribe`."""
    known = {base_of(persona.language): _OF_PERSONA}
    return known | ({base_of(spoken_before): _SPOKEN_BEFORE} if spoken_before else {})


def answering(persona: Persona, heard: str | None, engines: Engines) -> tuple[Persona, tuple[str, ...]]:
    """The persona with the language of the answer, which is the user's where chat model and voice know it, and what the user should know.

    Args:
        persona: who answers.
        heard: the language that the user speaks (BCP 47), as far as it is known.
        engines: those of the turn; another one speaks from now on where that language needs it.
    """
    if not heard or base_of(heard) == base_of(persona.language):
        return persona, ()
    user, own = name_of(heard), name_of(persona.language)
    if not engines.llm.info.multilingual:
        return persona, (f"You speak {user}, but {persona.name} answers in {own} until a language model is there.",)
    notice = engines.speak(heard)
    if notice is None:
        return persona, (f"You speak {user}, but no voice here does: {persona.name} answers in {own}.",)
    return replace(persona, language=heard), (notice,) if notice else ()
