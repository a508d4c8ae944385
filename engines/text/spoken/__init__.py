"""Spoken forms: numbers, dates, times, money, units, signs, abbreviations and addresses in words, by a file for each language.

Every voice is given words, so that all say the same. In a language without a file numbers stay and signs are silent.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import import_module

from engines.text.spoken.common.language import Language

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "ja", "zh", "hi")

_DIGRAPHS = {"<->": "→", "<=>": "→", "->": "→", "=>": "→", "<-": "→", "!=": "≠", "<=": "≤", ">=": "≥", "&&": "&", "+-": "±", "+/-": "±"}
_DIGRAPH = re.compile("|".join(map(re.escape, _DIGRAPHS)))
_SILENT_MARKS = frozenset("*_#&@%/\\[]{}`^~‰‡†§¶※〽")
_LEFT_OVER = re.compile(
    r"(?P<kept>(?<=[A-Za-z])(?:\+{1,2}|#)(?!\w)|(?<=[0-9])/(?=[0-9]))"
    r"|[^\w\s.,;:!?'\"-]|_|[²³½¼¾⅓⅔]|[\u2070-\u209c\u00b9\u2150-\u215f\u2460-\u2473]"
)
_PLAIN = re.compile(r"[^\W\d_]+(?:[ ,'’?!-]+[^\W\d_]+)*[.,?!]?", re.ASCII)
"""Words and nothing else; only a language's abbreviations and capitals could be said otherwise."""


@cache
def language_of(tag: str) -> Language | None:
    """The rules of a language (primary subtag); None where there are none."""
    found: Language | None = import_module(f"{__name__}.{tag}").LANGUAGE if tag in LANGUAGES else None
    return found


def spoken_form(text: str, tag: str) -> str:
    """The text with everything in words that is neither letters nor punctuation, but signs. Any string is accepted."""
    text = re.sub("={2,}", "=", _DIGRAPH.sub(lambda found: _DIGRAPHS[found.group()], text))
    language = language_of(tag)
    return text if language is None else language.read(text)


def spoken_signs(text: str, tag: str) -> str:
    """The text with the name of each sign that is left in it, or a space where the language has none."""
    language = language_of(tag)
    if language is not None:
        text = re.sub(r"(?<!\S)(?P<b>[^\s/]+)/(?P<n>[^\s/]+)(?!\S)", lambda found: _either(found, language), text)
    return _LEFT_OVER.sub(lambda found: _left_over(found, language), text)


def _either(found: re.Match[str], language: Language) -> str:
    before, after = found["b"], found["n"]
    if (before[-1] + after[0]).isdecimal():
        return found.group()
    one, other = before.strip(".,;:!?'\""), after.strip(".,;:!?'\"")
    silent = (
        not language.either
        or {one.lower(), other.lower()} & language.coordinators
        or (one.isupper() and other.isupper())
        or (len(one) == 1) != (len(other) == 1)
        or re.search(r"\.\w", after)
    )
    return f"{before} {after}" if silent else language.either.format(b=before, n=after)


def _left_over(found: re.Match[str], language: Language | None) -> str:
    sign = found.group()
    if found["kept"]:
        return (language.suffixes.get(sign) if language else None) or sign
    if language and sign in language.symbols and sign != "#":
        name = language.symbols[sign]
        return f" {name} " if language.spaced else name
    category = unicodedata.category(sign)
    if category in ("No", "Lm") and not re.match("[⁰¹²³⁴-⁹]", sign):
        plain = unicodedata.normalize("NFKC", sign).replace("⁄", "/")
        return f" {plain} " if "/" in plain else plain
    return " " if category[0] in "SN" or sign in _SILENT_MARKS else sign
