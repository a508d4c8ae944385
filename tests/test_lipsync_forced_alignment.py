"""Forced alignment: the times of words and phonemes, held against those that eSpeak NG itself reports, and against people reading aloud."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import in_threads, tone
from requirements import requirement

from engines.audio import decode, resample
from engines.lipsync import forced_alignment
from engines.lipsync.forced_alignment import timed
from engines.lipsync.oculus import is_known
from engines.lipsync.timeline import viseme_timeline
from engines.tts import espeak_ng
from engines.types import AudioChunk, Speech

TEXTS = [
    "Good morning, how are you feeling today?",
    "The quick brown fox jumps over the lazy dog.",
    "I have been thinking about what you said yesterday, and I believe you were right.",
    "She sells sea shells by the sea shore.",
    "My favourite colour is blue, but I also like green.",
    "In 1999, John's father bought a café in Gloucestershire!",
    "“Kubernetes” and Visavis are well-known — aren't they?",
]
VOICES = ["en-us", "en-us+f3", "en-gb+m2", "en-gb-scotland+f1"]


@pytest.fixture(scope="module")
def espeak():
    return espeak_ng.load(espeak_ng.Options(), "cpu")


def say(espeak, text, voice="en-us") -> Speech:
    (speech,) = espeak.synthesize(text, voice)
    return speech


def word_errors(found: Speech, true: Speech) -> list[float]:
    """ms between the beginnings of the words that both cut alike, and that occur once."""
    starts = {word.text.strip(): word.start_ms for word in true.words if [w.text for w in true.words].count(word.text) == 1}
    return [word.start_ms - starts[word.text.strip()] for word in found.words if word.text.strip() in starts]


def phone_errors(found: Speech, true: Speech) -> list[float]:
    """ms between the beginnings of the phonemes where both have as many."""
    ours, theirs = ([p.start_ms for p in speech.phonemes if p.phoneme] for speech in (found, true))
    return [a - b for a, b in zip(ours, theirs, strict=True)] if len(ours) == len(theirs) else []


def require_whole(speech: Speech, text: str) -> None:
    """The promises of every result."""
    assert "".join(word.text for word in speech.words) in {text, ""}
    total = speech.audio.duration_ms
    ends = [(p.start_ms, p.start_ms + p.duration_ms) for p in speech.phonemes]
    assert ends[0][0] == 0
    assert ends[-1][1] == pytest.approx(total)
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(ends))
    assert all(p.duration_ms >= 0 and is_known(p.phoneme) for p in speech.phonemes)
    assert all(0 <= w.start_ms <= w.start_ms + w.duration_ms <= total + 1e-6 for w in speech.words)
    assert all(a.start_ms <= b.start_ms for a, b in pairwise(speech.words))
    viseme_timeline(speech)


@requirement("lips.aligned")
def test_english_is_aligned_as_closely_as_the_voice_itself_knows(espeak):
    words, phones = [], []
    for text, voice in zip(TEXTS * 2, VOICES * 4, strict=False):
        true = say(espeak, text, voice)
        found = timed(true.audio, text, "en-GB")
        assert found.timing == "aligned", (voice, text)
        require_whole(found, text)
        words += word_errors(found, true)
        phones += phone_errors(found, true)
    assert len(words) > 75
    assert len(phones) > 75
    assert np.median(np.abs(words)) <= 12
    assert np.percentile(np.abs(words), 90) <= 60
    assert np.median(np.abs(phones)) <= 15
    assert np.percentile(np.abs(phones), 90) <= 53


@requirement("lips.honest")
def test_a_text_that_was_not_said_is_never_called_aligned(espeak):
    for text, voice in zip(TEXTS, VOICES * 2, strict=False):
        audio = say(espeak, text, voice).audio
        other = TEXTS[TEXTS.index(text) - 2]
        found = timed(audio, other, "en")
        assert found.timing == "estimated", (voice, text, other)
        require_whole(found, other)


@pytest.mark.skipif("VISAVIS_TEST_SPEECH" not in os.environ, reason="VISAVIS_TEST_SPEECH names no folder with recordings of people")
def test_people_reading_are_aligned():
    clips = sorted(Path(os.environ["VISAVIS_TEST_SPEECH"]).glob("*.wav"))
    assert clips
    for clip in clips:
        text = clip.with_suffix(".txt").read_text(encoding="utf-8").strip()
        found = timed(decode(clip, max_ms=60_000), text, "en")
        assert found.timing == "aligned"
        told = json.loads(clip.with_suffix(".phone.json").read_text(encoding="utf-8"))
        starts = [word["b"] * 1000 for word in told["w"] if word["t"][0] != "<"]
        errors = [abs(word.start_ms - start) for word, start in zip(found.words, starts, strict=True)]
        assert np.median(errors) <= 20


def test_a_word_ends_where_it_is_silent(espeak):
    quick, slow = ("That is all, ", "and so it was.")
    parts = [resample(say(espeak, text).audio, 16_000).samples for text in (quick, slow)]
    parts = [part[np.flatnonzero(np.abs(part) > 0.01)[0] : np.flatnonzero(np.abs(part) > 0.01)[-1]] for part in parts]
    for silence in (200, 400, 1_500):
        samples = np.concatenate([parts[0], np.zeros(silence * 16, np.float32), parts[1], np.zeros(8_000, np.float32)])
        found = timed(AudioChunk(samples, 16_000), quick + slow, "en")
        assert found.timing == "aligned"
        pauses = [(p.start_ms, p.start_ms + p.duration_ms) for p in found.phonemes if not p.phoneme and p.duration_ms >= 60]
        begins, said = len(parts[0]) / 16, len(samples) / 16 - 500
        assert [round(at / 30) for at, _ in pauses] == pytest.approx([round(begins / 30), round(said / 30)], abs=2)
        assert [word.text for word in found.words if word.start_ms + word.duration_ms <= pauses[0][0] + 1] == ["That ", "is ", "all, "]
        assert pauses[0][1] == pytest.approx(begins + silence, abs=90)


def test_the_same_sound_gets_the_same_times_whatever_came_before(espeak):
    audio = say(espeak, TEXTS[0]).audio
    first = timed(audio, TEXTS[0], "en")
    timed(AudioChunk(audio.samples * np.float32(0.05), audio.sample_rate), TEXTS[1], "en")
    timed(say(espeak, TEXTS[2], "en-us+f3").audio, TEXTS[2], "en")
    again = timed(audio, TEXTS[0], "en")
    assert (again.phonemes, again.words) == (first.phonemes, first.words)


@pytest.mark.parametrize("level", [0.003, 0.1, 1.0])
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_any_level_and_rate_is_aligned(espeak, level, rate):
    true = say(espeak, TEXTS[2])
    audio = resample(true.audio, rate)
    scaled = AudioChunk(audio.samples * np.float32(level / np.abs(audio.samples).max()), rate)
    found = timed(scaled, TEXTS[2], "en")
    assert found.timing == "aligned"
    assert np.median(np.abs(word_errors(found, true))) <= 20


def test_alignment_takes_a_fraction_of_the_sound_and_leaves_others_their_turn(espeak):
    text = " ".join(TEXTS[:5])
    audio = say(espeak, text).audio
    forced_alignment.warm_up()
    waits, done = [], threading.Event()

    def watch():
        while not done.is_set():
            before = time.perf_counter()
            time.sleep(0.001)
            waits.append(time.perf_counter() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.thread_time()  # which a busy machine does not lengthen
    assert timed(audio, text, "en").timing == "aligned"
    taken = time.thread_time() - begun
    done.set()
    watcher.join()
    assert taken < 0.15 * audio.duration_ms / 1000
    assert np.median(waits) < 0.05


def test_several_voices_at_once(espeak):
    sounds = [(text, say(espeak, text).audio) for text in TEXTS[:4]]
    alone = [timed(audio, text, "en").words for text, audio in sounds]
    together: dict[int, object] = {}
    in_threads(*(lambda at=at: together.update({at: timed(sounds[at][1], sounds[at][0], "en").words}) for at in range(len(sounds))))
    assert [together[at] for at in range(len(sounds))] == alone


SPOKEN = {
    "de": "Guten Morgen, wie geht es dir heute? Ich habe lange auf dich gewartet.",
    "fr-fr": "Bonjour, comment allez-vous aujourd'hui? Je suis très contente.",
    "es": "Hola, ¿cómo estás? Me alegro mucho de verte hoy.",
    "it": "Ciao, come stai? Oggi il tempo è molto bello.",
    "pt-br": "Bom dia, como você está? Hoje está muito quente.",
    "ru": "Привет, как дела? Сегодня хорошая погода.",
    "hi": "नमस्ते, आप कैसे हैं? आज मौसम बहुत अच्छा है।",
    "ja": "こんにちは、おげんきですか。とてもさむいです。",
    "cmn": "你好，我叫小北。今天天气很好。",
}


def visemes_each_10_ms(speech: Speech) -> list[str]:
    mouth = ["sil"] * int(speech.audio.duration_ms // 10)
    for viseme in viseme_timeline(speech).visemes:
        for at in range(round(viseme.start_ms / 10), min(round((viseme.start_ms + viseme.duration_ms) / 10), len(mouth))):
            mouth[at] = viseme.name
    return mouth


def agreement(found: Speech, true: Speech) -> float:
    """The share of the time of speech in which both show the same viseme."""
    pairs = [(a, b) for a, b in zip(visemes_each_10_ms(found), visemes_each_10_ms(true), strict=True) if b != "sil"]
    return sum(a == b for a, b in pairs) / len(pairs)


@pytest.mark.parametrize("language", SPOKEN)
@requirement("lips.estimated")
def test_other_languages_are_estimated_and_show_what_the_voice_itself_knows(language):
    slow = espeak_ng.load(espeak_ng.Options(rate_wpm=135, pitch=70), "cpu")
    text = SPOKEN[language]
    true = say(slow, text, f"{language}+f4")  # another speaker, slower and higher than the one who is compared
    found = timed(true.audio, text, language)
    assert found.timing == "estimated"
    require_whole(found, text)
    assert agreement(found, true) >= 0.75  # measured 0.81 to 0.91; by the letters alone, 0.2 to 0.4
    assert np.median(np.abs(word_errors(found, true)) if " " in text else [0]) <= 30


@pytest.mark.parametrize("text", ["", "Magandang umaga, kumusta ka?", "ជំរាបសួរ", "Привет, как дела?"])
def test_a_language_that_nobody_reads_still_moves_the_mouth_while_it_sounds(espeak, text):
    audio = say(espeak, "Good morning, how are you feeling today?").audio
    found = timed(audio, text, "xx")
    assert found.timing == "estimated"
    require_whole(found, text)
    assert (len({p.phoneme for p in found.phonemes}) > 2) is bool(text)


def test_without_espeak_ng_the_mouth_moves_while_it_sounds_and_rests_while_not(espeak, monkeypatch):
    text = SPOKEN["de"]
    audio = say(espeak, text, "de").audio
    monkeypatch.setattr(forced_alignment, "spoken", lambda *_: None)
    found = timed(audio, text, "de")
    require_whole(found, text)
    assert {p.phoneme for p in found.phonemes} == {"", "k", "ə"}
    assert [word.text for word in found.words if not word.duration_ms] == []


def test_an_estimate_pauses_where_the_sound_does(espeak):
    parts = [say(espeak, word, "de").audio.samples for word in ("Ja,", "nein", "doch")]
    silent = np.zeros(8_000, np.float32)
    samples = np.concatenate([silent, parts[0], silent, parts[1], parts[2], silent])
    speech = timed(AudioChunk(samples, 22_050), "Ja, nein doch", "de")
    mouth, loud = np.array(visemes_each_10_ms(speech)), np.abs(samples[: len(samples) // 220 * 220]).reshape(-1, 220).max(axis=1)
    silence = np.convolve(loud < 0.003, np.ones(20), "same") >= 20  # at least 200 ms of it
    assert np.mean(mouth[: len(silence)][silence[: len(mouth)]] == "sil") > 0.9
    starts = np.cumsum([8_000, len(parts[0]) + 8_000, len(parts[1])]) / 22.05
    assert [word.start_ms for word in speech.words] == [pytest.approx(start, abs=130) for start in starts]


@pytest.mark.parametrize(
    "text", ["", "?!", "a", "Hello.", "x " * 300, "ⁿ½ ٣", "\x00\ud800 Hello", "<s> (2) [noise] {a}", "你好", "=Hello (2)", "😀", "𝓗𝓲"]
)
@pytest.mark.parametrize(
    "samples",
    [np.zeros(0), np.zeros(1), np.zeros(9_000), tone(5).samples, tone(900).samples, np.random.default_rng(0).normal(0, 0.1, 9_000)],
    ids=["none", "one", "silence", "short", "tone", "noise"],
)
@pytest.mark.parametrize("language", ["en", "de", ""])
def test_ugly_input(samples, text, language):
    speech = timed(AudioChunk(np.asarray(samples, np.float32), 16_000), text, language)
    assert speech.timing == "estimated"
    if len(samples):
        require_whole(speech, text)


def test_an_english_voice_that_was_given_another_language_is_estimated(espeak):
    for language in ("de", "fr-fr", "ru"):
        assert timed(say(espeak, SPOKEN[language], language).audio, SPOKEN[language], "en").timing == "estimated"


def test_the_dictionary_does_not_grow_for_ever(espeak, monkeypatch):
    aligner = forced_alignment._aligner()
    monkeypatch.setattr(forced_alignment, "_MOST_NEW_WORDS", 3)
    audio = tone(300)
    first = aligner._decoder
    for number in range(4):
        timed(audio, f"hello hello zorblat{number}", "en")
        assert aligner._new_words <= 4
    assert aligner._decoder is not first


def test_without_the_aligner_it_is_said_once_and_estimated(monkeypatch, caplog):
    forced_alignment._aligner.cache_clear()
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with caplog.at_level(logging.WARNING):
        assert {timed(tone(), "Hello there.", "en").timing for _ in range(3)} == {"estimated"}
    assert [record.message.count("pip install") for record in caplog.records] == [1]
    forced_alignment._aligner.cache_clear()
