"""What a voice is given to say: words in every language, silence for what cannot be said, nothing lost that can."""

import re
import string
import time
import unicodedata

import emoji
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.text.characters import LOOKALIKES
from engines.text.sentences import sentences
from engines.text.speakable import speakable
from engines.text.spoken import LANGUAGES, language_of
from engines.types import TextDelta

MARKDOWN = {
    "**Hello** *there*, __you__ and ~~gone~~ `x`!": "Hello there, you and gone x!",
    "a **half marker and `another": "a half marker and another",
    "# Title\n\nText": "Title. Text",
    "- bread\n- butter!\n* eggs\n": "bread. butter! eggs.",
    "1. First\n2) Second\n": "one. First. two. Second.",
    "> quoted": "quoted",
    "| Bird | Size |\n|---|---|\n| robin | small |\n": "Bird, Size. robin, small.",
    "| robin | small |\n": "robin, small.",
    "|---|---|\n| robin | small |\n": "robin, small.",
    "Before\n```python\nprint('silence')\n```\nAfter": "Before. After",
    "```\nnever closed": "",
    "[a link](https://example.com/x_y) and ![a picture](p.png)": "a link and a picture",
    "<b>bold</b>, <br/> &amp; &lt;3 &eacute;": "bold, and less than three é",
    "note[^1] and [sic]": "note and sic",
    "---": "",
    "***\n\n- \n\n#": "",
    "one\ntwo\n\nthree": "one two. three",
    "    indented is speech": "indented is speech",
    "\\*not bold\\*": "not bold",
    "5. Mai": "five. Mai.",
}
ADDRESSES = {
    "See https://www.example.com/a/b?c=d#e.": "See example dot com.",
    "See <https://example.com:8080/x>, ok": "See example dot com, ok",
    "(http://user:pw@example.com/a_(b))": "example dot com",
    "go to www.example.org/x now": "go to example dot org now",
    "example.org/robin_bird is it": "example dot org is it",
    "write to <mailto:me@example.com> or <me@x.org>": "write to me at example dot com or me at x dot org",
    "mail me@example.com.": "mail me at example dot com.",
    "https://example.comを見て": "example.comを見て",
}
TYPOGRAPHY = {
    "Wait… what?": "Wait, what?",
    "Well... ok. Hm... Then go. . .": "Well, ok. Hm. Then go.",
    "...and then": "and then",
    "He said “Stop…” Then": 'He said "Stop." Then',
    "He said—well – it’s - fine -- now": "He said, well, it's, fine, now",
    "Mon–Fri, well-known": "Monday to Friday, well-known",
    "a\u00a0b\u202fc\u200bd\u00ade\ufeff\tf\x00g": "a b cde f g",
    "Colour(s) (maybe) work (now).": "Colours, maybe, work, now.",
    "« Oui » ? »Ja« „Nein“": '"Oui"? "Ja" "Nein"',
    "Hi 😀! Bye 👩‍👩‍👧, 1️⃣ ✓ ❤️": "Hi! Bye, one",
    "😀👍🏽🇩🇪": "",
    "a • b · c | d": "a, b, c, d",
    "!!!": "",
    "\ud83d": "",
    "wow\ud83d!": "wow!",
}
UNCHANGED = [
    "and sings through most of the cold winter, even under street lamps.",
    "We don't stop, and he said so; yes: no!",
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
# ruff: noqa: E501
SAID = {
    "en": {
        "5 km at 20 °C, 50 % and 1 %": "five kilometers at twenty degrees Celsius, fifty percent and one percent",
        "1 km, 60km/h, 5 m², 5 m, 3 h": "one kilometer, sixty kilometers per hour, five square meters, five meters, three hours",
        "$3.50, $1, $1,000, US$5 million, 20€, £2.00": "three dollars and fifty cents, one dollar, one thousand dollars, five million dollars, twenty euros, two pounds",
        "3×4 = 12, 3 * 4, 6 ÷ 2, 5 − 3, 5 - 3, −5": "three times four equals twelve, three times four, six divided by two, five minus three, five minus three, minus five",
        "AT&T, R&B, salt & pepper": "AT and T, R and B, salt and pepper",
        "he/she and/or TCP/IP or a/b": "he or she and or TCP IP or a or b",
        "#1, ~5, ±2, <6, >7, ≤8, #robins": "number one, about five, plus or minus two, less than six, greater than seven, at most eight, robins",
        "A → B -> C => D": "A to B to C to D",
        "1st, 2nd, 23rd, 11th": "first, second, twenty third, eleventh",
        "½, 2½, 2 ¾, ⅝": "one half, two and a half, two and three quarters, five eighths",
        "x², 10⁶, 10⁻³, x^2, H₂O, word¹": "X squared, ten to the power of six, ten to the power of minus three, X squared, H two O, word",
        "5–10 km, 5 – 10, $0–$5": "five to ten kilometers, five to ten, zero to five dollars",
        "20 min/day, $5/month, 5 MB/s, 3/day": "twenty minutes per day, five dollars per month, five megabytes per second, three per day",
        "me@x.org, @robin": "me at x dot org, at robin",
        "a == b != c": "A equals B is not c",
    },
    "es": {
        "5 km y 20 °C": "cinco kilómetros y veinte grados Celsius",
        "50 % de 3,50 €; 1er 3ª 2º": "cincuenta por ciento de tres euros con cincuenta; primer tercera segundo",
    },
    "fr": {
        "20 % de 3,50 €, 1er, 2e, 1re, A & B": "vingt pour cent de trois euros cinquante, premier, deuxième, première, A et B",
    },
    "de": {
        "20 % von 3,50 €, 5 km²": "zwanzig Prozent von drei Euro fünfzig, fünf Quadratkilometer",
        "±2, 3–4, 1 h & 2 h": "plus minus zwei, drei bis vier, eine Stunde und zwei Stunden",
    },
    "it": {
        "1º, 2ª, 5 kg & 1 kg": "primo, seconda, cinque chili e un chilo",
    },
    "pt": {
        "R$ 3,50 + 5 km, 1ª": "três reais e cinquenta mais cinco quilômetros, primeira",
    },
    "hi": {
        "5 km और 50% — ठीक है… ₹500": "पाँच किलोमीटर और पचास प्रतिशत, ठीक है, पाँच सौ रुपये",
        "- एक\n- दो\n": "एक। दो।",
    },
    "ja": {
        "5kmで50%です……はい。3×4=12、$3.50": "ゴキロメートルでゴジューパーセントです、はい。サンかけるヨンイコールジューニ、サンテンゴゼロドル",
        "- 一\n- 二\n": "一。二。",
    },
    "zh": {
        "50％的人——5km——是……好，¥5，20°C": "百分之五十的人，五公里，是，好，五元，二十摄氏度",
        "「你」（好）吗？": "「你」，好，吗？",
    },
    "ar": {
        "مرحبا — نعم & لا": "مرحبا، نعم لا",
    },
    "xx": {
        "a & b = 5% of $5, 20 °C ~ #1": "a b 5 of 5, 20 C 1",
    },
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
    assert speakable("5 km", "pt-BR") == speakable("5 km", "PT_pt") == "cinco quilômetros"


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
    assume(not emoji.emoji_count(text) and not re.fullmatch("[α-ωΔΣΩ]", text.translate(LOOKALIKES)))  # a single Greek letter is a sign
    assume(language not in ("ja", "zh", "hi", "en") or not re.search("[A-Z]", text.translate(LOOKALIKES)))  # letters are named there
    assert speakable(text, language) == unicodedata.normalize("NFC", text).translate(LOOKALIKES)


def test_the_sentences_of_a_reply_say_the_reply() -> None:
    reply = "**Hello there!** Here is a list:\n\n- bread & butter\n- 5 km\n\n```\ncode. More\n```\n\nThat is [all](https://a.b/c). Bye 😀"
    said = [speakable(sentence.text) for sentence in sentences([TextDelta(reply)])]
    assert " ".join(filter(None, said)) == "Hello there! Here is a list: bread and butter. five kilometers. That is all. Bye"


def test_a_clause_cut_from_a_list_item_gets_no_stop() -> None:
    assert speakable("- Robins sing all year ") == "Robins sing all year"
    assert speakable("- Robins sing all year\n") == "Robins sing all year."


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_names_every_sign(language: str) -> None:
    english, here = language_of("en"), language_of(language)
    assert english
    assert here
    missing = {sign for sign in english.symbols if sign not in here.symbols} - set("∑∫∂Δ∈∀∃∴∝∪∩⊂∏")
    assert not missing
    assert here.coordinators


@pytest.mark.parametrize("language", LANGUAGES)
@requirement("talk.speakable")
def test_every_sign_and_unit_is_said(language: str) -> None:
    rules = language_of(language)
    assert rules
    for sign, word in rules.symbols.items():
        if sign not in "#<>*^′★":
            assert word in speakable(f"a {sign} b", language), sign
    for unit in rules.units:
        if unit not in ("in", "d"):  # English: "7 in all", French: "7 d'entre eux"
            said = speakable(f"7 {unit}", language)
            right = speakable(rules.quantity("7", unit), language)
            assert said.strip(".").replace(" ", "") == right.replace(" ", "") or len(unit) == 1, (unit, said)
    for sign in ("$", "€", "£", "¥", "₹", "₽", "C$"):
        assert rules.coin(sign)[1] in speakable(f"{sign}7", language), sign


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,:/-–$€%° abmkhpIVX'\"()²½", max_size=20), st.sampled_from(LANGUAGES))
def test_no_digit_is_left_to_the_voice(text: str, language: str) -> None:
    assert not any(map(str.isdecimal, speakable(f"a {text} b", language)))


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
