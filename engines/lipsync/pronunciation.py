"""How words may sound, as far as that can be told without a model: English by dictionary and spelling, the rest by its letters.

English comes in ARPAbet, the notation of CMU's dictionary; everything that leaves this room for a mouth is IPA.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from num2words import num2words

Sounds = tuple[str, ...]
"""The phonemes of a word."""
Dictionary = Callable[[str], Sequence[Sounds]]
"""Every pronunciation of a word in lower case, the likeliest first; none where it is unknown."""

IPA = dict(
    pair.split(":")
    for pair in """AA:ɑ AE:æ AH:ʌ AO:ɔ AW:aʊ AY:aɪ B:b CH:tʃ D:d DH:ð EH:ɛ ER:ɝ EY:eɪ F:f G:ɡ HH:h IH:ɪ IY:i JH:dʒ K:k L:l M:m N:n NG:ŋ
    OW:oʊ OY:ɔɪ P:p R:ɹ S:s SH:ʃ T:t TH:θ UH:ʊ UW:u V:v W:w Y:j Z:z ZH:ʒ""".split()
)
"""ARPAbet without stress → IPA."""

_MOST_PRONUNCIATIONS = 6
_LONGEST_NUMBER = 15
_DIGITS = re.compile(r"\d+")
_TOKEN = re.compile(r"(\d[\d,]*(?:\.\d+)?)(?:(st|nd|rd|th|'?s)(?![a-z]))?|([a-z']+)")
_SPELLINGS: dict[str, Sounds] = {
    letters: tuple(sounds.split("-")) if sounds else ()
    for letters, _, sounds in (
        rule.partition(":")
        for rule in """tion:SH-AH-N sion:ZH-AH-N ough:OW augh:AO eigh:EY igh:AY tch:CH sch:SH dge:JH ch:CH sh:SH th:TH ph:F gh:G wh:W ck:K
        qu:K-W nk:NG-K ng:NG kn:N wr:R ee:IY ea:IY oo:UW ou:AW ow:OW oa:OW oi:OY oy:OY ai:EY ay:EY au:AO aw:AO ei:EY ey:IY ie:IY eu:Y-UW
        ew:UW ue:UW ar:AA-R er:ER ir:ER ur:ER or:AO-R bb:B cc:K dd:D ff:F gg:G ll:L mm:M nn:N pp:P rr:R ss:S tt:T zz:Z ce:S-EH ci:S-IH
        cy:S-IY ge:JH-EH a:AE b:B c:K d:D e:EH f:F g:G h:HH i:IH j:JH k:K l:L m:M n:N o:AA p:P q:K r:R s:S t:T u:AH v:V w:W x:K-S y:IY z:Z
        ':""".split()
    )
}
"""The commonest sound of each English spelling, for names that no dictionary holds; the longest spelling counts."""
_SPELLING = re.compile("|".join(sorted(_SPELLINGS, key=len, reverse=True)))

_LETTERS = dict(
    pair.split(":")
    for pair in """shch:ʃ sch:ʃ ch:ʃ sh:ʃ zh:ʒ th:t ph:f kh:x gh:ɡ ng:ŋ ck:k qu:k ou:u oo:u ie:i ee:i aa:a ii:i uu:u c:k g:ɡ j:ʒ q:k
    r:ɹ w:v y:i ä:ɛ ö:ø ü:y å:ɔ ø:ø œ:œ æ:ɛ ç:s ñ:n ß:s ł:v š:ʃ ž:ʒ""".split()
)
"""What Latin letters stand for in most languages that are written with them; the others stand for themselves."""
_LETTER = re.compile("|".join([*sorted(_LETTERS, key=len, reverse=True), "[a-zə]"]))
_SYLLABARIES = frozenset("HIRAGANA KATAKANA HANGUL DEVANAGARI BENGALI GURMUKHI GUJARATI TAMIL TELUGU KANNADA MALAYALAM".split())
"""Scripts whose characters Unicode names by the syllables they stand for."""
_NAMES = {"ie": "e", "yeru": "i", "eta": "i", "chi": "k", "rho": "r"}
"""Letters that Unicode names otherwise than they are read."""
_UNREADABLE = "kə"
"""A character that does not show how it is read (an ideograph): a syllable of no particular shape."""

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_PART = re.compile(rf"\s*(?:[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+)\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text."""

    text: str
    """With what surrounds it; joined, the words are the text."""
    spoken: str
    """From its first letter or digit to its last."""


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


def english(spoken: str, dictionary: Dictionary) -> list[Sounds]:
    """How an English speaker may say a word, in ARPAbet: one to six pronunciations, the likeliest first.

    Numbers are read in every way that is common (1999 as a year and as a quantity), capitals that are no word as letters, and what the
    dictionary does not hold by English spelling.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", spoken.replace("’", "'")) if c.isascii())
    parts = [_token(match, plain, dictionary) for match in _TOKEN.finditer(plain.lower())]
    joined = (tuple(sound for sounds in choice for sound in sounds) for choice in product(*parts))
    found = [sounds for sounds in islice(joined, _MOST_PRONUNCIATIONS) if sounds]
    return found or [_spelled(_romanised(spoken))]


def is_english(spoken: str, dictionary: Dictionary) -> bool:
    """Whether the dictionary holds all of a word, numbers included."""
    plain = spoken.replace("’", "'").lower()
    return plain.isascii() and all(not letters or dictionary(letters.strip("'")) for _, _, letters in _TOKEN.findall(plain))


@lru_cache(maxsize=4096)
def by_letters(spoken: str, language: str) -> Sounds:
    """How a word may sound, in IPA, by its letters alone; `language` (BCP 47) only tells how numbers are read."""
    return tuple(
        _LETTERS.get(letter, letter) for letter in _LETTER.findall(_romanised(_DIGITS.sub(lambda m: _read(m[0], language), spoken)))
    )


def _read(number: str, language: str) -> str:
    try:
        return str(num2words(int(number[:_LONGEST_NUMBER]), lang=language.partition("-")[0]))
    except (NotImplementedError, OverflowError):
        return str(num2words(int(number[:_LONGEST_NUMBER])))


def _token(match: re.Match[str], plain: str, dictionary: Dictionary) -> list[Sounds]:
    number, suffix, letters = match.groups()
    if number:
        ordinal = suffix in {"st", "nd", "rd", "th"}
        plural = ("Z",) if suffix and not ordinal else ()
        return [(*_said(words, dictionary), *plural) for words in dict.fromkeys(_numbers(number, ordinal=ordinal))]
    word = letters.strip("'")
    if known := dictionary(letters) or dictionary(word):
        return list(known)
    stem, apostrophe, ending = word.rpartition("'")
    if apostrophe and ending == "s" and (known := dictionary(stem)):
        return [(*sounds, "Z") for sounds in known]
    as_written = plain[match.start() : match.end()]
    if (as_written.isupper() and len(word) <= 5) or not set(word) & set("aeiouy"):
        return [_said(" ".join(word), dictionary)]
    return [_spelled(word)]


def _numbers(number: str, *, ordinal: bool) -> Iterator[str]:
    """Readings of a number in words, the likeliest first."""
    plain = number.replace(",", "")
    whole = plain.partition(".")[0]
    if len(whole) > _LONGEST_NUMBER or (len(whole) > 1 and whole.startswith("0")):
        yield " ".join(num2words(int(digit)) for digit in plain if digit.isdigit())
    elif "." in plain:
        yield num2words(float(plain))
    else:
        if not ordinal and len(number) == 4 and 1100 <= int(plain) < 2100:
            yield num2words(int(plain), to="year")
            if int(plain) % 1000 >= 100 and int(plain) % 100:
                yield f"{num2words(int(plain[:2]))} hundred and {num2words(int(plain[2:]))}"
        said = num2words(int(plain), to="ordinal" if ordinal else "cardinal")
        yield said
        yield said.replace(" and ", " ")


def _said(words: str, dictionary: Dictionary) -> Sounds:
    spoken = re.findall("[a-z']+", words.lower())
    return tuple(sound for word in spoken for sound in (next(iter(dictionary(word)), None) or _spelled(word)))


def _spelled(word: str) -> Sounds:
    """By English spelling; an e at the end is silent where there is another vowel."""
    if re.search("[aiouy].*[^aeiouy']e$", word):
        word = word[:-1]
    return tuple(sound for match in _SPELLING.finditer(word) for sound in _SPELLINGS[match.group()]) or ("AH",)


def _romanised(word: str) -> str:
    """In Latin letters. A sign that takes the vowel of the syllable before it (``~`` at first) takes it."""
    return re.sub("a?~", "", "".join(map(_latin, unicodedata.normalize("NFC", word.lower()))))


@lru_cache(maxsize=4096)
def _latin(character: str) -> str:
    if character in _LETTERS:
        return character
    base = unicodedata.normalize("NFD", character)[0]
    if base.isascii():
        return base
    script, _, name = unicodedata.name(character if "가" <= character <= "힣" else base, "").partition(" ")
    last = name.rpartition(" ")[2].lower()
    if script in _SYLLABARIES:
        return "~" + last.replace("virama", "") if "SIGN" in name else last
    if "LETTER" not in name:
        return _UNREADABLE if base.isalpha() else ""
    if "SIGN" in name:  # Cyrillic's hard and soft one
        return ""
    if last in _NAMES:
        return _NAMES[last]
    sound = re.match("[^aeiouy]+|e(?=[^aeiou]$)|[aeiouy]{1,2}", last)  # BE and SHA; EM; ALEF, YU
    return last[1] if sound and sound[0] == "e" and len(last) == 2 else sound[0] if sound else ""
