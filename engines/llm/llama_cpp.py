"""Chat model on llama.cpp: models in GGUF files, small by their quantization, on any processor or graphics card that it was built for.

All conversations share one context of llama.cpp, each as a sequence of its own, so that any number of them can be written in turn.
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from engines.concurrency.locks import FairLock
from engines.errors import ChatModelError, MissingDependency
from engines.llm._chat_template import CHANNEL_MARKER, NO_REASONING, ChatTemplate, Part
from engines.llm._llama_cpp_api import STEP_TOKENS, Llama, SequenceSlot
from engines.llm._local_chat import GenerationOptions, LocalChatModel, opening_model
from engines.llm._prefix_cache import PrefixCache
from engines.types import EngineInfo
from engines.weights import hub
from engines.weights.hardware import memory_gb
from engines.weights.recommended import language_model, suggestions

INFO = EngineInfo(
    name="llama_cpp",
    stage="llm",
    title="llama.cpp",
    summary="A quantized language model on this machine, as large as its memory allows, after one download (1 to 12 GB).",
    requires=("llama_cpp",),
    install='pip install "llama-cpp-python>=0.3.36,<0.4"',
    models=suggestions("gguf"),
    preference=5,
)


@dataclass(frozen=True, slots=True)
class Options(GenerationOptions):
    """Which model, and how it writes."""

    model: str = ""
    """A .gguf file, a folder with one, a hub id, or a hub id and which of its files (``owner/name:*Q8_0*``); empty suits the memory."""
    context_tokens: int = 8192
    """What all conversations together may hold in memory; a model that reads less gets less."""
    threads: int = 0
    """How many of the processor's cores compute; 0 leaves one to the voice and the page: cores wait for the one that is busy elsewhere."""


_QUANTIZED = ("*Q4_K_M*.gguf", "*mxfp4*.gguf", "*MXFP4*.gguf")
"""The files of a hub's model that are taken when none is named: 4 bits a weight, the usual balance; gpt-oss is published in MXFP4."""
_NO_MODEL = ("*mmproj*", "*imatrix*")
"""What lies beside models: parts that see pictures, statistics."""
_PENALISED_TOKENS = 64
"""How far back `repetition_penalty` looks."""
_AT_ONCE = 12
"""How many replies may be written at the same time."""


def files(options: Options, device: str) -> hub.Model | None:  # noqa: ARG001 - the file is the same everywhere
    """The files of the model; None where a file on this machine is named."""
    named = _named(options)
    if _is_file(named):
        return None
    name, patterns = named.partition(":")[0], _patterns(options)
    needs = "*.gguf" if Path(name).expanduser().is_dir() else "|".join(patterns)
    return hub.Model(name=name, what="The language model", failure=ChatModelError, files=patterns, required=(needs,), ignored=_NO_MODEL)


def load(options: Options, device: str, folder: Path | None) -> LlamaCpp:
    """Open the model and let it write a word.

    `device` ``cpu`` keeps all of it off the graphics card; anything else puts as much there as llama.cpp was built for.

    Raises:
        MissingDependency: llama-cpp-python is not installed.
        ChatModelError: code ``unknown_model`` (there is no such file), ``load_failed``, ``bad_numbers``, ``out_of_memory``.
    """
    try:
        library = import_module("llama_cpp")
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # or it tells of every layer, and of things that are meant
    path = _path(options, folder)
    with opening_model(path.name, "by llama.cpp"):
        slots = max(0, options.conversations) + _AT_ONCE
        settings = {"context_tokens": options.context_tokens, "slots": slots, "threads": options.threads}
        model = LlamaCpp(Llama(library, path, **settings, on_gpu=device != "cpu"), options, path.name)
        model.warm_up()
    return model


def _named(options: Options) -> str:
    return options.model or language_model("gguf", memory_gb())


def _patterns(options: Options) -> tuple[str, ...]:
    """Which files of the hub's model are wanted."""
    pattern = _named(options).partition(":")[2]
    return (pattern if pattern.endswith(".gguf") else f"{pattern}.gguf",) if pattern else _QUANTIZED


def _is_file(named: str) -> bool:
    path = Path(named).expanduser()
    return path.is_file() or (path.suffix == ".gguf" and ":" not in named and not path.is_dir())


def _path(options: Options, folder: Path | None) -> Path:
    """The file to open: of several parts the first, which names the others."""
    if folder is None:
        path = Path(_named(options)).expanduser()
        if not path.is_file():
            message = f"There is no file {str(path)!r:.200}. Check its name, or name a model of the hub."
            raise ChatModelError(message, code="unknown_model")
        return path
    found = {path for pattern in ("*.gguf", "*/*.gguf") for path in folder.glob(pattern) if not any(map(path.match, _NO_MODEL))}
    wanted = {path for path in found if any(map(path.match, _patterns(options)))}
    return min(wanted or found, key=lambda path: (len(path.name), path.name))


class LlamaCpp(LocalChatModel[SequenceSlot]):
    """A `ChatModel` whose caches are slots in one context."""

    step_tokens = STEP_TOKENS

    def __init__(self, llama: Llama, options: Options, name: str) -> None:
        self._llama, self._options = llama, options
        self._with_special_tokens = CHANNEL_MARKER in llama.special_tokens
        super().__init__(
            options,
            ChatTemplate(name, self._renderer(), llama.tokens, llama.special_tokens),
            context_tokens=llama.context_tokens,
            step_lock=FairLock(),
            always_trimmable=llama.can_trim,
            can_trim=lambda _: llama.can_trim,
            trim=llama.trim,
        )

    def new_cache(self) -> SequenceSlot:
        """See `LocalChatModel.new_cache`."""
        return self._llama.slot()

    def evaluate(self, prefix: PrefixCache[SequenceSlot], tokens: list[int]) -> None:
        """Where the context is full, the conversations that nobody is in are let go."""
        if not self._llama.evaluate(prefix.cache, len(prefix.tokens), tokens):
            self.prefixes.clear()
            if not self._llama.evaluate(prefix.cache, len(prefix.tokens), tokens):
                message = "Too many conversations fill the language model's memory. Try again in a moment, or raise context_tokens."
                raise ChatModelError(message, code="busy", retryable=True)

    @contextmanager
    def sampler(self, prompt: list[int]) -> Iterator[Callable[[None], int]]:
        """See `LocalChatModel.sampler`."""
        options = self._options
        penalty = (options.repetition_penalty, prompt[-_PENALISED_TOKENS:])
        with closing(self._llama.sampler(temperature=options.temperature, top_p=options.top_p, penalty=penalty)) as sample:
            yield lambda _: sample()

    def is_end(self, token: int) -> bool:
        """See `LocalChatModel.is_end`."""
        return self._llama.ends(token)

    def detokenize(self, tokens: Generator[int | None, None, None]) -> Iterator[str]:
        """Whole characters."""
        characters = codecs.getincrementaldecoder("utf-8")("replace")
        for token in tokens:
            yield "" if token is None else characters.decode(self._llama.piece(token, self._with_special_tokens))
        yield characters.decode(b"", True)

    def _renderer(self) -> Any:
        """(messages) → the prompt by the chat template in the file; None where it has none."""
        if not (template := self._llama.template):
            return None
        formats = import_module("llama_cpp.llama_chat_format")
        formatter = formats.Jinja2ChatFormatter(template, eos_token=self._llama.eos, bos_token=self._llama.bos)

        def render(parts: list[Part]) -> str:
            return str(formatter(messages=parts, **NO_REASONING).prompt)

        return render
