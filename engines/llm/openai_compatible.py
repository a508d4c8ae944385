"""Chat model on a server: Ollama, LM Studio, llama.cpp, vLLM, OpenRouter, Hugging Face's router, whatever speaks OpenAI's chat completions.

Protocol: https://platform.openai.com/docs/api-reference/chat/create, streamed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import ChatModelError, ConfigError
from engines.llm._reasoning_filter import ReasoningFilter
from engines.runtimes.openai_client import INSTALL, OpenAIClient, ServerOptions
from engines.types import ChatMessage, EngineInfo, Persona, TextDelta

INFO = EngineInfo(
    name="openai_compatible",
    stage="llm",
    title="OpenAI-compatible server",
    summary="A language model on the server that you name; what is said goes there as text.",
    requires=("openai",),
    install=INSTALL,
    preference=-1,
)


@dataclass(frozen=True, slots=True)
class Options(ServerOptions):
    """Which server, which model, and how much patience. Retries come before the first token only."""

    model: str = ""
    """As the server calls it; empty takes the first that a server on this machine lists. Elsewhere it must be named: it may cost money."""
    base_url: str = "http://127.0.0.1:11434/v1"
    """Ollama's; LM Studio has port 1234, llama.cpp 8080, vLLM 8000, OpenRouter https://openrouter.ai/api/v1."""
    temperature: float = 0.7
    max_tokens: int = 512
    """Of the whole answer, thoughts included: two minutes of speech, or an answer after a short thought."""
    reasoning_effort: str = ""
    """``none``, ``low``, ``medium`` or ``high``, for servers that know it; empty leaves it to the server."""
    opens_with_thought: bool = False
    """The server's template has begun the thought already: what comes before ``</think>`` is not spoken."""
    first_token_s: float = 120.0
    """A server may have to read its model from disk first."""
    timeout_s: float = 20.0
    """Longest silence between two tokens."""


_EMBEDDING = ("embed", "rerank", "bge-", "whisper", "tts")
"""What the names of models that cannot chat contain, as servers list them among the others."""
_LISTED_NAMES = 5
_END_S = 0.1
"""How long to wait for the formal end of a finished answer, which keeps the connection for the next one."""


def load(options: Options, device: str, folder: Path | None = None) -> OpenAICompatible:  # noqa: ARG001 - every adapter is loaded alike
    """Ask the server which models it has, within ten seconds a try.

    Raises:
        MissingDependency: openai is not installed.
        ConfigError: an address, key or model that cannot be used.
        ChatModelError: the server cannot be reached (``unreachable``, ``stalled``) or does not let us in (``bad_key`` …).
    """
    client = OpenAIClient(INFO.title, ChatModelError, options)
    listed = client.run(client.models(needed=not options.model))
    return OpenAICompatible(client, options, options.model or _first_choice(client, listed))


class OpenAICompatible:
    """A `ChatModel`. It keeps no state: any number of conversations at once."""

    def __init__(self, client: OpenAIClient, options: Options, model: str) -> None:
        self._client, self._options = client, options
        self._completions = client.openai.chat.completions  # imported here, some 0.2 s, and not in the first turn
        self.model = model
        """The model that answers."""

    def stream(self, messages: Sequence[ChatMessage], persona: Persona) -> Iterator[TextDelta]:  # noqa: ARG002 - it is in the messages
        """The answer as it is written, without the model's thoughts. Closing the iterator closes the connection at once.

        Raises:
            ChatModelError: ``unreachable``, ``stalled``, ``dropped``, ``busy``, ``server_error`` and ``empty_reply`` may pass when tried
                again; ``bad_key``, ``forbidden``, ``no_credit``, ``wrong_model``, ``wrong_address``, ``refused`` and ``bad_answer`` not.
        """
        reply = self._reply([{"role": message.role, "content": message.content} for message in messages])
        try:
            while (text := self._client.run(_next(reply))) is not None:
                if text:
                    yield TextDelta(text)
        finally:
            self._client.run(_close(reply))

    async def _reply(self, messages: list[dict[str, str]]) -> AsyncIterator[str]:
        reasoning, spoken, finished = ReasoningFilter(opened=self._options.opens_with_thought), False, ""
        chunks, chunk = await self._client.with_retries(lambda: self._first(messages), self.model)
        try:
            while not finished:
                text, _, finished = self._read(chunk)
                text = reasoning.push(text) + (reasoning.finish() if finished else "")
                spoken = spoken or bool(text.strip())
                yield text
                if not finished:
                    chunk = await self._chunk(chunks)
            if not spoken:
                raise self._nothing_said(finished)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_END_S):
                    while await anext(chunks, None) is not None:
                        pass
        except Exception as error:
            raise self._client.error_for(error, self.model) from self._client.cause(error)
        finally:
            await chunks.close()

    async def _first(self, messages: list[dict[str, str]]) -> tuple[Any, Any]:
        """The stream and its first chunk that tells something."""
        options = self._options
        more: dict[str, Any] = {"reasoning_effort": options.reasoning_effort} if options.reasoning_effort else {}
        async with asyncio.timeout(options.first_token_s):
            chunks = await self._completions.create(
                model=self.model,
                messages=messages,
                stream=True,
                temperature=options.temperature,
                max_tokens=options.max_tokens,
                **more,
            )
            try:
                begun = False
                while (chunk := await anext(chunks, None)) is not None:
                    begun = True
                    text, thought, finished = self._read(chunk)
                    if text or thought or finished:
                        return chunks, chunk
                raise self._client.connection_lost() if begun else self._client.bad_answer()
            except BaseException:
                await chunks.close()
                raise

    async def _chunk(self, chunks: Any) -> Any:
        async with asyncio.timeout(self._options.timeout_s):
            while (chunk := await anext(chunks, None)) is not None:
                if any(self._read(chunk)):
                    return chunk
        raise self._client.connection_lost()

    def _read(self, chunk: Any) -> tuple[str, str, str]:
        """Text, thought and reason to end of one chunk; all empty in one that only keeps the connection alive."""
        choices = getattr(chunk, "choices", self)
        if choices is None or choices == []:
            return "", "", ""
        if not isinstance(choices, list):
            raise self._client.bad_answer()
        delta = getattr(choices[0], "delta", None)
        thought = _text(delta, "reasoning_content") or _text(delta, "reasoning")
        return _text(delta, "content"), thought, _text(choices[0], "finish_reason")

    def _nothing_said(self, finished: str) -> ChatModelError:
        if finished == "length":
            spent = f"{self.model} used up its {self._options.max_tokens} tokens before it said anything"
            message = f"{spent}. Raise max_tokens, or let it think less."
        elif finished == "content_filter":
            message = f"{self._client.host} withheld the answer. Ask in other words, or choose another model."
        else:
            message = f"{self.model} answered nothing. Ask again, or choose another model."
        return ChatModelError(message, code="empty_reply", retryable=True)


async def _next(reply: AsyncIterator[str]) -> str | None:
    return await anext(reply, None)


async def _close(reply: Any) -> None:
    with contextlib.suppress(RuntimeError):  # a step that was interrupted is just ending it
        await reply.aclose()


def _text(part: Any, name: str) -> str:
    value = getattr(part, name, None)
    return value if isinstance(value, str) else ""


def _first_choice(client: OpenAIClient, listed: Sequence[str]) -> str:
    chatting = [name for name in listed if not any(part in name.lower() for part in _EMBEDDING)]
    if client.is_local and chatting:
        return chatting[0]
    if client.is_local:
        raise ConfigError(f"{client.host} lists no language model. Fetch one (for Ollama: ollama pull llama3.2), or name one.")
    some = f": it has {', '.join(chatting[:_LISTED_NAMES])}" if chatting else ""
    raise ConfigError(f"Name the model that {client.host} should use{some}.")
