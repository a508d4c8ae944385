"""The avatar files that come with the app: small, free, sound, with a portrait. Bones and shapes: see test_avatar_check.py."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from fixtures.avatars import Avatar, read_accessor
from PIL import Image
from requirements import requirement

from avatar_assets import npm_modules
from avatar_assets.avatar_files import AVATARS, avatar_names

PATHS = sorted(AVATARS.glob("*.glb"))

VALIDATE = """
import { readFileSync } from 'node:fs';
import { validateBytes } from 'gltf-validator';
const found = {};
for (const path of process.argv.slice(1)) found[path] = (await validateBytes(new Uint8Array(readFileSync(path)))).issues;
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def avatar(path) -> Avatar:
    return Avatar(path.stem)


@requirement("avatar.folder")
def test_avatars_are_found_by_name_whatever_their_ending(tmp_path):
    for name in ("mia.glb", "guest.vrm", "mia.png", "notes.txt"):
        (tmp_path / name).touch()
    assert avatar_names(tmp_path) == ["guest", "mia"]
    assert avatar_names() == [path.stem for path in PATHS]


def test_everything_hangs_on_the_scene_that_talkinghead_looks_for(avatar):
    nodes = avatar.json["nodes"]
    (scene,) = avatar.json["scenes"]
    assert scene["name"] == "Armature"
    names = {node["name"] for node in nodes}
    assert "Armature" not in names, "a second one would be found first"
    reached, waiting = set(), list(scene["nodes"])
    while waiting:
        number = waiting.pop()
        reached.add(nodes[number]["name"])
        waiting += nodes[number].get("children", [])
    assert reached == names


def test_the_file_is_small_free_and_whole(path, avatar):
    assert path.stat().st_size < 2_500_000
    assert avatar.json["asset"]["copyright"] == avatar.json["asset"]["extras"]["license"] == "CC0-1.0"
    assert not [item for group in ("buffers", "images") for item in avatar.json[group] if "uri" in item]
    primitives = [mesh["primitives"][0] for mesh in avatar.json["meshes"]]
    assert sum(avatar.json["accessors"][part["indices"]]["count"] for part in primitives) / 3 < 20_000, "a processor alone can draw it"
    points = np.concatenate([read_accessor(avatar.json, avatar.bin, part["attributes"]["POSITION"]) for part in primitives])
    assert np.isfinite(points).all()
    assert abs(points[:, 1].min()) < 0.01, "the feet stand on the ground"
    assert 1.6 < points[:, 1].max() < 1.9


def test_a_portrait_is_beside_the_file(path):
    portrait = path.with_suffix(".png")
    assert portrait.stat().st_size <= 60_000
    with Image.open(portrait) as picture:
        assert picture.size == (256, 256)
        pixels = np.asarray(picture.convert("RGBA"))
    opaque = pixels[..., 3] > 128
    assert 0.25 < opaque.mean() <= 1.0, "somebody is in the picture"
    assert pixels[opaque][:, :3].std() > 20


@requirement("avatar.valid")
def test_the_gltf_validator_has_nothing_to_say():
    node = shutil.which("node")
    if node is None or not (npm_modules.NODE_MODULES / "gltf-validator").is_dir():
        pytest.skip("gltf-validator is not installed: run `npm ci` in avatar_assets")
    command = [node, "--input-type=module", "--eval", VALIDATE, *map(str, PATHS)]
    result = subprocess.run(command, cwd=npm_modules.FOLDER, capture_output=True, text=True, check=True)
    for name, issues in json.loads(result.stdout).items():
        assert issues["numErrors"] == issues["numWarnings"] == 0, (name, issues["messages"][:5])
