"""The rules of the house: imports point downwards, heavy libraries wait, no room is a hall, every file names itself."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import HOUSE
from requirements import requirement

PYTHON = sorted(
    path for folder in ("engines", "avatar_assets") for path in (HOUSE / folder).rglob("*.py") if "node_modules" not in path.parts
)
PYTHON.append(HOUSE / "app.py")
SCRIPTS = sorted((HOUSE / "avatar_assets" / "web").rglob("*.mjs"))

FLOORS = [
    {"engines.types"},
    {"engines.events", "engines.errors"},
    {"engines.protocols"},
    {"engines.concurrency"},
    {"engines.config", "engines.audio"},
    {"engines.weights"},
    {"engines.text", "engines.runtimes", "engines.isolation"},
    {"engines.lipsync", "engines.g2p", "engines.voices", "engines.vad", "engines.turn_end"},
    {"engines.stt", "engines.llm", "engines.tts"},
    {"engines.registry"},
    {"engines.storage", "engines.speaking"},
    {"engines.conversation"},
    {"engines.live"},
    {"engines.library"},
    {"engines.api"},
    {"engines.cli"},
    {"avatar_assets"},
    {"engines.__main__", "app"},
]
"""From the ground up; a room may import rooms of lower floors, and of its own package."""
SIDE_BY_SIDE = {"engines.stt", "engines.llm", "engines.tts"}
"""Packages whose modules may not import one another."""
ONLY_IN = {
    "gradio": {"app", "avatar_assets.component"},
    "fastapi": {"engines.api.v1", "engines.api.protocols"},
    "starlette": {"engines.api", "avatar_assets.served", "avatar_assets.film.server"},
    "argparse": {"app", "engines.cli", "avatar_assets.commands", "avatar_assets.builder.portraits"},
}
HEAVY = set(
    """
    av ctranslate2 espeakng_loader faster_whisper gradio httpx2 huggingface_hub
    kokoro kokorog2p lindera mlx mlx_lm mlx_whisper onnxruntime openai pocketsphinx scipy torch transformers
    xllamacpp
    """.split()
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> int | None:
    return next((number for number, rooms in enumerate(FLOORS) for room in rooms if module == room or module.startswith(f"{room}.")), None)


def is_helper(module: str) -> bool:
    """Whether it is no engine but what the engines of a stage share."""
    return module.rpartition(".")[2].startswith("_")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path, *, top_only: bool = False) -> set[str]:
    tree = tree_of(path)
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = node.module in {"engines", "avatar_assets", *SIDE_BY_SIDE}
            found |= {f"{node.module}.{alias.name}" if package else node.module for alias in node.names}
    return found


def wrong_imports(module: str, names: set[str]) -> Iterator[str]:
    """Those that do not point downwards."""
    own = floor_of(module)
    if module == "engines" or own is None:
        yield from names if module == "engines" else [f"{module} has no floor; add it to FLOORS"]
        return
    package = next(room for room in FLOORS[own] if module == room or module.startswith(f"{room}."))
    for other in names:
        theirs = floor_of(other) if other.startswith(("engines", "avatar_assets", "app")) else None
        within = (other == package or other.startswith(f"{package}.")) and (package not in SIDE_BY_SIDE or is_helper(other))
        if theirs is not None and not within and theirs >= own:
            yield f"{module} imports {other}, which stands beside or above it"


def test_only_the_composition_root_of_the_engines_knows_the_stage():
    knowing = {name_of(path) for path in PYTHON if any(name.startswith("avatar_assets") for name in imports_of(path))}
    assert {module for module in knowing if module.startswith("engines")} <= {"engines.__main__"}


@requirement("house.imports")
def test_imports_point_downwards():
    assert [wrong for path in PYTHON for wrong in wrong_imports(name_of(path), imports_of(path))] == []


def test_an_import_that_points_upwards_would_be_found():
    assert list(wrong_imports("engines.text.sentences", {"engines.registry.registry"}))
    assert list(wrong_imports("engines.tts.kokoro", {"engines.tts.espeak_ng"}))
    assert not list(wrong_imports("engines.tts.kokoro", {"engines.tts._kokoro", "engines.types"}))


def test_every_outside_library_has_its_rooms():
    for library, rooms in ONLY_IN.items():
        users = {name_of(path) for path in PYTHON if any(f"{name}.".startswith(f"{library}.") for name in imports_of(path))}
        assert {user for user in users if not any(f"{user}.".startswith(f"{room}.") for room in rooms)} == set(), library


def test_heavy_libraries_wait_until_they_are_needed():
    for path in (path for path in PYTHON if name_of(path).startswith("engines")):
        assert not {name.partition(".")[0] for name in imports_of(path, top_only=True)} & HEAVY, path


@requirement("house.light")
def test_importing_the_engines_loads_no_model_library():
    rooms = [name_of(path) for path in PYTHON if name_of(path).startswith("engines")]
    program = f"import sys, {', '.join(rooms)}; print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_files_are_short_and_name_what_is_in_them():
    for path in [*PYTHON, *SCRIPTS]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 350, path
        assert re.match(r'"""\S|// \S|/\*\*? \S|#!', lines[0]), f"{path}: the first line says what lives here"


def test_folders_hold_one_concern():
    folders = {path.parent for path in [*PYTHON, *SCRIPTS]}
    crowded = {
        str(folder.relative_to(HOUSE)): count
        for folder in folders
        if (count := sum(one.parent == folder for one in [*PYTHON, *SCRIPTS])) > 14
    }
    assert crowded == {}


def test_tests_stand_alone():
    """No test imports the benchmarks, or reads what lies beside the checkout."""
    for path in sorted((HOUSE / "tests").rglob("*.py")):
        assert not any(name.partition(".")[0] == "benchmarks" for name in imports_of(path)), path
        assert path.name == "test_house.py" or not re.search(r"""["/]shared["/]""", path.read_text(encoding="utf-8")), path


def test_the_environment_is_read_in_one_place():
    for path in PYTHON:
        if name_of(path) not in {"engines.config.settings", "app"}:
            assert not re.search(r"os\.environ|getenv", path.read_text(encoding="utf-8")), path


def test_the_top_level_is_as_designed():
    listed = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=60).stdout.split("\n")
    if not any(listed):
        pytest.skip("not a git checkout: what belongs to the tree cannot be told")
    expected = {"app.py", "engines", "personas.yaml", "avatar_assets", "tests", "README.md"}
    expected |= {"requirements.txt", "requirements-dev.txt", "requirements-engines.txt"}
    expected |= {"pyproject.toml", "packages.txt", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", ".ci", "docs", "benchmarks", ".gitignore"}
    assert {name.split("/")[0] for name in listed if name} <= expected


def test_the_lock_file_names_no_host():
    lock = json.loads((HOUSE / "avatar_assets" / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
