"""What a model writes that is no speech is neither shown nor spoken, however its reply is cut; what only looks like it stays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.conversation.reply_writer import ReplyWriter
from engines.text.not_speech import NotSpeechFilter
from engines.types import Sentence

CASES = {
    "Hello there.<|im_end|>": "Hello there.",
    "Hello there.</s>": "Hello there.",
    "Hello there.<end_of_turn>": "Hello there.",
    "Hello there.<|im_end|>\n<|im_start|>user\nWhat?": "Hello there.",
    "Hello there.\nUser: What is it?\nAssistant: It is fine.": "Hello there.",
    "Hello there. [INST] What? [/INST]": "Hello there. ",
    "Assistant: Hello there.": "Hello there.",
    "**Assistant:** Hello there.": "Hello there.",
    "<|assistant|>Hello there.": "Hello there.",
    "Human: What?\n\nAssistant: Fine.": "",
    "<start_of_turn>model\nHello there.": "Hello there.",
    '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>': "",
    '<function=get_time>{"a": 1}</function>': "",
    '[TOOL_CALLS] [{"name": "get_time", "arguments": {}}]': "",
    '{"reply": "Hello there."}': "Hello there.",
    '<invoke name="get_time"><parameter name="zone">UTC</parameter></invoke>': "",
    "<|happy|> That is good.": "That is good.",
    "<answer>Hello there.</answer>": "Hello there.",
    "Plan it first.</think>Hello there.": "Plan it first.Hello there.",
    "Hello <name>, welcome.": "Hello <name>, welcome.",
    "If a < b, then <3 or List<String> or <|, and [1] or [I] or [INS": "If a < b, then <3 or List<String> or <|, and [1] or [I] or [INS",
    "Use the <title> tag.": "Use the <title> tag.",
    "[smile] Hi": "[smile] Hi",
    "a {b} c { d": "a {b} c { d",
    "<|start_header_id|>assistant<|end_header_id|>\n\nHi.": "Hi.",
    "<|im_start|>assistant\nHi there": "Hi there",
    "Userland is fine.\nHumans are: great\nAs is.": "Userland is fine.\nHumans are: great\nAs is.",
    "Line\n\n- item: x\n": "Line\n\n- item: x\n",
    "Fine.\n\nHuman: no": "Fine.",
    "<s>Hi": "Hi",
    'One moment. <tool_call>{"name": "clock"}': "One moment. ",
    "Maya: Hello": "Hello",
    "<s>Hi</s> x": "Hi",
    "2 <3 and x<y>z": "2 <3 and x<y>z",
}


def filtered(text: str, cuts: list[int]) -> tuple[str, int]:
    forgotten: list[int] = []
    speech = NotSpeechFilter("Maya", lambda: forgotten.append(1))
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    said = "".join(speech.push(text[a:b]) for a, b in pairwise(edges))
    return said + speech.finish(), len(forgotten)


@pytest.mark.parametrize(("text", "said"), CASES.items(), ids=ascii)
@requirement("say.only-speech")
def test_only_speech_is_passed_on(text, said):
    if "</think>" not in text:
        assert filtered(text, [])[0] == said
        assert filtered(text, list(range(len(text))))[0] == said


MARKS = [
    "<",
    "|",
    ">",
    "[",
    "]",
    "{",
    "}",
    '"',
    "a",
    "User",
    ":",
    "\n",
    " ",
    "</think>",
    "<|im_end|>",
    "Assistant",
    "INST",
    "*",
    "<tool_call>",
]
MARKS += [
    "</tool_call>",
    "name",
    "◁",
    "▷",
    "_",
    ".",
    "<|im_start|>",
    "user",
    "assistant",
    "[INST]",
    "[TOOL_CALLS]",
    "**",
    "thought",
    "analysis",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(MARKS) | st.text(max_size=3), max_size=12).map("".join), st.lists(st.integers(0, 99), max_size=6))
def test_where_the_text_is_cut_makes_no_difference(text, cuts):
    spoken: set[str] = set()
    for places in ([], cuts, list(range(100))):
        edges = [0, *sorted(cut % (len(text) + 1) for cut in places), len(text)]
        sentences: list[Sentence] = []
        writer = ReplyWriter("en", None, lambda _: None, sentences.append, name="Maya")
        for a, b in pairwise(edges):
            writer.write(text[a:b])
        writer.finish()
        spoken.add("".join(sentence.text for sentence in sentences))
    if "</think>" not in text:  # how much was spoken before it depends on when it comes
        assert len(spoken) == 1


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters="<[{◁:："), max_size=60))
def test_text_without_marks_stays_as_it_is(text):
    said, _ = filtered(text, [])
    assert said in (text, text.removeprefix("thought\n"))


def test_a_thought_whose_opening_mark_is_missing_is_forgotten():
    sentences: list[Sentence] = []
    writer = ReplyWriter("en", None, lambda _: None, sentences.append)
    for character in "Plan it first.</think>Hello there.":
        writer.write(character)
    writer.finish()
    assert [sentence.text for sentence in sentences] == ["Hello there."]
