"""The film's mouth is the browser's: the same curve, number for number."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from conftest import HOUSE

from avatar_assets.render.mouth import Mouth
from engines.types import VISEME_NAMES, Viseme

NODE = """
import { timelineOf, weightsOf } from './avatar_assets/web/lipsync/viseme-curves.mjs';
import { readFileSync } from 'node:fs';
const answer = JSON.parse(readFileSync(0)).map(({ segments, times }) => {
  const parts = segments.map(({ at, ...segment }) => ({ at, timeline: timelineOf(segment) }));
  return times.map((ms) => weightsOf(parts.map(({ at, timeline }) => ({ timeline, ms: ms - at }))));
});
console.log(JSON.stringify(answer));
"""


def spoken(seed: int, count: int) -> list[Viseme]:
    """Sounds one after another; a few are no longer than a click, a few last for seconds."""
    chance, at, sounds = np.random.default_rng(seed), 0.0, []
    for _ in range(count):
        duration = float(chance.choice([5.0, 40.0, 90.0, 160.0, 2500.0]) * chance.uniform(0.5, 1.5))
        sounds.append(Viseme(VISEME_NAMES[chance.integers(len(VISEME_NAMES))], at, duration))
        at += duration
    return sounds


SPEECHES = {
    "one sound": [[Viseme("aa", 200, 120)]],
    "nothing": [[]],
    "silence and sounds without length": [[Viseme("sil", 0, 300), Viseme("O", 300, 0)]],
    "a closure between vowels": [[Viseme("aa", 0, 200), Viseme("PP", 200, 40), Viseme("O", 240, 300)]],
    "long speech": [spoken(1, 200)],
    "two segments that touch": [spoken(2, 8), spoken(3, 8)],
    "jumbled": [[Viseme("O", 300, 100), Viseme("aa", 0, 900)]],
}


def test_the_same_numbers_as_the_browser():
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed: the browser's numbers cannot be computed")
    chance, asked, ours = np.random.default_rng(7), [], []
    for segments in SPEECHES.values():
        begins, at = [], 0.0
        for sounds in segments:
            begins.append(at)
            at += max((viseme.start_ms + viseme.duration_ms for viseme in sounds), default=0.0)
        times = chance.uniform(-150, at + 200, 200).tolist()
        parts = [
            {
                "at": begin,
                "visemes": [viseme.name for viseme in sounds],
                "vtimes": [viseme.start_ms for viseme in sounds],
                "vdurations": [viseme.duration_ms for viseme in sounds],
            }
            for begin, sounds in zip(begins, segments, strict=True)
        ]
        asked.append({"segments": parts, "times": times})
        mouth = Mouth(
            Viseme(viseme.name, begin + viseme.start_ms, viseme.duration_ms)
            for begin, sounds in zip(begins, segments, strict=True)
            for viseme in sounds
        )
        ours.append([mouth.at(ms) for ms in times])
    command = [node, "--input-type=module", "-e", NODE]
    done = subprocess.run(command, cwd=HOUSE, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60)
    theirs = json.loads(done.stdout)
    assert sum(max(weights.values()) > 0.1 for speech in theirs for weights in speech) > 200, "mouths that move are compared"
    for speech, mine, browsers in zip(SPEECHES, ours, theirs, strict=True):
        for left, right in zip(mine, browsers, strict=True):
            assert left == pytest.approx(right, abs=1e-3), speech


def test_a_closure_closes_and_nothing_stays():
    mouth = Mouth(SPEECHES["a closure between vowels"][0])
    shown = mouth.at(220)
    assert shown["PP"] == pytest.approx(0.9)
    assert max(weight for name, weight in shown.items() if name != "PP") < 1e-9
    assert set(mouth.at(5000).values()) == {0.0}
    assert set(Mouth([]).at(0).values()) == {0.0}
