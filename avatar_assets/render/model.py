"""Reads a person from a binary glTF 2.0 file: meshes with their morphs, bones, materials, pictures.

Format: Khronos, glTF 2.0 specification. Lengths are metres, angles radians, colours linear.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import InputError

Array = NDArray[np.float32]

_UNDERSTOOD = {"KHR_mesh_quantization", "KHR_materials_unlit", "KHR_materials_emissive_strength", "KHR_texture_transform"}
_COMPONENTS: dict[int, Any] = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_TRIANGLES = 4


@dataclass(frozen=True, slots=True)
class Material:
    """How a surface takes the light."""

    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    roughness: float = 1.0
    picture: int | None = None
    """Index into `Model.pictures`."""
    double_sided: bool = False
    unlit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Morph:
    """The vertices that a morph target moves."""

    vertices: NDArray[np.int64]
    """Shape (k,): which."""
    deltas: Array
    """Shape (k, 6): displacement of position and of normal at weight one."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """One drawable part."""

    name: str
    shape: Array
    """Shape (n, 6): position and normal."""
    colours: Array
    """Shape (n, 3), linear."""
    uv: Array
    """Shape (n, 2)."""
    joints: NDArray[np.uint8]
    """Shape (n, 4): indices into `Model.joints`."""
    weights: Array
    """Shape (n, 4), each row sums to 1."""
    triangles: NDArray[np.uint32]
    """Shape (m, 3)."""
    material: Material
    morphs: dict[str, Morph] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One bone or group, in its parent's axes."""

    name: str
    parent: int | None
    """Index of a node that stands earlier in `Model.nodes`."""
    matrix: NDArray[np.float64]
    """Shape (4, 4): the resting transformation."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A person."""

    nodes: tuple[Node, ...]
    joints: tuple[tuple[int, NDArray[np.float64]], ...]
    """Nodes that move vertices, each with its inverse bind matrix (4, 4)."""
    meshes: tuple[Mesh, ...]
    pictures: tuple[bytes, ...]
    """Encoded images (PNG, JPEG)."""

    def node(self, name: str) -> int | None:
        """The index of a node by its name."""
        return next((index for index, node in enumerate(self.nodes) if node.name == name), None)


def read(path: Path) -> Model:
    """Read the file.

    Raises:
        InputError: code ``avatar``: there is no such file, or it cannot be drawn; the message says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The avatar {path.name} cannot be read: {error.strerror}.", code="avatar") from error
    try:
        return _File(data).model()
    except _UnfitError as error:
        raise InputError(f"The avatar {path.name} cannot be drawn: {error}.", code="avatar") from error
    except (ValueError, KeyError, IndexError, TypeError, struct.error, RecursionError) as error:
        raise InputError(f"The avatar {path.name} cannot be drawn: the file is damaged.", code="avatar") from error


class _UnfitError(Exception):
    """Why a file is refused, as the end of a sentence."""


class _File:
    def __init__(self, data: bytes) -> None:
        if data[:4] != b"glTF":
            raise _UnfitError("it is no binary glTF file (.glb)")
        _, version, length = struct.unpack_from("<4sII", data)
        if version != 2 or length > len(data):
            raise _UnfitError("it was cut short" if version == 2 else f"it is glTF {version}, not 2")
        chunks: dict[int, bytes] = {}
        at = 12
        while at < length:
            size, kind = struct.unpack_from("<II", data, at)
            chunks.setdefault(kind, data[at + 8 : at + 8 + size])
            at += 8 + size
        self._json: dict[str, Any] = json.loads(chunks[_JSON])
        self._bin = chunks.get(_BIN, b"")
        if unknown := set(self._json.get("extensionsRequired", ())) - _UNDERSTOOD:
            raise _UnfitError(f"it needs {', '.join(sorted(unknown))}, which the film does not know; save it without compression")
        if any("uri" in part for group in ("buffers", "images") for part in self._json.get(group, ())):
            raise _UnfitError("parts of it lie in other files; save it as one .glb")

    def model(self) -> Model:
        """Everything that the file's nodes show."""
        order, parents = self._order()
        place = {number: index for index, number in enumerate(order)}
        nodes = tuple(self._node(number, place, parents[number]) for number in order)
        joints: list[tuple[int, NDArray[np.float64]]] = []
        skins = []
        for skin in self._json.get("skins", ()):
            bind = self._inverse_binds(skin)
            skins.append(len(joints))
            joints += [(place[node], matrix) for node, matrix in zip(skin["joints"], bind, strict=True)]
        meshes = []
        for number in order:
            node = self._json["nodes"][number]
            if "mesh" not in node:
                continue
            first = skins[node["skin"]] if "skin" in node else len(joints)
            if "skin" not in node:  # a rigid part moves with its own node
                joints.append((place[number], np.eye(4)))
            entry = self._json["meshes"][node["mesh"]]
            meshes += [self._mesh(entry, primitive, first) for primitive in entry["primitives"]]
        if not meshes:
            raise _UnfitError("there is nothing to be seen in it")
        if len(joints) > np.iinfo(np.uint8).max + 1:
            raise _UnfitError(f"it has {len(joints)} moving bones, and 256 is the most")
        pictures = tuple(bytes(self._view(image["bufferView"])[0]) for image in self._json.get("images", ()))
        return Model(nodes, tuple(joints), tuple(meshes), pictures)

    def _node(self, number: int, place: dict[int, int], parent: int | None) -> Node:
        entry = self._json["nodes"][number]
        return Node(str(entry.get("name", "")), None if parent is None else place[parent], _matrix(entry))

    def _order(self) -> tuple[list[int], dict[int, int | None]]:
        """Nodes of the scene, parents before children, and whose child each is."""
        scene = self._json["scenes"][self._json.get("scene", 0)]
        parents: dict[int, int | None] = dict.fromkeys(scene["nodes"])
        order = list(parents)
        for number in order:
            for child in self._json["nodes"][number].get("children", ()):
                if child in parents:
                    raise _UnfitError("its bones go round in a circle")
                parents[child] = number
                order.append(child)
        return order, parents

    def _inverse_binds(self, skin: dict[str, Any]) -> NDArray[np.float64]:
        if "inverseBindMatrices" not in skin:
            return np.tile(np.eye(4), (len(skin["joints"]), 1, 1))
        columns = self._accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4)
        return columns.transpose(0, 2, 1).astype(np.float64)

    def _mesh(self, entry: dict[str, Any], primitive: dict[str, Any], first_joint: int) -> Mesh:
        if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
            raise _UnfitError("a part of it is not made of triangles")
        named = primitive["attributes"]
        positions = self._accessor(named["POSITION"])
        count = len(positions)
        triangles = self._whole(primitive["indices"]) if "indices" in primitive else np.arange(count)
        joints, weights = np.zeros((count, 4), np.int64), np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
        if "JOINTS_0" in named:
            joints, weights = self._whole(named["JOINTS_0"]), self._accessor(named["WEIGHTS_0"])
        names = entry.get("extras", {}).get("targetNames", ())
        morphs = {name: self._morph(target, count) for name, target in zip(names, primitive.get("targets", ()), strict=True)}
        normals = self._accessor(named["NORMAL"]) if "NORMAL" in named else np.tile(np.array([0, 0, 1], np.float32), (count, 1))
        return Mesh(
            name=str(entry.get("name", "")),
            shape=np.concatenate([positions, normals], axis=1).astype(np.float32),
            colours=self._accessor(named["COLOR_0"])[:, :3] if "COLOR_0" in named else np.ones((count, 3), np.float32),
            uv=self._accessor(named["TEXCOORD_0"]) if "TEXCOORD_0" in named else np.zeros((count, 2), np.float32),
            joints=(joints + first_joint).astype(np.uint8),
            weights=(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)).astype(np.float32),
            triangles=triangles.reshape(-1, 3).astype(np.uint32),
            material=self._material(primitive.get("material")),
            morphs=morphs,
        )

    def _material(self, number: int | None) -> Material:
        if number is None:
            return Material()
        entry = self._json["materials"][number]
        surface = entry.get("pbrMetallicRoughness", {})
        texture = surface.get("baseColorTexture", {}).get("index")
        red, green, blue = surface.get("baseColorFactor", (1, 1, 1, 1))[:3]
        return Material(
            colour=(red, green, blue),
            roughness=surface.get("roughnessFactor", 1.0),
            picture=None if texture is None else self._json["textures"][texture]["source"],
            double_sided=entry.get("doubleSided", False),
            unlit="KHR_materials_unlit" in entry.get("extensions", {}),
        )

    def _morph(self, target: dict[str, int], count: int) -> Morph:
        deltas = np.zeros((count, 6), np.float32)
        for offset, name in ((0, "POSITION"), (3, "NORMAL")):
            if name in target:
                deltas[:, offset : offset + 3] = self._accessor(target[name])
        vertices = np.flatnonzero(deltas.any(axis=1))
        return Morph(vertices, deltas[vertices])

    def _accessor(self, number: int) -> Array:
        """Numbers as floats: normalised integers become -1..1 or 0..1. Shape (count, width)."""
        values = self._raw(number)
        if self._json["accessors"][number].get("normalized"):
            return np.maximum(values.astype(np.float32) / np.iinfo(values.dtype).max, -1.0).astype(np.float32)
        return values.astype(np.float32)

    def _whole(self, number: int) -> NDArray[np.int64]:
        return self._raw(number).astype(np.int64)

    def _raw(self, number: int) -> NDArray[Any]:
        entry = self._json["accessors"][number]
        count, width, kind = entry["count"], _WIDTHS[entry["type"]], np.dtype(_COMPONENTS[entry["componentType"]])
        if "bufferView" in entry:
            values = self._rows(entry["bufferView"], entry.get("byteOffset", 0), count, width, kind)
        else:
            values = np.zeros((count, width), kind)
        if sparse := entry.get("sparse"):
            indices, given = sparse["indices"], sparse["values"]
            index_kind = np.dtype(_COMPONENTS[indices["componentType"]])
            rows = self._rows(indices["bufferView"], indices.get("byteOffset", 0), sparse["count"], 1, index_kind)
            values[rows[:, 0]] = self._rows(given["bufferView"], given.get("byteOffset", 0), sparse["count"], width, kind)
        return values

    def _rows(self, view: int, offset: int, count: int, width: int, kind: np.dtype[Any]) -> NDArray[Any]:
        data, stride = self._view(view)
        size = kind.itemsize * width
        stride = stride or size
        if not count:
            return np.zeros((0, width), kind)
        if offset + stride * (count - 1) + size > len(data):
            raise _UnfitError("it was cut short")
        return np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize)).copy()

    def _view(self, number: int) -> tuple[memoryview, int]:
        view = self._json["bufferViews"][number]
        begin = view.get("byteOffset", 0)
        return memoryview(self._bin)[begin : begin + view["byteLength"]], view.get("byteStride", 0)


def _matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    matrix[:3, :3] = _rotation(*node.get("rotation", (0, 0, 0, 1))) * np.array(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _rotation(x: float, y: float, z: float, w: float) -> NDArray[np.float64]:
    """A unit quaternion as a rotation matrix (3, 3)."""
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
