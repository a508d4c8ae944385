"""Spoken forms of Hindi."""

from __future__ import annotations

import re
from functools import cached_property

from engines.text.spoken.common.language import Language, Rule, table

_MONTHS = "जनवरी|फ़रवरी|फरवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितंबर|सितम्बर|अक्टूबर|अक्तूबर|नवंबर|नवम्बर|दिसंबर|दिसम्बर"
_LETTERS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "ए बी सी डी ई एफ़ जी एच आई जे के एल एम एन ओ पी क्यू आर एस टी यू वी डब्ल्यू एक्स वाई ज़ेड".split(),
        strict=True,
    )
)


class Hindi(Language):
    """Hindi, with lakhs and crores."""

    tag, decimal, group, pairs, alphabetic = "hi", ".", ",", False, False
    point, minus, range_word, per, dot, at = "दशमलव", "माइनस", "से", "प्रति", "डॉट", "ऐट"
    over, ratio, and_a, by = "बटा", "अनुपात", "सही", "गुणा"
    oclock, clock, hour_word = "{h} बजे", "{h} बजकर {m} मिनट", "बजे"
    date, month_year = "{d} {m} {y}", "{m} {y}"
    halves = {2: ("आधा", "आधा"), 3: ("तिहाई", "तिहाई"), 4: ("चौथाई", "चौथाई")}
    symbols = table("""& और; @ ऐट; + प्लस; − माइनस; ± प्लस माइनस; × गुणा; ÷ भाग; = बराबर; ≠ बराबर नहीं; ≈ लगभग; < से कम; > से अधिक; ≤ अधिकतम;
        ≥ कम से कम; → से; √ वर्गमूल; ∞ अनंत; # नंबर; § धारा; ² का वर्ग; ³ का घन; % प्रतिशत; ‰ प्रति हज़ार; ° डिग्री; ^ की घात; ∕ बटा; π पाई; ★ स्टार""")
    cents = {"*": ("सेंट", "सेंट"), "INR": ("पैसा", "पैसे"), "GBP": ("पेंस", "पेंस"), "JPY": ("", "")}
    named_cents = 100
    coins = {"USD": "डॉलर", "EUR": "यूरो", "GBP": "पाउंड", "JPY": "येन", "INR": "रुपया|रुपये", "RUB": "रूबल", "BRL": "रियाल"}
    magnitudes = {
        "k": "हज़ार",
        "K": "हज़ार",
        "M": "मिलियन",
        "हज़ार": "हज़ार",
        "हजार": "हज़ार",
        "लाख": "लाख",
        "करोड़": "करोड़",
        "अरब": "अरब",
        "Cr": "करोड़",
        "L": "लाख",
        "मिलियन": "मिलियन",
        "बिलियन": "बिलियन",
    }
    unit_names = table("""km/h किलोमीटर प्रति घंटा; kg किलोग्राम; किग्रा किलोग्राम; किमी किलोमीटर; सेमी सेंटीमीटर; मिमी मिलीमीटर; ग्रा ग्राम; मी मीटर; ° डिग्री; dB डेसिबल;
        Mbps मेगाबिट प्रति सेकंड; g ग्राम; m मीटर; mAh मिलीएम्पियर घंटे; GB जीबी; MB एमबी; TB टीबी""")
    abbreviations = table("""डॉ डॉक्टर~; श्री श्री~; प्रो प्रोफ़ेसर~; पं पंडित~; कु कुमारी~; सं संख्या~; रु रुपये; कि.मी किलोमीटर; कि.ग्रा किलोग्राम; ई.पू ईसा पूर्व; उदा उदाहरण~;
        Dr डॉक्टर~; Mr मिस्टर~; Mrs मिसेज़~; Prof प्रोफ़ेसर~""")
    ordinal_ends = "वाँ|वां|वीं|वें|ला|रा|री|रे|था|थी"
    telephone_words = "फ़ोन|फोन|नंबर|कॉल|डायल|मोबाइल|पिन|कोड"
    either, coordinators = "{b} या {n}", frozenset(("और", "या"))

    @cached_property
    def NUMBER(self) -> str:  # noqa: N802
        return r"(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"

    def cardinal(self, number: int) -> str:
        """With एक before a hundred, a thousand, a lakh and a crore."""
        said = re.sub(r"(?<![^ ])(सौ|हज़ार|लाख|करोड़)", r"\1", super().cardinal(number))
        words, found = said.split(), list[str]()
        for word in words:
            if word in ("सौ", "हज़ार", "लाख", "करोड़", "अरब") and (not found or found[-1] in ("हज़ार", "लाख", "करोड़", "अरब", "सौ")):
                found.append("एक")
            found.append(word)
        return " ".join(found)

    def year(self, number: int) -> str:
        """1947 → उन्नीस सौ सैंतालीस."""
        if 1100 <= number < 2000:
            rest = number % 100
            return f"{self.cardinal(number // 100)} सौ {self.cardinal(rest) if rest else ''}".rstrip()
        return self.cardinal(number)

    def ordinal(self, number: int, ending: str = "") -> str:
        irregular = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
        if number in irregular:
            return irregular[number] + {"ी": "ी", "े": "े"}.get(ending[-1:], "ी" if "ीं" in ending else "े" if "ें" in ending else "ा")
        return self.cardinal(number) + (ending if ending in ("वाँ", "वां", "वीं", "वें") else "वाँ")

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        said = f"{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट" if minute else f"{self.cardinal(hour)} बजे"
        return said if second is None else f"{said} {self.cardinal(second)} सेकंड"

    def fraction(self, above: int, below: int) -> str:
        if (above, below) == (3, 4):
            return "तीन चौथाई"
        if (above, below) == (1, 2):
            return "आधा"
        return (
            f"{self.cardinal(above)} {self.halves[below][0]}"
            if below in self.halves
            else f"{self.cardinal(above)} बटा {self.cardinal(below)}"
        )

    def mixed(self, whole: str, above: int, below: int) -> str:
        if (above, below) == (1, 2):
            return {"1": "डेढ़", "2": "ढाई"}.get(whole) or f"साढ़े {self.number(whole)}"
        return super().mixed(whole, above, below)

    def first_rules(self) -> tuple[Rule, ...]:
        def dated(found: re.Match[str]) -> str:
            return f"{self.cardinal(int(found[1]))} {found[2]}" + (f" {self.year(int(found[3]))}" if found[3] else "")

        rules = [
            (rf"(?<![\w.,/])([0-3]?[0-9]) ({_MONTHS})(?:,? ([12][0-9]{{3}}))?(?!\w)", dated),
            (r"(?<![\w.,])([1-9][0-9]{3})(?= (?:में|ई|से|तक|का|की|के))", lambda found: self.year(int(found[1]))),
            (r"(?<![\w.,/])([0-9]+):([0-9]{2}) बजे", lambda found: self.said_time(int(found[1]), int(found[2]))),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in rules)

    def last_rules(self) -> tuple[Rule, ...]:
        letters = re.compile(r"(?<![A-Za-z])[A-Z]{1,6}(?![A-Za-z])")
        return ((letters, lambda found: " ".join(_LETTERS[letter] for letter in found.group())),)


LANGUAGE = Hindi()
