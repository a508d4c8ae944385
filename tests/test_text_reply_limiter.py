"""Reply limiter: where a reply ends that the model does not end itself, however its text is cut."""

from __future__ import annotations

import time

import pytest
from conftest import StubMind, StubVoice, stub_engines
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.conversation.turn import TurnRequest, run_turn
from engines.events import TurnCompleted, TurnFailed
from engines.text.reply_limiter import ReplyLimiter
from engines.types import Utterance

FOUR = "Wolves live in packs. They hunt at night. Nobody tames them. They sing together."
RUNAWAYS = {
    "one more": (FOUR + " And a fifth one comes.", FOUR + " "),
    "a sentence again": ("They are so happy. They sing. They are so happy. They are", "They are so happy. They sing. "),
    "said otherwise": ("They're so happy! They sing. “They’re so happy.” Yes.", "They're so happy! They sing. "),
    "with another gesture": ("[smile] I like you a lot. [nod] I like you a lot. Bye.", "I like you a lot. "),
    "short ones for ever": ("Yes. " * 50, "Yes. Yes. "),
    "numbers for ever": (" ".join(f"Number {number}." for number in range(50)), "".join(f"Number {number}. " for number in range(8))),
    "Japanese": ("狼は群れで暮らします。夜に狩りをします。" * 9, "狼は群れで暮らします。夜に狩りをします。"),
    "lines": ("\n".join(f"- this is line {letter}" for letter in "abcdefgh"), "".join(f"- this is line {letter}\n" for letter in "abcd")),
}
FINE = {
    "four": FOUR,
    "many short ones": "Oh! Hello Anna! It is lovely to meet you. I'm Maya. I study wolves. What would you like to know?",
    "a beginning again": "I like cats. I like dogs. I like birds too.",
    "an echo": "No. No. I do not think so.",
    "no end": "Well, I never",
    "a refrain": "row, row, row your boat, gently down the stream, merrily, merrily, merrily, merrily, life is but a dream",
    "a laugh": "Ha ha ha ha ha ha ha ha!",
    "brackets": "If a < b, then <3 or List<String> or <|, and [1] or [I] or [INS",
    "lines": "First this\nUsually that\nthen no more",
    "a rule": "Look at this: ------------------------------------------------------------ and now we go on.",
}
CIRCLES = ["and the mercy of God " * 30, "no " * 100, "ハ" * 100, "I said that " + "you know what I mean, and " * 20]


def limited(text: str, cut: int = 1_000, most: int = 4) -> tuple[str, ReplyLimiter]:
    from engines.text.directions import DirectionFilter

    limiter, directions = ReplyLimiter("ja" if text[0] > "\u3000" else "en", most), DirectionFilter()
    said = "".join(limiter.push(directions.push(text[at : at + cut])) for at in range(0, len(text), cut))
    return said + limiter.push(directions.finish()) + limiter.finish(), limiter


@requirement("talk.runaway")
@pytest.mark.parametrize("cut", [1, 2, 7, 1_000])
@pytest.mark.parametrize(("text", "said"), RUNAWAYS.values(), ids=RUNAWAYS)
def test_a_runaway_answer_ends(text, said, cut):
    passed, limiter = limited(text, cut)
    assert passed == said
    assert limiter.over
    assert not limiter.broken_off


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_what_ends_by_itself_is_passed_on_whole(text):
    passed, limiter = limited(text, 3)
    assert (passed, limiter.broken_off) == (text, False)


@pytest.mark.parametrize("text", CIRCLES, ids=ascii)
def test_a_phrase_that_goes_round_in_circles_is_broken_off(text):
    passed, limiter = limited(text)
    assert len(passed) < 130
    assert limiter.broken_off


def test_a_sentence_that_never_ends_is_broken_off():
    passed, limiter = limited(" ".join(f"word{number}" for number in range(2_000)))
    assert len(passed) <= 4 * 310
    assert limiter.broken_off


def test_text_is_passed_on_at_once_unless_it_may_be_said_again():
    limiter = ReplyLimiter("en", 4)
    assert [limiter.push(text) for text in ("I like ", "cats. ", "I like", " d", "ogs")] == ["I like ", "cats. ", "", "I like d", "ogs"]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*FOUR.split(), "[smile]", "Yes.", "Dr.", "no", "\n", "3.5", "…", "“", "日本。"]), max_size=60).map(" ".join),
    st.data(),
)
def test_where_the_text_is_cut_makes_no_difference(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    limiter = ReplyLimiter("en", 4)
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    said = "".join(map(limiter.push, pieces)) + limiter.finish()
    whole = ReplyLimiter("en", 4)
    assert said == whole.push(text) + whole.finish()
    assert text.startswith(said)


def test_it_costs_next_to_nothing():
    begun = time.process_time()
    limited(" ".join(f"Sentence number {number} is of a usual length, I think." for number in range(60)), 4, most=50)
    assert time.process_time() - begun < 1.5


@requirement("talk.runaway")
@pytest.mark.parametrize(
    ("deltas", "end", "sentences"),
    [
        ([f"Number {number} is my favourite one. " for number in range(200)], TurnCompleted, 4),
        (["The mercy of God. "] * 200, TurnCompleted, 1),
        (["and the mercy of God "] * 200, TurnFailed, None),
    ],
    ids=["counting", "repeating", "circling"],
)
def test_the_model_is_stopped_and_the_user_is_told_where_it_matters(persona, deltas, end, sentences):
    mind, voice = StubMind(deltas), StubVoice()
    *_, last = run_turn(TurnRequest("one", persona, Utterance(text="Hi")), stub_engines(mind=mind, voice=voice))
    assert isinstance(last, end)
    assert mind.closed.wait(5)
    assert mind.steps < 20
    if isinstance(last, TurnFailed):
        assert (last.code, last.retryable, last.counts_against_engine) == ("reply_too_long", True, False)
    else:
        assert len(voice.said) <= sentences + 1, "the first clause may be said by itself"
        assert last.text == "".join(deltas[:sentences])


def test_a_greeting_may_be_as_long_as_it_is(persona):
    greeting = "Hello. " * 30
    *_, last = run_turn(TurnRequest("one", persona, None, reply=greeting), stub_engines())
    assert last.text == greeting
