"""Finds the bones of a file under whatever name, and judges how they stand. The same steps as `skeleton.mjs`, which also mends them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.contract import CONTRACT

Json = dict[str, Any]
Array = NDArray[np.float64]

_SIDES = {"Left": 1.0, "Right": -1.0}
_NOTHING = 1e-6
"""Lengths below this, in metres, have no direction."""


@dataclass(frozen=True, slots=True)
class Bone:
    """One bone of the contract."""

    parent: str | None
    to: str | None
    """The bone that it points at."""
    axes: Array
    """Rotation matrix (3, 3) of a Mixamo person in a T-pose."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What is not as the stage needs it."""

    height: float
    """Of the hips, metres."""
    length: float
    """From hips to head, metres."""
    standing: bool
    size: bool
    root: bool
    axes: list[str]
    order: list[str]
    missing: list[str]
    turned: Array
    """The turn (3, 3) that makes the person stand."""
    scale: float
    """How many times larger the person has to be."""

    @property
    def sound(self) -> bool:
        """Whether nothing has to be mended."""
        return self.standing and not (self.size or self.root or self.axes or self.order or self.missing)


def both_sides(names: list[str]) -> list[str]:
    """Names with ``#`` stand for both sides."""
    return [name.replace("#", side) for name in names for side in (_SIDES if "#" in name else ("",))]


def _turn(x: float, y: float, z: float) -> Array:
    """Rotation matrix of Euler angles in degrees, about x, then the turned y, then the turned z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians([x, y, z])), np.sin(np.radians([x, y, z]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turn: Array = about_x @ about_y @ about_z
    return turn


def _bones() -> dict[str, Bone]:
    bones = {}
    for pattern, entry in CONTRACT["bones"].items():
        for name in both_sides([pattern]):
            side = "Left" if name.startswith("Left") else "Right"
            sign = _SIDES[side] if "#" in pattern else 1.0
            x, y, z = entry["axes"]
            above, to = (value and value.replace("#", side) for value in (entry["parent"], entry["to"]))
            bones[name] = Bone(above, to, _turn(x, sign * y, sign * z))
    return bones


BONES = _bones()
"""By name, parents before children."""


def plain_name(name: str) -> tuple[str, str]:
    """A name as small words, its side apart: ``J_Bip_L_UpperArm`` is ``("upperarm", "Left")``."""
    words = re.split(r"[\W_]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower())
    words = [word for word in words if word and re.sub(r"(?<=mixamorig)\d+$", "", word) not in CONTRACT["rigPrefixes"]]
    side = "Left" if {"left", "l"} & set(words) else "Right" if {"right", "r"} & set(words) else ""
    return "".join(word for word in words if word not in {"left", "right", "l", "r"}), side


def _by_plain_name() -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for pattern, others in CONTRACT["boneAliases"].items():
        for name in both_sides([pattern]):
            side = name[: len(name) - len(pattern) + 1] if "#" in pattern else ""
            names |= {(called, side): name for called in (plain_name(name)[0], *others)}
    return names


_BY_PLAIN_NAME = _by_plain_name()


def find_bones(described: Json) -> dict[str, int]:
    """Bone → node: the right name first, then another, joints before others, meshes never."""
    nodes = described["nodes"]
    joints = {joint for skin in described["skins"] for joint in skin["joints"]}
    candidates = [index for index, node in enumerate(nodes) if "mesh" not in node and isinstance(node.get("name"), str)]
    candidates.sort(key=lambda index: index not in joints)
    found: dict[str, int] = {}
    for index in candidates:
        if nodes[index]["name"] in BONES:
            found.setdefault(nodes[index]["name"], index)
    taken = set(found.values())
    for index in candidates:
        bone = _BY_PLAIN_NAME.get(plain_name(nodes[index]["name"]))
        if index not in taken and bone and bone not in found:
            found[bone] = index
            taken.add(index)
    return {name: found[name] for name in BONES if name in found}


def parents_of(nodes: list[Json]) -> list[int | None]:
    """The parent of every node, or None."""
    parents: list[int | None] = [None] * len(nodes)
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            parents[child] = index
    return parents


def local_of(node: Json) -> Array:
    """Where a node stands in its parent's axes: a matrix (4, 4)."""
    if "matrix" in node:
        matrix: Array = np.array(node["matrix"], float).reshape(4, 4).T
        return matrix
    x, y, z, w = _unit(np.array(node.get("rotation", [0, 0, 0, 1]), float))
    place = np.eye(4)
    turn = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    place[:3, :3] = np.array(turn) * np.array(node.get("scale", [1, 1, 1]), float)
    place[:3, 3] = node.get("translation", [0, 0, 0])
    return place


def _unit(vector: Array) -> Array:
    length = float(np.linalg.norm(vector))
    if length:
        return vector / length
    return np.array([0, 0, 0, 1.0]) if len(vector) == 4 else vector  # as three.js has it


def worlds_of(nodes: list[Json]) -> list[Array]:
    """Where every node stands in the scene: matrices (4, 4)."""
    parents = parents_of(nodes)
    worlds: list[Array | None] = [None] * len(nodes)

    def world(index: int) -> Array:
        known, above = worlds[index], parents[index]
        if known is None:
            known = worlds[index] = local_of(nodes[index]) if above is None else world(above) @ local_of(nodes[index])
        return known

    return [world(index) for index in range(len(nodes))]


def turn_of(matrix: Array) -> Array:
    """The rotation (3, 3) of a transformation (4, 4)."""
    columns = matrix[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    turn: Array = columns / np.where(lengths > 0, lengths, 1)
    return turn


def _angle(one: Array, other: Array) -> float:
    """Degrees between two rotations."""
    return float(np.degrees(np.arccos(np.clip((np.trace(one.T @ other) - 1) / 2, -1, 1))))


def judge(described: Json, found: dict[str, int]) -> Rig:
    """How the bones of a sound file stand; `found` has the contract's core."""
    nodes = described["nodes"]
    worlds, parents = worlds_of(nodes), parents_of(nodes)

    def at(name: str) -> Array:
        place: Array = worlds[found[name]][:3, 3]
        return place

    upright = _upright(found, at)
    standing = _angle(np.eye(3), upright) <= CONTRACT["standingTolerance"]
    turned = np.eye(3) if standing else upright.T
    length, height = float(np.linalg.norm(at("Head") - at("Hips"))), float(at("Hips")[1])
    crooked = []
    for name in both_sides(CONTRACT["checkedAxes"]):
        to = BONES[name].to
        if name not in found or to not in found:
            continue
        way = turned @ (at(to) - at(name))
        if np.linalg.norm(way) < _NOTHING:
            continue
        if _angle(turned @ turn_of(worlds[found[name]]), along(name, way)) > CONTRACT["axesTolerance"]:
            crooked.append(name)
    above = parents[found["Hips"]]
    root = np.eye(4) if above is None else worlds[above]
    even = all(np.abs(np.linalg.norm(worlds[index][:3, :3], axis=0) - 1).max() <= CONTRACT["rootTolerance"] for index in found.values())
    off = [
        abs(value / usual - 1) > CONTRACT["sizeTolerance"]
        for value, usual in ((length, CONTRACT["hipsToHead"]), (height, CONTRACT["hipsHeight"]))
    ]
    return Rig(
        height=height,
        length=length,
        standing=standing,
        size=any(off),
        root=not even or bool(np.abs(root - np.eye(4)).max() > CONTRACT["rootTolerance"]),
        axes=crooked,
        order=[name for name in found if _upper(name, found, parents) != _contract_parent(name, found)],
        missing=[name for name in BONES if name not in found],
        turned=turned,
        scale=CONTRACT["hipsToHead"] / length if any(off) and length >= _NOTHING else 1.0,
    )


def _upright(found: dict[str, int], at: Any) -> Array:
    """The turn that a person has who should look along +Z with the head up."""
    up = _unit(at("Head") - at("Hips"))
    side = np.array([1.0, 0, 0])
    for name in ("UpLeg", "Arm", "Shoulder", "Eye"):
        if f"Left{name}" not in found or f"Right{name}" not in found:
            continue
        across = at(f"Left{name}") - at(f"Right{name}")
        if np.linalg.norm(across) >= _NOTHING:
            side = across
            break
    side = _unit(side - (side @ up) * up)
    return np.column_stack([side, up, np.cross(side, up)])


def along(name: str, way: Array) -> Array:
    """Mixamo's axes of a bone, turned as little as possible so that +Y runs along `way` (Rodrigues)."""
    axes, goal = BONES[name].axes, _unit(way)
    usual = axes[:, 1]
    cosine, axis = float(usual @ goal), np.cross(usual, goal)
    if cosine < -1 + _NOTHING:
        flip = _unit(np.array([-usual[1], usual[0], 0]) if abs(usual[0]) > abs(usual[2]) else np.array([0, -usual[2], usual[1]]))
        half_turn: Array = 2 * np.outer(flip, flip) - np.eye(3)
        return half_turn @ axes
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn: Array = np.eye(3) + cross + cross @ cross / (1 + cosine)
    return turn @ axes


def _upper(name: str, found: dict[str, int], parents: list[int | None]) -> str | None:
    """The nearest bone above one in the file."""
    names = {index: bone for bone, index in found.items()}
    index = parents[found[name]]
    while index is not None and index not in names:
        index = parents[index]
    return None if index is None else names[index]


def _contract_parent(name: str, found: dict[str, int]) -> str | None:
    """The nearest bone above one that the contract has and the file too."""
    above = BONES[name].parent
    while above and above not in found:
        above = BONES[above].parent
    return above
