"""Spoken forms of Japanese: numbers in katakana, as they are read before each counter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property

from engines.text.spoken.common import cldr
from engines.text.spoken.common.language import Language, Rule, any_of, table

_DIGITS = "レー イチ ニ サン ヨン ゴ ロク ナナ ハチ キュー".split()
_TELEPHONE = "ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー".split()
_LETTERS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー キュー アール エス ティー ユー ブイ ダブリュー エックス ワイ ゼット".split(),
        strict=True,
    )
)
_LARGE = ((10**16, "ケー"), (10**12, "チョー"), (10**8, "オク"), (10**4, "マン"))
_DAYS = {
    1: "ツイタチ",
    2: "フツカ",
    3: "ミッカ",
    4: "ヨッカ",
    5: "イツカ",
    6: "ムイカ",
    7: "ナノカ",
    8: "ヨーカ",
    9: "ココノカ",
    10: "トオカ",
    14: "ジューヨッカ",
    20: "ハツカ",
    24: "ニジューヨッカ",
}
_THINGS = {
    1: "ヒトツ",
    2: "フタツ",
    3: "ミッツ",
    4: "ヨッツ",
    5: "イツツ",
    6: "ムッツ",
    7: "ナナツ",
    8: "ヤッツ",
    9: "ココノツ",
    10: "トオ",
}
_COUNTERS = table("""回 カイ; 個 コ; 階 カイ>ガイ; 軒 ケン>ゲン; か月 カゲツ; ヶ月 カゲツ; ヵ月 カゲツ; カ月 カゲツ; ヶ国 カコク; か国 カコク; 件 ケン; 巻 カン; 曲 キョク; 口 クチ;
    歳 サイ; 才 サイ; 冊 サツ; 週間 シューカン; 章 ショー; 隻 セキ; 足 ソク>ゾク; 節 セツ; 世紀 セーキ; 世帯 セタイ; 種類 シュルイ; 周 シュー; 周年 シューネン; 車線 シャセン;
    頭 トー; 通 ツー; 着 チャク; 丁目 チョーメ; 点 テン; 頂 チョー; 体 タイ; 店 テン; 通り トーリ; 本 ホン>ボン; 匹 ヒキ>ビキ; 杯 ハイ>バイ; 分 フン>プン; 泊 ハク>パク; 発 ハツ>パツ; 遍 ヘン>ベン;
    秒 ビョー; 台 ダイ; 枚 マイ; 名 メー; 倍 バイ; 度 ド; 番 バン; 号 ゴー; 位 イ; 円 エン; 時間 ジカン; 時 ジ; 月 ガツ; 年間 ネンカン; 年生 ネンセー; 年代 ネンダイ; 年 ネン; 人 ニン; 日間 ニチカン; 日 ニチ;
    ページ ページ; 代 ダイ; 億 オク; 段 ダン; 行 ギョー; 問 モン; 話 ワ; 羽 ワ; 組 クミ; 畳 ジョー; 割 ワリ; 条 ジョー; 項 コー; 級 キュー; 部 ブ; 班 ハン; 匁 モンメ; 膳 ゼン; 両 リョー; 輪 リン; 粒 ツブ; 回目 カイメ;
    つ ツ; 番目 バンメ; 人目 ニンメ; 日目 ニチメ; 年目 ネンメ; 時半 ジハン""")
_SOFTENED = str.maketrans("ハヒフヘホ", "パピプペポ")


def kana(number: int) -> str:
    """A whole number as it is read, in katakana."""
    if number == 0:
        return "ゼロ"
    said = ""
    for size, name in _LARGE:
        part, number = divmod(number, size)
        if part:
            before = _below_ten_thousand(part)
            if name in ("チョー", "ケー"):
                before = re.sub("イチ$", "イッ", re.sub("ハチ$", "ハッ", re.sub("ジュー$", "ジュッ", before)))
            said += ("イッセン" if before == "セン" else before) + name
    return said + (_below_ten_thousand(number) if number else "")


def _below_ten_thousand(number: int) -> str:
    said = ""
    for size, names in (
        (1000, {1: "セン", 3: "サンゼン", 8: "ハッセン"}),
        (100, {1: "ヒャク", 3: "サンビャク", 6: "ロッピャク", 8: "ハッピャク"}),
        (10, {1: "ジュー"}),
    ):
        digit, number = divmod(number, size)
        if digit:
            said += names.get(digit, _DIGITS[digit] + {1000: "セン", 100: "ヒャク", 10: "ジュー"}[size])
    return said + (_DIGITS[number] if number else "")


def counted(number: int, counter: str) -> str:
    """A number and its counter, in katakana: 6匹 → ロッピキ."""
    if counter in ("日", "日間", "日目") and number in _DAYS and (number > 1 or counter == "日"):
        return _DAYS[number] + {"日間": "カン", "日目": "メ"}.get(counter, "")
    if counter == "つ":
        return _THINGS.get(number, kana(number))
    if counter in ("人", "人目") and number in (1, 2):
        return ("ヒトリ", "フタリ")[number - 1] + ("メ" if counter == "人目" else "")
    if counter in ("歳", "才") and number == 20:
        return "ハタチ"
    name, _, hard = _COUNTERS[counter].partition(">")
    digit, said = number % 10, kana(number)
    last = said
    if number == 0 and counter in ("時", "度", "点", "分"):
        last = "レー"
    if digit == 4 and counter[0] in "時月年人":
        last = re.sub("ヨン$", "シ" if counter == "月" else "ヨ", said)
    elif digit == 7 and counter in ("時", "時半", "月"):
        last = re.sub("ナナ$", "シチ", said)
    elif digit == 9 and counter in ("時", "時間", "月", "時半"):
        last = re.sub("キュー$", "ク", said)
    elif name[0] in "カキクケコサシスセソタチツテトハヒフヘホ" and counter not in ("キロ", "代", "組", "口"):
        return _joined(number, said, name, hard)
    return last + name


def _joined(number: int, said: str, name: str, hard: str) -> str:
    """A number before a counter that begins with k, s, t or h."""
    digit, lips, palate = number % 10, name[0] in "ハヒフヘホ", name[0] in "カキクケコ"
    soft = name.translate(_SOFTENED) if lips else name
    doubled = name[:1].translate(_SOFTENED) + name[1:] if lips else name
    if digit == 1:
        return (
            re.sub("イチ$", "ッ", re.sub("イチ$", "イッ", said)).replace("ッッ", "ッ") + doubled if said.endswith("イチ") else said + name
        )
    if digit == 8:
        return re.sub("ハチ$", "ハッ", said) + doubled
    if digit == 6 and (lips or palate):
        return re.sub("ロク$", "ロッ", said) + doubled
    if digit == 3:
        return said + (hard or (soft if lips else name))
    if digit == 4 and lips and hard.startswith(("プ", "パ")):
        return said + hard
    if digit == 0 and said.endswith("ジュー"):
        return said[:-3] + "ジュッ" + doubled
    if digit == 0 and said.endswith("ヒャク") and (lips or palate):
        return said[:-1] + "ッ" + doubled
    if digit == 0 and said.endswith(("セン", "マン")) and lips:
        return said + hard
    return said + name


class Japanese(Language):
    """Japanese."""

    tag, decimal, group, pairs, spaced, alphabetic = "ja", ".", ",", False, False, False
    point, minus, range_word, per, dot, at = "テン", "マイナス", "から", "毎", "ドット", "アットマーク"
    over, ratio, and_a, by = "割る", "対", "と", "かける"
    symbols = table("""& アンド; @ アットマーク; + プラス; − マイナス; ± プラスマイナス; × かける; ÷ 割る; = イコール; ≠ ノットイコール; ≈ 約; < 小なり; > 大なり; ≤ 以下; ≥ 以上; → から;
        √ ルート; ∞ 無限大; # ナンバー; § セクション; ² の二乗; ³ の三乗; % パーセント; ‰ パーミル; ° 度; ^ の; ∕ 割る; π パイ; ★ 星""")
    coins = {
        "USD": "ドル",
        "EUR": "ユーロ",
        "GBP": "ポンド",
        "JPY": "円",
        "INR": "ルピー",
        "RUB": "ルーブル",
        "BRL": "レアル",
        "KRW": "ウォン",
    }
    unit_names = table("""°C {0}度; °F 華氏{0}度; ° {0}度; km/h 時速{0}キロメートル; dB {0}デシベル; % {0}パーセント; fps {0}フレーム毎秒; Mbps {0}メガビット毎秒; h {0}時間; min {0}分; s {0}秒; kg {0}キログラム;
        L {0}リットル; mAh {0}ミリアンペア時""")
    either, coordinators = "{b}または{n}", frozenset(("と", "または"))

    def cardinal(self, number: int) -> str:
        return kana(number)

    def digits(self, text: str) -> str:
        return "".join(_TELEPHONE[int(digit)] for digit in text if digit.isdigit())

    def number(self, text: str) -> str:
        whole, _, part = text.replace(",", "").partition(".")
        if (len(whole) > 1 and whole[0] == "0") or len(whole) > 16:
            return self.digits(whole)
        said = "レー" if part and whole == "0" else kana(int(whole or "0"))
        if part:  # 一点五 is イッテンゴ
            said = re.sub("ジュー$", "ジュッ", re.sub("ハチ$", "ハッ", re.sub("イチ$", "イッ", said)))
            return said + "テン" + "".join("ゼロ" if digit == "0" else _DIGITS[int(digit)] for digit in part)
        return said

    def telephone(self, text: str) -> str:
        return "、".join(self.digits(group) for group in re.findall(r"\d+", text))

    def quantity(self, number: str, unit: str) -> str:
        pattern = self.units[unit][1].replace(" ", "")
        head, _, tail = pattern.partition("{0}")
        whole = number.replace(",", "")
        return head + (counted(int(whole), tail) if tail in _COUNTERS and whole.isdigit() else self.number(number) + tail)

    def amount(self, number: str, sign: str, magnitude: str = "") -> str:
        return f"{self.number(number)}{_MAGNITUDES.get(magnitude, magnitude)}{self.coin(sign)[0]}"

    def said_time(self, hour: int, minute: int, second: int | None = None, half: str = "") -> str:
        said = counted(hour, "時") + (counted(minute, "分") if minute else "")
        return said + (counted(second, "秒") if second else "")

    def said_date(self, day: int, month: int, year: str) -> str:
        return counted(int(year), "年") + counted(month, "月") + counted(day, "日")

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        number = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
        counters, units, signs = any_of(_COUNTERS), any_of(self.units), any_of(cldr.CURRENCIES)
        large = "(?:十|百|千|万|億|兆)"

        def count(found: re.Match[str]) -> str:
            text, counter = found[1].replace(",", ""), found[2]
            if counter == "日" and text == "1" and not re.search("[月ツ]$", found.string[max(0, found.start() - 40) : found.start()]):
                return "イチニチ"
            if counter == "つ" and int(text) > 10:
                return kana(int(text)) + "つ"
            return counted(int(text), counter)

        def large_of(found: re.Match[str]) -> str:
            powers = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "億": 10**8, "兆": 10**12}
            text = found[1].replace(",", "")
            value = float(text) if "." in text else int(text)
            if isinstance(value, float):
                return (
                    self.number(text)
                    + "".join(kana(powers[one]).replace("イチ", "") for one in found[2])
                    + _COUNTERS.get(found[3] or "", "").partition(">")[0]
                )
            for one in found[2]:
                value *= powers[one]
            return counted(value, found[3]) if found[3] else kana(value)

        table_of: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (
                r"(?<![\w.-])([0-9]{4})[-/](0?[1-9]|1[0-2])[-/](0?[1-9]|[12][0-9]|3[01])(?![0-9/-])",
                lambda found: self.said_date(int(found[3]), int(found[2]), found[1]),
            ),
            (
                r"(?<![0-9.:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![0-9:])",
                lambda found: self.said_time(int(found[1]), int(found[2]), int(found[3]) if found[3] else None),
            ),
            (
                r"(?<![0-9.])(0[0-9]{1,4}[-ー− (][0-9]{1,4}[-ー− )][0-9]{3,4}|0[0-9]{9,10}|\+[0-9]{1,3}(?:[- ][0-9]{1,4}){2,4})(?![0-9])",
                lambda found: self.telephone(found[1]),
            ),
            (r"(?<=電話は|番号は)([0-9]{3,})(?![0-9]*[円人年])", lambda found: self.digits(found[1])),
            (r"(?<![0-9.])(110|119|104|117|177)(?=番|に(?:電話|通報))", lambda found: self.digits(found[1])),
            (rf"({number})(?= ?=|\s*[-−–]\s*[0-9]+\s*=)( ?[-−–] ?)(?=[0-9])", lambda found: f"{found[1]}−"),
            (r"(?<=[0-9])\s*[-−–]\s*(?=[0-9.]+\s*=)", lambda _: "−"),
            (
                rf"(?<![0-9.-])({number})(%|{counters})?(?:[-–—~〜～]|から)({number})(?=([^0-9-]|$))",
                lambda found: f"{found[1]}{found[2] or ''}から{found[3]}",
            ),
            (r"(?<![\w)])[-−](?=[0-9])", lambda _: "マイナス"),
            (r"([0-9]+)/([0-9]+)(?![0-9/])", lambda found: f"{kana(int(found[2]))}ブンノ{kana(int(found[1]))}"),
            (
                r"([½⅓⅔¼¾⅛])",
                lambda found: dict(
                    zip(
                        "½⅓⅔¼¾⅛",
                        "ニブンノイチ サンブンノイチ サンブンノニ ヨンブンノイチ ヨンブンノサン ハチブンノイチ".split(),
                        strict=True,
                    )
                )[found[1]],
            ),
            (r"([0-9]+):([0-9]+)", lambda found: f"{kana(int(found[1]))}タイ{kana(int(found[2]))}"),
            (rf"({signs}) ?({number})({large}*)", lambda found: f"{self.number(found[2])}{_kana_of(found[3])}{self.coin(found[1])[0]}"),
            (rf"({number})({large}+)({counters})?", large_of),
            (
                rf"({number}) ?({any_of([sign for sign in cldr.CURRENCIES if not sign.isalpha()])})",
                lambda found: self.amount(found[1], found[2]),
            ),
            (r"(?<![0-9.,])([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(" + counters + ")", count),
            (rf"({number}) ?({units})(?![A-Za-z²³])", lambda found: self.quantity(found[1], found[2])),
            (r"(?<![A-Za-z])[A-Z]{2,6}(?![A-Za-z])", lambda found: "".join(_LETTERS[letter] for letter in found.group())),
            (r"(?<![A-Za-z])[A-Z](?![A-Za-z.@'])", lambda found: _LETTERS[found.group()]),
            (r"(?<=[A-Za-z0-9])\.(?=[A-Za-z]{2})", lambda _: " ドット "),
            (r"(?<=[A-Za-z])@(?=[A-Za-z])", lambda _: " アットマーク "),
            (r"([0-9]+(?:\.[0-9]+){2,})", lambda found: "テン".join(kana(int(part)) for part in found[1].split("."))),
            (r"(?<!\w)π(?!\w)", lambda _: self.symbols["π"]),
            (number, lambda found: self.number(found.group())),
        ]
        return tuple((re.compile(pattern), replace) for pattern, replace in table_of)


_MAGNITUDES: Mapping[str, str] = {"K": "セン", "M": "ヒャクマン"}


def _kana_of(large: str) -> str:
    return (
        large.replace("万", "マン")
        .replace("億", "オク")
        .replace("兆", "チョー")
        .replace("千", "セン")
        .replace("百", "ヒャク")
        .replace("十", "ジュー")
    )


LANGUAGE = Japanese()
