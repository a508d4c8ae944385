"""Reasoning filter: keeps what a chat model thinks to itself out of its reply, while the reply is still being written.

Two notations are known. Marks around a thought, ``<think>…</think>``, as DeepSeek-R1 and Qwen write them (also ``thinking``, ``analysis``,
``scratchpad`` and the like, Mistral's ``[THINK]``, Kimi's ``◁think▷``, Command's ``<|START_THINKING|>``); and
gpt-oss's channels, ``<|channel|>analysis<|message|>…<|end|>``, of which only ``final`` is meant for people:
https://github.com/openai/harmony, docs/format.md.
"""

from __future__ import annotations

import re

_NAMES = """think thinking thought thoughts reason reasoning reflection reflect analysis scratchpad internal_thought internal_thoughts
internal_monologue inner_thought inner_thoughts inner_monologue monologue plan planning seed:think antthinking antml:thinking cot""".split()
_OPEN = frozenset({*(f"<{name}>" for name in _NAMES), "[think]", "◁think▷", "<|start_thinking|>", "<|channel>thought"})
_CLOSE = frozenset({*(f"</{name}>" for name in _NAMES), "[/think]", "◁/think▷", "<|end_thinking|>", "<channel|>"})
_START, _CHANNEL, _MESSAGE = "<|start|>", "<|channel|>", "<|message|>"
_MARKERS = (*_OPEN, *_CLOSE, _START, _CHANNEL, _MESSAGE, "<|end|>", "<|return|>", "<|call|>")
_MARKER = re.compile("|".join(re.sub(">$", " ?>", re.escape(mark)) for mark in _MARKERS), re.IGNORECASE)
_LONGEST = max(map(len, _MARKERS)) + 1
_HEADER_CHARACTERS = 200
"""How much of a channel's header is kept: its role and name stand first."""
_FOR_PEOPLE = ("assistant", "final")


class ReasoningFilter:
    """Streaming filter: `push` what the model wrote, `finish` at its end; joined, the answers are what may be shown and spoken.

    Where the model's pieces are cut makes no difference. Nothing waits but what may be the beginning of a mark (at most ten
    characters) and the white space before the reply, which is dropped. A thought that is never closed lasts to the end; a closing mark that
    comes alone is passed on, for whoever speaks to forget what came before it. A block is left by
    its own end only, so a thought that quotes the other notation stays a thought.
    """

    def __init__(self, *, opened: bool = False) -> None:
        """`opened`: the prompt itself has opened a thought, so that the model writes the closing tag alone."""
        self._in_tags = opened
        self._header: str | None = None
        """What stands between ``<|start|>`` or ``<|channel|>`` and ``<|message|>``; None outside of it."""
        self._muted = False
        """Inside a channel that is not for people, or between two messages."""
        self._held = ""
        self._begun = False

    def push(self, text: str) -> str:
        """Take the next piece, of any length; what may be said of it and of what was held before."""
        text = self._held + text
        spoken, at = [], 0
        for mark in _MARKER.finditer(text):
            spoken.append(self._spoken(text[at : mark.start()]))
            name = mark.group().lower().replace(" >", ">")
            if name in _CLOSE and not self._in_tags and self._header is None and not self._muted:
                spoken.append(mark.group())  # what came before may have been a thought: whoever speaks it decides
            self._take(name)
            at = mark.end()
        end = _beginning_of_a_marker(text, at)
        self._held = text[end:]
        spoken.append(self._spoken(text[at:end]))
        return self._from_the_first_word("".join(spoken))

    def finish(self) -> str:
        """The end of the reply: what was held turned out to be no mark."""
        held, self._held = self._held, ""
        return self._from_the_first_word(self._spoken(held))

    def _spoken(self, text: str) -> str:
        if self._header is not None:
            self._header = (self._header + text)[:_HEADER_CHARACTERS]
            return ""
        return "" if self._in_tags or self._muted else text

    def _take(self, mark: str) -> None:
        """What a mark changes."""
        if self._in_tags:
            self._in_tags = mark not in _CLOSE
        elif mark in {_START, _CHANNEL}:
            # The name of a channel replaces the role before it: "<|start|>assistant<|channel|>analysis<|message|>".
            self._header = ""
        elif mark == _MESSAGE:
            name = (self._header or "").split()[:1]
            self._muted = self._header is not None and not (name and name[0].lower() in _FOR_PEOPLE)
            self._header = None
        elif mark in _OPEN:
            self._in_tags = self._header is None and not self._muted
        elif mark not in _CLOSE:
            self._header, self._muted = None, True

    def _from_the_first_word(self, text: str) -> str:
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text


def _beginning_of_a_marker(text: str, start: int) -> int:
    """Where, from `start` on, the end of `text` may be the first part of a mark; the length of `text` when it is none."""
    for at in range(max(start, len(text) - _LONGEST + 1), len(text)):
        if text[at] in "<[◁" and any(mark.startswith(text[at:].lower().removesuffix(" ")) for mark in _MARKERS):
            return at
    return len(text)
