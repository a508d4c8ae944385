"""How words may sound: English by dictionary, numbers, letters and spelling; other languages by their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.lipsync.oculus import is_known
from engines.lipsync.pronunciation import IPA, by_letters, english, is_english, words_of

WORDS = {
    "hello": ["HH AH L OW", "HH EH L OW"], "don't": ["D OW N T"], "bob": ["B AA B"], "well": ["W EH L"], "known": ["N OW N"], "a": ["EY"],
    "m": ["EH M"], "g": ["JH IY"], "k": ["K EY"], "us": ["AH S"], "nine": ["N AY N"], "nineteen": ["N AY N T IY N"], "three": ["TH R IY"],
    "ninety": ["N AY N T IY"], "third": ["TH ER D"], "point": ["P OY N T"], "five": ["F AY V"], "zero": ["Z IH R OW"],
}  # fmt: skip


def dictionary(word):
    return [tuple(said.split()) for said in WORDS.get(word, [])]


def said(word):
    return " ".join(english(word, dictionary)[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("?! … —", []),
        ("Hello there.", ["Hello ", "there."]),
        (" “Hello” — there, It's 3.50! ...", [" “Hello” — ", "there, ", "It's ", "3.50! ..."]),
        ("— no", ["— no"]),
        ("你好，世界。OK", ["你", "好，", "世", "界。", "OK"]),
        ("これは hello です", ["こ", "れ", "は ", "hello ", "で", "す"]),
        ("안녕 세계", ["안녕 ", "세계"]),
    ],
)
def test_words_keep_what_surrounds_them(text, words):
    assert [word.text for word in words_of(text)] == words


@given(st.text(max_size=60))
def test_words_joined_are_the_text_and_each_has_a_sound_of_the_alphabet(text):
    words = words_of(text)
    assert not words or "".join(word.text for word in words) == text
    for word in words:
        sounds = english(word.spoken, dictionary)
        assert 1 <= len(sounds) <= 6
        assert all(said and set(said) <= set(IPA) for said in sounds)
        assert all(is_known(sound) for sound in by_letters(word.spoken, "en"))


def test_every_english_sound_has_a_mouth_shape():
    assert all(is_known(sound) for sound in IPA.values())


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("Hello", "HH AH L OW"),
        ("don’t", "D OW N T"),
        ("Bob's", "B AA B Z"),
        ("well-known", "W EH L N OW N"),
        ("GMK", "JH IY EH M K EY"),
        ("kg", "K EY JH IY"),
        ("3rd", "TH ER D"),
        ("3.5", "TH R IY P OY N T F AY V"),
        ("05", "Z IH R OW F AY V"),
        ("1990s", "N AY N T IY N N AY N T IY Z"),
        ("Visavis", "V IH S AE V IH S"),
        ("shike", "SH IH K"),
        ("café", "K AE F"),
        ("Привет", "P R IH V EH T"),
        ("''", "AH"),
    ],
)
def test_an_english_word(word, sounds):
    assert said(word) == sounds


def test_a_number_has_every_common_reading():
    readings = [" ".join(sounds) for sounds in english("1999", lambda word: [(word,)])]
    assert readings == [
        "nineteen ninety nine",
        "nineteen hundred and ninety nine",
        "one thousand nine hundred and ninety nine",
        "one thousand nine hundred ninety nine",
    ]
    assert [" ".join(sounds) for sounds in english("7", lambda word: [(word,)])] == ["seven"]
    assert len(english("9" * 400, dictionary)[0]) == 400 * 3


def test_all_pronunciations_are_tried_but_not_every_combination_of_a_long_word():
    assert [" ".join(sounds) for sounds in english("hello", dictionary)] == WORDS["hello"]
    assert len(english("hello-hello-hello-hello", dictionary)) == 6


@pytest.mark.parametrize(("word", "known"), [("Hello", True), ("well-known", True), ("1999", True), ("zzyx", False), ("naïve", False)])
def test_what_the_dictionary_holds(word, known):
    assert is_english(word, dictionary) is known


@pytest.mark.parametrize(
    ("word", "language", "sounds"),
    [
        ("Mädchen", "de", "m ɛ d ʃ e n"), ("schön", "de", "ʃ ø n"), ("garçon", "fr", "ɡ a ɹ s o n"), ("7", "de-DE", "s i b e n"),
        ("Привет", "ru", "p ɹ i v e t"), ("Καλημέρα", "el", "k a l i m e ɹ a"), ("שלום", "he", "ʃ l v m"), ("مرحبا", "ar", "m ɹ h b a"),
        ("नमस्ते", "hi", "n a m a s t e"), ("こ", "ja", "k o"), ("한", "ko", "h a n"), ("你", "zh", "k ə"), ("—", "de", ""),
        ("2", "zz", "t v o"),
    ],
)  # fmt: skip
def test_other_languages_are_read_by_their_letters(word, language, sounds):
    assert " ".join(by_letters(word, language)) == sounds
