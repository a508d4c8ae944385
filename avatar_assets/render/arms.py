"""Arms and hands: where a wrist is and how the hand lies become turns of every bone from shoulder to fingertip, for any body.

The elbow follows from the lengths of the bones (two-bone inverse kinematics by the law of cosines). All is thought of for a left arm, in
the chest's axes: outwards (to the person's left), up, towards the viewer; the right one is its mirror image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Three = tuple[float, float, float]
Five = tuple[float, float, float, float, float]
Numbers = TypeVar("Numbers", Three, Five)

SIDES = ("Left", "Right")
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_MIRROR = np.diag([-1.0, 1.0, 1.0])
_BENT = (1.25, 1.65, 1.15)
"""How far the joints of a finger bend in a fist, in radians."""
_THUMB_BENT = (0.45, 0.75, 0.8)
_THUMB_GOES = np.array([0.35, -0.75, -0.55])
"""Where a thumb goes that is folded."""
_FOREARM_TWIST = 0.6
"""The forearm's share in turning the hand over."""
_NOTHING = 1e-9
_HALF_TURN = 1e-3
"""A turn this near to half a one, in radians, has no sure side."""
OUTWARDS = np.array([1.0, 0.0, 0.0])
_LONGEST = 0.998
"""An elbow is never quite straight."""


@dataclass(frozen=True, slots=True)
class Arm:
    """How one arm is held. Every number may be mixed with another arm's."""

    reach: Three = (0.1, -0.955, 0.1)
    """From the shoulder to the wrist, in lengths of the arm."""
    elbow: Three = (0.35, 0.0, -1.0)
    """Whereto the elbow is pushed."""
    fingers: Three = (0.0, -1.0, 0.12)
    """Whereto they point when they are straight."""
    palm: Three = (-1.0, 0.0, -0.25)
    """Whereto it looks."""
    curl: Five = (0.1, 0.16, 0.2, 0.24, 0.28)
    """How far thumb, index, middle, ring and little finger are bent: 0 straight, 1 as in a fist, below 0 stretched out."""
    lift: float = -0.16
    """Of the shoulder, in radians."""
    inwards: float = 0.0
    """How far `reach` begins in the middle of the chest (1) and not at the shoulder (0)."""


HANGING = Arm()
"""At rest, beside the body."""


def between(one: Arm, other: Arm, share: float) -> Arm:
    """On the way from one to the other; the hand turns the shortest way."""
    if share <= 0 or one == other:
        return one
    if share >= 1:
        return other
    start = _frame(one)
    hand = _part(_frame(other) @ start.T, share) @ start
    return Arm(
        reach=_mixed(one.reach, other.reach, share),
        elbow=_mixed(one.elbow, other.elbow, share),
        fingers=cast("Three", tuple(hand[:, 0].tolist())),
        palm=cast("Three", tuple((-hand[:, 1]).tolist())),
        curl=_mixed(one.curl, other.curl, share),
        lift=one.lift + (other.lift - one.lift) * share,
        inwards=one.inwards + (other.inwards - one.inwards) * share,
    )


def _frame(arm: Arm) -> Matrix:
    """The hand's axes as columns: fingers, back, and across."""
    fingers = _unit(np.array(arm.fingers), OUTWARDS)
    back = -np.array(arm.palm)
    back = _unit(back - (back @ fingers) * fingers, _across(fingers))
    return np.column_stack([fingers, back, np.cross(fingers, back)])


def _unit(vector: Vector, otherwise: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / length if length > _NOTHING else otherwise


def _across(way: Vector) -> Vector:
    """Some direction across another."""
    least = np.eye(3)[int(np.argmin(np.abs(way)))]
    crossed: Vector = np.cross(way, least)
    return crossed / np.linalg.norm(crossed)


def _part(turn: Matrix, share: float) -> Matrix:
    """So much of a turn."""
    x, y, z = turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]
    angle = math.atan2(math.sqrt(x * x + y * y + z * z), np.trace(turn) - 1)
    axis = np.array([x, y, z])
    if math.pi - angle < _HALF_TURN:  # then the axis is that of the largest column of the symmetric part
        symmetric = turn + np.eye(3)
        axis = symmetric[:, int(np.argmax(np.diag(symmetric)))]
    return _about(_unit(axis, OUTWARDS), share * angle)


def _mixed(one: Numbers, other: Numbers, share: float) -> Numbers:
    return cast("Numbers", tuple(a + (b - a) * share for a, b in zip(one, other, strict=True)))


class Arms:
    """The arms of one body."""

    def __init__(self, places: Mapping[str, Vector]) -> None:
        """Measure them.

        Args:
            places: where the bones are in a T-pose, each of shape (3,); what is missing does not move.
        """
        self._sides = {
            side: _Side(side, places) for side in SIDES if all(f"{side}{bone}" in places for bone in ("Shoulder", "Arm", "ForeArm", "Hand"))
        }

    def turns(self, arms: Mapping[str, Arm]) -> dict[str, Matrix]:
        """How every bone turns (3, 3) against the one above it; a side that is not given hangs."""
        return {name: turn for side, one in self._sides.items() for name, turn in one.turns(arms.get(side, HANGING)).items()}


class _Side:
    def __init__(self, side: str, places: Mapping[str, Vector]) -> None:
        self._side = side
        mirror = np.eye(3) if side == "Left" else _MIRROR
        at = {name.removeprefix(side): mirror @ place for name, place in places.items() if name.startswith(side)}
        self._upper, self._lower = (float(np.linalg.norm(at[b] - at[a])) for a, b in (("Arm", "ForeArm"), ("ForeArm", "Hand")))
        self._shoulder_x = float(at["Arm"][0])
        self._fingers = [name for name in FINGERS if f"Hand{name}1" in at]
        ways = {}
        for finger in self._fingers:
            joints = [f"Hand{finger}{number}" for number in (1, 2, 3) if f"Hand{finger}{number}" in at]
            way = at[joints[1]] - at[joints[0]] if len(joints) > 1 else OUTWARDS
            ways[finger] = (joints, _unit(way, OUTWARDS))
        self._ways = ways
        self._last: tuple[Arm, dict[str, Matrix]] | None = None

    def turns(self, arm: Arm) -> dict[str, Matrix]:
        """Remembers the last one: most of the time an arm does not move."""
        if self._last is None or self._last[0] != arm:
            turned = self._turns(arm)
            if self._side == "Right":
                turned = {name: _MIRROR @ turn @ _MIRROR for name, turn in turned.items()}
            self._last = arm, {f"{self._side}{name}": turn for name, turn in turned.items()}
        return self._last[1]

    def _turns(self, arm: Arm) -> dict[str, Matrix]:
        shoulder = _about(np.array([0.0, 0, 1]), arm.lift)
        upper, lower, hinge = self._bent(arm)
        twisted = _frame(arm)
        upper_arm = np.column_stack([upper, hinge, np.cross(upper, hinge)])
        forearm = np.column_stack([lower, hinge, np.cross(lower, hinge)])
        back = twisted[:, 1] - (twisted[:, 1] @ lower) * lower
        angle = math.atan2(np.cross(hinge, back) @ lower, hinge @ back)
        forearm = _about(lower, _FOREARM_TWIST * angle) @ forearm
        turned = {"Shoulder": shoulder, "Arm": shoulder.T @ upper_arm, "ForeArm": upper_arm.T @ forearm, "Hand": forearm.T @ twisted}
        for finger, curl in zip(FINGERS, arm.curl, strict=True):
            if finger in self._ways:
                joints, way = self._ways[finger]
                axis = _unit(np.cross(way, _THUMB_GOES if finger == "Thumb" else np.array([0.0, -1, 0])), OUTWARDS)
                bent = _THUMB_BENT if finger == "Thumb" else _BENT
                turned |= {joint: _about(axis, curl * most) for joint, most in zip(joints, bent, strict=False)}
        return turned

    def _bent(self, arm: Arm) -> tuple[Vector, Vector, Vector]:
        """The directions of upper arm and forearm, and the elbow's axis."""
        one, two = self._upper, self._lower
        way = (one + two) * np.array(arm.reach) - np.array([arm.inwards * self._shoulder_x, 0, 0])
        far = float(np.linalg.norm(way))
        direction = _unit(way, np.array([0.0, -1.0, 0.0]))
        far = min(max(far, abs(one - two) * 1.02 + 1e-6), _LONGEST * (one + two))
        push = np.array(arm.elbow) - (np.array(arm.elbow) @ direction) * direction
        push = _unit(push, _across(direction))
        cosine = (one * one + far * far - two * two) / (2 * one * far)
        upper = cosine * direction + math.sqrt(max(0.0, 1 - cosine * cosine)) * push
        return upper, (far * direction - one * upper) / two, np.cross(direction, push)


def _about(axis: Vector, angle: float) -> Matrix:
    """A rotation (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Matrix = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned
