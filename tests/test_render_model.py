"""Avatars are read whole, and a file that is none is refused in a sentence."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from conftest import HOUSE

from avatar_assets.render.model import read
from engines.errors import InputError
from engines.types import VISEME_NAMES

AVATARS = sorted((HOUSE / "avatar_assets" / "avatars").glob("*.glb"))


@pytest.mark.parametrize("path", AVATARS, ids=lambda path: path.stem)
def test_an_avatar_is_read_whole(path):
    model = read(path)
    assert model.node("Head") is not None
    head = next(mesh for mesh in model.meshes if "viseme_aa" in mesh.morphs)
    assert {f"viseme_{name}" for name in VISEME_NAMES} | {"eyeBlinkLeft", "browInnerUp"} <= set(head.morphs)
    for mesh in model.meshes:
        count = len(mesh.shape)
        assert mesh.triangles.max() < count == len(mesh.uv) == len(mesh.colours) == len(mesh.joints)
        assert mesh.joints.max() < len(model.joints)
        np.testing.assert_allclose(mesh.weights.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(mesh.shape[:, 3:], axis=1), 1, atol=0.02)
    everyone = np.concatenate([mesh.shape[:, :3] for mesh in model.meshes])
    assert 1.6 < everyone[:, 1].max() < 2.0, "metres"
    assert abs(everyone[:, 1].min()) < 0.02, "standing on the floor"
    opened = head.morphs["viseme_aa"].deltas
    assert opened[:, 1].min() < -0.01, "the jaw goes down"


def packed(document: dict, data: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    header = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(data))
    return header + struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data


def triangle(**changes: object) -> bytes:
    """The least that can be drawn: one triangle of floats, with a sparse morph and no skin."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    moved, which = np.array([[0, 0.5, 0]], "<f4").tobytes(), np.array([2, 0], "<u2").tobytes()
    views = [{"buffer": 0, "byteOffset": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 12}]
    views.append({"buffer": 0, "byteOffset": 48, "byteLength": 4})
    sparse = {"count": 1, "indices": {"bufferView": 2, "componentType": 5123}, "values": {"bufferView": 1}}
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "Root", "mesh": 0, "rotation": [0, 0, 0.7071068, 0.7071068], "translation": [1, 2, 3]}],
        "meshes": [
            {
                "primitives": [{"attributes": {"POSITION": 0}, "targets": [{"POSITION": 1}]}],
                "extras": {"targetNames": ["up"]},
            }
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"componentType": 5126, "count": 3, "type": "VEC3", "sparse": sparse},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": 52}],
    }
    return packed(document | changes, corners + moved + which)


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    (tmp_path / "a.glb").write_bytes(triangle())
    model = read(tmp_path / "a.glb")
    (mesh,) = model.meshes
    assert mesh.triangles.tolist() == [[0, 1, 2]]
    assert mesh.colours.tolist() == [[1, 1, 1]] * 3
    assert mesh.morphs["up"].vertices.tolist() == [2]
    assert mesh.morphs["up"].deltas.tolist() == [[0, 0.5, 0, 0, 0, 0]]
    np.testing.assert_allclose(
        model.nodes[0].matrix @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-6, err_msg="a quarter turn about z, then shifted"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no binary glTF"),
        (b"PK\x03\x04 a zip named .glb", "no binary glTF"),
        (b"glTF" + struct.pack("<II", 1, 12), "glTF 1"),
        (triangle()[:200], "cut short"),
        (triangle(extensionsRequired=["KHR_draco_mesh_compression"]), "KHR_draco_mesh_compression"),
        (triangle(buffers=[{"byteLength": 52, "uri": "https://example.org/a.bin"}]), "other files"),
        (triangle(meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": 1}]}]), "triangles"),
        (triangle(meshes=[]), "damaged"),
        (triangle(nodes=[{"name": "Root"}]), "nothing to be seen"),
        (triangle(nodes=[{"children": [1]}, {"children": [0]}]), "circle"),
        (triangle(accessors=[{"bufferView": 0, "componentType": 5126, "count": 400, "type": "VEC3"}]), "cut short"),
        (triangle(accessors=[{"bufferView": 0, "componentType": 99, "count": 3, "type": "VEC3"}]), "damaged"),
        (triangle(bufferViews=[]), "damaged"),
    ],
    ids=range(13),
)
def test_a_file_that_cannot_be_drawn_is_refused(tmp_path, data, words):
    (tmp_path / "bad.glb").write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        read(tmp_path / "bad.glb")
    assert "bad.glb" in refused.value.message


def test_a_file_that_is_not_there_and_one_cut_anywhere(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "nobody.glb")
    whole = triangle()
    for length in range(0, len(whole), 7):
        (tmp_path / "cut.glb").write_bytes(whole[:length])
        with pytest.raises(InputError):
            read(tmp_path / "cut.glb")
