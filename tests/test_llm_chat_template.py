"""What a model is given to read, and what of its answer is passed on: with stand-ins for the template and the tokenizer."""

from __future__ import annotations

import pytest

from engines.errors import ChatModelError
from engines.llm._chat_template import ChatTemplate, generation_error, reply_token_limit, transcript, without_system
from engines.types import ChatMessage

TALK = [ChatMessage("system", "Be kind."), ChatMessage("user", "Hi.")]


def encode(text: str, special: bool) -> list[int]:
    return [0] * special + list(map(ord, text))


def decode(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))


def bracketed(parts: list[dict[str, str]]) -> str:
    return "".join(f"[{part['role']}]{part['content']}" for part in parts) + "[assistant]"


def strict(parts: list[dict[str, str]]) -> str:
    if [part["role"] for part in parts] != (["user", "assistant"] * len(parts))[: len(parts)]:
        raise ValueError("users begin")
    return bracketed(parts)


def template(render=bracketed) -> ChatTemplate:
    return ChatTemplate("some/model", render, encode)


def test_the_template_writes_the_prompt_without_the_tokenizers_own_beginning():
    prompt = template().prompt(TALK)
    assert (decode(prompt.tokens), prompt.opens_reasoning) == ("[system]Be kind.[user]Hi.[assistant]", False)


def test_a_template_that_wants_the_user_to_begin_is_given_the_system_prompt_with_the_first_words():
    assert decode(template(strict).prompt(TALK).tokens) == "[user]Be kind.\n\nHi.[assistant]"
    greeted = [ChatMessage("system", "Be kind."), ChatMessage("assistant", "Hello."), ChatMessage("user", "Hi.")]
    assert decode(template(strict).prompt(greeted).tokens) == "[user]Be kind.[assistant]Hello.[user]Hi.[assistant]"


@pytest.mark.parametrize("render", [lambda parts: 1 / 0, lambda parts: ""], ids=["fails", "writes nothing"])
def test_a_template_that_makes_nothing_of_it_is_told(render):
    with pytest.raises(ChatModelError, match="'some/model' refused") as caught:
        template(render).prompt(TALK)
    assert caught.value.code == "template"


@pytest.mark.parametrize(
    ("render", "rest"),
    [
        (bracketed, 0),
        (lambda parts: bracketed(parts) + "<think></think>", len("<think></think>")),
        (lambda parts: f"{len(parts)}{bracketed(parts)}", None),
        (None, 0),
    ],
    ids=["plain", "an empty thought", "nothing lasts", "transcript"],
)
def test_how_much_of_a_prompt_will_begin_the_next_one(render, rest):
    room = template(render)
    prompt = room.prompt(TALK)
    lasting = room.stable_prefix_length(TALK, prompt)
    assert lasting == (0 if rest is None else min(len(prompt.tokens) - 1, len(prompt.tokens) - rest))
    later = room.prompt([*TALK, ChatMessage("assistant", "Well."), ChatMessage("user", "Why?")])
    assert later.tokens[:lasting] == prompt.tokens[:lasting]


def test_without_a_template_there_is_a_transcript_and_a_warning(caplog):
    prompt = template(None).prompt([*TALK, ChatMessage("assistant", "Two\nlines."), ChatMessage("user", "And?")])
    assert decode(prompt.tokens) == "\0Be kind.\nUser: Hi.\nAssistant: Two lines.\nUser: And?\nAssistant:"
    assert "some/model has no chat template" in caplog.text


def test_a_template_that_opens_a_thought_is_noticed():
    assert template(lambda parts: bracketed(parts) + "<think>\n").prompt(TALK).opens_reasoning


@pytest.mark.parametrize("cut", [1, 3, 1000])
@pytest.mark.parametrize(("text", "thinking", "said"), [("<think>hm</think>\n\nHello.", False, "Hello."), ("hm</think>Hi.", True, "Hi.")])
def test_thoughts_are_not_passed_on(text, thinking, said, cut):
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    given = list(template().reply(pieces, opens_reasoning=thinking))
    assert "".join(given) == said
    assert len(given) == len(pieces) + 1


@pytest.mark.parametrize("cut", [1, 4, 1000])
def test_without_a_template_the_reply_is_one_line(cut):
    text, taken = " I am fine.\nUser: and you?", []
    pieces = (taken.append(piece) or piece for piece in [text[at : at + cut] for at in range(0, len(text), cut)])
    assert "".join(template(None).reply(pieces, opens_reasoning=False)) == "I am fine."
    assert len(taken) <= 12 // cut + 1, "what follows is not asked for"


def test_roles_in_a_row_are_folded():
    parts = [{"role": "system", "content": "S"}, {"role": "user", "content": "A"}, {"role": "user", "content": "B"}]
    assert without_system(parts) == [{"role": "user", "content": "S\n\nA\n\nB"}]
    assert transcript([]) == "\nAssistant:"


def test_the_room_for_a_reply_ends_where_the_model_does():
    short, long = [ChatMessage("user", "a")], [ChatMessage("user", "a"), ChatMessage("assistant", "b"), ChatMessage("user", "c")]
    assert [reply_token_limit(short, length, 100, 30) for length in (10, 70, 99)] == [30, 30, 1]
    assert reply_token_limit(long, 70, 100, 30) == 30
    assert reply_token_limit(long, 10**6, None, 30) == 30
    for messages, length in ((short, 100), (long, 71)):
        with pytest.raises(ChatModelError, match=f"{length} tokens, and it can read 100") as caught:
            reply_token_limit(messages, length, 100, 30)
        assert caught.value.code == "too_long"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (RuntimeError("[METAL] Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"), "out_of_memory"),
        (RuntimeError("[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (ValueError("x"), "failed"),
        (ChatModelError("Too long.", code="too_long"), "too_long"),
    ],
)
def test_what_a_library_raises_is_told_in_plain_words(error, code):
    told = generation_error(error)
    assert (told.code, told.message[-1]) == (code, ".")
