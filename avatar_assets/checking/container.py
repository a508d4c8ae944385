"""Reads a binary glTF file that nobody vouches for, and refuses what is not sound.

Format: Khronos, glTF 2.0 specification. The same steps in the same order as `glb.mjs`; nothing outside the file is ever opened.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
import struct
from dataclasses import dataclass
from typing import Any, NoReturn

from avatar_assets.checking import packing, soundness
from avatar_assets.checking.contract import CONTRACT, LIMITS, RefusedError, damaged, megabytes, shown
from avatar_assets.checking.soundness import is_index, is_whole

Json = dict[str, Any]

_JSON_CHUNK, _BIN_CHUNK = 0x4E4F534A, 0x004E4942
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Glb:
    """A sound file: its description, every group of it a list, and all its data in one buffer."""

    json: Json
    bin: bytes


def read(data: bytes) -> Glb:
    """Read a whole file. What is packed in it stays so; its numbers are zeros.

    Raises:
        RefusedError: it cannot be used.
    """
    text, chunk = _container(data)
    if _nesting(text) > LIMITS["nesting"]:
        damaged("its description is nested too deeply")
    try:
        described = json.loads(text, parse_constant=_no_constant, parse_float=_number)
    except (ValueError, RecursionError):
        damaged("its description is no JSON")
    if not isinstance(described, dict):
        damaged("its description is no JSON")
    for name, most in LIMITS["groups"].items():
        group = described[name] = described.get(name) if described.get(name) is not None else []
        if not isinstance(group, list) or not all(isinstance(entry, dict) for entry in group):
            damaged(f"“{name}” is no list of entries")
        if len(group) > most:
            raise RefusedError("too_many", count=len(group), what=name, most=most)
    _refuse_compression(described)
    file = Glb(described, _join_buffers(described, chunk))
    soundness.check(described, file.bin)
    packing.check(described, file.bin)
    soundness.check_numbers(described, file.bin)
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
        damaged("its first part is no description")
    try:
        text = chunks[0][1].decode("utf-8")
    except UnicodeDecodeError:
        damaged("its description is no JSON")
    return text, next((data for kind, data in chunks if kind == _BIN_CHUNK), b"")


def _nesting(text: str) -> int:
    """How deep brackets stand in brackets, strings left out."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.sub(r"[^\[\]{}]", "", _STRINGS.sub("", text)))
    return max(itertools.accumulate(steps), default=0)


def _refuse_compression(described: Json) -> None:
    required, used = (value if isinstance(value := described.get(f"extensions{kind}"), list) else [] for kind in ("Required", "Used"))
    for name, which in CONTRACT["unsupportedCompressions"].items():
        if name in required + used:
            raise RefusedError("compression", which=which)


def _join_buffers(described: Json, chunk: bytes) -> bytes:
    parts: list[bytes] = []
    starts: list[int] = []
    size = 0
    for index, buffer in enumerate(described["buffers"]):
        length = buffer.get("byteLength")
        room = packing.is_room(buffer) and is_whole(length) and length >= 0
        data = b"" if room else chunk if "uri" not in buffer and index == 0 else _embedded(buffer, index)
        if not room and (not is_whole(length) or not 0 <= length <= len(data)):
            damaged(f"buffer {index} is shorter than it says")
        starts.append(size)
        size += -(-length // 4) * 4
        packing.check_size(size)
        parts.append(bytes(length) if room else data[:length])
    for index, view in enumerate(described["bufferViews"]):
        _place(view, index, parts, starts)
        if (packed := packing.said(view, packing.MESHOPT)) is not None:
            _place(packed, index, parts, starts)
    for index, image in enumerate(described["images"]):
        if "uri" in image:
            kind = re.split("[;,]", _inside(image["uri"])[5:], maxsplit=1)[0]
            if kind not in CONTRACT["imageTypes"]:
                damaged(f"picture {index} is of a kind that is not read")
        kinds = CONTRACT["imageTypes"] + ([] if "uri" in image else [CONTRACT["packedImageType"]])
        if "mimeType" in image and image["mimeType"] not in kinds:
            damaged(f"picture {index} is of a kind that is not read")
    return b"".join(part.ljust(-(-len(part) // 4) * 4, b"\0") for part in parts)


def _place(view: Json, index: int, parts: list[bytes], starts: list[int]) -> None:
    """Give a place in one buffer of several its place in all of them joined."""
    if not is_index(view.get("buffer"), parts):
        damaged(f"buffer view {index} has no buffer")
    offset, length = view.get("byteOffset", 0), view.get("byteLength")
    whole = is_whole(offset) and is_whole(length) and offset >= 0 and length > 0
    if not whole or offset + length > len(parts[view["buffer"]]):
        damaged(f"buffer view {index} lies outside the file")
    view.update(byteOffset=offset + starts[view["buffer"]], byteLength=length, buffer=0)


def _inside(uri: Any) -> str:
    if not isinstance(uri, str) or not uri.startswith("data:"):
        raise RefusedError("external", uri=shown(uri))
    return uri


def _embedded(buffer: Json, index: int) -> bytes:
    if "uri" not in buffer:
        damaged(f"buffer {index} has no data")
    uri = _inside(buffer["uri"])
    if not re.match(r"data:[^,]*;base64,", uri):
        damaged(f"buffer {index} cannot be decoded")
    try:
        return base64.b64decode(uri.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        damaged(f"buffer {index} cannot be decoded")
