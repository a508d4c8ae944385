"""What is said of avatars that others made, good and bad; Python and the page say the same of each."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import HOUSE

from avatar_assets import check as command
from avatar_assets import modules
from avatar_assets.checking.contract import CONTRACT, LIMITS, shown
from avatar_assets.checking.person import Report, check
from benchmarks.other_avatars import OTHERS, Avatar, pack

Json = dict[str, Any]
OURS = {path.name: path.read_bytes for path in sorted((modules.FOLDER / "avatars").glob("*.glb"))}

EXPECTED = {
    **{name: ("ready", set()) for name in OURS},
    "arkit.glb": ("mended", {"visemes_arkit"}),
    "mixamo.glb": ("mended", {"bones_renamed", "root"}),
    "axes.glb": ("mended", {"axes", "root", "standing", "size"}),
    "armless.glb": ("partly", {"arms", "bones_added"}),
    "fingerless.glb": ("mended", {"bones_added"}),
    "shapeless.glb": ("partly", {"no_shapes"}),
    "vowels.glb": ("partly", {"visemes_five", "no_gaze", "shapes_added"}),
    "old.vrm": ("mended", {"visemes_vrm"}),
    "new.vrm": ("mended", {"visemes_vrm"}),
}


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


def wide_picture(avatar: Avatar) -> None:
    view = avatar.json["bufferViews"][avatar.json["images"][0]["bufferView"]]
    avatar.bin[view["byteOffset"] : view["byteOffset"] + 24] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 60_000, 60_000)


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
    "Draco": ("compression", changed(lambda a: a.json["extensionsUsed"].append("KHR_draco_mesh_compression"))),
    "Meshopt": ("compression", changed(lambda a: a.json["extensionsUsed"].append("EXT_meshopt_compression"))),
    "KTX2": ("compression", changed(lambda a: a.json["extensionsRequired"].append("KHR_texture_basisu"))),
    "not a number": ("not_finite", changed(number_in_data)),
    "an endless number": ("not_finite", lambda: whole_with("1e999")),
    "nodes in a circle": ("damaged", changed(circle)),
    "a node that is its own child": ("damaged", changed(set_in("nodes", 0, children=[0]))),
    "a child of two": ("damaged", changed(lambda a: a.node("LeftFoot")["children"].append(a.index("Head")))),
    "five thousand nodes below each other": ("damaged", changed(chain)),
    "a picture like a wall": ("picture", changed(wide_picture)),
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


DAMAGED = [f"damage {seed}" for seed in range(60)]


def noted(report: Report) -> set[str]:
    return {one.code for one in report.findings}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Everything that is checked here, written down once."""
    folder = tmp_path_factory.mktemp("avatars")
    contents: dict[str, Callable[[], bytes]] = {**OURS, **{name: make for name, (_, make) in BAD.items()}}
    contents |= {name: lambda make=make: make().to_bytes() for name, make in OTHERS.items()}
    contents |= {name: lambda seed=seed: damaged(seed) for seed, name in enumerate(DAMAGED)}
    written = {}
    for name, make in contents.items():
        written[name] = folder / name
        written[name].write_bytes(make())
    return written


@pytest.mark.parametrize("name", EXPECTED)
def test_what_can_be_shown_is_told_with_what_is_mended_and_missing(files, name):
    report = check(name, files[name].read_bytes())
    verdict, codes = EXPECTED[name]
    assert report.verdict == verdict
    assert codes <= noted(report)
    if verdict == "ready":
        assert noted(report) == {"licence"}
        assert report.licence == "CC0-1.0"


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_shown_is_refused_with_the_sentence_that_says_why(files, name):
    report = check(name, files[name].read_bytes())
    assert report.verdict == "refused"
    assert [one.code for one in report.findings] == [BAD[name][0]]
    assert "{" not in report.findings[0].text
    assert report.findings[0].text.endswith(".")


def test_the_page_says_the_same(files):
    node = shutil.which("node")
    if node is None or not modules.installed():
        pytest.skip("node or the npm modules are not installed: the page's own check cannot be run here")
    program = """
      const [module, ...files] = process.argv.slice(1);
      const { check } = await import(module);
      const { readFileSync } = await import('node:fs');
      const { basename } = await import('node:path');
      console.log(JSON.stringify(files.map((file) => check(basename(file), new Uint8Array(readFileSync(file))).report)));
    """
    command_line = [node, "--input-type=module", "-e", program, (modules.FOLDER / "check.mjs").as_uri(), *map(str, files.values())]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    for theirs, (name, path) in zip(json.loads(done.stdout), files.items(), strict=True):
        assert theirs == check(name, path.read_bytes()).to_json()


def test_a_file_of_two_hundred_megabytes_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "big.glb"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    report = command.report_on(path)
    assert [one.code for one in report.findings] == ["too_big"]
    assert "200.0 MB" in report.findings[0].text


def test_names_from_a_file_are_short_and_plain():
    assert shown("a\x00b\u202ec") == "a�b�c"
    assert len(shown("x" * 10_000)) == 40
    avatar = Avatar()
    avatar.json["nodes"][-1]["name"] = "<img src=x onerror=alert(1)>" * 100
    report = check("<b>" * 100, avatar.to_bytes())
    assert noted(report) == {"licence", "markup"}
    assert all(len(one.text) < 300 for one in report.findings)
    assert len(report.file) == 40


def test_every_sentence_can_be_said_and_every_level_has_a_title():
    for level, sentence in CONTRACT["findings"].values():
        assert level in CONTRACT["levels"]
        assert sentence.endswith(".")
    assert set(CONTRACT["arkitToViseme"]) == set(CONTRACT["fiveToViseme"]) == set(CONTRACT["visemes"])
    shapes = {shape for recipe in CONTRACT["arkitToViseme"].values() for shape in recipe}
    assert shapes <= set(CONTRACT["shapes"])
    assert {vowel for recipe in CONTRACT["fiveToViseme"].values() for vowel in recipe} <= set(CONTRACT["five"])
    assert LIMITS["heavyBytes"] < LIMITS["bytes"]


@pytest.mark.parametrize("name", DAMAGED)
def test_random_damage_ends_in_a_report(files, name):
    assert check(name, files[name].read_bytes()).verdict in CONTRACT["verdicts"]


def test_the_command_tells_people_and_programs(files, tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "avatar_assets.check", *arguments]
        return subprocess.run(program, cwd=HOUSE, capture_output=True, text=True, check=False, timeout=120)

    told = run(str(files["mia.glb"]), str(files["arkit.glb"]))
    assert told.returncode == 0
    assert "mia.glb: This file works as it is." in told.stdout
    assert "made from the ARKit blend shapes" in told.stdout
    refused = run("--json", str(files["a ZIP archive"]))
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["findings"][0]["code"] == "zip"
    missing = run(str(tmp_path / "nobody.glb"))
    assert missing.returncode == 2
    assert "nobody.glb: cannot be read" in missing.stderr
    assert "Traceback" not in missing.stderr
