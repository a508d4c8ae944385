"""Spoken forms of Portuguese."""

from __future__ import annotations

import re

from num2words2 import num2words

from engines.text.spoken.common.language import Rule, table
from engines.text.spoken.common.romance import Romance

_MONTHS = "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"


class Portuguese(Romance):
    """Portuguese, as in Brazil."""

    tag, point, minus, range_word, per, dot, at = "pt", "vírgula", "menos", "a", "por", "ponto", "arroba"
    over, ratio, and_a, by = "sobre", "a", "e", "por"
    clock, hour_word, clock_signs = "{h} e {m}", "horas?|hs?(?!\\w)|min", ":h"
    date, month_year = "{d} de {m} de {y}", "{m} de {y}"
    halves = {
        2: ("meio", "meios"),
        3: ("terço", "terços"),
        4: ("quarto", "quartos"),
        5: ("quinto", "quintos"),
        6: ("sexto", "sextos"),
        7: ("sétimo", "sétimos"),
        8: ("oitavo", "oitavos"),
        9: ("nono", "nonos"),
        10: ("décimo", "décimos"),
        100: ("centésimo", "centésimos"),
    }
    one = ("um", "um", "uma")
    feminine_ends = (
        "a",
        "as",
        "ção",
        "ções",
        "são",
        "sões",
        "dade",
        "dades",
        "gem",
        "gens",
        "vez",
        "vezes",
        "noite",
        "noites",
        "mulher",
        "mulheres",
        "parte",
        "partes",
        "árvore",
        "árvores",
        "cidade",
        "cor",
        "cores",
        "flor",
        "flores",
    )
    masculine = frozenset(
        """dia dias mapa mapas problema problemas programa programas sistema sistemas tema temas idioma idiomas planeta planetas clima
        poema poemas quilograma quilogramas grama gramas miligrama miligramas cinema cinemas telefonema diploma""".split()
    )
    symbols = table("""& e; @ arroba; + mais; − menos; ± mais ou menos; × vezes; ÷ dividido por; = é igual a; ≠ diferente de; ≈ cerca de;
        < menor que; > maior que; ≤ no máximo; ≥ no mínimo; → para; √ raiz de; ∞ infinito; # número; § parágrafo; ² ao quadrado; ³ ao cubo;
        % por cento; ‰ por mil; ° graus; ^ elevado a; ∕ sobre; π pi; ★ estrelas""")
    cents = {"*": ("centavo", "centavos"), "EUR": ("cêntimo", "cêntimos"), "GBP": ("pêni", "pence"), "JPY": ("", "")}
    money = "{b} e {n} {c}"
    coins = {
        "USD": "dólar|dólares",
        "EUR": "euro|euros",
        "GBP": "libra|libras",
        "JPY": "iene|ienes",
        "INR": "rupia|rupias",
        "RUB": "rublo|rublos",
        "BRL": "real|reais",
        "MXN": "peso|pesos",
        "SEK": "coroa|coroas",
        "BTC": "bitcoin|bitcoins",
    }
    magnitudes = {
        "M": "milhões",
        "mi": "milhões",
        "bi": "bilhões",
        "k": "mil",
        "K": "mil",
        "mil": "mil",
        "milhão": "milhão",
        "milhões": "milhões",
        "bilhão": "bilhão",
        "bilhões": "bilhões",
        "trilhões": "trilhões",
        "trilhão": "trilhão",
    }
    unit_names = table("""h hora|horas; dB decibel|decibéis; Mbps megabit por segundo|megabits por segundo; mAh miliampere hora|miliamperes hora;
        kg quilo|quilos; fps quadro por segundo|quadros por segundo; seg segundo|segundos; hs hora|horas; cv cavalo|cavalos""")
    abbreviations = table("""Sr senhor~; Sra senhora~; Srta senhorita~; Srs senhores~; Dr doutor~; Dra doutora~; Drs doutores~; Prof professor~; Profa professora~;
        Profª professora~; Eng engenheiro~; D dona~; Sto santo~; Sta santa~; Av avenida~; R rua~; Pça praça~; Rod rodovia~; nº número~; n.º número~; núm número~;
        pág página~; págs páginas~; cap capítulo~; vol volume~; art artigo~; etc etcétera; ex exemplo~; p.ex por exemplo~; tel telefone~; aprox aproximadamente~;
        máx máximo; mín mínimo; a.C antes de Cristo; d.C depois de Cristo; Cia companhia; Ltda limitada; depto departamento; ed edição; Exmo excelentíssimo~;
        V.Exa vossa excelência; Gen general~; Cel coronel~; Cap capitão~; Gov governador~; min minutos; seg segundos; obs observação~""")
    ordinal_ends = r"\.?[ºª°](?!C|F)"
    telephone_words = "lig(?:ue|ar|a)|telefone|tel|disque|número de telefone"
    either, coordinators, suffixes = "{b} ou {n}", frozenset(("e", "ou")), {"+": " mais", "++": " mais mais", "#": " sharp"}
    century_words = "séculos?|Séculos?"
    rulers = "Pedro|João|Dom João|Manuel|Afonso|José|Luís|Carlos|Henrique|Filipe|Felipe|Maria|Isabel|Elizabeth|Paulo|Bento|Pio|Gregório|Leão|Napoleão|Jorge|Guilherme|Francisco|Ricardo|Eduardo|Sancho|Dinis"
    heads = "capítulo|parte|tomo|volume|ato|cena|guerra mundial|fase|tipo|título|artigo|livro|nível|seção|anexo|grupo"

    def cardinal(self, number: int) -> str:
        return str(num2words(number, lang="pt")).replace(",", "").replace("catorze", "quatorze")

    def with_noun(self, number: str, noun: str) -> str:
        if self.is_feminine(noun):
            number = re.sub(r"\bdois$", "duas", number)
            number = re.sub(r"(?<!\w)(\w*)(ent|int|hent)os(?= |$)(?! mil)", r"\1\2as", number) if noun.endswith("s") else number
        return super().with_noun(number, noun)

    def of_many(self, magnitude: str) -> str:
        return "de " if magnitude.endswith(("lhão", "lhões")) else ""

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        h = {1: "uma", 2: "duas", 21: "vinte e uma", 22: "vinte e duas"}.get(hour, self.cardinal(hour))
        said = f"{h} {'hora' if hour == 1 else 'horas'}" if not minute else f"{h} e {self.cardinal(minute)}"
        return said if second is None else f"{said} e {self.cardinal(second)} segundos"

    def ordinal(self, number: int, ending: str = "") -> str:
        said = super().ordinal(number)
        return re.sub(r"o\b", "a", said) if ending.endswith("ª") else said

    def fraction(self, above: int, below: int) -> str:
        if below not in self.halves:
            return f"{self.cardinal(above)} {self.cardinal(below)} avos"
        return super().fraction(above, below)

    def own_rules(self) -> tuple[Rule, ...]:
        def local_date(found: re.Match[str]) -> str:
            day = "primeiro" if found[1] in ("1", "1º") else self.cardinal(int(found[1].rstrip("º")))
            return f"{day} de {found[2]}" + (f" de {self.cardinal(int(found[3]))}" if found[3] else "")

        def half(found: re.Match[str]) -> str:
            return f"{'meia' if self.is_feminine(found[1]) else 'meio'} {found[1]}"

        rules = [
            (r"(?<!\w)[nN]\.?[º°] ?(?=[0-9])", lambda _: "número "),
            (r"(?<!\w)p\. ?ex\.", lambda _: "por exemplo"),
            (rf"(?<![\w.,/])(1?[0-9]º?|2[0-9]|3[01]) de ({_MONTHS})(?: de ([12][0-9]{{3}}))?(?!\w)", local_date),
            (r"(?<![\w.,/])(?<![0-9] )1/2 ([a-zá-ú]+)", half),
            (
                r"(?<![\w.,/])([0-9]+)(?: 1/2|½)(?= ([a-zà-ÿ]+)|)",
                lambda found: f"{found[1]} e {'meia' if self.is_feminine(found[2] or '') else 'meio'}",
            ),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)


LANGUAGE = Portuguese()
