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

AT_LEAST = 0.98
"""Share of the cases that pass, of all that a program can judge."""


@requirement("say.words")
def test_every_voice_is_given_the_words_of_a_native() -> None:
    found = said.cases()
    for voice in said.VOICES:
        outcomes = list(said.outcomes(found, voice))
        failed = [f"{outcome.case['id']}: {outcome.came_out}" for outcome in outcomes if not outcome.passed]
        assert len(failed) <= (1 - AT_LEAST) * len(outcomes), "\n".join(failed)


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
