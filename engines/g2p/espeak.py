"""Grapheme-to-phoneme by eSpeak NG: any of its hundred languages, in IPA or in a notation made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engines.g2p.scripts import readable
from engines.g2p.words import Part, Words, marked, parts_of, phrases, shares, words_of
from engines.runtimes.espeak_api import EspeakLibrary, shared_library

TIE = "^"
"""Between the letters of one phoneme: ``t^ʃ``."""


def _said(library: EspeakLibrary, parts: list[Part], voice: str, language: str) -> dict[int, str]:
    """The phonemes of each word, by its index: phrases are said as a whole, as eSpeak reads numbers and liaisons.

    Where it draws words together, the blanks between them have an empty entry.
    """
    found = dict[int, str]()
    for phrase in phrases(parts):
        texts = [readable(parts[index].text, language)[0] for index in phrase]
        whole = library.phonemes(" ".join(texts), voice)
        said = whole.split(" ")
        if len(said) != len(phrase):
            said = shares(whole, [library.phonemes(text, voice) for text in texts])
            found |= dict.fromkeys(range(phrase[0], phrase[-1]), "")
        found |= dict(zip(phrase, said, strict=True))
    return found


def g2p(language: str, notation: Callable[[str], str], marks: Mapping[str, str]) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes.

    Args:
        language: what eSpeak NG calls it (``fr-fr``).
        notation: from IPA with ties to what the synthesizer knows.
        marks: what a punctuation mark becomes; others are left out.

    Raises:
        MissingDependency: eSpeak NG is not installed.
        TextToSpeechError: ``load_failed``, eSpeak NG does not work here; ``unknown_voice``, it does not know the language.
    """
    library = shared_library()
    voice = library.resolve(language)

    def words(text: str) -> Words:
        parts = parts_of(text)
        spoken = _said(library, parts, voice, language.partition("-")[0])
        said = [(part.start, notation(spoken[index]) if index in spoken else marked(part, marks)) for index, part in enumerate(parts)]
        return words_of(text, [part.start for part in parts if part.is_spoken], said)

    return words
