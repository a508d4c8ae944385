"""Whether what a glTF file describes holds together: lists, places in the data, nodes, skins, pictures, numbers.

Format: Khronos, glTF 2.0 specification. The same steps in the same order as `validate.mjs`.
"""

from __future__ import annotations

import math
import struct
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.contract import LIMITS, RefusedError, damaged

Json = dict[str, Any]

_KINDS: dict[int, Any] = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
"""Numbers in a row."""
_FLOAT = 5126
_KTX2 = b"\xabKTX 20\xbb\r\n\x1a\n"
_KTX2_HEAD = 48


def check(described: Json, data: bytes) -> None:
    """Go through a description whose groups are lists of entries and whose views lie in `data`.

    Raises:
        RefusedError: something in it does not hold.
    """
    _check_views(described)
    for index, accessor in enumerate(described["accessors"]):
        _check_accessor(described, accessor, index)
    every = sum(accessor["count"] for accessor in described["accessors"])
    if every > LIMITS["allCounts"]:
        raise RefusedError("too_many", count=every, what="values in its lists", most=LIMITS["allCounts"])
    _check_meshes(described)
    _check_nodes(described)
    _check_skins(described)
    _check_pictures(described, data)


def check_numbers(described: Json, data: bytes) -> None:
    """Go through the numbers of a sound file.

    Raises:
        RefusedError: one of them is none.
    """
    for index, accessor in enumerate(described["accessors"]):
        if accessor["componentType"] == _FLOAT and not np.isfinite(_numbers(described, data, accessor)).all():
            raise RefusedError("not_finite", where=f"accessor {index}")


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a JSON value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_index(value: object, entries: list[Any]) -> TypeGuard[int]:
    """Whether a value points into a list."""
    return is_whole(value) and 0 <= value < len(entries)


def _check_views(described: Json) -> None:
    for index, view in enumerate(described["bufferViews"]):
        stride = view.get("byteStride", 4)
        if not is_whole(stride) or not 4 <= stride <= 252:
            damaged(f"buffer view {index} has no sound stride")


def _check_accessor(described: Json, accessor: Json, index: int) -> None:
    kind, component, count = accessor.get("type"), accessor.get("componentType"), accessor.get("count")
    if (
        not isinstance(kind, str)
        or kind not in WIDTHS
        or not is_whole(component)
        or component not in _KINDS
        or not is_whole(count)
        or count < 1
    ):
        damaged(f"accessor {index} has no sound kind")
    if count > LIMITS["accessorCount"]:
        raise RefusedError("too_many", count=count, what="values in one list", most=LIMITS["accessorCount"])
    width = WIDTHS[kind] * np.dtype(_KINDS[component]).itemsize

    def room(place: Json, size: int, rows: int) -> None:
        offset = place.get("byteOffset", 0)
        if not is_index(place.get("bufferView"), described["bufferViews"]) or not is_whole(offset) or offset < 0:
            damaged(f"accessor {index} has no place")
        view = described["bufferViews"][place["bufferView"]]
        if offset + (rows - 1) * view.get("byteStride", size) + size > view["byteLength"]:
            damaged(f"accessor {index} lies outside the file")

    if "bufferView" in accessor:
        room(accessor, width, count)
    if "sparse" not in accessor:
        return
    sparse = accessor["sparse"] if isinstance(accessor["sparse"], dict) else {}
    indices, values, some = sparse.get("indices"), sparse.get("values"), sparse.get("count")
    if not isinstance(indices, dict) or not isinstance(values, dict) or indices.get("componentType") not in (5121, 5123, 5125):
        damaged(f"accessor {index} has no sound kind")
    if not is_whole(some) or not 1 <= some <= count:
        damaged(f"accessor {index} has no sound kind")
    room(indices, np.dtype(_KINDS[indices["componentType"]]).itemsize, some)
    room(values, width, some)


def _check_meshes(described: Json) -> None:
    moved = 0
    for index, mesh in enumerate(described["meshes"]):
        parts = mesh.get("primitives")
        if (
            not isinstance(parts, list)
            or not parts
            or not all(isinstance(p, dict) and isinstance(p.get("attributes"), dict) for p in parts)
        ):
            damaged(f"mesh {index} has no parts")
        for part in parts:
            targets = part.get("targets", [])
            if not isinstance(targets, list) or not all(isinstance(target, dict) for target in targets):
                damaged(f"mesh {index} has no sound morph targets")
            used = [*part["attributes"].values(), *(value for target in targets for value in target.values())]
            used += [part["indices"]] if "indices" in part else []
            if not all(is_index(accessor, described["accessors"]) for accessor in used) or "POSITION" not in part["attributes"]:
                damaged(f"mesh {index} points nowhere")
            count = described["accessors"][part["attributes"]["POSITION"]]["count"]
            sizes = [described["accessors"][value]["count"] for target in targets for value in target.values()]
            if len(targets) != len(parts[0].get("targets", [])) or any(size != count for size in sizes):
                damaged(f"mesh {index} has morph targets of another size")
            moved += count * (len(targets) + 1)
    if moved > LIMITS["movedVertices"]:
        raise RefusedError("too_many", count=moved, what="vertices in its morph targets", most=LIMITS["movedVertices"])


def _check_place(node: Json, index: int) -> None:
    for name, length in (("translation", 3), ("rotation", 4), ("scale", 3), ("matrix", 16)):
        if name not in node:
            continue
        value = node[name]
        numbers = isinstance(value, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)
        if not numbers or len(value) != length:
            damaged(f"node {index} has no sound place")
        if not all(math.isfinite(x) for x in value):
            raise RefusedError("not_finite", where=f"node {index}")


def _check_nodes(described: Json) -> None:
    nodes: list[Json] = described["nodes"]
    parents: list[int | None] = [None] * len(nodes)
    for index, node in enumerate(nodes):
        _check_place(node, index)
        children = node.get("children", [])
        sound = all(
            name not in node or is_index(node[name], described[f"{name}{'es' if name == 'mesh' else 's'}"]) for name in ("mesh", "skin")
        )
        if not sound or not isinstance(children, list) or not all(is_index(child, nodes) for child in children):
            damaged(f"node {index} points nowhere")
        for child in children:
            if parents[child] is not None:
                damaged(f"node {child} hangs on two others")
            parents[child] = index
    level, seen, depth = [index for index, parent in enumerate(parents) if parent is None], 0, 0
    while level:
        depth += 1
        if depth > LIMITS["nodeDepth"]:
            damaged("its nodes hang on each other too deeply")
        seen += len(level)
        level = [child for index in level for child in nodes[index].get("children", [])]
    if seen < len(nodes):
        damaged("its nodes hang on each other in a circle")
    described["scene"] = described.get("scene") if described.get("scene") is not None else 0
    if not is_index(described["scene"], described["scenes"]):
        damaged("it has no scene")
    for scene in described["scenes"]:
        roots = scene.get("nodes", [])
        if not isinstance(roots, list) or not all(is_index(root, nodes) and parents[root] is None for root in roots):
            damaged("its scene points nowhere")


def _check_skins(described: Json) -> None:
    accessors = described["accessors"]
    for index, skin in enumerate(described["skins"]):
        joints = skin.get("joints")
        if not isinstance(joints, list) or not joints or not all(is_index(joint, described["nodes"]) for joint in joints):
            damaged(f"skin {index} points nowhere")
        if "inverseBindMatrices" not in skin:
            continue
        bind = skin["inverseBindMatrices"]
        sound = is_index(bind, accessors) and accessors[bind]["type"] == "MAT4" and accessors[bind]["componentType"] == _FLOAT
        if not sound or accessors[bind]["count"] < len(joints):
            damaged(f"skin {index} has no sound matrices")


def _check_pictures(described: Json, data: bytes) -> None:
    pixels = 0
    for index, image in enumerate(described["images"]):
        if "bufferView" not in image:
            continue
        if not is_index(image["bufferView"], described["bufferViews"]):
            damaged(f"picture {index} has no place")
        view = described["bufferViews"][image["bufferView"]]
        width, height = _size(data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])
        if max(width, height) > LIMITS["pictureSide"]:
            raise RefusedError("picture", width=width, height=height, most=LIMITS["pictureSide"])
        pixels += width * height
    if pixels > LIMITS["pixels"]:
        raise RefusedError("too_many", count=pixels, what="pixels in its textures", most=LIMITS["pixels"])


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG, JPEG, WebP or KTX2 as its head tells them; zeros where it tells none."""
    if len(data) >= 24 and data.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if len(data) >= 30 and data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    if packed := size_of_ktx2(data):
        return packed
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    """Format: RFC 9649, WebP Image Format."""
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if data[12:16] == b"VP8L":
        (both,) = struct.unpack_from("<I", data, 21)
        return (both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1


def size_of_ktx2(data: bytes) -> tuple[int, int] | None:
    """Width and height of a KTX2 as its head tells them; None of anything else."""
    if len(data) < _KTX2_HEAD or not data.startswith(_KTX2):
        return None
    width, height = struct.unpack_from("<II", data, 20)
    return width, height


def _numbers(described: Json, data: bytes, accessor: Json) -> NDArray[np.float32]:
    """All the values that a float accessor takes from the file, in no particular order."""
    places = [(accessor, accessor["count"])] if "bufferView" in accessor else []
    places += [(accessor["sparse"]["values"], accessor["sparse"]["count"])] if "sparse" in accessor else []
    found = [np.zeros(0, np.float32)]
    for place, count in places:
        view = described["bufferViews"][place["bufferView"]]
        size = WIDTHS[accessor["type"]] * 4
        start = view["byteOffset"] + place.get("byteOffset", 0)
        shape, strides = (count, size), (view.get("byteStride", size), 1)
        rows = np.lib.stride_tricks.as_strided(np.frombuffer(data, np.uint8)[start:], shape, strides, writeable=False)
        found.append(np.ascontiguousarray(rows).view(np.float32).reshape(-1))
    return np.concatenate(found)
