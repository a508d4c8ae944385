"""Words of turn-taking: backchannels ("mm-hm"), what stops a speaker ("wait"), and what shows that more comes ("because").

Backchannels: V. H. Yngve, On getting a word in edgewise (1970).
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path

_MOST_WORDS = 4
"""A run of backchannels ("yeah, yeah, okay") that is longer wants the floor."""
_ECHO_WORDS, _ECHO_CHARACTERS = 3, 6
"""Fewer may be a question about them; characters in scripts without spaces."""
_SPACELESS = "\u2e80"
"""From this character on scripts set no spaces between words: Japanese, Chinese; Korean endings may follow as well."""

_BROKEN_OFF, _END_MARKS = ("...", "…", "-", "—", "–", ",", "、", "，"), tuple(".!?。！？।؟۔")
"""How a transcript ends that was broken off, and a sentence."""
_SENTENCE_END = re.compile(r"[.!?]\s")
_DIGITS, _TELEPHONE = re.compile(r"\d[\d -]*$"), 7
"""A number at the end, and how many digits a whole telephone number has at least."""
_ASKING = re.compile(r"\b(?:what|who|whom|which|where|whose|how)\b")


def is_backchannel(text: str, language: str | None) -> bool:
    """Whether a transcript holds nothing but backchannels, or no word at all.

    Args:
        text: what was heard while the persona spoke.
        language: BCP 47; a language that is not known, and None, mean any.
    """
    return _consists_of("backchannels", text, language)


def is_stop(text: str, language: str | None) -> bool:
    """Whether a transcript begins with a word that always stops the persona, of the language or of English."""
    return _leading(_plain(text), _phrases("stops", language)) is not None


def is_unfinished(text: str, language: str | None) -> bool:
    """Whether more is likely to come: it ends with such a word, of the language, or with groups of digits that are less than a telephone
    number, or as what was broken off is written ("…", "-", a comma).

    A preposition at the end of a question ("What are you looking for?") shows nothing; nor does an ending that softens ("…ですが。").
    """
    said = _plain(text)
    if not said or _ends_with(said, "finished", language):
        return False
    if _is_dictated(said) or text.rstrip().endswith(_BROKEN_OFF) or _ends_with(said, "unfinished", language):
        return True
    return _ends_with(said, "stranded", language) and not _ASKING.search(_SENTENCE_END.split(text.rstrip(" .!?"))[-1].casefold())


def _is_dictated(said: str) -> bool:
    found = _DIGITS.search(said)
    digits = found[0] if found else ""
    return len(digits.split()) + digits.count("-") > 1 and sum(map(str.isdigit, digits)) < _TELEPHONE


def is_sentence(text: str) -> bool:
    """Whether a transcript ends as a sentence is written."""
    return text.rstrip(" \"'”’»)]」』").endswith(_END_MARKS) and not text.rstrip().endswith(_BROKEN_OFF)


def is_echo(text: str, said: str) -> bool:
    """Whether a transcript is a part of what the persona is saying, long enough to be no chance: its own voice in the microphone."""
    heard, whole = _plain(text), _plain(said)
    if heard[:1] > _SPACELESS:
        return len(heard) >= _ECHO_CHARACTERS and heard.replace(" ", "") in whole.replace(" ", "")
    return len(heard.split()) >= _ECHO_WORDS and f" {heard} " in f" {whole} "


def _consists_of(kind: str, text: str, language: str | None) -> bool:
    rest, words = _plain(text), 0
    while rest:
        found = _leading(rest, _phrases(kind, language))
        words += 1
        if found is None or words > _MOST_WORDS:
            return False
        rest = rest[len(found) :].strip()
    return True


def _ends_with(said: str, kind: str, language: str | None) -> bool:
    return any(said == word or said.endswith(word if word[0] > _SPACELESS else f" {word}") for word in _phrases(kind, language))


def _leading(text: str, phrases: tuple[str, ...]) -> str | None:
    """The phrase that a text begins with, as words of its own where the script sets spaces."""
    for phrase in phrases:
        if text == phrase or text.startswith(phrase if phrase[0] > _SPACELESS else f"{phrase} "):
            return phrase
    return None


def _plain(text: str) -> str:
    """Lower case, without punctuation except what stands inside a word, and without letters drawn out ("yeeeah", "mmm")."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    words = " ".join(re.findall(r"[\w'\u0900-\u0963\u0966-\u097f]+(?:-[\w']+)*", folded))
    return re.sub(r"([a-z])\1{2,}", lambda drawn: "mm" if drawn[1] == "m" else drawn[1], words)


@cache
def _phrases(kind: str, language: str | None) -> tuple[str, ...]:
    """Those of the language, and of English where they are the listener's, the longest first."""
    data = _data()
    known = data[kind]
    tag = (language or "").partition("-")[0].lower()
    own = kind in {"unfinished", "stranded", "finished"}  # English stands in no other language's place where grammar decides
    if own and tag in data["unfinished"]:
        chosen = [known.get(tag, [])]
    else:
        chosen = [known[tag], *([] if own else [known["en"]])] if tag in known else list(known.values())
    return tuple(sorted({_plain(phrase) for phrases in chosen for phrase in phrases}, key=lambda phrase: (-len(phrase), phrase)))


@cache
def _data() -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return content
