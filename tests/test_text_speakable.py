"""What a voice is given to say: words in every language, silence for what cannot be said, nothing lost that can."""

import string
import time
import unicodedata

import emoji
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.text.sentences import sentences
from engines.text.speakable import speakable
from engines.text.symbols import LANGUAGES, LOOKALIKES, words_of
from engines.types import TextDelta

MARKDOWN = {
    "**Hello** *there*, __you__ and ~~gone~~ `x`!": "Hello there, you and gone x!",
    "a **half marker and `another": "a half marker and another",
    "# Title\n\nText": "Title. Text",
    "- bread\n- butter!\n* eggs\n": "bread. butter! eggs.",
    "1. First\n2) Second\n": "1. First. 2. Second.",
    "> quoted": "quoted",
    "| Bird | Size |\n|---|---|\n| robin | small |\n": "Bird, Size. robin, small.",
    "| robin | small |\n": "robin, small.",
    "|---|---|\n| robin | small |\n": "robin, small.",
    "Before\n```python\nprint('silence')\n```\nAfter": "Before. After",
    "```\nnever closed": "",
    "[a link](https://example.com/x_y) and ![a picture](p.png)": "a link and a picture",
    "<b>bold</b>, <br/> &amp; &lt;3 &eacute;": "bold, and less than 3 é",
    "note[^1] and [sic]": "note and sic",
    "---": "",
    "***\n\n- \n\n#": "",
    "one\ntwo\n\nthree": "one two. three",
    "    indented is speech": "indented is speech",
    "\\*not bold\\*": "not bold",
    "5. Mai": "5. Mai.",
}
ADDRESSES = {
    "See https://www.example.com/a/b?c=d#e.": "See example.com.",
    "See <https://example.com:8080/x>, ok": "See example.com, ok",
    "(http://user:pw@example.com/a_(b))": "example.com",
    "go to www.example.org/x now": "go to example.org now",
    "example.org/robin_bird is it": "example.org is it",
    "write to <mailto:me@example.com> or <me@x.org>": "write to me at example.com or me at x.org",
    "mail me@example.com.": "mail me at example.com.",
    "https://example.comを見て": "example.comを見て",
}
TYPOGRAPHY = {
    "Wait… what?": "Wait, what?",
    "Well... ok. Hm... Then go. . .": "Well, ok. Hm. Then go.",
    "...and then": "and then",
    "He said “Stop…” Then": 'He said "Stop." Then',
    "He said—well – it’s - fine -- now": "He said, well, it's, fine, now",
    "Mon–Fri, well-known": "Mon-Fri, well-known",
    "a\u00a0b\u202fc\u200bd\u00ade\ufeff\tf\x00g": "a b cde f g",
    "Colour(s) (maybe) work (now).": "Colours, maybe, work, now.",
    "« Oui » ? »Ja« „Nein“": '"Oui"? "Ja" "Nein"',
    "Hi 😀! Bye 👩‍👩‍👧, 1️⃣ ✓ ❤️": "Hi! Bye, 1",
    "😀👍🏽🇩🇪": "",
    "a • b · c | d": "a, b, c, d",
    "!!!": "",
    "\ud83d": "",
    "wow\ud83d!": "wow!",
}
UNCHANGED = [
    "and sings through most of the cold winter, even under street lamps.",
    "don't, C++ and C# and F#, e.g. 3.14 at 10:30 p.m. on 2024-05-01 or 1/2/2024, -5 degrees, 3,000!",
    "The 1990s, 24/7, 5m, .NET and .5; A+ no",
    "Müller, Élodie, Łódź, naïve, Straße, Ørsted",
    "आप कैसे हैं? मैं ठीक हूँ। क्\u200dष",
    "می\u200cخواهم؟ مَرحَبًا، كيف حالك",
    "สวัสดีครับ ผมชื่อน้ำ",
    "こんにちは。「元気」ですか？はい、元気です！",
    "你好，世界；好：是！",
    "¿Qué tal? ¡Bien!",
    "Привет, как дела?",
    "안녕하세요, 반갑습니다.",
    "γειά σου, שלום",
]
SAID = {
    "en": {
        "5 km at 20 °C, 50 % and 1 %": "5 kilometres at 20 degrees Celsius, 50 percent and 1 percent",
        "1 km, 60km/h, 5 m², 5 m, 3 h": "1 kilometre, 60 kilometres per hour, 5 square metres, 5 metres, 3 hours",
        "$3.50, $1, $1,000, US$5 million, 20€, £2.00": "3 dollars 50, 1 dollar, 1,000 dollars, 5 million dollars, 20 euros, 2 pounds",
        "3×4 = 12, 3 * 4, 6 ÷ 2, 5 − 3, 5 - 3, −5": "3 times 4 equals 12, 3 times 4, 6 divided by 2, 5 minus 3, 5 minus 3, -5",
        "AT&T, R&B, salt & pepper": "AT and T, R and B, salt and pepper",
        "he/she and/or TCP/IP or a/b": "he or she and or TCP IP or a or b",
        "#1, ~5, ±2, <6, >7, ≤8, #robins": "number 1, about 5, plus or minus 2, less than 6, greater than 7, at most 8, robins",
        "A → B -> C => D": "A to B to C to D",
        "1st, 2nd, 23rd, 11th": "first, second, twenty-third, eleventh",
        "½, 2½, 2 ¾, ⅝": "one half, 2 and one half, 2 and three quarters, 5/8",
        "x², 10⁶, 10⁻³, x^2, H₂O, word¹": "x squared, 10 to the power of 6, 10 to the power of -3, x to the power of 2, H2O, word",
        "5–10 km, 5 – 10, $0–$5": "5 to 10 kilometres, 5 to 10, 0 dollars to 5 dollars",
        "20 min/day, $5/month, 5 MB/s, 3/day": "20 minutes per day, 5 dollars per month, 5 megabytes per second, 3 per day",
        "me@x.org, @robin": "me at x.org, at robin",
        "a == b != c": "a equals b is not c",
    },
    "es": {
        "5 km y 20 °C": "5 kilómetros y 20 grados Celsius",
        "50 % de 3,50 €; 1er 3ª 2º": "50 por ciento de 3 euros con 50; primer tercera segundo",
    },
    "fr": {"20 % de 3,50 €, 1er, 2e, 1re, A & B": "20 pour cent de 3 euros 50, premier, deuxième, première, A et B"},
    "de": {
        "20 % von 3,50 €, 5 km²": "20 Prozent von 3 Euro 50, 5 Quadratkilometer",
        "±2, 3–4, 1 h & 2 h": "plus minus 2, 3 bis 4, 1 Stunde und 2 Stunden",
    },
    "it": {"1º, 2ª, 5 kg & 1 kg": "primo, seconda, 5 chilogrammi e 1 chilogrammo"},
    "pt": {"R$ 3,50 + 5 km, 1ª": "3 reais e 50 mais 5 quilômetros, primeira"},
    "hi": {"5 km और 50% — ठीक है… ₹500": "5 किलोमीटर और 50 प्रतिशत, ठीक है, 500 रुपये", "- एक\n- दो\n": "एक। दो।"},
    "ja": {
        "5kmで50%です……はい。3×4=12、$3.50": "5キロメートルで50パーセントです、はい。3かける4イコール12、3.50ドル",
        "- 一\n- 二\n": "一。二。",
    },
    "zh": {"50％的人——5km——是……好，¥5，20°C": "百分之50的人，5公里，是，好，5元，20摄氏度", "「你」（好）吗？": "「你」，好，吗？"},
    "ar": {"مرحبا — نعم & لا": "مرحبا، نعم لا"},
    "xx": {"a & b = 5% of $5, 20 °C ~ #1": "a b 5 of 5, 20 C 1"},
}
EVERY = [pytest.param("en", text, said) for table in (MARKDOWN, ADDRESSES, TYPOGRAPHY) for text, said in table.items()]
EVERY += [pytest.param("en", text, text) for text in UNCHANGED]
EVERY += [pytest.param(language, text, said) for language, table in SAID.items() for text, said in table.items()]


@pytest.mark.parametrize(("language", "text", "said"), EVERY)
@requirement("talk.speakable")
def test_text_is_said_as_it_should(language: str, text: str, said: str) -> None:
    assert speakable(text, language) == said
    assert speakable(said, language) == said


def test_region_and_script_do_not_matter() -> None:
    assert speakable("5 km", "pt-BR") == speakable("5 km", "PT_pt") == "5 quilômetros"


FRAGMENTS = [*string.punctuation, " ", "  ", "\n", "\n\n", "\t", "\u00a0", "\u200c", "\u0301", "\ufe0f\u20e3", "\x02", "\x03", "\x1f"]
FRAGMENTS += ["\ud800", "- ", "1. "]
FRAGMENTS += "word a é 字 か क् 1 m km % ° C $ € ... … — – − ** ~~ ``` « » „ ” &amp; &#32; <b> https://a.bc/d www.".split()
FRAGMENTS += "½ ² ⁶ ₂ ① 😀 。 、 → -> or 1st".split()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.characters(), max_size=30).map("".join), st.sampled_from([*LANGUAGES, "ar", "xx", ""]))
def test_any_string_becomes_one_stable_line(text: str, language: str) -> None:
    said = speakable(text, language)
    assert speakable(said, language) == said
    assert said == " ".join(said.split(" ")).strip()
    assert "  " not in said
    assert not said or any(map(str.isalnum, said))
    assert all(
        c in " \u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs", "Sm", "So") or c == "+"
        for c in said
    )


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1), st.sampled_from([*LANGUAGES, "xx"]))
def test_no_letter_of_any_script_is_lost(text: str, language: str) -> None:
    assume(not emoji.emoji_count(text))
    assert speakable(text, language) == unicodedata.normalize("NFC", text).translate(LOOKALIKES)


def test_the_sentences_of_a_reply_say_the_reply() -> None:
    reply = "**Hello there!** Here is a list:\n\n- bread & butter\n- 5 km\n\n```\ncode. More\n```\n\nThat is [all](https://a.b/c). Bye 😀"
    said = [speakable(sentence.text) for sentence in sentences([TextDelta(reply)])]
    assert " ".join(filter(None, said)) == "Hello there! Here is a list: bread and butter. 5 kilometres. That is all. Bye"


def test_a_clause_cut_from_a_list_item_gets_no_stop() -> None:
    assert speakable("- Robins sing all year ") == "Robins sing all year"
    assert speakable("- Robins sing all year\n") == "Robins sing all year."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word(language: str) -> None:
    english, words = words_of("en"), words_of(language)
    for table in ("symbols", "patterns", "currencies", "units"):
        assert getattr(words, table).keys() == getattr(english, table).keys()
        assert all(getattr(words, table).values())
    assert words.magnitudes
    assert words.coordinators


@pytest.mark.parametrize("language", LANGUAGES)
@requirement("talk.speakable")
def test_every_symbol_and_unit_is_said(language: str) -> None:
    words = words_of(language)
    for symbol, word in words.symbols.items():
        if symbol not in "#<>*":
            assert word in speakable(f"a {symbol} b", language), symbol
    for unit, names in words.units.items():
        name = names.split("|")[-1]
        assert name.format(n=7).strip() in speakable(f"7 {unit}", language), unit
    for sign, names in words.currencies.items():
        assert names.split("|")[-1] in speakable(f"{sign}7", language) == speakable(f"7 {sign}", language), sign


LONG = [
    "[",
    "[a](",
    "[^",
    "![a",
    "<a ",
    "<!--a",
    "**a*",
    "`a`` ",
    "- ",
    "> ",
    "- a\n",
    "|a",
    "&amp;",
    "\\",
    "a/",
    "a.",
    "1.",
    "1,1 ",
    "www.",
]
LONG += [
    "a://",
    "((",
    "http://a.b/(",
    "a-",
    "a@",
    "$1",
    "x^",
    "5 km ",
    "😀",
    "a\u0301",
    "क\u200d",
    "… ",
    '"... ',
    "—",
    "你",
    "«  ",
    "½",
    "#1 ",
]
LONG += ["a\n\n", " ", "word ", "\n"]


@pytest.mark.parametrize("unit", LONG)
def test_long_text_takes_no_longer_than_it_should(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    started = time.process_time()
    speakable(text)
    assert time.process_time() - started < 4  # at most about 0.4 s; quadratic time takes minutes
