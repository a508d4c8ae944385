"""A chat model on llama.cpp: what is this library's own; what every model that computes here must do is in test_llm_local.py."""

from __future__ import annotations

import gc
import itertools
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import fails, loaded
from tiny_chat_models import LONG, MARKS, THINKS, reply, talk, tokenizer_of

from engines.errors import ChatModelError
from engines.llm import llama_cpp as room
from engines.protocols import ChatModel

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: it is an extra, and compiles for minutes")
gguf = pytest.importorskip("gguf", reason="gguf is not installed: it makes the models of these tests")

WIDTH, HEADS, SHARED_HEADS, LAYERS = 64, 4, 2, 2
INNER, STATE, CONVOLVED, RANK = 128, 16, 4, 4
"""Of the layers of Mamba."""


def write(folder: Path, kind: str, template: str | None, marks: tuple[str, ...], longest: int) -> tuple[Any, int]:
    """A file with a tokenizer, still without weights; and the size of the vocabulary."""
    bpe = tokenizer_of(marks)
    tokens = sorted(bpe.get_vocab(), key=bpe.get_vocab().__getitem__)
    file = gguf.GGUFWriter(folder / "tiny.gguf", kind)
    file.add_context_length(longest)
    file.add_embedding_length(WIDTH)
    file.add_block_count(LAYERS)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("qwen2")
    file.add_token_list(tokens)
    file.add_token_types([gguf.TokenType.CONTROL if token in marks else gguf.TokenType.NORMAL for token in tokens])
    file.add_token_merges([" ".join(merge) for merge in json.loads(bpe.to_str())["model"]["merges"]])
    file.add_eos_token_id(tokens.index(marks[-1]))
    file.add_bos_token_id(tokens.index(marks[0]))
    file.add_add_bos_token(False)
    if template is not None:
        file.add_chat_template(template)
    return file, len(tokens)


def finish(file: Any, weights: dict[str, tuple[int, ...]], given: dict[str, float]) -> None:
    """Fill the file with random weights, and with `given` values."""
    random = np.random.default_rng(0)
    for name, shape in weights.items():
        values = random.normal(0, 0.3, shape) if name not in given else np.full(shape, given[name])
        file.add_tensor(name, values.astype(np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def qwen(folder: Path, *, template: str | None = THINKS, marks: tuple[str, ...] = MARKS, longest: int = 4096, broken: bool = False) -> Path:
    """A Qwen2 of two layers."""
    file, vocabulary = write(folder, "qwen2", template, marks, longest)
    file.add_feed_forward_length(2 * WIDTH)
    file.add_head_count(HEADS)
    file.add_head_count_kv(SHARED_HEADS)
    file.add_rope_freq_base(1e6)
    shared = SHARED_HEADS * WIDTH // HEADS
    weights = {"token_embd.weight": (vocabulary, WIDTH), "output.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    given = {"output_norm.weight": np.nan if broken else 1.0}
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        for name, size in (("q", WIDTH), ("k", shared), ("v", shared)):
            weights |= {f"{at}attn_{name}.weight": (size, WIDTH), f"{at}attn_{name}.bias": (size,)}
        weights |= {f"{at}attn_norm.weight": (WIDTH,), f"{at}attn_output.weight": (WIDTH, WIDTH), f"{at}ffn_norm.weight": (WIDTH,)}
        weights |= {f"{at}ffn_{name}.weight": (2 * WIDTH, WIDTH) for name in ("gate", "up")} | {f"{at}ffn_down.weight": (WIDTH, 2 * WIDTH)}
        given |= {f"{at}attn_norm.weight": 1.0, f"{at}ffn_norm.weight": 1.0}
    finish(file, weights, given)
    return folder


def mamba(folder: Path) -> Path:
    """A recurrent model of two layers: it keeps a sum of all it has read, which cannot be cut."""
    file, vocabulary = write(folder, "mamba", THINKS, MARKS, 4096)
    file.add_feed_forward_length(0)
    file.add_head_count(0)
    file.add_ssm_inner_size(INNER)
    file.add_ssm_state_size(STATE)
    file.add_ssm_conv_kernel(CONVOLVED)
    file.add_ssm_time_step_rank(RANK)
    weights = {"token_embd.weight": (vocabulary, WIDTH), "output.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    given = {"output_norm.weight": 1.0}
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        weights |= {
            f"{at}attn_norm.weight": (WIDTH,), f"{at}ssm_in.weight": (2 * INNER, WIDTH), f"{at}ssm_conv1d.weight": (INNER, CONVOLVED),
            f"{at}ssm_conv1d.bias": (INNER,), f"{at}ssm_x.weight": (RANK + 2 * STATE, INNER), f"{at}ssm_dt.weight": (INNER, RANK),
            f"{at}ssm_dt.bias": (INNER,), f"{at}ssm_a": (INNER, STATE), f"{at}ssm_d": (INNER,), f"{at}ssm_out.weight": (WIDTH, INNER),
        }  # fmt: skip
        given |= {f"{at}attn_norm.weight": 1.0, f"{at}ssm_a": -0.1}
    finish(file, weights, given)
    return folder


MODELS = {"qwen2": qwen, "mamba": mamba}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return qwen(tmp_path_factory.mktemp("gguf"))


@pytest.fixture(scope="module")
def file(folder) -> Path:
    return folder / "tiny.gguf"


def model_of(model: Path, **options) -> room.LlamaCpp:
    settings = {"model": str(model), "temperature": 0.0, "max_new_tokens": 24, "threads": 1, **options}
    return loaded(room, room.Options(**settings), "auto")


def test_the_reply_is_what_the_library_itself_generates(file, persona):
    from llama_cpp import Llama

    model = model_of(file, repetition_penalty=1.0)
    theirs = Llama(str(file), n_ctx=512, verbose=False)
    prompt = model.template.prompt(talk("hello there")).tokens
    assert prompt == theirs.tokenize(theirs.detokenize(prompt, special=True), add_bos=False, special=True)
    made = list(itertools.islice(theirs.generate(prompt, temp=0.0), 24))
    ends = [at for at, token in enumerate(made) if token == theirs.token_eos()]
    made = made[: ends[0]] if ends else made
    assert reply(model, talk("hello there"), persona).strip() == theirs.detokenize(made).decode(errors="replace").strip()


def test_more_users_than_places_are_told(file, persona):
    model = model_of(file)
    streams = [model.stream(talk(f"hello {number}"), persona) for number in range(16)]
    for stream in streams:
        next(stream)
    with pytest.raises(ChatModelError) as caught:
        next(model.stream(talk("hello"), persona))
    assert (caught.value.code, caught.value.retryable) == ("busy", True)
    for stream in streams:
        stream.close()
    assert reply(model, talk("hello"), persona)


def test_where_the_context_is_full_the_conversations_nobody_is_in_are_let_go(file, persona):
    model = model_of(file, context_tokens=1024)
    texts = [f"{number} " + LONG[: 1_800 + number] for number in range(4)]
    other = model_of(file, conversations=0)
    fresh = [reply(other, talk(text), persona) for text in texts]
    assert [reply(model, talk(text), persona) for text in texts] == fresh
    streams = [model.stream(talk(text), persona) for text in texts]
    with pytest.raises(ChatModelError, match="context_tokens") as caught:
        list(itertools.zip_longest(*streams))
    assert caught.value.code == "busy"


def test_a_template_that_writes_nothing_is_borne(tmp_path, persona):
    assert reply(model_of(qwen(tmp_path, template=" ")), talk("hello"), persona) is not None


def test_a_template_that_is_none_keeps_the_model_from_loading(tmp_path):
    assert fails(room, qwen(tmp_path, template="{% for %}")).code == "load_failed"


def test_numbers_that_are_none_keep_the_model_from_loading(tmp_path):
    assert fails(room, qwen(tmp_path, broken=True)).code == "bad_numbers"


def test_a_model_that_nobody_holds_any_more_is_freed(file, persona):
    model = model_of(file)
    reply(model, talk("hello"), persona)
    llama = weakref.ref(model._llama)
    del model
    gc.collect()
    assert llama() is None


@pytest.mark.parametrize("size", [3, 1_000, 100_000, -4_000])
def test_a_file_that_ends_early_is_told(file, tmp_path, size):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(file.read_bytes()[:size])
    assert fails(room, damaged).code == "load_failed"


def test_what_is_no_gguf_or_not_there_is_told(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"MZ" + bytes(5_000))
    assert fails(room, tmp_path / "x.gguf").code == "load_failed"
    assert fails(room, tmp_path / "none.gguf").code == "unknown_model"


def test_a_folder_with_one_file_will_do(file, tmp_path):
    (tmp_path / "mmproj-tiny.gguf").write_bytes(b"")
    (tmp_path / "tiny-q8.gguf").symlink_to(file)
    assert model_of(tmp_path)
    assert fails(room, tmp_path.parent).code == "missing_files"


@pytest.mark.parametrize(
    ("model", "name", "files"),
    [
        ("owner/name", "owner/name", room._QUANTIZED),
        ("owner/name:*Q8_0*", "owner/name", ("*Q8_0*.gguf",)),
        ("owner/name:tiny.gguf", "owner/name", ("tiny.gguf",)),
    ],
)
def test_which_files_of_the_hub_are_fetched(model, name, files):
    wanted = room.files(room.Options(model=model), "cpu")
    assert (wanted.name, wanted.files, wanted.required) == (name, files, ("|".join(files),))


def test_a_model_fetched_before_serves_without_a_network(file, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fails(room, "some/model").code == "offline"
    repository = tmp_path / "models--some--model"
    snapshot = repository / "snapshots" / ("0" * 40)
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "tiny-Q8_0.gguf").write_bytes(b"not this one")
    assert fails(room, "some/model").code == "offline"
    (snapshot / "tiny-Q4_K_M.gguf").symlink_to(file)
    assert isinstance(loaded(room, room.Options(model="some/model"), "cpu"), ChatModel)
