"""Languages: which tags mean the same one, what people call it, and which one a script tells."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_NAMES = dict(
    pair.split(":")
    for pair in """
    af:Afrikaans am:Amharic ar:Arabic as:Assamese az:Azerbaijani ba:Bashkir be:Belarusian bg:Bulgarian bn:Bengali bo:Tibetan
    br:Breton bs:Bosnian ca:Catalan cs:Czech cy:Welsh da:Danish de:German el:Greek en:English es:Spanish et:Estonian eu:Basque
    fa:Persian fi:Finnish fo:Faroese fr:French gl:Galician gu:Gujarati ha:Hausa haw:Hawaiian he:Hebrew hi:Hindi hr:Croatian
    ht:Haitian hu:Hungarian hy:Armenian id:Indonesian is:Icelandic it:Italian ja:Japanese jv:Javanese ka:Georgian kk:Kazakh km:Khmer
    kn:Kannada ko:Korean la:Latin lb:Luxembourgish ln:Lingala lo:Lao lt:Lithuanian lv:Latvian mg:Malagasy mi:Maori mk:Macedonian
    ml:Malayalam mn:Mongolian mr:Marathi ms:Malay mt:Maltese my:Burmese nb:Norwegian ne:Nepali nl:Dutch nn:Nynorsk no:Norwegian
    oc:Occitan pa:Punjabi pl:Polish ps:Pashto pt:Portuguese ro:Romanian ru:Russian sa:Sanskrit sd:Sindhi si:Sinhala sk:Slovak
    sl:Slovenian sn:Shona so:Somali sq:Albanian sr:Serbian su:Sundanese sv:Swedish sw:Swahili ta:Tamil te:Telugu tg:Tajik th:Thai
    tk:Turkmen tl:Tagalog tr:Turkish tt:Tatar uk:Ukrainian ur:Urdu uz:Uzbek vi:Vietnamese yi:Yiddish yo:Yoruba yue:Cantonese
    zh:Chinese
    """.split()
)
"""By ISO 639 code: those that Whisper hears."""

_SCRIPTS = {
    script: languages.split()
    for script, languages in {
        **{"HIRAGANA": "ja", "CJK": "zh yue ja", "HANGUL": "ko", "THAI": "th", "GREEK": "el", "HEBREW": "he yi"},
        **{"CYRILLIC": "ru uk bg sr mk be kk mn tg tt ba", "ARABIC": "ar fa ur ps sd", "DEVANAGARI": "hi mr ne sa", "BENGALI": "bn as"},
        **{"ARMENIAN": "hy", "GEORGIAN": "ka", "TAMIL": "ta", "TELUGU": "te", "KANNADA": "kn", "MALAYALAM": "ml", "SINHALA": "si"},
        **{"GUJARATI": "gu", "GURMUKHI": "pa", "KHMER": "km", "LAO": "lo", "MYANMAR": "my", "ETHIOPIC": "am", "TIBETAN": "bo"},
    }.items()
}
"""Script, as Unicode names it → the languages written in it, the one with most writers first. Latin letters tell none."""


def base_of(tag: str) -> str:
    """The language of a BCP 47 tag without region and script: ``pt`` of ``pt-BR``."""
    return re.split("[-_]", tag)[0].lower()


def name_of(tag: str) -> str:
    """What the language is called in English: ``Portuguese``; the tag itself where no name is known."""
    return _NAMES.get(base_of(tag), tag)


def written_in(text: str, likely: Sequence[str]) -> str | None:
    """The language that most letters of a text tell by their script; None where they are Latin.

    Args:
        text: what somebody has written.
        likely: languages (BCP 47), of which the first that is written so is taken: Japanese has Chinese characters, too.
    """
    scripts = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha())
    scripts["HIRAGANA"] += scripts.pop("KATAKANA", 0)
    if scripts["HIRAGANA"] * 10 > scripts["CJK"]:  # a Chinese text has none, a Japanese one may have few
        scripts["HIRAGANA"] += scripts.pop("CJK", 0)
    ((script, count),) = scripts.most_common(1)
    if script not in _SCRIPTS or count * 2 <= scripts.total():
        return None
    return next((tag for tag in likely if base_of(tag) in _SCRIPTS[script]), _SCRIPTS[script][0])
