"""Packed copies of avatar files, as the tools that many people use write them: Draco, Meshopt, KTX2."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from avatar_assets import npm_modules
from benchmarks.other_avatars import Avatar, pack

HERE = Path(__file__).resolve().parent
NEEDED = ("@gltf-transform/core", "@gltf-transform/extensions", "draco3dgltf", "meshoptimizer")
KINDS: dict[int, type] = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
UASTC, RGBA_CHANNEL, SOLID = 166, 3, 0x17


def installed() -> bool:
    """Whether files can be packed here."""
    return shutil.which("node") is not None and all((npm_modules.NODE_MODULES / name).is_dir() for name in NEEDED)


@lru_cache
def packed(data: bytes, how: str) -> bytes:
    """A file packed by glTF-Transform; `how` is ``draco``, ``meshopt`` or ``quantize`` (Meshopt after rounding).

    What glTF-Transform does not know and leaves out (VRM) is put back.
    """
    if not installed():
        pytest.skip("node or glTF-Transform is not installed: run `npm ci` in avatar_assets")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "plain.glb", Path(folder) / "packed.glb"
        before.write_bytes(data)
        subprocess.run(["node", HERE / "pack.mjs", how, before, after], check=True, capture_output=True, timeout=60)
        result = after.read_bytes()
    there, made = parted(data)[0], parted(result)
    if "extensions" in there:
        assert [node["name"] for node in there["nodes"]] == [node["name"] for node in made[0]["nodes"]]
        made[0]["extensions"] = there["extensions"]
        made[0]["extensionsUsed"] += [name for name in there["extensionsUsed"] if name.startswith("VRM")]
        return pack(json.dumps(made[0]).encode(), made[1])
    return result


def parted(data: bytes) -> tuple[dict, bytes]:
    """A file's description and its data."""
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def numbers(described: dict, data: bytes, index: int) -> np.ndarray:
    """The numbers of an accessor (count, width), normalised integers as fractions."""
    accessor = described["accessors"][index]
    kind, width = np.dtype(KINDS[accessor["componentType"]]), {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]

    def rows(place: dict, count: int, kind: np.dtype, width: int) -> np.ndarray:
        view = described["bufferViews"][place["bufferView"]]
        stride = view.get("byteStride", width * kind.itemsize)
        return np.ndarray((count, width), kind, data, view.get("byteOffset", 0) + place.get("byteOffset", 0), (stride, kind.itemsize))

    values = np.zeros((accessor["count"], width))
    if "bufferView" in accessor:
        values[:] = rows(accessor, accessor["count"], kind, width)
    if sparse := accessor.get("sparse"):
        indices = rows(sparse["indices"], sparse["count"], np.dtype(KINDS[sparse["indices"]["componentType"]]), 1)
        values[indices[:, 0]] = rows(sparse["values"], sparse["count"], kind, width)
    return values / np.iinfo(kind).max if accessor.get("normalized") else values


def with_ktx2(avatar: Avatar, colour: tuple[int, int, int, int] = (200, 40, 90, 128), declared: int = 8) -> Avatar:
    """Every picture becomes a small KTX2 of one colour, which says that it has so many pixels on a side."""
    picture = ktx2(colour, 8).replace(struct.pack("<II", 8, 8), struct.pack("<II", declared, declared), 1)
    avatar.bin += b"\0" * (-len(avatar.bin) % 4)
    avatar.json["bufferViews"].append({"buffer": 0, "byteOffset": len(avatar.bin), "byteLength": len(picture)})
    avatar.bin += picture
    for image in avatar.json["images"]:
        image.update(mimeType="image/ktx2", bufferView=len(avatar.json["bufferViews"]) - 1)
    for texture in avatar.json["textures"]:
        texture["extensions"] = {"KHR_texture_basisu": {"source": texture.pop("source")}}
    for kind in ("extensionsUsed", "extensionsRequired"):
        avatar.json[kind] = [*avatar.json.get(kind, []), "KHR_texture_basisu"]
    return avatar


def ktx2(colour: tuple[int, int, int, int], side: int) -> bytes:
    """A square picture of one RGBA colour, coded as UASTC. Format: Khronos, KTX 2.0 and Khronos Data Format 1.3."""
    block = (SOLID | int.from_bytes(bytes(colour), "little") << 5).to_bytes(16, "little")
    data = block * (-(-side // 4)) ** 2
    sample = struct.pack("<HBB4xII", 0, 127, RGBA_CHANNEL, 0, 0xFFFFFFFF)
    descriptor = struct.pack("<IHHBBBB4B8B", 0, 2, 24 + len(sample), UASTC, 1, 2, 0, 3, 3, 0, 0, 16, *[0] * 7) + sample
    descriptor = struct.pack("<I", 4 + len(descriptor)) + descriptor
    head = 80 + 24
    at = -(-(head + len(descriptor)) // 16) * 16
    begin = b"\xabKTX 20\xbb\r\n\x1a\n" + struct.pack("<9I", 0, 1, side, side, 0, 0, 1, 1, 0)
    index = struct.pack("<4I2Q", head, len(descriptor), 0, 0, 0, 0) + struct.pack("<3Q", at, len(data), len(data))
    return (begin + index + descriptor).ljust(at, b"\0") + data
