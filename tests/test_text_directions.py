"""Stage directions: taken out of the reply wherever it is cut, and due with the word they stand at."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requirements import requirement

from engines.text.directions import DIRECTIONS, CueSheet, DirectionFilter
from engines.types import Cue, Direction, WordTiming


def filtered(*pieces: str) -> tuple[str, list[tuple[str, int]]]:
    directions = DirectionFilter()
    said = "".join([*map(directions.push, pieces), directions.finish()])
    return said, [(one.name, one.offset) for one in directions.take(len(said), rest=True)]


CASES = {
    "[smile] Hello there.": ("Hello there.", [("smile", 0)]),
    "Well. [shrug] I do not know.": ("Well. I do not know.", [("shrug", 6)]),
    "Well.[shrug] I do not know.": ("Well. I do not know.", [("shrug", 5)]),
    "Yes[nod], of course.": ("Yes, of course.", [("nod", 3)]),
    "Goodbye! [wave]": ("Goodbye! ", [("wave", 9)]),
    "[Smiles warmly] Hi. [dances wildly] Ho.": ("Hi. Ho.", [("smile", 0)]),
    "[thumbs up] [ok]": ("", [("thumbsup", 0), ("ok", 0)]),
    "Great 👍 work": ("Great 👍 work", [("thumbsup", 6)]),
    "Hm 🤷🏽‍♀️.": ("Hm 🤷🏽‍♀️.", [("shrug", 3)]),
    "*nods slowly* I see.": ("I see.", [("nod", 0)]),
    "I see (laughs). Go on.": ("I see . Go on.", [("laugh", 6)]),
    "[улыбка] Привет.": ("Привет.", []),
    "line one\n[smile]\nline two": ("line one\n\nline two", [("smile", 9)]),
}
UNTOUCHED = [
    "It is *really* big, and **very** (quite) old (laughably so).",
    "Read [this page](https://example.org), [that one][2], and note [1].",
    "[foo]: https://example.org",
    "Then list[int] and items[index] are types, f(nods) is a call.",
    "```\n[header]\nx = [foo]\n```\n",
    "An [unclosed bracket that goes on and on and on and on for ever",
    "a [ b ] c [] d [x] e",
    "2 * points * 3 and 2*points*x",
    "[[smile] twice",
]


@pytest.mark.parametrize("written", CASES)
@requirement("persona.directions")
def test_directions_are_taken_out_and_found_wherever_the_text_is_cut(written):
    expected = CASES[written]
    assert filtered(written) == expected
    assert filtered(*written) == expected
    for cut in range(len(written)):
        assert filtered(written[:cut], written[cut:]) == expected


@pytest.mark.parametrize("written", UNTOUCHED[:-1])
def test_what_only_looks_like_one_stays(written):
    assert filtered(written) == (written, [])
    assert filtered(*written) == (written, [])


@pytest.mark.parametrize("name", DIRECTIONS)
def test_every_direction_is_known_by_its_own_name(name):
    assert filtered(f"[{name}] x") == ("x", [(name, 0)])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("[]()*smilenod S\n:`👍é1", max_size=12), max_size=8))
def test_cuts_make_no_difference_and_nothing_is_held_for_ever(pieces):
    assert filtered(*pieces) == filtered("".join(pieces))


def test_nothing_waits_that_cannot_become_a_direction():
    directions = DirectionFilter()
    written = ("Hello ", "there *", "r", "eally* (", "not [1", "] ", "[this is a very long text in brackets that cannot be one", "[x] ")
    assert "".join(map(directions.push, written)) == "".join(written)
    assert directions.push("[smi") == ""
    assert directions.push("le] x") == "x"


def test_sentences_take_their_own_directions():
    directions = DirectionFilter()
    assert directions.push("[smile] One two. [nod] Three") == "One two. Three"
    assert directions.take(9) == (Direction("smile", 0),)
    assert directions.take(5) == (Direction("nod", 0),)
    assert directions.push(" four. [wave]") == " four. "
    directions.finish()
    assert directions.take(7, rest=True) == (Direction("wave", 7),)


def words(*texts: str) -> list[WordTiming]:
    return [WordTiming(text, 100.0 * index, 100.0) for index, text in enumerate(texts)]


def test_a_direction_is_due_with_the_word_at_its_place():
    sheet = CueSheet([Direction("smile", 0), Direction("nod", 4), Direction("wave", 13)], 13, 13)
    assert sheet.of(words("One ", "two ", "three")) == (Cue("smile", 0), Cue("nod", 100), Cue("wave", 200))


def test_directions_of_a_long_sentence_go_to_the_piece_they_stand_in():
    sheet = CueSheet([Direction("smile", 0), Direction("nod", 10), Direction("wave", 16)], 16, 16)
    assert sheet.of(words("One ", "two ")) == (Cue("smile", 0),)
    assert sheet.of(words("six ", "ten ")) == (Cue("nod", 0), Cue("wave", 100))


def test_a_voice_without_words_acts_at_once():
    assert CueSheet([Direction("nod", 5)], 10, 10).of([]) == (Cue("nod", 0.0),)
