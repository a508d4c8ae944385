"""Arms reach where they should, in any body, move without a jump, and come back to rest."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess

import numpy as np
import pytest
from conftest import HOUSE

from avatar_assets.render.arms import HANGING, SIDES, Arm, Arms, between
from avatar_assets.render.gestures import BEATS, GESTURES, Hands
from engines.types import Cue, WordTiming

OUT = np.array([1.0, 0, 0])
MIRROR = np.diag([-1.0, 1, 1])
WORDS = [WordTiming("word ", 500 * index, 400) for index in range(80)]


def body(upper: float = 0.25, lower: float = 0.24, shoulder: float = 0.17) -> dict[str, np.ndarray]:
    """Where the bones of somebody's arms are in a T-pose."""
    places = {}
    for side, mirror in (("Left", np.eye(3)), ("Right", MIRROR)):
        at = np.array([0.04, 1.4, 0])
        for bone, length in (("Shoulder", shoulder - 0.04), ("Arm", upper), ("ForeArm", lower), ("Hand", 0.09)):
            places[f"{side}{bone}"] = mirror @ at
            at = at + length * OUT
        for finger, spread in (("Thumb", 0.03), ("Index", 0.02), ("Middle", 0), ("Ring", -0.02), ("Pinky", -0.035)):
            for joint in range(3):
                places[f"{side}Hand{finger}{joint + 1}"] = mirror @ (at + 0.03 * joint * OUT + [0, 0, spread * (1 + joint)])
    return places


def reached(places: dict[str, np.ndarray], side: str, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Where the wrist is from the shoulder joint, in lengths of the arm and a left arm's axes, and how the hand lies (3, 3)."""
    turns, mirror = Arms(places).turns({side: arm}), np.eye(3) if side == "Left" else MIRROR
    at, turn = places[f"{side}Shoulder"], np.eye(3)
    shoulder = at
    for bone, above in itertools.pairwise(("Shoulder", "Arm", "ForeArm", "Hand")):
        turn = turn @ turns[f"{side}{bone}"]
        at = at + turn @ (places[f"{side}{above}"] - places[f"{side}{bone}"])
        shoulder = at if bone == "Shoulder" else shoulder
    length = sum(np.linalg.norm(places[f"{side}{b}"] - places[f"{side}{a}"]) for a, b in (("Arm", "ForeArm"), ("ForeArm", "Hand")))
    return mirror @ (at - shoulder) / length, mirror @ turn @ turns[f"{side}Hand"] @ mirror


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("places", [body(), body(0.2, 0.3), body(0.6, 0.3, 0.3)], ids=["usual", "long forearms", "a giant"])
@pytest.mark.parametrize("name", [*GESTURES, "hanging"])
def test_a_wrist_is_where_it_should_be_in_any_body(name, places, side):
    arm = GESTURES[name].arms.get(side, HANGING) if name in GESTURES else HANGING
    if arm.inwards:
        arm = Arm(reach=(0.2, -0.3, 0.5), fingers=arm.fingers, palm=arm.palm)
    wrist, hand = reached(places, side, arm)
    np.testing.assert_allclose(wrist, arm.reach, atol=0.02)
    fingers = np.array(arm.fingers) / np.linalg.norm(arm.fingers)
    np.testing.assert_allclose(hand @ OUT, fingers, atol=1e-6)
    assert (hand @ [0, -1, 0]) @ np.array(arm.palm) > 0.6, "the palm looks where it should"


def test_hands_meet_in_the_middle_to_thank():
    places, arms = body(), GESTURES["thanks"].arms
    length = 0.49
    for side in SIDES:
        wrist, _ = reached(places, side, arms[side])
        assert 0 < 0.17 + length * wrist[0] < 0.05


def test_arms_mirror_each_other():
    left, right = (reached(body(), side, GESTURES["point"].arms["Right"]) for side in SIDES)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("reach", [(0.0, 0.0, 0.0), (9.0, 9.0, 9.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (0.01, 0.0, 0.0)])
@pytest.mark.parametrize("way", [(0.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
def test_what_no_arm_can_do_still_is_an_arm(reach, way):
    arm = Arm(reach, elbow=(0.0, -1.0, 0.1), fingers=way, palm=(0.0, 0.0, 1.0))
    for name, turn in Arms(body()).turns({"Left": arm, "Right": arm}).items():
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6, err_msg=name)
        assert np.linalg.det(turn) == pytest.approx(1)


def test_what_a_body_has_not_is_not_moved():
    places = body()
    assert Arms({}).turns({"Left": HANGING}) == {}
    armless = {name: place for name, place in places.items() if not name.startswith("LeftHand")}
    assert {name[:5] for name in Arms(armless).turns({})} == {"Right"}
    fingerless = {name: place for name, place in places.items() if name[-1] not in "123"}
    assert set(Arms(fingerless).turns({})) == {f"{side}{bone}" for side in SIDES for bone in ("Shoulder", "Arm", "ForeArm", "Hand")}


def test_a_fist_is_closed_and_a_flat_hand_is_not():
    straight = Arms(body()).turns({"Left": Arm(curl=(0.0,) * 5)})
    closed = Arms(body()).turns({"Left": Arm(curl=(1.0,) * 5)})
    for finger in ("Index", "Middle", "Ring", "Pinky"):
        tip = {which: np.eye(3) for which in ("straight", "closed")}
        for joint in (1, 2, 3):
            tip["straight"] = tip["straight"] @ straight[f"LeftHand{finger}{joint}"]
            tip["closed"] = tip["closed"] @ closed[f"LeftHand{finger}{joint}"]
        np.testing.assert_allclose(tip["straight"], np.eye(3), atol=1e-9)
        assert (tip["closed"] @ OUT)[1] > 0 > (closed[f"LeftHand{finger}1"] @ OUT)[1], "bent down, and further than straight down"


def test_every_gesture_of_the_page_is_in_the_film():
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed: the browser's table cannot be read")
    program = """
    import { DIRECTIONS } from './avatar_assets/web/acting/acts.mjs';
    console.log(JSON.stringify(Object.keys(DIRECTIONS).filter((name) => DIRECTIONS[name].gesture)));
    """
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True, timeout=60)
    assert set(json.loads(done.stdout)) == set(GESTURES)


def hands(*cues: Cue, words: list[WordTiming] = (), liveliness: float = 1.0, seed: int = 5) -> Hands:
    return Hands(cues, words, liveliness, np.random.default_rng(seed))


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_comes_stays_and_goes(name):
    shown, gesture = hands(Cue(name, 1000)), GESTURES[name]
    assert shown.at(1000) == {} == shown.at(1000 + gesture.ms)
    held = shown.at(1000 + gesture.come + gesture.stay / 2)
    assert set(held) == set(gesture.arms)
    for side, arm in gesture.arms.items():
        assert held[side].curl == pytest.approx(arm.curl)
        assert np.linalg.norm(np.subtract(held[side].reach, arm.reach)) <= 2 * gesture.swing[0] + 1e-9


def test_a_hand_that_waves_goes_to_and_fro():
    shown = hands(Cue("wave", 0))
    across = [shown.at(ms)["Right"].reach[0] for ms in range(600, 2200, 20)]
    turns = np.diff(np.sign(np.diff(across)))
    assert np.count_nonzero(turns) >= 5
    assert np.ptp(across) > 0.1


def test_arms_never_jump():
    cues = [Cue(name, 700.0 * index) for index, name in enumerate([*GESTURES, *GESTURES])]
    shown, places = hands(*cues, words=WORDS, liveliness=2.0), body()
    before = {side: reached(places, side, HANGING) for side in SIDES}
    for ms in range(0, 12_000, 10):
        arms = shown.at(ms)
        for side in SIDES:
            now = reached(places, side, arms.get(side, HANGING))
            assert np.linalg.norm(now[0] - before[side][0]) < 0.06, f"{side} at {ms} ms"
            assert np.degrees(np.arccos(np.clip((np.trace(now[1].T @ before[side][1]) - 1) / 2, -1, 1))) < 16, f"{side} at {ms} ms"
            before[side] = now


def test_hands_speak_along_as_lively_as_the_persona_is():
    busy = {}
    for liveliness in (0.0, 0.29, 0.5, 1.0, 2.0):
        shown = hands(Cue("wave", 3000), words=WORDS, liveliness=liveliness)
        busy[liveliness] = sum(bool(shown.at(ms)) for ms in range(0, 40_000, 50))
    assert busy[0.0] == busy[0.29] == 0, "as on the page"
    assert 0 < busy[0.5] < busy[1.0] < busy[2.0] < 0.9 * 800


def test_nobody_gestures_into_a_gesture_that_was_asked_for():
    cue = Cue("thanks", 10_000)
    for seed in range(20):
        shown = hands(cue, words=WORDS, liveliness=2.0, seed=seed)
        held = shown.at(10_000 + GESTURES["thanks"].come + 100)
        assert held == {side: between(HANGING, arm, 1.0) for side, arm in GESTURES["thanks"].arms.items()}


def test_samples_show_every_kind_once():
    shown = hands(Cue("wave", 0), Cue("wave", 9000), Cue("shrug", 20_000), words=WORDS)
    assert 2 * 2 <= len(shown.sample()) <= (2 + len(BEATS)) * 2
    assert hands().sample() == []
