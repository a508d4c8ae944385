"""A person's skeleton in a pose: where every bone is, and eyes that keep looking into the camera.

Turns are about the stage's axes (x to the person's left, y up, z to the viewer) from a T-pose, whatever axes the bones of a file have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.contract import CONTRACT
from avatar_assets.checking.rig import turn_of
from avatar_assets.render.acting import Pose
from avatar_assets.render.arms import Arms
from avatar_assets.render.avatar import Avatar
from engines.errors import InputError

Matrix = NDArray[np.float64]

LOOK_SIDEWAYS, LOOK_UPRIGHT = math.radians(24), math.radians(18)
"""How far the eyeLook morphs turn an eye at weight one: our builder's measure, a test holds them together."""
_MOST = 0.9
"""An eye turns no further than this share of it."""
SIDES = (("Left", 1.0), ("Right", -1.0))


class Figure:
    """The bones of one avatar."""

    def __init__(self, avatar: Avatar) -> None:
        """Find out how the bones lie.

        Raises:
            InputError: code ``avatar``: it has no head.
        """
        self._avatar, self._nodes = avatar, avatar.model.nodes
        if "Head" not in avatar.bones:
            raise InputError("The avatar cannot be drawn: it has no bone called Head.", code="avatar")
        self._bones = avatar.bones
        self._names = {index: name for name, index in avatar.bones.items()}
        self._inverse_binds = np.stack([bind for _, bind in avatar.model.joints])
        self._joint_nodes = [node for node, _ in avatar.model.joints]
        self._lay_out()
        self._rest = np.stack(self._place({}))
        head = self._rest[self._bones["Head"]]
        self._eyes = {side: self._eye(side, sign, head) for side, sign in SIDES}
        self._arms = Arms({name: self._rest[index][:3, 3] for name, index in self._bones.items()})
        parents = [node.parent for node in self._nodes]
        eyes = {self._bones[f"{side}Eye"] for side, _ in SIDES if f"{side}Eye" in self._bones}
        for index, parent in enumerate(parents):
            if parent in eyes:
                eyes.add(index)
        self._eye_nodes = sorted(eyes)

    @property
    def eyes(self) -> NDArray[np.float64]:
        """The point between the resting eyes, shape (3,)."""
        head = self._rest[self._bones["Head"]]
        return np.asarray(sum((head @ eye)[:3] for eye in self._eyes.values()) / 2)

    def stand(self, pose: Pose, looking_at: NDArray[np.float64]) -> tuple[Matrix, dict[str, float]]:
        """Take a pose, the eyes on a point of the world, shape (3,), less the pose's glance.

        Returns:
            What moves each joint's vertices from their bind position into the world, shape (joints, 4, 4), and the weights of the
            file's morph targets.
        """
        turns: dict[str, Matrix] = {name: turn(*angles) for name, angles in pose.turns.items()}
        turns |= self._arms.turns(pose.arms)
        worlds = self._place(turns)
        gaze = self._gaze(worlds, looking_at, pose.glance)
        asked = dict(pose.morphs)
        if self._avatar.eyes_turn is None:
            asked |= _looks(gaze)
        else:
            self._place(self._eye_turns(gaze), worlds, self._eye_nodes)
        joints = np.stack([worlds[node] for node in self._joint_nodes]) @ self._inverse_binds
        return joints, self._avatar.face.weights(asked)

    @staticmethod
    def bones(joints: Matrix) -> NDArray[np.float32]:
        """What `stand` gives, as shaders want it: column by column."""
        return np.ascontiguousarray(joints.transpose(0, 2, 1), np.float32)

    def limbs(self) -> NDArray[np.bool_]:
        """Which joints belong to the arms, shape (joints,)."""
        below: set[int] = {self._bones[f"{side}Arm"] for side, _ in SIDES if f"{side}Arm" in self._bones}
        for index, node in enumerate(self._nodes):
            if node.parent in below:
                below.add(index)
        return np.array([node in below for node in self._joint_nodes])

    def _lay_out(self) -> None:
        """What surrounds the turn of each bone: its own axes and its parent's in the T-pose, and what the file scales."""
        self._locals = [node.matrix for node in self._nodes]
        self._around: dict[int, tuple[Matrix, Matrix]] = {}
        straight, stand = self._avatar.straight, turn_of(self._avatar.stand)
        worlds: list[Matrix] = []  # the file's own rotations
        posed: list[Matrix] = []  # those of the T-pose
        for index, node in enumerate(self._nodes):
            own = turn_of(node.matrix)
            above = stand if node.parent is None else worlds[node.parent]
            upper = stand if node.parent is None else posed[node.parent]
            worlds.append(above @ own)
            posed.append(straight[index] @ worlds[index] if index in straight else upper @ own)
            if index in self._names:
                self._around[index] = upper.T, posed[index] @ own.T @ node.matrix[:3, :3]
        self._turned = {index: before @ after for index, (before, after) in self._around.items()}

    def _place(self, turns: Mapping[str, Matrix], worlds: list[Matrix] | None = None, which: Iterable[int] | None = None) -> list[Matrix]:
        """Every node's transformation (4, 4) into the world; of some only, `worlds` is changed."""
        worlds = [np.eye(4)] * len(self._nodes) if worlds is None else worlds
        for index in range(len(self._nodes)) if which is None else which:
            local, parent = self._locals[index], self._nodes[index].parent
            if index in self._around:
                local = local.copy()
                name = self._names[index]
                if name in turns:
                    before, after = self._around[index]
                    local[:3, :3] = before @ turns[name] @ after
                else:
                    local[:3, :3] = self._turned[index]
            worlds[index] = (self._avatar.stand if parent is None else worlds[parent]) @ local
        return worlds

    def _eye(self, side: str, sign: float, head: Matrix) -> NDArray[np.float64]:
        """An eye in the head's axes, shape (4,)."""
        if (number := self._bones.get(f"{side}Eye")) is not None:
            return np.asarray(np.linalg.inv(head) @ self._rest[number][:, 3])
        x, y, z = CONTRACT["bones"]["#Eye"]["offset"]
        return np.asarray(np.linalg.inv(head) @ (head[:, 3] + [sign * x, y, z, 0]))

    def _gaze(self, worlds: list[Matrix], at: NDArray[np.float64], glance: tuple[float, float]) -> dict[str, tuple[float, float]]:
        """How far each eye has to turn from straight ahead: outwards and up, in radians."""
        head = worlds[self._bones["Head"]]
        turned = turn_of(head) @ turn_of(self._rest[self._bones["Head"]]).T
        gaze = {}
        for side, outwards in SIDES:
            x, y, z = turned.T @ (at - (head @ self._eyes[side])[:3])
            sideways, up = math.atan2(x, z) + glance[0] * LOOK_SIDEWAYS, math.atan2(y, math.hypot(x, z)) - glance[1] * LOOK_UPRIGHT
            gaze[side] = (sideways * outwards, up)
        return gaze

    def _eye_turns(self, gaze: dict[str, tuple[float, float]]) -> dict[str, Matrix]:
        most, turned = self._avatar.eyes_turn or (1.0, 0.0)
        share = turned / most
        limited = {side: [min(max(angle, -most), most) * share for angle in angles] for side, angles in gaze.items()}
        return {f"{side}Eye": turn(-limited[side][1], sign * limited[side][0], 0) for side, sign in SIDES}


def _looks(gaze: dict[str, tuple[float, float]]) -> dict[str, float]:
    """The weights of the eyeLook morphs."""
    weights: dict[str, float] = {}
    for side, (outwards, up) in gaze.items():
        weights |= {f"eyeLookOut{side}": outwards / LOOK_SIDEWAYS, f"eyeLookIn{side}": -outwards / LOOK_SIDEWAYS}
        weights |= {f"eyeLookUp{side}": up / LOOK_UPRIGHT, f"eyeLookDown{side}": -up / LOOK_UPRIGHT}
    return {name: min(max(weight, 0.0), _MOST) for name, weight in weights.items()}


def turn(x: float, y: float, z: float) -> Matrix:
    """Rotations about the three axes, z first, as a matrix (3, 3)."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(angle), math.sin(angle)) for angle in (x, y, z))
    return np.array(
        [
            [cy * cz, -cy * sz, sy],
            [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy],
            [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy],
        ]
    )
