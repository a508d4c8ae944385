"""How words are pronounced: English by dictionary, numbers and letters, everything else by eSpeak NG."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.lipsync import grapheme_to_phoneme
from engines.lipsync.english_words import IPA, english, is_english
from engines.lipsync.grapheme_to_phoneme import ipa_of, spoken, words_of
from engines.lipsync.oculus import is_known, visemes_of

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


@settings(deadline=None)  # the first example loads eSpeak NG
@given(st.text(max_size=60))
def test_words_joined_are_the_text_and_each_has_a_sound_of_the_alphabet(text):
    words = words_of(text)
    assert not words or "".join(word.text for word in words) == text
    for word in words:
        sounds = english(word.spoken, dictionary)
        assert 1 <= len(sounds) <= 6
        assert all(said and set(said) <= set(IPA) for said in sounds)


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
        ("Visavis", "V IH S AH V IH S"),
        ("shike", "SH AY K"),
        ("café", "K AE F EY"),
        ("Привет", "P R IY V EH T"),
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
    ("word", "language", "mouth"),
    [
        ("Mädchen", "de", "PP E DD I E nn"),
        ("garçon", "fr", "kk aa kk SS O"),
        ("7", "es-MX", "SS I E DD E"),
        ("Привет", "ru", "PP DD I FF E DD"),
        ("שלום", "he", "CH aa nn O PP"),
        ("한", "ko", "kk aa nn"),
        ("你", "zh", "nn I"),
        ("你", "ja", "nn I"),
        ("Привет", "de", "PP DD I FF E DD"),
        ("mabuti", "tl", "PP aa PP U DD I"),
        ("ជំ", "km", "kk E"),
        ("—", "de", ""),
    ],
)
def test_other_languages_are_read_by_espeak_ng(word, language, mouth):
    shown = [viseme for phoneme in ipa_of(word, language) for viseme in visemes_of(phoneme)]
    assert " ".join(shown) == mouth


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "de-AT", "ja", "zh-Hant-TW", "xx", "", "_-", "../en"]))
def test_what_is_spoken_covers_the_sound_word_by_word(text, language):
    words = words_of(text)
    if reference := spoken(words, language):
        edges = [edge for span in reference.spans for edge in (span.start_ms, span.end_ms)]
        assert edges[0] == 0
        assert edges == pytest.approx(sorted(edges))
        assert edges[-1] == pytest.approx(reference.audio.duration_ms)
        indices = [span.word for span in reference.spans if span.phoneme]
        assert indices == sorted(indices)
        assert set(indices) <= set(range(len(words)))


def test_a_language_that_espeak_ng_does_not_know_is_said_once(caplog):
    for _ in range(3):
        spoken(words_of("Magandang umaga"), "qxx-Latn")
    assert [record.message for record in caplog.records] == [
        "eSpeak NG does not know the language 'qxx-Latn': estimated lips follow another language in Latin letters"
    ]


def test_words_that_are_run_together_share_their_phonemes():
    words = words_of("Who lives in the middle of it?")
    reference = spoken(words, "en-us")
    assert {span.word for span in reference.spans if span.phoneme} == set(range(len(words)))


def test_without_the_library_it_is_said_once_and_nothing_is_spoken(monkeypatch, caplog):
    grapheme_to_phoneme._library.cache_clear()
    monkeypatch.setattr("engines.runtimes.espeak_api._opened", [])
    monkeypatch.setattr("engines.runtimes.espeak_api._PROBE", "import os; os.abort()")
    assert [spoken(words_of("Hello"), "en") for _ in range(3)] == [None] * 3
    assert [record.message.count("Reinstall it") for record in caplog.records] == [1]
    grapheme_to_phoneme._library.cache_clear()
