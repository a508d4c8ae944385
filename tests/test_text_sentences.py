"""The streaming sentence chunker: the same sentences however the text arrives, at the earliest safe character, nothing lost."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.text.boundaries import count_words, protected_spans
from engines.text.sentences import MAX_CHARACTERS, SentenceChunker, sentences
from engines.types import TextDelta

BAR = "|"
"""Marks, in the cases below, where the sentences part."""

CUT: dict[str, list[str]] = {
    "en": [
        "Hello there. |How are you? |I am fine! |Good.",
        "Dr. Smith paid $3.50 on Jan. 5th at 4 p.m. yesterday. |Is that OK?",
        "Meet me at 10:30 p.m. |Then we shall see, e.g. the U.S. embassy. |Bring 3,000 of them.",
        "It lies on Mt. Everest. |Ms. Jones knows No. 5, i.e. St. Mary's. |J. K. Rowling wrote it.",
        "Is it so? |No. |That is wrong. |Give it to me. |Now.",
        "Wait… what? |Well... ok. |Hm... |Then go.",
        'He said "Stop." |Then he left. |“Really?” she asked. |(It was late.) |But fine.',
        "Hi! |😀 Nice to meet you. |👩‍👩‍👧 Your family?",
        "See https://example.com/a.b?c=d. |Mail me@x.org. |Look at example.com, please.",
        "**Bold move. Bolder still.** |Then *one. Two.* |And `a. b` code. |See [the site. Now](https://a.b/c). |End.",
        "Steps:\n|1. First do this. |Then that.\n|2. Second\n\n|- bread\n|- butter. |Salt\n|* eggs\n\n|---\n\n## Done\n|Enjoy.",
        "Run it:\n|```python\nprint('a. b')\n\nx = 1. \n```\n\n|That is all. |Bye.",
        "Try ```a. B``` inline. |Next ~~struck. Out~~ word.",
        "```` x\na. B\n```\n````\n|Out. |Side.",
        "First line\r\n|second. |Third\r\n\r\n|fourth",
        "\n\n  Leading space. |And trailing.  \n",
        "5 * 3 is 15. |snake_case is fine. |So is 2**3. |Yes.",
        "yes! |that's it. |ok",
        "I live in the U.S. Army barracks.",
        "The value 3. |14 apples.",
        "Yes?! |Yes!!! |Really.",
        "Dr.\u00a0Smith came.",
    ],
    "es": ["Hola. |El Sr. García llegó a las 3.30 p.m. |¿Cómo estás? |¡Muy bien! |EE. UU. es grande. |No. |Eso no. |«Sí.» |Adiós."],
    "de": [
        "Guten Tag. |Dr. Müller kommt am 3. Mai um 10 Uhr. |Das ist z.B. gut, d. h. billig. |„Ja.“ |Nein. |»Ja.« |»Nein?« fragte er. |Gut."
    ],
    "fr": ["Bonjour. |M. Dupont et Mme. Leroc sont là. |« Oui. » |Ça va\u202f? |Oui\u00a0! |« Non. » dit-il. |« Si. |C'est vrai. » |Bon."],
    "it": ["Ciao. |Il sig. Rossi e la dott. Bianchi. |No. |Come va?"],
    "pt": ["Olá. |O Sr. Silva e a Dra. Costa. |Tudo bem? |Sim."],
    "ja": ["こんにちは。|お元気ですか？|はい、元気です！|「そうです。」と言った。|値は３．１４です。|終わり"],
    "zh": ["你好。|你怎么样？|我很好！|“你好。”|然后走了。|“再见！”|“好。”|好；坏……是吗?|是"],
    "hi": ["नमस्ते। |आप कैसे हैं? |डॉ. राम ठीक हैं।|अच्छा।"],
    "ar": ["مرحبا. |كيف حالك؟ |بخير."],
    "th": ["สวัสดี\n|ครับ"],
    "tlh": ["nuqneH. |Qapla'! |Done."],
}
CASES = [pytest.param(language, text, id=f"{language}-{i}") for language, texts in CUT.items() for i, text in enumerate(texts)]

EARLY: dict[str, list[str]] = {
    "en": [
        "Well, the European robin defends a small patch of ground all year round |and sings, even at night. |Yes, he does, he does.",
        "When it rains outside, |the birds hide, and sing. |In spring, they come, as ever.",
        "Hi! |When it rains outside, |the birds hide, and sing.",
        "We like small brown birds e.g., robins, |and trees.",
        "Here is the thing: |you cannot.",
        "Three small birds — |all brown — flew.",
        "Three small birds—|all brown—flew.",
        "It costs 3,000 at 10:30, |or so they say.",
        "On Tuesday, May 3, 2020 it rained, |a lot.",
        "See [one, two, three, four](https://a.b/c), |then go.",
        "He *never, ever, goes, there* alone, |they say.",
        'She said to him, |"Stop," and left.',
        "It was the best of many long and happy times even when it rained.",
        "Yes, no, maybe, |who knows.",
    ],
    "de": ["Als der Regen kam, |sang der Vogel und alle anderen Vögel sangen den ganzen langen Tag mit ihm."],
    "ja": ["はい、もちろん元気ですよ、|ありがとう、本当に。|では、また。"],
    "zh": ["当然可以帮助你，|请告诉我，好吗？|好的，再见。"],
    "hi": ["जब बारिश होती है, |पक्षी छिपते हैं, और गाते हैं।"],
}
EARLY_CASES = [pytest.param(language, text, id=f"{language}-{i}") for language, texts in EARLY.items() for i, text in enumerate(texts)]


def cut(pieces: list[str], language: str = "en") -> list[str]:
    found = list(sentences((TextDelta(piece) for piece in pieces), language))
    assert [sentence.index for sentence in found] == list(range(len(found)))
    return [sentence.text for sentence in found]


def whole_sentences(text: str, language: str) -> list[str]:
    """The sentences behind an opening that has used up the early clause, which is another test's matter."""
    opening = {"ja": "これは最初の文です。", "zh": "这是第一个句子。"}.get(language, "One two three.\n")
    first, *rest = cut([opening, text], language)
    assert first.startswith(opening)
    rest[:1] = [first[len(opening) :] + rest[0]] if rest else []
    return rest


@pytest.mark.parametrize(("language", "marked"), CASES)
def test_sentences_part_where_they_end(language: str, marked: str) -> None:
    assert whole_sentences(marked.replace(BAR, ""), language) == marked.split(BAR)


@pytest.mark.parametrize(("language", "marked"), EARLY_CASES)
@requirement("talk.first-clause")
def test_only_the_first_clause_is_let_go_early(language: str, marked: str) -> None:
    assert cut([marked.replace(BAR, "")], language) == marked.split(BAR)


@pytest.mark.parametrize(("language", "marked"), CASES + EARLY_CASES)
def test_it_does_not_matter_where_the_deltas_cut(language: str, marked: str) -> None:
    text = marked.replace(BAR, "")
    expected = cut([text], language)
    assert "".join(expected) == text
    assert cut(list(text), language) == expected
    for at in range(len(text) + 1):
        assert cut([text[:at], text[at:]], language) == expected, at


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    pieces = ["word", "Dr", " ", "  ", "\n", ". ", ".", "! ", ", ", "。", "、", "「", "」", "字", '"', "“", "” ", "*", "**", "`", "```"]
    pieces += ["\n```\n", "~~~\n", "[", "](", ") ", "1. ", "- ", "…", "...", "—", " and ", "3", ",", "😀", "\u0301", "\u200d"]
    pieces += ["\ud83d", "\r\n", "।", "https://a.b/", "<a "]
    text = "".join(draw(st.lists(st.sampled_from(pieces) | st.characters(), max_size=60)))
    points = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return text, [text[a:b] for a, b in zip([0, *points], [*points, len(text)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(cut_texts(), st.sampled_from(["en", "de", "ja", "zh-Hant", "xx", ""]))
@requirement("talk.sentences")
def test_any_text_cut_anyhow_gives_the_same_sentences_and_loses_nothing(case: tuple[str, list[str]], language: str) -> None:
    text, pieces = case
    expected = cut([text], language)
    assert "".join(expected) == ("" if text.isspace() else text)
    assert not any(sentence.isspace() or not sentence for sentence in expected)
    assert cut(pieces, language) == expected
    assert cut(list(text), language) == expected


def emissions(tokens: list[str]) -> list[tuple[int, str]]:
    chunker = SentenceChunker("en")
    return [(i, sentence.text) for i, token in enumerate(tokens) for sentence in chunker.push(token)]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["Robins", " are", " bold", " birds", ".", " They"], "Robins are bold birds. "),
        (["Robins", " sing", " all", " winter", ",", " even"], "Robins sing all winter, "),
        (["Hi", "!", " I"], "Hi! "),
        (["It", " is", " Dr", ".", " Smith", ".", " He"], "It is Dr. Smith. "),
        (["She", " said", ' "', "Yes", '."', " Then"], 'She said "Yes." '),
        (["- bread", "\n", "-"], "- bread\n"),
        (["```", "\n", "code", "\n", "```", "\n", "So"], "```\ncode\n```\n"),
        (["你好", "。", "我"], "你好。"),
        (
            "Robins| are| small| and| in| the| cold| north| they| sing| but| not".split("|"),
            "Robins are small and in the cold north they sing ",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sentence_leaves_with_the_token_behind_it(tokens: list[str], text: str) -> None:
    assert emissions(tokens) == [(len(tokens) - 1, text)]


@pytest.mark.parametrize("text", ["", " ", "\n\n", " \t\u3000"])
def test_a_reply_of_white_space_has_no_sentences(text: str) -> None:
    assert cut([text]) == []


@pytest.mark.parametrize("text", ["...", "?!", "😀", "\ud83d", "\u0301", "---", "「」", "`", "``` a", "\x00", "\u200b"])
def test_a_reply_without_words_is_kept(text: str) -> None:
    assert cut([f" {text} \n"]) == [f" {text} \n"]


def test_a_long_sentence_is_cut_at_its_last_clause() -> None:
    clause = "and another thing that I wanted to tell you about the garden and its birds, "
    first, *rest = cut(["Yes I do. " + clause * 12])[1:]
    assert len(rest) >= 3
    for piece in [first, *rest]:
        assert len(piece) <= MAX_CHARACTERS + 1
        assert piece.endswith("birds, ")


def test_a_long_sentence_is_not_cut_inside_a_link() -> None:
    link = "[a link text with a number of words, a comma, and so on](https://example.com/" + "path/" * 8 + ")"
    pieces = cut(["One two three. " + "word " * 45 + link + " word" * 60 + "."])
    assert sum(link in piece for piece in pieces) == 1


LONG = {
    "one word": "a" * 100_000,
    "words without punctuation": "word " * 20_000,
    "spaces": " " * 100_000,
    "spaces, then a word": " " * 99_999 + "x",
    "new lines": "a" + "\n" * 99_999,
    "full stops": "." * 100_000,
    "spaced full stops": ". " * 50_000,
    "initials": "x. " * 33_333,
    "Chinese without punctuation": "你好" * 50_000,
    "combining marks": "\u0301" * 100_000,
    "joiners": "\u200d" * 100_000,
    "emoji": "😀" * 100_000,
    "open emphasis": "*a " * 33_333,
    "open links": "[a " * 33_333,
    "backticks": "`" * 100_000,
    "code": "```\n" + "a b. c\n" * 14_000,
    "rules": "---\n" * 25_000,
    "quotation marks": '"a. ' * 25_000,
    "prose": "Well, the robin sings. " * 4_350,
}


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("size", [5, 100_000])
def test_a_hundred_thousand_characters_are_cut_in_time_and_in_bounds(kind: str, size: int) -> None:
    text = LONG[kind]
    started = time.process_time()
    pieces = cut([text[i : i + size] for i in range(0, len(text), size)])
    assert time.process_time() - started < 5  # about 0.1 to 0.8 s; quadratic time takes minutes
    assert "".join(pieces) == ("" if text.isspace() else text)
    if kind != "code":
        assert max((len(piece.strip()) for piece in pieces), default=0) <= 2 * MAX_CHARACTERS


def test_an_address_is_never_cut() -> None:
    address = "https://example.com/" + "a/b.c,d" * 500
    assert [piece for piece in cut([f"Look at {address} now."]) if "//" in piece] == [f"Look at {address} "]


def test_an_open_code_block_reaches_to_the_end() -> None:
    assert cut(["See:\n```\na. B\nc"]) == ["See:\n", "```\na. B\nc"]


def test_words_are_counted_in_every_script() -> None:
    assert count_words("Don't stop — now!") == 3
    assert count_words("你好世界 ok") == 3
    assert count_words("आप कैसे हैं?") == 3
    assert count_words("… 😀") == 0


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("a **b c** d", "**b c**"),
        ("a `b *c` d*", "`b *c`"),
        ("a ***b*** c", "***b***"),
        ("2 * 3 * 4", ""),
        ("a_b c_d", ""),
        ("``a ` b`` c", "``a ` b``"),
    ],
)
def test_protected_spans_cover_markup(text: str, inside: str) -> None:
    assert [text[start:end] for start, end in protected_spans(text)] == ([inside] if inside else [])


@pytest.mark.parametrize("text", ["a **b", "a `b", "a [b", "a [b](c", "a <b c", "``a`"])
def test_protected_spans_stay_open(text: str) -> None:
    assert [end for _, end in protected_spans(text)] == [len(text) + 1]
