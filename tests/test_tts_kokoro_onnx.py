"""Kokoro on ONNX Runtime: the genuine loading code on a tiny file with the tensors of the published one."""

from __future__ import annotations

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
from engines.tts import kokoro_onnx as room
from engines.tts._kokoro import Kokoro

SHORT = {"af_heart": "Hello.", "bf_emma": "Hello.", "ef_dora": "Hola.", "ff_siwis": "Bonjour.", "hf_alpha": "नमस्ते।"}
SHORT |= {"if_sara": "Ciao.", "jf_alpha": "こんにちは。", "pf_dora": "Olá.", "zf_xiaobei": "你好。"}
INNER = "/encoder/Clip_output_0"


def tiny(inner: str = INNER) -> bytes:
    """Noise, of which a phoneme gets one to three frames at the usual speed, as its number says."""
    nodes = [
        node("Cast", "tokens", "numbers", to=FLOAT),
        node("Mod", "numbers three", "rests", fmod=1),
        node("Add", "rests one", "usual"),
        node("Div", "usual speed", "stretched"),
        node("Ceil", "stretched", "whole"),
        node("Squeeze", "whole first", inner),
        node("ReduceSum", inner, "frames"),
        node("Mul", "frames samples", "floats"),
        node("Cast", "floats", "length", to=INT64),
        node("ConstantOfShape", "length", "silence"),
        node("RandomUniformLike", "silence", "noise"),
        node("ReduceMean", "style", "mean", keepdims=0),
        node("Add", "noise mean", "audio"),
    ]
    constants = {"three": (FLOAT, [3]), "one": (FLOAT, [1]), "samples": (FLOAT, [600]), "first": (INT64, [0])}
    return model(nodes, {"tokens": INT64, "style": FLOAT, "speed": FLOAT}, {"audio": FLOAT}, constants)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "voices").mkdir()
    (tmp_path / "kokoro-v1.0.int8.onnx").write_bytes(tiny())
    for name in ("af_heart", "bm_george", "ef_dora"):
        (tmp_path / "voices" / f"{name}.bin").write_bytes(np.zeros((510, 256), "<f4").tobytes())
    return tmp_path


def opened(folder: Path, **options: object) -> Kokoro:
    return loaded(room, room.Options(model=str(folder), **options))


@requirement("engine.kokoro-onnx")
def test_it_speaks_with_the_times_of_an_inner_tensor(folder):
    voice = opened(folder)
    assert [voice.id for voice in voice.voices()] == ["af_heart", "bm_george", "ef_dora"]
    for name, text in (("af_heart", "Hello there, friend."), ("ef_dora", "¿Qué tal?")):
        (speech,) = voice.synthesize(text, name)
        assert_whole([speech], text, 24_000)
        assert speech.timing == "measured"
        assert sum(phoneme.duration_ms for phoneme in speech.phonemes) == speech.audio.duration_ms
        assert all(one.start_ms + one.duration_ms == other.start_ms for one, other in pairwise(speech.phonemes))
        assert {phoneme.duration_ms % 25 for phoneme in speech.phonemes} == {0}


def test_it_speaks_in_a_process_of_its_own(folder):
    (speech,) = loaded(isolated(room), room.Options(model=str(folder))).synthesize("Hello there.")
    assert_whole([speech], "Hello there.", 24_000)


def test_speed_is_kept_within_its_range(folder):
    (usual,), (slow,) = (opened(folder, speed=speed).synthesize("Hello there.") for speed in (1.0, 0.01))
    assert 1.3 < slow.audio.duration_ms / usual.audio.duration_ms <= 2


@pytest.mark.parametrize(
    "damaged",
    [b"", tiny()[:-200], b"<!DOCTYPE html>", tiny(inner="/encoder/Other")],
    ids=["empty", "half a file", "a web page", "another model"],
)
def test_a_file_that_is_not_the_model_is_refused_in_one_sentence(folder, damaged):
    (folder / "kokoro-v1.0.int8.onnx").write_bytes(damaged)
    with pytest.raises(TextToSpeechError, match=r"cannot be opened: .* Fetch it again") as caught:
        opened(folder)
    assert caught.value.code == "load_failed"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "damaged",
    [b"", bytes(1000), bytes(510 * 256 * 4 - 4), np.full((510, 256), np.nan, "<f4").tobytes()],
    ids=["none", "less", "cut", "nan"],
)
def test_a_voice_of_the_wrong_shape_is_refused_and_the_others_speak(folder, damaged):
    (folder / "voices" / "bm_george.bin").write_bytes(damaged)
    voice = opened(folder)
    with pytest.raises(TextToSpeechError, match=r"bm_george cannot be read: .* Choose another") as caught:
        list(voice.synthesize("Hello", "bm_george"))
    assert caught.value.code == "bad_voice"
    assert list(voice.synthesize("Hello"))


@pytest.mark.parametrize("name", ["kokoro-v1.0.int8.onnx", "voices/af_heart.bin"])
def test_a_missing_file_is_named(folder, name):
    for path in folder.glob(name.replace("af_heart", "*")):
        path.unlink()
    with pytest.raises(TextToSpeechError, match=name.partition("/")[0]) as caught:
        opened(folder)
    assert caught.value.code == "missing_files"


@requirement("engine.kokoro-onnx")
def test_the_published_model_speaks_nine_languages_with_its_own_times():
    voice = opened(weights("kokoro"))
    listed = [voice.id for voice in voice.voices()]
    assert len(listed) == 54
    for name, text in SHORT.items():
        (speech,) = voice.synthesize(text, name)
        assert_whole([speech], text, 24_000)
        assert sum(phoneme.duration_ms for phoneme in speech.phonemes) == speech.audio.duration_ms
        assert 500 < speech.audio.duration_ms < 3000
