"""Phonemes to visemes: from IPA, as eSpeak NG and Kokoro write it, to the fifteen visemes of Oculus Lipsync.

Sources: Meta's viseme reference (Oculus Lipsync) for the anchors (PP p b m, FF f v, TH θ ð, DD t d, kk k ɡ, CH tʃ dʒ ʃ, SS s z, nn n l,
RR r; aa "car", E "bed", I "tip", O "toe", U "book"). By the IPA chart, every other sound has the viseme of the anchor that looks alike:
the same place of articulation of consonants, the same rounding and height of vowels. Kokoro's capitals are misaki's
(https://github.com/hexgrad/misaki). eSpeak NG's names go through `engines.runtimes.espeak_api.ipa` first.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from engines.types import VisemeName

FALLBACK: VisemeName = "E"
"""The viseme of a letter that is not in the table: a slightly open mouth. `is_known` tells which these are."""

_SOUNDS: dict[VisemeName, str] = {
    # Consonants, by place of articulation
    "PP": "pbmɓβʙʘᵐ",  # both lips
    "FF": "fvɱʋⱱF",  # lip and teeth
    "TH": "θð",  # tongue between the teeth
    "DD": "tdʈɖɗᶑɾɽTrǀǃǂ",  # tongue tip: stops, taps and the trill (Kokoro writes the flap of "butter" as T), clicks
    "kk": "kɡgqɢcɟxɣχʁʀħʕŋɴʟɠʄʛʜʢʡᵑ",  # back of the tongue; nothing to see but parted lips
    "CH": "ʃʒɕʑʂʐɧʧʤʨʥꭧ",  # behind the gums, lips pushed forward; the affricates too, as Meta has them
    "SS": "szS",  # teeth together (Kokoro writes a long s as S)
    "nn": "nlɫɭɲɳʎɬɮɺǁⁿ",  # tongue tip up, mouth open: nasals and laterals
    "RR": "ɹɻɚɝ",  # rounded; the trill is not
    # Vowels and glides, by rounding and height
    "aa": "aɑɐæʌ",
    "E": "eɛɘəɜɤᵊε",
    "I": "iɪɨɯᵻıjʝçɰ",  # spread and close; palatal fricatives look like the glide j
    "O": "oɔɒøœɵɞɶ",
    "U": "uʊyʏʉᵿwʍɥɸΦ",  # also narrowed lips that do not meet (the capital phi is eSpeak NG's spelling in a few languages)
}
_GLOTTAL = "hɦʔ"
"""Made in the throat, behind a mouth that is open for the next vowel already: `is_glottal`. Alone, without one, they are kk; within another
phoneme (``th`` for tʰ) they are not visible."""
_SEQUENCES: dict[str, tuple[VisemeName, ...]] = {
    # Kokoro's diphthongs: face, price, goat (American and British), mouth, choice
    "A": ("E", "I"),
    "I": ("aa", "I"),
    "O": ("O", "U"),
    "Q": ("E", "U"),
    "W": ("aa", "U"),
    "Y": ("O", "I"),
    # affricates that have no shape of their own
    "ʦ": ("DD", "SS"),
    "ʣ": ("DD", "SS"),
}
_SPELLINGS = {"s.": "ʂ", "z.": "ʐ"}
"""eSpeak NG's Mandarin uses its own notation, with dots."""
_IN_LANGUAGE: dict[str, dict[str, tuple[VisemeName, ...]]] = {
    "ja": dict.fromkeys("βɯɨ", ("U",)),  # misaki writes わ as βa, the lips never meet; u is compressed, not spread
    "pt": {"y": ("I",)},  # eSpeak NG's unstressed e: an i
    **dict.fromkeys(
        ("hi", "mr", "bn", "gu", "ne", "pa", "as", "or", "te", "kn", "ml", "ta", "kok", "sd", "ur"), dict.fromkeys("cɟ", ("CH",))
    ),
}
"""Letters that eSpeak NG or misaki use for another sound in these languages: the c of ph_hindi is an affricate."""
_PAUSES = frozenset(";:,.!?—…")
"""Punctuation, as Kokoro speaks it."""
_NO_SHAPE = _PAUSES | frozenset(
    " \"'()[]“”‘’«»"  # spaces, quotes and brackets are tokens with a duration for Kokoro
    "ˈˌːˑ˞ʰʱʲʷˠˤˀᵝⁱᶿˡ|‖‿"  # stress, length, secondary articulation, breaks, ties
    "↓↑→↗↘˥˦˧˨˩0123456789"  # tones
    "`^~#+-*&%_=<>/\\"  # what eSpeak NG leaves of its ASCII notation inside a name
)

_TABLE: dict[str, tuple[VisemeName, ...]] = {sound: (viseme,) for viseme, sounds in _SOUNDS.items() for sound in sounds} | _SEQUENCES


@lru_cache(maxsize=4096)
def visemes_of(phoneme: str, language: str = "") -> tuple[VisemeName, ...]:
    """The visemes of one phoneme, in order and without repeats; `language` is a primary subtag.

    A pause (an empty string or punctuation) is ``("sil",)``. A diphthong or an affricate is a sequence: ``aɪ`` → ``("aa", "I")``, ``ts`` →
    ``("DD", "SS")``; only those with Meta's own shape are one: ``tʃ`` → ``("CH",)``. A mark without sound (stress, length, tone, space) has
    none: the viseme before it goes on. An unknown letter is `FALLBACK`; any other unknown character has no viseme.
    """
    if not phoneme or set(phoneme) <= _PAUSES:
        return ("sil",)
    for spelling, letter in _SPELLINGS.items():
        phoneme = phoneme.replace(spelling, letter)
    letters, own = _letters(phoneme), _IN_LANGUAGE.get(language, {})
    shapes: list[VisemeName] = []
    for letter in letters:
        for viseme in own.get(letter) or _TABLE.get(letter, (FALLBACK,) if letter.isalpha() and letter not in _GLOTTAL else ()):
            if viseme == "CH" and shapes and shapes[-1] == "DD":
                shapes[-1] = "CH"
            elif not shapes or shapes[-1] != viseme:
                shapes.append(viseme)
    if not shapes and any(letter in _GLOTTAL for letter in letters):
        return ("kk",)
    return tuple(shapes)


def is_glottal(phoneme: str) -> bool:
    """Whether the mouth shows the next vowel meanwhile."""
    letters = _letters(phoneme)
    return bool(letters) and all(letter in _GLOTTAL for letter in letters)


def is_known(phoneme: str) -> bool:
    """Whether every character of `phoneme` is in the table."""
    return all(letter in _TABLE or letter in _GLOTTAL for letter in _letters(phoneme))


def _letters(phoneme: str) -> list[str]:
    """The characters that may have a viseme: letters that are in the table as they are (ç), others without their accents (ã → a)."""
    letters: list[str] = []
    for character in unicodedata.normalize("NFC", phoneme):
        if character in _TABLE:
            letters.append(character)
        else:
            parts = unicodedata.normalize("NFD", character)
            letters.extend(c for c in parts if not unicodedata.combining(c) and c not in _NO_SHAPE)
    return letters
