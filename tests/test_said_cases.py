"""Each voice is given what a native says: the cases of `fixtures/said_cases.json`, by the phonemes that come out."""

import re

import pytest
import said
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.conversation.word_ends import WordEnds, as_written
from engines.text.speakable import speakable
from engines.types import WordTiming

PROSE = {"reply-markdown-003", "reply-markdown-015", "reply-markdown-021"}
"""Cases whose expected value tells about what is said, in words that nobody would say."""
WRONG = {"kokoro": PROSE, "espeak": PROSE | {"say-en-acronym-007", "say-en-acronym-012"}}
"""By voice; eSpeak NG says "A I" as an article and EPAM with another vowel than the one that is listed."""


@requirement("say.words")
def test_every_voice_is_given_the_words_of_a_native() -> None:
    found = said.cases()
    for voice in said.VOICES:
        outcomes = list(said.outcomes(found, voice))
        failed = [f"{outcome.case['id']}: {outcome.came_out}" for outcome in outcomes if not outcome.passed]
        assert [one for one in failed if one.partition(":")[0] not in WRONG[voice]] == []


@requirement("say.words")
@pytest.mark.parametrize("voice", said.VOICES)
def test_signs_inside_a_reply_lose_nothing(voice: str) -> None:
    """What the cases of `PROSE` ask for, in words that can be said."""
    meant = {
        "If a<b and c>d then stop.": ["If A less than B and C greater than D then stop."],
        "[1] says so.": ["one says so.", "says so."],
        "Call snake_case_name now.": ["Call snake case name now."],
    }
    for number, (given_text, expected) in enumerate(meant.items()):
        case = {"id": f"prose-{number}", "kind": "reply/markdown", "input": given_text, "check": {"reply_spoken_as": expected}}
        (outcome,) = said.outcomes([case], voice)
        assert outcome.passed, outcome.came_out


@requirement("say.captions")
def test_captions_show_what_is_written_while_its_words_are_spoken() -> None:
    for written in ("It costs **$5M**, or 3.5 km & more! ", "On 2024-05-01 at 9:05, *really*? ", "🙂 \\(x^2\\) grows… "):
        spoken = speakable(written)
        words = [WordTiming(word, 100.0 * index, 100.0) for index, word in enumerate(re.findall(r"\S+\s*", spoken))]
        ends = WordEnds(0, written, spoken).of(words, last=True)
        shown, kept = as_written(words, ends, written, 0, 0)
        assert "".join(word.text for word in shown) == written
        assert len(shown) == len(kept)
        assert shown[-1].start_ms + shown[-1].duration_ms == 100.0 * len(words)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "es", "ja", "hi", "xx"]))
def test_any_text_comes_out_in_the_captions_as_it_went_in(written: str, language: str) -> None:
    spoken = speakable(written, language)
    if words := [WordTiming(word, 100.0 * index, 100.0) for index, word in enumerate(re.findall(r"\S+\s*", spoken))]:
        ends = WordEnds(0, written, spoken).of(words, last=True)
        assert "".join(word.text for word in as_written(words, ends, written, 0, 0)[0]) == written


@requirement("voice.any-text")
@pytest.mark.parametrize("voice", said.VOICES)
def test_words_in_foreign_letters_are_said_and_not_spelled(voice: str) -> None:
    """Neither as letters, nor by the name of their script, nor by the mark of another language."""
    spelled = [said.phonemes(name, "en", voice) for name in ("letter", "Chinese", "Japanese", "an us")]
    for word in (
        "ありがとう",
        "спасибо",
        "شكرا",
        "감사합니다",
        "תודה",
        "ευχαριστώ",
        "ধন্যবাদ",
        "நன்றி",
        "धन्यवाद",
        "მადლობა",
        "谢谢",
        "Phở",
        "Trần",
    ):
        heard = said.phonemes(f"Thanks is {word} there.", "en", voice)
        assert len(heard) > len(said.phonemes("Thanks is there.", "en", voice)), word
        assert len(heard) < 60, (word, heard)
        assert not any(name in heard for name in spelled), (word, heard)


def test_no_kanji_is_spelled_by_the_embedded_voice() -> None:
    for text in ("今日は10月1日です。", "元気ですか。", "iPhoneです。", "第１章。"):
        assert "niz" not in said.phonemes(said.spoken(text, "ja"), "ja", "espeak")  # "Chinese letter", "Japanese letter"
