"""Writes one binary glTF 2.0 file: skinned meshes, sparse quantised morph targets, vertex colours, embedded textures."""

import json
import struct
from typing import Any

import meshoptimizer
import numpy as np
import numpy.typing as npt

from avatar_assets.builder.geometry.mesh import Mesh, Skin, vertex_normals
from avatar_assets.builder.geometry.sdf import Array, snapped
from avatar_assets.builder.skeleton import Skeleton

COMPONENT = {
    np.dtype(np.int8): 5120,
    np.dtype(np.uint8): 5121,
    np.dtype(np.int16): 5122,
    np.dtype(np.uint16): 5123,
    np.dtype(np.float32): 5126,
}
KIND = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
VERTICES, INDICES = 34962, 34963
SMALLEST_STEP = 2e-5
"""Morph displacements below this many metres are left out."""
ROOT = "Armature"
"""What TalkingHead looks for. Our scene itself has that name: bones and skinned meshes then stand at the top, as glTF wants them."""
NORMALS_AT = 0.6
"""The weight at which a morph's normals are right: visemes are sculpted beyond what is ever shown, and played at this."""
SET_BY_HAND = 0.3
"""A normal this far from that of its faces was given on purpose, and no morph turns it."""
SMALLEST_TURN = 0.01
"""Changes of a normal below this are left out."""


class Glb:
    """Collects bones, materials and meshes; `to_bytes()` gives the file. The same calls always give the same bytes."""

    def __init__(self, name: str, skeleton: Skeleton):
        self._data = bytearray()
        self._json: dict[str, Any] = {
            "asset": {
                "version": "2.0",
                "generator": "avatar_assets.builder",
                "copyright": "CC0-1.0",
                "extras": {"name": name, "license": "CC0-1.0", "licenseUrl": "https://creativecommons.org/publicdomain/zero/1.0/"},
            },
            "extensionsUsed": ["KHR_mesh_quantization"],
            "extensionsRequired": ["KHR_mesh_quantization"],
            "scene": 0,
            "scenes": [{"name": ROOT, "nodes": []}],
            "nodes": [],
        }
        self._bones(skeleton)

    def material(self, name: str, roughness: float, texture: int | None = None, double_sided: bool = False, unlit: bool = False) -> int:
        """Adds a material and returns its number."""
        surface: dict[str, Any] = {"roughnessFactor": roughness, "metallicFactor": 0.0}
        if texture is not None:
            surface["baseColorTexture"] = {"index": texture}
        entry: dict[str, Any] = {"name": name, "pbrMetallicRoughness": surface}
        if double_sided:
            entry["doubleSided"] = True
        if unlit:
            entry["extensions"] = {"KHR_materials_unlit": {}}
            self._json["extensionsUsed"] = ["KHR_mesh_quantization", "KHR_materials_unlit"]
        return self._append("materials", entry)

    def texture(self, image: bytes, mime: str) -> int:
        """Embeds an encoded image and returns the texture's number."""
        if "samplers" not in self._json:
            self._append("samplers", {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071})
        source = self._append("images", {"bufferView": self._view(image), "mimeType": mime})
        return self._append("textures", {"source": source, "sampler": 0})

    def mesh(self, name: str, mesh: Mesh, material: int, skin: Skin) -> None:
        """Adds a skinned mesh, its faces ordered for the vertex cache."""
        joints, weights = skin[0], _quantised_weights(skin[1])
        attributes = {
            "POSITION": self._accessor(snapped(mesh.positions).astype(np.float32), VERTICES, bounds=True),
            "NORMAL": self._accessor(_quantised(mesh.normals, np.int8), VERTICES, normalized=True),
            "JOINTS_0": self._accessor(np.where(weights > 0, joints, 0).astype(np.uint8), VERTICES),
            "WEIGHTS_0": self._accessor(weights, VERTICES, normalized=True),
            "COLOR_0": self._accessor(_quantised(np.c_[mesh.colours, np.ones(len(mesh.colours))], np.uint16), VERTICES, normalized=True),
        }
        if mesh.uv is not None:
            attributes["TEXCOORD_0"] = self._accessor(snapped(mesh.uv).astype(np.float32), VERTICES)
        order = np.ascontiguousarray(mesh.faces.reshape(-1), np.uint32)
        cached = np.zeros_like(order)
        meshoptimizer.optimize_vertex_cache(cached, order, len(order), len(mesh.positions))
        primitive: dict[str, Any] = {
            "attributes": attributes,
            "indices": self._accessor(cached.astype(np.uint16), INDICES),
            "material": material,
        }
        entry: dict[str, Any] = {"name": name, "primitives": [primitive]}
        if mesh.morphs:
            rest = vertex_normals(mesh.positions, mesh.faces)
            primitive["targets"] = [self._target(mesh, rest, delta) for delta in mesh.morphs.values()]
            entry["extras"] = {"targetNames": list(mesh.morphs)}
            entry["weights"] = [0.0] * len(mesh.morphs)
        node = self._append("nodes", {"name": name, "mesh": self._append("meshes", entry), "skin": 0})
        self._json["scenes"][0]["nodes"].append(node)

    def to_bytes(self) -> bytes:
        """The whole file (glTF 2.0, binary container)."""
        self._pad()
        self._json["buffers"] = [{"byteLength": len(self._data)}]
        text = json.dumps(self._json, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        header = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(self._data))
        return header + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(self._data), b"BIN\0") + bytes(self._data)

    def _bones(self, skeleton: Skeleton) -> None:
        numbers: dict[str, int] = {}
        for bone in skeleton.bones:
            turn = snapped(quaternion(bone.rotation), 30)
            number = self._append("nodes", {"name": bone.name, "translation": snapped(bone.offset).tolist(), "rotation": turn.tolist()})
            numbers[bone.name] = number
            if bone.parent is None:
                self._json["scenes"][0]["nodes"].append(number)
            else:
                self._json["nodes"][numbers[bone.parent]].setdefault("children", []).append(number)
        inverse = np.stack([np.linalg.inv(skeleton.world[bone.name]).T.reshape(16) for bone in skeleton.bones])
        self._append(
            "skins",
            {
                "joints": list(numbers.values()),
                "skeleton": numbers["Hips"],
                "inverseBindMatrices": self._accessor(snapped(inverse).astype(np.float32), None),
            },
        )

    def _target(self, mesh: Mesh, rest: Array, delta: Array) -> dict[str, int]:
        turned = (vertex_normals(mesh.positions + NORMALS_AT * delta, mesh.faces) - rest) / NORMALS_AT
        turned[np.abs(mesh.normals - rest).max(1) > SET_BY_HAND] = 0.0
        return {
            "POSITION": self._sparse(delta, np.dtype(np.int16), SMALLEST_STEP, bounds=True),
            "NORMAL": self._sparse(turned, np.dtype(np.int8), SMALLEST_TURN),
        }

    def _append(self, group: str, entry: dict[str, Any]) -> int:
        entries = self._json.setdefault(group, [])
        entries.append(entry)
        return len(entries) - 1

    def _pad(self) -> None:
        self._data += b"\0" * (-len(self._data) % 4)

    def _view(self, data: bytes, target: int | None = None, stride: int | None = None) -> int:
        self._pad()
        view: dict[str, int] = {"buffer": 0, "byteOffset": len(self._data), "byteLength": len(data)}
        if target:
            view["target"] = target
        if stride:
            view["byteStride"] = stride
        self._data += data
        return self._append("bufferViews", view)

    def _accessor(self, array: npt.NDArray[Any], target: int | None, normalized: bool = False, bounds: bool = False) -> int:
        rows = array.reshape(len(array), -1)
        width = rows.dtype.itemsize * rows.shape[1]
        stride = None
        if target == VERTICES and width % 4:  # each vertex must begin on a multiple of four bytes
            rows = np.pad(rows, ((0, 0), (0, (4 - width % 4) // rows.dtype.itemsize)))
            stride = width + 4 - width % 4
        entry: dict[str, Any] = {
            "bufferView": self._view(rows.tobytes(), target, stride),
            "componentType": COMPONENT[array.dtype],
            "count": len(array),
            "type": KIND[array.reshape(len(array), -1).shape[1]],
        }
        if normalized:
            entry["normalized"] = True
        if bounds:
            entry["min"], entry["max"] = array.min(0).tolist(), array.max(0).tolist()
        return self._append("accessors", entry)

    def _sparse(self, delta: Array, kind: np.dtype[Any], smallest: float, bounds: bool = False) -> int:
        """A morph target's displacements: only the vertices that move, as normalised integers (1 = one metre)."""
        moving = np.nonzero((np.abs(snapped(delta, 30)) > smallest).any(1))[0]
        if not len(moving):
            moving = np.array([0])
        values = _quantised(delta[moving], kind)
        entry: dict[str, Any] = {
            "componentType": COMPONENT[kind],
            "count": len(delta),
            "type": "VEC3",
            "normalized": True,
            "sparse": {
                "count": len(moving),
                "indices": {"bufferView": self._view(moving.astype(np.uint16).tobytes()), "componentType": COMPONENT[np.dtype(np.uint16)]},
                "values": {"bufferView": self._view(values.tobytes())},
            },
        }
        if bounds:
            resting = np.zeros((0 if len(moving) == len(delta) else 1, 3), values.dtype)
            reached = np.concatenate([values, resting])
            entry["min"], entry["max"] = reached.min(0).tolist(), reached.max(0).tolist()
        return self._append("accessors", entry)


def quaternion(rotation: Array) -> Array:
    """A rotation matrix (3, 3) as a unit quaternion x, y, z, w (Shepperd's method: divide by the largest term)."""
    m = snapped(rotation, 30)
    squares = np.array([m[0, 0], m[1, 1], m[2, 2], m[0, 0] + m[1, 1] + m[2, 2]])
    k = int(np.argmax(squares))
    q = np.zeros(4)
    if k == 3:
        q[:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1.0 + squares[3]
    else:
        i, j = (k + 1) % 3, (k + 2) % 3
        q[k], q[i], q[j] = 1.0 + m[k, k] - m[i, i] - m[j, j], m[i, k] + m[k, i], m[j, k] + m[k, j]
        q[3] = m[j, i] - m[i, j]
    result: Array = q / np.linalg.norm(q)
    return result


def _quantised(values: Array, kind: npt.DTypeLike) -> npt.NDArray[Any]:
    """Numbers in -1..1 (or 0..1) as normalised integers."""
    most = np.iinfo(np.dtype(kind)).max
    low = -most if np.iinfo(np.dtype(kind)).min < 0 else 0
    return np.clip(np.round(snapped(values, 30) * most), low, most).astype(kind)


def _quantised_weights(weights: Array) -> npt.NDArray[np.uint8]:
    """Weights as bytes that sum to exactly 255: what rounding loses, the strongest bone gets."""
    whole = np.round(snapped(weights, 30) * 255).astype(np.int64)
    strongest = whole.argmax(1)
    whole[np.arange(len(whole)), strongest] += 255 - whole.sum(1)
    return whole.astype(np.uint8)
