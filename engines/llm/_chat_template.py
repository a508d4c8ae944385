"""Chat template of a language model that runs here: from a conversation to its prompt, and from what it writes to what may be spoken.

It is the same for every library that computes such models; each hands over its own template and tokenizer as functions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from engines.errors import ChatModelError
from engines.llm._prefix_cache import shared_prefix_length
from engines.llm._reasoning_filter import ReasoningFilter
from engines.types import ChatMessage, TextDelta
from engines.weights.hardware import is_out_of_memory

log = logging.getLogger(__name__)

Messages = Sequence[ChatMessage]
Part = dict[str, str]
"""A message as chat templates want it: ``role`` and ``content``."""

NO_REASONING: dict[str, object] = {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}
"""What the templates of Qwen and SmolLM, of Granite and DeepSeek, and of gpt-oss call it; a template ignores what it does not know."""

CHANNEL_MARKER = "<|channel|>"
"""A model whose vocabulary holds this writes gpt-oss's channels: its special tokens are needed to tell thoughts from the reply."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation as a model reads it, up to where its reply begins."""

    tokens: list[int]
    opens_reasoning: bool
    """Whether the template itself has opened a thought, so that the reply begins inside of it."""


class ChatTemplate:
    """The prompts and replies of one model."""

    def __init__(
        self,
        model: str,
        render: Callable[[list[Part]], str] | None,
        encode: Callable[[str, bool], list[int]],
    ) -> None:
        """`render` applies the chat template (None: there is none, which is logged); `encode` makes tokens of a text, and adds the
        model's own at its beginning if told so."""
        self._model, self._render = model, render
        self.encode = encode
        """(text, whether the model's own tokens are added at its beginning) → its tokens."""
        if render is None:
            log.warning("%s has no chat template: it is given a plain transcript, and its reply ends with its first line", model)

    def prompt(self, messages: Messages) -> Prompt:
        """The conversation by the model's template, else as a plain transcript.

        Raises:
            ChatModelError: code ``template``, if the template makes nothing of the conversation, with or without a system prompt.
        """
        parts: list[Part] = [{"role": message.role, "content": message.content} for message in messages]
        if self._render is None:
            return Prompt(self.encode(transcript(parts), True), opens_reasoning=False)
        refusal = ChatModelError(f"The chat template of {self._model!r} refused the conversation. Choose another model.", code="template")
        try:
            text = self._render(parts)
        except Exception:  # some templates know no system prompt, or want the user to begin
            try:
                text = self._render(without_system(parts))
            except Exception as error:
                raise refusal from error
        if not (tokens := self.encode(text, False)):
            raise refusal
        return Prompt(tokens, opens_reasoning=text.rstrip().endswith("<think>"))

    def stable_prefix_length(self, messages: Messages, prompt: Prompt) -> int:
        """How many tokens of the conversation's `prompt` the next turn's prompt will begin with, at least one fewer than it has.

        Most templates write the end of a prompt, where the reply begins, differently once the reply is there.

        Raises:
            ChatModelError: code ``template``.
        """
        later = self.prompt([*messages, ChatMessage("assistant", "Yes."), ChatMessage("user", "Yes.")])
        return shared_prefix_length(prompt.tokens[:-1], later.tokens)

    def reply(self, texts: Iterable[str], *, opens_reasoning: bool) -> Iterator[str]:
        """What may be spoken of what the model writes, one (often empty) text for each of `texts`, and one for their end.

        Without a template the reply ends with its first line: what follows is the model's guess of what the user says next.
        """
        reasoning = ReasoningFilter(opened=opens_reasoning)
        for text in texts:
            said = reasoning.push(text)
            if self._render is None:
                said, new_line, _ = said.partition("\n")
                if new_line:
                    yield said
                    return
            yield said
        yield reasoning.finish()


def transcript(parts: Iterable[Part]) -> str:
    """What a model without a chat template is given: the system prompt, then who said what, a line each."""
    names = {"user": "User: ", "assistant": "Assistant: ", "system": ""}
    return "\n".join(names[part["role"]] + " ".join(part["content"].split()) for part in parts) + "\nAssistant:"


def without_system(parts: Iterable[Part]) -> list[Part]:
    """The system prompt as the beginning of what the user says first; of two messages of one role in a row, one is made."""
    folded: list[Part] = []
    for part in parts:
        role = "user" if part["role"] == "system" else part["role"]
        if folded and folded[-1]["role"] == role:
            folded[-1]["content"] += "\n\n" + part["content"]
        else:
            folded.append({"role": role, "content": part["content"]})
    return folded


class ConversationTooLongError(ChatModelError):
    """Code ``too_long``: the conversation is more than the model can read."""

    def __init__(self, length: int, limit: int) -> None:
        """`length` tokens, and the model can read `limit`."""
        message = f"The conversation is too long for this model: {length} tokens, and it can read {limit}. Begin a new conversation."
        super().__init__(message, code="too_long")


def reply_to_what_fits(messages: Messages, write: Callable[[Messages], Iterator[TextDelta]]) -> Iterator[TextDelta]:
    """What `write` makes of the messages, or, where that raises `ConversationTooLongError`, of these without the older ones.

    Raises:
        ConversationTooLongError: the last message and the system prompt alone are too long.
    """
    while True:
        try:
            yield from write(messages)
        except ConversationTooLongError:
            if not (shorter := _without_older(messages)):
                raise
            messages = shorter
        else:
            return


def _without_older(messages: Messages) -> Messages:
    """The system prompt and the newer messages; none if there is but one.

    How many are left out stays the same for many turns, so that prompts go on to begin alike.
    """
    system, rest = [message for message in messages if message.role == "system"], [*messages]
    rest = rest[len(system) :]
    kept = rest[(1 << len(rest).bit_length()) // 4 :]
    while kept and kept[0].role != "user":
        kept = kept[1:]
    return [*system, *kept] if len(rest) > 1 and kept else []


def reply_token_limit(messages: Messages, length: int, limit: int | None, wanted: int) -> int:
    """How many of the `wanted` tokens a reply may have after a prompt of `length`, in a model that can read `limit` (None: any number).

    Raises:
        ConversationTooLongError: there is not enough room, and `reply_to_what_fits` can make some; or there is none at all.
    """
    if limit is None:
        return wanted
    if length >= limit or (length + wanted > limit and _without_older(messages)):
        raise ConversationTooLongError(length, limit)
    return min(wanted, limit - length)


def generation_error(error: Exception) -> ChatModelError:
    """The error for an exception that a library raised while its model was opened or wrote: code ``out_of_memory`` or ``failed``."""
    if isinstance(error, ChatModelError):
        return error
    if is_out_of_memory(error):
        message = "There is not enough memory for this language model. Choose a smaller one, or close other programs."
        return ChatModelError(message, code="out_of_memory", counts_against_engine=True)
    message = "The language model stopped with an error. Ask again, or choose another model."
    return ChatModelError(message, code="failed", retryable=True, counts_against_engine=True)
