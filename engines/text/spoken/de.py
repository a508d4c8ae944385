"""Spoken forms of German."""

from __future__ import annotations

import re

from engines.text.spoken.common.language import Language, Rule, roman, table

_MONTHS = "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_RULERS = """Ludwig Karl Heinrich Friedrich Wilhelm Otto Elisabeth Katharina Johannes Paul Pius Benedikt Gregor Leo Clemens Innozenz Alexander
Nikolaus Peter Philipp Georg Eduard Richard Napoleon Franz Joseph Leopold Maximilian Rudolf Charles Louis Henry Gustav Konrad Albrecht Ramses"""
_DATIVE = "am|vom|zum|beim|im|dem|den|des|der|ab dem|bis zum|seit dem|diesem|jedem|einem|unserem|meinem|seit|von"
_HEADS = "Kapitel|Teil|Band|Akt|Szene|Weltkrieg|Phase|Typ|Titel|Artikel|Buch|Stufe|Abschnitt|Anhang|Gruppe|Klasse|Block"


class German(Language):
    """German of Germany."""

    nouns_in_capitals = True
    tag, point, minus, range_word, per, dot, at, pairs = "de", "Komma", "minus", "bis", "pro", "Punkt", "ät", False
    over, ratio, and_a, by = "zu", "zu", "und", "mal"
    oclock, clock, hour_word, clock_signs = "{h} Uhr", "{h} Uhr {m}", "Uhr|h(?!\\w)", ":"
    date, month_year = "{d} {m} {y}", "{m} {y}"
    halves = {
        2: ("halb", "halbe"),
        3: ("Drittel", "Drittel"),
        100: ("Hundertstel", "Hundertstel"),
        1000: ("Tausendstel", "Tausendstel"),
        7: ("Siebtel", "Siebtel"),
    }
    symbols = table("""& und; @ ät; + plus; − minus; ± plus minus; × mal; ÷ geteilt durch; = gleich; ≠ ungleich; ≈ etwa; < kleiner als;
        > größer als; ≤ höchstens; ≥ mindestens; → zu; √ Wurzel aus; ∞ unendlich; # Nummer; § Paragraf; ² hoch zwei; ³ hoch drei; % Prozent;
        ‰ Promille; ° Grad; ^ hoch; ∕ durch; π Pi; ★ Sterne""")
    cents = {"*": ("Cent", "Cent"), "CHF": ("Rappen", "Rappen"), "GBP": ("Penny", "Pence"), "JPY": ("", "")}
    coins = {
        "USD": "Dollar",
        "EUR": "Euro",
        "GBP": "Pfund",
        "JPY": "Yen",
        "INR": "Rupie|Rupien",
        "RUB": "Rubel",
        "BRL": "Real|Reais",
        "CHF": "Franken",
        "SEK": "Krone|Kronen",
        "BTC": "Bitcoin",
        "TRY": "Lira",
        "PLN": "Zloty",
    }
    magnitudes = {
        "M": "Millionen",
        "Mio": "Millionen",
        "Mio.": "Millionen",
        "Mrd": "Milliarden",
        "Mrd.": "Milliarden",
        "k": "tausend",
        "K": "tausend",
        "Tsd.": "tausend",
        "tausend": "tausend",
        "Million": "Million",
        "Millionen": "Millionen",
        "Milliarde": "Milliarde",
        "Milliarden": "Milliarden",
        "Billionen": "Billionen",
    }
    unit_names = table("""h Stunde|Stunden; Std Stunde|Stunden; Std. Stunde|Stunden; Min. Minute|Minuten; Min Minute|Minuten; Sek. Sekunde|Sekunden; Sek Sekunde|Sekunden;
        dB Dezibel; Mbps Megabit pro Sekunde; mAh Milliamperestunde|Milliamperestunden; PS PS; fps Bild pro Sekunde|Bilder pro Sekunde; TL Teelöffel; EL Esslöffel;
        Wo. Woche|Wochen; Stk. Stück; qm Quadratmeter; kWh Kilowattstunde|Kilowattstunden; Wh Wattstunde|Wattstunden""")
    abbreviations = table("""Dr Doktor~; Prof Professor~; Hr Herr~; Hrn Herrn~; Fr Frau~; St Sankt~; Nr Nummer~; Tel Telefon~; Str Straße; ca circa~; bzw beziehungsweise~;
        usw und so weiter; etc et cetera; evtl eventuell~; ggf gegebenenfalls~; inkl inklusive~; exkl exklusive~; max maximal~; min minimal~; mind mindestens~; vgl vergleiche~;
        Abb Abbildung~; Kap Kapitel~; Bd Band~; Aufl Auflage; Hrsg Herausgeber; Jh Jahrhundert; Jhdt Jahrhundert; Jan Januar~; Feb Februar~; Aug August~; Sept September~; Sep September~;
        Okt Oktober~; Nov November~; Dez Dezember~; Mo Montag; Di Dienstag; Mi Mittwoch; Do Donnerstag; Sa Samstag; So Sonntag; geb geboren~; gest gestorben~; Ing Ingenieur~;
        Dipl Diplom~; sog sogenannte~; bspw beispielsweise~; zzgl zuzüglich~; abzgl abzüglich~; Art Artikel~; Abs Absatz~; S Seite~; zz zurzeit; Std Stunden; Min Minuten; Sek Sekunden;
        Mio Millionen~; Mrd Milliarden~; Tsd Tausend~; Gen General~; Hbf Hauptbahnhof; allg allgemein; ugs umgangssprachlich; österr österreichisch; dt deutsch""")
    telephone_words = "ruf(?:e|en|t)?(?: Sie)?(?: uns)?|wähle(?:n)?(?: Sie)?|telefon(?:nummer)?|tel|nummer"
    either, coordinators, suffixes = "{b} oder {n}", frozenset(("und", "oder")), {"+": " plus", "++": " plus plus", "#": " sharp"}

    def cardinal(self, number: int) -> str:
        return super().cardinal(number)

    def year(self, number: int) -> str:
        """1999 → neunzehnhundertneunundneunzig."""
        if 1100 <= number < 2000:
            rest = number % 100
            return f"{self.cardinal(number // 100)}hundert{self.cardinal(rest) if rest else ''}"
        return self.cardinal(number)

    def ordinal(self, number: int, ending: str = "") -> str:
        """``ending``: n after an article in the dative."""
        return super().ordinal(number) + ending

    def day(self, day: int) -> str:
        return self.ordinal(day, "n")

    def with_noun(self, number: str, noun: str) -> str:
        if number == "eins" and noun:
            return "eine" if noun.endswith(("e", "ung", "heit", "keit", "schaft")) and noun not in ("Zloty", "Junge", "Name") else "ein"
        return number

    def number(self, text: str) -> str:
        return super().number(text)

    def fraction(self, above: int, below: int) -> str:
        name = self.halves.get(below, ("", ""))[0] or self.cardinal(below) + ("stel" if below > 19 else "tel")
        name = name if below in self.halves else name[:1].upper() + name[1:]
        name = {"Achttel": "Achtel"}.get(name, name)
        return f"{'ein' if above == 1 else self.cardinal(above)} {name}"

    def mixed(self, whole: str, above: int, below: int) -> str:
        if below == 2:
            return "eineinhalb" if whole == "1" else f"{self.number(whole)}einhalb"
        return f"{self.number(whole)} {self.fraction(above, below)}"

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        h = "ein" if hour == 1 else self.cardinal(hour)
        said = f"{h} Uhr {self.cardinal(minute)}" if minute else f"{h} Uhr"
        return said if second is None else f"{said} und {self.cardinal(second)} Sekunden"

    def first_rules(self) -> tuple[Rule, ...]:
        def dated(found: re.Match[str]) -> str:
            ending = (
                "n"
                if re.search(rf"(?i:(?<!\w)(?:{_DATIVE}),? )$", found.string[max(0, found.start() - 40) : found.start()])
                or re.search(r", (?:den )?$", found.string[max(0, found.start() - 40) : found.start()])
                else "r"
            )
            if re.search(r"(?i:(?<!\w)(?:der|die|das) )$", found.string[max(0, found.start() - 40) : found.start()]):
                ending = ""
            month = f" {found[2]}" if found[2] else ""
            return self.ordinal(int(found[1]), ending) + month + (f" {self.year(int(found[3]))}" if found[3] else "")

        def numeric(found: re.Match[str]) -> str:
            day, month = int(found[1]), int(found[2])
            if not (1 <= day <= 31 and 1 <= month <= 12):
                return found.group()
            ending = "n" if re.search(rf"(?i:(?<!\w)(?:{_DATIVE}),? )$", found.string[max(0, found.start() - 40) : found.start()]) else "r"
            year = found[3]
            full = (int(year) if len(year) > 2 else int(year) + (2000 if int(year) < 50 else 1900)) if year else 0
            return f"{self.ordinal(day, ending)} {self.ordinal(month, ending)}" + (f" {self.year(full)}" if year else "")

        def ruler(found: re.Match[str]) -> str:
            value = roman(found[2])
            article = "die" if found[1] in ("Elisabeth", "Katharina", "Elizabeth") else "der"
            said = self.ordinal(value)
            return f"{found[1]} {article} {said[:1].upper()}{said[1:]}" if value else found.group()

        def head(found: re.Match[str]) -> str:
            value = roman(found[2])
            return f"{found[1]} {self.cardinal(value)}" if value else found.group()

        def half(found: re.Match[str]) -> str:
            noun = found[1]
            return (
                f"{'eine halbe' if self.with_noun('eins', noun) == 'eine' else 'ein halber' if noun in _MASCULINE else 'ein halbes'} {noun}"
            )

        rules = [
            (r"(?<!\w)[zZ]\. ?B\.", lambda found: "Zum Beispiel" if found.group()[0] == "Z" else "zum Beispiel"),
            (r"(?<!\w)[dD]\. ?h\.", lambda found: "Das heißt" if found.group()[0] == "D" else "das heißt"),
            (r"(?<!\w)u\. ?a\.", lambda _: "unter anderem"),
            (r"(?<!\w)u\. ?U\.", lambda _: "unter Umständen"),
            (r"(?<!\w)z\. ?T\.", lambda _: "zum Teil"),
            (r"(?<!\w)v\. ?a\.", lambda _: "vor allem"),
            (r"(?<!\w)o\. ?[äÄ]\.", lambda _: "oder Ähnliches"),
            (r"(?<!\w)i\. ?d\. ?R\.", lambda _: "in der Regel"),
            (r"(?<!\w)v\. ?Chr\.", lambda _: "vor Christus"),
            (r"(?<!\w)n\. ?Chr\.", lambda _: "nach Christus"),
            (r"(?<!\w)([A-ZÄÖÜ][a-zäöü]+)str\.(?!\w)", lambda found: f"{found[1]}straße"),
            (r"(?<!\w)([0-9]+) ?Mio\.(?!\w)", lambda found: f"{found[1]} Millionen"),
            (r"(?<!\w)([0-9]+) ?Mrd\.(?!\w)", lambda found: f"{found[1]} Milliarden"),
            (rf"(?<!\w)({'|'.join(_RULERS.split())}) ([IVX]+)\.?(?!\w)", ruler),
            (rf"(?<!\w)({_HEADS}) ([IVXLC]+)(?!\w)", head),
            (rf"(?<![\w.,])([0-3]?[0-9])\. ?({_MONTHS})(?: ([12][0-9]{{3}}))?(?!\w)", dated),
            (r"(?<![\w.,])([0-3]?[0-9])\. ?([01]?[0-9])\. ?([12][0-9]{3}|[0-9]{2})?(?![\w]|\.[0-9])(?<!\. )", numeric),
            (
                r"(?<![\w.,])([0-9]{1,3})\.()()(?= [a-zäöü]*[A-ZÄÖÜ][a-zäöü]+)(?!.{0,3}(?:Er|Sie|Es|Wir|Ich|Das|Der|Die|Und|Aber|Dann) )",
                dated,
            ),
            (r"(?<=am |om |um |en )([0-3]?[0-9])\.(?=\s*$)", lambda found: self.ordinal(int(found[1]), "n") + "."),
            (r"(?<![\w.,/])(?<![0-9] )1/2 ([A-ZÄÖÜ][a-zäöüß]+)", half),
            (r"(?<![\w.,])([0-9]+)er(?!\w)", lambda found: f"{self.year(int(found[1]))}er"),
            (r"(?<![\w.,])([0-9]+)-(?=[a-zäöüA-ZÄÖÜ])", lambda found: f"{self.number(found[1])} "),
            (r"(?<![\w.,:/-])([0-9]{1,2}):00 Uhr", lambda found: f"{self.said_time(int(found[1]), 0)}"),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)


_MASCULINE = frozenset("Liter Meter Kilometer Tag Monat Löffel Teelöffel Esslöffel Becher Apfel Euro Dollar Meter Zentimeter".split())

LANGUAGE = German()
