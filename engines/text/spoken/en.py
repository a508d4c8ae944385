"""Spoken forms of English."""

from __future__ import annotations

import re
from functools import cached_property

from engines.text.spoken import en_amounts, en_numbers
from engines.text.spoken.common.language import Language, Rule, any_of, roman, table
from engines.text.spoken.en_numbers import MONTHS

_ROYAL = """Elizabeth Henry Louis Charles George Edward William Richard James Mary Philip John Paul Benedict Pius Francis Gregory Leo
Clement Innocent Alexander Nicholas Peter Catherine Frederick Wilhelm Napoleon Ramses Ramesses Ptolemy Ferdinand Felipe Juan Carlos
Gustav Harald Margaret Victoria Anne Ivan Boris Robert David Malcolm Stephen Harold Henri Umberto Leopold Albert Christian Haakon
Olaf Otto Rudolf Maximilian Joseph Franz Thutmose Xerxes Darius Cyrus Artaxerxes Constantine Justinian Theodosius Urban Julius Sixtus
Boniface Celestine Martin Adrian Eugene Pedro Alfonso Isabella Sancho Afonso Christina Selim Murad Mehmed Suleiman Akbar Rama"""
_TITLES = "King Queen Pope Emperor Empress Tsar Czar Kaiser Prince Princess Sultan Pharaoh Duke Earl Lord Saint"
_HEADS = """World War|War|Chapter|Part|Act|Scene|Type|Super Bowl|Section|Phase|Volume|Book|Level|Stage|Class|Appendix|Title|Article|Grade|
Division|Category|Tier|Model|Mark|Episode|Season|Round|Unit|Lesson|Table|Figure|Step|Group|Block|Zone|Schedule|Vatican|Apollo"""
_SUFFIXES = "st|nd|rd|th"
_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
_DAYS = "Mon=Monday Tues=Tuesday Tue=Tuesday Wed=Wednesday Weds=Wednesday Thurs=Thursday Thur=Thursday Thu=Thursday Fri=Friday Sat=Saturday Sun=Sunday"


class English(Language):
    """American English, with British money."""

    tag, decimal, group, pairs = "en", ".", ",", False
    point, minus, range_word, per, dot, at, over, ratio, and_a, by = (
        *("point", "minus", "to", "per", "dot", "at", "over", "to", "and", "by"),
    )
    oclock, oh, day_first, date = "{h} o'clock", "oh", False, "{m} {d} {y}"
    halves = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    symbols = table("""& and; @ at; + plus; − minus; ± plus or minus; × times; ÷ divided by; = equals; ≠ is not; ≈ about; < less than;
        > greater than; ≤ at most; ≥ at least; → to; √ the square root of; ∞ infinity; # number; § section; ² squared; ³ cubed; % percent;
        ‰ per thousand; ° degrees; ★ star; ^ to the power of; π pi; ∑ the sum of; ∫ the integral of; ∂ partial; Δ delta; ∈ in; ∀ for all;
        ∃ there exists; ∴ therefore; ∝ is proportional to; ∪ union; ∩ intersection; ⊂ is a subset of; ∕ over; ∏ the product of""")
    cents = {"GBP": ("penny", "pence"), "*": ("cent", "cents"), "JPY": ("", ""), "INR": ("paisa", "paise")}
    money, named_cents = "{b} and {n} {c}", 100
    coins = {
        code: names.replace("_", " ")
        for code, _, names in (
            pair.partition("=")
            for pair in """USD=dollar|dollars EUR=euro|euros GBP=pound|pounds JPY=yen INR=rupee|rupees RUB=ruble|rubles KRW=won TRY=lira
            UAH=hryvnia|hryvnias ILS=shekel|shekels VND=dong THB=baht PHP=peso|pesos NGN=naira BTC=bitcoin|bitcoins SEK=krona|kroner
            PLN=zloty|zlotys CZK=koruna|korunas HUF=forint|forints BRL=real|reais""".split()
        )
    }
    magnitudes = {
        "k": "thousand",
        "K": "thousand",
        "M": "million",
        "m": "million",
        "mn": "million",
        "mil": "million",
        "MM": "million",
        "B": "billion",
        "b": "billion",
        "bn": "billion",
        "bil": "billion",
        "T": "trillion",
        "tn": "trillion",
    } | {word: word for word in ("hundred", "thousand", "million", "billion", "trillion")}
    unit_names = table("""h hour|hours; Mbps megabit per second|megabits per second; Gbps gigabit per second|gigabits per second;
        kbps kilobit per second|kilobits per second; fps frame per second|frames per second; rpm revolution per minute|revolutions per minute;
        bpm beat per minute|beats per minute; dB decibel|decibels; dBA decibel|decibels; A amp|amps; mAh milliamp hour|milliamp hours;
        Ah amp hour|amp hours; Wh watt hour|watt hours; MWh megawatt hour|megawatt hours; GWh gigawatt hour|gigawatt hours; kV kilovolt|kilovolts;
        mV millivolt|millivolts; kN kilonewton|kilonewtons; kΩ kilohm|kilohms; μF microfarad|microfarads; kt kiloton|kilotons;
        MB/s megabyte per second|megabytes per second; GB/s gigabyte per second|gigabytes per second; cc cubic centimeter|cubic centimeters;
        ft² square foot|square feet; μL microliter|microliters; kPa kilopascal|kilopascals; pcs piece|pieces; doz dozen|dozen; yds yard|yards;
        ins inch|inches; gals gallon|gallons; kgs kilogram|kilograms; kms kilometer|kilometers; kilos kilo|kilos; tbsps tablespoon|tablespoons;
        tsps teaspoon|teaspoons; lbs pound|pounds; kWh kilowatt hour|kilowatt hours; Mb megabit|megabits; THz terahertz""")
    abbreviations = table("""Dr Doctor~; Mr Mister~; Mrs Missus~; Ms Miz~; Prof Professor~; St Saint~; Gen General~; Sen Senator~;
        Gov Governor~; Sgt Sergeant~; Lt Lieutenant~; Capt Captain~; Maj Major~; Col Colonel~; Rev Reverend~; Rep Representative~; Hon Honorable~;
        Pres President~; Cmdr Commander~; Cpl Corporal~; Pvt Private~; Adm Admiral~; Supt Superintendent~; Fr Father~; Sr Senior; Jr Junior;
        Mt Mount~; Mts Mountains; Ft Fort~; Rd Road; Blvd Boulevard; Ave Avenue; Ln Lane; Hwy Highway; Pkwy Parkway; Sq Square; Apt Apartment~;
        vs versus~; etc etcetera; approx approximately~; dept department; Inc Incorporated; Ltd Limited; Co Company; Corp Corporation; Bros Brothers;
        est established~; max maximum; min minimum; avg average; temp temperature; misc miscellaneous; incl including~; excl excluding~;
        cf compare~; ca circa~; ed edition; eds editors; Univ University; Assn Association; Intl International; Natl National; Govt Government;
        a.k.a also known as~; i.e that is~; e.g for example~; et_al et al; viz namely~; ext extension~; tel telephone;
        Messrs Messieurs~; Mx Mix~; Esq Esquire; Ph.D P H D; Asst Assistant~; Dist District; Bldg Building; Fl Floor; Ste Suite~; Cir Circle""")
    either, coordinators = "{b} or {n}", frozenset(("and", "or"))
    suffixes = {"+": " plus", "++": " plus plus", "#": " sharp"}
    ordinal_ends = _SUFFIXES
    telephone_words = "call|calling|dial|phone|telephone|tel|fax|ring|sms|whatsapp|text"

    def cardinal(self, number: int) -> str:
        """Without "and", as Americans say it."""
        return super().cardinal(number).replace(" and ", " ")

    def ordinal(self, number: int, ending: str = "") -> str:
        return super().ordinal(number, ending).replace(",", "").replace(" and ", " ")

    def year(self, number: int) -> str:
        """1905 → nineteen oh five."""
        century, rest = divmod(number, 100)
        if not 1000 < number < 10_000 or number % 1000 < 10:
            return self.cardinal(number)
        return f"{self.cardinal(century)} {'hundred' if not rest else ('oh ' if rest < 10 else '') + self.cardinal(rest)}"

    def quantity_of(self, number: int) -> str:
        """1850 of something → eighteen hundred fifty."""
        century, rest = divmod(number, 100)
        if century % 10 and 10 < century < 100 and (century < 20 or not rest):
            return f"{self.cardinal(century)} hundred {self.cardinal(rest) if rest else ''}".rstrip()
        return self.cardinal(number)

    def digits(self, text: str) -> str:
        return " ".join(("zero one two three four five six seven eight nine".split())[int(digit)] for digit in text if digit.isdigit())

    def day(self, day: int) -> str:
        return self.ordinal(day)

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        said = self.cardinal(hour)
        if minute:
            said += (" oh " if minute < 10 else " ") + self.cardinal(minute)
        elif not half and second is None:
            said = f"{said} o'clock" if 0 < hour <= 12 else f"{said} hundred"
        if second is not None:
            said += f"{' oh oh' if not minute else ''}{' oh' if second < 10 else ''} {self.cardinal(second)}"
        return f"{said} {half.upper()} M" if half else said

    def fraction(self, above: int, below: int) -> str:
        one, many = self.halves.get(below, ("", ""))
        if not one:
            one = self.ordinal(below)
            many = one + "s"
        return f"{self.cardinal(above)} {one if above == 1 else many}"

    def mixed(self, whole: str, above: int, below: int) -> str:
        said = re.sub("^one ", "an " if below in (8, 11) else "a ", self.fraction(above, below))
        return f"{self.number(whole)} and {said}"

    def telephone(self, text: str) -> str:
        groups = re.findall(r"\d+", text)
        if len(groups) == 1 and len(groups[0]) == 10:
            groups = [groups[0][:3], groups[0][3:6], groups[0][6:]]
        said = [self.digits(group) for group in groups]
        if len(groups) > 2 and groups[0] == "1" and groups[1][1:] == "00":
            said[:2] = [f"one {self.digits(groups[1][0])} hundred"]
        return ", ".join(said)

    @cached_property
    def NUMBER(self) -> str:  # noqa: N802
        """With the groups of two of India too."""
        return r"(?:[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"

    def first_rules(self) -> tuple[Rule, ...]:
        return (
            *_letters(),
            *en_numbers.dates(self),
            *en_numbers.times(self),
            *en_numbers.numbers(self),
            *en_amounts.money(self),
            *en_amounts.feet(self),
            *_romans(self),
        )

    def last_rules(self) -> tuple[Rule, ...]:
        return tuple(
            (re.compile(pattern), replace)
            for pattern, replace in (
                (
                    r"(?<![\w.,])([1-9][0-9]{3})(?= ([a-z]+))",
                    lambda found: (
                        self.quantity_of(int(found[1]))
                        if (found[2].endswith("s") and found[2] not in ("was", "is", "has", "as", "this"))
                        or int(found[1]) < 1100
                        or int(found[1]) > 2100
                        else found[1]
                    ),
                ),
                (r"(?<![\w.,])([0-9]+)-(?=[a-z])", lambda found: f"{self.number(found[1])} "),
                (r"(?<=[0-9a-z])! ?(?=(?:is|equals|=|\+|−|×))", lambda _: " factorial "),
            )
        )


def _letters() -> list[Rule]:
    """Words that are written short without a dot, and letters with dots."""
    days = dict(pair.split("=") for pair in _DAYS.split())
    months = dict(zip("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), MONTHS.split("|"), strict=True))
    months["Sept"] = "September"
    day = any_of([*days])
    month = any_of([*months])

    def name(short: str) -> str:
        return days.get(short) or months.get(short) or short

    rules: list[tuple[str, object]] = [
        (
            r"(?<=[a-z]) St\.(?= [a-z]|[,;]|\s*$)",
            lambda found: " Street" + ("." if not found.string[found.end() : found.end() + 40].strip() else ""),
        ),
        (
            r"(?<=[a-z]) Dr\.(?= (?:is|was|and|in|at|to)\b|[,;]|\s*$)",
            lambda found: " Drive" + ("." if not found.string[found.end() : found.end() + 40].strip() else ""),
        ),
        (r"(?<!\w)[Nn][º°] ?(?=[0-9])", lambda _: "number "),
        (r"(?<!\w)w/o(?!\w)", lambda _: "without"),
        (r"(?<!\w)w/ ?(?=\w)", lambda _: "with "),
        (r"(?<!\w)b/c(?!\w)", lambda _: "because"),
        (r"(?<!\w)24/7(?!\w)", lambda _: "twenty four seven"),
        (r"(?<!\w)9/11(?!\w)", lambda _: "nine eleven"),
        (
            r"(?<![\w./])(Ctrl|Cmd|Alt|Shift|Control|Command) ?\+ ?(?=\w)",
            lambda found: {"Ctrl": "control", "Cmd": "command"}.get(found[1], found[1]) + " ",
        ),
        (
            r"(?<!\w)([A-Z])\.((?:[A-Z]\.)+)(?=\s+[A-Z]|\s*$)?",
            lambda found: (
                " ".join(re.findall("[A-Z]", found.group())) + ("." if not found.string[found.end() : found.end() + 40].strip() else "")
            ),
        ),
        (
            r"(?<!\w)Ph\.? ?D\b\.?",
            lambda found: (
                "P H D" + ("." if found.group().endswith(".") and not found.string[found.end() : found.end() + 40].strip() else "")
            ),
        ),
        (rf"(?<!\w)({day})\.?[-–—]({day})\b\.?", lambda found: f"{name(found[1])} to {name(found[2])}"),
        (rf"(?<!\w)({month}|{MONTHS})\.?[-–—]({month}|{MONTHS})\b\.?", lambda found: f"{name(found[1])} to {name(found[2])}"),
        (rf"(?<!\w)({day})(?:\.(?! *$)|(?=,? (?:{month}|{MONTHS}|[0-9]))|(?=,(?: |$))(?<!^Sat)(?<!^Sun))", lambda found: name(found[1])),
        (r"(?<!\w)(Mon|Tues?|Weds?|Thu(?:rs?)?|Fri|Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)(?=\. *$)", lambda found: name(found[1])),
        (
            rf"(?<!\w)({_SHORT})(?:\. ?(?=[0-9]|\S)|\.(?= )|(?= [0-9]))",
            lambda found: name(found[1]) + (" " if found.group().endswith(" ") else ""),
        ),
        (r"(?i:(?<!\w)(pp?|figs?|vols?|nos?|ch|sec|eq|ex|art|ver|v|ed|pt|app)\.) ?(?=[0-9])", lambda found: _numbered(found[1])),
        (r"(?<!\w)No (?=[0-9]+\b)", lambda _: "number "),
        (r"(?<!\w)(v|ver)(?=[0-9]+(?:\.[0-9]+)*\b)", lambda _: "version "),
        (r"(?<!\w)US(?= [a-z])(?<!told US)(?<!for US)(?<!of US)(?<!to US)(?<!with US)(?<!let US)(?<!at US)(?<!give US)", lambda _: "U S"),
        (r"(?<!\w)US(?=[.,!?]| [A-Z])(?<=the US)", lambda _: "U S"),
        (r"(?<!\w)JSON(?!\w)", lambda _: "Jason"),
        (r"(?<!\w)([A-Z]{2,4})s(?!\w)", lambda found: f"{' '.join(found[1][:-1])} {_PLURAL.get(found[1][-1], found[1][-1] + 's')}"),
        (r"(?<![\w)])/(?=[a-z]+ )", lambda _: ""),
    ]
    return [(re.compile(pattern), replace) for pattern, replace in rules]  # type: ignore[misc]


_PLURAL = dict(
    pair.split("=")
    for pair in """I=eyes D=Dees V=Vees C=sees T=tees P=peas B=bees E=ease O=owes F=effs L=ells M=ems N=ens R=ars S=esses U=yous G=jeez H=aitches J=jays
    K=kays Q=cues Y=whys Z=zees""".split()
)


def _numbered(short: str) -> str:
    names = {
        "p": "page",
        "pp": "pages",
        "fig": "figure",
        "figs": "figures",
        "vol": "volume",
        "vols": "volumes",
        "no": "number",
        "nos": "numbers",
        "ch": "chapter",
        "sec": "section",
        "eq": "equation",
        "ex": "example",
        "art": "article",
        "ver": "version",
        "v": "version",
        "ed": "edition",
        "pt": "part",
        "app": "appendix",
    }
    return names[short.lower()] + " "


def _romans(self: English) -> list[Rule]:
    heads, royal = "|".join(_HEADS.replace("\n", "").split("|")), "|".join(_ROYAL.split())
    titles = "|".join(_TITLES.split())

    def cardinal(found: re.Match[str]) -> str:
        value = roman(found[2])
        return f"{found[1]} {self.cardinal(value)}" if value else found.group()

    def ordinal(found: re.Match[str]) -> str:
        value = roman(found[2])
        return f"{found[1]} the {self.ordinal(value)}" if value else found.group()

    def century(found: re.Match[str]) -> str:
        value = roman(found[1])
        return self.ordinal(value) if value else found.group()

    return [
        (re.compile(rf"(?<!\w)((?i:{heads})) ([IVXLC]+|[ivx]+)(?!\w|'|\.\w)"), cardinal),
        (re.compile(r"(?<!\w)([IVX]+)(?= (?:century|dynasty|Dynasty|Olympi|edition))"), century),
        (re.compile(rf"(?<!\w)((?:{titles}) [A-Z]\w+(?: [A-Z]\w+)?) ([IVX]+)(?!\w|'[^s])"), ordinal),
        (re.compile(rf"(?<!\w)((?:{royal})) ([IVX]{{2,}}|V|X)(?!\w|\.\w)"), ordinal),
        (re.compile(r"(?<!\w)([A-Z][a-z]+) (I{2,3}|IV|VI{1,3}|IX|XI{1,3}|XIV|XVI{0,3})(?!\w|\.\w)"), cardinal),
    ]


LANGUAGE = English()
