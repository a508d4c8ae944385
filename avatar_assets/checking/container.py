"""Reads a binary glTF file that nobody vouches for, and refuses what is not sound.

Format: Khronos, glTF 2.0 specification. The same steps in the same order as `glb.mjs`; nothing outside the file is ever opened.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import re
import struct
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from avatar_assets.checking.contract import CONTRACT, LIMITS, RefusedError, megabytes, shown

Json = dict[str, Any]

_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_KINDS: dict[int, Any] = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_FLOAT = 5126
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Glb:
    """A sound file: its description, every group of it a list, and all its data in one buffer."""

    json: Json
    bin: bytes


def _damaged(where: str) -> NoReturn:
    raise RefusedError("damaged", where=where)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a JSON value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_index(value: object, entries: list[Any]) -> TypeGuard[int]:
    """Whether a value points into a list."""
    return is_whole(value) and 0 <= value < len(entries)


def read(data: bytes) -> Glb:
    """Read a whole file.

    Raises:
        RefusedError: it cannot be used.
    """
    text, chunk = _container(data)
    if _nesting(text) > LIMITS["nesting"]:
        _damaged("its description is nested too deeply")
    try:
        described = json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except (ValueError, RecursionError):
        _damaged("its description is no JSON")
    if not isinstance(described, dict):
        _damaged("its description is no JSON")
    for name, most in LIMITS["groups"].items():
        group = described[name] = described.get(name) if described.get(name) is not None else []
        if not isinstance(group, list) or not all(isinstance(entry, dict) for entry in group):
            _damaged(f"“{name}” is no list of entries")
        if len(group) > most:
            raise RefusedError("too_many", count=len(group), what=name, most=most)
    _refuse_compression(described)
    file = Glb(described, _join_buffers(described, chunk))
    _check_views(described)
    for index, accessor in enumerate(described["accessors"]):
        _check_accessor(described, accessor, index)
    _check_meshes(described)
    _check_nodes(described)
    _check_skins(described)
    _check_pictures(file)
    for index, accessor in enumerate(described["accessors"]):
        if accessor["componentType"] == _FLOAT and not np.isfinite(_numbers(file, accessor)).all():
            raise RefusedError("not_finite", where=f"accessor {index}")
    return file


def _number(text: str) -> float:
    """``2.0`` is an integer in JSON."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _container(data: bytes) -> tuple[str, bytes]:
    there = len(data)
    if not there:
        raise RefusedError("empty")
    if there > LIMITS["bytes"]:
        raise RefusedError("too_big", size=megabytes(there), most=LIMITS["bytes"] // 1_000_000)
    head = data[:64]
    if head.startswith(b"PK\x03\x04"):
        raise RefusedError("zip")
    if re.match(rb"(\xef\xbb\xbf)?[ \t\r\n]*\{", head):
        raise RefusedError("gltf_text")
    if not head.startswith(b"glTF"):
        raise RefusedError("not_glb")
    if there < 20:
        raise RefusedError("truncated", there=there, promised=20 if there < 12 else max(20, struct.unpack_from("<I", data, 8)[0]))
    version, promised = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise RefusedError("version", version=version)
    if promised > there:
        raise RefusedError("truncated", there=there, promised=promised)
    chunks: list[tuple[int, bytes]] = []
    at = 12
    while at + 8 <= promised:
        size, kind = struct.unpack_from("<II", data, at)
        if at + 8 + size > promised:
            raise RefusedError("truncated", there=there, promised=at + 8 + size)
        chunks.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size
    if not chunks or chunks[0][0] != _JSON_CHUNK:
        _damaged("its first part is no description")
    try:
        text = chunks[0][1].decode("utf-8")
    except UnicodeDecodeError:
        _damaged("its description is no JSON")
    return text, next((data for kind, data in chunks if kind == _BIN_CHUNK), b"")


def _nesting(text: str) -> int:
    """How deep brackets stand in brackets, strings left out."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.sub(r"[^\[\]{}]", "", _STRINGS.sub("", text)))
    return max(itertools.accumulate(steps), default=0)


def _refuse_compression(described: Json) -> None:
    required, used = (value if isinstance(value := described.get(f"extensions{kind}"), list) else [] for kind in ("Required", "Used"))
    for name, which in CONTRACT["compressions"].items():
        if name in (required if name.startswith("KHR_texture") else required + used):
            raise RefusedError("compression", which=which)


def _join_buffers(described: Json, chunk: bytes) -> bytes:
    parts: list[bytes] = []
    for index, buffer in enumerate(described["buffers"]):
        data = chunk if "uri" not in buffer and index == 0 else _embedded(buffer, index)
        length = buffer.get("byteLength")
        if not is_whole(length) or not 0 <= length <= len(data):
            _damaged(f"buffer {index} is shorter than it says")
        parts.append(data[:length])
    starts = [0, *itertools.accumulate(-(-len(part) // 4) * 4 for part in parts)]
    for index, view in enumerate(described["bufferViews"]):
        if not is_index(view.get("buffer"), parts):
            _damaged(f"buffer view {index} has no buffer")
        offset, length = view.get("byteOffset", 0), view.get("byteLength")
        whole = is_whole(offset) and is_whole(length) and offset >= 0 and length > 0
        if not whole or offset + length > len(parts[view["buffer"]]):
            _damaged(f"buffer view {index} lies outside the file")
        view.update(byteOffset=offset + starts[view["buffer"]], byteLength=length, buffer=0)
    for index, image in enumerate(described["images"]):
        if "uri" in image:
            kind = re.split("[;,]", _inside(image["uri"])[5:], maxsplit=1)[0]
            if kind not in CONTRACT["pictures"]:
                _damaged(f"picture {index} is of a kind that is not read")
        if "mimeType" in image and image["mimeType"] not in CONTRACT["pictures"]:
            _damaged(f"picture {index} is of a kind that is not read")
    return b"".join(part.ljust(-(-len(part) // 4) * 4, b"\0") for part in parts)


def _inside(uri: Any) -> str:
    if not isinstance(uri, str) or not uri.startswith("data:"):
        raise RefusedError("external", uri=shown(uri))
    return uri


def _embedded(buffer: Json, index: int) -> bytes:
    if "uri" not in buffer:
        _damaged(f"buffer {index} has no data")
    uri = _inside(buffer["uri"])
    if not re.match(r"data:[^,]*;base64,", uri):
        _damaged(f"buffer {index} cannot be decoded")
    try:
        return base64.b64decode(uri.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        _damaged(f"buffer {index} cannot be decoded")


def _check_views(described: Json) -> None:
    for index, view in enumerate(described["bufferViews"]):
        stride = view.get("byteStride", 4)
        if not is_whole(stride) or not 4 <= stride <= 252:
            _damaged(f"buffer view {index} has no sound stride")


def _check_accessor(described: Json, accessor: Json, index: int) -> None:
    kind, component, count = accessor.get("type"), accessor.get("componentType"), accessor.get("count")
    if (
        not isinstance(kind, str)
        or kind not in _WIDTHS
        or not is_whole(component)
        or component not in _KINDS
        or not is_whole(count)
        or count < 1
    ):
        _damaged(f"accessor {index} has no sound kind")
    if count > LIMITS["accessorCount"]:
        raise RefusedError("too_many", count=count, what="values in one list", most=LIMITS["accessorCount"])
    width = _WIDTHS[kind] * np.dtype(_KINDS[component]).itemsize

    def room(place: Json, size: int, rows: int) -> None:
        offset = place.get("byteOffset", 0)
        if not is_index(place.get("bufferView"), described["bufferViews"]) or not is_whole(offset) or offset < 0:
            _damaged(f"accessor {index} has no place")
        view = described["bufferViews"][place["bufferView"]]
        if offset + (rows - 1) * view.get("byteStride", size) + size > view["byteLength"]:
            _damaged(f"accessor {index} lies outside the file")

    if "bufferView" in accessor:
        room(accessor, width, count)
    if "sparse" not in accessor:
        return
    sparse = accessor["sparse"] if isinstance(accessor["sparse"], dict) else {}
    indices, values, some = sparse.get("indices"), sparse.get("values"), sparse.get("count")
    if not isinstance(indices, dict) or not isinstance(values, dict) or indices.get("componentType") not in (5121, 5123, 5125):
        _damaged(f"accessor {index} has no sound kind")
    if not is_whole(some) or not 1 <= some <= count:
        _damaged(f"accessor {index} has no sound kind")
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
            _damaged(f"mesh {index} has no parts")
        for part in parts:
            targets = part.get("targets", [])
            if not isinstance(targets, list) or not all(isinstance(target, dict) for target in targets):
                _damaged(f"mesh {index} has no sound morph targets")
            used = [*part["attributes"].values(), *(value for target in targets for value in target.values())]
            used += [part["indices"]] if "indices" in part else []
            if not all(is_index(accessor, described["accessors"]) for accessor in used) or "POSITION" not in part["attributes"]:
                _damaged(f"mesh {index} points nowhere")
            count = described["accessors"][part["attributes"]["POSITION"]]["count"]
            if any(described["accessors"][value]["count"] != count for target in targets for value in target.values()):
                _damaged(f"mesh {index} has morph targets of another size")
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
            _damaged(f"node {index} has no sound place")
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
            _damaged(f"node {index} points nowhere")
        for child in children:
            if parents[child] is not None:
                _damaged(f"node {child} hangs on two others")
            parents[child] = index
    level, seen, depth = [index for index, parent in enumerate(parents) if parent is None], 0, 0
    while level:
        depth += 1
        if depth > LIMITS["nodeDepth"]:
            _damaged("its nodes hang on each other too deeply")
        seen += len(level)
        level = [child for index in level for child in nodes[index].get("children", [])]
    if seen < len(nodes):
        _damaged("its nodes hang on each other in a circle")
    described["scene"] = described.get("scene") if described.get("scene") is not None else 0
    if not is_index(described["scene"], described["scenes"]):
        _damaged("it has no scene")
    for scene in described["scenes"]:
        roots = scene.get("nodes", [])
        if not isinstance(roots, list) or not all(is_index(root, nodes) and parents[root] is None for root in roots):
            _damaged("its scene points nowhere")


def _check_skins(described: Json) -> None:
    accessors = described["accessors"]
    for index, skin in enumerate(described["skins"]):
        joints = skin.get("joints")
        if not isinstance(joints, list) or not joints or not all(is_index(joint, described["nodes"]) for joint in joints):
            _damaged(f"skin {index} points nowhere")
        if "inverseBindMatrices" not in skin:
            continue
        bind = skin["inverseBindMatrices"]
        sound = is_index(bind, accessors) and accessors[bind]["type"] == "MAT4" and accessors[bind]["componentType"] == _FLOAT
        if not sound or accessors[bind]["count"] < len(joints):
            _damaged(f"skin {index} has no sound matrices")


def _check_pictures(file: Glb) -> None:
    for index, image in enumerate(file.json["images"]):
        if "bufferView" not in image:
            continue
        if not is_index(image["bufferView"], file.json["bufferViews"]):
            _damaged(f"picture {index} has no place")
        view = file.json["bufferViews"][image["bufferView"]]
        width, height = _size(file.bin[view["byteOffset"] : view["byteOffset"] + view["byteLength"]])
        if max(width, height) > LIMITS["pictureSide"]:
            raise RefusedError("picture", width=width, height=height, most=LIMITS["pictureSide"])


def _size(data: bytes) -> tuple[int, int]:
    """Width and height of a PNG or JPEG as its head tells them; zeros where it tells none."""
    if len(data) >= 24 and data.startswith(b"\x89PNG"):
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0


def _numbers(file: Glb, accessor: Json) -> NDArray[np.float32]:
    """All the values that a float accessor takes from the file, in no particular order."""
    places = [(accessor, accessor["count"])] if "bufferView" in accessor else []
    places += [(accessor["sparse"]["values"], accessor["sparse"]["count"])] if "sparse" in accessor else []
    found = [np.zeros(0, np.float32)]
    for place, count in places:
        view = file.json["bufferViews"][place["bufferView"]]
        size = _WIDTHS[accessor["type"]] * 4
        start = view["byteOffset"] + place.get("byteOffset", 0)
        shape, strides = (count, size), (view.get("byteStride", size), 1)
        rows = np.lib.stride_tricks.as_strided(np.frombuffer(file.bin, np.uint8)[start:], shape, strides, writeable=False)
        found.append(np.ascontiguousarray(rows).view(np.float32).reshape(-1))
    return np.concatenate(found)
