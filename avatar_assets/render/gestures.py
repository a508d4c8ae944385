"""What arms do in a film: the gesture of a stage direction, and now and then a hand that goes along with the words. Times are ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from avatar_assets.render.arms import HANGING, SIDES, Arm, between
from engines.types import Cue, WordTiming

Pair = Mapping[str, Arm]

_FIST = (0.5, 1.0, 1.0, 1.0, 1.0)
_FLAT = (0.0, 0.03, 0.0, 0.03, 0.06)
_EASY = (0.0, 0.18, 0.25, 0.32, 0.38)
_UP = (0.0, 1.0, 0.1)


@dataclass(frozen=True, slots=True)
class Gesture:
    """One thing that arms do."""

    arms: Pair
    """What each arm that takes part does, by side."""
    come: float
    stay: float
    go: float
    swing: tuple[float, float] = (0.0, 1.0)
    """How far hands swing to and fro meanwhile, in lengths of the arm, and how long that takes."""

    @property
    def ms(self) -> float:
        """How long it takes in all."""
        return self.come + self.stay + self.go


def _both(arm: Arm) -> Pair:
    return dict.fromkeys(SIDES, arm)


_BESIDE_FACE = Arm(reach=(0.16, -0.02, 0.42), elbow=(0.5, -1.0, -0.2), fingers=_UP, palm=(0.0, 0.0, 1.0), curl=_FLAT, lift=-0.06)
_PALM_UP = Arm(reach=(0.2, -0.4, 0.5), elbow=(0.15, -1.0, -0.5), fingers=(0.35, 0.15, 1.0), palm=(-0.25, 1.0, 0.0), curl=_EASY)

GESTURES: dict[str, Gesture] = {
    "wave": Gesture({"Right": replace(_BESIDE_FACE, reach=(0.12, 0.04, 0.4))}, 500, 1700, 650, swing=(0.09, 460)),
    "shrug": Gesture(
        _both(Arm((0.14, -0.16, 0.5), (0.3, -1.0, -0.3), (0.5, 0.35, 0.8), (-0.1, 1.0, -0.1), _EASY, lift=0.1)), 380, 750, 650
    ),
    "point": Gesture({"Right": replace(_BESIDE_FACE, curl=(0.75, 0.0, 1.0, 1.0, 1.0))}, 420, 1000, 600),
    "thumbsup": Gesture(
        {"Right": Arm((0.12, -0.06, 0.5), (0.5, -1.0, -0.2), (-0.5, 0.15, 0.85), (-0.85, 0.0, -0.5), (-0.45, 1.0, 1.0, 1.0, 1.0))},
        450,
        1300,
        600,
    ),
    "ok": Gesture({"Right": replace(_BESIDE_FACE, curl=(0.62, 0.6, 0.14, 0.06, 0.0))}, 450, 1100, 600),
    "thanks": Gesture(
        _both(Arm((0.045, -0.3, 0.52), (0.7, -1.0, -0.1), (0.0, 1.0, 0.3), (-1.0, 0.0, 0.0), _FLAT, inwards=1.0)), 550, 1000, 750
    ),
}
"""By direction; the others of `engines.text.directions.DIRECTIONS` are acted by face and head alone. The page has TalkingHead's."""
BEATS: tuple[Gesture, ...] = (
    Gesture({"Right": _PALM_UP}, 420, 500, 700),
    Gesture({"Left": _PALM_UP}, 420, 500, 700),
    Gesture(_both(replace(_PALM_UP, reach=(0.16, -0.44, 0.48))), 480, 600, 800),
    Gesture({"Right": replace(_PALM_UP, reach=(0.16, -0.28, 0.52), palm=(-0.5, 0.9, 0.1), fingers=(0.1, 0.35, 1.0))}, 420, 450, 700),
)
"""Hands that speak along."""
_BEATS_APART_MS = 2600.0
_LIVELY_FROM = 0.3
"""Below this liveliness hands stay down, as on the page."""
_BEAT_CHANCE = 0.45
"""Of a word that could have one, at a liveliness of 1."""
_BEFORE_MS = 300.0
"""A hand sets off before its word."""


@dataclass(frozen=True, slots=True)
class _Due:
    start: float
    gesture: Gesture
    size: float

    @property
    def end(self) -> float:
        return self.start + self.gesture.ms


class Hands:
    """All gestures of a speech, ready to be asked for any moment."""

    def __init__(self, cues: Iterable[Cue], words: Sequence[WordTiming], liveliness: float, chance: np.random.Generator) -> None:
        """Decide on every gesture.

        Args:
            cues: what is acted and when.
            words: what is said and when.
            liveliness: the persona's, 0 to 2.
            chance: what is left to it.
        """
        self._due: list[_Due] = []
        if liveliness < _LIVELY_FROM:
            return
        asked = [_Due(cue.start_ms, GESTURES[cue.name], 1.0) for cue in cues if cue.name in GESTURES]
        self._due = sorted([*asked, *_beats(asked, words, liveliness, chance)], key=lambda due: due.start)

    def at(self, ms: float) -> Pair:
        """How each arm is held; a side that is at rest is left out."""
        arms: dict[str, Arm] = {}
        for due in self._due:
            if due.start < ms < due.end:
                for side, arm in due.gesture.arms.items():
                    arms[side] = between(arms.get(side, HANGING), _swung(due.gesture, arm, ms - due.start), _share(due, ms))
        return arms

    def sample(self) -> list[Pair]:
        """Every kind of gesture on its way, for whoever has to know what comes into the picture."""
        kinds = {id(due.gesture): due for due in self._due}
        return [self._alone(due, share) for due in kinds.values() for share in (0.25, 0.6)]

    @staticmethod
    def _alone(due: _Due, share: float) -> Pair:
        ms = due.start + share * due.gesture.ms
        return {side: between(HANGING, _swung(due.gesture, arm, ms - due.start), _share(due, ms)) for side, arm in due.gesture.arms.items()}


def _beats(asked: Sequence[_Due], words: Sequence[WordTiming], liveliness: float, chance: np.random.Generator) -> list[_Due]:
    beats: list[_Due] = []
    for word in words:
        start = word.start_ms - _BEFORE_MS
        gesture = BEATS[int(chance.integers(len(BEATS)))]
        size = min(1.0, float(chance.uniform(0.6, 1.0)) * math.sqrt(liveliness))
        wanted = chance.random() < _BEAT_CHANCE * liveliness
        busy = any(due.start - gesture.ms < start < due.end for due in asked)
        apart = not beats or start - beats[-1].start > _BEATS_APART_MS
        if wanted and apart and not busy and word.duration_ms > 180:
            beats.append(_Due(start, gesture, size))
    return beats


def _share(due: _Due, ms: float) -> float:
    """How far the arm is in its gesture."""
    begun, left = (ms - due.start) / due.gesture.come, (due.end - ms) / due.gesture.go
    share = min(1.0, max(0.0, min(begun, left)))
    return due.size * share * share * (3 - 2 * share)


def _swung(gesture: Gesture, arm: Arm, ms: float) -> Arm:
    """A hand that swings to and fro about the elbow."""
    far, period = gesture.swing
    if not far:
        return arm
    swing = far * math.sin(2 * math.pi * ms / period)
    (x, y, z), (across, up, ahead) = arm.reach, arm.fingers
    return replace(arm, reach=(x + swing, y - abs(swing) / 4, z), fingers=(across + 2.2 * swing, up, ahead))
