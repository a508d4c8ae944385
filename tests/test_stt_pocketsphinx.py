"""The embedded ears on human speech, on eSpeak NG's voice with a grammar, and on everything that is no speech."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import in_threads
from requirements import requirement

from engines.audio import concatenate, decode, resample
from engines.errors import EngineError, SpeechToTextError
from engines.protocols import SpeechToText
from engines.stt import pocketsphinx
from engines.tts import espeak_ng
from engines.types import AudioChunk

CLIPS = sorted(Path(os.environ["VISAVIS_TEST_SPEECH"]).glob("*.wav")) if "VISAVIS_TEST_SPEECH" in os.environ else []
needs_speech = pytest.mark.skipif(not CLIPS, reason="VISAVIS_TEST_SPEECH names no folder with recordings of people")

SENTENCES = (
    "hello there",
    "what is your name",
    "tell me about the whales",
    "how are you today",
    "why is the sky blue",
    "i would like to know more about wolves",
    "thank you and goodbye",
)
GRAMMAR = f"#JSGF V1.0;\ngrammar test;\npublic <sentence> = {' | '.join(SENTENCES)};\n"


@pytest.fixture(scope="module")
def ears() -> SpeechToText:
    return pocketsphinx.load(pocketsphinx.Options(), "cpu")


@pytest.fixture(scope="module")
def strict_ears() -> SpeechToText:
    return pocketsphinx.load(pocketsphinx.Options(grammar=GRAMMAR), "cpu")


@pytest.fixture(scope="module")
def spoken() -> dict[str, AudioChunk]:
    voice = espeak_ng.load(espeak_ng.Options(rate_wpm=150), "cpu")
    return {text: concatenate([speech.audio for speech in voice.synthesize(text)]) for text in SENTENCES}


def word_errors(expected: str, heard: str) -> tuple[int, int]:
    """Levenshtein distance in words, and how many were expected."""
    one, two = expected.split(), heard.split()
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(two, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1], len(one)


def chunk(samples: object, rate: int = 16_000) -> AudioChunk:
    return AudioChunk(np.asarray(samples, np.float32), rate)


def test_it_says_what_it_is(ears: SpeechToText) -> None:
    assert isinstance(ears, SpeechToText)
    assert pocketsphinx.INFO.embedded
    assert pocketsphinx.INFO.languages == ("en",)
    assert "mistakes" in pocketsphinx.INFO.summary


@needs_speech
def test_most_of_what_a_person_reads_is_understood(ears: SpeechToText) -> None:
    total = np.zeros(2)
    for clip in CLIPS:
        heard = ears.transcribe(decode(clip, max_ms=60_000)).text
        errors, words = word_errors(clip.with_suffix(".txt").read_text(), heard)
        assert errors / words <= 0.6, heard
        assert heard == heard.lower().strip()
        assert not set(heard) & set("<>[]()+")
        total += errors, words
    assert total[0] / total[1] <= 0.45


@needs_speech
def test_one_speaker_leaves_no_trace_in_the_next(ears: SpeechToText) -> None:
    one, other = (decode(clip, max_ms=60_000) for clip in CLIPS[1:3])
    alone = ears.transcribe(one)
    ears.transcribe(other)
    assert ears.transcribe(one) == alone


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
@requirement("engine.pocketsphinx")
def test_a_grammar_hears_a_synthetic_voice_exactly(strict_ears: SpeechToText, spoken: dict[str, AudioChunk], text: str, rate: int) -> None:
    transcript = strict_ears.transcribe(resample(spoken[text], rate))
    assert transcript.text == text
    assert transcript.language == "en"


def test_four_threads_hear_what_each_was_told(strict_ears: SpeechToText, spoken: dict[str, AudioChunk]) -> None:
    heard: list[tuple[str, str]] = []
    in_threads(*(lambda text=text: heard.append((text, strict_ears.transcribe(spoken[text]).text)) for text in SENTENCES[:4] * 2))
    assert len(heard) == 8
    assert all(said == text for text, said in heard)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0),
        np.zeros(1),
        np.zeros(1600 - 1),
        np.zeros(32_000),
        np.full(32_000, 0.4),
        np.eye(1, 32_000)[0] * 0.02,
        np.random.default_rng(0).normal(size=32_000) * 0.0003,
    ],
    ids=["empty", "one sample", "too short", "silence", "offset", "click", "hiss"],
)
def test_where_nothing_is_said_nothing_is_heard(ears: SpeechToText, samples: object) -> None:
    assert ears.transcribe(chunk(samples)).text == ""


@requirement("talk.cancelled-hearing")
def test_it_stops_between_two_steps_and_hears_the_next_one(strict_ears: SpeechToText, spoken: dict[str, AudioChunk]) -> None:
    class Later:
        """Not wanted any more from the fourth look on."""

        looks = 0

        @property
        def cancelled(self) -> bool:
            self.looks += 1
            return self.looks > 3

    later = Later()
    with pytest.raises(SpeechToTextError) as caught:
        strict_ears.transcribe(spoken["hello there"], "en", None, later)
    assert (caught.value.code, caught.value.counts_against_engine, later.looks) == ("cancelled", False, 4)
    assert strict_ears.transcribe(spoken["hello there"], "en").text == "hello there"


@pytest.mark.parametrize(
    "samples",
    [
        np.random.default_rng(0).uniform(-1, 1, 16_000),
        np.sign(np.sin(np.arange(16_000) / 7)),
        np.random.default_rng(0).normal(size=16_000) * 100,
        np.tile([1.0, -1.0], 8_000),
        np.eye(1, 16_000)[0],
    ],
    ids=["noise", "square", "beyond full scale", "highest pitch", "loud click"],
)
def test_noise_is_survived(ears: SpeechToText, samples: object) -> None:
    assert isinstance(ears.transcribe(chunk(samples)).text, str)


@pytest.mark.parametrize("language", ["en", "EN", "en-GB", "en_US", None, ""])
def test_every_english_is_taken(strict_ears: SpeechToText, spoken: dict[str, AudioChunk], language: str | None) -> None:
    assert strict_ears.transcribe(spoken["hello there"], language).text == "hello there"


@pytest.mark.parametrize("language", ["es", "de-DE", "english", "eng", "zh"])
def test_other_languages_are_refused_plainly(ears: SpeechToText, language: str) -> None:
    with pytest.raises(SpeechToTextError, match="English only") as caught:
        ears.transcribe(chunk(np.zeros(16_000)), language)
    assert caught.value.code == "language"


class Broken:
    """Fails in the middle of an utterance."""

    def __init__(self, genuine: object, step: str) -> None:
        self._genuine, self._step = genuine, step

    def __getattr__(self, name: str) -> object:
        if name == self._step:
            raise RuntimeError("broken on purpose")
        return getattr(self._genuine, name)


@pytest.mark.parametrize("step", ["start_utt", "process_raw", "end_utt", "hyp"])
def test_it_recovers_from_a_failure_at_every_step(
    spoken: dict[str, AudioChunk], monkeypatch: pytest.MonkeyPatch, step: str, strict_ears: pocketsphinx.PocketSphinx
) -> None:
    monkeypatch.setattr(strict_ears, "_decoder", Broken(strict_ears._decoder, step))
    with pytest.raises(SpeechToTextError) as caught:
        strict_ears.transcribe(spoken["hello there"])
    assert caught.value.code == "failed"
    assert caught.value.retryable
    assert strict_ears.transcribe(spoken["what is your name"]).text == "what is your name"


@pytest.mark.parametrize(
    "grammar", ["", "hello", "\0", "#JSGF V1.0;\ngrammar x;\npublic <a> = zzqqxx;\n", "#JSGF V1.0; grammar x; <y> = hello;"], ids=ascii
)
def test_a_bad_grammar_is_refused_plainly(grammar: str) -> None:
    with pytest.raises(EngineError) as caught:
        pocketsphinx.load(pocketsphinx.Options(grammar=grammar), "cpu")
    assert caught.value.code == "bad_grammar"


def test_the_library_prints_nothing(capfd: pytest.CaptureFixture[str], spoken: dict[str, AudioChunk]) -> None:
    ears = pocketsphinx.load(pocketsphinx.Options(grammar=GRAMMAR), "cpu")
    ears.transcribe(spoken["hello there"])
    ears.transcribe(chunk(np.random.default_rng(0).uniform(-1, 1, 16_000)))
    assert capfd.readouterr() == ("", "")


def test_it_never_holds_python_for_a_whole_utterance(ears, spoken, monkeypatch):
    steps = []

    class Watched:
        def __init__(self, decoder):
            self._decoder = decoder

        def __getattr__(self, name):
            return getattr(self._decoder, name)

        def process_raw(self, data, **options):
            steps.append(len(data))
            return self._decoder.process_raw(data, **options)

    monkeypatch.setattr(ears, "_decoder", Watched(ears._decoder))
    sentence = concatenate(list(spoken.values()))
    ears.transcribe(sentence)
    assert len(steps) >= 0.5 * sentence.duration_ms / 50
    assert max(steps) <= 2 * 16_000 * 0.05
