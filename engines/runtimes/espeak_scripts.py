"""Scripts: which languages of eSpeak NG are written in which letters."""

from __future__ import annotations

import unicodedata

SCRIPTS: dict[str, tuple[str, ...]] = {
    script: tuple(voices.split())
    for script, voices in {
        "LATIN": "id",
        "CYRILLIC": "ru ba be bg cv kk ky mk nog sr tt uk uz",
        "GREEK": "el grc",
        "ARABIC": "ar fa ku sd ug ur",
        "HEBREW": "he",
        "DEVANAGARI": "hi kok mr ne",
        "BENGALI": "bn as bpy",
        "CJK": "cmn hak yue zh",
        "HIRAGANA": "ja",
        "KATAKANA": "ja",
        "HANGUL": "ko",
        "THAI": "th",
        "MYANMAR": "my shn",
        "ETHIOPIC": "ti am",
        "ARMENIAN": "hy hyw",
        "GEORGIAN": "ka",
        "GURMUKHI": "pa",
        "GUJARATI": "gu",
        "ORIYA": "or",
        "TAMIL": "ta",
        "TELUGU": "te",
        "KANNADA": "kn",
        "MALAYALAM": "ml",
        "SINHALA": "si",
        "CHEROKEE": "chr",
    }.items()
}
"""Script, as Unicode names it → the languages that eSpeak reads in it. The first reads it where the text's language does not: Cyrillic in a
German text, Chinese characters in a Japanese one, a language that eSpeak does not know. Indonesian says Latin letters most regularly.
"""


def script_of(character: str) -> str:
    """The script of a letter, as Unicode names it: ``LATIN``; empty for what has no name."""
    return unicodedata.name(character, "").partition(" ")[0]
