"""Which parts of a file are packed, whether they are soundly described, and how much they will be. Only the page unpacks them.

Formats: Khronos, KHR_draco_mesh_compression, KHR_texture_basisu, EXT_meshopt_compression, KTX 2.0. The same steps as `packing.mjs`.
"""

from __future__ import annotations

import struct
from typing import Any

from avatar_assets.checking.contract import CONTRACT, LIMITS, RefusedError, damaged, megabytes
from avatar_assets.checking.soundness import WIDTHS, is_index, is_whole, size_of_ktx2

Json = dict[str, Any]

DRACO, MESHOPT, BASIS = CONTRACT["packings"]
_MODES: dict[str, tuple[int, int]] = CONTRACT["meshopt"]["modes"]
_FILTERS: dict[str, tuple[int, int]] = CONTRACT["meshopt"]["filters"]
"""How Meshopt packs rows, with the least and the most bytes of a row; all are multiples of the least."""


def said(part: Json, name: str) -> Json | None:
    """What an extension says in a part of the description; None if it is not there."""
    extensions = part.get("extensions")
    if not isinstance(extensions, dict) or name not in extensions:
        return None
    return extensions[name] if isinstance(extensions[name], dict) else {}


def packings(described: Json) -> list[str]:
    """How a sound file is packed, as names of extensions; one that says so without being it counts too."""
    named = [name for kind in ("Used", "Required") if isinstance(names := described.get(f"extensions{kind}"), list) for name in names]
    there = {
        DRACO: bool(_draco_parts(described)),
        MESHOPT: any(said(view, MESHOPT) is not None for view in described["bufferViews"]),
        BASIS: bool(_basis_textures(described)),
    }
    return [name for name in CONTRACT["packings"] if there[name] or name in named]


def is_room(buffer: Json) -> bool:
    """Whether a buffer only keeps room for what Meshopt packed."""
    return "uri" not in buffer and said(buffer, MESHOPT) is not None


def check(described: Json, data: bytes) -> None:
    """Go through what is packed in a description that is sound otherwise.

    Raises:
        RefusedError: it does not hold, or becomes too much.
    """
    size = sum(_meshopt_bytes(view, index) for index, view in enumerate(described["bufferViews"]) if said(view, MESHOPT) is not None)
    size += sum(_draco_bytes(described, part) for part in _draco_parts(described))
    check_size(size)
    for texture in _basis_textures(described):
        _check_basis(described, data, texture)


def check_size(size: int) -> None:
    """Refuse what has more bytes than are read."""
    most = LIMITS["unpackedBytes"]
    if size > most:
        raise RefusedError("unpacked_big", size=megabytes(size), most=most // 1_000_000)


def _draco_parts(described: Json) -> list[Json]:
    return [part for mesh in described["meshes"] for part in mesh["primitives"] if said(part, DRACO) is not None]


def _basis_textures(described: Json) -> list[Json]:
    """The textures that are there as KTX2 only."""
    return [texture for texture in described["textures"] if said(texture, BASIS) is not None and "source" not in texture]


def _meshopt_bytes(view: Json, index: int) -> int:
    packed = said(view, MESHOPT) or {}
    count, stride, mode, kind = packed.get("count"), packed.get("byteStride"), packed.get("mode"), packed.get("filter", "NONE")
    length: int = view["byteLength"]
    rows = _MODES.get(mode) if isinstance(mode, str) else None
    filtered = _FILTERS.get(kind) if isinstance(kind, str) else None
    if not rows or not filtered or not is_whole(count) or not is_whole(stride) or count < 1:
        damaged(f"buffer view {index} is not soundly packed")
    sound = _fits(stride, *rows) and _fits(stride, *filtered) and (kind == "NONE" or mode == "ATTRIBUTES")
    if not sound or (mode == "TRIANGLES" and count % 3) or count * stride != length:
        damaged(f"buffer view {index} is not soundly packed")
    return length


def _fits(stride: int, least: int, most: int) -> bool:
    return least <= stride <= most and stride % least == 0


def _draco_bytes(described: Json, part: Json) -> int:
    packed = said(part, DRACO) or {}
    attributes = packed.get("attributes")
    sound = is_index(packed.get("bufferView"), described["bufferViews"]) and "indices" in part and part.get("mode", 4) in (4, 5)
    if not sound or not isinstance(attributes, dict):
        damaged("a part is not soundly packed")
    if not all(is_whole(number) and number >= 0 and name in part["attributes"] for name, number in attributes.items()):
        damaged("a part is not soundly packed")
    values = [described["accessors"][accessor] for accessor in [part["indices"], *(part["attributes"][name] for name in attributes)]]
    return sum(4 * value["count"] * WIDTHS[value["type"]] for value in values)


def _check_basis(described: Json, data: bytes, texture: Json) -> None:
    source = (said(texture, BASIS) or {}).get("source")
    if not is_index(source, described["images"]) or "bufferView" not in described["images"][source]:
        damaged("a packed texture has no picture")
    view = described["bufferViews"][described["images"][source]["bufferView"]]
    if not _flat_ktx2(data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]):
        damaged(f"picture {source} is no KTX2 of one picture")


def _flat_ktx2(data: bytes) -> bool:
    """Whether data begins like KTX2 with one picture in one of Basis Universal's codings."""
    if size_of_ktx2(data) is None:
        return False
    coding, depth, layers, faces = (struct.unpack_from("<I", data, at)[0] for at in (12, 28, 32, 36))
    return bool(coding == 0 and depth == 0 and layers <= 1 and faces == 1)
