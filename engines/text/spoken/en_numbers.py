"""Spoken forms of English dates, times, years, telephone numbers and other numbers of a shape of their own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engines.text.spoken.common import cldr
from engines.text.spoken.common.language import Rule

if TYPE_CHECKING:
    from engines.text.spoken.en import English

_SUFFIXES = "st|nd|rd|th"
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"


def dates(self: English) -> list[Rule]:
    """Dates with the name of a month, years, decades."""
    day, year = r"([1-9]|0[1-9]|[12][0-9]|3[01])", r"(?:,? ([12][0-9]{3})(?![\w-]|[.,:][0-9]))"

    def month_first(found: re.Match[str]) -> str:
        comma = "," if found[4] and "," in found.group() else ""
        return f"{found[1]} {self.ordinal(int(found[2]))}{comma}" + (f" {self.year(int(found[4]))}" if found[4] else "")

    def day_first(found: re.Match[str]) -> str:
        the = "" if re.search(r"(?i)\bthe $", found.string[max(0, found.start() - 40) : found.start()]) else "the "
        return f"{the}{self.ordinal(int(found[1]))} of {found[3]}" + (f" {self.year(int(found[4]))}" if found[4] else "")

    def range_of(found: re.Match[str]) -> str:
        return f"{found[1]} {self.ordinal(int(found[2]))} to {self.ordinal(int(found[3]))}"

    def month_day(found: re.Match[str]) -> str:
        month, day_ = int(found[2]), int(found[3])
        return f"{found[1]}{cldr.months('en')[month - 1]} {self.ordinal(day_)}" if month <= 12 and day_ <= 31 else found.group()

    def era(found: re.Match[str]) -> str:
        number = int(found[1])
        return (self.year(number) if number > 1000 else self.cardinal(number)) + " " + " ".join(re.findall("[A-Z]", found[2]))

    return [
        (re.compile(rf"(?<!\w)({MONTHS}) {day}[-–—]{day}(?!\w)"), range_of),
        (re.compile(rf"(?<!\w)({MONTHS}) {day}({_SUFFIXES})?{year}?(?![\w:%-]|[.,][0-9])"), month_first),
        (re.compile(rf"(?<![\w.,/-]){day}({_SUFFIXES})? (?:of )?({MONTHS}){year}?(?!\w)"), day_first),
        (re.compile(rf"(?<!\w)({MONTHS}),? ([12][0-9]{{3}})(?!\w)"), lambda found: f"{found[1]} {self.year(int(found[2]))}"),
        (re.compile(r"(?<!\w)((?:[Oo]n|[Ss]ince|[Uu]ntil|[Bb]y|[Dd]ue) )(1[0-2]|0?[1-9])/([12][0-9]|3[01]|0?[1-9])(?![\w/])"), month_day),
        (re.compile(r"(?<![\w.,])([1-9][0-9]{0,3}) ?((?:BC|AD|BCE|CE|B\.C\.|A\.D\.))(?!\w)"), era),
        (re.compile(r"(?<!\w)(AD) ([1-9][0-9]{0,3})(?!\w)"), lambda found: f"A D {self.year(int(found[2]))}"),
        (re.compile(r"(?<![\w.,])'?([0-9]{2}|[12][0-9]{3}|[0-9]{1,2}00)'?s(?!\w)"), lambda found: _decade(self, found[1])),
        (re.compile(r"(?<!\w)'([0-9]{2})(?![\w'\"])"), lambda found: self.year(1900 + int(found[1])).split(" ", 1)[1]),
        (
            re.compile(
                r"(?<![\w.,-])([12][0-9]{3})[-–]([0-9]{2})(?![\w-])(?= (?:season|school|academic|winter|campaign|budget|fiscal|year|term))"
            ),
            lambda found: f"{self.year(int(found[1]))} {self.cardinal(int(found[2]))}",
        ),
        (
            re.compile(r"(?<![\w.,-])([12][0-9]{3})[-–—]([12][0-9]{3})(?![\w-])"),
            lambda found: f"{self.year(int(found[1]))} to {self.year(int(found[2]))}",
        ),
        (
            re.compile(
                r"(?i:(?<!\w)(in|since|by|of|from|until|till|before|after|around|during|year|circa|late|early|mid) )([12][0-9]{3})"
                r"(?![\w%]|[.,:/-][0-9]| ?(?:[a-z]+s\b(?<!was)(?<!is)(?<!has)))"
            ),
            lambda found: f"{found[1]} {self.year(int(found[2]))}",
        ),
    ]


def _decade(self: English, digits: str) -> str:
    number = int(digits)
    if number % 100 == 0 and len(digits) > 2:
        return self.year(number) + "s" if number % 1000 else self.cardinal(number) + "s"
    said = self.year(number) if len(digits) > 2 else self.cardinal(number)
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def times(self: English) -> list[Rule]:
    """Times of the day with a.m. and p.m., and ranges of them."""
    half = r" ?([AaPp])\.?[Mm]\b\.?"

    def tail(found: re.Match[str]) -> str:
        rest = found.string[found.end() : found.end() + 40]
        return "." if found.group().endswith(".") and (not rest.strip() or re.match(r"\s+[A-Z]", rest)) else ""

    def clock(found: re.Match[str]) -> str:
        return self.said_time(int(found[1]), int(found[2] or 0), int(found[3]) if found[3] else None, found[4]) + tail(found)

    def range_of(found: re.Match[str]) -> str:
        whole = not found[2] and not found[3]
        begin = self.cardinal(int(found[1])) if whole else self.said_time(int(found[1]), int(found[2] or 0), None, found[3] or "")
        return f"{begin} to {self.said_time(int(found[4]), int(found[5] or 0), None, found[6] or '')}{tail(found)}"

    time = "([01]?[0-9]|2[0-4])(?::([0-5][0-9]))?"
    return [
        (re.compile(rf"(?<![\w.,:/-]){time}(?:{half})? ?[-–—] ?{time}{half}(?!\w)"), range_of),
        (
            re.compile(r"(?<![\w.,:/-])([01]?[0-9]|2[0-4]):([0-5][0-9]) ?[-–—] ?([01]?[0-9]|2[0-4]):([0-5][0-9])(?![\w:])"),
            lambda found: f"{self.said_time(int(found[1]), int(found[2]))} to {self.said_time(int(found[3]), int(found[4]))}",
        ),
        (re.compile(rf"(?<![\w.,:/-])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?{half}(?!\w)"), clock),
        (re.compile(rf"(?<![\w.,:/-])([01]?[0-9])()(){half}(?!\w)"), clock),
        (re.compile(r"(?<![\w.,:/-])([0-9]{1,2}):([0-5][0-9]) (?=o'clock|[Hh]ours)"), lambda found: f"{self.cardinal(int(found[1]))} "),
    ]


def numbers(self: English) -> list[Rule]:
    """Numbers that are read digit by digit, and others of a shape of their own."""
    words = "area code|zip code|zip|postcode|pin code|pin|code|password|passcode|otp|ssn|extension|ext|account|routing number|room|suite|box|agent|serial"

    def code(found: re.Match[str]) -> str:
        return found[1] + self.telephone(found[2]).replace(",", "")

    def scientific(found: re.Match[str]) -> str:
        power = self.ordinal(abs(int(found[2])))
        return f"{self.number(found[1])} times ten to the {'minus ' if found[2].startswith('-') else ''}{power}"

    return [
        (re.compile(r"(?<![\w.,])1-([89][0-9]{2})-(?=[A-Z])"), lambda found: f"one {self.digits(found[1][0])} hundred, "),
        (re.compile(r"(?<![\w.,])\([0-9]{3}\) ?[0-9]{3}[-. ][0-9]{4}(?![\w-])"), lambda found: self.telephone(found.group())),
        (re.compile(r"(?<=[=+×÷] )([0-9]+)([a-z])(?!\w)"), lambda found: f"{self.number(found[1])} {found[2].upper()}"),
        (
            re.compile(
                rf"(?i:((?<!\w)(?:{words})s?(?: (?:is|number|no\.?|ends in|was|in|are|:))*:? #?))([0-9]{{3,}}(?:[- ][0-9]{{2,}})*)(?![\w%]|[.,][0-9])"
            ),
            code,
        ),
        (re.compile(r"(?i:((?<!\w)(?:call|dial|text|phone|ring) (?:[0-9]{3} or )?))([0-9]{3,})(?![\w%]|[-.,/ ]+[0-9])"), code),
        (re.compile(r"(?i:(?<=call |dial ))([0-9]{3})(?= or)"), lambda found: self.digits(found[1])),
        (re.compile(r"(?<![\w.,-])()(911|988)(?=[^\w,.-]|[.,!?]?(?:\s|$))(?! [a-z]+s\b)"), code),
        (re.compile(r"(?<![\w.,/-])(555)-([0-9]{4})(?![\w-])"), lambda found: self.telephone(found.group())),
        (re.compile(r"(?<![\w.,/-])([0-9]{3})-(0[0-9]{3})(?![\w-])"), lambda found: self.telephone(found.group())),
        (re.compile(r"(?<![\w.,/-])([0-9]{3})-([0-9]{2})-([0-9]{4})(?![\w-])"), lambda found: self.telephone(found.group())),
        (re.compile(r"(?<![\w.,])(-?[0-9]+(?:\.[0-9]+)?)[eE]\+?(-?[0-9]{1,3})(?!\w)"), scientific),
        (re.compile(r"(?<![\w.,])([0-9]{3,4})p(?!\w)"), lambda found: f"{_screen(self, found[1])} P"),
        (re.compile(r"(?<![\w.,])([0-9]{1,2})([GKD])(?!\w)"), lambda found: f"{self.number(found[1])} {found[2]}"),
        (
            re.compile(r"(?<![\w.,])([0-9]+(?:\.[0-9]+)?) ?x ?([0-9]+(?:\.[0-9]+)?)(?: ?x ?([0-9]+))?(?!\w)(?! ?=)"),
            lambda found: " by ".join(self.number(one) for one in found.groups() if one),
        ),
        (re.compile(r"(?<![\w.,])([0-9]{3,})×([0-9]{3,})(?!\w)"), lambda found: f"{self.number(found[1])} by {self.number(found[2])}"),
        (re.compile(r"(?<![\w.,])([0-9]+(?:\.[0-9]+)?)[x×](?!\w)"), lambda found: f"{self.number(found[1])} times"),
        (
            re.compile(r"(?<![\w.,/])([1-9][0-9]?)/(5|10)(?= stars?\b)"),
            lambda found: f"{self.number(found[1])} out of {self.number(found[2])}",
        ),
        (
            re.compile(r"(?<![\w.,/-])(1[0-9]{2}|[0-9]{2})/([0-9]{2})(?![\w/])(?= mm|[.,!?]|$| (?:is|was|mmHg|and))"),
            lambda found: f"{self.number(found[1])} over {self.number(found[2])}",
        ),
        (re.compile(r"(?<![\w.,-])([a-z])-([0-9]+)(?= |[)\].,=]|$)"), lambda found: f"{found[1].upper()} minus {self.number(found[2])}"),
        (
            re.compile(r"(?<![\w.,-])([0-9]+) ?[-–−] ?([0-9]+)(?= (?:is|equals|makes|leaves) )"),
            lambda found: f"{self.number(found[1])} minus {self.number(found[2])}",
        ),
        (
            re.compile(r"(?<![\w.,-])([0-9]+(?:\.[0-9]+)?) - ([0-9]+(?:\.[0-9]+)?)(?![\w-])"),
            lambda found: f"{self.number(found[1])} minus {self.number(found[2])}",
        ),
        (
            re.compile(r"(?i:(?<=between ))([0-9]+(?:\.[0-9]+)?)[-–]([0-9]+(?:\.[0-9]+)?)(?![\w-])"),
            lambda found: f"{found[1]} and {found[2]}",
        ),
        (re.compile(r"(?<![\w.,$€£¥₹-])([0-9]{1,3})[-–]([0-9]{1,3})(?![\w-]|[.,][0-9]| ?=)"), lambda found: f"{found[1]} to {found[2]}"),
        (
            re.compile(
                r"(?<![\w./])(?<![0-9] )([a-z])(?= ?[+=×÷≤≥<>²³^] ?[\w(]|[²³])|(?<=[+=÷<>≤≥] )([a-z])(?!\w)|(?<=\+)([a-z])(?!\w)|(?<=[)0-9]/)([a-z])(?!\w)"
            ),
            lambda found: found.group().upper(),
        ),
        (re.compile(r"(?<=\))/"), lambda _: " over "),
        (re.compile(r"(?<![\w.,/])([0-9]+)/(?=[A-Za-z](?!\w))"), lambda found: f"{self.number(found[1])} over "),
        (
            re.compile(r"(?<![\w.,:])([0-9]{1,2}):([0-9]{1,2})(?= (?:video|ratio|screen|aspect|display|format|mix|scale|odds|model))"),
            lambda found: f"{self.number(found[1])} to {self.number(found[2])}",
        ),
    ]


def _screen(self: English, lines: str) -> str:
    return f"{self.cardinal(int(lines[:-2]))} {self.cardinal(int(lines[-2:]))}" if lines[-2:] != "00" else self.cardinal(int(lines))
