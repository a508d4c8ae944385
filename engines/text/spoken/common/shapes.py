"""Spoken forms by shape: what a date, a time, an amount, a range or an address looks like in any language with spaces between its words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from engines.text.spoken.common import cldr
from engines.text.spoken.common.language import Language, Rule, any_of

_Replace = Callable[[re.Match[str]], str]
_NOT_AFTER, _NOT_BEFORE = r"(?<![\w.,:/-])", r"(?![\w]|[.,:/-][0-9])"
_LETTER = r"[^\W\d_]"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SPELLED_SUFFIX = re.compile(r"[b-df-hj-np-tv-xz]{2,5}|[a-z]{2}|html|csv|yml|exe|toml(?!l)|json", re.IGNORECASE)
_SAID_SUFFIX = frozenset(
    "com org net edu gov info biz dev app wiki blog co yaml zip doc docs bin log text java page shop news world".split()
)
"""Endings of addresses and files that are words; others of two letters, or without vowels, are spelled."""


def rules(language: Language) -> Iterator[Rule]:
    """The rules of a language, in the order in which they are applied."""
    for pattern, replace in [
        *_addresses(language),
        *_abbreviations(language),
        *_dates(language),
        *_times(language),
        *_telephones(language),
        *_ranges(language),
        *_rates(language),
        *_money(language),
        *_fractions(language),
        *_units(language),
        *_ordinals(language),
        *_mathematics(language),
    ]:
        yield re.compile(pattern), replace


def plain_numbers(language: Language) -> Iterator[Rule]:
    """The rules for whatever digits are left."""
    say = language.number
    yield re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+){2,}(?![\w])"), lambda found: _version(found.group(), language)
    yield re.compile(rf"(?<![\w])({language.NUMBER})(?=( {_LETTER}+)?)(?![0-9]|{_LETTER})"), lambda found: _plain(found, language)
    yield (
        re.compile(rf"({_LETTER})?([0-9]+)(?=({_LETTER})?)"),
        lambda found: " ".join(filter(None, (found[1], say(found[2]) + (" " if found[3] else "")))),
    )


def _plain(found: re.Match[str], language: Language) -> str:
    text, noun = found[1], (found[2] or "").strip()
    if re.fullmatch("1[1-9][0-9]{2}|20[0-9]{2}", text) and not noun.endswith("s"):
        return language.year(int(text))
    said = language.number(text)
    return language.with_noun(said, noun) if (noun[:1].islower() or language.nouns_in_capitals) and text.isdigit() else said


def _version(text: str, language: Language) -> str:
    if language.is_grouped(text):
        return language.number(text)
    parts = text.split(".")
    dot = language.dot if len(parts) == 4 else language.point
    return f" {dot} ".join(language.digits(part) if len(parts) == 4 else language.number(part) for part in parts)


def _addresses(language: Language) -> Iterator[tuple[str, _Replace]]:
    name = r"[A-Za-zÀ-ɏ0-9](?:[A-Za-zÀ-ɏ0-9_-]*[A-Za-zÀ-ɏ0-9])?"

    def said(found: re.Match[str]) -> str:
        parts = re.split("([.@])", found.group())
        words = [_label(part, last=at == len(parts) - 1) for at, part in enumerate(parts)]
        return " ".join(filter(None, ({".": language.dot, "@": language.at}.get(word, word) for word in words)))

    yield rf"(?<![\w@]){name}(?:\.{name})*@{name}(?:\.{name})+", said
    yield rf"(?<![\w.@-])(?=[^\s]*[A-Za-z]{{2}}){name}(?:\.{name})*\.(?=[A-Za-z]{{2}})[A-Za-z][A-Za-z0-9]{{1,6}}(?![\w]|\.\w)", said
    yield r"(?<!\w)@(?=\w)", lambda _: f"{language.at} "
    yield r"(?<!\S)\.(?=[A-Za-z]{2})([A-Za-z]+)", lambda found: f"{language.dot} {_label(found[1], last=True)}"


def _label(part: str, *, last: bool) -> str:
    """A part of an address: a word, or letters."""
    low = part.lower()
    spelled = low not in _SAID_SUFFIX and (_SPELLED_SUFFIX.fullmatch(part) if last else not re.search("[aeiouyà-ÿ0-9]", low))
    if len(part) > 1 and part.isalpha() and spelled:
        return " ".join(part.upper())
    if part.isupper() and part.isalpha() and 1 < len(part) < 5:
        return low if last else " ".join(part)
    return part.replace("-", " ").replace("_", " ")


def _abbreviations(language: Language) -> Iterator[tuple[str, _Replace]]:
    table = language.abbreviations
    if not table:
        return
    words_of = {key.capitalize(): words[:1].upper() + words[1:] for key, words in table.items() if key.islower()} | dict(table)
    titles = {key for key, words in words_of.items() if words.endswith("~")}

    def said(found: re.Match[str]) -> str:
        last = not found.string[found.end() : found.end() + 40].strip(" \"')\n")
        return words_of[found[1]].removesuffix("~") + ("." if last and found[1] not in titles else "")

    yield rf"(?<![\w.°])({any_of(words_of)})\.(?!\w)", said


def _dates(language: Language) -> Iterator[tuple[str, _Replace]]:
    def iso(found: re.Match[str]) -> str:
        return language.said_date(int(found[3]), int(found[2]), found[1]) + (" " if found[4] else "")

    def month_year(found: re.Match[str]) -> str:
        if re.match(r" ?(?:season|saison|temporada|stagione|Saison)", found.string[found.end() : found.end() + 40]):
            return found.group()
        return language.month_year.format(m=cldr.months(language.tag)[int(found[2]) - 1], y=language.year(int(found[1])))

    def local(found: re.Match[str]) -> str:
        day_first = language.day_first or found[2] == "."
        return language._date(found, int(found[1]), int(found[3]), found[4], day_first=day_first)

    day, month = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])"
    yield rf"(?<![\w.-])([0-9]{{4}})-{month}-{day}(?:([T ])(?=[0-9]{{2}}:))?(?![\w-])", iso
    yield rf"(?<![\w.-])([0-9]{{4}})/{month}/{day}()(?![\w/])", iso
    yield r"(?<![\w.-])([12][0-9]{3})-(0[1-9]|1[0-2])(?![\w-])", month_year
    yield r"(?<![\w./-])([0-9]{1,2})([./-])([0-9]{1,2})\2([12][0-9]{3}|[0-9]{2})(?![\w]|[./-][0-9])", local


def _times(language: Language) -> Iterator[tuple[str, _Replace]]:
    def said(found: re.Match[str]) -> str:
        return language.said_time(int(found[1]), int(found[2]), int(found[3]) if found[3] else None)

    hour, minute, behind = "([01]?[0-9]|2[0-4])", "([0-5][0-9])", f"(?: ?(?:{language.hour_word})(?!\\w))?" if language.hour_word else ""
    yield rf"(?<![\w.,:/-]){hour}[{language.clock_signs}]{minute}(?::([0-5][0-9]))?{behind}(?![\w]|:[0-9])", said


def _telephones(language: Language) -> Iterator[tuple[str, _Replace]]:
    def said(found: re.Match[str]) -> str:
        return found[1] + language.telephone(found[2])

    if language.telephone_words:
        words = language.telephone_words
        yield (
            rf"(?i:((?<!\w)(?:{words})[\w '’.:]{{0,20}}? ))(\+?\(?[0-9](?:[0-9]|[ ()./-]{{1,2}}(?=[0-9(])){{2,18}}[0-9])(?![\w%]|[.,:][0-9])",
            said,
        )
    yield r"()(?<![\w.,])(\+[0-9]{1,3}(?:[ ()./-]{0,2}[0-9]{1,5}){2,6}|\(0?[0-9]{2,5}\) ?[0-9]{3,4}(?:[ -]?[0-9]{2,5}){1,3})(?!\w)", said
    yield (
        r"()(?<![\w.,-])((?:[0-9]-)?[0-9]{3}([-. ])[0-9]{3}\3[0-9]{4}|0[0-9]{1,4}[-/ ][0-9]{3,4}(?:[- ][0-9]{2,5}){0,3})(?![\w]|[-.][0-9])",
        said,
    )
    yield rf"({_NOT_AFTER}(?<![0-9] ))(0[0-9]{{2,}}|[0-9]{{10,}})(?![\w]|[.,:][0-9])", lambda found: language.digits(found[2])


def _ranges(language: Language) -> Iterator[tuple[str, _Replace]]:
    number, money = language.NUMBER, any_of(cldr.CURRENCIES)

    def between(found: re.Match[str]) -> str:
        return f"{found[1]} {language.range_word} "

    equals = rf"(?=[0-9.,]+ ?(?:=|{language.symbols.get('=', '=')}))"
    yield rf"([0-9])(?: ?[-–−] ?){equals}", lambda found: f"{found[1]} − "
    yield (
        rf"({money}) ?({number}) ?[-–—~] ?(?:\1 ?)?({number})(?![0-9])",
        lambda found: f"{found[2]} {language.range_word} {found[1]}{found[3]}",
    )
    yield rf"(?<![\w.,/-])({number}(?: ?[%°€£])?)(?:[-–—~]|(?<=[%°€£0-9]) [–—] )(?={number}(?![-–][0-9]))", between
    yield (
        rf"(?<![\w.,/-])({number}) - ({number})(?![\w-])",
        lambda found: f"{found[1]} {language.range_word if _value(found[1]) < _value(found[2]) else language.minus} {found[2]}",
    )
    yield r"(?<![\w.)\]])[-−](?=(?:[$€£₹¥]|\.)?[0-9])", lambda _: f"{language.minus} "


def _value(number: str) -> int:
    return int(re.sub(r"\D", "", number))


def _rates(language: Language) -> Iterator[tuple[str, _Replace]]:
    units, signs = any_of(language.units), any_of(cldr.CURRENCIES)
    rates = any_of([unit for unit in language.units if "/" in unit])

    def said(found: re.Match[str]) -> str:
        unit = language.units.get(found[2])
        return f"{found[1]} {language.per} {unit[0].format('').strip() if unit else found[2]}"

    number = language.NUMBER
    whole = rf"(?<![\w.,/])(?!{number} ?(?:{rates})(?![\w²³/]))({number}(?: ?(?:{units}|{signs}))?|(?:{signs}) ?{number})"
    yield rf"{whole}/({_LETTER}+)(?![\w/])", said


def _money(language: Language) -> Iterator[tuple[str, _Replace]]:
    signs = any_of(cldr.CURRENCIES)
    number, codes = language.NUMBER, any_of(cldr.CODES)
    words = any_of(language.magnitudes)
    magnitude = rf"(?: ?({words})(?!\w))?" if words else "()"
    behind = any_of([sign for sign in cldr.CURRENCIES if sign not in ("K",)])

    def said(found: re.Match[str]) -> str:
        sign, amount, large = found["sign"], found["n"], found["m"] or ""
        return language.amount(amount, sign, large)

    m = magnitude.replace("(" + words, "(?P<m>" + words) if words else "(?P<m>)"
    yield rf"(?<![\w$])(?P<sign>{signs}|(?:{codes})(?= ?[0-9])) ?(?P<n>{number}){m}", said
    yield (
        rf"(?<![\w.,])(?P<n>{number}){m} ?(?P<sign>{behind}|{codes})(?!\w)\.?(?!\w)",
        lambda found: (
            said(found) + ("." if found.group().endswith(".") and not found.string[found.end() : found.end() + 40].strip() else "")
        ),
    )
    yield rf"(?<!\S)({signs})(?!\S)", lambda found: language.coin(found[1])[0]


def _fractions(language: Language) -> Iterator[tuple[str, _Replace]]:
    glyphs = {f: unicodedata.normalize("NFKC", f).split("⁄") for f in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅐⅑⅒"}

    def said(above: str, below: str) -> str:
        return language.fraction(int(above), int(below))

    yield rf"([0-9]) ?([{''.join(glyphs)}])", lambda found: f"{language.mixed(found[1], *map(int, glyphs[found[2]]))} "
    yield f"[{''.join(glyphs)}]", lambda found: f" {said(*glyphs[found.group()])} "
    below = "|".join(sorted(map(str, language.denominators), key=len, reverse=True))
    proper = rf"([1-9][0-9]?)[/⁄]({below})(?![\w]|[/.,:⁄][0-9])"
    yield (
        rf"(?<![\w.,/-])([0-9]+) {proper}",
        lambda found: language.mixed(found[1], int(found[2]), int(found[3])) if int(found[2]) < int(found[3]) else found.group(),
    )
    yield rf"(?<![\w.,/:-]){proper}", lambda found: said(found[1], found[2]) if int(found[1]) < int(found[2]) else found.group()


def _units(language: Language) -> Iterator[tuple[str, _Replace]]:
    letters = [unit for unit in language.units if len(unit) == 1 and unit.isalpha()]
    others = any_of([unit for unit in language.units if unit not in letters])
    single = any_of(letters)
    number = language.NUMBER
    start = rf"(?<![\w.,])({number})"

    def said(found: re.Match[str]) -> str:
        return language.quantity(found[1], found[2])

    yield rf"{start}[ -]?({others})(?![\w²³'/]|\.\w)(?:\.(?=\s+[a-zà-ÿ]))?", said
    yield rf"{start} ({single})(?![\w²³'/]|\.\w|-\w)", said
    yield rf"{start}({any_of([u for u in letters if u in 'mghlLWVA'])})(?![\w²³'/]|\.\w|-\w)", said
    yield rf"{start} ?%", lambda found: f"{language.number(found[1])} {language.symbols.get('%', '')}"


def _ordinals(language: Language) -> Iterator[tuple[str, _Replace]]:
    if language.ordinal_ends:
        yield (
            rf"(?<![\w.,])([0-9][0-9,.]*)({language.ordinal_ends})(?!\w)",
            lambda found: language.ordinal(int(re.sub(r"\D", "", found[1])), found[2]),
        )


def _greek(letter: str, language: Language) -> str:
    return unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda") if language.alphabetic else letter


def _mathematics(language: Language) -> Iterator[tuple[str, _Replace]]:
    number = language.NUMBER
    superscript = "[⁰¹²³⁴-⁹]"
    power = language.symbols.get("^", "")

    def raised(found: re.Match[str]) -> str:
        exponent = found[1].translate(_SUPERSCRIPTS)
        if exponent in ("2", "3") and (name := language.symbols.get("²³"[int(exponent) - 2])):
            return f" {name} "
        said = language.number(exponent.lstrip("-+")) if exponent.lstrip("-+").isdigit() else exponent
        return f" {power} {language.minus + ' ' if exponent[0] == '-' else ''}{said} "

    if power:
        yield rf"(?:(?<=[0-9)])|(?<=(?<![\w])[A-Za-z]))((?:[⁻⁺]?{superscript})+)", raised
        yield r"(?<=[\w)])\^\{?(-?[0-9]+|[A-Za-z])\}?(?!\w)", raised
    yield r"(?<!\w)[α-ωΔΣΩ](?!\w)", lambda found: language.symbols.get(found.group()) or _greek(found.group(), language)
    yield r"#(?=[0-9])", lambda _: f"{language.symbols.get('#', '')} "
    yield r"~ ?(?=[0-9])", lambda _: "≈ "
    for sign, word in (("*", "×"), ("x", "×")):
        yield rf"(?<=[0-9]) {re.escape(sign)} (?=[0-9])|(?<=[0-9]){re.escape(sign)}(?=[0-9])", lambda _, word=word: f" {word} "  # type: ignore[misc]
    yield rf"({number})[/÷:](?={number} ?=)", lambda found: f"{found[1]} ÷ "
    yield r"(?<=[\w)]) ?\+ ?(?=[\w(])", lambda _: " + "
    yield rf"(?<![\w.,:/-])({number})[:](?={number}(?![\w:]))", lambda found: f"{found[1]} {language.ratio} "
    yield rf"(?<![\w.,:/-])({number})/(?={number}(?![\w/]))", lambda found: f"{found[1]} {language.over} "
