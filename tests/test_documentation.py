"""Documentation by reflection: what a user can set, name or choose is explained where users look for it."""

from __future__ import annotations

import dataclasses
import re
import shlex

import pytest
from conftest import HOUSE
from requirements import requirement

from engines.config.personas import MOODS
from engines.registry.discovery import STAGES, discover
from engines.text.directions import DIRECTIONS
from engines.types import Persona

INSTALLED = {line.partition(";")[0] for line in (HOUSE / "requirements.txt").read_text(encoding="utf-8").splitlines()}
README = (HOUSE / "README.md").read_text(encoding="utf-8")
MANUAL = README + "".join(path.read_text(encoding="utf-8") for path in sorted((HOUSE / "docs").glob("*.md")))
PERSONAS_HEAD = "".join(line for line in (HOUSE / "personas.yaml").open(encoding="utf-8") if line.startswith("#"))
COMMANDS = [HOUSE / "app.py", *(HOUSE / "engines" / "cli").rglob("*.py"), *(HOUSE / "avatar_assets").rglob("*.py")]
FLAGS = sorted(
    {
        flag
        for path in COMMANDS
        if "node_modules" not in path.parts
        for flag in re.findall(r"""add_argument\(\s*["'](--[a-z-]+)["']""", path.read_text(encoding="utf-8"))
    }
)


@requirement("app.documented")
@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_of_the_command_line_is_in_the_manual(flag):
    assert re.search(rf"{flag}\b", MANUAL), f"{flag} is explained neither in README.md nor in docs/"


@requirement("app.documented")
def test_every_field_of_a_persona_is_explained_at_the_head_of_the_file():
    fields = [field.name for field in dataclasses.fields(Persona) if field.name != "id"]
    assert [name for name in fields if not re.search(rf"^#   {name}  ", PERSONAS_HEAD, re.MULTILINE)] == []


@requirement("app.documented")
def test_every_mood_and_stage_direction_is_named_at_the_head_of_the_file():
    words = set(re.findall(r"\w+", PERSONAS_HEAD))
    assert [name for name in (*MOODS, *DIRECTIONS) if name not in words] == []


@requirement("app.documented")
@pytest.mark.parametrize(
    "info", [adapter.INFO for stage in STAGES for adapter in discover(stage).values()], ids=lambda info: f"{info.stage}-{info.name}"
)
def test_every_engine_is_in_the_readme_and_how_it_is_installed(info):
    assert info.title in README or info.name in README
    needed = shlex.split(info.install.removeprefix("pip install "))
    assert info.embedded or [one for one in needed if one not in INSTALLED and one not in README] == []
