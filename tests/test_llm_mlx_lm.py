"""A chat model on MLX, which also runs on a Linux processor: this library's own; what every model must do is in test_llm_local.py."""

from __future__ import annotations

import importlib
import json
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

import pytest
from conftest import in_threads
from model_files import fails, loaded
from requirements import requirement

pytest.importorskip("mlx_lm", reason="mlx-lm is not installed: pip install -r requirements-engines.txt")

from tiny_chat_models import CHANNEL_MARKS, CHATML, MARKS, THINKS, TWO_STEPS, reply, save_tokenizer, talk, watched

from engines.errors import ChatModelError
from engines.llm import mlx_lm as room

HARMONY = (
    "<|start|>system<|message|>Reasoning: {{ reasoning_effort }}<|end|>"
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>{{ m.content }}<|end|>"
    "{% endfor %}<|start|>assistant"
)


def write_model(folder: Path, kind: str, config: dict, *, bits: int | None = None, broken: bool = False, seed: int = 1) -> Path:
    """Save a model of random weights that depends on what it reads."""
    import mlx.core as mx
    from mlx import nn
    from mlx.utils import tree_flatten, tree_map

    config = {"model_type": kind, **config}
    module = importlib.import_module(f"mlx_lm.models.{kind}")
    mx.random.seed(seed)
    model = module.Model(module.ModelArgs.from_dict(config))
    model.update(tree_map(lambda array: array * 3 if array.ndim > 1 else array, model.parameters()))
    if broken:
        model.model.norm.weight = mx.full((64,), float("nan"))
    if bits:
        nn.quantize(model, group_size=64, bits=bits)
        config["quantization"] = {"group_size": 64, "bits": bits}
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())), metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def qwen(folder: Path, *, template: str | None = THINKS, marks: tuple[str, ...] = MARKS, longest: int = 4096, **settings) -> Path:
    vocabulary = len(save_tokenizer(folder, template, marks))
    config = {
        "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6, "vocab_size": vocabulary, "rope_theta": 1e6, "tie_word_embeddings": True, "max_position_embeddings": longest,
    }  # fmt: skip
    return write_model(folder, "qwen2", config, **settings)


def gpt_oss(folder: Path, window: int = 32) -> Path:
    """A model that keeps of some layers a window of the last tokens only."""
    vocabulary = len(save_tokenizer(folder, HARMONY, CHANNEL_MARKS))
    yarn = {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 4096}
    config = {
        "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "num_local_experts": 4, "num_experts_per_tok": 2, "rms_norm_eps": 1e-5, "vocab_size": vocabulary,
        "sliding_window": window, "layer_types": ["sliding_attention", "full_attention"], "rope_theta": 150000, "rope_scaling": yarn,
        "max_position_embeddings": 131072,
    }  # fmt: skip
    return write_model(folder, "gpt_oss", config)


def lfm2(folder: Path) -> Path:
    """A model that keeps of some layers a sum of all it has read, which can never be cut."""
    vocabulary = len(save_tokenizer(folder, THINKS))
    config = {
        "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "norm_eps": 1e-5, "vocab_size": vocabulary, "layer_types": ["conv", "full_attention"], "conv_bias": False, "conv_L_cache": 3,
        "block_dim": 64, "block_multiple_of": 32, "block_ffn_dim_multiplier": 1.0, "block_auto_adjust_ff_dim": False,
        "max_position_embeddings": 4096,
    }  # fmt: skip
    return write_model(folder, "lfm2", config)


def qwen35(folder: Path, *, template: str = THINKS) -> Path:
    """A model that keeps of three layers in four a sum of all it has read."""
    vocabulary = len(save_tokenizer(folder, template))
    config = {
        "hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 32, "linear_value_head_dim": 32,
        "linear_conv_kernel_dim": 4, "full_attention_interval": 4, "rms_norm_eps": 1e-6, "vocab_size": vocabulary,
        "tie_word_embeddings": True, "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25},
    }  # fmt: skip
    return write_model(folder, "qwen3_5", {"text_config": {"model_type": "qwen3_5_text", **config}}, seed=3)


MODELS = {"qwen2": qwen, "gpt_oss": gpt_oss, "lfm2": lfm2, "qwen3_5": qwen35}


@requirement("engine.local-models")
def test_where_the_template_writes_the_reply_as_the_model_did_a_cache_that_cannot_be_trimmed_keeps_it(tmp_path, persona):
    model = model_of(qwen35(tmp_path, template=CHATML))
    counts, said, written = watched(model), ["hello there"], model.template.encode("i am fine" + " thank you" * 20 + "<|im_end|>", False)
    model.sampler = lambda prompt: nullcontext(partial(lambda tokens, _: next(tokens), iter(written)))
    for _ in range(3):
        counts.clear()
        said += [reply(model, talk(*said), persona), "how are you"]
        read = sum(count for count in counts if count > 1)
    assert read < 30 < len(written), "the question alone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return qwen(tmp_path_factory.mktemp("qwen"))


def model_of(folder: Path, **options) -> room.MlxLm:
    return loaded(room, room.Options(**{"model": str(folder), "temperature": 0.0, "max_tokens": 24, **options}), "auto")


def test_the_reply_is_what_the_library_itself_generates(folder, persona):
    from mlx_lm import generate, load

    model = model_of(folder, repetition_penalty=1.0)
    theirs, tokenizer = load(str(folder))
    prompt = model.template.prompt(talk("hello there")).tokens
    assert reply(model, talk("hello there"), persona).strip() == generate(theirs, tokenizer, prompt, max_tokens=24).strip()


def test_a_model_of_4_bits_writes(tmp_path, persona):
    model = model_of(qwen(tmp_path, bits=4))
    assert reply(model, talk("hello"), persona).strip()


def test_every_thread_can_use_a_model_that_another_one_loaded(tmp_path, persona):
    gpt_oss(tmp_path)
    chat_models, replies = [], []
    in_threads(lambda: chat_models.append(model_of(tmp_path)))
    for _ in range(2):
        in_threads(lambda: replies.append(reply(chat_models[0], talk("hello", "i am fine", "how are you"), persona)))
    assert len(replies) == 2
    assert replies[0] == replies[1]


def test_a_reply_may_change_its_thread(folder, persona):
    whole = reply(model_of(folder), talk(TWO_STEPS), persona)
    deltas, said = model_of(folder).stream(talk(TWO_STEPS), persona), []
    for _ in range(60):
        in_threads(lambda: said.append(next(deltas, None)))
    assert "".join(delta.text for delta in said if delta) == whole
    assert said[-1] is None


def test_gpt_oss_thinks_little(tmp_path):
    model = model_of(gpt_oss(tmp_path))
    assert "Reasoning: low" in model._tokenizer.decode(model.template.prompt(talk("hello")).tokens)


@pytest.mark.parametrize("template", ["{% if %}", ""], ids=["broken", "empty"])
def test_a_template_that_is_none_is_told(tmp_path, persona, template):
    model = model_of(qwen(tmp_path, template=template))
    with pytest.raises(ChatModelError) as caught:
        reply(model, talk("hello"), persona)
    assert caught.value.code == "template"


def test_numbers_that_are_none_are_told(folder, persona):
    import mlx.core as mx

    model = model_of(folder)
    model._model.model.norm.weight = mx.full((64,), float("nan"))
    mx.eval(model._model.parameters())
    with pytest.raises(ChatModelError) as caught:
        reply(model, talk("hello"), persona)
    assert caught.value.code == "bad_numbers"


def test_numbers_that_are_none_keep_the_model_from_loading(tmp_path):
    assert fails(room, qwen(tmp_path, broken=True)).code == "bad_numbers"


@pytest.mark.parametrize(
    "change",
    [{"num_hidden_layers": 3}, {"num_hidden_layers": 1}, {"hidden_size": 32}, {"model_type": "no_such"}, {"model_file": "evil.py"}],
    ids=str,
)
def test_weights_that_do_not_fit_the_model_are_told_and_no_code_is_run(folder, change, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert fails(room, tmp_path).code == "load_failed"
    assert not (tmp_path / "ran").exists()


def test_a_tokenizers_code_is_not_run(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with suppress(ChatModelError):  # whether the library finds another tokenizer in the folder is its affair
        loaded(room, room.Options(model=str(tmp_path)), "auto")
    assert not (tmp_path / "ran").exists()
