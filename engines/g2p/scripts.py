"""Foreign scripts: what a voice cannot read in letters that it can, where eSpeak NG would spell (``Chinese letter``)."""

from __future__ import annotations

import re
from contextlib import suppress

from anyascii import anyascii

from engines.g2p import japanese
from engines.g2p.words import origins
from engines.runtimes.espeak_api import shared_library
from engines.runtimes.espeak_scripts import SCRIPTS, script_of

_WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e31-\u0e4e])+")
_WITHOUT_VOWELS = frozenset(
    "ARABIC HEBREW BENGALI TAMIL DEVANAGARI GUJARATI GURMUKHI ORIYA TELUGU KANNADA MALAYALAM SINHALA THAI ETHIOPIC MYANMAR".split()
)
_KANJI_OR_KANA = re.compile("[\u3005\u3041-\u30ff\u3400-\u9fff]")


def romanised(word: str, language: str) -> str:
    """A word in Latin letters, unless the language (primary subtag) is written in its own; strange Latin letters lose their marks."""
    scripts = {script_of(character) for character in word if character.isalpha()} - {"LATIN"}
    if scripts and not all(language in SCRIPTS.get(script, ()) for script in scripts):
        return _by_sound(word, scripts) or anyascii(word).strip() or word
    if language == "vi":
        return word
    return "".join(
        anyascii(letter) if "\u1e00" <= letter <= "\u1eff" or (language == "en" and "\u0100" <= letter < "\u0250") else letter
        for letter in word
    )


def _by_sound(word: str, scripts: set[str]) -> str:
    """A word of a script that leaves vowels out, as eSpeak NG says it in one of its languages, in Latin letters; empty if it cannot."""
    script = next(iter(scripts))
    if len(scripts) > 1 or script not in _WITHOUT_VOWELS:
        return ""
    library = shared_library()
    for voice in SCRIPTS[script]:
        if voice in library.identifiers:
            said = re.sub("[^a-z]", "", anyascii(library.phonemes(word, library.identifiers[voice])).lower())
            return said if re.search("[aeiou]", said) else ""
    return ""


def readable(text: str, language: str) -> tuple[str, list[int]]:
    """The text as eSpeak NG can read it, and for each of its characters, and its end, the place in `text` that it comes from.

    Japanese becomes hiragana where Lindera is installed.
    """
    if language == "ja" and _KANJI_OR_KANA.search(text):
        with suppress(ImportError):
            said = japanese.hiragana(text)
            return said, origins(text, said)
    said, places, at = "", list[int](), 0
    for found in _WORD.finditer(text):
        word = romanised(found[0], "cmn" if language == "zh" else language)
        said, places = said + text[at : found.start()] + word, places + list(range(at, found.start()))
        places += list(range(found.start(), found.end())) if word == found[0] else [found.start()] * len(word)
        at = found.end()
    return said + text[at:], [*places, *range(at, len(text) + 1)]
