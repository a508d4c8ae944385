"""A chat model on Transformers: what is this library's own; what every model that computes here must do is in test_llm_local.py."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from hub_server import Hub, lead_to, running
from model_files import fails, loaded
from tiny_chat_models import CHATML, MARKS, THINKS, one_thread, reply, save_tokenizer, talk  # noqa: F401 - one_thread is a fixture

from engines.llm import transformers as room
from engines.protocols import ChatModel

pytest.importorskip("torch", reason="torch is not installed: pip install -r requirements-engines.txt")


def make(
    folder: Path, *, template: str | None = THINKS, marks: tuple[str, ...] = MARKS, window: int | None = None, longest: int = 4096
) -> Path:
    """A Qwen2 of two layers with random weights, and its tokenizer."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = save_tokenizer(folder, template, marks)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=longest, eos_token_id=tokenizer.eos_token_id, initializer_range=0.3,
        **({"use_sliding_window": True, "sliding_window": window, "max_window_layers": 1} if window else {}),
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def qwen35(folder: Path) -> Path:
    """A Qwen3.5 of four layers, three of which keep a sum of all that was read."""
    import torch
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    tokenizer = save_tokenizer(folder, THINKS)
    torch.manual_seed(0)
    config = Qwen3_5TextConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, linear_num_value_heads=4, linear_num_key_heads=2, linear_key_head_dim=32,
        linear_value_head_dim=32, max_position_embeddings=4096, eos_token_id=tokenizer.eos_token_id, initializer_range=0.3,
    )  # fmt: skip
    Qwen3_5ForCausalLM(config).save_pretrained(folder)
    return folder


MODELS = {"qwen2": make, "window": partial(make, window=32), "qwen3_5": qwen35}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("qwen"))


def model_of(folder: Path, **options) -> room.Transformers:
    settings = {"model": str(folder), "temperature": 0.0, "max_tokens": 24, **options}
    return loaded(room, room.Options(**settings), "cpu")


def test_the_reply_is_what_the_library_itself_generates(folder, persona):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = model_of(folder, repetition_penalty=1.0)
    tokenizer, theirs = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    prompt = torch.tensor([model.template.prompt(talk("hello there")).tokens])
    made = theirs.generate(prompt, max_new_tokens=24, do_sample=False)[0, prompt.shape[1] :]
    assert reply(model, talk("hello there"), persona).strip() == tokenizer.decode(made, skip_special_tokens=True).strip()


def test_a_word_is_written_while_it_loads_so_numbers_that_are_none_keep_it_from_loading(folder, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    model.model.norm.weight.data.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    assert fails(room, tmp_path).code == "bad_numbers"


def test_weights_that_are_not_all_there_are_told(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"], config["layer_types"] = 3, ["full_attention"] * 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert fails(room, tmp_path).code == "missing_files"


def test_a_model_of_the_hub_is_fetched_once_and_then_serves_without_a_network(folder, monkeypatch, tmp_path):
    from huggingface_hub import constants

    files = {path.name: path.read_bytes() for path in folder.iterdir()} | {"model.bin": b"-", "original/config.json": b"-"}
    with running(Hub(files)) as hub:
        lead_to(hub, monkeypatch, tmp_path)
        assert isinstance(loaded(room, room.Options(model=hub.repository, max_tokens=3), "cpu"), ChatModel)
        assert not hub.asked("model.bin")
        assert len(hub.asked("config.json")) == 1
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert isinstance(loaded(room, room.Options(model=hub.repository, max_tokens=3), "cpu"), ChatModel)
        error = fails(room, "some/other")
        assert (error.code, error.retryable) == ("offline", True)


@pytest.mark.parametrize(
    ("device", "gb", "cuda", "name"),
    [
        ("auto", 64, False, "Qwen/Qwen3.5-2B"), ("auto", 24, True, "openai/gpt-oss-20b"), ("auto", 4, True, "Qwen/Qwen3.5-2B"),
        ("cpu", 64, True, "Qwen/Qwen3.5-2B"), ("cuda", 12, True, "Qwen/Qwen3.5-4B"), ("mps", 16, False, "Qwen/Qwen3.5-2B"),
    ],
)  # fmt: skip
def test_the_model_suits_the_device_and_its_memory(device, gb, cuda, name, monkeypatch):
    import torch

    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(room, "memory_gb", lambda on: asked.append(on) or float(gb))
    assert room.files(room.Options(), device).name == name
    assert asked == [device if device != "auto" else "cuda" if cuda else "cpu"]
    assert name in room.INFO.models
