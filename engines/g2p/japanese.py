"""Grapheme-to-phoneme for Japanese: the readings of UniDic, by Lindera, and kana in misaki's IPA.

Lindera has wheels with the dictionary inside (57 MB on disk, some 380 MB of memory once a Japanese voice speaks); fugashi and unidic-lite,
which know the same readings, take 250 MB of disk and have no wheels, and MeCab's IPADIC reads worse.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Any

from num2words2 import num2words

from engines.g2p.words import Words, marked, origins, parts_of, words_of

_KANA = """
あa いi うɯ えe おo かka きkʲi くkɯ けke こko がɡa ぎɡʲi ぐɡɯ げɡe ごɡo さsa しɕi すsɨ せse そso ざʣa じʥi
ずzɨ ぜʣe ぞʣo たta ちʨi つʦɨ てte とto だda ぢʥi づzɨ でde どdo なna にɲi ぬnɯ ねne のno はha ひçi ふɸɯ
へhe ほho ばba びbʲi ぶbɯ べbe ぼbo ぱpa ぴpʲi ぷpɯ ぺpe ぽpo まma みmʲi むmɯ めme もmo やja ゆjɯ よjo
らɾa りɾʲi るɾɯ れɾe ろɾo わβa ゐi ゑe をo ゔvɯ ぁa ぃi ぅɯ ぇe ぉo ゃja ゅjɯ ょjo ゎβa ゕka ゖke いぇje
うぃβi うぇβe うぉβo くぁkᵝa くぃkᵝi くぇkᵝe くぉkᵝo ぐぁɡᵝa つぁʦa つぃʦʲi つぇʦe つぉʦo てぃtʲi でぃdʲi てゅtʲɨ
でゅdʲɨ とぅtɯ どぅdɯ ふぁɸa ふぃɸʲi ふぇɸe ふぉɸo ふゅɸʲɨ ゔぁva ゔぃvʲi ゔぇve ゔぉvo ゔゅbʲɨ
"""
_SMALL = {"ゃ": "a", "ゅ": "ɨ", "ょ": "o", "ぇ": "e"}
"""After a kana that ends in i, as in きゃ."""
_KATAKANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_LATIN = re.compile(r"[A-Za-zÀ-ɏ'’-]*[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'’-]*")
_KANJI_OR_KANA = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NUMBER, _NUMERAL = re.compile("[0-9]{1,400}"), re.compile("[一二三四五六七八九十百千万億兆]+")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def _table() -> dict[str, str]:
    table = {match[1]: match[2] for match in re.finditer(r"([ぁ-ゖ]+)(\S+)", _KANA)}
    glides = {kana + small: ipa[:-1] + vowel for kana, ipa in table.items() if ipa[-1] == "i" for small, vowel in _SMALL.items()}
    return glides | table


_IPA = _table()


def g2p(marks: Mapping[str, str], foreign: Callable[[str], str]) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes; `foreign` says a word in Latin letters.

    Raises:
        ImportError: Lindera or kokorog2p is not installed.
    """
    tokenizer = _tokenizer()
    known = frozenset((resources.files("kokorog2p.ja.data") / "ja_words.txt").read_text(encoding="utf-8").split())

    def words(text: str) -> Words:
        starts, said = list[int](), list[tuple[int, str]]()
        for part in parts_of(text):
            if part.kind != "word":
                said.append((part.start, marked(part, marks)))
                continue
            spoken = _NUMBER.sub(_kanji, unicodedata.normalize("NFKC", part.text))
            origin, at = origins(part.text, spoken), 0
            found = _joined(_readings(tokenizer.tokenize(spoken)), known)
            for (surface, reading), (_, after) in pairwise([*found, ("", "")]):
                if phonemes := foreign(surface) if _LATIN.fullmatch(surface) else _ipa(reading, after):
                    starts.append(part.start + origin[at])
                    said += [(starts[-1], phonemes), (starts[-1], " ")]
                at += len(surface)
            if said and said[-1][1] == " ":
                said.pop()
        return words_of(text, starts, said)

    return words


def hiragana(text: str) -> str:
    """The text with the readings of its kanji, in hiragana without marks of length: for a voice that knows no others.

    Raises:
        ImportError: Lindera is not installed.
    """
    readings = _readings(_shared_tokenizer().tokenize(text))
    said = "".join(reading if _KANJI_OR_KANA.search(surface) else surface for surface, reading in readings)
    plain = re.sub(r"(?<=[A-Za-z])(?=[ぁ-ヶ])|(?<=[ぁ-ヶ])(?=[A-Za-z])", " ", said.translate(_KATAKANA))
    return re.sub(r"(?<=([ぁ-ゖ]))ー", lambda found: _vowel(found[1]), plain)


def _vowel(kana: str) -> str:
    """The kana that lengthens another."""
    return {"a": "あ", "i": "い", "ɯ": "う", "ɨ": "う", "e": "い", "o": "う"}.get(
        _IPA.get(kana, "")[-1:] or "", {"ゃ": "あ", "ゅ": "う", "ょ": "う"}.get(kana, "")
    )


def _tokenizer() -> Any:
    import lindera  # noqa: PLC0415 - heavy

    return lindera.TokenizerBuilder().set_mode("normal").set_dictionary("embedded://unidic").build()


@cache
def _shared_tokenizer() -> Any:
    return _tokenizer()


def _readings(tokens: Any) -> list[tuple[str, str]]:
    """(surface, how it is pronounced, in kana) of each token; itself where the dictionary does not know it (UniDic's tenth field)."""
    found = list[tuple[str, str]]()
    for token in tokens:
        details, surface = token.details, str(token.surface)
        reading = str(details[9]) if len(details) > 9 and details[9] != "*" else surface
        if re.fullmatch("[ァ-ヺー]+", surface):
            reading = surface
        if surface == "は" and not (found and re.search(r"[\w」』）]$", found[-1][0])):
            reading = "ハ"  # nothing that it could be a particle of
        if found and re.match("[ゃゅょぁぃぅぇぉャュョァィゥェォー]", surface):  # a small kana begins no word
            found[-1] = (found[-1][0] + surface, _kana_of(found[-1][0], found[-1][1]) + _kana_of(surface, reading))
        else:
            found.append((surface, reading))
    return found


def _kana_of(surface: str, reading: str) -> str:
    return surface if re.fullmatch("[ぁ-ゖァ-ヺー]+", surface) else reading


def _joined(tokens: list[tuple[str, str]], known: frozenset[str]) -> list[tuple[str, str]]:
    """Words and their readings, of tokens and theirs: those that make up a word of the list, the longest first; letters; numbers."""
    found, first = list[tuple[str, str]](), 0
    while first < len(tokens):
        last = len(tokens)
        while last > first + 1 and not _is_word("".join(text for text, _ in tokens[first:last]), known):
            last -= 1
        if last < len(tokens) and tokens[last - 1][1].endswith("ッ"):  # 美味しかっ・た
            last += 1
        found.append(("".join(text for text, _ in tokens[first:last]), "".join(reading for _, reading in tokens[first:last])))
        first = last
    return found


def _is_word(text: str, known: frozenset[str]) -> bool:
    return text in known or bool(_LATIN.fullmatch(text)) or bool(_NUMERAL.fullmatch(text))


def _ipa(reading: str, following: str = "") -> str:
    """Kana in IPA, before the kana of the next word; anything else has no sound."""
    size_of_it, reading = len(reading), reading + following[:2]
    kana, ipa, at = reading.translate(_KATAKANA), "", 0
    while at < size_of_it:
        size = 2 if kana[at : at + 2] in _IPA else 1
        sound = _IPA.get(kana[at : at + size], "")
        after = _IPA.get(kana[at + 1 : at + 3]) or _IPA.get(kana[at + 1 : at + 2], "")
        if kana[at] == "ー":
            sound = "ː" if ipa else ""
        elif kana[at] == "っ":
            sound = "ʔ" if after else ""
        elif kana[at] == "ん":
            sound = _nasal(after)
        ipa, at = ipa + sound, at + size
    return ipa


def _nasal(after: str) -> str:
    """The moraic nasal, by the sound that follows it in the word."""
    places = {"mpb": "m", "kɡ": "ŋ", "ɲʨʥ": "ɲ", "ntdɾz": "n"}
    return next((nasal for sounds, nasal in places.items() if after[:1] and after[0] in sounds), "ɴ")


def _kanji(digits: re.Match[str]) -> str:
    """A number in kanji, whose readings with what is counted the dictionary knows (三日 is mikka); one that is too long, digit by digit."""
    with suppress(OverflowError, NotImplementedError):
        return str(num2words(int(digits[0]), lang="ja"))
    return digits[0].translate(_DIGITS)
