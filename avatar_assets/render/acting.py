"""What face and body do while the words are said: lips, blinks, brows, nods, breath. The same text is always acted the same way."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from avatar_assets.render.acts import Acts
from avatar_assets.render.arms import Arm
from avatar_assets.render.gestures import Hands
from avatar_assets.render.mouth import Mouth
from avatar_assets.render.script import Script

RESTING: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.2},
    "angry": {
        "browDownLeft": 0.6, "browDownRight": 0.6, "jawForward": 0.3, "mouthFrownLeft": 0.7, "mouthFrownRight": 0.7,
        "mouthRollLower": 0.2, "mouthShrugLower": 0.3,
    },
    "sad": {
        "browDownRight": 0.1, "browInnerUp": 0.6, "browOuterUpRight": 0.2, "eyeSquintLeft": 0.7, "eyeSquintRight": 0.7,
        "mouthFrownLeft": 0.8, "mouthFrownRight": 0.8, "mouthLeft": 0.2, "mouthPucker": 0.5, "mouthRollLower": 0.2, "mouthRollUpper": 0.2,
        "mouthShrugLower": 0.2, "mouthShrugUpper": 0.2, "mouthStretchLeft": 0.4,
    },
    "fear": {
        "browInnerUp": 0.7, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5, "eyeWideLeft": 0.6, "eyeWideRight": 0.6, "mouthClose": 0.1,
        "mouthFunnel": 0.3, "mouthShrugLower": 0.5, "mouthShrugUpper": 0.5,
    },
    "disgust": {
        "browDownLeft": 0.7, "browDownRight": 0.1, "browInnerUp": 0.3, "eyeSquintLeft": 1, "eyeSquintRight": 1, "eyeWideLeft": 0.5,
        "eyeWideRight": 0.5, "mouthLeft": 0.4, "mouthPressLeft": 0.3, "mouthRollLower": 0.3, "mouthShrugLower": 0.3,
        "mouthShrugUpper": 0.8, "mouthUpperUpLeft": 0.3, "noseSneerLeft": 1, "noseSneerRight": 0.7,
    },
    "love": {
        "browInnerUp": 0.4, "browOuterUpLeft": 0.2, "browOuterUpRight": 0.2, "mouthSmile": 0.2, "eyeBlinkLeft": 0.6, "eyeBlinkRight": 0.6,
        "eyeWideLeft": 0.7, "eyeWideRight": 0.7, "mouthDimpleLeft": 0.1, "mouthDimpleRight": 0.1, "mouthPressLeft": 0.2,
        "mouthShrugUpper": 0.2, "mouthUpperUpLeft": 0.1, "mouthUpperUpRight": 0.1,
    },
    "sleep": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1, "eyesClosed": 0.6},
}  # fmt: skip
"""Resting faces by mood: the baselines of TalkingHead 1.7's moods, which the page shows, without gaze, hands and body."""

_LIVELY = ("browOuterUpLeft", "browOuterUpRight", "cheekSquintLeft", "cheekSquintRight", "browInnerUp")
"""Shapes that are never quite still in a living face."""
_LIVELY_SIZE = 0.06
_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
_PAUSES = tuple(".?!,;:…。？！、，")
_BLINK_EVERY_MS, _BLINKS_APART_MS = (1500.0, 5500.0), 700.0
_NODS_APART_MS = 1100.0
_BREATH_MS = 4300.0


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment."""

    morphs: dict[str, float]
    """Morph target → weight."""
    turns: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """Bone → rotation about the stage's x, y and z axes from rest, in radians."""
    glance: tuple[float, float] = (0.0, 0.0)
    """How far the eyes leave the camera, as weights of their morphs: to the person's left, and down."""
    arms: Mapping[str, Arm] = field(default_factory=dict)
    """``Left``, ``Right`` → how that arm is held; one that is left out hangs."""


class Acting:
    """The whole performance, ready to be asked for any moment of it."""

    def __init__(self, script: Script, mood: str, liveliness: float = 1.0) -> None:
        """Decide on every blink, nod and gesture.

        Args:
            script: what is said; its words also seed all that is left to chance.
            mood: the persona's resting mood, one of `RESTING`.
            liveliness: the persona's, 0 (hardly moves) to 2 (very much).
        """
        self._liveliness = math.sqrt(liveliness)
        self._acts = Acts(script.cues, mood)
        words = "".join(word.text for word in script.words)
        chance = np.random.default_rng(list(hashlib.sha256(words.encode()).digest()))
        self._mouth = Mouth(script.visemes)
        self._speaking = _Track(
            _Pulse(phrase.start_ms - 400, phrase.start_ms, phrase.end_ms, phrase.end_ms + 600) for phrase in script.phrases
        )
        self._blinks = _Track(_blinks(script, chance))
        self._nods = _Track(_nods(script, chance))
        self._asking = _Track(
            _Pulse(end - word.duration_ms - 250, end - 150, end + 100, end + 500)
            for word in script.words
            if word.text.rstrip().endswith(("?", "？"))
            for end in [word.start_ms + word.duration_ms]
        )
        self._phases = chance.uniform(0, 2 * math.pi, (16, 3))
        self._hands = Hands(script.cues, script.words, liveliness, chance)

    def at(self, ms: float) -> Pose:
        """The pose `ms` after the film's beginning."""
        act = self._acts.at(ms)
        glance = (act.get("eyesRotateY", 0.0), act.get("eyesRotateX", 0.0))
        return Pose(self._face(ms, act), self._body(ms, act), glance, self._hands.at(ms))

    def gestures(self) -> list[Pose]:
        """Every kind of gesture on its way: what may come into the picture."""
        return [Pose({}, arms=arms) for arms in self._hands.sample()]

    def _face(self, ms: float, act: dict[str, float]) -> dict[str, float]:
        face = dict.fromkeys(_BLINKS, 0.0)
        for mood, share in self._acts.moods(ms).items():
            for name, weight in RESTING[mood].items():
                face[name] = face.get(name, 0.0) + share * weight
        for index, name in enumerate(_LIVELY):
            face[name] = face.get(name, 0.0) + _LIVELY_SIZE * (1 + self._drift(index, ms, 2600.0))
        nod, asking = self._nods.at(ms), self._asking.at(ms)
        face["browInnerUp"] += 0.22 * nod + 0.35 * asking
        for side in ("Left", "Right"):
            face[f"browOuterUp{side}"] += 0.15 * nod + 0.30 * asking
            face[f"eyeBlink{side}"] = max(face[f"eyeBlink{side}"], self._blinks.at(ms))
        for name, weight in act.items():
            if "Rotate" not in name:
                face[name] = max(face.get(name, 0.0), weight)
        face.update({f"viseme_{name}": weight for name, weight in self._mouth.at(ms).items()})
        return {name: min(weight, 1.0) for name, weight in face.items()}

    def _body(self, ms: float, act: dict[str, float]) -> dict[str, tuple[float, float, float]]:
        lively = self._liveliness * (0.35 + 0.65 * self._speaking.at(ms))
        pitch = (
            lively * 0.022 * self._drift(8, ms, 2100.0)
            + 0.055 * self._nods.at(ms)
            - 0.02 * self._asking.at(ms)
            + act.get("headRotateX", 0.0)
        )
        yaw = lively * 0.060 * self._drift(9, ms, 3100.0) + act.get("headRotateY", 0.0)
        roll = lively * 0.030 * self._drift(10, ms, 3700.0) + 0.03 * self._asking.at(ms) + act.get("headRotateZ", 0.0)
        breath = 0.010 * math.sin(2 * math.pi * ms / _BREATH_MS)
        sway = self._liveliness * 0.012 * self._drift(11, ms, 6300.0)
        return {
            "Spine": (0.0, self._liveliness * 0.02 * self._drift(12, ms, 7700.0), 0.0),
            "Spine1": (0.0, 0.15 * yaw, sway),
            "Spine2": (-breath, 0.15 * yaw, 0.0),
            "Neck": (0.35 * pitch + breath, 0.30 * yaw, 0.4 * roll - 0.6 * sway),
            "Head": (0.65 * pitch, 0.55 * yaw, 0.6 * roll),
        }

    def _drift(self, index: int, ms: float, period_ms: float) -> float:
        """A slow, smooth wandering between -1 and 1 that does not repeat itself soon."""
        turn = 2 * math.pi * ms / period_ms
        first, second, third = self._phases[index]
        return float(0.5 * math.sin(turn + first) + 0.3 * math.sin(1.73 * turn + second) + 0.2 * math.sin(2.87 * turn + third))


@dataclass(frozen=True, slots=True)
class _Pulse:
    """Something that comes, stays and goes; ms."""

    begin: float
    full: float
    until: float
    end: float
    size: float = 1.0

    def at(self, ms: float) -> float:
        if not self.begin < ms < self.end:
            return 0.0
        share = min(1.0, (ms - self.begin) / (self.full - self.begin), (self.end - ms) / (self.end - self.until))
        return self.size * share * share * (3 - 2 * share)


class _Track:
    """Pulses of one kind; where two overlap the stronger one is seen."""

    def __init__(self, pulses: Iterable[_Pulse]) -> None:
        self._pulses = sorted(pulses, key=lambda pulse: pulse.begin)
        self._begins = [pulse.begin for pulse in self._pulses]
        self._latest = list(accumulate((pulse.end for pulse in self._pulses), max))

    def at(self, ms: float) -> float:
        value, index = 0.0, bisect_right(self._begins, ms) - 1
        while index >= 0 and self._latest[index] > ms:
            value = max(value, self._pulses[index].at(ms))
            index -= 1
        return value


def _blinks(script: Script, chance: np.random.Generator) -> list[_Pulse]:
    """Now and then, and rather where the speech pauses than within a word."""
    pauses = [word.start_ms + word.duration_ms for word in script.words if word.text.rstrip().endswith(_PAUSES)]
    times = [pause + 60 for pause in pauses if chance.random() < 0.6]
    at = float(chance.uniform(*_BLINK_EVERY_MS)) / 2
    while at < script.audio.duration_ms:
        if all(abs(at - other) > _BLINKS_APART_MS for other in times):
            times.append(at)
        at += float(chance.uniform(*_BLINK_EVERY_MS))
    pulses: list[_Pulse] = []
    for time in sorted(times):
        if not pulses or time - pulses[-1].begin > _BLINKS_APART_MS:
            pulses.append(_Pulse(time, time + 70, time + 70 + float(chance.uniform(30, 90)), time + 300))
    return pulses


def _nods(script: Script, chance: np.random.Generator) -> list[_Pulse]:
    """The head goes along with some of the words."""
    pulses: list[_Pulse] = []
    for word in script.words:
        apart = not pulses or word.start_ms - pulses[-1].begin > _NODS_APART_MS
        if apart and word.duration_ms > 180 and chance.random() < 0.6:
            at, size = word.start_ms, float(chance.uniform(0.4, 1.0))
            pulses.append(_Pulse(at - 120, at + 110, at + 150, at + 480, size))
    return pulses
