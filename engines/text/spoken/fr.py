"""Spoken forms of French."""

from __future__ import annotations

import re

from engines.text.spoken.common.language import Rule, any_of, table
from engines.text.spoken.common.romance import Romance

_MONTHS = "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"


class French(Romance):
    """French of France."""

    tag, point, minus, range_word, per, dot, at = "fr", "virgule", "moins", "à", "par", "point", "arobase"
    over, ratio, and_a, by = "sur", "à", "et", "par"
    clock, oclock, hour_word, clock_signs = "{h} heures {m}", "{h} heures", "heures?|min|h(?!\\w)", ":h"
    halves = {2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts")}
    one = ("un", "un", "une")
    feminine_ends = (
        "tion",
        "tions",
        "sion",
        "sions",
        "té",
        "tés",
        "ée",
        "ées",
        "ette",
        "ettes",
        "ence",
        "ances",
        "ance",
        "ille",
        "illes",
        "heure",
        "heures",
        "minute",
        "minutes",
        "seconde",
        "secondes",
        "semaine",
        "semaines",
        "fois",
        "personne",
        "personnes",
        "livre",
        "livres",
        "tonne",
        "tonnes",
        "once",
        "onces",
        "page",
        "pages",
        "tasse",
        "tasses",
        "maison",
        "maisons",
        "roupie",
        "couronne",
        "calorie",
        "année",
    )
    symbols = table("""& et; @ arobase; + plus; − moins; ± plus ou moins; × fois; ÷ divisé par; = égale; ≠ différent de; ≈ environ;
        < inférieur à; > supérieur à; ≤ au plus; ≥ au moins; → vers; √ racine de; ∞ l'infini; # numéro; § paragraphe; ² au carré; ³ au cube;
        % pour cent; ‰ pour mille; ° degrés; ^ puissance; ∕ sur; π pi; ★ étoiles""")
    cents = {
        "*": ("cent", "cents"),
        "EUR": ("centime", "centimes"),
        "CHF": ("centime", "centimes"),
        "GBP": ("penny", "pence"),
        "JPY": ("", ""),
    }
    coins = {
        "USD": "dollar|dollars",
        "EUR": "euro|euros",
        "GBP": "livre|livres",
        "JPY": "yen|yens",
        "INR": "roupie|roupies",
        "RUB": "rouble|roubles",
        "BRL": "réal|réaux",
        "CHF": "franc|francs",
        "SEK": "couronne|couronnes",
        "BTC": "bitcoin|bitcoins",
    }
    magnitudes = {
        "M": "millions",
        "Md": "milliards",
        "Mds": "milliards",
        "k": "mille",
        "K": "mille",
        "mille": "mille",
        "million": "million",
        "millions": "millions",
        "milliard": "milliard",
        "milliards": "milliards",
    }
    unit_names = table("""h heure|heures; kB kilooctet|kilooctets; MB mégaoctet|mégaoctets; GB gigaoctet|gigaoctets; TB téraoctet|téraoctets; ko kilooctet|kilooctets;
        Mo mégaoctet|mégaoctets; Go gigaoctet|gigaoctets; To téraoctet|téraoctets; dB décibel|décibels; Mbps mégabit par seconde|mégabits par seconde;
        mAh milliampère heure|milliampères heure; kWh kilowattheure|kilowattheures; mn minute|minutes; ch cheval|chevaux; mph mille par heure|milles par heure""")
    abbreviations = table("""M Monsieur~; MM Messieurs~; Dr docteur~; Pr professeur~; Prof professeur~; St saint~; Ste sainte~; av avenue~; bd boulevard~; bld boulevard~;
        Av avenue~; Bd boulevard~; pl place~; etc et cetera; ex exemple; p.ex par exemple~; env environ~; max maximum; min minimum; tél téléphone~; chap chapitre~;
        fig figure~; vol volume~; art article~; éd édition; apr après~; J.-C Jésus-Christ; cf confer~; Cie compagnie; dép département; Gal général~; Col colonel~;
        Cap capitaine~; Lt lieutenant~; janv janvier~; févr février~; juil juillet~; sept septembre~; oct octobre~; nov novembre~; déc décembre~; qqn quelqu'un; qqch quelque chose;
        c.-à-d c'est-à-dire~; hab habitants; p page~; pp pages~; lun lundi; mar mardi; mer mercredi; jeu jeudi; ven vendredi; sam samedi; dim dimanche""")
    ordinal_ends = "ers?|res?|ère|es?|ème|èmes|nde?"
    telephone_words = "appel(?:le|ez|er|le-moi)|téléphone|tél|numéro de téléphone|composez|compose"
    either, coordinators, suffixes = "{b} ou {n}", frozenset(("et", "ou")), {"+": " plus", "++": " plus plus", "#": " dièse"}
    century_words, rulers = (
        "siècles?",
        (
            "Louis|Charles|Henri|François|Philippe|Napoléon|Élisabeth|Elizabeth|Jean-Paul|Jean|Paul|Pie|Benoît|Grégoire|Léon|Clément|Innocent|"
            "Alexandre|Nicolas|Catherine|Guillaume|Édouard|George|Georges|Richard|Frédéric|Pierre|Albert|Léopold|Alphonse|Ramsès"
        ),
    )
    feminine_rulers = "Élisabeth|Elizabeth|Catherine|Marie"
    ruler_ordinals_to = 1
    heads = "chapitre|partie|tome|volume|acte|scène|guerre mondiale|phase|type|titre|article|livre|niveau|section|annexe|groupe"

    def cardinal(self, number: int) -> str:
        """With the hyphens of words, which no voice hears: quatre-vingt-dix."""
        return super().cardinal(number)

    def with_noun(self, number: str, noun: str) -> str:
        if re.search(r"(?<!\w)un$", number) and noun:
            return number[:-2] + ("une" if self.is_feminine(noun) else "un")
        return number

    def of_many(self, magnitude: str) -> str:
        return "d'" if magnitude.endswith(("lion", "lions", "liard", "liards")) else ""

    def amount(self, number: str, sign: str, magnitude: str = "") -> str:
        """Millions of something that does not begin with a vowel: de dollars."""
        return re.sub(r"d'(?![aeiouhéè])", "de ", super().amount(number, sign, magnitude))

    def is_one(self, number: str) -> bool:
        """Below two: 1,75 mètre."""
        return number.split(",", maxsplit=1)[0] in ("0", "1")

    def ordinal(self, number: int, ending: str = "") -> str:
        if number == 1:
            return "première" if ending in ("re", "res", "ère") else "premier"
        if number == 2 and ending.startswith("nd"):
            return "seconde" if ending == "nde" else "second"
        return super().ordinal(number)

    def century(self, value: int) -> str:
        return self.ordinal(value)

    def day(self, day: int) -> str:
        return "premier" if day == 1 else self.cardinal(day)

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        h = f"{'une' if hour == 1 else 'vingt et une' if hour == 21 else self.cardinal(hour)} heure{'s' if hour > 1 else ''}"
        said = f"{h} {self.cardinal(minute)}" if minute else h
        return said if second is None else f"{said} {self.cardinal(second)}"

    def fraction(self, above: int, below: int) -> str:
        one, many = self.halves.get(below, ("", ""))
        one = one or self.ordinal(below)
        return f"{self.cardinal(above)} {one if above == 1 else many or one + 's'}"

    def mixed(self, whole: str, above: int, below: int) -> str:
        return f"{self.number(whole)} et {'demi' if below == 2 else self.fraction(above, below)}"

    def own_rules(self) -> tuple[Rule, ...]:
        def local_date(found: re.Match[str]) -> str:
            day = "premier" if found[1].startswith("1e") or found[1] == "1" else self.cardinal(int(found[1]))
            return f"{day} {found[2]}" + (f" {self.cardinal(int(found[3]))}" if found[3] else "")

        def century(found: re.Match[str]) -> str:
            from engines.text.spoken.common.language import roman  # noqa: PLC0415

            value = roman(found[1])
            return self.ordinal(value, found[2]) if value else found.group()

        def metres(found: re.Match[str]) -> str:
            return f"{self.with_noun(self.cardinal(int(found[1])), 'mètre')} mètre{'s' if int(found[1]) > 1 else ''} {self.cardinal(int(found[2]))}"

        def half(found: re.Match[str]) -> str:
            noun = found[1]
            return f"une demi-{noun}" if self.is_feminine(noun) else f"un demi {noun}"

        titles = {
            "Mme": "Madame",
            "Mmes": "Mesdames",
            "Mlle": "Mademoiselle",
            "Mlles": "Mesdemoiselles",
            "Me": "Maître",
            "Mgr": "Monseigneur",
            "Ste": "Sainte",
            "St": "Saint",
            "Dr": "Docteur",
            "Pr": "Professeur",
            "Dre": "Docteure",
        }
        rules = [
            (rf"(?<!\w)({any_of(titles)})\.?(?= [A-ZÀ-Ý])", lambda found: titles[found[1]]),
            (r"(?<!\w)[Aa]v\. ?J\.?-?C\.", lambda _: "avant Jésus Christ"),
            (r"(?<!\w)[Aa]pr\. ?J\.?-?C\.", lambda _: "après Jésus Christ"),
            (r"(?<!\w)p\. ?ex\.", lambda _: "par exemple"),
            (r"(?<!\w)[nN][°º] ?(?=[0-9])", lambda _: "numéro "),
            (rf"(?<![\w.,/])(1er|1?[0-9]|2[0-9]|3[01]) ({_MONTHS})(?: ([12][0-9]{{3}}))?(?!\w)", local_date),
            (r"(?<!\w)([IVX]+)(ème|er|re|e)(?!\w)", century),
            (
                r"(?<![\w.,:/-])([01]?[0-9]|2[0-4]) ?h ?([0-5][0-9])(?: ?min)?(?!\w)",
                lambda found: self.said_time(int(found[1]), int(found[2])),
            ),
            (r"(?<![\w.,/])([1-9]),([0-9]{2}) ?m(?![\w²³/'])", metres),
            (r"(?<![\w.,/])([1-9]) ?m ?([0-9]{2})(?![\w²³/',])", metres),
            (r"(?<![\w.,/])(?<![0-9] )1/2 ([a-zà-ÿ]+)", half),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)


LANGUAGE = French()
