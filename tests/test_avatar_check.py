"""``python -m avatar_assets check``: what is said of avatars that others made, good and bad, by the browser's own modules in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import HOUSE
from fixtures import packed_avatars
from fixtures.avatars import Avatar
from fixtures.bad_avatars import BAD, DAMAGED, OURS, PACKED, damaged
from fixtures.other_avatars import EXPECTED, OTHERS
from requirements import requirement

from avatar_assets import npm_modules
from avatar_assets.__main__ import main
from engines.types import VISEME_NAMES

SPEC = json.loads((npm_modules.WEB / "avatar_file" / "spec.json").read_text(encoding="utf-8"))
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not npm_modules.installed(),
    reason="node or the npm modules are not installed: `npm ci` in avatar_assets",
)


def run_check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "avatar_assets", "check", *arguments]
    return subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)


def codes(report: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in report["findings"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Everything that is checked here, written down once."""
    folder = tmp_path_factory.mktemp("avatars")
    contents: dict[str, Callable[[], bytes]] = {**OURS, **{name: make for name, (_, make) in BAD.items()}}
    contents |= {name: lambda make=make: make().to_bytes() for name, make in OTHERS.items()}
    contents |= {name: make for name, (_, make) in PACKED.items()} if packed_avatars.installed() else {}
    contents |= {name: lambda seed=seed: damaged(seed) for seed, name in enumerate(DAMAGED)}
    odd = Avatar()
    odd.json["nodes"][-1]["name"] = "<img src=x onerror=alert(1)>" * 100
    contents |= {f"{'<b>' * 30}a\u202eb": odd.to_bytes, "a name": odd.to_bytes}
    for name, make in contents.items():
        (folder / name).write_bytes(make())
    with (folder / "big.glb").open("wb") as file:
        file.truncate(200_000_000)
    return {name: folder / name for name in [*contents, "big.glb"]}


@pytest.fixture(scope="module")
def reports(files) -> dict[str, dict[str, Any]]:
    """All the reports, of one run of the command."""
    done = run_check("--json", *map(str, files.values()))
    assert done.returncode == 1, done.stderr[-2000:]
    assert done.stderr == ""
    return dict(zip(files, map(json.loads, done.stdout.splitlines()), strict=True))


@needs_node
@pytest.mark.parametrize("name", EXPECTED)
@requirement("avatar.check")
def test_what_can_be_shown_is_told_with_what_is_mended_and_missing(reports, name):
    verdict, expected = EXPECTED[name]
    assert reports[name]["verdict"] == verdict
    assert expected <= codes(reports[name])
    if verdict == "ready":
        assert codes(reports[name]) == {"licence"}
        assert reports[name]["licence"] == "CC0-1.0"


@needs_node
@pytest.mark.skipif(not packed_avatars.installed(), reason="glTF-Transform is not installed: run `npm ci` in avatar_assets")
@pytest.mark.parametrize("name", PACKED)
def test_what_is_packed_is_told_and_judged_like_what_it_was(reports, name):
    report, plain = reports[name], reports[PACKED[name][0]]
    assert report["verdict"] == plain["verdict"]
    assert codes(report) - codes(plain) == {"packed_vrm" if name.endswith("vrm") else "packed"}
    sentence = next(one["text"] for one in report["findings"] if one["code"].startswith("packed"))
    assert ("KTX2" in sentence) == name.startswith("ktx2")
    assert "{" not in sentence


@needs_node
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_shown_is_refused_with_the_sentence_that_says_why(reports, name):
    assert reports[name]["verdict"] == "refused"
    (finding,) = reports[name]["findings"]
    assert finding["code"] == BAD[name][0]
    assert "{" not in finding["text"]
    assert finding["text"].endswith(".")


@needs_node
def test_random_damage_ends_in_a_report(reports):
    assert {reports[name]["verdict"] for name in DAMAGED} <= set(SPEC["verdicts"])


@needs_node
def test_a_file_of_two_hundred_megabytes_is_refused(reports):
    assert codes(reports["big.glb"]) == {"too_big"}
    assert "200.0 MB" in reports["big.glb"]["findings"][0]["text"]


@needs_node
def test_names_from_a_file_are_short_and_plain(reports):
    report = next(report for name, report in reports.items() if name.startswith("<b>"))
    assert codes(report) == {"licence", "markup"}
    assert all(len(one["text"]) < 300 for one in report["findings"])
    assert len(report["file"]) == 40


def test_every_sentence_can_be_said_and_every_level_has_a_title():
    for level, sentence in SPEC["findings"].values():
        assert level in SPEC["levels"]
        assert sentence.endswith(".")
    assert set(SPEC["arkitToViseme"]) == set(SPEC["vowelsToViseme"]) == set(VISEME_NAMES)
    assert {shape for recipe in SPEC["arkitToViseme"].values() for shape in recipe} <= set(SPEC["shapes"])
    assert {vowel for recipe in SPEC["vowelsToViseme"].values() for vowel in recipe} <= set(SPEC["vowelAliases"])
    assert SPEC["limits"]["heavyBytes"] < SPEC["limits"]["bytes"]


@needs_node
@requirement("avatar.check")
def test_people_read_sentences_and_a_file_that_is_not_there_is_named(files, tmp_path):
    done = run_check(str(files["mia.glb"]), str(files["arkit.glb"]))
    assert done.returncode == 0
    assert "mia.glb: This file works as it is." in done.stdout
    assert "made from the ARKit blend shapes" in done.stdout
    done = run_check(str(tmp_path / "nobody.glb"), str(tmp_path), str(files["mia.glb"]))
    assert done.returncode == 2
    assert "nobody.glb: cannot be read: no such file or directory." in done.stderr
    assert f"{tmp_path}: cannot be read" in done.stderr
    assert "works as it is" in done.stdout, "the others are checked all the same"


def test_without_node_or_its_modules_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(npm_modules, "installed", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert main(["check", "mia.glb"]) == 2
    assert "npm ci --prefix avatar_assets" in capsys.readouterr().err
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["check", "mia.glb"]) == 2
    assert "https://nodejs.org" in capsys.readouterr().err
