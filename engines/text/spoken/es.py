"""Spoken forms of Spanish."""

from __future__ import annotations

import re

from engines.text.spoken.common.language import Rule, table
from engines.text.spoken.common.romance import Romance

_MONTHS = "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre"


class Spanish(Romance):
    """Spanish of Spain and America."""

    tag, point, minus, range_word, per, dot, at = "es", "coma", "menos", "a", "por", "punto", "arroba"
    over, ratio, and_a, by = "sobre", "a", "y", "por"
    clock, oclock, hour_word, clock_signs = "{h} y {m}", "{h}", "horas?|h(?!\\w)|hs", ":h"
    date, month_year = "{d} de {m} de {y}", "{m} de {y}"
    halves = {
        2: ("medio", "medios"),
        3: ("tercio", "tercios"),
        4: ("cuarto", "cuartos"),
        5: ("quinto", "quintos"),
        6: ("sexto", "sextos"),
        7: ("séptimo", "séptimos"),
        8: ("octavo", "octavos"),
        9: ("noveno", "novenos"),
        10: ("décimo", "décimos"),
        100: ("centésimo", "centésimos"),
        1000: ("milésimo", "milésimos"),
    }
    one = ("uno", "un", "una")
    feminine_ends = (
        "a",
        "as",
        "ción",
        "ciones",
        "sión",
        "siones",
        "dad",
        "dades",
        "tad",
        "tades",
        "noche",
        "noches",
        "vez",
        "veces",
        "mujer",
        "mujeres",
        "calle",
        "calles",
        "clase",
        "clases",
        "parte",
        "partes",
    )
    masculine = frozenset(
        """día días mapa mapas problema problemas programa programas sistema sistemas tema temas idioma idiomas planeta
        planetas clima climas poema poemas kilogramas gramas sofá sofás yoga dilema dilemas diploma diplomas""".split()
    )
    symbols = table("""& y; @ arroba; + más; − menos; ± más o menos; × por; ÷ dividido por; = es igual a; ≠ no es igual a; ≈ unos;
        < menor que; > mayor que; ≤ como máximo; ≥ como mínimo; → a; √ raíz de; ∞ infinito; # número; § sección; ² al cuadrado; ³ al cubo;
        % por ciento; ‰ por mil; ° grados; ^ elevado a; ∕ sobre; π pi; ★ estrellas""")
    cents = {"*": ("centavo", "centavos"), "EUR": ("céntimo", "céntimos"), "GBP": ("penique", "peniques"), "JPY": ("", "")}
    money = "{b} con {n} {c}"
    coins = {
        "USD": "dólar|dólares",
        "EUR": "euro|euros",
        "GBP": "libra|libras",
        "JPY": "yen|yenes",
        "INR": "rupia|rupias",
        "RUB": "rublo|rublos",
        "BRL": "real|reales",
        "MXN": "peso|pesos",
        "SEK": "corona|coronas",
        "PHP": "peso|pesos",
        "BTC": "bitcoin|bitcoins",
    }
    magnitudes = {
        "M": "millones",
        "mill.": "millones",
        "k": "mil",
        "K": "mil",
        "mil": "mil",
        "millón": "millón",
        "millones": "millones",
        "billón": "billón",
        "billones": "billones",
        "mil millones": "mil millones",
    }
    unit_names = table("""h hora|horas; km/h kilómetro por hora|kilómetros por hora; dB decibelio|decibelios; Mbps megabit por segundo|megabits por segundo;
        mAh miliamperio hora|miliamperios hora; fps fotograma por segundo|fotogramas por segundo; kg kilo|kilos; CV caballo|caballos;
        min. minuto|minutos; seg segundo|segundos; km2 kilómetro cuadrado|kilómetros cuadrados""")
    abbreviations = table("""Sr señor~; Sra señora~; Srta señorita~; Sres señores~; Sras señoras~; Dr doctor~; Dra doctora~; D don~; Dña doña~; Prof profesor~;
        Profa profesora~; Lic licenciado~; Ing ingeniero~; Arq arquitecto~; Sto santo~; Sta santa~; Avda avenida~; Av avenida~; C calle~;
        Pza plaza~; Ctra carretera~; núm número~; n.º número~; nº número~; no número~; pág página~; págs páginas~; cap capítulo~; vol volumen~; art artículo~;
        etc etcétera; ej ejemplo~; p.ej por ejemplo~; Ud usted~; Uds ustedes~; Vd usted~; Vds ustedes~; tel teléfono~; aprox aproximadamente~;
        máx máximo; mín mínimo; a.C antes de Cristo; d.C después de Cristo; Cía compañía; depto departamento; dpto departamento; izq izquierda;
        dcha derecha; ed edición; Gral general~; Cap capitán~; Mons monseñor~; Fr fray~; min minutos; seg segundos; gob gobernador~""")
    ordinal_ends = r"\.?[ºª°](?!C|F)|er|ra|ro|do|da|to|ta"
    telephone_words = "llama(?:r|d|me)?|llame|teléfono|tel|marca|marque|marcar|número de teléfono"
    either, coordinators, suffixes = "{b} o {n}", frozenset(("y", "o")), {"+": " más", "++": " más más", "#": " sharp"}
    century_words = "siglos?|Siglos?"
    rulers = "Felipe|Carlos|Alfonso|Fernando|Enrique|Luis|Isabel|Juan|Pablo|Pío|Benedicto|Gregorio|León|Pedro|Sancho|Ramiro|Jaime|Jorge|Guillermo|Catalina|Napoleón|Francisco|Ricardo|Eduardo|Inocencio|Clemente|Alejandro|Nicolás"
    heads = "capítulo|parte|tomo|volumen|acto|escena|guerra mundial|fase|tipo|título|artículo|libro|nivel|sección|anexo|grupo"

    def ordinal(self, number: int, ending: str = "") -> str:
        said = re.sub(r"^vigesimo(?=\w)", "vigésimo ", super().ordinal(number))
        if ending.endswith(("ª", "ra", "da", "ta")):
            return re.sub(r"o\b", "a", said)
        return re.sub(r"(prim|terc)ero$", r"\1er", said) if ending in ("er", ".er") else said

    def with_noun(self, number: str, noun: str) -> str:
        said = super().with_noun(number, noun).replace("veintiun ", "veintiún ")
        said = re.sub("veintiun$", "veintiún", said)
        return re.sub("cientos(?= |$)(?! mil)", "cientas", said) if self.is_feminine(noun) and noun.endswith("s") else said

    def large(self, number: str, magnitude: str) -> str:
        return magnitude

    def of_many(self, magnitude: str) -> str:
        return "de " if magnitude.endswith(("llón", "llones")) else ""

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        h = "una" if hour in (1, 13) and hour == 1 else self.cardinal(hour)
        said = h if not minute else f"{h} y {self.cardinal(minute)}"
        return said if second is None else f"{said} y {self.cardinal(second)} segundos"

    def fraction(self, above: int, below: int) -> str:
        if below not in self.halves and below > 10:
            name = self.cardinal(below).replace(" ", "").removesuffix("o").removesuffix("e").removesuffix("a") + "avo"
            return f"{'un' if above == 1 else self.cardinal(above)} {name}{'s' if above > 1 else ''}"
        return super().fraction(above, below)

    def own_rules(self) -> tuple[Rule, ...]:
        def local_date(found: re.Match[str]) -> str:
            return f"{self.cardinal(int(found[1]))} de {found[2]}" + (f" de {self.cardinal(int(found[3]))}" if found[3] else "")

        def ordinal(found: re.Match[str]) -> str:
            return re.sub(r"(prim|terc)ero$", r"\1er", self.ordinal(int(found[1])))

        def half(found: re.Match[str]) -> str:
            return f"{'media' if self.is_feminine(found[1]) else 'medio'} {found[1]}"

        rules = [
            (r"(?<!\w)EE\. ?UU\.?", lambda _: "Estados Unidos"),
            (r"(?<!\w)(?:a|p)\. ?m\.", lambda found: "a eme" if found.group()[0] == "a" else "pe eme"),
            (r"(?<!\w)[nN]\.?[º°] ?(?=[0-9])", lambda _: "número "),
            (r"(?<!\w)p\. ?ej\.", lambda _: "por ejemplo"),
            (rf"(?<![\w.,/])(1?[0-9]|2[0-9]|3[01]) de ({_MONTHS})(?: (?:de|del) ([12][0-9]{{3}}))?(?!\w)", local_date),
            (r"(?<![\w.,])([0-9]+)\.?º(?= [a-zá-ú])", ordinal),
            (r"(?<![\w.,/])(?<![0-9] )1/2 ([a-zá-ú]+)", half),
            (
                r"(?<![\w.,/])([0-9]+)(?: 1/2|½)(?= ([a-zà-ÿ]+)|)",
                lambda found: f"{found[1]} y {'media' if self.is_feminine(found[2] or '') else 'medio'}",
            ),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)


LANGUAGE = Spanish()
