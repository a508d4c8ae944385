"""A chat model on llama.cpp, with tiny models of random weights: what is read, kept and passed on, and how it fails."""

from __future__ import annotations

import gc
import itertools
import json
import os
import threading
import time
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import psutil
import pytest
from conftest import in_threads
from genuine import weights
from model_files import fails, loaded
from requirements import requirement
from tiny_chat_models import LONG, MARKS, THINKS, TWO_STEPS, WORDS, reply, talk, tokenizer_of

from engines.errors import ChatModelError
from engines.isolation.isolated_engine import isolated
from engines.llm import llama_cpp as room
from engines.protocols import ChatModel
from engines.types import ChatMessage, Tool, ToolCall

os.environ.setdefault("GOMP_SPINCOUNT", "5000")  # as in an engine's process; read when the library is imported
pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
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


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory) -> Path:
    """With each kind of model: one whose cache can be trimmed, and one whose cannot."""
    return MODELS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return qwen(tmp_path_factory.mktemp("gguf")) / "tiny.gguf"


@pytest.fixture(scope="module")
def model(file) -> room.LlamaCpp:
    """One that every test may ask, whatever it was asked before."""
    return model_of(file)


def model_of(model: Path, **options) -> room.LlamaCpp:
    settings = {"model": str(model), "temperature": 0.0, "max_tokens": 24, "threads": 1, **options}
    return loaded(room, room.Options(**settings), "cpu")


def test_it_is_a_chat_model_here_and_in_a_process_of_its_own(file, model, persona):
    assert isinstance(model, ChatModel)
    options = room.Options(model=str(file), temperature=0.0, max_tokens=24)
    assert reply(loaded(isolated(room), options), talk("hello there"), persona) == reply(model, talk("hello there"), persona)


@requirement("engine.local-models")
def test_later_turns_read_only_what_is_new(folder, persona):
    model, said, read = model_of(folder, context_tokens=8192), [LONG], []
    for _ in range(3):
        answer = reply(model, talk(*said), persona)
        read.append(model.timings["prompt_n"])
        said += [answer.replace("\ufffd", "").strip() or "i am fine", "how are you"]
    assert read[0] >= 1_500
    assert max(read[1:]) <= 0.15 * read[0]


def test_four_users_at_once_and_those_who_wait_for_them_each_get_their_own_reply(model, persona):
    talks = [talk(f"hello {word}", system=LONG[:400]) for word in WORDS.split()[:6]]
    alone = [reply(model, messages, persona) for messages in talks]
    assert len(set(alone)) > 1
    together: dict[int, str] = {}
    in_threads(*(lambda at=at: together.update({at: reply(model, talks[at], persona)}) for at in range(6)))
    assert [together[at] for at in range(6)] == alone


def computing(model: room.LlamaCpp) -> bool:
    """Whether the threads of this process are at work for the model."""
    before = psutil.Process().cpu_times().user
    time.sleep(0.3)
    return psutil.Process().cpu_times().user - before > 0.15


def test_closing_stops_the_writing_and_the_reading_of_a_prompt_within_one_step(tmp_path, persona):
    model = model_of(qwen(tmp_path, longest=100_000), context_tokens=100_000, max_tokens=90_000, conversations=1)
    for said, steps in (("hello", 3), (LONG * 20, 2)):
        deltas = model.stream(talk(said), persona)
        for _ in range(steps):
            next(deltas)
        deltas.close()
        begun = time.monotonic()
        answers = model.stream(talk("fox"), persona)  # the only slot is free as soon as the other reply was left
        next(answers)
        answers.close()
        assert time.monotonic() - begun < 2
        assert not computing(model)


def test_who_interrupts_and_goes_on_at_once_finds_what_was_read(file, persona):
    model = model_of(file, max_tokens=2_000, context_tokens=4096)
    for said in (["hello"], ["hello", "i am", "how are you"]):
        deltas = model.stream(talk(*said, system=LONG[:2_000]), persona)
        next(delta for delta in deltas if delta.text)
        deltas.close()
    reply(model, talk("hello", "i am", "the fox", system=LONG[:2_000]), persona)
    assert model.timings["prompt_n"] < 0.15 * model.timings["cache_n"]


def test_a_long_prompt_is_read_in_steps(model, persona):
    assert len(list(itertools.takewhile(lambda delta: not delta.text, model.stream(talk(TWO_STEPS), persona)))) >= 5


def test_of_a_conversation_that_is_too_long_the_newer_part_is_read(tmp_path, persona):
    model = model_of(qwen(tmp_path, longest=300), context_tokens=300)
    said = [WORDS, "i am fine"] * 10 + ["how are you"]
    assert reply(model, talk(*said), persona)
    assert 100 < model.timings["cache_n"] + model.timings["prompt_n"] <= 300 - 24
    first = model.timings["cache_n"] + model.timings["prompt_n"]
    reply(model, talk(*said, "fine", "fox"), persona)
    assert model.timings["prompt_n"] < first / 2, "what is left out stays the same for some turns"
    with pytest.raises(ChatModelError, match="can read 300") as caught:
        reply(model, talk(LONG), persona)
    assert caught.value.code == "too_long"
    assert reply(model, talk("hello"), persona)


def test_a_conversation_that_fills_its_part_of_the_memory_fails_no_other(model, persona):
    talks = [talk(f"{number} " + LONG[:6_000]) for number in range(4)]
    said: list[str] = []
    in_threads(*(lambda messages=messages: said.append(reply(model, messages, persona)) for messages in talks))
    assert len(said) == 4


def played(file: Path, deltas: list[dict[str, Any]], asked: list[Any] | None = None, error: str = "") -> room.LlamaCpp:
    """One whose library answers every request with these deltas."""

    class Server:
        def __init__(self, parameters: Any) -> None:
            pass

        def handle_completions(self, request: dict[str, Any]) -> None:
            pass

        def handle_chat_completions(self, request: dict[str, Any], take: Callable[[dict[str, Any]], bool]) -> None:
            if asked is not None:
                asked.append(request)
            chunks = [{"choices": [{"delta": delta}]} for delta in deltas]
            for chunk in [*chunks, {"error": {"code": 500, "message": error}}] if error else chunks:
                if take(chunk):
                    return

    parameters = MagicMock()
    library = SimpleNamespace(CommonParams=lambda: parameters, Server=Server, get_device_info=list)
    return room.LlamaCpp(library, file, room.Options(), threads=1, cores=1, on_gpu=False)


@pytest.mark.parametrize("cut", [1, 3, 100])
def test_thoughts_are_not_passed_on_wherever_the_text_is_cut(file, persona, cut):
    text = "<think>hm</think>Hello, I am fine."
    pieces = [{"content": text[at : at + cut]} for at in range(0, len(text), cut)]
    deltas = [{"role": "assistant", "content": None}, {"reasoning_content": "Let me think."}, *pieces, {}]
    assert reply(played(file, deltas), talk("hello"), persona) == "Hello, I am fine."


def test_a_tool_is_offered_and_the_call_of_one_is_passed_on_but_never_spoken(file, persona):
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "clock", "arguments": ""}}
    parts = [{"index": 0, "function": {"arguments": text}} for text in ('{"city":', '"Paris"}')]
    second = {"index": 1, "id": "b", "function": {"name": "clock", "arguments": "{}"}}
    deltas = [{"content": "One moment. "}, *({"tool_calls": [part]} for part in (first, *parts, second)), {}]
    asked: list[Any] = []
    clock = Tool("clock", "Tells the time in a city.", '{"type": "object", "properties": {"city": {"type": "string"}}}')
    *said, last = played(file, deltas, asked).stream(talk("what time is it"), persona, [clock])
    assert "".join(delta.text for delta in said) + last.text == "One moment. "
    assert not any(delta.tool_calls for delta in said)
    assert last.tool_calls == (ToolCall("a", "clock", '{"city":"Paris"}'), ToolCall("b", "clock", "{}"))
    assert asked[0]["tools"][0]["function"]["parameters"]["properties"] == {"city": {"type": "string"}}


def test_what_a_tool_answered_is_handed_back_to_the_model(file, persona):
    call = ToolCall("a", "clock", '{"city":"Paris"}')
    told = [*talk("what time is it"), ChatMessage("assistant", "One moment.", (call,)), ChatMessage("tool", "Noon.", tool_call_id="a")]
    asked: list[Any] = []
    assert reply(played(file, [{"content": "It is noon."}, {}], asked), told, persona) == "It is noon."
    *_, asks, answers = asked[0]["messages"]
    assert asks["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "clock", "arguments": '{"city":"Paris"}'}}]
    assert (answers["role"], answers["content"], answers["tool_call_id"]) == ("tool", "Noon.", "a")


def test_a_genuine_template_takes_what_a_tool_answered(model, persona):
    call = ToolCall("a", "clock", "{}")
    told = [*talk("hello"), ChatMessage("assistant", "", (call,)), ChatMessage("tool", "Noon.", tool_call_id="a")]
    assert list(model.stream(told, persona))


def test_a_genuine_template_takes_tools(model, persona):
    assert reply(model, talk("hello"), persona)
    assert list(model.stream(talk("hello"), persona, [Tool("clock", "Tells the time.", '{"type": "object", "properties": {}}')]))


def test_an_error_in_the_middle_of_a_reply_is_told(file, persona):
    with pytest.raises(ChatModelError) as caught:
        reply(played(file, [{"content": "Hello"}], error="Something broke."), talk("hello"), persona)
    assert (caught.value.code, caught.value.counts_against_engine) == ("failed", True)


def test_a_refusal_of_the_template_is_told(tmp_path, persona):
    picky = "{% if messages[-1].content == 'no' %}{{ raise_exception('no') }}{% endif %}" + THINKS
    model = model_of(qwen(tmp_path, template=picky))
    with pytest.raises(ChatModelError) as caught:
        reply(model, talk("no"), persona)
    assert caught.value.code == "template"
    assert reply(model, talk("yes"), persona)


def test_nobody_else_on_this_machine_can_use_it(file):
    def listening() -> set[Any]:
        return {connection.laddr for connection in psutil.Process().net_connections() if connection.status == "LISTEN"}

    before = listening()
    model = model_of(file)
    for address in listening() - before:
        assert address.ip == "127.0.0.1"
        request = urllib.request.Request(f"http://127.0.0.1:{address.port}/v1/chat/completions", data=b'{"messages": []}')
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code == 401
    del model


def test_sampling_differs_from_turn_to_turn_and_draws_from_the_likely_tokens(file, model, persona):
    warm = model_of(file, temperature=1.5, top_p=1.0)
    assert len({reply(warm, talk("hello"), persona) for _ in range(3)}) > 1
    sure = model_of(file, temperature=1.5, top_p=1e-6)
    assert {reply(sure, talk("hello"), persona) for _ in range(2)} == {reply(model, talk("hello"), persona)}


@pytest.mark.parametrize(("cores", "speed", "writing"), [(8, 3.0, 4), (8, 50.0, 1), (2, 3.0, 1), (3, 3.0, 1)])
def test_more_cores_write_where_one_is_slow_but_never_more_than_half(file, monkeypatch, cores, speed, writing):
    tried = []
    opened, measured = room.LlamaCpp.__init__, room.LlamaCpp.measured_speed

    def note(self, *arguments, **settings):
        tried.append((settings["threads"], settings["cores"]))
        opened(self, *arguments, **settings)

    monkeypatch.setattr(room.LlamaCpp, "__init__", note)
    monkeypatch.setattr(room.LlamaCpp, "measured_speed", lambda self: 0 * measured(self) + speed)
    monkeypatch.setattr(room, "_cores", lambda: cores)
    loaded(room, room.Options(model=str(file)), "cpu")
    assert tried[-1] == (writing, cores)


def test_a_template_that_writes_nothing_is_borne(tmp_path, persona):
    assert reply(model_of(qwen(tmp_path, template=" ")), talk("hello"), persona) is not None


def test_a_template_that_is_none_keeps_the_model_from_loading(tmp_path):
    error = fails(room, qwen(tmp_path, template="{% for %}"))
    assert error.code == "load_failed"
    assert "its chat template is broken" in error.message


def test_numbers_that_are_none_keep_the_model_from_loading(tmp_path):
    assert fails(room, qwen(tmp_path, broken=True)).code == "bad_numbers"


def test_a_model_that_does_not_fit_the_memory_is_told(file, monkeypatch):
    monkeypatch.setattr(room.psutil, "virtual_memory", type("Memory", (), {"total": 1000, "available": 1000}))
    assert fails(room, file).code == "out_of_memory"


def test_a_model_that_nobody_holds_any_more_is_freed(file, persona):
    model = model_of(file)
    reply(model, talk("hello"), persona)
    running, gone = {thread.ident for thread in threading.enumerate()}, weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert {thread.ident for thread in threading.enumerate()} <= running


def test_a_system_library_that_is_missing_is_named(file, monkeypatch):
    lacks = ImportError("libgomp.so.1: cannot open shared object file: No such file or directory")
    monkeypatch.setattr(room, "import_module", lambda name: (_ for _ in ()).throw(lacks))
    error = fails(room, file)
    assert error.code == "load_failed"
    assert "libgomp" in error.message


def test_a_model_of_an_architecture_that_is_not_known_is_told(file, tmp_path):
    (tmp_path / "x.gguf").write_bytes(file.read_bytes().replace(b"qwen2", b"qwen0"))
    assert fails(room, tmp_path / "x.gguf").code == "load_failed"


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


@requirement("engine.local-models")
def test_a_genuine_model_answers_with_words_to_two_at_once(persona):
    path = weights("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    model = loaded(isolated(room), room.Options(model=str(path), temperature=0.0, max_tokens=10))
    answers: list[str] = []
    question = talk("Say the word Paris.")
    in_threads(*[lambda: answers.append(reply(model, question, persona))] * 2)
    assert all("Paris" in answer for answer in answers)
    assert len(answers) == 2
