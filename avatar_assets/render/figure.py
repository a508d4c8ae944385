"""A person's skeleton in a pose: where every bone is, and eyes that keep looking into the camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_assets.render.acting import Pose
from avatar_assets.render.model import Model
from engines.errors import InputError

Matrix = NDArray[np.float64]

LOOK_SIDEWAYS, LOOK_UPRIGHT = math.radians(24), math.radians(18)
"""How far the eyeLook morphs turn an eye at weight one: our builder's measure, a test holds them together."""
_MOST = 0.9
"""An eye turns no further than this share of it."""
ARM_DROP, SHOULDER_DROP = 1.47, 0.16
"""How far the arms hang below the horizontal, and the shoulders, in radians: a person who stands at ease."""
SIDES = (("Left", 1.0), ("Right", -1.0))


class Figure:
    """The bones of one model; absolute rotations follow the Mixamo axes that TalkingHead asks of every avatar."""

    def __init__(self, model: Model) -> None:
        """Find the bones that are moved.

        Raises:
            InputError: code ``avatar``: it has no head or no eyes.
        """
        self._model = model
        numbers = {name: model.node(name) for name in ("Head", "LeftEye", "RightEye", "Neck", "Spine1", "Spine2")}
        if missing := [name for name in ("Head", "LeftEye", "RightEye") if numbers[name] is None]:
            raise InputError(f"The avatar cannot be drawn: it has no bone called {', '.join(missing)}.", code="avatar")
        self._numbers = {name: number for name, number in numbers.items() if number is not None}
        self._locals = [node.matrix.copy() for node in model.nodes]
        self._hang_arms()
        self._rest = self._worlds(Pose({}))
        self._inverse_binds = np.stack([bind for _, bind in model.joints])

    @property
    def eyes(self) -> NDArray[np.float64]:
        """The point between the resting eyes, shape (3,)."""
        return np.asarray((self._rest[self._numbers["LeftEye"]] + self._rest[self._numbers["RightEye"]])[:3, 3] / 2)

    def stand(self, pose: Pose, looking_at: NDArray[np.float64]) -> tuple[Matrix, dict[str, float]]:
        """Take a pose, the eyes on a point of the world, shape (3,), less the pose's glance.

        Returns:
            What moves each joint's vertices from their bind position into the world, shape (joints, 4, 4), and the weights of the
            eyeLook morphs.
        """
        worlds = self._worlds(pose)
        return worlds[[node for node, _ in self._model.joints]] @ self._inverse_binds, self._gaze(worlds, looking_at, pose.glance)

    @staticmethod
    def bones(joints: Matrix) -> NDArray[np.float32]:
        """What `stand` gives, as shaders want it: column by column."""
        return np.ascontiguousarray(joints.transpose(0, 2, 1), np.float32)

    def _gaze(self, worlds: Matrix, at: NDArray[np.float64], glance: tuple[float, float]) -> dict[str, float]:
        head = self._numbers["Head"]
        turned = worlds[head][:3, :3] @ np.linalg.inv(self._rest[head][:3, :3])
        weights: dict[str, float] = {}
        for side, outwards in SIDES:
            x, y, z = turned.T @ (at - worlds[self._numbers[f"{side}Eye"]][:3, 3])
            sideways, up = math.atan2(x, z) / LOOK_SIDEWAYS, math.atan2(y, math.hypot(x, z)) / LOOK_UPRIGHT
            sideways, up = sideways + glance[0], up - glance[1]
            weights |= {f"eyeLookOut{side}": sideways * outwards, f"eyeLookIn{side}": -sideways * outwards}
            weights |= {f"eyeLookUp{side}": up, f"eyeLookDown{side}": -up}
        return {name: min(max(weight, 0.0), _MOST) for name, weight in weights.items()}

    def _worlds(self, pose: Pose) -> Matrix:
        """Every node's transformation into the world, shape (nodes, 4, 4)."""
        turned = {number: _turn(*pose.turns[name]) for name, number in self._numbers.items() if name in pose.turns}
        worlds = np.empty((len(self._locals), 4, 4))
        for index, (node, local) in enumerate(zip(self._model.nodes, self._locals, strict=True)):
            here = local @ turned[index] if index in turned else local
            worlds[index] = here if node.parent is None else worlds[node.parent] @ here
        return worlds

    def _hang_arms(self) -> None:
        """Avatars stretch their arms out at rest, or not; on the stage they hang."""
        for side, sign in SIDES:
            shoulder = _turn(math.pi / 2, 0, 0) @ _turn(0, 0, -(math.pi / 2 + SHOULDER_DROP) * sign)
            for bone, rotation in ((f"{side}Shoulder", shoulder), (f"{side}Arm", _turn(ARM_DROP - SHOULDER_DROP, 0, 0))):
                if (number := self._model.node(bone)) is not None:
                    self._locals[number][:3, :3] = rotation[:3, :3]


def _turn(x: float, y: float, z: float) -> Matrix:
    """Rotations about the three axes, z first, as a matrix (4, 4)."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(angle), math.sin(angle)) for angle in (x, y, z))
    return np.array(
        [
            [cy * cz, -cy * sz, sy, 0],
            [cx * sz + sx * sy * cz, cx * cz - sx * sy * sz, -sx * cy, 0],
            [sx * sz - cx * sy * cz, sx * cz + cx * sy * sz, cx * cy, 0],
            [0, 0, 0, 1],
        ]
    )
