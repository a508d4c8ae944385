"""A model's thoughts stay its own, however its reply is cut into pieces; everything else passes at once and unchanged."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.llm._reasoning_filter import ReasoningFilter

HARMONY = (
    "<|channel|>analysis<|message|>User greets. I say <think>, or final.<|end|>"
    "<|start|>assistant<|channel|>commentary to=functions.clock <|constrain|>json<|message|>{}<|call|>"
    "<|start|>functions.clock to=assistant<|channel|>commentary<|message|>12:00<|end|>"
    "<|start|>assistant<|channel|>final<|message|>It is noon.<|return|>"
)
CASES = {
    "plain": ("Whales sing.", "Whales sing."),
    "thought first": ("<think>\nHm, whales.\n</think>\n\nWhales sing.", "Whales sing."),
    "empty thought": ("<think>\n\n</think>\n\nWhales sing.", "Whales sing."),
    "thought inside": ("Whales <think>which?</think>sing.", "Whales sing."),
    "two thoughts": ("<think>a</think>One. <think>b</think>Two.", "One. Two."),
    "never closed": ("Yes. <think>But why would", "Yes. "),
    "nothing but a thought": ("<think>Only this", ""),
    "closed, never opened": ("Yes.</think> Indeed.", "Yes.</think> Indeed."),
    "a blank in the mark": ("<think >a</think >Yes.", "Yes."),
    "other families": (
        "<analysis>a</analysis>◁think▷b◁/think▷<|START_THINKING|>c<|END_THINKING|><|channel>thought\nd<channel|>Yes.",
        "Yes.",
    ),
    "a thought that names its tag": ("<think>I may write <think> here</think>Done.", "Done."),
    "other names": ("<Thinking>a</Thinking><REASONING>b</REASONING><thought>c</thought>[THINK]d[/THINK]Said.", "Said."),
    "harmony": (HARMONY, "It is noon."),
    "harmony, only analysis": ("<|channel|>analysis<|message|>Hm, let me", ""),
    "harmony, two answers": ("<|channel|>final<|message|>One.<|end|><|start|>assistant<|channel|>final<|message|> Two.", "One. Two."),
    "harmony, no channel": ("<|start|>assistant<|message|>Yes.<|end|>", "Yes."),
    "harmony, not to people": ("<|start|>system<|message|>Secret.<|end|>", ""),
    "harmony, a name that only looks final": ("<|channel|>finally<|message|>Secret.<|end|>", ""),
    "harmony, spaces and capitals": ("<|start|>assistant<|channel|> Final <|message|>Yes.<|end|>", "Yes."),
    "harmony, no message": ("<|channel|>final " + "x" * 5000, ""),
    "harmony in a thought": ("<think><|channel|>final<|message|>Secret</think>Open.", "Open."),
    "thought in a final channel": ("<|channel|>final<|message|><think>Secret</think>Open.<|return|>", "Open."),
    "less than": ("1 < 2, a <b> and [1] [t", "1 < 2, a <b> and [1] [t"),
    "half a mark at the end": ("I mean <thi", "I mean <thi"),
    "half a mark in a thought at the end": ("<think>I mean </thi", ""),
    "a mark broken off by another": ("<th<think>Secret</think>Open.", "<thOpen."),
    "white space alone": (" \n\t ", ""),
    "white space around": ("\n\n One.\n\nTwo. \n", "One.\n\nTwo. \n"),
    "other scripts": ("<think>嗯</think>你好，世界。😀", "你好，世界。😀"),
    "letters that grow when lowered": ("İİİ<think>İ</think>İ", "İİİİ"),
    "nothing": ("", ""),
}


def filtered(pieces: list[str], *, thinking: bool = False) -> str:
    thoughts = ReasoningFilter(opened=thinking)
    return "".join([*map(thoughts.push, pieces), thoughts.finish()])


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("name", CASES)
def test_only_the_reply_is_passed_on(name: str) -> None:
    text, expected = CASES[name]
    assert filtered([text]) == expected


@pytest.mark.parametrize("name", CASES)
def test_where_the_pieces_are_cut_makes_no_difference(name: str) -> None:
    text, expected = CASES[name]
    assert filtered(list(text)) == expected
    for place in range(min(len(text), 300)):
        assert filtered([text[:place], "", text[place:]]) == expected


_SNIPPETS = "<think> </think> <|start|> assistant <|channel|> final analysis <|message|> <|end|> [THINK] < \n".split(" ")


@given(st.lists(st.sampled_from(_SNIPPETS) | st.text(max_size=4)).map("".join), st.lists(st.integers(0, 500), max_size=8), st.booleans())
def test_any_text_cut_anywhere_gives_the_same(text: str, places: list[int], thinking: bool) -> None:
    assert filtered(cut(text, places), thinking=thinking) == filtered([text], thinking=thinking)


@given(st.text(st.characters(exclude_characters="<[")), st.lists(st.integers(0, 500), max_size=8))
def test_text_without_marks_passes_at_once_and_unchanged(text: str, places: list[int]) -> None:
    thoughts = ReasoningFilter()
    passed = ""
    for end, piece in enumerate(pieces := cut(text, places), 1):
        passed += thoughts.push(piece)
        assert passed == "".join(pieces[:end]).lstrip()
    assert thoughts.finish() == ""


def test_what_cannot_become_a_mark_any_more_is_let_go() -> None:
    thoughts = ReasoningFilter()
    assert thoughts.push("a <thi") == "a "
    assert thoughts.push("rd") == "<third"


def test_a_thought_that_the_prompt_has_opened() -> None:
    assert filtered(["Hm, <", "/think>", "\nYes."], thinking=True) == "Yes."
    assert filtered(["<think>Hm</think>Yes."], thinking=True) == "Yes."


def test_a_long_reply_in_small_pieces_takes_no_long_time() -> None:
    thoughts = ReasoningFilter()
    begun = time.process_time()
    passed = sum(len(thoughts.push("< [")) for _ in range(20_000)) + len(thoughts.finish())
    assert passed == 60_000
    assert time.process_time() - begun < 2
