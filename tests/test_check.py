"""What is said of avatars that others made, good and bad; Python and the page say the same of each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HOUSE
from fixtures import packed_avatars
from fixtures.avatars import OTHERS, Avatar
from fixtures.bad_avatars import BAD, DAMAGED, OURS, PACKED, damaged

from avatar_assets import check as command
from avatar_assets import npm_modules
from avatar_assets.checking.contract import CONTRACT, LIMITS, shown
from avatar_assets.checking.person import Report, check

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


def noted(report: Report) -> set[str]:
    return {one.code for one in report.findings}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Everything that is checked here, written down once."""
    folder = tmp_path_factory.mktemp("avatars")
    contents: dict[str, Callable[[], bytes]] = {**OURS, **{name: make for name, (_, make) in BAD.items()}}
    contents |= {name: lambda make=make: make().to_bytes() for name, make in OTHERS.items()}
    contents |= {name: make for name, (_, make) in PACKED.items()} if packed_avatars.installed() else {}
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


@pytest.mark.parametrize("name", PACKED)
def test_what_is_packed_is_told_and_judged_like_what_it_was(files, name):
    if name not in files:
        pytest.skip("node or glTF-Transform is not installed: run `npm ci` in avatar_assets")
    report, plain = check(name, files[name].read_bytes()), check("plain", files[PACKED[name][0]].read_bytes())
    assert report.verdict == plain.verdict
    told = noted(report) - noted(plain)
    assert told == {"packed_vrm" if name.endswith("vrm") else "packed"}
    sentence = next(one.text for one in report.findings if one.code in told)
    assert ("KTX2" in sentence) == ("ktxdecompress" in sentence) == name.startswith("ktx2")
    assert "{" not in sentence


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_shown_is_refused_with_the_sentence_that_says_why(files, name):
    report = check(name, files[name].read_bytes())
    assert report.verdict == "refused"
    assert [one.code for one in report.findings] == [BAD[name][0]]
    assert "{" not in report.findings[0].text
    assert report.findings[0].text.endswith(".")


def test_the_page_says_the_same(files):
    node = shutil.which("node")
    if node is None or not npm_modules.installed():
        pytest.skip("node or the npm modules are not installed: the page's own check cannot be run here")
    program = """
      const [module, ...files] = process.argv.slice(1);
      const { check } = await import(module);
      const { readFileSync } = await import('node:fs');
      const { basename } = await import('node:path');
      console.log(JSON.stringify(files.map((file) => check(basename(file), new Uint8Array(readFileSync(file))).report)));
    """
    command_line = [
        node,
        "--input-type=module",
        "-e",
        program,
        (npm_modules.WEB / "avatar_file/inspect.mjs").as_uri(),
        *map(str, files.values()),
    ]
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
