"""A conversation as values: what was heard of a turn, what a model reads, and a prompt's beginning that stays the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from conftest import speech_of, tone
from requirements import requirement

from engines.conversation.conversation import CUTTABLE_TURNS, MOST_TURNS, Conversation, PlaybackPosition
from engines.conversation.word_ends import WordEnds
from engines.events import SegmentReady, TranscriptReady, TurnCompleted, TurnFailed, TurnInterrupted
from engines.types import ChatMessage, SpeechSegment, Transcript, TurnTimings, VisemeTimeline, WordTiming

SENTENCES = ("One two three. ", "Four five six. ", "Seven eight nine.")
REPLY = "".join(SENTENCES)
"""Every word takes 200 ms."""


def asked(conversation: Conversation, turn_id: str, question: str = "Go") -> Conversation:
    event = TranscriptReady(turn_id=turn_id, seq=0, transcript=Transcript(question))
    return conversation.begin(turn_id).after(event)


def spoken(conversation: Conversation, turn_id: str) -> Conversation:
    before = 0
    for index, text in enumerate(SENTENCES):
        words = speech_of(text.rstrip()).words
        ends = WordEnds(before, text, text.rstrip()).of(words, last=True)
        before += len(text)
        segment = SpeechSegment(index, text, tone(), VisemeTimeline((), words, "measured"), ends=ends)
        conversation = conversation.after(SegmentReady(turn_id=turn_id, seq=0, segment=segment))
    return conversation


def completed(conversation: Conversation, turn_id: str, text: str = REPLY) -> Conversation:
    return conversation.after(TurnCompleted(turn_id=turn_id, seq=0, text=text, timings=TurnTimings()))


def failed(conversation: Conversation, turn_id: str, stage: str, text: str = REPLY) -> Conversation:
    event = TurnFailed(turn_id=turn_id, seq=0, text=text, timings=TurnTimings(), code="x", message="x", stage=stage, retryable=True)
    return conversation.after(event)


def full(turns: int) -> Conversation:
    conversation = Conversation()
    for number in range(turns):
        conversation = completed(asked(conversation, f"t{number}", f"Question {number}?"), f"t{number}")
    return conversation


CUTS = {
    "nothing": (-1, 0, ""),
    "one word of the first": (0, 250, "One"),
    "the first and a bit": (1, 0, "One two three."),
    "in the second": (1, 450, "One two three. Four five"),
    "more than there was": (99, 0, "One two three. Four five six. Seven eight nine."),
}


@pytest.mark.parametrize(("index", "ms", "left"), CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("done", [True, False], ids=["finished", "running"])
@requirement("talk.heard")
def test_only_what_was_heard_is_remembered_as_said(index, ms, left, done):
    conversation = spoken(asked(Conversation(), "a"), "a")
    if done:
        conversation = completed(conversation, "a")
    conversation = conversation.cut(PlaybackPosition("a", index, ms))
    for late in (completed(conversation, "a"), failed(conversation, "a", "tts"), conversation):
        assert late.window(9) == (ChatMessage("user", "Go"), *([ChatMessage("assistant", left)] if left else []))


def test_a_sentence_in_pieces_is_remembered_up_to_the_word_and_not_twice():
    """The characters of a sentence go with its first piece, whatever of it is heard."""
    written = "I ran 3 km today. "
    first, second = speech_of("I ran three "), speech_of("kilometres today.")
    ends = WordEnds(0, written, "I ran three kilometres today.")
    conversation = asked(Conversation(), "a")
    for index, (text, piece) in enumerate([(written, first), ("", second)]):
        words = tuple(word for word in piece.words if word.text)
        places = ends.of(words, last=index == 1)
        segment = SpeechSegment(index, text, tone(), VisemeTimeline((), words, "measured"), ends=places)
        conversation = conversation.after(SegmentReady(turn_id="a", seq=0, segment=segment))
    heard = [
        conversation.cut(PlaybackPosition("a", index, ms)).turns[0].said for index, ms in ((0, 50), (0, 500), (1, 0), (1, 150), (2, 0))
    ]
    assert heard == ["", "I ran 3", "I ran 3", "I ran 3 km", "I ran 3 km today."]


WRITTEN = {
    "as spoken": ("Well, yes. ", ["Well, ", "yes."], ["Well,", "Well, yes. "]),
    "a number": (
        "It cost $5 in 1999, then 12.",
        ["It ", "cost ", "five ", "dollars ", "in ", "nineteen ", "ninety-nine, ", "then ", "twelve."],
        [
            "It",
            "It cost",
            "It cost $5",
            "It cost $5",
            "It cost $5 in",
            "It cost $5 in 1999,",
            "It cost $5 in 1999,",
            "It cost $5 in 1999, then",
            "It cost $5 in 1999, then 12.",
        ],
    ),
    "markup": ("**Very** good 😀 indeed!", ["Very ", "good ", "indeed!"], ["**Very**", "**Very** good", "**Very** good 😀 indeed!"]),
    "a word again": ("a b a c a", ["a ", "b ", "a ", "c ", "a"], ["a", "a b", "a b a", "a b a c", "a b a c a"]),
    "no spaces": ("你好，世界。", ["你好，", "世界。"], ["你好，", "你好，世界。"]),
    "nothing alike": ("§ 7", ["section ", "seven"], ["§", "§ 7"]),
}


@pytest.mark.parametrize(("written", "spoken", "ends"), WRITTEN.values(), ids=WRITTEN)
@requirement("talk.heard")
def test_each_spoken_word_ends_somewhere_in_the_written_text(written, spoken, ends):
    words = [WordTiming(word, 0.0, 0.0) for word in spoken]
    places = WordEnds(100, written, "".join(spoken)).of(words, last=True)
    assert [written[: place - 100].rstrip() for place in places] == [end.rstrip() for end in ends]


def test_an_interrupted_turn_counts_with_what_was_synthesized_until_its_position_is_known():
    running = spoken(asked(Conversation(), "a"), "a")
    assert running.window(9)[-1].content == REPLY
    ended = running.after(TurnInterrupted(turn_id="a", seq=0, text="more than was spoken", timings=TurnTimings()))
    assert ended.window(9)[-1].content == REPLY


def test_how_far_a_turn_was_heard_may_be_told_after_later_turns_have_begun_but_not_for_ever():
    conversation = completed(spoken(asked(Conversation(), "a"), "a"), "a")
    for later in range(1, 2 * CUTTABLE_TURNS):
        conversation = completed(asked(conversation, f"b{later}"), f"b{later}")
        cut = conversation.cut(PlaybackPosition("a", 0, 250))
        assert cut.turns[0].said == ("One" if later <= CUTTABLE_TURNS else REPLY)
    assert not conversation.turns[0].segments


def test_a_question_at_which_the_model_failed_is_kept_but_not_asked_again():
    conversation = completed(asked(Conversation(), "a", "Well?"), "a", "Yes.")
    conversation = failed(asked(conversation, "b", "Poison?"), "b", "llm", "Half an ans")
    assert [message.content for message in conversation.window(9)] == ["Well?", "Yes."]
    assert conversation.turns[-1].question == "Poison?"


@requirement("turn.voice-fails")
def test_a_failed_voice_keeps_the_text():
    conversation = failed(asked(Conversation(), "a"), "a", "tts")
    assert conversation.window(9)[-1] == ChatMessage("assistant", REPLY)


@pytest.mark.parametrize("most", [0, 1, 2, 7, 12, 24])
def test_a_model_reads_the_newest_messages_and_their_beginning_stays_the_same_for_many_turns(most):
    windows = []
    for turns in range(60):
        windows.append(full(turns).window(most))
        assert len(windows[-1]) <= most
    moved = [number for number, (before, now) in enumerate(pairwise(windows)) if now[: len(before)] != before]
    assert all(later - earlier >= most // 4 for earlier, later in pairwise(moved))
    if most == 24:
        assert {len(window) for window in windows[12:]} == {12, 14, 16, 18, 20, 22, 24}  # the older half goes at once
        assert windows[-1][-1] == ChatMessage("assistant", REPLY)


@requirement("talk.history")
def test_what_a_model_no_longer_reads_is_not_forgotten():
    conversation = full(100)
    assert len(conversation.window(12)) <= 12
    assert [turn.question for turn in conversation.turns] == [f"Question {number}?" for number in range(100)]


def test_only_what_was_said_before_a_turn_counts_for_it():
    conversation = asked(full(2), "now", "Now?")
    assert conversation.window(9, before="now") == full(2).window(9)
    assert conversation.window(9, before="never") == ()


def test_a_conversation_is_bounded_and_its_window_goes_on_moving_in_steps():
    conversation = full(MOST_TURNS + 50)
    assert len(conversation.turns) == MOST_TURNS
    starts = set()
    for number in range(6):
        starts.add(conversation.window(24)[0].content)
        conversation = completed(asked(conversation, f"more{number}", "More?"), f"more{number}")
    assert len(starts) <= 2


def test_events_and_positions_of_turns_that_are_not_there_change_nothing():
    conversation = full(2)
    assert completed(conversation, "other") is conversation
    assert conversation.cut(PlaybackPosition("other", 0, 0)) is conversation
