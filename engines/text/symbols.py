"""Spoken forms of symbols, units and currencies in each language.

A table holds ``symbol name`` entries separated by semicolons, and ``singular|plural`` where they differ. ``{b}`` and ``{n}`` stand for the
text before and behind a symbol where a language does not simply say the name in its place, ``{u}`` for the name of the unit. Unit names
follow the SI brochure and the long forms of Unicode's CLDR. In a language without a table, symbols are silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Words:
    """The spoken forms of one language."""

    symbols: Mapping[str, str]
    """Symbol → what is said in its place."""
    patterns: Mapping[str, str]
    """Construction → how it is said: power, range, mixed (a whole number and a fraction), either and per (the slash), money."""
    currencies: Mapping[str, str]
    """Sign, written before or after an amount → name, said after it."""
    units: Mapping[str, str]
    """Unit → name, said after a number."""
    magnitudes: tuple[str, ...]
    """Words that belong to an amount: ``$5 million`` is said as ``5 million dollars``."""
    coordinators: frozenset[str]
    """Words next to which a slash is silent: ``and/or``."""
    spaced: bool = True
    """Whether words are written with spaces between them."""


def _table(text: str) -> dict[str, str]:
    entries = (entry.strip().split(" ", 1) for entry in text.split(";"))
    return {symbol: name.strip() for symbol, name in entries}


_TABLES = {
    "en": (
        """& and; @ at; + plus; − minus; ± plus or minus; × times; ÷ divided by; = equals; ≠ is not; ≈ about; < less than;
        > greater than; ≤ at most; ≥ at least; → to; √ root; ∞ infinity; # number; § section; ² squared; ³ cubed; ½ one half;
        ¼ one quarter; ¾ three quarters; ⅓ one third; ⅔ two thirds; % percent; ‰ per thousand; ° degrees""",
        """power {b} to the power of {n}; range {b} to {n}; mixed {b} and {n}; either {b} or {n}; per {b} per {n}; money {b} {u} {n}""",
        """$ dollar|dollars; € euro|euros; £ pound|pounds; ¥ yen; ₹ rupee|rupees; R$ real|reais""",
        """km/h kilometre per hour|kilometres per hour; m/s metre per second|metres per second; mph mile per hour|miles per hour;
        km² square kilometre|square kilometres; m² square metre|square metres; m³ cubic metre|cubic metres;
        km kilometre|kilometres; m metre|metres; cm centimetre|centimetres; mm millimetre|millimetres; μm micrometre|micrometres;
        kg kilogram|kilograms; g gram|grams; mg milligram|milligrams; lb pound|pounds; ft foot|feet; l litre|litres;
        ml millilitre|millilitres; h hour|hours; min minute|minutes; s second|seconds; ms millisecond|milliseconds;
        kWh kilowatt hour|kilowatt hours; kW kilowatt|kilowatts; W watt|watts; V volt|volts; Hz hertz; kHz kilohertz;
        MHz megahertz; GHz gigahertz; kB kilobyte|kilobytes; MB megabyte|megabytes; GB gigabyte|gigabytes; TB terabyte|terabytes;
        °C degree Celsius|degrees Celsius; °F degree Fahrenheit|degrees Fahrenheit; ° degree|degrees; % percent; ‰ per thousand""",
        "thousand million billion trillion",
        "and or",
    ),
    "es": (
        """& y; @ arroba; + más; − menos; ± más o menos; × por; ÷ dividido por; = es igual a; ≠ no es igual a; ≈ unos; < menor que;
        > mayor que; ≤ como máximo; ≥ como mínimo; → a; √ raíz de; ∞ infinito; # número; § sección; ² al cuadrado; ³ al cubo;
        ½ un medio; ¼ un cuarto; ¾ tres cuartos; ⅓ un tercio; ⅔ dos tercios; % por ciento; ‰ por mil; ° grados""",
        """power {b} elevado a {n}; range {b} a {n}; mixed {b} y {n}; either {b} o {n}; per {b} por {n}; money {b} {u} con {n}""",
        """$ dólar|dólares; € euro|euros; £ libra|libras; ¥ yen|yenes; ₹ rupia|rupias; R$ real|reales""",
        """km/h kilómetro por hora|kilómetros por hora; m/s metro por segundo|metros por segundo; mph milla por hora|millas por hora;
        km² kilómetro cuadrado|kilómetros cuadrados; m² metro cuadrado|metros cuadrados; m³ metro cúbico|metros cúbicos;
        km kilómetro|kilómetros; m metro|metros; cm centímetro|centímetros; mm milímetro|milímetros; μm micrómetro|micrómetros;
        kg kilogramo|kilogramos; g gramo|gramos; mg miligramo|miligramos; lb libra|libras; ft pie|pies; l litro|litros;
        ml mililitro|mililitros; h hora|horas; min minuto|minutos; s segundo|segundos; ms milisegundo|milisegundos;
        kWh kilovatio hora|kilovatios hora; kW kilovatio|kilovatios; W vatio|vatios; V voltio|voltios; Hz hercio|hercios;
        kHz kilohercio|kilohercios; MHz megahercio|megahercios; GHz gigahercio|gigahercios; kB kilobyte|kilobytes;
        MB megabyte|megabytes; GB gigabyte|gigabytes; TB terabyte|terabytes; °C grado Celsius|grados Celsius;
        °F grado Fahrenheit|grados Fahrenheit; ° grado|grados; % por ciento; ‰ por mil""",
        "mil millón millones",
        "y o",
    ),
    "fr": (
        """& et; @ arobase; + plus; − moins; ± plus ou moins; × fois; ÷ divisé par; = égale; ≠ différent de; ≈ environ; < inférieur à;
        > supérieur à; ≤ au plus; ≥ au moins; → vers; √ racine de; ∞ l'infini; # numéro; § paragraphe; ² au carré; ³ au cube;
        ½ un demi; ¼ un quart; ¾ trois quarts; ⅓ un tiers; ⅔ deux tiers; % pour cent; ‰ pour mille; ° degrés""",
        """power {b} puissance {n}; range {b} à {n}; mixed {b} et {n}; either {b} ou {n}; per {b} par {n}; money {b} {u} {n}""",
        """$ dollar|dollars; € euro|euros; £ livre|livres; ¥ yen|yens; ₹ roupie|roupies; R$ réal|réaux""",
        """km/h kilomètre par heure|kilomètres par heure; m/s mètre par seconde|mètres par seconde;
        mph mille par heure|milles par heure; km² kilomètre carré|kilomètres carrés; m² mètre carré|mètres carrés;
        m³ mètre cube|mètres cubes; km kilomètre|kilomètres; m mètre|mètres; cm centimètre|centimètres; mm millimètre|millimètres;
        μm micromètre|micromètres; kg kilogramme|kilogrammes; g gramme|grammes; mg milligramme|milligrammes; lb livre|livres;
        ft pied|pieds; l litre|litres; ml millilitre|millilitres; h heure|heures; min minute|minutes; s seconde|secondes;
        ms milliseconde|millisecondes; kWh kilowattheure|kilowattheures; kW kilowatt|kilowatts; W watt|watts; V volt|volts;
        Hz hertz; kHz kilohertz; MHz mégahertz; GHz gigahertz; kB kilooctet|kilooctets; MB mégaoctet|mégaoctets;
        GB gigaoctet|gigaoctets; TB téraoctet|téraoctets; °C degré Celsius|degrés Celsius; °F degré Fahrenheit|degrés Fahrenheit;
        ° degré|degrés; % pour cent; ‰ pour mille""",
        "mille million millions milliard milliards",
        "et ou",
    ),
    "de": (
        """& und; @ at; + plus; − minus; ± plus minus; × mal; ÷ geteilt durch; = gleich; ≠ ungleich; ≈ etwa; < kleiner als;
        > größer als; ≤ höchstens; ≥ mindestens; → zu; √ Wurzel aus; ∞ unendlich; # Nummer; § Paragraf; ² hoch 2; ³ hoch 3;
        ½ ein halb; ¼ ein Viertel; ¾ drei Viertel; ⅓ ein Drittel; ⅔ zwei Drittel; % Prozent; ‰ Promille; ° Grad""",
        """power {b} hoch {n}; range {b} bis {n}; mixed {b} und {n}; either {b} oder {n}; per {b} pro {n}; money {b} {u} {n}""",
        """$ Dollar; € Euro; £ Pfund; ¥ Yen; ₹ Rupie|Rupien; R$ Real|Reais""",
        """km/h Kilometer pro Stunde; m/s Meter pro Sekunde; mph Meilen pro Stunde; km² Quadratkilometer; m² Quadratmeter;
        m³ Kubikmeter; km Kilometer; m Meter; cm Zentimeter; mm Millimeter; μm Mikrometer; kg Kilogramm; g Gramm; mg Milligramm;
        lb Pfund; ft Fuß; l Liter; ml Milliliter; h Stunde|Stunden; min Minute|Minuten; s Sekunde|Sekunden;
        ms Millisekunde|Millisekunden; kWh Kilowattstunde|Kilowattstunden; kW Kilowatt; W Watt; V Volt; Hz Hertz; kHz Kilohertz;
        MHz Megahertz; GHz Gigahertz; kB Kilobyte; MB Megabyte; GB Gigabyte; TB Terabyte; °C Grad Celsius; °F Grad Fahrenheit;
        ° Grad; % Prozent; ‰ Promille""",
        "tausend Million Millionen Milliarde Milliarden",
        "und oder",
    ),
    "it": (
        """& e; @ chiocciola; + più; − meno; ± più o meno; × per; ÷ diviso; = uguale a; ≠ diverso da; ≈ circa; < minore di;
        > maggiore di; ≤ al massimo; ≥ almeno; → a; √ radice di; ∞ infinito; # numero; § paragrafo; ² al quadrato; ³ al cubo;
        ½ un mezzo; ¼ un quarto; ¾ tre quarti; ⅓ un terzo; ⅔ due terzi; % per cento; ‰ per mille; ° gradi""",
        """power {b} alla {n}; range {b} a {n}; mixed {b} e {n}; either {b} o {n}; per {b} a {n}; money {b} {u} e {n}""",
        """$ dollaro|dollari; € euro; £ sterlina|sterline; ¥ yen; ₹ rupia|rupie; R$ real|reais""",
        """km/h chilometro orario|chilometri orari; m/s metro al secondo|metri al secondo; mph miglio orario|miglia orarie;
        km² chilometro quadrato|chilometri quadrati; m² metro quadrato|metri quadrati; m³ metro cubo|metri cubi;
        km chilometro|chilometri; m metro|metri; cm centimetro|centimetri; mm millimetro|millimetri; μm micrometro|micrometri;
        kg chilogrammo|chilogrammi; g grammo|grammi; mg milligrammo|milligrammi; lb libbra|libbre; ft piede|piedi; l litro|litri;
        ml millilitro|millilitri; h ora|ore; min minuto|minuti; s secondo|secondi; ms millisecondo|millisecondi; kWh chilowattora;
        kW chilowatt; W watt; V volt; Hz hertz; kHz chilohertz; MHz megahertz; GHz gigahertz; kB kilobyte; MB megabyte;
        GB gigabyte; TB terabyte; °C grado Celsius|gradi Celsius; °F grado Fahrenheit|gradi Fahrenheit; ° grado|gradi; % per cento;
        ‰ per mille""",
        "mila milione milioni miliardo miliardi",
        "e o",
    ),
    "pt": (
        """& e; @ arroba; + mais; − menos; ± mais ou menos; × vezes; ÷ dividido por; = é igual a; ≠ diferente de; ≈ cerca de;
        < menor que; > maior que; ≤ no máximo; ≥ no mínimo; → para; √ raiz de; ∞ infinito; # número; § parágrafo; ² ao quadrado;
        ³ ao cubo; ½ meio; ¼ um quarto; ¾ três quartos; ⅓ um terço; ⅔ dois terços; % por cento; ‰ por mil; ° graus""",
        """power {b} elevado a {n}; range {b} a {n}; mixed {b} e {n}; either {b} ou {n}; per {b} por {n}; money {b} {u} e {n}""",
        """$ dólar|dólares; € euro|euros; £ libra|libras; ¥ iene|ienes; ₹ rupia|rupias; R$ real|reais""",
        """km/h quilômetro por hora|quilômetros por hora; m/s metro por segundo|metros por segundo;
        mph milha por hora|milhas por hora; km² quilômetro quadrado|quilômetros quadrados; m² metro quadrado|metros quadrados;
        m³ metro cúbico|metros cúbicos; km quilômetro|quilômetros; m metro|metros; cm centímetro|centímetros;
        mm milímetro|milímetros; μm micrômetro|micrômetros; kg quilograma|quilogramas; g grama|gramas; mg miligrama|miligramas;
        lb libra|libras; ft pé|pés; l litro|litros; ml mililitro|mililitros; h hora|horas; min minuto|minutos; s segundo|segundos;
        ms milissegundo|milissegundos; kWh quilowatt-hora|quilowatts-hora; kW quilowatt|quilowatts; W watt|watts; V volt|volts;
        Hz hertz; kHz quilohertz; MHz mega-hertz; GHz giga-hertz; kB quilobyte|quilobytes; MB megabyte|megabytes;
        GB gigabyte|gigabytes; TB terabyte|terabytes; °C grau Celsius|graus Celsius; °F grau Fahrenheit|graus Fahrenheit;
        ° grau|graus; % por cento; ‰ por mil""",
        "mil milhão milhões bilhão bilhões",
        "e ou",
    ),
    "hi": (
        """& और; @ ऐट; + प्लस; − माइनस; ± प्लस माइनस; × गुणा; ÷ भाग; = बराबर; ≠ बराबर नहीं; ≈ लगभग; < से कम; > से ज़्यादा; ≤ अधिकतम;
        ≥ कम से कम; → से; √ वर्गमूल; ∞ अनंत; # नंबर; § धारा; ² का वर्ग; ³ का घन; ½ आधा; ¼ एक चौथाई; ¾ तीन चौथाई; ⅓ एक तिहाई;
        ⅔ दो तिहाई; % प्रतिशत; ‰ प्रति हज़ार; ° डिग्री""",
        """power {b} की घात {n}; range {b} से {n}; mixed {b} और {n}; either {b} या {n}; per {b} प्रति {n}; money {b}.{n} {u}""",
        """$ डॉलर; € यूरो; £ पाउंड; ¥ येन; ₹ रुपये; R$ रियाल""",
        """km/h किलोमीटर प्रति घंटा; m/s मीटर प्रति सेकंड; mph मील प्रति घंटा; km² वर्ग किलोमीटर; m² वर्ग मीटर; m³ घन मीटर;
        km किलोमीटर; m मीटर; cm सेंटीमीटर; mm मिलीमीटर; μm माइक्रोमीटर; kg किलोग्राम; g ग्राम; mg मिलीग्राम; lb पाउंड; ft फ़ुट;
        l लीटर; ml मिलीलीटर; h घंटा|घंटे; min मिनट; s सेकंड; ms मिलीसेकंड; kWh किलोवाट घंटा|किलोवाट घंटे; kW किलोवाट; W वाट;
        V वोल्ट; Hz हर्ट्ज़; kHz किलोहर्ट्ज़; MHz मेगाहर्ट्ज़; GHz गीगाहर्ट्ज़; kB किलोबाइट; MB मेगाबाइट; GB गीगाबाइट; TB टेराबाइट;
        °C डिग्री सेल्सियस; °F डिग्री फ़ारेनहाइट; ° डिग्री; % प्रतिशत; ‰ प्रति हज़ार""",
        "हज़ार लाख करोड़",
        "और या",
    ),
    "ja": (
        """& と; @ アットマーク; + プラス; − マイナス; ± プラスマイナス; × かける; ÷ 割る; = イコール; ≠ ノットイコール; ≈ 約;
        < 小なり; > 大なり; ≤ 以下; ≥ 以上; → から; √ ルート; ∞ 無限大; # ナンバー; § セクション; ² の2乗; ³ の3乗; ½ 2分の1;
        ¼ 4分の1; ¾ 4分の3; ⅓ 3分の1; ⅔ 3分の2; % パーセント; ‰ パーミル; ° 度""",
        """power {b}の{n}乗; range {b}から{n}; mixed {b}と{n}; either {b}または{n}; per {b}毎{n}; money {b}.{n}{u}""",
        """$ ドル; € ユーロ; £ ポンド; ¥ 円; ₹ ルピー; R$ レアル""",
        """km/h キロメートル毎時; m/s メートル毎秒; mph マイル毎時; km² 平方キロメートル; m² 平方メートル; m³ 立方メートル;
        km キロメートル; m メートル; cm センチメートル; mm ミリメートル; μm マイクロメートル; kg キログラム; g グラム;
        mg ミリグラム; lb ポンド; ft フィート; l リットル; ml ミリリットル; h 時間; min 分; s 秒; ms ミリ秒; kWh キロワット時;
        kW キロワット; W ワット; V ボルト; Hz ヘルツ; kHz キロヘルツ; MHz メガヘルツ; GHz ギガヘルツ; kB キロバイト; MB メガバイト;
        GB ギガバイト; TB テラバイト; °C 度; °F 華氏{n}度; ° 度; % パーセント; ‰ パーミル""",
        "千 万 億 兆",
        "と または",
    ),
    "zh": (
        """& 和; @ 艾特; + 加; − 减; ± 正负; × 乘以; ÷ 除以; = 等于; ≠ 不等于; ≈ 约; < 小于; > 大于; ≤ 小于等于; ≥ 大于等于; → 到;
        √ 根号; ∞ 无穷大; # 编号; § 第; ² 的平方; ³ 的立方; ½ 二分之一; ¼ 四分之一; ¾ 四分之三; ⅓ 三分之一; ⅔ 三分之二; % 百分比;
        ‰ 千分比; ° 度""",
        """power {b}的{n}次方; range {b}到{n}; mixed {b}又{n}; either {b}或{n}; per {b}每{n}; money {b}.{n}{u}""",
        """$ 美元; € 欧元; £ 英镑; ¥ 元; ₹ 卢比; R$ 雷亚尔""",
        """km/h 公里每小时; m/s 米每秒; mph 英里每小时; km² 平方公里; m² 平方米; m³ 立方米; km 公里; m 米; cm 厘米; mm 毫米; μm 微米;
        kg 公斤; g 克; mg 毫克; lb 磅; ft 英尺; l 升; ml 毫升; h 小时; min 分钟; s 秒; ms 毫秒; kWh 千瓦时; kW 千瓦; W 瓦; V 伏;
        Hz 赫兹; kHz 千赫; MHz 兆赫; GHz 吉赫; kB 千字节; MB 兆字节; GB 吉字节; TB 太字节; °C 摄氏度; °F 华氏度; ° 度; % 百分之{n};
        ‰ 千分之{n}""",
        "千 万 亿",
        "和 或",
    ),
}
_SPACELESS = frozenset(("ja", "zh"))
LANGUAGES = tuple(_TABLES)
"""The languages in which symbols are spoken."""
_SILENT = Words({}, {}, {}, {}, (), frozenset())

LOOKALIKES = str.maketrans(
    {
        **dict(zip("％＋＝＆＠＃＜＞＄／＊＿｜＾＼～〜（）［］｛｝", "%+=&@#<>$/*_|^\\~~()[]{}", strict=True)),
        **dict(zip("￥￡µ№∗⋅∙⁄ℹ➜➔⇒⟶➡⟹≦≧∼", "¥£μ#*×·/i→→→→→→≤≥~", strict=True)),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‘’‚‛‹›ʼ′", "'"),
        **dict.fromkeys("‐‑⁃", "-"),
        **dict.fromkeys("―⸺⸻", "—"),
        **dict(zip("ﬁ ﬂ ‼ ⁉ ℃ ℉".split(), "fi fl !! !? °C °F".split(), strict=True)),
    }
)
"""Characters that mean the same as a plainer one."""


@cache
def words_of(language: str) -> Words:
    """One language's words; all tables are empty for a language that is not in `LANGUAGES`."""
    if language not in _TABLES:
        return _SILENT
    symbols, patterns, currencies, units, magnitudes, coordinators = _TABLES[language]
    return Words(
        _table(symbols),
        _table(patterns),
        _table(currencies),
        _table(units),
        tuple(magnitudes.split()),
        frozenset(coordinators.split()),
        language not in _SPACELESS,
    )
