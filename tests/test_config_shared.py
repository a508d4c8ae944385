"""The facts that the page and Python share: every file that Python reads is there, is an object, and fits what Python declares itself."""

from __future__ import annotations

import pytest
from requirements import requirement

from engines.config.shared import shared
from engines.types import VISEME_NAMES


@requirement("house.shared-facts")
@pytest.mark.parametrize(
    "name", ["acting/acts.json", "acting/moods.json", "avatar/views.json", "lipsync/visemes.json", "stage/backdrops/backdrops.json"]
)
def test_a_shared_file_is_an_object_with_entries(name):
    assert shared(name)


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(OSError, match=r"nothing\.json"):
        shared("nothing.json")


def test_a_direction_names_a_mood_that_there_is():
    moods, directions = shared("acting/moods.json"), shared("acting/acts.json")["directions"]
    assert {act["mood"] for act in directions.values() if "mood" in act} <= set(moods)


def test_the_first_view_and_the_first_room_are_some_of_them():
    views, rooms = shared("avatar/views.json"), shared("stage/backdrops/backdrops.json")
    assert views["first"] in views["views"]
    assert rooms["first"] in rooms["rooms"]


def test_the_visemes_are_the_types_own():
    table = shared("lipsync/visemes.json")
    assert tuple(table["visemes"]) == VISEME_NAMES
    assert set(table["closures"]) < set(VISEME_NAMES)
