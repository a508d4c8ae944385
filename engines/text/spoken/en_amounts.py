"""Spoken forms of English money, lengths in feet and units before a noun (``a 10 kg bag``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engines.text.spoken.common import cldr
from engines.text.spoken.common.language import Rule, any_of

if TYPE_CHECKING:
    from engines.text.spoken.en import English

_DETERMINERS = (
    "a|an|the|this|that|my|your|his|her|our|their|its|each|every|another|one|any|some|no|two|three|four|five|six|ten|several|[0-9]+"
)
_NOT_NOUNS = """in on at to of for from by and or but per a an the is are was were be been if than then now today daily each more less
    every off up down into over under with without away apart long wide tall high deep thick old left right ago later total only here there
    this that these those we i he she it they you not so as because when while before after again fast faster loud big out"""


def _article(found: re.Match[str]) -> bool:
    """Whether a quantity stands before a noun as an adjective does: ``a 10 kg bag``."""
    before = re.search(rf"(?i:(?<!\w)(?:{_DETERMINERS})) (?:[a-z]+ )?$", found.string[max(0, found.start() - 40) : found.start()])
    after = re.match(r"[ -]([a-z]+)", found.string[found.end() : found.end() + 40])
    return bool(before and after and after[1] not in _NOT_NOUNS.split())


def money(self: English) -> list[Rule]:
    """Amounts before a noun, rates and cents."""
    signs = any_of(cldr.CURRENCIES)
    words = any_of(self.magnitudes)
    amount = rf"(?P<sign>{signs}) ?(?P<n>{self.NUMBER})(?:(?P<m> ?(?:{words}))(?!\w))?"
    times = {
        "hr": "hour",
        "h": "hour",
        "mo": "month",
        "yr": "year",
        "y": "year",
        "wk": "week",
        "min": "minute",
        "d": "day",
        "sec": "second",
        "lb": "pound",
        "kg": "kilogram",
        "oz": "ounce",
        "gal": "gallon",
        "mi": "mile",
        "km": "kilometer",
        "pp": "person",
        "ea": "each",
        "sqft": "square foot",
        "m": "month",
        "l": "liter",
        "L": "liter",
        "s": "second",
    }

    def adjective(found: re.Match[str]) -> str:
        if not _article(found) or ("." in found["n"] and not found["m"]):
            return found.group()
        magnitude = self.magnitudes.get((found["m"] or "").strip(), (found["m"] or "").strip())
        return " ".join(filter(None, (self.number(found["n"]), magnitude, self.coin(found["sign"])[0])))

    return [
        (re.compile(rf"(?<![\w$]){amount}(?=[ -][a-z])"), adjective),
        (
            re.compile(rf"({amount})/(?P<per>{any_of(times)}|[a-z]+)(?!\w)"),
            lambda found: f"{self.amount(found['n'], found['sign'], found['m'] or '')} per {times.get(found['per'], found['per'])}",
        ),
        (re.compile(r"(?<![\w.,])([0-9]+) ?¢"), lambda found: f"{self.number(found[1])} {'cent' if found[1] == '1' else 'cents'}"),
        (re.compile(r"(?<![\w.,])([0-9]+(?:\.[0-9]+)?) ?p(?= (?:coin|stamp|piece))"), lambda found: f"{self.number(found[1])} pence"),
        (re.compile(rf"(?<=[0-9]) ?(?:dollars?|bucks) ?/ ?({any_of(times)})(?!\w)"), lambda found: f" dollars per {times[found[1]]}"),
    ]


def feet(self: English) -> list[Rule]:
    """Feet and inches, and units before a noun."""

    def inches(found: re.Match[str]) -> str:
        if found.string.count('"', 0, found.start()) % 2:
            return found.group()
        return f"{self.number(found[1])} {'inch' if found[1] == '1' or _article(found) else 'inches'}"

    def adjective(found: re.Match[str]) -> str:
        unit = found[2]
        if unit in self.units and (found.group()[len(found[1])] == "-" or _article(found)):
            return self.units[unit][0].format(self.number(found[1]))
        return found.group()

    units = any_of([unit for unit in self.units if unit not in ("in", "%")])
    return [
        (
            re.compile(r"""(?<![\w.,])([1-9][0-9]?)' ?(1[01]|[0-9])(?:"|''|(?![\w'"]))"""),
            lambda found: f"{self.cardinal(int(found[1]))} foot" + (f" {self.cardinal(int(found[2]))}" if int(found[2]) else ""),
        ),
        (
            re.compile(r"(?<![\w.,])([1-9][0-9]?)'(?![\w\"'])(?= (?:tall|wide|long|high|deep|by|x)|[.,;]?$)"),
            lambda found: f"{self.number(found[1])} feet",
        ),
        (re.compile(rf"""(?<![\w.,])({self.NUMBER})"(?!\w)"""), inches),
        (re.compile(rf"(?<![\w.,])({self.NUMBER})[ -]?({units})(?![\w²³'/]|\.\w)"), adjective),
        (
            re.compile(
                rf"(?<![\w.,])({self.NUMBER}) in(?:\.(?= [a-z])|(?= (?:long|wide|tall|high|deep|thick|by|x|of|across|apart|shorter|taller)|[.,;]$))"
            ),
            lambda found: f"{self.number(found[1])} {'inch' if found[1] == '1' else 'inches'}",
        ),
        (re.compile(r"(?<=[0-9]) ?(?:★|⭐)(?= ?rated)"), lambda _: " star"),
        (re.compile(r"(?<=[0-9]) ?★"), lambda _: " stars"),
    ]
