"""Every Whisper that runs here, with tiny models that its own tests make: what it hears, what it passes on, and how it fails.

An adapter is found by its `files`. Its own tests, ``test_stt_NAME.py``, hold `make(folder, script)`, which makes a tiny model,
`ears_of(folder, **options)`, `EXACT`, and `break_decoding(whisper, error, patched)`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import in_threads, tone
from hub_server import Hub, lead_to, running
from model_files import damaged, fails, lacking, loaded
from requirements import requirement
from tiny_whispers import RATE, SAYS, Script, click, noise, speech

from engines import stt
from engines.audio import concatenate, decode
from engines.concurrency.channel import CancelToken
from engines.errors import SpeechToTextError
from engines.isolation.isolated_engine import isolated
from engines.protocols import SpeechToText
from engines.stt._whisper import samples_of
from engines.types import AudioChunk

ADAPTERS = [importlib.import_module(f"engines.stt.{found.name}") for found in pkgutil.iter_modules(stt.__path__) if found.name[0] != "_"]
LOCAL = [adapter for adapter in ADAPTERS if hasattr(adapter, "files")]
HUMANS = sorted(Path(os.environ["VISAVIS_TEST_SPEECH"]).glob("*.wav")) if "VISAVIS_TEST_SPEECH" in os.environ else []


@dataclass(frozen=True)
class Case:
    """An adapter, and its own tests."""

    room: ModuleType
    tests: ModuleType

    def make(self, folder: Path, **script: Any) -> Path:
        return self.tests.make(folder, Script(**script))

    def ears_of(self, folder: Path, **options: Any) -> Any:
        return self.tests.ears_of(folder, **options)


def cases() -> Iterator[Any]:
    for room in LOCAL:
        name = room.INFO.name
        try:
            yield pytest.param(Case(room, importlib.import_module(f"test_stt_{name}")), id=name)
        except pytest.skip.Exception as skipped:
            yield pytest.param(None, id=name, marks=pytest.mark.skip(reason=str(skipped)))


@pytest.fixture(scope="module", params=list(cases()))
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def folder(case, tmp_path_factory) -> Path:
    return case.make(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def whisper(case, folder) -> Any:
    return case.ears_of(folder)


def test_there_are_whispers_that_run_here():
    assert len(LOCAL) >= 2
    assert all(room.INFO.models and not room.INFO.embedded for room in LOCAL)


# ---- what is heard


def test_it_hears_the_same_in_a_process_of_its_own(case, folder, whisper):
    engine = loaded(isolated(case.room), case.room.Options(model=str(folder)))
    assert isinstance(engine, SpeechToText)
    assert engine.transcribe(speech(), "en") == whisper.transcribe(speech(), "en")


@pytest.mark.parametrize("language", ["en", "en-GB", "pt_BR", "nb", "fil", "zh-Hant-TW"])
@requirement("engine.whisper")
def test_speech_becomes_words_in_the_language_that_is_set(whisper, language):
    heard = whisper.transcribe(speech(), language)
    assert (heard.text, heard.language) == (SAYS, language)


def test_the_language_is_found_when_none_is_set(whisper):
    assert whisper.transcribe(speech()).language == "de"


def test_javanese_is_spelled_as_others_spell_it(case, tmp_path):
    assert case.ears_of(case.make(tmp_path, language="jw")).transcribe(speech()).language == "jv"


def test_whisper_hears_the_speech_at_its_own_rate(whisper, monkeypatch):
    given, decoded = [], whisper.decode
    monkeypatch.setattr(whisper, "decode", lambda samples, *rest: given.append(samples) or decoded(samples, *rest))
    whisper.transcribe(speech(), "en")
    assert speech().sample_rate == 22_050
    assert given[0].dtype == np.float32
    assert 0.5 * speech().duration_ms < len(given[0]) / 16 <= speech().duration_ms + 1


def test_long_recordings_are_heard_to_their_end(whisper):
    minute = concatenate([speech()] * (60_000 // int(speech().duration_ms) + 1))
    assert whisper.transcribe(minute, "en").text.count("Hello there") >= 2


@requirement("talk.cancelled-hearing")
def test_a_recording_that_is_not_wanted_any_more_is_heard_no_further(whisper):
    token = CancelToken()
    token.cancel()
    with pytest.raises(SpeechToTextError) as caught:
        whisper.transcribe(speech(), "en", None, token)
    assert (caught.value.code, caught.value.counts_against_engine) == ("cancelled", False)
    assert whisper.transcribe(speech(), "en").text == SAYS


def test_many_at_once_are_all_heard(whisper):
    heard: list[str] = []
    in_threads(*[lambda: heard.append(whisper.transcribe(speech(), "en").text)] * 4)
    assert heard == [SAYS] * 4


def test_every_thread_can_use_a_model_that_another_one_loaded(case, folder):
    whisper: list[Any] = []
    heard: list[str] = []
    for work in (lambda: whisper.append(case.ears_of(folder)), *[lambda: heard.append(whisper[0].transcribe(speech()).text)] * 2):
        in_threads(work)
    assert heard == [SAYS] * 2


@pytest.mark.skipif(not HUMANS, reason="VISAVIS_TEST_SPEECH names no folder with recordings of people")
@pytest.mark.parametrize("file", HUMANS, ids=lambda file: file.stem[-4:])
@pytest.mark.parametrize("ratio_db", [60, 20, 10])
def test_human_speech_reaches_whisper_through_noise(whisper, file, ratio_db):
    clip = decode(file, max_ms=60_000)
    level = float(np.sqrt(np.square(clip.samples).mean())) * 10 ** (-ratio_db / 20)
    around = np.random.default_rng(1).normal(0, level, len(clip.samples) + 2 * clip.sample_rate).astype(np.float32)
    around[clip.sample_rate : -clip.sample_rate] += clip.samples
    assert whisper.transcribe(AudioChunk(around, clip.sample_rate), "en").text


# ---- what is not passed on


@pytest.mark.parametrize(
    "sound",
    [
        noise(0.0), noise(1e-4), noise(0.03), noise(0.3), tone(3000, 50), tone(3000, 1000, 0.9), click(),
        AudioChunk(np.zeros(0, np.float32), RATE), noise(0.1, 0.01),
    ],
    ids=["zeros", "hiss", "noise", "loud noise", "hum", "a beep", "a click", "nothing", "too short"],
)  # fmt: skip
@pytest.mark.parametrize("language", [None, "en"])
def test_what_is_steady_or_short_never_reaches_whisper(whisper, sound, language, monkeypatch):
    monkeypatch.setattr(whisper, "decode", lambda *_: pytest.fail("Whisper was asked"))
    heard = whisper.transcribe(sound, language)
    assert (heard.text, heard.language) == ("", language)


@pytest.mark.parametrize(
    "script",
    [
        {"says": " thank you" * 40},
        {"says": " thank you", "sureness": 0.5},
        {"says": " thank you", "sureness": 40.0, "doubt": 0.99, "at_start": "<|nospeech|>"},
    ],
    ids=["repeated over and over", "guessed", "nobody spoke"],
)
def test_inventions_are_not_passed_on(case, tmp_path, script):
    whisper = case.ears_of(case.make(tmp_path, **script), **case.tests.EXACT)
    segments, _ = whisper.decode(samples_of(speech()), "en", {})
    assert "".join(stretch.text for stretch in segments).strip().startswith("thank you"), "the library itself lets it pass"
    assert whisper.transcribe(speech(), "en").text == ""


def test_a_sure_text_is_passed_on_even_where_whisper_doubts_that_anyone_spoke(case, tmp_path):
    whisper = case.ears_of(case.make(tmp_path, says=" Thank you", sureness=40, at_start="<|nospeech|>"))
    segments, _ = whisper.decode(samples_of(speech()), "en", {})
    assert [stretch.no_speech > 0.9 for stretch in segments] == [True]
    assert whisper.transcribe(speech(), "en").text == "Thank you"


# ---- failures


def test_an_english_model_hears_english_only(case, tmp_path):
    whisper = case.ears_of(case.make(tmp_path, says=" Hello", english=True))
    assert (whisper.transcribe(speech()).text, whisper.transcribe(speech()).language) == ("Hello", "en")
    with pytest.raises(SpeechToTextError, match="does not know the language 'de'"):
        whisper.transcribe(speech(), "de")


@pytest.mark.parametrize("language", ["tlh", "yue", "../en", "<|en|>", "x", "-"])
def test_a_language_it_does_not_know_is_refused(whisper, language):
    with pytest.raises(SpeechToTextError, match="does not know the language") as caught:
        whisper.transcribe(speech(), language)
    assert caught.value.code == "language"


def test_numbers_that_are_none_are_told(case, tmp_path):
    whisper = case.ears_of(case.make(tmp_path, sureness=float("nan")))
    with pytest.raises(SpeechToTextError) as caught:
        whisper.transcribe(speech(), "en")
    assert caught.value.code == "bad_numbers"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("CUDA failed with error out of memory"), "out_of_memory"),
        (RuntimeError("[metal::malloc] Attempting to allocate 9 bytes"), "out_of_memory"),
        (ValueError("x"), "failed"),
    ],
    ids=["cuda", "metal", "other"],
)
def test_a_failure_while_hearing_is_told_and_the_next_turn_goes_on(case, whisper, error, code, monkeypatch):
    with monkeypatch.context() as patched:
        case.tests.break_decoding(whisper, error, patched)
        with pytest.raises(SpeechToTextError) as caught:
            whisper.transcribe(speech(), "en")
    assert (caught.value.code, caught.value.__cause__) == (code, error)
    assert "ffmpeg" not in caught.value.message
    assert whisper.transcribe(speech(), "en").text


def test_a_folder_that_lacks_a_file_is_named_with_the_file(case, folder, tmp_path):
    for missing, copy in lacking(case.room, folder, tmp_path):
        error = fails(case.room, copy)
        assert (error.code, f"lacks {missing}." in error.message) == ("missing_files", True), missing


@pytest.mark.parametrize("size", [0, 100, -50])
def test_a_damaged_file_is_told(case, folder, size, tmp_path):
    for name, copy in damaged(case.room, folder, tmp_path, size):
        assert fails(case.room, copy).code == "load_failed", name


@pytest.fixture
def hub(monkeypatch, tmp_path) -> Iterator[Hub]:
    with running(Hub()) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        yield hub


def test_a_model_of_the_hub_is_fetched_and_then_serves_without_a_network(case, folder, hub, monkeypatch):
    from huggingface_hub import constants

    hub.files = {path.name: path.read_bytes() for path in folder.iterdir()} | {"README.md": b"not asked for"}
    options = case.room.Options(model=hub.repository)
    assert loaded(case.room, options, "cpu").transcribe(speech(), "en").text == SAYS
    assert not hub.asked("README.md")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert loaded(case.room, options, "mps").transcribe(speech(), "en").text == SAYS
    error = fails(case.room, "some/other")
    assert (error.code, error.retryable) == ("offline", True)


def test_a_model_of_the_hub_in_another_format_is_refused(case, hub):
    hub.files = {"config.json": b"{}", "model.safetensors": b"x"}
    error = fails(case.room, hub.repository)
    assert error.code == "missing_files"
    assert case.room.files(case.room.Options(model=hub.repository), "cpu").required[1].replace("|", " or ") in error.message
