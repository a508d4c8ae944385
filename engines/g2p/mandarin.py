"""Grapheme-to-phoneme for Mandarin: jieba's words, pypinyin's readings, kokorog2p's IPA with an arrow for each tone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress

from engines.g2p.words import Part, Words, marked, origins, parts_of, words_of

_RUN = re.compile(r"([\u3400-\u9fff\uf900-\ufaff]+)|([^\W\d_]+(?:['’-][^\W\d_]+)*)|(.)")
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def g2p(marks: Mapping[str, str], foreign: Callable[[str], str]) -> Callable[[str], Words]:
    """The function that turns a text into words and their phonemes; `foreign` says a word in another script.

    Raises:
        ImportError: kokorog2p, rjieba, pypinyin or cn2an is not installed.
    """
    import cn2an  # noqa: PLC0415 - heavy
    import rjieba  # noqa: PLC0415 - heavy
    from kokorog2p.zh.g2p import ChineseG2P  # noqa: PLC0415 - heavy

    chinese = ChineseG2P(version="1.0")

    def words(text: str) -> Words:
        starts, said = list[int](), list[tuple[int, str]]()
        for part in parts_of(text):
            if part.kind != "word":
                said.append((part.start, marked(part, marks)))
                continue
            spoken = _numbers(part, cn2an.transform)
            origin = origins(part.text, spoken)
            for match in _RUN.finditer(spoken):
                at = match.start()
                for word in rjieba.cut(match[1]) if match[1] else [match[0]]:
                    phonemes = chinese.word2ipa(word).replace("\u032f", "") if match[1] else foreign(word) if match[2] else ""
                    if phonemes:
                        starts.append(part.start + origin[at])
                        said += [(starts[-1], phonemes), (starts[-1], " ")]
                    at += len(word)
            if said and said[-1][1] == " ":
                said.pop()
        return words_of(text, starts, said)

    return words


def _numbers(part: Part, read: Callable[[str, str], str]) -> str:
    """The text with numbers, dates and percentages in Chinese characters; what cn2an cannot read is read digit by digit."""
    if not any(map(str.isdigit, part.text)):
        return part.text
    spoken = part.text
    with suppress(ValueError, IndexError, KeyError, OverflowError), warnings.catch_warnings(action="ignore"):
        spoken = read(spoken, "an2cn")
    return spoken.translate(_DIGITS)
