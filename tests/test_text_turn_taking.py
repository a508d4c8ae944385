"""Words of turn-taking: what goes by while the persona speaks, and what stops it, in every language of the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.text import turn_taking
from engines.text.turn_taking import is_backchannel, is_echo, is_sentence, is_stop, is_unfinished

TABLE = json.loads(Path(turn_taking.__file__).with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", TABLE["backchannels"])
def test_every_backchannel_goes_by_alone_twice_and_with_marks(language):
    for phrase in TABLE["backchannels"][language]:
        for text in (phrase, phrase.upper(), f"{phrase}, {phrase}.", f"… {phrase}!"):
            assert is_backchannel(text, language), text


@pytest.mark.parametrize("language", TABLE["stops"])
def test_every_word_that_stops_does_so_alone_and_in_front(language):
    for phrase in TABLE["stops"][language]:
        for text in (phrase, phrase.title(), f"{phrase}, {phrase}!"):
            assert is_stop(text, language), text
            assert not is_backchannel(text, language), text


@pytest.mark.parametrize("text", ["", " … ", "Mmmm", "Yeeeah.", "Uh-huh!", "Okay okay okay", "ja", "そうそう", "हाँ, ठीक है।"])
def test_what_listeners_say_is_known_without_a_language(text):
    assert is_backchannel(text, None)


@pytest.mark.parametrize(
    "text", ["Okay, but what about Tuesday?", "Yesterday", "I see a whale", "well yeah yeah yeah yeah yeah", "好像不对"]
)
def test_what_wants_an_answer_is_no_backchannel(text):
    assert not is_backchannel(text, None)
    assert not is_stop(text, None)


@pytest.mark.parametrize(
    ("heard", "said", "echo"),
    [
        ("we could take the boat", "If the weather stays like this, we could take the boat out on Sunday.", True),
        ("The boat!", "We could take the boat out.", False),
        ("take the boats", "We could take the boat out.", False),
        ("we could stop the boat", "We could take the boat out.", False),
        ("今日は天気がいい", "そうですね、今日は 天気がいいです。", True),
        ("天気", "今日は天気がいいです。", False),
        ("", "We could take the boat out.", False),
        ("one two three", "", False),
    ],
)
def test_the_personas_own_words_are_known_where_there_are_enough_of_them(heard, said, echo):
    assert is_echo(heard, said) is echo


def test_a_language_without_a_table_is_taken_for_any():
    assert is_backchannel("genau", "sw")
    assert not is_backchannel("genau", "es")


@pytest.mark.parametrize("language", TABLE["unfinished"])
def test_a_word_that_binds_shows_that_more_comes(language):
    for word in TABLE["unfinished"][language]:
        assert is_unfinished(f"x {word}.", language), word


@pytest.mark.parametrize(
    ("text", "language", "more"),
    [
        ("Is there a train that leaves after?", "en", True),
        ("What are you looking for?", "en", False),
        ("I know. The one near", "en", True),
        ("Could you tell me if-", "en", True),
        ("So I went home,", "en", True),
        ("Mach das Licht an.", "de", False),
        ("Ich wohne gegenüber von", "de", True),
        ("予約したいのですが。", "ja", False),
        ("昨日、友達が", "ja", True),
        ("好的", "zh", False),
        ("Puis-je avoir une", "fr", True),
    ],
)
def test_the_end_of_a_transcript_shows_whether_more_comes(text, language, more):
    assert is_unfinished(text, language) is more


@pytest.mark.parametrize(
    ("text", "whole"), [("It is late.", True), ("Really?»", True), ("नमस्ते।", True), ("Well...", False), ("My flight", False), ("", False)]
)
def test_a_sentence_is_known_by_its_mark(text, whole):
    assert is_sentence(text) is whole


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("My number is 555 01", True),
        ("My number is 555-012-3496.", False),
        ("At 8.", False),
        ("I like sand.", False),
        ("It is over.", False),
        ("", False),
    ],
)
def test_a_number_that_is_being_dictated_goes_on(text, more):
    assert is_unfinished(text, "en") is more
