"""The avatar builder: mouths that close, open and differ, hair that keeps the face free, and files that are the same everywhere."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from conftest import HOUSE
from requirements import requirement
from scipy.spatial import cKDTree

from avatar_assets import npm_modules
from avatar_assets.__main__ import main
from avatar_assets.avatar_files import AVATARS, avatar_names
from avatar_assets.builder.build import build
from avatar_assets.builder.geometry.mesh import Mesh
from avatar_assets.builder.head.expressions import expressions
from avatar_assets.builder.head.face import MOUTH, FaceMesh, build_face
from avatar_assets.builder.head.hair import build_hair
from avatar_assets.builder.head.head import HeadShape
from avatar_assets.builder.head.teeth import ROW_VERTICES, build_mouth_inside
from avatar_assets.builder.head.visemes import SPOKEN, STRONGEST, USUAL
from avatar_assets.builder.person import Person, load, names
from avatar_assets.builder.portraits import studio, visemes
from avatar_assets.builder.skeleton import SIDES, Skeleton

MILLIMETRE = 0.001
MOUTH_BOX = (60, 130, 175, 205)
"""Where the mouth is in a picture of a viseme, pixels."""
SEEN_APART = 2.5
"""How different two mouths have to look: mean difference in the mouth region of the channel that differs most, of 255."""

BUILD_WITH_NOISE = """
import sys
import numpy as np

random = np.random.default_rng(1)

def noisy(function):
    def one_bit_off(*arguments, **options):
        value = np.asarray(function(*arguments, **options))
        return (value * (1 + np.finfo(float).eps * random.integers(-1, 2, value.shape)))[()]
    return one_bit_off

for name in ("sin", "cos", "exp", "sinh", "cosh", "arccos", "arctan2", "sqrt") if sys.argv[1] == "noise" else ():
    setattr(np, name, noisy(getattr(np, name)))
from avatar_assets.__main__ import main
main(["build", "--out", sys.argv[2]])
"""
"""The builder on a processor whose every function is off by one bit in either direction."""


@pytest.fixture(scope="module", params=names())
def person(request) -> Person:
    return load(request.param)


@pytest.fixture(scope="module")
def face(person) -> FaceMesh:
    return build_face(person)


@pytest.fixture(scope="module")
def shapes(face) -> dict[str, np.ndarray]:
    return expressions(face)


@pytest.fixture(scope="module")
def inside(face) -> Mesh:
    return build_mouth_inside(face)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kernel", "noise"), [("Haswell", "exact"), ("Prescott", "noise")])
@requirement("avatar.built")
def test_the_committed_files_are_what_every_processor_builds(tmp_path, kernel, noise):
    """Distances are differences, and meshes are thinned and triangulated by comparisons: a last bit could grow into another mesh."""
    environment = {**os.environ, "OPENBLAS_CORETYPE": kernel}
    command = [sys.executable, "-c", BUILD_WITH_NOISE, noise, str(tmp_path)]
    subprocess.run(command, cwd=HOUSE, env=environment, check=True, capture_output=True, timeout=280)
    assert avatar_names(tmp_path) == names() == avatar_names()
    for name in names():
        same = (tmp_path / f"{name}.glb").read_bytes() == (AVATARS / f"{name}.glb").read_bytes()
        assert same, f"{name}.glb is not what the builder makes: python -m avatar_assets build {name}"


def spoken(face: FaceMesh, shapes: dict[str, np.ndarray], name: str) -> np.ndarray:
    return face.positions + STRONGEST.get(name, USUAL) * shapes[f"viseme_{name}"]


def rim_of(face: FaceMesh) -> np.ndarray:
    return np.nonzero((face.group[: face.outer] == MOUTH) & (face.ring[: face.outer] == 0))[0]


def opening(face: FaceMesh, points: np.ndarray) -> tuple[float, float]:
    """Height and width of the hole between the lips' edges, millimetres; a negative height means they press together."""
    rim = rim_of(face)
    side, middle = face.lips.side[rim], np.abs(points[rim, 0]) < 3 * MILLIMETRE
    height = points[rim[(side > 0) & middle], 1].mean() - points[rim[(side < 0) & middle], 1].mean()
    return height / MILLIMETRE, np.ptp(points[rim, 0]) / MILLIMETRE


def test_lips_are_closed_at_rest_and_pressed_together_in_p(face, shapes):
    assert opening(face, face.positions)[0] < 0.5
    moved, rim = spoken(face, shapes, "PP"), rim_of(face)
    assert opening(face, moved)[0] < 0
    upper, lower = (moved[rim[face.lips.side[rim] == side]] for side in (1, -1))
    nearest = np.abs(upper[:, None, 0] - lower[None, :, 0]).argmin(1)
    assert (upper[:, 1] - lower[nearest, 1]).max() < 0.1 * MILLIMETRE, "no gap anywhere"


def test_f_lays_the_lower_lip_against_the_upper_teeth(face, shapes, inside):
    moved, rim = spoken(face, shapes, "FF"), rim_of(face)
    rim = rim[np.abs(face.positions[rim, 0]) < 8 * MILLIMETRE]
    upper, lower = (rim[face.lips.side[rim] == side] for side in (1, -1))
    assert moved[lower, 2].mean() < moved[upper, 2].mean() - 3 * MILLIMETRE
    assert 1 < opening(face, moved)[0] < 5
    teeth = (inside.positions + STRONGEST["FF"] * inside.morphs["viseme_FF"])[:ROW_VERTICES]
    red = (face.group == MOUTH) & (face.ring <= 3) & (face.lips.side[face.source] < 0)
    red[face.outer :] = False
    lip, teeth = (part[np.abs(part[:, 0]) < 8 * MILLIMETRE] for part in (moved[red], teeth))
    assert np.linalg.norm(lip[:, None] - teeth[None], axis=-1).min() < 0.8 * MILLIMETRE
    assert lip[:, 1].max() > teeth[:, 1].min(), "no light between lip and teeth"


def test_th_shows_the_tongue_between_the_teeth(inside):
    def tip(name: str) -> np.ndarray:
        tongue = (inside.positions + STRONGEST.get(name, USUAL) * inside.morphs[f"viseme_{name}"])[2 * ROW_VERTICES :]
        return tongue[tongue[:, 2].argmax()]

    front = inside.positions[:ROW_VERTICES, 2].max()
    assert tip("TH")[2] > front + 4 * MILLIMETRE, "out between the teeth"
    for name in ("DD", "nn"):
        assert front - 10 * MILLIMETRE < tip(name)[2] < front + 2 * MILLIMETRE, "up behind the teeth"
        assert tip(name)[1] > tip("SS")[1] + 3 * MILLIMETRE


def test_openings_have_the_size_that_the_table_says(face, shapes):
    rest_width = opening(face, face.positions)[1]
    size = {name: opening(face, spoken(face, shapes, name)) for name in SPOKEN}
    for name, pose in SPOKEN.items():
        height, width = size[name]
        if not (pose.tuck_upper or pose.tuck_lower):
            assert height == pytest.approx(pose.upper + pose.lower, abs=0.6), name
        assert width == pytest.approx(rest_width * pose.width, rel=0.08), name
    assert size["aa"][0] == max(height for height, _ in size.values()) > 15
    assert size["I"][1] == max(width for _, width in size.values())
    assert 0.6 < size["O"][0] / size["O"][1] < 1.2, "round"
    assert size["U"][1] == min(width for _, width in size.values())


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on the PATH")
@pytest.mark.skipif(not npm_modules.installed(), reason="the npm modules are not installed: run `npm ci` in avatar_assets")
@pytest.mark.timeout(240)
def test_any_two_visemes_look_different_to_a_lip_reader(chromium):
    with chromium() as browser, studio(browser, npm_modules.NODE_MODULES) as visit:
        for name in names():
            with visit(name) as page:
                pictures = {viseme: np.asarray(picture.crop(MOUTH_BOX), float) for viseme, picture in visemes(page).items()}
            assert list(pictures) == list(SPOKEN)
            apart = {(one, other): np.abs(pictures[one] - pictures[other]).max(-1).mean() for one, other in combinations(pictures, 2)}
            assert not {pair: round(difference, 2) for pair, difference in apart.items() if difference < SEEN_APART}, name


def test_a_blink_closes_the_eyes_and_nothing_else(face, shapes):
    moved = face.positions + shapes["eyesClosed"]
    for part in (2, 3):
        rim = np.nonzero((face.group[: face.outer] == part) & (face.ring[: face.outer] == 0))[0]
        angle = face.angle[rim]
        high, low = (moved[rim[np.argmin(np.abs(angle - at))], 1] for at in (np.pi / 2, 3 * np.pi / 2))
        assert high - low < 1 * MILLIMETRE
    assert np.abs(shapes["eyesClosed"][face.group == MOUTH]).max() == 0


def test_every_shape_moves_something_but_silence(shapes):
    still = {name for name, delta in shapes.items() if np.abs(delta).max() < 1e-6}
    gaze = {f"eyeLook{way}{side}" for way in ("In", "Out") for side, _ in SIDES}
    assert still == {"viseme_sil", "tongueOut", *gaze}, "gaze and tongue move meshes of their own"


def test_hair_keeps_the_face_free(face, person):
    hair = build_hair(person, face.shape)[0].positions
    assert not ((hair[:, 2] > 0.05) & (np.abs(hair[:, 0]) < 0.06) & (hair[:, 1] < 0.055)).any()
    assert hair[:, 1].max() > 0.136, "there is hair on top of the skull"


def test_hair_that_goes_all_around_has_no_seam():
    person = load("ava")
    hair = build_hair(person, HeadShape(person.face))[0]
    back = hair.positions[:, 2] < -0.06
    points, normals = hair.positions[back], hair.normals[back]
    meeting = cKDTree(points).query_pairs(1e-7, output_type="ndarray")
    assert len(meeting) >= 10, "its edges meet, at the back of the head"
    assert (normals[meeting[:, 0]] * normals[meeting[:, 1]]).sum(1).min() > 0.999


def test_people_differ_in_profile_and_build():
    height = np.linspace(-0.10, 0.08, 91)
    people = [load(name) for name in names()]
    profiles = [HeadShape(person.face).drop(np.zeros_like(height), height)[:, 2] / MILLIMETRE for person in people]
    for profile in profiles:
        nose = profile[(height > -0.045) & (height < -0.02)].max()
        assert nose - profile[np.abs(height + 0.052).argmin()] > 12, "the nose stands out from the lip below it"
        assert nose - profile[np.abs(height - 0.012).argmin()] > 10, "and from its root"
    for one, other in combinations(profiles, 2):
        assert np.abs(one - other).max() > 2
    builds = [(Skeleton(p.body).head_centre[1], 2 * p.body.shoulders, 2 * p.body.waist, 2 * p.body.belly) for p in people]
    for one, other in combinations(builds, 2):
        assert np.abs(np.subtract(one, other)).max() > 0.02


@pytest.mark.parametrize("wrong", [{"top": "toga"}, {"collar": "ruff"}])
def test_clothes_that_do_not_exist_are_refused_with_what_there_is(wrong):
    person = load(names()[0])
    with pytest.raises(ValueError, match=r"is not one of .*(field|crew)"):
        build(replace(person, clothes=replace(person.clothes, **wrong)))


@pytest.mark.parametrize("name", ["nobody", "../mia", "", "mia.toml"])
def test_unknown_people_are_refused_by_name(name, tmp_path, capsys):
    assert main(["build", "--out", str(tmp_path), name]) == 2
    error = capsys.readouterr().err
    assert "There is no" in error
    assert "mia" in error
    assert not list(tmp_path.iterdir())


def test_a_mistake_in_a_parameter_file_is_told_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("avatar_assets.builder.person.PEOPLE", tmp_path)
    for text, problem in (
        ("seed = ", "wrong.toml"),
        ("seed = 1", "hair"),
        ('seed = "x"\n[hair]\nhairline = [1, 2, 3]\nsheets = []', "invalid literal"),
    ):
        (tmp_path / "wrong.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=problem):
            load("wrong")
