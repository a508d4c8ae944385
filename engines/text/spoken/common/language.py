"""Spoken forms of numbers, dates, times, money and units: what European languages have in common; each language's file says what differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property

from num2words2 import num2words

from engines.text.spoken.common import cldr

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_LONGEST = 15
"""A number of more digits is read digit by digit."""
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_OPENS, _ENDS = r"(?<![\w.,:/-])", r"(?![\w]|[.,:/-]\d)"


def table(text: str) -> dict[str, str]:
    """``key name; key name`` as a dictionary; a key has no space in it (``_`` stands for one)."""
    entries = (entry.strip().split(" ", 1) for entry in text.split(";") if entry.strip())
    return {key.replace("_", " "): (rest[0].strip() if rest else "") for key, *rest in entries}


def roman(text: str) -> int:
    """The value of a Roman numeral; 0 if it is none."""
    text = text.upper()
    if not text or not _ROMAN.fullmatch(text):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in text]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def any_of(names: object) -> str:
    """A pattern of any of the names, the longest first."""
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))  # type: ignore[call-overload]


class Language:
    """A language that writes words with spaces between them. Every attribute is what is said; `rules` is all that is replaced, in order."""

    tag = ""
    """ISO 639, as num2words and CLDR have it."""
    decimal, group = ",", ". \u00a0\u202f'’"
    """The sign before decimals, and those between thousands."""
    pairs = True
    """Whether two decimals are read as one number."""
    point = minus = range_word = per = dot = at = over = ratio = and_a = by = times = ""
    oclock = "{h}"
    """A full hour."""
    clock = "{h} {m}"
    clock_signs = ":"
    oh = ""
    """Before the minutes 1 to 9."""
    hour_word = ""
    """A unit behind a time that belongs to it (``14:30 Uhr``)."""
    day_first = True
    date = "{d} {m} {y}"
    month_year = "{m} {y}"
    halves: Mapping[int, tuple[str, str]] = {}
    """Denominator → its name after one and after more."""
    denominators = (*range(2, 17), 20, 25, 30, 32, 40, 50, 64, 100, 1000)
    """Below which a fraction with a slash is one."""
    symbols: Mapping[str, str] = {}
    cents: Mapping[str, tuple[str, str]] = {}
    """ISO 4217 code → the hundredth of it, one and more."""
    money = "{b} {n} {c}"
    named_cents = 10
    """From so many on, cents are said without their name."""
    coins: Mapping[str, str] = {}
    """ISO 4217 code → ``one|many`` where CLDR's name is longer than what people say."""
    magnitudes: Mapping[str, str] = {}
    """What is written behind an amount (k, M, Mio.) → its word; words stand for themselves."""
    abbreviations: Mapping[str, str] = {}
    """What a dot ends → its words."""
    unit_names: Mapping[str, str] = {}
    """Unit → ``one|many`` where CLDR has none, or another."""
    ordinal_ends = ""
    """Pattern of what makes an ordinal of digits."""
    telephone_words = ""
    """Pattern of words behind which digits are read one by one."""
    spaced = True
    """Whether words are written with spaces between them."""
    nouns_in_capitals = False
    alphabetic = True
    """Whether it is written in Latin letters."""
    either = "{b} or {n}"
    """Two words with a slash between them …"""
    coordinators: frozenset[str] = frozenset()
    """… of which none is one of these: ``and/or``."""
    suffixes: Mapping[str, str] = {}
    """What stands behind a letter: ``C#``, ``A+``."""

    # numbers

    def cardinal(self, number: int) -> str:
        """A whole number in words."""
        return str(num2words(number, lang=self.tag)).replace("-", " ").replace(",", "")

    def ordinal(self, number: int, ending: str = "") -> str:
        """An ordinal in words; `ending` is what stands behind the digits."""
        return str(num2words(number, lang=self.tag, to="ordinal")).replace("-", " ")

    def year(self, number: int) -> str:
        """A year."""
        return self.cardinal(number)

    def digits(self, text: str) -> str:
        """Each digit on its own."""
        return " ".join(self.cardinal(int(digit)) for digit in text if digit.isdigit())

    def number(self, text: str) -> str:
        """A number as it is written, with the language's own signs."""
        plain = re.sub(f"[{re.escape(self.group)}](?=[0-9])", "", text) if self.is_grouped(text) else text
        whole, _, part = plain.replace(self.decimal, ".").partition(".")
        one_by_one = whole.startswith("0") and len(whole) > 1
        said = self.digits(whole) if one_by_one or len(whole) > _LONGEST else self.cardinal(int(whole or "0"))
        return f"{said} {self.point} {self.decimals(part)}" if part else said

    def decimals(self, part: str) -> str:
        """What stands behind the decimal sign."""
        return self.cardinal(int(part)) if self.pairs and len(part) == 2 and part[0] != "0" else self.digits(part)

    def with_noun(self, number: str, noun: str) -> str:
        """The words of a number before a noun, whose gender it may take."""
        return number

    def count(self, text: str, noun: str) -> str:
        """A number and what is counted."""
        return f"{self.with_noun(self.number(text), noun)} {noun}"

    @cached_property
    def NUMBER(self) -> str:  # noqa: N802 - a pattern
        """Pattern of a number without its sign."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        other = "." if self.decimal == "," else ""
        return rf"(?:[0-9]{{1,3}}(?:[{group}][0-9]{{3}})+(?![0-9])(?:{decimal}[0-9]+)?|[0-9]+(?:[{decimal}{other}][0-9]+)?)"

    def is_grouped(self, text: str) -> bool:
        """Whether its thousands are set apart."""
        return self._grouped.fullmatch(text) is not None

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        return re.compile(rf"[0-9]{{1,3}}(?:[{group}][0-9]{{2,3}})*[{group}][0-9]{{3}}(?:{decimal}[0-9]+)?")

    # dates and times

    def said_date(self, day: int, month: int, year: str) -> str:
        """A date with a year."""
        y = self.year(int(year) if len(year) > 2 else int(year) + (2000 if int(year) < 50 else 1900))
        return self.date.format(d=self.day(day), m=cldr.months(self.tag)[month - 1], y=y)

    def day(self, day: int) -> str:
        """The number of a day in a date."""
        return self.cardinal(day)

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        """A time of the day; `half` is a or p."""
        h, m = self.hour(hour), (f"{self.oh} " if 0 < minute < 10 else "") + self.cardinal(minute)
        said = self.clock.format(h=h, m=m) if minute else self.oclock.format(h=h)
        return said if second is None else f"{said} {self.cardinal(second)}"

    def hour(self, hour: int) -> str:
        """The number of an hour in a time."""
        return self.cardinal(hour)

    def _date(self, found: re.Match[str], first: int, second: int, year: str, *, day_first: bool) -> str:
        day, month = (first, second) if day_first else (second, first)
        if month > 12:
            day, month = month, day
        return self.said_date(day, month, year) if 1 <= month <= 12 and 1 <= day <= 31 else found.group()

    # money and units

    def coin(self, sign: str) -> tuple[str, str]:
        """What one unit and several of a currency are called, by its sign or code."""
        code = cldr.CURRENCIES.get(sign, sign)
        if code in self.coins:
            one, _, many = self.coins[code].partition("|")
            return one, many or one
        return cldr.currency(self.tag, code)

    def amount(self, number: str, sign: str, magnitude: str = "") -> str:
        """An amount of money in words."""
        code, (one, many) = cldr.CURRENCIES.get(sign, sign), self.coin(sign)
        magnitude = self.magnitudes.get(magnitude.strip(), magnitude.strip())
        whole, _, part = number.rpartition(self.decimal) if self.decimal in number[-3:-2] else (number, "", "")
        cents = self.cents.get(code) or self.cents.get("*")
        if magnitude:
            return f"{self.number(number)} {self.large(number, magnitude)} {self.of_many(magnitude)}{many}"
        if not part or not cents:
            return self.count(number, one if number == "1" else many)
        if not int(re.sub(r"\D", "", whole) or 0) and int(part):
            return self.count(str(int(part)), cents[int(part) != 1])
        said = self.count(whole, one if whole == "1" else many)
        if not int(part):
            return said
        coins = cents[int(part) != 1] if int(part) < self.named_cents else ""
        return self.money.format(b=said, n=self.with_noun(self.cardinal(int(part)), coins), c=coins).strip()

    def large(self, number: str, magnitude: str) -> str:
        """A million or millions, by the number before it."""
        return magnitude

    def of_many(self, magnitude: str) -> str:
        """What stands between millions and what is counted."""
        return ""

    @cached_property
    def units(self) -> Mapping[str, tuple[str, str]]:
        """Unit → (one, many), each with ``{0}`` for the number."""
        ours = {unit: name if "{0}" in name else f"{{0}} {name.replace('|', '|{0} ')}" for unit, name in self.unit_names.items()}
        split = {unit: name.partition("|") for unit, name in ours.items()}
        return {**cldr.units(self.tag), **{unit: (one, many or one) for unit, (one, _, many) in split.items()}}

    def quantity(self, number: str, unit: str) -> str:
        """A number with its unit."""
        one, many = self.units[unit]
        pattern = one if self.is_one(number) else many
        return pattern.format(self.with_noun(self.number(number), pattern.format("").strip()))

    def is_one(self, number: str) -> bool:
        """Whether what is counted stands in the singular."""
        return number == "1"

    def fraction(self, above: int, below: int) -> str:
        """A fraction below 1 in words."""
        if below in self.halves:
            return f"{self.with_noun(self.cardinal(above), self.halves[below][above > 1])} {self.halves[below][above > 1]}"
        return f"{self.cardinal(above)} {self.over} {self.cardinal(below)}"

    def mixed(self, whole: str, above: int, below: int) -> str:
        """A whole number and a fraction."""
        return f"{self.number(whole)} {self.and_a} {self.fraction(above, below)}"

    def telephone(self, text: str) -> str:
        """A telephone number: its digits, with a short pause between the groups."""
        return ", ".join(self.digits(group) for group in re.findall(r"\d+", text))

    # rules

    def read(self, text: str) -> str:
        """The text with everything in words that `rules` find."""
        for pattern, replace in self.rules:
            text = pattern.sub(replace, text)
        return text

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """What is replaced, in order."""
        from engines.text.spoken.common import shapes  # noqa: PLC0415 - it imports this module

        return (*self.first_rules(), *shapes.rules(self), *self.last_rules(), *shapes.plain_numbers(self))

    def first_rules(self) -> tuple[Rule, ...]:
        """The language's own rules before those of all."""
        return ()

    def last_rules(self) -> tuple[Rule, ...]:
        """The language's own rules behind those of all, except for plain numbers."""
        return ()
