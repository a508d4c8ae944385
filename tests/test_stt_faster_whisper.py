"""Whisper on CTranslate2: what is this library's own; what every Whisper that runs here must do is in test_stt_local.py."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, lead_to, running
from model_files import fails, loaded
from tiny_whispers import SAYS, USUAL, WIDTH, Script, speech, weights_of

from engines.errors import SpeechToTextError
from engines.stt import faster_whisper as room
from engines.weights import catalog

END = "<|endoftext|>"
TIMES = 1501
"""Tokens for times, which the converter adds."""
EXACT = {"compute": "float32"}
"""Options with which the probabilities of a tiny model are what it was made for."""


@cache
def languages() -> list[str]:
    room = pytest.importorskip(
        "transformers.models.whisper.tokenization_whisper", reason="Transformers is not installed: pip install -r requirements-engines.txt"
    )
    return [code for code in room.LANGUAGES if code != "yue"]


@cache
def tokenizer_of(*, english: bool) -> Any:
    """A byte-level tokenizer with all of Whisper's marks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import WhisperTokenizerFast

    words = [" hello there how are you today thank you"] * 4
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(words, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if not english:  # an empty token is how CTranslate2 tells such a Whisper from an English one
        trained = json.loads(bpe.to_str())["model"]
        merges = [tuple(merge) for merge in trained["merges"]]
        bpe = Tokenizer(models.BPE({**trained["vocab"], "": len(trained["vocab"])}, merges))
        bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    after = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    bpe.add_special_tokens([END, "<|startoftranscript|>", *(f"<|{code}|>" for code in languages()), *after])
    return WhisperTokenizerFast(tokenizer_object=bpe, eos_token=END, bos_token=END, unk_token=END, pad_token=END)


def make(folder: Path, script: Script = USUAL) -> Path:
    """A model of some hundred kilobytes."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -r requirements-engines.txt")
    from ctranslate2.converters import TransformersConverter
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    tokenizer = tokenizer_of(english=script.english)
    size, identify = len(tokenizer) + TIMES, tokenizer.convert_tokens_to_ids
    end, start, no_times = identify(END), identify("<|startoftranscript|>"), identify("<|notimestamps|>")
    special = {"eos_token_id": end, "bos_token_id": end, "pad_token_id": end, "decoder_start_token_id": start}
    config = WhisperConfig(
        vocab_size=size, d_model=WIDTH, num_mel_bins=80, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, suppress_tokens=[], begin_suppress_tokens=[], **special,
    )  # fmt: skip
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    tokens, places, weight = weights_of(
        script, size, lambda text: tokenizer(text, add_special_tokens=False).input_ids, identify, no_times + 1
    )
    decoder = model.model.decoder
    with torch.no_grad():
        for part in (layer := decoder.layers[0]).self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2:
            part.weight.zero_()
            part.bias.zero_()
        decoder.embed_tokens.weight.copy_(torch.from_numpy(tokens))
        decoder.embed_positions.weight.copy_(torch.from_numpy(places))
        decoder.layer_norm.weight.fill_(weight)
    model.generation_config = GenerationConfig(
        is_multilingual=True, lang_to_id={f"<|{code}|>": identify(f"<|{code}|>") for code in languages()},
        task_to_id={task: identify(f"<|{task}|>") for task in ("transcribe", "translate")}, alignment_heads=[[0, 0]],
        no_timestamps_token_id=no_times, max_length=448, **special,
    )  # fmt: skip
    source = folder.with_name(f"{folder.name}-transformers")
    for part in (model, tokenizer, WhisperFeatureExtractor(feature_size=80)):
        part.save_pretrained(source)
    TransformersConverter(str(source), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(folder), force=True)
    return folder


def ears_of(folder: Path, **options: Any) -> room.FasterWhisper:
    return loaded(room, room.Options(model=str(folder), **options), "cpu")


def break_decoding(whisper: Any, error: Exception, patched: pytest.MonkeyPatch) -> None:
    """Let the library raise that."""
    patched.setattr(whisper._model, "encode", lambda *_, **__: (_ for _ in ()).throw(error))


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("whisper"))


def test_a_compute_type_that_does_not_exist_is_told(good):
    error = fails(room, good, compute="int3")
    assert error.code == "load_failed"
    assert "int3" in error.message


def test_every_size_has_its_model_on_the_hub(good, monkeypatch, tmp_path):
    from faster_whisper.utils import _MODELS

    assert {"tiny", "base", "small", "medium", "large-v3", "large-v3-turbo"} <= set(room.INFO.models)
    assert room.files(room.Options(), "auto") == catalog.named("whisper-base")
    names = {size: room.files(room.Options(model=size), "auto").name for size in room.INFO.models if size != "base"}
    assert names == {size: _MODELS[size] for size in names}, "the library's own names"
    with running(Hub({path.name: path.read_bytes() for path in good.iterdir()})) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        hub.repository = names["tiny"]
        assert loaded(room, room.Options(model="tiny"), "cpu").transcribe(speech(), "en").text == SAYS


@pytest.mark.parametrize(
    ("device", "cards", "on"), [("auto", 1, "cuda"), ("auto", 0, "cpu"), ("cuda", 0, "cuda"), ("cpu", 1, "cpu"), ("mps", 1, "cpu")]
)
def test_it_computes_on_an_nvidia_card_where_there_is_one(good, device, cards, on, monkeypatch):
    import ctranslate2
    import faster_whisper as library

    asked = []
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: cards)
    monkeypatch.setattr(
        library, "WhisperModel", lambda folder, **options: asked.append(options) or (_ for _ in ()).throw(ValueError("seen"))
    )
    with pytest.raises(SpeechToTextError):
        loaded(room, room.Options(model=str(good)), device)
    assert (asked[0]["device"], asked[0]["compute_type"]) == (on, "float16" if on == "cuda" else "int8")
