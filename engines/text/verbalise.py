"""Text normalisation of symbols: units, amounts, ordinals and other signs become words, by the tables of `symbols.py`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from num2words2 import num2words

from engines.text.symbols import Words, words_of

_Replace = Callable[[re.Match[str]], str]

_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_LATIN = "A-Za-zÀ-ɏ"
_NOT_AFTER = rf"(?<![{_LATIN}0-9.,])"
_NOT_BEFORE = rf"(?![{_LATIN}0-9'²³/])"
_ORDINAL_ENDINGS = {"en": "st|nd|rd|th", "fr": "ers?|re|ère|e|ème|nde?", "es": r"\.?[ºª]|er", "it": "[ºª]", "pt": r"\.?[ºª]"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = "[⁰¹²³⁴-⁹]"
_DIGRAPHS = {"<->": "→", "<=>": "→", "->": "→", "=>": "→", "<-": "→", "!=": "≠", "<=": "≤", ">=": "≥", "&&": "&", "+-": "±", "+/-": "±"}
_SILENT_MARKS = frozenset("*_#&@%/\\[]{}`^~‰‡†§¶※〽")
_LEFT_OVER = re.compile(
    r"(?P<kept>(?<=[A-Za-z])(?:\+{1,2}|#)(?!\w)|(?<=[0-9])/(?=[0-9]))"
    r"|[^\w\s.,;:!?'\"-]|_|[²³½¼¾⅓⅔]|[\u2070-\u209c\u00b9\u2150-\u215f\u2460-\u2473]"
)


def verbalise(text: str, language: str) -> str:
    """Replace every symbol by its name in `language` (primary subtag), or by a space where it has none."""
    text = re.sub("|".join(map(re.escape, _DIGRAPHS)), lambda found: _DIGRAPHS[found.group()], text)
    text = re.sub("={2,}", "=", text)
    words = words_of(language)
    for pattern, replace in _rules(language):
        text = pattern.sub(replace, text)
    return _LEFT_OVER.sub(lambda found: _left_over(found, words), text)


@cache
def _rules(language: str) -> tuple[tuple[re.Pattern[str], _Replace], ...]:
    """Patterns and replacements for symbols that depend on the numbers or words around them, in the order in which they are applied."""
    words = words_of(language)
    if not words.symbols:
        return ()
    signs = _any_of(words.currencies)
    magnitude = rf"(?: ?(?:{_any_of(words.magnitudes)})(?![^\W_]))?"
    letters = [unit for unit in words.units if len(unit) == 1 and unit.isalpha()]
    others = [unit for unit in words.units if unit not in letters]
    rates = _any_of(unit for unit in words.units if "/" in unit)
    rules: dict[str, _Replace] = {
        rf"(?<=[0-9])[–~](?=[0-9])|(?<=[0-9%°€£¥₹])–(?=(?:{signs}) ?[0-9]|[0-9])": lambda _: words.patterns["range"].format(b="", n=""),
        rf"{_NOT_AFTER}(?!{_NUMBER} ?(?:{rates}){_NOT_BEFORE})(?P<b>{_NUMBER}(?: ?(?:{_any_of(words.units)}|{signs}))?)/(?P<n>[^\W\d_]+)": (
            lambda found: words.patterns["per"].format(b=found["b"], n=words.units.get(found["n"], found["n"]).split("|")[0])
        ),
        rf"(?:\bUS)?(?P<sign>{signs}) ?(?P<n>{_NUMBER}{magnitude})": lambda found: _amount(found, words),
        rf"{_NOT_AFTER}(?P<n>{_NUMBER}{magnitude}) ?(?P<sign>{signs})": lambda found: _amount(found, words),
        rf"(?<!\S)(?P<sign>{signs})(?!\S)": lambda found: words.currencies[found["sign"]].split("|")[0],
        rf"{_NOT_AFTER}(?P<n>{_NUMBER}) ?(?P<unit>{_any_of(others)}){_NOT_BEFORE}": lambda found: _counted(found, words),
        rf"{_NOT_AFTER}(?P<n>{_NUMBER}) (?P<unit>{_any_of(letters)}){_NOT_BEFORE}": lambda found: _counted(found, words),
        r"(?<=[0-9]) ?[½¼¾⅓⅔]": lambda found: words.patterns["mixed"].format(b="", n=words.symbols[found.group()[-1]]),
        rf"(?<=[0-9)])(?:[⁻⁺]{_SUPERSCRIPT}+|{_SUPERSCRIPT}{{2,}}|[⁰¹⁴-⁹])": lambda found: _power(
            found.group().translate(_SUPERSCRIPTS), words
        ),
        r"(?<=[^\W_])\^\{?(-?[0-9]+|[A-Za-z])\}?(?!\w)": lambda found: _power(found[1], words),
        r"(?<=[0-9]) ?\* ?(?=[0-9])": lambda _: "×",
        r"(?<![\w)])−(?=[0-9])": lambda _: "-",
        r"~ ?(?=[0-9])": lambda _: "≈",
        r"#(?=[0-9])": lambda _: _word("#", words),
        r"(?<!\S)(?P<b>[^\s/]+)/(?P<n>[^\s/]+)(?!\S)": lambda found: _either(found, words),
    }
    if endings := _ORDINAL_ENDINGS.get(language):
        rules[rf"{_NOT_AFTER}([1-9][0-9]{{0,3}})({endings})(?!\w)"] = lambda found: _ordinal(int(found[1]), found[2], language)
    return tuple((re.compile(pattern), replace) for pattern, replace in rules.items())


def _any_of(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _word(symbol: str, words: Words) -> str:
    word = words.symbols.get(symbol)
    return " " if word is None else f" {word} " if words.spaced else word


def _name(number: str, names: str) -> str:
    return names.split("|")[0 if number == "1" else -1]


def _amount(found: re.Match[str], words: Words) -> str:
    number, names = found["n"], words.currencies[found["sign"]]
    if cents := re.fullmatch(r"(.+)[.,]([0-9]{2})", number):
        whole, part = cents.groups()
        if part != "00":
            return words.patterns["money"].format(b=whole, n=part, u=_name(whole, names))
        number = whole
    return f"{number}{' ' if words.spaced else ''}{_name(number, names)}"


def _counted(found: re.Match[str], words: Words) -> str:
    number, name = found["n"], _name(found["n"], words.units[found["unit"]])
    return name.format(n=number) if "{n}" in name else f"{number}{' ' if words.spaced else ''}{name}"


def _power(exponent: str, words: Words) -> str:
    return words.patterns["power"].format(b="", n=exponent)


def _either(found: re.Match[str], words: Words) -> str:
    before, after = found["b"], found["n"]
    if (before[-1] + after[0]).isdecimal():
        return found.group()
    one, other = before.strip(".,;:!?'\""), after.strip(".,;:!?'\"")
    silent = (
        words.coordinators.intersection((one.lower(), other.lower()))
        or (one.isupper() and other.isupper())
        or (len(one) == 1) != (len(other) == 1)
        or re.search(r"\.\w", after)
    )
    return f"{before} {after}" if silent else words.patterns["either"].format(b=before, n=after)


def _ordinal(number: int, ending: str, language: str) -> str:
    word: str = num2words(number, to="ordinal", lang=language)
    if ending.endswith("ª"):
        return re.sub(r"o\b", "a", word)
    if language == "es" and ending == "er":
        return word.removesuffix("o")
    return "première" if word == "premier" and ending in ("re", "ère") else word


def _left_over(found: re.Match[str], words: Words) -> str:
    symbol = found.group()
    if found["kept"]:
        return symbol
    if symbol in words.symbols and symbol != "#":
        return _word(symbol, words)
    category = unicodedata.category(symbol)
    if category in ("No", "Lm") and not re.match("[⁰¹²³⁴-⁹]", symbol):
        plain = unicodedata.normalize("NFKC", symbol).replace("⁄", "/")
        return f" {plain} " if "/" in plain else plain
    return " " if category[0] in "SN" or symbol in _SILENT_MARKS else symbol
