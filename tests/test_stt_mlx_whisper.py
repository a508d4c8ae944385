"""Whisper on MLX, which also runs on a Linux processor: this library's own; what every Whisper must do is in test_stt_local.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from model_files import fails, loaded

pytest.importorskip("mlx_whisper", reason="mlx-whisper is not installed: pip install -r requirements-engines.txt")

from tiny_whispers import SAYS, USUAL, WIDTH, Script, speech, weights_of

from engines.errors import SpeechToTextError
from engines.stt import mlx_whisper as room

EXACT: dict[str, Any] = {}
"""Options with which the probabilities of a tiny model are what it was made for: those that it has anyway."""


def make(folder: Path, script: Script = USUAL, *, vocabulary: int = 51_865, half: bool = False, npz: bool = False) -> Path:
    """A model in one of the forms that the hub has."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_whisper.tokenizer import get_tokenizer
    from mlx_whisper.whisper import ModelDimensions, Whisper

    vocabulary -= script.english
    tokenizer = get_tokenizer(not script.english, num_languages=vocabulary - 51_765 - (not script.english))
    dimensions = {
        "n_mels": 80, "n_audio_ctx": 1500, "n_audio_state": WIDTH, "n_audio_head": 2, "n_audio_layer": 1,
        "n_vocab": vocabulary, "n_text_ctx": 448, "n_text_state": WIDTH, "n_text_head": 2, "n_text_layer": 1,
    }  # fmt: skip
    mx.random.seed(0)
    model = Whisper(ModelDimensions(**dimensions), mx.float32)
    tokens, places, weight = weights_of(
        script, vocabulary, tokenizer.encode, tokenizer.special_tokens.__getitem__, tokenizer.timestamp_begin
    )
    decoder = model.decoder
    block = decoder.blocks[0]
    for part in (block.attn.out, block.cross_attn.out, block.mlp2):
        part.weight, part.bias = mx.zeros_like(part.weight), mx.zeros_like(part.bias)
    decoder.token_embedding.weight = mx.array(tokens)
    decoder.positional_embedding = mx.array(places)
    decoder.ln.weight = mx.full((WIDTH,), weight)
    folder.mkdir(exist_ok=True)
    weights = {name: array.astype(mx.float16) if half else array for name, array in tree_flatten(model.parameters())}
    (folder / "config.json").write_text(json.dumps({**dimensions, "model_type": "whisper"}))
    if npz:
        mx.savez(str(folder / "weights.npz"), **weights)
    else:
        mx.save_safetensors(str(folder / "weights.safetensors"), weights)
    return folder


def ears_of(folder: Path, **options: Any) -> room.MlxWhisper:
    return loaded(room, room.Options(model=str(folder), **options), "auto")


def break_decoding(whisper: Any, error: Exception, patched: pytest.MonkeyPatch) -> None:
    """Let the library raise that."""
    patched.setattr(type(whisper._model), "decode", lambda *_, **__: (_ for _ in ()).throw(error))


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def whisper(good) -> room.MlxWhisper:
    return ears_of(good)


@pytest.mark.parametrize("form", [{"half": True}, {"npz": True}, {"half": True, "npz": True}], ids=str)
def test_every_form_that_the_hub_has_is_read(tmp_path, form):
    assert ears_of(make(tmp_path, **form)).transcribe(speech(), "en").text == SAYS


def test_a_quantized_model_is_read(good, tmp_path):
    import mlx.core as mx
    from mlx import nn
    from mlx.utils import tree_flatten
    from mlx_whisper.load_models import load_model

    model = load_model(str(good), mx.float32)
    nn.quantize(model, group_size=64, bits=8)
    mx.save_safetensors(str(tmp_path / "weights.safetensors"), dict(tree_flatten(model.parameters())))
    config = json.loads((good / "config.json").read_text()) | {"quantization": {"group_size": 64, "bits": 8}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert ears_of(tmp_path).transcribe(speech(), "en").text.startswith("Hello there")


def test_cantonese_came_with_the_third_large_model(whisper, tmp_path):
    with pytest.raises(SpeechToTextError, match="'yue'"):
        whisper.transcribe(speech(), "yue")
    assert ears_of(make(tmp_path, vocabulary=51_866)).transcribe(speech(), "yue").text.startswith("Hello")


def test_two_models_are_not_mistaken_for_each_other_and_are_freed(whisper, tmp_path):
    from mlx_whisper.transcribe import ModelHolder

    other = ears_of(make(tmp_path, Script(" Thank you")))
    assert [mind.transcribe(speech(), "en").text for mind in (whisper, other, whisper)] == [
        SAYS, "Thank you", SAYS,
    ]  # fmt: skip
    assert ModelHolder.model is None


def test_a_damaged_npz_is_told(tmp_path):
    made = make(tmp_path, npz=True) / "weights.npz"
    made.write_bytes(made.read_bytes()[:-1000])
    assert fails(room, tmp_path).code == "load_failed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"n_text_layer": 2}, "missing_files"), ({"n_audio_layer": 2}, "missing_files"), ({"n_mels": 128}, "load_failed"),
        ({"n_vocab": None}, "load_failed"), ({"n_text_layer": 0}, "load_failed"),
        ({"surprise": 1}, "load_failed"),
    ],
    ids=str,
)  # fmt: skip
def test_weights_that_do_not_fit_the_model_are_told(good, change, code, tmp_path):
    (tmp_path / "weights.safetensors").symlink_to(good / "weights.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(json.loads((good / "config.json").read_text()) | change))
    assert fails(room, tmp_path).code == code


@pytest.mark.parametrize("size", room.INFO.models)
def test_every_size_has_a_home_on_the_hub(size):
    model = room.files(room.Options(model=size), "auto")
    assert model.name.startswith(f"mlx-community/whisper-{size}")
    assert room.files(room.Options(model="some/whisper"), "auto").name == "some/whisper"
