"""What the tests of chat models that compute here share: the tokenizers of tiny models, what is said to them, and how they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engines.types import ChatMessage

THINKS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is not defined or enable_thinking %}<think>{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""As Qwen3's: an empty thought before the reply, of which the next prompt knows nothing."""
CHATML = THINKS.replace("<think>\n\n</think>\n\n", "")
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""The last of them ends a turn."""
CHANNEL_MARKS = ("<|endoftext|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|call|>", "<|return|>")
WORDS = "hello there how are you today i am fine thank you the quick brown fox jumps over a lazy dog"
LONG = " ".join([WORDS] * 80)
"""1,600 tokens and more: four steps."""
TWO_STEPS = LONG[:3_000]


def tokenizer_of(marks: tuple[str, ...] = MARKS) -> Any:
    """A byte-level tokenizer (`tokenizers.Tokenizer`) that knows the words above."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator([WORDS] * 4, trainers.BpeTrainer(vocab_size=512, special_tokens=list(marks), initial_alphabet=alphabet))
    return bpe


def save_tokenizer(folder: Path, template: str | None, marks: tuple[str, ...] = MARKS) -> Any:
    """The same in the files of Transformers, with a chat template; as its library opens it."""
    transformers = pytest.importorskip("transformers", reason="Transformers is not installed: pip install -r requirements-engines.txt")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer_of(marks), eos_token=marks[-1], pad_token=marks[0])
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return tokenizer


def talk(*contents: str, system: str = "You are kind.") -> list[ChatMessage]:
    roles = ("user", "assistant")
    return [ChatMessage("system", system), *(ChatMessage(roles[at % 2], text) for at, text in enumerate(contents))]


def reply(model: Any, messages: list[ChatMessage], persona: Any) -> str:
    return "".join(delta.text for delta in model.stream(messages, persona))


def pieces(model: Any, messages: list[ChatMessage], limit: int = 24) -> Iterator[str]:
    """What the model writes, reasoning and all, step by step."""
    return model.detokenize(model.generate(messages, model.template.prompt(messages), limit))


def texts(model: Any, messages: list[ChatMessage], limit: int = 24) -> str:
    return "".join(pieces(model, messages, limit))


def watched(model: Any) -> list[int]:
    """How many tokens each step feeds to the model, from now on."""
    counts: list[int] = []
    evaluate = model.evaluate
    model.evaluate = lambda prefix, tokens: counts.append(len(tokens)) or evaluate(prefix, tokens)
    return counts


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Many small steps: on a busy machine torch's threads would only wait for each other."""
    if find_spec("torch") is None:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
