"""Grapheme-to-phoneme: how eSpeak NG pronounces the words of a text, in more than a hundred languages.

It says the text, unheard, and reports its phonemes: so numbers, abbreviations and liaisons are read as the language reads them, and each
phoneme comes with its length and its sound.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, groupby

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError
from engines.lipsync.spans import Span
from engines.runtimes.espeak_api import DEFAULT_VOICE, EspeakLibrary, Synthesis, composed, phoneme_spans, printable, shared_library
from engines.runtimes.espeak_scripts import SCRIPTS, script_of
from engines.types import AudioChunk

log = logging.getLogger(__name__)

_RATE_WPM, _PITCH = 165, 50
_SYLLABLE, _SYLLABLE_VOICE = "ke ", "id"
"""Said for every letter that no voice reads."""
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PART = re.compile(rf"\s*(?:[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+)\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text."""

    text: str
    """With what surrounds it; joined, the words are the text."""
    spoken: str
    """From its first letter or digit to its last."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A text as eSpeak NG says it."""

    audio: AudioChunk
    spans: tuple[Span, ...]
    """Phonemes and pauses, which cover all of it."""


def words_of(text: str) -> list[Word]:
    """The words of a text; in scripts without spaces (kana, Chinese), its characters. Marks on their own go with the word before them."""
    words: list[Word] = []
    before = ""
    for part in _PART.findall(text):
        inside = [at for at, character in enumerate(part) if character.isalnum() or unicodedata.combining(character)]
        if inside:
            words.append(Word(before + part, part[inside[0] : inside[-1] + 1]))
            before = ""
        elif words:
            words[-1] = Word(words[-1].text + part, words[-1].spoken)
        else:
            before += part
    return words


def spoken(words: Sequence[Word], language: str) -> Reference | None:
    """The words as eSpeak NG says them; None where it does not work here, or has nothing to say.

    `language` is a BCP 47 tag. What it cannot read is read by another language that is written in the same script, and else as syllables of
    no particular shape; nothing is raised.
    """
    library = _library()
    if library is None:
        return None
    sounds: list[NDArray[np.int16]] = []
    spans: list[Span] = []
    start_ms, first = 0.0, 0
    for voice, run in groupby(words, key=lambda word: _voice_for(word.spoken, language, library)):
        together = list(run)
        texts = [word.text if voice else _SYLLABLE * sum(map(str.isalpha, word.spoken)) for word in together]
        try:
            synthesis, phonemes = _say(texts, voice or library.identifiers[_SYLLABLE_VOICE], library)
        except EngineError:
            return None
        sounds.append(synthesis.samples)
        spans += [Span(name, index + first if name else -1, start_ms + a, start_ms + b) for name, index, a, b in phonemes]
        start_ms += len(synthesis.samples) * 1000 / library.sample_rate
        first += len(together)
    if not any(span.phoneme for span in spans):
        return None
    return Reference(AudioChunk(np.concatenate(sounds).astype(np.float32) / np.float32(32768), library.sample_rate), tuple(spans))


def ipa_of(word: str, language: str) -> list[str]:
    """How a word alone is pronounced, in IPA, as `spoken` reads it; empty where that is None."""
    reference = spoken([Word(word, word)], language)
    return [span.phoneme for span in reference.spans if span.phoneme] if reference else []


def _say(texts: Sequence[str], voice: str, library: EspeakLibrary) -> tuple[Synthesis, list[tuple[str, int, float, float]]]:
    """One utterance; and (IPA, index of the text, start, end in ms) of each phoneme and pause."""
    text, origin = composed("".join(texts))
    synthesis = library.speak(printable(text), voice, _RATE_WPM, _PITCH)
    starts = list(accumulate(map(len, texts), initial=0))[:-1]
    begun = [sample for sample, _ in synthesis.words]
    places = [origin[min(max(position, 0), len(origin) - 1)] for _, position in synthesis.words]
    said = [bisect_right(starts, place) - 1 for place in accumulate(places, max)]
    ms = 1000 / synthesis.sample_rate
    phonemes = [
        (name, said[max(bisect_right(begun, start) - 1, 0)] if said else 0, start * ms, end * ms)
        for name, start, end in phoneme_spans(synthesis)
    ]
    return synthesis, _shared_out(phonemes, texts)


def _shared_out(phonemes: list[tuple[str, int, float, float]], texts: Sequence[str]) -> list[tuple[str, int, float, float]]:
    """The same, where words that eSpeak reports as one (``in the``) share its phonemes by their letters."""
    heard = {index for name, index, _, _ in phonemes if name}
    shared: list[tuple[str, int, float, float]] = []
    for index, group in groupby(phonemes, key=lambda phoneme: phoneme[1]):
        parts = list(group)
        next_heard = next((word for word in range(index + 1, len(texts)) if word in heard), len(texts))
        words = range(index, next_heard)
        edges = list(accumulate((len(texts[word]) for word in words), initial=0))
        places = [bisect_right(edges, (number + 0.5) / len(parts) * edges[-1]) - 1 for number in range(len(parts))]
        shared += [(name, words[place], a, b) for (name, _, a, b), place in zip(parts, places, strict=True)]
    return shared


def _voice_for(spoken: str, language: str, library: EspeakLibrary) -> str | None:
    """What the library calls the voice that reads a word; None where none can."""
    tag = language.replace("_", "-").lower()
    if tag == "en":
        tag = DEFAULT_VOICE
    while tag and tag not in library.identifiers:
        tag = tag.rpartition("-")[0]
    script = next((script_of(character) for character in spoken if character.isalpha()), "LATIN")
    voices = SCRIPTS.get(script, ())
    if tag and (script == "LATIN" or tag.partition("-")[0] in voices):
        return library.identifiers[tag]
    if not tag:
        _say_once(language, script.title())
    return library.identifiers.get(voices[0]) if voices else None


@lru_cache(maxsize=64)
def _say_once(language: str, script: str) -> None:
    log.warning("eSpeak NG does not know the language %r: estimated lips follow another language in %s letters", language[:20], script)


@cache
def _library() -> EspeakLibrary | None:
    """eSpeak NG; None where it does not work, which is logged once."""
    try:
        return shared_library()
    except EngineError as error:
        log.warning("Estimated lips do not follow the words: %s", error)
        return None
