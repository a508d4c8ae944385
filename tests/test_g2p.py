"""Grapheme-to-phoneme: what is said of a text, in Kokoro's notation of nine languages, and which word it belongs to."""

from __future__ import annotations

import random
import sys

import pytest
from requirements import requirement

from engines.g2p import espeak
from engines.g2p.kokoro import g2p_of

TEXTS = {
    "a": "“Hello” there, it's 1,234 steps; Dr. Smith's well-known shop took $3.50.  Really? (Yes!)",
    "b": "I can't bear the weather in Gloucestershire — can you?",
    "e": "¿Cómo estás? ¡Muy bien, señor García! Son las 12:45.",
    "f": "L'été, c'est déjà 1999 — qu'il fait beau !",
    "h": "नमस्ते दुनिया। आप कैसे हैं?",
    "i": "Ciao, come stai? Gli amici arrivano alle 10.",
    "j": "こんにちは。2026年に「東京」で会いましょう！",
    "p": "Olá, não sei se amanhã vai chover; são 20 graus.",
    "z": "你好，世界。今天是2026年3月5日，天气很好！",
}


def said(text: str, letter: str = "a") -> str:
    return "".join(phonemes for _, phonemes in g2p_of(letter)(text)).strip()


@requirement("voice.words")
@pytest.mark.parametrize(
    ("letter", "words"),
    [
        ("a", [("“Hello” ", "h"), ("there, ", "ð"), ("it's ", "ɪ"), ("1,234 ", "w"), ("steps; ", "s"), ("Dr. ", "d"), ("Smith's ", "s")]),
        ("f", [("L'été, ", "l"), ("c'est ", "s"), ("déjà ", "d"), ("1999 — ", "m"), ("qu'il ", "k"), ("fait ", "f"), ("beau !", "b")]),
        ("e", [("¿Cómo ", "k"), ("estás? ", "e"), ("¡Muy ", "m"), ("bien, ", "β"), ("señor ", "s"), ("García! ", "ɣ")]),
        ("h", [("नमस्ते ", "n"), ("दुनिया। ", "d"), ("आप ", "a"), ("कैसे ", "k"), ("हैं?", "h")]),
        ("i", [("Ciao, ", "ʧ"), ("come ", "k"), ("stai? ", "s"), ("Gli ", "ʎ"), ("amici ", "a"), ("arrivano ", "a"), ("alle ", "a")]),
        ("p", [("Olá, ", "o"), ("não ", "n"), ("sei ", "s"), ("se ", "s"), ("amanhã ", "æ"), ("vai ", "v")]),
        ("z", [("你好，", "n"), ("世界。", "ʂ"), ("今天", "ʨ"), ("是", "ʂ"), ("2026年", "ɚ"), ("3月", "s"), ("5日，", "u")]),
        ("j", [("こんにちは。", "k"), ("2026", "ɲ"), ("年", "n"), ("に", "ɲ"), ("「東京」", "t"), ("で", "d"), ("会い", "a")]),
    ],
)
def test_words_have_their_own_sounds(letter, words):
    found = [(word, next(c for c in phonemes if c.isalpha() and c not in "ˈˌ")) for word, phonemes in g2p_of(letter)(TEXTS[letter])]
    assert found[: len(words)] == words


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("The apple, the pear.", "ði ˈæpᵊl, ðə pˈɛɹ."),
        ("I want to record a record.", "ˌI wˈɑnt tə ɹəkˈɔɹd ɐ ɹˈɛkəɹd."),
        ("You have read it; to read is good.", "jˌu hæv ɹˈɛd ɪt; tə ɹˈid ɪz ɡˈʊd."),
        ("Now 20% off", "nˈW twˈɛnti pəɹsˈɛnt ˈɔf"),
        ("A well-known plan - yes.", "ɐ wˌɛlnˈOn plˈæn — jˈɛs."),
        ("HTML and NASA", "ˌAʧtˌiˌɛmˈɛl ænd nˈæsə"),
        ("Close the door; it is close.", "klˈOz ðə dˈɔɹ; ɪt ɪz klˈOs."),
        ("Wolves live in dens, and she lives here.", "wˈʊlvz lˈɪv ɪn dˈɛnz, ænd ʃi lˈɪvz hˈɪɹ."),
        ("It saves lives.", "ˌɪt sˈAvz lˈIvz."),
        ("I read it yesterday. They read well.", "ˌI ɹˈɛd ɪt jˈɛstəɹdˌA. ðˌA ɹˈid wˈɛl."),
        ("What is the use? Use it.", "wˌʌt ɪz ðə jˈus? jˈuz ɪt."),
        ("Mr. Lee runs main.py.", "mˈɪstəɹ lˈi ɹˈʌnz mˈAn dˈɑt pˈI."),
    ],
)
def test_english_by_lexicon_and_part_of_speech(text, phonemes):
    assert said(text) == phonemes


@pytest.mark.parametrize(
    ("letter", "text", "phonemes"),
    [
        ("b", "Go, then.", "ɡˌQ, ðˈɛn."),
        ("f", "Qu'est-ce que c'est ?", "kɛskˌə sˈɛ ?"),
        ("z", "银行的行长", "i↗nxa↗ŋ tɤ xa↗ŋꭧa↓ŋ"),
        ("j", "私は三日に東京へ行こう。", "βatakɯɕi βa mʲiʔka ɲi toːkʲoː e ikoː."),
        ("j", "3日", "mʲiʔka"),
        ("h", "नमस्ते।", "nəmˈʌsteː."),
    ],
)
def test_other_languages(letter, text, phonemes):
    assert said(text, letter) == phonemes


def test_words_outside_the_lexicon_are_asked_of_espeak():
    assert said("Zyxlophin") == "zˈɪksləfˌɪn"


@pytest.mark.parametrize("letter", "zj")
def test_latin_words_are_english_in_mandarin_and_japanese(letter):
    assert said("OK", letter) == said("OK")


def ugly() -> list[str]:
    signs = "aZé9 ,.'’-–—…\"“”«»()/\\@&%$€#*_+=<>[]{}|~^`\x00\n\t\u200b\ud800\u0301😀中の한ع्ก½²१①ﬁß"
    dice = random.Random(0)  # noqa: S311 - no secret
    made = ["".join(dice.choices(signs, k=dice.randint(1, 40))) for _ in range(60)]
    return [*made, "", " ", "...", "9" * 400, "1/2 ½ ² 10^400 1e999", "e\u0301te\u0301 1", "'9'8", "-5", "a.b.c", "ーっん々", "12-14"]


@requirement("voice.any-text")
@pytest.mark.parametrize("letter", TEXTS)
def test_no_text_is_too_ugly_and_none_of_its_characters_is_lost(letter):
    for text in ugly():
        words = g2p_of(letter)(text)
        assert "".join(word for word, _ in words) == text
        assert all(word for word, _ in words) or not text


@pytest.mark.parametrize(("letter", "package"), [("a", "kokorog2p.en.lexicon"), ("z", "rjieba"), ("j", "lindera")])
def test_a_package_that_is_missing_is_an_import_error_for_the_adapter(letter, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError):
        g2p_of.__wrapped__(letter)


def test_ipa_of_any_language_with_its_marks():
    g2p = espeak.g2p("de", lambda ipa: ipa.replace(espeak.TIE, ""), {mark: mark for mark in ",.?!"})
    assert g2p("Guten Tag, Herr Müller!") == [("Guten ", "ɡˈuːtən "), ("Tag, ", "tˈɑːk, "), ("Herr ", "hˈɛɾ "), ("Müller!", "mˈʏlɜ!")]
