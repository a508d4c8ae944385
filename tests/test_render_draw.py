"""What is drawn: the right person in the right place, a mouth that moves, eyes that look into the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import HOUSE
from drawing import bursts, require_drawing, room
from fixtures.avatars import Avatar

from avatar_assets.render import draw, stage, unseen
from avatar_assets.render.acting import Acting, Pose
from avatar_assets.render.avatar import read
from avatar_assets.render.draw import Painter
from avatar_assets.render.figure import Figure
from avatar_assets.render.gestures import GESTURES
from avatar_assets.render.script import script_of
from engines.errors import EngineError, InputError, MissingDependency
from engines.types import Cue

AVATARS = sorted((HOUSE / "avatar_assets" / "avatars").glob("*.glb"))
MIA = HOUSE / "avatar_assets" / "avatars" / "mia.glb"
SIZE = 192
ROOM = room(SIZE)
REST = Pose({})


@pytest.fixture(scope="module")
def painter():
    require_drawing()
    with Painter(read(MIA), ROOM) as painter:
        yield painter


def changed(painter: Painter, pose: Pose, before: Pose = REST) -> np.ndarray:
    """Where (row, column, as shares of the picture) the picture differs from another's."""
    difference = np.abs(painter.draw(pose).astype(int) - painter.draw(before)).max(axis=2)
    return np.argwhere(difference > 12) / SIZE


@pytest.mark.parametrize("path", AVATARS, ids=lambda path: path.stem)
def test_everybody_stands_in_the_middle_before_their_room(path, monkeypatch):
    require_drawing()
    monkeypatch.setattr(unseen, "_FINE", 1)
    pictures = []
    for behind in (ROOM, room(SIZE, "#c2557e")):
        with Painter(read(path), behind) as painter:
            pictures.append(painter.draw(REST).astype(int))
        assert (pictures[-1][-3:, :3] == behind[-3:, :3]).all()
    person = np.abs(pictures[0] - pictures[1]).max(axis=2) == 0  # only the room has the persona's colour
    columns = np.flatnonzero(person[: SIZE // 2].any(axis=0)) / SIZE
    assert columns.min() == pytest.approx(1 - columns.max(), abs=0.06), "the head is in the middle"
    assert 0.02 < np.flatnonzero(person.any(axis=1)).min() / SIZE < 0.25, "with air above it"
    assert person[-1, SIZE // 3 : -SIZE // 3].all(), "and a body below"


def test_each_view_shows_more_than_the_one_before(monkeypatch):
    require_drawing()
    monkeypatch.setattr(unseen, "_FINE", 1)
    blink, heights = Pose({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}), []
    for view in stage.VIEWS:
        with Painter(read(MIA), ROOM, view) as painter:
            drawn = painter.draw(REST)
            person = (drawn != ROOM).any(axis=2)
            eyes = np.argwhere((painter.draw(blink) != drawn).any(axis=2))
            heights.append(np.ptp(eyes[:, 1]))
        if view == "full":
            rows = np.flatnonzero(person.any(axis=1)) / SIZE
            assert 0.03 < rows.min() < 0.1
            assert 0.9 < rows.max() < 0.97, "from head to feet"
        else:
            assert person[-1].any()
            assert np.median(eyes[:, 0]) / SIZE == pytest.approx(stage.VIEWS[view].eyes, abs=0.03)
    assert heights[0] > 1.3 * heights[1] > 3 * heights[2]


def test_the_eyes_are_where_the_stage_has_them(painter):
    rows = changed(painter, Pose({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}))[:, 0]
    assert np.median(rows) == pytest.approx(stage.VIEWS["upper"].eyes, abs=0.02)


@pytest.mark.parametrize("name", ["viseme_aa", "viseme_U", "viseme_PP", "viseme_FF"])
def test_the_mouth_moves_and_nothing_else(painter, name):
    places = changed(painter, Pose({name: 0.6}))
    assert len(places) > 20
    rows, columns = places.T
    assert rows.min() > 0.42
    assert rows.max() < 0.68
    assert 0.34 < columns.min() <= columns.max() < 0.66


def test_the_same_pose_is_the_same_picture_whatever_came_before(painter):
    first = painter.draw(REST)
    painter.draw(Pose({"viseme_aa": 0.6, "eyeBlinkLeft": 1.0}, {"Head": (0.1, 0.1, 0.1)}))
    assert (painter.draw(REST) == first).all()


@pytest.mark.parametrize(
    ("path", "view", "most"), [*((path, "upper", 0.8) for path in AVATARS), (MIA, "full", 0.9)], ids=lambda part: getattr(part, "stem", "")
)
def test_what_is_left_out_is_never_missed(path, view, most, monkeypatch):
    require_drawing()
    person = read(path)
    cues = tuple(Cue(name, 500 + 2200 * index) for index, name in enumerate(("nod", "shake", "wave", "laugh", "shrug", "thanks")))
    acting = Acting(replace(script_of([bursts(["aa", "U", "TH", "FF"] * 8)]), cues=cues), "happy")
    poses = [acting.at(ms) for ms in range(0, 14_000, 450)]
    with Painter(person, ROOM, view, acting.gestures()) as painter:
        drawn = sum(part.triangles for part in painter._parts)
        spared = [painter.draw(pose) for pose in poses]
    monkeypatch.setattr(draw, "seen", lambda *_, meshes, **__: [np.ones(len(mesh.triangles), bool) for mesh in meshes])
    with Painter(person, ROOM, view) as painter:
        assert drawn < most * sum(part.triangles for part in painter._parts)
        for pose, picture in zip(poses, spared, strict=True):
            assert (painter.draw(pose) == picture).all()


def test_a_turned_head_keeps_looking_into_the_camera():
    figure = Figure(read(MIA))
    camera = stage.camera("upper", figure.eyes, SIZE, SIZE).place
    _, straight = figure.stand(REST, camera)
    _, turned = figure.stand(Pose({}, {"Head": (0.0, 0.2, 0.0)}), camera)
    assert max(straight.values()) < 0.15
    assert turned["eyeLookInLeft"] == pytest.approx(0.2 / np.radians(24), abs=0.06), "to her right, as her head turned to her left"
    assert turned["eyeLookOutRight"] == pytest.approx(turned["eyeLookInLeft"], abs=0.06)
    assert turned["eyeLookOutLeft"] == 0
    _, bowed = figure.stand(Pose({}, {"Head": (0.15, 0.0, 0.0)}), camera)
    assert bowed["eyeLookUpLeft"] > 0.3


def test_a_nod_moves_the_head_and_leaves_the_body(painter):
    places = changed(painter, Pose({}, {"Head": (0.1, 0.0, 0.0)}))
    assert places[:, 0].min() < 0.3
    assert places[:, 0].max() < 0.8


def test_a_hand_that_waves_is_beside_the_face():
    require_drawing()
    waving = Pose({}, arms=GESTURES["wave"].arms)
    with Painter(read(MIA), ROOM, gestures=[waving]) as painter:
        rows, columns = changed(painter, waving).T
    assert 0.3 < rows.min() < 0.6, "as high as the face"
    assert columns.min() < 0.2, "to the person's right"
    assert columns.max() < 0.5, "and only there"


def test_an_avatar_with_arms_stretched_out_lets_them_hang(painter, tmp_path):
    avatar = Avatar()
    for side in ("Left", "Right"):
        avatar.node(f"{side}Arm")["rotation"] = [0, 0, 0, 1]
    (tmp_path / "t.glb").write_bytes(avatar.to_bytes())
    with Painter(read(tmp_path / "t.glb"), ROOM) as stretched:
        assert (stretched.draw(REST) == painter.draw(REST)).all()


def test_a_damaged_picture_is_told(tmp_path):
    with pytest.raises(InputError, match="picture"):
        draw._decoded(b"\x89PNG\r\n\x1a\n but no more")


def test_without_moderngl_the_command_that_brings_it_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "moderngl", None)
    with pytest.raises(MissingDependency, match="pip install moderngl"):
        draw.context()


def test_without_egl_the_packages_are_named(monkeypatch):
    pytest.importorskip("moderngl")
    monkeypatch.setenv("GLCONTEXT_LINUX_LIBEGL", "/nowhere/libEGL.so")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(EngineError, match=r"apt-get install libegl1 .*libgl1-mesa-dri") as failed:
        draw.context()
    assert failed.value.code == "no_egl"
