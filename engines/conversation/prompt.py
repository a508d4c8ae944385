"""System prompts and the list of messages that a chat model reads: the only place that tells a model how to behave.

The rules must not contradict each other, nor what is done with a reply: stage directions and emoji are acted and not spoken
(`engines/text/directions.py`), everything else is spoken (`engines/text/speakable.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from engines.text.directions import DIRECTIONS
from engines.text.languages import name_of
from engines.text.special_tokens import without_special_tokens
from engines.text.surrogates import well_formed
from engines.types import ChatMessage, Persona

SPOKEN_STYLE = (
    "Everything you write is spoken aloud at once. Answer in plain spoken words, at most {sentences}, and begin with a short one. "
    "Never use Markdown, lists or headings. Write numbers and units the way one says them. "
    "If you are sincerely asked whether you are human, say that you are a computer character."
)
"""How a reply must be written so that it can be spoken; ``{sentences}`` is how long it may be."""
STAGE_DIRECTIONS = (
    "You may show what you feel by one of these in square brackets, or by an emoji, once or twice in an answer; "
    f"it is acted, not spoken: {', '.join(f'[{name}]' for name in DIRECTIONS)}."
)
"""How a reply may ask for a gesture or an expression."""

History = Sequence[ChatMessage] | Callable[[], Sequence[ChatMessage]]
"""Earlier messages, oldest first, without the system prompt; or a function that gives them when the model is asked."""


def system_prompt(persona: Persona) -> str:
    """The system prompt of a persona: their own prompt, the rules for every spoken reply, and the language of the answer.

    It is the same in every turn of one language: engines keep what they have computed for the part of a prompt that does not change.
    """
    sentences = "one sentence" if persona.max_sentences == 1 else f"{persona.max_sentences} sentences"
    style = SPOKEN_STYLE.format(sentences=sentences)
    language = f"Answer in {name_of(persona.language)}, unless you are asked for another language."
    return "\n\n".join([persona.prompt, style, STAGE_DIRECTIONS, language])


def messages_for(persona: Persona, history: History, question: str) -> list[ChatMessage]:
    """What the model is asked: the system prompt, what was said before, the question.

    Neighbouring messages of one role are joined, because many chat templates refuse them: a reply of which nothing was heard leaves two
    questions in a row. Nobody's words, a persona's included, can be taken for a model's special tokens.
    """
    earlier = history() if callable(history) else history
    messages = [ChatMessage("system", system_prompt(persona)), *earlier, ChatMessage("user", question)]
    return [
        ChatMessage(role, without_special_tokens(well_formed("\n".join(message.content for message in group))))
        for role, group in itertools.groupby(messages, key=lambda message: message.role)
    ]
