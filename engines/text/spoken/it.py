"""Spoken forms of Italian."""

from __future__ import annotations

import re

from engines.text.spoken.common.language import Rule, table
from engines.text.spoken.common.romance import Romance

_MONTHS = "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre"


class Italian(Romance):
    """Italian."""

    tag, point, minus, range_word, per, dot, at = "it", "virgola", "meno", "a", "al", "punto", "chiocciola"
    over, ratio, and_a, by = "su", "a", "e", "per"
    clock, hour_word, clock_signs = "{h} e {m}", "ore?|h(?!\\w)", ":h"
    halves = {
        2: ("mezzo", "mezzi"),
        3: ("terzo", "terzi"),
        4: ("quarto", "quarti"),
        5: ("quinto", "quinti"),
        6: ("sesto", "sesti"),
        7: ("settimo", "settimi"),
        8: ("ottavo", "ottavi"),
        9: ("nono", "noni"),
        10: ("decimo", "decimi"),
    }
    one = ("uno", "un", "una")
    feminine_ends = ("a", "zione", "sione", "tà", "gione", "notte", "parte", "classe", "voce", "mano")
    masculine = frozenset("problema programma sistema tema clima poema pianeta chilogrammo grammo cinema diploma panorama".split())
    symbols = table("""& e; @ chiocciola; + più; − meno; ± più o meno; × per; ÷ diviso; = uguale a; ≠ diverso da; ≈ circa; < minore di;
        > maggiore di; ≤ al massimo; ≥ almeno; → a; √ radice di; ∞ infinito; # numero; § paragrafo; ² al quadrato; ³ al cubo; % per cento;
        ‰ per mille; ° gradi; ^ alla; ∕ su; π pi greco; ★ stelle""")
    cents = {"*": ("centesimo", "centesimi"), "GBP": ("penny", "pence"), "JPY": ("", "")}
    money = "{b} e {n} {c}"
    coins = {
        "USD": "dollaro|dollari",
        "EUR": "euro",
        "GBP": "sterlina|sterline",
        "JPY": "yen",
        "INR": "rupia|rupie",
        "RUB": "rublo|rubli",
        "BRL": "real|reais",
        "CHF": "franco|franchi",
        "SEK": "corona|corone",
        "BTC": "bitcoin",
    }
    magnitudes = {
        "M": "milioni",
        "mln": "milioni",
        "mld": "miliardi",
        "Mln": "milioni",
        "Mld": "miliardi",
        "k": "mila",
        "K": "mila",
        "mila": "mila",
        "milione": "milione",
        "milioni": "milioni",
        "miliardo": "miliardo",
        "miliardi": "miliardi",
    }
    unit_names = table("""h ora|ore; dB decibel; Mbps megabit al secondo; mAh milliampere ora; % per cento; m/s metro al secondo|metri al secondo; kg chilo|chili;
        fps fotogramma al secondo|fotogrammi al secondo; CV cavallo|cavalli; mph miglio orario|miglia orarie; sec secondo|secondi; mq metro quadrato|metri quadrati""")
    abbreviations = table("""Sig signor~; Sigg signori~; Dott dottor~; Dr dottor~; Prof professor~; Ing ingegner~; Avv avvocato~; Arch architetto~; Geom geometra~; Rag ragionier~;
        On onorevole~; Sen senatore~; Gen generale~; Col colonnello~; Cap capitano~; Mons monsignor~; S san~; V via~; P.zza piazza~; Pza piazza~; C.so corso~; n numero~;
        N numero~; nr numero~; num numero~; pag pagina~; pagg pagine~; cap capitolo~; vol volume~; art articolo~; fig figura~; ecc eccetera; es esempio~; p.es per esempio~;
        tel telefono~; ca circa~; max massimo; min minimo; a.C avanti Cristo; d.C dopo Cristo; Spett spettabile~; gent gentile~; Egr egregio~; ed edizione; cfr confronta~;
        dott dottor~; prof professor~; sig signor~; avv avvocato~; ing ingegner~; sec secondi; tot totale""")
    ordinal_ends = r"\.?[ºª°](?!C|F)"
    telephone_words = "chiam(?:a|i|ate|are|ami)|telefono|tel|numero di telefono|componi"
    either, coordinators, suffixes = "{b} o {n}", frozenset(("e", "o")), {"+": " più", "++": " più più", "#": " sharp"}
    century_words = "secol[oi]"
    rulers = "Luigi|Carlo|Enrico|Vittorio Emanuele|Emanuele|Umberto|Filippo|Elisabetta|Giovanni Paolo|Giovanni|Paolo|Pio|Benedetto|Gregorio|Leone|Clemente|Innocenzo|Alessandro|Nicola|Caterina|Guglielmo|Edoardo|Giorgio|Federico|Pietro|Napoleone|Francesco|Riccardo|Giulio|Sisto|Urbano|Bonifacio|Celestino"
    ruler_ordinals_to = 99
    heads = "capitolo|parte|tomo|volume|atto|scena|guerra mondiale|fase|tipo|titolo|articolo|libro|livello|sezione|allegato|gruppo"

    def century(self, value: int) -> str:
        return self.ordinal(value)

    def ordinal(self, number: int, ending: str = "") -> str:
        said = super().ordinal(number)
        return re.sub(r"o\b", "a", said) if ending.endswith("ª") else said

    def with_noun(self, number: str, noun: str) -> str:
        if number == "uno":
            return super().with_noun(number, noun)
        return number

    def large(self, number: str, magnitude: str) -> str:
        return magnitude

    def of_many(self, magnitude: str) -> str:
        return "di " if magnitude.endswith(("lione", "lioni", "liardo", "liardi")) else ""

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        h = "una" if hour == 1 else self.cardinal(hour)
        said = f"{h} e {self.cardinal(minute)}" if minute else h
        return said if second is None else f"{said} e {self.cardinal(second)} secondi"

    def day(self, day: int) -> str:
        return "primo" if day == 1 else self.cardinal(day)

    def fraction(self, above: int, below: int) -> str:
        one, many = self.halves.get(below, ("", ""))
        one = one or self.ordinal(below)
        return f"{'un' if above == 1 else self.cardinal(above)} {one if above == 1 else many or one[:-1] + 'i'}"

    def own_rules(self) -> tuple[Rule, ...]:
        def local_date(found: re.Match[str]) -> str:
            day = "primo" if found[1] in ("1", "1º", "1°") else self.cardinal(int(found[1].rstrip("º°")))
            return f"{day} {found[2]}" + (f" {self.cardinal(int(found[3]))}" if found[3] else "")

        def half(found: re.Match[str]) -> str:
            return f"{'mezza' if self.is_feminine(found[1]) else 'mezzo'} {found[1]}"

        rules = [
            (r"(?<!\w)Sig\.ra(?!\w)", lambda _: "signora"),
            (r"(?<!\w)Dott\.ssa(?!\w)", lambda _: "dottoressa"),
            (r"(?<!\w)Prof\.ssa(?!\w)", lambda _: "professoressa"),
            (r"(?<!\w)Sig\.na(?!\w)", lambda _: "signorina"),
            (r"(?<!\w)p\. ?es\.", lambda _: "per esempio"),
            (r"(?<!\w)n[°º] ?(?=[0-9])", lambda _: "numero "),
            (rf"(?<![\w.,/])(1?[0-9][º°]?|2[0-9]|3[01]) ({_MONTHS})(?: ([12][0-9]{{3}}))?(?!\w)", local_date),
            (r"(?<![\w.,/])(?<![0-9] )1/2 ([a-zà-ÿ]+)", half),
            (
                r"(?<![\w.,/])([0-9]+)(?: 1/2|½)(?= ([a-zà-ÿ]+)|)",
                lambda found: f"{found[1]} e {'mezza' if self.is_feminine(found[2] or '') else 'mezzo'}",
            ),
            (r"(?<!\w)gli anni '([0-9]0)", lambda found: "gli anni " + self.cardinal(int(found[1]))),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)


LANGUAGE = Italian()
