"""Our own people are read whole, and what a file leaves out has its default."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from conftest import HOUSE

from avatar_assets.checking import container
from avatar_assets.render.avatar import read
from avatar_assets.render.gltf import model_of
from engines.types import VISEME_NAMES

AVATARS = sorted((HOUSE / "avatar_assets" / "avatars").glob("*.glb"))


@pytest.mark.parametrize("path", AVATARS, ids=lambda path: path.stem)
def test_an_avatar_is_read_whole(path):
    person = read(path)
    model = person.model
    assert {"Head", "LeftEye", "RightHandIndex1"} <= set(person.bones)
    assert (person.stand == np.eye(4)).all(), "nothing to mend"
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


def test_what_a_file_leaves_out_has_its_default():
    model = model_of(container.read(triangle()), lambda mesh: ["up"], {"up"})
    (mesh,) = model.meshes
    assert mesh.triangles.tolist() == [[0, 1, 2]]
    assert mesh.colours.tolist() == [[1, 1, 1]] * 3
    assert mesh.morphs["up"].vertices.tolist() == [2]
    assert mesh.morphs["up"].deltas.tolist() == [[0, 0.5, 0, 0, 0, 0]]
    np.testing.assert_allclose(
        model.nodes[0].matrix @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-6, err_msg="a quarter turn about z, then shifted"
    )
