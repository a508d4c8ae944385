"""A chat model on Transformers: any causal language model of the hub or of a folder, on a processor, CUDA or Apple's MPS.

One token is one step. What a conversation has fed to the model stays in a cache, so that the next turn feeds only what is new.
"""

from __future__ import annotations

import copy
import errno
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from engines.device import FairLock, exclusive
from engines.errors import ChatModelError, MissingDependency
from engines.text.thoughts import ThoughtFilter
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta

log = logging.getLogger(__name__)

INFO = EngineInfo(
    name="transformers",
    stage="llm",
    title="Transformers",
    summary="A small language model on this machine, after one download (1.5 GB for the one chosen by default).",
    requires=("transformers", "torch"),
    install='pip install "transformers>=5.0,<6" "torch>=2.6,<3"',
    preference=10,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model, and how it writes."""

    model: str = "Qwen/Qwen3-0.6B"
    """A hub id or a local folder. The default is small enough for a processor, and its template can switch thinking off."""
    dtype: str = "auto"
    """``float32``, ``bfloat16``, ``float16``; ``auto`` is what the model was saved in."""
    max_new_tokens: int = 220
    """Of one reply: about a minute and a half of speech."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.9
    """The likeliest tokens whose probabilities add up to this are drawn from."""
    repetition_penalty: float = 1.05
    """Above 1, what was said before becomes less likely."""
    conversations: int = 4
    """How many caches are kept; the one unused for longest makes room."""


_FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
_OTHER_FORMATS = ["original/*", "metal/*", "onnx/*", "consolidated*"]
_PREFILL_TOKENS = 512
"""Read in one step: a prompt of any length can be left between two of them, and others take their turn."""
_LEAST_SHARED = 0.5
"""A cache that shares less than this with a new prompt is another conversation's: it is copied, not cut."""
_NO_THINKING = {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}
"""What the templates of Qwen and SmolLM, of Granite and DeepSeek, and of gpt-oss call it; a template ignores what it does not know."""


def load(options: Options, device: str) -> Transformers:
    """Fetch the model if it is not here yet and open it; weights are read from safetensors alone, and no code of a model's is ever run.

    Raises:
        MissingDependency: transformers or torch is not installed.
        ChatModelError: code ``offline``, ``gated``, ``unknown_model``, ``missing_files``, ``disk_full``, ``out_of_memory``,
            ``download_failed`` or ``load_failed``.
    """
    try:
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy
    except ImportError as error:
        raise MissingDependency(INFO.title, INFO.install) from error
    folder = _folder(options.model)
    _require_files(folder)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        opener: Any = transformers.AutoModelForCausalLM
        model, report = opener.from_pretrained(folder, dtype=options.dtype, use_safetensors=True, output_loading_info=True)
        model = model.to(device).eval().requires_grad_(False)
    except Exception as error:
        if full := _out_of_memory(error):
            raise full from error
        why = " ".join(str(error).split())[:200].rstrip(".")
        message = f"The model {options.model!r} cannot be opened on {device}: {why}. Fetch it again, or choose another."
        raise ChatModelError(message, code="load_failed") from error
    if report["missing_keys"]:  # the library would fill them with random numbers
        lacks = f"The files of the model {options.model!r} lack {len(report['missing_keys'])} of its tensors."
        raise ChatModelError(f"{lacks} Fetch it again, or choose another.", code="missing_files")
    if not tokenizer.chat_template:
        log.warning("%s has no chat template: it is given a plain transcript, and its reply ends with its first line", options.model)
    return Transformers(model, tokenizer, options, torch.device(device))


@dataclass(eq=False)
class _Memory:
    """What a model has read: its keys and values, and the tokens they belong to."""

    tokens: list[int]
    cache: Any


class Transformers:
    """A `ChatModel`. Any number of conversations may run at once; their steps take turns."""

    def __init__(self, model: Any, tokenizer: Any, options: Options, device: Any) -> None:
        self._model, self._tokenizer, self._options, self._device = model, tokenizer, options, device
        self._turns = exclusive(device.type) if device.type != "cpu" else FairLock()
        self._guard = threading.Lock()
        self._memories: list[_Memory] = []  # the one used last comes last; one that is in use is not in here
        ends = model.generation_config.eos_token_id
        self._ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self._special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - the system prompt has it
        """Answer the last message, a token a step; steps that only read or think give an empty delta.

        Raises:
            ChatModelError: code ``too_long`` (more than the model can read), ``template``, ``bad_numbers``, ``out_of_memory``, ``failed``.
        """
        prompt, tail = self._prompt(messages)
        room = self._room(len(prompt))
        thoughts = ThoughtFilter(thinking=tail.rstrip().endswith("<think>"))
        try:
            for text in self._texts(prompt, room):
                said = thoughts.push(text)
                line, new_line, _ = (said, "", "") if self._tokenizer.chat_template else said.partition("\n")
                yield TextDelta(line)
                if new_line:
                    return
            yield TextDelta(thoughts.finish())
        except ChatModelError:
            raise
        except Exception as error:
            if full := _out_of_memory(error):
                with self._guard:
                    self._memories.clear()
                raise full from error
            message = "The language model stopped with an error. Ask again, or choose another model."
            raise ChatModelError(message, code="failed", retryable=True) from error

    def _texts(self, prompt: list[int], room: int) -> Iterator[str]:
        """The reply as whole words; first, an empty text for every step of reading."""
        words = _words(self._tokenizer)
        for token in self._tokens(prompt, room):
            if token is not None:
                words.put(token)
            yield words.taken()
        words.end()
        yield words.taken()

    def _tokens(self, prompt: list[int], room: int) -> Iterator[Any]:
        """Each token of the reply, as a tensor of shape (1,); first, None for every step of reading the prompt."""
        import torch  # noqa: PLC0415 - heavy

        memory = self._recall(prompt)
        history = torch.tensor([prompt], device=self._device)
        choose = self._chooser()
        try:
            while len(prompt) - (read := len(memory.tokens)) > _PREFILL_TOKENS:
                self._read(memory, history[:, read : read + _PREFILL_TOKENS])
                yield None
            for _ in range(room):
                logits = self._read(memory, history[:, len(memory.tokens) :])
                if torch.isnan(logits).any():
                    message = "The language model computed what is no number. Choose another dtype, or another model."
                    raise ChatModelError(message, code="bad_numbers")
                with self._turns:
                    token = choose(history, logits)
                    history = torch.cat([history, token[None]], dim=1)
                if int(token) in self._ends:
                    break
                yield token.cpu()
        except GeneratorExit:
            self._remember(memory)
            raise
        self._remember(memory)  # not after an error: the step that failed may have left it half written

    def _read(self, memory: _Memory, tokens: Any) -> Any:
        """One step: feed tokens, of shape (1, n), to the model; the scores of the next one, float32 of shape (1, vocabulary)."""
        with self._turns:
            out = self._model(input_ids=tokens, past_key_values=memory.cache, use_cache=True, logits_to_keep=1)
        memory.tokens += tokens[0].tolist()
        return out.logits[:, -1].float()

    def _recall(self, prompt: list[int]) -> _Memory:
        """A cache of the beginning of the prompt, as long as one is kept, but leaving at least one token to read."""
        import transformers  # noqa: PLC0415 - heavy

        with self._guard:
            shared, best = max(((_shared(kept.tokens, prompt[:-1]), at) for at, kept in enumerate(self._memories)), default=(0, 0))
            if shared:
                kept = self._memories[best]
                if shared >= _LEAST_SHARED * len(kept.tokens):
                    del self._memories[best]
                else:
                    kept = copy.deepcopy(kept)
        if shared:
            with suppress(RuntimeError, ValueError):  # a cache with a window cannot be cut, and is made anew
                if surplus := len(kept.tokens) - shared:
                    kept.cache.crop(-surplus)
                return _Memory(prompt[:shared], kept.cache)
        return _Memory([], transformers.DynamicCache(config=self._model.config))

    def _remember(self, memory: _Memory) -> None:
        with self._guard:
            self._memories.append(memory)
            del self._memories[: max(0, len(self._memories) - max(0, self._options.conversations))]

    def _chooser(self) -> Any:
        """(tokens so far, scores) → the next token, of shape (1,)."""
        import torch  # noqa: PLC0415 - heavy
        import transformers  # noqa: PLC0415 - heavy

        options = self._options
        process = transformers.LogitsProcessorList()
        if options.repetition_penalty != 1:
            process.append(transformers.RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
        if options.temperature <= 0:
            return lambda tokens, scores: process(tokens, scores).argmax(-1)
        process.append(transformers.TemperatureLogitsWarper(options.temperature))
        if options.top_p < 1:
            process.append(transformers.TopPLogitsWarper(options.top_p))
        return lambda tokens, scores: torch.multinomial(process(tokens, scores).softmax(-1), 1)[0]

    def _prompt(self, messages: Sequence[ChatMessage]) -> tuple[list[int], str]:
        """The conversation as tokens, and the last characters of what they stand for."""
        parts = [{"role": message.role, "content": self._clean(message.content)} for message in messages]
        if not self._tokenizer.chat_template:
            text = _transcript(parts)
            return list(self._tokenizer(text).input_ids), text[-20:]
        try:
            text = self._rendered(parts)
        except Exception:  # some templates know no system prompt, or want the user to begin
            try:
                text = self._rendered(_without_system(parts))
            except Exception as error:
                message = f"The chat template of {self._options.model!r} refused the conversation. Choose another model."
                raise ChatModelError(message, code="template") from error
        return list(self._tokenizer(text, add_special_tokens=False).input_ids), text[-20:]

    def _rendered(self, parts: list[dict[str, str]]) -> str:
        return str(self._tokenizer.apply_chat_template(parts, tokenize=False, add_generation_prompt=True, **_NO_THINKING))

    def _clean(self, content: str) -> str:
        """What somebody says must not pass for the template's own marks."""
        for token in self._special:
            content = content.replace(token, " ")
        return content

    def _room(self, length: int) -> int:
        """How many tokens the reply may have."""
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or length + self._options.max_new_tokens
        if length >= limit:
            message = f"The conversation is too long for this model: {length} tokens, and it can read {limit}. Begin a new conversation."
            raise ChatModelError(message, code="too_long")
        return int(min(self._options.max_new_tokens, limit - length))


def _shared(one: list[int], two: list[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def _transcript(parts: list[dict[str, str]]) -> str:
    """What a model without a chat template is given: the system prompt, then who said what, a line each."""
    names = {"user": "User: ", "assistant": "Assistant: ", "system": ""}
    return "\n".join(names[part["role"]] + " ".join(part["content"].split()) for part in parts) + "\nAssistant:"


def _without_system(parts: list[dict[str, str]]) -> list[dict[str, str]]:
    """The system prompt as the beginning of what the user says first."""
    folded: list[dict[str, str]] = []
    for part in parts:
        role = "user" if part["role"] == "system" else part["role"]
        if folded and folded[-1]["role"] == role:
            folded[-1]["content"] += "\n\n" + part["content"]
        else:
            folded.append({"role": role, "content": part["content"]})
    return folded


def _words(tokenizer: Any) -> Any:
    """Turns tokens into text as soon as whole words are known. The marks of gpt-oss's channels stay in, for the filter of thoughts."""
    import transformers  # noqa: PLC0415 - heavy

    class Words(transformers.TextStreamer):
        text = ""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 - the base class's signature
            self.text += text

        def taken(self) -> str:
            text, self.text = self.text, ""
            return text

    return Words(tokenizer, skip_special_tokens="<|channel|>" not in tokenizer.get_vocab())


def _folder(model: str) -> Path:
    """Where the model lies on this machine, fetched if need be. Of a hub id, a copy that is here already serves without the network."""
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415 - heavy

    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return folder
    if model.count("/") > 1 or model.startswith((".", "/", "~")):
        raise ChatModelError(f"There is no folder {model[:200]!r}. Check its name, or name a model of the hub.", code="unknown_model")
    try:
        return Path(snapshot_download(model, allow_patterns=_FILES, ignore_patterns=_OTHER_FORMATS))
    except Exception as error:
        code, why = _why_not_fetched(error, errors)
        raise ChatModelError(f"The model {model!r} {why}", code=code, retryable=code in {"offline", "download_failed"}) from error


def _why_not_fetched(error: Exception, errors: Any) -> tuple[str, str]:
    if isinstance(error, errors.GatedRepoError):
        return "gated", "is given out only to accounts that accepted its terms. Accept them on its page, then run: hf auth login"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return "unknown_model", "is not on the hub. Check its name, or name a local folder."
    answered = isinstance(error.__cause__, errors.HfHubHTTPError)  # then the hub was reached, but did not serve
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled) and not answered:
        return "offline", "is not on this machine, and the hub cannot be reached. Connect to the internet, or name a local folder."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "disk_full", "does not fit on the disk. Free some space, then try again."
    return "download_failed", f"could not be fetched ({type(error).__name__}). Try again: what has arrived is kept."


def _require_files(folder: Path) -> None:
    wanted = {
        "config.json": ["config.json"],
        "*.safetensors": ["*.safetensors"],
        "tokenizer.json": ["tokenizer.json", "*.model", "vocab.*"],
    }
    missing = [name for name, patterns in wanted.items() if not any(any(folder.glob(pattern)) for pattern in patterns)]
    if missing:
        message = f"The model folder {str(folder)!r} lacks {', '.join(missing)}. Fetch the model again, or choose another."
        raise ChatModelError(message, code="missing_files")


def _out_of_memory(error: Exception) -> ChatModelError | None:
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "can't allocate memory" in str(error):
        message = "There is not enough memory for this language model. Choose a smaller one, or close other programs."
        return ChatModelError(message, code="out_of_memory")
    return None
