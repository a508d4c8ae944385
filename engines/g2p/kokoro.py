"""Grapheme-to-phoneme for Kokoro: a text in nine languages → its words, each with its phonemes in Kokoro's notation.

The notation is that of misaki (https://github.com/hexgrad/misaki), with which Kokoro was trained: IPA, and one letter for each diphthong
and affricate. English has a lexicon, Mandarin and Japanese have dictionaries, the other five are eSpeak NG's.

misaki itself is not used: it is for Python below 3.13 only, and its English imports spaCy (200 MB) for a tokenizer and a model of parts of
speech that would have to be downloaded. kokorog2p 0.7 is a port of it for every Python that brings the same lexicons and needs no other
package; from 0.8 on they are stored elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from engines.g2p import english, espeak, japanese, mandarin
from engines.g2p.words import Words

MARKS = {mark: mark for mark in ";:,.!?—…()“”"} | {"«": "“", "»": "”", "„": "“", '"': '"', "।": ".", "-": "—", "–": "—"}
MARKS |= {"。": ". ", "、": ", ", "，": ", ", "；": "; ", "：": ": ", "！": "! ", "？": "? ", "・": " ", "（": " (", "）": ") "}
MARKS |= dict.fromkeys("「『《【〈", " “") | dict.fromkeys("」』》】〉", "” ")
"""How Kokoro writes what is not spoken."""

ALSO_NEEDED = {
    "j": 'pip install "lindera-python-unidic>=2.2,<3"',
    "z": 'pip install "rjieba>=0.2,<0.3" "pypinyin>=0.55,<1" "ordered-set>=4.1,<5" "cn2an>=0.5.22,<0.6"',
}
"""What brings the packages of a language, by the first letter of its voices."""

_ESPEAK = {"e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
_TIED = {"a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ", "t^ʃ": "ʧ", "ɔ^ɪ": "Y"}


@cache
def g2p_of(letter: str) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes; `letter` is the first of a voice's name and tells its language.

    It is not made for several threads at once.

    Raises:
        ImportError: a package of the language is not installed.
        MissingDependency: eSpeak NG is not installed.
        TextToSpeechError: ``load_failed``, it does not work here.
    """
    if letter in _ESPEAK:
        return espeak.g2p(_ESPEAK[letter], _notation, MARKS)
    if letter == "j":
        return japanese.g2p(MARKS, _in_english)
    if letter == "z":
        return mandarin.g2p(MARKS, _in_english)
    return english.g2p(british=letter == "b", marks=MARKS)


def _in_english(word: str) -> str:
    """How a word in Latin letters is said in the middle of Mandarin or Japanese."""
    return "".join(phonemes for _, phonemes in g2p_of("a")(word)).strip()


def _notation(ipa: str) -> str:
    for tied, letter in _TIED.items():
        ipa = ipa.replace(tied, letter)
    return ipa.replace(espeak.TIE, "").replace("-", "")
