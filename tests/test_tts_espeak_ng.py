"""The embedded voice: genuine eSpeak NG, its times held against its own sound."""

from __future__ import annotations

import subprocess
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement
from speeches import assert_whole as assert_speech_whole

from engines.errors import TextToSpeechError
from engines.runtimes import espeak_api
from engines.tts import espeak_ng
from engines.types import PhonemeTiming, Speech

TEXTS = {
    "en-us": "  “Hello” world, it's the end of the day: 1,234 people; well-known U.S.A. Dr. Smith paid $3.50.  Really? (Yes!) ",
    "es": "¿Cómo estás? ¡Muy bien, señor García! Él dijo «hola».",
    "de": "Ich habe das „Über-Ich“ gesehen; z.B. 1.234,5 Euro.",
    "fr-FR": "L'été, c'est déjà 1999 — qu'il fait beau.",
    "hi": "नमस्ते दुनिया। आप कैसे हैं?",
    "ja": "こんにちは。げんきですか。",
    "zh": "你好世界。今天天气很好。",
    "ar": "مرحبا بك في العالم",
    "ru": "Привет, как дела?",
    "ko": "안녕하세요 여러분",
}


@pytest.fixture(scope="module")
def voice() -> espeak_ng.EspeakNg:
    return espeak_ng.load(espeak_ng.Options(), "cpu")


def say(voice: espeak_ng.EspeakNg, text: str, name: str | None = None) -> Speech:
    (speech,) = voice.synthesize(text, name)
    return speech


def sounds(speech: Speech) -> list[str]:
    return [p.phoneme for p in speech.phonemes if p.phoneme]


def level_db(speech: Speech, start_ms: float, end_ms: float) -> float:
    rate = speech.audio.sample_rate
    part = speech.audio.samples[round(start_ms * rate / 1000) : round(end_ms * rate / 1000)].astype(np.float64)
    return float(10 * np.log10(np.mean(part**2) + 1e-12))


def pitch_hz(speech: Speech) -> float:
    """The highest peak of the autocorrelation of the loudest tenth of a second, below 300 Hz, where there are few overtones.

    It is not normalised: of a period and its double, which agree equally well, the shorter wins.
    """
    samples, rate = speech.audio.samples.astype(np.float64), speech.audio.sample_rate
    size = rate // 10
    start = int(np.argmax(np.convolve(samples**2, np.ones(size), "valid")))
    spectrum = np.fft.rfft(samples[start : start + size], 2 * size)
    spectrum[np.fft.rfftfreq(2 * size, 1 / rate) > 300] = 0
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    shortest, longest = rate // 400, rate // 70
    return rate / (shortest + int(np.argmax(correlation[shortest:longest])))


assert_whole = partial(assert_speech_whole, rate=22_050)


@pytest.mark.parametrize("name", TEXTS)
@requirement("lips.measured")
def test_speaks_languages_with_true_times(voice: espeak_ng.EspeakNg, name: str) -> None:
    speech = say(voice, TEXTS[name], name)
    assert_whole([speech], TEXTS[name])
    assert len(sounds(speech)) > 10
    assert np.abs(speech.audio.samples).max() > 0.2
    for phoneme in speech.phonemes:
        if not phoneme.phoneme:
            assert level_db(speech, phoneme.start_ms, phoneme.start_ms + phoneme.duration_ms) < -45, "a pause is silent"
        elif phoneme.phoneme.lstrip("ˈˌ")[0] in "aeioɑɛɔæ" and phoneme.duration_ms > 20:
            assert level_db(speech, phoneme.start_ms, phoneme.start_ms + phoneme.duration_ms) > -40, "a vowel sounds"


def test_every_voice_it_lists_speaks(voice: espeak_ng.EspeakNg) -> None:
    listed = voice.voices()
    assert listed[0].id == "en-us"
    assert len(listed) > 100
    assert len({v.id for v in listed}) == len(listed)
    for v in listed:
        speeches = list(voice.synthesize("ma 1 ᎠᎹ", v.id))
        assert_whole(speeches, "ma 1 ᎠᎹ")
        assert sounds(speeches[0]), v


def test_languages_are_bcp_47(voice: espeak_ng.EspeakNg) -> None:
    languages = {v.id: v.language for v in voice.voices()}
    assert (languages["fr"], languages["en"], languages["es-419"], languages["fa-latn"]) == ("fr-FR", "en-GB", "es-419", "fa-Latn")
    assert (languages["ru-cl"], languages["en-gb-x-rp"]) == ("ru-x-cl", "en-GB-x-rp"), "neither Chile nor a region called RP"


def test_a_stop_begins_with_its_closure(voice: espeak_ng.EspeakNg) -> None:
    speech = say(voice, "My happy puppy bought a paper map.")
    stops = [p for p in speech.phonemes if p.phoneme == "p"]
    assert len(stops) == 6
    for p in stops:
        assert level_db(speech, p.start_ms + 2, p.start_ms + 25) < -60, "the lips are closed"
        assert level_db(speech, p.start_ms - 30, p.start_ms - 5) > -45, "the sound before it runs right up to it"


def test_words_begin_with_their_sound(voice: espeak_ng.EspeakNg) -> None:
    speech = say(voice, "Peter bought my happy puppy.")
    assert [w.text for w in speech.words] == ["Peter ", "bought ", "my ", "happy ", "puppy."]
    starts = {round(p.start_ms, 3): p.phoneme for p in speech.phonemes}
    assert [starts[round(w.start_ms, 3)] for w in speech.words] == ["p", "b", "m", "h", "p"]


def test_word_texts_keep_numbers_quotes_and_merged_words_whole(voice: espeak_ng.EspeakNg) -> None:
    words = [w.text for w in say(voice, TEXTS["en-us"]).words]
    assert words[0] == "  “Hello” "
    assert {"1,234 ", "$3.50.  ", "it's ", "of the ", "(Yes!) "} <= set(words)
    assert [w.text for w in say(voice, TEXTS["zh"], "zh").words if w.text.startswith("天")] == ["天", "天"]


@pytest.mark.parametrize(
    "name", ["", " ", *"nope en-nope ../x /etc/passwd en+../../x en+ +f3 en-us+nope en-us+f3+f3 gmw/en en\x00 en-us;x".split(" ")]
)
def test_refuses_unknown_voices_before_the_library_sees_them(voice: espeak_ng.EspeakNg, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_api.shared_library(), "speak", lambda *_, **__: pytest.fail("reached the library"))
    with pytest.raises(TextToSpeechError) as refusal:
        voice.synthesize("Hello.", name)
    assert refusal.value.code == "unknown_voice"


@pytest.mark.parametrize(
    ("name", "same"),
    [("fr-FR", "fr"), ("fr_FR", "fr"), ("EN-US", "en-us"), ("en-GB", "en"), ("de-DE", "de"), ("zh", "cmn"), ("zh-CN", "cmn"), ("no", "nb")],
)
def test_finds_a_voice_by_language_tag(voice: espeak_ng.EspeakNg, name: str, same: str) -> None:
    text = "Universal 12 nation"
    assert sounds(say(voice, text, name)) == sounds(say(voice, text, same))


def test_a_variant_is_another_speaker(voice: espeak_ng.EspeakNg) -> None:
    man, woman = say(voice, "Are you all alone?", "en-us+m1"), say(voice, "Are you all alone?", "en-us+f3")
    assert pitch_hz(woman) > 1.3 * pitch_hz(man)
    assert_whole([say(voice, "Hello.", "fr+Mr serious")], "Hello.")


def test_options_change_pace_and_pitch_within_limits() -> None:
    def take(**options: int) -> Speech:
        return say(espeak_ng.load(espeak_ng.Options(**options), "cpu"), "Are you all alone in there?")

    assert take(rate_wpm=100).audio.duration_ms > 1.4 * take(rate_wpm=250).audio.duration_ms
    assert take(rate_wpm=9000).audio.duration_ms == pytest.approx(take(rate_wpm=300).audio.duration_ms, rel=0.02)
    assert take(rate_wpm=-5).audio.duration_ms == pytest.approx(take(rate_wpm=80).audio.duration_ms, rel=0.02)
    assert pitch_hz(take(pitch=900)) == pytest.approx(pitch_hz(take(pitch=99)), rel=0.05)
    assert pitch_hz(take(pitch=99)) > 1.3 * pitch_hz(take(pitch=50))
    assert_whole([take(rate_wpm=300)], "Are you all alone in there?")


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\x00", "\x00\x07 \ud800"])
def test_blank_text_yields_nothing(voice: espeak_ng.EspeakNg, text: str) -> None:
    assert list(voice.synthesize(text)) == []


@pytest.mark.parametrize(
    "text", ["Hello\x00 wor\x07ld \ud800 \ue000 there.", "…", "?!", "😀", "a\u0301" * 50, "x" * 3000, "1" * 900, "\U0010ffff a"]
)
def test_odd_text_keeps_every_character(voice: espeak_ng.EspeakNg, text: str) -> None:
    assert_whole(list(voice.synthesize(text)), text)


def test_text_after_a_nul_is_spoken(voice: espeak_ng.EspeakNg) -> None:
    assert sounds(say(voice, "one\x00two")) == sounds(say(voice, "one two"))


def test_markup_is_read_not_obeyed(voice: espeak_ng.EspeakNg) -> None:
    assert "ˈiː" in sounds(say(voice, "<speak>one</speak>")), "it says: speak"
    assert say(voice, 'one <break time="9s"/> two').audio.duration_ms < 8000
    assert sounds(say(voice, "[[t'u:]]")) != sounds(say(voice, "two"))


def test_letters_and_accents_may_come_apart(voice: espeak_ng.EspeakNg) -> None:
    text = "L'été à la cafétéria, déjà."
    apart = unicodedata.normalize("NFD", text)
    speech = say(voice, apart, "fr")
    assert_whole([speech], apart)
    assert sounds(speech) == sounds(say(voice, text, "fr"))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=80), st.sampled_from(["en-us", "fr", "cmn", "hi", "ar", "en-us+f3"]))
def test_any_text_comes_out_whole(text: str, name: str) -> None:
    speeches = list(espeak_ng.load(espeak_ng.Options(), "cpu").synthesize(text, name))
    assert_whole(speeches, text if speeches else "")
    assert speeches or not any(c.isalnum() for c in text)


@pytest.mark.parametrize("unit", ["The quick brown fox jumps over it. ", "word ", "今天天气很好。", "no,comma;no space!", " "])
def test_long_text_comes_in_bounded_pieces(voice: espeak_ng.EspeakNg, unit: str) -> None:
    text = "So: " + unit * (2000 // len(unit))
    speeches = list(voice.synthesize(text))
    assert_whole(speeches, text)
    assert max(len("".join(w.text for w in speech.words)) for speech in speeches) <= 300
    assert max(speech.audio.duration_ms for speech in speeches) < 200_000


def test_words_run_on_where_a_sentence_is_split(voice: espeak_ng.EspeakNg) -> None:
    first, *_ = voice.synthesize("word " * 200)
    assert first.phonemes[-1].phoneme or first.phonemes[-1].duration_ms < 60, "no pause in the middle of a sentence"


def test_closing_the_iterator_stops_the_work(voice: espeak_ng.EspeakNg, monkeypatch: pytest.MonkeyPatch) -> None:
    library, calls = espeak_api.shared_library(), []
    speak = library.speak
    monkeypatch.setattr(library, "speak", lambda *a, **k: calls.append(1) or speak(*a, **k))
    pieces = voice.synthesize("The quick brown fox. " * 5000)
    next(pieces)
    next(pieces)
    pieces.close()
    assert len(calls) == 2
    assert sounds(say(voice, "Next.")), "and the voice is free again"


def test_four_threads_speak_at_once(voice: espeak_ng.EspeakNg) -> None:
    names = ["en-us", "es", "de", "fr-FR"]
    alone = {name: sounds(say(voice, TEXTS[name], name)) for name in names}
    together = threading.Barrier(len(names))

    def run(name: str) -> list[list[str]]:
        together.wait()
        return [sounds(say(voice, TEXTS[name], name)) for _ in range(15)]

    with ThreadPoolExecutor(len(names)) as pool:
        for name, takes in zip(names, pool.map(run, names), strict=True):
            assert takes == [alone[name]] * 15


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which this system does not have")
def test_memory_does_not_grow(voice: espeak_ng.EspeakNg) -> None:
    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    for _ in range(50):
        say(voice, TEXTS["es"])
    before = resident_mb()
    for _ in range(500):
        say(voice, TEXTS["es"])
    assert resident_mb() - before < 10


def test_a_damaged_data_folder_is_an_error_not_a_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("phontab", "phonindex", "phondata", "intonations"):
        (tmp_path / name).write_bytes(b"\xff" * 64)
    monkeypatch.setattr(espeak_api, "_opened", [])
    monkeypatch.setattr("espeakng_loader.get_data_path", lambda: str(tmp_path))
    with pytest.raises(TextToSpeechError, match="Reinstall") as failure:
        espeak_ng.load(espeak_ng.Options(), "cpu")
    assert failure.value.code == "load_failed"


@pytest.mark.parametrize(
    ("probe", "said"), [("import time; time.sleep(30)", "did not start within"), ("import os; os.abort()", "ended with status")]
)
def test_a_library_that_hangs_or_aborts_takes_only_the_probe_with_it(monkeypatch: pytest.MonkeyPatch, probe: str, said: str) -> None:
    monkeypatch.setattr(espeak_api, "_opened", [])
    monkeypatch.setattr(espeak_api, "_PROBE", probe)
    monkeypatch.setattr(espeak_api, "_PROBE_SECONDS", 0.2 if "sleep" in probe else 30)
    with pytest.raises(TextToSpeechError, match=said) as failure:
        espeak_ng.load(espeak_ng.Options(), "cpu")
    assert failure.value.code == "load_failed"


def test_it_probes_once(voice: espeak_ng.EspeakNg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("probed again"))
    assert espeak_ng.load(espeak_ng.Options(), "cpu").voices() == voice.voices()


def test_names_are_clean_ipa() -> None:
    assert [espeak_api.ipa(name) for name in ("ˈA", "tS", "?a", "\x01", "", "aɪ")] == ["ˈɑ", "tʃ", "ʔa", "", "", "aɪ"]
    assert PhonemeTiming(espeak_api.ipa("\x01"), 0, 1).phoneme == "", "which is a pause"
