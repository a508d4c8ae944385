"""A chat model on llama.cpp: models in GGUF files, small by their quantization, on any processor or graphics card that it was built for.

One token is one step. All conversations share one context of llama.cpp, each as a sequence of its own, so that any number of them can be
written in turn, and each keeps what it has read: the next turn feeds only what is new.
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from engines import hub
from engines.device import FairLock
from engines.errors import ChatModelError, MissingDependency
from engines.gguf import STEP_TOKENS, Chooser, Llama, Place
from engines.machine import memory_gb
from engines.models import language_model, suggestions
from engines.text.memories import Memories, Memory
from engines.text.prompts import CHANNELS, NO_THINKING, Part, Prompter, failure, is_out_of_memory, room_for_reply
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta

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
class Options:
    """Which model, and how it writes."""

    model: str = ""
    """A .gguf file, a folder with one, a hub id, or a hub id and which of its files (``owner/name:*Q8_0*``); empty suits the memory."""
    context_tokens: int = 8192
    """What all conversations together may hold in memory; a model that reads less gets less."""
    max_new_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said just before becomes less likely."""
    threads: int = 0
    """How many of the processor's cores compute; 0 leaves one to the voice and the page: cores wait for the one that is busy elsewhere."""
    conversations: int = 4
    """How many are kept to be gone on with; the one unused for longest makes room."""


_QUANTIZED = ("*Q4_K_M*.gguf", "*mxfp4*.gguf", "*MXFP4*.gguf")
"""The files of a hub's model that are taken when none is named: 4 bits a weight, the usual balance; gpt-oss is published in MXFP4."""
_NO_MODEL = ("*mmproj*", "*imatrix*")
"""What lies beside models: parts that see pictures, statistics."""
_PENALISED_TOKENS = 64
"""How far back `repetition_penalty` looks."""
_AT_ONCE = 12
"""How many replies may be written at the same time."""


def model_of(options: Options, device: str) -> hub.Model | None:  # noqa: ARG001 - the file is the same everywhere
    """The files of the model; None where a file on this machine is named."""
    named = _named(options)
    if _is_file(named):
        return None
    name, _, pattern = named.partition(":")
    files = (pattern if pattern.endswith(".gguf") else f"{pattern}.gguf",) if pattern else _QUANTIZED
    needs = "*.gguf" if Path(name).expanduser().is_dir() else "|".join(files)
    return hub.Model(name=name, what="The language model", failure=ChatModelError, files=files, required=(needs,), ignored=_NO_MODEL)


def load(options: Options, device: str) -> LlamaCpp:
    """Fetch the model if it is not here yet, open it and let it write a word.

    `device` ``cpu`` keeps all of it off the graphics card; anything else puts as much there as llama.cpp was built for.

    Raises:
        MissingDependency: llama-cpp-python is not installed.
        ChatModelError: code ``unknown_model`` (there is no such file), ``load_failed``, ``bad_numbers``, ``out_of_memory``, or one
            of `hub.fetch`'s.
    """
    try:
        library = import_module("llama_cpp")
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # or it tells of every layer, and of things that are meant
    path = _path(options, device)
    try:
        places = max(0, options.conversations) + _AT_ONCE
        settings = {"context_tokens": options.context_tokens, "places": places, "threads": options.threads}
        mind = LlamaCpp(Llama(library, path, **settings, on_card=device != "cpu"), options, path.name)
        mind.warm_up()
    except ChatModelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise failure(error) from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The model {path.name!r} cannot be opened by llama.cpp: {why}. Fetch it again, or choose another."
        raise ChatModelError(message, code="load_failed") from error
    return mind


def _named(options: Options) -> str:
    return options.model or language_model("gguf", memory_gb())


def _is_file(named: str) -> bool:
    path = Path(named).expanduser()
    return path.is_file() or (path.suffix == ".gguf" and ":" not in named and not path.is_dir())


def _path(options: Options, device: str) -> Path:
    """The file to open: of several parts the first, which names the others."""
    files = model_of(options, device)
    if files is None:
        path = Path(_named(options)).expanduser()
        if not path.is_file():
            message = f"There is no file {str(path)!r:.200}. Check its name, or name a model of the hub."
            raise ChatModelError(message, code="unknown_model")
        return path
    folder = hub.fetch(files)
    found = {path for pattern in ("*.gguf", "*/*.gguf") for path in folder.glob(pattern) if not any(map(path.match, _NO_MODEL))}
    wanted = {path for path in found if any(map(path.match, files.files))}
    return min(wanted or found, key=lambda path: (len(path.name), path.name))


class LlamaCpp:
    """A `ChatModel`. Any number of conversations may run at once; their steps take turns."""

    def __init__(self, llama: Llama, options: Options, name: str) -> None:
        self._llama, self._options = llama, options
        self._turns = FairLock()
        self._memories: Memories[Place] = Memories(options.conversations, lambda _: llama.can_cut, llama.cut)
        self._with_marks = CHANNELS in llama.marks
        self._prompter = Prompter(name, self._renderer(), llama.tokens, llama.marks)

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - the system prompt has it
        """Answer the last message, a token a step; steps that only read or think give an empty delta.

        Raises:
            ChatModelError: code ``too_long`` (more than the model can read), ``template``, ``busy`` (too many conversations at once),
                ``bad_numbers``, ``out_of_memory``, ``failed``.
        """
        prompt = self._prompter.prompt(messages)
        room = room_for_reply(len(prompt.tokens), self._llama.limit, self._options.max_new_tokens)
        lasting = 0 if self._llama.can_cut else self._prompter.lasting(messages, prompt)
        try:
            for text in self._prompter.reply(self._texts(prompt.tokens, lasting, room), thinking=prompt.thinking):
                yield TextDelta(text)
        except ChatModelError:
            raise
        except Exception as error:
            raise failure(error) from error

    def warm_up(self) -> None:
        """Go once through everything a turn needs."""
        for _ in self._texts(self._llama.tokens("Hello.", True), 0, 1):
            pass
        self._memories.forget()

    def _texts(self, prompt: list[int], lasting: int, room: int) -> Iterator[str]:
        """The reply, as far as its characters are whole; first, an empty text for every step of reading."""
        characters = codecs.getincrementaldecoder("utf-8")("replace")
        for token in self._tokens(prompt, lasting, room):
            yield "" if token is None else characters.decode(self._llama.piece(token, self._with_marks))
        yield characters.decode(b"", True)

    def _tokens(self, prompt: list[int], lasting: int, room: int) -> Iterator[int | None]:
        """Each token of the reply; first, None for every step of reading the prompt.

        Of a model whose memory cannot be cut, what is kept is a copy from where `lasting` tokens were read: all of it will begin the next
        prompt as well.
        """
        llama = self._llama
        with self._turns:
            memory = self._memories.recall(prompt) or Memory([], llama.place())
        kept = memory if llama.can_cut else None
        with closing(self._chooser(prompt)) as choose:
            try:
                while True:
                    read = len(memory.tokens)
                    if kept is None and read == lasting:
                        with self._turns:
                            kept = Memory(list(memory.tokens), llama.copy(memory.cache))
                    end = min(read + STEP_TOKENS, lasting if read < lasting else len(prompt))
                    if end == len(prompt):
                        break
                    with self._turns:
                        self._read(memory, prompt[read:end])
                    yield None
                fed = prompt[read:]
                for _ in range(room):
                    with self._turns:
                        self._read(memory, fed)
                        token = choose()
                    if llama.ends(token):
                        break
                    yield token
                    fed = [token]
            except GeneratorExit:
                self._memories.remember(kept or memory)
                raise
        self._memories.remember(kept or memory)  # not after an error: the step that failed may have left it half written

    def _read(self, memory: Memory[Place], tokens: list[int]) -> None:
        """One step: feed tokens to the model. Where the context is full, the conversations that nobody is in are let go."""
        if not self._llama.read(memory.cache, len(memory.tokens), tokens):
            self._memories.forget()
            if not self._llama.read(memory.cache, len(memory.tokens), tokens):
                message = "Too many conversations fill the language model's memory. Try again in a moment, or raise context_tokens."
                raise ChatModelError(message, code="busy", retryable=True)
        memory.tokens += tokens

    def _chooser(self, prompt: list[int]) -> Chooser:
        options = self._options
        penalty = (options.repetition_penalty, prompt[-_PENALISED_TOKENS:])
        return self._llama.chooser(temperature=options.temperature, top_p=options.top_p, penalty=penalty)

    def _renderer(self) -> Any:
        """(messages) → the prompt by the chat template in the file; None where it has none."""
        if not (template := self._llama.template):
            return None
        formats = import_module("llama_cpp.llama_chat_format")
        formatter = formats.Jinja2ChatFormatter(template, eos_token=self._llama.eos, bos_token=self._llama.bos)

        def render(parts: list[Part]) -> str:
            return str(formatter(messages=parts, **NO_THINKING).prompt)

        return render
