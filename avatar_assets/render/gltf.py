"""Reads what a person is made of from a glTF 2.0 file that was found sound.

Format: Khronos, glTF 2.0 specification; VRM Consortium, VRMC_materials_mtoon 1.0 and VRM 0.0 (its materials).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.container import Glb
from avatar_assets.checking.rig import local_of
from avatar_assets.render.model import Array, Material, Mesh, Model, Morph, Node, Toon

Json = dict[str, Any]

_COMPONENTS: dict[int, Any] = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_TRIANGLES = 4
_REPEAT, _MIRRORED = 10497, 33648
MOST_JOINTS = 256
"""As `person.vert` declares them."""


class UnfitError(Exception):
    """Why a file cannot be drawn, as the end of a sentence."""


def model_of(file: Glb, names_of: Callable[[int], list[str]], wanted: Set[str]) -> Model:
    """Everything that the file's nodes show.

    Args:
        file: the file.
        names_of: the names of a mesh's morph targets, by its number.
        wanted: the morph targets that will be asked for; others are not read.

    Raises:
        UnfitError: it cannot be drawn.
        ValueError, KeyError, IndexError, TypeError: it does not hold together after all.
    """
    return _Reader(file, names_of, wanted).model()


class _Reader:
    def __init__(self, file: Glb, names_of: Callable[[int], list[str]], wanted: Set[str]) -> None:
        self._json, self._bin, self._names_of, self._wanted = file.json, file.bin, names_of, wanted
        self._joints: dict[tuple[int, bytes], int] = {}

    def model(self) -> Model:
        order, parents = self._order()
        place = {number: index for index, number in enumerate(order)}
        nodes = []
        for number in order:
            entry, parent = self._json["nodes"][number], parents[number]
            nodes.append(Node(str(entry.get("name", "")), None if parent is None else place[parent], local_of(entry)))
        meshes = []
        for number in order:
            if "mesh" in (node := self._json["nodes"][number]):
                moved = self._skin(node["skin"], place) if "skin" in node else [(place[number], np.eye(4))]
                entry, names = self._json["meshes"][node["mesh"]], self._names_of(node["mesh"])
                meshes += [self._mesh(entry, primitive, names, moved) for primitive in entry["primitives"]]
        if not any(len(mesh.triangles) for mesh in meshes):
            raise UnfitError("there is nothing to be seen in it")
        if len(self._joints) > MOST_JOINTS:
            raise UnfitError(f"{len(self._joints)} bones move it, and {MOST_JOINTS} is the most. Join some of them and export it again")
        joints = tuple((node, np.frombuffer(bind).reshape(4, 4)) for node, bind in self._joints)
        return Model(tuple(nodes), joints, tuple(meshes), tuple(map(self._picture, self._json["images"])), place)

    def _order(self) -> tuple[list[int], dict[int, int | None]]:
        """Nodes of the scene, parents before children, and whose child each is."""
        scenes = self._json["scenes"]
        nodes = range(len(self._json["nodes"]))
        children = {child for node in self._json["nodes"] for child in node.get("children", ())}
        roots = scenes[self._json.get("scene", 0)].get("nodes", []) if scenes else [node for node in nodes if node not in children]
        parents: dict[int, int | None] = dict.fromkeys(roots)
        order = list(parents)
        for number in order:
            for child in self._json["nodes"][number].get("children", ()):
                parents[child] = number
                order.append(child)
        return order, parents

    def _skin(self, number: int, place: dict[int, int]) -> list[tuple[int, NDArray[np.float64]]]:
        """The nodes that move a mesh, each with its inverse bind matrix."""
        skin = self._json["skins"][number]
        binds = np.tile(np.eye(4), (len(skin["joints"]), 1, 1))
        if "inverseBindMatrices" in skin:
            binds = self._accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
        return [(place[node], bind) for node, bind in zip(skin["joints"], binds, strict=False)]

    def _mesh(self, entry: Json, primitive: Json, names: list[str], moved: list[tuple[int, NDArray[np.float64]]]) -> Mesh:
        if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
            raise UnfitError("a part of it is not made of triangles. Export it as triangles")
        named, material = primitive["attributes"], self._material(primitive.get("material"))
        positions = self._accessor(named["POSITION"])
        count = len(positions)
        corners = self._whole(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(count)
        used, triangles = np.unique(corners[: len(corners) // 3 * 3], return_inverse=True)
        triangles = triangles.reshape(-1, 3)
        joints, weights = np.zeros((count, 4), np.int64), np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
        if "JOINTS_0" in named and len(moved) > 1:
            joints, weights = self._whole(named["JOINTS_0"]), self._accessor(named["WEIGHTS_0"])
        joints, weights = joints[used], weights[used]
        positions = positions[used]
        normals = self._accessor(named["NORMAL"])[used] if "NORMAL" in named else _normals(positions, triangles)
        morphs = {}
        for name, target in zip(names, primitive.get("targets", ()), strict=False):
            if name in self._wanted:
                morphs[name] = self._morph(target, used)
        return Mesh(
            name=str(entry.get("name", "")),
            shape=np.concatenate([positions, normals], axis=1).astype(np.float32),
            colours=self._accessor(named["COLOR_0"])[used, :3] if "COLOR_0" in named else np.ones((len(used), 3), np.float32),
            uv=self._uv(primitive, named, count)[used],
            joints=self._moving(joints, weights, moved),
            weights=(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-6)).astype(np.float32),
            triangles=triangles.astype(np.uint32),
            material=material,
            morphs=morphs,
        )

    def _moving(self, joints: NDArray[np.int64], weights: Array, moved: list[tuple[int, NDArray[np.float64]]]) -> NDArray[np.uint16]:
        """Joints of a skin as numbers among all that move a vertex."""
        numbers = np.zeros(len(moved), np.uint16)
        for joint in np.unique(joints[weights > 0]):
            node, bind = moved[joint]
            numbers[joint] = self._joints.setdefault((node, bind.tobytes()), len(self._joints))
        return np.asarray(np.where(weights > 0, numbers[np.minimum(joints, len(moved) - 1)], 0), np.uint16)

    def _uv(self, primitive: Json, named: Json, count: int) -> Array:
        """Places in the picture, as the material moves them (KHR_texture_transform)."""
        entry = self._json["materials"][primitive["material"]] if "material" in primitive else {}
        info = entry.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        change = info.get("extensions", {}).get("KHR_texture_transform", {})
        name = f"TEXCOORD_{change.get('texCoord', info.get('texCoord', 0))}"
        if name not in named:
            return np.zeros((count, 2), np.float32)
        uv = self._accessor(named[name]) * np.array(change.get("scale", (1, 1)), np.float32)
        angle = change.get("rotation", 0)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        return np.asarray(uv @ turn + np.array(change.get("offset", (0, 0))), np.float32)

    def _material(self, number: int | None) -> Material:
        if number is None:
            return Material()
        entry = self._json["materials"][number]
        surface, extensions = entry.get("pbrMetallicRoughness", {}), entry.get("extensions", {})
        texture = surface.get("baseColorTexture", {}).get("index")
        picture, repeats = (None, (True, True)) if texture is None else self._texture(self._json["textures"][texture])
        red, green, blue, alpha = surface.get("baseColorFactor", (1, 1, 1, 1))
        return Material(
            colour=(red, green, blue, alpha),
            roughness=surface.get("roughnessFactor", 1.0),
            picture=picture,
            double_sided=entry.get("doubleSided", False),
            unlit="KHR_materials_unlit" in extensions,
            alpha=entry.get("alphaMode", "OPAQUE"),
            cutoff=entry.get("alphaCutoff", 0.5),
            repeats=repeats,
            toon=self._toon(number, extensions),
        )

    def _texture(self, entry: Json) -> tuple[int, tuple[bool, bool]]:
        source = entry["source"] if "source" in entry else entry["extensions"]["EXT_texture_webp"]["source"]
        sampler = self._json["samplers"][entry["sampler"]] if "sampler" in entry else {}
        return source, tuple(sampler.get(wrap, _REPEAT) in {_REPEAT, _MIRRORED} for wrap in ("wrapS", "wrapT"))  # type: ignore[return-value]

    def _toon(self, number: int, extensions: Json) -> Toon | None:
        if new := extensions.get("VRMC_materials_mtoon"):
            red, green, blue = new.get("shadeColorFactor", (0, 0, 0))
            return Toon((red, green, blue), new.get("shadingShiftFactor", 0.0), new.get("shadingToonyFactor", 0.9))
        properties = self._json.get("extensions", {}).get("VRM", {}).get("materialProperties", [])
        old = properties[number] if number < len(properties) else {}
        if old.get("shader") != "VRM/MToon":
            return None
        red, green, blue = (float(part) ** 2.2 for part in old.get("vectorProperties", {}).get("_ShadeColor", (0.97, 0.81, 0.86))[:3])
        numbers = old.get("floatProperties", {})
        shift, toony = numbers.get("_ShadeShift", 0.0), numbers.get("_ShadeToony", 0.9)
        toony += (1 - toony) * (0.5 + 0.5 * shift)  # as three-vrm reads MToon of VRM 0
        return Toon((red, green, blue), -shift - (1 - toony), toony)

    def _morph(self, target: Json, used: NDArray[np.int64]) -> Morph:
        deltas = np.zeros((len(used), 6), np.float32)
        for offset, name in ((0, "POSITION"), (3, "NORMAL")):
            if name in target:
                deltas[:, offset : offset + 3] = self._accessor(target[name])[used]
        vertices = np.flatnonzero(deltas.any(axis=1))
        return Morph(vertices, deltas[vertices])

    def _picture(self, image: Json) -> bytes:
        if "uri" in image:
            return base64.b64decode(image["uri"].partition(",")[2])
        return bytes(self._view(image["bufferView"])[0])

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
        if not count:
            return np.zeros((0, width), kind)
        return np.ndarray((count, width), kind, data, offset, (stride or kind.itemsize * width, kind.itemsize)).copy()

    def _view(self, number: int) -> tuple[memoryview, int]:
        view = self._json["bufferViews"][number]
        begin = view.get("byteOffset", 0)
        return memoryview(self._bin)[begin : begin + view["byteLength"]], view.get("byteStride", 0)


def _normals(positions: Array, triangles: NDArray[np.int64]) -> Array:
    """Of the surface around each vertex, where a file has none."""
    first, second, third = (positions[triangles[:, corner]] for corner in range(3))
    across = np.cross(second - first, third - first)
    normals = np.zeros_like(positions)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), np.float32)
