"""The same text is always acted the same way; moods, camera, light and room are the browser's."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import HOUSE
from drawing import bursts

from avatar_assets.builder import eyes
from avatar_assets.render import figure, stage
from avatar_assets.render.acting import RESTING, Acting, Pose
from avatar_assets.render.acts import ACTS
from avatar_assets.render.script import LEAD_MS, LINE_CHARS, SAMPLE_RATE, Script, captions, script_of
from engines.config.personas import MOODS
from engines.text.directions import DIRECTIONS
from engines.types import Cue

ASSETS = HOUSE / "avatar_assets"
TALKING_HEAD = ASSETS / "node_modules" / "@met4citizen" / "talkinghead" / "modules" / "talkinghead.mjs"
LONG = "Do whales sing? They do, and the song changes every year. Nobody knows quite why, but the whole ocean follows."
SCRIPT = script_of([bursts(["aa"] * 21, text=LONG)])


def moments(acting: Acting, step: float = 20) -> list[tuple[float, dict[str, float]]]:
    return [(ms, acting.at(ms).morphs) for ms in np.arange(0, SCRIPT.audio.duration_ms, step)]


def test_the_same_text_is_acted_the_same_way_and_another_differently():
    first, again = Acting(SCRIPT, "happy"), Acting(script_of([bursts(["aa"] * 21, text=LONG)]), "happy")
    other = Acting(script_of([bursts(["aa"] * 21, text=LONG.replace("whales", "wolves"))]), "happy")
    times = np.arange(0, 8000, 70)
    assert [first.at(ms) for ms in times] == [again.at(ms) for ms in times]
    assert [first.at(ms) for ms in times] != [other.at(ms) for ms in times]


@pytest.mark.parametrize("mood", MOODS)
def test_weights_and_turns_stay_human_in_every_mood(mood):
    acting = Acting(with_cues(*(Cue(name, 500 * index) for index, name in enumerate(("nod", "laugh", "shake", "love", "wink")))), mood)
    before = acting.at(0)
    for ms in np.arange(0, SCRIPT.audio.duration_ms + 1000, 10):
        pose = acting.at(ms)
        assert all(0 <= weight <= 1 for weight in pose.morphs.values())
        assert all(abs(angle) < 0.2 for turn in pose.turns.values() for angle in turn)
        for name, weight in pose.morphs.items():
            assert abs(weight - before.morphs.get(name, 0.0)) < 0.45, f"{name} jumps at {ms} ms"
        before = pose
    for name, weight in RESTING[mood].items():
        assert Acting(SCRIPT, mood).at(10).morphs[name] >= weight


def test_eyes_blink_now_and_then_and_open_again():
    closed = [ms for ms, morphs in moments(Acting(SCRIPT, "neutral")) if morphs["eyeBlinkLeft"] > 0.9]
    blinks = 1 + sum(later - earlier > 100 for earlier, later in itertools.pairwise(closed))
    assert 1 <= blinks <= SCRIPT.audio.duration_ms / 700
    assert len(closed) * 20 < 0.2 * SCRIPT.audio.duration_ms


def test_brows_rise_on_a_question():
    acting = Acting(SCRIPT, "neutral")
    question = SCRIPT.words[2]
    assert question.text == "sing? "
    asked = acting.at(question.start_ms + question.duration_ms).morphs["browInnerUp"]
    assert asked > acting.at(SCRIPT.audio.duration_ms - 50).morphs["browInnerUp"] + 0.2


def test_the_head_moves_while_it_speaks_and_little():
    acting = Acting(SCRIPT, "neutral")
    yaw = [acting.at(ms).turns["Head"][1] for ms in np.arange(LEAD_MS, 8000, 40)]
    assert 0.01 < np.ptp(yaw) < 0.15


def with_cues(*cues: Cue) -> Script:
    return replace(SCRIPT, cues=cues)


def from_node(program: str, given: object = None) -> Any:
    """What a program of the browser's modules prints, as JSON."""
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed: the browser's tables cannot be read")
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, cwd=HOUSE, input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_acts_are_the_browsers():
    program = """
    import { DIRECTIONS, templateOf } from './avatar_assets/web/acting/acts.mjs';
    const act = (one) => ({ ...templateOf(one, false), mood: one.mood ?? null });
    console.log(JSON.stringify(Object.fromEntries(Object.entries(DIRECTIONS).map(([name, one]) => [name, act(one)]))));
    """
    theirs = from_node(program)
    assert set(theirs) == set(ACTS) == set(DIRECTIONS)
    for name, act in ACTS.items():
        values = {part: tuple(reached) for part, reached in theirs[name]["vs"].items() if part != "eyeContact"}
        assert (act.dt, act.values, act.mood) == (tuple(theirs[name]["dt"]), values, theirs[name]["mood"]), name


@pytest.mark.parametrize("name", ACTS)
def test_an_act_comes_and_goes(name):
    def at(acting: Acting, ms: float) -> Pose:
        return replace(acting.at(ms), arms={})

    plain, acted = Acting(SCRIPT, "neutral"), Acting(with_cues(Cue(name, 2000)), "neutral")
    assert at(acted, 1999) == at(plain, 1999)
    assert any(at(acted, ms) != at(plain, ms) for ms in range(2000, 3000, 50))
    over = 2000 + sum(ACTS[name].dt) + 1000
    assert at(acted, over) == at(Acting(SCRIPT, ACTS[name].mood or "neutral"), over)


def test_an_act_of_the_hands_is_acted_by_them_and_rehearsed():
    acting = Acting(with_cues(Cue("wave", 2000)), "neutral", 0.3)
    assert set(acting.at(3000).arms) == {"Right"}
    assert any("Right" in pose.arms for pose in acting.gestures())


def test_who_is_not_lively_stands_still_but_breathes():
    ways = {}
    for liveliness in (0.0, 1.0, 2.0):
        acting = Acting(SCRIPT, "neutral", liveliness)
        poses = [acting.at(ms) for ms in np.arange(LEAD_MS, 8000, 40)]
        ways[liveliness] = np.ptp([pose.turns["Spine1"][2] for pose in poses])
        assert np.ptp([pose.turns["Spine2"][0] for pose in poses]) > 0.015
    assert ways[0.0] == 0 < ways[1.0] < ways[2.0]


def test_a_mood_changes_gently_and_the_next_one_takes_over():
    acting = Acting(with_cues(Cue("smile", 1000), Cue("sad", 3000)), "neutral")
    smiles = [acting.at(ms).morphs.get("mouthSmile", 0.0) for ms in (900, 1300, 2500, 5000)]
    assert smiles == pytest.approx([0, 0.2 * 0.39, 0.2, 0], abs=0.02)
    assert acting.at(6500).morphs["mouthFrownLeft"] == pytest.approx(RESTING["sad"]["mouthFrownLeft"])


def test_who_thinks_looks_away():
    acting = Acting(with_cues(Cue("think", 2000)), "neutral")
    assert acting.at(1900).glance == (0, 0)
    assert acting.at(2350).glance == (0.5, -0.4), "up, and to one side"


def test_segments_lie_one_after_another_to_the_sample():
    two = script_of([bursts(["aa", "O"]), bursts(["PP"])])
    begins = [LEAD_MS, LEAD_MS + 400, LEAD_MS + 800]
    assert [viseme.start_ms for viseme in two.visemes] == pytest.approx(begins, abs=0.05)
    loud = np.flatnonzero(np.abs(two.audio.samples) > 0.05) * 1000 / SAMPLE_RATE
    for begin in begins:
        assert np.min(np.abs(loud - begin)) < 1.5


def test_captions_are_short_lines_in_order():
    found = captions(SCRIPT)
    assert " ".join(caption.text.replace("\n", " ") for caption in found) == LONG
    assert found[0].text == "Do whales sing?"
    for caption in found:
        assert all(len(line) <= LINE_CHARS for line in caption.text.split("\n"))
    for earlier, later in itertools.pairwise(found):
        assert earlier.start_ms < earlier.end_ms <= later.start_ms
    assert captions(script_of([])) == []


def test_a_segment_without_timed_words_still_has_its_caption():
    segment = bursts(["aa", "O"], text="Good day")
    timeline = type(segment.timeline)(segment.timeline.visemes, (), "estimated")
    untimed = type(segment)(0, "Good day", segment.audio, timeline)
    (caption,) = captions(script_of([untimed]))
    assert (caption.text, caption.start_ms) == ("Good day", LEAD_MS)


def numbers_of(source: str, name: str) -> float:
    found = re.search(rf"\b{name}\b\s*[:=]\s*([\d.]+)", source)
    assert found, f"{name} is not in the browser's code any more"
    return float(found.group(1))


def test_camera_and_light_are_the_browsers():
    source = (ASSETS / "web/avatar/renderer.mjs").read_text(encoding="utf-8")
    ours = {"FIELD_OF_VIEW": math.degrees(stage.FIELD_OF_VIEW), "AMBIENT": stage.AMBIENT, "ENVIRONMENT": stage.ENVIRONMENT}
    assert {name: numbers_of(source, name) for name in ours} == pytest.approx(ours)
    place = f"[2, {stage.DIRECT_PHI:g}, {stage.DIRECT_THETA:g}]"
    assert f"SUN = {{ colour: '{stage.DIRECT_COLOUR}', intensity: {stage.DIRECT}, at: {place} }}" in source
    assert "NeutralToneMapping" in source


def test_every_view_is_the_browsers():
    program = """
    import { FIRST_VIEW, VIEWS, shotOf } from './avatar_assets/web/avatar/views.mjs';
    import { readFileSync } from 'node:fs';
    const shots = JSON.parse(readFileSync(0)).map(([view, top, width, height]) => shotOf(view, { width, height }, top));
    console.log(JSON.stringify([FIRST_VIEW, Object.keys(VIEWS), shots.map(({ seen, centre }) => [seen, centre])]));
    """
    asked = [(view, eyes, *size) for view in stage.VIEWS for eyes in (1.2, 1.6) for size in ((512, 512), (1280, 720), (360, 640))]
    tops = [(view, eyes + stage.EYES_BELOW_TOP_M, width, height) for view, eyes, width, height in asked]
    first, views, shots = from_node(program, tops)
    assert (first, views) == (stage.FIRST_VIEW, list(stage.VIEWS))
    assert [stage.shot(*one) for one in asked] == [pytest.approx(shot) for shot in shots]


def test_eyes_turn_as_far_as_the_builder_made_them():
    assert pytest.approx(eyes.LOOK) == figure.LOOK_SIDEWAYS
    assert pytest.approx(0.75 * eyes.LOOK) == figure.LOOK_UPRIGHT


def test_resting_faces_are_talking_heads():
    if not TALKING_HEAD.is_file():
        pytest.skip("the npm modules are not fetched: there is nothing to compare with")
    source = TALKING_HEAD.read_text(encoding="utf-8")
    assert set(RESTING) == set(MOODS)
    for mood, face in RESTING.items():
        found = re.search(rf"'{mood}' : {{\s*baseline: {{(.*?)}},", source)
        assert found, mood
        theirs = json.loads("{" + re.sub(r"(\w+):", r'"\1":', found.group(1)) + "}")
        elsewhere = {"eyesLookDown", "eyesRotateX", "handFistLeft", "handFistRight", "bodyRotateX"}  # gaze, hands, body
        assert face == {name: weight for name, weight in theirs.items() if name not in elsewhere}, mood
