"""Avatars as other tools would have written them, made from our own: other bones, other axes, other shapes, VRM 0.x and 1.0."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.npm_modules import FOLDER

Json = dict[str, Any]
Array = NDArray[np.float64]

VISEME = "viseme_"
_HUMAN = {
    "hips": "Hips",
    "spine": "Spine",
    "chest": "Spine1",
    "upperChest": "Spine2",
    "neck": "Neck",
    "head": "Head",
    **{f"{side.lower()}{human}": f"{side}{bone}" for side in ("Left", "Right") for human, bone in (
        ("Eye", "Eye"), ("Shoulder", "Shoulder"), ("UpperArm", "Arm"), ("LowerArm", "ForeArm"), ("Hand", "Hand"),
        ("UpperLeg", "UpLeg"), ("LowerLeg", "Leg"), ("Foot", "Foot"), ("Toes", "ToeBase"),
    )},
}  # fmt: skip
_VOWELS = {"aa": "viseme_aa", "ih": "viseme_I", "ou": "viseme_U", "ee": "viseme_E", "oh": "viseme_O"}
_FACE = {**_VOWELS, "blink": "eyesClosed", "blinkLeft": "eyeBlinkLeft", "blinkRight": "eyeBlinkRight", "happy": "mouthSmile"}
_AMPLITUDE = 0.6
"""Our shapes are sculpted beyond what is shown; those of a VRM are right at weight one."""
_WAYS = ("HorizontalInner", "HorizontalOuter", "VerticalDown", "VerticalUp")
_PRESETS_0 = {"aa": "a", "ih": "i", "ou": "u", "ee": "e", "oh": "o", "blinkLeft": "blink_l", "blinkRight": "blink_r", "happy": "joy"}


class Avatar:
    """One of our own files, to be changed."""

    def __init__(self, name: str = "mia") -> None:
        data = (FOLDER / "avatars" / f"{name}.glb").read_bytes()
        length = struct.unpack_from("<I", data, 12)[0]
        self.json: Json = json.loads(data[20 : 20 + length])
        self.bin = bytearray(data[28 + length :])

    def to_bytes(self) -> bytes:
        """The file."""
        described = copy.deepcopy(self.json)
        if described.get("buffers") and "uri" not in described["buffers"][0]:
            described["buffers"][0]["byteLength"] = len(self.bin)
        return pack(json.dumps(described).encode(), bytes(self.bin))

    def node(self, name: str) -> Json:
        """A node by its name."""
        return next(node for node in self.json["nodes"] if node["name"] == name)

    def index(self, name: str) -> int:
        """A node's number by its name."""
        return self.json["nodes"].index(self.node(name))

    def drop_shapes(self, drop: Callable[[str], bool]) -> None:
        """Leave out the morph targets whose name `drop` is true for."""
        for mesh in self.json["meshes"]:
            names = mesh.get("extras", {}).get("targetNames", [])
            kept = [index for index, name in enumerate(names) if not drop(name)]
            for part in mesh["primitives"]:
                if "targets" in part:
                    part["targets"] = [part["targets"][index] for index in kept]
                    if not kept:
                        del part["targets"]
            if names:
                mesh["extras"]["targetNames"] = [names[index] for index in kept]
                mesh["weights"] = [0.0] * len(kept)
                if not kept:
                    del mesh["extras"], mesh["weights"]

    def rename_shapes(self, rename: Callable[[str], str]) -> None:
        """Give the morph targets other names."""
        for mesh in self.json["meshes"]:
            if "extras" in mesh:
                mesh["extras"]["targetNames"] = [rename(name) for name in mesh["extras"]["targetNames"]]

    def rename_bones(self, rename: Callable[[str], str]) -> None:
        """Give the bones other names."""
        for index in self.json["skins"][0]["joints"]:
            self.json["nodes"][index]["name"] = rename(self.json["nodes"][index]["name"])

    def drop_bones(self, names: set[str]) -> None:
        """Leave out bones and all below them; what they moved goes with the bone above."""
        nodes, skin = self.json["nodes"], self.json["skins"][0]
        parents = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])}

        def above(index: int) -> int:
            lost, at = index, index
            while at in parents:
                if nodes[at]["name"] in names:
                    lost = parents[at]
                at = parents[at]
            return lost

        kept = [above(index) for index in range(len(nodes))]
        binds = self.matrices()
        place = {node: binds[at] for at, node in enumerate(skin["joints"])}
        skin["joints"] = [kept[index] for index in skin["joints"]]
        self.set_matrices(np.stack([place[index] for index in skin["joints"]]))
        for node in nodes:
            node["children"] = [child for child in node.get("children", []) if kept[child] == child]
            if not node["children"]:
                del node["children"]
        for index, node in enumerate(nodes):
            if kept[index] != index:
                node["name"] = f"lost{index}"

    def matrices(self) -> Array:
        """The inverse bind matrices (n, 4, 4)."""
        view = self._binds()
        flat = np.frombuffer(bytes(self.bin), "<f4", count=view["byteLength"] // 4, offset=view["byteOffset"])
        return flat.reshape(-1, 4, 4).transpose(0, 2, 1).astype(float)

    def set_matrices(self, matrices: Array) -> None:
        """Write as many inverse bind matrices as there were."""
        view = self._binds()
        self.bin[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] = matrices.transpose(0, 2, 1).astype("<f4").tobytes()

    def _binds(self) -> Json:
        accessor = self.json["accessors"][self.json["skins"][0]["inverseBindMatrices"]]
        view: Json = self.json["bufferViews"][accessor["bufferView"]]
        return view

    def locals(self) -> list[Array]:
        """Every node's matrix in its parent."""
        return [_matrix(node) for node in self.json["nodes"]]

    def turn_bones(self, turn: Array, scale: float = 1.0) -> None:
        """Give every bone axes that are turned by `turn` (3, 3) and `scale` times as long; the body keeps its shape."""
        extra = np.eye(4)
        extra[:3, :3] = turn * scale
        nodes, skin = self.json["nodes"], self.json["skins"][0]
        children = {child for node in nodes for child in node.get("children", [])}
        for index, local in enumerate(self.locals()):
            if index in skin["joints"]:
                changed = (np.linalg.inv(extra) @ local if index in children else local) @ extra
                _set_matrix(nodes[index], changed)
        self.set_matrices(np.linalg.inv(extra) @ self.matrices())

    def hang_on(self, name: str, matrix: Array) -> None:
        """Put a node above everything in the scene."""
        scene = self.json["scenes"][0]
        self.json["nodes"].append({"name": name, "matrix": matrix.T.reshape(16).tolist(), "children": scene["nodes"]})
        scene["nodes"] = [len(self.json["nodes"]) - 1]


def pack(text: bytes, data: bytes = b"") -> bytes:
    """A binary glTF file of a description and its data."""
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + (struct.pack("<I4s", len(data), b"BIN\0") + data if data else b"")
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def _matrix(node: Json) -> Array:
    if "matrix" in node:
        given: Array = np.array(node["matrix"], float).reshape(4, 4).T
        return given
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= node.get("scale", (1, 1, 1))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _set_matrix(node: Json, matrix: Array) -> None:
    for name in ("translation", "rotation", "scale"):
        node.pop(name, None)
    node["matrix"] = matrix.T.reshape(16).tolist()


def arkit() -> Avatar:
    """The 52 ARKit blend shapes and no viseme."""
    avatar = Avatar()
    avatar.drop_shapes(lambda name: name.startswith(VISEME))
    return avatar


def mixamo() -> Avatar:
    """Mixamo's prefixes, and the way Blender exports such a person: a rig in centimetres below a node that is scaled down."""
    avatar = Avatar()
    avatar.rename_bones(lambda name: f"mixamorig:{name}")
    avatar.json["scenes"][0]["name"] = "Scene"
    hips = avatar.node("mixamorig:Hips")
    for index in avatar.json["skins"][0]["joints"]:
        node = avatar.json["nodes"][index]
        node["translation"] = [100 * x for x in node["translation"]]
    binds = avatar.matrices()
    binds[:, :3, :] *= 100
    avatar.set_matrices(binds)
    small = np.diag([0.01, 0.01, 0.01, 1.0])
    others = [index for index in avatar.json["scenes"][0]["nodes"] if avatar.json["nodes"][index] is not hips]
    avatar.json["scenes"][0]["nodes"] = [avatar.json["nodes"].index(hips)]
    avatar.hang_on("Armature", small)
    avatar.json["scenes"][0]["nodes"] += others
    return avatar


def other_axes() -> Avatar:
    """Bones whose axes point anywhere, a person who lies on the back with the head towards -Z and is three times as large."""
    avatar = Avatar()
    c, s = np.cos(1.1), np.sin(1.1)
    avatar.turn_bones(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]))
    avatar.hang_on("Root", np.array([[3, 0, 0, 1.0], [0, 0, 3, 0], [0, -3, 0, 0], [0, 0, 0, 1]]))
    return avatar


def without_arms() -> Avatar:
    """A person whose skeleton ends at the shoulders."""
    avatar = Avatar()
    avatar.drop_bones({"LeftShoulder", "RightShoulder"})
    return avatar


def without_fingers() -> Avatar:
    """A person whose hands are one bone each."""
    avatar = Avatar()
    avatar.drop_bones({f"{side}Hand{finger}1" for side in ("Left", "Right") for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky")})
    return avatar


def without_shapes() -> Avatar:
    """A person without any morph target."""
    avatar = Avatar()
    avatar.drop_shapes(bool)
    return avatar


def vowels() -> Avatar:
    """Five vowels and blinks, named the way VRoid names them."""
    avatar = Avatar()
    names = {"viseme_aa": "A", "viseme_I": "I", "viseme_U": "U", "viseme_E": "E", "viseme_O": "O"}
    avatar.drop_shapes(lambda name: name not in names and "Blink" not in name)
    avatar.rename_shapes(lambda name: f"Face.M_F00_000_00_Fcl_MTH_{names[name]}" if name in names else name)
    return avatar


def vrm(version: int) -> Avatar:
    """A VRM 0.x or 1.0 with the five mouth shapes, standing in a T-pose."""
    avatar = Avatar()
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        avatar.node(f"{side}Shoulder")["rotation"] = [0.5, 0.5 * sign, -0.5 * sign, 0.5]
        avatar.node(f"{side}Arm")["rotation"] = [0, 0, 0, 1]
    shapes = {name: [] for name in _FACE}
    for number, node in enumerate(avatar.json["nodes"]):
        names = avatar.json["meshes"][node["mesh"]].get("extras", {}).get("targetNames", []) if "mesh" in node else []
        for expression, target in _FACE.items():
            if target in names:
                shapes[expression].append((number, node["mesh"], names.index(target)))
    extend = _vrm1 if version else _vrm0
    extend(avatar, {human: avatar.index(bone) for human, bone in _HUMAN.items()}, shapes)
    if not version:
        avatar.hang_on("Back", np.diag([-1.0, 1.0, -1.0, 1.0]))
    return avatar


def _vrm1(avatar: Avatar, bones: dict[str, int], shapes: dict[str, list[tuple[int, int, int]]]) -> None:
    preset = {
        name: {"morphTargetBinds": [{"node": node, "index": index, "weight": _AMPLITUDE} for node, _, index in binds]}
        for name, binds in shapes.items()
    }
    avatar.json["extensionsUsed"].append("VRMC_vrm")
    avatar.json["extensions"] = {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "meta": {"name": "Test", "authors": ["Visavis"], "licenseUrl": "https://vrm.dev/licenses/1.0/"},
            "humanoid": {"humanBones": {name: {"node": node} for name, node in bones.items()}},
            "expressions": {"preset": preset},
            "lookAt": {
                "type": "bone",
                "offsetFromHeadBone": [0, 0.09, 0.05],
                **{f"rangeMap{way}": {"inputMaxValue": 90, "outputScale": 10} for way in _WAYS},
            },
        }
    }


def _vrm0(avatar: Avatar, bones: dict[str, int], shapes: dict[str, list[tuple[int, int, int]]]) -> None:
    groups = [
        {
            "name": name,
            "presetName": _PRESETS_0.get(name, name),
            "binds": [{"mesh": m, "index": i, "weight": 100 * _AMPLITUDE} for _, m, i in binds],
        }
        for name, binds in shapes.items()
    ]
    avatar.json["extensionsUsed"].append("VRM")
    avatar.json["extensions"] = {
        "VRM": {
            "specVersion": "0.0",
            "meta": {"title": "Test", "author": "Visavis", "licenseName": "CC0"},
            "humanoid": {"humanBones": [{"bone": name, "node": node, "useDefaultValues": True} for name, node in bones.items()]},
            "blendShapeMaster": {"blendShapeGroups": groups},
            "firstPerson": {"firstPersonBone": bones["head"], "lookAtTypeName": "Bone"},
            "materialProperties": [],
            "secondaryAnimation": {"boneGroups": [], "colliderGroups": []},
        }
    }


OTHERS: dict[str, Callable[[], Avatar]] = {
    "arkit.glb": arkit,
    "mixamo.glb": mixamo,
    "axes.glb": other_axes,
    "armless.glb": without_arms,
    "fingerless.glb": without_fingers,
    "shapeless.glb": without_shapes,
    "vowels.glb": vowels,
    "old.vrm": lambda: vrm(0),
    "new.vrm": lambda: vrm(1),
}
"""File name → who it is."""
