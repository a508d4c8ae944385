"""Chat model on llama.cpp (xllamacpp): models in GGUF files, small by their quantization, on a processor, Metal, CUDA, ROCm or Vulkan.

llama.cpp's own server does the work inside this process: chat templates, a slot with its prompt cache for each conversation, all slots in
one batch, reasoning and tool calls told apart. Its HTTP listener cannot be switched off, so it gets a key that nobody knows.
API: https://github.com/xorbitsai/xllamacpp; fields of a request: https://github.com/ggml-org/llama.cpp, tools/server/README.md.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psutil

from engines.errors import ChatModelError, MissingDependency
from engines.llm._chat_template import (
    NO_REASONING,
    ConversationTooLongError,
    Messages,
    generation_error,
    reply_to_what_fits,
    reply_token_limit,
)
from engines.llm._local_chat import GenerationOptions, opening_model
from engines.llm._reasoning_filter import ReasoningFilter
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta, Tool, ToolCall
from engines.weights import hub
from engines.weights.hardware import memory_gb
from engines.weights.recommended import language_model, suggestions

INFO = EngineInfo(
    name="llama_cpp",
    stage="llm",
    title="llama.cpp",
    summary="A quantized language model on this machine, as large as its memory allows, after one download (1 to 12 GB).",
    requires=("xllamacpp",),
    install='pip install "xllamacpp>=2026.10,<2027"',
    models=suggestions("gguf"),
    preference=15,
)


@dataclass(frozen=True, slots=True)
class Options(GenerationOptions):
    """Which model, and how it writes; more users at once than `conversations` wait for each other."""

    model: str = ""
    """A .gguf file, a folder with one, a hub id, or a hub id and which of its files (``owner/name:*Q8_0*``); empty suits the memory."""
    context_tokens: int = 4096
    """What each conversation may hold in memory; of a longer one, the older half is not read any more."""
    threads: int = 0
    """How many of the processor's cores write; 0 is one, more (at most half) where one alone was measured to be slow. All cores read."""


_QUANTIZED = ("*Q4_K_M*.gguf", "*mxfp4*.gguf", "*MXFP4*.gguf")
"""The files of a hub's model that are taken when none is named: 4 bits a weight, the usual balance; gpt-oss is published in MXFP4."""
_NO_MODEL = ("*mmproj*", "*imatrix*")
"""What lies beside models: parts that see pictures, statistics."""
_STEP_TOKENS = 64
"""Read in one step: a prompt can be left between two of them, and others write on meanwhile. 32 are read a third slower, 512 no faster."""
_FLUENT = 12.0
"""Tokens a second that keep well ahead of speech, which takes about four."""
_CACHE_MIB = 1024
"""Memory for the prompts of conversations that have no slot at the moment."""
_MEASURED_TOKENS = 16
_LEAVE_S = 5.0
"""More than one step takes."""


def files(options: Options, device: str) -> hub.Model | None:  # noqa: ARG001 - the file is the same everywhere
    """The files of the model; None where a file on this machine is named."""
    named = _named(options)
    if _is_file(named):
        return None
    name, patterns = named.partition(":")[0], _patterns(options)
    needs = "*.gguf" if Path(name).expanduser().is_dir() else "|".join(patterns)
    return hub.Model(name=name, what="The language model", failure=ChatModelError, files=patterns, required=(needs,), ignored=_NO_MODEL)


def load(options: Options, device: str, folder: Path | None) -> LlamaCpp:
    """Open the model and let it write a few words.

    `device` ``cpu`` keeps all of it off the graphics card; anything else puts as much there as fits.

    Raises:
        MissingDependency: xllamacpp is not installed.
        ChatModelError: code ``unknown_model`` (there is no such file), ``load_failed``, ``bad_numbers``, ``out_of_memory``.
    """
    try:
        library = import_module("xllamacpp")
    except ModuleNotFoundError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    except ImportError as error:  # slim Linux images lack what it links to
        message = f"llama.cpp cannot be started: {error}. Install what it lacks (on Debian and Ubuntu: sudo apt install libgomp1)."
        raise ChatModelError(message, code="load_failed", counts_against_engine=True) from error
    path, cores = _path(options, folder), _cores()
    with opening_model(path.name, "by llama.cpp"):
        threads = options.threads or 1
        while True:
            model = LlamaCpp(library, path, options, threads=threads, cores=cores, on_gpu=device != "cpu")
            faster = min(2 * threads, cores // 2)
            if model.measured_speed() >= _FLUENT or options.threads or faster <= threads:
                return model
            del model
            threads = faster


def _cores() -> int:
    """How many of the processor's cores this process may use."""
    cores = psutil.cpu_count(logical=False) or 1
    return min(cores, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else cores


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


def _started(library: Any, parameters: Any) -> Any:
    """The server, after its first word: one that is dropped before its loop has begun would wait for that loop for ever."""
    server = library.Server(parameters)
    server.handle_completions({"prompt": "Hello", "max_tokens": 1})
    return server


class LlamaCpp:
    """A `ChatModel`: llama.cpp's server with one model. Any number of conversations may run at once."""

    def __init__(self, library: Any, path: Path, options: Options, *, threads: int, cores: int, on_gpu: bool) -> None:
        """Open a file.

        Args:
            library: the module xllamacpp.
            path: a .gguf file, of several parts the first.
            options: how it writes.
            threads: how many cores write one reply.
            cores: how many read a prompt, and write several replies at once.
            on_gpu: put on the graphics card what fits.

        Raises:
            MemoryError: the file is larger than what memory is free.
            ValueError: the file cannot be opened, or its template cannot be used.
        """
        self._name, self._options = path.name, options
        self.timings: dict[str, float] = {}
        """llama.cpp's measurements of the reply that ended last: ``prompt_n`` tokens read, ``cache_n`` known, ``predicted_per_second`` …"""
        self._leaving: set[threading.Thread] = set()
        """Replies that were left and whose last step is still being computed."""
        slots = max(1, options.conversations)
        parameters = library.CommonParams()
        parameters.model.path = str(path)
        parameters.n_parallel = slots
        parameters.n_ctx = options.context_tokens * slots  # each slot has its own: a long conversation fails no other
        parameters.n_batch = parameters.n_ubatch = _STEP_TOKENS
        parameters.cache_ram_mib = _CACHE_MIB
        parameters.cpuparams.n_threads, parameters.cpuparams_batch.n_threads = threads, cores
        if not on_gpu:
            parameters.n_gpu_layers = 0
        parameters.verbosity = -1
        parameters.port, parameters.api_keys, parameters.ui, parameters.endpoint_slots = 0, [secrets.token_hex(32)], False, False
        if not any("GPU" in str(found["type"]) for found in library.get_device_info()) and (
            path.stat().st_size > psutil.virtual_memory().available
        ):
            raise MemoryError
        try:
            self._server = _started(library, parameters)
        except RuntimeError as error:
            parameters.chat_template = "chatml"
            try:
                _started(library, parameters)
            except RuntimeError:
                raise ValueError("it is damaged, or of a kind that this version does not know") from error
            raise ValueError("its chat template is broken") from error

    def measured_speed(self) -> float:
        """How many tokens it writes in a second.

        Raises:
            ChatModelError: code ``bad_numbers``.
        """
        request = self._request([ChatMessage("user", "Hello.")]) | {"max_tokens": _MEASURED_TOKENS, "ignore_eos": True, "logprobs": True}
        for chunk in self._chunks(request):
            choice = chunk["choices"][0]
            if any(token["logprob"] is None for token in (choice.get("logprobs") or {}).get("content", ())):
                message = "The language model computed what is no number. Choose another model."
                raise ChatModelError(message, code="bad_numbers", counts_against_engine=True)
        return self.timings["predicted_per_second"]

    def stream(self, messages: Messages, persona: Persona, tools: Sequence[Tool] = ()) -> Iterator[TextDelta]:  # noqa: ARG002
        """Answer the last message, a token a step; steps that only read or reason give an empty delta. Of a conversation that is too long
        to be read, the older half is left out. The last delta holds the calls of `tools` that the model asks for.

        Raises:
            ChatModelError: code ``too_long`` (the last message alone is), ``template``, ``out_of_memory``, ``failed``.
        """
        return reply_to_what_fits(messages, partial(self._reply, tools))

    def _reply(self, tools: Sequence[Tool], messages: Messages) -> Iterator[TextDelta]:
        reasoning, calls = ReasoningFilter(), dict[int, ToolCall]()
        with closing(self._chunks(self._request(messages, tools))) as chunks:
            for chunk in chunks:
                if "prompt_progress" in chunk:
                    read = chunk["prompt_progress"]["total"]
                    reply_token_limit(messages, read, self._options.context_tokens, self._options.max_tokens)
                delta = chunk["choices"][0]["delta"]
                for part in delta.get("tool_calls") or ():
                    call, function = calls.get(part["index"], ToolCall("", "", "")), part["function"]
                    name, arguments = call.name + (function.get("name") or ""), call.arguments + (function.get("arguments") or "")
                    calls[part["index"]] = ToolCall(call.id or part.get("id") or "", name, arguments)
                yield TextDelta(reasoning.push(delta.get("content") or ""))
        yield TextDelta(reasoning.finish(), tuple(calls.values()))

    def _request(self, messages: Messages, tools: Sequence[Tool] = ()) -> dict[str, Any]:
        options = self._options
        functions = [{"name": tool.name, "description": tool.description, "parameters": json.loads(tool.parameters)} for tool in tools]
        return {
            "messages": [_part(message) for message in messages],
            "stream": True,
            "return_progress": True,
            "max_tokens": options.max_tokens,
            "temperature": options.temperature,
            "top_p": options.top_p,
            "repeat_penalty": options.repetition_penalty,
            "chat_template_kwargs": NO_REASONING,
            **({"tools": [{"type": "function", "function": function} for function in functions]} if functions else {}),
        }

    def _chunks(self, request: dict[str, Any]) -> Generator[dict[str, Any]]:
        """What the server answers, chunk by chunk; closing the iterator stops it with its next step."""
        chunks: SimpleQueue[dict[str, Any] | Exception | None] = SimpleQueue()
        left = threading.Event()

        def take(chunk: dict[str, Any]) -> bool:
            chunks.put(chunk)
            return left.is_set()

        def serve() -> None:
            try:
                self._server.handle_chat_completions(request, take)
            except Exception as error:
                chunks.put(error)
            chunks.put(None)

        for leaving in list(self._leaving):  # else this conversation's slot would still be taken, and another one read everything anew
            leaving.join(_LEAVE_S)
        serving = threading.Thread(target=serve, name="llama-cpp")
        serving.start()
        try:
            while (chunk := chunks.get()) is not None:
                if isinstance(chunk, Exception) or "error" in chunk:
                    raise self._error(chunk)
                self.timings = chunk.get("timings", self.timings)
                yield chunk
        finally:
            left.set()
            self._leaving.add(serving)
            serving.join(_LEAVE_S)
            self._leaving.discard(serving)

    def _error(self, failure: dict[str, Any] | Exception) -> Exception:
        if isinstance(failure, Exception):  # raised before anything is computed: while the template was filled in
            message = f"The chat template of {self._name!r} refused the conversation. Choose another model."
            return ChatModelError(message, code="template")
        failed = failure["error"]
        if failed.get("type") == "exceed_context_size_error":
            return ConversationTooLongError(failed["n_prompt_tokens"], failed["n_ctx"])
        return generation_error(RuntimeError(failed.get("message")))


def _part(message: ChatMessage) -> dict[str, Any]:
    """A message as the server takes it, with the calls of tools, or the call that it answers."""
    part: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        calls = [(call.id, {"name": call.name, "arguments": call.arguments}) for call in message.tool_calls]
        part["tool_calls"] = [{"id": identifier, "type": "function", "function": function} for identifier, function in calls]
    if message.tool_call_id:
        part["tool_call_id"] = message.tool_call_id
    return part
