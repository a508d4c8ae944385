"""Languages: which tags mean the same one, and what people call it."""

from __future__ import annotations

import re

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


def base_of(tag: str) -> str:
    """The language of a BCP 47 tag without region and script: ``pt`` of ``pt-BR``."""
    return re.split("[-_]", tag)[0].lower()


def name_of(tag: str) -> str:
    """What the language is called in English: ``Portuguese``; the tag itself where no name is known."""
    return _NAMES.get(base_of(tag), tag)
