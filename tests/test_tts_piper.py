"""Piper: the genuine loading code on tiny voices in the published format, and on a published one where it can be had."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from genuine import weights
from model_files import loaded
from requirements import requirement
from speeches import assert_whole
from tiny_onnx import FLOAT, INT64, model, node

from engines.errors import TextToSpeechError
from engines.isolation.isolated_engine import isolated
from engines.tts import piper as room
from engines.weights.catalog import CatalogModel

HOP, RATE = 16, 16_000


def tiny(operator: str = "Ceil") -> bytes:
    """Noise, of which each number gets one to four frames, at the usual speed."""
    nodes = [
        node("Cast", "input", "numbers", to=FLOAT),
        node("Mod", "numbers three", "rests", fmod=1),
        node("Gather", "scales second", "slowness", axis=0),
        node("Add", "rests half", "usual"),
        node("Mul", "usual slowness", "stretched"),
        node(operator, "stretched", "whole"),
        node("ReduceSum", "whole", "frames", keepdims=0),
        node("Mul", "frames hop", "floats"),
        node("Cast", "floats", "length", to=INT64),
        node("ConstantOfShape", "length", "silence"),
        node("RandomUniformLike", "silence", "output"),
    ]
    constants = {"three": (FLOAT, [3]), "half": (FLOAT, [0.5]), "hop": (FLOAT, [HOP]), "second": (INT64, [1])}
    return model(nodes, {"input": INT64, "input_lengths": INT64, "scales": FLOAT}, {"output": FLOAT}, constants)


def description(**changed: object) -> dict[str, object]:
    ids = {character: [number] for number, character in enumerate("_^$ !,.:;?abcdefhijklmnopqrstuvwxyzæçðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ\u0303")}
    told = {"audio": {"sample_rate": RATE}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak", "phoneme_id_map": ids}
    told |= {"inference": {"noise_scale": 0.5, "length_scale": 1, "noise_w": 0.8}, "num_speakers": 1, "dataset": "ada"}
    return told | {"language": {"code": "en_US", "name_english": "English"}} | changed


def save(folder: Path, name: str, content: bytes, **changed: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(content)
    (folder / f"{name}.onnx.json").write_text(json.dumps(description(**changed)), encoding="utf-8")


@pytest.fixture
def folder(tmp_path) -> Path:
    save(tmp_path, "en_US-ada-low", tiny())
    save(tmp_path, "fr_FR-eve-low", tiny(), espeak={"voice": "fr-fr"}, language={"code": "fr_FR", "name_english": "French"})
    return tmp_path


def opened(folder: Path, **options: object) -> room.Piper:
    return loaded(room, room.Options(model=str(folder), **options))


@requirement("engine.piper")
@pytest.mark.parametrize(
    ("name", "text"), [("en_US-ada-low", "Hello there, friend. 🤔"), ("fr_FR-eve-low", "C'est déjà bon, un vin blanc !")]
)
def test_every_voice_of_a_folder_speaks_with_its_models_own_times(folder, name, text):
    voice = opened(folder)
    assert {v.id: v.language for v in voice.voices()} == {"en_US-ada-low": "en-US", "fr_FR-eve-low": "fr-FR"}
    (speech,) = voice.synthesize(text, name)
    assert_whole([speech], text, RATE)
    assert speech.timing == "measured"
    assert sum(phoneme.duration_ms for phoneme in speech.phonemes) == pytest.approx(speech.audio.duration_ms)
    for one, other in pairwise(speech.phonemes):
        assert one.start_ms + one.duration_ms == pytest.approx(other.start_ms)


def test_it_speaks_in_a_process_of_its_own(folder):
    (speech,) = loaded(isolated(room), room.Options(model=str(folder))).synthesize("Hello there.")
    assert_whole([speech], "Hello there.", RATE)


@pytest.mark.parametrize("text", ["", " ", "🤔", "...", "x" * 700, "\x00a\ud800", "One. " * 100 + "🤔" * 400, "中文 नमस्ते"])
def test_no_text_is_too_ugly(folder, text):
    if speeches := list(opened(folder).synthesize(text)):
        assert_whole(speeches, text, RATE)


def test_speed_is_kept_within_its_range(folder):
    (usual,), (slow,) = (opened(folder, speed=speed).synthesize("Hello there.") for speed in (1.0, 0.01))
    assert 1.3 < slow.audio.duration_ms / usual.audio.duration_ms <= 2


@pytest.mark.parametrize("name", ["", "de_DE-nobody-low", "../en_US-ada-low", "en_US-ada-low#1", "en_US-ada-low#x"])
def test_an_unknown_voice_or_speaker_is_refused_at_once(folder, name):
    with pytest.raises(TextToSpeechError, match="no voice") as caught:
        opened(folder).synthesize("Hello", name)
    assert caught.value.code == "unknown_voice"


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "how long"), (tiny()[:-150], ""), (b"<!DOCTYPE html>", ""), (tiny("Floor"), "how long")],
    ids=["empty", "half a file", "a web page", "no durations"],
)
def test_a_file_that_is_no_voice_is_refused_in_one_sentence_and_the_others_speak(folder, content, why):
    save(folder, "fr_FR-eve-low", content)
    voice = opened(folder)
    with pytest.raises(TextToSpeechError, match=f"fr_FR-eve-low cannot be opened: .*{why}.* or choose another") as caught:
        list(voice.synthesize("Bonjour", "fr_FR-eve-low"))
    assert caught.value.code == "bad_voice"
    assert "\n" not in caught.value.message
    assert list(voice.synthesize("Hello"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", json.dumps(description(phoneme_id_map={"a": [1]})), json.dumps(description(audio=None))]
)
def test_a_description_that_cannot_be_read_is_told(tmp_path, text):
    save(tmp_path, "en_US-ada-low", tiny())
    (tmp_path / "en_US-ada-low.onnx.json").write_text(text, encoding="utf-8")
    with pytest.raises(TextToSpeechError, match="no description of a voice") as caught:
        opened(tmp_path)
    assert caught.value.code == "load_failed"


def test_voices_of_the_hub_are_named_like_its_files():
    model = room.files(room.Options(model="de_DE-thorsten_emotional-medium"), "cpu")
    assert model.name == "rhasspy/piper-voices"
    assert "de/de_DE/thorsten_emotional/medium/de_DE-thorsten_emotional-medium.onnx" in model.required
    assert isinstance(room.files(room.Options(), "cpu"), CatalogModel)


def test_the_published_voice_says_what_is_written(tmp_path):
    shutil.copytree(weights("piper"), tmp_path / "voices")
    voice = opened(tmp_path / "voices")
    (speech,) = voice.synthesize("Well, that depends on the season.")
    assert_whole([speech], "Well, that depends on the season.", 22_050)
    assert "".join(phoneme.phoneme for phoneme in speech.phonemes) == "wɛl,ðætdᵻpɛndzɔnðəsizən."
    assert 1500 < speech.audio.duration_ms < 3000
    loud = np.abs(speech.audio.samples) > 0.02
    assert speech.words[-1].start_ms < np.flatnonzero(loud)[-1] * 1000 / 22_050
