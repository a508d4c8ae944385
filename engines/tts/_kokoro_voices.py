"""Names of Kokoro's voices, which many servers offer too (``af_heart`` is American English, female, Heart), and its phoneme notation."""

from __future__ import annotations

import re
from typing import NamedTuple

from engines.types import Gender, Voice

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

_RUNS = {1: ";:,.!?", 9: '—…"()“” \u0303ʣʥʦʨᵝ\uab67AI', 31: "O", 33: "Q", 35: "ST", 39: "W", 41: "Yᵊabcdef", 50: "hijklmnopqrstuvwxyz"}
_RUNS |= {69: "ɑɐɒæ", 75: "βɔɕç", 80: "ɖðʤə", 85: "ɚɛɜ", 90: "ɟ", 92: "ɡ", 99: "ɥ", 101: "ɨɪʝ", 110: "ɯɰŋɳɲɴø", 118: "ɸθœ", 123: "ɹ"}
_RUNS |= {125: "ɾɻ", 128: "ʁɽʂʃʈʧ", 135: "ʊʋ", 138: "ʌɣɤ", 142: "χʎ", 147: "ʒʔ", 156: "ˈˌː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→↗↘"}
VOCABULARY = {character: first + i for first, run in (_RUNS | {177: "ᵻ"}).items() for i, character in enumerate(run)}
"""Each phoneme character and its number, as config.json of the model has them."""


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
    gender: Gender = "female" if name[1] == "f" else "male"
    return Voice(name, f"{name[3:].title()}, {title}, {gender}", tag, gender, "old" if name.endswith("_santa") else "")
