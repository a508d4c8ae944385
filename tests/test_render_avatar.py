"""Avatars of one's own are filmed as the page shows them: mended, turned, with lips; and refused in a sentence that says what to do."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import HOUSE
from drawing import require_drawing, room
from fixtures.avatars import Avatar
from fixtures.bad_avatars import BAD
from fixtures.other_avatars import OTHERS

from avatar_assets.checking.contract import CONTRACT
from avatar_assets.checking.person import check
from avatar_assets.render import gltf, stage, unseen
from avatar_assets.render.acting import Pose
from avatar_assets.render.avatar import Avatar as Person
from avatar_assets.render.avatar import find, read
from avatar_assets.render.draw import Painter
from avatar_assets.render.face import expressions_of, five_of
from avatar_assets.render.figure import Figure
from avatar_assets.render.gestures import GESTURES
from engines.errors import InputError
from engines.types import VISEME_NAMES

SIZE = 160
ROOM = room(SIZE)
REST = Pose({})
WAVING = Pose({}, arms=GESTURES["wave"].arms)
SPEAKING = [name for name in OTHERS if name != "shapeless.glb"]


@pytest.fixture(autouse=True)
def coarsely(monkeypatch):
    monkeypatch.setattr(unseen, "_FINE", 1)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("avatars")
    for name, make in {"mia.glb": Avatar, **OTHERS}.items():
        (folder / name).write_bytes(make().to_bytes())
    return folder


@pytest.fixture(scope="module")
def mia(files) -> dict[str, np.ndarray]:
    return pictures(read(files / "mia.glb"))


def pictures(person: Person) -> dict[str, np.ndarray]:
    require_drawing()
    poses = {"rest": REST, "aa": Pose({"viseme_aa": 0.6}), "blink": Pose({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}), "wave": WAVING}
    with Painter(person, ROOM, gestures=[WAVING]) as painter:
        return {name: painter.draw(pose).astype(int) for name, pose in poses.items()}


def written(folder: Path, change: Callable[[Avatar], object], base: Callable[[], Avatar] = Avatar, name: str = "a.glb") -> Path:
    avatar = base()
    change(avatar)
    (folder / name).write_bytes(avatar.to_bytes())
    return folder / name


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The share of the picture in which two differ."""
    return float((np.abs(one - other).max(axis=2) > 24).mean())


@pytest.mark.parametrize("name", OTHERS)
def test_the_same_person_is_seen_whatever_the_file_is_like(files, mia, name):
    shown = pictures(read(files / name))
    assert apart(shown["rest"], mia["rest"]) < 0.03, "stands in the same place, facing the viewer"
    if name != "armless.glb":
        assert apart(shown["wave"], mia["wave"]) < 0.05
        assert apart(shown["wave"], shown["rest"]) > 0.04, "the hand is in the picture"
    if name in SPEAKING:
        mouth, blink = ((shown[what] - shown["rest"]) != 0 for what in ("aa", "blink"))
        rows = np.flatnonzero(mouth.any(axis=(1, 2))) / SIZE
        assert 0.44 < rows.min() < rows.max() < 0.68, "the mouth moves, and nothing else"
        assert mouth.any(axis=2).mean() > 0.002
        assert np.median(np.argwhere(blink)[:, 0]) / SIZE == pytest.approx(stage.VIEWS["upper"].eyes, abs=0.03)


@pytest.mark.parametrize("name", ["old.vrm", "new.vrm"])
def test_the_eyes_of_a_vrm_go_back_to_the_camera(files, name, monkeypatch):
    figure = Figure(read(files / name))
    camera = stage.camera("upper", figure.eyes, SIZE, SIZE).place
    placed: list[list[np.ndarray]] = []
    place = figure._place
    monkeypatch.setattr(figure, "_place", lambda *given: placed.append(place(*given)) or placed[-1])
    for angle in (0.0, 0.3):
        figure.stand(Pose({}, {"Head": (0.0, angle, 0.0)}), camera)
    eye, other = (placed[at][figure._bones["LeftEye"]][:3, :3] for at in (1, 3))
    x, _, z = (other @ eye.T) @ [0, 0, 1]
    assert np.arctan2(x, z) == pytest.approx(0.3 * 8 / 9, abs=0.01), "90 degrees become 10, as the file says"


def test_what_an_avatar_lacks_is_told(files):
    assert any("arms" in notice for notice in read(files / "armless.glb").notices)
    assert any("neither lips nor eyes move" in notice for notice in read(files / "shapeless.glb").notices)
    assert read(files / "mixamo.glb").notices == ()


@pytest.mark.parametrize("name", BAD)
def test_what_the_page_refuses_the_film_refuses_with_the_same_sentence(tmp_path, name):
    make = BAD[name][1]
    data = make()
    (tmp_path / "bad.glb").write_bytes(data)
    report = check("bad.glb", data)
    with pytest.raises(InputError, match=r"bad\.glb cannot be drawn") as refused:
        read(tmp_path / "bad.glb")
    assert refused.value.code == "avatar"
    assert report.findings[0].text in refused.value.message


def test_a_file_that_is_too_big_is_refused_unread(tmp_path):
    with (tmp_path / "big.glb").open("wb") as file:
        file.truncate(CONTRACT["limits"]["bytes"] + 1)
    with pytest.raises(InputError, match="100 MB are read"):
        read(tmp_path / "big.glb")


def packed(avatar: Avatar) -> None:
    avatar.json["extensionsRequired"] = [*avatar.json.get("extensionsRequired", []), "KHR_texture_basisu"]


def strange(avatar: Avatar) -> None:
    avatar.json["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]


def as_lines(avatar: Avatar) -> None:
    avatar.json["meshes"][0]["primitives"][0]["mode"] = 1


def no_such_texture(avatar: Avatar) -> None:
    avatar.json["materials"][0]["pbrMetallicRoughness"] = {"baseColorTexture": {"index": 99}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (packed, "a video that the server draws needs it plain, as “npx @gltf-transform/cli ktxdecompress"),
        (strange, "EXT_mesh_gpu_instancing"),
        (as_lines, "triangles"),
        (no_such_texture, "damaged"),
    ],
)
def test_what_only_the_page_can_show_is_refused_too(tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        read(written(tmp_path, change))


def test_more_bones_than_can_be_drawn_are_refused(files, monkeypatch):
    shader = (HOUSE / "avatar_assets" / "render" / "person.vert").read_text(encoding="utf-8")
    assert f"const int JOINTS = {gltf.MOST_JOINTS};" in shader
    monkeypatch.setattr(gltf, "MOST_JOINTS", 20)
    with pytest.raises(InputError, match=r"52 bones move it, and 20 is the most. Join some of them"):
        read(files / "mia.glb")


def test_the_avatar_of_a_persona_is_looked_for_as_on_the_page(tmp_path):
    folder = tmp_path / "avatars"
    folder.mkdir()
    with pytest.raises(InputError, match=r"there is no avatars/bob\.glb and no avatars/bob\.vrm"):
        find(folder, "bob")
    (folder / "bob.vrm").touch()
    assert find(folder, "bob").suffix == ".vrm"
    (folder / "bob.glb").touch()
    assert find(folder, "bob").suffix == ".glb"


def test_the_five_mouths_are_the_pages():
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed: the browser's numbers cannot be computed")
    program = """
    import { fiveOf } from './avatar_assets/web/lipsync/vrm-mouth.mjs';
    import { readFileSync } from 'node:fs';
    console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(fiveOf)));
    """
    chance = np.random.default_rng(3)
    asked = [dict(zip(VISEME_NAMES, chance.uniform(0, most, 15).tolist(), strict=True)) for most in (0.1, 0.3, 0.9) for _ in range(5)]
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, cwd=HOUSE, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60)
    for weights, theirs in zip(asked, json.loads(done.stdout), strict=True):
        assert five_of(weights.__getitem__) == pytest.approx(theirs)


def test_feelings_leave_the_mouth_to_the_words():
    smile = {"mouthSmile": 0.5}
    quiet, loud = (expressions_of(smile | {"viseme_aa": weight}, each_eye=True)["happy"] for weight in (0.0, 0.6))
    assert 0 < loud < 0.5 * quiet
    assert expressions_of({"browDownLeft": 0.6, "browDownRight": 0.6}, each_eye=True)["angry"] > 0.3
    assert expressions_of({"eyeBlinkLeft": 1.0}, each_eye=False)["blink"] == 0, "nobody winks with both eyes"
    assert expressions_of({"eyeBlinkLeft": 1.0}, each_eye=True) | {"blinkLeft": 1.0} == expressions_of({"eyeBlinkLeft": 1.0}, each_eye=True)


def hair(avatar: Avatar) -> dict:
    """The material of the largest mesh above the eyes, as its only user."""
    node = next(node for node in avatar.json["nodes"] if "mesh" in node and "hair" in node["name"].lower())
    part = avatar.json["meshes"][node["mesh"]]["primitives"][0]
    avatar.json["materials"].append(json.loads(json.dumps(avatar.json["materials"][part["material"]])))
    part["material"] = len(avatar.json["materials"]) - 1
    del part["attributes"]["COLOR_0"]
    return avatar.json["materials"][-1]


def clear(mode: str, alpha: float) -> Callable[[Avatar], None]:
    def change(avatar: Avatar) -> None:
        material = hair(avatar)
        material["alphaMode"] = mode
        material["pbrMetallicRoughness"]["baseColorFactor"] = [0.5, 0.2, 0.1, alpha]

    return change


def test_what_can_be_seen_through_hides_nothing(tmp_path, mia):
    shown = {
        (mode, alpha): pictures(read(written(tmp_path, clear(mode, alpha))))["rest"]
        for mode, alpha in (("BLEND", 0.0), ("MASK", 0.4), ("MASK", 0.6), ("BLEND", 1.0), ("OPAQUE", 0.0), ("BLEND", 0.5))
    }
    assert (shown["BLEND", 0.0] == shown["MASK", 0.4]).all()
    assert apart(shown["BLEND", 0.0], shown["OPAQUE", 0.0]) > 0.03, "bald"
    assert apart(shown["MASK", 0.6], shown["OPAQUE", 0.0]) == 0
    assert apart(shown["BLEND", 1.0], shown["OPAQUE", 0.0]) < 0.01
    between = np.abs(shown["BLEND", 0.5] - (shown["BLEND", 0.0] + shown["OPAQUE", 0.0]) / 2).max(axis=2)
    assert np.median(between[between > 0]) < 30


def drawn_as_toon(avatar: Avatar) -> None:
    material = hair(avatar)
    material["extensions"] = {"VRMC_materials_mtoon": {"specVersion": "1.0", "shadeColorFactor": [1, 0, 0], "shadingToonyFactor": 1.0}}
    material["pbrMetallicRoughness"] = {"baseColorFactor": [0, 0, 1, 1]}
    avatar.json["extensionsUsed"].append("VRMC_materials_mtoon")


def test_a_toons_shade_has_a_colour_of_its_own(tmp_path):
    shown = pictures(read(written(tmp_path, drawn_as_toon, OTHERS["new.vrm"], "a.vrm")))["rest"]
    red, green, blue = np.moveaxis(shown[: SIZE // 2], 2, 0)
    lit, shade = (blue > 200) & (red < 130), (red > 150) & (blue > 120) & (green < 130)
    assert lit.sum() > 100
    assert shade.sum() > 20


def test_a_file_without_normals_and_with_a_moved_picture_is_read(tmp_path):
    def change(avatar: Avatar) -> None:
        for mesh in avatar.json["meshes"]:
            for part in mesh["primitives"]:
                part["attributes"].pop("NORMAL", None)
                for target in part.get("targets", []):
                    target.pop("NORMAL", None)
        for material in avatar.json["materials"]:
            if texture := material.get("pbrMetallicRoughness", {}).get("baseColorTexture"):
                texture["extensions"] = {"KHR_texture_transform": {"offset": [1, 0], "scale": [2, 1], "rotation": 0.0}}

    plain, moved = read(written(tmp_path, lambda _: None)), read(written(tmp_path, change))
    for before, after in zip(plain.model.meshes, moved.model.meshes, strict=True):
        lengths = np.linalg.norm(after.shape[:, 3:], axis=1)
        assert np.median(lengths) == pytest.approx(1, abs=1e-3)
        assert np.median((before.shape[:, 3:] * after.shape[:, 3:]).sum(axis=1)) > 0.9
        if before.material.picture is not None:
            np.testing.assert_allclose(after.uv, before.uv * [2, 1] + [1, 0], atol=1e-5)


def test_an_avatar_cut_anywhere_is_refused(files, tmp_path):
    whole = (files / "new.vrm").read_bytes()
    (length,) = struct.unpack_from("<I", whole, 12)
    for cut in [*range(0, 20, 3), *range(20, 20 + length, length // 7), *range(20 + length, len(whole), len(whole) // 7)]:
        (tmp_path / "cut.vrm").write_bytes(whole[:cut])
        with pytest.raises(InputError):
            read(tmp_path / "cut.vrm")
