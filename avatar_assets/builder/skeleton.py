"""The skeleton: Mixamo bone names and axes, and the weights that tie a mesh to the bones.

TalkingHead writes absolute local rotations, so +Y must run along every bone and the shoulders, arms and legs need the axes of
the Mixamo rig. The resting pose itself is free: ours hangs the arms the way the usual poses do, so that shoulders bend little.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_assets.builder.geometry.mesh import Skin, neighbour_mean
from avatar_assets.builder.geometry.sdf import Array, Ints, capsule, snapped
from avatar_assets.builder.person import Body

ARM_DROP = 1.34
"""How far the resting arms hang down from the line of the shoulders, radians."""
SHOULDER_RAISED, SHOULDER_BACK = 0.12, 0.09
"""How the resting collar bones leave the axes of the rig, radians: the middle of TalkingHead's standing poses."""
HIPS, COLLAR = 1.0, 1.435
"""Heights between which a trunk is longer or shorter than the common one, metres."""
HEAD_CENTRE = np.array([0.0, 0.089, 0.014])
"""Where head space has its origin, from the joint of a head of the common size, metres."""
EYE_CENTRE = np.array([0.0375, 0.004, 0.0640])
"""The left eyeball's centre in head space; the right one is its mirror image."""
SIDES = (("Left", 1.0), ("Right", -1.0))
Mask = npt.NDArray[np.bool_]
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
THIGH, SHIN, UPPER_ARM, FOREARM = 0.44, 0.42, 0.25, 0.235


def turn_x(angle: float) -> Array:
    """Rotation matrix about x, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], float)


def turn_y(angle: float) -> Array:
    """Rotation matrix about y, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], float)


def turn_z(angle: float) -> Array:
    """Rotation matrix about z, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], float)


@dataclass(frozen=True)
class Bone:
    """One joint: its parent's name, its offset in the parent's axes (metres) and its rotation in them."""

    name: str
    parent: str | None
    offset: Array
    rotation: Array


class Skeleton:
    """All bones of one person, parents before children."""

    def __init__(self, body: Body):
        self.body = body
        self.bones: list[Bone] = []
        self.world: dict[str, Array] = {}
        self._trunk()
        self.head_centre = self.at("Head") + HEAD_CENTRE * body.head
        for side, sign in SIDES:
            self._eye(side, sign)
            self._arm(side, sign)
            self._leg(side, sign)
        self.index = {bone.name: i for i, bone in enumerate(self.bones)}

    def _add(self, name: str, parent: str | None, offset: tuple[float, float, float] | Array, rotation: Array | None = None) -> None:
        bone = Bone(name, parent, np.asarray(offset, float), np.eye(3) if rotation is None else rotation)
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = bone.rotation, bone.offset
        self.bones.append(bone)
        self.world[name] = local if parent is None else self.world[parent] @ local

    def _trunk(self) -> None:
        long, stoop = self.body.torso, self.body.stoop
        self._add("Hips", None, (0, HIPS, 0))
        for name, parent in (("Spine", "Hips"), ("Spine1", "Spine"), ("Spine2", "Spine1")):
            self._add(name, parent, (0, 0.10 * long, 0))
        self._add("Neck", "Spine2", (0, 0.135 * long, -0.012 + 0.4 * stoop))
        self._add("Head", "Neck", (0, 0.070, 0.008 + 0.6 * stoop))
        self._add("HeadTop_End", "Head", (0, 0.22 * self.body.head, 0))

    def _eye(self, side: str, sign: float) -> None:
        self._add(f"{side}Eye", "Head", (HEAD_CENTRE + EYE_CENTRE * (sign, 1, 1)) * self.body.head, turn_x(np.pi / 2))

    def _arm(self, side: str, sign: float) -> None:
        long = self.body.torso
        collar_bone = turn_x(np.pi / 2 + SHOULDER_RAISED) @ turn_z(-(np.pi / 2 + SHOULDER_BACK) * sign)
        self._add(f"{side}Shoulder", "Spine2", (0.035 * sign, 0.078 * long - self.body.slope, -0.008), collar_bone)
        self._add(f"{side}Arm", f"{side}Shoulder", (0, self.body.shoulders - 0.035, 0), turn_x(ARM_DROP))
        self._add(f"{side}ForeArm", f"{side}Arm", (0, UPPER_ARM * long, 0))
        self._add(f"{side}Hand", f"{side}ForeArm", (0, FOREARM * long, 0))
        hand = f"{side}Hand"
        self._finger(f"{hand}Thumb", hand, (-0.022 * sign, 0.022, 0.010), (0.034, 0.027, 0.022), turn_z(0.62 * sign) @ turn_x(0.25))
        for finger, x, y, first in (("Index", -0.029, 0.086, 0.032), ("Middle", -0.0095, 0.090, 0.035), ("Ring", 0.010, 0.086, 0.032)):
            self._finger(f"{hand}{finger}", hand, (x * sign, y, 0), (first, first * 0.75, first * 0.65))
        self._finger(f"{hand}Pinky", hand, (0.028 * sign, 0.077, 0), (0.025, 0.019, 0.016))

    def _finger(
        self, stem: str, hand: str, root: tuple[float, float, float], lengths: tuple[float, float, float], rotation: Array | None = None
    ) -> None:
        size = self.body.hands
        self._add(f"{stem}1", hand, np.asarray(root) * size, rotation)
        for i, bone_length in enumerate(lengths, start=1):
            self._add(f"{stem}{i + 1}", f"{stem}{i}", (0, bone_length * size, 0))

    def _leg(self, side: str, sign: float) -> None:
        self._add(f"{side}UpLeg", "Hips", (0.65 * self.body.hips * sign, -0.05, 0), turn_z(np.pi))
        self._add(f"{side}Leg", f"{side}UpLeg", (0, THIGH, 0))
        self._add(f"{side}Foot", f"{side}Leg", (0, SHIN, 0), turn_x(1.25))
        self._add(f"{side}ToeBase", f"{side}Foot", (0, 0.14, 0), turn_x(0.32))
        self._add(f"{side}Toe_End", f"{side}ToeBase", (0, 0.07, 0))

    def at(self, name: str) -> Array:
        """Where a joint rests, in world space (metres)."""
        place: Array = self.world[name][:3, 3]
        return place

    def common(self, p: Array) -> Array:
        """World points (n, 3) in the space of the common trunk, in which clothes and neck are drawn: only the heights differ."""
        y = p[:, 1]
        heights = np.interp(y, [HIPS, self.at("Neck")[1]], [HIPS, COLLAR])
        above = np.clip(y - self.at("Neck")[1], 0, None)
        return np.stack([p[:, 0], np.where(y < HIPS, y, heights + above), p[:, 2]], -1)

    def to_local(self, name: str, p: Array) -> Array:
        """World points (n, 3) in the axes of a bone."""
        inverse = np.linalg.inv(self.world[name])
        local: Array = p @ inverse[:3, :3].T + inverse[:3, 3]
        return local

    def _segment(self, name: str) -> tuple[Array, Array]:
        """Start and end of the stretch of body that a bone moves."""
        ends = {"Hips": "Spine", "Spine2": "Neck", "Head": "HeadTop_End", "LeftHand": "LeftHandMiddle1", "RightHand": "RightHandMiddle1"}
        children = [bone.name for bone in self.bones if bone.parent == name]
        start = self.at(name)
        if name in ends or children:
            return start, self.at(ends.get(name) or children[0])
        return start, start + self.world[name][:3, 1] * 0.03

    def bind(
        self,
        positions: Array,
        faces: Ints,
        thickness: dict[str, float],
        softness: float,
        rounds: int = 0,
        *,
        barred: dict[str, Mask] | None = None,
    ) -> Skin:
        """Weights by distance to the bones named in `thickness` (bone → radius of flesh around it, metres).

        `softness` (metres) is the width of the transition between two bones; `rounds` of averaging over neighbours then
        spread the transition evenly along the surface, which keeps shoulders and hips from creasing. `barred` says for a bone
        which vertices (n,) never follow it, however near it rests.
        """
        names = list(thickness)
        away = np.stack([capsule(positions, *self._segment(name), thickness[name]) for name in names], -1)
        weights = np.exp(-(((away - away.min(-1, keepdims=True)) / softness) ** 2))
        for name, mask in (barred or {}).items():
            weights[mask, names.index(name)] = 0.0
        weights /= weights.sum(1, keepdims=True)
        for _ in range(rounds):
            weights = 0.5 * weights + 0.5 * neighbour_mean(weights, faces)
        return self._strongest([self.index[name] for name in names], weights)

    @staticmethod
    def _strongest(joints: list[int], weights: Array) -> Skin:
        """The four strongest bones of each vertex, as glTF wants them."""
        order = np.argsort(-snapped(weights, 30), axis=1, kind="stable")[:, :4]
        kept = np.take_along_axis(weights, order, 1)
        kept[kept < 0.01] = 0.0
        numbers = np.asarray(joints, np.int64)[order]
        missing = 4 - kept.shape[1]
        kept, numbers = np.pad(kept, ((0, 0), (0, missing))), np.pad(numbers, ((0, 0), (0, missing)))
        numbers[kept == 0] = 0
        return numbers, kept / kept.sum(1, keepdims=True)

    def rigid(self, name: str, count: int) -> Skin:
        """`count` vertices that move with one bone only."""
        joints, weights = np.zeros((count, 4), np.int64), np.zeros((count, 4))
        joints[:, 0], weights[:, 0] = self.index[name], 1.0
        return joints, weights
