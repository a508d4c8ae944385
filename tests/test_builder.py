"""Avatars: what TalkingHead needs in every file, mouths that close, open and differ, and a builder that repeats itself."""

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import cKDTree

from avatar_assets import npm_modules
from avatar_assets.builder.__main__ import main
from avatar_assets.builder.build import build
from avatar_assets.builder.expressions import expressions
from avatar_assets.builder.face import MOUTH, FaceMesh, build_face
from avatar_assets.builder.folds import folds, shade
from avatar_assets.builder.gltf import quaternion
from avatar_assets.builder.hair import build_hair
from avatar_assets.builder.head import HeadShape
from avatar_assets.builder.mesh import Mesh, polygonize, seen, vertex_normals
from avatar_assets.builder.mouth import MouthPose
from avatar_assets.builder.person import Person, load, names
from avatar_assets.builder.portraits import studio, visemes
from avatar_assets.builder.sdf import sphere
from avatar_assets.builder.skeleton import SIDES, Skeleton, turn_x, turn_y, turn_z
from avatar_assets.builder.teeth import ROW_VERTICES, build_mouth_inside
from avatar_assets.builder.visemes import SPOKEN, STRONGEST, USUAL, sculpted
from benchmarks import chromium as machine

AVATARS = sorted((Path(__file__).parent.parent / "avatar_assets" / "avatars").glob("*.glb"))
MILLIMETRE = 0.001
BONES = ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"] + [
    f"{side}{bone}"
    for side in ("Left", "Right")
    for bone in [
        *("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase", "Eye"),
        *(f"Hand{finger}{i}" for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky") for i in (1, 2, 3)),
    ]
]
ARKIT = """eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight
eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawRight jawOpen mouthClose
mouthFunnel mouthPucker mouthLeft mouthRight mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft
mouthDimpleRight mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft
mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft browDownRight browInnerUp
browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut""".split()
OCULUS = "sil PP FF TH DD kk CH SS nn RR aa E I O U".split()
EXTRA = ["mouthOpen", "mouthSmile", "eyesClosed", "eyesLookUp", "eyesLookDown"]


VALIDATE = """
import { readFileSync } from 'node:fs';
import { validateBytes } from 'gltf-validator';
const found = {};
for (const path of process.argv.slice(1)) found[path] = (await validateBytes(new Uint8Array(readFileSync(path)))).issues;
console.log(JSON.stringify(found));
"""
MOUTH_BOX = (60, 130, 175, 205)
"""Where the mouth is in a picture of a viseme, pixels."""
SEEN_APART = 2.5
"""How different two mouths have to look: mean difference in the mouth region of the channel that differs most, of 255."""


def chunks(data: bytes) -> tuple[dict, bytes]:
    magic, version, size = struct.unpack_from("<4sII", data)
    assert (magic, version, size) == (b"glTF", 2, len(data))
    text_size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    return json.loads(data[20 : 20 + text_size]), data[28 + text_size :]


def positions(scene: dict, data: bytes, mesh: str) -> np.ndarray:
    entry = next(m for m in scene["meshes"] if m["name"] == mesh)
    accessor = scene["accessors"][entry["primitives"][0]["attributes"]["POSITION"]]
    start = scene["bufferViews"][accessor["bufferView"]]["byteOffset"]
    return np.frombuffer(data, np.float32, accessor["count"] * 3, start).reshape(-1, 3)


@pytest.fixture(scope="module", params=names())
def person(request) -> Person:
    return load(request.param)


@pytest.fixture(scope="module")
def face(person) -> FaceMesh:
    return build_face(person)


@pytest.fixture(scope="module")
def shapes(face) -> dict[str, np.ndarray]:
    return expressions(face)


def spoken(face: FaceMesh, shapes: dict[str, np.ndarray], name: str) -> np.ndarray:
    return face.positions + STRONGEST.get(name, USUAL) * shapes[f"viseme_{name}"]


def opening(face: FaceMesh, points: np.ndarray) -> tuple[float, float]:
    """Height and width of the hole between the lips' edges, millimetres; a negative height means they press together."""
    rim = np.nonzero((face.group[: face.outer] == MOUTH) & (face.ring[: face.outer] == 0))[0]
    side, middle = face.lips.side[rim], np.abs(points[rim, 0]) < 3 * MILLIMETRE
    height = points[rim[(side > 0) & middle], 1].mean() - points[rim[(side < 0) & middle], 1].mean()
    return height / MILLIMETRE, np.ptp(points[rim, 0]) / MILLIMETRE


def test_there_are_avatars_and_each_has_its_parameters():
    assert AVATARS
    assert [path.stem for path in AVATARS] == names()


@pytest.mark.parametrize("path", AVATARS, ids=lambda p: p.stem)
def test_file_has_what_talkinghead_needs(path):
    scene, _ = chunks(path.read_bytes())
    nodes = scene["nodes"]
    (root,) = scene["scenes"]
    assert root["name"] == "Armature", "the loader's scene itself is what TalkingHead finds by that name"
    named = {node["name"] for node in nodes}
    assert set(BONES) <= named
    assert "Armature" not in named, "a second one would be found first or renamed"
    below, waiting = set(), list(root["nodes"])
    while waiting:
        number = waiting.pop()
        below.add(nodes[number]["name"])
        waiting += nodes[number].get("children", [])
    assert below == named
    meshes = {mesh["name"] for mesh in scene["meshes"]}
    bones = {nodes[i]["name"] for i in scene["skins"][0]["joints"]}
    assert not meshes & bones
    head = next(mesh for mesh in scene["meshes"] if mesh["name"] == "AvatarHead")
    targets = head["extras"]["targetNames"]
    assert len(targets) == len(set(targets)) == len(head["primitives"][0]["targets"]) == len(head["weights"])
    assert {*ARKIT, *EXTRA, *(f"viseme_{name}" for name in OCULUS)} == set(targets)


def test_gltf_validator_finds_nothing_to_say():
    node = shutil.which("node")
    if node is None or not (npm_modules.NODE_MODULES / "gltf-validator").is_dir():
        pytest.skip("gltf-validator is not installed: run `npm ci` in avatar_assets")
    command = [node, "--input-type=module", "--eval", VALIDATE, *map(str, AVATARS)]
    result = subprocess.run(command, cwd=npm_modules.FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == [str(path) for path in AVATARS]
    for path, issues in found.items():
        assert issues["numErrors"] == issues["numWarnings"] == 0, (path, issues["messages"][:5])


@pytest.mark.parametrize("path", AVATARS, ids=lambda p: p.stem)
def test_file_is_small_free_and_whole(path):
    data = path.read_bytes()
    assert len(data) < 2_500_000
    scene, binary = chunks(data)
    assert scene["asset"]["copyright"] == scene["asset"]["extras"]["license"] == "CC0-1.0"
    assert not [item for group in ("buffers", "images") for item in scene[group] if "uri" in item]
    for view in scene["bufferViews"]:
        assert view["byteOffset"] + view["byteLength"] <= len(binary)
    corners = sum(scene["accessors"][mesh["primitives"][0]["indices"]]["count"] for mesh in scene["meshes"])
    assert corners / 3 < 20_000, "a processor alone can draw it"
    everything = np.concatenate([positions(scene, binary, mesh["name"]) for mesh in scene["meshes"]])
    assert np.isfinite(everything).all()
    assert abs(everything[:, 1].min()) < 0.01, "the feet stand on the ground"
    assert 1.6 < everything[:, 1].max() < 1.9


@pytest.mark.parametrize("path", AVATARS, ids=lambda p: p.stem)
def test_portrait_is_beside_the_file(path):
    portrait = path.with_suffix(".png")
    assert portrait.stat().st_size <= 60_000
    with Image.open(portrait) as picture:
        assert picture.size == (256, 256)
        seen = np.asarray(picture.convert("RGBA"))
    assert 0.25 < (seen[..., 3] > 128).mean() <= 1.0, "somebody is in the picture"
    assert seen[seen[..., 3] > 128][:, :3].std() > 20


@cache
def built(name: str) -> bytes:
    return build(load(name))


@pytest.mark.parametrize("path", AVATARS, ids=lambda p: p.stem)
def test_builder_makes_the_committed_file(path):
    scene, binary = chunks(built(path.stem))
    kept, kept_binary = chunks(path.read_bytes())
    assert [m["name"] for m in scene["meshes"]] == [m["name"] for m in kept["meshes"]]
    for mesh in scene["meshes"]:
        now, then = positions(scene, binary, mesh["name"]), positions(kept, kept_binary, mesh["name"])
        assert np.abs(now.min(0) - then.min(0)).max() < 1 * MILLIMETRE
        assert np.abs(now.max(0) - then.max(0)).max() < 1 * MILLIMETRE
    for mesh in ("AvatarHead", "AvatarEyes", "AvatarMouth"):
        now, then = positions(scene, binary, mesh), positions(kept, kept_binary, mesh)
        assert now.shape == then.shape
        assert np.abs(now - then).max() < 0.01 * MILLIMETRE


def test_what_lies_deep_under_something_else_is_left_out():
    ball = polygonize(lambda p: sphere(p, (0, 0, 0), 0.1), np.full(3, -0.12), np.full(3, 0.12), 0.01, 500)
    ball.uv, ball.morphs = ball.positions[:, :2], {"up": np.tile((0.0, 0.1, 0.0), (len(ball.positions), 1))}
    left = seen(ball, lambda p: p[:, 0], 0.03)
    assert len(left.faces) < 0.75 * len(ball.faces)
    assert (left.positions[left.faces].max(1)[:, 0] >= -0.03).all(), "every face has a corner that is not buried"
    assert left.positions[:, 0].max() == ball.positions[:, 0].max()
    assert len(left.uv) == len(left.morphs["up"]) == len(left.positions)


def test_people_differ_in_stature_and_build():
    built = {}
    for path in AVATARS:
        scene, binary = chunks(path.read_bytes())
        top, head = positions(scene, binary, "AvatarTop"), positions(scene, binary, "AvatarEyes")
        trunk = top[(np.abs(top[:, 0]) < 0.08) & (np.abs(top[:, 1] - 1.08) < 0.03)]
        built[path.stem] = {
            "eyes": head[:, 1].mean(),
            "shoulders": 2 * load(path.stem).body.shoulders,
            "girth": 2 * load(path.stem).body.waist,
            "belly": np.ptp(trunk[:, 2]),
        }
    for one, other in combinations(built.values(), 2):
        assert max(abs(one[what] - other[what]) for what in one) > 0.025
    assert max(b["eyes"] for b in built.values()) - min(b["eyes"] for b in built.values()) > 0.04
    assert max(b["belly"] for b in built.values()) > 1.25 * min(b["belly"] for b in built.values())


def test_everybody_has_a_profile_of_their_own():
    height = np.linspace(-0.10, 0.08, 91)
    profiles = [HeadShape(load(name).face).drop(np.zeros_like(height), height)[:, 2] / MILLIMETRE for name in names()]
    for profile in profiles:
        nose = profile[(height > -0.045) & (height < -0.02)].max()
        assert nose - profile[np.abs(height + 0.052).argmin()] > 12, "the nose stands out from the lip below it"
        assert nose - profile[np.abs(height - 0.012).argmin()] > 10, "and from its root"
    for one, other in combinations(profiles, 2):
        assert np.abs(one - other).max() > 2


def test_same_person_gives_the_same_bytes(tmp_path):
    name = names()[0]
    assert main(["--out", str(tmp_path), name]) == 0
    assert next(tmp_path.glob("*.glb")).read_bytes() == built(name)


def test_lips_are_closed_at_rest_and_in_p(face, shapes):
    assert opening(face, face.positions)[0] < 0.5
    assert opening(face, spoken(face, shapes, "PP"))[0] < 0


def test_f_brings_the_lower_lip_back_under_the_upper(face, shapes):
    rim = np.nonzero(
        (face.group[: face.outer] == MOUTH) & (face.ring[: face.outer] == 0) & (np.abs(face.positions[: face.outer, 0]) < 0.008)
    )[0]
    moved = spoken(face, shapes, "FF")
    upper, lower = (rim[face.lips.side[rim] == side] for side in (1, -1))
    assert moved[lower, 2].mean() < moved[upper, 2].mean() - 3 * MILLIMETRE
    assert 1 < opening(face, moved)[0] < 5


def test_openings_have_the_size_that_the_table_says(face, shapes):
    rest_width = opening(face, face.positions)[1]
    for name, pose in SPOKEN.items():
        height, width = opening(face, spoken(face, shapes, name))
        if not (pose.tuck_upper or pose.tuck_lower):
            assert height == pytest.approx(pose.upper + pose.lower, abs=0.6), name
        assert width == pytest.approx(rest_width * pose.width, rel=0.08), name


def test_a_is_open_i_is_wide_o_is_round_and_u_is_small(face, shapes):
    size = {name: opening(face, spoken(face, shapes, name)) for name in OCULUS}
    assert size["aa"][0] > 15
    assert size["aa"][0] == max(height for height, _ in size.values())
    assert size["I"][1] == max(width for _, width in size.values())
    assert 0.6 < size["O"][0] / size["O"][1] < 1.2
    assert size["U"][1] == min(width for _, width in size.values())


def test_any_two_visemes_look_different(face, shapes):
    near = (face.lips.ring < 0.5)[face.source] & (face.group == MOUTH)
    tongues = {name: (SPOKEN[name].tongue_forward, SPOKEN[name].tongue_up, SPOKEN[name].tongue_back) for name in OCULUS}
    for one, other in combinations(OCULUS, 2):
        apart = np.linalg.norm(spoken(face, shapes, one)[near] - spoken(face, shapes, other)[near], axis=1).max() / MILLIMETRE
        tongue = np.linalg.norm(np.subtract(tongues[one], tongues[other]))
        assert apart > 0.8 or (apart > 0.3 and tongue > 4), (one, other, apart)


@pytest.mark.skipif(machine.PROGRAM is None, reason="no Chromium on the PATH")
@pytest.mark.skipif(not npm_modules.installed(), reason="the npm modules are not installed: run `npm ci` in avatar_assets")
@pytest.mark.timeout(240)
def test_any_two_visemes_look_different_to_a_lip_reader():
    with studio(npm_modules.NODE_MODULES, machine.PROGRAM) as visit:
        for name in names():
            with visit(name) as page:
                seen = {viseme: np.asarray(picture.crop(MOUTH_BOX), float) for viseme, picture in visemes(page).items()}
            assert list(seen) == list(SPOKEN)
            apart = {(one, other): np.abs(seen[one] - seen[other]).max(-1).mean() for one, other in combinations(seen, 2)}
            alike = {pair: round(difference, 2) for pair, difference in apart.items() if difference < SEEN_APART}
            assert not alike, name


def test_p_leaves_no_gap_between_the_lips(face, shapes):
    moved = spoken(face, shapes, "PP")
    rim = np.nonzero((face.group[: face.outer] == MOUTH) & (face.ring[: face.outer] == 0))[0]
    upper, lower = (moved[rim[face.lips.side[rim] == side]] for side in (1, -1))
    nearest = np.abs(upper[:, None, 0] - lower[None, :, 0]).argmin(1)
    assert (upper[:, 1] - lower[nearest, 1]).max() < 0.1 * MILLIMETRE


def test_f_lays_the_lower_lip_against_the_upper_teeth(face, shapes):
    inside = build_mouth_inside(face)
    teeth = (inside.positions + STRONGEST["FF"] * inside.morphs["viseme_FF"])[:ROW_VERTICES]
    red = (face.group == MOUTH) & (face.ring <= 3) & (face.lips.side[face.source] < 0)
    red[face.outer :] = False
    lip = spoken(face, shapes, "FF")[red]
    lip, teeth = (part[np.abs(part[:, 0]) < 8 * MILLIMETRE] for part in (lip, teeth))
    away = np.linalg.norm(lip[:, None] - teeth[None], axis=-1)
    assert away.min() < 0.8 * MILLIMETRE
    assert lip[:, 1].max() > teeth[:, 1].min(), "no light between lip and teeth"


def test_th_shows_the_tongue_between_the_teeth(face, shapes):
    inside = build_mouth_inside(face)
    tip = {name: tongue_tip(inside, STRONGEST.get(name, USUAL) * inside.morphs[f"viseme_{name}"]) for name in ("TH", "DD", "nn", "SS")}
    front = inside.positions[:ROW_VERTICES, 2].max()
    assert tip["TH"][2] > front + 4 * MILLIMETRE, "out between the teeth"
    for name in ("DD", "nn"):
        assert front - 10 * MILLIMETRE < tip[name][2] < front + 2 * MILLIMETRE, "up behind the teeth"
        assert tip[name][1] > tip["SS"][1] + 3 * MILLIMETRE


def tongue_tip(inside: Mesh, moved: np.ndarray) -> np.ndarray:
    tongue = (inside.positions + moved)[2 * ROW_VERTICES :]
    return tongue[tongue[:, 2].argmax()]


def test_a_blink_closes_the_eyes_and_nothing_else(face, shapes):
    moved = face.positions + shapes["eyesClosed"]
    for part in (2, 3):
        rim = np.nonzero((face.group[: face.outer] == part) & (face.ring[: face.outer] == 0))[0]
        angle = face.angle[rim]
        high, low = (moved[rim[np.argmin(np.abs(angle - at))], 1] for at in (np.pi / 2, 3 * np.pi / 2))
        assert high - low < 1 * MILLIMETRE
    assert np.abs(shapes["eyesClosed"][face.group == MOUTH]).max() == 0


def test_hair_keeps_the_face_free(face, person):
    hair = build_hair(person, face.shape)[0].positions
    over_face = (hair[:, 2] > 0.05) & (np.abs(hair[:, 0]) < 0.06) & (hair[:, 1] < 0.055)
    assert not over_face.any()
    assert hair[:, 1].max() > 0.136, "there is hair on top of the skull"


def test_hair_that_goes_all_around_has_no_seam():
    person = load("ava")
    assert person.hair.sheets[0].closed
    hair = build_hair(person, HeadShape(person.face))[0]
    back = hair.positions[:, 2] < -0.06
    points, normals = hair.positions[back], hair.normals[back]
    meeting = cKDTree(points).query_pairs(1e-7, output_type="ndarray")
    assert len(meeting) >= 10, "its edges meet, at the back of the head"
    assert (normals[meeting[:, 0]] * normals[meeting[:, 1]]).sum(1).min() > 0.999


def test_folds_shade_the_cloth_as_strongly_as_they_are_asked_to(person):
    skeleton = Skeleton(person.body)
    x, y = np.linspace(-0.3, 0.3, 240), np.linspace(1.4, 0.9, 200)
    pattern = folds(person, skeleton)
    assert (shade(pattern, x, y, 0.0) == 1).all()
    soft, strong = shade(pattern, x, y, 0.5), shade(pattern, x, y, 1.0)
    assert strong.min() < soft.min() < 0.95
    assert 0.97 < strong.mean() < 1.0, "most of the cloth keeps its colour"
    assert shade(pattern, x + 3, y, 1.0).min() == 1, "no folds where there is no cloth"


def test_every_shape_moves_something_but_silence(shapes):
    still = {name for name, delta in shapes.items() if np.abs(delta).max() < 1e-6}
    gaze = {f"eyeLook{way}{side}" for way in ("In", "Out") for side, _ in SIDES}
    assert still == {"viseme_sil", "tongueOut", *gaze}, "gaze and tongue move meshes of their own"


def test_left_and_right_mirror_each_other(face, shapes):
    for name in ("mouthSmile", "browOuterUp", "cheekSquint"):
        left, right = (np.abs(shapes[f"{name}{side}"]).sum(0) for side, _ in SIDES)
        assert np.allclose(left, right, rtol=0.1)


def test_sculpted_pose_reaches_its_row_at_playing_weight():
    for name, row in SPOKEN.items():
        weight, full = STRONGEST.get(name, USUAL), sculpted(name)
        assert weight * full.lower == pytest.approx(row.lower)
        assert 1 + weight * (full.width - 1) == pytest.approx(row.width)


def test_a_pose_of_rest_moves_nothing(face):
    still = face.mouth.displacement(face.lips, face.positions[: face.outer], MouthPose())
    assert np.abs(still).max() < 1e-12


def test_bones_are_those_of_the_mixamo_rig(face):
    skeleton = Skeleton(load(names()[0]).body)
    assert set(BONES) <= set(skeleton.index)
    for side, sign in SIDES:
        shoulder, elbow, wrist = (skeleton.at(f"{side}{bone}") for bone in ("Arm", "ForeArm", "Hand"))
        assert np.sign(shoulder[0]) == sign
        assert elbow[1] < shoulder[1]
        along = skeleton.world[f"{side}ForeArm"][:3, 1]
        assert np.allclose(along, (wrist - elbow) / np.linalg.norm(wrist - elbow)), "+Y runs along the bone"


def test_weights_are_four_per_vertex_and_sum_to_one():
    skeleton = Skeleton(load(names()[0]).body)
    ball = polygonize(lambda p: sphere(p, (0, 1.3, 0), 0.1), np.array([-0.12, 1.18, -0.12]), np.array([0.12, 1.42, 0.12]), 0.02, 400)
    joints, weights = skeleton.bind(
        ball.positions, ball.faces, {"Spine": 0.1, "Spine1": 0.1, "Spine2": 0.1, "Neck": 0.05, "Hips": 0.1}, 0.03, 3
    )
    assert joints.shape == weights.shape == (len(ball.positions), 4)
    assert np.allclose(weights.sum(1), 1)


def test_polygonize_settles_on_the_surface_and_faces_outward():
    ball = polygonize(lambda p: sphere(p, (0, 0, 0), 0.1), np.full(3, -0.12), np.full(3, 0.12), 0.01, 500)
    assert np.abs(np.linalg.norm(ball.positions, axis=1) - 0.1).max() < 1e-4
    assert (vertex_normals(ball.positions, ball.faces) * ball.positions).sum(1).min() > 0.085


@pytest.mark.parametrize("rotation", [np.eye(3), turn_x(np.pi), turn_y(np.pi), turn_z(np.pi), turn_x(1.2) @ turn_y(-2.9) @ turn_z(0.4)])
def test_quaternion_turns_like_its_matrix(rotation):
    x, y, z, w = quaternion(rotation)
    vector = np.array([0.3, -0.7, 0.2])
    axis = np.array([x, y, z])
    turned = vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)
    assert np.allclose(turned, rotation @ vector)


@pytest.mark.parametrize("wrong", [{"top": "toga"}, {"collar": "ruff"}])
def test_clothes_that_do_not_exist_are_refused_with_what_there_is(wrong):
    person = load(names()[0])
    dressed = replace(person, clothes=replace(person.clothes, **wrong))
    with pytest.raises(ValueError, match=r"is not one of .*(field|crew)"):
        build(dressed)


@pytest.mark.parametrize("name", ["nobody", "../mia", "", "mia.toml"])
def test_unknown_people_are_refused_by_name(name, tmp_path, capsys):
    with pytest.raises(ValueError, match=r"People there are: .*mia"):
        load(name)
    assert main(["--out", str(tmp_path), name]) == 2
    assert "There is no" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.glb"))


def test_a_mistake_in_a_parameter_file_is_told_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("avatar_assets.builder.person.PEOPLE", tmp_path)
    for text, said in (
        ("seed = ", "wrong.toml"),
        ("seed = 1", "hair"),
        ('seed = "x"\n[hair]\nhairline = [1, 2, 3]\nsheets = []', "invalid literal"),
    ):
        (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            load("wrong")
