"""Avatar files to be checked: our own, packed ones, and all kinds of bad ones."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import packed_files

from avatar_assets import npm_modules
from benchmarks.other_avatars import OTHERS, Avatar, pack

Json = dict[str, Any]
OURS = {path.name: path.read_bytes for path in sorted((npm_modules.FOLDER / "avatars").glob("*.glb"))}


def changed(change: Callable[[Avatar], object]) -> Callable[[], bytes]:
    def make() -> bytes:
        avatar = Avatar()
        change(avatar)
        return avatar.to_bytes()

    return make


def described(text: str) -> Callable[[], bytes]:
    return lambda: pack(text.encode())


def zipped() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mia.glb", b"x" * 1000)
    return file.getvalue()


def set_in(group: str, index: int, **values: object) -> Callable[[Avatar], None]:
    return lambda avatar: avatar.json[group][index].update(values)


def number_in_data(avatar: Avatar) -> None:
    accessor = avatar.json["accessors"][avatar.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    struct.pack_into("<f", avatar.bin, avatar.json["bufferViews"][accessor["bufferView"]]["byteOffset"], float("nan"))


def circle(avatar: Avatar) -> None:
    avatar.json["nodes"] += [
        {"name": "a", "children": [len(avatar.json["nodes"]) + 1]},
        {"name": "b", "children": [len(avatar.json["nodes"])]},
    ]


def chain(avatar: Avatar) -> None:
    first = len(avatar.json["nodes"])
    avatar.json["nodes"] += [{"children": [first + step + 1]} for step in range(5000)] + [{}]


def picture(avatar: Avatar, head: bytes) -> None:
    """The first picture begins like this."""
    view = avatar.json["bufferViews"][avatar.json["images"][0]["bufferView"]]
    avatar.bin[view["byteOffset"] : view["byteOffset"] + len(head)] = head


def png(side: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", side, side)


def walls(avatar: Avatar, count: int) -> None:
    picture(avatar, png(8000))
    avatar.json["images"] += [avatar.json["images"][0]] * count


ROOM = {"extensions": {"EXT_meshopt_compression": {"fallback": True}}}
PACKED_VIEW = {"buffer": 0, "byteLength": 100, "count": 1000, "byteStride": 4, "mode": "ATTRIBUTES"}
ALL = {"POSITION": 0, "NORMAL": 1, "JOINTS_0": 2, "WEIGHTS_0": 3, "COLOR_0": 4, "TEXCOORD_0": 5}


def basis(image: int) -> Callable[[Avatar], None]:
    """The first texture is there as KTX2 only."""

    def change(avatar: Avatar) -> None:
        avatar.json["textures"][0] = {"extensions": {"KHR_texture_basisu": {"source": image}}}

    return change


def draco(said: Json | None, parts: int = 0) -> Callable[[Avatar], None]:
    """The first part says this of being packed, and so do some copies of it."""

    def change(avatar: Avatar) -> None:
        primitives = avatar.json["meshes"][0]["primitives"]
        primitives[0]["extensions"] = {"KHR_draco_mesh_compression": said}
        primitives += primitives[:1] * parts
        if parts:
            for part in primitives:
                part.pop("targets", None)

    return change


def meshopt(**said: object) -> Callable[[Avatar], None]:
    """The first view says this of being packed."""

    def change(avatar: Avatar) -> None:
        view = avatar.json["bufferViews"][0]
        if said.get("count") == PACKED_VIEW["count"]:
            view["byteLength"] = PACKED_VIEW["count"] * PACKED_VIEW["byteStride"]
        view["extensions"] = {"EXT_meshopt_compression": said}

    return change


def layered(avatar: Avatar) -> None:
    at = bytes(avatar.bin).index(b"\xabKTX 20")
    struct.pack_into("<I", avatar.bin, at + 32, 6)


def no_meshes(avatar: Avatar) -> None:
    avatar.json["meshes"] = []
    for node in avatar.json["nodes"]:
        node.pop("mesh", None)
        node.pop("skin", None)


def armless_vrm(avatar: Avatar) -> None:
    bones = avatar.json["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]
    for name in [name for name in bones if "Arm" in name]:
        del bones[name]


LONG = {"componentType": 5126, "count": 3_000_000, "type": "MAT4"}


def shaped(avatar: Avatar) -> Json:
    """A mesh with morph targets."""
    return next(mesh for mesh in avatar.json["meshes"] if "extras" in mesh)


def uneven(avatar: Avatar) -> None:
    parts = shaped(avatar)["primitives"]
    parts.append({"attributes": parts[0]["attributes"]})


def whole() -> bytes:
    return Avatar().to_bytes()


def from_vrm(change: Callable[[Avatar], object]) -> Callable[[], bytes]:
    def make() -> bytes:
        avatar = OTHERS["new.vrm"]()
        change(avatar)
        return avatar.to_bytes()

    return make


BAD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("empty", lambda: b""),
    "a ZIP archive": ("zip", zipped),
    "a page": ("not_glb", lambda: b"<html><script>alert(1)</script></html>"),
    "glTF as text": ("gltf_text", lambda: b'\n {"asset": {"version": "2.0"}}'),
    "only the first bytes": ("truncated", lambda: whole()[:15]),
    "only the head": ("truncated", lambda: whole()[:40]),
    "all but the last byte": ("truncated", lambda: whole()[:-1]),
    "glTF 1": ("version", lambda: b"glTF\x01" + whole()[5:]),
    "a chunk longer than the file": ("truncated", lambda: whole()[:12] + b"\xff\xff\xff\x7f" + whole()[16:]),
    "no JSON": ("damaged", described("{asset:")),
    "no text": ("damaged", lambda: pack(b"\xff\xfe\x00\x01")),
    "JSON that is a list": ("damaged", described("[]")),
    "NaN in JSON": ("damaged", described('{"nodes": [{"translation": [NaN, 0, 0]}]}')),
    "a hundred thousand brackets": ("damaged", described('{"extras": ' + "[" * 100_000 + "]" * 100_000 + "}")),
    "nodes that are no list": ("damaged", described('{"nodes": {"0": 1}}')),
    "nodes that are numbers": ("damaged", described('{"nodes": [1, null]}')),
    "an empty description": ("damaged", described("{}")),
    "a million nodes": ("too_many", described('{"nodes": [' + ",".join(["{}"] * 20_001) + "]}")),
    "a buffer elsewhere": ("external", changed(set_in("buffers", 0, uri="https://example.invalid/mia.bin"))),
    "a buffer beside it": ("external", changed(set_in("buffers", 0, uri="../../etc/passwd"))),
    "a picture elsewhere": ("external", changed(set_in("images", 0, uri="//example.invalid/<script>.png"))),
    "a picture with scripts": ("damaged", changed(set_in("images", 0, uri="data:image/svg+xml,<svg onload=alert(1)>"))),
    "a buffer that is no base64": ("damaged", changed(set_in("buffers", 0, uri="data:application/octet-stream;base64,*"))),
    "a buffer view outside": ("damaged", changed(set_in("bufferViews", 0, byteLength=10**9))),
    "a buffer view before": ("damaged", changed(set_in("bufferViews", 0, byteOffset=-4))),
    "a huge count": ("too_many", changed(set_in("accessors", 0, count=2**40))),
    "a count that does not fit": ("damaged", changed(set_in("accessors", 0, count=1_000_000))),
    "lists without end": ("too_many", changed(lambda a: a.json.update(accessors=a.json["accessors"] + [LONG] * 20))),
    "parts with other morph targets": ("damaged", changed(uneven)),
    "half a count": ("damaged", changed(set_in("accessors", 0, count=1.5))),
    "an unknown kind": ("damaged", changed(set_in("accessors", 0, type="__proto__"))),
    "a mesh that points nowhere": ("damaged", changed(lambda a: a.json["meshes"][0]["primitives"][0]["attributes"].update(POSITION=10**6))),
    "a skin that points nowhere": ("damaged", changed(set_in("skins", 0, joints=[0, 10**6]))),
    "a newer Meshopt": ("compression", changed(lambda a: a.json["extensionsUsed"].append("KHR_meshopt_compression"))),
    "Draco of nothing": ("damaged", changed(draco(None))),
    "Draco that lies nowhere": ("damaged", changed(draco({"bufferView": 10**6, "attributes": {"POSITION": 0}}))),
    "Draco of numbers that nobody asked for": ("damaged", changed(draco({"bufferView": 0, "attributes": {"__proto__": 0}}))),
    "Draco without end": ("unpacked_big", changed(draco({"bufferView": 0, "attributes": ALL}, parts=3000))),
    "Meshopt of nothing": ("damaged", changed(meshopt())),
    "Meshopt that lies outside": ("damaged", changed(meshopt(buffer=0, byteOffset=10**9, byteLength=100))),
    "Meshopt in rows of no length": ("damaged", changed(meshopt(buffer=0, byteLength=100, count=7, byteStride=0, mode="ATTRIBUTES"))),
    "Meshopt in a way nobody knows": ("damaged", changed(meshopt(buffer=0, byteLength=100, count=7, byteStride=4, mode="constructor"))),
    "Meshopt with a filter for other rows": ("damaged", changed(meshopt(filter="QUATERNION", **PACKED_VIEW))),
    "Meshopt of another length": ("damaged", changed(meshopt(buffer=0, byteLength=100, count=1, byteStride=4, mode="ATTRIBUTES"))),
    "Meshopt without end": ("unpacked_big", changed(lambda a: a.json["buffers"].append({"byteLength": 2**40, **ROOM}))),
    "Meshopt twice without end": ("unpacked_big", changed(lambda a: a.json["buffers"].extend([{"byteLength": 200_000_000, **ROOM}] * 2))),
    "a KTX2 that is a PNG": ("damaged", changed(basis(0))),
    "a KTX2 of many layers": ("damaged", changed(lambda a: layered(packed_files.with_ktx2(a)))),
    "a KTX2 like a wall": ("picture", changed(lambda a: packed_files.with_ktx2(a, declared=60_000))),
    "a KTX2 that is not there": ("damaged", changed(basis(10**6))),
    "a WebP like a wall": ("picture", changed(lambda a: picture(a, b"RIFF\0\0\0\0WEBPVP8X" + b"\x0a\0\0\0" * 2 + b"\xff\xff\0\xff\xff\0"))),
    "walls without end": ("too_many", changed(lambda a: walls(a, 8))),
    "not a number": ("not_finite", changed(number_in_data)),
    "an endless number": ("not_finite", lambda: whole_with("1e999")),
    "nodes in a circle": ("damaged", changed(circle)),
    "a node that is its own child": ("damaged", changed(set_in("nodes", 0, children=[0]))),
    "a child of two": ("damaged", changed(lambda a: a.node("LeftFoot")["children"].append(a.index("Head")))),
    "five thousand nodes below each other": ("damaged", changed(chain)),
    "a picture like a wall": ("picture", changed(lambda a: picture(a, png(60_000)))),
    "no mesh": ("no_mesh", changed(no_meshes)),
    "no skeleton": ("no_skeleton", changed(lambda a: a.json.update(skins=[], nodes=[{"mesh": 0}], scenes=[{"nodes": [0]}]))),
    "no head": ("no_skeleton", changed(lambda a: a.rename_bones(lambda name: name.replace("Head", "Bulb")))),
    "a VRM without arms": ("vrm_bones", from_vrm(armless_vrm)),
    "a VRM of nothing": ("vrm_bones", from_vrm(lambda a: a.json.update(extensions={"VRMC_vrm": None}))),
    "a VRM of lists": ("vrm_bones", from_vrm(lambda a: a.json.update(extensions={"VRM": {"humanoid": [], "blendShapeMaster": [7]}}))),
}  # fmt: skip


def whole_with(number: str) -> bytes:
    avatar = Avatar()
    avatar.node("Head")["translation"] = [0, 0.07, "HERE"]
    return pack(json.dumps(avatar.json).replace('"HERE"', number).encode(), bytes(avatar.bin))


def damaged(seed: int) -> bytes:
    """A file with a few bytes of its description changed."""
    chance = np.random.default_rng(seed)
    data = bytearray(whole())
    end = 20 + struct.unpack_from("<I", data, 12)[0]
    for _ in range(int(chance.choice([1, 2, 5]))):
        data[int(chance.integers(20, end))] = int(chance.choice(bytearray(b'0123456789-e.,:"{}[]')))
    return bytes(data)


PACKED: dict[str, tuple[str, Callable[[], bytes]]] = {
    f"{how} {name}": (name, lambda make=make, how=how: packed_files.packed(make().to_bytes(), how))
    for how in ("draco", "meshopt", "quantize")
    for name, make in {"mia.glb": Avatar, **OTHERS}.items()
    if name in ("mia.glb", "mixamo.glb", "axes.glb", "new.vrm")
} | {"ktx2 mia.glb": ("mia.glb", lambda: packed_files.with_ktx2(Avatar()).to_bytes())}
"""Packed file → the file that it was, and how it is made."""
DAMAGED = [f"damage {seed}" for seed in range(60)]
