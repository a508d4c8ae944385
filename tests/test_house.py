"""The rules of the house: imports point downwards, heavy libraries wait, no room is a hall, every file names itself."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import HOUSE

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
    {"engines.lipsync"},
    {"engines.stt", "engines.llm", "engines.tts"},
    {"engines.registry"},
    {"engines.storage"},
    {"engines.conversation"},
    {"engines.api"},
    {"avatar_assets"},
    {"engines.cli"},
    {"engines.__main__", "app"},
]
"""From the ground up; a room may import rooms of lower floors, and of its own package."""
SIDE_BY_SIDE = {"engines.stt", "engines.llm", "engines.tts"}
"""Packages whose modules may not import one another."""
ONLY_IN = {
    "gradio": {"app", "avatar_assets.component"},
    "fastapi": {"app"},
    "starlette": {"avatar_assets.component"},
    "argparse": {"app", "engines.cli", "avatar_assets.builder.__main__", "avatar_assets.builder.portraits", "avatar_assets.check"},
}
HEAVY = set(
    """
    av ctranslate2 espeakng_loader faster_whisper gradio httpx2 huggingface_hub
    kokoro llama_cpp mlx mlx_lm mlx_whisper onnxruntime openai pocketsphinx scipy torch transformers
    """.split()
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


def floor_of(module: str) -> int | None:
    return next((number for number, rooms in enumerate(FLOORS) for room in rooms if module == room or module.startswith(f"{room}.")), None)


def is_helper(module: str) -> bool:
    """Whether it is no engine but what the engines of a stage share."""
    return module.rpartition(".")[2].startswith("_")


def imports_of(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{alias.name}" if node.module in {"engines", "avatar_assets", *SIDE_BY_SIDE} else node.module
                for alias in node.names
            }
    return found


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_imports_point_downwards(path):
    module = name_of(path)
    if module == "engines":
        assert not imports_of(path)
        return
    own = floor_of(module)
    assert own is not None, f"{module} has no floor; add it to FLOORS"
    composes = module in {"engines.__main__", "engines.cli.video"}  # the command moves to avatar_assets
    assert composes or not module.startswith("engines") or not any(name.startswith("avatar_assets") for name in imports_of(path))
    package = next(room for room in FLOORS[own] if module == room or module.startswith(f"{room}."))
    for other in imports_of(path):
        if (theirs := floor_of(other)) is None or not other.startswith(("engines", "avatar_assets", "app")):
            continue
        same_package = other == package or other.startswith(f"{package}.")
        if same_package and (package not in SIDE_BY_SIDE or is_helper(other)):
            continue
        assert theirs < own, f"{module} imports {other}, which stands beside or above it"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_every_outside_library_has_its_rooms(path):
    for library, rooms in ONLY_IN.items():
        if any(name == library or name.startswith(f"{library}.") for name in imports_of(path)):
            assert any(name_of(path) == room or name_of(path).startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("path", [path for path in PYTHON if name_of(path).startswith("engines")], ids=name_of)
def test_heavy_libraries_wait_until_they_are_needed(path):
    assert not {name.partition(".")[0] for name in imports_of(path, top_only=True)} & HEAVY


def test_importing_the_engines_loads_no_model_library():
    rooms = [name_of(path) for path in PYTHON if name_of(path).startswith("engines")]
    program = f"import sys, {', '.join(rooms)}; print([m for m in {sorted(HEAVY)!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [*PYTHON, *SCRIPTS], ids=lambda path: path.name)
def test_rooms_are_rooms_and_name_themselves(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 350
    assert re.match(r'"""\S|// \S|/\*\*? \S|#!', lines[0]), "the first line says what lives here"


def test_the_environment_is_read_in_one_place():
    for path in PYTHON:
        if name_of(path) not in {"engines.config.settings", "app"}:
            assert not re.search(r"os\.environ|getenv", path.read_text(encoding="utf-8")), path


def test_the_top_level_is_as_designed():
    listed = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=60).stdout.split("\n")
    if not any(listed):
        pytest.skip("not a git checkout: what belongs to the tree cannot be told")
    expected = {"app.py", "engines", "personas.yaml", "avatar_assets", "tests", "requirements.txt", "requirements-dev.txt", "README.md"}
    expected |= {"pyproject.toml", "packages.txt", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", ".ci", "docs", "benchmarks", ".gitignore"}
    assert {name.split("/")[0] for name in listed if name} <= expected


@pytest.mark.parametrize("tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(tool):
    done = subprocess.run([sys.executable, "-m", *tool], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_browser_modules_pass_their_own_tests():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the browser modules' own tests cannot run")
    files = sorted(map(str, (HOUSE / "tests").glob("*.test.mjs")))
    done = subprocess.run([node, "--test", *files], cwd=HOUSE, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_lock_file_names_no_host():
    lock = json.loads((HOUSE / "avatar_assets" / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
