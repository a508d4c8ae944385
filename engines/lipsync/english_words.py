"""English words in ARPAbet, the notation of CMU's dictionary: every pronunciation that the aligner should try.

Words come from a dictionary, numbers are read in every common way, and what the dictionary does not hold is read by eSpeak NG.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import islice, product

from engines.lipsync.grapheme_to_phoneme import ipa_of
from engines.text.spoken.english_numbers import NUMBER, is_ordinal, readings

ARPAbet = tuple[str, ...]
"""The phonemes of a word, without stress: ``("HH", "AH", "L", "OW")``."""
Dictionary = Callable[[str], Sequence[ARPAbet]]
"""Every pronunciation of a word in lower case, the likeliest first; none where it is unknown."""

IPA = dict(
    pair.split(":")
    for pair in """AA:ɑ AE:æ AH:ʌ AO:ɔ AW:aʊ AY:aɪ B:b CH:tʃ D:d DH:ð EH:ɛ ER:ɝ EY:eɪ F:f G:ɡ HH:h IH:ɪ IY:i JH:dʒ K:k L:l M:m N:n NG:ŋ
    OW:oʊ OY:ɔɪ P:p R:ɹ S:s SH:ʃ T:t TH:θ UH:ʊ UW:u V:v W:w Y:j Z:z ZH:ʒ""".split()
)
"""ARPAbet without stress → IPA."""

_FROM_IPA = {ipa: arpabet for arpabet, ipa in IPA.items()} | dict(
    pair.split(":") for pair in "ə:AH ɐ:AH ᵻ:IH ɚ:ER ɜ:ER a:AA ɒ:AA ɑ:AA o:OW e:EH ɾ:D ʔ:T r:R x:K ç:HH ɡ:G ʍ:W y:UW ø:ER œ:ER".split()
)
"""eSpeak NG's English, and what it says of foreign names."""
_IPA_SOUND = re.compile("|".join(sorted(_FROM_IPA, key=len, reverse=True)))
_MOST_PRONUNCIATIONS = 6
_TOKEN = re.compile(NUMBER + "|([a-z']+)")


def english(spoken: str, dictionary: Dictionary) -> list[ARPAbet]:
    """How an English speaker may say a word, in ARPAbet: one to six pronunciations, the likeliest first.

    Numbers are read in every way that is common (1999 as a year and as a quantity), capitals that are no word as letters, and what the
    dictionary does not hold as eSpeak NG does.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", spoken.replace("’", "'")) if c.isascii())
    parts = [_token(match, plain, dictionary) for match in _TOKEN.finditer(plain.lower())]
    joined = (tuple(sound for sounds in choice for sound in sounds) for choice in product(*parts))
    found = [sounds for sounds in islice(joined, _MOST_PRONUNCIATIONS) if sounds]
    return found or [_read(spoken)]


def is_english(spoken: str, dictionary: Dictionary) -> bool:
    """Whether the dictionary holds all of a word, numbers included."""
    plain = spoken.replace("’", "'").lower()
    return plain.isascii() and all(not letters or dictionary(letters.strip("'")) for _, _, letters in _TOKEN.findall(plain))


def _token(match: re.Match[str], plain: str, dictionary: Dictionary) -> list[ARPAbet]:
    number, suffix, letters = match.groups()
    if number:
        ordinal = is_ordinal(suffix)
        plural = ("Z",) if suffix and not ordinal else ()
        return [(*_said(words, dictionary), *plural) for words in dict.fromkeys(readings(number, ordinal=ordinal))]
    word = letters.strip("'")
    if known := dictionary(letters) or dictionary(word):
        return list(known)
    stem, apostrophe, ending = word.rpartition("'")
    if apostrophe and ending == "s" and (known := dictionary(stem)):
        return [(*sounds, "Z") for sounds in known]
    as_written = plain[match.start() : match.end()]
    if (as_written.isupper() and len(word) <= 5) or not set(word) & set("aeiouy"):
        return [_said(" ".join(word), dictionary)]
    return [_read(word)]


def _said(words: str, dictionary: Dictionary) -> ARPAbet:
    spoken = re.findall("[a-z']+", words.lower())
    return tuple(sound for word in spoken for sound in (next(iter(dictionary(word)), None) or _read(word)))


def _read(word: str) -> ARPAbet:
    return tuple(_FROM_IPA[sound] for phoneme in ipa_of(word, "en-US") for sound in _IPA_SOUND.findall(phoneme)) or ("AH",)
