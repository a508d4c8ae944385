"""Spoken forms of Mandarin."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from engines.text.spoken.common import cldr
from engines.text.spoken.common.language import Language, Rule, any_of, table

_DIGITS = "零一二三四五六七八九"
_TWO_BEFORE = "个本次只条张件位名天年周小分倍块杯瓶碗双对种家层排句段页台辆部座间套把棵朵片门支米公里斤升美欧元点百千万亿岁"


def chinese(number: int) -> str:
    """A whole number: 200 is 两百, 2000 两千."""
    if number < 10_000:
        return _below_ten_thousand(number)
    for size, name in ((10**16, "京"), (10**12, "兆"), (10**8, "亿"), (10**4, "万")):
        if number >= size:
            high, low = divmod(number, size)
            said = ("两" if high == 2 else chinese(high)) + name
            return said + (("零" if low < size // 10 else "") + chinese(low) if low else "")
    return ""


def _below_ten_thousand(number: int) -> str:
    if number < 20:
        return ("十" + _DIGITS[number % 10] if number % 10 else "十") if number >= 10 else _DIGITS[number]
    said, gap = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            said += ("零" if gap and said else "") + ("两" if digit == 2 and size > 10 and not said else _DIGITS[digit]) + name
            gap = False
        else:
            gap = True
        if not number:
            break
    return said


class Mandarin(Language):
    """Mandarin."""

    tag, decimal, group, pairs, spaced, alphabetic = "zh", ".", ",", False, False, False
    point, minus, range_word, per, dot, at = "点", "负", "到", "每", "点", "艾特"
    over, ratio, and_a, by = "除以", "比", "又", "乘以"
    symbols = table("""& 和; @ 艾特; + 加; − 减; ± 正负; × 乘以; ÷ 除以; = 等于; ≠ 不等于; ≈ 约; < 小于; > 大于; ≤ 小于等于; ≥ 大于等于; → 到; √ 根号; ∞ 无穷大; # 编号; § 第; ² 的平方;
        ³ 的立方; % 百分比; ‰ 千分比; ° 度; ^ 的; ∕ 除以; π 派; ★ 星""")
    coins = {
        "USD": "美元",
        "EUR": "欧元",
        "GBP": "英镑",
        "JPY": "元",
        "INR": "卢比",
        "RUB": "卢布",
        "BRL": "雷亚尔",
        "KRW": "韩元",
        "CNY": "元",
    }
    unit_names = table("""km/h {0}公里每小时; m/s {0}米每秒; mph {0}英里每小时; kg {0}公斤; % 百分之{0}; °C {0}摄氏度; °F {0}华氏度; dB {0}分贝; Mbps {0}兆比特每秒; fps {0}帧每秒;
        GB {0} G B ; MB {0}兆; L {0}升; mAh {0}毫安时; g {0}克; m {0}米""")
    either, coordinators = "{b}或{n}", frozenset(("和", "或"))

    def cardinal(self, number: int) -> str:
        return chinese(number)

    def digits(self, text: str) -> str:
        return "".join(_DIGITS[int(digit)] for digit in text if digit.isdigit())

    def telephone(self, text: str) -> str:
        """With 幺 for one."""
        return "，".join(self.digits(group).replace("一", "幺") for group in re.findall(r"\d+", text))

    def number(self, text: str) -> str:
        whole, _, part = text.replace(",", "").partition(".")
        said = self.digits(whole) if (len(whole) > 1 and whole[0] == "0") or len(whole) > 16 else chinese(int(whole or "0"))
        return f"{said}点{self.digits(part)}" if part else said

    def year(self, number: int) -> str:
        return self.digits(str(number))

    def counted(self, text: str) -> str:
        """A number before what is counted: 2个 is 两个."""
        return "两" if text == "2" else self.number(text)

    def quantity(self, number: str, unit: str) -> str:
        pattern = self.units[unit][1].replace(" ", "") if unit != "GB" else self.units[unit][1]
        return pattern.format(self.number(number) if "分之" in pattern or not pattern.startswith("{0}") else self.counted(number))

    def amount(self, number: str, sign: str, magnitude: str = "") -> str:
        return f"{self.counted(number)}{magnitude}{self.coin(sign)[0]}"

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        said = ("两" if hour == 2 else chinese(hour)) + "点"
        if minute:
            said += ("零" if minute < 10 else "") + chinese(minute) + "分"
        elif second is None:
            said += ""
        return said + (chinese(second) + "秒" if second else "")

    def said_date(self, day: int, month: int, year: str) -> str:
        return f"{self.digits(year)}年{chinese(month)}月{chinese(day)}日"

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        number = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
        units, signs = any_of(self.units), any_of(cldr.CURRENCIES)

        def spelled(found: re.Match[str]) -> str:
            return f" {' '.join(found.group())} "

        table_of: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (
                r"(?<![\w.-])([0-9]{4})[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12][0-9]|3[01])(?![0-9/-])",
                lambda found: self.said_date(int(found[3]), int(found[2]), found[1]),
            ),
            (
                r"(?<![0-9.])([0-9]{4})(年?)\s*[-–—~至到]\s*([0-9]{4})(?=年)",
                lambda found: f"{self.digits(found[1])}{found[2]}到{self.digits(found[3])}",
            ),
            (r"(?<![0-9.])([12][0-9]{3}|[0-9]{2})(?=年(?!轻|级|龄|前|后|内|间|来|多|以))", lambda found: self.digits(found[1])),
            (r"(?<![0-9.])([0-9]0)(?=年代)", lambda found: chinese(int(found[1])) if found[1] != "00" else "零零"),
            (r"(?<![0-9.])([0-9][05])(?=后)", lambda found: self.digits(found[1])),
            (
                r"(?<![0-9.:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![0-9:])",
                lambda found: self.said_time(int(found[1]), int(found[2]), int(found[3]) if found[3] else None),
            ),
            (
                r"(?<![0-9.])(1[3-9][0-9]{9}|0[0-9]{2,3}-[0-9]{7,8}|1[3-9][0-9][- ][0-9]{4}[- ][0-9]{4}|[48]00-[0-9]{3,4}-[0-9]{3,4})(?![0-9])",
                lambda found: self.telephone(found[1]),
            ),
            (r"(?<=打|拨)(电话)?([0-9]{3,})(?![0-9]|[.,][0-9])", lambda found: (found[1] or "") + self.telephone(found[2])),
            (r"((?:电话|号码|密码|验证码)(?:是|为|：)?)([0-9]{3,})", lambda found: found[1] + self.digits(found[2]).replace("一", "幺")),
            (r"(?<=[0-9])\s*[-−–]\s*(?=[0-9.]+\s*=)", lambda _: "−"),
            (
                r"(?<![0-9.-])([0-9.,]+)(%|[个年月日天岁元块分米度]|°C)?\s*[-–—~〜～]\s*([0-9.,]+)(?=[^0-9-]|$)",
                lambda found: f"{found[1]}{found[2] or ''}到{found[3]}",
            ),
            (r"(?<![\w)])[-−](?=[0-9.]+ ?(?:度|°|摄氏))", lambda _: "零下"),
            (r"(?<![\w)])[-−](?=[0-9])", lambda _: "负"),
            (r"([0-9]+)/([0-9]+)(?![0-9/])", lambda found: f"{chinese(int(found[2]))}分之{chinese(int(found[1]))}"),
            (
                r"([0-9]*)([½⅓⅔¼¾⅛])",
                lambda found: (
                    (chinese(int(found[1])) + "又" if found[1] else "")
                    + dict(zip("½⅓⅔¼¾⅛", "二分之一 三分之一 三分之二 四分之一 四分之三 八分之一".split(), strict=True))[found[2]]
                ),
            ),
            (r"(?<![0-9])([0-9]+)[:：]([0-9]+)", lambda found: f"{chinese(int(found[1]))}比{chinese(int(found[2]))}"),
            (rf"({signs}) ?({number})([千万亿]*)", lambda found: f"{self.counted(found[2])}{found[3]}{self.coin(found[1])[0]}"),
            (
                rf"({number}) ?({any_of([sign for sign in cldr.CURRENCIES if not sign.isalpha()])})",
                lambda found: self.amount(found[1], found[2]),
            ),
            (rf"({number}) ?(%|‰)", lambda found: f"{'百' if found[2] == '%' else '千'}分之{self.number(found[1])}"),
            (rf"({number}) ?({units})(?![A-Za-z²³])", lambda found: self.quantity(found[1], found[2])),
            (r"第([0-9]+)", lambda found: f"第{chinese(int(found[1])).replace('两', '二')}"),
            (rf"(?<![0-9.])2(?=[{_TWO_BEFORE}](?!月|日|号))(?<!第2)(?!年级|月|点[0-9])", lambda _: "两"),
            (r"(?<![A-Za-z])[A-Z]{2,6}(?![A-Za-z])", spelled),
            (r"(?<=[A-Za-z0-9])\.(?=[A-Za-z]{2})", lambda _: " 点 "),
            (r"([0-9]+(?:\.[0-9]+){2,})", lambda found: "点".join(self.digits(part) for part in found[1].split("."))),
            (r"(?<!\w)π(?!\w)", lambda _: self.symbols["π"]),
            (number, lambda found: self.number(found.group())),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in table_of)


LANGUAGE = Mandarin()
